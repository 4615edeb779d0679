//! What deviates, where, how bad, how sure.
//!
//! A [`Finding`] cannot be made without a place. Its kind says what sort of deviation it is, its severity what it does
//! to the verdict; the two answer different questions and are different types. Knows nothing of how it was found or
//! how it will be shown.

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
pub use probe::{Cell, probe_verdict, verdict_with_probes};
pub use run::{Asked, Outcome, Run, Unjudged, Verdict};
pub use shard::{Part, Shard};
pub use time::{Basis, BudgetReport, TimeReport};
