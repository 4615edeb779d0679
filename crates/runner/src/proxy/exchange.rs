//! One request and its answer, passed on and written down.
//!
//! ```text
//! client → request → server        its frame is recorded when it is whole, or when the answer begins
//! client ← head, messages ← server each message of a stream is a frame, another body is one
//! ```
//!
//! Bytes are passed on first and read then. What cannot be read ends the recording of the session, not the exchange.

use super::credentials::Shown;
use super::head::{self, Head, HeadError, Kind};
use super::http_sessions::{Begun, HttpSession, HttpSessions};
use super::plain;
use super::relay::{self, Arrival, Ended, Watcher};
use super::request::{Asked, Origins, answer};
use super::shared::Shared;
use crate::connection::{Body, Line, Socket};
use goldwire_core::dialect::BodyStream;
use goldwire_core::transcript::{Gap, Handshake, Payload, Side, Stamps, Streaming};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

/// How many bytes of a request are read at once before its answer begins.
const READ: usize = 16 * 1024;
/// How long an answer may still take when the client has ended its half of the connection.
const LINGER: Duration = Duration::from_secs(10);
/// How long the head of an answer may take: a model may think for minutes.
const ANSWER: Duration = Duration::from_secs(600);

/// Whether a request is one of the application's: a script of a page or a program sends it. Browsers say what they fetch a
/// page's parts for (Fetch Metadata, `Sec-Fetch-Dest`), and ask before a request to another origin (`OPTIONS`).
pub(super) fn is_of_the_application(head: &Head, paths: &[String]) -> bool {
    let (method, target, _) = head.request();
    let is_fetched_by_script = head.values("sec-fetch-dest").all(|dest| dest == "empty");
    let is_wanted = paths.is_empty() || paths.iter().any(|path| target.starts_with(path.as_str()));
    method != "OPTIONS" && is_fetched_by_script && is_wanted
}

/// Passes a request on, and its answer back, and records both.
pub(super) async fn pass(
    sessions: &Arc<HttpSessions>,
    stream: &mut Socket,
    asked: Asked,
    line: Line,
    origins: Origins,
    mut stop: watch::Receiver<bool>,
) {
    let shared = sessions.shared();
    let Line { socket: mut server, peer, tls, started, connected } = line;
    let redactor = shared.redactor();
    let mut shown = Shown::default();
    shown.request(&asked.head, &redactor);
    let (method, target, _) = asked.head.request();
    let scheme = if shared.to.tls { "https" } else { "http" };
    let session = sessions.of(asked.client.ip(), shown, redactor);
    session.grant(|shown, redactor| shown.request(&asked.head, redactor));
    let handshake = Handshake {
        peer: peer.to_string(),
        tls,
        took: connected.duration_since(started).into(),
        tcp: connected.duration_since(started).into(),
        ..Handshake::default()
    };
    let both = [stream.newest().stamps(), server.newest().stamps()];
    let stamps = if both == [Stamps::Kernel; 2] { Stamps::Kernel } else { Stamps::User };
    let url = format!("{scheme}://{}{target}", shared.to.authority);
    let at = Instant::now();
    let number = session.begin(shared, &Begun { url: &url, handshake: &handshake, stamps, at });
    let mut tape = ExchangeTape::new(shared.clone(), session, number, stamps, &asked.head);
    tape.method = method.to_owned();
    let outcome = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return tape.interrupt(),
        outcome = exchange(stream, &mut server, asked, &origins, &mut tape) => outcome,
    };
    tape.finish(outcome);
}

/// How an exchange ended, if not with a whole answer.
enum Broken {
    /// The server's side failed.
    Server(String),
    /// The client left, at this time.
    Client(Instant),
}

async fn exchange(
    client: &mut Socket,
    server: &mut Socket,
    asked: Asked,
    origins: &Origins,
    tape: &mut ExchangeTape,
) -> Result<(), Broken> {
    let Asked { head, rest, .. } = asked;
    tape.request(&rest, client.newest().of(true, tape.stamps));
    let sent = async {
        server.write_all(&head.to_bytes()).await?;
        server.write_all(&rest).await?;
        server.flush().await
    };
    if let Err(error) = sent.await {
        return Err(failed(client, &error.to_string()).await);
    }
    let mut buffer = Vec::with_capacity(2048);
    let head = loop {
        let answered = timeout(ANSWER, answer_head(client, server, &mut buffer, tape)).await;
        let mut head = match answered {
            Ok(Ok(Some(head))) => head,
            Ok(Ok(None)) => return Err(Broken::Client(Instant::now())),
            Ok(Err(error)) => return Err(failed(client, &error.to_string()).await),
            Err(_) => return Err(failed(client, "no answer came").await),
        };
        tape.answer_head(&head, server.newest().of(buffer.is_empty(), tape.stamps));
        // RFC 9110, 15.2: an interim response comes before the answer itself.
        let is_interim = (100..200).contains(&head.status);
        if !is_interim {
            plain::close_after(&mut head, origins);
        }
        if client.write_all(&head.to_bytes()).await.is_err() || client.flush().await.is_err() {
            return Err(Broken::Client(Instant::now()));
        }
        if !is_interim {
            break head;
        }
    };
    drop(head);
    let outcome = relay::relay(client, server, [Vec::new(), buffer], tape).await;
    match outcome.first {
        _ if tape.is_answered || tape.is_lost => Ok(()),
        Side::Client => Err(Broken::Client(outcome.ended.at)),
        Side::Server => {
            let error = outcome.ended.error;
            Err(Broken::Server(
                error.unwrap_or_else(|| "connection closed in the middle of the answer".to_owned()),
            ))
        }
    }
}

