use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::super::exit::REFUSED;
use super::super::show;
use super::command::{named, read};
use crate::authz::{Authorizer, CustomRole, Fault, PolicyError};

/// What is said of one file.
#[derive(Serialize)]
struct Told {
    file: String,
    ok: bool,
    /// The ids by which decisions name its policies.
    policies: Vec<String>,
    warnings: Vec<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    faults: Vec<Fault>,
}

/// The whole answer.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    files: Vec<Told>,
    /// What is wrong with all of them together, each being right.
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<String>,
}

pub(super) fn check(files: &[PathBuf], roles: &[CustomRole], json: bool) -> anyhow::Result<ExitCode> {
    let authorizer = Authorizer::new()?;
    let mut texts = Vec::new();
    let mut told = Vec::new();
    for file in files {
        let (name, text) = (named(file)?, read(file)?);
        told.push(match authorizer.check(&name, &text) {
            Ok(checked) => right(file, checked.policies, checked.warnings),
            Err(error) => wrong(file, &error),
        });
        texts.push((name, text));
    }
    let each = told.iter().all(|file| file.ok);
    let together = if each { authorizer.would_take(&texts, roles).err().map(|error| error.to_string()) } else { None };
    let answer = Answer { ok: each && together.is_none(), files: told, together };
    let text = if json { serde_json::to_string_pretty(&answer)? + "\n" } else { in_words(&answer) };
    show::print(&text)?;
    Ok(if answer.ok { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn right(file: &Path, policies: Vec<String>, warnings: Vec<Fault>) -> Told {
    let file = file.display().to_string();
    Told { file, ok: true, policies, warnings, code: None, message: None, faults: Vec::new() }
}

fn wrong(file: &Path, error: &PolicyError) -> Told {
    Told {
        file: file.display().to_string(),
        ok: false,
        policies: Vec::new(),
        warnings: Vec::new(),
        code: Some(error.code()),
        message: Some(error.to_string()),
        faults: error.faults().to_vec(),
    }
}

fn in_words(answer: &Answer) -> String {
    let mut lines = Vec::new();
    for told in &answer.files {
        let file = &told.file;
        let at =
            |fault: &Fault, kind: &str| format!("{file}:{}:{}: {kind}: {}", fault.line, fault.column, fault.message);
        match &told.message {
            None => lines.push(format!("{file}: would be taken: {}", told.policies.join(", "))),
            Some(message) if told.faults.is_empty() => lines.push(format!("{file}: error: {message}")),
            Some(_) => {}
        }
        lines.extend(told.faults.iter().map(|fault| at(fault, "error")));
        lines.extend(told.warnings.iter().map(|fault| at(fault, "warning")));
    }
    lines.extend(answer.together.iter().map(|message| format!("together: error: {message}")));
    lines.join("\n") + "\n"
}
