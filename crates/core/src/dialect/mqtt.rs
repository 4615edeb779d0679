//! MQTT 3.1, 3.1.1 and 5 in binary messages.
//!
//! An event is called as its packet. A packet may stand in several messages, and a message may hold several. What a
//! client answers without being asked is a chore: PUBACK, PUBREC, PUBREL, PUBCOMP and, when it has been silent for half
//! of its keep-alive, PINGREQ; the server's PINGRESP and PUBREL are, too.
//!
//! ```text
//! >CONNECT    {"protocol":"MQTT","level":4,"clean":true,"keep_alive":60,"client_id":"a","username":"u","password":"p"}
//! CONNACK     {"session_present":false,"code":0}
//! >SUBSCRIBE  {"packet_id":1,"topics":[{"topic":"a/#","qos":1}]}
//! PUBLISH     {"topic":"a/b","qos":1,"retain":false,"dup":false,"packet_id":7,"payload":{"n":1}}
//! ```
//!
//! A CONNACK, SUBACK or PUBACK that refuses is `CONNACK:error`. A packet of MQTT 5 has `properties`, if only empty ones.
//!
//! Read here and not by a crate: those that there are refuse a packet whose lengths are wrong, and in a recording those
//! of a packet with a secret are, because the secret's label has another length; and all of what cannot be read has to
//! become an event as well.

use super::EncodeError;
use super::content::{self, label_at, put, text_of};
use super::decoded::{Beat, Decoded, Pending, Sides, Step};
use super::ids::Ids;
use super::mqtt_bytes::{Cursor, Packet, number, variable};
use super::mqtt_properties as properties;
use crate::transcript::{Gap, Payload, Side};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An id may be used again once it was acknowledged (MQTT 5.0, section 2.2.1).
pub(super) const IDS: Ids = Ids {
    client: &["/packet_id"],
    server: &["/packet_id"],
    answers: &["SUBACK", "UNSUBACK", "PUBACK", "PUBREC", "PUBCOMP"],
};
pub(super) const CHORES: [&str; 7] =
    [">PINGREQ", "PINGRESP", ">PUBACK", ">PUBREC", ">PUBREL", ">PUBCOMP", "PUBREL"];
pub(super) const TOPICS: [(&str, &str); 2] = [("PUBLISH", "/topic"), (">PUBLISH", "/topic")];

const NAMES: [&str; 15] = [
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];
/// Stands after the name of a packet that refuses something.
const REFUSED: &str = ":error";
/// The level of MQTT 5; 3 is 3.1, 4 is 3.1.1.
const FIVE: u8 = 5;
/// Names for topics, of each side, at most.
const MAX_ALIASES: usize = 4096;

/// What has to be remembered of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    pending: Sides<Pending>,
    session: Session,
}

#[derive(Debug, Clone, Default)]
struct Session {
    level: u8,
    /// In seconds; 0 is never.
    keep_alive: u64,
    /// What the numbers stand for that each side writes instead of topics.
    aliases: Sides<BTreeMap<u64, String>>,
}

impl Reader {
    pub(super) fn read(&mut self, side: Side, payload: &Payload, decoded: &mut Decoded) {
        if matches!(payload, Payload::Text(_)) {
            return decoded.plain(payload);
        }
        let session = &mut self.session;
        self.pending.of(side).read(payload, decoded, |bytes, decoded| packet(side, bytes, session, decoded));
    }

    pub(super) fn rest(&mut self, side: Side, decoded: &mut Decoded) {
        self.pending.of(side).rest(decoded);
    }

    pub(super) fn beat(&self) -> Option<Beat> {
        let every = Gap::from_millis(self.session.keep_alive * 500);
        (self.session.keep_alive > 0).then(|| Beat { every, payload: Payload::Binary(vec![0xc0, 0]) })
    }
}

