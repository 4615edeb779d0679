//! Plays the client's side of a golden: told the time, answers what to do.
//!
//! A [`Session`] owns no socket and no clock. It is told every frame that passed and asked for a [`Turn`]; a turn says
//! everything there is to do next, so that no caller can forget to ask. A client's event is sent when the order allows
//! it and its cause has been seen: causality, not the clock. By hand, a person's lines take the place of the script.
//! [`Bounds`] may end it before either does. `wire::driver` is the loop around it.

mod bounds;
mod hand;

pub use bounds::Bounds;
pub use hand::LineError;

use crate::dialect::{CANCEL, Decoder, Label, RECONNECT, REQUEST, Unsayable};
use crate::golden::{Answers, Golden, Monitor, Order, Owed, Pace};
use crate::template::{Template, Unbound};
use crate::transcript::{End, Ending, Frame, Gap, Offset, Payload, Side};
use bounds::{Stop, Watch};
use hand::Hand;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// To be done now, before asking again.
    pub action: Action,
    /// When to ask again at the latest, if nothing arrives before.
    pub wake: Offset,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Wait for a frame or for the time.
    Wait,
    /// Send a message.
    Send(Payload),
    /// Close this connection with code 1000 and open the session's next one.
    Reconnect,
    /// Give up a request over HTTP, and what is still to come of its answer.
    Cancel {
        /// Which, counted from 0; the latest whose answer is not whole, when nobody says.
        request: Option<u32>,
    },
    /// Start the close handshake.
    Close {
        /// The status code to close with.
        code: u16,
    },
    /// The session is over.
    Done(Ending),
}

/// The code of an ending in which the server did not answer the client's close, and only hung up.
const UNANSWERED: u16 = 1006;
/// A close that says nothing (RFC 6455, section 7.4.1), and one that says that all is done.
const NO_STATUS: u16 = 1005;
const NORMAL: u16 = 1000;

#[derive(Debug, Clone, PartialEq)]
enum State {
    Running,
    /// All has come; listening for what should not come, since when.
    Listening(Offset),
    /// A close was sent, when.
    Closing(Offset),
    Over(Ending),
}

/// The client's side of one session.
#[derive(Debug)]
pub struct Session<'g> {
    golden: &'g Golden,
    monitor: Monitor,
    decoder: Decoder,
    floats: BTreeSet<Label>,
    /// The requests that were not answered yet.
    owed: Owed<'g>,
    /// How many events of the script were sent.
    sent: usize,
    /// How often each client event was sent.
    counts: HashMap<Label, usize>,
    /// Server events since the last send.
    seen: BTreeSet<Label>,
    values: BTreeMap<String, Value>,
    /// The latest event that brings the session forward.
    progress: Offset,
    last_frame: Offset,
    conn: u32,
    /// How many requests are to be sent by now, over HTTP.
    requests: u32,
    /// How many of them are on their way: each has to connect first.
    begun: u32,
    reconnecting: bool,
    /// The code of our own close, once it is sent.
    closes_with: u16,
    /// Before this, nothing of the script is sent.
    held_until: Offset,
    watch: Watch,
    /// What is to be sent before anything else: the rest of an event, and what the protocol obliges to.
    outbox: VecDeque<Payload>,
    /// When the client sent something the last time.
    spoke: Offset,
    /// When the script's latest word was said.
    said: Offset,
    /// When all had come that must, and the client began to listen.
    complete: Option<Offset>,
    /// The server's event that came last by its name alone.
    latest: Option<Latest>,
    /// What a person says, when it is not the script that speaks.
    hand: Option<Hand>,
    state: State,
}

/// What is known of an event by its name: most come again and again.
#[derive(Debug, Clone)]
struct Latest {
    label: Label,
    /// Whether nothing but its name matters.
    is_name: bool,
    floats: bool,
}

/// A session lasts at most this many times the golden's `wait`, though every event brings it forward.
const MAX_WAITS: u64 = 60;
/// Heartbeats must not keep a session open for ever: listening lasts at most this many times the golden's `linger`.
const MAX_LINGERS: u64 = 20;
/// A feed has no last message: after all has come that must, it is listened to at most this many times the golden's `wait`.
const FEED_WAITS: u64 = 6;
/// When nothing is due, it is asked again so much later.
const LATER: Gap = Gap::from_millis(3_600_000);

fn times(gap: Gap, times: u64) -> Gap {
    Gap::from_nanos(gap.as_nanos().saturating_mul(times))
}

