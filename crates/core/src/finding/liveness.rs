//! Whether a real server answered: one answer a question.

use crate::golden::LiveItem;

/// What a run says to a question of liveness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Nothing to be seen that could answer it, or nothing to compare with.
    Unknown,
    /// As a server at work does.
    Pass,
    /// As a transcript that is played does.
    Fail,
}

impl Answer {
    /// The answer of this name.
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

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCheck {
    /// The question.
    pub item: LiveItem,
    /// What this run says to it.
    pub answer: Answer,
    /// The numbers behind it, or why it is not known; a fragment.
    pub detail: String,
    /// Where it is not known: what would make it known.
    pub hint: Option<String>,
    /// Whether the golden wants it to pass; a failure is a finding then.
    pub is_required: bool,
    /// Frames of the run that show a failure, counted from 0.
    pub frames: Vec<usize>,
}
