//! The NATS client protocol: `VERB arguments`, CR LF, and after some verbs a payload of a given length.
//!
//! A frame may contain several messages, and a message may extend over several frames; frames are binary. The
//! server's PING and the client's PONG are automatic messages; the client's own PING and its answer are not. `+OK` is
//! named `OK`, `-ERR` is `ERR`.
//!
//! ```text
//! INFO {"nonce":"…"}                   INFO       {"nonce":"…"}
//! CONNECT {"jwt":"…","sig":"…"}        >CONNECT   {"jwt":"…","sig":"…"}
//! SUB chat.* 1                         >SUB       {"subject":"chat.*","sid":"1"}
//! PUB chat.a 11⏎{"text":"a"}           >PUB       {"subject":"chat.a","payload":{"text":"a"}}
//! MSG chat.a 1 _INBOX.x 5⏎hello        MSG        {"subject":"chat.a","sid":"1","reply":"_INBOX.x","payload":"hello"}
//! -ERR 'Authorization Violation'       ERR        {"message":"Authorization Violation"}
//! ```

use super::content::{self, need, nothing, put, text};
use super::decoded::{Decoded, Step};
use super::{EncodeError, refinement};
use crate::transcript::{Payload, Side};
use serde_json::{Map, Value, json};

pub(super) const CHORES: [&str; 2] = ["PING", ">PONG"];
pub(super) const TOPICS: [(&str, &str); 5] = [
    ("MSG", "/subject"),
    ("HMSG", "/subject"),
    (">PUB", "/subject"),
    (">HPUB", "/subject"),
    (">SUB", "/subject"),
];
/// The messages that there are; what comes after a payload whose length is no longer right begins with one of them.
const VERBS: [&str; 12] =
    ["INFO", "CONNECT", "PUB", "HPUB", "SUB", "UNSUB", "MSG", "HMSG", "PING", "PONG", "+OK", "-ERR"];
/// A longer line is none. The largest are the server's INFO and a client's CONNECT with its token.
const MAX_LINE: usize = 1 << 20;

/// Whether a message of the server is the one with which it begins; a second INFO answers who has logged in.
pub(super) fn is_greeting(name: &str, data: &Value) -> bool {
    name == "INFO" && data.get("connect_info") != Some(&Value::Bool(true))
}

/// Inboxes are created for every request, so they are one kind of subject.
pub(super) fn word(subject: &Value) -> Option<&str> {
    match subject.as_str().and_then(|text| text.split_once('.')) {
        Some((inbox @ "_INBOX", _)) => Some(inbox),
        _ => refinement(subject),
    }
}

/// Reads the first message of what a side has sent.
pub(super) fn read(side: Side, bytes: &[u8], decoded: &mut Decoded) -> Step {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        if bytes.len() > MAX_LINE {
            decoded.malformed("the line is too long", bytes);
            return Step::Took(bytes.len());
        }
        return Step::Needs(bytes.len() + 1);
    };
    let line = &bytes[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let after = end + 1;
    let Some((verb, arguments)) = verb(line) else {
        if !line.is_empty() {
            decoded.malformed("it does not begin with a word", line);
        }
        return Step::Took(after);
    };
    let name = verb.to_ascii_uppercase();
    let carried = carried(&name, arguments);
    let Some(Carried { mut fields, headers, length }) = carried else {
        decoded.say(name.clone(), without_payload(&name, arguments));
        if side == Side::Server && name == "PING" {
            decoded.owed.push(("PONG", Payload::Binary(b"PONG\r\n".to_vec())));
        }
        // The sign belongs to the protocol; a name is easier to read without it.
        if let Some((said, _)) = decoded.said.last_mut() {
            if let Some(plain) = said.strip_prefix(['+', '-']).filter(|_| matches!(&**said, "+OK" | "-ERR")) {
                *said = plain.to_owned().into();
            }
        }
        return Step::Took(after);
    };
    let rest = &bytes[after..];
    let (payload, taken) = match payload(rest, length) {
        Ok(found) => found,
        Err(needed) => return Step::Needs(after.saturating_add(needed)),
    };
    let headers_end = headers.map_or(0, |length| match payload.get(..length) {
        Some(head) if head.ends_with(b"\r\n\r\n") => length,
        _ => memchr::memmem::find(payload, b"\r\n\r\n").map_or(0, |at| at + 4),
    });
    if headers.is_some() {
        put_headers(&mut fields, &payload[..headers_end]);
    }
    put(&mut fields, "payload", &payload[headers_end..]);
    decoded.say(name, Value::Object(fields));
    Step::Took(after + taken)
}

