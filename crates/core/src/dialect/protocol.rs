//! Protocols whose messages say themselves what they are.
//!
//! A protocol is a file beside this one with a reader, which turns the payloads of both sides into what they say, and
//! `encode`, which goes the other way. A reader keeps what it must remember: a message that is not whole yet, what an
//! answer answers. It loses nothing: what it cannot understand is told as `text`, `binary` or `malformed`.
//!
//! Some messages are *chores*: what a protocol obliges its clients to say without the application's knowing. They are
//! no events, unless the golden's order names them, and the client's are sent when they are due, unless it does.

use super::decoded::{Beat, Decoded, GARBLED, Pending, Sides};
use super::ids::Ids;
use super::{EncodeError, Label, content, graphql, lines, mqtt, nats, refinement, socketio, stomp};
use crate::codec::unhex;
use crate::transcript::{Payload, Side};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A protocol that can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// The NATS client protocol.
    Nats,
    /// Socket.IO on Engine.IO 4.
    SocketIo,
    /// GraphQL over WebSocket.
    GraphqlWs,
    /// MQTT 3.1, 3.1.1 and 5.
    Mqtt,
    /// STOMP.
    Stomp,
    /// Lines that begin with a word.
    Lines,
    /// Nothing that is known: messages as they are.
    Bytes,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 7] = [
        Protocol::Nats,
        Protocol::SocketIo,
        Protocol::GraphqlWs,
        Protocol::Mqtt,
        Protocol::Stomp,
        Protocol::Lines,
        Protocol::Bytes,
    ];

    /// The name in a golden's `[dialect]`.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Nats => "nats",
            Protocol::SocketIo => "socket.io",
            Protocol::GraphqlWs => "graphql-ws",
            Protocol::Mqtt => "mqtt",
            Protocol::Stomp => "stomp",
            Protocol::Lines => "lines",
            Protocol::Bytes => "bytes",
        }
    }

    /// The protocol of this name.
    pub fn of(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// The names of its chores; a client's begin with `>`.
    const fn chores(self) -> &'static [&'static str] {
        match self {
            Protocol::Nats => &nats::CHORES,
            Protocol::SocketIo => &socketio::CHORES,
            Protocol::GraphqlWs => &graphql::CHORES,
            Protocol::Mqtt => &mqtt::CHORES,
            Protocol::Stomp => &stomp::CHORES,
            Protocol::Lines | Protocol::Bytes => &[],
        }
    }

    /// Where its messages say which request they are about, if they do.
    pub(super) const fn ids(self) -> Option<Ids> {
        match self {
            Protocol::SocketIo => Some(socketio::IDS),
            Protocol::GraphqlWs => Some(graphql::IDS),
            Protocol::Mqtt => Some(mqtt::IDS),
            Protocol::Stomp => Some(stomp::IDS),
            Protocol::Nats | Protocol::Lines | Protocol::Bytes => None,
        }
    }

    /// Events that one can expect to be several, and where they say which: channels, subjects, destinations. `*` is any.
    pub(crate) const fn topics(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Protocol::Nats => &nats::TOPICS,
            Protocol::SocketIo => &socketio::TOPICS,
            Protocol::Mqtt => &mqtt::TOPICS,
            Protocol::Stomp => &stomp::TOPICS,
            Protocol::GraphqlWs | Protocol::Lines | Protocol::Bytes => &[],
        }
    }
}

/// A protocol, and what a golden says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolOptions {
    /// Which one.
    pub protocol: Protocol,
    /// Events that are several by what stands at a pointer: `MSG[chat.room]`.
    pub refine: BTreeMap<Label, String>,
    /// Control messages that are events, because the golden's order names them.
    pub named: BTreeSet<Label>,
}

impl ProtocolOptions {
    /// A protocol as it is.
    pub fn new(protocol: Protocol) -> ProtocolOptions {
        ProtocolOptions { protocol, refine: BTreeMap::new(), named: BTreeSet::new() }
    }

