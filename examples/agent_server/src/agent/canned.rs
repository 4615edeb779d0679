//! The `canned` regression: the first run of a kind is kept, and later ones get it again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::events::Event;

/// The pause before each event that is played back. The only waiting in this server that stands for work.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// What was kept.
#[derive(Default)]
pub(super) struct Canned {
    transcripts: Mutex<HashMap<String, Vec<Event>>>,
    nonce: Mutex<Option<serde_json::Value>>,
}

impl Canned {
    /// The events of the first run of this kind.
    pub(super) fn transcript(&self, kind: &str) -> Option<Vec<Event>> {
        self.transcripts.lock().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
    }

    /// Keeps a run, unless there is one already.
    pub(super) fn keep(&self, kind: String, events: Vec<Event>) {
        self.transcripts.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_insert(events);
    }

    /// The first nonce anybody sent.
    pub(super) fn nonce(&self, nonce: serde_json::Value) -> serde_json::Value {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(nonce).clone()
    }
}
