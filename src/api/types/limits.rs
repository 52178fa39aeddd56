use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{LimitName, Preset};
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
            $(#[schema(minimum = 0)] $field: Option<u64>,)*
        }

        impl LimitsBody {
            pub(in crate::api) fn ask(&self) -> LimitsAsk {
                let named = [$((stringify!($field), self.$field)),*];
                let known = |name: &str| LimitName::ALL.iter().copied().find(|limit| limit.as_str() == name);
                let set = named.into_iter().filter_map(|(name, value)| Some((known(name)?, value?))).collect();
                LimitsAsk { preset: self.preset, set }
            }
        }

        #[cfg(test)]
        const FIELDS: &[&str] = &[$(stringify!($field)),*];
    };
}

limits! {
    fuel deadline_ms memory_bytes table_elements instances stack_bytes stdout_bytes stderr_bytes args_bytes env_bytes
    stdin_bytes result_bytes open_files entries_read files_created written_bytes resources hostcall_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_asked_for() {
        assert_eq!(FIELDS, LimitName::ALL.iter().map(|limit| limit.as_str()).collect::<Vec<_>>());
        let body: LimitsBody = serde_json::from_str(r#"{"preset": "large", "fuel": 7}"#).unwrap();
        assert_eq!(body.ask(), LimitsAsk { preset: Some(Preset::Large), set: vec![(LimitName::Fuel, 7)] });
    }
}
