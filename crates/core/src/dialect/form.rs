//! The encoding of messages that are not plain JSON: their codec, and the messages within Protocol Buffers messages.

use super::{Embedded, EncodeError, JsonNames, RECORD_SEPARATOR, embedded, push_key};
use crate::codec::{Codec, Format, protobuf_inner};
use crate::transcript::{Payload, Side};
use serde_json::Value;
use std::collections::BTreeMap;

/// Messages in messages are looked for so deep.
const MAX_LEVELS: usize = 4;
/// Fewer say too little to tell.
const MIN_SEEN: u32 = 3;

/// The codecs of both sides. Without a codec, messages are JSON. With a codec for binary messages, a text of the
/// client is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codecs {
    /// The codec of the client's messages.
    pub client: Option<Codec>,
    /// The codec of the server's messages.
    pub server: Option<Codec>,
}

impl Codecs {
    /// The same codec for both sides.
    pub const fn both(codec: Codec) -> Codecs {
        Codecs { client: Some(codec), server: Some(codec) }
    }

    /// The codec of a side.
    pub const fn of(self, side: Side) -> Option<Codec> {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Whether text messages are something else than JSON.
    pub(super) fn has_text(self) -> bool {
        [self.client, self.server].into_iter().flatten().any(Codec::is_text)
    }
}

impl JsonNames {
    /// The messages of a frame that a codec is for, which then are read by it or are none; nothing where none is for it.
    pub(crate) fn decode(&self, side: Side, payload: &Payload) -> Option<Option<Vec<Value>>> {
        let codec = self.codec.of(side)?;
        let bytes = match payload {
            Payload::Text(text) if codec.is_text() => text.as_bytes(),
            Payload::Binary(bytes) if !codec.is_text() => bytes,
            // Client messages must be sent again unchanged.
            Payload::Text(_) if side == Side::Client => return Some(None),
            _ => return None,
        };
        Some(match self.described.as_ref().filter(|_| codec.format == Format::Protobuf) {
            Some(described) => codec.read_described(bytes, described.of(side)?),
            None => codec.read(bytes),
        })
    }

    /// The frame of a client's message.
    pub(super) fn encode(&self, message: &Value) -> Result<Payload, EncodeError> {
        let mut message = message.clone();
        embedded::collapse(&mut message, &self.embedded.client);
        let Some(codec) = self.codec.client else {
            return Ok(Payload::Text(match self.record_separator {
                true => format!("{message}{RECORD_SEPARATOR}"),
                false => message.to_string(),
            }));
        };
        let frame = match self.described.as_ref().filter(|_| codec.format == Format::Protobuf) {
            Some(described) => match described.of(Side::Client) {
                Some(schema) => codec.write_described(&message, schema),
                None => return Err(EncodeError(format!("`{}` was not read", described.file))),
            },
            None => codec.write(&message),
        };
        let frame = frame.map_err(|error| EncodeError(error.to_string()))?;
        match codec.is_text() {
            true => {
                String::from_utf8(frame).map(Payload::Text).map_err(|error| EncodeError(error.to_string()))
            }
            false => Ok(Payload::Binary(frame)),
        }
    }