impl<'g> Session<'g> {
    /// At the start of the first connection. `values` are those known beforehand: the user's, the command line's.
    pub fn new(golden: &'g Golden, values: BTreeMap<String, Value>) -> Session<'g> {
        Session {
            golden,
            monitor: Monitor::new(&golden.order),
            decoder: Decoder::new(&golden.dialect),
            floats: floats(&golden.order),
            owed: Owed::new(golden),
            sent: 0,
            counts: HashMap::new(),
            seen: BTreeSet::new(),
            values,
            progress: Offset::ZERO,
            last_frame: Offset::ZERO,
            conn: 0,
            requests: 0,
            begun: 0,
            reconnecting: false,
            closes_with: NORMAL,
            held_until: Offset::ZERO,
            watch: Watch::new(Bounds::default()),
            outbox: VecDeque::new(),
            spoke: Offset::ZERO,
            said: Offset::ZERO,
            complete: None,
            latest: None,
            hand: None,
            state: State::Running,
        }
    }

    /// Likewise, but a person speaks, by [`Session::say`]; of the golden only the dialect and the bindings matter.
    pub fn by_hand(golden: &'g Golden, values: BTreeMap<String, Value>) -> Session<'g> {
        Session { hand: Some(Hand::default()), ..Session::new(golden, values) }
    }

    /// Within these bounds.
    #[must_use]
    pub fn within(mut self, bounds: Bounds) -> Session<'g> {
        self.watch = Watch::new(bounds);
        self
    }

    /// Sends nothing of the script before this, however soon the order would allow it.
    #[must_use]
    pub fn held_until(mut self, at: Offset) -> Session<'g> {
        self.held_until = at;
        self
    }