    /// Makes events of those chores that are among an order's events.
    pub fn name(&mut self, events: &[&Label]) {
        let chores = self.protocol.chores().iter().map(|chore| Label::from(*chore));
        self.named = chores.filter(|chore| events.contains(&chore)).collect();
    }

    /// Whether this is not an event but a chore.
    pub(super) fn is_chore(&self, label: &Label) -> bool {
        self.protocol.chores().contains(&label.as_str()) && !self.named.contains(label)
    }

    /// Whether a server says this to everybody who connects.
    pub(super) fn is_greeting(&self, label: &Label, data: &Value) -> bool {
        let name = self.own_name(label);
        match self.protocol {
            _ if label.is_client() => false,
            Protocol::Nats => nats::is_greeting(name, data),
            Protocol::SocketIo => name == socketio::GREETING,
            // In these the client sends first, or the protocol is unknown.
            Protocol::GraphqlWs | Protocol::Mqtt | Protocol::Stomp | Protocol::Lines | Protocol::Bytes => {
                false
            }
        }
    }

    /// What tells an event from others of its name.
    pub(crate) fn part<'v>(&self, label: &Label, data: &'v Value) -> Option<&'v str> {
        let value = data.pointer(self.refine.get(label)?)?;
        self.word(value)
    }

    /// What of a value can stand in a name's brackets.
    pub(crate) fn word<'v>(&self, value: &'v Value) -> Option<&'v str> {
        match self.protocol {
            Protocol::Nats => nats::word(value),
            Protocol::SocketIo
            | Protocol::GraphqlWs
            | Protocol::Mqtt
            | Protocol::Stomp
            | Protocol::Lines
            | Protocol::Bytes => refinement(value),
        }
    }

    /// The name that a message has on the wire.
    fn own_name<'l>(&self, label: &'l Label) -> &'l str {
        let base = label.as_str().split_once('[').map(|(base, _)| base);
        match base.filter(|base| self.refine.contains_key(&Label::from(*base))) {
            Some(base) => base.strip_prefix(['>', '<']).unwrap_or(base),
            None => label.name(),
        }
    }

    /// The messages that say an event.
    pub(super) fn encode(&self, label: &Label, data: &Value) -> Result<Vec<Payload>, EncodeError> {
        let name = self.own_name(label);
        let is_text = !matches!(self.protocol, Protocol::Nats | Protocol::Mqtt);
        if name == GARBLED {
            let bytes =
                content::ungarbled(data).ok_or_else(|| EncodeError("it has no text or hex".to_owned()))?;
            return Ok(vec![as_frame(bytes, is_text)]);
        }
        let one = |bytes| vec![as_frame(bytes, is_text)];
        match self.protocol {
            Protocol::Nats => nats::encode(name, data).map(one),
            Protocol::SocketIo => socketio::encode(name, data),
            Protocol::GraphqlWs => graphql::encode(label.name(), data).map(|text| vec![Payload::Text(text)]),
            Protocol::Mqtt => mqtt::encode(name, data).map(one),
            Protocol::Stomp => stomp::encode(name, data).map(one),
            Protocol::Lines => lines::encode(name, data).map(|line| vec![Payload::Text(line)]),
            Protocol::Bytes => match name {
                "text" => Ok(vec![Payload::Text(content::text_of(data))]),
                "binary" => match unhex(&content::text_of(data)) {
                    Some(bytes) => Ok(vec![Payload::Binary(bytes)]),
                    None => Err(EncodeError("it is not hexadecimal".to_owned())),
                },
                _ => Err(EncodeError("there are only text and binary messages".to_owned())),
            },
        }
    }
}

fn as_frame(bytes: Vec<u8>, is_text: bool) -> Payload {
    match String::from_utf8(bytes) {
        Ok(text) if is_text => Payload::Text(text),
        Ok(text) => Payload::Binary(text.into_bytes()),
        Err(error) => Payload::Binary(error.into_bytes()),
    }
}

