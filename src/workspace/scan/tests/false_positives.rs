use super::true_positives::{block, jwt};
use super::{HEX, MIXED, found, random};

fn finds_nothing_in(text: &str) {
    assert_eq!(found(text), [], "{text}");
}

#[test]
fn ordinary_source_code() {
    for text in [
        "let token = self.parser.next_token_v2().unwrap();",
        "token = utils.tokens.default_token_v2",
        "const password = document.getElementById('password1').value;",
        "password: hashPassword2(req.body.password),",
        "pub const ACCESS_TOKEN_LIFETIME_SECONDS_V2: u64 = 86_400;",
        "secret_name: \"projects/prod/secrets/db-password-v2\"",
        "apiKey: process.env.STRIPE_API_KEY_2024,",
        "api_key=os.environ[\"OPENAI_API_KEY1\"]",
        "token: ${{ secrets.GITHUB_TOKEN_2 }}",
        "PASSWORD=${DB_PASSWORD_2:-}",
        "export TOKEN=$GITHUB_TOKEN_V4X",
        "password: {{ .Values.db.password1 }}",
        "credentials = \"/var/run/secrets/kubernetes.io/token1\"",
        "credential_helper = ./bin/cred-helper-x86_64.sh",
        "token_url = \"https://oauth2.googleapis.com/token/v4\"",
        "secret_arn = arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123",
        "tokenAddress: '0xdAC17F958D2ee523a2206206994597C13D831ec7',",
        "private_key_pattern = r\"-----BEGIN (RSA|EC) PRIVATE KEY-----[a-z0-9]+\"",
        "if line == \"-----BEGIN PRIVATE KEY-----\" { inside_the_private_key_block_now(); }",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx8dY2f3qk1v9n4Q\n-----END PUBLIC KEY-----",
        ".sk-fading-circle-animation-delay-wrapper-child { }",
        "class=\"task-list-item-with-a-checkbox-and-more\"",
        "npm_config_registry_and_other_long_settings_name_x",
        "let url = format!(\"postgres://{}:{}@{}\", user, password, host);",
        "re = `https?://[^:]+:[^@]+@`",
        "token = self._fp.read(1)[0]",
        "        Token::U32(123_456_789),",
        "auth = urllib2.HTTPPasswordMgr()",
        "pNew->x1.xTokenize = fts5V1toV2Tokenize;",
        "const size_t P256_SECRET_SIZE = EC_P256R1_FIELD_ELEM_BYTES;",
        "const ACCOUNT_PASSWORD: &str = \"_SA_{262E99C9-6160-4871-ACEC-4E61736B6F21}\";",
        "'urn:ietf:params:oauth:jwk-thumbprint:sha-256:DCdRGGDKvhAJgmVlCp6tosc2T9ELtd30S'",
        "\"AWS::Route53::KeySigningKey\": \"a9a67ae6c371fcf4\",",
        "pub const STAGE_CONTROL_BYPASS: D3DKMDT_COLORSPACE_TRANSFORM_STAGE_CONTROL = 2i32;",
        "PWD=/home/me/work/project1/target-x86_64",
        "author = \"Someone1 <someone1@host.dev>\"",
        "token_pattern = \"[A-Za-z0-9_]{20,64}\"",
        "passwordRegex: /^(?=.*[a-z])(?=.*[A-Z0-9]).{8,}$/,",
        "auth: { type: 'oauth2', flow: new ImplicitFlow2() },",
        "<label for=\"password\">PasswordOfAccount2</label>",
        "<input type=\"password\" value=\"\"/><Token>Identifier2Name</Token>",
        "def login(user, token=None, password=DEFAULT_PASSWORD_V2): pass",
        "Some(Token::Ident2(x)) => token.lexeme2(), secret => secret.expose2()",
        "let bearer = \"Bearer \"; // the basic idea1 of bearer tokens2",
        "Authorization: Bearer <token>",
        "Authorization: Bearer ${TOKEN_OF_STAGE_1}",
        "Authorization: Bearer $TOKEN_OF_STAGE_1",
        "headers[\"Authorization\"] = \"Basic \" + btoa(user + ':' + pass2);",
        "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=",
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "curl -u user:password https://host.dev",
        "curl -u $USER:$PASSWORD https://host.dev; x -u me:q7x9zkw2",
        "curl https://host.dev:8080/a -o 12:34:56",
        "mytool --token $TOKEN_OF_STAGE_1 --password \"$PASSWORD_OF_STAGE_1\"",
        "mytool --token <token> --password-file /run/secrets/db-password-1",
        "mytool --token-lifetime-seconds 86400 --secret-id projects/p1/secrets/s1",
        "\"auth\": \"dXNlcjpwYXNz\"",
        "PasswordAuthentication no\nauth sufficient pam_unix2.so nullok_secure try_first_pass",
    ] {
        finds_nothing_in(text);
    }
}

