//! Facts that bind values to each other: kept only if they held every time and could have failed.
//!
//! The kinds are those of Daikon (Ernst et al.) that matter in a stream: equal to an earlier value, a counter, a count
//! of events, parts put together, never twice the same.

use super::lanes::Lanes;
use super::{Session, lanes::is_id};
use crate::dialect::{Event, Label, pointer};
use crate::golden::{self, Fact, Order, Source};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An event and a path.
type Place = (Label, String);

/// What is known of the values at one place.
#[derive(Default)]
struct Values {
    n: u32,
    distinct: BTreeSet<String>,
    ids: bool,
    strings: bool,
    same_as: BTreeMap<Place, u32>,
    joins: BTreeMap<Place, (u32, u32)>,
    counts: BTreeMap<Label, u32>,
    most: u64,
    steps: u32,
    breaks: u32,
    repeats: u32,
    /// Within a session: how often it was what it had been before, and how often not.
    kept: u32,
    changed: u32,
}

/// So many distinct values are counted; more make no difference.
const ENOUGH: usize = 40;

/// What one session has shown so far.
#[derive(Default)]
struct Now {
    latest: HashMap<(Place, Option<String>), String>,
    holders: HashMap<(String, Option<String>), BTreeSet<Place>>,
    text: HashMap<(Place, Option<String>), (String, u32)>,
    taken: HashMap<(Place, Place, Option<String>), (usize, u32)>,
    counted: HashMap<(Label, Option<String>), u32>,
    counted_taken: HashMap<(Place, Label, Option<String>), u32>,
    counters: HashMap<(Place, Option<String>), i64>,
    seen: HashMap<Place, BTreeSet<String>>,
    before: HashMap<Place, String>,
}

pub(super) fn learn(
    sessions: &[Session],
    lanes: &Lanes,
    order: &Order,
    events: &mut BTreeMap<Label, golden::Event>,
) {
    let mut values: BTreeMap<Place, Values> = BTreeMap::new();
    let mut first_at: BTreeMap<&Label, usize> = BTreeMap::new();
    let labels: Vec<&Label> = order.labels();
    for session in sessions {
        let mut now = Now::default();
        for (at, event) in session.events.iter().enumerate() {
            let first = first_at.entry(&event.label).or_insert(at);
            *first = (*first).min(at);
            now.take(event, lanes, &labels, &mut values);
        }
    }
    let sessions = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
    for ((label, path), values) in &values {
        let is_lane_key =
            lanes.chain(label).iter().any(|key| lanes.pointer(label, key) == Some(path.as_str()));
        let facts = if is_lane_key { Vec::new() } else { facts(label, values, lanes, &first_at, sessions) };
        let Some(event) = events.get_mut(label).filter(|_| !label.is_client()) else { continue };
        if let Some((_, rule)) = event.shape.iter_mut().find(|(own, _)| own.pattern == *path) {
            rule.facts = facts;
        }
    }
}

fn scalars(value: &Value, path: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                scalars(item, &format!("{path}{}", pointer([key.as_str()])), out);
            }
        }
        Value::String(_) | Value::Number(_) => out.push((path.to_owned(), value.clone())),
        Value::Null | Value::Bool(_) | Value::Array(_) => {}
    }
}

impl Now {
    fn take(
        &mut self,
        event: &Event,
        lanes: &Lanes,
        labels: &[&Label],
        values: &mut BTreeMap<Place, Values>,
    ) {
        let home = lanes.home(&event.label);
        let lane = home.and_then(|key| lanes.value(event, key));
        let mut found = Vec::new();
        scalars(&event.data, "", &mut found);
        for (path, value) in &found {
            let place = (event.label.clone(), path.clone());
            let known = values.entry(place.clone()).or_default();
            let text = value.to_string();
            known.n += 1;
            known.ids |= is_id(path, value);
            known.strings |= value.is_string();
            if known.distinct.len() < ENOUGH {
                known.distinct.insert(text.clone());
            }
            self.equal(&place, &text, home, lane.as_ref(), lanes, known);
            self.joined(&place, value, lane.as_ref(), known);
            self.counted(&place, value, lane.as_ref(), labels, known);
            if let Some(number) = value.as_i64() {
                if let Some(before) = self.counters.insert((place.clone(), lane.clone()), number) {
                    let restarts = (0..=1).contains(&number) && before > 1;
                    if number == before + 1 {
                        known.steps += 1;
                    } else if !restarts {
                        known.breaks += 1;
                    }
                }
            }
            match self.before.insert(place.clone(), text.clone()) {
                Some(before) if before == text => known.kept += 1,
                Some(_) => known.changed += 1,
                None => {}
            }
            if !self.seen.entry(place).or_default().insert(text) {
                known.repeats += 1;
            }
        }
        for (path, value) in found {
            self.remember(&(event.label.clone(), path), &value, lane.as_ref());
        }
        for scope in [None, lane].into_iter().collect::<BTreeSet<_>>() {
            *self.counted.entry((event.label.clone(), scope)).or_default() += 1;
        }
    }

