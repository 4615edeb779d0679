//! Finds the names of events: the dialect and, for plain JSON, the pointer of the name on each side.
//!
//! Candidates are string fields near the top whose values recur and look like identifiers. The best one predicts the
//! shape of the message best (mutual information), with a bonus for the usual names of such fields.

mod answers;
mod best;
mod candidate;
mod doubts;
mod find;
mod keys;
mod kind;
mod places;
mod reflexes;
mod said;
#[cfg(test)]
mod tests;

pub(super) use answers::{answers, reply};
pub(super) use candidate::{CONTENT, Candidate, MAX_KINDS, MIN_BITS, USUAL, information, print_of};
pub(super) use doubts::doubts;
pub(super) use find::dialect;
pub(super) use reflexes::reflexes;