/// Reads the first packet of what a side has sent.
fn packet(side: Side, bytes: &[u8], session: &mut Session, decoded: &mut Decoded) -> Step {
    let Some(first) = bytes.first() else { return Step::Needs(1) };
    let (kind, flags) = (usize::from(first >> 4), first & 15);
    if kind == 0 {
        decoded.malformed("there is no packet of type 0", bytes);
        return Step::Took(bytes.len());
    }
    let name = NAMES[kind - 1];
    let (length, head) = match variable(&bytes[1..]) {
        Some((length, size)) => (length, 1 + size),
        None if bytes.len() <= 4 => return Step::Needs(bytes.len() + 1),
        None => {
            decoded.malformed("its length is longer than four bytes", bytes);
            return Step::Took(bytes.len());
        }
    };
    let end = head + length;
    let shown = &bytes[head..end.min(bytes.len())];
    // A secret's label has another length than the secret: then the packet ends with its last field, or its message.
    let is_redacted = label_at(&bytes[head..(end + content::LABEL.len()).min(bytes.len())])
        .is_some_and(|at| at < length.max(1));
    if !is_redacted && bytes.len() < end {
        return Step::Needs(end);
    }
    let body = if is_redacted { &bytes[head..] } else { shown };
    let mut cursor = Cursor { rest: body, is_redacted };
    match fields(side, name, flags, &mut cursor, session) {
        Some(fields) => {
            answer(side, name, &fields, decoded);
            let has_end = name == "CONNECT" && cursor.rest.first().is_none_or(|next| *next >= 0x10);
            let taken = if is_redacted && has_end { body.len() - cursor.rest.len() } else { body.len() };
            let refused = if is_refused(&fields) { REFUSED } else { "" };
            decoded.say(format!("{name}{refused}"), Value::Object(fields));
            Step::Took(head + taken)
        }
        None => {
            decoded.malformed(&format!("its {name} is not well-formed"), &bytes[..head + body.len()]);
            Step::Took(head + body.len())
        }
    }
}

/// What a packet says; none when it does not say it as it should.
fn fields(
    side: Side,
    name: &str,
    flags: u8,
    cursor: &mut Cursor<'_>,
    session: &mut Session,
) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| drop(map.insert(key.to_owned(), value));
    match name {
        "CONNECT" => {
            set("protocol", cursor.text()?.into());
            let level = u8::try_from(cursor.number(1)?).ok()?;
            session.level = level;
            set("level", level.into());
            let flags = cursor.number(1)?;
            set("clean", (flags & 2 != 0).into());
            session.keep_alive = cursor.number(2)?;
            set("keep_alive", session.keep_alive.into());
            if level == FIVE {
                properties::read(cursor, &mut map)?;
            }
            map.insert("client_id".to_owned(), cursor.text()?.into());
            if flags & 4 != 0 {
                let mut will = Map::new();
                if level == FIVE {
                    properties::read(cursor, &mut will)?;
                }
                will.insert("topic".to_owned(), cursor.text()?.into());
                will.insert("qos".to_owned(), (flags >> 3 & 3).into());
                will.insert("retain".to_owned(), (flags & 32 != 0).into());
                put(&mut will, "payload", cursor.field()?);
                map.insert("will".to_owned(), Value::Object(will));
            }
            if flags & 128 != 0 {
                map.insert("username".to_owned(), cursor.text()?.into());
            }
            if flags & 64 != 0 {
                put(&mut map, "password", cursor.field()?);
            }
        }
        "CONNACK" => {
            set("session_present", (cursor.number(1)? & 1 != 0).into());
            set("code", cursor.number(1)?.into());
            if !cursor.is_empty() {
                properties::read(cursor, &mut map)?;
            }
            let own =
                map.get("properties").and_then(|all| all.get("server_keep_alive")).and_then(Value::as_u64);
            session.keep_alive = own.unwrap_or(session.keep_alive);
        }
        "PUBLISH" => {
            let mut topic = cursor.text()?;
            let qos = flags >> 1 & 3;
            let id = if qos > 0 { Some(cursor.number(2)?) } else { None };
            let mut more = Map::new();
            if session.level == FIVE {
                properties::read(cursor, &mut more)?;
            }
            let alias = more.get("properties").and_then(|all| all.get("topic_alias")).and_then(Value::as_u64);
            if let Some(alias) = alias {
                let aliases = session.aliases.of(side);
                if topic.is_empty() {
                    topic = aliases.get(&alias).cloned().unwrap_or_default();
                } else if aliases.len() < MAX_ALIASES || aliases.contains_key(&alias) {
                    aliases.insert(alias, topic.clone());
                }
            }
            set("topic", topic.into());
            set("qos", qos.into());
            set("retain", (flags & 1 != 0).into());
            set("dup", (flags & 8 != 0).into());
            if let Some(id) = id {
                set("packet_id", id.into());
            }
            map.extend(more);
            put(&mut map, "payload", cursor.all());
        }
        "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP" => {
            set("packet_id", cursor.number(2)?.into());
            reason(cursor, &mut map)?;
        }
        "SUBSCRIBE" | "UNSUBSCRIBE" => {
            set("packet_id", cursor.number(2)?.into());
            if session.level == FIVE {
                properties::read(cursor, &mut map)?;
            }
            let mut topics = Vec::new();
            while !cursor.is_empty() {
                let topic = cursor.text()?;
                if name == "UNSUBSCRIBE" {
                    topics.push(topic.into());
                    continue;
                }
                let options = cursor.number(1)?;
                let mut one = json!({ "topic": topic, "qos": options & 3 });
                if options > 3 {
                    one["options"] = (options & !3).into();
                }
                topics.push(one);
            }
            map.insert("topics".to_owned(), Value::Array(topics));
        }
        "SUBACK" | "UNSUBACK" => {
            set("packet_id", cursor.number(2)?.into());
            if session.level == FIVE {
                properties::read(cursor, &mut map)?;
            }
            let codes: Vec<Value> = cursor.all().iter().map(|code| Value::from(*code)).collect();
            map.insert("codes".to_owned(), Value::Array(codes));
        }
        _ => reason(cursor, &mut map)?,
    }
    // A message that was not requested is not lost.
    let is_of_next = cursor.is_redacted && name == "CONNECT";
    if !cursor.is_empty() && !is_of_next {
        put(&mut map, "more", cursor.all());
    }
    Some(map)
}

