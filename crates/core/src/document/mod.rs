//! TOML that people write, read with its places: a mistake is shown with its line, a caret and a way out.
//!
//! [`Fields`] takes the keys of a table one by one and reports what is wrong or unknown to its [`SourceText`], which collects
//! [`Problems`]. Goldens, configurations and profiles are read with it; what a key means is known there and not here.

mod fields;
mod problem;

pub use fields::{Fields, parse_toml, to_json};
pub use problem::{Problem, Problems, SourceText, did_you_mean};
