//! Frames as the application means them: events with a name and a payload.
//!
//! A [`Dialect`] is configuration, a [`Decoder`] turns one session's frames into [`Event`]s and keeps what it must
//! remember on the way, [`Dialect::encode`] goes the other way. It knows nothing of what should happen. Heartbeats of
//! WebSocket itself (ping, pong) are not events; neither is the close that ends the session, which is the transcript's
//! `Ending`, nor what a [`Protocol`] does without the application's knowing.
//!
//! A dialect is a file: what its messages say, what they are called, what the client owes. `docs/DIALECTS.md` is the
//! table of them.

mod body_stream;
mod content;
mod decoded;
mod decoder;
mod described;
mod detect;
mod embedded;
mod form;
mod graphql;
mod http;
mod ids;
mod json;
mod json_lines;
mod label;
mod lenient;
mod lines;
mod mqtt;
mod mqtt_bytes;
mod mqtt_properties;
mod name_at;
mod nats;
mod peek;
mod pointer;
mod presets;
mod protocol;
mod reflex;
mod scan;
mod socketio;
pub mod sse;
mod stomp;

pub use body_stream::BodyStream;
pub(crate) use decoder::Fed;
pub use decoder::{CLOSE, Decoder, RECONNECT, events};
pub use described::Described;
pub(crate) use embedded::find as find_embedded;
pub use form::Codecs;
pub(crate) use form::find_nested;
pub(crate) use http::REQUEST;
pub use http::{ACCEPT, CANCEL, HttpNames, JSON_BODY};
pub(crate) use json::{NAMELESS, refined, refinement};
pub use label::Label;
pub(crate) use lenient::json_texts;
pub use name_at::{NameAt, Said};
pub use pointer::pointer;
pub(crate) use pointer::{field, place, push_key, value_at};
pub(crate) use presets::by_look as preset_by_look;
pub use protocol::{Protocol, ProtocolOptions};
pub(crate) use reflex::template as reflex_template;
pub use reflex::{Reflex, When};

use crate::transcript::{Offset, Payload, Side};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One thing the application said.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called; a client's event begins with `>`.
    pub label: Label,
    /// When its frame was stamped.
    pub at: Offset,
    /// The frame's place in the transcript, counted from 0. Several events may share it; of a message in several frames
    /// it is the last.
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
    /// Messages of a protocol that says itself what they are.
    Protocol(ProtocolOptions),
    /// HTTP requests, answered by event streams (WHATWG HTML, 9.2) or at once.
    Sse(HttpNames),
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::Json(JsonNames::default())
    }
}

