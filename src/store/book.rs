use rusqlite::{Connection, OptionalExtension as _, params};

use super::people::{
    failed, find_key, find_policies, find_principal, find_roles, find_tenant, is_token_revoked, principals, version,
    word,
};
use super::rows::{change, one, parsed, to_json};
use crate::authz::CustomRole;
use crate::identity::KeyRecord;
use crate::model::{KeyId, PolicyName, Principal, PrincipalId, RoleName, TenantId};
use crate::registry::{Book, Change, PolicyRecord, RegisterError, RegistryError, TenantRecord};

/// The store while the writer is at one step.
struct Open<'a>(&'a Connection);

/// Makes a change within the step that the writer is at. What it wrote before it found that it must not is undone.
pub(super) fn make(connection: &Connection, asked: Change) -> rusqlite::Result<Result<(), RegistryError>> {
    connection.prepare_cached("SAVEPOINT change")?.execute(())?;
    let done = asked(&Open(connection));
    if done.is_err() {
        connection.prepare_cached("ROLLBACK TO change")?.execute(())?;
    }
    connection.prepare_cached("RELEASE change")?.execute(())?;
    Ok(done)
}

impl Open<'_> {
    fn write(&self, sql: &str, row: impl rusqlite::Params) -> Result<usize, RegisterError> {
        change(self.0, sql, row).map_err(failed)
    }

    fn number(&self, sql: &str, of: &TenantId) -> Result<u64, RegisterError> {
        let found = one(self.0, sql, [of.as_str()], |row| row.get(0)).map_err(failed)?;
        Ok(found.unwrap_or(0))
    }
}

