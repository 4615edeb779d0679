//! The result of a probe: one cell for each question.

use super::{Outcome, Run, Verdict};
use crate::golden::ProbeName;

/// One question of a probe, with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeResult {
    /// The probe of the question.
    pub probe: ProbeName,
    /// The session whose golden was used.
    pub session: String,
    /// The question, e.g. `expired (query)`.
    pub case: String,
    /// The kind of question, e.g. `expired`. Questions of one kind share a row if all answers are good.
    pub sort: String,
    /// The answer in a few words, e.g. `HTTP 401 after 2.1 ms`.
    pub said: String,
    /// The reason why the question was not asked: a missing part of the configuration.
    pub not_asked: Option<String>,
    /// The sessions that show the answer, with their findings.
    pub runs: Vec<Run>,
}

impl ProbeResult {
    /// The verdict over its runs. A question that was not asked has none.
    pub fn verdict(&self) -> Option<Verdict> {
        if self.not_asked.is_some() {
            return None;
        }
        Some(self.runs.iter().map(Run::verdict).max().unwrap_or(Verdict::CouldNotJudge))
    }
}

/// The verdict over all cells. None if no question was asked.
pub fn probe_verdict(cells: &[ProbeResult]) -> Option<Verdict> {
    cells.iter().filter_map(ProbeResult::verdict).max()
}

/// The verdict over a check and its probes. A probe without questions changes nothing.
pub fn verdict_with_probes(outcome: &Outcome, cells: &[ProbeResult]) -> Verdict {
    probe_verdict(cells).map_or(outcome.verdict(), |verdict| verdict.max(outcome.verdict()))
}
