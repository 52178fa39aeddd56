//! What each fence of this machine costs, beside the same code without any: measured in turns, with the same work for all.
//!
//! ```text
//! Ask ─▶ Stage (fences that are there, programs, threads) ─▶ part after part, each fence in its turn ─▶ Comparison
//! ```
//!
//! What this area must never do: compare work that came to different answers, leave out a fence in silence, or tell a
//! number without how many samples it is of and how far they spread.

mod ask;
mod comparison;
mod error;
mod fence;
mod machine;
mod memory;
mod processes;
mod programs;
mod stage;
mod start;
mod stats;
mod throughput;
mod turns;
mod verdicts;
mod work;

pub use ask::{Ask, Effort, Part, UnknownPart};
pub use comparison::{Comparison, LeftOut, Row, Unit};
pub use error::BenchError;
pub use fence::{NATIVE, NO_FUEL};
pub use machine::Machine;
pub use programs::{Empty, Programs};
pub use stage::{Here, Stage, begin_and_end};
pub use stats::Stats;
pub use verdicts::Verdict;
