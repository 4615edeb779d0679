//! Socket.IO 3 and later on Engine.IO 4 (socket.io-protocol 5): named events with arguments, answers to them, namespaces.
//!
//! An event is called as the application calls it; an answer `re:` and its event; what Engine.IO says itself begins with
//! `eio.`. Ping and pong are chores. An event whose attachments follow in frames of their own is whole with the last.
//!
//! ```text
//! 0{"sid":"…","pingInterval":25000}     eio.open   {"sid":"…","pingInterval":25000}
//! 40/chat,{"token":"…"}                 >connect   {"namespace":"/chat","payload":{"token":"…"}}
//! 42/chat,7["ask",{"text":"hi"},2]      >ask       {"namespace":"/chat","ack_id":7,"args":{"0":{"text":"hi"},"1":2}}
//! 43/chat,7["ok"]                       re:ask     {"namespace":"/chat","ack_id":7,"args":{"0":"ok"}}
//! 451-["file",{"_placeholder":true,"num":0}] and bytes
//!                  file   {"namespace":"/","args":{"0":{"_placeholder":true,"num":0,"hex":"00ff"}}}
//! ```
//!
//! Arguments are numbered fields, not a list, because each has a meaning of its own; a golden may write a list too.

use super::EncodeError;
use super::content::{nothing, text_of};
use super::decoded::{Decoded, Sides};
use super::ids::Ids;
use super::json::Asked;
use crate::codec::{hex, unhex};
use crate::transcript::{Payload, Side};
use serde_json::{Map, Value, json};

pub(super) const CHORES: [&str; 4] = ["eio.ping", ">eio.pong", ">eio.ping", "eio.pong"];
/// In several namespaces an event of one name is several.
pub(super) const TOPICS: [(&str, &str); 1] = [("*", "/namespace")];
/// What Engine.IO says before a namespace is asked for; tokens come with that.
pub(super) const GREETING: &str = "eio.open";
/// Every namespace numbers its own events.
pub(super) const IDS: Ids =
    Ids { client: &["/namespace", "/ack_id"], server: &["/namespace", "/ack_id"], answers: &["re:", STRAY] };
/// An answer to an event that was not sent.
const STRAY: &str = "eio.answer";
/// An event with more attachments is none.
const MAX_ATTACHMENTS: usize = 1024;

/// What has to be remembered of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    waiting: Sides<Option<Waiting>>,
    /// Events that want an answer, by namespace and number.
    asked: Sides<Asked>,
}

/// An event whose attachments are still to come.
#[derive(Debug, Clone)]
struct Waiting {
    text: String,
    packet: Packet,
    count: usize,
    attachments: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct Packet {
    kind: u8,
    namespace: String,
    id: Option<u64>,
    content: Option<Value>,
}

impl Reader {
    pub(super) fn read(&mut self, side: Side, payload: &Payload, decoded: &mut Decoded) {
        match payload {
            Payload::Text(text) => {
                self.rest(side, decoded);
                self.text(side, text, payload, decoded);
            }
            Payload::Binary(bytes) => {
                let slot = self.waiting.of(side);
                let Some(waiting) = slot else { return decoded.plain(payload) };
                waiting.attachments.push(bytes.clone());
                if waiting.attachments.len() == waiting.count {
                    let whole = slot.take();
                    whole
                        .into_iter()
                        .for_each(|whole| self.packet(side, whole.packet, &whole.attachments, decoded));
                }
            }
            Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => {}
        }
    }

    /// Tells of an event whose attachments did not come.
    pub(super) fn rest(&mut self, side: Side, decoded: &mut Decoded) {
        if let Some(waiting) = self.waiting.of(side).take() {
            let came = waiting.attachments.len();
            decoded
                .malformed(&format!("{came} of {} attachments came", waiting.count), waiting.text.as_bytes());
        }
    }

