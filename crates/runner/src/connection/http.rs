//! A session of HTTP requests, as a client: the other half of [`super::client`], for servers that stream their answers.
//!
//! ```text
//! send → a task a request: TCP → (TLS) → request → head, then blocks of an event stream or a whole body → incoming
//! ```
//!
//! It speaks HTTP/1.1 itself, over the same [`Socket`] as a WebSocket: a client library would read ahead in a task of its
//! own, and when a message arrived could no longer be told. Each request has a connection of its own, so that giving one
//! up is leaving it, and concurrent ones do not wait for each other. Nothing is asked for that would have to be undone
//! later: no compression, no redirect is followed, no cookie is kept.

use super::chunks::Body;
use super::dial::{ConnectOptions, Line, Place, reach};
use super::error::{ConnectError, SendError};
use super::reader::{Arrived, Arriving, Batch, Incoming, WAITING};
use super::socket::Socket;
use super::upgrade::{MAX_HEAD, check_headers, parse_head};
use crate::auth::Trust;
use goldwire_core::dialect::{ACCEPT, BodyStream, JSON_BODY};
use goldwire_core::transcript::{Gap, Handshake, Payload, Stamps, Streaming};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// How many bytes are read at once.
const READ: usize = 16 * 1024;
/// A connection that waited longer for its first request is not used: servers close those.
const FRESH: Duration = Duration::from_secs(2);
/// What is said of an answer that is not whole.
const BROKEN: &str = "connection closed in the middle of the answer";

/// The requests of one session. Dropping it gives up those under way.
#[derive(Debug)]
pub(super) struct Requests {
    shared: Arc<SharedRequests>,
    out: mpsc::Sender<Box<Batch>>,
    /// The session's first connection, for its first request.
    first: Option<(Line, Instant)>,
    tasks: JoinSet<()>,
    running: BTreeMap<u32, Running>,
    next: u32,
}

/// A request under way.
#[derive(Debug)]
struct Running {
    task: AbortHandle,
    /// Whether its answer is complete, even if it was not taken yet.
    is_whole: Arc<AtomicBool>,
}

impl Running {
    fn goes_on(&self) -> bool {
        !self.task.is_finished() && !self.is_whole.load(Ordering::Acquire)
    }
}

/// What all requests of a session have in common.
#[derive(Debug)]
struct SharedRequests {
    place: Place,
    headers: Vec<(String, String)>,
    trust: Trust,
    timeout: Gap,
    max_message: usize,
    reset: bool,
    stamps: Stamps,
}

/// A session that is open, and nothing was asked yet.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) requests: Requests,
    pub(super) incoming: Arriving,
    pub(super) opened: Instant,
    pub(super) stamps: Stamps,
    pub(super) handshake: Handshake,
}

/// Opens a session.
pub(super) async fn open(options: &ConnectOptions) -> Result<Opened, ConnectError> {
    let place = Place::of_http(&options.request.url)?;
    check_headers(&options.request.headers, &[])?;
    let deadline = tokio::time::Instant::now() + Duration::from(options.timeout);
    let line = reach(&place, &options.trust, deadline, options.timeout).await?;
    let opened = Instant::now();
    let stamps = line.socket.stamps();
    let handshake = Handshake {
        peer: line.peer.to_string(),
        tls: line.tls.clone(),
        took: opened.duration_since(line.started).into(),
        tcp: line.connected.duration_since(line.started).into(),
        ..Handshake::default()
    };
    let (out, batches) = mpsc::channel(WAITING);
    let shared = Arc::new(SharedRequests {
        place,
        headers: options.request.headers.clone(),
        trust: options.trust.clone(),
        timeout: options.timeout,
        max_message: options.max_message,
        reset: options.reset,
        stamps,
    });
    let requests = Requests {
        shared,
        out,
        first: Some((line, opened)),
        tasks: JoinSet::new(),
        running: BTreeMap::new(),
        next: 0,
    };
    let incoming = Arriving::of_tasks(batches);
    Ok(Opened { requests, incoming, opened, stamps, handshake })
}

