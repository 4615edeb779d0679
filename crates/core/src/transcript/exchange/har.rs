//! HAR 1.2 with `_webSocketMessages`, as Chromium's DevTools, Playwright and mitmproxy write it, and with event streams:
//! `_eventSourceMessages` of DevTools, or the body of an answer of type `text/event-stream`.
//!
//! ```text
//! {"log":{"creator":{"name":"WebInspector"},"entries":[
//!   {"startedDateTime":"2026-11-24T02:37:26.813Z","request":{"url":"ws://…","headers":[…]},"response":{"status":101,…},
//!    "_webSocketMessages":[{"type":"receive","time":1795487846.817444,"opcode":1,"data":"{…}"}, …]}, …]}}
//! ```
//!
//! `time` is in seconds since 1970 with DevTools and mitmproxy, in milliseconds with Playwright; the unit is taken that
//! brings the first message nearest to the entry's own start. `data` is text for opcode 1, else base64. The close frame
//! is in none of the three.

use super::unit::rfc3339;
use super::{CaptureError, Imported, Unit, events, parse_ending};
use crate::transcript::{
    End, Ending, Frame, Gap, Handshake, Header, Offset, Payload, Redactor, Side, Stamps, Transcript,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a HAR file holds.
#[derive(Debug)]
pub struct Capture {
    /// Its sessions, a WebSocket or an event stream each, in the file's order.
    pub sessions: Vec<Imported>,
    /// Who wrote it, e.g. `WebInspector 537.36`.
    pub creator: String,
    /// What of it was left out, and why.
    pub notes: Vec<String>,
}

impl Capture {
    fn recorder(&self) -> String {
        let creator = if self.creator.is_empty() { "unknown" } else { &self.creator };
        format!("{creator}, imported by goldwire {}", env!("CARGO_PKG_VERSION"))
    }
}

#[derive(Deserialize)]
struct Har<'a> {
    #[serde(borrow)]
    log: Log<'a>,
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(default)]
    creator: Creator,
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize, Default)]
struct Creator {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    request: Request,
    #[serde(default)]
    response: Response,
    #[serde(default)]
    timings: BTreeMap<String, serde_json::Value>,
    #[serde(default, rename = "serverIPAddress")]
    server: Option<String>,
    #[serde(borrow, default, rename = "_webSocketMessages")]
    messages: Option<Vec<Message<'a>>>,
    #[serde(borrow, default, rename = "_eventSourceMessages")]
    event_source: Option<Vec<Streamed<'a>>>,
    #[serde(default, rename = "_webSocketClose")]
    close: Option<Closed>,
    #[serde(default, rename = "_goldwire")]
    own: Own,
}

/// An event of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Streamed<'a> {
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(default)]
    event_name: String,
    #[serde(default)]
    event_id: String,
    #[serde(default)]
    data: String,
}

/// How a socket was closed, where the writer says it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    #[serde(default = "no_status")]
    code: u16,
    #[serde(default)]
    reason: String,
    #[serde(default, alias = "by", alias = "initiator", rename = "type")]
    kind: String,
    #[serde(default, alias = "closedByServer", alias = "fromServer")]
    from_server: Option<bool>,
}

fn no_status() -> u16 {
    1005
}

impl Closed {
    fn how(&self) -> End {
        let by_client = self.from_server == Some(false)
            || ["send", "sent", "client", "local", "page"].contains(&self.kind.to_ascii_lowercase().as_str());
        match self.code {
            // RFC 6455, 7.4.1: it never stands in a frame.
            1006 => End::Dropped { detail: self.reason.clone() },
            code => End::Closed {
                by: if by_client { Side::Client } else { Side::Server },
                code,
                reason: self.reason.clone(),
            },
        }
    }
}

/// What goldwire's own export adds.
#[derive(Deserialize, Default)]
struct Own {
    #[serde(default)]
    ends: String,
    #[serde(default)]
    user: String,
    /// Nanoseconds of the handshake, before `startedDateTime`.
    took: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    post_data: Option<Content>,
}

fn get() -> String {
    "GET".to_owned()
}

