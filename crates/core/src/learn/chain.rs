//! Relations to the previous event: chained sequence numbers, growing numbers, and unique messages.
//!
//! As with other facts (`binding`), relations that hold at the first observation are candidates, and later
//! observations can only remove them. A contradicted candidate is remembered, so that two sets of recordings share
//! the relations that hold in both. Unlike other facts, these look into lists, whose items have the numbers of feeds:
//! at the first item for the relation, and at the last for the value that the next event follows.

use super::binding::are_distinct_by_chance;
use super::lanes::{Lanes, is_id};
use super::paths::{MAX_FIELDS, each_place};
use super::session::Session;
use crate::dialect::{Event, Label};
use crate::golden::{self, Chain, Fact, Type, push_step};
use crate::stats::{FastMap, JsonHash, quick_hash};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// An event with more numbers and ids than this is data, not a link of a chain.
const MAX_PLACES: usize = 8;
/// The same with more texts that may identify series.
const MAX_KEYS: usize = 8;
/// The maximum of values that identify series.
const MAX_SERIES: usize = 64;
/// Items of longer lists are data.
const MAX_ITEMS: usize = 16;
/// The maximum of numbers, and of texts, of a message that are examined. A message with more is data.
const MAX_SHOWN: usize = 256;
/// Texts of this length tell series apart.
const MAX_KEY: usize = 64;
/// The maximum of counted distinct values.
const ENOUGH: usize = 8;

/// The number of observations, with as many distinct values, for a chain.
const MIN_LINKS: u32 = 8;
const MIN_VALUES: usize = 4;
/// The number of observations for growing values: numbers rise by chance half of the time.
const MIN_GROWTH: u32 = 30;
const MIN_RUNS: u32 = 5;
/// The number of events with predecessors in their session for `unique` messages.
const MIN_NEW: u32 = 8;
/// The same for events without ids or times, because texts repeat now and then.
const MIN_NEW_TEXTS: u32 = 100;

/// The step from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Same,
    Next,
    Grows,
}

/// A candidate: the value at one place follows from another, by the numbers of both places; for one value of a key,
/// or for any.
type Candidate = (usize, usize, Step, Option<usize>);

/// The number of times that a candidate held and could have failed.
#[derive(Debug, Clone, Default)]
struct Support {
    trials: u32,
    runs: u32,
    /// The latest of the recordings, within one set of them.
    latest: Option<u32>,
    values: BTreeSet<Datum>,
}

/// A number, or a text by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Datum {
    Number(i64),
    Text(u64),
}

/// The statistics of one event.
#[derive(Debug, Clone, Default)]
struct Links {
    places: Vec<String>,
    keys: Vec<String>,
    /// The values of each key, by hash; none when there are too many.
    series: Vec<Option<BTreeSet<u64>>>,
    is_crowded: bool,
    open: BTreeMap<Candidate, Support>,
    broken: BTreeSet<Candidate>,
    /// Events with others of their name before them in the session, and in how many recordings.
    repeats: Support,
    /// Whether one of them was the same as an earlier one.
    has_twins: bool,
    contents: Contents,
}

/// The contents of messages without their ids, because words of a small vocabulary repeat.
#[derive(Debug, Clone, Default)]
struct Contents {
    /// The number of times of each content, by hash.
    times: BTreeMap<u64, u64>,
    /// The number of all messages, including those that were not stored.
    n: u64,
    /// The number of pairs in one lane, or otherwise in one session.
    pairs: u64,
}

/// The maximum of different contents that are counted; further ones count as new.
const MAX_CONTENTS: usize = 4096;

impl Contents {
    fn add(&mut self, content: u64, before: u64) {
        self.n += 1;
        self.pairs += before;
        self.count(content, 1);
    }

    fn count(&mut self, content: u64, times: u64) {
        *self.times.entry(content).or_default() += times;
        if self.times.len() > MAX_CONTENTS {
            // The kept ones do not depend on the order of additions.
            self.times.pop_last();
        }
    }

    fn merge(&mut self, other: Contents) {
        self.n += other.n;
        self.pairs += other.pairs;
        other.times.into_iter().for_each(|(content, times)| self.count(content, times));
    }

