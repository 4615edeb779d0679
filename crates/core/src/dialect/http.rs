//! HTTP exchanges as events: a request, the head of its answer, what the answer says, its end.
//!
//! | event | what it is | its data |
//! |---|---|---|
//! | `>POST/chat` | a request, called as its body says, else by method and path | what `send` says: method, path, headers, body |
//! | `@200[POST/chat]` | the head of its answer, called by its status | its headers by lower-case name |
//! | `token`, `[DONE]`, `text` | a message of an event stream | the JSON of it, with `@id` if it has an id |
//! | `@eof[POST/chat]` | the end of an event stream | nothing |
//! | `re:POST/chat` | the body of an answer that is no stream, unless it says itself what it is | its JSON, its text |
//! | `>@cancel` | the client gave a request up | nothing |
//!
//! A golden may give its requests names of their own: `[dialect.requests] "POST/chat" = "ask"` makes it `>ask`.
//!
//! A message is called what its `event:` says, unless that is nothing or `message`, which is the same; then as its JSON
//! says. Headers that whoever drives the session adds by itself, and those that hold credentials, are no part of a
//! request's data: another user sends others. Those of an answer that say how it is carried are none of its own.

use super::json::{self, Requests};
use super::json_lines;
use super::label::Known;
use super::sse;
use super::{EncodeError, JsonNames, Label, NAMELESS};
use crate::codec::hex;
use crate::secret::is_credential_header;
use crate::transcript::{Frame, Head, Payload, Side, Streaming};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a client's event is called that gives a request up.
pub const CANCEL: &str = ">@cancel";
/// What a server's event is called that ends an event stream, before the name of its request.
const EOF: &str = "@eof";
/// What a driver asks for when the script does not say.
pub const ACCEPT: &str = "application/json, text/event-stream";
/// The body of a request that is a JSON value.
pub const JSON_BODY: &str = "application/json";

/// A key of this name, and of no place of its own, is the number of an event's request.
pub(crate) const REQUEST: &str = "@request";

/// What events of a session over HTTP are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpNames {
    /// Where JSON says what it is: a client's in a body, a server's in the data of a message or in a body.
    pub json: JsonNames,
    /// What requests are called, by method and path.
    pub requests: BTreeMap<String, String>,
}

impl From<JsonNames> for HttpNames {
    fn from(json: JsonNames) -> HttpNames {
        HttpNames { json, requests: BTreeMap::new() }
    }
}

/// What is known of the answers that are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchanges {
    answers: BTreeMap<u32, Answer>,
}

#[derive(Debug, Clone, Default)]
struct Answer {
    /// What its request is called.
    request: String,
    has_head: bool,
    /// How its body is cut into messages.
    streaming: Option<Streaming>,
    /// Whether a message of the stream was read.
    has_begun: bool,
}

