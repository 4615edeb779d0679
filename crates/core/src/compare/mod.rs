//! Compares two releases that were run alternately: the differences of the newer one, with their confidence.
//!
//! A *pair* is one run of each release, back to back: baseline first, then candidate first, and so on. So a drift of
//! the machine affects both alike. In addition, the last run of a pair and the first of the next are two consecutive
//! runs of the *same* release. They show how much a release differs from itself on this machine, with one comparison
//! fewer than there are pairs. Nothing here is live: [`compare`] is a function of judged runs.
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
