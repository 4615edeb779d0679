//! What a foreign capture holds, or why it holds nothing.

use super::unit::Unit;
use crate::transcript::Transcript;

/// One session of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What happened; `header.session`, `header.id` and `header.user` are for the caller to fill.
    pub transcript: Transcript,
    /// In which unit its times are written.
    pub unit: Unit,
    /// Whether the capture itself says how the session ended.
    pub says_ending: bool,
    /// What of it is not quite as the capture has it, and why.
    pub notes: Vec<String>,
}

/// Why a capture cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct CaptureError {
    /// E.g. `line 3, column 14` or `log.entries[2]._webSocketMessages[0].time`.
    pub place: String,
    /// What is wrong.
    pub cause: String,
    /// A way out.
    pub hint: Option<String>,
}

impl CaptureError {
    pub(super) fn new(place: impl Into<String>, cause: impl Into<String>) -> CaptureError {
        CaptureError { place: place.into(), cause: cause.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> CaptureError {
        CaptureError { hint: Some(hint.into()), ..self }
    }
}
