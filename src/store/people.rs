use rusqlite::{Connection, Params, Row, params};

use super::book;
use super::lane::{Lasting, StepError};
use super::open::Store;
use super::rows::{all, change, json, one, parsed};
use crate::authz::CustomRole;
use crate::identity::{Directory, DirectoryError, KeyPrefix, KeyRecord};
use crate::model::{KeyId, Principal, PrincipalId, PrincipalKind, TenantId};
use crate::registry::{Change, Part, PolicyRecord, Register, RegisterError, RegistryError, Step, TenantRecord};

impl From<StepError> for RegisterError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Behind => RegisterError::Behind,
            StepError::Failed(reason) | StepError::Never(reason) => RegisterError::Failed(reason),
        }
    }
}

pub(super) fn failed(error: rusqlite::Error) -> RegisterError {
    RegisterError::Failed(error.to_string())
}

fn unknown(error: rusqlite::Error) -> DirectoryError {
    DirectoryError(Box::new(error))
}

const TENANT: &str = "SELECT id, ceilings, open, created FROM tenants";
const PRINCIPAL: &str = "SELECT tenant, id, kind, roles, labels, suspended, created FROM principals";
const KEY: &str =
    "SELECT id, tenant, principal, prefix, hash, name, scopes, created, expires, revoked, last_used FROM keys";

fn tenant(row: &Row<'_>) -> rusqlite::Result<TenantRecord> {
    Ok(TenantRecord { id: parsed(row, 0)?, ceilings: json(row, 1)?, open: row.get(2)?, created: row.get(3)? })
}

fn principal(row: &Row<'_>) -> rusqlite::Result<Principal> {
    let kind: String = row.get(2)?;
    Ok(Principal {
        tenant: parsed(row, 0)?,
        id: parsed(row, 1)?,
        kind: match kind.as_str() {
            "person" => PrincipalKind::Person,
            "service" => PrincipalKind::Service,
            _ => PrincipalKind::Agent,
        },
        roles: json(row, 3)?,
        labels: json(row, 4)?,
        suspended: row.get(5)?,
        created: row.get(6)?,
    })
}

pub(super) const fn word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
        PrincipalKind::Agent => "agent",
    }
}

