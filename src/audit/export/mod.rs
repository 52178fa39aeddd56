//! Records in the words of other tools. What they are made from is the line, which is exported as it is as well.

mod cef;
mod ocsf;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::scan::BadRecord;

/// How events are written for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The lines as they are in the log: they can still be proved.
    #[default]
    #[serde(rename = "jsonl")]
    Json,
    /// Open Cybersecurity Schema Framework, 1.3.
    Ocsf,
    /// Common Event Format, 0.
    Cef,
}

impl Format {
    /// One line of the log as one line of the format, without its end.
    pub fn write(self, line: &str) -> Result<String, BadRecord> {
        let record = Record::parse(line.as_bytes())?;
        match self {
            Format::Json => Ok(line.to_owned()),
            Format::Ocsf => ocsf::write(&record, line),
            Format::Cef => Ok(cef::write(&record)),
        }
    }
}
