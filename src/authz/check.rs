use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode, ValidationResult, ValidationWarning, Validator};
use serde::Serialize;

use super::bounds;
use super::error::{FAULTS, Fault, PolicyError};
use crate::model::PolicyName;

/// The most bytes of one text, of all texts of a tenant together, and the most policies in all of them.
pub const POLICY_BYTES: usize = 64 << 10;
pub const TENANT_BYTES: usize = 256 << 10;
pub const TENANT_POLICIES: usize = 100;
/// The most operators and operands in the conditions of all of them: each may be looked at for each decision, and a list
/// asks for a thousand of those. So many take Cedar less than a millisecond.
pub const TENANT_PARTS: usize = 6_000;

/// How many steps a policy may follow from the principal or the resource: to what is theirs and no further. What lies
/// beyond is not given to Cedar, so a policy that went there would fail each time.
const STEPS: u32 = 1;

/// A text that would be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub name: PolicyName,
    /// The ids by which decisions name the policies of the text, in its order.
    pub policies: Vec<String>,
    /// What is allowed but may be a mistake: letters that look like others.
    pub warnings: Vec<Fault>,
}

/// The policies of one text, each under the id that decisions will name.
#[derive(Debug)]
pub(super) struct Text {
    pub policies: Vec<Policy>,
    pub checked: Checked,
}

pub(super) fn text(validator: &Validator, name: &PolicyName, text: &str) -> Result<Text, PolicyError> {
    let parsed = parse(name, text)?;
    let policies = renamed(name, text, &parsed)?;
    let ids = policies.iter().map(|policy| policy.id().to_string()).collect();
    let set = PolicySet::from_policies(policies.iter().cloned())
        .map_err(|_| PolicyError::DuplicateId { policy: name.clone(), id: first_twice(&policies) })?;
    let result = validate(validator, &set);
    let starts = Starts { text, policies: &parsed, renamed: &policies };
    let mut faults = starts.errors(&result);
    if faults.is_empty() {
        faults = starts.warnings(&result, |warning| !is_harmless(warning));
    }
    if !faults.is_empty() || !result.validation_passed() {
        return Err(PolicyError::Invalid { policy: name.clone(), faults });
    }
    let warnings = starts.warnings(&result, is_harmless);
    Ok(Text { checked: Checked { name: name.clone(), policies: ids, warnings }, policies })
}

pub(super) fn validate(validator: &Validator, set: &PolicySet) -> ValidationResult {
    validator.validate_with_level(set, ValidationMode::Strict, STEPS)
}

/// Letters of several scripts in one word may be a trick or a language. The other warnings are of policies that can
/// never apply and of text that does not read as it looks: a `forbid` like that is one that somebody relies on in vain.
fn is_harmless(warning: &ValidationWarning) -> bool {
    use ValidationWarning::{ConfusableIdentifier, MixedScriptIdentifier, MixedScriptString};
    matches!(warning, MixedScriptString(_) | MixedScriptIdentifier(_) | ConfusableIdentifier(_))
}

/// The policies in the order of the text.
fn parse(name: &PolicyName, text: &str) -> Result<Vec<Policy>, PolicyError> {
    let policy = || name.clone();
    if text.len() > POLICY_BYTES {
        return Err(PolicyError::TooLong { policy: policy(), bytes: text.len() });
    }
    if let Some((offset, what)) = bounds::exceeded(text) {
        return Err(PolicyError::TooComplicated { policy: policy(), fault: Fault::at(text, offset, &what) });
    }
    let set: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| PolicyError::Syntax {
        policy: policy(),
        faults: Fault::all(text, 0, &DetailedError::from(&errors)),
    })?;
    if set.templates().next().is_some() {
        return Err(PolicyError::Template { policy: policy() });
    }
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    if policies.is_empty() {
        return Err(PolicyError::Empty { policy: policy() });
    }
    if policies.len() > TENANT_POLICIES {
        return Err(PolicyError::TooMany { policies: policies.len() });
    }
    policies.sort_by_key(|policy| number(policy.id()));
    Ok(policies)
}

/// Cedar calls them `policy0`, `policy1` and so on.
fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(usize::MAX)
}

/// To Cedar an @id is a comment; here it becomes the name of the policy. Without one the policy has the name of the
/// text, with a number where there are several: `#` is in no @id, so that the two cannot meet.
fn renamed(name: &PolicyName, text: &str, parsed: &[Policy]) -> Result<Vec<Policy>, PolicyError> {
    let many = parsed.len() > 1;
    let rename = |(index, policy): (usize, &Policy)| match policy.annotation("id") {
        Some(id) if id.parse::<PolicyName>().is_ok() => Ok(policy.new_id(PolicyId::new(id))),
        Some(id) => {
            let fault = Fault::at(text, start_of(text, policy), &format!("`{id}` is none"));
            Err(PolicyError::BadId { policy: name.clone(), fault })
        }
        None if many => Ok(policy.new_id(PolicyId::new(format!("{name}#{}", index + 1)))),
        None => Ok(policy.new_id(PolicyId::new(name.as_str()))),
    };
    parsed.iter().enumerate().map(rename).collect()
}

fn first_twice(policies: &[Policy]) -> String {
    let mut seen = std::collections::BTreeSet::new();
    policies.iter().map(|policy| policy.id().to_string()).find(|id| !seen.insert(id.clone())).unwrap_or_default()
}

/// Cedar keeps the words of a policy as they stood; the first place where they stand is as near as can be told.
fn start_of(text: &str, policy: &Policy) -> usize {
    policy.to_cedar().and_then(|words| text.find(&words)).unwrap_or_default()
}

/// Finds the beginning of a policy for what Cedar tells without a place.
struct Starts<'a> {
    text: &'a str,
    policies: &'a [Policy],
    renamed: &'a [Policy],
}

impl Starts<'_> {
    fn errors(&self, result: &ValidationResult) -> Vec<Fault> {
        let errors = result.validation_errors().map(|error| (error.policy_id(), DetailedError::from(error)));
        self.faults(errors)
    }

    fn warnings(&self, result: &ValidationResult, of: impl Fn(&ValidationWarning) -> bool) -> Vec<Fault> {
        let warnings = result.validation_warnings().filter(|warning| of(warning));
        self.faults(warnings.map(|warning| (warning.policy_id(), DetailedError::from(warning))))
    }

    /// In the order of the text, one for each place: Cedar tells a fault again for every action that it concerns.
    fn faults<'e>(&self, told: impl Iterator<Item = (&'e PolicyId, DetailedError)>) -> Vec<Fault> {
        let mut faults: Vec<Fault> =
            told.flat_map(|(id, error)| Fault::all(self.text, self.start(id), &error)).collect();
        faults.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        faults.dedup_by_key(|fault| (fault.line, fault.column));
        faults.truncate(FAULTS);
        faults
    }

    fn start(&self, id: &PolicyId) -> usize {
        let index = self.renamed.iter().position(|policy| policy.id() == id);
        index.and_then(|index| self.policies.get(index)).map_or(0, |policy| start_of(self.text, policy))
    }
}
