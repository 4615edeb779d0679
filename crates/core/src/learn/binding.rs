//! Facts about relations between values: kept only if they always held and could have failed.
//!
//! The kinds are those of Daikon (Ernst et al.) that matter in a stream: equal to an earlier value, a counter, a
//! count of events, concatenated parts, unique. The candidates are all relations that hold at the first observation;
//! every later observation can only remove some. So the order of observations does not matter, and two sets of
//! recordings share the relations that hold in both.

use super::lanes::{Lanes, is_id};
use super::paths::each_place_by_path;
use super::session::Session;
use crate::dialect::{Event, Label};
use crate::golden::{self, Fact, Order, Source};
use crate::stats::{FastMap, quick_hash};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The number of beginnings that show the first value of a counter.
const MIN_BEGUN: u32 = 8;
/// The maximum of counted distinct values; more make no difference.
const ENOUGH: usize = 40;

/// The maximum of pairs of places of an event that are compared one by one.
const MAX_COMPARED: usize = 1 << 16;

/// An event by number.
type Name = u32;
/// An event and a path by number.
type Place = u32;
/// A lane of a session by number; 0 is the session itself.
type Scope = u32;
/// A value of a session by number.
type Text = u32;

/// Numbers for events and places, so that a million events do not make many million copies of their names.
#[derive(Debug, Clone, Default)]
struct Names {
    events: Vec<Label>,
    places: Vec<(Name, String)>,
    known: FastMap<Label, (Name, FastMap<String, Place>)>,
}

impl Names {
    fn event(&mut self, label: &Label) -> Name {
        if let Some((name, _)) = self.known.get(label) {
            return *name;
        }
        let name = number(self.events.len());
        self.events.push(label.clone());
        self.known.insert(label.clone(), (name, FastMap::default()));
        name
    }

    fn place(&mut self, label: &Label, path: &str) -> Place {
        let name = self.event(label);
        let Some((_, paths)) = self.known.get_mut(label) else { return 0 };
        if let Some(place) = paths.get(path) {
            return *place;
        }
        let place = number(self.places.len());
        paths.insert(path.to_owned(), place);
        self.places.push((name, path.to_owned()));
        place
    }

    fn label(&self, place: Place) -> &Label {
        &self.events[self.places[place as usize].0 as usize]
    }

