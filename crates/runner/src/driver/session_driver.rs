//! The loop around [`Session`], which connects it with a socket and the clock.
//!
//! Frames are never lost between steps: received frames are processed first. Every frame is passed to the session,
//! recorded and kept, in that order.

use super::interactive::{Interactive, Shown, next_line};
use super::session_context::SessionContext;
use crate::auth::{Identity, RequestParts, random_word};
use crate::connection::{
    Arrived, ConnectError, ConnectOptions, Connection, Incoming, Item, SendError, What, connect, open_http,
};
use crate::recording::{Line, NewRecording, PreparedRecording, Recorder, Texts};
use goldwire_core::drive::{Action, Session, unbound};
use goldwire_core::golden::Golden;
use goldwire_core::template::{Template, Unbound};
use goldwire_core::transcript::{
    End, Ending, Frame, Gap, Handshake, Header, Offset, Payload, Redactor, Side, Stamps, Transcript,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Instant;
use tokio::sync::watch;

/// The data of one session of one user, in addition to the shared [`SessionContext`].
#[derive(Debug)]
pub struct Plan<'p> {
    /// The session's name.
    pub session: &'p str,
    /// The golden or script of the client.
    pub golden: &'p Golden,
    /// Values for templates that are known beforehand.
    pub values: BTreeMap<String, Value>,
    /// The user.
    pub identity: &'p Identity,
    /// A person who sends messages instead of the script.
    pub hand: Option<Interactive>,
    /// The folder of the recording.
    pub folder: &'p Path,
    /// The number of concurrent users.
    pub users: u32,
    /// The place where the session is cut on purpose.
    pub disconnect: Option<Disconnect>,
    /// A channel to observe and control the session while it runs.
    pub side_channel: Option<SideChannel>,
}

/// Observes the progress of a session, and may send messages in addition to the script.
#[derive(Debug, Clone)]
pub struct SideChannel {
    /// The number of server messages so far.
    pub passed: watch::Sender<usize>,
    /// Messages that are sent at once, independent of the script.
    pub say: watch::Receiver<Option<Payload>>,
    /// The script sends nothing before this time.
    pub held_until: Offset,
}

/// A place where a session is cut on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect {
    /// The number of server messages before the cut.
    pub after: usize,
    /// The kind of the cut.
    pub how: DisconnectKind,
}

/// The way in which a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectKind {
    /// With a close frame, code 1000.
    Close,
    /// With a close frame, and waits for the server to close its side.
    Farewell,
    /// By a TCP reset: no close frame, and unread data is lost.
    Reset,
    /// It stays connected and neither reads nor answers any more, as a client whose network is gone.
    Silence,
}

/// The result of driving a session.
#[derive(Debug)]
pub struct Driven {
    /// The transcript, with secrets replaced; without frames and most of the handshake, unless they are kept.
    pub transcript: Transcript,
    /// The number of frames.
    pub frames: u64,
    /// The path of the recording.
    pub recording: PathBuf,
    /// The reason why the recording is incomplete.
    pub loss: Option<String>,
    /// Whether the event of [`Bounds::until`](goldwire_core::drive::Bounds::until) has come; true without one.
    pub until_seen: bool,
    /// The numbers of sent and of all events of the script.
    pub script: (usize, usize),
    /// The names of required events of the script that were not sent.
    pub unsent: Vec<String>,
    /// The connection that was left silently; dropping this ends it.
    pub left: Option<Connection>,
}

/// The reason why a session could not be driven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError {
    /// The target's URL has a placeholder without a value.
    #[error("{0}")]
    Unbound(#[from] Unbound),
    /// There is no connection.
    #[error("failed to connect to {url}: {cause}")]
    Connect {
        /// Secrets replaced.
        url: String,
        /// Secrets replaced.
        cause: String,
        /// A hint.
        hint: Option<String>,
    },
    /// Interrupted before there was a connection.
    #[error("interrupted before {0} had answered")]
    Interrupted(String),
    /// The recording cannot be started.
    #[error("failed to create a recording in {}: {source}", folder.display())]
    Record {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A session of one kind cannot be driven over the other.
    #[error("{0}")]
    Transport(&'static str),
    /// The system has no randomness.
    #[error("failed to get random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl DriveError {
    /// A hint, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            DriveError::Connect { hint, .. } => hint.clone(),
            DriveError::Unbound(_) => Some("give it with --variable NAME=VALUE".to_owned()),
            DriveError::Interrupted(_)
            | DriveError::Record { .. }
            | DriveError::Random(_)
            | DriveError::Transport(_) => None,
        }
    }
}