impl Requests {
    /// Begins a request: `{"method":"POST","path":"/chat","headers":{…},"body":{…}}`, or as a line `POST /chat {…}`.
    pub(super) fn send(&mut self, payload: &Payload) -> Result<(), SendError> {
        let text = match payload {
            Payload::Text(text) => text,
            Payload::Close { .. } => return Err(SendError::Closing),
            Payload::Binary(_)
            | Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Open(_)
            | Payload::Gone(_) => {
                return Err(SendError::NotAFrame("over HTTP only requests are sent"));
            }
        };
        let request = Request::read(text, &self.shared)?;
        // Those that have ended.
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|_, request| request.goes_on());
        let number = self.next;
        self.next += 1;
        let line = self.first.take().filter(|(_, opened)| opened.elapsed() < FRESH).map(|(line, _)| line);
        let is_whole = Arc::new(AtomicBool::new(false));
        let (shared, out) = (self.shared.clone(), self.out.clone());
        let exchange = Exchange { shared, number, out, is_whole: is_whole.clone() };
        let task = self.tasks.spawn(exchange.run(request, line));
        self.running.insert(number, Running { task, is_whole });
        Ok(())
    }

    /// Gives a request up: its connection is left.
    pub(super) fn cancel(&mut self, request: Option<u32>) -> Option<u32> {
        self.running.retain(|_, request| request.goes_on());
        let number = request.or_else(|| self.running.keys().next_back().copied())?;
        self.running.remove(&number).map(|request| {
            request.task.abort();
            number
        })
    }
}

/// A request, ready to be written. Not `Debug`: it may hold a token.
struct Request {
    method: String,
    text: String,
}

/// What was asked for, before anything is added that every request has.
struct Asked {
    method: String,
    path: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

impl Asked {
    fn read(text: &str) -> Result<Asked, SendError> {
        let asked = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(said)) => Asked::of_table(said)?,
            _ => Asked::of_line(text.trim()),
        };
        if asked.method.is_empty() || !asked.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(SendError::NotAFrame("a request begins with its method, e.g. POST"));
        }
        check_headers(&asked.headers, &[]).map_err(|_| SendError::NotAFrame("an invalid header"))?;
        Ok(asked)
    }

    fn of_table(mut said: Map<String, Value>) -> Result<Asked, SendError> {
        let body = said.remove("body").filter(|body| !body.is_null());
        let word = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
        let usual = if body.is_some() { "POST" } else { "GET" };
        let method = word("method").unwrap_or_else(|| usual.to_owned());
        let path = word("path");
        let mut headers = Vec::new();
        for (name, value) in said.get("headers").and_then(Value::as_object).into_iter().flatten() {
            match value {
                Value::String(value) => headers.push((name.clone(), value.clone())),
                Value::Number(number) => headers.push((name.clone(), number.to_string())),
                _ => return Err(SendError::NotAFrame("a request's headers are strings")),
            }
        }
        let is_known = |key: &String| matches!(key.as_str(), "method" | "path" | "headers");
        if !said.keys().all(is_known) || said.get("headers").is_some_and(|headers| !headers.is_object()) {
            return Err(SendError::NotAFrame(
                "a request has a method, a path, a table of headers and a body",
            ));
        }
        Ok(Asked { method, path, headers, body })
    }

    /// As it is typed: `POST /chat {"text":"…"}`.
    fn of_line(line: &str) -> Asked {
        let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (path, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let body = Some(body.trim()).filter(|body| !body.is_empty());
        Asked {
            method: method.to_owned(),
            path: Some(path.to_owned()).filter(|path| !path.is_empty()),
            headers: Vec::new(),
            body: body.map(|body| serde_json::from_str(body).unwrap_or_else(|_| Value::from(body))),
        }
    }
}

