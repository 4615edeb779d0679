//! What all connections of a proxy share.

use super::options::{Notice, ProxyOptions};
use crate::connection::Place;
use crate::server::HostMonitor;
use goldwire_core::transcript::Redactor;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// What all connections share.
pub(super) struct Shared {
    pub(super) options: ProxyOptions,
    pub(super) to: Place,
    /// When it began to listen: no client said anything before.
    pub(super) since: Instant,
    pub(super) users: Users,
    /// Whether requests are recorded, not WebSockets.
    pub(super) is_http: bool,
    pub(super) probe: HostMonitor,
    pub(super) notices: mpsc::UnboundedSender<Notice>,
}

impl Shared {
    pub(super) fn tell(&self, notice: Notice) {
        // The receiver is gone, so the report is dropped.
        let _ = self.notices.send(notice);
    }

    pub(super) fn trouble(&self, message: String, hint: Option<String>) {
        self.tell(Notice::Trouble { message, hint, is_loss: false });
    }

    /// Reports that a recording ends before its session; `cause` contains no secrets.
    pub(super) fn lost(&self, who: &str, cause: &str) {
        let message = format!("{who}: recording stopped, the session goes on: {cause}");
        self.tell(Notice::Trouble { message, hint: None, is_loss: true });
    }

    /// A redactor for one recording, with the secrets of the options.
    pub(super) fn redactor(&self) -> Redactor {
        let redactor = Redactor::with_rules(self.options.rules.clone());
        for (name, secret) in &self.options.secrets {
            redactor.add(name, secret);
        }
        redactor
    }
}

/// Names for those who talk: `u1`, `u2` …
#[derive(Debug, Default)]
pub(super) struct Users {
    known: Mutex<(u32, HashMap<String, u32>)>,
}

impl Users {
    /// By the subject of their token; a new name where none is known.
    pub(super) fn name(&self, subject: Option<String>) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, by_subject) = &mut *known;
        let mut next = || {
            *count += 1;
            *count
        };
        let number = match subject {
            Some(subject) => *by_subject.entry(subject).or_insert_with(next),
            None => next(),
        };
        format!("u{number}")
    }
}
