//! Frames as the application means them: events with a name and a payload.
//!
//! A [`Dialect`] is configuration, a [`Decoder`] turns one session's frames into [`Event`]s and keeps what it must
//! remember on the way. It knows nothing of what should happen. Heartbeats of the protocol itself (ping, pong) are not
//! events; neither is the close that ends the session, which is the transcript's `Ending`.

mod http;
mod json;
mod label;
pub mod sse;

pub(crate) use http::REQUEST;
pub use http::{ACCEPT, CANCEL, EOF, JSON_BODY};
pub use json::pointer;
pub(crate) use json::{NAMELESS, field, refinement, value_at};
pub use label::Label;

use crate::transcript::{Frame, Offset, Payload, Side, Spares};
use http::Exchanges;
use json::Requests;
use label::Known;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One thing the application said.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called; a client's event begins with `>`.
    pub label: Label,
    /// When its frame was stamped.
    pub at: Offset,
    /// The frame's place in the transcript, counted from 0.
    pub frame: usize,
    /// Which connection of the session, or over HTTP which request.
    pub conn: u32,
    /// What it says. A text that is not JSON is a string, bytes are a string of hexadecimal digits.
    pub data: Value,
}

impl Event {
    /// The value of a lane's key, as text, by where it stands: a JSON pointer, or the number of the event's request.
    pub(crate) fn key(&self, pointer: &str) -> Option<Cow<'_, str>> {
        if pointer == REQUEST {
            return Some(Cow::Owned(self.conn.to_string()));
        }
        match value_at(&self.data, pointer)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// How the frames of a session are to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// One JSON value a message; its name is the string at a JSON pointer (RFC 6901).
    Json(JsonNames),
    /// HTTP requests, answered by event streams (WHATWG HTML, 9.2) or at once. What says nothing of its name otherwise is
    /// called as its JSON says: a client's body, a server's data or body.
    Sse(JsonNames),
}

impl Dialect {
    /// What a session at this URL is taken to speak when nobody says.
    pub fn at(url: &str) -> Dialect {
        let is_http = url.starts_with("http:") || url.starts_with("https:");
        if is_http { Dialect::Sse(JsonNames::default()) } else { Dialect::default() }
    }

    /// Whether its client's half are HTTP requests, rather than the messages of a WebSocket.
    pub fn is_http(&self) -> bool {
        match self {
            Dialect::Json(_) => false,
            Dialect::Sse(_) => true,
        }
    }

    /// Where messages say what they are.
    pub fn names(&self) -> &JsonNames {
        match self {
            Dialect::Json(names) | Dialect::Sse(names) => names,
        }
    }

    /// Likewise, to be changed.
    pub(crate) fn names_mut(&mut self) -> &mut JsonNames {
        match self {
            Dialect::Json(names) | Dialect::Sse(names) => names,
        }
    }

    /// The JSON of an event that its name and ids stand in: of a request, its body.
    pub(crate) fn content<'e>(&self, event: &'e Event) -> &'e Value {
        match self {
            Dialect::Sse(_) if event.label.is_client() => event.data.get("body").unwrap_or(&Value::Null),
            Dialect::Json(_) | Dialect::Sse(_) => &event.data,
        }
    }
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::Json(JsonNames::default())
    }
}

/// Where JSON messages say what they are; all places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonNames {
    /// Where the client's messages have their name.
    pub client: String,
    /// Where the server's messages have their name.
    pub server: String,
    /// Where a request has its id. A message without a name that carries the id of a request of the other side is its
    /// reply, `re:<request>`, and `re:<request>:error` if it has an `error` (JSON-RPC 2.0, section 5).
    pub reply: Option<String>,
    /// Server events that are several by what stands at a pointer: `status[busy]`, `status[idle]`.
    pub refine: BTreeMap<Label, String>,
}

impl JsonNames {
    /// Both sides have their names at the same place.
    pub fn both(pointer: &str) -> JsonNames {
        let name = || pointer.to_owned();
        JsonNames { client: name(), server: name(), reply: None, refine: BTreeMap::new() }
    }
}

