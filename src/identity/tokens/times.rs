use super::super::error::Refusal;
use super::claims::Claims;

/// How exact the clocks of an issuer are, and how long its tokens may live.
pub(super) struct Times {
    /// Taken for good so long after `exp`.
    pub(super) late_s: u64,
    /// And so long before `nbf` and `iat`.
    pub(super) early_s: u64,
    pub(super) max_lifetime_s: u64,
}

impl Times {
    /// The second at which the token is worth nothing.
    pub(super) fn check(&self, claims: &Claims, now: u64) -> Result<u64, Refusal> {
        let exp = claims.time("exp")?.ok_or(Refusal::MissingClaim)?;
        let (nbf, iat) = (claims.time("nbf")?, claims.time("iat")?);
        let end = exp.saturating_add(self.late_s);
        if now >= end {
            return Err(Refusal::Expired);
        }
        let latest = now.saturating_add(self.early_s);
        // A clock far ahead of ours could make tokens today that live in ten years.
        if [nbf, iat].into_iter().flatten().any(|start| start > latest) {
            return Err(Refusal::NotYetValid);
        }
        if nbf.is_some_and(|nbf| nbf > exp) {
            return Err(Refusal::BadClaim);
        }
        let (start, slack) = iat.or(nbf).map_or((now, self.early_s), |start| (start, 0));
        if exp.saturating_sub(start) > self.max_lifetime_s.saturating_add(slack) {
            return Err(Refusal::LivesTooLong);
        }
        Ok(end)
    }
}
