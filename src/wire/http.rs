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
use super::client::{Arrived, Arriving, BATCH_BYTES, ConnectOptions, Connection, Incoming, Line, Place, SendError, Sender, WAITING, reach};
use super::socket::Socket;
use super::upgrade::{ConnectError, MAX_HEAD, check_headers, parse_head};
use crate::auth::Trust;
use crate::dialect::sse::Blocks;
use crate::dialect::{ACCEPT, JSON_BODY};
use crate::transcript::{Gap, Handshake, Head, Payload, Stamps};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// How many bytes are read at once.
const READ: usize = 16 * 1024;
/// A connection that waited longer for its first request is not used: servers close those.
const FRESH: Duration = Duration::from_secs(2);

/// The requests of one session. Dropping it gives up those under way.
#[derive(Debug)]
pub(super) struct Requests {
    ground: Arc<Ground>,
    out: mpsc::Sender<Vec<Incoming>>,
    /// The session's first connection, for its first request.
    first: Option<(Line, Instant)>,
    tasks: JoinSet<()>,
    running: BTreeMap<u32, AbortHandle>,
    next: u32,
}

/// What all requests of a session have in common.
#[derive(Debug)]
struct Ground {
    place: Place,
    headers: Vec<(String, String)>,
    trust: Trust,
    timeout: Gap,
    max_message: usize,
    reset: bool,
    stamps: Stamps,
}

/// Opens a session: there is a connection then, and nothing was asked yet.
///
/// # Errors
/// When nobody can be reached.
pub async fn open(options: &ConnectOptions) -> Result<(Connection, Handshake), ConnectError> {
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
    let ground = Arc::new(Ground {
        place,
        headers: options.request.headers.clone(),
        trust: options.trust.clone(),
        timeout: options.timeout,
        max_message: options.max_message,
        reset: options.reset,
        stamps,
    });
    let requests = Requests {
        ground,
        out,
        first: Some((line, opened)),
        tasks: JoinSet::new(),
        running: BTreeMap::new(),
        next: 0,
    };
    let incoming = Arriving::new(batches);
    Ok((Connection { sender: Sender::http(requests), incoming, opened, stamps }, handshake))
}

impl Requests {
    /// Begins a request: `{"method":"POST","path":"/chat","headers":{…},"body":{…}}`, or as a line `POST /chat {…}`.
    pub(super) fn send(&mut self, payload: &Payload) -> Result<(), SendError> {
        let text = match payload {
            Payload::Text(text) => text,
            Payload::Close { .. } => return Err(SendError::Closing),
            Payload::Binary(_) | Payload::Ping(_) | Payload::Pong(_) | Payload::Open(_) | Payload::Gone(_) => {
                return Err(SendError::NotAFrame("over HTTP only requests are sent"));
            }
        };
        let request = Request::read(text, &self.ground)?;
        // Those that have ended.
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|_, task| !task.is_finished());
        let number = self.next;
        self.next += 1;
        let line = self.first.take().filter(|(_, opened)| opened.elapsed() < FRESH).map(|(line, _)| line);
        let exchange = Exchange { ground: self.ground.clone(), number, out: self.out.clone() };
        let task = self.tasks.spawn(exchange.run(request, line));
        self.running.insert(number, task);
        Ok(())
    }

    /// Gives a request up: its connection is left.
    pub(super) fn cancel(&mut self, request: Option<u32>) -> Option<u32> {
        self.running.retain(|_, task| !task.is_finished());
        let number = request.or_else(|| self.running.keys().next_back().copied())?;
        self.running.remove(&number).map(|task| {
            task.abort();
            number
        })
    }
}

/// A request, ready to be written.
struct Request {
    method: String,
    text: String,
}

