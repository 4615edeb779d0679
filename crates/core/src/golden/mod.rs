//! What must happen: the golden of a session.
//!
//! A [`Golden`] says in which order events come, what each of them looks like, how soon it follows its cause, which
//! values come back, and what the client sends. It is learned, read as a diff by a person, and accepted; it knows its
//! own file and nothing of how a run is judged (that is `check`) or driven (that is `drive`).

mod answers;
mod causes;
mod evidence;
mod format;
mod host_profile;
mod lanes;
mod liveness;
mod monitor;
mod occasions;
mod order;
mod order_syntax;
mod owed;
mod places;
mod probes;
mod request_times;
mod seen;
mod shape;
mod spans;
mod timing;
mod write;

pub use answers::{Answer, Answers};
pub use causes::Causes;
pub use evidence::{EventEvidence, Evidence, LearnedEvidence};
pub use format::{VERSION, read};
pub use host_profile::{HostProfile, HostState, SessionProfile};
pub use lanes::Lane;
pub(crate) use lanes::{Cells, LaneId, Scoped};
pub use liveness::{
    LiveItem, MAX_IDS, MAX_PLACES, MAX_TIMES, Sighting, Timeline, Traces, insert_smallest, recording_id,
};
pub(crate) use monitor::Step;
pub use monitor::{Keys, Monitor, Violation, What};
pub use occasions::{
    KindMeans, MIN_OCCASIONS, OCCASION, OCCASION_SPREAD, OTHER_HOST, Occasions, SAME_HOST, SpreadPrior,
    pace_of,
};
pub use order::{Order, Times};
pub(crate) use order_syntax::MAX_EVENTS;
pub use order_syntax::{OrderError, parse as parse_order};
pub(crate) use owed::{Fault, Owed, Owing};
pub use probes::ProbeName;
pub(crate) use request_times::{Made, RequestTimes};
pub use seen::{Prints, Regular, Seen, SeenError};
pub(crate) use shape::push_step;
pub use shape::{
    Chain, Fact, Format, Goal, Path, Rule, Source, Type, When, Whole, parse_rule, path_keys, path_step,
    type_of,
};
pub use timing::{
    ALPHA_DEVIATION, ALPHA_DOUBT, ALPHA_SUSPECT, Envelope, FEW, LOG_FLOOR, Limits, MIN_RUNS, MIN_USUAL,
    SINGLE, SLACK, Split, StallMargin, TimeMode, default_df, gap_of, log_of, median_share,
};
pub use write::{rewrite, write};

use crate::dialect::{CLOSE, Dialect, Label, NAMELESS};
use crate::template::Template;
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// What must happen in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// One sentence for the person who reads it.
    pub about: String,
    /// How frames become events.
    pub dialect: Dialect,
    /// The order of events; it drives the client too.
    pub order: Order,
    /// Pairs that the order cannot say: every `first` comes before any `then`.
    pub rules: Vec<Before>,
    /// The client's events in the order in which they are sent.
    pub script: Vec<Label>,
    /// The endings that are allowed, as [`Ending::label`](crate::transcript::Ending::label) writes them.
    pub ends: Vec<String>,
    /// Whether the client sends at once or keeps the think times of the recordings.
    pub pace: Pace,
    /// On what its gaps are judged, where a person says so.
    pub time: Option<TimeMode>,
    /// How long the driver waits for an event before it gives up.
    pub wait: Gap,
    /// How long after the last event the driver listens for what should not come.
    pub linger: Gap,
    /// How long the client listens after its last word to a server that goes on speaking; it leaves a feed then.
    pub listen: Option<Gap>,
    /// Parts that `learn` leaves as they are, as dotted keys, e.g. `order` or `event.token.timing`.
    pub keep: Vec<String>,
    /// What must be seen for the answers to count as a live server's; failing one of them is a deviation.
    pub require_live: Vec<LiveItem>,
    /// What `check` asks besides, because it belongs to this session.
    pub probes: Vec<ProbeName>,
    /// How long what is streamed may take, where a person says so.
    pub budget: Option<Budget>,
    /// Where all this comes from.
    pub learned: Learned,
    /// What is known of each event.
    pub events: BTreeMap<Label, Event>,
    /// Where things stand in the file: dotted key to line and column, both from 1. Empty for a golden without a file.
    pub places: BTreeMap<String, (usize, usize)>,
}

/// How long what is streamed may take, on any machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What is streamed, e.g. `token`.
    pub event: Label,
    /// Whether a person says so; else it is what most often follows itself.
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

