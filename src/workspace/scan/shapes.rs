//! Credentials that carry their maker's mark: a fixed start and a body of known letters and length.

use super::anchors::{Place, Secret};
use super::likeness::is_token_body;

/// Above the longest, which are Google's: the rest of a long text is not looked at.
const MOST_BODY_BYTES: usize = 2048;

pub struct Shape {
    pub prefix: &'static str,
    what: &'static str,
    body: fn(&u8) -> bool,
    least: usize,
    /// Where a letter more makes it something else.
    exact: bool,
}

const fn exact(prefix: &'static str, body: fn(&u8) -> bool, length: usize, what: &'static str) -> Shape {
    Shape { prefix, what, body, least: length, exact: true }
}

const fn least(prefix: &'static str, body: fn(&u8) -> bool, least: usize, what: &'static str) -> Shape {
    Shape { prefix, what, body, least, exact: false }
}

/// A prefix that another one starts with comes after it.
pub const SHAPES: &[Shape] = &[
    exact("AKIA", upper, 16, "an AWS access key id"),
    exact("ASIA", upper, 16, "an AWS access key id"),
    exact("AIza", web, 35, "a Google API key"),
    least("AccountKey=", base64, 86, "an Azure storage key"),
    least("ghp_", alnum, 36, "a GitHub token"),
    least("gho_", alnum, 36, "a GitHub token"),
    least("ghu_", alnum, 36, "a GitHub token"),
    least("ghs_", alnum, 36, "a GitHub token"),
    least("ghr_", alnum, 36, "a GitHub token"),
    least("github_pat_", web, 50, "a GitHub token"),
    least("glpat-", web, 20, "a GitLab token"),
    least("gldt-", web, 20, "a GitLab token"),
    least("glrt-", web, 20, "a GitLab token"),
    least("glptt-", web, 20, "a GitLab token"),
    least("glcbt-", web, 20, "a GitLab token"),
    least("xoxa-", web, 20, "a Slack token"),
    least("xoxb-", web, 20, "a Slack token"),
    least("xoxe-", web, 20, "a Slack token"),
    least("xoxe.", web, 20, "a Slack token"),
    least("xoxp-", web, 20, "a Slack token"),
    least("xoxr-", web, 20, "a Slack token"),
    least("xoxs-", web, 20, "a Slack token"),
    least("xapp-", web, 40, "a Slack token"),
    least("sk_live_", alnum, 16, "a Stripe key"),
    least("rk_live_", alnum, 16, "a Stripe key"),
    least("sk_test_", alnum, 16, "a Stripe key"),
    least("rk_test_", alnum, 16, "a Stripe key"),
    least("whsec_", base64, 32, "a webhook secret"),
    exact("npm_", alnum, 36, "an npm token"),
    least("pypi-AgEI", web, 50, "a PyPI token"),
    exact("rubygems_", lower_hex, 48, "a RubyGems key"),
    least("dckr_pat_", web, 27, "a Docker token"),
    least("sk-ant-", web, 24, "an Anthropic key"),
    least("sk-proj-", web, 24, "an OpenAI key"),
    least("sk-", web, 32, "an OpenAI key"),
    least("hf_", alnum, 30, "a Hugging Face token"),
    exact("gsk_", alnum, 52, "a Groq key"),
    exact("SK", lower_hex, 32, "a Twilio key"),
    least("SG.", sendgrid, 40, "a SendGrid key"),
    exact("key-", lower_hex, 32, "a Mailgun key"),
    exact("GOCSPX-", web, 28, "a Google client secret"),
    least("ya29.", web, 30, "a Google access token"),
    exact("dapi", lower_hex, 32, "a Databricks token"),
    exact("dop_v1_", lower_hex, 64, "a DigitalOcean token"),
    exact("doo_v1_", lower_hex, 64, "a DigitalOcean token"),
    exact("dor_v1_", lower_hex, 64, "a DigitalOcean token"),
    exact("shpat_", hex, 32, "a Shopify token"),
    exact("shpca_", hex, 32, "a Shopify token"),
    exact("shppa_", hex, 32, "a Shopify token"),
    exact("shpss_", hex, 32, "a Shopify token"),
    least("hvs.", web, 24, "a Vault token"),
    least("glsa_", web, 32, "a Grafana token"),
    least("ATATT3x", atlassian, 100, "an Atlassian token"),
    exact("lin_api_", alnum, 40, "a Linear key"),
    exact("AGE-SECRET-KEY-1", upper, 58, "a private key"),
    least("django-insecure-", noise, 40, "a Django secret key"),
];

pub fn token_at(place: &Place<'_>, shape: &Shape) -> Option<Secret> {
    if !place.starts_a_word() {
        return None;
    }
    let after = place.after_hit();
    let length = after.iter().take(MOST_BODY_BYTES).take_while(|byte| (shape.body)(byte)).count();
    let (body, rest) = after.split_at_checked(length)?;
    // Upper-case ids and hex end where their alphabet does, but not in the middle of a word.
    let word_ends = !rest.first().is_some_and(u8::is_ascii_alphanumeric);
    let long_enough = if shape.exact { length == shape.least && word_ends } else { length >= shape.least };
    if !long_enough || !is_token_body(body) || (shape.prefix == "SG." && !two_parts(body)) {
        return None;
    }
    Some(Secret { start: place.hit.start, end: place.hit.end + length, what: shape.what })
}

fn two_parts(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| *byte == b'.');
    let long = |part: Option<&[u8]>| part.is_some_and(|part| part.len() >= 16);
    long(parts.next()) && long(parts.next())
}

fn upper(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn alnum(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn web(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn lower_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn sendgrid(byte: &u8) -> bool {
    web(byte) || *byte == b'.'
}

fn hex(byte: &u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn atlassian(byte: &u8) -> bool {
    web(byte) || *byte == b'='
}

fn noise(byte: &u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\')
}
