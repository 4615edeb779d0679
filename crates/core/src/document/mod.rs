//! Reads TOML that people write, with positions: an error is shown with its line, a caret and a hint.
//!
//! [`Fields`] reads the keys of a table one by one and reports errors and unknown keys to its [`SourceText`], which
//! collects [`Problems`]. Goldens, configurations and profiles are read with it; the meaning of keys is defined
//! there.

mod fields;
mod problem;

pub use fields::{Fields, parse_toml, to_json};
pub use problem::{Problem, Problems, SourceText, did_you_mean};
