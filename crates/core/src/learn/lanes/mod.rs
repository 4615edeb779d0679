//! Which values make lanes: keys that several events share and of which one session has several.
//!
//! A *node* is an event and a path where an id stands. Nodes that carry the same values are one key class. A class of
//! which sessions have several values, each with several events, makes lanes; lanes nest where each value of one meets
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