/// What a protocol's reader has to remember.
#[derive(Debug, Clone)]
pub(super) enum Reader {
    Nats(Sides<Pending>),
    SocketIo(Box<socketio::Reader>),
    GraphqlWs(graphql::Reader),
    Mqtt(mqtt::Reader),
    Stomp(stomp::Reader),
    Lines,
    Bytes,
}

impl Reader {
    /// At the start of a connection.
    pub(super) fn new(protocol: Protocol) -> Reader {
        match protocol {
            Protocol::Nats => Reader::Nats(Sides::default()),
            Protocol::SocketIo => Reader::SocketIo(Box::default()),
            Protocol::GraphqlWs => Reader::GraphqlWs(graphql::Reader::default()),
            Protocol::Mqtt => Reader::Mqtt(mqtt::Reader::default()),
            Protocol::Stomp => Reader::Stomp(stomp::Reader::default()),
            Protocol::Lines => Reader::Lines,
            Protocol::Bytes => Reader::Bytes,
        }
    }

    /// Reads a text or a binary message.
    pub(super) fn read(&mut self, side: Side, payload: &Payload, decoded: &mut Decoded) {
        match self {
            Reader::Nats(pending) => {
                pending.of(side).read(payload, decoded, |bytes, decoded| nats::read(side, bytes, decoded));
            }
            Reader::SocketIo(reader) => reader.read(side, payload, decoded),
            Reader::GraphqlWs(reader) => reader.read(side, payload, decoded),
            Reader::Mqtt(reader) => reader.read(side, payload, decoded),
            Reader::Stomp(reader) => reader.read(side, payload, decoded),
            Reader::Lines => lines::read(side, payload, decoded),
            Reader::Bytes => decoded.plain(payload),
        }
    }

    /// Tells what a side has begun and will never end.
    pub(super) fn rest(&mut self, side: Side, decoded: &mut Decoded) {
        match self {
            Reader::Nats(pending) => pending.of(side).rest(decoded),
            Reader::SocketIo(reader) => reader.rest(side, decoded),
            Reader::Mqtt(reader) => reader.rest(side, decoded),
            Reader::Stomp(reader) => reader.rest(side, decoded),
            Reader::GraphqlWs(_) | Reader::Lines | Reader::Bytes => {}
        }
    }