    /// Replaces messages within a message by their contents: Protocol Buffers in bytes, JSON in strings.
    pub(crate) fn expand(&self, side: Side, message: &mut Value) {
        for pointer in self.nested.of(side) {
            let keys: Vec<&str> = pointer.split('/').skip(1).collect();
            open(message, &keys);
        }
        self.embedded.expand(side, message);
    }
}

/// Puts the messages that some bytes are in their place. Keys are numbers of fields, in which nothing is escaped.
fn open(value: &mut Value, keys: &[&str]) {
    match (value, keys) {
        (Value::Array(items), keys) => items.iter_mut().for_each(|item| open(item, keys)),
        (Value::Object(map), [key, rest @ ..]) => {
            if let Some(own) = map.get_mut(*key) {
                open(own, rest);
            }
        }
        (value, []) => {
            if value.as_str() == Some("") {
                *value = Value::Object(serde_json::Map::new());
            } else if let Some(message) = protobuf_inner(value) {
                *value = message;
            }
        }
        (_, _) => {}
    }
}

/// The statistics of bytes at a pointer.
#[derive(Default)]
struct Seen {
    /// The number of valid messages, and the number of those that are not text.
    inner: u32,
    bytes: u32,
    /// Whether one is none.
    otherwise: bool,
}

/// The pointers at which all bytes of some sessions' Protocol Buffers are messages themselves, outer ones first. A text may be one
/// by chance; so at least half of them have to be something else than texts.
pub(crate) fn find_nested(sessions: &[Vec<Value>]) -> Vec<String> {
    let mut found = Vec::new();
    let mut messages: Vec<Value> = sessions.iter().flatten().cloned().collect();
    for _ in 0..MAX_LEVELS {
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        for message in &messages {
            look(message, &mut String::new(), &mut seen);
        }
        let is_message =
            |seen: &Seen| !seen.otherwise && seen.inner >= MIN_SEEN && seen.bytes * 2 >= seen.inner;
        let more: Vec<String> =
            seen.into_iter().filter(|(_, seen)| is_message(seen)).map(|(pointer, _)| pointer).collect();
        if more.is_empty() {
            break;
        }
        for pointer in &more {
            let keys: Vec<&str> = pointer.split('/').skip(1).collect();
            messages.iter_mut().for_each(|message| open(message, &keys));
        }
        found.extend(more);
    }
    found
}

fn look(value: &Value, pointer: &mut String, seen: &mut BTreeMap<String, Seen>) {
    let is_bytes = |map: &serde_json::Map<String, Value>| map.len() == 1 && map.contains_key("$hex");
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, pointer, seen)),
        Value::Object(map) if !is_bytes(map) => {
            let from = pointer.len();
            for (key, own) in map {
                push_key(pointer, key);
                look(own, pointer, seen);
                pointer.truncate(from);
            }
        }
        // No bytes are an empty message, too.
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Object(_) => {
            let own = seen.entry(pointer.clone()).or_default();
            match protobuf_inner(value) {
                Some(_) => {
                    own.inner += 1;
                    own.bytes += u32::from(value.is_object());
                }
                None => own.otherwise = true,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Embedded {
    /// Whether there is nothing in either.
    pub(crate) fn is_empty(&self) -> bool {
        self.client.is_empty() && self.server.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::protocol::tests::said;
    use super::*;
    use serde_json::json;

    fn protobuf() -> Codec {
        Codec::of("protobuf").expect("a codec")
    }

    #[test]
    fn messages_in_messages_are_found_where_all_bytes_are_one() {
        let message = |n: u64| json!({ "1": { "1": n, "2": [{ "1": 7 }, { "1": n }] }, "2": "(1", "3": { "$hex": "00ff" } });
        let bytes: Vec<Vec<u8>> = (1..6).map(|n| protobuf().write(&message(n)).expect("a message")).collect();
        let read: Vec<Value> =
            bytes.iter().flat_map(|bytes| protobuf().read(bytes).expect("a message")).collect();
        assert_eq!(read[0]["1"], json!({ "$hex": "0801120208071202 0801".replace(' ', "") }));
        // A text of two letters is a valid message by chance.
        let found = find_nested(&[read]);
        assert_eq!(found, ["/1", "/1/2"]);
        let nested = Embedded { client: found.clone(), server: found };
        let names = JsonNames { codec: Codecs::both(protobuf()), nested, ..JsonNames::both("/2") };
        let frame = (Side::Client, Payload::Binary(bytes[2].clone()));
        let events = said(&Dialect::Json(names.clone()), std::slice::from_ref(&frame));
        assert_eq!(events, [(">(1".to_owned(), message(3))]);
        assert_eq!(names.encode(&message(3)), Ok(frame.1));
        // A message without anything in it.
        let mut empty = json!({ "1": "" });
        names.expand(Side::Server, &mut empty);
        assert_eq!(empty, json!({ "1": {} }));
    }

    #[test]
    fn one_side_may_be_compressed_alone() {
        let gzip = Codec::of("gzip+json").expect("a codec");
        let names = JsonNames { codec: Codecs { client: None, server: Some(gzip) }, ..JsonNames::default() };
        let tick = json!({ "type": "tick", "n": 1 });
        let frames = [
            (Side::Client, Payload::Text(r#"{"type":"sub"}"#.to_owned())),
            (Side::Server, Payload::Binary(gzip.write(&tick).expect("a message"))),
            (Side::Server, Payload::Binary(b"\x1f\x8b".to_vec())),
            (Side::Server, Payload::Text(r#"{"type":"plain"}"#.to_owned())),
        ];
        let events = said(&Dialect::Json(names.clone()), &frames);
        let labels: Vec<&str> = events.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, [">sub", "tick", "binary", "plain"]);
        assert_eq!(names.encode(&json!({ "type": "sub" })), Ok(frames[0].1.clone()));
    }

    #[test]
    fn texts_are_elements_where_the_codec_is_xml() {
        let names = JsonNames { codec: Codecs::both(Codec::XML), ..JsonNames::both("/#name") };
        let text = |side, text: &str| (side, Payload::Text(text.to_owned()));
        let frames = [
            text(Side::Client, "<a x=\"1\"/>"),
            text(Side::Server, "<b x='1'><c>hi</c></b>"),
            text(Side::Server, "{\"a\":1}"),
            text(Side::Client, "<a>"),
            (Side::Server, Payload::Binary(b"<b/>".to_vec())),
        ];
        let events = said(&Dialect::Json(names.clone()), &frames);
        let labels: Vec<&str> = events.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, [">a", "b", "text", ">text", "binary"]);
        assert_eq!(names.encode(&events[0].1), Ok(frames[0].1.clone()));
        let error = names.encode(&json!({ "x": 1 })).map_err(|error| error.to_string());
        assert_eq!(error, Err("it has no `#name`, the name of its element".to_owned()));
    }
}