    fn text(&mut self, side: Side, text: &str, payload: &Payload, decoded: &mut Decoded) {
        let (kind, rest) = text.split_at_checked(1).unwrap_or(("", text));
        match (kind, rest) {
            ("0", _) => match serde_json::from_str(rest) {
                Ok(value @ Value::Object(_)) => decoded.say(GREETING, value),
                _ => decoded.plain(payload),
            },
            ("1", "") => decoded.say("eio.close", nothing()),
            ("2", "") => {
                decoded.say("eio.ping", nothing());
                if side == Side::Server {
                    decoded.owed.push(("eio.pong", Payload::Text("3".to_owned())));
                }
            }
            ("3", "") => decoded.say("eio.pong", nothing()),
            ("2" | "3", "probe") => decoded.say("eio.probe", nothing()),
            ("5", "") => decoded.say("eio.upgrade", nothing()),
            ("6", "") => decoded.say("eio.noop", nothing()),
            ("4", packet) => match parse(packet) {
                Some((packet, 0)) => self.packet(side, packet, &[], decoded),
                Some((packet, count)) => {
                    let waiting = Waiting { text: text.to_owned(), packet, count, attachments: Vec::new() };
                    *self.waiting.of(side) = Some(waiting);
                }
                None => decoded.plain(payload),
            },
            _ => decoded.plain(payload),
        }
    }

