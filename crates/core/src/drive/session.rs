//! The client's side of one session: what it knows, and how it is made and asked.

use super::bounds::{Bounds, Watch};
use super::interactive;
use super::interactive::{Interactive, LineError};
use super::turn::Action;
use crate::dialect::{Decoder, Label};
use crate::golden::{Golden, Monitor, Order, Owed};
use crate::template::Template;
use crate::transcript::{End, Ending, Gap, Offset, Payload};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The code of an ending in which the server did not answer the client's close, and only hung up.
pub(super) const UNANSWERED: u16 = 1006;
/// A close that says nothing (RFC 6455, section 7.4.1), and one that says that all is done.
pub(super) const NO_STATUS: u16 = 1005;
pub(super) const NORMAL: u16 = 1000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
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
    pub(super) golden: &'g Golden,
    pub(super) monitor: Monitor,
    pub(super) decoder: Decoder,
    pub(super) floats: BTreeSet<Label>,
    /// The requests that were not answered yet.
    pub(super) owed: Box<Owed<'g>>,
    /// How many events of the script were sent.
    pub(super) sent: usize,
    /// How often each client event was sent.
    pub(super) counts: HashMap<Label, usize>,
    /// Server events since the last send.
    pub(super) seen: BTreeSet<Label>,
    pub(super) values: BTreeMap<String, Value>,
    /// The latest event that brings the session forward.
    pub(super) progress: Offset,
    pub(super) last_frame: Offset,
    pub(super) conn: u32,
    /// How many requests are to be sent by now, over HTTP.
    pub(super) requests: u32,
    /// How many of them are on their way: each has to connect first.
    pub(super) begun: u32,
    pub(super) reconnecting: bool,
    /// The code of our own close, once it is sent.
    pub(super) closes_with: u16,
    /// Before this, nothing of the script is sent.
    pub(super) held_until: Offset,
    pub(super) watch: Watch,
    /// What is to be sent before anything else: the rest of an event, and what the protocol obliges to.
    pub(super) outbox: VecDeque<Payload>,
    /// When the client sent something the last time.
    pub(super) spoke: Offset,
    /// When the script's latest word was said.
    pub(super) said: Offset,
    /// When all had come that must, and the client began to listen.
    pub(super) complete: Option<Offset>,
    /// The server's event that came last by its name alone.
    pub(super) latest: Option<Latest>,
    /// The lines of a person, if the session is interactive.
    pub(super) hand: Option<Interactive>,
    pub(super) state: State,
}

/// What is known of an event by its name: most come again and again.
#[derive(Debug, Clone)]
pub(super) struct Latest {
    pub(super) label: Label,
    /// Whether nothing but its name matters.
    pub(super) is_name: bool,
    pub(super) floats: bool,
}

/// When nothing is due, it is asked again so much later.
pub(super) const LATER: Gap = Gap::from_millis(3_600_000);

pub(super) fn times(gap: Gap, times: u64) -> Gap {
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
            owed: Box::new(Owed::new(golden)),
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
    pub fn interactive(golden: &'g Golden, values: BTreeMap<String, Value>) -> Session<'g> {
        Session { hand: Some(Interactive::default()), ..Session::new(golden, values) }
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
        let action = interactive::action(line, &mut lookup)?;
        if let Some(hand) = &mut self.hand {
            hand.queue.extend(action);
        }
        Ok(())
    }

    /// There will be no more lines.
    pub fn end_of_input(&mut self, now: Offset) {
        if let Some(hand) = &mut self.hand {
            hand.silent_since.get_or_insert(now);
        }
    }

    /// Whether the next line would be sent at once.
    pub fn listens(&self) -> bool {
        let idle =
            |hand: &Interactive| hand.queue.is_empty() && hand.silent_since.is_none() && !hand.has_left;
        self.state == State::Running && self.hand.as_ref().is_some_and(idle)
    }

    /// Whether the event that was awaited has come; true when none was.
    pub fn until_seen(&self) -> bool {
        self.watch.until_seen()
    }

    /// Whether the script itself sends the token, so that the driver does not.
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

/// A value by its name. What was learned from a capture says `{{password}}`, wherever it will come from: the user's login
/// or the command line.
pub(super) fn known(values: &BTreeMap<String, Value>, name: &str) -> Option<Value> {
    let elsewhere = || values.get(&format!("user.{name}")).or_else(|| values.get(&format!("var.{name}")));
    values.get(name).or_else(elsewhere).cloned()
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
