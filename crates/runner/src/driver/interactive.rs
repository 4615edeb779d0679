//! A person who plays and watches a session.

use goldwire_core::drive::LineError;
use goldwire_core::transcript::Frame;
use std::fmt;
use tokio::sync::mpsc;

/// Typed lines that become messages, and a callback for passing frames.
pub struct Interactive {
    /// One line each with its number, counted from 1, without its end; see
    /// [`drive::Session::say`](goldwire_core::drive::Session::say). Dropping the sender ends the lines. If the server
    /// is slow, lines wait here.
    pub lines: mpsc::Receiver<(u64, String)>,
    /// The callback for every frame, with secrets replaced. It blocks reading.
    pub show: Box<dyn FnMut(Shown<'_>) + Send + Sync>,
}

/// A shown frame or error.
#[derive(Debug)]
pub enum Shown<'f> {
    /// A frame that passed, in either direction.
    Frame(&'f Frame),
    /// A line that was not sent, counted from 1, and why.
    NotSent(u64, &'f LineError),
}

impl fmt::Debug for Interactive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hand").finish_non_exhaustive()
    }
}

impl Interactive {
    /// Reports the waiting lines as too late, because the session has ended.
    pub(super) fn end(&mut self) {
        while let Ok((line, _)) = self.lines.try_recv() {
            (self.show)(Shown::NotSent(line, &LineError::Over));
        }
    }
}

/// The next line; none, if there are no more. Never returns if the session is not interactive or not ready for a line.
pub(super) async fn next_line(hand: Option<&mut Interactive>, listens: bool) -> Option<(u64, String)> {
    match hand.filter(|_| listens) {
        Some(hand) => hand.lines.recv().await,
        None => std::future::pending().await,
    }
}
