use std::fmt::Write as _;

use crate::bench::{Comparison, NO_FUEL, Row, Unit};

/// The whole of it for a terminal.
pub(super) fn table(all: &Comparison) -> String {
    let mut out = format!("{}\n", machine(all));
    for note in notes(all) {
        let _ = writeln!(out, "{note}");
    }
    for (index, row) in all.rows.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| all.rows.get(before));
        if before.is_none_or(|before| before.part != row.part) {
            let heads = ["p50", "p95", "n", "of native"];
            let [p50, p95, n, native] = heads;
            let _ = writeln!(out, "\n{}: {}", row.part, row.part.about());
            let _ = writeln!(out, "  {:<30} {p50:>10} {p95:>10} {n:>6}  {native:>9}", "");
        }
        if before.is_none_or(|before| before.part != row.part || before.of != row.of) {
            let _ = writeln!(out, "  {}", row.of);
        }
        let [p50, p95] = [row.stats.p50, row.stats.p95].map(|value| shown(value, row.unit));
        let native = row.of_native.map(times).unwrap_or_default();
        let _ = writeln!(out, "    {:<28} {p50:>10} {p95:>10} {:>6}  {native:>9}", row.fence, row.stats.n);
    }
    if !all.verdicts.is_empty() {
        let _ = writeln!(out, "\nfigures");
    }
    for verdict in &all.verdicts {
        let _ = writeln!(out, "  {:<6} {}: {} ({})", met(verdict.met), verdict.what, verdict.measured, verdict.target);
    }
    out
}

/// The same as the page of figures has it.
pub(super) fn markdown(all: &Comparison) -> String {
    let mut out = format!("{}\n", machine(all));
    for note in notes(all) {
        let _ = writeln!(out, "{note}");
    }
    out.push_str("\n| figure | target | measured | |\n| --- | --- | --- | --- |\n");
    for verdict in &all.verdicts {
        let _ =
            writeln!(out, "| {} | {} | {} | {} |", verdict.what, verdict.target, verdict.measured, met(verdict.met));
    }
    out.push_str("\n| part | of | fence | what ran | p50 | p95 | n | of native |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for Row { part, of, fence, program, unit, stats, of_native } in &all.rows {
        let [p50, p95] = [stats.p50, stats.p95].map(|value| shown(value, *unit));
        let native = of_native.map(times).unwrap_or_default();
        let _ = writeln!(out, "| {part} | {of} | {fence} | {program} | {p50} | {p95} | {} | {native} |", stats.n);
    }
    out
}

pub(super) fn machine(all: &Comparison) -> String {
    let machine = &all.machine;
    let (memory, load) = (shown(machine.memory_bytes as f64, Unit::Bytes), machine.load);
    format!(
        "{}, {} cores, {memory}, {}; load {load} when it began; Ringfence {}",
        machine.cpu, machine.cores, machine.system, machine.ringfence
    )
}

/// What has to be known before a number is read.
pub(super) fn notes(all: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    for left in &all.left_out {
        let what = left.part.map_or_else(|| "not available".to_owned(), |part| format!("{part} is not measured"));
        notes.push(format!("{}: {what}: {}", left.fence, left.reason));
    }
    if all.effort.quick {
        notes.push("--quick: that all of it works, not what it costs".to_owned());
    }
    if !all.machine.optimised {
        notes.push(
            "this program was built without optimisation: its own part in each number is many times too large".into(),
        );
    }
    if all.machine.load > all.machine.cores as f64 / 2.0 {
        notes.push("this machine had other things to do: the numbers are larger than they would be".to_owned());
    }
    if all.rows.iter().any(|row| row.fence == NO_FUEL) {
        notes.push(format!("{NO_FUEL}: the engine with code that counts no fuel, which nothing but this command runs"));
    }
    notes
}

pub(super) fn met(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Three digits that count, with their unit.
pub(super) fn shown(value: f64, unit: Unit) -> String {
    let steps: &[(f64, &str)] = match unit {
        Unit::Microseconds => &[(1e6, " s"), (1e3, " ms"), (1.0, " µs")],
        Unit::PerSecond => &[(1e6, " M/s"), (1e3, " k/s"), (1.0, " /s")],
        Unit::Bytes => &[(1_073_741_824.0, " GiB"), (1_048_576.0, " MiB"), (1_024.0, " KiB"), (1.0, " B")],
    };
    let found = steps.iter().find(|(step, _)| value.abs() >= *step).or(steps.last());
    let (step, name) = found.copied().unwrap_or((1.0, ""));
    format!("{}{name}", digits(value / step))
}

fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// How many times the number without a fence.
pub(super) fn times(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.1 { format!("1/{:.0}", 1.0 / ratio) } else { format!("{}×", digits(ratio)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_unit() {
        assert_eq!(shown(4.125, Unit::Microseconds), "4.12 µs");
        assert_eq!(shown(8_210.0, Unit::Microseconds), "8.21 ms");
        assert_eq!(shown(123_456.0, Unit::PerSecond), "123 k/s");
        assert_eq!(shown(85.0 * 1024.0, Unit::Bytes), "85.0 KiB");
        assert_eq!(shown(-2_048.0, Unit::Bytes), "-2.00 KiB");
        assert_eq!((times(1.5), times(0.005), times(1234.0)), ("1.50×".into(), "1/200".into(), "1234×".into()));
    }
}