impl SessionContext {
    /// Drives one session from its first connection to its end.
    ///
    /// # Errors
    /// If it cannot begin. Later errors are part of the transcript.
    pub async fn drive(&self, mut plan: Plan<'_>) -> Result<Driven, DriveError> {
        let mut values = self.values.clone();
        values.append(&mut plan.values);
        values.extend(plan.identity.vars.clone());
        let mut options = options(self, &plan, &mut values)?;
        options.reset = plan.disconnect.is_some_and(|disconnect| disconnect.how == DisconnectKind::Reset);
        if let Some(token) = &plan.identity.token {
            values.insert("token".to_owned(), Value::from(token.expose()));
        }
        if plan.hand.is_none()
            && let Some(unbound) = unbound(plan.golden, &values, &mut fresh)
        {
            return Err(unbound.into());
        }
        note_request(&self.redactor, &options.request);
        let is_http = plan.golden.dialect.is_http();
        if is_http && plan.identity.first_message().is_some() {
            return Err(DriveError::Transport(
                "over HTTP there is no first message that a token could go into: give it another `place`",
            ));
        }
        let (mut connection, handshake) = self.open(&options, is_http).await?;
        let recording = NewRecording {
            folder: plan.folder,
            session: plan.session,
            user: &plan.identity.user,
            url: &options.request.url,
            opened: connection.opened,
            stamps: connection.stamps,
            handshake: &handshake,
            claims: plan.identity.claims.clone(),
            host: self.host.class(plan.users),
            redactor: &self.redactor,
            flush: self.flush,
        }
        .prepare()?;
        // A slow disk delays no other session, and pings are answered meanwhile.
        let (recorder, mut header) = connection
            .incoming
            .during(create(recording))
            .await
            .map_err(|source| DriveError::Record { folder: plan.folder.to_owned(), source })?;
        // It is in the file; thousands of sessions keep it in memory only for judging.
        drop(handshake);
        if !self.keeps_frames {
            header.handshake = Handshake { took: header.handshake.took, ..Handshake::default() };
        }
        let base = connection.opened;
        let watch = self.host.watch();
        let hand = plan.hand.take();
        let session = match hand {
            Some(_) => Session::interactive(plan.golden, values),
            None => Session::new(plan.golden, values),
        };
        let held_until =
            plan.side_channel.as_ref().map_or(Offset::ZERO, |side_channel| side_channel.held_until);
        let mut driver = Driver {
            session: session.within(self.bounds.clone()).held_until(held_until),
            hand,
            base,
            conn: 0,
            is_http,
            given_up: BTreeSet::new(),
            connection: Some(connection),
            stamps: header.stamps,
            last: Offset::ZERO,
            count: 0,
            messages: 0,
            kept: self.keeps_frames.then(Vec::new),
            recorder,
            redactor: &self.redactor,
            left: None,
            passed: plan.side_channel.as_ref().map(|side_channel| side_channel.passed.clone()),
            interrupt: self.interrupt.clone(),
            patience: Patience { wait: plan.golden.wait, max_duration: self.bounds.max_duration },
        };
        if !driver.session.sends_token() {
            if let Some(message) = plan.identity.first_message() {
                driver.send(payload(message)).await;
            }
        }
        let mut ending = driver.run(&plan, &options).await;
        ending.host = watch.finish();
        Ok(driver.finish(header, ending).await)
    }

    /// Opens the first connection.
    async fn open(
        &self,
        options: &ConnectOptions,
        is_http: bool,
    ) -> Result<(Connection, Handshake), DriveError> {
        // Boxed, because thousands of sessions should not keep the memory of connecting.
        let opening = async {
            match is_http {
                true => Box::pin(open_http(options)).await,
                false => Box::pin(connect(options)).await,
            }
        };
        let mut interrupt = self.interrupt.clone();
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            Ok(_) = interrupt.wait_for(|stop| *stop) => {
                return Err(DriveError::Interrupted(self.redactor.clean_url(&options.request.url).into_owned()));
            }
        };
        opened.map_err(|error| connect_error(self, options, &error))
    }
}

