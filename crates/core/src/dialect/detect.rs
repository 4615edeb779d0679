//! Detects the dialect of a session: by an HTTP URL, by the negotiated subprotocol, or by the first messages.

use super::{Codecs, Dialect, JsonNames, Protocol, ProtocolOptions, lenient, presets};
use crate::codec::{self, Codec};
use crate::transcript::{Frame, Payload, Side, Transcript};
use serde_json::Value;

/// The maximum of examined messages of each session.
const LOOKED_AT: usize = 64;

impl Dialect {
    /// The dialect of most of these sessions. The default is plain JSON.
    pub fn detect<'t>(sessions: impl IntoIterator<Item = &'t Transcript>) -> Dialect {
        let mut votes: Vec<(Option<Protocol>, usize)> = Vec::new();
        let mut samples = codec::Samples::default();
        let mut preset = None;
        let (mut elements, mut documents, mut plain) = (Tally::default(), Tally::default(), Tally::default());
        for session in sessions {
            preset = preset.or_else(|| agreed(session).find_map(presets::by_subprotocol));
            preset = preset.or_else(|| presets::by_first(first_text(session)?));
            binaries(session).for_each(|bytes| samples.add(bytes));
            elements.add(is_xml(session));
            documents.add(is_yjs(session));
            plain.add(is_plain(session));
            if let http @ Dialect::Sse(_) = Dialect::at(&session.header.url) {
                return http;
            }
            let found = detect(session);
            match votes.iter_mut().find(|(protocol, _)| *protocol == found) {
                Some((_, count)) => *count += 1,
                None => votes.push((found, 1)),
            }
        }
        // Of equals, the first in the list of protocols wins, and plain JSON before all.
        let best = votes.into_iter().min_by_key(|(protocol, count)| (std::cmp::Reverse(*count), *protocol));
        match best.and_then(|(protocol, _)| protocol) {
            Some(Protocol::Bytes) | None => {
                let found = match codec::detect(&samples) {
                    None if documents.are_all() => Some(presets::yjs()),
                    None if elements.are_all() => Some(presets::xml()),
                    codec => codec.map(|codec| {
                        let client = Some(codec).filter(|_| !plain.are_all());
                        JsonNames { codec: Codecs { client, server: Some(codec) }, ..JsonNames::default() }
                    }),
                };
                match (preset, found) {
                    (Some(preset), _) if preset.codec != Codecs::default() => Dialect::Json(preset),
                    (Some(preset), Some(found)) => Dialect::Json(JsonNames { codec: found.codec, ..preset }),
                    (preset, found) if preset.is_some() || found.is_some() => {
                        Dialect::Json(preset.or(found).unwrap_or_default())
                    }
                    _ if best.is_some_and(|(protocol, _)| protocol.is_some()) => {
                        Dialect::Protocol(ProtocolOptions::new(Protocol::Bytes))
                    }
                    _ => Dialect::default(),
                }
            }
            Some(protocol) => Dialect::Protocol(ProtocolOptions::new(protocol)),
        }
    }
}

/// The number of examined sessions, and the number of those with the property.
#[derive(Default)]
struct Tally {
    all: u32,
    are: u32,
}

impl Tally {
    fn add(&mut self, is: Option<bool>) {
        self.all += u32::from(is.is_some());
        self.are += u32::from(is == Some(true));
    }

    fn are_all(&self) -> bool {
        self.are > 0 && self.are == self.all
    }
}

/// Whether all messages of a session are texts with one XML element; none for a session without messages.
fn is_xml(session: &Transcript) -> Option<bool> {
    let mut texts =
        session.frames.iter().filter(|frame| frame.payload.is_message()).take(LOOKED_AT).peekable();
    texts.peek()?;
    Some(texts.all(|frame| {
        matches!(&frame.payload, Payload::Text(text) if text.trim_start().starts_with('<') && Codec::XML.read(text.as_bytes()).is_some())
    }))
}

