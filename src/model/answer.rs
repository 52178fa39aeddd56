use serde::{Deserialize, Serialize};

use super::Json;

/// What a language runtime says of a snippet that came to its end, well or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// How many snippets the interpreter has run, this one included.
    pub count: u32,
    /// What the snippet failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SnippetError>,
    /// The value of its last expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Shown>,
    /// What it asked to show on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
}

/// An exception, in the words of the language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnippetError {
    pub name: String,
    pub value: String,
    pub traceback: String,
    /// The snippet's own line that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A value in every form that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// As the language itself writes it.
    pub text: String,
    /// As JSON, where it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Json>,
    /// Others, as notebooks show them: HTML, an image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<Form>,
    /// Something of it was too long and is cut or left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub mime: String,
    /// Text, or base64 of bytes.
    pub data: String,
    pub base64: bool,
}
