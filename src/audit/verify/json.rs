use serde_json::{Value, json};

use super::{Fault, VerifyReport};

impl VerifyReport {
    /// For programs.
    pub fn json(&self) -> Value {
        let fault = |fault: &Fault| {
            json!({
                "code": fault.code(),
                "file": fault.place.file,
                "line": fault.place.line,
                "byte": fault.place.offset,
                "record": fault.place.seq,
                "what": fault.what,
            })
        };
        json!({
            "whole": self.fault.is_none(),
            "origin": self.origin,
            "first": self.first,
            "records": self.records,
            "size": self.size,
            "root": self.root.base64(),
            "checkpoints": self.checkpoints,
            "signed": self.signed,
            "cosigned": self.cosigned,
            "keys_from_folder": self.keys_from_folder,
            "fault": self.fault.as_ref().map(fault),
        })
    }
}