    fn source(&self, place: Place) -> Source {
        Source { label: self.label(place).clone(), path: self.places[place as usize].1.clone() }
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The statistics of the values at one place.
#[derive(Debug, Clone, Default)]
struct Values {
    n: u32,
    distinct: BTreeSet<String>,
    ids: bool,
    strings: bool,
    /// The places that always had the same value.
    same_as: BTreeSet<Place>,
    /// The places whose concatenated parts it always was, with the largest number of parts.
    joins: BTreeMap<Place, u32>,
    /// The events whose number it always was.
    counts: BTreeSet<Name>,
    /// Events that came after this value in a session.
    overtaken: BTreeSet<Name>,
    most: u64,
    steps: u32,
    breaks: u32,
    /// The first value in its lanes or sessions, with its count; none if it varied.
    begins: Option<i64>,
    begun: u32,
    repeats: u32,
    /// Pairs of values within a session, and the numbers between which they are; none if one is not a number.
    pairs: u64,
    span: Option<(i64, i64)>,
    no_number: bool,
    /// Within a session: how often it was what it had been before, and how often not.
    kept: u32,
    changed: u32,
}

impl Values {
    fn merge(&mut self, other: Values) {
        if self.n == 0 || other.n == 0 {
            let overtaken = std::mem::take(&mut self.overtaken);
            if self.n == 0 {
                *self = other;
            }
            self.overtaken.extend(overtaken);
            return;
        }
        self.n += other.n;
        self.distinct.extend(other.distinct);
        while self.distinct.len() > ENOUGH {
            self.distinct.pop_last();
        }
        self.ids |= other.ids;
        self.strings |= other.strings;
        self.same_as.retain(|place| other.same_as.contains(place));
        self.joins.retain(|place, _| other.joins.contains_key(place));
        for (place, parts) in &mut self.joins {
            *parts = (*parts).max(other.joins[place]);
        }
        self.counts.retain(|name| other.counts.contains(name));
        self.overtaken.extend(other.overtaken);
        self.most = self.most.max(other.most);
        self.steps += other.steps;
        self.breaks += other.breaks;
        self.begins = match (self.begun, other.begun) {
            (0, _) => other.begins,
            (_, 0) => self.begins,
            _ => self.begins.filter(|first| other.begins == Some(*first)),
        };
        self.begun += other.begun;
        self.repeats += other.repeats;
        self.pairs += other.pairs;
        self.no_number |= other.no_number;
        self.span = match (self.span, other.span) {
            (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
            (own, other) => own.or(other),
        };
        self.kept += other.kept;
        self.changed += other.changed;
    }

    /// Whether values that were never the same twice would have been so by chance. Numbers of a short range, drawn at
    /// random, are in few draws all different, and the next time they are not.
    fn differ_by_chance(&self, sessions: u32) -> bool {
        let Some((least, most)) = self.span.filter(|_| !self.no_number) else { return false };
        let range = (most.abs_diff(least) as f64) + 1.0;
        are_distinct_by_chance(self.pairs as f64 / range, sessions)
    }

    /// With places and events numbered anew.
    fn renumbered(self, places: &[Place], events: &[Name]) -> Values {
        Values {
            same_as: self.same_as.into_iter().map(|place| places[place as usize]).collect(),
            joins: self.joins.into_iter().map(|(place, parts)| (places[place as usize], parts)).collect(),
            counts: self.counts.into_iter().map(|name| events[name as usize]).collect(),
            overtaken: self.overtaken.into_iter().map(|name| events[name as usize]).collect(),
            ..self
        }
    }
}

/// The relations between values in recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    names: Names,
    /// By place.
    values: Vec<Values>,
    /// By event: its earliest place in a session.
    first_at: Vec<usize>,
    /// By event: the number of the kind of its lane; none outside of lanes, unknown beyond the end.
    homes: Vec<Option<u32>>,
}

/// An index of the values of a session, for an event with too many new places to compare all pairs.
struct Held {
    latest: FastMap<Text, Vec<Place>>,
    /// By hash.
    whole: FastMap<u64, Vec<Place>>,
}

impl Held {
    /// The places whose latest value this is, in some scope.
    fn latest_at(&self, text: Text) -> impl Iterator<Item = Place> {
        self.latest.get(&text).into_iter().flatten().copied()
    }

    /// The places whose texts, put together, may be this one, in some scope.
    fn whole_of(&self, text: &str) -> impl Iterator<Item = Place> {
        self.whole.get(&quick_hash(text)).into_iter().flatten().copied()
    }
}

/// The state of one session.
#[derive(Default)]
struct Now<'s> {
    scopes: FastMap<String, Scope>,
    strings: FastMap<&'s str, Text>,
    numbers: FastMap<String, Text>,
    latest: FastMap<(Place, Scope), Text>,
    /// Texts put together, and of how many parts.
    whole: FastMap<(Place, Scope), (String, u32)>,
    taken: FastMap<(Place, Place, Scope), (usize, u32)>,
    counted: FastMap<(Name, Scope), u32>,
    counted_taken: FastMap<(Place, Name, Scope), u32>,
    counters: FastMap<(Place, Scope), i64>,
    seen: HashSet<(Place, Text)>,
    before: FastMap<Place, Text>,
    /// The number of values of each place.
    times: FastMap<Place, u64>,
    /// Places with a number that may be a count.
    totals: BTreeSet<Place>,
}

/// An event with its place in a session.
#[derive(Clone, Copy)]
struct Here {
    name: Name,
    /// Its lane, or none.
    lane: Option<Scope>,
}

impl Here {
    /// The session, and the lane if there is one.
    fn scopes(self) -> impl Iterator<Item = Scope> {
        std::iter::once(0).chain(self.lane)
    }
}

impl Facts {
    /// The empty statistics for the events of an order.
    pub(super) fn of(order: &Order) -> Facts {
        let mut facts = Facts::default();
        for label in order.labels() {
            facts.names.event(label);
        }
        facts
    }

