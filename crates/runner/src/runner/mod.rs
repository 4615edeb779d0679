//! The engine: drives sessions against a live build, judges them, and plays further rounds to confirm suspects.
//!
//! ```text
//! options + goldwire.toml → target (server, logins) → rounds of sessions → judged runs → an outcome
//!                                                   → questions of probes → cells
//! ```
//!
//! [`check()`] checks a build, or recordings, against goldens; [`compare()`] compares two releases; [`probe()`] runs
//! probes. Each takes plain options, reports progress to an [`Observer`], and returns a value or an [`Error`]. The
//! runner has no arguments, prints nothing, writes no reports and does not end the process: the command line, or a
//! caller in a test, does that.

mod check;
mod compare;
mod config;
mod error;
mod judge;
mod options;
mod probe;
mod progress;
mod proposal;
mod runtime;
mod scan;
mod selection;
mod target;
mod time;
mod update;

pub use check::{CheckRun, check, play_round, refuse_unasked};
pub use compare::{CompareRun, compare};
pub use config::Config;
pub use error::{Error, ErrorKind};
pub use judge::{JudgedRun, MAX_SHOWN, judge, judge_time};
pub use options::{CheckOptions, CompareOptions, ProbeOptions, RecordOptions, TargetOptions};
pub use probe::{ProbeRun, probe};
pub use progress::{Observer, Progress};
pub use proposal::{Proposed, propose};
pub use runtime::{recording_runtime, runtime};
pub use scan::{Scanned, refuse_secrets, scan, scan_lines, secrets_of};
pub use selection::{Selected, select};
pub use target::{DriveResult, RunningTarget, hide, runs_folder};
pub use time::{ProfileUse, add_to_profile, classes};
pub use update::{Update, UpdateOptions, UpdateWhen};