async fn create(recording: PreparedRecording) -> io::Result<(Recorder, Header)> {
    let created = tokio::task::spawn_blocking(move || recording.create()).await;
    created.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn options(
    context: &SessionContext,
    plan: &Plan<'_>,
    values: &mut BTreeMap<String, Value>,
) -> Result<ConnectOptions, Unbound> {
    let mut lookup = |name: &str| values.get(name).cloned();
    let mut options = context.target.connect_options(&mut lookup)?;
    if plan.golden.dialect.is_http() {
        options.request.url = context.target.requests_url(&mut lookup)?;
    }
    plan.identity.apply(&mut options.request);
    Ok(options)
}

/// Adds the secrets in a request to the redactor before an error can contain them.
fn note_request(redactor: &Redactor, request: &RequestParts) {
    redactor.note_request(&request.url, request.headers.iter().map(|(name, value)| (&**name, &**value)));
    redactor.note_header("Sec-WebSocket-Protocol", &request.subprotocols.join(", "));
}

fn connect_error(context: &SessionContext, options: &ConnectOptions, error: &ConnectError) -> DriveError {
    if let ConnectError::Refused { headers, .. } = error {
        // The target of a redirect may contain a token, like any URL.
        context.redactor.note_request("", headers.iter().map(|(name, value)| (&**name, &**value)));
        headers.iter().for_each(|(_, value)| context.redactor.note_url(value));
    }
    DriveError::Connect {
        url: context.redactor.clean_url(&options.request.url).into_owned(),
        cause: context.redactor.clean(&error.to_string()).into_owned(),
        hint: error.hint(),
    }
}

fn payload(message: Template) -> Payload {
    match message {
        Template::Json(value) => Payload::Text(value.to_string()),
        Template::Text(text) => Payload::Text(text),
        Template::Binary(bytes) => Payload::Binary(bytes),
    }
}

/// Values that are new each time.
fn fresh(name: &str) -> Option<Value> {
    match name {
        "nonce" => random_word(12).ok().map(Value::from),
        "uuid" => {
            let mut bytes = [0u8; 16];
            getrandom::fill(&mut bytes).ok()?;
            // RFC 9562, version 4: random, with the version and the variant at their places.
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
            Some(Value::from(format!("{a}-{b}-{c}-{d}-{e}")))
        }
        "now" => Some(Value::from(chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))),
        _ => None,
    }
}

struct Driver<'g> {
    session: Session<'g>,
    hand: Option<Interactive>,
    base: Instant,
    conn: u32,
    /// Whether the frames are those of HTTP exchanges, and belong to their requests.
    is_http: bool,
    /// Requests that were given up: what of their answers is on the way is not the session's any more.
    given_up: BTreeSet<u32>,
    connection: Option<Connection>,
    stamps: Stamps,
    /// The latest stamp.
    last: Offset,
    count: u64,
    /// The number of server messages.
    messages: usize,
    kept: Option<Vec<Frame>>,
    recorder: Recorder,
    redactor: &'g Redactor,
    left: Option<Connection>,
    /// The channel for the number of messages.
    passed: Option<watch::Sender<usize>>,
    interrupt: watch::Receiver<bool>,
    patience: Patience,
}

/// The time for which a server may read nothing of what is sent.
#[derive(Debug, Clone, Copy)]
struct Patience {
    wait: Gap,
    max_duration: Option<Gap>,
}

impl Patience {
    /// The time at which a send that begins now is abandoned.
    fn until(self, base: Instant) -> Instant {
        let wait = Instant::now() + std::time::Duration::from(self.wait);
        self.max_duration.map_or(wait, |max| wait.min(base + std::time::Duration::from(max)))
    }
}

/// The time to wait for a server that does not read the close frame; the session has ended either way.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);
/// After so many rounds in which something was there at once, signals and other sessions have their turn.
const ROUNDS: usize = 32;