impl Request {
    fn read(text: &str, shared: &SharedRequests) -> Result<Request, SendError> {
        let Asked { method, path, headers, body } = Asked::read(text)?;
        let target = shared.target(path.as_deref());
        if !target.starts_with('/') || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(SendError::NotAFrame("a request's path begins with / and has no spaces"));
        }
        let is_json = body.as_ref().is_some_and(|body| !body.is_string());
        let body = match body {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        let has_length = !body.is_empty() || matches!(method.as_str(), "POST" | "PUT" | "PATCH");
        let length = body.len().to_string();
        let is_given = |list: &[(String, String)], name: &str| {
            list.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        // What the script says goes before what the target says, and that before what is usual.
        let mut lines: Vec<(String, String)> = Vec::new();
        lines.extend(shared.headers.iter().filter(|(name, _)| !is_given(&headers, name)).cloned());
        lines.extend(headers);
        for (name, value, is_wanted) in [
            ("Accept", ACCEPT, true),
            ("Content-Type", JSON_BODY, is_json),
            ("Content-Length", &length, has_length),
        ] {
            if is_wanted && !is_given(&lines, name) {
                lines.push((name.to_owned(), value.to_owned()));
            }
        }
        if !is_given(&lines, "host") {
            lines.insert(0, ("Host".to_owned(), shared.place.authority.clone()));
        }
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        for (name, value) in &lines {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&body);
        Ok(Request { method, text })
    }
}

impl SharedRequests {
    /// A path with the query that the target's URL has, where the path does not say otherwise: a token may stand there.
    fn target(&self, path: Option<&str>) -> String {
        let (usual, query) = self.place.path.split_once('?').unwrap_or((&self.place.path, ""));
        let mut target = path.unwrap_or(usual).to_owned();
        let own = target.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if !own.split('&').any(|other| name(other) == name(pair)) {
                target.push(if target.contains('?') { '&' } else { '?' });
                target.push_str(pair);
            }
        }
        target
    }
}

/// One request and its answer.
struct Exchange {
    shared: Arc<SharedRequests>,
    number: u32,
    out: mpsc::Sender<Box<Batch>>,
    is_whole: Arc<AtomicBool>,
}

/// Why nothing more comes of an answer.
enum Stop {
    /// It was broken off.
    Gone(String),
    /// A part of it is longer than we take.
    TooLong(String),
    /// Nobody listens any more.
    Unheard,
}

impl Exchange {
    async fn run(self, request: Request, line: Option<Line>) {
        let what = match self.exchange(&request, line).await {
            Ok(()) | Err(Stop::Unheard) => return,
            Err(Stop::Gone(detail)) => Arrived::Gone(detail),
            Err(Stop::TooLong(detail)) => Arrived::TooLong(detail),
        };
        // Without a receiver, the session is over.
        let _ = self.tell(vec![self.incoming((Instant::now(), Gap::ZERO), what)]).await;
    }

    fn incoming(&self, (at, earlier): (Instant, Gap), what: Arrived) -> Incoming {
        Incoming { at, earlier, request: self.number, what }
    }

    async fn tell(&self, batch: Vec<Incoming>) -> Result<(), Stop> {
        if batch.is_empty() {
            return Ok(());
        }
        self.out.send(Batch::of(batch)).await.map_err(|_| Stop::Unheard)
    }