impl Book for Open<'_> {
    fn version(&self) -> Result<u64, RegisterError> {
        version(self.0).map_err(failed)
    }

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError> {
        find_tenant(self.0, id).map_err(failed)
    }

    fn count_tenants(&self) -> Result<u64, RegisterError> {
        let found = self.0.query_row("SELECT count(*) FROM tenants", (), |row| row.get(0)).optional();
        Ok(found.map_err(failed)?.unwrap_or(0))
    }

    fn put_tenant(&self, new: &TenantRecord) -> Result<(), RegisterError> {
        let sql = "INSERT INTO tenants (id, ceilings, open, created) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (id) DO UPDATE SET ceilings = ?2, open = ?3";
        let ceilings = to_json(&new.ceilings).map_err(failed)?;
        self.write(sql, params![new.id.as_str(), ceilings, new.open, new.created]).map(drop)
    }

    fn principal(&self, of: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError> {
        find_principal(self.0, of, id).map_err(failed)
    }

    fn count_principals(&self, of: &TenantId) -> Result<u64, RegisterError> {
        self.number("SELECT count(*) FROM principals WHERE tenant = ?1", of)
    }

    fn holders(&self, of: &TenantId, role: &RoleName) -> Result<Vec<Principal>, RegisterError> {
        let which = "WHERE tenant = ?1 AND EXISTS (SELECT 1 FROM json_each(roles) WHERE value = ?2)";
        principals(self.0, which, params![of.as_str(), role.as_str()]).map_err(failed)
    }

    fn put_principal(&self, new: &Principal) -> Result<(), RegisterError> {
        let (roles, labels) = (to_json(&new.roles).map_err(failed)?, to_json(&new.labels).map_err(failed)?);
        let (of, id, kind) = (new.tenant.as_str(), new.id.as_str(), word(new.kind));
        let sql = "INSERT INTO principals (tenant, id, kind, roles, labels, suspended, created)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (tenant, id) DO UPDATE SET kind = ?3, roles = ?4, labels = ?5, suspended = ?6";
        self.write(sql, params![of, id, kind, roles, labels, new.suspended, new.created]).map(drop)
    }

    fn remove_principal(&self, of: &TenantId, id: &PrincipalId) -> Result<bool, RegisterError> {
        let sql = "DELETE FROM principals WHERE tenant = ?1 AND id = ?2";
        Ok(self.write(sql, [of.as_str(), id.as_str()])? == 1)
    }

    fn key(&self, of: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError> {
        find_key(self.0, of, id).map_err(failed)
    }

    fn count_keys(&self, of: &TenantId, now: u64) -> Result<u64, RegisterError> {
        let sql = "SELECT count(*) FROM keys
                   WHERE tenant = ?1 AND revoked IS NULL AND (expires IS NULL OR expires > ?2)";
        Ok(one(self.0, sql, params![of.as_str(), now], |row| row.get(0)).map_err(failed)?.unwrap_or(0))
    }

    fn forget_keys(&self, of: &TenantId, now: u64, most: u64) -> Result<(), RegisterError> {
        let dead = "FROM keys WHERE tenant = ?1 AND (revoked IS NOT NULL OR expires <= ?2)";
        let sql = format!("SELECT count(*) {dead}");
        let count: Option<u64> = one(self.0, &sql, params![of.as_str(), now], |row| row.get(0)).map_err(failed)?;
        if count.is_none_or(|count| count <= most) {
            return Ok(());
        }
        // A tenth at a time: whenever keys go the rights move, and all who remember something of them ask again.
        let stay = most - most / 10;
        let sql = format!(
            "DELETE FROM keys
             WHERE id IN (SELECT id {dead} ORDER BY coalesce(revoked, expires) DESC, id DESC LIMIT -1 OFFSET ?3)"
        );
        self.write(&sql, params![of.as_str(), now, stay]).map(drop)
    }

    fn has_keys(&self, of: &TenantId) -> Result<bool, RegisterError> {
        Ok(self.number("SELECT EXISTS (SELECT 1 FROM keys WHERE tenant = ?1)", of)? == 1)
    }

    fn add_key(&self, new: &KeyRecord) -> Result<(), RegisterError> {
        let scopes = new.scopes.as_ref().map(to_json).transpose().map_err(failed)?;
        let row = params![
            new.id.as_str(),
            new.tenant.as_str(),
            new.principal.as_str(),
            new.prefix.as_str(),
            new.hash,
            new.name,
            scopes,
            new.created,
            new.expires
        ];
        let sql = "INSERT INTO keys (id, tenant, principal, prefix, hash, name, scopes, created, expires)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.write(sql, row).map(drop)
    }

    fn revoke_key(&self, of: &TenantId, id: &KeyId, now: u64) -> Result<bool, RegisterError> {
        let sql = "UPDATE keys SET revoked = ?3 WHERE tenant = ?1 AND id = ?2 AND revoked IS NULL";
        Ok(self.write(sql, params![of.as_str(), id.as_str(), now])? == 1)
    }

    fn remove_key(&self, of: &TenantId, id: &KeyId) -> Result<bool, RegisterError> {
        Ok(self.write("DELETE FROM keys WHERE tenant = ?1 AND id = ?2", [of.as_str(), id.as_str()])? == 1)
    }

    fn unshown_key(&self) -> Result<Option<KeyId>, RegisterError> {
        let sql = "SELECT value FROM facts WHERE name = 'unshown_key'";
        one(self.0, sql, (), |row| parsed(row, 0)).map_err(failed)
    }

    fn set_unshown_key(&self, id: Option<&KeyId>) -> Result<(), RegisterError> {
        self.write("DELETE FROM facts WHERE name = 'unshown_key'", ())?;
        if let Some(id) = id {
            self.write("INSERT INTO facts (name, value) VALUES ('unshown_key', ?1)", [id.as_str()])?;
        }
        Ok(())
    }

    fn token_revoked(&self, id: &str) -> Result<bool, RegisterError> {
        is_token_revoked(self.0, id).map_err(failed)
    }

    fn count_revoked_tokens(&self, key: &KeyId) -> Result<u64, RegisterError> {
        // `/` comes after `.`, so these are all that begin with the key and a dot.
        let sql = "SELECT count(*) FROM revoked_tokens WHERE jti > ?1 || '.' AND jti < ?1 || '/'";
        Ok(one(self.0, sql, [key.as_str()], |row| row.get(0)).map_err(failed)?.unwrap_or(0))
    }

    fn revoke_token(&self, id: &str, ends: u64, now: u64) -> Result<(), RegisterError> {
        // They end in the order in which they came. More are forgotten than are added, so there is no end of old ones.
        let oldest = "SELECT rowid FROM revoked_tokens ORDER BY rowid LIMIT 100";
        let sql = format!("DELETE FROM revoked_tokens WHERE rowid IN ({oldest}) AND expires <= ?1");
        self.write(&sql, [now])?;
        let sql = "INSERT INTO revoked_tokens (jti, expires) VALUES (?1, ?2) ON CONFLICT (jti) DO NOTHING";
        self.write(sql, params![id, ends]).map(drop)
    }

    fn roles(&self, of: &TenantId) -> Result<Vec<CustomRole>, RegisterError> {
        find_roles(self.0, of).map_err(failed)
    }

    fn put_role(&self, of: &TenantId, role: &CustomRole, now: u64) -> Result<(), RegisterError> {
        let sql = "INSERT INTO roles (tenant, name, actions, own_only, created) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (tenant, name) DO UPDATE SET actions = ?3, own_only = ?4";
        let actions = to_json(&role.actions).map_err(failed)?;
        self.write(sql, params![of.as_str(), role.name.as_str(), actions, role.own_only, now]).map(drop)
    }

    fn remove_role(&self, of: &TenantId, name: &RoleName) -> Result<bool, RegisterError> {
        let sql = "DELETE FROM roles WHERE tenant = ?1 AND name = ?2";
        Ok(self.write(sql, [of.as_str(), name.as_str()])? == 1)
    }

    fn policies(&self, of: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError> {
        find_policies(self.0, of).map_err(failed)
    }

    fn put_policy(&self, of: &TenantId, policy: &PolicyRecord) -> Result<(), RegisterError> {
        let sql = "INSERT INTO policies (tenant, name, text, created) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (tenant, name) DO UPDATE SET text = ?3, created = ?4";
        self.write(sql, params![of.as_str(), policy.name.as_str(), policy.text, policy.created]).map(drop)
    }

    fn remove_policy(&self, of: &TenantId, name: &PolicyName) -> Result<bool, RegisterError> {
        let sql = "DELETE FROM policies WHERE tenant = ?1 AND name = ?2";
        Ok(self.write(sql, [of.as_str(), name.as_str()])? == 1)
    }
}
