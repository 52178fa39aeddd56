use std::collections::VecDeque;

use super::super::record::Record;
use super::cell::{Cell, short, text_of};

/// The newest events of a kind, one by one; how many came before them is counted.
pub(super) struct Trail {
    rows: VecDeque<Vec<Cell>>,
    most: usize,
    earlier: u64,
}

impl Trail {
    pub(super) const COLUMNS: [&str; 7] = ["time", "record", "event", "tenant", "principal", "resource", "details"];

    pub(super) fn new(most: usize) -> Self {
        Self { rows: VecDeque::new(), most, earlier: 0 }
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        if self.rows.len() == self.most {
            self.earlier += 1;
            self.rows.pop_front();
        }
        let resource = [text_of(record.resource_kind), text_of(record.resource_id)];
        let details = if record.details == "{}" { String::new() } else { short(record.details) };
        self.rows.push_back(vec![
            Cell::Time(record.time.to_owned()),
            Cell::Number(record.seq),
            Cell::Text(record.event.to_owned()),
            Cell::Text(text_of(record.tenant)),
            Cell::Text(text_of(record.principal)),
            Cell::Text(resource.join(" ").trim().to_owned()),
            Cell::Text(details),
        ]);
    }

    pub(super) fn end(self) -> (Vec<Vec<Cell>>, u64) {
        (self.rows.into(), self.earlier)
    }
}