    /// The expected number of equal pairs for random contents.
    fn equal_pairs(&self) -> f64 {
        let pairs = |n: u64| n as f64 * n.saturating_sub(1) as f64;
        let equal: f64 = self.times.values().map(|times| pairs(*times)).sum();
        self.pairs as f64 * equal / pairs(self.n).max(1.0)
    }
}

/// The content of a message by hash, without ids and without the key of its lane.
fn content(data: &Value, home: Option<&str>) -> u64 {
    let mut said = 0;
    each_place(data, &mut |path, value| {
        let is_home = home.is_some_and(|home| value.as_str() == Some(home));
        if !is_home && !is_id(path, value) {
            said = quick_hash(&(said, path, JsonHash(value)));
        }
    });
    said
}

/// A number that may count all events.
#[derive(Debug, Clone, Default)]
struct Stream {
    labels: BTreeSet<Label>,
    support: Support,
    is_broken: bool,
}

/// The chains in recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Chains {
    links: BTreeMap<Label, Links>,
    /// By path.
    streams: BTreeMap<String, Stream>,
    sessions: u32,
}

/// The observations of an event.
#[derive(Default)]
struct Shown {
    /// Path, the first value there, the last.
    data: Vec<(String, Datum, Datum)>,
    keys: Vec<(String, u64)>,
}

/// The series of an event: the number of its event, its lane, a key and its value.
type Series = (usize, u64, Option<(usize, u64)>);

impl Chains {
    /// Adds what a session shows.
    pub(super) fn add(&mut self, session: &Session, lanes: &Lanes) {
        let mut numbers: FastMap<&Label, usize> = FastMap::default();
        let mut latest: FastMap<Series, Vec<(usize, Datum)>> = FastMap::default();
        let mut streams: FastMap<String, i64> = FastMap::default();
        let mut seen: HashSet<(usize, u64)> = HashSet::new();
        let mut in_scope: FastMap<(usize, u64), u64> = FastMap::default();
        let session_number = self.sessions;
        self.sessions += 1;
        for event in session.events.iter().filter(|event| !event.label.is_client()) {
            let next = numbers.len();
            let number = *numbers.entry(&event.label).or_insert(next);
            let shown = Shown::by(event);
            self.stream(event, &shown, session_number, &mut streams);
            if !self.links.contains_key(&event.label) {
                self.links.insert(event.label.clone(), Links::default());
            }
            let Some(links) = self.links.get_mut(&event.label) else { continue };
            links.has_twins |= !seen.insert((number, quick_hash(&JsonHash(&event.data))));
            if number != next {
                links.repeats.add(session_number, None);
            }
            let home = lanes.home(&event.label).and_then(|key| lanes.value(event, key));
            let before = in_scope.entry((number, quick_hash(&home))).or_default();
            links.contents.add(content(&event.data, home.as_deref()), *before);
            *before += 1;
            links.take(&shown, (number, quick_hash(&home)), session_number, &mut latest);
        }
    }

