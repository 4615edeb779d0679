//! What a foreign capture holds, or why it holds nothing.

use super::unit::Unit;
use crate::transcript::Transcript;

/// One session of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The transcript. The caller sets `header.session`, `header.id` and `header.user`.
    pub transcript: Transcript,
    /// The unit of its times.
    pub unit: Unit,
    /// Whether the capture contains the end of the session.
    pub says_ending: bool,
    /// The differences from the capture, with reasons.
    pub notes: Vec<String>,
}

/// The reason why a capture cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct CaptureError {
    /// E.g. `line 3, column 14` or `log.entries[2]._webSocketMessages[0].time`.
    pub place: String,
    /// The error.
    pub cause: String,
    /// A hint.
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
