use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::action::Action;
use super::builtin::Builtin;
use super::cache::{Answers, Key};
use super::check::{self, Checked};
use super::error::PolicyError;
use super::judge::{Verdict, judge};
use super::keeping::Candidate;
use super::permit::{Denied, DeniedReason, Permit};
use super::question::{Ask, Question, Resource, ResourceKind};
use super::role::CustomRole;
use super::rules::Rules;
use crate::model::{Caller, PolicyName, TenantId};

/// Decides. One for the whole service; it is asked from many threads at once.
pub struct Authorizer {
    cedar: cedar_policy::Authorizer,
    builtin: Builtin,
    /// A tenant that is not here has rules that are not known, and is denied everything.
    tenants: RwLock<HashMap<TenantId, Arc<InForce>>>,
    versions: AtomicU64,
    answers: Answers,
    /// Nobody comes from another machine.
    pub(super) only_here: bool,
}

/// The rules of one tenant. No two ever have the same version.
pub(super) struct InForce {
    version: u64,
    pub(super) rules: Rules,
}

impl Authorizer {
    /// Reads the schema and the built-in policies. An error is a defect of ours.
    pub fn new() -> Result<Self, PolicyError> {
        Ok(Self {
            cedar: cedar_policy::Authorizer::new(),
            builtin: Builtin::load()?,
            tenants: RwLock::default(),
            versions: AtomicU64::new(0),
            answers: Answers::new(),
            only_here: false,
        })
    }

    /// Whether the service is reached from this machine only.
    #[must_use]
    pub fn reached_only_here(self, only_here: bool) -> Self {
        Self { only_here, ..self }
    }

    /// Whether a text would be taken as a policy of a tenant.
    pub fn check(&self, name: &PolicyName, text: &str) -> Result<Checked, PolicyError> {
        check::text(&self.builtin.validator, name, text).map(|text| text.checked)
    }

    /// Puts the rules of a tenant in force, all at once; where one of them is not right, those before stay. A tenant
    /// without rules of its own is set too, with none: until then it is denied everything.
    pub fn set_tenant(
        &self,
        tenant: &TenantId,
        policies: &[(PolicyName, String)],
        roles: &[CustomRole],
    ) -> Result<(), PolicyError> {
        let rules = Rules::of_tenant(&self.builtin.validator, policies, roles)?;
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        self.replace(tenant, Some(InForce { version, rules }));
        Ok(())
    }

    /// Whether rules would be taken; nothing changes.
    pub fn would_take(
        &self,
        policies: &[(PolicyName, String)],
        roles: &[CustomRole],
    ) -> Result<Candidate, PolicyError> {
        Rules::of_tenant(&self.builtin.validator, policies, roles).map(Candidate)
    }

    /// The tenant is gone: nothing in it is allowed any more.
    pub fn remove_tenant(&self, tenant: &TenantId) {
        self.replace(tenant, None);
    }

    /// The rules of the tenant could not be loaded: everything in it is denied until they are set.
    pub fn poison_tenant(&self, tenant: &TenantId) {
        self.replace(tenant, None);
    }

    fn replace(&self, tenant: &TenantId, rules: Option<InForce>) {
        // Nothing can be half done when a writer of a map panics here, so a poisoned lock is as good as another.
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let old = match rules {
            Some(rules) => tenants.insert(tenant.clone(), Arc::new(rules)),
            None => tenants.remove(tenant),
        };
        // Taking a hundred policies apart takes a while; nobody has to wait for it.
        drop(tenants);
        drop(old);
    }

    /// May the caller do this?
    pub fn decide(
        &self,
        caller: &Caller,
        action: Action,
        resource: &Resource<'_>,
        ask: &Ask<'_>,
    ) -> Result<Permit, Denied> {
        let question = Question { caller, action, resource, ask };
        let denied = |reason, policies| Denied { action, reason, policies };
        let in_force = self.admit(&question).map_err(|reason| denied(reason, Vec::new()))?;
        let verdict = self.remembered(&in_force, &question);
        match verdict.denied {
            None => Ok(Permit::new(&question, &verdict.policies)),
            Some(reason) => Err(denied(reason, verdict.policies.to_vec())),
        }
    }

    /// The same question once more: may the caller, as he is now, still do what was permitted?
    pub fn again(&self, permit: &Permit, caller: &Caller, now: u64) -> Result<Permit, Denied> {
        self.decide(caller, permit.action(), &permit.resource(), &Ask { now, wants: permit.wants() })
    }

    /// What no policy can change: it comes before the policies are asked. The rules are those of the caller's tenant,
    /// also where the house asks about another one.
    pub(super) fn admit(&self, question: &Question<'_>) -> Result<Arc<InForce>, DeniedReason> {
        let Question { caller, action, resource, ask } = *question;
        if caller.expires.is_some_and(|expires| expires <= ask.now) {
            return Err(DeniedReason::Expired);
        }
        if caller.scopes.as_ref().is_some_and(|scopes| !scopes.iter().any(|scope| action.fits(scope))) {
            return Err(DeniedReason::Scope);
        }
        // A tenant is its own object. Were the two names to differ, one would be asked about and the other acted upon.
        let misnamed = resource.kind == ResourceKind::Tenant && resource.id != resource.tenant.as_str();
        if resource.kind != action.kind() || misnamed {
            return Err(DeniedReason::Error);
        }
        self.in_force(&caller.tenant).ok_or(DeniedReason::Poisoned)
    }

    pub(super) fn in_force(&self, tenant: &TenantId) -> Option<Arc<InForce>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    pub(super) fn builtin(&self) -> &Builtin {
        &self.builtin
    }

    pub(super) fn cedar(&self) -> &cedar_policy::Authorizer {
        &self.cedar
    }

    fn remembered(&self, in_force: &InForce, question: &Question<'_>) -> Arc<Verdict> {
        let reads = self.builtin.rules.reads.and(in_force.rules.reads);
        let key = Key::of(in_force.version, reads, question);
        if let Some(verdict) = self.answers.get(&key) {
            return verdict;
        }
        // What went wrong is for `explain`, which asks anew; an answer that is kept has a bounded size.
        let verdict = Arc::new(Verdict { errors: Vec::new(), ..self.judged(in_force, question) });
        self.answers.put(key, &verdict);
        verdict
    }

    /// Asks the policies themselves.
    pub(super) fn judged(&self, in_force: &InForce, question: &Question<'_>) -> Verdict {
        judge(&self.cedar, &self.builtin, &in_force.rules, question)
    }
}
