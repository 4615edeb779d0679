//! The loop around [`Session`]: the only place where a session, a socket and the clock meet.
//!
//! Frames are never lost between steps: one reader a socket fills one channel, everything that passes is shown to the
//! session, written down and kept, in that order.

use super::{Arrived, ConnectError, ConnectOptions, Connection, Recorder, SendError, Target, connect};
use crate::auth::{Identity, random_word};
use crate::drive::{Action, Session};
use crate::golden::{Golden, Template, Unbound};
use crate::transcript::{
    End, Ending, Frame, Gap, Handshake, Header, Offset, Payload, Redactor, Side, Stamps, Transcript,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::sync::watch;

/// All that is needed to drive one session of one user.
#[derive(Debug)]
pub struct Plan<'p> {
    /// The session's name.
    pub session: &'p str,
    /// What the client does.
    pub golden: &'p Golden,
    /// Where the build listens.
    pub target: &'p Target,
    /// Values for templates: the target's (`port`, `http`) and the command line's (`var.NAME`).
    pub values: &'p BTreeMap<String, Value>,
    /// Who talks.
    pub identity: &'p Identity,
    /// What must not be written.
    pub redactor: &'p Redactor,
    /// Where the recording goes.
    pub folder: &'p Path,
    /// Becomes true when somebody wants to stop.
    pub interrupt: watch::Receiver<bool>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Driven {
    /// What happened, secrets replaced.
    pub transcript: Transcript,
    /// Where it was written to.
    pub recording: PathBuf,
    /// Why not all of it was written.
    pub loss: Option<String>,
}

/// Why a session could not be driven at all.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The target's URL has a place that nobody fills.
    #[error("{0}")]
    Unbound(#[from] Unbound),
    /// There is no connection.
    #[error("failed to connect to {url}: {cause}")]
    Connect {
        /// Secrets replaced.
        url: String,
        /// Secrets replaced.
        cause: String,
        /// A way out.
        hint: Option<String>,
    },
    /// The recording cannot be started.
    #[error("failed to create a recording in {}: {source}", folder.display())]
    Record {
        /// Where.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no randomness.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

/// Drives one session from its first connection to its end.
///
/// # Errors
/// When it cannot begin. Whatever goes wrong later is part of the transcript.
pub async fn drive(plan: Plan<'_>) -> Result<Driven, DriveError> {
    let mut values = plan.values.clone();
    values.extend(plan.identity.vars.clone());
    let options = options(&plan, &mut values)?;
    let (connection, handshake) =
        connect(&options).await.map_err(|error| connect_error(&plan, &options, &error))?;
    let id = random_word(6)?;
    let elapsed = chrono::Duration::from_std(connection.opened.elapsed()).unwrap_or_default();
    let started = chrono::Utc::now() - elapsed;
    let header = Header {
        session: plan.session.to_owned(),
        id: id.clone(),
        started: started.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
        url: plan.redactor.clean(&options.request.url).into_owned(),
        user: plan.identity.user.clone(),
        recorder: concat!("goldwire ", env!("CARGO_PKG_VERSION")).to_owned(),
        stamps: Stamps::User,
        handshake: plan.redactor.clean_handshake(&handshake),
        claims: plan.identity.claims.clone().map(|mut claims| {
            plan.redactor.clean_json(&mut claims);
            claims
        }),
    };
    let name = format!("{}-{id}.jsonl", started.format("%Y%m%dT%H%M%S%.3fZ"));
    let recorder = Recorder::create(&plan.folder.join(name), &header, plan.redactor.clone())
        .map_err(|source| DriveError::Record { folder: plan.folder.to_owned(), source })?;
    if let Some(token) = &plan.identity.token {
        values.insert("token".to_owned(), Value::from(token.expose()));
    }
    let base = connection.opened;
    let mut driver = Driver {
        session: Session::new(plan.golden, values),
        base,
        conn: 0,
        connection: Some(connection),
        frames: Vec::new(),
        recorder,
        redactor: plan.redactor,
    };
    if !driver.session.sends_token() {
        if let Some(message) = plan.identity.first_message() {
            driver.send(payload(message)).await;
        }
    }
    let ending = driver.run(&plan, &options).await;
    let Driver { frames, recorder, .. } = driver;
    let recording = recorder.path().to_owned();
    let loss = match recorder.finish(ending.clone()).await {
        Ok(_) => None,
        Err(loss) => Some(loss.to_string()),
    };
    Ok(Driven { transcript: Transcript { header, frames, ending }, recording, loss })
}

fn options(plan: &Plan<'_>, values: &mut BTreeMap<String, Value>) -> Result<ConnectOptions, Unbound> {
    let mut options = plan.target.connect_options(&mut |name| values.get(name).cloned())?;
    plan.identity.apply(&mut options.request);
    Ok(options)
}

fn connect_error(plan: &Plan<'_>, options: &ConnectOptions, error: &ConnectError) -> DriveError {
    DriveError::Connect {
        url: plan.redactor.clean(&options.request.url).into_owned(),
        cause: plan.redactor.clean(&error.to_string()).into_owned(),
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
            // RFC 9562, version 4: random, with the version and the variant in their places.
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
    base: Instant,
    conn: u32,
    connection: Option<Connection>,
    frames: Vec<Frame>,
    recorder: Recorder,
    redactor: &'g Redactor,
}

impl Driver<'_> {
    fn offset(&self, at: Instant) -> Offset {
        let since = at.saturating_duration_since(self.base);
        Offset::from_nanos(Gap::from(since).as_nanos())
    }

    fn take(&mut self, at: Instant, side: Side, payload: Payload) {
        // Two tasks stamp, sending and receiving; where they overlap by microseconds the list stays in order.
        let at = self.offset(at).max(self.frames.last().map_or(Offset::ZERO, |last| last.at));
        let frame = Frame { at, conn: self.conn, side, payload };
        self.session.frame(&frame);
        let clean = self.redactor.clean_frame(&frame);
        self.recorder.record(clean.clone());
        self.frames.push(clean);
    }

    async fn send(&mut self, payload: Payload) {
        let Some(connection) = &mut self.connection else { return };
        match connection.sender.send(payload.clone()).await {
            Ok(at) => self.take(at, Side::Client, payload),
            // What ended the connection arrives through the reader, which knows it better.
            Err(SendError::Closing | SendError::Gone(_)) => {}
            Err(error @ SendError::NotAFrame(_)) => {
                self.take(Instant::now(), Side::Server, Payload::Gone(error.to_string()));
            }
        }
    }

    async fn run(&mut self, plan: &Plan<'_>, options: &ConnectOptions) -> Ending {
        let mut interrupt = plan.interrupt.clone();
        loop {
            if *interrupt.borrow() {
                let now = self.offset(Instant::now());
                self.hang_up().await;
                return self.session.interrupt(now);
            }
            let now = Instant::now();
            let turn = self.session.turn(self.offset(now), &mut fresh);
            match turn.action {
                Action::Send(payload) => self.send(payload).await,
                Action::Close { code } => self.close(code).await,
                Action::Reconnect => self.reconnect(plan, options).await,
                Action::Done(ending) => {
                    if matches!(ending.how, End::GaveUp { .. }) {
                        self.hang_up().await;
                    }
                    return ending;
                }
                Action::Wait => {
                    let wake = self.base + std::time::Duration::from(Gap::from_nanos(turn.wake.as_nanos()));
                    tokio::select! {
                        biased;
                        _ = interrupt.wait_for(|stop| *stop) => {}
                        arrived = next(self.connection.as_mut()) => self.arrived(arrived),
                        () = tokio::time::sleep_until(wake.into()) => {}
                    }
                }
            }
        }
    }

    fn arrived(&mut self, arrived: Option<super::Incoming>) {
        match arrived {
            Some(incoming) => {
                let over = match &incoming.what {
                    Arrived::Gone(_) | Arrived::Frame(Payload::Close { .. }) => true,
                    Arrived::Frame(_) => false,
                };
                let payload = match incoming.what {
                    Arrived::Frame(payload) => payload,
                    Arrived::Gone(detail) => Payload::Gone(detail),
                };
                self.take(incoming.at, Side::Server, payload);
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

    async fn close(&mut self, code: u16) {
        let Some(connection) = &mut self.connection else { return };
        if let Ok(at) = connection.sender.close(code, "").await {
            self.take(at, Side::Client, Payload::Close { code, reason: String::new() });
        }
    }

    /// Closes this connection properly, then opens the session's next one.
    async fn reconnect(&mut self, plan: &Plan<'_>, options: &ConnectOptions) {
        self.close(1000).await;
        let deadline = Instant::now() + std::time::Duration::from(plan.golden.wait);
        while self.connection.is_some() {
            tokio::select! {
                arrived = next(self.connection.as_mut()) => self.arrived(arrived),
                () = tokio::time::sleep_until(deadline.into()) => break,
            }
        }
        match connect(options).await {
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
            // The session is over whatever comes of it.
            let _ = connection.sender.close(1001, "").await;
        }
    }
}

/// The next thing that arrives; never, when there is no connection.
async fn next(connection: Option<&mut Connection>) -> Option<super::Incoming> {
    match connection {
        Some(connection) => connection.incoming.recv().await,
        None => std::future::pending().await,
    }
}
