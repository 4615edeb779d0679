//! Transcripts → golden.
//!
//! Learning is a function of the recordings as a set: their order does not matter, ties are broken by name, nothing is
//! random. It goes over the recordings in four readings: what events are called (`names`), which values make lanes
//! (`lanes`), what is seen of order, shape and values, and last how the learned order times them. What it proposes
//! accepts every recording it was learned from, and its client's half can be played; that is tried (`mend`,
//! `playable`), not hoped for.

mod answers;
mod binding;
mod chain;
mod counts;
mod gather;
mod goals;
mod guarantee;
mod id_places;
mod keep;
mod lanes;
mod leaving;
mod liveness;
mod loosen;
mod mend;
mod names;
mod notes;
mod order;
mod parallel;
mod paths;
mod play;
mod playable;
mod proposal;
mod recordings;
mod refine;
mod relations;
mod sample;
mod sasl;
mod scopes;
mod script;
mod session;
mod shape;
mod split;
mod structure;
mod summarize;
mod summary;
mod timing;
mod traces;
mod trial;
mod value_index;

#[cfg(test)]
mod dialects;

pub use proposal::{Proposal, learn};
pub use recordings::{LearnError, Recordings};
pub use trial::trial;