/// Reads the head of the next answer, while the rest of the request is passed on. `None` if the client has left.
async fn answer_head(
    client: &mut Socket,
    server: &mut Socket,
    buffer: &mut Vec<u8>,
    tape: &mut ExchangeTape,
) -> Result<Option<Head>, HeadError> {
    let mut more = Vec::with_capacity(READ);
    let mut is_all = false;
    let mut deadline = pin!(tokio::time::sleep(LINGER));
    loop {
        if let Some((head, len)) = Head::parse(Kind::Response, buffer)? {
            buffer.drain(..len);
            return Ok(Some(head));
        }
        if buffer.len() > head::MAX_HEAD {
            return Err(HeadError::TooLong);
        }
        tokio::select! {
            read = server.read_buf(buffer) => if read? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            },
            read = client.read_buf(&mut more), if !is_all => match read {
                Ok(0) if tape.is_asked => {
                    is_all = true;
                    deadline.as_mut().reset(tokio::time::Instant::now() + LINGER);
                }
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {
                    server.write_all(&more).await?;
                    server.flush().await?;
                    tape.request(&more, client.newest().of(true, tape.stamps));
                    more.clear();
                }
            },
            () = deadline.as_mut(), if is_all => return Ok(None),
        }
    }
}

/// Tells the client that there is no answer.
async fn failed(client: &mut Socket, cause: &str) -> Broken {
    answer(client, "502 Bad Gateway", &format!("goldwire proxy: the server's answer: {cause}")).await;
    Broken::Server(format!("the server's answer: {cause}"))
}