    /// Which places hold the same value now: in the same lane for events of the same kind of lane, else anywhere.
    fn equal(
        &self,
        place: &Place,
        text: &str,
        home: Option<&str>,
        lane: Option<&String>,
        lanes: &Lanes,
        known: &mut Values,
    ) {
        for scope in [None, lane.cloned()].into_iter().collect::<BTreeSet<_>>() {
            for other in self.holders.get(&(text.to_owned(), scope.clone())).into_iter().flatten() {
                let same_kind = home.is_some() && lanes.home(&other.0) == home;
                if other.0 != place.0 && same_kind == scope.is_some() {
                    *known.same_as.entry(other.clone()).or_default() += 1;
                }
            }
        }
    }

    fn joined(&mut self, place: &Place, value: &Value, lane: Option<&String>, known: &mut Values) {
        let Some(text) = value.as_str() else { return };
        for ((source, scope), (whole, parts)) in &self.text {
            if scope.as_ref() != lane || source.0 == place.0 {
                continue;
            }
            let taken = self.taken.entry((place.clone(), source.clone(), scope.clone())).or_insert((0, 0));
            let new_parts = parts - taken.1;
            if new_parts > 0 && whole.get(taken.0..) == Some(text) {
                let held = known.joins.entry(source.clone()).or_default();
                held.0 += 1;
                held.1 = held.1.max(new_parts);
            }
            *taken = (whole.len(), *parts);
        }
    }

    fn counted(
        &mut self,
        place: &Place,
        value: &Value,
        lane: Option<&String>,
        labels: &[&Label],
        known: &mut Values,
    ) {
        let Some(number) = value.as_u64() else { return };
        known.most = known.most.max(number);
        for label in labels.iter().filter(|label| ***label != place.0) {
            let scope = ((*label).clone(), lane.cloned());
            let total = self.counted.get(&scope).copied().unwrap_or(0);
            let taken = self.counted_taken.entry((place.clone(), scope.0.clone(), scope.1)).or_default();
            if u64::from(total - *taken) == number {
                *known.counts.entry((*label).clone()).or_default() += 1;
            }
            *taken = total;
        }
    }

    fn remember(&mut self, place: &Place, value: &Value, lane: Option<&String>) {
        let text = value.to_string();
        for scope in [None, lane.cloned()].into_iter().collect::<BTreeSet<_>>() {
            let before = self.latest.insert((place.clone(), scope.clone()), text.clone());
            if let Some(holders) = before.and_then(|before| self.holders.get_mut(&(before, scope.clone()))) {
                holders.remove(place);
            }
            self.holders.entry((text.clone(), scope.clone())).or_default().insert(place.clone());
            if let Some(part) = value.as_str() {
                let (whole, parts) = self.text.entry((place.clone(), scope)).or_default();
                whole.push_str(part);
                *parts += 1;
            }
        }
    }
}

fn facts(
    label: &Label,
    values: &Values,
    lanes: &Lanes,
    first_at: &BTreeMap<&Label, usize>,
    sessions: u32,
) -> Vec<Fact> {
    let distinct = values.distinct.len();
    let mut facts = Vec::new();
    let home = lanes.home(label);
    let same = values
        .same_as
        .iter()
        .filter(|(_, held)| **held == values.n)
        .map(|(place, _)| place)
        .filter(|(other, _)| {
            let in_lane = home.is_some() && lanes.home(other) == home;
            match other.is_client() {
                true => distinct >= 2 && values.strings,
                // Two values in two lanes each time are as telling as three in one, also where they are small numbers.
                false if in_lane => values.n >= 8 && distinct >= 2 || values.n >= 4 && distinct >= 3,
                false => values.n >= 4 && distinct >= 3 && (values.ids || values.strings),
            }
        })
        // The nearest to the beginning is where the value comes from; of its own lane rather than from outside.
        .min_by_key(|(other, path)| {
            let outside = !(home.is_some() && lanes.home(other) == home);
            (outside, first_at.get(other).copied().unwrap_or(usize::MAX), other.clone(), path.clone())
        });
    if let Some((other, path)) = same {
        let source = Source { label: other.clone(), path: path.clone() };
        facts.push(if other.is_client() { Fact::EchoOf(source) } else { Fact::SameAs(source) });
    }
    let joins =
        values.joins.iter().find(|(_, (held, parts))| *held == values.n && values.n >= 2 && *parts >= 2);
    if let (Some((place, _)), true) = (joins, facts.is_empty()) {
        facts.push(Fact::Joins(Source { label: place.0.clone(), path: place.1.clone() }));
    }
    let varied = distinct >= 5 || (distinct >= 3 && values.most >= 8);
    let counted = values.counts.iter().find(|(_, held)| **held == values.n && values.n >= 3 && varied);
    // A total may equal the last number as well; each of the two catches what the other does not.
    if let Some((label, _)) = counted {
        facts.push(Fact::Counts(label.clone()));
    }
    if facts.is_empty() && values.steps >= 4 && values.breaks == 0 {
        facts.push(Fact::Counter);
    }
    // The same throughout each session, another one in another.
    if facts.is_empty() && values.ids && values.changed == 0 && values.kept >= 4 && distinct >= 2 {
        facts.push(Fact::Constant);
    }
    let is_new_each_time = values.repeats == 0 && values.n >= 5 && values.n >= 2 * sessions;
    if facts.is_empty() && values.ids && is_new_each_time {
        facts.push(Fact::Unique);
    }
    facts
}