impl Dialect {
    /// The names of all dialects, as goldens write them.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        ["json", "sse"].into_iter().chain(Protocol::ALL.into_iter().map(Protocol::name))
    }

    /// The name of this one.
    pub fn kind(&self) -> &'static str {
        match self {
            Dialect::Json(_) => "json",
            Dialect::Protocol(spoken) => spoken.protocol.name(),
            Dialect::Sse(_) => "sse",
        }
    }

    /// Events that are several by what stands at a pointer.
    pub fn refine(&self) -> &BTreeMap<Label, String> {
        match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => &names.refine,
            Dialect::Protocol(spoken) => &spoken.refine,
        }
    }

    /// Makes more events several, and some no longer.
    pub(crate) fn refine_by(&mut self, more: BTreeMap<Label, String>, less: &[Label]) {
        let refine = match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => &mut names.refine,
            Dialect::Protocol(spoken) => &mut spoken.refine,
        };
        refine.extend(more);
        refine.retain(|label, _| !less.contains(label));
    }

    /// Where a request has its id, when answers have no name of their own.
    pub fn reply(&self) -> Option<&str> {
        match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => names.reply.as_deref(),
            Dialect::Protocol(_) => None,
        }
    }

    /// What every message says that has this name, by its name alone: JSON pointers, and the text that stands there.
    pub(crate) fn said_by_name(&self, label: &Label) -> Vec<(String, Value)> {
        let Dialect::Json(names) = self else { return Vec::new() };
        let mut said = Vec::new();
        let mut own = label;
        while let Some((base, at, word)) = refined(&names.refine, own) {
            if word.is_empty() {
                break;
            }
            // `true` may be a text, too, and of `*` it is not known where it stands.
            if !matches!(word, "true" | "false") && !at.contains("/*") {
                said.push((at.to_owned(), Value::from(word)));
            }
            own = base;
        }
        let name_at = if label.is_client() { &names.client } else { &names.server };
        // What is called by a key says nothing at the place.
        if name_at.keys().iter().any(|key| key.rsplit('/').next() == Some(own.name())) {
            return said;
        }
        let pointers = name_at.pointers();
        // A reply has no name of its own, nor has what is called by a number the text of it.
        let is_code = is_numbered(own.name()) || names.codes.values().any(|name| name == own.name());
        let is_own = own.name() != NAMELESS && !own.name().starts_with("re:") && !is_code;
        if let ([pointer], true) = (pointers, is_own) {
            said.push((pointer.clone(), Value::from(own.name())));
        }
        // A place of a list is written as an item or as one of a tuple: its rule says which.
        said.retain(|(pointer, _)| !pointer.split('/').any(|key| key.parse::<u32>().is_ok()));
        said
    }

    /// The default dialect of a session at this URL.
    pub fn at(url: &str) -> Dialect {
        let is_http = url.starts_with("http:") || url.starts_with("https:");
        if is_http { Dialect::Sse(HttpNames::default()) } else { Dialect::default() }
    }

    /// Whether its client's half are HTTP requests, rather than the messages of a WebSocket.
    pub fn is_http(&self) -> bool {
        match self {
            Dialect::Json(_) | Dialect::Protocol(_) => false,
            Dialect::Sse(_) => true,
        }
    }

    /// The JSON of an event that its name and ids stand in: of a request, its body.
    pub(crate) fn content<'e>(&self, event: &'e Event) -> &'e Value {
        match self {
            Dialect::Sse(_) if event.label.is_client() => event.data.get("body").unwrap_or(&Value::Null),
            Dialect::Json(_) | Dialect::Protocol(_) | Dialect::Sse(_) => &event.data,
        }
    }

    /// Whether the protocol's own greeting is all that an event of the server says: whoever connects is told it, before
    /// anybody has asked who they are.
    pub fn is_greeting(&self, event: &Event) -> bool {
        match self {
            Dialect::Protocol(spoken) => spoken.is_greeting(&event.label, &event.data),
            Dialect::Json(_) | Dialect::Sse(_) => false,
        }
    }

    /// The messages that say an event of the client, in order; what the event says is as a [`Decoder`] would tell it.
    ///
    /// # Errors
    /// If a part is missing without which it cannot be encoded.
    pub fn encode(&self, label: &Label, data: &Value) -> Result<Vec<Payload>, EncodeError> {
        match self {
            Dialect::Json(names) => names.encode(data).map(|payload| vec![payload]),
            Dialect::Protocol(spoken) => spoken.encode(label, data),
            Dialect::Sse(names) => http::encode(names, label, data),
        }
    }
}

/// Whether a name is that of a number: `n10`.
fn is_numbered(name: &str) -> bool {
    name.strip_prefix('n').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}

/// The reason why an event cannot be encoded in a dialect: a fragment that fits after its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// Where JSON messages say what they are; all places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonNames {
    /// Where the client's messages have their name.
    pub client: NameAt,
    /// Where the server's messages have their name.
    pub server: NameAt,
    /// Where a request has its id. A message without a name that carries the id of a request of the other side is its
    /// reply, `re:<request>`, and `re:<request>:error` if it has an `error` (JSON-RPC 2.0, section 5).
    pub reply: Option<String>,
    /// Names of answers that do not say what they answer, as `phx_reply` of Phoenix: such a message is called after its
    /// request, too, if it carries the id of one.
    pub answers: BTreeSet<String>,
    /// Names of answers that say that a request failed, and where each has the id of its request: `re:<request>:error`.
    pub errors: BTreeMap<String, String>,
    /// What codes are called: 48 is `CALL` in WAMP. A code without a name is `n48`.
    pub codes: BTreeMap<u64, String>,
    /// Events that are several by what stands at a pointer: `status[busy]`, `status[idle]`. One of them may be several
    /// again: `status[job:busy]`.
    pub refine: BTreeMap<Label, String>,
    /// Whether the client ends its messages with [`RECORD_SEPARATOR`], as SignalR requires.
    pub record_separator: bool,
    /// How messages are written that are not plain JSON.
    pub codec: Codecs,
    /// Where Protocol Buffers are described.
    pub described: Option<Described>,
    /// Where bytes of Protocol Buffers are messages themselves, by JSON pointer, outer ones first. Lists in the way are walked
    /// into.
    pub nested: Embedded,
    /// Where strings of the client's messages, and of the server's, say JSON themselves.
    pub embedded: Embedded,
    /// What the client sends on its own. Neither that nor its trigger is an event.
    pub reflexes: Vec<Reflex>,
}