    /// Whether a number counts all events that have it.
    fn stream(&mut self, event: &Event, shown: &Shown, session: u32, latest: &mut FastMap<String, i64>) {
        for (path, first, last) in &shown.data {
            let (Datum::Number(first), Datum::Number(last)) = (first, last) else { continue };
            if !self.streams.contains_key(path) {
                self.streams.insert(path.clone(), Stream::default());
            }
            let Some(stream) = self.streams.get_mut(path) else { continue };
            if stream.is_broken {
                continue;
            }
            if !stream.labels.contains(&event.label) {
                stream.labels.insert(event.label.clone());
            }
            let before = match latest.get_mut(path) {
                Some(before) => Some(std::mem::replace(before, *last)),
                None => latest.insert(path.clone(), *last),
            };
            match before {
                Some(before) if before.checked_add(1) == Some(*first) => {
                    stream.support.add(session, Some(Datum::Number(*first)));
                }
                Some(before) if !restarts(before, *first) => stream.is_broken = true,
                _ => {}
            }
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Chains) {
        for (label, links) in other.links {
            self.links.entry(label).or_default().merge(links);
        }
        for (path, stream) in other.streams {
            let own = self.streams.entry(path).or_default();
            own.labels.extend(stream.labels);
            own.support.merge(stream.support);
            own.is_broken |= stream.is_broken;
        }
        self.sessions += other.sessions;
    }

    /// Writes the facts into the shapes of events; `reply` is where answers have the ids of their requests.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>, reply: Option<&str>) {
        for (label, links) in &self.links {
            let Some(event) = events.get_mut(label) else { continue };
            for (path, fact) in links.facts() {
                let Some((_, rule)) = event.shape.iter_mut().find(|(own, _)| own.pattern == path) else {
                    continue;
                };
                let is_counted =
                    rule.facts.iter().any(|fact| matches!(fact, Fact::Counter { .. } | Fact::Constant));
                let only_grows = matches!(fact, Fact::Grows { .. });
                // Times may stand still, and ids may be in any order.
                let only_grows =
                    only_grows && rule.types == [Type::Integer] && !is_id(&path, &Value::from(1));
                let is_growth = matches!(fact, Fact::Grows { .. });
                if is_growth && !only_grows {
                    continue;
                }
                let says_more = rule.facts.iter().all(|known| matches!(known, Fact::Unique));
                if (only_grows && rule.facts.is_empty()) || (!only_grows && !is_counted && says_more) {
                    rule.facts.clear();
                    rule.facts.push(fact);
                }
            }
        }
        for (path, stream) in &self.streams {
            if stream.is_broken || !stream.is_believed() || !is_plain(path) {
                continue;
            }
            for label in &stream.labels {
                let shape = events.get_mut(label).map(|event| &mut event.shape);
                let rule = shape.and_then(|shape| shape.iter_mut().find(|(own, _)| own.pattern == *path));
                if let Some((_, rule)) = rule {
                    let chain = Chain { path: path.clone(), plus: 1, any: true, per: None };
                    rule.facts.retain(|fact| {
                        !matches!(fact, Fact::Counter { .. } | Fact::Unique | Fact::Grows { .. })
                    });
                    rule.facts.push(Fact::Follows(chain));
                }
            }
        }
        for (label, links) in &self.links {
            if let Some(event) = events.get_mut(label) {
                plain_numbers(event, reply);
                links.write_unique(event, self.sessions);
            }
        }
    }
}

/// A number that is bound to others is not a member of a set, and the key of a lane is not a constant.
fn plain_numbers(event: &mut golden::Event, reply: Option<&str>) {
    let lanes: Vec<String> = event.lanes.iter().map(|(_, pointer)| pointer.clone()).collect();
    for (path, rule) in &mut event.shape {
        let is_key = lanes.contains(&path.pattern) || reply == Some(path.pattern.as_str());
        let is_number = |own: &Type| matches!(own, Type::Literal(value) if value.is_number());
        let numbers = rule.types.iter().filter(|own| is_number(own)).count();
        let is_bound = rule.facts.iter().any(|fact| !matches!(fact, Fact::Constant | Fact::Unique));
        if numbers > 0 && (is_bound || is_key) {
            rule.types.retain(|own| !is_number(own));
            rule.types.insert(0, Type::Integer);
        }
    }
}

impl Stream {
    fn is_believed(&self) -> bool {
        self.labels.len() > 1
            && self.support.trials >= MIN_LINKS
            && self.support.runs >= 2
            && self.support.values.len() >= MIN_VALUES
    }
}

impl Support {
    fn add(&mut self, session: u32, value: Option<Datum>) {
        self.trials += 1;
        if self.latest != Some(session) {
            self.latest = Some(session);
            self.runs += 1;
        }
        if self.values.len() < ENOUGH {
            self.values.extend(value);
        }
    }

    fn merge(&mut self, other: Support) {
        self.trials += other.trials;
        self.runs += other.runs;
        // Recordings are numbered within each set.
        self.latest = None;
        self.values.extend(other.values);
        while self.values.len() > ENOUGH {
            self.values.pop_last();
        }
    }
}

impl Shown {
    fn by(event: &Event) -> Shown {
        let mut shown = Shown::default();
        shown.walk(&event.data, &mut String::new(), 0);
        shown
    }

