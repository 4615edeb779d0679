//! The order, checked as events arrive: one deterministic automaton, no search.
//!
//! Every event has one place in an order, so an event that arrives leads down one path of the tree, and each node on
//! the path says whether it may come now. A violation never stops the automaton: it moves on to where the event
//! belongs, so that what follows is judged as if the fault had not been. Cost: the depth of the order for an event.
//!
//! Memory: the lanes in which something may still come. Of those in which nothing may come any more the latest
//! `FINISHED` of each `each` are kept (at most twice as many), to tell an event that is repeated or late in its lane.
//! In an older one it is taken for the first of a new lane, and what should have come before it for missing.

mod feed;
mod follower;
mod plan;
mod scope;
#[cfg(test)]
mod tests;
mod violation;

pub(crate) use feed::Step;
pub use follower::Monitor;
pub use plan::Keys;
pub use violation::{Violation, What};
