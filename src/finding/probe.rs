//! What a probe found: one cell for each question it asked.

use super::{Run, Verdict};

/// A question that one session cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeName {
    /// Is everybody refused who should be, and nobody else?
    Auth,
    /// Does each of several users get what is theirs and nothing else?
    Isolation,
    /// Does it hold when many come at the same moment, and do not wait?
    Race,
    /// Is a session whole after others were cut off?
    Reconnect,
    /// Is it a server at work, and does it stay as fast as it was?
    Liveness,
}

impl ProbeName {
    /// All of them, in the order in which they are asked.
    pub const ALL: [ProbeName; 5] =
        [ProbeName::Auth, ProbeName::Isolation, ProbeName::Race, ProbeName::Reconnect, ProbeName::Liveness];

    /// The stable name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            ProbeName::Auth => "auth",
            ProbeName::Isolation => "isolation",
            ProbeName::Race => "race",
            ProbeName::Reconnect => "reconnect",
            ProbeName::Liveness => "liveness",
        }
    }

    /// The probe of this name.
    pub fn of(name: &str) -> Option<ProbeName> {
        ProbeName::ALL.into_iter().find(|probe| probe.name() == name)
    }
}

/// One question of a probe, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Which probe asked.
    pub probe: ProbeName,
    /// The session whose golden was used.
    pub session: String,
    /// The question, e.g. `expired (query)`.
    pub case: String,
    /// The sort of question, e.g. `expired`: where all of a sort are answered well they are one row.
    pub sort: String,
    /// What happened, in a few words, e.g. `HTTP 401 after 2.1 ms`.
    pub said: String,
    /// Why it was not asked at all: something that the configuration would have to say.
    pub not_asked: Option<String>,
    /// The sessions that show it, with their findings.
    pub runs: Vec<Run>,
}

impl Cell {
    /// The verdict over its runs; a question that was not asked has none.
    pub fn verdict(&self) -> Option<Verdict> {
        if self.not_asked.is_some() {
            return None;
        }
        Some(self.runs.iter().map(Run::verdict).max().unwrap_or(Verdict::CouldNotJudge))
    }
}
