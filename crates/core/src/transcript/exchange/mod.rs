//! Converts captures of other programs (HAR of DevTools, Playwright and mitmproxy; JSON Lines) into transcripts, and
//! back.
//!
//! No capture has all data of a recording. Missing data is never invented, with two exceptions that the importer
//! reports: the end of the session, and the time of the handshake.

mod events;
mod har;
mod imported;
mod lines;
#[cfg(test)]
mod tests;
mod text;
mod unit;
mod write;

pub use har::{Capture, read_har};
pub use imported::{CaptureError, Imported};
pub use lines::{Mapping, read_lines};
pub(crate) use text::mend_surrogates;
pub use text::parse_ending;
pub use unit::Unit;
pub use write::write_har;
