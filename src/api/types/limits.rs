use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::strict;
use super::wire::{Change, Whole};
use crate::model::{Ceilings, LimitName, Limits, Preset};
use crate::sandbox::LimitsAsk;

macro_rules! limits {
    ($($field:ident)*) => {
        /// What a run may spend: a preset, and numbers on top of it. What is above the ceilings of the tenant is cut, and
        /// the answer says so.
        #[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::api) struct LimitsBody {
            /// `small` where nothing is said: a fraction of a second, tens of megabytes.
            #[schema(value_type = Option<String>, pattern = "^(small|medium|large)$")]
            preset: Option<Preset>,
            $($field: Option<Whole>,)*
        }

        impl LimitsBody {
            pub(in crate::api) fn ask(&self) -> LimitsAsk {
                let named = [$((stringify!($field), self.$field)),*];
                let known = |name: &str| LimitName::ALL.iter().copied().find(|limit| limit.as_str() == name);
                let set = named.into_iter().filter_map(|(name, value)| Some((known(name)?, value?.0))).collect();
                LimitsAsk { preset: self.preset, set }
            }
        }

        /// Each limit.
        #[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::api) struct AllLimits {
            $($field: Whole,)*
        }

        impl From<AllLimits> for Limits {
            fn from(body: AllLimits) -> Self {
                Self { $($field: body.$field.0,)* }
            }
        }

        impl From<&Limits> for AllLimits {
            fn from(limits: &Limits) -> Self {
                Self { $($field: Whole(limits.$field),)* }
            }
        }

        /// A change of limits: those that it names, and no others.
        #[derive(Debug, Clone, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::api) struct LimitsPatch {
            $(#[serde(default)] #[schema(value_type = Option<Whole>)] $field: Change<Whole>,)*
        }

        impl LimitsPatch {
            fn onto(self, now: Limits, widest: Limits) -> Limits {
                Limits { $($field: self.$field.of(now.$field, widest.$field),)* }
            }
        }

        #[cfg(test)]
        const FIELDS: &[&str] = &[$(stringify!($field)),*];
    };
}

limits! {
    fuel deadline_ms memory_bytes table_elements instances stack_bytes stdout_bytes stderr_bytes args_bytes env_bytes
    stdin_bytes result_bytes open_files entries_read files_created written_bytes resources hostcall_bytes
    tool_calls
}

/// The most that a tenant may have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CeilingsBody {
    /// The most of each limit that one run may have.
    #[serde(deserialize_with = "strict::named")]
    limits: AllLimits,
    clocks: bool,
    randomness: bool,
    concurrent_runs: Whole,
    runs_per_minute: Whole,
    fuel_per_minute: Whole,
    live_sandboxes: Whole,
    /// Interpreters that live over several calls.
    live_sessions: Whole,
    sandbox_seconds: Whole,
    /// Components, workspaces and the files of sandboxes.
    storage_bytes: Whole,
    /// Files, folders, links and components.
    storage_files: Whole,
    /// Keys that are neither revoked nor expired.
    keys: Whole,
    principals: Whole,
    /// How much of the audit log may be filled with what is done.
    audit_bytes_per_minute: Whole,
}

impl From<CeilingsBody> for Ceilings {
    fn from(body: CeilingsBody) -> Self {
        Self {
            limits: body.limits.into(),
            clocks: body.clocks,
            randomness: body.randomness,
            concurrent_runs: body.concurrent_runs.0,
            runs_per_minute: body.runs_per_minute.0,
            fuel_per_minute: body.fuel_per_minute.0,
            live_sandboxes: body.live_sandboxes.0,
            live_sessions: body.live_sessions.0,
            sandbox_seconds: body.sandbox_seconds.0,
            storage_bytes: body.storage_bytes.0,
            storage_files: body.storage_files.0,
            keys: body.keys.0,
            principals: body.principals.0,
            audit_bytes_per_minute: body.audit_bytes_per_minute.0,
        }
    }
}

impl From<&Ceilings> for CeilingsBody {
    fn from(ceilings: &Ceilings) -> Self {
        let Ceilings { limits, clocks, randomness, concurrent_runs, runs_per_minute, .. } = ceilings;
        let Ceilings { fuel_per_minute, live_sandboxes, sandbox_seconds, storage_bytes, storage_files, .. } = ceilings;
        let Ceilings { live_sessions, keys, principals, audit_bytes_per_minute, .. } = ceilings;
        Self {
            limits: limits.into(),
            clocks: *clocks,
            randomness: *randomness,
            concurrent_runs: Whole(*concurrent_runs),
            runs_per_minute: Whole(*runs_per_minute),
            fuel_per_minute: Whole(*fuel_per_minute),
            live_sandboxes: Whole(*live_sandboxes),
            live_sessions: Whole(*live_sessions),
            sandbox_seconds: Whole(*sandbox_seconds),
            storage_bytes: Whole(*storage_bytes),
            storage_files: Whole(*storage_files),
            keys: Whole(*keys),
            principals: Whole(*principals),
            audit_bytes_per_minute: Whole(*audit_bytes_per_minute),
        }
    }
}