fn key(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let scopes: Option<String> = row.get(6)?;
    Ok(KeyRecord {
        id: parsed(row, 0)?,
        tenant: parsed(row, 1)?,
        principal: parsed(row, 2)?,
        prefix: parsed(row, 3)?,
        hash: row.get(4)?,
        name: row.get(5)?,
        scopes: scopes.map(|_| json(row, 6)).transpose()?,
        created: row.get(7)?,
        expires: row.get(8)?,
        revoked: row.get(9)?,
        last_used: row.get(10)?,
    })
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<u64> {
    let found = one(connection, "SELECT value FROM facts WHERE name = 'rights'", (), |row| row.get(0))?;
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

pub(super) fn find_principal(c: &Connection, of: &TenantId, id: &PrincipalId) -> rusqlite::Result<Option<Principal>> {
    one(c, &format!("{PRINCIPAL} WHERE tenant = ?1 AND id = ?2"), [of.as_str(), id.as_str()], principal)
}

pub(super) fn principals(c: &Connection, which: &str, params: impl Params) -> rusqlite::Result<Vec<Principal>> {
    all(c, &format!("{PRINCIPAL} {which}"), params, principal)
}

pub(super) fn find_tenant(c: &Connection, id: &TenantId) -> rusqlite::Result<Option<TenantRecord>> {
    one(c, &format!("{TENANT} WHERE id = ?1"), [id.as_str()], tenant)
}

pub(super) fn find_key(c: &Connection, of: &TenantId, id: &KeyId) -> rusqlite::Result<Option<KeyRecord>> {
    one(c, &format!("{KEY} WHERE tenant = ?1 AND id = ?2"), [of.as_str(), id.as_str()], key)
}

pub(super) fn is_token_revoked(c: &Connection, id: &str) -> rusqlite::Result<bool> {
    Ok(one(c, "SELECT 1 FROM revoked_tokens WHERE jti = ?1", [id], |_| Ok(()))?.is_some())
}

pub(super) fn find_roles(c: &Connection, of: &TenantId) -> rusqlite::Result<Vec<CustomRole>> {
    let sql = "SELECT name, actions, own_only FROM roles WHERE tenant = ?1 ORDER BY name";
    all(c, sql, [of.as_str()], |row| {
        Ok(CustomRole { name: parsed(row, 0)?, actions: json(row, 1)?, own_only: row.get(2)? })
    })
}

pub(super) fn find_policies(c: &Connection, of: &TenantId) -> rusqlite::Result<Vec<PolicyRecord>> {
    let sql = "SELECT name, text, created FROM policies WHERE tenant = ?1 ORDER BY name";
    all(c, sql, [of.as_str()], |row| {
        Ok(PolicyRecord { name: parsed(row, 0)?, text: row.get(1)?, created: row.get(2)? })
    })
}

impl Directory for Store {
    fn version(&self) -> Result<u64, DirectoryError> {
        self.reader(version).map_err(unknown)
    }

    fn key(&self, prefix: &KeyPrefix) -> Result<Option<KeyRecord>, DirectoryError> {
        self.reader(|c| one(c, &format!("{KEY} WHERE prefix = ?1"), [prefix.as_str()], key)).map_err(unknown)
    }

    fn key_by_id(&self, id: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        self.reader(|c| one(c, &format!("{KEY} WHERE id = ?1"), [id.as_str()], key)).map_err(unknown)
    }

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, DirectoryError> {
        self.reader(|c| find_principal(c, tenant, id)).map_err(unknown)
    }

    fn tenant_is_open(&self, tenant: &TenantId) -> Result<bool, DirectoryError> {
        let sql = "SELECT open FROM tenants WHERE id = ?1";
        let open = self.reader(|c| one(c, sql, [tenant.as_str()], |row| row.get(0))).map_err(unknown)?;
        Ok(open.unwrap_or(false))
    }

    fn token_revoked(&self, id: &str) -> Result<bool, DirectoryError> {
        self.reader(|c| is_token_revoked(c, id)).map_err(unknown)
    }

    fn touched(&self, key: &KeyId, now: u64) {
        let key = key.clone();
        self.note(move |c| change(c, "UPDATE keys SET last_used = ?1 WHERE id = ?2", params![now, key.as_str()]));
    }
}

impl Store {
    fn asked<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, RegisterError> {
        self.reader(ask).map_err(failed)
    }
}

impl Register for Store {
    fn version(&self) -> Result<u64, RegisterError> {
        self.asked(version)
    }

    fn change(&self, change: Change) -> Step<'_, Result<(), RegistryError>> {
        Box::pin(async move { Ok(self.step(Lasting::Power, move |c| book::make(c, change)).await?) })
    }

    fn tenants(&self, part: Part<'_>) -> Result<Vec<TenantRecord>, RegisterError> {
        let sql = format!("{TENANT} WHERE id > ?1 ORDER BY id LIMIT ?2");
        self.asked(|c| all(c, &sql, params![part.after, part.most], tenant))
    }

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError> {
        self.asked(|c| find_tenant(c, id))
    }

    fn principals(&self, of: &TenantId, part: Part<'_>) -> Result<Vec<Principal>, RegisterError> {
        let which = "WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        self.asked(|c| principals(c, which, params![of.as_str(), part.after, part.most]))
    }

    fn principal(&self, of: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError> {
        self.asked(|c| find_principal(c, of, id))
    }

    fn keys(
        &self,
        of: &TenantId,
        whose: Option<&PrincipalId>,
        part: Part<'_>,
    ) -> Result<Vec<KeyRecord>, RegisterError> {
        let sql =
            format!("{KEY} WHERE tenant = ?1 AND id > ?2 AND (?3 IS NULL OR principal = ?3) ORDER BY id LIMIT ?4");
        let whose = whose.map(PrincipalId::as_str);
        self.asked(|c| all(c, &sql, params![of.as_str(), part.after, whose, part.most], key))
    }

    fn key(&self, of: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError> {
        self.asked(|c| find_key(c, of, id))
    }

    fn roles(&self, of: &TenantId) -> Result<Vec<CustomRole>, RegisterError> {
        self.asked(|c| find_roles(c, of))
    }

    fn policies(&self, of: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError> {
        self.asked(|c| find_policies(c, of))
    }
}
