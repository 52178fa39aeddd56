use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Authorizer as Cedar, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicyId, Request, Response, RestrictedExpression as Value,
};
use jiff::Timestamp;

use super::builtin::{Builtin, Words};
use super::permit::DeniedReason;
use super::question::{Ask, Question, Resource, Wants};
use super::rules::Rules;
use crate::model::{Caller, Labels, PrincipalKind};

/// What the policies say, and which of them said it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub denied: Option<DeniedReason>,
    /// Those that decided, sorted; of a failure, those that failed.
    pub policies: Arc<[String]>,
    pub errors: Vec<String>,
}

impl Verdict {
    fn new(denied: Option<DeniedReason>, mut policies: Vec<String>) -> Self {
        policies.sort();
        policies.dedup();
        Self { denied, policies: policies.into(), errors: Vec::new() }
    }

    fn failed(policies: Vec<String>, errors: Vec<String>) -> Self {
        Self { errors, ..Self::new(Some(DeniedReason::Error), policies) }
    }
}

/// Asks Cedar. The built-in policies and those of the tenant are asked apart, since the former are shared by all
/// tenants; one answer is made of both by Cedar's own rule, that a forbid anywhere beats a permit anywhere.
pub(super) fn judge(cedar: &Cedar, builtin: &Builtin, rules: &Rules, question: &Question<'_>) -> Verdict {
    let (request, entities) = match put(builtin, question) {
        Ok(question) => question,
        Err(Unaskable(error)) => return Verdict::failed(Vec::new(), vec![error]),
    };
    let ours = cedar.is_authorized(&request, builtin.rules.for_action(question.action), &entities);
    let theirs = rules.for_action(question.action);
    match theirs.is_empty() {
        true => verdict(&[ours]),
        false => verdict(&[ours, cedar.is_authorized(&request, theirs, &entities)]),
    }
}

fn verdict(answers: &[Response]) -> Verdict {
    let failed = || answers.iter().flat_map(|answer| answer.diagnostics().errors());
    if failed().next().is_some() {
        // Cedar goes on without a policy that fails. Were it a forbid, the rest would permit, so the rest counts for
        // nothing.
        let ids = failed().map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string());
        return Verdict::failed(ids.collect(), failed().map(ToString::to_string).collect());
    }
    let reasons = |decision: Decision| {
        let saying = answers.iter().filter(move |answer| answer.decision() == decision);
        saying.flat_map(|answer| answer.diagnostics().reason().map(PolicyId::to_string)).collect::<Vec<_>>()
    };
    // A denial without a reason is one where no policy fits.
    let forbidding = reasons(Decision::Deny);
    if !forbidding.is_empty() {
        return Verdict::new(Some(DeniedReason::Forbidden), forbidding);
    }
    let permitting = reasons(Decision::Allow);
    match permitting.is_empty() {
        true => Verdict::new(Some(DeniedReason::NoPolicy), permitting),
        false => Verdict::new(None, permitting),
    }
}

/// A question that cannot be put to Cedar: a time beyond the year 9999, or a defect of ours.
struct Unaskable(String);

