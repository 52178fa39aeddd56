//! Which paths of a mounted folder a guest may see, read and write. Pure: rules and a path in, a level out; it never
//! looks at a disk, so the same question has the same answer everywhere. Resolving links and names is the work of
//! whoever asks (`engine/grants/fs`), one component at a time.
//!
//! ```text
//! text ─▶ Rule ─┐
//! preset ───────┴─▶ Policy ── root ─▶ Spot ── step(name) ─▶ Spot ── level: none, view, read or write
//! ```
//!
//! A rule that is missing, unreadable or ambiguous means less, never more: no match is `none`, a tie goes to the
//! stricter level, and what does not parse makes no policy at all.

mod explain;
mod globs;
mod name;
mod pattern;
mod policy;
mod presets;
mod rule;
mod rules;

pub use explain::{Explanation, Heard, NotPlain};
pub use pattern::PatternError;
pub use policy::{Policy, PolicyError, RULES, Spot};
pub use presets::{Preset, UnknownPreset, secret_patterns};
pub use rule::{Kind, Level, Rule, RuleError};
pub use rules::{KeptRules, Rules, RulesError, TEXT_BYTES};
