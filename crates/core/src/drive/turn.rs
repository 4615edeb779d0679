//! What there is to do next.

use crate::transcript::{Ending, Offset, Payload};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// To be done now, before asking again.
    pub action: Action,
    /// When to ask again at the latest, if nothing arrives before.
    pub wake: Offset,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Wait for a frame or for the time.
    Wait,
    /// Send a message.
    Send(Payload),
    /// Close this connection with code 1000 and open the session's next one.
    Reconnect,
    /// Give up a request over HTTP, and what is still to come of its answer.
    Cancel {
        /// Which, counted from 0; the latest whose answer is not whole, when nobody says.
        request: Option<u32>,
    },
    /// Start the close handshake.
    Close {
        /// The status code to close with.
        code: u16,
    },
    /// The session is over.
    Done(Ending),
}
