//! One connection: from the upgrade to its close. Reads client messages, writes what they and the hub answer.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::agent::{self, Question};
use crate::app::App;
use crate::args::Refuse;
use crate::auth::{Claims, Door, Refusal};
use crate::events::Event;
use crate::handshake::Entry;
use crate::hub::{Outgoing, Route};
use crate::ids;
use crate::log;
use crate::messages::{self, ClientMessage};
use crate::regress::Regression;
use crate::store::Role;
use crate::work;

/// Longest client message that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// Longest question, in bytes.
const LONGEST_TEXT: usize = 2000;
/// How long a client may take to send the token as its first message.
const FIRST_MESSAGE: Duration = Duration::from_secs(2);
/// How long the other side may take to answer a close.
const CLOSE_ANSWER: Duration = Duration::from_secs(2);
/// A timer further away than this is set to this, a date that the clock can still express.
const FAR: u64 = 10 * 365 * 24 * 3600;

/// Who is on the other side, and until when.
pub(crate) struct Identity {
    pub(crate) user_id: String,
    pub(crate) jti: String,
    may_chat: bool,
    /// Seconds since 1970; `None` never expires.
    expires: Option<u64>,
}

impl Identity {
    pub(crate) fn of(claims: Claims) -> Identity {
        let may_chat = claims.permissions.iter().any(|permission| permission == "chat");
        Identity { user_id: claims.sub, jti: claims.jti, may_chat, expires: Some(claims.exp) }
    }

    /// The user that `test-bypass` makes up.
    pub(crate) fn made_up() -> Identity {
        let (user_id, jti) = ("usr_e2e2test2user2222222".to_owned(), ids::fresh("jti"));
        Identity { user_id, jti, may_chat: true, expires: None }
    }
}

/// Serves an upgraded connection to its end.
pub(crate) async fn serve(app: Arc<App>, mut socket: WebSocket, entry: Entry, thread: Option<String>) {
    let admitted = match entry {
        Entry::Known(identity) => Ok(identity),
        Entry::FirstMessage => first_message(&app, &mut socket).await,
        Entry::Refused(refusal) => Err(refusal),
    };
    match admitted {
        Ok(identity) => session(app, socket, identity, thread).await,
        // `hanging-auth`: neither opened nor closed; what the client sends is read and never answered.
        Err(_) if app.regress.is(Regression::HangingAuth) => while let Some(Ok(_)) = socket.recv().await {},
        Err(refusal) if app.refuse == Refuse::Message => {
            let _ = send(&mut socket, &Event::error("unauthorized", refusal.to_string())).await;
            close(&app, socket, 1000, "").await;
        }
        Err(refusal) => close(&app, socket, 4401, &refusal.to_string()).await,
    }
}

/// Waits for `{"type":"auth","token":…}`.
async fn first_message(app: &App, socket: &mut WebSocket) -> Result<Identity, Refusal> {
    let Ok(Some(Ok(Message::Text(text)))) = timeout(FIRST_MESSAGE, socket.recv()).await else {
        return Err(Refusal::Missing);
    };
    match messages::parse(&text) {
        Ok(ClientMessage::Auth { token }) => app.authenticate(&token, Door::Socket).await.map(Identity::of),
        _ => Err(Refusal::Missing),
    }
}

/// Everything after a good token.
async fn session(app: Arc<App>, mut socket: WebSocket, identity: Identity, thread: Option<String>) {
    let route = Route { connection_id: ids::fresh("conn"), user_id: identity.user_id.clone() };
    // `accept-race`: set-up takes its time, and a message that comes before it is done finds nobody to take it: the
    // connection falls to the ground without a close frame.
    if app.regress.is(Regression::AcceptRace) {
        let agent = Arc::clone(&app.agent);
        tokio::select! {
            _ = socket.recv() => return,
            () = work::run(move || agent.prepare_suggestions()) => {}
        }
    }
    let thread_id = match choose_thread(&app, &identity.user_id, thread).await {
        Ok(thread_id) => thread_id,
        Err(error) => {
            let _ = send(&mut socket, &error).await;
            return close(&app, socket, 1008, "no such thread").await;
        }
    };
    let outgoing = app.hub.register(&route, &identity.jti);
    log::line(format_args!("{} opened for {}", route.connection_id, route.user_id));
    // `lost-before-subscribe`: the connection is accepted, and associated with its events only after a look-up.
    if app.regress.is(Regression::LostBeforeSubscribe) {
        let (app, route) = (Arc::clone(&app), route.clone());
        tokio::spawn(async move {
            let agent = Arc::clone(&app.agent);
            work::run(move || agent.prepare_suggestions()).await;
            app.hub.subscribe(route);
        });
    } else {
        app.hub.subscribe(route.clone());
    }
    let connected = Event::Connected {
        connection_id: route.connection_id.clone(),
        user_id: route.user_id.clone(),
        thread_id: thread_id.clone(),
    };
    let mut session = Session { app, socket, route, identity, thread_id };
    let end = match send(&mut session.socket, &connected).await {
        Ok(()) => session.talk(outgoing).await,
        Err(Gone) => End::Gone,
    };
    session.end(end).await;
}