/// A reason and properties, of which either may be left out at the end.
fn reason(cursor: &mut Cursor<'_>, map: &mut Map<String, Value>) -> Option<()> {
    if cursor.is_empty() {
        return Some(());
    }
    map.insert("reason".to_owned(), cursor.number(1)?.into());
    if !cursor.is_empty() {
        properties::read(cursor, map)?;
    }
    Some(())
}

/// Whether a packet refuses something: a CONNACK of before MQTT 5 with any code, else with a code or a reason from 128.
fn is_refused(fields: &Map<String, Value>) -> bool {
    let code = |key: &str| fields.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut codes = fields.get("codes").and_then(Value::as_array).into_iter().flatten();
    code("code") > 0 || code("reason") >= 128 || codes.any(|code| code.as_u64() >= Some(128))
}

/// What the client must answer to a packet of the server.
fn answer(side: Side, name: &str, fields: &Map<String, Value>, decoded: &mut Decoded) {
    let Some(id) = fields.get("packet_id").and_then(Value::as_u64).and_then(|id| u16::try_from(id).ok())
    else {
        return;
    };
    let (chore, first) = match (side, name, fields.get("qos").and_then(Value::as_u64)) {
        (Side::Server, "PUBLISH", Some(1)) => ("PUBACK", 0x40),
        (Side::Server, "PUBLISH", Some(2)) => ("PUBREC", 0x50),
        (Side::Server, "PUBREC", _) if !is_refused(fields) => ("PUBREL", 0x62),
        (Side::Server, "PUBREL", _) => ("PUBCOMP", 0x70),
        _ => return,
    };
    let [high, low] = id.to_be_bytes();
    decoded.owed.push((chore, Payload::Binary(vec![first, 2, high, low])));
}

