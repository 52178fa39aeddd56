use std::sync::Arc;

use bytes::Bytes;

use super::error::SandboxError;
use super::hall::{Hall, covers, covers_in, now};
use super::record::ComponentRecord;
use crate::authz::{Action, Permit};
use crate::engine::{Build, Program};
use crate::model::{Digest, Labels, Mode, Preset, TenantId};

impl Hall {
    /// Takes a program in: it is read, checked and compiled, and kept once. Whether it is new to the tenant.
    pub async fn submit(
        &self,
        permit: &Permit,
        bytes: Bytes,
        labels: Labels,
    ) -> Result<(Arc<ComponentRecord>, bool), SandboxError> {
        covers_in(permit, Action::ComponentsCreate)?;
        self.open()?;
        let tenant = permit.tenant();
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let ceilings = self.ceilings(tenant)?;
        let room = self.inner().quota.store(tenant, &ceilings, size)?;
        let build = Build::of(&Preset::Small.limits(), Mode::Ordinary);
        let program = self.engine().load(bytes.clone(), build).await?;
        let digest = program.description().digest;
        if let Some(known) = self.known(tenant, digest)? {
            return Ok((known, false));
        }
        let record = ComponentRecord {
            tenant: tenant.clone(),
            digest,
            owner: permit.principal().clone(),
            bytes: size,
            labels,
            description: serde_json::to_value(program.description())
                .map_err(|error| SandboxError::Internal(error.to_string()))?,
            created: now(),
        };
        self.inner().ledger.keep_content(digest, bytes).await?;
        if self.inner().ledger.add_component(record.clone()).await? {
            room.keep();
            Ok((Arc::new(record), true))
        } else {
            let known = self.known(tenant, digest)?;
            known.map(|known| (known, false)).ok_or_else(|| SandboxError::NoComponent(digest.to_string()))
        }
    }

    /// One that the tenant has, for whoever is then asked whether he may see it.
    pub fn known(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Arc<ComponentRecord>>, SandboxError> {
        let key = (tenant.clone(), digest);
        if let Some(known) = self.inner().components.get(&key) {
            return Ok(Some(known));
        }
        let Some(record) = self.inner().ledger.component(tenant, digest)? else { return Ok(None) };
        let record = Arc::new(record);
        self.inner().components.insert(key, Arc::clone(&record));
        Ok(Some(record))
    }

    /// In the order of their digests.
    pub fn components(
        &self,
        tenant: &TenantId,
        after: Option<Digest>,
        most: u32,
    ) -> Result<Vec<ComponentRecord>, SandboxError> {
        Ok(self.inner().ledger.components(tenant, after, most)?)
    }

    pub async fn delete_component(&self, permit: &Permit, digest: Digest) -> Result<(), SandboxError> {
        covers(permit, Action::ComponentsDelete, permit.tenant(), &digest.to_string())?;
        let tenant = permit.tenant();
        let missing = || SandboxError::NoComponent(digest.to_string());
        let known = self.known(tenant, digest)?.ok_or_else(missing)?;
        let removed = self.inner().ledger.remove_component(tenant, digest).await?;
        self.inner().components.invalidate(&(tenant.clone(), digest));
        if !removed {
            return Err(missing());
        }
        self.inner().quota.stored(tenant, 0, known.bytes);
        Ok(())
    }

    /// A program that is ready to run, from memory where it is there.
    pub(super) async fn ready(&self, digest: Digest, build: Build) -> Result<Arc<Program>, SandboxError> {
        if let Some(program) = self.engine().ready(digest, build).await {
            return Ok(program);
        }
        let content = self.inner().ledger.content(digest).await?;
        let content = content.ok_or_else(|| SandboxError::NoComponent(digest.to_string()))?;
        Ok(self.engine().load(content, build).await?)
    }

    /// What a request may bring as a program.
    pub fn check_size(&self, bytes: u64) -> Result<(), SandboxError> {
        let limit = self.engine().settings().module_bytes;
        if bytes > limit { Err(SandboxError::TooLarge { bytes, limit }) } else { Ok(()) }
    }
}