/// The thread asked for in the address, or a fresh one.
async fn choose_thread(app: &App, user_id: &str, asked: Option<String>) -> Result<String, Event> {
    match asked {
        Some(thread_id) => own_thread(app, user_id, thread_id).await,
        None => {
            let user_id = user_id.to_owned();
            app.stored(move |store| store.add_thread(&user_id)).await.map_err(|_| internal())
        }
    }
}

/// The thread's id, if it is this user's.
pub(crate) async fn own_thread(app: &App, user_id: &str, thread_id: String) -> Result<String, Event> {
    let asked = thread_id.clone();
    match app.stored(move |store| store.thread_owner(&asked)).await {
        Ok(Some(owner)) if owner == user_id => Ok(thread_id),
        Ok(Some(_)) => Err(Event::error("forbidden", "this thread belongs to another user")),
        Ok(None) => Err(Event::error("not_found", "there is no such thread")),
        Err(_) => Err(internal()),
    }
}

fn internal() -> Event {
    Event::error("internal", "the server could not do this")
}

/// Starts a run in a thread of this user. What the run says comes through the hub.
pub(crate) async fn ask(
    app: &Arc<App>,
    identity: &Identity,
    route: &Route,
    thread_id: String,
    text: String,
) -> Result<(), Event> {
    if !identity.may_chat {
        return Err(Event::error("forbidden", "the token does not permit to chat"));
    }
    if text.trim().is_empty() || text.len() > LONGEST_TEXT {
        return Err(Event::error("bad_message", format!("text must have 1 to {LONGEST_TEXT} bytes")));
    }
    let thread_id = own_thread(app, &identity.user_id, thread_id).await?;
    let run_id = ids::fresh("run");
    let claim = app.runs.claim(&thread_id, &run_id, &route.connection_id);
    let claim = claim.ok_or_else(|| Event::error("busy", "a run is under way in this thread"))?;
    let (thread, question) = (thread_id.clone(), text.clone());
    let stored = app.stored(move |store| store.add_message(&thread, Role::User, &question)).await;
    let message_id = stored.map_err(|_| internal())?;
    // `silent-agent`: stored, and then nothing; an error on the way to the agent was swallowed.
    if app.regress.is(Regression::SilentAgent) {
        return Ok(());
    }
    let question = Question { run_id, thread_id, message_id, text };
    tokio::spawn(agent::run(Arc::clone(app), route.clone(), question, claim));
    Ok(())
}

/// The connection is gone; there is nobody to tell.
struct Gone;

