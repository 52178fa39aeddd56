use serde::Serialize;

use super::ask::{Effort, Part};
use super::error::BenchError;
use super::fence::{Fence, NATIVE};
use super::machine::Machine;
use super::stats::Stats;
use super::verdicts::{self, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Microseconds,
    PerSecond,
    Bytes,
}

/// One number with its spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub part: Part,
    /// Which of the things that the part measures.
    pub of: String,
    pub fence: &'static str,
    /// What was run.
    pub program: String,
    pub unit: Unit,
    #[serde(flatten)]
    pub stats: Stats,
    /// Its median against that of the same without a fence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_native: Option<f64>,
}

/// What is not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub fence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    pub reason: String,
}

/// All that was measured in one run.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub machine: Machine,
    pub effort: Effort,
    pub rows: Vec<Row>,
    pub left_out: Vec<LeftOut>,
    pub verdicts: Vec<Verdict>,
}

impl Comparison {
    pub(super) fn new(effort: Effort, left_out: Vec<LeftOut>) -> Result<Self, BenchError> {
        Ok(Self { machine: Machine::here()?, effort, rows: Vec::new(), left_out, verdicts: Vec::new() })
    }

    pub(super) fn add(
        &mut self,
        (part, unit): (Part, Unit),
        of: &str,
        program: impl Fn(&Fence) -> String,
        measured: Vec<(&Fence, Stats)>,
    ) {
        let native = measured.iter().find(|(fence, _)| fence.name == NATIVE).map(|(_, stats)| stats.p50);
        for (fence, stats) in measured {
            let of_native = native.filter(|native| *native > 0.0).map(|native| stats.p50 / native);
            let (of, program) = (of.to_owned(), program(fence));
            self.rows.push(Row { part, of, fence: fence.name, program, unit, stats, of_native });
        }
    }

    pub(super) fn judged(mut self) -> Self {
        self.verdicts = verdicts::of(&self);
        self
    }

    /// The median of a line.
    pub fn median(&self, part: Part, of: &str, fence: &str) -> Option<f64> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.part == part && row.of == of && row.fence == fence).map(|row| row.stats.p50)
    }
}