    /// Takes a line that the person typed.
    ///
    /// # Errors
    /// When it cannot be sent; it is as if it had not been typed.
    pub fn say(&mut self, line: &str, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Result<(), LineError> {
        let mut lookup = |name: &str| known(&self.values, name).or_else(|| fresh(name));
        let action = hand::action(line, &mut lookup)?;
        if let Some(hand) = &mut self.hand {
            hand.queue.extend(action);
        }
        Ok(())
    }

    /// There will be no more lines.
    pub fn hush(&mut self, now: Offset) {
        if let Some(hand) = &mut self.hand {
            hand.silent_since.get_or_insert(now);
        }
    }

    /// Whether the next line would be sent at once.
    pub fn listens(&self) -> bool {
        let idle = |hand: &Hand| hand.queue.is_empty() && hand.silent_since.is_none() && !hand.has_left;
        self.state == State::Running && self.hand.as_ref().is_some_and(idle)
    }

    /// Whether the event that was awaited has come; true when none was.
    pub fn until_seen(&self) -> bool {
        self.watch.until_seen()
    }

    /// Whether the script itself sends the token, so that nobody else should.
    pub fn sends_token(&self) -> bool {
        let templates = self.golden.events.values().flat_map(|event| &event.sends);
        templates.flat_map(Template::names).any(|name| name == "token")
    }

    /// Which connection it is on, counted from 0.
    pub(crate) fn connection(&self) -> u32 {
        self.conn
    }

    /// How far the script is: sent and total.
    pub fn progress(&self) -> (usize, usize) {
        (self.sent, self.golden.script.len())
    }

    /// The events of the script that had to be sent and were not, by name.
    pub fn unsent(&self) -> Vec<String> {
        let missing = self.monitor.missing();
        let client = missing.iter().filter(|violation| violation.label.is_client());
        client.map(|violation| violation.label.to_string()).collect()
    }

    /// Takes a frame that passed, in either direction. Whether it is a text that is JSON, for whoever writes it down.
    pub fn frame(&mut self, frame: &Frame) -> bool {
        self.last_frame = self.last_frame.max(frame.at);
        self.watch.frame(frame);
        if frame.side == Side::Client {
            self.spoke = frame.at;
        }
        let closing = matches!(self.state, State::Closing(_));
        let is_http = self.golden.dialect.is_http();
        match &frame.payload {
            // An answer that is whole ends nothing else; one that is broken off ends the session, as a dropped connection.
            Payload::Close { .. } if is_http => {}
            Payload::Text(_) if is_http => self.begun += u32::from(frame.side == Side::Client),
            Payload::Gone(detail) if is_http => {
                let detail = format!("request {}: {detail}", frame.conn);
                self.over(frame.at, End::Dropped { detail });
            }
            Payload::Close { code, reason } if frame.side == Side::Server && frame.conn == self.conn => {
                let by = if closing { Side::Client } else { Side::Server };
                // A server may answer a close without a code with a usual one (RFC 6455, section 5.5.1): that is our close.
                let is_ours = closing && self.closes_with == NO_STATUS && *code == NORMAL;
                let code = if is_ours { NO_STATUS } else { *code };
                self.over(frame.at, End::Closed { by, code, reason: reason.clone() });
            }
            Payload::Gone(detail) if frame.conn == self.conn => {
                let how = match closing {
                    // The client ended it; that the server only hung up is in the code.
                    true => End::Closed {
                        by: Side::Client,
                        code: UNANSWERED,
                        reason: format!("no answer to our close: {detail}"),
                    },
                    false => End::Dropped { detail: detail.clone() },
                };
                self.over(frame.at, how);
            }
            Payload::Open(_) => {
                self.conn = frame.conn;
                self.reconnecting = false;
                self.state = State::Running;
                self.complete = None;
                self.outbox.clear();
            }
            Payload::Text(_)
            | Payload::Binary(_)
            | Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Gone(_) => {}
        }
        for event in self.decoder.feed(frame) {
            self.watch.event(&event.label);
            self.owed.feed(&event);
            if let Some(known) = self.golden.event(&event.label) {
                for (name, pointer) in &known.binds {
                    if let Some(value) = event.data.pointer(pointer) {
                        self.values.insert(name.clone(), value.clone());
                    }
                }
            }
            if self.hand.is_some() {
                continue;
            }
            let golden = self.golden;
            let keys = |key: &str| event.key(&golden.lane_pointer(&event.label, key)).map(Cow::into_owned);
            let fits = self.monitor.feed(&event.label, &keys).is_empty();
            // A flood of what the golden does not want must not keep a session alive.
            let is_progress = fits && !self.floats.contains(&event.label);
            self.came(event.at, is_progress);
            if !event.label.is_client() {
                self.seen.insert(event.label);
            }
            self.decoder.reuse(event.data);
        }
        if frame.side == Side::Server {
            self.outbox.extend(self.decoder.owed());
        }
        self.decoder.is_json()
    }

    /// Whether there is something to send that waits for nothing.
    pub fn owes(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether nothing that comes can oblige the client to an answer, so that all of it may be taken before it is asked.
    pub fn owes_nothing(&self) -> bool {
        self.decoder.takes_json()
    }

    /// Takes a text of the server: as [`Session::frame`], without more of the message than its name where the golden
    /// wants no more.
    pub fn text(&mut self, at: Offset, conn: u32, text: &str) -> bool {
        let known = self.decoder.glance(Side::Server, text).map(|label| self.known(label));
        let Some(Latest { label, floats, .. }) = known.filter(|known| known.is_name) else {
            let payload = Payload::Text(text.to_owned());
            let frame = Frame { conn, ..Frame::new(at, Side::Server, payload) };
            return self.frame(&frame);
        };
        self.decoder.pass();
        self.last_frame = self.last_frame.max(at);
        self.watch.message(at, Side::Server);
        self.watch.event(&label);
        let fits = self.monitor.feed(&label, &|_| None).is_empty();
        self.came(at, fits && !floats);
        if !self.seen.contains(&label) {
            self.seen.insert(label);
        }
        true
    }

    /// What is known of an event by its name.
    fn known(&mut self, label: Label) -> Latest {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.label == label) {
            return latest.clone();
        }
        let binds = self.golden.event(&label).is_some_and(|event| !event.binds.is_empty());
        let is_owed = self.owed.knows(&label);
        let is_name = self.hand.is_none() && !binds && !is_owed && !self.monitor.has_lanes(&label);
        let floats = self.floats.contains(&label);
        self.latest.insert(Latest { label, is_name, floats }).clone()
    }

    /// An event has come; it may bring the session forward.
    fn came(&mut self, at: Offset, is_progress: bool) {
        if is_progress {
            self.progress = at;
            if let State::Listening(since) = &mut self.state {
                *since = at;
            }
        }
    }

    fn over(&mut self, at: Offset, how: End) {
        // A connection that ends while the script wants another one is not the end of the session.
        let next = self.golden.script.get(self.sent);
        let expected = self.reconnecting || next.is_some_and(|label| label.as_str() == RECONNECT);
        if !expected && !matches!(self.state, State::Over(_)) {
            self.state = State::Over(Ending { at, how, host: None });
        }
    }

    /// What to do now. `fresh` makes values that are new each time: `uuid`, `nonce`, `now`.
    pub fn turn(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let mut turn = match self.bounded(now) {
            Some(turn) => turn,
            None => self.chore(now).unwrap_or_else(|| self.step(now, fresh)),
        };
        let beat = self.due_beat().filter(|_| turn.action == Action::Wait);
        if let Some((due, _)) = beat {
            turn.wake = turn.wake.min(due);
        }
        if let Some(wake) = self.watch.wake(now).filter(|_| turn.action == Action::Wait) {
            turn.wake = turn.wake.min(wake);
        }
        turn
    }

    /// What is to be sent without the script's saying so.
    fn chore(&mut self, now: Offset) -> Option<Turn> {
        let due = |now| self.due_beat().filter(|(due, _)| now >= *due).map(|(_, beat)| beat);
        let payload = match self.state {
            State::Running | State::Listening(_) if !self.reconnecting => {
                let beat = due(now);
                self.outbox.pop_front().or(beat)?
            }
            State::Running | State::Listening(_) | State::Closing(_) | State::Over(_) => return None,
        };
        Some(Turn { action: Action::Send(payload), wake: now })
    }

    /// When the client has been silent for as long as it may be, and what it says then.
    fn due_beat(&self) -> Option<(Offset, Payload)> {
        let is_open = matches!(self.state, State::Running | State::Listening(_)) && !self.reconnecting;
        let beat = self.decoder.beat().filter(|_| is_open)?;
        Some((self.spoke + beat.every, beat.payload))
    }

    /// What there is to do because a bound is reached.
    fn bounded(&mut self, now: Offset) -> Option<Turn> {
        if matches!(self.state, State::Over(_)) {
            return None;
        }
        match self.watch.stop(now)? {
            Stop::Limit(limit) => {
                let ending = self.cut_off(now, limit);
                Some(Turn { action: Action::Done(ending), wake: now })
            }
            Stop::Enough if matches!(self.state, State::Closing(_)) => None,
            Stop::Enough => Some(self.close(now, 1000)),
        }
    }

    fn close(&mut self, now: Offset, code: u16) -> Turn {
        // Nobody answers that over HTTP: the client is simply gone.
        if self.golden.dialect.is_http() {
            let how = End::Closed { by: Side::Client, code, reason: String::new() };
            let ending = Ending { at: now, how, host: None };
            self.state = State::Over(ending.clone());
            return Turn { action: Action::Done(ending), wake: now };
        }
        self.state = State::Closing(now);
        self.closes_with = code;
        Turn { action: Action::Close { code }, wake: now }
    }

    fn step(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let wait = |wake: Offset| Turn { action: Action::Wait, wake };
        match self.state.clone() {
            State::Over(ending) => Turn { action: Action::Done(ending), wake: now },
            State::Closing(since) => {
                let deadline = since + self.golden.wait;
                if now >= deadline {
                    return self.give_up(now, since, vec!["close".to_owned()]);
                }
                wait(deadline)
            }
            State::Running if self.hand.is_some() => self.by_hand_turn(now),
            State::Running => self.run(now, fresh),
            State::Listening(since) => self.listen(now, since),
        }
    }

    /// All has come that must: the client waits for what should not come. It leaves a feed when it has had enough.
    fn listen(&mut self, now: Offset, since: Offset) -> Turn {
        let until = match self.golden.listen {
            Some(listen) => (self.said + listen).max(since),
            None => {
                let quiet = self.progress.max(since) + self.golden.linger;
                let enough = self.complete.unwrap_or(since) + times(self.golden.wait, FEED_WAITS);
                quiet.min(since + times(self.golden.linger, MAX_LINGERS)).min(enough)
            }
        };
        if now < until {
            return Turn { action: Action::Wait, wake: until };
        }
        self.end(now)
    }

    fn by_hand_turn(&mut self, now: Offset) -> Turn {
        // Nothing is due; whoever has a line for us asks again.
        let wait = |wake| Turn { action: Action::Wait, wake };
        let Some(hand) = &mut self.hand else { return wait(now) };
        match (hand.queue.pop_front(), hand.silent_since) {
            (Some(Action::Close { code }), _) => self.close(now, code),
            (Some(action), _) => Turn { action, wake: now },
            (None, Some(since)) => {
                let Bounds { duration, until, idle, .. } = self.watch.bounds();
                if idle.is_none() && (duration.is_some() || until.is_some()) {
                    return wait(now + LATER);
                }
                let quiet = self.watch.latest.max(since) + idle.unwrap_or(hand::QUIET);
                if now >= quiet { self.close(now, 1000) } else { wait(quiet) }
            }
            (None, None) => wait(now + LATER),
        }
    }

    /// When nobody waits any longer for what must come.
    fn deadline(&self) -> Offset {
        (self.progress + self.golden.wait).min(Offset::ZERO + times(self.golden.wait, MAX_WAITS))
    }

    fn run(&mut self, now: Offset, fresh: &mut dyn FnMut(&str) -> Option<Value>) -> Turn {
        let deadline = self.deadline();
        let due = match self.golden.script.get(self.sent) {
            Some(label) => match self.ready(label, fresh) {
                Ok((action, rest)) => {
                    let think = self.golden.event(label).and_then(|event| event.think);
                    let pause = think.filter(|_| self.golden.pace == Pace::Recorded).unwrap_or_default();
                    let at = (self.last_frame + pause).max(self.held_until);
                    if now < at {
                        return Turn { action: Action::Wait, wake: at };
                    }
                    self.sent += 1;
                    let is_request = self.golden.dialect.is_http() && matches!(action, Action::Send(_));
                    self.requests += u32::from(is_request);
                    *self.counts.entry(label.clone()).or_default() += 1;
                    self.seen.clear();
                    self.seen.insert(label.clone());
                    self.progress = now;
                    self.said = now;
                    self.reconnecting = action == Action::Reconnect;
                    self.outbox.extend(rest);
                    return Turn { action, wake: now };
                }
                Err(due) => due,
            },
            None if self.monitor.is_complete()
                && self.begun >= self.requests
                && self.owed.waits_for().is_none() =>
            {
                self.complete.get_or_insert(self.progress);
                self.state = State::Listening(self.progress);
                return self.listen(now, self.progress);
            }
            None => self.due(),
        };
        if now >= deadline {
            let since = self.progress;
            return self.give_up(now, since, due);
        }
        Turn { action: Action::Wait, wake: deadline }
    }

    /// The next client event as something to do and what follows at once, or what it waits for.
    fn ready(
        &self,
        label: &Label,
        fresh: &mut dyn FnMut(&str) -> Option<Value>,
    ) -> Result<(Action, Vec<Payload>), Vec<String>> {
        let event = self.golden.event(label);
        if let Some(event) = event {
            let came = event.after.iter().any(|cause| self.seen.contains(cause));
            // The first send of a session may be one that begins it: no cause of it can come before.
            let begins =
                || self.sent == 0 && !event.after.iter().any(|cause| self.monitor.accepts(cause, &|_| None));
            if !event.after.is_empty() && !came && !begins() {
                return Err(event.after.iter().map(|cause| cause.as_str().to_owned()).collect());
            }
        }
        if label.as_str() == RECONNECT {
            let allowed = self.monitor.accepts(label, &|_| None);
            return if allowed { Ok((Action::Reconnect, Vec::new())) } else { Err(self.due()) };
        }
        if label.as_str() == CANCEL {
            let allowed = self.monitor.accepts(label, &|_| None);
            let sends = event.and_then(|event| event.sends.first());
            let request = sends.and_then(|template| match template {
                Template::Json(value) => u32::try_from(value.get("request")?.as_u64()?).ok(),
                Template::Text(_) | Template::Binary(_) => None,
            });
            let action = (Action::Cancel { request }, Vec::new());
            return if allowed { Ok(action) } else { Err(self.due()) };
        }
        let Some(event) = event else { return Err(self.due()) };
        let nth = self.counts.get(label).copied().unwrap_or(0);
        let Some(template) = event.sends.get(nth).or(event.sends.last()) else { return Err(self.due()) };
        let mut lookup = |name: &str| known(&self.values, name).or_else(|| fresh(name));
        let message = template.fill(&mut lookup).map_err(|unbound| {
            let binder =
                |event: &&crate::golden::Event| event.binds.iter().any(|(name, _)| *name == unbound.0);
            let binders = self.golden.events.iter().filter(|(_, event)| binder(event));
            binders.map(|(label, _)| label.as_str().to_owned()).collect::<Vec<_>>()
        })?;
        let keys = |key: &str| {
            let pointer = self.golden.lane_pointer(label, key);
            match &message {
                _ if pointer == REQUEST => Some(self.requests.to_string()),
                Template::Json(value) => text(value.pointer(&pointer)?),
                Template::Text(_) | Template::Binary(_) => None,
            }
        };
        if !self.monitor.accepts(label, &keys) {
            return Err(self.due());
        }
        let cannot = |cause| vec![format!("something that can be said instead of {label}: {cause}")];
        let mut payloads = message.payloads(&self.golden.dialect, label).map_err(cannot)?;
        if payloads.is_empty() {
            return Err(cannot(Unsayable("it is nothing".to_owned())));
        }
        Ok((Action::Send(payloads.remove(0)), payloads))
    }

    /// The server's events that must come next.
    fn due(&self) -> Vec<String> {
        let missing = self.monitor.missing();
        let server = missing.iter().filter(|violation| !violation.label.is_client());
        let due = server.map(|violation| violation.label.as_str().to_owned()).next();
        // The order may be content with what came, and a request is still without its answer.
        due.or_else(|| self.owed.waits_for().map(Answers::in_words)).into_iter().collect()
    }

    fn end(&mut self, now: Offset) -> Turn {
        let close = self.golden.ends.iter().find_map(|end| end.strip_prefix("client ")?.parse().ok());
        match close {
            // RFC 6455, 7.4.1: 1006 "MUST NOT be set as a status code in a Close control frame".
            Some(UNANSWERED) => self.close(now, 1000),
            Some(code) => self.close(now, code),
            None => {
                let deadline = self.deadline();
                if now >= deadline {
                    let since = self.progress;
                    return self.give_up(now, since, vec!["close".to_owned()]);
                }
                Turn { action: Action::Wait, wake: deadline }
            }
        }
    }

    fn give_up(&mut self, now: Offset, since: Offset, waiting_for: Vec<String>) -> Turn {
        let ending =
            Ending { at: now, how: End::GaveUp { waiting_for, waited: now.since(since) }, host: None };
        self.state = State::Over(ending.clone());
        Turn { action: Action::Done(ending), wake: now }
    }

    /// The session's next connection could not be opened.
    pub fn lost(&mut self, at: Offset, detail: String) {
        self.state = State::Over(Ending { at, how: End::Dropped { detail }, host: None });
    }

    /// A limit was passed. How the session ended.
    pub fn cut_off(&mut self, at: Offset, limit: String) -> Ending {
        let ending = Ending { at, how: End::CutOff { limit }, host: None };
        self.state = State::Over(ending.clone());
        ending
    }

    /// The person who speaks has had enough: what waits is not sent, the session is closed properly. False when it is not
    /// a person who speaks; then it is interrupted.
    pub fn leave(&mut self) -> bool {
        let Some(hand) = &mut self.hand else { return false };
        if !std::mem::replace(&mut hand.has_left, true) {
            hand.queue = VecDeque::from([Action::Close { code: 1000 }]);
        }
        true
    }

    /// Somebody stopped the session.
    pub fn interrupt(&mut self, now: Offset) -> Ending {
        let ending = Ending { at: now, how: End::Interrupted, host: None };
        self.state = State::Over(ending.clone());
        ending
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value by its name. What was learned from a capture says `{{password}}`, wherever it will come from: the user's login
/// or the command line.
fn known(values: &BTreeMap<String, Value>, name: &str) -> Option<Value> {
    let elsewhere = || values.get(&format!("user.{name}")).or_else(|| values.get(&format!("var.{name}")));
    values.get(name).or_else(elsewhere).cloned()
}

/// A place of the script that no event, no value and nothing fresh will fill: its message could never be sent.
pub fn unbound(
    golden: &Golden,
    values: &BTreeMap<String, Value>,
    fresh: &mut dyn FnMut(&str) -> Option<Value>,
) -> Option<Unbound> {
    let is_bound =
        |name: &str| golden.events.values().flat_map(|event| &event.binds).any(|(own, _)| own == name);
    let names = golden.events.values().flat_map(|event| &event.sends).flat_map(Template::names);
    let mut open = names.filter(|name| !is_bound(name) && known(values, name).is_none());
    open.find(|name| fresh(name).is_none()).map(Unbound)
}

/// Events that may come at any time: branches by themselves of an `&` at the top.
fn floats(order: &Order) -> BTreeSet<Label> {
    let Order::All(parts) = order else { return BTreeSet::new() };
    let single = |part: &Order| match part {
        Order::Event(label) => Some(label.clone()),
        Order::Repeat(body, _) => match &**body {
            Order::Event(label) => Some(label.clone()),
            _ => None,
        },
        _ => None,
    };
    parts.iter().filter_map(single).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    const CHAT: &str = r#"
        goldwire = 1
        order = "connected ; >ask ; ( token+ & beat* ) ; done ; >thanks"
        wait = "2 s"
        linger = "100 ms"
        [event.connected]
        bind.thread = "/thread"
        [event.ask]
        send = { type = "ask", thread = "{{thread}}", by = "{{user.email}}", nonce = "{{nonce}}" }
        [event.thanks]
        send = { type = "thanks" }
    "#;

    /// A session under a clock that is a number; says what it does in words.
    struct Stage<'g> {
        session: Session<'g>,
        now: u64,
        said: Vec<String>,
    }

    impl Stage<'_> {
        fn frame(&mut self, side: Side, payload: Payload) {
            let frame = Frame::new(Offset::from_nanos(self.now), side, payload);
            self.session.frame(&frame);
        }

        /// Does all there is to do until only time or the server can bring it further.
        fn settle(&mut self) -> u64 {
            loop {
                let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
                let turn = self.session.turn(Offset::from_nanos(self.now), &mut fresh);
                match turn.action {
                    Action::Wait if turn.wake.as_nanos() > self.now => return turn.wake.as_nanos(),
                    Action::Wait => {}
                    Action::Send(payload) => {
                        if let Payload::Text(text) = &payload {
                            self.said.push(format!("{} {text}", self.now / 1_000_000));
                        }
                        self.frame(Side::Client, payload);
                    }
                    Action::Close { code } => {
                        self.said.push(format!("{} close {code}", self.now / 1_000_000))
                    }
                    Action::Reconnect => self.said.push("reconnect".to_owned()),
                    Action::Cancel { request } => self.said.push(format!("cancel {request:?}")),
                    Action::Done(ending) => {
                        self.said.push(format!("{} {}", self.now / 1_000_000, ending.label()));
                        return u64::MAX;
                    }
                }
            }
        }

        fn server(&mut self, text: &str) {
            self.now += 10_000_000;
            self.frame(Side::Server, Payload::Text(text.to_owned()));
            self.settle();
        }
    }

    fn play(script: impl FnOnce(&mut Stage<'_>)) -> Vec<String> {
        play_by(CHAT, script)
    }

    fn play_by(golden: &str, script: impl FnOnce(&mut Stage<'_>)) -> Vec<String> {
        let golden = golden::read("chat.toml", golden).expect("a valid golden");
        let values = BTreeMap::from([("user.email".to_owned(), Value::from("u1@example.test"))]);
        let mut stage = Stage { session: Session::new(&golden, values), now: 0, said: Vec::new() };
        stage.settle();
        script(&mut stage);
        stage.said
    }

    const FEED: &str = "goldwire = 1\norder = \">watch ; price{2,}\"\nwait = \"2 s\"\n[event.watch]\n\
                        send = { type = \"watch\" }\n";

    /// The server tells a price every 100 ms, for as long as somebody listens, but a minute at most.
    fn prices(golden: &str) -> Vec<String> {
        play_by(golden, |stage| {
            for _ in 0..600 {
                stage.now += 90_000_000;
                stage.server(r#"{"type":"price"}"#);
                if stage.said.len() > 1 {
                    break;
                }
            }
        })
    }

    #[test]
    fn a_feed_that_never_ends_is_left_when_enough_of_it_has_come() {
        let watch = r#"0 {"type":"watch"}"#;
        // Six times `wait` after the second price.
        assert_eq!(prices(FEED), [watch, "12200 close 1000"]);
        assert_eq!(prices(&FEED.replace("wait =", "listen = \"3 s\"\nwait =")), [watch, "3000 close 1000"]);
        // Not before all has come that must.
        assert_eq!(prices(&FEED.replace("wait =", "listen = \"50 ms\"\nwait =")), [watch, "200 close 1000"]);
        // A server that must end it has as long as any session.
        let ends = FEED.replace("wait = \"2 s\"", "ends = \"server 1000\"\nwait = \"500 ms\"");
        assert_eq!(prices(&ends), [watch, "30000 gave up"]);
    }

    #[test]
    fn who_listens_for_a_time_stays_though_nothing_comes() {
        let golden = FEED.replace("wait =", "listen = \"3 s\"\nwait =");
        let said = play_by(&golden, |stage| {
            stage.server(r#"{"type":"price"}"#);
            stage.server(r#"{"type":"price"}"#);
            stage.now = stage.settle();
            stage.settle();
        });
        assert_eq!(said, [r#"0 {"type":"watch"}"#, "3000 close 1000"]);
    }

    #[test]
    fn a_message_of_the_client_is_a_cause_of_the_next() {
        let text = r#"
            goldwire = 1
            order = "hi ; ( >ask & >say+ & said+ )"
            script = [">ask", ">say", ">say"]
            wait = "2 s"
            linger = "100 ms"
            [event.ask]
            send = { type = "ask" }
            [event.say]
            send = { type = "say" }
            after = [">ask", "said"]
        "#;
        let said = play_by(text, |stage| {
            stage.server(r#"{"type":"hi"}"#);
            stage.settle();
            // The first is said at once, the second when the first was heard.
            assert_eq!(stage.said.len(), 2, "{:?}", stage.said);
            stage.server(r#"{"type":"said"}"#);
            stage.settle();
        });
        let names = said.iter().filter_map(|line| line.split('"').nth(3)).collect::<Vec<_>>();
        assert_eq!(names, ["ask", "say", "say"]);
    }

    #[test]
    fn the_client_speaks_when_its_cause_was_seen() {
        let said = play(|stage| {
            stage.server(r#"{"type":"connected","thread":"t1"}"#);
            stage.server(r#"{"type":"token"}"#);
            stage.server(r#"{"type":"done"}"#);
            stage.now = stage.settle();
            stage.settle();
            stage.frame(Side::Server, Payload::Close { code: 1000, reason: String::new() });
            stage.settle();
        });
        assert_eq!(
            said,
            [
                r#"10 {"type":"ask","thread":"t1","by":"u1@example.test","nonce":"n1"}"#,
                r#"30 {"type":"thanks"}"#,
                "130 close 1000",
                "130 client 1000"
            ]
        );
    }

    #[test]
    fn a_place_that_nobody_fills_is_known_before_anything_is_sent() {
        let golden = golden::read("chat.toml", CHAT).expect("a valid golden");
        let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
        let missing = unbound(&golden, &BTreeMap::new(), &mut fresh);
        assert_eq!(missing, Some(Unbound("user.email".to_owned())));
        let values = BTreeMap::from([("var.user.email".to_owned(), Value::from("a@example.test"))]);
        assert_eq!(unbound(&golden, &values, &mut fresh), None);
    }

    #[test]
    fn heartbeats_do_not_keep_a_silent_server_alive() {
        let said = play(|stage| {
            stage.server(r#"{"type":"connected","thread":"t1"}"#);
            stage.server(r#"{"type":"token"}"#);
            // `beat` is no branch at the top here, so it counts as progress until it stops.
            stage.server(r#"{"type":"beat"}"#);
            stage.now = stage.settle();
            stage.settle();
        });
        assert_eq!(said[1..], ["2030 gave up"]);
    }

    #[test]
    fn a_server_that_hangs_up_instead_of_closing_was_left_by_the_client() {
        let golden = CHAT.replace("wait =", "ends = \"client 1006\"\nwait =");
        let said = play_by(&golden, |stage| {
            stage.server(r#"{"type":"connected","thread":"t1"}"#);
            stage.server(r#"{"type":"token"}"#);
            stage.server(r#"{"type":"done"}"#);
            stage.now = stage.settle();
            stage.settle();
            stage.frame(Side::Server, Payload::Gone("connection reset".to_owned()));
            stage.settle();
        });
        assert_eq!(said[2..], ["130 close 1000", "130 client 1006"]);
    }

    #[test]
    fn a_text_by_its_name_counts_as_its_frame_does() {
        let golden = golden::read("chat.toml", CHAT).expect("a valid golden");
        let values = BTreeMap::from([("user.email".to_owned(), Value::from("u1@example.test"))]);
        let mut both = [(); 2].map(|()| Session::new(&golden, values.clone()));
        let mut fresh = |name: &str| (name == "nonce").then(|| Value::from("n1"));
        let texts = [
            r#"{"type":"connected","thread":"t1"}"#,
            r#"{"type":"token"}"#,
            r#"{"type":"token"}"#,
            r#"{"type":"beat"}"#,
            r#"{"type":"stranger","n":[1,{"a":"\ud800"}]}"#,
            r#"{"type":"stranger","n":1e999}"#,
            "no JSON",
            r#"{"type":"done"}"#,
        ];
        for (n, text) in (1u64..).zip(texts) {
            let at = Offset::from_nanos(n * 10_000_000);
            let frame = Frame::new(at, Side::Server, Payload::Text(text.to_owned()));
            let [by_frame, by_name] = &mut both;
            assert_eq!(by_frame.frame(&frame), by_name.text(at, 0, text), "{text}");
            for session in &mut both {
                while let Turn { action: Action::Send(payload), .. } = session.turn(at, &mut fresh) {
                    session.frame(&Frame::new(at, Side::Client, payload));
                }
            }
            let [by_frame, by_name] = both.each_ref().map(|session| {
                let Session { sent, seen, values, progress, last_frame, state, .. } = session;
                let latest = session.watch.latest;
                format!("{sent} {seen:?} {values:?} {progress:?} {last_frame:?} {state:?} {latest:?}")
            });
            assert_eq!(by_frame, by_name, "{text}");
        }
        assert_eq!(both[1].progress(), (2, 2));
    }

    #[test]
    fn a_server_that_closes_early_ends_the_session() {
        let said = play(|stage| {
            stage.frame(Side::Server, Payload::Close { code: 1008, reason: "no".to_owned() });
            stage.settle();
        });
        assert_eq!(said, ["0 server 1008"]);
    }

    #[test]
    fn a_close_without_a_code_is_ours_whatever_usual_code_answers_it() {
        let quiet = CHAT.replace("wait =", "ends = \"client 1005\"\nwait =");
        let ended = |answer: u16| {
            let said = play_by(&quiet, |stage| {
                for event in ["connected", "token", "done"] {
                    stage.server(&format!(r#"{{"type":"{event}","thread":"t"}}"#));
                }
                stage.now = stage.settle();
                stage.settle();
                stage.frame(Side::Server, Payload::Close { code: answer, reason: String::new() });
                stage.settle();
            });
            said[said.len() - 2..].join(", ")
        };
        assert_eq!(ended(1000), "130 close 1005, 130 client 1005");
        assert_eq!(ended(1005), "130 close 1005, 130 client 1005");
        assert_eq!(ended(1011), "130 close 1005, 130 client 1011");
    }

    #[test]
    fn a_heartbeat_is_answered_whatever_else_is_waited_for() {
        let text = r#"
            goldwire = 1
            order = "hello ; >ask ; done"
            wait = "2 s"
            [[reflex]]
            on = "ping"
            send = { type = "pong", seq = "{{/seq}}" }
            [[reflex]]
            on = "tick"
            [[reflex]]
            every = "1 s"
            send = { type = "alive" }
            [event.ask]
            send = { type = "ask" }
        "#;
        let said = play_by(text, |stage| {
            stage.server(r#"{"type":"ping","seq":1}"#);
            stage.server(r#"{"type":"hello"}"#);
            stage.server(r#"{"type":"tick"}"#);
            stage.server(r#"{"type":"ping","seq":2}"#);
            stage.now = stage.settle();
            stage.server(r#"{"type":"done"}"#);
        });
        let pong = |at: u64, seq: u64| format!(r#"{at} {{"type":"pong","seq":{seq}}}"#);
        let ask = r#"20 {"type":"ask"}"#.to_owned();
        assert_eq!(said, [pong(10, 1), ask, pong(40, 2), r#"1050 {"type":"alive"}"#.to_owned()]);
    }

    #[test]
    fn what_a_protocol_obliges_to_is_answered_and_is_not_of_the_script() {
        let text = r#"
            goldwire = 1
            order = "INFO ; >CONNECT ; >PING ; PONG ; MSG"
            wait = "2 s"
            [dialect]
            kind = "nats"
            [event.CONNECT]
            send = { jwt = "j" }
            [event.">PING"]
            send = { }
        "#;
        for is_named in [false, true] {
            let text =
                if is_named { text.replace("PONG ;", "PONG ; PING ; >PONG ;") } else { text.to_owned() };
            let text = text + if is_named { "[event.\">PONG\"]\nsend = { }\n" } else { "" };
            let golden = golden::read("g.toml", &text).expect("a golden");
            let mut session = Session::new(&golden, BTreeMap::new());
            let mut sent = String::new();
            let mut play = |bytes: &str| {
                let now = Offset::ZERO;
                session.frame(&Frame::new(now, Side::Server, Payload::Binary(bytes.into())));
                while let Turn { action: Action::Send(payload), .. } = session.turn(now, &mut |_| None) {
                    session.frame(&Frame::new(now, Side::Client, payload.clone()));
                    let Payload::Binary(bytes) = payload else { panic!("frames are binary") };
                    sent.push_str(&String::from_utf8(bytes).expect("text"));
                }
            };
            play("INFO {}\r\n");
            play("PONG\r\nPING\r\n");
            play("MSG a 1 1\r\nx\r\n");
            assert_eq!(sent, "CONNECT {\"jwt\":\"j\"}\r\nPING\r\nPONG\r\n");
            assert!(matches!(session.state, State::Listening(_)), "{:?}", session.state);
        }
    }

    #[test]
    fn a_client_that_has_been_silent_for_long_says_that_it_is_there() {
        let text = r#"
            goldwire = 1
            order = ">CONNECT ; CONNACK ; PUBLISH"
            wait = "60 s"
            [dialect]
            kind = "mqtt"
            [event.CONNECT]
            send = { client_id = "a", keep_alive = 10 }
        "#;
        let golden = golden::read("g.toml", text).expect("a golden");
        let mut session = Session::new(&golden, BTreeMap::new());
        let at = |seconds: u64| Offset::ZERO + Gap::from_millis(seconds * 1000);
        let Action::Send(connect) = session.turn(at(0), &mut |_| None).action else { panic!("it connects") };
        session.frame(&Frame::new(at(0), Side::Client, connect));
        session.frame(&Frame::new(at(1), Side::Server, Payload::Binary(vec![0x20, 2, 0, 0])));
        let turn = session.turn(at(1), &mut |_| None);
        assert_eq!(turn, Turn { action: Action::Wait, wake: at(5) });
        let ping = Payload::Binary(vec![0xc0, 0]);
        assert_eq!(session.turn(at(5), &mut |_| None).action, Action::Send(ping.clone()));
        session.frame(&Frame::new(at(5), Side::Client, ping));
        assert_eq!(session.turn(at(5), &mut |_| None), Turn { action: Action::Wait, wake: at(10) });
    }
}
