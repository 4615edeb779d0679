//! The final values of a lane: `progress` reaches its `total`, `percent` reaches 100, `done` is true, `finish_reason`
//! has a value.
//!
//! As with other facts, relations that hold in every lane of every recording are candidates, and one lane can remove
//! them. A lane in which the value was at its goal all the time is no evidence, because it could not have failed.

use super::lanes::Lanes;
use super::session::Session;
use crate::dialect::Label;
use crate::golden::{self, Fact, Goal, push_step};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// An event with more values than this is data.
const MAX_PLACES: usize = 24;
/// The maximum of different paths.
const MAX_PATHS: usize = 64;
/// The maximum of numbers for which a total is searched.
const MAX_NUMBERS: usize = 8;
/// Items of longer lists are data.
const MAX_ITEMS: usize = 16;
/// A longer text, or one of several words, is content and no goal.
const MAX_TEXT: usize = 32;
/// A text of more different values than this is content.
const MAX_STATES: usize = 8;
/// The required number of lanes in which the value was below its goal first.
const MIN_LANES: u32 = 8;
const MIN_RUNS: u32 = 5;
/// The chance that the last events of all lanes have a value that events have at random.
const BY_CHANCE: f64 = 1e-4;
/// A whole number beyond it has neighbours that are no different as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A possible goal, by the numbers of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Aim {
    /// The number at the first path the one at the second.
    Total(usize, usize),
    /// The same number, text, or truth in all lanes.
    Value(usize),
    /// Any value, where it was null or absent before.
    Any(usize),
}

/// A value as far as goals are about it.
#[derive(Debug, Clone, PartialEq)]
enum Datum {
    Absent,
    Truth(bool),
    Number(f64),
    Text(String),
    /// A text that is not a goal.
    Content,
}

/// The number of times that a goal was reached and could have been missed.
#[derive(Debug, Clone, Default)]
struct Support {
    /// Lanes that show it at all.
    lanes: u32,
    /// Lanes in which it was short of its goal before it reached it, and recordings that have one.
    trials: u32,
    runs: u32,
    /// Events before the last ones of their lanes, and how many of them were at the goal.
    before: u64,
    early: u64,
    goal: Option<Datum>,
    /// The texts that it had on its way: states are few.
    states: BTreeSet<String>,
    /// Whether it did not reach its goal in some lane.
    is_broken: bool,
}

/// The statistics of one event.
#[derive(Debug, Clone, Default)]
struct Known {
    paths: Paths,
    aims: HashMap<Aim, Support>,
    lanes: u32,
    /// The numbers of events of the shortest and of the longest lane.
    lengths: Option<(u32, u32)>,
    is_crowded: bool,
}

/// The goals in recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Goals {
    events: BTreeMap<Label, Known>,
}

