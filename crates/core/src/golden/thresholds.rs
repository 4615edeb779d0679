//! How many observations it takes before something that always held is held against a server.

/// Observations, in [`MIN_RUNS`](super::MIN_RUNS) recordings, that make the contradiction of what always held a deviation.
pub const MIN_SEEN: u32 = 8;
/// The number of trials, in at least [`MIN_RUNS_TRIALS`] recordings, after which an absence is a deviation. An event
/// that comes nine times of ten comes ten times in a row every third time, and the rounds and lanes of one recording
/// are much alike.
pub const MIN_TRIALS_MISSING: u32 = 100;
/// The number of recordings that trials need.
pub const MIN_RUNS_TRIALS: u32 = 8;
/// The number of answers behind the statement that only requests are answered.
pub const MIN_ANSWERS: u32 = 30;
/// The number of recordings for a presence or a value that occurs once in each of them: an optional event that
/// usually comes, or a common value of several, looks like "always" for long.
pub const MIN_RUNS_ALWAYS: u32 = 20;
/// The number of observations for "a always before b" without a known distance: a race of probability p survives n
/// runs with probability (1-p)^n.
pub const MIN_SEEN_ORDER: u32 = 30;
