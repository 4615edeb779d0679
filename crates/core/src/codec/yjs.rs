//! The sync and awareness protocols of Yjs (`y-protocols`, as used by y-websocket and Hocuspocus) to JSON and back.
//!
//! Numbers are base-128 varints, the lowest bits first. Text and bytes come after their length.
//!
//! ```text
//! [room] 0 0 vector    {"type": "sync1", "vector": [{"client": 7, "clock": 5}]}   what its sender has
//! [room] 0 1 update    {"type": "sync2", "update": {"$hex": "…"}}                 what the other one lacks
//! [room] 0 2 update    {"type": "update", "update": {"$hex": "…"}}
//! [room] 1 states      {"type": "awareness", "clients": [{"client": 7, "clock": 1, "state": {"user": …}}]}
//! [room] 2 0 text      {"type": "denied", "reason": "…"}
//! [room] 3             {"type": "query"}                                          asks for everybody's awareness
//! ```
//!
//! Hocuspocus puts the name of a document before each message: `"document": "room"`. Its further messages are `token`
//! and `authenticated` (2), `stateless` (5), `broadcast` (6), `close` (7) and `saved` (8). An update stays bytes,
//! because it is a document of its own.
//!
//! A frame is read only if encoding the result gives the same bytes.

use super::hex::unhex;
use super::special::{Unwritable, bytes_to_json};
use super::varint;
use serde_json::{Map, Value, json};

/// The maximum of clients in a message.
const MAX_CLIENTS: u64 = 1 << 16;
/// The largest number that JavaScript has (`Number.MAX_SAFE_INTEGER`).
const MAX_NUMBER: u64 = (1 << 53) - 1;
/// A number takes no more bytes.
const MAX_NUMBER_BYTES: usize = 8;

/// The message of a frame.
pub(super) fn read(frame: &[u8]) -> Option<Value> {
    let value = message(frame).or_else(|| of_document(frame))?;
    // A number in more bytes than necessary would be sent in fewer. A label has another length than its token.
    let again = write(&value).ok()?;
    (again == frame || value.get("token").and_then(Value::as_str).is_some_and(is_label)).then_some(value)
}

/// Whether a recording has a label in the place of a secret.
fn is_label(text: &str) -> bool {
    text.starts_with("{{secret:") && text.ends_with("}}")
}

/// The remaining bytes.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn number(&mut self) -> Option<u64> {
        let (value, length) = varint::read(self.0, MAX_NUMBER_BYTES)?;
        self.0 = &self.0[length..];
        (value <= MAX_NUMBER).then_some(value)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (own, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(own)
    }

    fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A message of Hocuspocus begins with the name of its document.
fn of_document(frame: &[u8]) -> Option<Value> {
    let mut rest = Rest(frame);
    let document = rest.text().filter(|name| !name.is_empty() && !name.chars().any(char::is_control))?;
    let own = match rest.0.split_first()? {
        // 4 is sync once more, as an answer.
        (4, after) => {
            let mut own = message(&[&[0], after].concat())?;
            own.as_object_mut()?.insert("reply".to_owned(), Value::Bool(true));
            own
        }
        (2, after) => {
            let mut rest = Rest(after);
            let kind = rest.number()?;
            let mut behind = Rest(rest.0);
            let label = behind
                .number()
                .and_then(|_| std::str::from_utf8(behind.0).ok())
                .filter(|text| is_label(text));
            if let (0, Some(label)) = (kind, label) {
                return named(document, json!({ "type": "token", "token": label }));
            }
            let said = rest.text()?;
            let own = match kind {
                0 => json!({ "type": "token", "token": said }),
                1 => json!({ "type": "denied", "reason": said }),
                2 => json!({ "type": "authenticated", "scope": said }),
                _ => return None,
            };
            rest.is_empty().then_some(own)?
        }
        (kind @ 5..=8, after) => {
            let mut rest = Rest(after);
            let own = match kind {
                5 => json!({ "type": "stateless", "payload": rest.text()? }),
                6 => json!({ "type": "broadcast", "payload": rest.text()? }),
                7 => json!({ "type": "close", "reason": rest.text()? }),
                _ => json!({ "type": "saved", "saved": rest.number()? }),
            };
            rest.is_empty().then_some(own)?
        }
        _ => message(rest.0)?,
    };
    named(document, own)
}

