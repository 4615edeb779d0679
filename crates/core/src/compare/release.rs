//! A run of one of the two releases.

use crate::check::Gaps;
use crate::finding::{self};

/// One of the two releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// The one that is known.
    Baseline,
    /// The one that is to take its place.
    Candidate,
}

impl Release {
    /// The order of the two releases in a pair, counted from 0.
    pub const fn order(pair: usize) -> [Release; 2] {
        if pair.is_multiple_of(2) {
            [Release::Baseline, Release::Candidate]
        } else {
            [Release::Candidate, Release::Baseline]
        }
    }

    /// The name in reports and file names.
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
    /// The release.
    pub release: Release,
    /// The pair, counted from 0.
    pub pair: usize,
    /// The findings of the run. They do not include timing, which the golden does not judge here.
    pub run: finding::Run,
    /// The gaps between its events and their causes.
    pub gaps: Gaps,
}
