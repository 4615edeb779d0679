//! The result of the liveness items: one answer per item.

use crate::golden::LiveItem;

/// The result of a liveness item for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// There is no data, or nothing to compare with.
    Unknown,
    /// As with a working server.
    Pass,
    /// As with a replayed recording.
    Fail,
}

impl Answer {
    /// The result with this name.
    pub fn of(name: &str) -> Option<Answer> {
        [Answer::Unknown, Answer::Pass, Answer::Fail].into_iter().find(|answer| answer.name() == name)
    }

    /// The stable name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Answer::Unknown => "unknown",
            Answer::Pass => "pass",
            Answer::Fail => "fail",
        }
    }
}

/// One liveness item with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCheck {
    /// The liveness item.
    pub item: LiveItem,
    /// The result for this run.
    pub answer: Answer,
    /// The numbers behind the result, or the reason why it is unknown; a fragment.
    pub detail: String,
    /// If it is unknown: a way to make it known.
    pub hint: Option<String>,
    /// Whether the golden requires the item; a failure is then a finding.
    pub is_required: bool,
    /// The frames of the run that show a failure, counted from 0.
    pub frames: Vec<usize>,
}
