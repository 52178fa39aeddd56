use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{LETTERS, LOWER, MIXED, found, kinds, random};

const GUESS: [&str; 1] = ["a value that looks like a secret"];
/// As the generator of Django has them.
const DJANGO: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)";
const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789!@#%^&*()[]{}-_=+;:,.?/|~";

fn m(length: usize) -> String {
    random(MIXED, length, 3)
}

fn login() -> String {
    STANDARD.encode(format!("deploy:{}", random(MIXED, 18, 17)))
}

#[test]
fn finds_keys_of_django() {
    for seed in 0..50 {
        let key = random(DJANGO, 50, seed);
        assert_eq!(kinds(&format!("SECRET_KEY = 'django-{}-{key}'\n", "insecure")), ["a Django secret key"], "{key}");
    }
    let hits =
        (0..200).filter(|seed| kinds(&format!("SECRET_KEY = '{}'\n", random(DJANGO, 50, *seed))) == GUESS).count();
    assert!(hits >= 190, "{hits} of 200");
}

#[test]
fn finds_values_with_brackets_where_quotes_a_tag_or_the_line_end_them() {
    for line in
        ["password = '@'\n", "PASSWORD=@\n", "  password: @\n", "<password>@</password>", "define('AUTH_KEY', '@');"]
    {
        let hits = (0..200).filter(|seed| kinds(&line.replace('@', &random(SIGNS, 32, *seed))) == GUESS).count();
        // A quote, a `<` or the name of a stand-in may come up; a sign may start the value as nothing else does.
        assert!(hits >= 170, "{hits} of 200: {line}");
    }
}

#[test]
fn finds_random_letters_without_a_digit() {
    for (alphabet, length, least) in [(LETTERS, 40, 950), (LETTERS, 24, 850), (&LETTERS[26..], 32, 930)] {
        let hits = (0..1000)
            .filter(|seed| kinds(&format!("api_key = \"{}\"", random(alphabet, length, *seed + 7))) == GUESS)
            .count();
        assert!(hits >= least, "{hits} of 1000 with {} letters, {length} long", alphabet.len());
    }
}

#[test]
fn finds_passwords_of_connection_strings_and_lists() {
    let key = |bytes: usize| STANDARD.encode(random(MIXED, bytes, 19));
    for text in [
        format!("\"Server=db;Database=app;User Id=sa;Password={};Encrypt=true\"", m(20)),
        format!("Server=tcp:x.database.windows.net,1433;Uid=me;Pwd={};", m(20)),
        format!(
            "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccessKey={};EntityPath=q",
            key(32)
        ),
        format!("AccountName=me;AccountKey={};", key(40)),
        format!("{{user: me, password: {}, port: 1}}", m(20)),
        format!("token={},user=me", m(24)),
        format!("const token = {};", m(24)),
    ] {
        assert_eq!(kinds(&text), GUESS, "{text}");
    }
    let storage = format!("AccountName=me;AccountKey={};EndpointSuffix=core.windows.net", key(64));
    assert_eq!(kinds(&storage), ["an Azure storage key"]);
}

#[test]
fn finds_secrets_under_all_their_names() {
    for name in [
        "pwd",
        "DB_PWD",
        "passphrase",
        "auth",
        "_auth",
        "passwd",
        "redis.passwd",
        "rootPassword",
        "auth_key",
        "SMTP_PASS",
        "master_key",
    ] {
        for line in ["# = \"@\"", "\"#\": \"@\"", "#=@\n", "'#' => '@'", "#: @\n", "props.put(\"#\", \"@\");"] {
            let text = line.replace('#', name).replace('@', &m(24));
            assert_eq!(kinds(&text), GUESS, "{text}");
        }
    }
}

#[test]
fn finds_strong_passwords_that_are_short() {
    let password = format!("{}{}", "Kq7!vR2x", "Zp9w");
    for line in ["password = '@'", "DB_PASSWORD=@\n", "Password=@;", "<password>@</password>"] {
        assert_eq!(kinds(&line.replace('@', &password)), GUESS, "{line}");
    }
    assert_eq!(found(&format!("token = '{password}'")), []);
}

#[test]
fn finds_secrets_in_xml() {
    for text in [
        "<password>@</password>",
        "<server><id>x</id>\n  <password>\n    @\n  </password></server>",
        "<c:apiKey>@</c:apiKey>",
        "<property name=\"connection.password\">@</property>",
        "<add key=\"ApiSecret\" value=\"@\" />",
        "<entry key='token'>@</entry>",
    ] {
        let text = text.replace('@', &m(24));
        assert_eq!(kinds(&text), GUESS, "{text}");
    }
}

#[test]
fn finds_secrets_on_command_lines() {
    for text in [
        "deploy --token @",
        "x --password @ y",
        "x --api-key '@'",
        "x --auth-token=@",
        "x --client-secret \"@\" \\\n -v",
    ] {
        let text = text.replace('@', &m(24));
        assert_eq!(kinds(&text), GUESS, "{text}");
    }
    for text in [
        "curl -u me:@ https://host.dev",
        "curl -sS -X POST \\\n  -H 'A: b' \\\n  --user \"me:@\" https://host.dev",
        "curl --user=me:@ host.dev",
        "curl  -u  'me:@' host.dev",
        "$(curl -ume:@ host.dev)",
    ] {
        let text = text.replace('@', &random(LOWER, 9, 21));
        assert_eq!(kinds(&text), ["a password on a command line"], "{text}");
    }
}

#[test]
fn finds_logins_in_headers_and_settings() {
    for text in
        ["Authorization: Bearer @\n", "{\"Authorization\": \"Bearer @\"}", "setHeader('authorization', `bearer @`)"]
    {
        let text = text.replace('@', &m(40));
        assert_eq!(kinds(&text), ["a token in a header"], "{text}");
    }
    for text in ["Authorization: Basic @\n", "-H \"authorization: basic @\"", "['Authorization' => 'Basic @']"] {
        let text = text.replace('@', &login());
        assert_eq!(kinds(&text), ["a login in a header"], "{text}");
    }
    let docker = format!("{{\"auths\": {{\"https://index.docker.io/v1/\": {{\"auth\": \"{}\"}}}}}}", login());
    let short = format!("\"auth\": \"{}\"", STANDARD.encode(format!("me:{}", random(LOWER, 7, 5))));
    let npm = format!("//registry.host.dev/:_auth={}\n", login());
    for text in [docker, short, npm] {
        assert_eq!(kinds(&text), GUESS, "{text}");
    }
}

#[test]
fn finds_aws_secret_keys_with_slashes() {
    let value = format!("/{}/{}", m(12), random(MIXED, 26, 8));
    assert_eq!(kinds(&format!("aws_secret_access_key = {value}\n")), ["an AWS secret key"]);
    assert_eq!(kinds(&format!("\"SecretAccessKey\": \"{value}\"")), ["an AWS secret key"]);
}

#[test]
fn finds_everything_in_utf_16_too() {
    let text = format!("ünï\r\npassword = \"{}\"\r\n{}{}\r\n", m(24), "ghp_", m(36));
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let bytes: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(order).collect();
        for content in [&bytes[..], &[&bytes[..], &[0]].concat()] {
            let found = super::scan(content).unwrap();
            let lines: Vec<_> = found.iter().map(|finding| (finding.line, finding.what)).collect();
            assert_eq!(lines, [(2, GUESS[0]), (3, "a GitHub token")]);
        }
    }
    for content in [&[][..], &[0xff], &[0xff, 0xfe], &[0xfe, 0xff, 0]] {
        assert_eq!(super::scan(content).unwrap(), []);
    }
}