impl Exchanges {
    /// The event of a frame.
    pub(super) fn feed(
        &mut self,
        frame: &Frame,
        HttpNames { json: names, requests: calls }: &HttpNames,
        requests: &mut Requests,
        known: &mut Known,
    ) -> Option<(Label, Value)> {
        let mut name = |side, value: &Value| json::label(names, side, value, requests, known);
        match (&frame.payload, frame.side) {
            (Payload::Text(text), Side::Client) => {
                let head = Head::read(text)?;
                let (method, target) = head.request()?;
                let data = request(&head, method, target);
                let label = data.get("body").map(|body| name(Side::Client, body));
                let by_path = || Label::new(Side::Client, &path_name(calls, method, target));
                let label = label.filter(|label| label.name() != NAMELESS).unwrap_or_else(by_path);
                let request = label.name().to_owned();
                self.answers.insert(frame.conn, Answer { request, ..Answer::default() });
                Some((label, data))
            }
            (Payload::Close { .. }, Side::Client) => {
                self.answers.remove(&frame.conn);
                Some((Label::from(CANCEL), Value::Null))
            }
            (Payload::Close { .. }, Side::Server) => {
                let answer = self.answers.remove(&frame.conn)?;
                // A body is whole when it is there.
                answer.streaming.map(|_| (answer.label(EOF), Value::Object(Map::new())))
            }
            (Payload::Text(text), Side::Server) => {
                let answer = self.answers.entry(frame.conn).or_default();
                if !answer.has_head
                    && let Some(head) = Head::read(text)
                    && let Some(status) = head.status()
                {
                    // What an informational answer (RFC 9110, 15.2) says is not the answer yet.
                    answer.has_head = status >= 200;
                    answer.streaming = head.streaming();
                    return Some((answer.label(&format!("@{status}")), answer_head(&head)));
                }
                if let Some(streaming) = answer.streaming {
                    let is_first = !std::mem::replace(&mut answer.has_begun, true);
                    return Some(said(message(streaming, text, is_first)?, names, name));
                }
                let value = json_of(text);
                let label = value.as_ref().map(|value| name(Side::Server, value));
                let label = label.filter(|label| label.name() != NAMELESS).unwrap_or_else(|| answer.reply());
                Some((label, value.unwrap_or_else(|| Value::from(text.as_str()))))
            }
            (Payload::Binary(_), Side::Client) => None,
            (Payload::Binary(bytes), Side::Server) => {
                let answer = self.answers.entry(frame.conn).or_default();
                if let Some(streaming) = answer.streaming {
                    let is_first = !std::mem::replace(&mut answer.has_begun, true);
                    // "Streams must be decoded using the UTF-8 decode algorithm": what is none becomes U+FFFD.
                    let text = String::from_utf8_lossy(bytes);
                    return Some(said(message(streaming, &text, is_first)?, names, name));
                }
                Some((answer.reply(), Value::String(hex(bytes))))
            }
            (Payload::Ping(_) | Payload::Pong(_) | Payload::Open(_) | Payload::Gone(_), _) => None,
        }
    }
}

impl Answer {
    /// A name that is also said of other answers.
    fn label(&self, name: &str) -> Label {
        Label::new(Side::Server, &format!("{name}[{}]", self.request))
    }

    fn reply(&self) -> Label {
        Label::new(Side::Server, &format!("re:{}", self.request))
    }
}

/// The message of a frame, if it holds one. `is_first` is the first frame of its stream.
fn message(streaming: Streaming, text: &str, is_first: bool) -> Option<sse::Message> {
    match streaming {
        Streaming::Events => sse::message(text, is_first),
        // Only its data has a meaning: a line is a message without a type and without an id.
        Streaming::Lines => {
            let data = json_lines::content(text, is_first);
            (!data.is_empty()).then(|| sse::Message { data: data.to_owned(), ..sse::Message::default() })
        }
    }
}

/// A message of a stream.
fn said(
    message: sse::Message,
    names: &JsonNames,
    mut name: impl FnMut(Side, &Value) -> Label,
) -> (Label, Value) {
    let value = json_of(&message.data);
    let own = Some(message.event.as_str()).filter(|event| !matches!(*event, "" | "message"));
    let label = match (own, &value) {
        (Some(own), value) => {
            let label = Label::new(Side::Server, own);
            let state = names.refine.get(&label).zip(value.as_ref());
            let state = state.and_then(|(at, value)| json::refinement(value.pointer(at)?));
            state.map_or(label, |state| Label::new(Side::Server, &format!("{own}[{state}]")))
        }
        (None, Some(value)) => name(Side::Server, value),
        (None, None) if is_marker(&message.data) => Label::new(Side::Server, &message.data),
        (None, None) => Label::new(Side::Server, "text"),
    };
    let data = match (value, message.id) {
        (Some(Value::Object(mut map)), Some(id)) => {
            map.insert("@id".to_owned(), id_of(id));
            Value::Object(map)
        }
        (value, id) => {
            let value = value.unwrap_or(Value::String(message.data));
            let Some(id) = id else { return (label, value) };
            [("@data".to_owned(), value), ("@id".to_owned(), id_of(id))].into_iter().collect()
        }
    };
    (label, data)
}

/// Most servers count.
fn id_of(id: String) -> Value {
    match id.parse::<u64>() {
        Ok(number) if number.to_string() == id => Value::from(number),
        _ => Value::String(id),
    }
}

/// An object or a list; what else could be JSON may as well be a word of a text.
fn json_of(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    matches!(value, Value::Object(_) | Value::Array(_)).then_some(value)
}

