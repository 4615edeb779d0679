//! Finds the values that make lanes: keys that several events share and of which one session has several values.
//!
//! A *node* is an event and a path with an id. Nodes with the same values are one key class. A class makes lanes if
//! sessions have several of its values, each with several events. Lanes are nested if each value of one occurs with
//! only one value of the other.

mod classes;
mod find;
mod ids;
mod key;
mod known;
mod nest;
mod table;
#[cfg(test)]
mod tests;

pub(super) use ids::{is_id, is_reference};
pub(super) use table::Lanes;
