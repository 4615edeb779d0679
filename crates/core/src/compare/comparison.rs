//! How two releases compare.

use super::difference::{Difference, Standing};
use super::release::{Played, Release};
use super::timing::Timing;
use super::{difference, timing};
use crate::finding::{self, Verdict};

/// How two releases compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The chance of a false alarm over all classes of gaps, for slower and for faster each.
    pub alpha: f64,
    /// How many pairs of each session there are.
    pub pairs: usize,
    /// How many runs.
    pub runs: usize,
    /// Order, payload, ids, endings: what differs from the golden, the candidate's differences first.
    pub differences: Vec<Difference>,
    /// Time.
    pub timing: Timing,
    /// A run that could not be judged, which makes the comparison worthless; nothing was run after it.
    pub unjudged: Option<(Release, finding::Run)>,
    /// Whether somebody stopped it before it was done.
    pub interrupted: bool,
}

impl Comparison {
    /// `Deviates` when the releases differ, `Drift` when they perhaps do.
    pub fn verdict(&self) -> Verdict {
        if self.unjudged.is_some() || self.runs == 0 {
            Verdict::CouldNotJudge
        } else if self.differences.iter().any(|one| one.standing.is_sure())
            || self.timing.changes.iter().any(|change| change.is_sure(self.alpha))
        {
            Verdict::Deviates
        } else if self.differences.iter().any(|one| one.standing == Standing::Perhaps) {
            Verdict::Drift
        } else {
            Verdict::Conforms
        }
    }
}

/// Compares all runs of all sessions.
pub fn compare(played: &[Played], alpha: f64) -> Comparison {
    let unjudged = played.iter().find(|one| one.run.unjudged.is_some());
    let judged: Vec<&Played> = played.iter().filter(|one| one.run.unjudged.is_none()).collect();
    Comparison {
        alpha,
        pairs: judged.iter().map(|one| one.pair + 1).max().unwrap_or(0),
        runs: judged.len(),
        differences: difference::differences(&judged, alpha),
        timing: timing::timing(&judged),
        unjudged: unjudged.map(|one| (one.release, one.run.clone())),
        interrupted: false,
    }
}
