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
        let text = input
            .trim()
            .strip_prefix("{\"text\":")
            .map(str::trim)
            .and_then(|rest| rest.strip_suffix('}'))
            .map(str::trim)
            .filter(|text| text.len() >= 2 && text.starts_with('"') && text.ends_with('"'));
        match text {
            Some(text) => Ok(format!("{{\"words\":{}}}", text[1..text.len() - 1].split_whitespace().count())),
            None => Err(Failure {
                code: "bad-input".into(),
                message: "expected {\"text\": \"…\"}".into(),
                retry: false,
            }),
        }
    }
}

export!(Component);
