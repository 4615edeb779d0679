//! Transcripts as HAR, in the form of Chromium's DevTools.

use super::unit::rfc3339;
use crate::transcript::{Frame, Handshake, Payload, Side, Transcript};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
    #[serde(rename = "_webSocketMessages")]
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Message {
    #[serde(rename = "type")]
    kind: &'static str,
    time: Box<RawValue>,
    opcode: i8,
    data: String,
}

/// A HAR 1.2 file with one entry for each connection of each transcript. Times are seconds since 1970 with nine digits:
/// programs that read them as floats keep a quarter of a microsecond. What HAR has no place for, such as how a session
/// ended, stands in `_goldwire`.
///
/// # Errors
/// When a start is not a date and time; the text names the recording.
pub fn write_har(transcripts: &[Transcript]) -> Result<String, String> {
    let mut entries = Vec::new();
    for transcript in transcripts {
        let header = &transcript.header;
        let started = DateTime::parse_from_rfc3339(&header.started)
            .ok()
            .and_then(|time| time.timestamp_nanos_opt())
            .and_then(|nanos| u64::try_from(nanos).ok())
            .ok_or_else(|| format!("recording {}: `{}` is not a date and time", header.id, header.started))?;
        let last = transcript.frames.iter().map(|frame| frame.conn).max().unwrap_or(0);
        for conn in 0..=last {
            let own: Vec<&Frame> = transcript.frames.iter().filter(|frame| frame.conn == conn).collect();
            let opened = own.iter().find_map(|frame| match &frame.payload {
                Payload::Open(handshake) => Some((frame.at.as_nanos(), &**handshake)),
                _ => None,
            });
            let (offset, handshake) = opened.unwrap_or((0, &header.handshake));
            let messages: Vec<Message> = own.iter().filter_map(|frame| message(frame, started)).collect();
            let ended = own.last().map_or(offset, |frame| frame.at.as_nanos());
            let mut rest = entry(&header.url, started + offset, ended.saturating_sub(offset), handshake);
            let took = handshake.took.as_nanos();
            let mut about = json!({ "session": header.session, "user": header.user, "took": took });
            if conn == last {
                about["ends"] = Value::from(transcript.ending.label());
            }
            rest.insert("_goldwire".to_owned(), about);
            entries.push(Entry { rest, messages });
        }
    }
    #[derive(Serialize)]
    struct Log {
        version: &'static str,
        creator: Value,
        pages: Vec<Value>,
        entries: Vec<Entry>,
    }
    let creator = json!({ "name": "goldwire", "version": env!("CARGO_PKG_VERSION") });
    let log = Log { version: "1.2", creator, pages: Vec::new(), entries };
    let text = serde_json::to_string_pretty(&BTreeMap::from([("log", log)]));
    text.map(|text| text + "\n").map_err(|error| error.to_string())
}

fn entry(url: &str, started: u64, took: u64, handshake: &Handshake) -> serde_json::Map<String, Value> {
    let pairs = |headers: &BTreeMap<String, String>| -> Vec<Value> {
        headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    let query: Vec<Value> = url
        .split_once('?')
        .map_or("", |(_, query)| query)
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let text = rfc3339(i128::from(started));
    let entry = json!({
        "_resourceType": "websocket",
        "startedDateTime": text,
        "time": took as f64 / 1e6,
        "request": {
            "method": "GET", "url": url, "httpVersion": "HTTP/1.1", "cookies": [], "headers": pairs(&handshake.request),
            "queryString": query, "headersSize": -1, "bodySize": 0,
        },
        "response": {
            "status": handshake.status, "statusText": if handshake.status == 101 { "Switching Protocols" } else { "" },
            "httpVersion": "HTTP/1.1", "cookies": [], "headers": pairs(&handshake.response),
            "content": { "size": 0, "mimeType": "x-unknown" }, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        },
        "cache": {},
        "serverIPAddress": handshake.peer,
        "timings": { "send": 0, "wait": 0, "receive": took as f64 / 1e6 },
    });
    match entry {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

fn message(frame: &Frame, started: u64) -> Option<Message> {
    let (opcode, data) = match &frame.payload {
        Payload::Text(text) => (1, text.clone()),
        Payload::Binary(bytes) => (2, STANDARD.encode(bytes)),
        Payload::Close { code: 1005, .. } => (8, String::new()),
        Payload::Close { code, reason } => {
            (8, STANDARD.encode([&code.to_be_bytes(), reason.as_bytes()].concat()))
        }
        Payload::Ping(bytes) => (9, STANDARD.encode(bytes)),
        Payload::Pong(bytes) => (10, STANDARD.encode(bytes)),
        Payload::Gone(detail) => (-1, detail.clone()),
        Payload::Open(_) => return None,
    };
    let kind = match (opcode, frame.side) {
        (-1, _) => "error",
        (_, Side::Client) => "send",
        (_, Side::Server) => "receive",
    };
    let nanos = started + frame.at.as_nanos();
    let time = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    // Digits and a point are a JSON number.
    let time = RawValue::from_string(time).ok()?;
    Some(Message { kind, time, opcode, data })
}

#[cfg(test)]
mod tests {
    use super::super::read_har;
    use super::*;
    use crate::transcript::{End, Ending, Header, Offset, Redactor, Stamps};
    use proptest::prelude::*;

    fn payloads() -> impl Strategy<Value = Payload> {
        prop_oneof![
            "\\PC{0,20}".prop_map(Payload::Text),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(Payload::Binary),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Payload::Ping),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Payload::Pong),
        ]
    }

    proptest! {
        #[test]
        fn what_was_exported_is_imported_as_it_was(
            frames in proptest::collection::vec((0u64..5_000_000_000, any::<bool>(), payloads()), 1..20),
            code in 1000u16..1015,
        ) {
            let mut at = 0;
            let mut frames: Vec<Frame> = frames.into_iter().map(|(gap, is_client, payload)| {
                at += gap;
                let side = if is_client { Side::Client } else { Side::Server };
                Frame::new(Offset::from_nanos(at), side, payload)
            }).collect();
            let how = if code == 1000 {
                frames.push(Frame::new(Offset::from_nanos(at), Side::Server, Payload::Close { code: 4000, reason: "enough".to_owned() }));
                End::Closed { by: Side::Server, code: 4000, reason: "enough".to_owned() }
            } else {
                End::Closed { by: Side::Client, code, reason: String::new() }
            };
            let header = Header {
                started: "2026-11-24T02:37:26.813000001Z".to_owned(),
                url: "ws://127.0.0.1/ws?room=1".to_owned(),
                user: "u3".to_owned(),
                stamps: Stamps::Import,
                handshake: Handshake {
                    status: 101,
                    request: BTreeMap::from([("Host".to_owned(), "x".to_owned())]),
                    ..Handshake::default()
                },
                ..Header::default()
            };
            let ending = Ending { at: Offset::from_nanos(at), how, host: None };
            let transcript = Transcript { header, frames, ending };
            let har = write_har(std::slice::from_ref(&transcript)).expect("it can be written");
            let read = read_har(&har, &Redactor::default()).expect("it can be read");
            let mut back = read.sessions[0].transcript.clone();
            prop_assert!(read.sessions[0].says_ending);
            back.header.recorder.clear();
            prop_assert_eq!(back, transcript);
        }
    }
}
