use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Row, params_from_iter};

use super::rows::all;

/// A question that is put together of what was asked; values are never part of its text.
pub(super) struct Asked {
    sql: String,
    cells: Vec<Cell>,
}

impl Asked {
    /// Begins with a `WHERE` that holds, and the values that it needs.
    pub(super) fn new(sql: String, cells: impl Into<Vec<Cell>>) -> Self {
        Self { sql, cells: cells.into() }
    }

    fn add(&mut self, clause: &str, cells: impl IntoIterator<Item = Cell>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(clause);
        self.cells.extend(cells);
    }

    /// Something that must be so.
    pub(super) fn and_so(&mut self, clause: &str) {
        self.add(clause, []);
    }

    /// The same, where it was asked for.
    pub(super) fn and(&mut self, clause: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(clause, [Cell::from(value.to_string())]);
        }
    }

    pub(super) fn and_number(&mut self, clause: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.add(clause, [number(value)]);
        }
    }

    /// Labels are one object of JSON in the column `labels`.
    pub(super) fn and_label(&mut self, label: Option<&(String, String)>) {
        if let Some((name, value)) = label {
            let clause = "EXISTS (SELECT 1 FROM json_each(labels) l WHERE l.key = ? AND l.value = ?)";
            self.add(clause, [Cell::from(name.clone()), Cell::from(value.clone())]);
        }
    }

    /// The rows, in an order that ends with how many at most.
    pub(super) fn all<T>(
        mut self,
        connection: &Connection,
        order: &str,
        most: u32,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.sql.push(' ');
        self.sql.push_str(order);
        self.cells.push(Cell::from(i64::from(most)));
        all(connection, &self.sql, params_from_iter(self.cells), read)
    }
}

pub(super) fn number(value: u64) -> Cell {
    Cell::from(i64::try_from(value).unwrap_or(i64::MAX))
}
