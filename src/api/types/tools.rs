use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::failures::invalid;
use super::super::problem::Problem;
use super::LimitsBody;
use crate::api::strict;
use crate::engine::ToolFailure;
use crate::model::{BadToolName, DigestError, Json};
use crate::sandbox::{ToolAsk, ToolBy};

/// Something that the code may call: a function of a component (`component`, `function`), or one of whoever asks for the run
/// (`input_schema`), who is told of each call by an event `tool_call` and answers it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ToolBody {
    #[schema(pattern = "^[A-Za-z][A-Za-z0-9_-]{0,63}$", example = "search", required)]
    name: String,
    /// What it does, for whoever writes the code.
    #[schema(max_length = 4096)]
    about: String,
    /// The digest of a component that was submitted.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    component: Option<String>,
    function: Option<String>,
    /// Those of each call of the component; they are cut by what is left of the time of the run.
    #[serde(deserialize_with = "strict::named")]
    limits: LimitsBody,
    /// JSON Schema of what a function of the caller takes: an object.
    #[schema(value_type = Option<Value>)]
    input_schema: Option<Box<RawValue>>,
}

impl ToolBody {
    pub(in crate::api) fn ask(self, at: usize) -> Result<ToolAsk, Problem> {
        let wrong = |field: &str, message: &str| invalid(&format!("tools[{at}].{field}"), message);
        let name = self.name.parse().map_err(|error: BadToolName| wrong("name", &error.to_string()))?;
        let by = match (self.component, self.function, self.input_schema) {
            (Some(component), Some(function), None) => {
                let digest = component.parse().map_err(|error: DigestError| wrong("component", &error.to_string()))?;
                ToolBy::Component { digest, function, limits: self.limits.ask() }
            }
            (Some(_), None, _) => return Err(wrong("function", "name the function of the component")),
            (None, Some(_), _) => return Err(wrong("component", "name the component that has the function")),
            (None, None, Some(schema)) if self.limits.ask().set.is_empty() && self.limits.ask().preset.is_none() => {
                ToolBy::Caller { input_schema: Json::of(schema) }
            }
            (None, None, Some(_)) => return Err(wrong("limits", "these are for a component; a caller has his own")),
            (Some(_), Some(_), Some(_)) => {
                return Err(wrong("input_schema", "a component says by itself what it takes; leave this out"));
            }
            (None, None, None) => {
                return Err(wrong("component", "name a component and its function, or give an input_schema"));
            }
        };
        Ok(ToolAsk { name, about: self.about, by })
    }
}

/// The answer to a call: what it came to, or why it came to nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct AnswerBody {
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<Value>)]
    result: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "strict::named_or_none")]
    error: Option<ErrorBody>,
}

/// `null` is a result as well.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErrorBody {
    /// A word that stays the same, for the code.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,63}$")]
    code: String,
    /// For people.
    #[schema(max_length = 4096)]
    message: String,
    /// Whether the same call may work later.
    #[serde(default)]
    retry: bool,
}

const CODE_BYTES: usize = 64;
const MESSAGE_BYTES: usize = 4 << 10;

impl AnswerBody {
    pub(in crate::api) fn answer(self) -> Result<Result<Json, ToolFailure>, Problem> {
        let ErrorBody { code, message, retry } = match (self.result, self.error) {
            (Some(result), None) => return Ok(Ok(Json::of(result))),
            (None, Some(error)) => error,
            (Some(_), Some(_)) => return Err(invalid("error", "send `result` or `error`, not both")),
            (None, None) => return Err(invalid("result", "send `result` or `error`")),
        };
        let first = code.starts_with(|c: char| c.is_ascii_lowercase());
        let good = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !first || !good || code.len() > CODE_BYTES {
            return Err(invalid("error.code", "write a word of a-z, 0-9 and `_`, with a letter first"));
        }
        if message.len() > MESSAGE_BYTES {
            return Err(invalid("error.message", format!("write at most {MESSAGE_BYTES} bytes")));
        }
        Ok(Err(ToolFailure { code, message, retry }))
    }
}
