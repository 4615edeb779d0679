//! STOMP 1.0 to 1.2: a command, headers, a body, NUL.
//!
//! An event is called as its command. A frame of STOMP may stand in several messages, and a message may hold several.
//! Line ends between frames are heart-beats, a chore; the client's are sent as often as CONNECT and CONNECTED agreed.
//!
//! ```text
//! SEND⏎destination:/queue/a⏎⏎{"text":"hi"}␀   >SEND  {"headers":{"destination":"/queue/a"},"payload":{"text":"hi"}}
//! ```

use super::EncodeError;
use super::content::{self, put, take, text_of};
use super::decoded::{Beat, Decoded, Pending, Sides, Step};
use super::ids::Ids;
use crate::transcript::{Gap, Payload, Side};
use serde_json::{Map, Value};

/// A frame that needs a receipt has a header for it (STOMP 1.2, "Standard Headers").
pub(super) const IDS: Ids =
    Ids { client: &["/headers/receipt"], server: &["/headers/receipt-id"], answers: &["RECEIPT", "ERROR"] };
pub(super) const CHORES: [&str; 2] = ["heart-beat", ">heart-beat"];
pub(super) const TOPICS: [(&str, &str); 3] = [
    ("MESSAGE", "/headers/destination"),
    (">SEND", "/headers/destination"),
    (">SUBSCRIBE", "/headers/destination"),
];
/// Longer headers are none.
const MAX_HEAD: usize = 1 << 20;

/// What has to be remembered of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    pending: Sides<Pending>,
    /// How often each side can send and expects a heart-beat, in milliseconds; 0 is never.
    beats: Sides<(u64, u64)>,
}

impl Reader {
    pub(super) fn read(&mut self, side: Side, payload: &Payload, decoded: &mut Decoded) {
        let before = decoded.said.len();
        self.pending.of(side).read(payload, decoded, read);
        for (name, data) in &decoded.said[before..] {
            let beat = data.pointer("/headers/heart-beat").and_then(Value::as_str);
            if let ("CONNECT" | "STOMP" | "CONNECTED", Some(beat)) = (&**name, beat) {
                let (can, wants) = beat.split_once(',').unwrap_or_default();
                let number = |text: &str| text.trim().parse().unwrap_or(0);
                *self.beats.of(side) = (number(can), number(wants));
            }
        }
    }

    pub(super) fn rest(&mut self, side: Side, decoded: &mut Decoded) {
        self.pending.of(side).rest(decoded);
    }

    /// "If cx is 0 or sy is 0, there will be none; otherwise, there will be heart-beats every MAX(cx, sy) milliseconds"
    /// (STOMP 1.2, "Heart-beating"). Sent twice as often, so that none is late.
    pub(super) fn beat(&self) -> Option<Beat> {
        let ((can, _), (_, wants)) = (*self.beats.client(), *self.beats.server());
        let every = Gap::from_millis(can.max(wants) / 2);
        (can > 0 && wants > 0).then(|| Beat { every, payload: Payload::Text("\n".to_owned()) })
    }
}

fn read(bytes: &[u8], decoded: &mut Decoded) -> Step {
    let ends = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    if ends > 0 {
        decoded.say("heart-beat", content::nothing());
        return Step::Took(ends);
    }
    let command = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let garbage = |why: &str, decoded: &mut Decoded| {
        let end = memchr::memchr(0, bytes).map_or(bytes.len(), |at| at + 1);
        decoded.malformed(why, &bytes[..end]);
        Step::Took(end)
    };
    let after = match &bytes[command..] {
        [] | [b'\r'] => return Step::Needs(bytes.len() + 1),
        [b'\n', ..] => command + 1,
        [b'\r', b'\n', ..] => command + 2,
        _ => return garbage("it does not begin with a command", decoded),
    };
    let Ok(name) = std::str::from_utf8(&bytes[..command]) else { return garbage("no command", decoded) };
    let is_plain = matches!(name, "CONNECT" | "CONNECTED");
    let (mut headers, mut at) = (Map::new(), after);
    loop {
        let Some(end) = memchr::memchr(b'\n', &bytes[at..]).map(|end| at + end) else {
            if bytes.len() > MAX_HEAD {
                return garbage("its headers are too long", decoded);
            }
            return Step::Needs(bytes.len() + 1);
        };
        let line = &bytes[at..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at = end + 1;
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let (key, value) = line.split_once(':').unwrap_or((&line, ""));
        let read = |text: &str| if is_plain { text.to_owned() } else { unescape(text) };
        // "If a client or a server receives repeated frame header entries, only the first header entry SHOULD be used".
        headers.entry(read(key)).or_insert_with(|| Value::from(read(value)));
    }
    let rest = &bytes[at..];
    let declared =
        headers.get("content-length").and_then(Value::as_str).and_then(|text| text.trim().parse().ok());
    let length: usize = match declared {
        Some(length) if rest.get(length) == Some(&0) => length,
        // Without its end, unless a secret's label made it shorter or longer.
        Some(length) if rest.len() <= length && content::label_at(rest).is_none() => {
            return Step::Needs(at.saturating_add(length).saturating_add(1));
        }
        _ => match memchr::memchr(0, rest) {
            Some(end) => end,
            None => return Step::Needs(bytes.len() + 1),
        },
    };
    let mut fields = Map::new();
    if !headers.is_empty() {
        fields.insert("headers".to_owned(), Value::Object(headers));
    }
    if length > 0 {
        put(&mut fields, "payload", &rest[..length]);
    }
    decoded.say(name.to_owned(), Value::Object(fields));
    Step::Took(at + length + 1)
}

/// STOMP 1.2, "Value Encoding"; an escape that there is not stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek()) {
            ('\\', Some('r')) => '\r',
            ('\\', Some('n')) => '\n',
            ('\\', Some('c')) => ':',
            ('\\', Some('\\')) => '\\',
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(plain);
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace(':', "\\c")
}