#[test]
fn lock_files() {
    let sha = random(HEX, 40, 1);
    let sum = random(HEX, 64, 2);
    let integrity = format!("sha512-{}==", random(MIXED, 86, 3));
    finds_nothing_in(&format!(
        "[[package]]\nname = \"secrecy\"\nchecksum = \"{sum}\"\nsource = \"git+https://x/y#{sha}\"\n"
    ));
    finds_nothing_in(&format!("\"node_modules/js-tokens\": {{ \"integrity\": \"{integrity}\" }}"));
    finds_nothing_in(&format!("js-tokens@4.0.0: {integrity}\ntoken: {integrity}\n"));
    finds_nothing_in(&format!("SPEC CHECKSUMS:\n  TokenKit: {sha}\n  SecretStore: {sha}\n"));
    finds_nothing_in(&format!("github.com/x/secret v1.0.0 h1:{}=\n", random(MIXED, 43, 4)));
    finds_nothing_in(&format!("secret_sharing = {{ rev = \"{sha}\" }}\ntoken_hash: sha256:{sum}\n"));
}

#[test]
fn more_lock_files() {
    let sum = random(HEX, 64, 2);
    finds_nothing_in(&format!("{{file = \"keyring_token-1.0.whl\", hash = \"sha256:{sum}\"}},\n"));
    finds_nothing_in(&format!("secretstorage==3.3.3 \\\n    --hash=sha256:{sum}\n"));
    finds_nothing_in(&format!("  js-tokens: {{integrity: sha512-{}==}}\n", random(MIXED, 86, 3)));
    finds_nothing_in(&format!("\"oauth\": {{ \"hashes\": [\"sha256:{sum}\"] }}\n"));
}

#[test]
fn marks_of_pages_and_requests() {
    let uuid = ["8", "4", "4", "4", "12"].map(|n| random(HEX, n.parse().unwrap(), 9)).join("-");
    for name in ["nextToken", "NextToken", "next_token", "PageToken", "ClientToken", "clientRequestToken", "LockToken"]
    {
        finds_nothing_in(&format!("\"{name}\": \"{uuid}\"\n\"{name}\": \"{}\"\n", random(MIXED, 60, 8)));
    }
    finds_nothing_in(&format!("aws s3api list --starting-token {}\n", random(MIXED, 60, 8)));
}

#[test]
fn placeholders_in_a_readme() {
    for value in [
        "your-api-key-goes-here-1",
        "<your token 1>",
        "<API_TOKEN_V1_GOES_HERE>",
        "xxxxxxxxxxxxxxxxxxxx1",
        "changeme-changeme-123",
        "EXAMPLE1secret2KEY3x",
        "0000000000000000000a",
        "abc123abc123abc123abc123",
        "1234567890abcdef1234",
        "a1b2c3d4e5f6g7h8i9j0",
        "00000000-0000-0000-0000-000000000000",
        "${API_KEY_FROM_VAULT_1}",
        "{{api_key_from_vault_1}}",
        "correcthorsebatterystaple",
        "********************1",
        "/etc/app/secret1.key",
        "my-password-for-staging-2",
    ] {
        for line in [
            "api_key = \"@\"",
            "TOKEN=@",
            "password: @",
            "pwd=@;",
            "x --token @",
            "<password>@</password>",
            "Authorization: Bearer @",
        ] {
            finds_nothing_in(&line.replace('@', value));
        }
    }
    for text in [
        format!("{}{}", "AKIA", "IOSFODNN7EXAMPLE"),
        format!("{}{}", "ghp_", "x".repeat(36)),
        format!("{}{}", "sk_live_", "1234567890abcdefghijklmn"),
        format!("{}{}", "sk-", "your-openai-api-key-goes-in-here-please"),
        format!("{} PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", "-----BEGIN"),
        block("CERTIFICATE", "\n"),
        block("RSA PUBLIC KEY", "\n"),
        "eyJhbGciOi.eyJzdWIiOi.signature".to_owned(),
        jwt().replacen("eyJ", "eyK", 1),
    ] {
        finds_nothing_in(&text);
    }
}

#[test]
fn urls_with_stand_ins_or_none() {
    for text in [
        "https://user:password@host.dev/",
        "postgres://postgres:postgres@localhost/db",
        "https://me:${PASSWORD}@host.dev",
        "https://me:$PASSWORD@host.dev",
        "https://me:<password>@host.dev",
        "https://me:%s@host.dev",
        "https://me:your-password@host.dev",
        "https://me:q7x9zkw2@example.com",
        "http://localhost:8080/@scope/pkg",
        "https://packages.example:443/a@1",
        "ssh://git@github.com:22/x",
    ] {
        finds_nothing_in(text);
    }
}

#[test]
fn base64_images_uuids_and_minified_code() {
    finds_nothing_in(&format!("<img src=\"data:image/png;base64,{}==\">", random(MIXED, 60_000, 5)));
    finds_nothing_in(&format!("token: \"data:image/png;base64,{}\"", random(MIXED, 900, 6)));
    let uuid = ["8", "4", "4", "4", "12"].map(|n| random(HEX, n.parse().unwrap(), 7)).join("-");
    finds_nothing_in(&format!("id: {uuid}\nrequest-id: \"{uuid}\"\ntoken_id = {uuid}\n"));
    let minified = "!function(e,t){var n=e.token||t.accessToken2,r={token:e.a1?t.b2:n.c3,password:e.getPassword1(t),secret:n[0x1f]};\
        return r.api_key=t.o1.p2.q3.r4.s5.t6,r}(a,b);";
    finds_nothing_in(&minified.repeat(2_000));
}
