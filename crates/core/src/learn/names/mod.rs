//! What events are called: finding the dialect and, of plain JSON, the pointer of the name, for each side.
//!
//! Candidates are string fields near the top whose values recur and look like identifiers. The best one tells most
//! about the shape of the message (mutual information), with a bonus for the names that such fields usually have.

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