/// The bytes of a frame. A `content-length` that the headers have is set right; a body with a NUL in it gets one.
pub(super) fn encode(name: &str, data: &Value) -> Result<Vec<u8>, EncodeError> {
    if name == "heart-beat" {
        return Ok(b"\n".to_vec());
    }
    let is_plain = matches!(name, "CONNECT" | "CONNECTED");
    let write = |text: &str| if is_plain { text.to_owned() } else { escape(text) };
    let body = take(data, "payload")?;
    let mut out = format!("{name}\n");
    let empty = Map::new();
    let headers = match data.get("headers") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(headers)) => headers,
        Some(_) => return Err(EncodeError("its headers are not a table".to_owned())),
    };
    for (key, value) in headers.iter().filter(|(key, _)| *key != "content-length") {
        out.push_str(&format!("{}:{}\n", write(key), write(&text_of(value))));
    }
    if headers.contains_key("content-length") || body.contains(&0) {
        out.push_str(&format!("content-length:{}\n", body.len()));
    }
    let mut bytes = (out + "\n").into_bytes();
    bytes.extend(body);
    bytes.push(0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::{said, split};
    use super::super::{Decoder, Dialect, Protocol, ProtocolOptions};
    use super::*;
    use crate::transcript::{Frame, Offset};
    use proptest::prelude::*;
    use serde_json::json;

    fn stomp() -> Dialect {
        Dialect::Protocol(ProtocolOptions::new(Protocol::Stomp))
    }

    #[test]
    fn frames_are_read_and_heart_beats_are_as_agreed() {
        let text = |side, text: &str| (side, Payload::Text(text.to_owned()));
        let frames = [
            text(Side::Client, "CONNECT\naccept-version:1.2\nheart-beat:1000,0\nhost:a:b\n\n\0"),
            text(Side::Server, "CONNECTED\r\nversion:1.2\r\nheart-beat:0,4000\r\n\r\n\0\n"),
            text(Side::Server, "\n"),
            text(Side::Server, "MESSAGE\na\\cb:c\\nd\na\\cb:x\ncontent-length:3\n\nx\0y\0ERROR\n\nno\0"),
            text(Side::Server, "oops\0"),
        ];
        let expected = [
            (
                ">CONNECT",
                json!({"headers": {"accept-version": "1.2", "heart-beat": "1000,0", "host": "a:b"}}),
            ),
            ("CONNECTED", json!({"headers": {"version": "1.2", "heart-beat": "0,4000"}})),
            ("MESSAGE", json!({"headers": {"a:b": "c\nd", "content-length": "3"}, "payload": "x\0y"})),
            ("ERROR", json!({"payload": "no"})),
            ("garbled", json!({"why": "it does not begin with a command", "bytes": 5, "text": "oops\0"})),
        ];
        assert_eq!(said(&stomp(), &frames), expected.map(|(name, data)| (name.to_owned(), data)));
        let mut decoder = Decoder::new(&stomp());
        assert_eq!(decoder.beat(), None);
        for (side, payload) in frames {
            decoder.feed(&Frame::new(Offset::ZERO, side, payload)).for_each(drop);
        }
        let payload = Payload::Text("\n".to_owned());
        assert_eq!(decoder.beat(), Some(Beat { every: Gap::from_millis(2000), payload }));
    }

    #[test]
    fn a_secret_of_another_length_takes_nothing_of_what_follows() {
        for length in [3, 300] {
            let text = format!("MESSAGE\ncontent-length:{length}\n\na{{{{secret:token#1}}}}\0ERROR\n\n\0");
            let events = said(&stomp(), &[(Side::Server, Payload::Text(text))]);
            assert_eq!(events[0].1["payload"], "a{{secret:token#1}}");
            assert_eq!(events[1].0, "ERROR");
        }
    }

    fn frame() -> impl Strategy<Value = (String, Value)> {
        let headers = proptest::collection::btree_map("[a-z:\\\\\n]{1,5}", "[ -z\r\n]{0,8}", 0..3);
        let name = prop_oneof![Just("MESSAGE"), Just("RECEIPT"), Just("ERROR")];
        (name, headers, proptest::option::of("[a-z\0é]{1,9}")).prop_map(|(name, headers, body)| {
            let mut data = Map::new();
            let mut headers: Map<String, Value> =
                headers.into_iter().map(|(k, v)| (k, Value::from(v))).collect();
            if let Some(body) = body.as_ref().filter(|body| body.contains('\0')) {
                headers.insert("content-length".to_owned(), body.len().to_string().into());
            }
            if !headers.is_empty() {
                data.insert("headers".to_owned(), Value::Object(headers));
            }
            if let Some(body) = body {
                data.insert("payload".to_owned(), body.into());
            }
            (name.to_owned(), Value::Object(data))
        })
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood_wherever_messages_end(
            frames in proptest::collection::vec(frame(), 1..5),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut bytes = Vec::new();
            for (name, data) in &frames {
                bytes.extend(encode(name, data).expect("it can be said"));
            }
            let messages: Vec<(Side, Payload)> =
                split(&bytes, &cuts).into_iter().map(|part| (Side::Server, Payload::Binary(part))).collect();
            prop_assert_eq!(said(&stomp(), &messages), frames);
        }
    }
}
