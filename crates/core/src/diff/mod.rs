//! Expected beside actual: a run and its findings as rows, without colour.
//!
//! A [`Row`] has what the golden wants on the left and what came on the right; rows that agree carry no mark. Long
//! agreements are folded, repetitions counted. [`changes`] says in words what one golden allows that another does not.
//! `report` decides how both look.

mod fold;
mod goldens;
mod row;
mod rows;
mod words;

pub use goldens::{Change, Direction, changes};
pub use row::{Mark, Pace, Row};
pub use rows::{rows, timeline};
pub use words::{unified, words};