    fn packet(&mut self, side: Side, packet: Packet, attachments: &[Vec<u8>], decoded: &mut Decoded) {
        let Packet { kind, namespace, id, content } = packet;
        let key = id.map(|id| format!("{namespace},{id}"));
        let mut fields = Map::new();
        fields.insert("namespace".to_owned(), namespace.into());
        if let Some(id) = id {
            fields.insert("ack_id".to_owned(), id.into());
        }
        let name = match (kind, content) {
            (0 | 1 | 4, content) => {
                if let Some(content) = content {
                    fields.insert("payload".to_owned(), content);
                }
                match kind {
                    0 => "connect".to_owned(),
                    1 => "disconnect".to_owned(),
                    _ => "connect_error".to_owned(),
                }
            }
            (kind, content) => {
                let mut args = match content {
                    Some(Value::Array(args)) => args,
                    other => other.into_iter().collect(),
                };
                args.iter_mut().for_each(|arg| attach(arg, attachments));
                let name = if matches!(kind, 2 | 5) && !args.is_empty() {
                    let name = text_of(&args.remove(0));
                    key.into_iter().for_each(|key| self.asked.of(side).note(key, &name));
                    name
                } else {
                    let asked = key.and_then(|key| self.asked.of(side.other()).get(&key).map(str::to_owned));
                    asked.map_or_else(|| STRAY.to_owned(), |name| format!("re:{name}"))
                };
                let args = args.into_iter().enumerate().map(|(place, arg)| (place.to_string(), arg));
                fields.insert("args".to_owned(), Value::Object(args.collect()));
                name
            }
        };
        decoded.say(name, Value::Object(fields));
    }
}

/// A Socket.IO packet and how many attachments follow it.
fn parse(text: &str) -> Option<(Packet, usize)> {
    let (kind, mut rest) = text.split_at_checked(1)?;
    let kind = kind.parse().ok().filter(|kind| *kind <= 6u8)?;
    let mut count = 0;
    if matches!(kind, 5 | 6) {
        let (number, after) = rest.split_once('-')?;
        count = number.parse().ok().filter(|count| *count <= MAX_ATTACHMENTS)?;
        rest = after;
    }
    let mut namespace = "/".to_owned();
    if rest.starts_with('/') {
        let (own, after) = rest.split_once(',').unwrap_or((rest, ""));
        // What a client asks for beside the namespace is not part of its name.
        (namespace, rest) = (own.to_owned(), after);
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let id = if digits > 0 { Some(rest[..digits].parse().ok()?) } else { None };
    let content = match &rest[digits..] {
        "" => None,
        json => Some(serde_json::from_str(json).ok()?),
    };
    let is_event = matches!(kind, 2 | 3 | 5 | 6);
    if is_event && !matches!(content, Some(Value::Array(_))) {
        return None;
    }
    let is_named = |args: &Value| args.get(0).is_some_and(|name| name.is_string() || name.is_number());
    if matches!(kind, 2 | 5) && !content.as_ref().is_some_and(is_named) {
        return None;
    }
    Some((Packet { kind, namespace, id, content }, count))
}

/// Puts attachments where their places are.
fn attach(value: &mut Value, attachments: &[Vec<u8>]) {
    match value {
        Value::Object(map) => {
            if map.get("_placeholder") == Some(&Value::Bool(true)) {
                let number = map.get("num").and_then(Value::as_u64).and_then(|num| usize::try_from(num).ok());
                if let Some(bytes) = number.and_then(|num| attachments.get(num)) {
                    map.insert("hex".to_owned(), hex(bytes).into());
                }
                return;
            }
            map.values_mut().for_each(|item| attach(item, attachments));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| attach(item, attachments)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes the attachments out again, in the order of their places.
fn detach(value: &mut Value, attachments: &mut Vec<Vec<u8>>) -> Result<(), EncodeError> {
    match value {
        Value::Object(map) => {
            if map.get("_placeholder") == Some(&Value::Bool(true)) {
                let digits = map.shift_remove("hex").map(|digits| text_of(&digits)).unwrap_or_default();
                let bytes =
                    unhex(&digits).ok_or_else(|| EncodeError("its hex is not hexadecimal".to_owned()))?;
                map.insert("num".to_owned(), attachments.len().into());
                attachments.push(bytes);
                return Ok(());
            }
            map.values_mut().try_for_each(|item| detach(item, attachments))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| detach(item, attachments)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The messages of an event: one text, and its attachments.
pub(super) fn encode(name: &str, data: &Value) -> Result<Vec<Payload>, EncodeError> {
    let namespace = match data.get("namespace").map(text_of).unwrap_or_default() {
        name if name.is_empty() || name == "/" => String::new(),
        name => format!("{name},"),
    };
    let text = match name {
        GREETING => format!("0{data}"),
        "eio.close" => "1".to_owned(),
        "eio.ping" => "2".to_owned(),
        "eio.pong" => "3".to_owned(),
        "eio.probe" => "2probe".to_owned(),
        "eio.upgrade" => "5".to_owned(),
        "eio.noop" => "6".to_owned(),
        "connect" | "disconnect" | "connect_error" => {
            let kind = match name {
                "connect" => "40",
                "disconnect" => "41",
                _ => "44",
            };
            let payload = data.get("payload").map(Value::to_string).unwrap_or_default();
            format!("{kind}{namespace}{payload}")
        }
        _ => return event(name, &namespace, data),
    };
    Ok(vec![Payload::Text(text)])
}

fn event(name: &str, namespace: &str, data: &Value) -> Result<Vec<Payload>, EncodeError> {
    let is_answer = name.starts_with("re:") || name == STRAY;
    let mut args = match data.get("args") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(args)) => args.clone(),
        Some(Value::Object(args)) => {
            let args: Vec<Value> =
                (0..args.len()).map_while(|place| args.get(&place.to_string()).cloned()).collect();
            args
        }
        Some(_) => return Err(EncodeError("its args are not a list".to_owned())),
    };
    let mut attachments = Vec::new();
    args.iter_mut().try_for_each(|arg| detach(arg, &mut attachments))?;
    let id = data.get("ack_id").map(text_of).unwrap_or_default();
    if is_answer && id.is_empty() {
        return Err(EncodeError("it has no ack_id".to_owned()));
    }
    if !is_answer {
        args.insert(0, json!(name));
    }
    let (kind, count) = match (is_answer, attachments.len()) {
        (false, 0) => ("2", String::new()),
        (true, 0) => ("3", String::new()),
        (false, count) => ("5", format!("{count}-")),
        (true, count) => ("6", format!("{count}-")),
    };
    let text = Payload::Text(format!("4{kind}{count}{namespace}{id}{}", Value::Array(args)));
    Ok(std::iter::once(text).chain(attachments.into_iter().map(Payload::Binary)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::said;
    use super::super::{Dialect, Label, Protocol, ProtocolOptions};
    use super::*;
    use proptest::prelude::*;

    fn socketio() -> Dialect {
        Dialect::Protocol(ProtocolOptions::new(Protocol::SocketIo))
    }

    #[test]
    fn events_answers_namespaces_and_attachments_are_told() {
        use Side::{Client, Server};
        let text = |side, text: &str| (side, Payload::Text(text.to_owned()));
        let frames = [
            text(Server, r#"0{"sid":"a","upgrades":[]}"#),
            text(Client, r#"40/chat,{"token":"t"}"#),
            text(Server, r#"40/chat,{"sid":"b"}"#),
            text(Server, "2"),
            text(Client, "3"),
            text(Client, r#"42/chat,7["ask",{"text":"hi"},2]"#),
            text(Server, r#"43/chat,7["ok"]"#),
            text(Server, r#"43/chat,8[]"#),
            text(Server, r#"452-["file",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]"#),
            (Server, Payload::Binary(vec![0, 255])),
            (Server, Payload::Binary(vec![1])),
            text(Server, r#"451-["lost",{"_placeholder":true,"num":0}]"#),
            text(Server, "41"),
            text(Server, "hello"),
            (Server, Payload::Binary(vec![2])),
        ];
        let file = json!({
            "0": {"_placeholder": true, "num": 1, "hex": "01"},
            "1": {"a": {"_placeholder": true, "num": 0, "hex": "00ff"}},
        });
        let lost = r#"451-["lost",{"_placeholder":true,"num":0}]"#;
        let expected = [
            ("eio.open", json!({"sid": "a", "upgrades": []})),
            (">connect", json!({"namespace": "/chat", "payload": {"token": "t"}})),
            ("connect", json!({"namespace": "/chat", "payload": {"sid": "b"}})),
            (">ask", json!({"namespace": "/chat", "ack_id": 7, "args": {"0": {"text": "hi"}, "1": 2}})),
            ("re:ask", json!({"namespace": "/chat", "ack_id": 7, "args": {"0": "ok"}})),
            ("eio.answer", json!({"namespace": "/chat", "ack_id": 8, "args": {}})),
            ("file", json!({"namespace": "/", "args": file})),
            ("garbled", json!({"why": "0 of 1 attachments came", "bytes": lost.len(), "text": lost})),
            ("disconnect", json!({"namespace": "/"})),
            ("text", json!("hello")),
            ("binary", json!("02")),
        ];
        assert_eq!(said(&socketio(), &frames), expected.map(|(name, data)| (name.to_owned(), data)));
    }

    fn arg() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i32>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(json!({"a": [1, {"b": null}]})),
            "([0-9a-f]{2}){0,6}".prop_map(|digits| json!({"_placeholder": true, "num": 0, "hex": digits})),
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood(
            name in "[a-z][a-z _-]{0,8}",
            namespace in "/[a-z]{0,5}",
            id in proptest::option::of(any::<u32>()),
            mut args in proptest::collection::vec(arg(), 0..4),
        ) {
            let mut places = 0;
            for arg in &mut args {
                if arg.get("_placeholder").is_some() {
                    arg["num"] = places.into();
                    places += 1;
                }
            }
            let mut data = json!({ "namespace": namespace });
            if let Some(id) = id {
                data["ack_id"] = id.into();
            }
            let args = args.into_iter().enumerate().map(|(place, arg)| (place.to_string(), arg));
            data["args"] = Value::Object(args.collect());
            let label = Label::new(Side::Client, &name);
            let payloads = socketio().encode(&label, &data).expect("it can be said");
            let frames: Vec<_> = payloads.into_iter().map(|payload| (Side::Client, payload)).collect();
            prop_assert_eq!(said(&socketio(), &frames), vec![(label.as_str().to_owned(), data)]);
        }
    }
}
