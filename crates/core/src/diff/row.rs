//! One line of the comparison.

use crate::transcript::Gap;

/// How a row deviates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does not.
    Same,
    /// The golden wants something that did not come.
    Missing,
    /// Something came that the golden does not want there.
    Extra,
    /// It came, but with another payload, name or time.
    Changed,
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// An event.
    Event {
        /// How it deviates.
        mark: Mark,
        /// What the golden wants here, if anything.
        golden: Option<String>,
        /// What came, if anything.
        live: Option<String>,
        /// Which of the session's lanes it stands in, counted from 1; 0 outside of all.
        lane: usize,
        /// The time since the event before.
        gap: Option<Gap>,
        /// The time since its cause, where the golden bounds it.
        pace: Option<Pace>,
        /// How often it came in a row, in the same way.
        times: usize,
        /// What is wrong with it, in a few words.
        note: String,
        /// The frame in the transcript, counted from 0.
        frame: Option<usize>,
    },
    /// So many events that agree were left out.
    Folded(usize),
}

/// The time from a cause to its event, beside what the golden says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long it took.
    pub gap: Gap,
    /// How long it usually takes.
    pub usual: Gap,
    /// How long it may take.
    pub latest: Gap,
}

impl Pace {
    /// How much of what it may take it took.
    pub(super) fn share(self) -> f64 {
        self.gap.as_secs_f64() / self.latest.as_secs_f64().max(1e-9)
    }
}