/// The paths of an event, numbered as they come.
#[derive(Debug, Clone, Default)]
struct Paths {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

/// The observations of one path in a lane.
struct Track {
    last: Datum,
    /// The number of absences before the last event.
    absent: u64,
    /// Each other value that came before the last one, and how often; none when there are too many, or content.
    before: Option<Vec<(Datum, u64)>>,
    /// 1 where a number rises, -1 where it falls.
    direction: i8,
    /// The number from which it began anew.
    turned_at: Option<f64>,
    is_aimless: bool,
}

/// The observations of one event in one lane.
#[derive(Default)]
struct Lane {
    events: u32,
    tracks: Vec<Track>,
    /// Pairs of which one was short of the other, and those that began anew before it.
    short: BTreeSet<(usize, usize)>,
    missed: BTreeSet<(usize, usize)>,
    numbers: Vec<(usize, f64)>,
}

/// Different values of a path in one lane beyond this are content.
const MAX_VALUES: usize = 4;

impl Goals {
    /// Adds what a whole session shows.
    pub(super) fn add(&mut self, session: &Session, lanes: &Lanes) {
        let mut all: BTreeMap<(&Label, Option<String>), Lane> = BTreeMap::new();
        for event in session.events.iter().filter(|event| !event.label.is_client()) {
            if !self.events.contains_key(&event.label) {
                self.events.insert(event.label.clone(), Known::default());
            }
            let Some(known) = self.events.get_mut(&event.label).filter(|known| !known.is_crowded) else {
                continue;
            };
            let mut values = Vec::new();
            let visit = &mut |number, datum| values.push((number, datum));
            known.paths.each(&event.data, &mut String::new(), visit);
            known.is_crowded = values.len() > MAX_PLACES || known.paths.names.len() > MAX_PATHS;
            let lane = lanes.home(&event.label).and_then(|key| lanes.value(event, key));
            all.entry((&event.label, lane)).or_default().take(values);
        }
        let mut here: HashSet<(&Label, Aim)> = HashSet::new();
        for ((label, _), lane) in &all {
            if let Some(known) = self.events.get_mut(*label).filter(|known| !known.is_crowded) {
                known.add(lane, &mut |aim| here.insert((label, aim)));
            }
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Goals) {
        for (label, other) in other.events {
            let known = self.events.entry(label).or_default();
            known.lanes += other.lanes;
            known.lengths = widest(known.lengths, other.lengths);
            known.is_crowded |= other.is_crowded;
            let numbers: Vec<usize> = other.paths.names.iter().map(|path| known.paths.number(path)).collect();
            for (aim, support) in other.aims {
                let aim = match aim {
                    Aim::Total(own, total) => Aim::Total(numbers[own], numbers[total]),
                    Aim::Value(own) => Aim::Value(numbers[own]),
                    Aim::Any(own) => Aim::Any(numbers[own]),
                };
                let own = known.aims.entry(aim).or_default();
                own.aim_at(support.goal.as_ref());
                own.pass(support.states);
                own.is_broken |= support.is_broken;
                own.lanes += support.lanes;
                own.trials += support.trials;
                own.runs += support.runs;
                own.before += support.before;
                own.early += support.early;
            }
        }
    }

    /// Writes the facts into the shapes of events: the first number that reaches its total, and one other goal, as each
    /// of them says that the last event came.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, known) in &self.events {
            let Some(event) = events.get_mut(label) else { continue };
            let believed = known.believed();
            let total = believed.iter().find(|(_, goal)| matches!(goal, Goal::Total(_)));
            let rank = |goal: &Goal| match goal {
                Goal::Total(_) => 3,
                Goal::Value(json) if json.parse::<f64>().is_err() => 0,
                Goal::Value(_) => 1,
                Goal::Any => 2,
            };
            let other = believed.iter().filter(|(_, goal)| rank(goal) < 3).min_by_key(|(_, goal)| rank(goal));
            for (path, goal) in total.into_iter().chain(other) {
                if let Some((_, rule)) = event.shape.iter_mut().find(|(own, _)| own.pattern == **path) {
                    rule.facts.push(Fact::Reaches(goal.clone()));
                }
            }
        }
    }
}

impl Known {
    fn add(&mut self, lane: &Lane, is_first: &mut impl FnMut(Aim) -> bool) {
        self.lanes += 1;
        self.lengths = widest(self.lengths, Some((lane.events, lane.events)));
        let before = u64::from(lane.events) - 1;
        let aims = &mut self.aims;
        let mut show = |aim: Aim, goal: Option<&Datum>, early: u64, is_reached: bool, is_trial: bool| {
            let support = aims.entry(aim).or_default();
            support.lanes += 1;
            support.aim_at(goal);
            support.is_broken |= !is_reached;
            support.before += before;
            support.early += early;
            support.trials += u32::from(is_trial);
            support.runs += u32::from(is_trial && is_first(aim));
        };
        for (number, track) in lane.tracks.iter().enumerate() {
            let is_any = track.last != Datum::Absent;
            show(Aim::Any(number), None, before - track.absent, is_any, track.absent > 0);
            let early = track.before.iter().flatten().filter(|(value, _)| *value == track.last);
            let early = early.map(|(_, times)| times).sum::<u64>();
            let is_goal = match &track.last {
                Datum::Number(last) => !track.is_aimless && track.turned_at.is_none_or(|end| end == *last),
                Datum::Truth(_) | Datum::Text(_) => track.before.is_some(),
                Datum::Absent | Datum::Content => false,
            };
            show(Aim::Value(number), Some(&track.last), early, is_goal, early < before);
        }
        for (own, own_value) in &lane.numbers {
            for (total, total_value) in lane.numbers.iter().filter(|(total, _)| total != own) {
                let is_reached = own_value == total_value && !lane.missed.contains(&(*own, *total));
                let is_trial = lane.short.contains(&(*own, *total));
                show(Aim::Total(*own, *total), None, 0, is_reached, is_trial);
            }
        }
        // If the last event has no total, it was not reached.
        for (own, total) in &lane.short {
            let has = |number: &usize| lane.numbers.iter().any(|(own, _)| own == number);
            if !has(own) || !has(total) {
                show(Aim::Total(*own, *total), None, 0, false, false);
            }
        }
        for (number, track) in lane.tracks.iter().enumerate() {
            let texts = track.before.iter().flatten().filter_map(|(value, _)| match value {
                Datum::Text(text) => Some(text),
                _ => None,
            });
            if let Some(support) = self.aims.get_mut(&Aim::Value(number)).filter(|own| !own.is_broken) {
                support.pass(texts.cloned());
            }
        }
    }

