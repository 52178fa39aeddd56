//! A tool that counts words: the smallest that keeps the contract.

wit_bindgen::generate!({ world: "tool-world", path: "../../wit/agent.wit" });

use exports::ringfence::agent::tool::{Description, Failure, Guest};

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        Description {
            name: "wordcount".into(),
            about: "Counts the words of a text.".into(),
            input_schema: r#"{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"#.into(),
        }
    }

    fn invoke(input: String) -> Result<String, Failure> {
        let input: serde_json::Value = serde_json::from_str(&input).map_err(|error| bad_input(&error.to_string()))?;
        match input.get("text").and_then(serde_json::Value::as_str) {
            Some(text) => Ok(serde_json::json!({ "words": text.split_whitespace().count() }).to_string()),
            None => Err(bad_input("`text` is missing or no string")),
        }
    }
}

fn bad_input(what: &str) -> Failure {
    Failure { code: "bad-input".into(), message: format!("{what}; expected {{\"text\": \"…\"}}"), retry: false }
}

export!(Component);
