use super::error::Refusal;
use super::key::{self, KeyPrefix};

/// What came with a request. It has no `Debug`, so that no log gets it by accident.
#[derive(Clone, Copy, Default)]
pub struct Offered<'a> {
    pub api_key: Option<&'a str>,
    /// What follows `Bearer`: a token, or a key.
    pub bearer: Option<&'a str>,
}

pub(super) enum Given<'a> {
    Nothing,
    Unreadable(Refusal),
    Key(&'a str, KeyPrefix),
    Token(&'a str),
}

impl<'a> Offered<'a> {
    pub(super) fn read(&self) -> Given<'a> {
        let (text, may_be_token) = match (self.api_key, self.bearer) {
            (None, None) => return Given::Nothing,
            // Even two good credentials of one principal would leave open which of their scopes count; and of one that
            // comes twice, who knows which of them somebody else looked at.
            (Some(_), Some(_)) => return Given::Unreadable(Refusal::TwoCredentials),
            (Some(key), None) => (key, false),
            (None, Some(bearer)) => (bearer, true),
        };
        match key::prefix_of(text) {
            Some(prefix) => Given::Key(text, prefix),
            None if may_be_token && !key::looks_like_a_key(text) => Given::Token(text),
            None => Given::Unreadable(Refusal::Malformed),
        }
    }
}
