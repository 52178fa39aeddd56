use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Finding, HEX, LETTERS, LOWER, MIXED, UPPER, found, kinds, random};

fn m(length: usize) -> String {
    random(MIXED, length, 3)
}

pub fn block(kind: &str, join: &str) -> String {
    let body: Vec<String> = (0..4).map(|line| random(MIXED, 64, line + 1)).collect();
    format!("-----{} {kind}-----{join}{}{join}-----END {kind}-----{join}", "BEGIN", body.join(join))
}

pub fn jwt() -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(r#"{"sub":"someone"}"#), m(43))
}

#[test]
fn finds_every_kind_of_private_key() {
    let prefixes = ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "PGP "];
    for prefix in prefixes {
        let kind = format!("{prefix}PRIVATE KEY{}", if prefix == "PGP " { " BLOCK" } else { "" });
        for join in ["\n", "\r\n", "\\n", "\\n\" +\n    \""] {
            assert_eq!(kinds(&block(&kind, join)), ["a private key"], "{kind} {join:?}");
        }
    }
}

#[test]
fn finds_private_keys_with_headers() {
    let rsa =
        block("RSA PRIVATE KEY", "\n").replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A0B1\n\n", 1);
    let pgp = block("PGP PRIVATE KEY BLOCK", "\n").replacen('\n', "\nVersion: GnuPG v2\nComment: mine\n\n", 1);
    assert_eq!(kinds(&rsa), ["a private key"]);
    assert_eq!(kinds(&pgp), ["a private key"]);
}

#[test]
fn finds_private_keys_and_marked_tokens_in_binaries() {
    let mut bytes = vec![0u8, 1, 2, 255];
    bytes.extend(block("OPENSSH PRIVATE KEY", "\n").bytes());
    bytes.push(0);
    bytes.extend(format!("{}{}", "ghp_", m(36)).bytes());
    let what: Vec<_> = super::scan(bytes.as_slice()).unwrap().iter().map(|finding| finding.what).collect();
    assert_eq!(what, ["a private key", "a GitHub token"]);
}

#[test]
fn finds_the_marked_tokens() {
    let table = [
        (format!("{}{}", "AKIA", random(UPPER, 16, 5)), "an AWS access key id"),
        (format!("{}{}", "ASIA", random(UPPER, 16, 6)), "an AWS access key id"),
        (format!("{}{}", "AIza", m(35)), "a Google API key"),
        (format!("DefaultEndpointsProtocol=https;{}{}==", "AccountKey=", m(86)), "an Azure storage key"),
        (format!("{}{}", "ghp_", m(36)), "a GitHub token"),
        (format!("{}{}", "gho_", m(36)), "a GitHub token"),
        (format!("{}{}", "ghs_", m(36)), "a GitHub token"),
        (format!("{}{}", "ghu_", m(36)), "a GitHub token"),
        (format!("{}{}_{}", "github_pat_", m(22), random(MIXED, 59, 8)), "a GitHub token"),
        (format!("{}{}", "glpat-", m(20)), "a GitLab token"),
        (format!("{}{}", "sk_live_", m(24)), "a Stripe key"),
        (format!("{}{}", "rk_live_", m(24)), "a Stripe key"),
        (format!("{}{}", "npm_", m(36)), "an npm token"),
        (format!("{}{}", "pypi-AgEI", m(150)), "a PyPI token"),
        (format!("{}{}", "sk-", m(48)), "an OpenAI key"),
        (format!("{}{}-{}", "sk-proj-", m(48), m(20)), "an OpenAI key"),
        (format!("{}api03-{}", "sk-ant-", m(95)), "an Anthropic key"),
        (format!("{}{}", "hf_", random(LETTERS, 34, 4)), "a Hugging Face token"),
        (format!("{}{}", "SK", random(HEX, 32, 2)), "a Twilio key"),
        (format!("{}{}.{}", "SG.", m(22), random(MIXED, 43, 9)), "a SendGrid key"),
        (jwt(), "a signed token (JWT)"),
    ];
    for (secret, what) in &table {
        for around in
            ["@", "x: '@',", "key = \"@\"\n", "\"a\\n@\"", "curl -H 'Authorization: Bearer @' x", "?q=1&k=@&z"]
        {
            assert_eq!(kinds(&around.replace('@', secret)), [*what], "{secret} in {around}");
        }
    }
    for kind in ["a", "b", "p", "r", "s"] {
        let slack = format!("xox{kind}-{}-{}-{}", random(b"0123456789", 12, 4), random(b"0123456789", 12, 5), m(24));
        assert_eq!(kinds(&slack), ["a Slack token"], "{slack}");
    }
}