#[derive(Deserialize, Default)]
struct Response {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    text: String,
    #[serde(default)]
    mime_type: String,
    /// `base64`, where the text is not as it was.
    #[serde(default)]
    encoding: String,
}

impl Content {
    /// What it says, by whatever it is encoded.
    fn plain(&self) -> Result<Cow<'_, str>, String> {
        if !self.encoding.eq_ignore_ascii_case("base64") {
            return Ok(Cow::Borrowed(&self.text));
        }
        let bytes = STANDARD.decode(&self.text).map_err(|error| format!("not base64: {error}"))?;
        String::from_utf8(bytes).map(Cow::Owned).map_err(|error| format!("not UTF-8: {error}"))
    }
}

impl Entry<'_> {
    /// Whether it is a stream of server-sent events.
    fn is_event_stream(&self) -> bool {
        let content = self.response.content.as_ref();
        self.event_source.is_some()
            || content.is_some_and(|own| own.mime_type.starts_with("text/event-stream"))
    }

    /// Milliseconds of its parts, where they are known.
    fn took(&self, parts: &[&str]) -> i128 {
        let known = parts.iter().filter_map(|name| self.timings.get(*name)?.as_f64());
        nanos_of_millis(known.filter(|millis| *millis > 0.0).sum())
    }

    fn started(&self, place: &str) -> Result<i128, CaptureError> {
        let time = DateTime::parse_from_rfc3339(&self.started_date_time).ok();
        time.and_then(|time| time.timestamp_nanos_opt()).map(i128::from).ok_or_else(|| {
            let cause = format!("`{}` is not a date and time", self.started_date_time);
            CaptureError::new(format!("{place}.startedDateTime"), cause)
        })
    }

    fn header(&self, started: i128, url: String, took: i128) -> Header {
        Header {
            started: rfc3339(started),
            url,
            user: if self.own.user.is_empty() { "u1".to_owned() } else { self.own.user.clone() },
            stamps: Stamps::Import,
            handshake: Handshake {
                peer: self.server.clone().unwrap_or_default(),
                status: self.response.status,
                request: headers(&self.request.headers),
                response: headers(&self.response.headers),
                took: Gap::from_nanos(u64::try_from(took).unwrap_or_default()),
                ..Handshake::default()
            },
            ..Header::default()
        }
    }
}

/// A session of several messages that took less than this in all is doubtful, where its writer is known to mistake units.
const SUSPICIOUS: u64 = 100_000_000;

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(default = "text")]
    opcode: f64,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
}

fn text() -> f64 {
    1.0
}

