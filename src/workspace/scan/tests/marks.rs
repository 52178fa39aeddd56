use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{HEX, MIXED, UPPER, found, kinds, random};

const DIGITS: &[u8] = b"0123456789";

fn m(length: usize) -> String {
    random(MIXED, length, 3)
}

fn hex(length: usize) -> String {
    random(HEX, length, 2)
}

/// 32 bytes in base64, in which `+`, `/` and `=` are written as in an address.
fn signature() -> String {
    STANDARD.encode(random(MIXED, 32, 13)).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn discord() -> String {
    let id = STANDARD_NO_PAD.encode(random(DIGITS, 18, 7));
    format!("{id}.{}.{}", m(6), random(MIXED, 38, 8))
}

#[test]
fn finds_the_tokens_of_more_makers() {
    let table = [
        (format!("{}{}", "sk_test_", m(24)), "a Stripe key"),
        (format!("{}{}", "rk_test_", m(24)), "a Stripe key"),
        (format!("{}{}", "whsec_", m(32)), "a webhook secret"),
        (format!("{}1-{}-{}-{}", "xapp-", random(UPPER, 11, 2), random(DIGITS, 13, 5), hex(64)), "a Slack token"),
        (format!("{}1-{}", "xoxe-", m(120)), "a Slack token"),
        (format!("{}{}", "GOCSPX-", m(28)), "a Google client secret"),
        (format!("{}a0{}", "ya29.", m(120)), "a Google access token"),
        (format!("{}{}", "dop_v1_", hex(64)), "a DigitalOcean token"),
        (format!("{}{}", "shpat_", hex(32)), "a Shopify token"),
        (format!("{}{}", "shpss_", hex(32)), "a Shopify token"),
        (format!("{}{}", "dapi", hex(32)), "a Databricks token"),
        (format!("{}{}-2", "dapi", hex(32)), "a Databricks token"),
        (format!("{}{}", "key-", hex(32)), "a Mailgun key"),
        (format!("{}{}", "glrt-", m(20)), "a GitLab token"),
        (format!("{}{}", "dckr_pat_", m(27)), "a Docker token"),
        (format!("{}{}", "hvs.", m(90)), "a Vault token"),
        (format!("{}{}", "glsa_", m(41)), "a Grafana token"),
        (format!("{}{}", "rubygems_", hex(48)), "a RubyGems key"),
        (format!("{}{}", "gsk_", m(52)), "a Groq key"),
        (format!("{}{}", "lin_api_", m(40)), "a Linear key"),
        (format!("{}{}", "ATATT3x", m(180)), "an Atlassian token"),
        (format!("{}7{}{}", m(3), "Q~", random(MIXED, 34, 5)), "an Azure client secret"),
        (format!("{}:{}{}", random(DIGITS, 10, 3), "AA", random(MIXED, 33, 6)), "a Telegram bot token"),
        (discord(), "a Discord token"),
        (format!("{}{}", "AGE-SECRET-KEY-1", random(UPPER, 58, 4)), "a private key"),
    ];
    for (secret, what) in &table {
        for around in ["@", "x: '@',", "run(\"@\")", "password = \"@\"\n", "Authorization: Bearer @\n", "?q=1&k=@&z"] {
            assert_eq!(kinds(&around.replace('@', secret)), [*what], "{secret} in {around}");
        }
    }
}

#[test]
fn finds_addresses_that_are_a_credential() {
    let slack =
        format!("https://hooks.slack.com/{}/T{}/B{}/{}", "services", random(UPPER, 10, 1), random(UPPER, 10, 2), m(24));
    let discord = format!("https://discord.com/api/{}/{}/{}", "webhooks", random(DIGITS, 18, 4), m(68));
    let telegram = format!("https://api.telegram.org/bot{}:{}{}/send", random(DIGITS, 10, 3), "AA", m(33));
    let sas = format!("https://me.blob.core.windows.net/c?sv=2022-11-02&sp=rl&{}={}", "sig", signature());
    let pair = format!("SharedAccessSignature sr=me&{}={}&se=1700000000&skn=all", "sig", signature());
    for (text, what) in [
        (slack, "a Slack webhook"),
        (discord, "a Discord webhook"),
        (telegram, "a Telegram bot token"),
        (sas, "an Azure access signature"),
        (pair, "an Azure access signature"),
    ] {
        assert_eq!(kinds(&format!("url = \"{text}\"\n")), [what], "{text}");
    }
}

#[test]
fn finds_private_keys_that_are_no_pem() {
    let putty = |kind: &str, cipher: &str| {
        format!(
            "{}-2: {kind}\nEncryption: {cipher}\nComment: me@home\nPublic-Lines: 2\n{}\n{}\nPrivate-Lines: 1\n{}\n",
            "PuTTY-User-Key-File",
            m(64),
            random(MIXED, 64, 9),
            random(MIXED, 64, 10)
        )
    };
    let ssh2 = format!(
        "---- {} SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"2048-bit rsa\"\n{}\n{}\n---- END SSH2 ----\n",
        "BEGIN",
        m(70),
        random(MIXED, 70, 11)
    );
    for text in [putty("ssh-rsa", "aes256-cbc"), putty("ecdsa-sha2-nistp256", "none").replace('\n', "\r\n"), ssh2] {
        assert_eq!(kinds(&text), ["a private key"], "{text}");
    }
}

#[test]
fn finds_private_members_of_json_keys_and_leaves_public_ones() {
    let part = |length: usize, seed: u64| URL_SAFE_NO_PAD.encode(random(MIXED, length, seed));
    let (x, n, d) = (part(32, 1), part(512, 2), part(256, 3));
    let ec = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}","d":"{}"}}"#, part(32, 4));
    let rsa = format!(r#"{{ "kty": "RSA", "n": "{n}", "e": "AQAB", "d": "{d}" }}"#);
    let first = format!("{{\n \"d\": \"{}\",\n \"kty\": \"OKP\", \"x\": \"{x}\"\n}}", part(32, 5));
    let shared = format!(r#"{{"kty":"oct","k":"{}"}}"#, part(32, 6));
    for text in [ec.clone(), rsa, first, shared, ec.replace('"', "\\\"")] {
        assert_eq!(kinds(&text), ["a private key"], "{text}");
    }
    for text in [
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}"}}"#),
        format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#),
        format!(r#"{{"a":1,"d":"{x}","k":"{x}"}}"#),
        format!(r#"{{"kty":"EC","k":"{x}"}}"#),
    ] {
        assert_eq!(found(&text), [], "{text}");
    }
}

#[test]
fn leaves_what_only_resembles_a_mark() {
    for text in [
        format!("{}{}", "key-", "aaaaaaaabbbbbbbbccccccccdddddddd".replace('b', "a")),
        "monkey-0123456789abcdef0123456789abcdef".to_owned(),
        format!("std::{}::{}", "AA", m(33)),
        format!("12:34:56:{}{}", "AA", m(33)),
        format!("sig={}", m(43)),
        "?sig=signature&sig=%2B%2F".to_owned(),
        format!("https://hooks.slack.com/services/T00000000/B00000000/{}", "X".repeat(24)),
        "https://discord.com/api/webhooks/123456789012345678/your-token".to_owned(),
        "AGE-SECRET-KEY-1 is how they start".to_owned(),
        "the file starts with PuTTY-User-Key-File-2: and the kind".to_owned(),
        "---- BEGIN SSH2 PUBLIC KEY ----".to_owned(),
        format!("MTIzNDU2Nzg5MDEyMzQ1{}", m(70)),
        "sk_test_your_key_goes_here_please".to_owned(),
        "npm_config_registry shpat_ dop_v1_ ya29.".to_owned(),
    ] {
        assert_eq!(found(&text), [], "{text}");
    }
}
