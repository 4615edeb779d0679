//! A run of one of the two releases.

use crate::check::Gaps;
use crate::finding::{self};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// The one that is known.
    Baseline,
    /// The one that is to take its place.
    Candidate,
}

impl Release {
    /// In which order the two are run in a pair, counted from 0.
    pub const fn order(pair: usize) -> [Release; 2] {
        if pair.is_multiple_of(2) {
            [Release::Baseline, Release::Candidate]
        } else {
            [Release::Candidate, Release::Baseline]
        }
    }

    /// As reports and file names write it.
    pub const fn name(self) -> &'static str {
        match self {
            Release::Baseline => "baseline",
            Release::Candidate => "candidate",
        }
    }
}

/// One user's run of one release, judged by the session's golden.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Of which release.
    pub release: Release,
    /// In which pair, counted from 0.
    pub pair: usize,
    /// What it showed; timing is not judged by the golden and not among its findings.
    pub run: finding::Run,
    /// The gaps between its events and their causes.
    pub gaps: Gaps,
}