/// A change of what a tenant may have: the fields that it names, and no others. `null` takes a ceiling away: what holds
/// then is what the owner of the machine may have.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CeilingsPatch {
    #[serde(default, deserialize_with = "strict::named")]
    limits: LimitsPatch,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    clocks: Change<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    randomness: Change<bool>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    concurrent_runs: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    runs_per_minute: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    fuel_per_minute: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    live_sandboxes: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    live_sessions: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    sandbox_seconds: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    storage_bytes: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    storage_files: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    keys: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    principals: Change<Whole>,
    #[serde(default)]
    #[schema(value_type = Option<Whole>)]
    audit_bytes_per_minute: Change<Whole>,
}

impl CeilingsPatch {
    pub(in crate::api) fn onto(self, now: Ceilings) -> Ceilings {
        let widest = Ceilings::widest();
        Ceilings {
            limits: self.limits.onto(now.limits, widest.limits),
            clocks: self.clocks.of(now.clocks, widest.clocks),
            randomness: self.randomness.of(now.randomness, widest.randomness),
            concurrent_runs: self.concurrent_runs.of(now.concurrent_runs, widest.concurrent_runs),
            runs_per_minute: self.runs_per_minute.of(now.runs_per_minute, widest.runs_per_minute),
            fuel_per_minute: self.fuel_per_minute.of(now.fuel_per_minute, widest.fuel_per_minute),
            live_sandboxes: self.live_sandboxes.of(now.live_sandboxes, widest.live_sandboxes),
            live_sessions: self.live_sessions.of(now.live_sessions, widest.live_sessions),
            sandbox_seconds: self.sandbox_seconds.of(now.sandbox_seconds, widest.sandbox_seconds),
            storage_bytes: self.storage_bytes.of(now.storage_bytes, widest.storage_bytes),
            storage_files: self.storage_files.of(now.storage_files, widest.storage_files),
            keys: self.keys.of(now.keys, widest.keys),
            principals: self.principals.of(now.principals, widest.principals),
            audit_bytes_per_minute: self
                .audit_bytes_per_minute
                .of(now.audit_bytes_per_minute, widest.audit_bytes_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_limit_can_be_asked_for() {
        assert_eq!(FIELDS, LimitName::ALL.iter().map(|limit| limit.as_str()).collect::<Vec<_>>());
        let body: LimitsBody = serde_json::from_str(r#"{"preset": "large", "fuel": 7}"#).unwrap();
        assert_eq!(body.ask(), LimitsAsk { preset: Some(Preset::Large), set: vec![(LimitName::Fuel, 7)] });
    }

    #[test]
    fn ceilings_go_over_the_wire_and_back_and_are_written_as_they_are_kept() {
        let ceilings = Ceilings::ordinary();
        let body = CeilingsBody::from(&ceilings);
        assert_eq!(serde_json::to_value(&body).unwrap(), serde_json::to_value(&ceilings).unwrap());
        assert_eq!(Ceilings::from(body), ceilings);
    }

    /// Each ceiling by itself, so that none is forgotten or taken for another.
    #[test]
    fn a_change_is_of_the_ceilings_that_it_names_and_no_others() {
        let (ordinary, widest) = (Ceilings::ordinary(), serde_json::to_value(Ceilings::widest()).unwrap());
        let before = serde_json::to_value(&ordinary).unwrap();
        let changed = |patch: serde_json::Value| {
            let patch: CeilingsPatch = serde_json::from_value(patch).unwrap();
            serde_json::to_value(patch.onto(ordinary.clone())).unwrap()
        };
        assert_eq!(changed(json!({})), before);
        let plain = before.as_object().unwrap().keys().filter(|name| *name != "limits").map(|name| (None, name));
        let limits = before["limits"].as_object().unwrap().keys().map(|name| (Some("limits"), name));
        for (within, name) in plain.chain(limits) {
            let at = within.map_or(format!("/{name}"), |within| format!("/{within}/{name}"));
            let other = if before[name].is_boolean() { json!(false) } else { json!(7) };
            for (said, is) in [(other.clone(), &other), (json!(null), widest.pointer(&at).unwrap())] {
                let patch = if within.is_some() { json!({"limits": {name: said}}) } else { json!({name: said}) };
                let mut after = before.clone();
                *after.pointer_mut(&at).unwrap() = is.clone();
                assert_eq!(changed(patch), after, "{at}");
            }
        }
        for bad in [json!({"nothing": 1}), json!({"limits": null}), json!({"limits": {"x": 1}}), json!({"keys": -1})] {
            assert!(serde_json::from_value::<CeilingsPatch>(bad).is_err());
        }
    }
}
