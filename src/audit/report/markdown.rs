use std::fmt::Write as _;

use super::super::text::is_forbidden;
use super::cell::Cell;
use super::page::{ReportPage, Table};

impl ReportPage {
    /// As Markdown with the tables of GitHub.
    pub fn markdown(&self) -> String {
        let mut out = String::from("# Audit report\n\n");
        let _ = writeln!(out, "**{}**", self.verdict());
        if let Some((code, place, what)) = self.fault() {
            let _ = writeln!(out, "\n{} at {}: {}", code_span(code), code_span(&place), code_span(&what));
        }
        out.push('\n');
        for (name, value) in self.checked().iter().chain(&self.facts) {
            let _ = writeln!(out, "- {name}: {}", cell(value));
        }
        self.tables.iter().for_each(|one| table(&mut out, one));
        out
    }
}

fn table(out: &mut String, table: &Table) {
    let _ = write!(out, "\n## {}\n\n", table.title);
    if table.rows.is_empty() {
        out.push_str("None.\n");
        return;
    }
    let _ = writeln!(out, "| {} |", table.columns.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(table.columns.len()));
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if let Some(rest) = &table.rest {
        let _ = writeln!(out, "\n{}.", rest.words());
    }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => code_span(text),
        Cell::Number(number) => number.to_string(),
        Cell::Time(time) => time.clone(),
    }
}

/// Texts stand in code spans, in which no link, markup or name of a person is seen. What ends a span or a cell of a table
/// does not stand in it: the fence is longer than any run of backticks, and bars stand between spans.
fn code_span(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('|').enumerate() {
        if n > 0 {
            out.push_str("&#124;");
        }
        if part.is_empty() {
            continue;
        }
        // Records hold none of these; a line of ours must end where we end it.
        let part: String = part.chars().map(|c| if is_forbidden(c) { '\u{fffd}' } else { c }).collect();
        let longest = part.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        let at_an_end = |ends: &[char]| part.starts_with(ends) || part.ends_with(ends);
        let room = if at_an_end(&['`', ' ']) { " " } else { "" };
        let _ = write!(out, "{fence}{room}{part}{room}{fence}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_code_span() {
        assert_eq!(code_span("bob"), "`bob`");
        assert_eq!(code_span(""), "");
        assert_eq!(code_span("<script>[x](http://e)*"), "`<script>[x](http://e)*`");
        assert_eq!(code_span("a`b``c"), "```a`b``c```");
        assert_eq!(code_span("`a"), "`` `a ``");
        assert_eq!(code_span("a|b|"), "`a`&#124;`b`&#124;");
        assert_eq!(code_span(r"a\|b"), r"`a\`&#124;`b`");
        assert_eq!(code_span("a\n# b\u{202e}"), "`a\u{fffd}# b\u{fffd}`");
    }
}
