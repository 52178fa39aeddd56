use std::net::IpAddr;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::directory::Directory;
use super::error::{Refusal, Stop};
use super::key::{KeyPrefix, KeyRecord};
use super::scopes;
use super::settings::{Issuer, UnknownPrincipals};
use super::tokens::{By, Lineage, Verified};
use crate::model::{Caller, Credential, Labels, Principal, PrincipalId, PrincipalKind, RoleName, TenantId};

/// What an unknown key is compared with: no text has this hash.
const NOBODY: [u8; 32] = [0; 32];
const ID_BYTES: usize = 256;

/// Turns a checked credential into who it stands for, asking the directory.
pub(super) struct Callers<'a, D: ?Sized> {
    pub(super) directory: &'a D,
    pub(super) address: IpAddr,
    pub(super) now: u64,
}

/// What is the credential's own in a caller.
struct Bearing {
    scopes: Option<Vec<String>>,
    credential: Credential,
    expires: Option<u64>,
}

impl<D: Directory + ?Sized> Callers<'_, D> {
    /// The caller, and when the key was last used. Unknown and wrong cost the same: a look-up and a comparison.
    pub(super) fn by_key(&self, prefix: &KeyPrefix, hash: &[u8; 32]) -> Result<(Caller, u64), Stop> {
        let record = self.directory.key(prefix)?;
        let stored = record.as_ref().map_or(&NOBODY, |record| &record.hash);
        let is_same = bool::from(stored.ct_eq(hash));
        let record = record.ok_or(Refusal::UnknownKey)?;
        if !is_same {
            return Err(Refusal::WrongSecret.into());
        }
        self.check_key(&record)?;
        let known = self.known(&record.tenant, &record.principal)?;
        let principal = known.ok_or(Refusal::UnknownPrincipal)?;
        let bearing =
            Bearing { scopes: record.scopes, credential: Credential::Key(record.id), expires: record.expires };
        Ok((self.caller(principal, bearing), record.last_used.unwrap_or(0)))
    }

    pub(super) fn by_token(&self, token: &Verified<'_>) -> Result<Caller, Stop> {
        match token.by {
            By::Us => self.by_own_token(token),
            By::Issuer(issuer) => self.by_token_of(issuer, token),
        }
    }

    fn by_own_token(&self, token: &Verified<'_>) -> Result<Caller, Stop> {
        let claims = token.claims;
        let tenant: TenantId = claims.text("tenant")?.parse().map_err(|_| Refusal::BadClaim)?;
        let id: PrincipalId = claims.text("sub")?.parse().map_err(|_| Refusal::BadClaim)?;
        let scopes: Vec<String> = claims.texts("scopes")?.into_iter().map(str::to_owned).collect();
        self.check_lineage(claims.text("jti")?, &tenant, &id, &scopes)?;
        let principal = self.known(&tenant, &id)?.ok_or(Refusal::UnknownPrincipal)?;
        let credential =
            Credential::Token { issuer: claims.text("iss")?.to_owned(), id: claims.text("jti")?.to_owned() };
        Ok(self.caller(principal, Bearing { scopes: Some(scopes), credential, expires: Some(token.expires) }))
    }

    fn by_token_of(&self, issuer: &Issuer, token: &Verified<'_>) -> Result<Caller, Stop> {
        let claims = token.claims;
        let tenant = match (&issuer.tenant, &issuer.tenant_claim) {
            (Some(tenant), _) => tenant.clone(),
            (None, Some(claim)) => claims.text(claim)?.parse().map_err(|_| Refusal::BadClaim)?,
            (None, None) => return Err(Refusal::MissingClaim.into()),
        };
        let id: PrincipalId = claims.text(&issuer.principal_claim)?.parse().map_err(|_| Refusal::BadClaim)?;
        let jti = claims.get("jti").map(|_| claims.text("jti")).transpose()?.unwrap_or_default();
        if jti.len() > ID_BYTES {
            return Err(Refusal::BadClaim.into());
        }
        if !jti.is_empty() {
            self.check_not_revoked(jti)?;
        }
        let principal = match self.known(&tenant, &id)? {
            Some(principal) => principal,
            None => self.stranger(issuer, token, tenant, id)?,
        };
        let credential = Credential::Token { issuer: issuer.issuer.clone(), id: jti.to_owned() };
        Ok(self.caller(principal, Bearing { scopes: None, credential, expires: Some(token.expires) }))
    }

    /// A caller who was let in before, as he is now; or why he would not be let in any more. Nothing of his credential is
    /// needed for that but which it was. `own` is the name of our own tokens' issuer, `strangers` whether that of his
    /// token vouches for those whom the directory does not know.
    pub(super) fn again(&self, caller: &Caller, own: &str, strangers: impl Fn(&str) -> bool) -> Result<Caller, Stop> {
        if caller.expires.is_some_and(|expires| self.now >= expires) {
            return Err(Refusal::Expired.into());
        }
        let mut scopes = caller.scopes.clone();
        match &caller.credential {
            Credential::Key(id) => {
                let record = self.directory.key_by_id(id)?.ok_or(Refusal::UnknownKey)?;
                self.check_key(&record)?;
                scopes = record.scopes.map(Into::into);
            }
            Credential::Token { issuer, id } if issuer == own => {
                let scopes = caller.scopes.as_deref().unwrap_or_default();
                self.check_lineage(id, &caller.tenant, &caller.principal, scopes)?;
            }
            Credential::Token { id, .. } if !id.is_empty() => self.check_not_revoked(id)?,
            Credential::Token { .. } => {}
        }
        let known = self.known(&caller.tenant, &caller.principal)?;
        let Some(principal) = known else {
            return match &caller.credential {
                // What an issuer says of a stranger does not change.
                Credential::Token { issuer, .. } if strangers(issuer) => Ok(caller.clone()),
                _ => Err(Refusal::UnknownPrincipal.into()),
            };
        };
        let (kind, roles, labels) = (principal.kind, principal.roles.into(), Arc::new(principal.labels));
        Ok(Caller { kind, roles, labels, scopes, ..caller.clone() })
    }

    /// Whether a token of ours still stands: neither it nor what it was made with is taken back.
    fn check_lineage(&self, jti: &str, tenant: &TenantId, id: &PrincipalId, scopes: &[String]) -> Result<(), Stop> {
        let lineage = Lineage::read(jti).ok_or(Refusal::BadClaim)?;
        for ancestor in lineage.tokens() {
            self.check_not_revoked(&ancestor)?;
        }
        let maker = self.directory.key_by_id(lineage.key())?.ok_or(Refusal::MakerGone)?;
        if maker.tenant != *tenant || maker.principal != *id {
            return Err(Refusal::MakerGone.into());
        }
        self.check_key(&maker)?;
        if scopes.iter().any(|scope| !scopes::covers(maker.scopes.as_deref(), scope)) {
            return Err(Refusal::ScopesOfMaker.into());
        }
        Ok(())
    }

    fn check_key(&self, record: &KeyRecord) -> Result<(), Refusal> {
        if record.revoked.is_some() {
            return Err(Refusal::Revoked);
        }
        if record.is_expired(self.now) { Err(Refusal::Expired) } else { Ok(()) }
    }

    fn check_not_revoked(&self, id: &str) -> Result<(), Stop> {
        if self.directory.token_revoked(id)? { Err(Refusal::TokenRevoked.into()) } else { Ok(()) }
    }

    /// Whom the directory knows, if nothing speaks against them.
    fn known(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, Stop> {
        if !self.directory.tenant_is_open(tenant)? {
            return Err(Refusal::ClosedTenant.into());
        }
        let principal = self.directory.principal(tenant, id)?;
        if principal.as_ref().is_some_and(|principal| principal.suspended) {
            return Err(Refusal::Suspended.into());
        }
        Ok(principal)
    }

    fn stranger(
        &self,
        issuer: &Issuer,
        token: &Verified<'_>,
        tenant: TenantId,
        id: PrincipalId,
    ) -> Result<Principal, Refusal> {
        if issuer.unknown_principals == UnknownPrincipals::Refuse {
            return Err(Refusal::UnknownPrincipal);
        }
        let mut roles = issuer.roles.clone();
        if let Some(claim) = issuer.roles_claim.as_deref().filter(|claim| token.claims.get(claim).is_some()) {
            let claimed = token.claims.texts(claim)?.into_iter().filter_map(|role| role.parse::<RoleName>().ok());
            roles.extend(claimed.filter(|role| issuer.allowed_roles.contains(role)));
        }
        roles.sort();
        roles.dedup();
        let kind = issuer.stranger_kind.unwrap_or(PrincipalKind::Person);
        Ok(Principal { tenant, id, kind, roles, labels: Labels::new(), suspended: false, created: self.now })
    }

    fn caller(&self, principal: Principal, bearing: Bearing) -> Caller {
        Caller {
            tenant: principal.tenant,
            principal: principal.id,
            kind: principal.kind,
            roles: principal.roles.into(),
            labels: Arc::new(principal.labels),
            scopes: bearing.scopes.map(Into::into),
            credential: bearing.credential,
            expires: bearing.expires,
            address: self.address,
        }
    }
}