/// A message with the name of its document behind its type.
fn named(document: &str, own: Value) -> Option<Value> {
    let Value::Object(own) = own else { return None };
    let mut map = Map::new();
    for (key, value) in own {
        let is_type = key == "type";
        map.insert(key, value);
        if is_type {
            map.insert("document".to_owned(), Value::from(document));
        }
    }
    Some(Value::Object(map))
}

fn message(frame: &[u8]) -> Option<Value> {
    let mut rest = Rest(frame);
    let message = match rest.number()? {
        0 => {
            let (step, own) = (rest.number()?, rest.bytes()?);
            match step {
                0 => json!({ "type": "sync1", "vector": vector(own).unwrap_or_else(|| bytes_to_json(own)) }),
                1 => json!({ "type": "sync2", "update": bytes_to_json(own) }),
                2 => json!({ "type": "update", "update": bytes_to_json(own) }),
                _ => return None,
            }
        }
        1 => json!({ "type": "awareness", "clients": states(rest.bytes()?)? }),
        2 => {
            let (0, reason) = (rest.number()?, rest.text()?) else { return None };
            json!({ "type": "denied", "reason": reason })
        }
        3 => json!({ "type": "query" }),
        _ => return None,
    };
    rest.is_empty().then_some(message)
}

/// The state vector: the length of each client's updates.
fn vector(bytes: &[u8]) -> Option<Value> {
    let mut rest = Rest(bytes);
    let count = rest.number().filter(|count| *count <= MAX_CLIENTS)?;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(json!({ "client": rest.number()?, "clock": rest.number()? }));
    }
    let value = Value::Array(clients);
    (rest.is_empty() && written(&value, pairs) == Some(bytes.to_vec())).then_some(value)
}

fn states(bytes: &[u8]) -> Option<Value> {
    let mut rest = Rest(bytes);
    let count = rest.number().filter(|count| *count <= MAX_CLIENTS)?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let (client, clock, text) = (rest.number()?, rest.number()?, rest.text()?);
        let state: Value = serde_json::from_str(text).ok()?;
        // A number that another writer would format differently, such as `1.50`, stays text.
        let again = state.to_string();
        let state = if again == text { state } else { json!({ "$json": text }) };
        clients.push(json!({ "client": client, "clock": clock, "state": state }));
    }
    rest.is_empty().then(|| Value::Array(clients))
}

