//! Somebody who speaks in a session and watches it.

use goldwire_core::drive::LineError;
use goldwire_core::transcript::Frame;
use std::fmt;
use tokio::sync::mpsc;

/// Lines that become messages, and somebody who sees what passes.
pub struct Hand {
    /// One line each with its number, counted from 1, without its end; see [`drive::Session::say`](goldwire_core::drive::Session::say). No more lines: the sender
    /// is dropped. While the server is slow, lines wait here.
    pub lines: mpsc::Receiver<(u64, String)>,
    /// Is shown everything at once, secrets replaced. As long as it takes, nothing else is read.
    pub show: Box<dyn FnMut(Shown<'_>) + Send + Sync>,
}

/// What is shown.
#[derive(Debug)]
pub enum Shown<'f> {
    /// A frame that passed, in either direction.
    Frame(&'f Frame),
    /// A line that was not sent, counted from 1, and why.
    NotSent(u64, &'f LineError),
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hand").finish_non_exhaustive()
    }
}

impl Hand {
    /// The session is over: says of the lines that wait that they come too late.
    pub(super) fn end(&mut self) {
        while let Ok((line, _)) = self.lines.try_recv() {
            (self.show)(Shown::NotSent(line, &LineError::Over));
        }
    }
}

/// The next line; no line, when there will be no more. Never, when nobody speaks or it is not yet time.
pub(super) async fn next_line(hand: Option<&mut Hand>, listens: bool) -> Option<(u64, String)> {
    match hand.filter(|_| listens) {
        Some(hand) => hand.lines.recv().await,
        None => std::future::pending().await,
    }
}