/// Reads a HAR file. Whatever credentials its requests, also those that are no WebSocket, and its messages show, is told
/// to the redactor; the transcripts still hold them.
///
/// # Errors
/// When it is no HAR file, has no WebSocket messages, or one of them makes no sense.
pub fn read_har(har: &str, redactor: &Redactor) -> Result<Capture, CaptureError> {
    let har = har.trim_start_matches('\u{feff}');
    let mended = super::mend_surrogates(har);
    let is_mended = matches!(mended, Cow::Owned(_));
    let har: Har<'_> = serde_json::from_str(&mended).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let cause = error.to_string();
        let cause = cause.split(" at line ").next().unwrap_or(&cause).to_owned();
        CaptureError::new(place, format!("not a HAR file: {cause}"))
            .hint("DevTools: Network, Export HAR; Playwright: recordHar; mitmproxy: --set hardump=FILE; JSON Lines need --map")
    })?;
    let mut capture = Capture { sessions: Vec::new(), creator: String::new(), notes: Vec::new() };
    let Creator { name, version } = &har.log.creator;
    format!("{name} {version}").trim().clone_into(&mut capture.creator);
    if is_mended {
        capture.notes.push("halves of surrogate pairs, which are no characters, became U+FFFD".to_owned());
    }
    for entry in &har.log.entries {
        note(entry, redactor);
    }
    for (index, entry) in har.log.entries.iter().enumerate() {
        let is_socket = entry.response.status == 101 || entry.request.url.starts_with("ws");
        match &entry.messages {
            Some(messages) if !messages.is_empty() => {
                let mut imported = session(entry, messages, &format!("log.entries[{index}]"))?;
                imported.transcript.header.recorder = capture.recorder();
                let span = imported.transcript.ending.at;
                if name.eq_ignore_ascii_case("playwright")
                    && imported.unit == Unit::Milliseconds
                    && span < Offset::from_nanos(SUSPICIOUS)
                    && messages.len() > 1
                {
                    capture.notes.push(format!(
                        "log.entries[{index}]: its gaps may be 1000 times too short, {} in all: Playwright before June \
                         2026 adds seconds to a start in milliseconds; bounds learned from it would be wrong",
                        span
                    ));
                }
                for frame in &imported.transcript.frames {
                    // Learned before anything is written: a token may be shown before it is named.
                    redactor.clean_frame(frame);
                }
                capture.sessions.push(imported);
            }
            _ if entry.is_event_stream() => {
                let place = format!("log.entries[{index}]");
                let Some(mut imported) = stream(entry, &place)? else {
                    let url = redactor.clean_url(&entry.request.url).into_owned();
                    capture
                        .notes
                        .push(format!("{place}, {url}: an event stream without its events, left out"));
                    continue;
                };
                imported.transcript.header.recorder = capture.recorder();
                capture.notes.extend(imported.notes.iter().map(|note| format!("{place}: {note}")));
                for frame in &imported.transcript.frames {
                    redactor.clean_frame(frame);
                }
                capture.sessions.push(imported);
            }
            _ if is_socket => {
                let url = redactor.clean_url(&entry.request.url).into_owned();
                capture.notes.push(format!("log.entries[{index}], {url}: no messages, left out"));
            }
            _ => {}
        }
    }
    if capture.sessions.is_empty() {
        let cause = "no entry has `_webSocketMessages`, nor the events of a stream";
        if har.log.entries.iter().any(Entry::is_event_stream) {
            let cause = "its event streams (SSE) are without their events";
            return Err(CaptureError::new("log.entries", cause).hint(
                "DevTools writes them with `Export HAR (with content)`; or record the stream itself: \
                 goldwire record NAME https://…; docs/SSE.md",
            ));
        }
        return Err(CaptureError::new("log.entries", cause).hint(
            "DevTools writes them when the Network panel was open before the socket; Playwright with content: 'embed'",
        ));
    }
    Ok(capture)
}

fn note(entry: &Entry<'_>, redactor: &Redactor) {
    let headers = entry.request.headers.iter().chain(&entry.response.headers);
    redactor.note_request(&entry.request.url, headers.map(|pair| (pair.name.as_str(), pair.value.as_str())));
    for content in entry.request.post_data.iter().chain(&entry.response.content) {
        redactor.clean(&content.text);
    }
    let sent = |message: &&Message<'_>| message.kind == "send" && message.opcode == 1.0;
    if let Some(first) = entry.messages.iter().flatten().find(sent) {
        redactor.note_message(&first.data);
    }
}