    fn walk(&mut self, value: &Value, path: &mut String, depth: usize) {
        let here = path.len();
        match value {
            Value::Object(map) if depth < 6 && map.len() <= MAX_FIELDS => {
                for (key, item) in map {
                    push_step(path, key);
                    self.walk(item, path, depth + 1);
                    path.truncate(here);
                }
            }
            Value::Array(items) if depth < 6 && items.len() <= MAX_ITEMS => {
                path.push_str("/*");
                items.iter().for_each(|item| self.walk(item, path, depth + 1));
                path.truncate(here);
            }
            Value::Number(number) => {
                if let Some(number) = number.as_i64() {
                    self.datum(path, Datum::Number(number));
                }
            }
            Value::String(text) if is_id(path, value) => {
                self.datum(path, Datum::Text(quick_hash(text)));
                self.key(path, text);
            }
            Value::String(text) => self.key(path, text),
            _ => {}
        }
    }

    fn datum(&mut self, path: &str, value: Datum) {
        let has_room = self.data.len() < MAX_SHOWN;
        match self.data.iter_mut().find(|(own, ..)| own == path) {
            Some((.., last)) => *last = value,
            None if !has_room => {}
            None => self.data.push((path.to_owned(), value, value)),
        }
    }

    fn key(&mut self, path: &str, text: &str) {
        let has_room = self.keys.len() < MAX_SHOWN;
        if has_room && text.len() <= MAX_KEY && !self.keys.iter().any(|(own, _)| own == path) {
            self.keys.push((path.to_owned(), quick_hash(text)));
        }
    }
}

impl Links {
    fn take(
        &mut self,
        shown: &Shown,
        (number, lane): (usize, u64),
        session: u32,
        latest: &mut FastMap<Series, Vec<(usize, Datum)>>,
    ) {
        self.learn_places(shown);
        if self.is_crowded {
            return;
        }
        let place = |path: &str| self.places.iter().position(|own| own == path);
        let data: Vec<(usize, Datum, Datum)> =
            shown.data.iter().filter_map(|(path, first, last)| Some((place(path)?, *first, *last))).collect();
        let mut keys: Vec<(usize, u64)> = Vec::new();
        for (path, value) in &shown.keys {
            let Some(key) = self.keys.iter().position(|own| own == path) else { continue };
            let series = &mut self.series[key];
            if let Some(values) = series {
                values.insert(*value);
                if values.len() > MAX_SERIES {
                    *series = None;
                    self.open.retain(|candidate, _| candidate.3 != Some(key));
                }
            }
            if series.is_some() {
                keys.push((key, *value));
            }
        }
        if self.open.is_empty() {
            return;
        }
        let series = |key: Option<usize>| -> Option<Series> {
            let key = match key {
                Some(key) => Some(*keys.iter().find(|(own, _)| *own == key)?),
                None => None,
            };
            Some((number, lane, key))
        };
        let mut broken: Vec<Candidate> = Vec::new();
        for (candidate, support) in &mut self.open {
            let (own, from, step, key) = *candidate;
            let Some((_, value, _)) = data.iter().find(|(place, ..)| *place == own) else { continue };
            let Some(before) = series(key).and_then(|series| latest.get(&series)) else { continue };
            let past =
                |place: usize| before.iter().find(|(known, _)| *known == place).map(|(_, value)| *value);
            let Some(source) = past(from) else { continue };
            match step.holds(source, *value) {
                // A relation that would also hold without changes is not evidence.
                Some(true) if step == Step::Same && past(own) == Some(source) => {}
                Some(true) => support.add(session, Some(*value)),
                Some(false) => broken.push(*candidate),
                None => {}
            }
        }
        for candidate in broken {
            self.open.remove(&candidate);
            self.broken.insert(candidate);
        }
        for key in std::iter::once(None).chain(keys.iter().map(|(key, _)| Some(*key))) {
            if let Some(series) = series(key) {
                latest.insert(series, data.iter().map(|(place, _, last)| (*place, *last)).collect());
            }
        }
    }