/// Where strings say JSON, by JSON pointer, outer ones first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Embedded {
    /// In what the client says.
    pub client: Vec<String>,
    /// In what the server says.
    pub server: Vec<String>,
}

impl Embedded {
    fn of(&self, side: Side) -> &[String] {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// Puts what the strings of a message say in their places.
    pub(crate) fn expand(&self, side: Side, message: &mut Value) {
        embedded::expand(message, self.of(side));
    }
}

/// What ends each JSON text of a frame that may hold several (RFC 7464 begins them with it).
pub const RECORD_SEPARATOR: char = '\u{1e}';

impl JsonNames {
    /// Both sides have their names at the same place.
    pub fn both(pointer: &str) -> JsonNames {
        let name = || NameAt::pointer(pointer);
        JsonNames {
            client: name(),
            server: name(),
            reply: None,
            answers: BTreeSet::new(),
            errors: BTreeMap::new(),
            codes: BTreeMap::new(),
            refine: BTreeMap::new(),
            record_separator: false,
            codec: Codecs::default(),
            described: None,
            nested: Embedded::default(),
            embedded: Embedded::default(),
            reflexes: Vec::new(),
        }
    }
}

impl JsonNames {
    /// The code that a message has for its name.
    pub(crate) fn code_of(&self, message: &Value) -> Option<u64> {
        match self.server.of(message)? {
            Said::Number(number) => number.as_u64(),
            Said::Text(_) => None,
        }
    }

    /// What a code is called.
    fn code(&self, number: &serde_json::Number) -> Cow<'_, str> {
        match number.as_u64().and_then(|code| self.codes.get(&code)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("n{number}")),
        }
    }

    /// Whether a message says what it is: by its name, or by the id of what it answers.
    fn names(&self, side: Side, message: &Value) -> bool {
        let name_at = if side == Side::Client { &self.client } else { &self.server };
        let answers =
            || self.reply.as_ref().and_then(|at| value_at(message, at)).is_some_and(|id| !id.is_null());
        name_at.of(message).is_some() || answers()
    }
}

impl Default for JsonNames {
    fn default() -> JsonNames {
        JsonNames::both("/type")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Frame, Side};
    use serde_json::json;

    #[test]
    fn what_a_name_says_stands_in_the_message() {
        let refine = [("status", "/state"), ("status[job]", "/job/kind"), ("ready", "/ok")];
        let refine = refine.map(|(label, at)| (Label::from(label), at.to_owned())).into();
        let dialect =
            Dialect::Json(JsonNames { refine, reply: Some("/id".to_owned()), ..JsonNames::default() });
        for (message, name, said) in [
            (json!({ "type": "hi" }), "hi", vec![("/type", json!("hi"))]),
            (
                json!({ "type": "status", "state": "job", "job": { "kind": "a/b" } }),
                "status[job:a/b]",
                vec![("/job/kind", json!("a/b")), ("/state", json!("job")), ("/type", json!("status"))],
            ),
            // The name of a boolean or a number is not reliable.
            (json!({ "type": "ready", "ok": true }), "ready[true]", vec![("/type", json!("ready"))]),
            (json!({ "type": 10 }), "n10", vec![]),
            (json!({ "text": "hi" }), "json", vec![]),
        ] {
            let frame = Frame::new(Offset::ZERO, Side::Server, Payload::Text(message.to_string()));
            let label = &events(&dialect, &[frame])[0].label;
            assert_eq!(label.as_str(), name);
            let decoded = dialect.said_by_name(label);
            assert!(decoded.iter().all(|(at, value)| message.pointer(at) == Some(value)), "{decoded:?}");
            let said: Vec<(String, Value)> =
                said.into_iter().map(|(at, value)| (at.to_owned(), value)).collect();
            assert_eq!(decoded, said);
        }
        assert_eq!(dialect.said_by_name(&Label::from("re:ask")), []);
    }
}