/// Whether a text is a mark such as `[DONE]`, and so a name.
fn is_marker(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|word| {
        (1..=32).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The request that an event says; it is called as it will be when it is read again.
pub(super) fn encode(names: &HttpNames, label: &Label, data: &Value) -> Result<Vec<Payload>, EncodeError> {
    if label.as_str() == CANCEL {
        return Ok(Vec::new());
    }
    let said = |key: &str| data.get(key).and_then(Value::as_str);
    if let Some(path) = said("path").filter(|path| !path.starts_with(['/', '{'])) {
        return Err(EncodeError(format!("its path is `{path}`, which does not begin with /")));
    }
    let method = said("method").unwrap_or(if data.get("body").is_some() { "POST" } else { "GET" });
    let body = data.get("body").map(|body| {
        json::label(&names.json, Side::Client, body, &mut Requests::default(), &mut Known::default())
    });
    let own = match (body.filter(|own| own.name() != NAMELESS), said("path")) {
        (Some(own), _) => own,
        // Whose reply it is, only the session shows.
        (None, Some(_)) if label.name().starts_with("re:") => label.clone(),
        (None, Some(path)) => Label::new(Side::Client, &path_name(&names.requests, method, path)),
        // The target's own path is not known here.
        (None, None) => label.clone(),
    };
    // What is not filled yet may be anything.
    if own != *label && !own.as_str().contains("{{") {
        return Err(EncodeError(format!(
            "this request is called {own}, by its body, or its method and path"
        )));
    }
    Ok(vec![Payload::Text(data.to_string())])
}

/// What would send a request again.
fn request(head: &Head<'_>, method: &str, target: &str) -> Value {
    let body = if head.body.is_empty() {
        None
    } else {
        Some(json_of(head.body).unwrap_or_else(|| Value::from(head.body)))
    };
    let is_ours = |name: &str, value: &str| match name {
        "host" | "content-length" | "connection" | "user-agent" => true,
        // How a client connects, and what a browser says of itself and of its page.
        "transfer-encoding" | "accept-encoding" | "keep-alive" | "te" | "expect" => true,
        "origin" | "referer" | "accept-language" | "dnt" | "cache-control" | "pragma" | "priority" => true,
        name if name.starts_with("sec-") => true,
        "accept" => value == ACCEPT,
        "content-type" => value == JSON_BODY && body.as_ref().is_some_and(|body| !body.is_string()),
        name => is_credential_header(name),
    };
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        if !is_ours(&name.to_ascii_lowercase(), value) {
            headers.insert((*name).to_owned(), Value::from(*value));
        }
    }
    let mut data = Map::new();
    data.insert("method".to_owned(), Value::from(method));
    data.insert("path".to_owned(), Value::from(target));
    if !headers.is_empty() {
        data.insert("headers".to_owned(), Value::Object(headers));
    }
    data.extend(body.map(|body| ("body".to_owned(), body)));
    Value::Object(data)
}

/// Headers that say when and how an answer is carried.
const CARRIERS: [&str; 5] = ["date", "content-length", "transfer-encoding", "connection", "keep-alive"];

fn answer_head(head: &Head<'_>) -> Value {
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        let name = name.to_ascii_lowercase();
        if CARRIERS.contains(&name.as_str()) {
            continue;
        }
        match headers.entry(name).or_insert_with(|| Value::from("")) {
            Value::String(all) if all.is_empty() => all.push_str(value),
            Value::String(all) => {
                all.push_str(", ");
                all.push_str(value);
            }
            _ => {}
        }
    }
    Value::Object(headers)
}

