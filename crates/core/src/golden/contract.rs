//! What must happen in a session.

use super::liveness::LiveItem;
use super::order::Order;
use super::parts::{Before, Budget, Event, Learned, Pace};
use super::probes::ProbeName;
use super::shape::{Path, Rule, Type};
use super::timing::TimeMode;
use crate::dialect::{CLOSE, Dialect, Label, NAMELESS};
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// How long the driver waits for an event when the golden does not say.
pub(super) const DEFAULT_WAIT: Gap = Gap::from_millis(10_000);
/// How long it listens after the last event when the golden does not say.
pub(super) const DEFAULT_LINGER: Gap = Gap::from_millis(250);

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
            wait: DEFAULT_WAIT,
            linger: DEFAULT_LINGER,
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
    pub(super) fn usual_lane_pointer(&self, key: &str) -> String {
        match key {
            "request" if self.dialect.is_http() => crate::dialect::REQUEST.to_owned(),
            _ => crate::dialect::pointer([key]),
        }
    }

    /// Adds what the file leaves out, as it follows from the rest: where lanes have their keys, and that a message says its
    /// own name.
    pub(super) fn add_what_goes_without_saying(&mut self) {
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
