//! Transcript × golden → findings.
//!
//! A [`Checker`] takes the frames of one session as they arrive and detects a violation during the session.
//! [`Checker::finish`] explains all violations, one finding for each fault, the first cause first. Time is judged
//! over all runs together by [`judge_timing`], and over several rounds by [`judge_rounds`]. Checking returns no
//! errors, only findings.

mod baseline;
mod binding;
mod budget;
mod checker;
mod crowd;
mod evidence;
mod explain;
mod finish;
mod gaps;
mod liveness;
mod notes;
mod reference;
mod rounds;
mod shape;
mod tier;
mod timing;

pub use baseline::{Baseline, NoBounds};
pub use checker::{Checked, Checker, lane_value};
pub use crowd::Crowd;
pub use evidence::told;
pub use gaps::{Gaps, Sample, Timed};
pub use liveness::{Live, OTHER_HOSTS, Witness, findings as liveness_findings, judge as judge_liveness};
pub use reference::Shift;
pub use rounds::{judge as judge_rounds, needs_more_rounds};
pub use shape::{Likeness, likeness};
pub use timing::judge as judge_timing;

use crate::golden::Golden;
use crate::transcript::Transcript;

/// Checks a whole transcript.
pub fn check(golden: &Golden, transcript: &Transcript) -> Checked {
    let mut checker = Checker::new(golden);
    for frame in &transcript.frames {
        checker.frame(frame);
    }
    checker.finish(&transcript.ending)
}
