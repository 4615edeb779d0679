//! What must happen: the golden of a session.
//!
//! A [`Golden`] says in which order events come, what each of them looks like, how soon it follows its cause, which
//! values come back, and what the client sends. It is learned, read as a diff by a person, and accepted; it knows its
//! own file and nothing of how a run is judged (that is `check`) or driven (that is `drive`).

mod causes;
mod contract;
mod evidence;
mod format;
mod host_profile;
mod lanes;
mod liveness;
mod monitor;
mod occasions;
mod order;
mod order_syntax;
mod parts;
mod places;
mod probes;
mod seen;
mod shape;
mod thresholds;
mod timing;
mod write;

pub use causes::Causes;
pub use contract::Golden;
pub use evidence::{EventEvidence, Evidence, LearnedEvidence};
pub use format::{VERSION, read};
pub use host_profile::{HostProfile, HostState, SessionProfile};
pub use lanes::Lane;
pub(crate) use lanes::{Cells, LaneId, Scoped};
pub use liveness::{
    LiveItem, MAX_IDS, MAX_PLACES, MAX_TIMES, Sighting, Timeline, Traces, insert_smallest, recording_id,
};
pub(crate) use monitor::Step;
pub use monitor::{Keys, Monitor, Violation, What};
pub use occasions::{
    KindMeans, MIN_OCCASIONS, OCCASION, OCCASION_SPREAD, OTHER_HOST, Occasions, SAME_HOST, SpreadPrior,
    pace_of,
};
pub use order::{Order, Times};
pub(crate) use order_syntax::MAX_EVENTS;
pub use order_syntax::{OrderError, parse as parse_order};
pub use parts::{Before, Budget, Event, Learned, Pace};
pub use probes::ProbeName;
pub use seen::{Prints, Regular, Seen, SeenError};
pub(crate) use shape::push_step;
pub use shape::{
    Chain, Fact, Format, Goal, Path, Rule, Source, Type, When, Whole, parse_rule, path_keys, path_step,
    type_of,
};
pub use thresholds::{
    MIN_ANSWERS, MIN_RUNS_ALWAYS, MIN_RUNS_TRIALS, MIN_SEEN, MIN_SEEN_ORDER, MIN_TRIALS_MISSING,
};
pub use timing::{
    ALPHA_DEVIATION, ALPHA_DOUBT, ALPHA_SUSPECT, Envelope, FEW, LOG_FLOOR, Limits, MIN_RUNS, MIN_USUAL,
    SINGLE, SLACK, Split, StallMargin, TimeMode, default_df, gap_of, log_of, median_share,
};
pub use write::{rewrite, write};
