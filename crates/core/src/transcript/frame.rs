//! One message or control frame.

use super::payload::{Payload, Side};
use super::time::{Gap, Offset};

/// One WebSocket message or control frame, or a part of an HTTP exchange (`http`), with its direction and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When its last byte reached us, or when it was handed to the kernel. Never before it did.
    pub at: Offset,
    /// How much earlier than `at` its last byte may have reached us, at most; zero where the stamp is its own. Known
    /// only for stamps of the kernel ([`Stamps::Kernel`](super::Stamps::Kernel)).
    pub earlier: Gap,
    /// Which connection of the session, counted from 0; of a session over HTTP, which request.
    pub conn: u32,
    /// Who sent it.
    pub side: Side,
    /// What it holds.
    pub payload: Payload,
}

impl Frame {
    /// A frame of a session's first connection, with a stamp of its own.
    pub fn new(at: Offset, side: Side, payload: Payload) -> Frame {
        Frame { at, earlier: Gap::ZERO, conn: 0, side, payload }
    }
}