    /// The goals that every lane reached, often enough to be no chance, by the paths of what reaches them, in their order.
    fn believed(&self) -> Vec<(&String, Goal)> {
        let is_varied = self.lengths.is_some_and(|(shortest, longest)| shortest < longest);
        let name = |number: usize| &self.paths.names[number];
        let believed = self.aims.iter().filter_map(|(aim, support)| {
            let is_shown = !self.is_crowded && !support.is_broken && support.lanes == self.lanes;
            if !is_shown || support.trials < MIN_LANES || support.runs < MIN_RUNS {
                return None;
            }
            let share = (support.early + 1) as f64 / (support.before + 1).max(1) as f64;
            let is_chance = share.powf(f64::from(support.lanes)) > BY_CHANCE;
            match aim {
                Aim::Total(own, total) => Some((name(*own), Goal::Total(name(*total).clone()))),
                // If all lanes have the same length, the number of events says the same.
                Aim::Value(own) => {
                    let goal = support.goal.as_ref()?;
                    let is_number = matches!(goal, Datum::Number(_));
                    let is_goal = if is_number { is_varied } else { !is_chance };
                    Some((name(*own), Goal::Value(goal.json()?))).filter(|_| is_goal)
                }
                Aim::Any(own) => Some((name(*own), Goal::Any)).filter(|_| !is_chance),
            }
        });
        let mut believed: Vec<(&String, Goal)> = believed.collect();
        believed.sort();
        believed
    }
}

impl Support {
    /// Takes what it was on its way.
    fn pass(&mut self, states: impl IntoIterator<Item = String>) {
        self.states.extend(states);
        self.is_broken |= self.states.len() > MAX_STATES;
        while self.states.len() > MAX_STATES + 1 {
            self.states.pop_last();
        }
    }

    /// Notes that a lane ended with this value: a goal is the same in all lanes.
    fn aim_at(&mut self, goal: Option<&Datum>) {
        match (&self.goal, goal) {
            (Some(known), Some(goal)) => self.is_broken |= known != goal,
            (None, Some(goal)) => self.goal = Some(goal.clone()),
            (_, None) => {}
        }
    }
}

