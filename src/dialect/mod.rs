//! Frames as the application means them: events with a name and a payload.
//!
//! A [`Dialect`] is configuration, a [`Decoder`] turns one session's frames into [`Event`]s and keeps what it must
//! remember on the way. It knows nothing of what should happen. Heartbeats of the protocol itself (ping, pong) are not
//! events; neither is the close that ends the session, which is the transcript's `Ending`.

mod json;
mod label;

pub use json::pointer;
pub use label::Label;

use crate::transcript::{Frame, Offset, Payload, Side};
use serde_json::{Value, json};

/// One thing the application said.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called; a client's event begins with `>`.
    pub label: Label,
    /// When its frame was stamped.
    pub at: Offset,
    /// The frame's place in the transcript, counted from 0.
    pub frame: usize,
    /// Which connection of the session.
    pub conn: u32,
    /// What it says. A text that is not JSON is a string, bytes are a string of hexadecimal digits.
    pub data: Value,
}

/// How the frames of a session are to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// One JSON value a message; its name is the string at a JSON pointer (RFC 6901), for each side its own.
    Json {
        /// Where the client's messages have their name.
        client: String,
        /// Where the server's messages have their name.
        server: String,
    },
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::Json { client: "/type".to_owned(), server: "/type".to_owned() }
    }
}

/// Turns the frames of one session into events, in order.
#[derive(Debug, Clone)]
pub struct Decoder {
    dialect: Dialect,
    seen: usize,
}

/// What a client's event is called that opens the next connection of a session.
pub const RECONNECT: &str = ">@reconnect";
/// What a server's event is called that closes a connection which is not the session's last.
pub const CLOSE: &str = "@close";

impl Decoder {
    /// A decoder at the start of a session.
    pub fn new(dialect: &Dialect) -> Decoder {
        Decoder { dialect: dialect.clone(), seen: 0 }
    }

    /// The event of the next frame, if it is one.
    pub fn event(&mut self, frame: &Frame) -> Option<Event> {
        let index = self.seen;
        self.seen += 1;
        let Dialect::Json { client, server } = &self.dialect;
        let name_at = match frame.side {
            Side::Client => client,
            Side::Server => server,
        };
        let (label, data) = match &frame.payload {
            Payload::Text(text) => match serde_json::from_str::<Value>(text) {
                Ok(value) => (json::label(frame.side, name_at, &value), value),
                Err(_) => (Label::new(frame.side, "text"), Value::String(text.clone())),
            },
            Payload::Binary(bytes) => match serde_json::from_slice::<Value>(bytes) {
                Ok(value @ Value::Object(_)) => (json::label(frame.side, name_at, &value), value),
                _ => (Label::new(frame.side, "binary"), Value::String(crate::transcript::hex(bytes))),
            },
            Payload::Open(_) => (Label::from(RECONNECT), Value::Null),
            Payload::Close { code, reason } if frame.side == Side::Server => {
                (Label::from(CLOSE), json!({ "code": code, "reason": reason }))
            }
            Payload::Gone(detail) => (Label::from(CLOSE), json!({ "code": 1006, "reason": detail })),
            Payload::Close { .. } | Payload::Ping(_) | Payload::Pong(_) => return None,
        };
        Some(Event { label, at: frame.at, frame: index, conn: frame.conn, data })
    }
}

/// All events of a transcript. The close of each connection that the client closed, and of the last one, is not an
/// event: it answers nothing and is judged as the ending.
pub fn events(dialect: &Dialect, frames: &[Frame]) -> Vec<Event> {
    let mut decoder = Decoder::new(dialect);
    let mut events: Vec<Event> = frames.iter().filter_map(|frame| decoder.event(frame)).collect();
    let last = frames.iter().map(|frame| frame.conn).max().unwrap_or(0);
    let closed_by_client = |conn: u32, before: usize| {
        frames[..before].iter().any(|frame| {
            frame.conn == conn
                && frame.side == Side::Client
                && matches!(frame.payload, Payload::Close { .. })
        })
    };
    events.retain(|event| {
        event.label.as_str() != CLOSE || (event.conn < last && !closed_by_client(event.conn, event.frame))
    });
    events
}
