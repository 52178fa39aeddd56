use serde::Serialize;
use utoipa::ToSchema;

use crate::backends::{Claim, Standing};

/// A limit or a rule, and what a backend makes of it on the machine of this service.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ClaimBody {
    /// A limit, or `files`, `network`, `processes`, `clocks`, …: what `require` may name.
    name: &'static str,
    /// `yes`: of the run as a whole, at every moment. `partly`: as `how` says. `no`.
    #[schema(pattern = "^(yes|partly|no)$")]
    holds: &'static str,
    how: String,
}

impl From<Claim> for ClaimBody {
    fn from(claim: Claim) -> Self {
        Self { name: claim.name, holds: claim.holds.as_str(), how: claim.how }
    }
}

/// What runs can be fenced with, and what that is worth.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BackendBody {
    backend: &'static str,
    available: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Empty where it is not available.
    claims: Vec<ClaimBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Backends {
    /// Those that this service offers. A run is never fenced with another than the one that it names.
    backends: Vec<BackendBody>,
}

impl From<Vec<Standing>> for Backends {
    fn from(standings: Vec<Standing>) -> Self {
        let body = |Standing { backend, available, reason, claims }| BackendBody {
            backend: crate::backends::BackendName::as_str(backend),
            available,
            reason,
            claims: claims.into_iter().map(ClaimBody::from).collect(),
        };
        Self { backends: standings.into_iter().map(body).collect() }
    }
}