/// The frame of a message.
pub(super) fn write(message: &Value) -> Result<Vec<u8>, Unwritable> {
    let need = |key: &str| message.get(key).ok_or_else(|| Unwritable(format!("it has no `{key}`")));
    let text = |key: &str| match message.get(key) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(Unwritable(format!("its `{key}` is not a text"))),
        None => Ok(""),
    };
    let mut out = Vec::new();
    let document = message.get("document").is_some();
    if document {
        put_bytes(text("document")?.as_bytes(), &mut out);
    }
    let kind = need("type")?.as_str().unwrap_or_default();
    // A document's answer to a sync step is an answer of its own.
    let sync = if document && message.get("reply") == Some(&Value::Bool(true)) { 4 } else { 0 };
    match (kind, document) {
        ("sync1", _) => {
            out.extend([sync, 0]);
            let vector = match need("vector")? {
                list @ Value::Array(_) => written(list, pairs),
                other => bytes_of(other),
            };
            let own = vector.ok_or_else(|| {
                Unwritable("its `vector` is neither a list of `client` and `clock` nor `$hex`".to_owned())
            })?;
            put_bytes(&own, &mut out);
        }
        ("sync2" | "update", _) => {
            out.extend([sync, if kind == "sync2" { 1 } else { 2 }]);
            let own = bytes_of(need("update")?)
                .ok_or_else(|| Unwritable("its `update` is not `{\"$hex\": …}`".to_owned()))?;
            put_bytes(&own, &mut out);
        }
        ("awareness", _) => {
            out.push(1);
            let own = written(need("clients")?, awareness).ok_or_else(|| {
                Unwritable("its `clients` are not a list of `client`, `clock` and `state`".to_owned())
            })?;
            put_bytes(&own, &mut out);
        }
        ("query", _) => out.push(3),
        ("denied", _) => {
            out.extend([2, u8::from(document)]);
            put_bytes(text("reason")?.as_bytes(), &mut out);
        }
        ("token" | "authenticated", true) => {
            let (step, key) = if kind == "token" { (0, "token") } else { (2, "scope") };
            out.extend([2, step]);
            put_bytes(text(key)?.as_bytes(), &mut out);
        }
        ("stateless" | "broadcast" | "close", true) => {
            let (code, key) = match kind {
                "stateless" => (5, "payload"),
                "broadcast" => (6, "payload"),
                _ => (7, "reason"),
            };
            out.push(code);
            put_bytes(text(key)?.as_bytes(), &mut out);
        }
        ("saved", true) => {
            out.push(8);
            let saved =
                number(need("saved")?).ok_or_else(|| Unwritable("its `saved` is not a number".to_owned()))?;
            varint::write(saved, &mut out);
        }
        ("token" | "authenticated" | "stateless" | "broadcast" | "close" | "saved", false) => {
            return Err(Unwritable(format!("`{kind}` needs a `document`")));
        }
        (kind, _) => return Err(Unwritable(format!("`{kind}` is not a Yjs message"))),
    }
    Ok(out)
}

/// A list behind the number of its items.
fn written(list: &Value, item: fn(&Value, &mut Vec<u8>) -> Option<()>) -> Option<Vec<u8>> {
    let items = list.as_array()?;
    let mut out = Vec::new();
    varint::write(u64::try_from(items.len()).ok()?, &mut out);
    items.iter().try_for_each(|own| item(own, &mut out))?;
    Some(out)
}

fn pairs(item: &Value, out: &mut Vec<u8>) -> Option<()> {
    varint::write(number(item.get("client")?)?, out);
    varint::write(number(item.get("clock")?)?, out);
    Some(())
}

fn awareness(item: &Value, out: &mut Vec<u8>) -> Option<()> {
    pairs(item, out)?;
    let state = item.get("state")?;
    let text = match state.get("$json").and_then(Value::as_str) {
        Some(text) if state.as_object().is_some_and(|map| map.len() == 1) => text.to_owned(),
        _ => state.to_string(),
    };
    put_bytes(text.as_bytes(), out);
    Some(())
}

