//! The words of the house as plain data: what a run may spend, what it may use, how it ended.
//!
//! Nothing here does I/O, reads a clock or knows a library of the runtime; every other area speaks in
//! these types, so that a limit, a grant or an outcome means the same in the engine, the CLI and the docs.

mod answer;
mod ceilings;
mod digest;
mod grants;
mod ids;
mod json;
mod limits;
mod outcome;
mod principal;
mod quantity;
mod room;
mod tool;
mod usage;

pub use answer::{Answer, Form, Shown, SnippetError};
pub use ceilings::Ceilings;
pub use digest::{Digest, DigestError};
pub use grants::{Grants, Mode};
pub use ids::{
    BadId, CallId, KeyId, PolicyName, PrincipalId, RequestId, RoleName, RunId, SandboxId, SessionId, TenantId,
};
pub use json::Json;
pub use limits::{LimitName, Limits, LimitsError, Preset};
pub use outcome::{Captured, Denial, Frame, Outcome, Report, Stream, TrapKind};
pub use principal::{Caller, Credential, Labels, Principal, PrincipalKind};
pub use quantity::{QuantityError, parse_bytes, show_bytes};
pub use room::{Room, Weight};
pub use tool::{BadToolName, ToolName};
pub use usage::Usage;
