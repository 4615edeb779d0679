//! What a golden says of an event, of rules between events, of time and of its origin.

use super::answers::Answers;
use super::occasions::Occasions;
use super::shape::{Fact, Path, Rule, Type};
use super::timing::Envelope;
use crate::dialect::Label;
use crate::template::Template;
use crate::transcript::Gap;

/// How long what is streamed may take, on any machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What is streamed, e.g. `token`.
    pub event: Label,
    /// Whether a person named it; otherwise it is the event that most often follows itself.
    pub is_named: bool,
    /// Time to first token: from what the client says to the first of them.
    pub ttft: Option<Gap>,
    /// From one to the next, with nothing in between: the 95th percentile of a run.
    pub inter_token: Option<Gap>,
}

/// `first before then`, wherever both occur.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Before {
    /// Never after `then`.
    pub first: Label,
    /// Never before `first`.
    pub then: Label,
}

/// When the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As soon as the order allows it: causality, not the clock.
    #[default]
    Causal,
    /// After the think time that the recordings show, too.
    Recorded,
}

/// Provenance: what a golden was learned from, and why it was accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learned {
    /// How many recordings.
    pub recordings: u32,
    /// By how many users.
    pub users: u32,
    /// On how many days.
    pub days: u32,
    /// On how many occasions, and how far they are apart.
    pub occasions: Occasions,
    /// The host classes on which they were made, sorted; empty where no recording says it. Bounds hold only there.
    pub hosts: Vec<String>,
    /// How long a fixed piece of work took on them, the median; see [`Host::work`](crate::transcript::Host::work).
    pub work: Option<Gap>,
    /// How many per cent of the processors other programs took meanwhile, the median; see
    /// [`Host::others`](crate::transcript::Host::others).
    pub others: Option<u8>,
    /// The first and the last recording's time, RFC 3339.
    pub between: Option<(String, String)>,
    /// Why it was accepted, in the words of the person who did.
    pub reason: String,
}

/// What is known of one event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// What the client sends, one for each time; empty for a server's event.
    pub sends: Vec<Template>,
    /// One of these must have come since the last send before the client sends this; empty when the order is enough.
    pub after: Vec<Label>,
    /// The client's think time before this, as the recordings show it.
    pub think: Option<Gap>,
    /// Values of this event that are kept under a name: name and JSON pointer.
    pub binds: Vec<(String, String)>,
    /// Its absence makes a run deviate with any evidence.
    pub critical: bool,
    /// What answers it, each of its ids.
    pub answered: Option<Answers>,
    /// The place of its request's id, as a JSON pointer, if the dialect does not name it. The event is the request or its answer.
    pub id: Option<String>,
    /// Where the keys of its lanes stand: key and JSON pointer.
    pub lanes: Vec<(String, String)>,
    /// How soon and how late it may come, for every event that it may follow.
    pub timing: Vec<Envelope>,
    /// What it looks like, by path.
    pub shape: Vec<(Path, Rule)>,
    /// How often it was recorded.
    pub seen: u32,
    /// In how many recordings.
    pub runs: u32,
    /// In how many instances of its scope it came: sessions, lanes, rounds of a loop. None where that is `seen`.
    pub trials: Option<u32>,
    /// The least number of times in such an instance, where that is more than once.
    pub least: Option<u32>,
    /// How often it comes in a session, where that never varied and the order does not say it.
    pub total: Option<u32>,
    /// The least number of times in a session, if it varies and is at most two. Then none at all is also likely.
    pub fewest: Option<u32>,
}

impl Event {
    /// How often its presence could have failed.
    pub fn trials(&self) -> u32 {
        self.trials.unwrap_or(self.seen)
    }

    /// Whether something in it is new each time by its nature: an id or a time of its own.
    pub(crate) fn brings_something_new(&self) -> bool {
        let is_lane = |path: &str| self.lanes.iter().any(|(_, pointer)| pointer == path);
        let is_told = |rule: &Rule| {
            rule.facts.iter().any(|fact| matches!(fact, Fact::SameAs(_) | Fact::EchoOf(_) | Fact::Constant))
        };
        self.shape.iter().any(|(path, rule)| {
            let is_made_up = matches!(rule.types[..], [Type::Format(_)]);
            is_made_up && !path.optional && !is_lane(&path.pattern) && !is_told(rule)
        })
    }
}
