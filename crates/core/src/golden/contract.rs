//! The description of a session.

use super::liveness::LiveItem;
use super::order::Order;
use super::parts::{Before, Budget, Event, Learned, Pace};
use super::probes::ProbeName;
use super::shape::{Path, Rule, Type};
use super::timing::TimeMode;
use crate::dialect::{CLOSE, Dialect, Label, NAMELESS};
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// The default timeout of the driver for an event.
pub(super) const DEFAULT_WAIT: Gap = Gap::from_millis(10_000);
/// The default time for which the driver listens after the last event.
pub(super) const DEFAULT_LINGER: Gap = Gap::from_millis(250);

/// The description of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// One sentence for the reader.
    pub about: String,
    /// How frames become events.
    pub dialect: Dialect,
    /// The order of events. It also drives the client.
    pub order: Order,
    /// Pairs that the order cannot express: every `first` comes before any `then`.
    pub rules: Vec<Before>,
    /// The client's events in the order of sending.
    pub script: Vec<Label>,
    /// The allowed endings, as [`Ending::label`](crate::transcript::Ending::label) writes them.
    pub ends: Vec<String>,
    /// Whether the client sends at once or after the recorded think times.
    pub pace: Pace,
    /// How the gaps are judged, if the golden says it.
    pub time: Option<TimeMode>,
    /// The driver's timeout for an event.
    pub wait: Gap,
    /// The time after the last event for which the driver listens for unexpected events.
    pub linger: Gap,
    /// The time for which the client listens to an endless feed after its last message.
    pub listen: Option<Gap>,
    /// Parts that `learn` does not change, as dotted keys, e.g. `order` or `event.token.timing`.
    pub keep: Vec<String>,
    /// The liveness items that must pass. A failure is a deviation.
    pub require_live: Vec<LiveItem>,
    /// The probes that `check` also runs with this golden.
    pub probes: Vec<ProbeName>,
    /// The user's limits for streamed events.
    pub budget: Option<Budget>,
    /// The origin of the golden.
    pub learned: Learned,
    /// The events of the session.
    pub events: BTreeMap<Label, Event>,
    /// The places in the file: dotted key to line and column, both from 1. Empty for a golden without a file.
    pub places: BTreeMap<String, (usize, usize)>,
}

/// An empty golden, for a session by hand.
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
    /// The description of an event.
    pub fn event(&self, label: &Label) -> Option<&Event> {
        self.events.get(label)
    }

    /// The one name of all server events, if no field distinguishes them.
    pub fn unnamed(&self) -> Option<&str> {
        let mut own =
            self.order.labels().into_iter().filter(|label| !label.is_client() && label.as_str() != CLOSE);
        let first = own.next()?.name();
        let is_none = [NAMELESS, "text", "binary"].contains(&first);
        (is_none && own.all(|label| label.name() == first)).then_some(first)
    }

    /// The JSON pointer of a lane's key in an event's payload.
    pub fn lane_pointer(&self, label: &Label, key: &str) -> String {
        let own = self.event(label).and_then(|event| event.lanes.iter().find(|(name, _)| name == key));
        match own {
            Some((_, pointer)) => pointer.clone(),
            None => self.usual_lane_pointer(key),
        }
    }

    /// The default place of a lane's key.
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

    /// The key of an event in the file: `event.ask`, or `event.">ask"` if both sides have an `ask`.
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

    /// The line and column of the first of `keys` that the file has, e.g. `event.ask.shape./text`, then `event.ask`.
    pub fn place<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Option<(usize, usize)> {
        keys.into_iter().find_map(|key| self.places.get(key).copied())
    }
}
