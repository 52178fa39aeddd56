use rusqlite::{Connection, Row, params};

use super::lane::{Lasting, StepError};
use super::open::Store;
use super::rows::{all, change, json, one, parsed, to_json};
use crate::authz::CustomRole;
use crate::identity::{Directory, DirectoryError, KeyPrefix, KeyRecord};
use crate::model::{KeyId, PolicyName, Principal, PrincipalId, PrincipalKind, RoleName, TenantId};
use crate::registry::{PolicyRecord, Register, RegisterError, Step, TenantRecord};

impl From<StepError> for RegisterError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Behind => RegisterError::Behind,
            StepError::Failed(reason) => RegisterError::Failed(reason),
        }
    }
}

fn failed(error: rusqlite::Error) -> RegisterError {
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

const fn word(kind: PrincipalKind) -> &'static str {
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

fn version(connection: &Connection) -> rusqlite::Result<u64> {
    let found = one(connection, "SELECT value FROM facts WHERE name = 'rights'", (), |row| row.get(0))?;
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn find_principal(c: &Connection, of: &TenantId, id: &PrincipalId) -> rusqlite::Result<Option<Principal>> {
    one(c, &format!("{PRINCIPAL} WHERE tenant = ?1 AND id = ?2"), [of.as_str(), id.as_str()], principal)
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
        let sql = "SELECT 1 FROM revoked_tokens WHERE jti = ?1";
        Ok(self.reader(|c| one(c, sql, [id], |_| Ok(()))).map_err(unknown)?.is_some())
    }

    fn touched(&self, key: &KeyId, now: u64) {
        let key = key.clone();
        self.note(move |c| change(c, "UPDATE keys SET last_used = ?1 WHERE id = ?2", params![now, key.as_str()]));
    }
}

impl Store {
    fn kept<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Step<'_, T> {
        Box::pin(async move { Ok(self.step(Lasting::Power, work).await?) })
    }

    fn asked<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, RegisterError> {
        self.reader(ask).map_err(failed)
    }
}

fn write_principal(c: &Connection, sql: &str, new: &Principal) -> rusqlite::Result<usize> {
    let row = params![
        new.tenant.as_str(),
        new.id.as_str(),
        word(new.kind),
        to_json(&new.roles)?,
        to_json(&new.labels)?,
        new.suspended,
        new.created
    ];
    change(c, sql, row)
}

impl Register for Store {
    fn version(&self) -> Result<u64, RegisterError> {
        self.asked(version)
    }

    fn tenants(&self) -> Result<Vec<TenantRecord>, RegisterError> {
        self.asked(|c| all(c, &format!("{TENANT} ORDER BY id"), (), tenant))
    }

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError> {
        self.asked(|c| one(c, &format!("{TENANT} WHERE id = ?1"), [id.as_str()], tenant))
    }

