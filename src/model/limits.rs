use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::quantity::show_bytes;

/// One table makes the type, the names and the ceilings, so that a limit cannot exist without each of them.
macro_rules! limits {
    ($($(#[$more:meta])* $field:ident $variant:ident in $low:expr, $high:expr; $about:literal)*) => {
        /// What a run may spend. There is no `Default`: a run without a number for each of these cannot be built.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Limits {
            $(#[doc = $about] $(#[$more])* pub $field: u64,)*
        }

        /// The name of a limit, the same word in the code, the outcome, the flag and the document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum LimitName { $($variant,)* }

        impl LimitName {
            pub const ALL: &[LimitName] = &[$(LimitName::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(LimitName::$variant => stringify!($field),)* }
            }

            pub const fn about(self) -> &'static str {
                match self { $(LimitName::$variant => $about,)* }
            }

            /// The lowest and the highest number that the host accepts for this limit.
            pub const fn range(self) -> (u64, u64) {
                match self { $(LimitName::$variant => ($low, $high),)* }
            }
        }

        impl Limits {
            pub const fn get(&self, name: LimitName) -> u64 {
                match name { $(LimitName::$variant => self.$field,)* }
            }

            pub const fn set(&mut self, name: LimitName, value: u64) {
                match name { $(LimitName::$variant => self.$field = value,)* }
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

limits! {
    fuel Fuel in 1, i64::MAX as u64; "units of computation: about one per WebAssembly instruction, more for a call to the host"
    deadline_ms DeadlineMs in 1, 86_400_000; "wall time from the start of the run to its end"
    memory_bytes MemoryBytes in 0, 4 * GIB; "linear memory, summed over all memories of the run"
    table_elements TableElements in 0, 1_000_000; "entries, summed over all tables of the run"
    instances Instances in 1, 1_000; "core instances that the run may create"
    stack_bytes StackBytes in 64 * KIB, 8 * MIB; "call stack of the guest; a power of two"
    stdout_bytes StdoutBytes in 0, 256 * MIB; "bytes written to standard output"
    stderr_bytes StderrBytes in 0, 256 * MIB; "bytes written to standard error"
    args_bytes ArgsBytes in 0, 64 * MIB; "arguments of the command or of the called function"
    env_bytes EnvBytes in 0, 16 * MIB; "names and values of the environment"
    stdin_bytes StdinBytes in 0, 4 * GIB; "bytes read from standard input"
    result_bytes ResultBytes in 0, 256 * MIB; "the returned value, written as JSON"
    open_files OpenFiles in 0, 10_000; "files and folders open at one time"
    entries_read EntriesRead in 0, 100_000_000; "entries of folders that are listed"
    files_created FilesCreated in 0, 10_000_000; "files, folders and links created"
    written_bytes WrittenBytes in 0, 1024 * GIB; "bytes written to files"
    resources Resources in 16, 100_000; "host resources held at one time: streams, pollables, descriptors, errors"
    hostcall_bytes HostcallBytes in 4 * KIB, 256 * MIB; "bytes that one call may make the host allocate"
    #[serde(default = "ordinary_tool_calls")]
    tool_calls ToolCalls in 0, 100_000; "calls of tools that the run was given"
}

/// Also of what was written down before this was counted.
const fn ordinary_tool_calls() -> u64 {
    1_000
}

impl LimitName {
    /// The flag of the command line that sets this limit.
    pub fn flag(self) -> String {
        self.as_str().replace('_', "-")
    }

    pub fn counts_bytes(self) -> bool {
        self.as_str().ends_with("_bytes")
    }

    /// A value of this limit as a person would write it.
    pub fn show(self, value: u64) -> String {
        if self.counts_bytes() { show_bytes(value) } else { value.to_string() }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A limit that the host cannot hold a run to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    #[error("{name} is {}, but must be from {} to {}", name.show(*value), name.show(*low), name.show(*high))]
    OutOfRange { name: LimitName, value: u64, low: u64, high: u64 },
    #[error("stack_bytes is {}, but must be a power of two (512KiB, 1MiB, …)", show_bytes(*.0))]
    StackNotPowerOfTwo(u64),
    #[error("no preset of limits is called `{0}`; there are small, medium and large")]
    UnknownPreset(String),
}

impl Limits {
    /// Refuses, by name, what the host cannot enforce or could not afford.
    pub fn check(&self) -> Result<(), LimitsError> {
        for &name in LimitName::ALL {
            let value = self.get(name);
            let (low, high) = name.range();
            if value < low || value > high {
                return Err(LimitsError::OutOfRange { name, value, low, high });
            }
        }
        if !self.stack_bytes.is_power_of_two() {
            return Err(LimitsError::StackNotPowerOfTwo(self.stack_bytes));
        }
        Ok(())
    }
}

/// Numbers with a name, for people who do not want to choose nineteen of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A tool call: a fraction of a second, tens of megabytes.
    Small,
    /// A program or a snippet: seconds, a quarter of a gigabyte.
    Medium,
    /// A job: minutes, two gigabytes.
    Large,
}

impl Preset {
    pub const ALL: [Preset; 3] = [Preset::Small, Preset::Medium, Preset::Large];

    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Small => "small",
            Preset::Medium => "medium",
            Preset::Large => "large",
        }
    }

    pub const fn limits(self) -> Limits {
        match self {
            Preset::Small => Limits {
                fuel: 5_000_000_000,
                deadline_ms: 1_000,
                memory_bytes: 64 * MIB,
                table_elements: 50_000,
                instances: 50,
                stack_bytes: 4 * MIB,
                stdout_bytes: 64 * KIB,
                stderr_bytes: 64 * KIB,
                args_bytes: MIB,
                env_bytes: 64 * KIB,
                stdin_bytes: MIB,
                result_bytes: MIB,
                open_files: 32,
                entries_read: 10_000,
                files_created: 100,
                written_bytes: 16 * MIB,
                resources: 256,
                hostcall_bytes: 4 * MIB,
                tool_calls: 100,
            },
            Preset::Medium => Limits {
                fuel: 100_000_000_000,
                deadline_ms: 10_000,
                memory_bytes: 256 * MIB,
                table_elements: 100_000,
                instances: 100,
                stack_bytes: 4 * MIB,
                stdout_bytes: MIB,
                stderr_bytes: MIB,
                args_bytes: 4 * MIB,
                env_bytes: 256 * KIB,
                stdin_bytes: 16 * MIB,
                result_bytes: 8 * MIB,
                open_files: 128,
                entries_read: 200_000,
                files_created: 1_000,
                written_bytes: 256 * MIB,
                resources: 1_000,
                hostcall_bytes: 16 * MIB,
                tool_calls: ordinary_tool_calls(),
            },
            Preset::Large => Limits {
                fuel: 3_000_000_000_000,
                deadline_ms: 300_000,
                memory_bytes: 2 * GIB,
                table_elements: 500_000,
                instances: 500,
                stack_bytes: 4 * MIB,
                stdout_bytes: 16 * MIB,
                stderr_bytes: 16 * MIB,
                args_bytes: 16 * MIB,
                env_bytes: MIB,
                stdin_bytes: GIB,
                result_bytes: 64 * MIB,
                open_files: 1_024,
                entries_read: 10_000_000,
                files_created: 100_000,
                written_bytes: 8 * GIB,
                resources: 10_000,
                hostcall_bytes: 64 * MIB,
                tool_calls: 10_000,
            },
        }
    }
}

impl FromStr for Preset {
    type Err = LimitsError;

    fn from_str(name: &str) -> Result<Self, LimitsError> {
        Preset::ALL
            .into_iter()
            .find(|preset| preset.as_str() == name)
            .ok_or_else(|| LimitsError::UnknownPreset(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_enforced() {
        for preset in Preset::ALL {
            preset.limits().check().unwrap();
            assert_eq!(preset.as_str().parse::<Preset>().unwrap(), preset);
        }
    }

    #[test]
    fn each_limit_is_refused_by_name_beyond_its_range() {
        for &name in LimitName::ALL {
            let (low, high) = name.range();
            for value in [low.checked_sub(1), high.checked_add(1)].into_iter().flatten() {
                let mut limits = Preset::Small.limits();
                limits.set(name, value);
                assert_eq!(limits.check(), Err(LimitsError::OutOfRange { name, value, low, high }));
            }
        }
    }

    #[test]
    fn limits_without_a_number_for_each_cannot_be_read() {
        let mut document = serde_json::to_value(Preset::Small.limits()).unwrap();
        let fields = document.as_object_mut().unwrap();
        assert_eq!(fields.len(), LimitName::ALL.len());
        fields.remove("fuel");
        assert!(serde_json::from_value::<Limits>(document).is_err());
    }

    #[test]
    fn what_was_written_down_before_tools_were_counted_is_read() {
        let mut document = serde_json::to_value(Preset::Large.limits()).unwrap();
        document.as_object_mut().unwrap().remove("tool_calls");
        let limits: Limits = serde_json::from_value(document).unwrap();
        assert_eq!(limits, Limits { tool_calls: 1_000, ..Preset::Large.limits() });
    }
}
