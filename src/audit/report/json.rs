use serde_json::{Map, Value, json};

use super::cell::Cell;
use super::page::{ReportPage, Rest, Table};

impl ReportPage {
    /// For programs; `verification` is what `ringfence audit verify --json` answers.
    pub fn json(&self) -> Value {
        let facts: Map<String, Value> = self.facts.iter().map(|(name, value)| (key(name), of(value))).collect();
        let tables: Map<String, Value> = self.tables.iter().map(|one| (one.name.to_owned(), table(one))).collect();
        json!({"verification": self.verified.json(), "facts": facts, "tables": tables})
    }
}

fn table(table: &Table) -> Value {
    let row = |row: &Vec<Cell>| -> Map<String, Value> {
        table.columns.iter().zip(row).map(|(name, cell)| (key(name), of(cell))).collect()
    };
    let rows: Vec<_> = table.rows.iter().map(row).collect();
    json!({"rows": rows, "rest": table.rest.as_ref().map(rest)})
}

fn rest(rest: &Rest) -> Value {
    let counts: Map<String, Value> = rest.counts.iter().map(|(name, n)| (key(name), json!(n))).collect();
    json!({"rows": rest.rows, "counts": counts, "counts_low_by": rest.missing})
}

fn of(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) | Cell::Time(text) => json!(text),
        Cell::Number(number) => json!(number),
    }
}

fn key(name: &str) -> String {
    name.replace(' ', "_")
}
