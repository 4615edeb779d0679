//! One message or control frame.

use super::payload::{Payload, Side};
use super::time::{Gap, Offset};

/// One WebSocket message or control frame, or a part of an HTTP exchange (`http`), with its direction and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The time when the last byte of a received frame arrived, or when a sent frame was handed to the kernel. Never
    /// earlier.
    pub at: Offset,
    /// How much earlier than `at` its last byte may have reached us, at most; zero where the stamp is its own. Known
    /// only for stamps of the kernel ([`Stamps::Kernel`](super::Stamps::Kernel)).
    pub earlier: Gap,
    /// The connection of the session, counted from 0; over HTTP, the request.
    pub conn: u32,
    /// The sender.
    pub side: Side,
    /// The content.
    pub payload: Payload,
}

impl Frame {
    /// A frame of a session's first connection with an exact timestamp.
    pub fn new(at: Offset, side: Side, payload: Payload) -> Frame {
        Frame { at, earlier: Gap::ZERO, conn: 0, side, payload }
    }
}
