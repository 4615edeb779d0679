//! Expected beside actual: a run and its findings as rows, without colour.
//!
//! A [`Row`] has the golden's event on the left and the run's event on the right; equal rows have no mark. Long
//! agreements are folded, and repetitions are counted. [`changes`] describes the behaviour that one golden allows and
//! another does not. `report` does the formatting.

mod fold;
mod goldens;
mod row;
mod rows;
mod words;

pub use goldens::{Change, Direction, changes};
pub use row::{Mark, Pace, Row};
pub use rows::{rows, timeline};
pub use words::{unified, words};