    /// Makes candidates of what is there for the first time.
    fn learn_places(&mut self, shown: &Shown) {
        if self.is_crowded {
            return;
        }
        let is_known = shown.data.iter().all(|(path, ..)| self.places.contains(path))
            && shown.keys.iter().all(|(path, _)| self.keys.contains(path));
        if is_known {
            return;
        }
        for (path, ..) in &shown.data {
            if !self.places.contains(path) {
                self.places.push(path.clone());
            }
        }
        for (path, _) in &shown.keys {
            if !self.keys.contains(path) {
                self.keys.push(path.clone());
                self.series.push(Some(BTreeSet::new()));
            }
        }
        self.bound();
        if self.is_crowded {
            return;
        }
        let keys = || std::iter::once(None).chain((0..self.keys.len()).map(Some));
        for own in 0..self.places.len() {
            for from in 0..self.places.len() {
                let steps: &[Step] =
                    if own == from { &[Step::Next, Step::Grows] } else { &[Step::Same, Step::Next] };
                for (step, key) in steps.iter().flat_map(|step| keys().map(move |key| (*step, key))) {
                    let candidate = (own, from, step, key);
                    let is_lost = key.is_some_and(|key| self.series[key].is_none());
                    if !is_lost && !self.broken.contains(&candidate) {
                        self.open.entry(candidate).or_default();
                    }
                }
            }
        }
    }

    fn bound(&mut self) {
        if self.places.len() > MAX_PLACES || self.keys.len() > MAX_KEYS {
            self.is_crowded = true;
            self.open.clear();
            self.broken.clear();
        }
    }

    fn merge(&mut self, other: Links) {
        self.contents.merge(other.contents);
        self.has_twins |= other.has_twins;
        self.repeats.merge(other.repeats);
        self.is_crowded |= other.is_crowded;
        fn add(own: &mut Vec<String>, paths: Vec<String>) -> Vec<usize> {
            let number = |path: String| {
                own.iter().position(|known| *known == path).unwrap_or_else(|| {
                    own.push(path);
                    own.len() - 1
                })
            };
            paths.into_iter().map(number).collect()
        }
        let places = add(&mut self.places, other.places);
        let keys = add(&mut self.keys, other.keys);
        self.series.resize_with(self.keys.len(), || Some(BTreeSet::new()));
        for (key, series) in keys.iter().zip(other.series) {
            let own = &mut self.series[*key];
            *own = match (own.take(), series) {
                (Some(own), Some(series)) => Some(own.into_iter().chain(series).collect())
                    .filter(|all: &BTreeSet<u64>| all.len() <= MAX_SERIES),
                _ => None,
            };
        }
        self.bound();
        if self.is_crowded {
            self.open.clear();
            self.broken.clear();
            return;
        }
        let anew =
            |(own, from, step, key): Candidate| (places[own], places[from], step, key.map(|key| keys[key]));
        self.broken.extend(other.broken.into_iter().map(anew));
        for (candidate, support) in other.open {
            self.open.entry(anew(candidate)).or_default().merge(support);
        }
        let (series, broken) = (&self.series, &self.broken);
        self.open.retain(|candidate, _| {
            !broken.contains(candidate) && candidate.3.is_none_or(|key| series[key].is_some())
        });
    }

    /// The accepted chains by path, of each the weakest.
    fn facts(&self) -> Vec<(String, Fact)> {
        let mut best: BTreeMap<&str, (u32, bool, u32, Fact)> = BTreeMap::new();
        for ((own, from, step, key), support) in &self.open {
            let (own, from) = (&self.places[*own], &self.places[*from]);
            let key = key.map(|key| (&self.keys[key], self.series[key].as_ref().map_or(0, BTreeSet::len)));
            let is_series = key.is_none_or(|(_, series)| series > 1);
            let is_plain = is_plain(from) && key.is_none_or(|(key, _)| is_plain(key));
            // A counter is another fact.
            let is_counter = own == from && *step == Step::Next && key.is_none();
            let believed = match step {
                Step::Grows => support.trials >= MIN_GROWTH && support.runs >= MIN_RUNS,
                Step::Same | Step::Next => {
                    support.trials >= MIN_LINKS && support.runs >= 2 && support.values.len() >= MIN_VALUES
                }
            };
            if !believed || !is_series || !is_plain || is_counter {
                continue;
            }
            let per = key.map(|(key, _)| key.clone());
            let (rank, has_key) = (u32::from(*step == Step::Grows), per.is_some());
            let fact = match step {
                Step::Grows => Fact::Grows { per },
                Step::Same | Step::Next => {
                    let plus = i64::from(*step == Step::Next);
                    Fact::Follows(Chain { path: from.clone(), plus, any: false, per })
                }
            };
            let found = (rank, has_key, u32::MAX - support.trials, fact);
            let known = best.entry(own).or_insert_with(|| found.clone());
            if found < *known {
                *known = found;
            }
        }
        best.into_iter().map(|(path, (.., fact))| (path.to_owned(), fact)).collect()
    }