#[test]
fn finds_assigned_secrets_however_they_are_written() {
    let value = m(24);
    for line in [
        "api_key = \"@\"",
        "APIKEY='@'",
        "DB_PASSWORD=@",
        "export SLACK_TOKEN=@\n",
        "  client-secret: @",
        "\"accessToken\": \"@\",",
        "'secret' => '@',",
        "const SECRET_KEY: &str = \"@\";",
        "let token: string = '@';",
        "private static final String PASSWORD = \"@\";",
        "secret := `@`",
        "os.environ[\"API_TOKEN\"] = \"@\"",
        "{\\\"token\\\":\\\"@\\\"}",
        "credentials.private_key=@",
        "curl 'https://host.dev/?api_key=@&x=1'",
        "if password == \"@\" {",
    ] {
        let text = line.replace('@', &value);
        assert_eq!(kinds(&text), ["a value that looks like a secret"], "{text}");
    }
}

#[test]
fn finds_ids_and_hashes_only_where_the_name_says_they_are_the_secret() {
    let uuid = ["8", "4", "4", "4", "12"].map(|n| random(HEX, n.parse().unwrap(), 11)).join("-");
    let sha = random(HEX, 40, 12);
    for value in [uuid, sha] {
        assert_eq!(kinds(&format!("api_token: {value}\n")).len(), 1, "{value}");
        assert_eq!(kinds(&format!("token_id: {value}\nTokenKit: {value}\n")).len(), 0, "{value}");
    }
}

#[test]
fn finds_aws_secret_keys() {
    let value = m(40);
    for name in ["aws_secret_access_key = @", "\"SecretAccessKey\": \"@\"", "AWS_SECRET_KEY=@"] {
        assert_eq!(kinds(&name.replace('@', &value)), ["an AWS secret key"], "{name}");
    }
}

#[test]
fn finds_google_service_accounts() {
    let text = format!(
        "{{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"{}\",\n  \"private_key\": \"{}\"\n}}\n",
        random(HEX, 40, 1),
        block("PRIVATE KEY", "\\n")
    );
    assert_eq!(found(&text), [Finding { line: 4, what: "a Google service account key" }]);
}

#[test]
fn finds_passwords_in_urls() {
    for text in [
        "postgres://app:@@db.internal:5432/app",
        "DATABASE_URL=mysql://root:@@10.0.0.3/x",
        "redis://:@@cache:6379",
        "git clone https://me:@@git.corp.dev/r.git",
    ] {
        let text = text.replacen('@', &random(LOWER, 9, 21), 1);
        assert_eq!(kinds(&text), ["a password in a URL"], "{text}");
    }
}

#[test]
fn names_the_line_and_each_kind_once_a_line() {
    let token = format!("{}{}", "ghp_", m(36));
    let text = format!("one\ntwo {token} {token}\n\n{token}\r\npassword={}\n", m(20));
    let line = |line, what| Finding { line, what };
    let expected = [line(2, "a GitHub token"), line(4, "a GitHub token"), line(5, "a value that looks like a secret")];
    assert_eq!(found(&text), expected);
}

#[test]
fn most_random_values_pass_the_thresholds() {
    for (alphabet, length, least) in
        [(MIXED, 16, 850), (MIXED, 20, 920), (MIXED, 32, 970), (LOWER, 32, 900), (HEX, 16, 900), (HEX, 32, 980)]
    {
        let hits = (0..1000)
            .filter(|seed| !kinds(&format!("token={}\n", random(alphabet, length, *seed + 100))).is_empty())
            .count();
        assert!(hits >= least, "{hits} of 1000 with {} letters, {length} long", alphabet.len());
    }
}