    /// What the client must send when it has sent nothing for a while.
    pub(super) fn beat(&self) -> Option<Beat> {
        match self {
            Reader::Mqtt(reader) => reader.beat(),
            Reader::Stomp(reader) => reader.beat(),
            Reader::Nats(_) | Reader::SocketIo(_) | Reader::GraphqlWs(_) | Reader::Lines | Reader::Bytes => {
                None
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Dialect, events};
    use super::*;
    use crate::transcript::{Frame, Offset};
    use proptest::prelude::*;

    /// What some payloads say, in order: names and what they say.
    pub(in super::super) fn said(dialect: &Dialect, payloads: &[(Side, Payload)]) -> Vec<(String, Value)> {
        let frame = |(side, payload): &(Side, Payload)| Frame::new(Offset::ZERO, *side, payload.clone());
        let frames: Vec<Frame> = payloads.iter().map(frame).collect();
        let events = events(dialect, &frames);
        events.into_iter().map(|event| (event.label.as_str().to_owned(), event.data)).collect()
    }

    /// Bytes in parts that end at these places.
    pub(in super::super) fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut from = 0;
        let part = |end| {
            let part = bytes[from..end].to_vec();
            from = end;
            part
        };
        ends.into_iter().map(part).collect()
    }

    #[test]
    fn protocols_have_names_of_their_own() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::of(protocol.name()), Some(protocol));
        }
        // Besides them there are plain JSON and HTTP.
        assert_eq!(Dialect::kinds().count(), Protocol::ALL.len() + 2);
    }

    #[test]
    fn a_greeting_is_what_a_server_says_before_it_knows_to_whom() {
        let refined = |protocol, name: &str, pointer: &str| {
            let refine = BTreeMap::from([(Label::from(name), pointer.to_owned())]);
            Dialect::Protocol(ProtocolOptions { refine, ..ProtocolOptions::new(protocol) })
        };
        let nats = refined(Protocol::Nats, "INFO", "/connect_info");
        let by_version = refined(Protocol::Nats, "INFO", "/version");
        let plain = |protocol| Dialect::Protocol(ProtocolOptions::new(protocol));
        let greets = |dialect: &Dialect, frame: &str| {
            let frame = Frame::new(Offset::ZERO, Side::Server, Payload::Text(frame.to_owned()));
            events(dialect, &[frame]).iter().map(|event| dialect.is_greeting(event)).collect::<Vec<_>>()
        };
        let info = r#"INFO {"version":"2","nonce":"n"}"#.to_owned() + "\r\n";
        let known = r#"INFO {"version":"2","connect_info":true}"#.to_owned() + "\r\n";
        for dialect in [&nats, &by_version, &plain(Protocol::Nats)] {
            assert_eq!(greets(dialect, &(info.clone() + &known + "PONG\r\n")), [true, false, false]);
        }
        let socketio = plain(Protocol::SocketIo);
        assert_eq!(greets(&socketio, r#"0{"sid":"a"}"#), [true]);
        for answer in [r#"40{"sid":"b"}"#, r#"44{"message":"who are you?"}"#, r#"42["news"]"#] {
            assert_eq!(greets(&socketio, answer), [false], "{answer}");
        }
        let acknowledged = r#"{"type":"connection_ack"}"#;
        assert_eq!(greets(&plain(Protocol::GraphqlWs), acknowledged), [false]);
        assert_eq!(greets(&Dialect::default(), acknowledged), [false]);
        // A message of the client is not a greeting, with any name.
        let said = Frame::new(Offset::ZERO, Side::Client, Payload::Text(info));
        let events = events(&nats, &[said]);
        assert_eq!(events.iter().map(|event| nats.is_greeting(event)).collect::<Vec<_>>(), [false]);
    }

    fn noise() -> impl Strategy<Value = Vec<u8>> {
        const WORDS: [&[u8]; 13] = [
            b"\r\n",
            b"MSG a 1 5\r\n",
            b"HPUB a 3 9\r\n",
            b"{\"type\":\"next\"}",
            b"42[\"a\",1]",
            b"451-[\"b\",{\"_placeholder\":true,\"num\":0}]",
            b"MESSAGE\ncontent-length:9\n\n",
            b"\x00",
            b"\x30\x05\x00\x01a",
            b"\xff\xff\xff\x7f",
            b"{{secret:token#1}}",
            b"\x10\x0c\x00\x04MQTT\x04\x02",
            b":a B c",
        ];
        let word = proptest::sample::select(&WORDS[..]);
        let part = prop_oneof![proptest::collection::vec(any::<u8>(), 0..12), word.prop_map(<[u8]>::to_vec)];
        proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told_or_waited_for(
            frames in proptest::collection::vec((any::<bool>(), any::<bool>(), noise()), 0..8),
        ) {
            for protocol in Protocol::ALL {
                let mut reader = Reader::new(protocol);
                let mut decoded = Decoded::default();
                for (is_client, is_text, bytes) in &frames {
                    let side = if *is_client { Side::Client } else { Side::Server };
                    let payload = if *is_text {
                        Payload::Text(String::from_utf8_lossy(bytes).into_owned())
                    } else {
                        Payload::Binary(bytes.clone())
                    };
                    reader.read(side, &payload, &mut decoded);
                }
                reader.rest(Side::Client, &mut decoded);
                reader.rest(Side::Server, &mut decoded);
                let spoken = ProtocolOptions::new(protocol);
                for (name, data) in &decoded.said {
                    // It can be encoded again, or the error says why not.
                    let _ = spoken.encode(&Label::new(Side::Client, name), data);
                }
            }
        }
    }
}