/// Whether all client messages are JSON in texts; none for a session without client messages.
fn is_plain(session: &Transcript) -> Option<bool> {
    let own = |frame: &&Frame| frame.side == Side::Client && frame.payload.is_message();
    let mut frames = session.frames.iter().filter(own).take(LOOKED_AT).peekable();
    frames.peek()?;
    let is_json = |text: &str| {
        lenient::json_texts(text).first().is_some_and(|value| value.is_object() || value.is_array())
    };
    Some(frames.all(|frame| matches!(&frame.payload, Payload::Text(text) if is_json(text))))
}

/// Whether all messages of a session are binary messages of Yjs, and the first message about a document on each side
/// requests its contents; none for a session without messages.
fn is_yjs(session: &Transcript) -> Option<bool> {
    let mut frames =
        session.frames.iter().filter(|frame| frame.payload.is_message()).take(LOOKED_AT).peekable();
    frames.peek()?;
    let mut first: Option<bool> = None;
    let are_read = frames.all(|frame| {
        let Payload::Binary(bytes) = &frame.payload else { return false };
        let Some(messages) = Codec::YJS.read(bytes) else { return false };
        for kind in messages.iter().filter_map(|message| message.get("type")?.as_str()) {
            if matches!(kind, "sync1" | "sync2" | "update") {
                first.get_or_insert(kind == "sync1");
            }
        }
        true
    });
    Some(are_read && first == Some(true))
}

/// The binary messages of a session that are not JSON.
fn binaries(session: &Transcript) -> impl Iterator<Item = &[u8]> {
    session.frames.iter().filter_map(|frame| match &frame.payload {
        Payload::Binary(bytes) if !matches!(bytes.first(), Some(b'{' | b'[')) => Some(bytes.as_slice()),
        _ => None,
    })
}

fn detect(session: &Transcript) -> Option<Protocol> {
    if let Some(protocol) = agreed(session).find_map(by_agreement) {
        return Some(protocol);
    }
    let messages = session.frames.iter().filter(|frame| frame.payload.is_message()).take(LOOKED_AT);
    by_look(&messages.collect::<Vec<_>>())
}

/// The first message of the client, where it is a text.
fn first_text(session: &Transcript) -> Option<&str> {
    let own = |frame: &&Frame| frame.side == Side::Client && frame.payload.is_message();
    match &session.frames.iter().find(own)?.payload {
        Payload::Text(text) => Some(text),
        _ => None,
    }
}

/// The subprotocol that the handshake agreed on.
fn agreed(session: &Transcript) -> impl Iterator<Item = &str> {
    let headers = session.header.handshake.response.iter();
    let own = headers.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
    own.map(|(_, agreed)| agreed.as_str())
}

/// The registry of subprotocols has these names for them.
fn by_agreement(subprotocol: &str) -> Option<Protocol> {
    match subprotocol.trim().to_ascii_lowercase().as_str() {
        "mqtt" | "mqttv3.1" => Some(Protocol::Mqtt),
        "v10.stomp" | "v11.stomp" | "v12.stomp" => Some(Protocol::Stomp),
        "graphql-transport-ws" | "graphql-ws" => Some(Protocol::GraphqlWs),
        _ => None,
    }
}