/// How a session ends.
enum End {
    /// The client closed, or the connection broke.
    Gone,
    /// The client asked the server to end it.
    Bye,
    /// The server has a reason of its own.
    Close(u16, &'static str),
}

struct Session {
    app: Arc<App>,
    socket: WebSocket,
    route: Route,
    identity: Identity,
    thread_id: String,
}

impl Session {
    async fn talk(&mut self, mut outgoing: mpsc::UnboundedReceiver<Outgoing>) -> End {
        loop {
            let expiry = self.expiry();
            let step = tokio::select! {
                order = outgoing.recv() => match order {
                    Some(Outgoing::Text(text)) => self.write(Message::text(text)).await,
                    Some(Outgoing::Close(code, reason)) => Err(End::Close(code, reason)),
                    None => Err(End::Gone),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text).await,
                    Some(Ok(Message::Binary(_))) => {
                        self.say(Event::error("bad_message", "binary messages are not understood")).await
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) | None => Err(End::Gone),
                    // Too long, not UTF-8, or broken off. Where nobody listens the close goes nowhere.
                    Some(Err(_)) => Err(End::Close(1009, "unreadable message")),
                },
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => {
                    match self.say(Event::AuthExpired).await {
                        Ok(()) => Err(End::Close(1008, "token expired")),
                        gone => gone,
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// When the token runs out.
    fn expiry(&self) -> Option<Instant> {
        let expires = self.identity.expires?;
        // `stale-session`: the expiry is looked at only when connecting.
        if self.app.regress.is(Regression::StaleSession) {
            return None;
        }
        let now = ids::unix_now();
        // `accepts-expired`: a token that was expired when it came in keeps its session.
        if self.app.regress.is(Regression::AcceptsExpired) && expires <= now {
            return None;
        }
        Some(Instant::now() + until(expires))
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        self.socket.send(message).await.map_err(|_| End::Gone)
    }

    async fn say(&mut self, event: Event) -> Result<(), End> {
        send(&mut self.socket, &event).await.map_err(|Gone| End::Gone)
    }

    /// Does what a client message asks for.
    async fn hear(&mut self, text: &str) -> Result<(), End> {
        self.app.hub.received(&self.route.connection_id);
        if text.len() > LONGEST {
            return self.say(Event::error("bad_message", format!("longer than {LONGEST} bytes"))).await;
        }
        let answer = match messages::parse(text) {
            Err(what) => Some(Event::error("bad_message", what)),
            Ok(ClientMessage::Auth { .. }) => Some(Event::error("bad_message", "already authenticated")),
            Ok(ClientMessage::AuthRefresh { token }) => Some(self.refresh(&token).await),
            Ok(ClientMessage::Ask { thread, text }) => self.ask(thread, text).await.err(),
            Ok(ClientMessage::Resume { thread }) => Some(self.resume(thread).await),
            // `unheard-cancel`: the client is told at once, and the signal to the run was lost in a change.
            Ok(ClientMessage::Cancel { run_id }) if self.app.regress.is(Regression::UnheardCancel) => {
                Some(Event::AgentCancelled { run_id })
            }
            Ok(ClientMessage::Cancel { run_id }) => {
                let found = self.app.runs.cancel(&run_id, &self.route.connection_id);
                (!found).then(|| Event::error("not_found", "this connection has no such run"))
            }
            Ok(ClientMessage::Ping { nonce }) => {
                Some(Event::Pong { nonce: self.app.agent.answer_ping(nonce) })
            }
            Ok(ClientMessage::Bye) => {
                self.say(Event::Goodbye).await?;
                return Err(End::Bye);
            }
        };
        match answer {
            Some(event) => self.say(event).await,
            None => Ok(()),
        }
    }

    /// Starts a run in the thread asked for, else in the connection's own.
    async fn ask(&mut self, thread: Option<String>, text: String) -> Result<(), Event> {
        let thread_id = thread.unwrap_or_else(|| self.thread_id.clone());
        ask(&self.app, &self.identity, &self.route, thread_id, text).await
    }

    async fn resume(&mut self, thread: String) -> Event {
        let thread_id = match own_thread(&self.app, &self.identity.user_id, thread).await {
            Ok(thread_id) => thread_id,
            Err(error) => return error,
        };
        let asked = thread_id.clone();
        match self.app.stored(move |store| store.messages(&asked)).await {
            Ok(mut messages) => {
                // `lost-on-resume`: a question that was not answered is no part of the conversation, somebody thought.
                if self.app.regress.is(Regression::LostOnResume) {
                    while messages.pop_if(|last| last.role == "user").is_some() {}
                }
                Event::ThreadResumed { thread_id, messages }
            }
            Err(_) => internal(),
        }
    }

    /// Takes a fresh token of the same user; with any other the session goes on as it was.
    async fn refresh(&mut self, token: &str) -> Event {
        match self.app.authenticate(token, Door::Socket).await {
            Ok(claims) if claims.sub == self.identity.user_id => {
                self.app.hub.renew(&self.route.connection_id, &claims.jti);
                let expires_in = claims.exp.saturating_sub(ids::unix_now());
                // `forgotten-refresh`: the new token is checked and praised, and the session goes on living by the old one.
                if !self.app.regress.is(Regression::ForgottenRefresh) {
                    self.identity = Identity::of(claims);
                }
                Event::AuthRefreshed { expires_in }
            }
            Ok(_) => Event::error("unauthorized", "token of another user"),
            Err(refusal) => Event::error("unauthorized", refusal.to_string()),
        }
    }

    async fn end(self, end: End) {
        let Session { app, mut socket, route, .. } = self;
        // `orphan-run`: a run outlives the connection that asked for it.
        if !app.regress.is(Regression::OrphanRun) {
            app.runs.cancel_all_of(&route.connection_id);
        }
        match end {
            // `wrong-close`: the TCP connection is dropped and the client's close is never answered.
            End::Gone if app.regress.is(Regression::WrongClose) => drop(socket),
            // Reading on sends the answer to the client's close.
            End::Gone => {
                let _ = timeout(CLOSE_ANSWER, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
            }
            // `wrong-close`: an ordinary end is called a server's error.
            End::Bye if app.regress.is(Regression::WrongClose) => close(&app, socket, 1011, "bye").await,
            End::Bye => close(&app, socket, 1000, "bye").await,
            End::Close(code, reason) => close(&app, socket, code, reason).await,
        }
        app.hub.unregister(&route);
    }
}

/// From now until the second in which a token expires has begun.
fn until(expires: u64) -> Duration {
    let now = chrono::Utc::now().timestamp_millis().unsigned_abs();
    let millis = expires.saturating_mul(1000).saturating_sub(now);
    Duration::from_millis(millis.min(FAR * 1000))
}

async fn send(socket: &mut WebSocket, event: &Event) -> Result<(), Gone> {
    // Only run events can carry something that does not encode, and those come through the hub.
    let text = event.encode().map_err(|_| Gone)?;
    socket.send(Message::text(text)).await.map_err(|_| Gone)
}

/// Closes from this side and waits for the answer.
async fn close(app: &App, mut socket: WebSocket, code: u16, reason: &str) {
    // `wrong-close`: a refusal looks like an ordinary end.
    let refusal = matches!(code, 1008 | 4401);
    let code = if refusal && app.regress.is(Regression::WrongClose) { 1000 } else { code };
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        let _ = timeout(CLOSE_ANSWER, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}