impl<E: std::error::Error> From<E> for Unaskable {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn missing(what: &str) -> Unaskable {
    Unaskable(format!("{what} is not in the schema"))
}

fn put(builtin: &Builtin, question: &Question<'_>) -> Result<(Request, Entities), Unaskable> {
    let Question { caller, action, resource, ask } = *question;
    let words = &builtin.words;
    let (action, action_entity) = words.action(action).ok_or_else(|| missing("the action"))?;
    let principal = uid(&words.principal, caller.principal.as_str());
    let object = uid(words.resource(resource.kind).ok_or_else(|| missing("the kind"))?, resource.id);
    let context = context(caller, ask)?;
    let entities = [
        principal_entity(words, principal.clone(), caller)?,
        resource_entity(words, object.clone(), caller, resource)?,
        action_entity.clone(),
    ];
    let request = Request::new(principal, action.clone(), object, context, Some(builtin.validator.schema()))?;
    Ok((request, Entities::from_entities(entities, None)?))
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

fn principal_entity(words: &Words, principal: EntityUid, caller: &Caller) -> Result<Entity, Unaskable> {
    let kind = match caller.kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
        PrincipalKind::Agent => "agent",
    };
    let attributes = [
        ("tenant".to_owned(), Value::new_entity_uid(uid(&words.tenant, caller.tenant.as_str()))),
        ("kind".to_owned(), Value::new_entity_uid(uid(&words.kind, kind))),
    ];
    let roles = caller.roles.iter().map(|role| uid(&words.role, role.as_str()));
    Ok(Entity::new_with_tags(principal, attributes, roles, tags(&caller.labels))?)
}

fn resource_entity(
    words: &Words,
    object: EntityUid,
    caller: &Caller,
    resource: &Resource<'_>,
) -> Result<Entity, Unaskable> {
    // A name means somebody within a tenant: the owner of another tenant's object is never the caller, though their
    // names be the same.
    let owner = resource.owner.filter(|_| resource.tenant == &caller.tenant);
    let tenant = Value::new_entity_uid(uid(&words.tenant, resource.tenant.as_str()));
    let owner = owner.map(|owner| Value::new_entity_uid(uid(&words.principal, owner.as_str())));
    let attributes = [("tenant".to_owned(), tenant)].into_iter().chain(owner.map(|owner| ("owner".to_owned(), owner)));
    Ok(Entity::new_with_tags(object, attributes, [], tags(resource.labels))?)
}

fn tags(labels: &Labels) -> impl Iterator<Item = (String, Value)> {
    labels.iter().map(|(key, value)| (key.clone(), Value::new_string(value.clone())))
}

fn context(caller: &Caller, ask: &Ask<'_>) -> Result<Context, Unaskable> {
    let now = Timestamp::from_second(i64::try_from(ask.now)?)?;
    // An IPv4 address that came through an IPv6 socket is in the ranges that people write for it.
    let address = caller.address.to_canonical();
    let pairs = [
        ("now".to_owned(), Value::new_datetime(now.to_string())),
        ("address".to_owned(), Value::new_ip(address.to_string())),
    ];
    let wants = ask.wants.map(wants).transpose()?.map(|wants| ("wants".to_owned(), wants));
    Ok(Context::from_pairs(pairs.into_iter().chain(wants))?)
}

fn wants(wants: &Wants) -> Result<Value, Unaskable> {
    // Cedar's numbers end at half of ours. A run that wants more than that wants as much as can be said.
    let long = |number: u64| Value::new_long(i64::try_from(number).unwrap_or(i64::MAX));
    Ok(Value::new_record([
        ("fuel".to_owned(), long(wants.fuel)),
        ("memory_bytes".to_owned(), long(wants.memory_bytes)),
        ("deadline_ms".to_owned(), long(wants.deadline_ms)),
        ("network".to_owned(), Value::new_bool(wants.network)),
        ("backend".to_owned(), Value::new_string(wants.backend.clone())),
    ])?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::authz::{Action, ResourceKind};
    use crate::model::{Credential, TenantId};

    /// Entities are not held to the schema each time, since they are always made in the same way; so it is done here.
    #[test]
    fn what_cedar_is_given_is_what_the_schema_says() {
        let builtin = Builtin::load().unwrap();
        let labels: Labels = [("team".to_owned(), "blue".to_owned())].into();
        let caller = Caller {
            tenant: "acme".parse().unwrap(),
            principal: "it".parse().unwrap(),
            kind: PrincipalKind::Service,
            roles: Arc::from(["viewer".parse().unwrap(), "it".parse().unwrap()]),
            labels: Arc::new(labels.clone()),
            scopes: None,
            credential: Credential::Token { issuer: String::new(), id: String::new() },
            expires: None,
            address: "::1".parse().unwrap(),
        };
        let wants =
            Wants { fuel: u64::MAX, memory_bytes: 0, deadline_ms: 1, network: true, backend: "wasm".to_owned() };
        let tenants: [TenantId; 2] = ["acme".parse().unwrap(), "globex".parse().unwrap()];
        for &action in Action::ALL {
            for tenant in &tenants {
                for (owner, wants) in [(Some(&caller.principal), Some(&wants)), (None, None)] {
                    let resource = Resource { kind: action.kind(), tenant, id: "it", owner, labels: &labels };
                    let question =
                        Question { caller: &caller, action, resource: &resource, ask: &Ask { now: 0, wants } };
                    let (_, entities) = put(&builtin, &question).unwrap_or_else(|Unaskable(error)| panic!("{error}"));
                    let schema = builtin.validator.schema();
                    Entities::from_entities(entities, Some(schema)).unwrap();
                }
            }
        }
        let actions: Vec<_> = builtin.validator.schema().actions().map(|uid| uid.id().unescaped().to_owned()).collect();
        let known = |id: &String| id.ends_with(":*") || id.parse::<Action>().is_ok();
        assert!(actions.iter().all(known), "the schema knows an action that the table does not: {actions:?}");
        assert_eq!(
            ResourceKind::ALL.len(),
            builtin.validator.schema().resources().collect::<std::collections::BTreeSet<_>>().len()
        );
    }
}
