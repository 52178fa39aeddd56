use serde_json::{Map, Value};

use super::super::error::Refusal;

/// Beyond this a double no longer counts single seconds.
const LAST_SECOND: f64 = 9_007_199_254_740_992.0;
const TEXT_BYTES: usize = 1_024;

/// What a token claims.
pub(in super::super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// By its name, or by its path (`/a/b`) where no claim has that very name. `null` is as good as absent.
    pub(in super::super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.get(name).or_else(|| {
            let mut parts = name.strip_prefix('/')?.split('/');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        });
        found.filter(|value| !value.is_null())
    }

    pub(in super::super) fn text(&self, name: &str) -> Result<&str, Refusal> {
        match self.get(name).ok_or(Refusal::MissingClaim)? {
            Value::String(text) if !text.is_empty() && text.len() <= TEXT_BYTES => Ok(text),
            _ => Err(Refusal::BadClaim),
        }
    }

    /// A list of texts, or one text.
    pub(in super::super) fn texts(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        match self.get(name).ok_or(Refusal::MissingClaim)? {
            Value::String(text) => Ok(vec![text]),
            Value::Array(list) => list.iter().map(|value| value.as_str().ok_or(Refusal::BadClaim)).collect(),
            _ => Err(Refusal::BadClaim),
        }
    }

    /// Seconds since 1970; issuers write fractions too.
    pub(super) fn time(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if let Some(seconds) = value.as_u64() {
            return Ok(Some(seconds));
        }
        match value.as_f64() {
            Some(seconds) if (0.0..LAST_SECOND).contains(&seconds) => Ok(Some(whole(seconds))),
            _ => Err(Refusal::BadClaim),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was found to be in range just before")]
fn whole(seconds: f64) -> u64 {
    seconds as u64
}
