//! Captures of other programs: HAR (DevTools, Playwright, mitmproxy) and JSON Lines, read as transcripts, and back.
//!
//! None of them says all that a recording does. What is not said is not made up, but for two things, which the reader of
//! a capture is told: how the session ended, and where in time the handshake did.

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