fn number(value: &Value) -> Option<u64> {
    // A golden may have a number within a text.
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (number <= MAX_NUMBER).then_some(number)
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    unhex(value.get("$hex")?.as_str()?)
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_called_by_its_channel_and_step() {
        // As y-websocket sends them.
        for (hex, expected) in [
            ("00000100", json!({ "type": "sync1", "vector": [] })),
            (
                "0000060185d7a87a05",
                json!({ "type": "sync1", "vector": [{ "client": 256_519_045, "clock": 5 }] }),
            ),
            ("0001020000", json!({ "type": "sync2", "update": { "$hex": "0000" } })),
            ("0002020000", json!({ "type": "update", "update": { "$hex": "0000" } })),
            (
                "010c01c5b9c9ee0b04046e756c6c",
                json!({ "type": "awareness", "clients": [{ "client": 3_184_680_133_u64, "clock": 4, "state": null }] }),
            ),
            (
                "010e0107010a7b2261223a312e35307d",
                json!({ "type": "awareness", "clients": [{ "client": 7, "clock": 1, "state": { "$json": "{\"a\":1.50}" } }] }),
            ),
            ("0200026e6f", json!({ "type": "denied", "reason": "no" })),
            ("03", json!({ "type": "query" })),
            ("04726f6f6d00000100", json!({ "type": "sync1", "document": "room", "vector": [] })),
            (
                "04726f6f6d0401020000",
                json!({ "type": "sync2", "document": "room", "update": { "$hex": "0000" }, "reply": true }),
            ),
            ("04726f6f6d02000174", json!({ "type": "token", "document": "room", "token": "t" })),
            ("04726f6f6d0801", json!({ "type": "saved", "document": "room", "saved": 1 })),
        ] {
            let frame = unhex(hex).expect("digits");
            assert_eq!(read(&frame), Some(expected.clone()), "{hex}");
            assert_eq!(write(&expected), Ok(frame));
        }
        let hidden = [&b"\x04room\x02\0\x30"[..], b"{{secret:token#1}}"].concat();
        assert_eq!(
            read(&hidden),
            Some(json!({ "type": "token", "document": "room", "token": "{{secret:token#1}}" }))
        );
    }

    #[test]
    fn another_protocol_is_not_read() {
        for frame in [
            &b""[..],
            b"\0",
            b"\0\x03\x01\0",
            b"\x07\x02\x01\0",
            b"\0\0\x02\0",
            b"\0\0\x01\0\0",
            b"\x80\0\0\x01\0",
            b"\x01\x05\x01\x07\x01\x01{",
            b"\x01\x02\xff\xff",
            b"\x93\x01\xa4chat\xc0",
            b"\x10\x0c\0\x04MQTT\x04\x02",
            b"hello there",
        ] {
            assert_eq!(read(frame), None, "{frame:?}");
        }
    }

    #[test]
    fn what_cannot_be_said_says_why() {
        for (message, why) in [
            (json!({ "type": "sync1" }), "it has no `vector`"),
            (json!({ "type": "update", "update": "00" }), "its `update` is not `{\"$hex\": …}`"),
            (json!({ "type": "hello" }), "`hello` is not a Yjs message"),
            (json!({ "type": "token" }), "`token` needs a `document`"),
            (
                json!({ "type": "awareness", "clients": [{ "client": -1, "clock": 0 }] }),
                "its `clients` are not a list of `client`, `clock` and `state`",
            ),
            (json!([]), "it has no `type`"),
        ] {
            assert_eq!(write(&message).map_err(|error| error.to_string()), Err(why.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            clients in prop::collection::vec((0..MAX_NUMBER, 0u64..1000, "[a-c\"]{0,4}"), 0..4), update in prop::collection::vec(any::<u8>(), 0..40), document in prop::option::of("[a-z]{1,9}"),
        ) {
            let vector: Vec<Value> = clients.iter().map(|(client, clock, _)| json!({ "client": client, "clock": clock })).collect();
            let states: Vec<Value> = clients.iter().map(|(client, clock, text)| json!({ "client": client, "clock": clock, "state": { "name": text } })).collect();
            for mut message in [
                json!({ "type": "sync1", "vector": vector }),
                json!({ "type": "update", "update": bytes_to_json(&update) }),
                json!({ "type": "sync2", "update": bytes_to_json(&update) }),
                json!({ "type": "awareness", "clients": states }),
            ] {
                if let (Some(document), Some(map)) = (&document, message.as_object_mut()) {
                    map.insert("document".to_owned(), Value::from(document.as_str()));
                }
                let frame = write(&message).expect("a message");
                prop_assert_eq!(read(&frame), Some(message));
            }
        }

        #[test]
        fn what_is_read_is_written_as_it_was(frame in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..24)) {
            if let Some(message) = read(&frame) {
                prop_assert_eq!(write(&message), Ok(frame));
            }
        }
    }
}
