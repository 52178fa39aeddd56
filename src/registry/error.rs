use super::register::RegisterError;
use crate::authz::{Denied, Lockout, PolicyError};
use crate::identity::{AuthError, BadScope, NoRandomness, TokenError};
use crate::model::RoleName;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no {kind} {name}")]
    Missing { kind: &'static str, name: String },
    #[error("there is a {kind} {name} already")]
    Taken { kind: &'static str, name: String },
    #[error("{0}")]
    TooMuch(String),
    #[error("the tenant has {0} keys, which is the most it may have; revoke one first")]
    TooManyKeys(u64),
    #[error("the tenant has {0} principals, which is the most it may have; delete one first")]
    TooManyPrincipals(u64),
    #[error("{field}: {message}")]
    Invalid { field: &'static str, message: String },
    /// With the field that would make it so, where one does.
    #[error("this is the last administrator of the tenant; make another one first")]
    LastAdmin(Option<&'static str>),
    #[error(transparent)]
    LockedOut(#[from] Lockout),
    #[error(
        "{holders} principals have the role {name}; take it from them first (GET /v1/principals shows whose it is)"
    )]
    RoleInUse { name: RoleName, holders: usize },
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Scope(#[from] BadScope),
    /// It has the form of one, so it can be shown.
    #[error("the scope `{0}` names no action; write `*`, or actions like runs:create or runs:*")]
    UnknownScope(String),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Whoever asks would not be let in any more.
    #[error(transparent)]
    Caller(#[from] AuthError),
    /// He would be, but may not do this any more.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Another process came first.
    #[error("others change the same at this moment; try again")]
    Contended,
    /// A fault of ours: the call was made with a permit for something else.
    #[error("the permit is for something else")]
    Permit,
}

impl RegistryError {
    /// A word that stays the same from version to version.
    pub fn code(&self) -> &'static str {
        match self {
            RegistryError::Missing { .. } => "not_found",
            RegistryError::Taken { .. } => "taken",
            RegistryError::TooMuch(_) => "more_than_you_have",
            RegistryError::TooManyKeys(_) => "keys_too_many",
            RegistryError::TooManyPrincipals(_) => "principals_too_many",
            RegistryError::Invalid { .. } => "invalid",
            RegistryError::LastAdmin(_) => "last_admin",
            RegistryError::LockedOut(_) => "policy_locks_out",
            RegistryError::RoleInUse { .. } => "role_in_use",
            RegistryError::Policy(error) => error.code(),
            RegistryError::Scope(_) | RegistryError::UnknownScope(_) => "bad_scope",
            RegistryError::Token(_) => "bad_token_request",
            RegistryError::Caller(_) => "bad_credential",
            RegistryError::Denied(_) => "denied",
            RegistryError::Contended => "contended",
            RegistryError::Register(_) => "store_unavailable",
            RegistryError::Random(_) | RegistryError::Permit => "internal",
        }
    }
}