/// What one exchange leaves behind.
struct ExchangeTape {
    shared: Arc<Shared>,
    session: Arc<HttpSession>,
    number: u32,
    stamps: Stamps,
    method: String,
    /// The request's head, and what has come of its body.
    asking: Vec<u8>,
    request: Body,
    /// Whether the request is whole and recorded.
    is_asked: bool,
    response: Body,
    stream: Option<BodyStream>,
    whole: Vec<u8>,
    /// Whether the answer is whole and recorded.
    is_answered: bool,
    is_lost: bool,
    has_ended: bool,
    /// Comes when the recorder has written enough for more to be read.
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl ExchangeTape {
    fn new(
        shared: Arc<Shared>,
        session: Arc<HttpSession>,
        number: u32,
        stamps: Stamps,
        head: &Head,
    ) -> ExchangeTape {
        let request = Body::of_request(&head.as_text());
        let mut tape = ExchangeTape {
            shared,
            session,
            number,
            stamps,
            method: String::new(),
            asking: head.to_bytes(),
            request: Body::Whole,
            is_asked: false,
            response: Body::Whole,
            stream: None,
            whole: Vec::new(),
            is_answered: false,
            is_lost: false,
            has_ended: false,
            room: None,
        };
        match request {
            Ok(body) => tape.request = body,
            Err(cause) => tape.lose(&cause),
        }
        tape
    }

    fn lose(&mut self, cause: &str) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.session.lose(&self.shared, cause);
        }
    }

    fn add(&self, side: Side, stamp: (Instant, Gap), bytes: Vec<u8>) {
        let payload =
            String::from_utf8(bytes).map_or_else(|error| Payload::Binary(error.into_bytes()), Payload::Text);
        self.session.add(self.number, side, stamp, payload);
    }

    /// More of the request, or nothing more than its head.
    fn request(&mut self, bytes: &[u8], stamp: (Instant, Gap)) {
        if self.is_asked || self.is_lost {
            return;
        }
        if let Err(cause) = self.request.feed(bytes, &mut self.asking) {
            return self.lose(&cause);
        }
        self.limit(self.asking.len(), "a request");
        if self.request.is_whole() {
            self.asked(stamp);
        }
    }

    /// Records the request, as far as it has come.
    fn asked(&mut self, stamp: (Instant, Gap)) {
        if !std::mem::replace(&mut self.is_asked, true) && !self.is_lost {
            let request = std::mem::take(&mut self.asking);
            if let Ok(text) = std::str::from_utf8(&request)
                && let Some((_, body)) = text.split_once("\r\n\r\n")
            {
                let payload = Payload::Text(body.to_owned());
                self.session.grant(|shown, redactor| shown.message(&payload, redactor));
            }
            self.add(Side::Client, stamp, request);
        }
    }

    fn answer_head(&mut self, head: &Head, stamp: (Instant, Gap)) {
        self.asked(stamp);
        if self.is_lost {
            return;
        }
        self.session.grant(|shown, redactor| shown.response(head, redactor));
        let bytes = head.to_bytes();
        if head.status >= 200 {
            self.stream = Streaming::after(&String::from_utf8_lossy(&bytes)).map(BodyStream::new);
            match Body::of(&self.method, head.status, &head.as_text()) {
                Ok(body) => self.response = body,
                Err(cause) => self.lose(&cause),
            }
        }
        self.add(Side::Server, stamp, bytes);
        if head.status >= 200 && self.response.is_whole() {
            self.answered(stamp);
        }
    }

    /// More of the answer.
    fn response(&mut self, bytes: &[u8], came: Arrival) {
        if self.is_answered || self.is_lost {
            return;
        }
        let mut content = Vec::new();
        if let Err(cause) = self.response.feed(bytes, &mut content) {
            return self.lose(&cause);
        }
        if let Some(stream) = &mut self.stream {
            stream.push(&content);
            let found: Vec<Vec<u8>> = std::iter::from_fn(|| stream.next_message()).collect();
            let (count, pending) = (found.len(), stream.pending());
            let is_end = pending == 0 && !self.response.is_whole();
            for (index, message) in found.into_iter().enumerate() {
                self.add(Side::Server, came.of(index + 1 == count && is_end, self.stamps), message);
            }
            self.limit(pending, "a message of a stream");
        } else {
            self.whole.append(&mut content);
            self.limit(self.whole.len(), "a body");
        }
        if self.response.is_whole() {
            self.answered(came.of(true, self.stamps));
        }
    }

    /// Records the end of the answer.
    fn answered(&mut self, stamp: (Instant, Gap)) {
        if self.is_lost || std::mem::replace(&mut self.is_answered, true) {
            return;
        }
        self.rest(stamp);
        let end = Payload::Close { code: 1000, reason: String::new() };
        self.session.add(self.number, Side::Server, stamp, end);
        // Now, not when the connection has ended: a client may take its time.
        self.end(None);
    }

    fn end(&mut self, broken: Option<String>) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.session.end_request(broken);
        }
    }

    /// Records what is left of the body.
    fn rest(&mut self, stamp: (Instant, Gap)) {
        let whole = std::mem::take(&mut self.whole);
        let is_stream = self.stream.is_some();
        let left = self.stream.take().map_or(whole, BodyStream::rest);
        if left.is_empty() {
            return;
        }
        if let (false, Ok(text)) = (is_stream, std::str::from_utf8(&left)) {
            self.session.grant(|shown, redactor| shown.granted(text, redactor));
        }
        self.add(Side::Server, stamp, left);
    }

    fn limit(&mut self, len: usize, what: &str) {
        let limit = self.shared.options.max_message;
        if len > limit {
            self.lose(&format!("{what} longer than {limit} bytes; --max-message takes longer ones"));
        }
    }

    fn finish(mut self, outcome: Result<(), Broken>) {
        let (at, broken) = match outcome {
            // It has ended already, or its recording has.
            Ok(()) => return self.end(None),
            Err(Broken::Client(at)) => ((at, Gap::ZERO), None),
            Err(Broken::Server(cause)) => ((Instant::now(), Gap::ZERO), Some(cause)),
        };
        self.asked(at);
        self.rest(at);
        if broken.is_none() {
            let gone = Payload::Close { code: 1000, reason: String::new() };
            self.session.add(self.number, Side::Client, at, gone);
        }
        self.end(broken);
    }

    /// A person has stopped the proxy: the request stays under way.
    fn interrupt(mut self) {
        self.has_ended = true;
        self.asked((Instant::now(), Gap::ZERO));
    }
}

impl Watcher for ExchangeTape {
    fn look(&mut self, side: Side, came: Arrival, bytes: &[u8]) {
        match side {
            Side::Client => self.request(bytes, came.of(true, self.stamps)),
            Side::Server => self.response(bytes, came),
        }
    }

    fn ended(&mut self, side: Side, ended: &Ended) {
        // A body without a length ends with its connection (RFC 9112, 6.3).
        if side == Side::Server && ended.error.is_none() && matches!(self.response, Body::UntilClosed) {
            self.answered((ended.at, Gap::ZERO));
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.room.is_none() {
            let Some(recorder) = self.session.full() else { return Poll::Ready(()) };
            self.room = Some(Box::pin(async move { recorder.backpressure().await }));
        }
        if let Some(room) = &mut self.room {
            ready!(room.as_mut().poll(cx));
        }
        self.room = None;
        Poll::Ready(())
    }
}
