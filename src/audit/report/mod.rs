//! A report for people on a span of the log: who ran what, what was refused, what was changed, and whether the log holds.
//!
//! ```text
//! verify ─ each record ─▶ Survey (bounded counts and lists) ─▶ ReportPage (tables) ─▶ Markdown, HTML, JSON
//! ```
//!
//! What is told is what was checked: the records come from the check itself, not from a second look at the files. Memory
//! is bounded whatever the log holds, and what a bound left out is told. No text of a record reaches a form unescaped.

mod cell;
mod html;
mod json;
mod markdown;
mod page;
mod read;
mod survey;
mod tally;
mod trail;

pub use page::ReportPage;
pub use read::survey;
pub use survey::Survey;