/// Observations, in [`MIN_RUNS`] recordings, that make the contradiction of what always held a deviation.
pub const MIN_SEEN: u32 = 8;
/// Trials behind the absence of an event that was always there, in at least [`MIN_RUNS_TRIALS`] recordings: one that comes nine
/// times of ten is there ten times in a row every third time, and the rounds and lanes of one recording are much alike.
pub const MIN_TRIALS_MISSING: u32 = 100;
/// Recordings behind what trials show.
pub const MIN_RUNS_TRIALS: u32 = 8;
/// Answers behind "nobody is answered who has not asked".
pub const MIN_ANSWERS: u32 = 30;
/// Recordings behind what is there, or the same, once in each of them: an optional event that usually comes, a common value
/// of several, look like always for long.
pub const MIN_RUNS_ALWAYS: u32 = 20;
/// Observations behind "a always before b" when nothing says how far apart they are: a race of probability p survives
/// n runs with probability (1-p)^n.
pub const MIN_SEEN_ORDER: u32 = 30;

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
    /// Its absence makes a run deviate, whatever the evidence.
    pub critical: bool,
    /// What answers it, each of its ids.
    pub answered: Option<Answers>,
    /// Where the id of the request stands that it is, or that it answers, where the dialect does not say so: a JSON pointer.
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
    /// The least number of times in a session, where that varies and is no more than two: then none is not far.
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

/// Nothing is known: any session, by hand.
impl Default for Golden {
    fn default() -> Golden {
        Golden {
            about: String::new(),
            dialect: Dialect::default(),
            order: Order::Seq(Vec::new()),
            rules: Vec::new(),
            script: Vec::new(),
            ends: Vec::new(),
            pace: Pace::default(),
            time: None,
            wait: format::DEFAULT_WAIT,
            linger: format::DEFAULT_LINGER,
            listen: None,
            keep: Vec::new(),
            require_live: Vec::new(),
            probes: Vec::new(),
            budget: None,
            learned: Learned::default(),
            events: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }
}

impl Golden {
    /// What is known of an event.
    pub fn event(&self, label: &Label) -> Option<&Event> {
        self.events.get(label)
    }

    /// What all events of the server are called, where no name tells them apart.
    pub fn unnamed(&self) -> Option<&str> {
        let mut own =
            self.order.labels().into_iter().filter(|label| !label.is_client() && label.as_str() != CLOSE);
        let first = own.next()?.name();
        let is_none = [NAMELESS, "text", "binary"].contains(&first);
        (is_none && own.all(|label| label.name() == first)).then_some(first)
    }

    /// Where in an event's payload the value of a lane key stands.
    pub fn lane_pointer(&self, label: &Label, key: &str) -> String {
        let own = self.event(label).and_then(|event| event.lanes.iter().find(|(name, _)| name == key));
        match own {
            Some((_, pointer)) => pointer.clone(),
            None => self.usual_lane_pointer(key),
        }
    }

    /// Where the value of a lane key stands unless an event says otherwise.
    fn usual_lane_pointer(&self, key: &str) -> String {
        match key {
            "request" if self.dialect.is_http() => crate::dialect::REQUEST.to_owned(),
            _ => crate::dialect::pointer([key]),
        }
    }

    /// Adds what the file leaves out, as it follows from the rest: where lanes have their keys, and that a message says its
    /// own name.
    fn add_what_goes_without_saying(&mut self) {
        let labels: Vec<Label> = self.events.keys().cloned().collect();
        for label in labels {
            let keys: Vec<String> =
                self.order.keys_of(&label).unwrap_or_default().into_iter().map(str::to_owned).collect();
            let lanes: Vec<(String, String)> =
                keys.into_iter().map(|key| (key.clone(), self.lane_pointer(&label, &key))).collect();
            let said = self.dialect.said_by_name(&label);
            let Some(event) = self.events.get_mut(&label) else { continue };
            let others: Vec<(String, String)> = event
                .lanes
                .iter()
                .filter(|own| lanes.iter().all(|(key, _)| *key != own.0))
                .cloned()
                .collect();
            event.lanes = lanes.into_iter().chain(others).collect();
            if event.shape.is_empty() {
                continue;
            }
            for (pattern, value) in said {
                if event.shape.iter().all(|(path, _)| path.pattern != pattern) {
                    let rule = Rule { types: vec![Type::Literal(value)], ..Rule::default() };
                    let path = Path { pattern, optional: false };
                    let place = event.shape.iter().position(|(own, _)| *own > path);
                    event.shape.insert(place.unwrap_or(event.shape.len()), (path, rule));
                }
            }
        }
    }

    /// How an event is called in the file: `event.ask`, or `event.">ask"` where both sides have an `ask`.
    pub fn key_of(&self, label: &Label) -> String {
        if label.name().starts_with(['>', '<']) {
            return label.as_str().to_owned();
        }
        let twin = if label.is_client() {
            Label::from(label.name())
        } else {
            Label::from(format!(">{}", label.name()).as_str())
        };
        let ambiguous =
            label.is_client() && (self.events.contains_key(&twin) || self.order.labels().contains(&&twin));
        if ambiguous { label.as_str().to_owned() } else { label.name().to_owned() }
    }

    /// Line and column of the narrowest of `keys` that the file has, e.g. `event.ask.shape./text`, then `event.ask`.
    pub fn place<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Option<(usize, usize)> {
        keys.into_iter().find_map(|key| self.places.get(key).copied())
    }
}