fn flag(data: &Value, key: &str) -> bool {
    data.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The bytes of a packet. What is not said is 0, false or empty; a CONNECT is one of 3.1.1.
pub(super) fn encode(name: &str, data: &Value) -> Result<Vec<u8>, EncodeError> {
    let name = name.strip_suffix(REFUSED).unwrap_or(name);
    let Some(kind) = NAMES.iter().position(|own| *own == name) else {
        return Err(EncodeError(format!("there is no packet {name}")));
    };
    let mut body = Packet::default();
    let has_properties = data.get("properties").is_some();
    let mut flags = 0;
    match name {
        "CONNECT" => flags = connect(data, &mut body)?,
        "CONNACK" => {
            body.number(flag(data, "session_present").into(), 1);
            body.number(number(data, "code", 255)?, 1);
            if has_properties {
                properties::write(data, &mut body)?;
            }
        }
        "PUBLISH" => {
            let qos = number(data, "qos", 3)?;
            flags = u64::from(flag(data, "dup")) << 3 | qos << 1 | u64::from(flag(data, "retain"));
            let topic = text_of(data.get("topic").unwrap_or(&Value::Null));
            if topic.is_empty() && data.pointer("/properties/topic_alias").is_none() {
                return Err(EncodeError("it has no topic".to_owned()));
            }
            body.field(topic.as_bytes())?;
            if qos > 0 {
                body.number(number(data, "packet_id", 65_535)?, 2);
            }
            if has_properties {
                properties::write(data, &mut body)?;
            }
            body.0.extend(content::take(data, "payload")?);
        }
        "SUBSCRIBE" | "UNSUBSCRIBE" => {
            flags = 2;
            body.number(number(data, "packet_id", 65_535)?, 2);
            if has_properties {
                properties::write(data, &mut body)?;
            }
            let Some(topics) =
                data.get("topics").and_then(Value::as_array).filter(|topics| !topics.is_empty())
            else {
                return Err(EncodeError("it has no topics".to_owned()));
            };
            for topic in topics {
                body.field(text_of(topic.get("topic").unwrap_or(topic)).as_bytes())?;
                if name == "SUBSCRIBE" {
                    body.number(number(topic, "qos", 3)? | number(topic, "options", 255)?, 1);
                }
            }
        }
        "SUBACK" | "UNSUBACK" => {
            body.number(number(data, "packet_id", 65_535)?, 2);
            if has_properties {
                properties::write(data, &mut body)?;
            }
            for code in data.get("codes").and_then(Value::as_array).into_iter().flatten() {
                body.number(code.as_u64().unwrap_or(0).min(255), 1);
            }
        }
        _ => {
            if name.starts_with("PUB") {
                body.number(number(data, "packet_id", 65_535)?, 2);
            }
            flags = if name == "PUBREL" { 2 } else { 0 };
            if has_properties || data.get("reason").is_some() {
                body.number(number(data, "reason", 255)?, 1);
            }
            if has_properties {
                properties::write(data, &mut body)?;
            }
        }
    }
    body.0.extend(content::take(data, "more")?);
    let mut packet = Packet::default();
    packet.number((u64::try_from(kind).unwrap_or(0) + 1) << 4 | flags, 1);
    packet.push(&body);
    Ok(packet.0)
}

fn connect(data: &Value, body: &mut Packet) -> Result<u64, EncodeError> {
    let text = |key: &str, default: &str| data.get(key).map_or_else(|| default.to_owned(), text_of);
    let level = if data.get("level").is_some() { number(data, "level", 255)? } else { 4 };
    body.field(text("protocol", "MQTT").as_bytes())?;
    body.number(level, 1);
    let will = data.get("will").filter(|will| will.is_object());
    let has_password = data.get("password").is_some() || data.get("password_hex").is_some();
    let mut flags = u64::from(data.get("clean").and_then(Value::as_bool).unwrap_or(true)) << 1;
    if let Some(will) = will {
        flags |= 4 | number(will, "qos", 3)? << 3 | u64::from(flag(will, "retain")) << 5;
    }
    flags |= u64::from(data.get("username").is_some()) << 7 | u64::from(has_password) << 6;
    body.number(flags, 1);
    body.number(number(data, "keep_alive", 65_535)?, 2);
    let is_five = level == u64::from(FIVE);
    if is_five {
        properties::write(data, body)?;
    }
    body.field(text("client_id", "").as_bytes())?;
    if let Some(will) = will {
        if is_five {
            properties::write(will, body)?;
        }
        body.field(text_of(will.get("topic").unwrap_or(&Value::Null)).as_bytes())?;
        body.field(&content::take(will, "payload")?)?;
    }
    if let Some(user) = data.get("username") {
        body.field(text_of(user).as_bytes())?;
    }
    if has_password {
        body.field(&content::take(data, "password")?)?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::{said, split};
    use super::super::{Decoder, Dialect, Label, Protocol, ProtocolOptions};
    use super::*;
    use crate::transcript::{Frame, Offset};
    use proptest::prelude::*;

    fn mqtt() -> Dialect {
        Dialect::Protocol(ProtocolOptions::new(Protocol::Mqtt))
    }

    /// The example of MQTT 3.1.1, sections 3.1 to 3.3, by hand.
    const CONNECT: &[u8] = b"\x10\x11\x00\x04MQTT\x04\xc2\x00\x0a\x00\x01a\x00\x00\x00\x00";

    #[test]
    fn packets_are_read_as_the_standard_writes_them() {
        let server = b"\x20\x02\x01\x05\x32\x08\x00\x01t\x00\x07\xff\x00\xfe\xd0\x00\x90\x04\x00\x01\x00\x80";
        let frames = [
            (Side::Client, Payload::Binary(CONNECT.to_vec())),
            (Side::Server, Payload::Binary(server.to_vec())),
            (Side::Client, Payload::Binary(b"\x82\x08\x00\x01\x00\x03a/#\x01\xc0\x00\xe0\x00".to_vec())),
            (Side::Server, Payload::Binary(b"\x20\x01\x00\x00\x01".to_vec())),
            (Side::Server, Payload::Text("no".to_owned())),
        ];
        let connect = json!({
            "protocol": "MQTT", "level": 4, "clean": true, "keep_alive": 10, "client_id": "a", "username": "", "password": "",
        });
        let expected = [
            (">CONNECT", connect),
            ("CONNACK:error", json!({"session_present": true, "code": 5})),
            (
                "PUBLISH",
                json!({"topic": "t", "qos": 1, "retain": false, "dup": false, "packet_id": 7, "payload_hex": "ff00fe"}),
            ),
            ("SUBACK:error", json!({"packet_id": 1, "codes": [0, 128]})),
            (">SUBSCRIBE", json!({"packet_id": 1, "topics": [{"topic": "a/#", "qos": 1}]})),
            (">DISCONNECT", json!({})),
            (
                "garbled",
                json!({"why": "its CONNACK is not well-formed", "bytes": 3, "hex": "200100", "text": null}),
            ),
            ("garbled", json!({"why": "there is no packet of type 0"})),
            ("text", json!("no")),
        ];
        let decoded = said(&mqtt(), &frames);
        let names: Vec<&str> = decoded.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected.each_ref().map(|(name, _)| *name));
        for ((name, data), (_, expected)) in
            decoded.iter().zip(&expected).filter(|((name, _), _)| name != "garbled")
        {
            assert_eq!(data, expected, "{name}");
        }
    }

    #[test]
    fn what_a_client_owes_is_told() {
        let mut decoder = Decoder::new(&mqtt());
        let mut feed = |side, bytes: &[u8]| {
            decoder.feed(&Frame::new(Offset::ZERO, side, Payload::Binary(bytes.to_vec()))).for_each(drop);
            (decoder.owed(), decoder.beat().map(|beat| beat.every))
        };
        let owes = |bytes: &[u8]| vec![Payload::Binary(bytes.to_vec())];
        let every = Some(Gap::from_millis(5000));
        assert_eq!(feed(Side::Client, CONNECT), (vec![], every));
        assert_eq!(feed(Side::Server, b"\x32\x05\x00\x01t\x00\x07"), (owes(b"\x40\x02\x00\x07"), every));
        assert_eq!(feed(Side::Server, b"\x34\x05\x00\x01t\x01\x07"), (owes(b"\x50\x02\x01\x07"), every));
        assert_eq!(feed(Side::Server, b"\x62\x02\x01\x07"), (owes(b"\x70\x02\x01\x07"), every));
        assert_eq!(feed(Side::Server, b"\x50\x02\x00\x01"), (owes(b"\x62\x02\x00\x01"), every));
        assert_eq!(feed(Side::Server, b"\x30\x03\x00\x01t"), (vec![], every));
    }

    #[test]
    fn a_secret_of_another_length_takes_nothing_of_what_follows() {
        // Username and password are four bytes each on the wire.
        let bytes = b"\x10\x19\x00\x04MQTT\x04\xc2\x00\x0a\x00\x01a\x00\x04user\x00\x04{{secret:password#1}}\x82\x06\x00\x01\x00\x01a\x00";
        let decoded = said(&mqtt(), &[(Side::Client, Payload::Binary(bytes.to_vec()))]);
        assert_eq!(decoded[0].1["password"], "{{secret:password#1}}");
        assert_eq!((decoded[1].0.as_str(), decoded.len()), (">SUBSCRIBE", 2));
    }

    fn properties() -> impl Strategy<Value = Value> {
        (proptest::option::of(any::<u16>()), proptest::option::of("[a-z]{0,5}"), any::<bool>()).prop_map(
            |(expiry, reason, has_user)| {
                let mut all = Map::new();
                expiry.map(|expiry| all.insert("message_expiry_interval".to_owned(), expiry.into()));
                reason.map(|reason| all.insert("reason_string".to_owned(), reason.into()));
                if has_user {
                    all.insert("user_property".to_owned(), json!([["a", "b"], ["a", "c"]]));
                    all.insert("correlation_data_hex".to_owned(), "ff".into());
                    all.insert("subscription_identifier".to_owned(), json!([1, 300]));
                }
                Value::Object(all)
            },
        )
    }

    /// A packet of the server and what it says, of MQTT 5 or of an earlier one.
    fn packet(is_five: bool) -> impl Strategy<Value = (String, Value)> {
        let publish = ("[a-z/]{1,8}", 0..3u8, any::<bool>(), 1..=u16::MAX, "[ -z]{0,200}").prop_map(
            |(topic, qos, retain, id, payload)| {
                let payload = content::text_or_json(&payload);
                let mut data =
                    json!({"topic": topic, "qos": qos, "retain": retain, "dup": false, "payload": payload});
                if qos > 0 {
                    data["packet_id"] = id.into();
                }
                ("PUBLISH".to_owned(), data)
            },
        );
        let suback = (any::<u16>(), proptest::collection::vec(0..3u8, 1..4))
            .prop_map(|(id, codes)| ("SUBACK".to_owned(), json!({"packet_id": id, "codes": codes})));
        let connack = any::<bool>()
            .prop_map(|present| ("CONNACK".to_owned(), json!({"session_present": present, "code": 0})));
        (prop_oneof![publish, suback, connack], properties()).prop_map(move |((name, mut data), all)| {
            if is_five {
                data["properties"] = all;
            }
            (name, data)
        })
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood_wherever_messages_end(
            (is_five, packets) in any::<bool>().prop_flat_map(|is_five| {
                (Just(is_five), proptest::collection::vec(packet(is_five), 1..5))
            }),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut bytes = Vec::new();
            for (name, data) in &packets {
                bytes.extend(encode(name, data).expect("it can be said"));
            }
            let will = json!({"topic": "w", "qos": 1, "retain": true, "payload": "gone"});
            let mut connect = json!({"level": if is_five { 5 } else { 4 }, "client_id": "c", "keep_alive": 3, "will": will});
            if is_five {
                connect["properties"] = json!({"receive_maximum": 9});
            }
            let connect = mqtt().encode(&Label::from(">CONNECT"), &connect).expect("it can be said");
            let mut frames: Vec<(Side, Payload)> = connect.into_iter().map(|payload| (Side::Client, payload)).collect();
            frames.extend(split(&bytes, &cuts).into_iter().map(|part| (Side::Server, Payload::Binary(part))));
            let decoded = said(&mqtt(), &frames);
            prop_assert_eq!(&decoded[0].1["will"]["payload"], "gone");
            prop_assert_eq!(&decoded[1..], &packets[..]);
        }
    }
}
