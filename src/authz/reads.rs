use std::net::IpAddr;

use serde_json::Value;

use super::error::PolicyError;

/// What of a question some policies can see, beyond what every answer is kept by. It decides how long an answer lasts:
/// what no policy reads may change without the answer changing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub now: bool,
    pub address: bool,
    pub wants: bool,
    /// Which object it is, and not only whose, of what kind and with which labels.
    pub resource_id: bool,
}

impl Reads {
    const ALL: Self = Self { now: true, address: true, wants: true, resource_id: true };

    pub fn of<'a>(policies: impl IntoIterator<Item = &'a cedar_policy::Policy>) -> Result<Self, PolicyError> {
        let mut reads = Self::default();
        for policy in policies {
            let json = policy.to_json().map_err(|error| PolicyError::Internal(error.to_string()))?;
            reads.policy(&json);
        }
        Ok(reads)
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            now: self.now || other.now,
            address: self.address || other.address,
            wants: self.wants || other.wants,
            resource_id: self.resource_id || other.resource_id,
        }
    }

    /// In Cedar's JSON the scope stands apart from the conditions, and there the resource is not a variable.
    fn policy(&mut self, json: &Value) {
        match json.pointer("/resource/op").and_then(Value::as_str) {
            Some("All") => {}
            Some("is") if json.pointer("/resource/in").is_none() => {}
            _ => self.resource_id = true,
        }
        match json.get("conditions") {
            Some(conditions) => self.expression(conditions),
            None => *self = Self::ALL,
        }
    }

    /// An attribute, a tag or the type of a variable is one thing that is read; a variable that stands in any other
    /// place may be read as a whole. Whatever is not known here falls to the latter.
    fn expression(&mut self, json: &Value) {
        match json {
            Value::Array(items) => items.iter().for_each(|item| self.expression(item)),
            Value::Object(fields) => fields.iter().for_each(|(operator, operands)| {
                if operator == "Var" {
                    self.whole(operands);
                } else if !self.part(operator, operands) {
                    self.expression(operands);
                }
            }),
            _ => {}
        }
    }

    fn whole(&mut self, variable: &Value) {
        match variable.as_str() {
            Some("principal" | "action") => {}
            Some("resource") => self.resource_id = true,
            _ => *self = Self::ALL,
        }
    }

    /// Whether this was the reading of a part of a variable.
    fn part(&mut self, operator: &str, operands: &Value) -> bool {
        let variable = operands.pointer("/left/Var").and_then(Value::as_str);
        match (variable, operator) {
            (Some("resource"), "." | "has") => true,
            (Some("resource"), "is") => operands.get("in").is_none(),
            (Some("resource"), "hasTag" | "getTag") => {
                self.expression(operands.get("right").unwrap_or(&Value::Null));
                true
            }
            (Some("context"), "." | "has") => {
                // `has a.b` holds a list, whose first is the attribute of the variable.
                let attributes = operands.get("attr");
                let first = attributes.and_then(|attributes| attributes.get(0)).or(attributes);
                self.context(first.and_then(Value::as_str))
            }
            _ => false,
        }
    }

    fn context(&mut self, attribute: Option<&str>) -> bool {
        match attribute {
            Some("now") => self.now = true,
            Some("address") => self.address = true,
            Some("wants") => self.wants = true,
            _ => return false,
        }
        true
    }
}

/// The most addresses that are looked for, and the most dates.
const ADDRESSES: usize = 12;
pub(super) const DATES: usize = 12;

/// What policies can see and what they name, where they may concern whoever changes policies.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub reads: Reads,
    /// Of ranges the first; not more than some.
    pub addresses: Vec<IpAddr>,
    /// Days, as they begin in UTC, in seconds since 1970; one more than there may be, where there are more.
    pub dates: Vec<u64>,
}

impl Named {
    pub fn by(policies: &[&cedar_policy::Policy]) -> Result<Self, PolicyError> {
        let mut named = Self { reads: Reads::of(policies.iter().copied())?, ..Self::default() };
        for policy in policies {
            named.look(&policy.to_json().map_err(|error| PolicyError::Internal(error.to_string()))?);
        }
        named.dates.sort_unstable();
        Ok(named)
    }

    fn look(&mut self, json: &Value) {
        match json {
            Value::Array(items) => items.iter().for_each(|item| self.look(item)),
            Value::Object(fields) => fields.iter().for_each(|(operator, operands)| {
                let said = operands.pointer("/0/Value").and_then(Value::as_str);
                match (operator.as_str(), said) {
                    ("ip", Some(text)) => self.address(text),
                    ("datetime", Some(text)) => self.date(text),
                    _ => self.look(operands),
                }
            }),
            _ => {}
        }
    }

    fn address(&mut self, text: &str) {
        let address = text.split('/').next().and_then(|text| text.parse().ok());
        let new = address.filter(|address| self.addresses.len() < ADDRESSES && !self.addresses.contains(address));
        self.addresses.extend(new);
    }

    fn date(&mut self, text: &str) {
        let day = text.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok());
        let begins = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
        // What was before 1970 is long over.
        let begins = begins.and_then(|at| u64::try_from(at.timestamp().as_second()).ok());
        self.dates.extend(begins.filter(|date| self.dates.len() <= DATES && !self.dates.contains(date)));
    }
}

