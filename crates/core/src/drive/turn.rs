//! What there is to do next.

use crate::transcript::{Ending, Offset, Payload};

/// The next steps of the driver.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The action to take now, before asking again.
    pub action: Action,
    /// The latest time to ask again if nothing arrives before.
    pub wake: Offset,
}

/// One action of the driver.
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
        /// The request, counted from 0; by default the latest unfinished one.
        request: Option<u32>,
    },
    /// Start the close handshake.
    Close {
        /// The status code to close with.
        code: u16,
    },
    /// The session has ended.
    Done(Ending),
}
