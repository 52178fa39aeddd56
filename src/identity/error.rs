use super::directory::DirectoryError;
use super::tokens::FetchError;

/// Why nobody was let in. `Display` is for the caller and the same for every refusal; the rest is for the log.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("no credential was given")]
    Missing,
    #[error("the credential is not valid")]
    Refused(Refused),
    #[error("too many failed attempts; try again in {retry_after_s} seconds")]
    TooManyAttempts { retry_after_s: u64 },
    #[error("credentials cannot be checked just now; try again soon")]
    Unavailable(#[source] Outage),
}

impl AuthError {
    /// A word that stays the same from version to version; for logs and records, not for the caller.
    pub fn reason(&self) -> &'static str {
        match self {
            AuthError::Missing => "missing",
            AuthError::Refused(refused) => refused.why.word(),
            AuthError::TooManyAttempts { .. } => "too_many_attempts",
            AuthError::Unavailable(Outage::Directory(_)) => "directory_unavailable",
            AuthError::Unavailable(Outage::IssuerKeys(_)) => "issuer_keys_unavailable",
        }
    }

    /// What may be shown of the credential in a record: a key's prefix, or the issuer that a token names, escaped.
    pub fn shown(&self) -> Option<&str> {
        match self {
            AuthError::Refused(refused) => refused.shown.as_deref(),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub why: Refusal,
    /// See [`AuthError::shown`].
    pub shown: Option<String>,
}

macro_rules! refusals {
    ($($(#[$about:meta])* $name:ident $word:literal)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $($(#[$about])* $name,)*
        }

        impl Refusal {
            pub fn word(self) -> &'static str {
                match self {
                    $(Refusal::$name => $word,)*
                }
            }
        }
    };
}

refusals! {
    /// Neither a key nor a token by its shape.
    Malformed "malformed"
    /// A key whose checksum is wrong.
    Mistyped "mistyped"
    /// Two credentials were given, be it the same one.
    TwoCredentials "two_credentials"
    UnknownKey "unknown_key"
    WrongSecret "wrong_secret"
    Revoked "revoked"
    Expired "expired"
    ClosedTenant "closed_tenant"
    UnknownPrincipal "unknown_principal"
    Suspended "suspended"
    TooLong "token_too_long"
    /// `alg` is none that the issuer's keys are for.
    BadAlgorithm "bad_algorithm"
    BadType "bad_type"
    /// The header asks for something to be understood (`crit`).
    CriticalHeader "critical_header"
    UnknownIssuer "unknown_issuer"
    WrongAudience "wrong_audience"
    /// No key of the issuer, or more than one, fits the token.
    NoSuchSigningKey "no_such_signing_key"
    BadSignature "bad_signature"
    MissingClaim "missing_claim"
    /// A claim has the wrong type or value.
    BadClaim "bad_claim"
    NotYetValid "not_yet_valid"
    LivesTooLong "lives_too_long"
    /// The token or one that it was made with was revoked.
    TokenRevoked "token_revoked"
    /// The key that the token was made with is gone, or is not its owner's.
    MakerGone "maker_gone"
    /// The token has scopes that the key it was made with no longer has.
    ScopesOfMaker "scopes_of_maker"
}

/// Something that must be asked did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the keys of an issuer are too old and cannot be fetched")]
    IssuerKeys(#[source] Option<FetchError>),
}

/// Why the checks stopped, before it is known what may be shown of the credential.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    /// The issuer's keys may change, and the one that signed is not among those that it has told so far.
    Unheard(Refusal),
    Unavailable(Outage),
}

impl From<Refusal> for Stop {
    fn from(why: Refusal) -> Self {
        Stop::Refused(why)
    }
}

impl From<DirectoryError> for Stop {
    fn from(error: DirectoryError) -> Self {
        Stop::Unavailable(error.into())
    }
}

impl From<Outage> for Stop {
    fn from(outage: Outage) -> Self {
        Stop::Unavailable(outage)
    }
}

/// A setting that cannot be: nothing starts with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SettingsError {
    pub field: String,
    pub problem: String,
}

impl SettingsError {
    pub(super) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}