fn by_look(messages: &[&Frame]) -> Option<Protocol> {
    let first = |side| messages.iter().find(|frame| frame.side == side).map(|frame| bytes(&frame.payload));
    let (client, server) = (first(Side::Client).unwrap_or_default(), first(Side::Server).unwrap_or_default());
    let begins = |starts: &[&[u8]]| starts.iter().any(|start| client.starts_with(start));
    if server.starts_with(b"INFO {") {
        return Some(Protocol::Nats);
    }
    if server.starts_with(b"0{") && memchr::memmem::find(server, b"\"sid\"").is_some() {
        return Some(Protocol::SocketIo);
    }
    if begins(&[b"\x10"])
        && [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"]
            .iter()
            .any(|name| client.get(2..12).is_some_and(|head| memchr::memmem::find(head, name).is_some()))
    {
        return Some(Protocol::Mqtt);
    }
    if begins(&[b"CONNECT\n", b"CONNECT\r\n", b"STOMP\n", b"STOMP\r\n"]) {
        return Some(Protocol::Stomp);
    }
    let json = |bytes: &[u8]| {
        serde_json::from_slice::<Value>(bytes).ok().filter(|value| value.is_object() || value.is_array())
    };
    if json(client).is_some_and(|value| value.get("type").and_then(Value::as_str) == Some("connection_init"))
    {
        return Some(Protocol::GraphqlWs);
    }
    let is_text = |frame: &&&Frame| matches!(frame.payload, Payload::Text(_));
    let texts: Vec<&[u8]> = messages.iter().filter(is_text).map(|frame| bytes(&frame.payload)).collect();
    let is_json = |frame: &&Frame| match &frame.payload {
        Payload::Text(text) => json(text.as_bytes()).is_some() || lenient::read(text, true).is_some(),
        other => json(bytes(other)).is_some(),
    };
    if messages.is_empty() || messages.iter().any(is_json) {
        return None;
    }
    let commands = texts.iter().filter(|text| is_command(text)).count();
    if !texts.is_empty() && texts.len() == messages.len() && commands * 10 >= texts.len() * 8 {
        return Some(Protocol::Lines);
    }
    Some(Protocol::Bytes)
}

/// Whether a line begins with a word in capitals or three digits, after what may be its sender; people who talk to each
/// other do not begin like that.
fn is_command(text: &[u8]) -> bool {
    let mut words = text.split(|byte| byte.is_ascii_whitespace());
    let verb = match words.next() {
        Some([b':', ..]) => words.next(),
        first => first,
    };
    verb.is_some_and(|verb| {
        verb.len() >= 2
            && (verb.iter().all(u8::is_ascii_uppercase)
                || verb.len() == 3 && verb.iter().all(u8::is_ascii_digit))
    })
}

fn bytes(payload: &Payload) -> &[u8] {
    match payload {
        Payload::Text(text) => text.as_bytes(),
        Payload::Binary(bytes) => bytes,
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } | Payload::Open(_) | Payload::Gone(_) => {
            &[]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{End, Ending, Header, Offset};

    fn session(subprotocol: &str, messages: &[(Side, &[u8])]) -> Transcript {
        let mut header = Header::default();
        if !subprotocol.is_empty() {
            header.handshake.response.insert("Sec-WebSocket-Protocol".to_owned(), subprotocol.to_owned());
        }
        let payload = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Payload::Text(text.to_owned()),
            Err(_) => Payload::Binary(bytes.to_vec()),
        };
        let frames = messages.iter().map(|(side, bytes)| Frame::new(Offset::ZERO, *side, payload(bytes)));
        let ending = Ending { at: Offset::ZERO, how: End::Interrupted, host: None };
        Transcript { header, frames: frames.collect(), ending }
    }

    /// The codec of a session, and where the server's messages have their names.
    fn form(subprotocol: &str, messages: &[(Side, &[u8])]) -> String {
        match Dialect::detect([&session(subprotocol, messages)]) {
            Dialect::Json(names) => {
                let codec = names.codec.server.map_or("none", Codec::name);
                format!("{codec} {} {}", names.server.pointers().join(","), names.reply.unwrap_or_default())
            }
            other => other.kind().to_owned(),
        }
    }

    #[test]
    fn xml_and_yjs_are_known_by_all_of_their_messages() {
        use Side::{Client, Server};
        let open: &[u8] = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a'/>";
        assert_eq!(form("", &[(Client, open), (Server, open)]), "xml /#name /@id");
        assert_eq!(form("xmpp", &[]), "xml /#name /@id");
        assert_eq!(form("", &[(Client, b"<hi/>"), (Server, b"<ho>x</ho>")]), "xml /#name ");
        assert_eq!(form("", &[(Client, b"<hi/>"), (Server, b"<ho>")]), "bytes");
        let binary = |frames: &[&[u8]]| {
            let mut session = session("", &[]);
            let frame = |(at, bytes): (usize, &&[u8])| {
                let side = if at % 2 == 0 { Server } else { Client };
                Frame::new(Offset::ZERO, side, Payload::Binary(bytes.to_vec()))
            };
            session.frames = frames.iter().enumerate().map(frame).collect();
            match Dialect::detect([&session]) {
                Dialect::Json(names) => names.codec.server.map(Codec::name),
                _ => None,
            }
        };
        let (sync1, sync2, query): (&[u8], &[u8], &[u8]) = (b"\0\0\x01\0", b"\0\x01\x02\0\0", b"\x03");
        assert_eq!(binary(&[sync1, sync1, query, sync2]), Some("yjs"));
        // An update comes first, no message is about a document, or one message is not of Yjs.
        assert_eq!(binary(&[sync2, sync1]), None);
        assert_eq!(binary(&[query, query]), None);
        assert_eq!(binary(&[sync1, sync1, b"\x09\x01"]), None);
    }

    #[test]
    fn what_the_server_alone_compresses_is_known() {
        let gzip = Codec::of("gzip+json").expect("a codec");
        let tick = |n: u64| gzip.write(&serde_json::json!({ "type": "tick", "n": n })).expect("a message");
        let codecs = |first: Payload| {
            let mut session = session("", &[]);
            session.frames = vec![Frame::new(Offset::ZERO, Side::Client, first)];
            let ticks = (0..4).map(|n| Frame::new(Offset::ZERO, Side::Server, Payload::Binary(tick(n))));
            session.frames.extend(ticks);
            match Dialect::detect([&session]) {
                Dialect::Json(names) => {
                    [names.codec.client, names.codec.server].map(|own| own.map(Codec::name))
                }
                _ => [None, None],
            }
        };
        let [plain, packed] = [None, Some("gzip+json")];
        assert_eq!(codecs(Payload::Text("{\"sub\":\"a\"}".to_owned())), [plain, packed]);
        assert_eq!(codecs(Payload::Text("hello".to_owned())), [packed, packed]);
        assert_eq!(codecs(Payload::Binary(tick(9))), [packed, packed]);
    }

    #[test]
    fn a_dialect_is_known_by_its_subprotocol_and_by_its_looks() {
        use Side::{Client, Server};
        type Case<'c> = (&'c str, &'c [(Side, &'c [u8])], &'c str);
        let cases: [Case<'_>; 17] = [
            ("mqtt", &[], "mqtt"),
            ("v12.stomp", &[], "stomp"),
            ("graphql-transport-ws", &[], "graphql-ws"),
            ("chat", &[(Server, b"{}")], "json"),
            ("", &[], "json"),
            ("", &[(Server, b"INFO {\"a\":1}\r\n")], "nats"),
            ("", &[(Server, b"0{\"sid\":\"a\"}"), (Client, b"40")], "socket.io"),
            ("", &[(Client, b"{\"type\":\"connection_init\"}")], "graphql-ws"),
            ("", &[(Client, b"\x10\x0d\0\x04MQTT\x04\x02\0\x0a\0\x01\xff")], "mqtt"),
            ("", &[(Client, b"CONNECT\nhost:a\n\n\0")], "stomp"),
            ("", &[(Client, b"NICK ada\r\n"), (Server, b":srv 001 ada :hi\r\n")], "lines"),
            ("", &[(Client, b"hello there"), (Server, b"who is it?")], "bytes"),
            ("", &[(Client, b"\xff\x00"), (Server, b"\xff\x01")], "bytes"),
            ("", &[(Client, b"\xff\x00"), (Server, b"{\"type\":\"a\"}")], "json"),
            ("", &[(Server, b"[1,\"1\",\"room\",\"phx_join\",{}]")], "json"),
            ("", &[(Server, b"0{\"a\":1}")], "bytes"),
            ("", &[(Server, b"{\"type\":\"ping\"}")], "json"),
        ];
        for (subprotocol, messages, kind) in cases {
            assert_eq!(Dialect::detect([&session(subprotocol, messages)]).kind(), kind, "{messages:?}");
        }
    }
}
