//! Findings: the deviation, its place, its severity and its evidence.
//!
//! A [`Finding`] always has a place. Its kind is the kind of deviation, its severity the effect on the verdict; they
//! answer different questions and are different types. Findings know nothing of how they are found or shown.

mod confirm;
mod deviation;
mod kind;
mod liveness;
mod merge;
mod probe;
mod run;
mod shard;
mod time;

pub use crate::golden::ProbeName;
pub use confirm::{confirm, is_settled, needs_another_round};
pub use deviation::{Finding, Place};
pub use kind::{Kind, Severity};
pub use liveness::{Answer, LiveCheck};
pub use merge::{MergeError, merge};
pub use probe::{ProbeResult, probe_verdict, verdict_with_probes};
pub use run::{Asked, Outcome, Run, Unjudged, Verdict};
pub use shard::{Part, Shard};
pub use time::{Basis, BudgetReport, TimeReport};
