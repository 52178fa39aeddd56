use std::fmt::Write as _;

use super::super::text::is_forbidden;
use super::cell::Cell;
use super::page::{ReportPage, Table};

/// No script, no picture, nothing from anywhere: a browser that reads the second line obeys none that slipped in.
const HEAD: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Audit report</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 13px }
th, td { border: 1px solid #8886; padding: .2rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.verdict { border-left: .4rem solid; padding: .5rem 1rem; font-weight: bold }
.whole { border-color: #2a7d2a } .broken { border-color: #c22 }
</style></head><body>
<h1>Audit report</h1>
";

impl ReportPage {
    /// As one file of HTML that needs no other.
    pub fn html(&self) -> String {
        let mut out = String::from(HEAD);
        let class = if self.verified.fault.is_none() { "whole" } else { "broken" };
        let _ = writeln!(out, "<p class=\"verdict {class}\">{}</p>", escape(self.verdict()));
        if let Some((code, place, what)) = self.fault() {
            let _ = writeln!(
                out,
                "<p><code>{}</code> at <code>{}</code>: {}</p>",
                escape(code),
                escape(&place),
                escape(&what)
            );
        }
        out.push_str("<table>\n");
        for (name, value) in self.checked().iter().chain(&self.facts) {
            let _ = writeln!(out, "<tr><th>{}</th>{}</tr>", escape(name), cell(value));
        }
        out.push_str("</table>\n");
        self.tables.iter().for_each(|one| table(&mut out, one));
        out.push_str("</body></html>\n");
        out
    }
}

fn table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "<h2>{}</h2>", escape(table.title));
    if table.rows.is_empty() {
        out.push_str("<p>None.</p>\n");
        return;
    }
    let heads: String = table.columns.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let _ = writeln!(out, "<table>\n<tr>{heads}</tr>");
    for row in &table.rows {
        let _ = writeln!(out, "<tr>{}</tr>", row.iter().map(cell).collect::<String>());
    }
    out.push_str("</table>\n");
    if let Some(rest) = &table.rest {
        let _ = writeln!(out, "<p>{}.</p>", escape(&rest.words()));
    }
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("<td>{}</td>", escape(text)),
        Cell::Number(number) => format!("<td class=\"n\">{number}</td>"),
        Cell::Time(time) => format!("<td class=\"n\">{}</td>", escape(time)),
    }
}

/// Text, wherever it stands.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c if is_forbidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