    async fn exchange(&self, request: &Request, line: Option<Line>) -> Result<(), Stop> {
        let shared = &self.shared;
        let line = match line {
            Some(line) => line,
            None => {
                let deadline = tokio::time::Instant::now() + Duration::from(shared.timeout);
                let reached = reach(&shared.place, &shared.trust, deadline, shared.timeout).await;
                reached.map_err(|error| Stop::Gone(error.to_string()))?
            }
        };
        let mut socket = line.socket;
        if shared.reset {
            socket.tcp().set_zero_linger()?;
        }
        let sent = Arrived::Sent(Payload::Text(request.text.clone()));
        self.tell(vec![self.incoming((Instant::now(), Gap::ZERO), sent)]).await?;
        socket.write_all(request.text.as_bytes()).await?;
        socket.flush().await?;
        let mut bytes = Vec::new();
        loop {
            let head = parse_head(&bytes).map_err(|error| match error {
                ConnectError::Protocol(cause) => Stop::Gone(cause),
                error => Stop::Gone(error.to_string()),
            })?;
            if let Some((status, headers, len)) = head {
                let rest = bytes.split_off(len);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                bytes = rest;
                let streaming = Streaming::after(&text);
                let stamp = socket.newest().of(bytes.is_empty(), shared.stamps);
                self.tell(vec![self.incoming(stamp, Arrived::Frame(Payload::Text(text)))]).await?;
                if status == 101 {
                    return Err(Stop::Gone("the server changed to another protocol, unasked".to_owned()));
                }
                if status >= 200 {
                    let body = Body::of(&request.method, status, &headers).map_err(Stop::Gone)?;
                    return self.body(socket, body, streaming, bytes).await;
                }
                continue;
            }
            if bytes.len() > MAX_HEAD {
                return Err(Stop::Gone(format!("the answer's head is longer than {MAX_HEAD} bytes")));
            }
            if socket.read_buf(&mut bytes).await? == 0 {
                return Err(Stop::Gone("connection closed before an answer".to_owned()));
            }
        }
    }