    fn add_tenant(&self, new: TenantRecord) -> Step<'_, bool> {
        self.kept(move |c| {
            let sql =
                "INSERT INTO tenants (id, ceilings, open, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
            Ok(change(c, sql, params![new.id.as_str(), to_json(&new.ceilings)?, new.open, new.created])? == 1)
        })
    }

    fn put_tenant(&self, new: TenantRecord) -> Step<'_, ()> {
        self.kept(move |c| {
            let sql = "UPDATE tenants SET ceilings = ?2, open = ?3 WHERE id = ?1";
            change(c, sql, params![new.id.as_str(), to_json(&new.ceilings)?, new.open]).map(drop)
        })
    }

    fn principals(&self, of: &TenantId) -> Result<Vec<Principal>, RegisterError> {
        self.asked(|c| all(c, &format!("{PRINCIPAL} WHERE tenant = ?1 ORDER BY id"), [of.as_str()], principal))
    }

    fn principal(&self, of: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError> {
        self.asked(|c| find_principal(c, of, id))
    }

    fn add_principal(&self, new: Principal) -> Step<'_, bool> {
        self.kept(move |c| {
            let sql = "INSERT INTO principals (tenant, id, kind, roles, labels, suspended, created)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
            Ok(write_principal(c, sql, &new)? == 1)
        })
    }

    fn put_principal(&self, new: Principal) -> Step<'_, ()> {
        self.kept(move |c| {
            let sql = "UPDATE principals SET kind = ?3, roles = ?4, labels = ?5, suspended = ?6, created = ?7
                       WHERE tenant = ?1 AND id = ?2";
            write_principal(c, sql, &new).map(drop)
        })
    }

    fn remove_principal(&self, of: &TenantId, id: &PrincipalId) -> Step<'_, bool> {
        let (of, id) = (of.clone(), id.clone());
        self.kept(move |c| {
            Ok(change(c, "DELETE FROM principals WHERE tenant = ?1 AND id = ?2", [of.as_str(), id.as_str()])? == 1)
        })
    }

    fn keys(&self, of: &TenantId) -> Result<Vec<KeyRecord>, RegisterError> {
        self.asked(|c| all(c, &format!("{KEY} WHERE tenant = ?1 ORDER BY id"), [of.as_str()], key))
    }

    fn key(&self, of: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError> {
        self.asked(|c| one(c, &format!("{KEY} WHERE tenant = ?1 AND id = ?2"), [of.as_str(), id.as_str()], key))
    }

    fn add_key(&self, new: KeyRecord) -> Step<'_, ()> {
        self.kept(move |c| {
            let row = params![
                new.id.as_str(),
                new.tenant.as_str(),
                new.principal.as_str(),
                new.prefix.as_str(),
                new.hash,
                new.name,
                new.scopes.as_ref().map(to_json).transpose()?,
                new.created,
                new.expires
            ];
            let sql = "INSERT INTO keys (id, tenant, principal, prefix, hash, name, scopes, created, expires)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            change(c, sql, row).map(drop)
        })
    }

    fn revoke_key(&self, of: &TenantId, id: &KeyId, now: u64) -> Step<'_, bool> {
        let (of, id) = (of.clone(), id.clone());
        self.kept(move |c| {
            let sql = "UPDATE keys SET revoked = ?3 WHERE tenant = ?1 AND id = ?2 AND revoked IS NULL";
            Ok(change(c, sql, params![of.as_str(), id.as_str(), now])? == 1)
        })
    }

    fn revoke_token(&self, id: String, expires: u64) -> Step<'_, ()> {
        self.kept(move |c| {
            let sql = "INSERT INTO revoked_tokens (jti, expires) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            change(c, sql, params![id, expires]).map(drop)
        })
    }

    fn roles(&self, of: &TenantId) -> Result<Vec<CustomRole>, RegisterError> {
        let sql = "SELECT name, actions, own_only FROM roles WHERE tenant = ?1 ORDER BY name";
        self.asked(|c| {
            all(c, sql, [of.as_str()], |row| {
                Ok(CustomRole { name: parsed(row, 0)?, actions: json(row, 1)?, own_only: row.get(2)? })
            })
        })
    }

    fn put_role(&self, of: &TenantId, role: CustomRole, now: u64) -> Step<'_, ()> {
        let of = of.clone();
        self.kept(move |c| {
            let sql = "INSERT INTO roles (tenant, name, actions, own_only, created) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (tenant, name) DO UPDATE SET actions = ?3, own_only = ?4";
            let row = params![of.as_str(), role.name.as_str(), to_json(&role.actions)?, role.own_only, now];
            change(c, sql, row).map(drop)
        })
    }

    fn remove_role(&self, of: &TenantId, name: &RoleName) -> Step<'_, bool> {
        let (of, name) = (of.clone(), name.clone());
        self.kept(move |c| {
            Ok(change(c, "DELETE FROM roles WHERE tenant = ?1 AND name = ?2", [of.as_str(), name.as_str()])? == 1)
        })
    }

    fn policies(&self, of: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError> {
        let sql = "SELECT name, text, created FROM policies WHERE tenant = ?1 ORDER BY name";
        self.asked(|c| {
            all(c, sql, [of.as_str()], |row| {
                Ok(PolicyRecord { name: parsed(row, 0)?, text: row.get(1)?, created: row.get(2)? })
            })
        })
    }

    fn put_policy(&self, of: &TenantId, policy: PolicyRecord) -> Step<'_, ()> {
        let of = of.clone();
        self.kept(move |c| {
            let sql = "INSERT INTO policies (tenant, name, text, created) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (tenant, name) DO UPDATE SET text = ?3, created = ?4";
            change(c, sql, params![of.as_str(), policy.name.as_str(), policy.text, policy.created]).map(drop)
        })
    }

    fn remove_policy(&self, of: &TenantId, name: &PolicyName) -> Step<'_, bool> {
        let (of, name) = (of.clone(), name.clone());
        self.kept(move |c| {
            Ok(change(c, "DELETE FROM policies WHERE tenant = ?1 AND name = ?2", [of.as_str(), name.as_str()])? == 1)
        })
    }
}
