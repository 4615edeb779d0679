//! Did a real server answer, or were the answers canned?
//!
//! Each [`LiveItem`] is a question; no one of them proves anything by itself, and a player that makes up new ids and
//! varies its pauses passes them all. What is not known never fails.

mod judge;
mod questions;
#[cfg(test)]
mod tests;
mod watch;

pub use judge::{OTHER_HOSTS, findings, judge};
pub(super) use watch::Watch;
pub use watch::{Live, Witness};