    /// The answer's body, to its end.
    async fn body(
        &self,
        mut socket: Socket,
        mut body: Body,
        streaming: Option<Streaming>,
        rest: Vec<u8>,
    ) -> Result<(), Stop> {
        let shared = &self.shared;
        let (mut stream, mut whole) = (streaming.map(BodyStream::new), Vec::new());
        let (mut bytes, mut is_all, mut is_closed) = (rest, true, false);
        loop {
            let mut content = Vec::new();
            body.feed(&bytes, &mut content).map_err(Stop::Gone)?;
            let mut batch = Vec::new();
            if let Some(stream) = &mut stream {
                stream.push(&content);
                let found: Vec<Vec<u8>> = std::iter::from_fn(|| stream.next_message()).collect();
                let count = found.len();
                let is_end = stream.pending() == 0 && is_all && !body.is_whole();
                for (index, message) in found.into_iter().enumerate() {
                    let stamp = socket.newest().of(index + 1 == count && is_end, shared.stamps);
                    batch.push(self.incoming(stamp, Arrived::Frame(payload(message))));
                }
            } else {
                whole.append(&mut content);
            }
            let waiting = stream.as_ref().map_or(whole.len(), BodyStream::pending);
            self.tell(batch).await?;
            if waiting > shared.max_message {
                let what = if stream.is_some() { "a message of a stream" } else { "a body" };
                let limit = shared.max_message;
                return Err(Stop::TooLong(format!("{what} longer than max_message = {limit}")));
            }
            let is_whole = body.is_whole() || (is_closed && matches!(body, Body::UntilClosed));
            if is_whole || is_closed {
                let stamp = if is_closed {
                    (Instant::now(), Gap::ZERO)
                } else {
                    socket.newest().of(is_all, shared.stamps)
                };
                let left = stream.map_or(whole, BodyStream::rest);
                let mut batch = Vec::new();
                if !left.is_empty() {
                    batch.push(self.incoming(stamp, Arrived::Frame(payload(left))));
                }
                if is_whole {
                    // Before it is sent on: a received answer must not be cancelled.
                    self.is_whole.store(true, Ordering::Release);
                    let end = Payload::Close { code: 1000, reason: String::new() };
                    batch.push(self.incoming(stamp, Arrived::Frame(end)));
                }
                self.tell(batch).await?;
                return if is_whole { Ok(()) } else { Err(Stop::Gone(BROKEN.to_owned())) };
            }
            bytes.resize(READ, 0);
            match socket.read(&mut bytes).await {
                Ok(count) => {
                    (is_all, is_closed) = (count < bytes.len(), count == 0);
                    bytes.truncate(count);
                }
                // TLS without its own goodbye is what most servers do when they end abruptly.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    is_closed = true;
                    bytes.clear();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn payload(bytes: Vec<u8>) -> Payload {
    String::from_utf8(bytes).map_or_else(|error| Payload::Binary(error.into_bytes()), Payload::Text)
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Gone(match error.kind() {
            io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
            io::ErrorKind::UnexpectedEof => BROKEN.to_owned(),
            _ => error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::open_http as open;
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    /// A real server that reads a request and answers with these parts, one write each, as soon as they are sent on.
    async fn serve(parts: &'static [&'static [u8]]) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/usual?key=k", listener.local_addr().expect("it is bound"));
        let server = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.expect("a client");
            tcp.set_nodelay(true).expect("it is TCP");
            let request = read_request(&mut tcp).await;
            for part in parts {
                tcp.write_all(part).await.expect("the client reads");
                tokio::task::yield_now().await;
            }
            request
        });
        (url, server)
    }

    async fn read_request(tcp: &mut TcpStream) -> String {
        let mut text = String::new();
        let mut buffer = [0; 1024];
        loop {
            let count = tcp.read(&mut buffer).await.expect("a request");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            let length =
                text.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
            if body.is_some_and(|len| len >= length.unwrap_or(0)) {
                return text;
            }
        }
    }

    fn within(url: &str) -> ConnectOptions {
        let mut options = ConnectOptions::new(url);
        options.request.headers.push(("X-Usual".to_owned(), "1".to_owned()));
        options.max_message = 1000;
        options
    }

    /// All that arrives of one request, in words.
    async fn ask(url: &str, request: &str) -> Vec<String> {
        let (mut connection, handshake) = open(&within(url)).await.expect("somebody listens");
        assert!(url.contains(&handshake.peer) && handshake.status == 0);
        connection.sender.send(Payload::Text(request.to_owned())).await.expect("it is a request");
        let mut seen = Vec::new();
        let mut last = connection.opened;
        while let Some(incoming) = connection.incoming.recv().await {
            assert_eq!(incoming.request, 0);
            let (text, is_over) = match incoming.what {
                Arrived::Sent(Payload::Text(_)) => continue,
                Arrived::Frame(Payload::Text(text)) => (text, false),
                Arrived::Frame(Payload::Binary(bytes)) => (format!("{bytes:?}"), false),
                Arrived::Frame(Payload::Close { code, .. }) => (format!("end {code}"), true),
                Arrived::Gone(detail) => (format!("gone: {detail}"), true),
                Arrived::TooLong(detail) => (format!("too long: {detail}"), true),
                other => panic!("{other:?}"),
            };
            assert!(incoming.at >= last, "in the order of their arrival");
            last = incoming.at;
            seen.push(text);
            if is_over {
                break;
            }
        }
        seen
    }

    const STREAM: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[tokio::test]
    async fn a_stream_arrives_block_by_block_however_it_is_cut() {
        let parts: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-str",
            b"eam\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n: hi\n\nevent: a\ndata: {\"x\":1}\n\r\n8",
            b"\r\n\ndata: b\r\n3\r\n\n\nd\r\n",
            b"2\r\nat\r\n0\r\n\r\n",
        ];
        let (url, server) = serve(parts).await;
        let seen = ask(&url, r#"{"path":"/x?a=1","headers":{"X-Usual":"2"},"body":{"q":"ü"}}"#).await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(
            seen,
            [head, ": hi\n\n", "event: a\ndata: {\"x\":1}\n\n", "data: b\n\n", "dat", "end 1000"]
        );
        let request = server.await.expect("it served");
        let host = url.trim_start_matches("http://").trim_end_matches("/usual?key=k");
        let expected = format!(
            "POST /x?a=1&key=k HTTP/1.1\r\nHost: {host}\r\nX-Usual: 2\r\nAccept: {ACCEPT}\r\nContent-Type: {JSON_BODY}\r\n\
             Content-Length: 10\r\n\r\n{{\"q\":\"ü\"}}"
        );
        assert_eq!(request, expected);
    }

    #[tokio::test]
    async fn answers_that_are_no_stream_are_whole_or_told_why_not() {
        for (answer, expected) in [
            (&b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n{\"no\":\"u\"}"[..], "{\"no\":\"u\"|end 1000"),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end|end 1000"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", "HTTP/1.1 204 None\r\n\r\n|end 1000"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe", "[255, 254]|end 1000"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                "half|gone: connection closed in the middle of the answer",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
                "gone: a chunk with an invalid size: \"z\"",
            ),
            (
                b"SSH-2.0-OpenSSH\r\n",
                "gone: the answer is not HTTP/1.1: it begins with \"SSH-2.0-OpenSSH\\r\\n\"",
            ),
            (b"", "gone: connection closed before an answer"),
            (b"HTTP/1.1 101 Ho\r\n\r\n", "gone: the server changed to another protocol, unasked"),
        ] {
            let (url, _server) = serve(vec![answer].leak()).await;
            let seen = ask(&url, "GET /x").await;
            let from = if expected.contains('|') { 1 } else { usize::from(seen.len() > 1) };
            assert_eq!(seen[from..].join("|"), expected, "{seen:?}");
        }
    }

    #[tokio::test]
    async fn what_never_ends_passes_its_limit() {
        let line = [STREAM.as_bytes(), b"7d0\r\ndata: ", &[b'x'; 1994], b"\r\n"].concat();
        let body = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 2000]].concat();
        let head = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; MAX_HEAD]].concat();
        for (answer, expected) in [
            (line, "too long: a message of a stream longer than max_message = 1000"),
            (body, "too long: a body longer than max_message = 1000"),
            (head, "gone: the answer's head is longer than 65536 bytes"),
        ] {
            let (url, _server) = serve(vec![&*answer.leak()].leak()).await;
            assert_eq!(ask(&url, "GET /x").await.last().map(String::as_str), Some(expected));
        }
    }

    #[tokio::test]
    async fn giving_a_request_up_is_leaving_its_connection_and_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let (mut connection, _) = open(&within(&url)).await.expect("it listens");
        let mut clients = Vec::new();
        for number in 0..2u32 {
            connection.sender.send(Payload::Text(format!("GET /{number}"))).await.expect("it is a request");
            let (mut tcp, _) = listener.accept().await.expect("a client");
            assert!(read_request(&mut tcp).await.starts_with(&format!("GET /{number} HTTP/1.1\r\n")));
            clients.push(tcp);
        }
        assert_eq!(connection.sender.cancel(Some(0)), Some(0));
        assert_eq!(clients[0].read(&mut [0; 8]).await.expect("it is closed in order"), 0);
        assert_eq!(connection.sender.cancel(Some(0)), None, "there is nothing left to give up");
        clients[1].write_all(b"HTTP/1.1 204 None\r\n\r\n").await.expect("it is still there");
        loop {
            let incoming = connection.incoming.recv().await.expect("an answer");
            if let Arrived::Frame(Payload::Close { .. }) = incoming.what {
                assert_eq!(incoming.request, 1);
                break;
            }
        }
        for wrong in [
            "",
            "get /x",
            "GET x",
            r#"{"path":"/x y"}"#,
            r#"{"paht":"/x"}"#,
            r#"{"path":"/","headers":{"a b":"1"}}"#,
        ] {
            let said = connection.sender.send(Payload::Text(wrong.to_owned())).await;
            assert!(matches!(said, Err(SendError::NotAFrame(_))), "{wrong}");
        }
    }
}
