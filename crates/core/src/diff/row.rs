//! One line of the comparison.

use crate::transcript::Gap;

/// The kind of deviation of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does not.
    Same,
    /// An event of the golden did not come.
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
        /// The kind of deviation.
        mark: Mark,
        /// The golden's event, if any.
        golden: Option<String>,
        /// The run's event, if any.
        live: Option<String>,
        /// The number of its lane in the session, counted from 1; 0 outside of lanes.
        lane: usize,
        /// The time since the event before.
        gap: Option<Gap>,
        /// The time since its cause, where the golden bounds it.
        pace: Option<Pace>,
        /// The number of identical consecutive occurrences.
        times: usize,
        /// The deviation in a few words.
        note: String,
        /// The frame in the transcript, counted from 0.
        frame: Option<usize>,
    },
    /// The number of omitted rows that agree.
    Folded(usize),
}

/// The time from a cause to its event, with the golden's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The duration.
    pub gap: Gap,
    /// The usual gap.
    pub usual: Gap,
    /// The latest allowed gap.
    pub latest: Gap,
}

impl Pace {
    /// The share of the latest allowed time.
    pub(super) fn share(self) -> f64 {
        self.gap.as_secs_f64() / self.latest.as_secs_f64().max(1e-9)
    }
}
