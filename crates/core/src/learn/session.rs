//! One recording as the learner sees it.

use crate::dialect::{self, Dialect, Event};
use crate::transcript::Transcript;

/// One recording as the learner sees it.
pub(super) struct Session {
    pub(super) events: Vec<Event>,
    pub(super) ending: String,
}

impl Session {
    pub(super) fn of(dialect: &Dialect, recording: &Transcript) -> Session {
        Session { events: dialect::events(dialect, &recording.frames), ending: recording.ending.label() }
    }
}