impl Request {
    fn read(text: &str, ground: &Ground) -> Result<Request, SendError> {
        let wrong = SendError::NotAFrame;
        let (method, path, headers, body) = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(mut said)) => {
                let body = said.remove("body").filter(|body| !body.is_null());
                let usual = if body.is_some() { "POST" } else { "GET" };
                let word = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
                let method = word("method").unwrap_or_else(|| usual.to_owned());
                let headers = match said.get("headers") {
                    Some(Value::Object(headers)) => headers.clone(),
                    None => serde_json::Map::new(),
                    Some(_) => return Err(wrong("a request's `headers` are a table")),
                };
                let is_known = |key: &String| matches!(key.as_str(), "method" | "path" | "headers");
                if !said.keys().all(is_known) {
                    return Err(wrong("a request has `method`, `path`, `headers` and `body`"));
                }
                (method, word("path"), headers, body)
            }
            _ => {
                let (method, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
                let (path, body) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
                let body = Some(body.trim()).filter(|body| !body.is_empty());
                let body = body.map(|body| serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)));
                let path = Some(path.to_owned()).filter(|path| !path.is_empty());
                (method.to_owned(), path, serde_json::Map::new(), body)
            }
        };
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("a request begins with its method, e.g. POST"));
        }
        let target = ground.target(path.as_deref());
        if !target.starts_with('/') || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(wrong("a request's path begins with / and has no blanks"));
        }
        let mut own = Vec::new();
        for (name, value) in &headers {
            match value {
                Value::String(value) => own.push((name.clone(), value.clone())),
                Value::Number(number) => own.push((name.clone(), number.to_string())),
                _ => return Err(wrong("a request's headers are strings")),
            }
        }
        check_headers(&own, &[]).map_err(|_| wrong("a header that no request can have"))?;
        let (body, kind) = match body {
            None => (String::new(), None),
            Some(Value::String(text)) => (text, None),
            Some(value) => (value.to_string(), Some(JSON_BODY)),
        };
        // What the script says goes before what the target says, and that before what is usual.
        let is_given = |list: &[(String, String)], name: &str| list.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut lines = vec![("Host".to_owned(), ground.place.authority.clone())];
        lines.extend(ground.headers.iter().filter(|(name, _)| !is_given(&own, name)).cloned());
        lines.extend(own);
        lines.extend([("Accept", ACCEPT)].map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().filter(|(name, _)| !is_given(&lines, name)).collect::<Vec<_>>());
        if let Some(kind) = kind.filter(|_| !is_given(&lines, "content-type")) {
            lines.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        if (!body.is_empty() || matches!(method.as_str(), "POST" | "PUT" | "PATCH")) && !is_given(&lines, "content-length") {
            lines.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        for (index, (name, value)) in lines.iter().enumerate() {
            // A given host replaces ours.
            if index > 0 || !is_given(&lines[1..], "host") {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        text.push_str(&body);
        Ok(Request { method, text })
    }
}

impl Ground {
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
    ground: Arc<Ground>,
    number: u32,
    out: mpsc::Sender<Vec<Incoming>>,
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
        // When nobody listens, the session is over.
        let _ = self.tell(vec![self.incoming((Instant::now(), Gap::ZERO), what)]).await;
    }

    fn incoming(&self, (at, earlier): (Instant, Gap), what: Arrived) -> Incoming {
        Incoming { at, earlier, request: self.number, what }
    }

    async fn tell(&self, batch: Vec<Incoming>) -> Result<(), Stop> {
        if batch.is_empty() {
            return Ok(());
        }
        self.out.send(batch).await.map_err(|_| Stop::Unheard)
    }

    async fn exchange(&self, request: &Request, line: Option<Line>) -> Result<(), Stop> {
        let ground = &self.ground;
        let line = match line {
            Some(line) => line,
            None => {
                let deadline = tokio::time::Instant::now() + Duration::from(ground.timeout);
                let reached = reach(&ground.place, &ground.trust, deadline, ground.timeout).await;
                reached.map_err(|error| Stop::Gone(error.to_string()))?
            }
        };
        let mut socket = line.socket;
        if ground.reset {
            socket.tcp().set_zero_linger().map_err(gone)?;
        }
        let sent = Arrived::Sent(Payload::Text(request.text.clone()));
        self.tell(vec![self.incoming((Instant::now(), Gap::ZERO), sent)]).await?;
        socket.write_all(request.text.as_bytes()).await.map_err(gone)?;
        socket.flush().await.map_err(gone)?;
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
                let is_stream = Head::read(&text).is_some_and(|head| head.is_stream());
                let stamp = socket.arrivals().newest(bytes.is_empty(), ground.stamps);
                self.tell(vec![self.incoming(stamp, Arrived::Frame(Payload::Text(text)))]).await?;
                if status == 101 {
                    return Err(Stop::Gone("the server changed to another protocol, unasked".to_owned()));
                }
                if status >= 200 {
                    let body = Body::of(&request.method, status, &headers).map_err(Stop::Gone)?;
                    return self.body(socket, body, is_stream, bytes).await;
                }
                continue;
            }
            if bytes.len() > MAX_HEAD {
                return Err(Stop::Gone(format!("the answer's head is longer than {MAX_HEAD} bytes")));
            }
            if socket.read_buf(&mut bytes).await.map_err(gone)? == 0 {
                return Err(Stop::Gone("connection closed before an answer".to_owned()));
            }
        }
    }

    /// The answer's body, to its end.
    async fn body(&self, mut socket: Socket, mut body: Body, is_stream: bool, rest: Vec<u8>) -> Result<(), Stop> {
        let ground = &self.ground;
        let (mut blocks, mut whole) = (Blocks::default(), Vec::new());
        let (mut bytes, mut is_all, mut is_closed) = (rest, true, false);
        loop {
            let mut content = Vec::new();
            body.feed(&bytes, &mut content).map_err(Stop::Gone)?;
            let mut batch = Vec::new();
            if is_stream {
                blocks.push(&content);
                let mut found: Vec<Vec<u8>> = std::iter::from_fn(|| blocks.next_block()).collect();
                let last = found.len().wrapping_sub(1);
                let is_end = blocks.pending() == 0 && is_all && !body.is_whole();
                for (index, block) in found.drain(..).enumerate() {
                    let stamp = socket.arrivals().newest(index == last && is_end, ground.stamps);
                    batch.push(self.incoming(stamp, Arrived::Frame(payload(block))));
                }
            } else {
                whole.append(&mut content);
            }
            let waiting = blocks.pending().max(whole.len());
            self.tell(batch).await?;
            if waiting > ground.max_message {
                let what = if is_stream { "a message of a stream" } else { "a body" };
                let limit = ground.max_message;
                return Err(Stop::TooLong(format!("{what} longer than max_message = {limit}")));
            }
            let is_whole = body.is_whole() || (is_closed && matches!(body, Body::UntilClosed));
            if is_whole || is_closed {
                let stamp = if is_closed {
                    (Instant::now(), Gap::ZERO)
                } else {
                    socket.arrivals().newest(is_all, ground.stamps)
                };
                let left = if is_stream { blocks.rest() } else { whole };
                let mut batch = Vec::new();
                if !left.is_empty() {
                    batch.push(self.incoming(stamp, Arrived::Frame(payload(left))));
                }
                if is_whole {
                    let end = Payload::Close { code: 1000, reason: String::new() };
                    batch.push(self.incoming(stamp, Arrived::Frame(end)));
                }
                self.tell(batch).await?;
                return if is_whole { Ok(()) } else { Err(Stop::Gone("connection closed in the middle of the answer".to_owned())) };
            }
            bytes.resize(READ.min(BATCH_BYTES), 0);
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
                Err(error) => return Err(gone(error)),
            }
        }
    }
}

fn payload(bytes: Vec<u8>) -> Payload {
    String::from_utf8(bytes).map_or_else(|error| Payload::Binary(error.into_bytes()), Payload::Text)
}

fn gone(error: io::Error) -> Stop {
    Stop::Gone(match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed in the middle of the answer".to_owned(),
        _ => error.to_string(),
    })
}
