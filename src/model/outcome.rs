use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Json, LimitName, Usage};

/// How a run ended. What a guest did is data, never an error of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The command ended by itself.
    Exited {
        code: u8,
    },
    /// The called function returned; `null` where it returns nothing.
    Returned {
        value: Json,
    },
    /// A language runtime ran a snippet to its end: what it would exit with as a process (1 where it failed), and an
    /// [`Answer`](super::Answer).
    Answered {
        code: u8,
        answer: Json,
    },
    /// The guest broke a rule of the machine, or gave up.
    Trapped {
        trap: TrapKind,
        message: String,
        backtrace: Vec<Frame>,
    },
    OutOfFuel {
        limit: u64,
        used: u64,
    },
    DeadlineExceeded {
        limit_ms: u64,
        used_ms: u64,
    },
    /// Memory was asked for beyond the limit, and the guest could not go on without it.
    OutOfMemory {
        limit_bytes: u64,
        used_bytes: u64,
        requested_bytes: u64,
    },
    /// Another limit was reached. `used` is what the run would have come to.
    LimitExceeded {
        limit: LimitName,
        value: u64,
        used: u64,
    },
    /// The caller went away or asked for the end.
    Cancelled,
    /// The guest used what it was not granted, where no answer but the end is possible.
    Denied {
        denial: Denial,
    },
}

impl Outcome {
    /// All that [`Outcome::kind`] says.
    pub const KINDS: [&str; 10] = [
        "exited",
        "returned",
        "answered",
        "trapped",
        "out_of_fuel",
        "deadline_exceeded",
        "out_of_memory",
        "limit_exceeded",
        "cancelled",
        "denied",
    ];

    pub const fn kind(&self) -> &'static str {
        match self {
            Outcome::Exited { .. } => "exited",
            Outcome::Returned { .. } => "returned",
            Outcome::Answered { .. } => "answered",
            Outcome::Trapped { .. } => "trapped",
            Outcome::OutOfFuel { .. } => "out_of_fuel",
            Outcome::DeadlineExceeded { .. } => "deadline_exceeded",
            Outcome::OutOfMemory { .. } => "out_of_memory",
            Outcome::LimitExceeded { .. } => "limit_exceeded",
            Outcome::Cancelled => "cancelled",
            Outcome::Denied { .. } => "denied",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrapKind {
    Unreachable,
    MemoryOutOfBounds,
    TableOutOfBounds,
    IndirectCallToNull,
    BadSignature,
    IntegerOverflow,
    IntegerDivisionByZero,
    BadConversionToInteger,
    UnalignedAccess,
    /// The component broke the canonical ABI: a bad pointer, an invalid string, a handle that is not its own.
    BadCall,
    /// A native command was ended by a signal.
    Signal,
    Other,
}

/// A place in the guest, named where the module has names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub module: Option<String>,
    pub function: Option<String>,
    pub function_index: u32,
}

/// Something that the guest tried and was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// What was tried, in the words of the interface: `wasi:sockets/tcp-create-socket`.
    pub tried: String,
    /// The file or folder, as the guest knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The grant that was missing; none exists for the network.
    pub missing: String,
    /// How often, up to the end of the run.
    pub times: u64,
}

/// The two that a guest writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The bytes of one stream as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    pub bytes: Vec<u8>,
    /// The guest wrote more than the limit; what is here is its beginning.
    pub truncated: bool,
}

impl Serialize for Captured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Captured", 2)?;
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => out.serialize_field("text", text)?,
            Err(_) => out.serialize_field("base64", &STANDARD.encode(&self.bytes))?,
        }
        out.serialize_field("truncated", &self.truncated)?;
        out.end()
    }
}

#[derive(Deserialize)]
struct Written {
    text: Option<String>,
    base64: Option<String>,
    truncated: bool,
}

impl<'de> Deserialize<'de> for Captured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { text, base64, truncated } = Written::deserialize(deserializer)?;
        let bytes = match (text, base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(code)) => STANDARD.decode(code).map_err(serde::de::Error::custom)?,
            _ => return Err(serde::de::Error::custom("a stream is `text` or `base64`")),
        };
        Ok(Self { bytes, truncated })
    }
}

/// All that is known of a run after its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub outcome: Outcome,
    pub usage: Usage,
    pub stdout: Captured,
    pub stderr: Captured,
    pub denials: Vec<Denial>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_all_that_there_are() {
        let unknown = serde_json::from_value::<Outcome>(serde_json::json!({"kind": "none"})).unwrap_err().to_string();
        let kinds = Outcome::KINDS.map(|kind| format!("`{kind}`")).join(", ");
        assert!(unknown.ends_with(&format!("expected one of {kinds}")), "{unknown}");
    }
}