    /// Writes that no two of these events were ever equal.
    fn write_unique(&self, event: &mut golden::Event, sessions: u32) {
        if !event.brings_something_new() && are_distinct_by_chance(self.contents.equal_pairs(), sessions) {
            return;
        }
        let needed = if event.brings_something_new() { MIN_NEW } else { MIN_NEW_TEXTS };
        let is_told = event.shape.iter().flat_map(|(_, rule)| &rule.facts).any(|fact| match fact {
            Fact::Counter { .. } | Fact::Unique | Fact::Grows { .. } => true,
            Fact::Follows(chain) => chain.plus != 0,
            _ => false,
        });
        let known = self.repeats.trials >= needed && self.repeats.runs >= MIN_RUNS;
        // The order already reports a repetition of an event that comes once in its lane or round.
        let is_single = event.trials() == event.seen;
        if self.has_twins || is_told || is_single || !known {
            return;
        }
        let samples = Some(self.repeats.trials);
        match event.shape.iter_mut().find(|(path, _)| path.pattern.is_empty()) {
            Some((_, rule)) if rule.types == [Type::Object] => rule.facts.push(Fact::Unique),
            Some(_) => {}
            None => {
                let path = golden::Path { pattern: String::new(), optional: false };
                let facts = vec![Fact::Unique];
                let rule = golden::Rule { types: vec![Type::Object], facts, when: None, samples };
                event.shape.insert(0, (path, rule));
            }
        }
    }
}

impl Step {
    /// Whether `value` follows from `source`; none if that is unknown.
    fn holds(self, source: Datum, value: Datum) -> Option<bool> {
        match (self, source, value) {
            (Step::Same, ..) => Some(source == value),
            (Step::Next, Datum::Number(source), Datum::Number(value)) if restarts(source, value) => None,
            (Step::Next, Datum::Number(source), Datum::Number(value)) => {
                Some(source.checked_add(1) == Some(value))
            }
            (Step::Grows, Datum::Number(source), Datum::Number(value)) => Some(value > source),
            (Step::Next | Step::Grows, ..) => Some(false),
        }
    }
}

/// Whether a counter that starts again at its beginning counts a new round.
fn restarts(before: i64, next: i64) -> bool {
    (0..=1).contains(&next) && before > 1
}

/// Whether a path can be in a fact.
fn is_plain(path: &str) -> bool {
    path.chars().all(|c| !c.is_whitespace() && !",\"|()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_never_the_same_twice_by_chance_may_be_the_next_time() {
        let chance = |stock: u64, per_lane: u64, lanes: u64| {
            let mut contents = Contents::default();
            for n in 0..per_lane * lanes {
                contents.add(if stock > per_lane { quick_hash(&n) % stock } else { n % stock }, n % per_lane);
            }
            are_distinct_by_chance(contents.equal_pairs(), 10)
        };
        assert!(chance(400, 15, 10), "150 words of a stock of 400");
        assert!(!chance(u64::MAX, 15, 10), "all that was said is new");
        assert!(!chance(15, 15, 10), "the same fifteen in each lane, each once: that is no chance");
        let (mut left, mut right, mut whole) = <(Contents, Contents, Contents)>::default();
        for n in 0..9000 {
            let content = quick_hash(&(n % 6000));
            whole.add(content, 1);
            if n % 3 == 0 { left.add(content, 1) } else { right.add(content, 1) }
        }
        right.merge(left);
        assert_eq!((right.times, right.n, right.pairs), (whole.times, whole.n, whole.pairs));
    }
}
