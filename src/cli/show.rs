use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use crate::config;
use crate::model::{Denial, Outcome, Report, show_bytes};

/// One line on standard error.
pub(super) fn complain(message: &str, code: Option<&str>) {
    // Names and words of strangers may be in it.
    let message = harmless(message.replace('\n', " ").as_bytes());
    let (red, plain) = colours(std::io::stderr().is_terminal());
    let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "{red}ringfence:{plain} {message}{code}");
}

/// More lines on standard error, such as a traceback. On a terminal nothing in them is obeyed.
pub(super) fn explain(text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stderr().lock();
    let text = if out.is_terminal() { harmless(text.as_bytes()) } else { text.to_owned() };
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")
}

fn colours(terminal: bool) -> (&'static str, &'static str) {
    if terminal && !config::no_color() { ("\x1b[31m", "\x1b[0m") } else { ("", "") }
}

/// What a guest wrote, as it may be shown on a terminal: its own control sequences become visible.
pub(super) fn harmless(bytes: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_bidi(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Writes what was asked for. Names and values may be a guest's own words: on a terminal nothing in them is obeyed.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        // As JSON writes such a character; in other text it is as good as any other way.
        let mut safe = String::new();
        for c in text.chars() {
            if c != '\n' && (c.is_control() || is_bidi(c)) {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            } else {
                safe.push(c);
            }
        }
        out.write_all(safe.as_bytes())?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    out.flush()
}

/// Characters that turn the order of others around.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Says in one line how a run ended, when it did not simply end; what a person may change is named.
pub(super) fn end(report: &Report) -> Option<String> {
    let line = match &report.outcome {
        Outcome::Exited { .. } | Outcome::Returned { .. } | Outcome::Answered { .. } => return None,
        Outcome::Trapped { message, backtrace, .. } => {
            let mut line = format!("the program trapped: {message}");
            for frame in backtrace {
                let name = frame.function.clone().unwrap_or_else(|| format!("function {}", frame.function_index));
                let _ = write!(line, " ← {name}");
            }
            line
        }
        Outcome::OutOfFuel { limit, .. } => format!("the program ran out of fuel: {limit} units are spent (--fuel)"),
        Outcome::DeadlineExceeded { limit_ms, .. } => {
            format!("the program did not end within {limit_ms} ms (--deadline-ms)")
        }
        Outcome::OutOfMemory { limit_bytes, requested_bytes, .. } => format!(
            "the program ran out of memory: it asked for {} in all, the limit is {} (--memory-bytes)",
            show_bytes(*requested_bytes),
            show_bytes(*limit_bytes)
        ),
        Outcome::LimitExceeded { limit, value, used } => format!(
            "the program reached the limit {limit}: {} is the most, this would have been {} (--{})",
            limit.show(*value),
            limit.show(*used),
            limit.flag()
        ),
        Outcome::Cancelled => "the program was cancelled".to_owned(),
        Outcome::Denied { denial } => {
            format!("the program was denied {}; missing grant: {}", denial.tried, denial.missing)
        }
    };
    Some(line)
}

/// Denials that the program survived.
pub(super) fn denials(denials: &[Denial]) -> Option<String> {
    if denials.is_empty() {
        return None;
    }
    let each: Vec<String> = denials
        .iter()
        .map(|denial| {
            let path = denial.path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
            format!("{}{path} ({}×, missing: {})", denial.tried, denial.times, denial.missing)
        })
        .collect();
    Some(format!("denied: {}", each.join("; ")))
}
