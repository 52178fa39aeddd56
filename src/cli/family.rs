use serde_json::{Map, Value, json};

use super::component::{pages, pretty};
use super::words;
use crate::client::{Call, Client};

/// Things of one kind on a server, each with a name: all of them, one, made or changed as a whole, and gone. The commands
/// of a kind say only what a thing of it is made of, and how it stands on one line.
pub(super) struct Family<'a> {
    pub(super) client: &'a Client,
    /// As the path and its list call them: `principals`.
    pub(super) name: &'static str,
    pub(super) json: bool,
}

impl Family<'_> {
    pub(super) async fn list(&self, line: impl Fn(&Value) -> String) -> anyhow::Result<String> {
        let all = pages(self.client, &["v1", self.name], self.name, &[], u64::MAX).await?;
        let text = || all.iter().map(line).collect();
        Ok(if self.json { pretty(&json!({self.name: all}))? } else { text() })
    }

    pub(super) async fn show(&self, id: &str) -> anyhow::Result<String> {
        self.told(&self.client.json(Call::get(&["v1", self.name, id]), None).await?)
    }

    pub(super) async fn put(&self, id: &str, body: &Value) -> anyhow::Result<String> {
        self.told(&self.client.json(Call::put(&["v1", self.name, id]), Some(body)).await?)
    }

    pub(super) async fn patch(&self, id: &str, body: &Value) -> anyhow::Result<String> {
        self.told(&self.client.json(Call::patch(&["v1", self.name, id]), Some(body)).await?)
    }

    /// `done` in a word, as `deleted`.
    pub(super) async fn end(&self, id: &str, done: &str) -> anyhow::Result<String> {
        self.client.json(Call::delete(&["v1", self.name, id]), None).await?;
        Ok(if self.json { pretty(&json!({done: id}))? } else { format!("{id} is {done}\n") })
    }

    /// What a secret came with; in words the secret alone, so that it can go into a file.
    pub(super) async fn made(&self, body: &Value, secret: &str) -> anyhow::Result<String> {
        let made = self.client.json(Call::post(&["v1", self.name]), Some(body)).await?;
        Ok(if self.json { pretty(&made)? } else { format!("{}\n", words::text(&made, secret)) })
    }

    fn told(&self, told: &Value) -> anyhow::Result<String> {
        Ok(if self.json { pretty(told)? } else { words::fields(told) })
    }
}

/// Names and values, as a body has them.
pub(super) fn map(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let parted = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    parted.ok_or_else(|| "write NAME=VALUE".to_owned())
}

/// Words with commas between them.
pub(super) fn all_of(of: &Value, list: &str) -> String {
    let each: Vec<&str> = words::list(of, list).iter().filter_map(Value::as_str).collect();
    each.join(",")
}
