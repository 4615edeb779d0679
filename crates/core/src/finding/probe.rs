//! What a probe found: one cell for each question it asked.

use super::{Outcome, Run, Verdict};
use crate::golden::ProbeName;

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

/// The verdict over all cells; none where nothing was asked.
pub fn probe_verdict(cells: &[Cell]) -> Option<Verdict> {
    cells.iter().filter_map(Cell::verdict).max()
}

/// The verdict over a check and the probes that were asked with it; a probe that asked nothing changes nothing.
pub fn verdict_with_probes(outcome: &Outcome, cells: &[Cell]) -> Verdict {
    probe_verdict(cells).map_or(outcome.verdict(), |verdict| verdict.max(outcome.verdict()))
}
