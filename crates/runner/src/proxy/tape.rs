//! What one proxied connection leaves behind: its bytes become frames, its frames a recording.
//!
//! Nothing here can hold up or end the connection. What cannot be read or written ends the recording, is told once, and
//! stands in the recording's ending where that can still be written.

use super::credentials::Shown;
use super::decoder::{DecodeError, Decoder};
use super::deflate::{Agreed, Inflate};
use super::options::{Notice, Recorded};
use super::relay::{Arrival, Outcome, Watcher};
use super::shared::Shared;
use crate::recording::{NewRecording, Recorder};
use crate::server::Watch;
use goldwire_core::transcript::{
    End, Ending, Frame, Gap, Handshake, Offset, Payload, Redactor, Side, Stamps,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// How often a recording is asked whether it could be written.
const LOOK: Duration = Duration::from_millis(500);

/// What is known of a connection when it opens.
pub(super) struct Opened {
    /// When the server's answer was read: offset zero.
    pub(super) at: Instant,
    /// Who stamps what arrives: the kernel, if it did so during the handshake on both sides.
    pub(super) stamps: Stamps,
    /// Where the server is, with the client's path and query.
    pub(super) url: String,
    pub(super) handshake: Handshake,
    pub(super) shown: Shown,
    pub(super) redactor: Redactor,
    /// What both sides agreed on, or the name of an extension that is not known here.
    pub(super) extensions: Result<Option<Agreed>, String>,
    /// The client's address, by which it is called before it has a name.
    pub(super) client: String,
}

/// The recording of one connection.
pub(super) struct Tape {
    shared: Arc<Shared>,
    opened: Opened,
    decoders: [Decoder; 2],
    watch: Watch,
    state: State,
    user: String,
    is_greeted: bool,
    frames: u64,
    last: Offset,
    /// Who closed first, and how.
    closed: Option<(Side, u16, String)>,
    /// Why it ends before the connection does.
    loss: Option<String>,
    looked: Instant,
    /// Comes when the recorder has written enough for more to be read.
    room: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

enum State {
    /// Nothing was said yet: who talks may stand in the first message.
    Waiting,
    Writing(Arc<Recorder>),
    /// There is no file.
    None,
}

impl Tape {
    pub(super) fn new(shared: Arc<Shared>, opened: Opened) -> Tape {
        let agreed = opened.extensions.clone().ok().flatten();
        let decoder = |starts_anew: fn(&Agreed) -> bool| {
            Decoder::new(
                shared.options.max_message,
                agreed.as_ref().map(|own| Inflate::new(starts_anew(own))),
            )
        };
        let decoders = [decoder(|own| own.client_starts_anew), decoder(|own| own.server_starts_anew)];
        let watch = shared.probe.watch();
        let unknown = opened.extensions.as_ref().err().cloned();
        let looked = opened.at;
        let mut tape = Tape {
            shared,
            opened,
            decoders,
            watch,
            state: State::Waiting,
            user: String::new(),
            is_greeted: false,
            frames: 0,
            last: Offset::ZERO,
            closed: None,
            loss: None,
            looked,
            room: None,
        };
        if let Some(name) = unknown {
            tape.lose(format!("the server uses an extension that is not known here: {name}"));
        }
        tape
    }

    fn frame(&mut self, side: Side, (at, earlier): (Instant, Gap), payload: Payload) {
        if side == Side::Client && payload.is_message() && !self.is_greeted {
            self.is_greeted = true;
            self.opened.shown.message(&payload, &self.opened.redactor);
        }
        if let Payload::Close { code, reason } = &payload
            && self.closed.is_none()
        {
            self.closed = Some((side, *code, reason.clone()));
        }
        if matches!(self.state, State::Waiting) {
            self.begin();
        }
        let stamp = self.offset(at);
        // A frame of one side may be read after a later frame of the other: the list stays in order.
        self.last = stamp.max(self.last);
        let earlier = match self.opened.stamps {
            Stamps::Kernel => earlier + self.last.since(stamp),
            Stamps::User | Stamps::Import => Gap::ZERO,
        };
        if let State::Writing(recorder) = &self.state {
            self.frames += 1;
            recorder.record(Frame { earlier, ..Frame::new(self.last, side, payload) });
        }
    }

    fn offset(&self, at: Instant) -> Offset {
        let since = at.saturating_duration_since(self.opened.at);
        Offset::from_nanos(Gap::from(since).as_nanos())
    }

    /// Creates the file.
    fn begin(&mut self) {
        let shared = self.shared.clone();
        let claims = self.opened.shown.claims.take();
        let subject = claims.as_ref().and_then(|claims| claims.get("sub")).map(ToString::to_string);
        self.user = shared.users.name(subject);
        let recording = NewRecording {
            folder: &shared.options.folder,
            session: &shared.options.session,
            user: &self.user,
            url: &self.opened.url,
            opened: self.opened.at,
            stamps: self.opened.stamps,
            handshake: &self.opened.handshake,
            claims,
            // How many there are at the same time is known only when they are gone.
            host: shared.probe.class(1),
            redactor: &self.opened.redactor,
            flush: shared.options.flush,
        };
        let recording = match recording.prepare() {
            Ok(recording) => recording,
            Err(error) => {
                self.state = State::None;
                return self.lose(format!("failed to get random numbers: {error}"));
            }
        };
        let path = recording.path().to_owned();
        self.state = match recording.create() {
            Ok((recorder, _)) => State::Writing(Arc::new(recorder)),
            Err(error) => {
                self.lose(format!("failed to create {}: {error}", path.display()));
                State::None
            }
        };
    }

    /// This connection is passed on only.
    pub(super) fn skip(&mut self) {
        self.state = State::None;
    }

    /// Nothing more is recorded; the connection goes on.
    fn lose(&mut self, cause: String) {
        self.tell_loss(&cause);
        self.loss = Some(cause);
    }

    fn tell_loss(&self, cause: &str) {
        let who = if self.user.is_empty() { &self.opened.client } else { &self.user };
        self.shared.lost(who, &self.opened.redactor.clean(cause));
    }

    /// Writes the ending; `outcome` is how the connection ended, nothing when a person stopped it.
    pub(super) async fn finish(mut self, outcome: Option<Outcome>) {
        if matches!(self.state, State::Waiting) {
            self.begin();
        }
        let at = outcome.as_ref().map_or_else(Instant::now, |outcome| outcome.ended.at);
        let how = match (self.loss.take(), self.closed.take(), outcome) {
            (Some(cause), _, _) => End::Torn { detail: self.opened.redactor.clean(&cause).into_owned() },
            (None, Some((by, code, reason)), _) => {
                End::Closed { by, code, reason: self.opened.redactor.clean(&reason).into_owned() }
            }
            (None, None, Some(outcome)) => End::Dropped {
                detail: match &outcome.ended.error {
                    None => format!("the {} ended the connection without a close frame", outcome.first),
                    Some(error) => format!("the connection of the {}: {error}", outcome.first),
                },
            },
            (None, None, None) => End::Interrupted,
        };
        let ending = Ending { at: self.offset(at).max(self.last), how, host: self.watch.finish() };
        // The only other holder is the task that waited for room and no longer waits.
        drop(self.room);
        let State::Writing(recorder) = self.state else { return };
        let Ok(recorder) = Arc::try_unwrap(recorder) else { return };
        let path = recorder.path().to_owned();
        let loss = recorder.finish(ending.clone()).await.err().map(|loss| loss.to_string());
        self.shared.tell(Notice::Recorded(Recorded {
            path,
            user: self.user,
            frames: self.frames,
            ending,
            loss,
        }));
    }
}

impl Watcher for Tape {
    fn look(&mut self, side: Side, came: Arrival, bytes: &[u8]) {
        if self.loss.is_some() {
            return;
        }
        let mut told = Vec::new();
        let decoder = &mut self.decoders[usize::from(side == Side::Server)];
        let read = decoder.feed(bytes, &mut |payload| told.push(payload));
        let is_between = decoder.is_between();
        let count = told.len();
        for (index, payload) in told.into_iter().enumerate() {
            let is_last = is_between && index + 1 == count;
            self.frame(side, came.of(is_last, self.opened.stamps), payload);
        }
        match read {
            Ok(()) => {}
            Err(error @ DecodeError::TooLong(_)) => {
                self.lose(format!("the {side} {error}; --max-message takes longer ones"));
            }
            Err(error @ DecodeError::Protocol(_)) => self.lose(format!("the {side} {error}")),
        }
        let now = Instant::now();
        if now.saturating_duration_since(self.looked) > LOOK {
            self.looked = now;
            if let State::Writing(recorder) = &self.state
                && let Some(cause) = recorder.loss()
            {
                self.tell_loss(&cause);
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.room.is_none() {
            match &self.state {
                State::Writing(recorder) if recorder.is_full() => {
                    let recorder = recorder.clone();
                    self.room = Some(Box::pin(async move { recorder.backpressure().await }));
                }
                State::Writing(_) | State::Waiting | State::None => return Poll::Ready(()),
            }
        }
        if let Some(room) = &mut self.room {
            ready!(room.as_mut().poll(cx));
        }
        self.room = None;
        Poll::Ready(())
    }
}
