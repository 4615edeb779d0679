//! Requests that belong together: over HTTP a session is what one client asks until it pauses.
//!
//! Clients are told apart by their address and by the credentials that they show. A request with a credential that a session
//! has seen, also in a login's answer, belongs to that session. A request with a credential that nobody has seen begins a
//! session, unless the latest session of this address has none yet. A request without a credential belongs to the latest
//! session of its address.

use super::credentials::Shown;
use super::options::{Notice, Recorded};
use super::shared::Shared;
use crate::recording::{NewRecording, Recorder};
use crate::server::Watch;
use goldwire_core::transcript::{
    End, Ending, Frame, Gap, Handshake, Offset, Payload, Redactor, Side, Stamps,
};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// All open sessions over HTTP.
pub(super) struct HttpSessions {
    shared: Arc<Shared>,
    /// The latest one that was asked for something stands last.
    open: Mutex<Vec<Arc<HttpSession>>>,
}

/// The requests of one client, and their recording.
pub(super) struct HttpSession {
    client: IpAddr,
    pub(super) redactor: Redactor,
    state: Mutex<State>,
    /// Told when a request begins or ends, and when the session is over: for the task that ends it after a pause.
    changed: Notify,
    /// Told when no request is under way any more.
    settled: Notify,
}

struct State {
    /// What its client has shown, and what a server has given to it.
    shown: Shown,
    recorder: Option<Arc<Recorder>>,
    opened: Instant,
    stamps: Stamps,
    watch: Option<Watch>,
    user: String,
    /// The number of its next request.
    next: u32,
    /// The number of requests without a whole answer.
    under_way: u32,
    frames: u64,
    last: Offset,
    /// Why no more of it is recorded.
    loss: Option<String>,
    /// How an answer was broken off.
    broken: Option<String>,
    /// Nothing more is added: its client has paused, or a person has stopped the proxy.
    is_over: bool,
}

/// What is known when the first request of a session is passed on.
pub(super) struct Begun<'b> {
    pub(super) url: &'b str,
    pub(super) handshake: &'b Handshake,
    pub(super) stamps: Stamps,
    pub(super) at: Instant,
}

impl HttpSessions {
    pub(super) fn new(shared: Arc<Shared>) -> HttpSessions {
        HttpSessions { shared, open: Mutex::default() }
    }

    /// What all connections of the proxy share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<HttpSession>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of a request that shows these credentials; a new one if it belongs to none. It counts as under way.
    pub(super) fn of(
        self: &Arc<HttpSessions>,
        client: IpAddr,
        shown: Shown,
        redactor: Redactor,
    ) -> Arc<HttpSession> {
        let mut open = self.lock();
        let own = |session: &&Arc<HttpSession>| session.client == client && session.lock().goes_on();
        let known = |session: &&Arc<HttpSession>| !session.lock().shown.keys.is_disjoint(&shown.keys);
        let found = open.iter().rev().filter(own).find(known).cloned().or_else(|| {
            let latest = open.iter().rev().find(own)?;
            let takes = shown.keys.is_empty() || latest.lock().shown.keys.is_empty();
            takes.then(|| latest.clone())
        });
        let session = match found {
            Some(session) => {
                open.retain(|other| !Arc::ptr_eq(other, &session));
                session
            }
            None => {
                let session = Arc::new(HttpSession::new(client, redactor));
                tokio::spawn(end_when_idle(self.clone(), session.clone()));
                session
            }
        };
        {
            let mut state = session.lock();
            state.under_way += 1;
            state.shown.keys.extend(shown.keys);
            state.shown.claims = state.shown.claims.take().or(shown.claims);
        }
        session.changed.notify_one();
        open.push(session.clone());
        session
    }

    /// Waits until no request is under way.
    pub(super) async fn settle(&self) {
        let open = self.lock().clone();
        for session in open {
            loop {
                let changed = session.settled.notified();
                if session.lock().under_way == 0 {
                    break;
                }
                changed.await;
            }
        }
    }

    /// Ends every session; one with a request under way was cut off.
    pub(super) async fn end(&self) {
        let open = std::mem::take(&mut *self.lock());
        for session in open {
            session.finish(&self.shared).await;
        }
    }
}

/// The sessions over HTTP of a running proxy.
#[derive(Clone)]
pub struct ProxySessions(pub(super) Arc<HttpSessions>);

impl ProxySessions {
    /// Ends the session of every client, because no more requests will come. Waits for responses under way.
    pub async fn end(&self) {
        self.0.settle().await;
        self.0.end().await;
    }
}

/// Waits for a pause of the client, and ends its session.
async fn end_when_idle(sessions: Arc<HttpSessions>, session: Arc<HttpSession>) {
    let idle = Duration::from(sessions.shared.options.idle);
    loop {
        let changed = session.changed.notified();
        let (is_over, is_idle, goes_on) = {
            let state = session.lock();
            (state.is_over, state.under_way == 0, state.goes_on())
        };
        if is_over {
            return;
        }
        if !is_idle {
            changed.await;
        } else if !goes_on || tokio::time::timeout(idle, changed).await.is_err() {
            sessions.lock().retain(|other| !Arc::ptr_eq(other, &session));
            if session.lock().under_way == 0 {
                return session.finish(&sessions.shared).await;
            }
            // A request came at this very moment.
            sessions.lock().push(session.clone());
        }
    }
}

