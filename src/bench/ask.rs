use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Nothing but starting and ending.
    Start,
    /// A program that is started, given 4 KiB, and gives them back.
    RoundTrip,
    /// Starts and ends in a second, on all cores.
    Throughput,
    /// What one more that waits takes.
    Memory,
    /// Code that computes or works with files.
    Work,
}

impl Part {
    pub const ALL: [Part; 5] = [Part::Start, Part::RoundTrip, Part::Throughput, Part::Memory, Part::Work];

    pub const fn as_str(self) -> &'static str {
        match self {
            Part::Start => "start",
            Part::RoundTrip => "round-trip",
            Part::Throughput => "throughput",
            Part::Memory => "memory",
            Part::Work => "work",
        }
    }

    /// What its numbers are, in a line for people.
    pub const fn about(self) -> &'static str {
        match self {
            Part::Start => "starting and ending, and nothing in between",
            Part::RoundTrip => "a program is started, given 4 KiB, and gives them back",
            Part::Throughput => "starts and ends in a second, on all cores",
            Part::Memory => "memory of one sandbox more that waits for input",
            Part::Work => "the same code on the same input, by the clock inside; the start is left out",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no part is called `{0}`; there are start, round-trip, throughput, memory and work")]
pub struct UnknownPart(String);

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, UnknownPart> {
        let found = Part::ALL.into_iter().find(|part| part.as_str() == name);
        found.ok_or_else(|| UnknownPart(name.to_owned()))
    }
}

/// What is to be measured, and how long.
#[derive(Debug, Clone)]
pub struct Ask {
    pub parts: Vec<Part>,
    pub effort: Effort,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effort {
    /// Small work and few samples: whether all of it works, not what it costs.
    pub quick: bool,
    /// What each fence gets for each line.
    pub seconds: f64,
}

impl Effort {
    /// As long as is said; else a moment where it is to be quick.
    pub fn new(quick: bool, seconds: Option<f64>) -> Self {
        Self { quick, seconds: seconds.unwrap_or(if quick { 0.1 } else { 3.0 }) }
    }

    pub(super) fn time(self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(super) const fn of(self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}
