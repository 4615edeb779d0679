//! Transcript × golden → findings.
//!
//! A [`Checker`] takes the frames of one session as they come and knows a violation while the session still runs;
//! [`Checker::finish`] explains all of them, one finding for one fault, the first cause first. Time is judged over all
//! runs together by [`judge_timing`], over several rounds by [`judge_rounds`]. Nothing here can fail: it can only find.

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
pub use rounds::{judge as judge_rounds, leave_doubt};
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
