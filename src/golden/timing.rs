//! How soon and how late an event may come after its cause.

use crate::dialect::Label;
use crate::transcript::Gap;

/// What recordings showed of the time between an event and its cause.
///
/// Times are log-normal by assumption: `usual` is the geometric mean of the runs' medians, `spread` the standard
/// deviation of their natural logarithms.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The event that this one waits for.
    pub after: Label,
    /// The typical gap.
    pub usual: Gap,
    /// Standard deviation of the logarithm of the gap, from run to run.
    pub spread: f64,
    /// The shortest gap that was recorded.
    pub fastest: Gap,
    /// The longest gap that was recorded.
    pub slowest: Gap,
    /// A single run fails below this; learned only for gaps that repeat within a run.
    pub earliest: Option<Gap>,
    /// A single run fails above this. Absent while too few recordings support a bound.
    pub latest: Option<Gap>,
    /// How many gaps were measured.
    pub samples: u32,
    /// In how many recordings.
    pub runs: u32,
}

impl Envelope {
    /// How many gaps a single run usually has.
    pub fn gaps_per_run(&self) -> f64 {
        f64::from(self.samples) / f64::from(self.runs.max(1))
    }
}