fn session(entry: &Entry<'_>, messages: &[Message<'_>], place: &str) -> Result<Imported, CaptureError> {
    let started = entry.started(place)?;
    let first = &messages[0];
    let unit = Unit::nearest(first.time, started).ok_or_else(|| {
        let cause = format!("{} is not within a day of {} in any unit", first.time, entry.started_date_time);
        CaptureError::new(format!("{place}._webSocketMessages[0].time"), cause)
            .hint("times are seconds, milli-, micro- or nanoseconds since 1970")
    })?;
    let nanos = |index: usize| {
        let time = messages[index].time;
        unit.nanos(time).ok_or_else(|| {
            let place = format!("{place}._webSocketMessages[{index}].time");
            CaptureError::new(place, format!("{time} is not a time in {}", unit.name()))
        })
    };
    // A browser counts the whole session as the request's time; a proxy counts the handshake.
    let took = entry.took(&["send", "wait", "receive"]);
    let took = if started + took <= nanos(0)? { took } else { 0 };
    let (base, took) = match entry.own.took {
        Some(took) => (started, i128::from(took)),
        None => ((started + took).min(nanos(0)?), took),
    };
    let mut frames: Vec<Frame> = Vec::new();
    let mut how = None;
    for (index, message) in messages.iter().enumerate() {
        let wrong = |field: &str, cause: String| {
            CaptureError::new(format!("{place}._webSocketMessages[{index}].{field}"), cause)
        };
        let side = match &*message.kind {
            "send" => Side::Client,
            "receive" | "error" => Side::Server,
            other => return Err(wrong("type", format!("`{other}` is neither `send` nor `receive`"))),
        };
        let payload = payload(message).map_err(|(field, cause)| wrong(field, cause))?;
        let at = u64::try_from((nanos(index)? - base).max(0)).unwrap_or(u64::MAX);
        // Browsers stamp in two processes; where these overlap the order of the file counts.
        let at = Offset::from_nanos(at).max(frames.last().map_or(Offset::ZERO, |last| last.at));
        match &payload {
            Payload::Close { code, reason } if how.is_none() => {
                how = Some(End::Closed { by: side, code: *code, reason: reason.clone() });
            }
            Payload::Gone(detail) => how = Some(End::Dropped { detail: detail.clone() }),
            _ => {}
        }
        frames.push(Frame::new(at, side, payload));
    }
    let how = how.or_else(|| entry.close.as_ref().map(Closed::how));
    let how = how.or_else(|| parse_ending(&entry.own.ends));
    let says_ending = how.is_some();
    let at = frames.last().map_or(Offset::ZERO, |last| last.at);
    let ending = Ending {
        at,
        how: how.unwrap_or(End::Closed { by: Side::Client, code: 1000, reason: String::new() }),
        host: None,
    };
    // mitmproxy writes the scheme of the request that was upgraded.
    let url = match entry.request.url.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        _ => entry.request.url.clone(),
    };
    let header = entry.header(base, url, took);
    Ok(Imported { transcript: Transcript { header, frames, ending }, unit, says_ending, notes: Vec::new() })
}

