//! Checks whether a real server answered, or a stub that replays a recording.
//!
//! Each [`LiveItem`](crate::golden::LiveItem) is one check; no single one is a proof, and a replay that makes up new ids and varies its pauses
//! passes them all. An unknown result never fails.

mod judge;
mod questions;
#[cfg(test)]
mod tests;
mod watch;

pub use judge::{OTHER_HOSTS, findings, judge};
pub(super) use watch::Watch;
pub use watch::{Live, Witness};