impl Lane {
    /// Takes the values of the next event.
    fn take(&mut self, values: Vec<(usize, Datum)>) {
        let before = u64::from(self.events);
        self.events += 1;
        let mut current: Vec<Datum> = self.tracks.iter().map(|_| Datum::Absent).collect();
        let mut numbers = Vec::new();
        for (number, datum) in values {
            if let Datum::Number(value) = datum {
                numbers.retain(|(other, _)| *other != number);
                numbers.push((number, value));
            }
            if current.len() <= number {
                current.resize(number + 1, Datum::Absent);
            }
            current[number] = datum;
        }
        for (number, datum) in current.into_iter().enumerate() {
            match self.tracks.get_mut(number) {
                Some(track) => track.take(datum),
                None => self.tracks.push(Track::new(datum, before)),
            }
        }
        if numbers.len() > MAX_NUMBERS {
            numbers.clear();
        }
        for (own, value) in &numbers {
            let earlier = self.numbers.iter().find(|(number, _)| number == own).map(|(_, value)| *value);
            for (total, goal) in numbers.iter().filter(|(total, _)| total != own) {
                if earlier.is_some_and(|earlier| {
                    let due = self.numbers.iter().find(|(number, _)| number == total);
                    earlier > *value && due.is_none_or(|(_, due)| *due != earlier)
                }) {
                    self.missed.insert((*own, *total));
                }
                if value < goal {
                    self.short.insert((*own, *total));
                }
            }
        }
        self.numbers = numbers;
    }
}

impl Track {
    /// A path that comes for the first time, after so many events of the lane.
    fn new(last: Datum, absent: u64) -> Track {
        let before = Some(Vec::new());
        Track { last, absent, before, direction: 0, turned_at: None, is_aimless: absent > 0 }
    }

    fn take(&mut self, datum: Datum) {
        match (&self.last, &datum) {
            (Datum::Number(before), Datum::Number(now)) if before != now => {
                let direction = if now > before { 1 } else { -1 };
                if self.direction == 0 {
                    self.direction = direction;
                } else if self.direction != direction {
                    self.is_aimless |= self.turned_at.is_some_and(|end| end != *before);
                    self.turned_at = Some(*before);
                }
            }
            (Datum::Number(_), Datum::Number(_)) => {}
            _ => self.is_aimless = true,
        }
        let last = std::mem::replace(&mut self.last, datum);
        let Some(before) = self.before.as_mut().filter(|_| last != Datum::Absent) else {
            self.absent += u64::from(last == Datum::Absent);
            return;
        };
        let has_room = before.len() < MAX_VALUES && last != Datum::Content;
        match before.iter_mut().find(|(value, _)| *value == last) {
            Some((_, times)) => *times += 1,
            None if has_room => before.push((last, 1)),
            None => self.before = None,
        }
    }
}

impl Paths {
    /// Visits what goals may be about, with the number of its path; the items of a list all have one.
    fn each(&mut self, value: &Value, path: &mut String, visit: &mut dyn FnMut(usize, Datum)) {
        let before = path.len();
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    push_step(path, key);
                    self.each(value, path, visit);
                    path.truncate(before);
                }
            }
            Value::Array(items) if items.len() <= MAX_ITEMS => {
                path.push_str("/*");
                items.iter().for_each(|item| self.each(item, path, visit));
                path.truncate(before);
            }
            Value::Array(_) => {}
            value => visit(self.number(path), Datum::of(value)),
        }
    }

    fn number(&mut self, path: &str) -> usize {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        self.numbers.insert(path.to_owned(), self.names.len());
        self.names.push(path.to_owned());
        self.names.len() - 1
    }
}

impl Datum {
    fn of(value: &Value) -> Datum {
        match value {
            Value::Bool(truth) => Datum::Truth(*truth),
            Value::Number(number) => {
                number.as_f64().filter(|float| float.abs() < EXACT).map_or(Datum::Content, Datum::Number)
            }
            Value::String(text) if text.len() <= MAX_TEXT && !text.contains(char::is_whitespace) => {
                Datum::Text(text.clone())
            }
            Value::String(_) => Datum::Content,
            Value::Null | Value::Array(_) | Value::Object(_) => Datum::Absent,
        }
    }

    /// The goal as JSON; none if it is not a value.
    fn json(&self) -> Option<String> {
        match self {
            Datum::Truth(truth) => Some(truth.to_string()),
            Datum::Number(number) => Some(number.to_string()),
            Datum::Text(text) => Some(Value::from(text.as_str()).to_string()),
            Datum::Absent | Datum::Content => None,
        }
    }
}

fn widest(a: Option<(u32, u32)>, b: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (a, b) {
        (Some((from, to)), Some((other, end))) => Some((from.min(other), to.max(end))),
        (known, None) | (None, known) => known,
    }
}