impl HttpSession {
    fn new(client: IpAddr, redactor: Redactor) -> HttpSession {
        let state = State {
            shown: Shown::default(),
            recorder: None,
            opened: Instant::now(),
            stamps: Stamps::User,
            watch: None,
            user: String::new(),
            next: 0,
            under_way: 0,
            frames: 0,
            last: Offset::ZERO,
            loss: None,
            broken: None,
            is_over: false,
        };
        HttpSession {
            client,
            redactor,
            state: Mutex::new(state),
            changed: Notify::new(),
            settled: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next number for a request; the first one creates the recording.
    pub(super) fn begin(&self, shared: &Arc<Shared>, begun: &Begun<'_>) -> u32 {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        if number == 0 {
            state.create(shared, self, begun);
        }
        number
    }

    /// Adds a frame of a request. Frames of concurrent requests are kept in the order in which they are added.
    pub(super) fn add(&self, number: u32, side: Side, (at, earlier): (Instant, Gap), payload: Payload) {
        let mut state = self.lock();
        let stamp = state.offset(at);
        state.last = state.last.max(stamp);
        let earlier = match state.stamps {
            Stamps::Kernel => earlier + state.last.since(stamp),
            Stamps::User | Stamps::Import => Gap::ZERO,
        };
        state.frames += 1;
        if let (Some(recorder), None) = (&state.recorder, &state.loss) {
            recorder.record(Frame { conn: number, earlier, ..Frame::new(state.last, side, payload) });
        }
    }

    /// Notes the credentials in the headers and in the JSON of an answer: the client shows them in its next requests.
    pub(super) fn grant(&self, note: impl FnOnce(&mut Shown, &Redactor)) {
        note(&mut self.lock().shown, &self.redactor);
    }

    /// Nothing more of this session is recorded; it goes on.
    pub(super) fn lose(&self, shared: &Shared, cause: &str) {
        let mut state = self.lock();
        if state.loss.is_none() {
            let cause = self.redactor.clean(cause).into_owned();
            shared.lost(&state.user, &cause);
            state.loss = Some(cause);
        }
    }

    /// A request ended; `broken` says how its answer was broken off. After that the session is not continued: nobody can say
    /// what would have come.
    pub(super) fn end_request(&self, broken: Option<String>) {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_sub(1);
        if let Some(broken) = broken {
            state.broken.get_or_insert(broken);
        }
        let is_settled = state.under_way == 0;
        drop(state);
        self.changed.notify_one();
        if is_settled {
            self.settled.notify_waiters();
        }
    }

    /// What waits for the disk to write, if that is much.
    pub(super) fn full(&self) -> Option<Arc<Recorder>> {
        self.lock().recorder.clone().filter(|recorder| recorder.is_full())
    }

    /// Writes the ending.
    async fn finish(&self, shared: &Arc<Shared>) {
        let (recorder, ending, user, frames) = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.is_over, true) {
                return;
            }
            let how = match (state.loss.take(), state.broken.take(), state.under_way) {
                (Some(detail), _, _) => End::Torn { detail },
                (None, Some(detail), _) => End::Dropped { detail: self.redactor.clean(&detail).into_owned() },
                (None, None, 0) => End::Closed { by: Side::Client, code: 1000, reason: String::new() },
                (None, None, _) => End::Interrupted,
            };
            let Some(watch) = state.watch.take() else { return };
            let ending = Ending { at: state.last, how, host: watch.finish() };
            (state.recorder.take(), ending, std::mem::take(&mut state.user), state.frames)
        };
        self.changed.notify_one();
        let Some(recorder) = recorder else { return };
        let path = recorder.path().to_owned();
        // Requests that were cut off may wait for room at this moment; they hold it for no longer than that.
        let mut recorder = recorder;
        let recorder = loop {
            match Arc::try_unwrap(recorder) {
                Ok(recorder) => break recorder,
                Err(shared) => recorder = shared,
            }
            tokio::task::yield_now().await;
        };
        let loss = recorder.finish(ending.clone()).await.err().map(|loss| loss.to_string());
        shared.tell(Notice::Recorded(Recorded { path, user, frames, ending, loss }));
    }
}

impl State {
    /// Whether another request may belong to it.
    fn goes_on(&self) -> bool {
        !self.is_over && self.broken.is_none()
    }

    fn offset(&self, at: Instant) -> Offset {
        let since = at.saturating_duration_since(self.opened);
        Offset::from_nanos(Gap::from(since).as_nanos())
    }

    fn create(&mut self, shared: &Arc<Shared>, session: &HttpSession, begun: &Begun<'_>) {
        let claims = self.shown.claims.take();
        let subject = claims.as_ref().and_then(|claims| claims.get("sub")).map(ToString::to_string);
        self.user = shared.users.name(subject);
        self.watch = Some(shared.probe.watch());
        self.opened = begun.at;
        self.stamps = begun.stamps;
        let recording = NewRecording {
            folder: &shared.options.folder,
            session: &shared.options.session,
            user: &self.user,
            url: begun.url,
            opened: begun.at,
            stamps: begun.stamps,
            handshake: begun.handshake,
            claims,
            host: shared.probe.class(1),
            redactor: &session.redactor,
            flush: shared.options.flush,
        };
        let created = match recording.prepare() {
            Ok(recording) => {
                let path = recording.path().to_owned();
                recording.create().map_err(|error| format!("failed to create {}: {error}", path.display()))
            }
            Err(error) => Err(format!("failed to get random numbers: {error}")),
        };
        match created {
            Ok((recorder, _)) => self.recorder = Some(Arc::new(recorder)),
            Err(cause) => {
                shared.lost(&self.user, &cause);
                self.loss = Some(cause);
            }
        }
    }
}
