//! The content of a frame.

use super::Handshake;
use std::fmt;

/// The sender of a frame, written `>` and `<`, as in wscat and curl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// We, or the client whose session was recorded: `>`.
    Client,
    /// The server under test: `<`.
    Server,
}

impl Side {
    /// The receiver.
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    /// `>` or `<`.
    pub const fn mark(self) -> &'static str {
        match self {
            Side::Client => ">",
            Side::Server => "<",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Client => "client",
            Side::Server => "server",
        })
    }
}

/// The content of one frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A text message, exactly as it was on the wire.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, with its application data (at most 125 bytes).
    Ping(Vec<u8>),
    /// A pong with its payload.
    Pong(Vec<u8>),
    /// A close frame. `code` is 1005 when the frame had none.
    Close {
        /// RFC 6455 section 7.4.
        code: u16,
        /// UTF-8, at most 123 bytes.
        reason: String,
    },
    /// A connection of this session after the first was opened; side is the client.
    Open(Box<Handshake>),
    /// A connection that is not the session's last ended without a close frame.
    Gone(String),
}

impl Payload {
    /// Whether this is a message of the application, not a control frame or an event of the connection.
    pub fn is_message(&self) -> bool {
        match self {
            Payload::Text(_) | Payload::Binary(_) => true,
            Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => false,
        }
    }

    /// The size of the payload in bytes.
    pub fn len(&self) -> usize {
        match self {
            Payload::Text(text) => text.len(),
            Payload::Binary(bytes) | Payload::Ping(bytes) | Payload::Pong(bytes) => bytes.len(),
            Payload::Close { reason, .. } => reason.len() + 2,
            Payload::Open(_) | Payload::Gone(_) => 0,
        }
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
