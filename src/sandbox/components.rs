use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use super::error::SandboxError;
use super::hall::{Hall, covers, covers_in};
use super::ledger::LedgerError;
use super::record::{ComponentRecord, Wants};
use crate::authz::{Action, Permit};
use crate::engine::{Build, Program};
use crate::model::{Digest, Json, Labels, Mode, Preset, TenantId, Weight};

/// A component that was taken in, and what is said of it.
#[derive(Debug)]
pub struct Submitted {
    pub record: Arc<ComponentRecord>,
    pub described: Json,
    /// The tenant did not have it.
    pub new: bool,
}

impl Hall {
    /// Takes a program in: it is read, checked and compiled, and kept once, with what is said of it. What it has in memory
    /// counts until it is kept, also when the caller has gone away.
    pub async fn submit(
        &self,
        permit: &Permit,
        bytes: Bytes,
        labels: Labels,
        counted: Option<Box<dyn Any + Send>>,
    ) -> Result<Submitted, SandboxError> {
        covers_in(permit, Action::ComponentsCreate)?;
        self.open()?;
        let tenant = permit.tenant();
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let whole = bytes.clone();
        // It is a stranger's, and may be large.
        let digest = self.apart(tenant, move || Digest::of(&whole)).await?;
        // Before anything is compiled; what the tenant has already takes no more of it.
        let room = match self.inner().ledger.component(tenant, digest)? {
            Some(_) => None,
            None => {
                let room = self.room(tenant).await?;
                self.take(tenant, &room, Weight { bytes: size, files: 1 }).await?;
                Some(room)
            }
        };
        let build = Build::of(&Preset::Small.limits(), Mode::Ordinary);
        let program = self.engine().load(bytes.clone(), build).await?;
        let about = program.description();
        let described = Json::written(about).map_err(|error| SandboxError::Internal(error.to_string()))?;
        let more = u64::try_from(described.text().len()).unwrap_or(u64::MAX);
        if let Some(room) = &room {
            // A few lines of a program can say much.
            self.take(tenant, room, Weight { bytes: more, files: 0 }).await?;
        }
        let record = ComponentRecord {
            tenant: tenant.clone(),
            digest,
            owner: permit.principal().clone(),
            bytes: size,
            labels,
            kind: about.kind,
            command: about.command,
            wants: Wants::of(about),
            created: self.now(),
        };
        let (hall, kept, text) = (self.clone(), record.clone(), described.clone());
        // To the end, also when the caller has gone away: its room is given back when the row counts.
        let keeping = self.to_its_end(async move {
            let _counted = counted;
            let new = hall.inner().ledger.keep_component(kept.clone(), text, bytes).await?;
            if new {
                let weight = Weight { bytes: size.saturating_add(more), files: 1 };
                hall.count_rows_apart(&kept.tenant, weight).await;
            }
            drop(room);
            Ok(new)
        });
        if keeping.await? {
            return Ok(Submitted { record: Arc::new(record), described, new: true });
        }
        let known = self.known(tenant, digest)?.ok_or_else(|| SandboxError::NoComponent(digest.to_string()))?;
        Ok(Submitted { record: known, described, new: false })
    }

    /// What the engine said of one when it was submitted; for those who may wait for the disk.
    pub fn described(&self, permit: &Permit, digest: Digest) -> Result<Json, SandboxError> {
        covers(permit, Action::ComponentsRead, permit.tenant(), &digest.to_string())?;
        let found = self.inner().ledger.described(permit.tenant(), digest)?;
        found.ok_or_else(|| SandboxError::NoComponent(digest.to_string()))
    }

    /// One that the tenant has, for whoever is then asked whether he may see it.
    pub fn known(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Arc<ComponentRecord>>, SandboxError> {
        let key = (tenant.clone(), digest);
        if let Some(known) = self.inner().components.get(&key) {
            return Ok(Some(known));
        }
        let Some(record) = self.inner().ledger.component(tenant, digest)? else { return Ok(None) };
        let record = Arc::new(record);
        self.inner().components.insert(key.clone(), Arc::clone(&record));
        // Whoever deleted it meanwhile told the cache before or after this; if it was before, we see it here.
        if self.inner().ledger.component(tenant, digest)?.is_none() {
            self.inner().components.invalidate(&key);
            return Ok(None);
        }
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
        let removed = self.inner().ledger.remove_component(tenant, digest).await?;
        self.inner().components.invalidate(&(tenant.clone(), digest));
        if !removed {
            return Err(missing());
        }
        self.count_rows_apart(tenant, Weight::default()).await;
        Ok(())
    }

    /// A program that is ready to run, from memory where it is there.
    pub(super) async fn ready(&self, digest: Digest, build: Build) -> Result<Arc<Program>, SandboxError> {
        if let Some(program) = self.engine().ready(digest, build).await {
            return Ok(program);
        }
        let content = self.inner().ledger.content(digest).await.inspect_err(|error| {
            if let LedgerError::Damaged(digest) = error {
                tracing::error!(component = %digest, "the bytes of a component are damaged on the disk");
            }
        })?;
        let content = content.ok_or_else(|| SandboxError::NoComponent(digest.to_string()))?;
        Ok(self.engine().load(content, build).await?)
    }

    /// What a request may bring as a program.
    pub fn check_size(&self, bytes: u64) -> Result<(), SandboxError> {
        let limit = self.engine().settings().module_bytes;
        if bytes > limit { Err(SandboxError::TooLarge { bytes, limit }) } else { Ok(()) }
    }
}