/// `POST/v1/chat`, or what that is called; what looks like an id in the path is none of the name.
fn path_name(calls: &BTreeMap<String, String>, method: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let is_id = |part: &str| {
        if part.contains("{{") {
            return true;
        }
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        digits == part.len() || digits >= 4 || (digits > 0 && part.len() >= 16)
    };
    let parts = path.split('/').map(|part| if !part.is_empty() && is_id(part) { ":id" } else { part });
    let name = format!("{method}{}", parts.collect::<Vec<_>>().join("/"));
    calls.get(&name).cloned().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Decoder, Dialect, Event};
    use super::*;
    use crate::transcript::Offset;
    use serde_json::json;

    fn frame(conn: u32, side: Side, payload: Payload) -> Frame {
        Frame { conn, ..Frame::new(Offset::ZERO, side, payload) }
    }

    fn read(frames: &[(u32, Side, &str)]) -> Vec<(String, Value)> {
        let names = JsonNames { reply: Some("/id".to_owned()), ..JsonNames::both("/method") };
        let requests = [("POST/v1/chat".to_owned(), "ask".to_owned())].into();
        let mut decoder = Decoder::new(&Dialect::Sse(HttpNames { json: names, requests }));
        let payload = |text: &str| match text {
            "end" => Payload::Close { code: 1000, reason: String::new() },
            text => Payload::Text(text.to_owned()),
        };
        let frames = frames.iter().map(|(conn, side, text)| frame(*conn, *side, payload(text)));
        let events: Vec<Event> = frames.flat_map(|frame| decoder.feed(&frame).collect::<Vec<_>>()).collect();
        events.into_iter().map(|event| (event.label.as_str().to_owned(), event.data)).collect()
    }

    /// MCP: the client's answer to a question of the server's is a request of its own, at the path of all others.
    #[test]
    fn a_reply_in_a_request_is_said_whatever_its_path() {
        let names =
            HttpNames::from(JsonNames { reply: Some("/id".to_owned()), ..JsonNames::both("/method") });
        let label = Label::from(">re:sampling/createMessage");
        let body = json!({ "jsonrpc": "2.0", "id": 0, "result": {} });
        let request = json!({ "method": "POST", "path": "/mcp", "body": body });
        assert_eq!(encode(&names, &label, &request), Ok(vec![Payload::Text(request.to_string())]));
        let other = encode(&names, &Label::from(">ask"), &request);
        assert_eq!(other.map_err(|error| error.0.contains(">POST/mcp")), Err(true));
    }

    #[test]
    fn an_exchange_is_read_as_its_parts() {
        use Side::{Client, Server};
        let said = read(&[
            (
                0,
                Client,
                "POST /v1/chat HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
            ),
            (0, Server, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-A: 1\r\nX-A: 2\r\n\r\n"),
            (0, Server, ": hello\n\n"),
            (0, Server, "event: token\nid: 4\ndata: {\"text\":\n data: \n\n"),
            (0, Server, "event: token\nid: 05\ndata: {\"text\":\ndata: \"a\"}\n\n"),
            (0, Server, "data: 42\n\n"),
            (0, Server, "data: [DONE]\n\n"),
            (0, Server, "end"),
        ]);
        let expected = [
            (
                ">ask",
                json!({"method":"POST","path":"/v1/chat","headers":{"Accept":"text/event-stream"},"body":{"a":1}}),
            ),
            ("@200[ask]", json!({"content-type":"text/event-stream","x-a":"1, 2"})),
            ("token", json!({"@data":"{\"text\":","@id":4})),
            ("token", json!({"text":"a","@id":"05"})),
            ("text", json!("42")),
            ("[DONE]", json!("[DONE]")),
            ("@eof[ask]", json!({})),
        ];
        assert_eq!(said, expected.map(|(name, data)| (name.to_owned(), data)));
    }

    #[test]
    fn answers_side_by_side_are_kept_apart_and_replies_are_called_after_their_requests() {
        use Side::{Client, Server};
        let call =
            "POST /mcp HTTP/1.1\r\nHost: h\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}";
        let said = read(&[
            (0, Client, call),
            (1, Client, "GET /kernels/8f3a9c12-77/events?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"),
            (1, Server, "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n\r\n"),
            (0, Server, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
            (1, Server, "{\"detail\":\"none\"}"),
            (0, Server, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"progress\"}\n\n"),
            (1, Server, "end"),
            (0, Server, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r\n\r\n"),
            (0, Client, "end"),
        ]);
        let labels: Vec<&str> = said.iter().map(|(label, _)| label.as_str()).collect();
        let expected = [
            ">tools/call",
            ">GET/kernels/:id/events",
            "@404[GET/kernels/:id/events]",
            "@200[tools/call]",
            "re:GET/kernels/:id/events",
            "progress",
            "re:tools/call",
            ">@cancel",
        ];
        assert_eq!(labels, expected);
    }
}