impl Default for JsonNames {
    fn default() -> JsonNames {
        JsonNames::both("/type")
    }
}

/// Turns the frames of one session into events, in order.
#[derive(Debug, Clone)]
pub struct Decoder {
    dialect: Dialect,
    seen: usize,
    closing: bool,
    closed: Option<Event>,
    requests: Requests,
    exchanges: Exchanges,
    known: Known,
    spares: Spares,
    /// Whether the latest frame was a text that is JSON.
    is_json: bool,
}

/// What a client's event is called that opens the next connection of a session.
pub const RECONNECT: &str = ">@reconnect";
/// What a server's event is called that closes a connection which is not the session's last, unless the client closed
/// it first: an answer to a close says nothing.
pub const CLOSE: &str = "@close";

impl Decoder {
    /// A decoder at the start of a session.
    pub fn new(dialect: &Dialect) -> Decoder {
        Decoder {
            dialect: dialect.clone(),
            seen: 0,
            closing: false,
            closed: None,
            requests: Requests::default(),
            exchanges: Exchanges::default(),
            known: Known::default(),
            spares: Spares::default(),
            is_json: false,
        }
    }

    /// Whether the latest frame was a text that is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// The events of the next frame, in order. A close becomes an event only when another connection follows; the last
    /// one is the session's ending.
    pub fn feed(&mut self, frame: &Frame) -> impl Iterator<Item = Event> + use<> {
        let index = self.seen;
        self.seen += 1;
        self.is_json = false;
        let event =
            |label: Label, data: Value| Event { label, at: frame.at, frame: index, conn: frame.conn, data };
        if let Dialect::Sse(names) = &self.dialect {
            let found = self.exchanges.feed(frame, names, &mut self.requests, &mut self.known);
            return None.into_iter().chain(found.map(|(label, data)| event(label, data)));
        }
        let mut before = None;
        let now = match &frame.payload {
            Payload::Text(text) => Some(match self.spares.read(text) {
                Ok(value) => {
                    self.is_json = true;
                    event(self.name(frame.side, &value), value)
                }
                Err(_) => event(Label::new(frame.side, "text"), Value::String(text.clone())),
            }),
            Payload::Binary(bytes) => Some(match serde_json::from_slice::<Value>(bytes) {
                Ok(value @ Value::Object(_)) => event(self.name(frame.side, &value), value),
                _ => event(Label::new(frame.side, "binary"), Value::String(crate::transcript::hex(bytes))),
            }),
            Payload::Open(_) => {
                before = self.closed.take();
                self.closing = false;
                Some(event(Label::from(RECONNECT), Value::Null))
            }
            Payload::Close { code, reason } => {
                if frame.side == Side::Client {
                    self.closing = true;
                } else if !self.closing {
                    self.closed = Some(event(Label::from(CLOSE), json!({ "code": code, "reason": reason })));
                }
                None
            }
            Payload::Gone(detail) => {
                self.closed = Some(event(Label::from(CLOSE), json!({ "code": 1006, "reason": detail })));
                None
            }
            Payload::Ping(_) | Payload::Pong(_) => None,
        };
        before.into_iter().chain(now)
    }

    /// Takes back what the latest event says, once nobody needs it: to read the next one into it is cheaper.
    pub(crate) fn reuse(&mut self, data: Value) {
        self.spares.keep(data);
    }

    /// The event of the next frame, a message whose JSON is known already.
    pub(crate) fn feed_json(&mut self, at: Offset, conn: u32, side: Side, data: Value) -> Event {
        let frame = self.seen;
        self.seen += 1;
        Event { label: self.name(side, &data), at, frame, conn, data }
    }

    fn name(&mut self, side: Side, value: &Value) -> Label {
        json::label(self.dialect.names(), side, value, &mut self.requests, &mut self.known)
    }
}

/// All events of a session.
pub fn events(dialect: &Dialect, frames: &[Frame]) -> Vec<Event> {
    let mut decoder = Decoder::new(dialect);
    frames.iter().flat_map(|frame| decoder.feed(frame)).collect()
}