impl Driver<'_> {
    /// Ends the recording, and says what came of the session.
    async fn finish(self, header: Header, ending: Ending) -> Driven {
        let Driver { session, hand, count, kept, recorder, left, .. } = self;
        if let Some(mut hand) = hand {
            hand.end();
        }
        let recording = recorder.path().to_owned();
        let loss = match recorder.finish(ending.clone()).await {
            Ok(_) => None,
            Err(loss) => Some(loss.to_string()),
        };
        let frames = kept.unwrap_or_default();
        Driven {
            transcript: Transcript { header, frames, ending },
            frames: count,
            recording,
            loss,
            until_seen: session.until_seen(),
            script: session.progress(),
            unsent: session.unsent(),
            left,
        }
    }

    fn offset(&self, at: Instant) -> Offset {
        let since = at.saturating_duration_since(self.base);
        Offset::from_nanos(Gap::from(since).as_nanos())
    }

    fn take(&mut self, at: Instant, side: Side, payload: Payload) {
        self.take_stamped(at, Gap::ZERO, self.conn, side, payload);
    }

    /// The frame's place in the session, and how much earlier it may have passed.
    fn stamp(&mut self, at: Instant, earlier: Gap, side: Side) -> (Offset, Gap) {
        let stamp = self.offset(at);
        // A frame that arrived during a send is processed after it: the list stays in order, and the timestamp shows
        // it.
        let at = stamp.max(self.last);
        let earlier = match (self.stamps, side) {
            (Stamps::Kernel, Side::Server) => earlier + at.since(stamp),
            (Stamps::User | Stamps::Import, _) | (_, Side::Client) => Gap::ZERO,
        };
        self.last = at;
        (at, earlier)
    }

    /// A message of the server passed.
    fn heard(&mut self) {
        self.messages += 1;
        if let Some(passed) = &self.passed {
            passed.send_replace(self.messages);
        }
    }

    fn take_stamped(&mut self, at: Instant, earlier: Gap, conn: u32, side: Side, payload: Payload) {
        let (at, earlier) = self.stamp(at, earlier, side);
        self.count += 1;
        let is_message = matches!(payload, Payload::Text(_) | Payload::Binary(_));
        if side == Side::Server && is_message {
            self.heard();
        }
        let frame = Frame { at, earlier, conn, side, payload };
        self.session.frame(&frame);
        if self.hand.is_none() && self.kept.is_none() {
            return self.recorder.record(frame);
        }
        let clean = self.redactor.clean_frame(&frame);
        if let Some(hand) = &mut self.hand {
            (hand.show)(Shown::Frame(&clean));
        }
        match &mut self.kept {
            Some(kept) => {
                self.recorder.record_clean(clean.clone());
                kept.push(clean);
            }
            None => self.recorder.record_clean(clean),
        }
    }

    async fn send(&mut self, payload: Payload) {
        let Some(connection) = &mut self.connection else { return };
        let Connection { sender, incoming, .. } = connection;
        let sending = incoming.during(sender.send(payload.clone()));
        let sent = tokio::select! {
            biased;
            sent = sending => sent,
            // An interrupted send is not completed.
            () = stopped(self.interrupt.clone()) => return self.connection = None,
            () = tokio::time::sleep_until(self.patience.until(self.base).into()) => {
                let detail = format!("the server read nothing for {}", self.patience.wait);
                self.connection = None;
                return self.take(Instant::now(), Side::Server, Payload::Gone(detail));
            }
        };
        match sent {
            Ok(Some(at)) => self.take(at, Side::Client, payload),
            // Its time arrives when it has been sent.
            Ok(None) => {}
            // The reader reports the end of the connection, because it knows the reason.
            Err(SendError::Closing | SendError::Gone(_)) => {}
            Err(error @ SendError::NotAFrame(_)) => {
                self.take(Instant::now(), Side::Server, Payload::Gone(error.to_string()));
            }
        }
    }

    async fn run(&mut self, plan: &Plan<'_>, options: &ConnectOptions) -> Ending {
        let interrupt = self.interrupt.clone();
        let mut say = plan.side_channel.as_ref().map(|side_channel| side_channel.say.clone());
        let mut is_leaving = false;
        // Both are kept from frame to frame: setting and cancelling a timer costs more than most frames do.
        let mut stopped = pin!(stopped(self.interrupt.clone()));
        let mut is_stopped = false;
        let mut alarm = pin!(tokio::time::sleep_until(self.base.into()));
        let mut rounds = 0;
        loop {
            rounds += 1;
            if rounds % ROUNDS == 0 {
                tokio::task::yield_now().await;
            }
            if *interrupt.borrow() {
                is_leaving = self.session.leave();
            }
            if *interrupt.borrow() && !is_leaving {
                let now = self.offset(Instant::now());
                self.hang_up().await;
                return self.session.interrupt(now);
            }
            if let Some(disconnect) = plan.disconnect
                && let Some(ending) = self.disconnect(disconnect, plan).await
            {
                return ending;
            }
            let now = Instant::now();
            let turn = self.session.turn(self.offset(now), &mut fresh);
            match turn.action {
                Action::Send(payload) => self.send(payload).await,
                Action::Close { code } => self.close(code).await,
                Action::Reconnect => self.reconnect(plan, options).await,
                Action::Cancel { request } => self.cancel(request),
                Action::Done(ending) => {
                    if matches!(ending.how, End::GaveUp { .. } | End::CutOff { .. }) {
                        self.hang_up().await;
                    }
                    return ending;
                }
                Action::Wait => {
                    let wake = self.base + std::time::Duration::from(Gap::from_nanos(turn.wake.as_nanos()));
                    // Too early is harmless: there is nothing to do yet, and it is set again.
                    if alarm.is_elapsed() || wake < alarm.deadline().into_std() {
                        alarm.as_mut().reset(wake.into());
                    }
                    tokio::select! {
                        biased;
                        () = &mut stopped, if !is_stopped => is_stopped = true,
                        is_there = something(self.connection.as_mut()) => {
                            if is_there { self.drain() } else { self.arrived(None) }
                            self.recorder.backpressure().await;
                        }
                        line = next_line(self.hand.as_mut(), self.session.listens()) => self.said(line),
                        payload = next_said(say.as_mut()) => self.send(payload).await,
                        () = &mut alarm => {}
                    }
                }
            }
        }
    }

    fn said(&mut self, line: Option<(u64, String)>) {
        let Some((number, line)) = line else {
            let now = self.offset(Instant::now());
            return self.session.end_of_input(now);
        };
        if let Err(error) = self.session.say(&line, &mut fresh)
            && let Some(hand) = &mut self.hand
        {
            (hand.show)(Shown::NotSent(number, &error));
        }
    }

    /// Takes what came at once; only the first of it while there is something to send: that is done as soon as its
    /// cause has come.
    fn drain(&mut self) {
        let (sent, total) = self.session.progress();
        let is_read_only = sent == total && self.hand.is_none() && self.session.has_no_pending_reply();
        if is_read_only && self.kept.is_none() {
            return self.drain_texts();
        }
        while let Some(connection) = &mut self.connection
            && !self.session.owes()
            && let Some(incoming) = connection.incoming.ready()
        {
            self.arrived(Some(incoming));
            if sent < total {
                return;
            }
        }
    }

    /// The same without single messages: their text goes directly to the recorder.
    fn drain_texts(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let (mut text, items) = connection.incoming.take();
        // Frames that were taken one by one are still at the front.
        let begins = items.as_slice().iter().find_map(|item| match item.what {
            What::Text { start, .. } => Some(start),
            What::Other(_) => None,
        });
        let mut first = begins.unwrap_or(text.len());
        text.drain(..first);
        let mut texts = Texts { conn: self.conn, text, lines: Vec::with_capacity(items.len()) };
        for Item { at, earlier, request, what } in items {
            match what {
                What::Text { start, end } => {
                    let (at, earlier) = self.stamp(at, earlier, Side::Server);
                    self.count += 1;
                    self.heard();
                    let is_json = self.session.text(at, self.conn, &texts.text[start - first..end - first]);
                    texts.lines.push(Line { at, earlier, end: end - first, is_json });
                }
                What::Other(what) => {
                    let end = texts.lines.last().map_or(0, |line| line.end);
                    let rest = texts.text.split_off(end);
                    first += end;
                    let next = Texts { conn: self.conn, text: rest, lines: Vec::new() };
                    self.recorder.record_texts(std::mem::replace(&mut texts, next));
                    self.arrived(Some(Incoming { at, earlier, request, what: *what }));
                }
            }
        }
        self.recorder.record_texts(texts);
    }

    fn arrived(&mut self, arrived: Option<Incoming>) {
        match arrived {
            Some(incoming) if self.given_up.contains(&incoming.request) => {}
            Some(incoming) => {
                let over = match &incoming.what {
                    Arrived::Gone(_) | Arrived::TooLong(_) => true,
                    Arrived::Frame(Payload::Close { .. }) => !self.is_http,
                    Arrived::Frame(_) | Arrived::Sent(_) => false,
                };
                let limit = match &incoming.what {
                    Arrived::TooLong(what) => Some(what.clone()),
                    Arrived::Frame(_) | Arrived::Sent(_) | Arrived::Gone(_) => None,
                };
                let side = match &incoming.what {
                    Arrived::Sent(_) => Side::Client,
                    Arrived::Frame(_) | Arrived::Gone(_) | Arrived::TooLong(_) => Side::Server,
                };
                let conn = if self.is_http { incoming.request } else { self.conn };
                let payload = match incoming.what {
                    Arrived::Frame(payload) | Arrived::Sent(payload) => payload,
                    Arrived::Gone(detail) | Arrived::TooLong(detail) => Payload::Gone(detail),
                };
                self.take_stamped(incoming.at, incoming.earlier, conn, side, payload);
                if let Some(limit) = limit {
                    self.session.cut_off(self.last, limit);
                }
                if over {
                    self.connection = None;
                }
            }
            None => {
                self.connection = None;
                self.take(Instant::now(), Side::Server, Payload::Gone("the reader ended".to_owned()));
            }
        }
    }

    /// Breaks the session off, when it is time.
    async fn disconnect(&mut self, disconnect: Disconnect, plan: &Plan<'_>) -> Option<Ending> {
        if self.connection.is_none() || self.messages < disconnect.after {
            return None;
        }
        match disconnect.how {
            DisconnectKind::Close => self.close(1000).await,
            DisconnectKind::Farewell => self.close_and_wait(plan).await,
            DisconnectKind::Reset => self.connection = None,
            DisconnectKind::Silence => self.left = self.connection.take(),
        }
        Some(self.session.interrupt(self.offset(Instant::now())))
    }

    async fn close(&mut self, code: u16) {
        let Some(connection) = &mut self.connection else { return };
        let Connection { sender, incoming, .. } = connection;
        let closing = tokio::time::timeout(FAREWELL, incoming.during(sender.close(code, ""))).await;
        if let Ok(Ok(Some(at))) = closing {
            self.take(at, Side::Client, Payload::Close { code, reason: String::new() });
        }
    }

    /// Gives a request up.
    fn cancel(&mut self, request: Option<u32>) {
        let Some(connection) = &mut self.connection else { return };
        let at = Instant::now();
        if let Some(request) = connection.sender.cancel(request) {
            self.given_up.insert(request);
            let payload = Payload::Close { code: 1000, reason: String::new() };
            self.take_stamped(at, Gap::ZERO, request, Side::Client, payload);
        }
    }

    /// Closes this connection, and takes what comes until the server has closed it too, or has let the golden's `wait` pass.
    async fn close_and_wait(&mut self, plan: &Plan<'_>) {
        self.close(1000).await;
        let deadline = Instant::now() + std::time::Duration::from(plan.golden.wait);
        while self.connection.is_some() {
            tokio::select! {
                arrived = next(self.connection.as_mut()) => self.arrived(arrived),
                () = tokio::time::sleep_until(deadline.into()) => break,
            }
        }
    }

    /// Closes this connection properly, then opens the session's next one.
    async fn reconnect(&mut self, plan: &Plan<'_>, options: &ConnectOptions) {
        self.close_and_wait(plan).await;
        match Box::pin(connect(options)).await {
            Ok((connection, handshake)) => {
                let opened = connection.opened;
                self.conn += 1;
                self.connection = Some(connection);
                let handshake = self.redactor.clean_handshake(&handshake);
                self.open(opened, handshake);
            }
            Err(error) => {
                let detail = self.redactor.clean(&format!("failed to reconnect: {error}")).into_owned();
                self.connection = None;
                let at = Instant::now();
                self.take(at, Side::Server, Payload::Gone(detail.clone()));
                self.session.lost(self.offset(at), detail);
            }
        }
    }

    fn open(&mut self, at: Instant, handshake: Handshake) {
        self.take(at, Side::Client, Payload::Open(Box::new(handshake)));
    }

    /// Leaves without ceremony but with a close frame, so that the server need not wonder.
    async fn hang_up(&mut self) {
        if let Some(connection) = &mut self.connection {
            // The session ends with any result.
            let Connection { sender, incoming, .. } = connection;
            let _ = tokio::time::timeout(FAREWELL, incoming.during(sender.close(1001, ""))).await;
        }
    }
}

/// Waits for an interrupt; for ever if there can be none.
async fn stopped(mut interrupt: watch::Receiver<bool>) {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// The next message in addition to the script; never if there is no sender.
async fn next_said(say: Option<&mut watch::Receiver<Option<Payload>>>) -> Payload {
    let Some(say) = say else { return std::future::pending().await };
    loop {
        if say.changed().await.is_err() {
            return std::future::pending().await;
        }
        if let Some(payload) = say.borrow_and_update().clone() {
            return payload;
        }
    }
}

/// Waits until something is there that arrived; false when nothing more comes, never when there is no connection.
async fn something(connection: Option<&mut Connection>) -> bool {
    match connection {
        Some(connection) => connection.incoming.wait().await,
        None => std::future::pending().await,
    }
}

/// The next thing that arrives; never, when there is no connection.
async fn next(connection: Option<&mut Connection>) -> Option<Incoming> {
    match connection {
        Some(connection) => connection.incoming.recv().await,
        None => std::future::pending().await,
    }
}
