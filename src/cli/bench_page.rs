use std::fmt::Write as _;

use super::bench_text::{machine, met, notes, shown, times};
use crate::bench::{Comparison, Part, Row};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c1e;--paper:#fff;--faint:#6b6b70;--line:#d8d8dc;--c0:#8a8a90;--c1:#2a7de1;--c2:#78b3f5;\
--c3:#e07b22;--c4:#3a9d5d;--c5:#a65fd0;--good:#1f7a3f;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#ececf0;--paper:#161618;--faint:#a0a0a8;--line:#3a3a40;--c0:#909098;--c1:#4c9bff;\
--c2:#9cc9ff;--c3:#f39b4d;--c4:#5cc585;--c5:#c48ae6;--good:#6fd394;--bad:#ff8a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;margin-bottom:.2rem}p.faint{color:var(--faint)}
svg{width:100%;height:auto}svg text{fill:var(--ink);font:13px system-ui,sans-serif}svg .faint{fill:var(--faint)}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line)}
td.number{text-align:right;font-variant-numeric:tabular-nums}.met{color:var(--good)}.missed{color:var(--bad);font-weight:600}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}
.spread{stroke:var(--ink);stroke-width:1.5}";

const COLOURS: usize = 6;
const WIDTH: f64 = 900.0;
const NAMES: f64 = 130.0;
const VALUES: f64 = 190.0;
const HIGH: f64 = 26.0;

/// All of it on one page that needs nothing from elsewhere.
pub(super) fn page(all: &Comparison) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>What each fence costs</title>\n<style>\n{STYLE}\n</style>\n\
         </head>\n<body>\n<h1>What each fence costs</h1>\n<p>{}</p>\n",
        escaped(&machine(all))
    );
    for note in notes(all) {
        let _ = writeln!(out, "<p class=\"faint\">{}</p>", escaped(&note));
    }
    verdicts(&mut out, all);
    let mut fences: Vec<&str> = Vec::new();
    for row in &all.rows {
        if !fences.contains(&row.fence) {
            fences.push(row.fence);
        }
    }
    for part in Part::ALL {
        let rows: Vec<&Row> = all.rows.iter().filter(|row| row.part == part).collect();
        if rows.is_empty() {
            continue;
        }
        let scale = if part == Part::Work { "" } else { "; each step of the scale is ten times the one before" };
        let _ = writeln!(out, "<h2>{part}</h2>\n<p class=\"faint\">{}{scale}</p>", part.about());
        for group in rows.chunk_by(|a, b| a.of == b.of) {
            let of = group.first().map_or("", |row| row.of.as_str());
            let _ = writeln!(out, "<h3>{}</h3>", escaped(of));
            plot(&mut out, &format!("{part}, {of}"), group, &fences);
        }
        rows_as_table(&mut out, &rows);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn verdicts(out: &mut String, all: &Comparison) {
    if all.verdicts.is_empty() {
        return;
    }
    out.push_str("<h2>Figures</h2>\n<table>\n<tr><th>figure</th><th>target</th><th>measured</th><th></th></tr>\n");
    for verdict in &all.verdicts {
        let (what, target, measured) = (escaped(&verdict.what), &verdict.target, &verdict.measured);
        let met = met(verdict.met);
        let _ =
            writeln!(out, "<tr><td>{what}</td><td>{target}</td><td>{measured}</td><td class=\"{met}\">{met}</td></tr>");
    }
    out.push_str("</table>\n");
}

/// A bar to the median of each, and a line from there to the 95th percentile.
fn plot(out: &mut String, label: &str, rows: &[&Row], fences: &[&str]) {
    let scale = Scale::of(rows, rows.iter().all(|row| row.part == Part::Work));
    let height = HIGH * rows.len() as f64 + 4.0;
    let _ = writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">", escaped(label));
    for (index, row) in rows.iter().enumerate() {
        let top = HIGH * index as f64;
        let (middle, text) = (top + HIGH / 2.0, top + HIGH / 2.0 + 4.5);
        let (end, far) = (scale.place(row.stats.p50), scale.place(row.stats.p95));
        let colour = fences.iter().position(|fence| *fence == row.fence).unwrap_or(0) % COLOURS;
        let value = shown(row.stats.p50, row.unit);
        let native = row.of_native.map(|ratio| format!(" ({})", times(ratio))).unwrap_or_default();
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"c{colour}\" x=\"{NAMES:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"/>\
             <line class=\"spread\" x1=\"{end:.1}\" x2=\"{far:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\">{value}<tspan class=\"faint\">{native}</tspan></text>",
            NAMES - 8.0,
            row.fence,
            top + 5.0,
            end - NAMES,
            HIGH - 10.0,
            far.max(end) + 8.0,
        );
    }
    out.push_str("</svg>\n");
}

/// From a number to a place on the page.
struct Scale {
    low: f64,
    high: f64,
    linear: bool,
}

impl Scale {
    fn of(rows: &[&Row], linear: bool) -> Self {
        let high = rows.iter().map(|row| row.stats.p95.max(row.stats.p50)).fold(1.0, f64::max);
        if linear {
            return Self { low: 0.0, high, linear };
        }
        // The smallest has a bar as well.
        let low = rows.iter().map(|row| row.stats.p50).filter(|value| *value > 0.0).fold(high, f64::min);
        Self { low: low.log10() - 0.5, high: high.log10().max(low.log10() + 0.1), linear }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.linear { value } else { value.max(f64::MIN_POSITIVE).log10() };
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        NAMES + share * (WIDTH - NAMES - VALUES)
    }
}

fn rows_as_table(out: &mut String, rows: &[&Row]) {
    out.push_str("<details><summary>numbers</summary>\n<table>\n<tr><th></th><th>fence</th><th>what ran</th>");
    out.push_str("<th>least</th><th>p50</th><th>p95</th><th>n</th><th>of native</th></tr>\n");
    for row in rows {
        let _ =
            write!(out, "<tr><td>{}</td><td>{}</td><td>{}</td>", escaped(&row.of), row.fence, escaped(&row.program));
        for value in [row.stats.least, row.stats.p50, row.stats.p95] {
            let _ = write!(out, "<td class=\"number\">{}</td>", shown(value, row.unit));
        }
        let native = row.of_native.map(times).unwrap_or_default();
        let _ = writeln!(out, "<td class=\"number\">{}</td><td class=\"number\">{native}</td></tr>", row.stats.n);
    }
    out.push_str("</table></details>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
