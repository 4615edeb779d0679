//! Two releases, run by run in turn → what the newer one does differently, with confidence.
//!
//! A *pair* is one run of each release, back to back: baseline first, then candidate first, and so on. So whatever
//! drifts meanwhile meets both alike, and, at no further cost, the last run of a pair and the first of the next are two
//! runs of the *same* release in succession. Those tell how much a release differs from itself on this machine, by as
//! many comparisons (but one) as there are pairs. Nothing here is live: [`compare`] is a function of judged runs.
//!
//! ```text
//! pair            1              2              3
//! runs      base   cand    cand   base    base   cand
//!           └ A/B ──┘└ B/B ─┘└ A/B ──┘└ A/A ─┘└ A/B ──┘
//! ```

mod comparison;
mod difference;
mod flip;
mod release;
#[cfg(test)]
mod tests;
mod timing;

pub use comparison::{Comparison, compare};
pub use difference::{Difference, Standing};
pub use release::{Played, Release};
pub use timing::{Again, Change, Subject, Timing, pairs_needed};