/// The verb of a line and what follows it.
fn verb(line: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (verb, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let name = verb.strip_prefix(['+', '-']).unwrap_or(verb);
    let is_word =
        (1..=32).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then(|| (verb, arguments.trim_matches([' ', '\t'])))
}

/// A message with a payload.
struct Carried {
    fields: Map<String, Value>,
    /// The number of header bytes in the payload.
    headers: Option<usize>,
    /// The number of payload bytes, including headers.
    length: usize,
}

fn carried(name: &str, arguments: &str) -> Option<Carried> {
    let keys: &[&str] = match name {
        "PUB" | "HPUB" => &["subject"],
        "MSG" | "HMSG" => &["subject", "sid"],
        _ => return None,
    };
    let mut words: Vec<&str> = arguments.split_ascii_whitespace().collect();
    let length = words.pop()?.parse().ok()?;
    let headers = if name.starts_with('H') { Some(words.pop()?.parse().ok()?) } else { None };
    let reply = if words.len() > keys.len() { words.pop() } else { None };
    if words.len() != keys.len() {
        return None;
    }
    let mut fields: Map<String, Value> =
        keys.iter().zip(words).map(|(key, word)| ((*key).to_owned(), word.into())).collect();
    if let Some(reply) = reply {
        fields.insert("reply".to_owned(), reply.into());
    }
    Some(Carried { fields, headers, length })
}

fn without_payload(name: &str, arguments: &str) -> Value {
    let words: Vec<&str> = arguments.split_ascii_whitespace().collect();
    match (name, &words[..]) {
        ("INFO" | "CONNECT", _) => match serde_json::from_str(arguments) {
            Ok(value @ Value::Object(_)) => value,
            _ => json!({ "args": arguments }),
        },
        ("SUB", [subject, sid]) => json!({ "subject": subject, "sid": sid }),
        ("SUB", [subject, queue, sid]) => json!({ "subject": subject, "queue": queue, "sid": sid }),
        ("UNSUB", [sid]) => json!({ "sid": sid }),
        ("UNSUB", [sid, max]) => json!({ "sid": sid, "max": max }),
        ("-ERR", _) => json!({ "message": arguments.trim_matches('\'') }),
        (_, []) => nothing(),
        _ => json!({ "args": arguments }),
    }
}

/// The payload that `rest` begins with and how many bytes it takes with its line end, or how many are needed.
fn payload(rest: &[u8], length: usize) -> Result<(&[u8], usize), usize> {
    let declared = rest.get(..length);
    // In a recording, a label has another length than its secret.
    let whole = length.saturating_add(content::LABEL.len()).min(rest.len());
    if let Some(label) = content::label_at(&rest[..whole]) {
        let mut from = label;
        while let Some(end) = memchr::memmem::find(&rest[from..], b"\r\n").map(|at| from + at) {
            let next = &rest[end + 2..];
            let begins = |verb: &&str| {
                next.get(..verb.len()).is_some_and(|own| own.eq_ignore_ascii_case(verb.as_bytes()))
            };
            if next.is_empty() || VERBS.iter().any(begins) {
                return Ok((&rest[..end], end + 2));
            }
            from = end + 2;
        }
        return Err(rest.len() + 1);
    }
    match (declared, rest.get(length..)) {
        (Some(payload), Some([b'\r', b'\n', ..])) => Ok((payload, length + 2)),
        (Some(_), Some([] | [b'\r'])) | (None, _) => Err(length.saturating_add(2)),
        // It is shorter than its length says; the next line decides.
        (Some(payload), _) => Ok((payload, length)),
    }
}

/// `NATS/1.0 503 No Responders` and lines of names and values.
fn put_headers(fields: &mut Map<String, Value>, head: &[u8]) {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let version = lines.next().unwrap_or_default();
    if let Some(status) = version.strip_prefix("NATS/1.0").map(str::trim).filter(|status| !status.is_empty())
    {
        fields.insert("status".to_owned(), status.into());
    }
    let mut headers = Map::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = Value::from(value.trim());
        match headers.get_mut(name) {
            None => drop(headers.insert(name.to_owned(), value)),
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    fields.insert("headers".to_owned(), Value::Object(headers));
}

/// The bytes of a message.
pub(super) fn encode(name: &str, data: &Value) -> Result<Vec<u8>, EncodeError> {
    let words =
        |list: &[Option<String>]| list.iter().flatten().fold(name.to_owned(), |line, word| line + " " + word);
    let line = match name {
        "PUB" => return carrying(&words(&[Some(need(data, "subject")?), text(data, "reply")]), None, data),
        "HPUB" => {
            let head = head(data);
            return carrying(&words(&[Some(need(data, "subject")?), text(data, "reply")]), Some(&head), data);
        }
        "MSG" | "HMSG" => {
            let head = (name == "HMSG").then(|| head(data));
            let line = words(&[Some(need(data, "subject")?), Some(need(data, "sid")?), text(data, "reply")]);
            return carrying(&line, head.as_deref(), data);
        }
        "SUB" => words(&[Some(need(data, "subject")?), text(data, "queue"), Some(need(data, "sid")?)]),
        "UNSUB" => words(&[Some(need(data, "sid")?), text(data, "max")]),
        "OK" => "+OK".to_owned(),
        "ERR" => format!("-ERR '{}'", need(data, "message")?),
        _ => match data.get("args") {
            Some(arguments) => words(&[Some(content::text_of(arguments))]),
            None if matches!(name, "INFO" | "CONNECT") => format!("{name} {data}"),
            None => name.to_owned(),
        },
    };
    Ok((line + "\r\n").into_bytes())
}

fn carrying(line: &str, head: Option<&str>, data: &Value) -> Result<Vec<u8>, EncodeError> {
    let payload = content::take(data, "payload")?;
    let head = head.unwrap_or_default();
    let lengths = match head.len() {
        0 => payload.len().to_string(),
        length => format!("{length} {}", length + payload.len()),
    };
    let mut bytes = format!("{line} {lengths}\r\n{head}").into_bytes();
    bytes.extend_from_slice(&payload);
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

fn head(data: &Value) -> String {
    let status = text(data, "status").map_or_else(String::new, |status| format!(" {status}"));
    let mut head = format!("NATS/1.0{status}\r\n");
    for (name, value) in data.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            head.push_str(&format!("{name}: {}\r\n", content::text_of(value)));
        }
    }
    head + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::{said, split};
    use super::super::{Dialect, Label, Protocol, ProtocolOptions};
    use super::*;
    use proptest::prelude::*;

    fn nats() -> Dialect {
        Dialect::Protocol(ProtocolOptions::new(Protocol::Nats))
    }

    fn binary(bytes: &[u8]) -> Payload {
        Payload::Binary(bytes.to_vec())
    }

    #[test]
    fn a_frame_holds_several_messages_and_a_message_stands_in_several_frames() {
        let frames = [
            (Side::Server, binary(b"INFO {\"nonce\":\"n\"}\r\n")),
            (Side::Client, binary(b"CONNECT {\"jwt\":\"j\"}\r\nPING\r\n")),
            (Side::Server, binary(b"PONG\r\nPING\r\n")),
            (Side::Client, binary(b"PONG\r\n")),
            (Side::Client, Payload::Text("sub chat.* workers 1\r\n".to_owned())),
            (Side::Server, binary(b"MSG chat.a 1 _INBOX.x 7\r\n{\"a\":")),
            (Side::Server, binary(b"1}\r\n+OK\r\nMSG chat.a 1 2\r\n\xff\x00\r\n-ERR 'No'\r\nODD x y\r\n")),
            (Side::Server, binary(b"HMSG r 2 16 18\r\nNATS/1.0 503\r\n\r\nhi\r\n")),
        ];
        let expected = [
            ("INFO", json!({"nonce": "n"})),
            (">CONNECT", json!({"jwt": "j"})),
            (">PING", json!({})),
            ("PONG", json!({})),
            (">SUB", json!({"subject": "chat.*", "queue": "workers", "sid": "1"})),
            ("MSG", json!({"subject": "chat.a", "sid": "1", "reply": "_INBOX.x", "payload": {"a": 1}})),
            ("OK", json!({})),
            ("MSG", json!({"subject": "chat.a", "sid": "1", "payload_hex": "ff00"})),
            ("ERR", json!({"message": "No"})),
            ("ODD", json!({"args": "x y"})),
            ("HMSG", json!({"subject": "r", "sid": "2", "status": "503", "headers": {}, "payload": "hi"})),
        ];
        assert_eq!(said(&nats(), &frames), expected.map(|(name, data)| (name.to_owned(), data)));
    }

    #[test]
    fn a_secret_of_another_length_takes_nothing_of_what_follows() {
        for before in ["MSG a 1 300\r\n", "MSG a 1 4\r\n"] {
            let text = format!("{before}t={{{{secret:token#1}}}};\r\nMSG b 1 1\r\nx\r\n");
            let events = said(&nats(), &[(Side::Server, binary(text.as_bytes()))]);
            let payloads: Vec<&Value> = events.iter().map(|(_, data)| &data["payload"]).collect();
            assert_eq!(payloads, [&json!("t={{secret:token#1}};"), &json!("x")], "{text}");
        }
    }

    #[test]
    fn a_subject_tells_messages_apart_and_all_inboxes_are_one() {
        let refine = [(Label::from("MSG"), "/subject".to_owned())].into();
        let dialect = Dialect::Protocol(ProtocolOptions { refine, ..ProtocolOptions::new(Protocol::Nats) });
        let bytes = b"MSG chat.a 1 1\r\nx\r\nMSG _INBOX.Zk3.1 1 1\r\nx\r\nMSG what? 1 1\r\nx\r\n";
        let events = said(&dialect, &[(Side::Server, binary(bytes))]);
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["MSG[chat.a]", "MSG[_INBOX]", "MSG"]);
    }

    #[test]
    fn what_cannot_be_said_says_why() {
        for (label, data, why) in [
            (">PUB", json!({"payload": "x"}), "it has no subject"),
            (">PUB", json!({"subject": "a", "payload_hex": "0g"}), "its payload_hex is not hexadecimal"),
            (">garbled", json!({}), "it has no text or hex"),
        ] {
            let error = nats().encode(&Label::from(label), &data).expect_err("it cannot be said");
            assert_eq!(error.to_string(), why);
        }
    }

    fn message() -> impl Strategy<Value = (String, Value)> {
        let word = "[a-z]{1,6}(\\.[a-z]{1,6})?";
        let payload = prop_oneof![
            "[ -z\r\n]{0,40}".prop_map(|text| json!({ "payload": content::text_or_json(&text) })),
            Just(json!({ "payload": { "a": [1, "b"] } })),
            Just(json!({ "payload_hex": "ff00ff0d0a" })),
        ];
        let carried =
            (word, word, proptest::option::of(word), payload).prop_map(|(subject, sid, reply, payload)| {
                let mut data = json!({ "subject": subject, "sid": sid });
                if let Some(reply) = reply {
                    data["reply"] = reply.into();
                }
                data.as_object_mut()
                    .into_iter()
                    .for_each(|map| map.extend(payload.as_object().cloned().unwrap_or_default()));
                ("MSG".to_owned(), data)
            });
        prop_oneof![
            carried,
            Just(("INFO".to_owned(), json!({ "nonce": "n", "port": 1 }))),
            Just(("PONG".to_owned(), json!({}))),
            Just(("OK".to_owned(), json!({}))),
            "[a-zA-Z ]{1,20}"
                .prop_map(|text| ("ERR".to_owned(), json!({ "message": text.trim().to_owned() + "." }))),
            "[a-z]{1,9}".prop_map(|text| ("ODD".to_owned(), json!({ "args": text }))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_understood_wherever_frames_end(
            messages in proptest::collection::vec(message(), 1..6),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut bytes = Vec::new();
            for (name, data) in &messages {
                bytes.extend(encode(name, data).expect("it can be said"));
            }
            let frames: Vec<(Side, Payload)> =
                split(&bytes, &cuts).into_iter().map(|part| (Side::Server, Payload::Binary(part))).collect();
            prop_assert_eq!(said(&nats(), &frames), messages);
        }
    }
}