/// A session over HTTP of one request; none where the events of its answer are not there.
fn stream(entry: &Entry<'_>, place: &str) -> Result<Option<Imported>, CaptureError> {
    let started = entry.started(place)?;
    let since = |nanos: i128| Offset::from_nanos(u64::try_from(nanos).unwrap_or_default());
    let mut unit = Unit::Milliseconds;
    let (mut blocks, mut notes) = (Vec::new(), Vec::new());
    let streamed = entry.event_source.as_deref().unwrap_or_default();
    for (index, event) in streamed.iter().enumerate() {
        let place = || format!("{place}._eventSourceMessages[{index}].time");
        if index == 0 {
            unit = Unit::nearest(event.time, started).ok_or_else(|| {
                let cause =
                    format!("{} is not within a day of {} in any unit", event.time, entry.started_date_time);
                CaptureError::new(place(), cause)
            })?;
        }
        let at = unit.nanos(event.time).ok_or_else(|| {
            CaptureError::new(place(), format!("{} is not a time in {}", event.time, unit.name()))
        })?;
        blocks.push((since(at - started), events::block(&event.event_name, &event.event_id, &event.data)));
    }
    // `ssl` is part of `connect` (HAR 1.2).
    let until_head = entry.took(&["blocked", "dns", "connect", "send", "wait"]);
    let head_at = since(until_head);
    if streamed.is_empty() {
        let whole = plain(entry.response.content.as_ref(), &format!("{place}.response.content.text"))?;
        let (whole, rest) = events::blocks(&whole);
        if rest > 0 {
            notes.push(format!(
                "the stream ends within an event: its last {rest} characters are left out, as a reader of streams does"
            ));
        }
        let at = since(until_head + entry.took(&["receive"]));
        blocks.extend(whole.into_iter().map(|block| (at, block)));
        if !blocks.is_empty() {
            notes.push(
                "its events have no times: all have that of the answer's end, so its gaps say nothing"
                    .to_owned(),
            );
        }
    }
    let Some((first, _)) = blocks.first() else { return Ok(None) };
    let body = plain(entry.request.post_data.as_ref(), &format!("{place}.request.postData.text"))?;
    let exchange = events::Exchange {
        method: &entry.request.method,
        url: &entry.request.url,
        request: pairs(&entry.request.headers),
        body: &body,
        status: entry.response.status,
        answer: pairs(&entry.response.headers),
        head_at: head_at.min(*first),
    };
    let frames = exchange.frames(blocks);
    let at = frames.last().map_or(Offset::ZERO, |last| last.at);
    let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
    let transcript = Transcript {
        header: entry.header(started, entry.request.url.clone(), 0),
        frames,
        ending: Ending { at, how, host: None },
    };
    Ok(Some(Imported { transcript, unit, says_ending: true, notes }))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` from a float saturates, and a day of nanoseconds fits"
)]
fn nanos_of_millis(millis: f64) -> i128 {
    (millis * 1e6).round() as i128
}

fn payload(message: &Message<'_>) -> Result<Payload, (&'static str, String)> {
    if message.kind == "error" {
        return Ok(Payload::Gone(message.data.clone().into_owned()));
    }
    if message.opcode == 1.0 {
        return Ok(Payload::Text(message.data.clone().into_owned()));
    }
    if ![2.0, 8.0, 9.0, 10.0].contains(&message.opcode) {
        return Err(("opcode", format!("{} is none of 1, 2, 8, 9, 10", message.opcode)));
    }
    let bytes = STANDARD.decode(&*message.data).map_err(|error| ("data", format!("not base64: {error}")))?;
    if message.opcode == 2.0 {
        Ok(Payload::Binary(bytes))
    } else if message.opcode == 8.0 {
        let code = bytes.first_chunk::<2>().map_or(1005, |code| u16::from_be_bytes(*code));
        let reason = String::from_utf8_lossy(bytes.get(2..).unwrap_or_default()).into_owned();
        Ok(Payload::Close { code, reason })
    } else if message.opcode == 9.0 {
        Ok(Payload::Ping(bytes))
    } else {
        Ok(Payload::Pong(bytes))
    }
}

/// What a message says that may be absent.
fn plain<'c>(content: Option<&'c Content>, place: &str) -> Result<Cow<'c, str>, CaptureError> {
    content.map_or(Ok(Cow::Borrowed("")), Content::plain).map_err(|cause| CaptureError::new(place, cause))
}

fn pairs(pairs: &[Pair]) -> Vec<(&str, &str)> {
    pairs.iter().map(|Pair { name, value }| (name.as_str(), value.as_str())).collect()
}

/// Names and values; HTTP/2's own are none.
fn headers(pairs: &[Pair]) -> BTreeMap<String, String> {
    let own = pairs.iter().filter(|pair| !pair.name.starts_with(':'));
    Handshake::headers(own.map(|Pair { name, value }| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(har: &str) -> String {
        read_har(har, &Redactor::default()).expect_err("it is bad").to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let entry = |messages: &str| {
            format!(
                r#"{{"log":{{"entries":[{{"startedDateTime":"2026-11-24T02:37:26.813Z","request":{{"url":"ws://x"}},"_webSocketMessages":[{messages}]}}]}}}}"#
            )
        };
        let good = r#"{"type":"send","time":1795487846.9,"opcode":1,"data":"x"}"#;
        for (har, part) in [
            ("{\"log\":\n 7}".to_owned(), "line 2, column 2: not a HAR file: invalid type"),
            ("{\"log\":{\"entries\":[]}}".to_owned(), "log.entries: no entry has `_webSocketMessages`"),
            (
                entry(r#"{"type":"send","time":5,"data":"x"}"#),
                "log.entries[0]._webSocketMessages[0].time: 5 is not",
            ),
            (entry(&format!("{good},{}", good.replace("send", "sent"))), "[1].type: `sent` is neither"),
            (entry(&good.replace(":1,", ":2,")), "[0].data: not base64"),
            (entry(&good.replace(":1,", ":3,")), "[0].opcode: 3 is none of"),
        ] {
            let error = error(&har);
            assert!(error.contains(part), "{error}");
        }
    }
}