    /// Adds what a session shows.
    pub(super) fn add(&mut self, session: &Session, lanes: &Lanes) {
        let mut now = Now::default();
        for (at, event) in session.events.iter().enumerate() {
            let name = self.names.event(&event.label);
            self.first_at.resize(self.names.events.len().max(self.first_at.len()), usize::MAX);
            let new = self.homes.len().min(self.names.events.len());
            self.homes.extend(self.names.events[new..].iter().map(|label| lanes.home_number(label)));
            let first = &mut self.first_at[name as usize];
            *first = (*first).min(at);
            self.take(event, name, lanes, &mut now);
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Facts) {
        let events: Vec<Name> = other.names.events.iter().map(|label| self.names.event(label)).collect();
        let places: Vec<Place> = (0..other.names.places.len())
            .map(|place| self.names.place(other.names.label(number(place)), &other.names.places[place].1))
            .collect();
        self.first_at.resize(self.names.events.len().max(self.first_at.len()), usize::MAX);
        for (name, first) in events.iter().zip(other.first_at) {
            let own = &mut self.first_at[*name as usize];
            *own = (*own).min(first);
        }
        self.values.resize_with(self.names.places.len().max(self.values.len()), Values::default);
        for (place, values) in places.iter().zip(other.values) {
            self.values[*place as usize].merge(values.renumbered(&places, &events));
        }
    }

    fn take<'s>(&mut self, event: &'s Event, name: Name, lanes: &Lanes, now: &mut Now<'s>) {
        let lane = lanes.home(&event.label).and_then(|key| lanes.value(event, key));
        let here = Here { name, lane: lane.map(|lane| now.scope(lane)) };
        let mut found: Vec<(Place, Text, &'s Value)> = Vec::new();
        each_place_by_path(&event.data, &mut |path, value| {
            let place = self.names.place(&event.label, path);
            if place as usize >= self.values.len() {
                self.values.resize_with(place as usize + 1, Values::default);
            }
            let known = &mut self.values[place as usize];
            known.ids = known.ids || is_id(path, value);
            found.push((place, now.text(value), value));
        });
        let new = found.iter().filter(|(place, ..)| self.values[*place as usize].n == 0).count();
        let held = (new.saturating_mul(self.names.places.len()) > MAX_COMPARED).then(|| now.held());
        for (place, text, value) in &found {
            let mut known = std::mem::take(&mut self.values[*place as usize]);
            let is_first = known.n == 0;
            known.n += 1;
            known.strings |= value.is_string();
            if known.distinct.len() < ENOUGH {
                known.distinct.insert(value.to_string());
            }
            self.equal(here, *text, is_first, (now, held.as_ref()), &mut known);
            self.joined(here, *place, value, is_first, (now, held.as_ref()), &mut known);
            self.counted(here, *place, value, is_first, now, &mut known);
            now.step(here, *place, *text, value, &mut known);
            self.values[*place as usize] = known;
        }
        now.totals.retain(|place| {
            let known = &mut self.values[*place as usize];
            if known.counts.contains(&name) && self.names.places[*place as usize].0 != name {
                known.overtaken.insert(name);
            }
            !known.counts.is_empty()
        });
        for (place, text, value) in found {
            now.remember(here, place, text, value);
            if value.is_u64() && !self.values[place as usize].counts.is_empty() {
                now.totals.insert(place);
            }
        }
        for scope in here.scopes() {
            *now.counted.entry((name, scope)).or_default() += 1;
        }
    }

    /// The scope in which another place must have the same value: the same lane for events of the same kind of lane,
    /// otherwise anywhere.
    fn scope_of(&self, here: Here, other: Place) -> Option<Scope> {
        let home = |name: Name| self.homes.get(name as usize).copied().flatten();
        let same_kind =
            home(here.name).is_some_and(|own| home(self.names.places[other as usize].0) == Some(own));
        if same_kind { here.lane } else { Some(0) }
    }

    /// The places that currently have the same value.
    fn equal(
        &self,
        here: Here,
        text: Text,
        is_first: bool,
        (now, held): (&Now<'_>, Option<&Held>),
        known: &mut Values,
    ) {
        let holds = |place: Place| {
            self.names.places[place as usize].0 != here.name
                && self
                    .scope_of(here, place)
                    .is_some_and(|scope| now.latest.get(&(place, scope)) == Some(&text))
        };
        if is_first {
            known.same_as = match held {
                Some(held) => held.latest_at(text).filter(|place| holds(*place)).collect(),
                None => (0..number(self.names.places.len())).filter(|place| holds(*place)).collect(),
            };
        } else {
            known.same_as.retain(|place| holds(*place));
        }
    }

    /// The places whose parts since the last time, concatenated, equal this value.
    fn joined(
        &self,
        here: Here,
        place: Place,
        value: &Value,
        is_first: bool,
        (now, held): (&mut Now<'_>, Option<&Held>),
        known: &mut Values,
    ) {
        let Some(text) = value.as_str() else {
            known.joins.clear();
            return;
        };
        let lane = here.lane.unwrap_or(0);
        if is_first {
            // A relation that does not hold the first time needs no statistics: there may be a thousand events.
            let is_other = |source: &Place| self.names.places[*source as usize].0 != here.name;
            let says_it =
                |source: &Place| now.whole.get(&(*source, lane)).is_some_and(|(whole, _)| whole == text);
            known.joins = match held {
                Some(held) => {
                    let sources = held.whole_of(text).filter(says_it);
                    sources.filter(is_other).map(|source| (source, 0)).collect()
                }
                None => {
                    let said = |((_, scope), (whole, _)): &(&(Place, Scope), &(String, u32))| {
                        *scope == lane && whole == text
                    };
                    let sources = now.whole.iter().filter(said).map(|((source, _), _)| *source);
                    sources.filter(is_other).map(|source| (source, 0)).collect()
                }
            };
        }
        known.joins.retain(|source, most| {
            let Some((whole, parts)) = now.whole.get(&(*source, lane)) else { return false };
            let taken = now.taken.entry((place, *source, lane)).or_default();
            let new_parts = parts - taken.1;
            let holds = new_parts > 0 && whole.get(taken.0..) == Some(text);
            *taken = (whole.len(), *parts);
            *most = (*most).max(new_parts);
            holds
        });
    }

    /// The events whose number since the last time equals this value.
    fn counted(
        &self,
        here: Here,
        place: Place,
        value: &Value,
        is_first: bool,
        now: &mut Now<'_>,
        known: &mut Values,
    ) {
        let Some(total) = value.as_u64() else {
            known.counts.clear();
            return;
        };
        known.most = known.most.max(total);
        let lane = here.lane.unwrap_or(0);
        if is_first {
            // Likewise.
            let came = |name: Name| now.counted.get(&(name, lane)).copied().unwrap_or(0);
            let names = (0..number(self.names.events.len())).filter(|name| *name != here.name);
            known.counts = names.filter(|name| u64::from(came(*name)) == total).collect();
        }
        known.counts.retain(|name| {
            let count = now.counted.get(&(*name, lane)).copied().unwrap_or(0);
            let taken = now.counted_taken.entry((place, *name, lane)).or_default();
            let holds = u64::from(count - *taken) == total;
            *taken = count;
            holds
        });
    }

    /// Writes the facts into the shapes of events.
    pub(super) fn write(&self, lanes: &Lanes, sessions: u32, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, event) in events.iter_mut().filter(|(label, _)| !label.is_client()) {
            let Some((_, places)) = self.names.known.get(label) else { continue };
            for (path, rule) in &mut event.shape {
                let values = places.get(&path.pattern).and_then(|place| self.values.get(*place as usize));
                let Some(values) = values.filter(|values| values.n > 0) else { continue };
                let is_lane_key =
                    lanes.chain(label).iter().any(|key| lanes.pointer(label, key) == Some(&*path.pattern));
                rule.facts =
                    if is_lane_key { Vec::new() } else { self.facts(label, values, lanes, sessions) };
            }
        }
    }

    fn facts(&self, label: &Label, values: &Values, lanes: &Lanes, sessions: u32) -> Vec<Fact> {
        let distinct = values.distinct.len();
        let mut facts = Vec::new();
        let home = lanes.home(label);
        let same = values
            .same_as
            .iter()
            .map(|place| self.source(*place))
            .filter(|(_, source)| {
                let in_lane = home.is_some() && lanes.home(&source.label) == home;
                match source.label.is_client() {
                    true => distinct >= 2 && values.strings,
                    // Two values in two lanes each time are as significant as three in one, also if they are small
                    // numbers.
                    false if in_lane => values.n >= 8 && distinct >= 2 || values.n >= 4 && distinct >= 3,
                    false => values.n >= 4 && distinct >= 3 && (values.ids || values.strings),
                }
            })
            // The place nearest to the beginning is the source; places in the same lane come before others.
            .min_by_key(|(first_at, source)| {
                let outside = !(home.is_some() && lanes.home(&source.label) == home);
                (outside, *first_at, source.clone())
            });
        if let Some((_, source)) = same {
            facts.push(if source.label.is_client() { Fact::EchoOf(source) } else { Fact::SameAs(source) });
        }
        let joins = values.joins.iter().filter(|(_, parts)| values.n >= 2 && **parts >= 2);
        let joins = joins.map(|(place, _)| self.names.source(*place)).min();
        if let (Some(source), true) = (joins, facts.is_empty()) {
            facts.push(Fact::Joins(source));
        }
        let varied = distinct >= 5 || (distinct >= 3 && values.most >= 8);
        // Small numbers agree by chance, or because two events alternate. A total at the end, after which no counted
        // event comes, is exact. For the few events that a client sends, two totals are enough.
        let is_total = |name: Name| {
            distinct >= if self.names.events[name as usize].is_client() { 2 } else { 3 }
                && values.n >= 8
                && values.n <= sessions
                && !values.overtaken.contains(&name)
        };
        let counted = values.counts.iter().filter(|name| values.n >= 3 && (varied || is_total(**name)));
        // A total may equal the last number as well; each of the two finds faults that the other does not.
        if let Some(label) = counted.map(|name| &self.names.events[*name as usize]).min() {
            facts.push(Fact::Counts(label.clone()));
        }
        if facts.is_empty() && values.steps >= 4 && values.breaks == 0 {
            facts.push(Fact::Counter { from: values.begins.filter(|_| values.begun >= MIN_BEGUN) });
        }
        // The same throughout each session, and another one in another session.
        if facts.is_empty() && values.ids && values.changed == 0 && values.kept >= 4 && distinct >= 2 {
            facts.push(Fact::Constant);
        }
        let is_new_each_time = values.repeats == 0 && values.n >= 5 && values.n >= 2 * sessions;
        if facts.is_empty() && values.ids && is_new_each_time && !values.differ_by_chance(sessions) {
            facts.push(Fact::Unique);
        }
        facts
    }

    /// A place as a fact writes it, and how early its event comes.
    fn source(&self, place: Place) -> (usize, Source) {
        let name = self.names.places[place as usize].0;
        (self.first_at.get(name as usize).copied().unwrap_or(usize::MAX), self.names.source(place))
    }
}

/// Whether it is chance that no two values were the same, where so many equal pairs were to be expected of random ones in
/// all sessions: too few for their absence to mean anything, and too many for it to last (the birthday problem).
pub(super) fn are_distinct_by_chance(equal: f64, sessions: u32) -> bool {
    /// The number of expected equal pairs among random values from which their absence is significant.
    const EXPECTED: f64 = 7.0;
    /// With fewer than this in a session they would hardly ever be equal, random or not.
    const HARMLESS: f64 = 0.001;
    equal < EXPECTED && equal / f64::from(sessions.max(1)) > HARMLESS
}

impl<'s> Now<'s> {
    fn scope(&mut self, lane: String) -> Scope {
        let next = number(self.scopes.len() + 1);
        *self.scopes.entry(lane).or_insert(next)
    }

    fn text(&mut self, value: &'s Value) -> Text {
        let next = number(self.strings.len() + self.numbers.len());
        match value {
            Value::String(text) => *self.strings.entry(text).or_insert(next),
            value => *self.numbers.entry(value.to_string()).or_insert(next),
        }
    }

    /// The relation of a value to the previous one at its place.
    fn step(&mut self, here: Here, place: Place, text: Text, value: &Value, known: &mut Values) {
        if let Some(number) = value.as_i64() {
            if let Some(before) = self.counters.insert((place, here.lane.unwrap_or(0)), number) {
                let restarts = (0..=1).contains(&number) && before > 1;
                if number == before + 1 {
                    known.steps += 1;
                } else if !restarts {
                    known.breaks += 1;
                }
            } else {
                known.begins =
                    if known.begun == 0 { Some(number) } else { known.begins.filter(|own| *own == number) };
                known.begun += 1;
            }
        }
        match self.before.insert(place, text) {
            Some(before) if before == text => known.kept += 1,
            Some(_) => known.changed += 1,
            None => {}
        }
        known.repeats += u32::from(!self.seen.insert((place, text)));
        let times = self.times.entry(place).or_default();
        known.pairs += *times;
        *times += 1;
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        known.no_number |= number.is_none();
        known.span = match (known.span, number) {
            (Some((least, most)), Some(number)) => Some((least.min(number), most.max(number))),
            (span, number) => span.or(number.map(|number| (number, number))),
        };
    }

    fn held(&self) -> Held {
        let (mut latest, mut whole) = (FastMap::<_, Vec<_>>::default(), FastMap::<_, Vec<_>>::default());
        self.latest.iter().for_each(|((place, _), text)| latest.entry(*text).or_default().push(*place));
        let texts = self.whole.iter().map(|((place, _), (whole, _))| (*place, quick_hash(whole.as_str())));
        texts.for_each(|(place, hash)| whole.entry(hash).or_default().push(place));
        Held { latest, whole }
    }

    fn remember(&mut self, here: Here, place: Place, text: Text, value: &Value) {
        for scope in here.scopes() {
            self.latest.insert((place, scope), text);
            if let Some(part) = value.as_str() {
                let (whole, parts) = self.whole.entry((place, scope)).or_default();
                whole.push_str(part);
                *parts += 1;
            }
        }
    }
}
