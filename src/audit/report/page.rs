use super::super::read::LogTime;
use super::super::text::clean;
use super::super::verify::VerifyReport;
use super::cell::Cell;
use super::survey::Survey;
use super::tally::Tally;
use super::trail::Trail;

/// All that a report says; each form writes just this.
pub struct ReportPage {
    pub(super) verified: VerifyReport,
    pub(super) facts: Vec<(&'static str, Cell)>,
    pub(super) tables: Vec<Table>,
}

pub(super) struct Table {
    /// In JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) rest: Option<Rest>,
}

/// What was left out of a table.
pub(super) struct Rest {
    pub(super) rows: u64,
    pub(super) counts: Vec<(&'static str, u64)>,
    /// What counts that are shown can lack, at most; then `rows` is at most, too.
    pub(super) missing: u64,
}

impl Rest {
    pub(super) fn words(&self) -> String {
        let up_to = if self.missing > 0 { "up to " } else { "" };
        let counts: Vec<_> = self.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let of = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        let low = match self.missing {
            0 => String::new(),
            most => format!(". There were too many to keep all: each count above may be low, by {most} at most"),
        };
        format!("and {up_to}{} more that are not shown{of}{low}", self.rows)
    }
}

impl Survey {
    /// The end of the survey, with what the check of the log said, and the time at which it is made.
    pub fn page(self, verified: VerifyReport, made: &LogTime) -> ReportPage {
        let facts = self.facts(&verified, made);
        let rows = self.rows;
        let (who, all) = (["tenant", "principal"], |more: &[&'static str]| [&["tenant", "principal"], more].concat());
        let tables = vec![
            counted(("principals", "Who"), &who, ["records", "runs", "denied", "limits"], self.principals, rows),
            counted(
                ("runs", "Who ran what"),
                &all(&["component"]),
                ["started", "ended", "lost", "denials"],
                self.runs,
                rows,
            ),
            counted(("outcomes", "How runs ended"), &["outcome"], ["runs"], self.outcomes, rows),
            counted(("denied", "What callers may not"), &all(&["action", "reason"]), ["times"], self.denied, rows),
            counted(
                ("fenced", "What guests were not granted"),
                &all(&["tried", "path", "missing"]),
                ["records", "times"],
                self.fenced,
                rows,
            ),
            counted(("limits", "Limits that ended runs"), &all(&["component", "limit"]), ["times"], self.limits, rows),
            counted(("logins", "Refused logins"), &["address", "reason"], ["times"], self.logins, rows),
            listed(("changes", "Changes of policies, roles, keys, principals and settings"), self.changes),
            listed(("alerts", "Alerts"), self.alerts),
            listed(("service", "Starts and stops"), self.service),
            Table {
                name: "events",
                title: "All events",
                columns: vec!["event", "times"],
                rows: self
                    .events
                    .into_iter()
                    .map(|(name, times)| vec![Cell::Text(name.to_owned()), Cell::Number(times)])
                    .collect(),
                rest: None,
            },
        ];
        ReportPage { verified, facts, tables }
    }

    fn facts(&self, verified: &VerifyReport, made: &LogTime) -> Vec<(&'static str, Cell)> {
        let text = |text: &str| Cell::Text(clean(text, 512));
        let time = |time: &LogTime| Cell::Time(time.as_str().to_owned());
        let mut facts = vec![("log", text(&verified.origin)), ("made at", time(made))];
        facts.extend(self.filter.since.as_ref().map(|since| ("since", time(since))));
        facts.extend(self.filter.until.as_ref().map(|until| ("until", time(until))));
        facts.extend(self.filter.tenant.as_ref().map(|tenant| ("tenant", text(tenant))));
        facts.extend(self.filter.principal.as_ref().map(|principal| ("principal", text(principal))));
        facts.push(("records told", Cell::Number(self.records)));
        for (names, place) in
            [(["first record", "first time"], &self.first), (["last record", "last time"], &self.last)]
        {
            let [number, at] = names;
            if let Some((seq, when)) = place {
                facts.extend([(number, Cell::Number(*seq)), (at, Cell::Time(when.clone()))]);
            }
        }
        let counts = [
            ("lines that are no records", self.unreadable),
            ("refusals that were only counted", self.left_out),
            ("starts without a stop before them", self.crashes),
        ];
        facts.extend(counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name, Cell::Number(n))));
        facts
    }
}

impl ReportPage {
    /// What the check of the log said, besides the fault.
    pub(super) fn checked(&self) -> Vec<(&'static str, Cell)> {
        let verified = &self.verified;
        let mut checked = vec![("records checked", Cell::Number(verified.records))];
        if verified.fault.is_some() {
            return checked;
        }
        checked.extend((verified.first > 0).then_some(("records pruned before", Cell::Number(verified.first))));
        checked.push(("checkpoints that hold", Cell::Number(verified.checkpoints as u64)));
        checked.push(("records signed", Cell::Number(verified.signed)));
        let unsigned = verified.size.saturating_sub(verified.signed);
        checked.extend((unsigned > 0).then_some(("records after them, only chained", Cell::Number(unsigned))));
        checked.extend(verified.cosigned.map(|size| ("records that witnesses signed", Cell::Number(size))));
        checked
    }

    /// The verdict in words, without what others wrote.
    pub(super) fn verdict(&self) -> &'static str {
        match (&self.verified.fault, self.verified.keys_from_folder) {
            (Some(_), _) => "The log does not verify. Nothing below is proven: it is what its files say now.",
            (None, true) => {
                "The log is whole. The keys were those beside it: this does not show whose log it is (--public-key does)."
            }
            (None, false) => "The log is whole.",
        }
    }

    /// Code, place and words of what is wrong first.
    pub(super) fn fault(&self) -> Option<(&'static str, String, String)> {
        let fault = self.verified.fault.as_ref()?;
        Some((fault.code(), clean(&fault.place.to_string(), 512), clean(&fault.what, 512)))
    }
}

fn counted<const N: usize>(
    (name, title): (&'static str, &'static str),
    keys: &[&'static str],
    counts: [&'static str; N],
    tally: Tally<N>,
    rows: usize,
) -> Table {
    let (top, others) = tally.top(rows);
    let rest = (others.rows > 0).then(|| Rest {
        rows: others.rows,
        counts: counts.into_iter().zip(others.counts).collect(),
        missing: others.missing,
    });
    let columns = keys.iter().copied().chain(counts).chain(["last record", "last time"]).collect();
    let row = |(key, row): (Vec<String>, super::tally::Counted<N>)| {
        let texts = key.into_iter().map(Cell::Text);
        let numbers = row.counts.into_iter().chain([row.seq]).map(Cell::Number);
        texts.chain(numbers).chain([Cell::Time(row.time)]).collect()
    };
    Table { name, title, columns, rows: top.into_iter().map(row).collect(), rest }
}

fn listed((name, title): (&'static str, &'static str), trail: Trail) -> Table {
    let (rows, earlier) = trail.end();
    let rest = (earlier > 0).then(|| Rest { rows: earlier, counts: vec![], missing: 0 });
    Table { name, title, columns: Trail::COLUMNS.to_vec(), rows, rest }
}
