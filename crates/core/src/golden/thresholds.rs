//! How many observations it takes before something that always held is held against a server.

/// Observations, in [`MIN_RUNS`](super::MIN_RUNS) recordings, that make the contradiction of what always held a deviation.
pub const MIN_SEEN: u32 = 8;
/// Trials behind the absence of an event that was always there, in at least [`MIN_RUNS_TRIALS`] recordings: one that comes nine
/// times of ten is there ten times in a row every third time, and the rounds and lanes of one recording are much alike.
pub const MIN_TRIALS_MISSING: u32 = 100;
/// Recordings behind what trials show.
pub const MIN_RUNS_TRIALS: u32 = 8;
/// Answers behind "nobody is answered who has not asked".
pub const MIN_ANSWERS: u32 = 30;
/// Recordings behind what is there, or the same, once in each of them: an optional event that usually comes, a common value
/// of several, look like always for long.
pub const MIN_RUNS_ALWAYS: u32 = 20;
/// Observations behind "a always before b" when nothing says how far apart they are: a race of probability p survives
/// n runs with probability (1-p)^n.
pub const MIN_SEEN_ORDER: u32 = 30;