/// Whether what a policy says depends on who asks: on his name, roles, kind, labels or tenant.
pub(super) fn asks_who(policy: &cedar_policy::Policy) -> Result<bool, PolicyError> {
    let json = policy.to_json().map_err(|error| PolicyError::Internal(error.to_string()))?;
    let anybody = json.pointer("/principal/op").and_then(Value::as_str) == Some("All");
    Ok(!anybody || json.get("conditions").is_none_or(names_principal))
}

fn names_principal(json: &Value) -> bool {
    match json {
        Value::Array(items) => items.iter().any(names_principal),
        Value::Object(fields) => fields.iter().any(|(operator, operand)| {
            (operator == "Var" && operand.as_str() == Some("principal")) || names_principal(operand)
        }),
        _ => false,
    }
}

/// How many operators and operands the conditions of a policy have, and one for the policy itself.
pub(super) fn parts(policy: &cedar_policy::Policy) -> Result<usize, PolicyError> {
    let json = policy.to_json().map_err(|error| PolicyError::Internal(error.to_string()))?;
    let conditions = json.get("conditions").and_then(Value::as_array).into_iter().flatten();
    Ok(1 + conditions.filter_map(|condition| condition.get("body")).map(parts_of).sum::<usize>())
}

/// In Cedar's JSON an expression is an operator over its operands, which have names or stand in a list.
fn parts_of(json: &Value) -> usize {
    let operands = |(operator, operands): (&String, &Value)| match operands {
        // A set or a record may be written down as one literal.
        value if operator == "Value" => leaves(value),
        Value::Object(named) => 1 + named.values().map(parts_of).sum::<usize>(),
        other => 1 + parts_of(other),
    };
    match json {
        Value::Array(items) => items.iter().map(parts_of).sum(),
        Value::Object(fields) => fields.iter().map(operands).sum(),
        _ => 0,
    }
}

fn leaves(literal: &Value) -> usize {
    match literal {
        Value::Array(items) => 1 + items.iter().map(leaves).sum::<usize>(),
        Value::Object(fields) if !fields.keys().any(|name| name.starts_with("__")) => {
            1 + fields.values().map(leaves).sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> Reads {
        let policy = format!("permit (principal, action, resource) when {{ {condition} }};");
        Reads::of([&cedar_policy::Policy::parse(None, policy).unwrap()]).unwrap()
    }

    #[test]
    fn a_direct_reading_counts_and_nothing_else_does() {
        let none = Reads::default();
        for (condition, expected) in [
            ("resource.owner == principal && resource has owner", none),
            ("resource is Run && resource.hasTag(\"a\") && resource.getTag(\"a\") == \"context\"", none),
            ("context.now < datetime(\"2030-01-01\")", Reads { now: true, ..none }),
            ("context.address.isInRange(ip(\"10.0.0.0/8\"))", Reads { address: true, ..none }),
            ("context has wants", Reads { wants: true, ..none }),
            ("context has wants.fuel && context.wants.fuel > 3", Reads { wants: true, ..none }),
            ("context[\"wants\"].network", Reads { wants: true, ..none }),
            ("resource == Run::\"a\"", Reads { resource_id: true, ..none }),
            ("resource is Run in Tenant::\"a\"", Reads { resource_id: true, ..none }),
            ("[resource].contains(resource)", Reads { resource_id: true, ..none }),
            ("resource.hasTag(context.wants.backend)", Reads { wants: true, ..none }),
        ] {
            assert_eq!(reads(condition), expected, "{condition}");
        }
    }

    #[test]
    fn each_operator_and_operand_counts() {
        for (condition, expected) in [
            ("true", 1),
            ("resource == Run::\"a\"", 3),
            ("resource == Run::\"a\" || resource == Run::\"b\"", 7),
            ("[\"a\", \"b\", \"c\"].contains(\"d\")", 6),
            ("if principal has labels then true else 1 < 2", 7),
            ("resource.hasTag(\"a\") && resource.getTag(\"a\") like \"a*b\"", 10),
            ("{a: 1, b: [2, 3]}.a == 1", 8),
        ] {
            let text = format!("permit (principal, action, resource) when {{ {condition} }};");
            let policy = cedar_policy::Policy::parse(None, text).unwrap();
            assert_eq!(parts(&policy).unwrap(), 1 + expected, "{condition}: {}", policy.to_json().unwrap());
        }
    }

    #[test]
    fn a_context_that_is_used_as_a_whole_is_read_as_a_whole() {
        for condition in ["context == {a: 1}", "[context].isEmpty()", "(if true then context else context).now == 1"] {
            assert_eq!(reads(condition), Reads::ALL, "{condition}");
        }
    }

    #[test]
    fn a_scope_that_names_an_object_reads_which_it_is() {
        for scope in ["resource == Run::\"a\"", "resource in Tenant::\"a\"", "resource is Run in Tenant::\"a\""] {
            let policy = cedar_policy::Policy::parse(None, format!("permit (principal, action, {scope});")).unwrap();
            assert!(Reads::of([&policy]).unwrap().resource_id, "{scope}");
        }
        let policy = cedar_policy::Policy::parse(None, "permit (principal, action, resource is Run);").unwrap();
        assert_eq!(Reads::of([&policy]).unwrap(), Reads::default());
    }
}
