//! Values that are bound to other values, checked as events arrive.
//!
//! For every fact only what it needs is kept: the latest value of its source, for each lane where it stands in one;
//! the parts put together so far; a count. Memory: the lanes that the order has not forgotten, the text of a `joins`
//! until the whole comes, and 64 bits for every value of a `unique` fact.

use crate::dialect::{Event, Label, field};
use crate::finding::Kind;
use crate::golden::{Cells, Fact, Golden, LaneId, Scoped, Source, Table, print};
use serde_json::Value;
use std::hash::{Hash, Hasher};

/// One contradiction of a fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mismatch {
    pub(super) kind: Kind,
    pub(super) pattern: String,
    pub(super) fact: Fact,
    pub(super) expected: Value,
    pub(super) actual: Value,
    /// The frame that brought the expected value.
    pub(super) source_frame: Option<usize>,
}

/// The innermost lane of an event.
type Scope = Option<LaneId>;

#[derive(Debug, Default)]
pub(super) struct Bindings {
    numbers: Table<Label, usize>,
    events: Vec<Bound>,
    sources: Vec<(Source, u32)>,
    /// Facts and sources are numbered together.
    next: u32,
    held: Scoped<Held>,
    /// Of values that must not come twice.
    seen: Table<u64, ()>,
}

/// What a session has shown of a source or for a fact.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// A value, and the frame that brought it.
    Value(Value, usize),
    /// Parts, put together. Two facts may hold the same parts, each from its own beginning.
    Joined(String),
    /// How many events came.
    Counted(u64),
    Counter(i64),
}

/// What an event has to do with facts.
#[derive(Debug, Default)]
struct Bound {
    facts: Vec<BoundFact>,
    /// Values that other facts refer to.
    remembers: Vec<Remembered>,
    /// The facts that count it, and whether they stand in a lane.
    counted_by: Vec<(u32, bool)>,
}

#[derive(Debug)]
struct BoundFact {
    number: u32,
    path: Path,
    fact: Fact,
    /// The number of the source that it refers to.
    source: u32,
}

#[derive(Debug)]
struct Remembered {
    /// The number of the source.
    number: u32,
    path: Path,
    /// Whether a fact wants its latest value.
    is_compared: bool,
    /// The facts that hold it as a part, and whether they stand in a lane.
    parts_of: Vec<(u32, bool)>,
}

/// A path in which `*` stands for every item.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pattern: String,
    keys: Vec<String>,
}

impl Path {
    pub(super) fn new(pattern: &str) -> Path {
        let keys = pattern.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        Path { pattern: pattern.to_owned(), keys }
    }

    /// Visits all values at the path, in order.
    pub(super) fn visit<'v>(&self, value: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
        fn walk<'v>(value: &'v Value, keys: &[String], visit: &mut dyn FnMut(&'v Value)) {
            match keys.split_first() {
                None => visit(value),
                Some((key, rest)) if key == "*" => {
                    value.as_array().into_iter().flatten().for_each(|item| walk(item, rest, visit));
                }
                Some((key, rest)) => {
                    if let Some(value) = value.as_object().and_then(|map| field(map, key)) {
                        walk(value, rest, visit);
                    }
                }
            }
        }
        walk(value, &self.keys, visit);
    }

    /// The first value at the path.
    fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        fn walk<'v>(value: &'v Value, keys: &[String]) -> Option<&'v Value> {
            match (keys.split_first(), value) {
                (None, _) => Some(value),
                (Some((key, rest)), Value::Array(items)) if key == "*" => {
                    items.iter().find_map(|item| walk(item, rest))
                }
                (Some((key, rest)), Value::Object(map)) if key != "*" => walk(field(map, key)?, rest),
                (Some(_), _) => None,
            }
        }
        walk(value, &self.keys)
    }
}

impl Bindings {
    pub(super) fn new(golden: &Golden) -> Bindings {
        let mut bindings = Bindings::default();
        for (label, event) in &golden.events {
            let in_lane = golden.order.keys_of(label).is_some_and(|keys| !keys.is_empty());
            for (path, rule) in &event.shape {
                for fact in &rule.facts {
                    let number = bindings.next;
                    bindings.next += 1;
                    let mut source = 0;
                    match fact {
                        Fact::SameAs(from) | Fact::EchoOf(from) => {
                            let from = bindings.refer(from);
                            from.is_compared = true;
                            source = from.number;
                        }
                        Fact::Joins(from) => bindings.refer(from).parts_of.push((number, in_lane)),
                        Fact::Counts(counted) => bindings.bound(counted).counted_by.push((number, in_lane)),
                        Fact::Counter | Fact::Constant | Fact::Unique => {}
                    }
                    let own =
                        BoundFact { number, path: Path::new(&path.pattern), fact: fact.clone(), source };
                    bindings.bound(label).facts.push(own);
                }
            }
        }
        bindings
    }

    fn bound(&mut self, label: &Label) -> &mut Bound {
        let number = *self.numbers.entry(label.clone()).or_insert(self.events.len());
        if number == self.events.len() {
            self.events.push(Bound::default());
        }
        &mut self.events[number]
    }

    fn refer(&mut self, source: &Source) -> &mut Remembered {
        let known = self.sources.iter().find(|(known, _)| known == source).map(|(_, number)| *number);
        let number = known.unwrap_or(self.next);
        if known.is_none() {
            self.next += 1;
            self.sources.push((source.clone(), number));
        }
        let remembers = &mut self.bound(&source.label).remembers;
        let own = remembers.iter().position(|own| own.number == number).unwrap_or(remembers.len());
        if own == remembers.len() {
            let path = Path::new(&source.path);
            remembers.push(Remembered { number, path, is_compared: false, parts_of: Vec::new() });
        }
        &mut remembers[own]
    }

    /// The number by which it knows an event; none for one that has nothing to do with facts.
    pub(super) fn number(&self, label: &Label) -> Option<usize> {
        self.numbers.get(label).copied()
    }

    /// Takes the next event, by its number, which stands in `lane`; says which facts it contradicts.
    pub(super) fn feed(&mut self, number: usize, event: &Event, lane: Scope) -> Vec<Mismatch> {
        let mut out = Vec::new();
        let bound = &self.events[number];
        let mut values = Values { held: self.held.at(lane), seen: &mut self.seen, frame: event.frame };
        for fact in &bound.facts {
            fact.path.visit(&event.data, &mut |value| out.extend(values.against(fact, value)));
        }
        values.remember(&event.data, bound);
        out
    }

    /// Drops what is known of a lane.
    pub(super) fn forget(&mut self, lane: LaneId) {
        self.held.forget(lane);
    }

    /// How many values are held.
    pub(super) fn held(&self) -> usize {
        self.held.held() + self.seen.len()
    }
}

/// What has been seen so far where an event stands: in its lane, and in the session.
struct Values<'b> {
    held: Cells<'b, Held>,
    seen: &'b mut Table<u64, ()>,
    frame: usize,
}

impl Values<'_> {
    fn remember(&mut self, data: &Value, bound: &Bound) {
        for (number, in_lane) in &bound.counted_by {
            match self.part(*number, *in_lane) {
                Held::Counted(count) => *count += 1,
                other => *other = Held::Counted(1),
            }
        }
        for Remembered { number, path, is_compared, parts_of } in &bound.remembers {
            let Some(value) = path.first(data) else { continue };
            if let Value::String(part) = value {
                for (fact, in_lane) in parts_of {
                    match self.part(*fact, *in_lane) {
                        Held::Joined(whole) => whole.push_str(part),
                        other => *other = Held::Joined(part.clone()),
                    }
                }
            }
            if *is_compared {
                self.held.own(*number).hold(value, self.frame);
                if self.held.is_in_lane() {
                    self.held.wide(*number).hold(value, self.frame);
                }
            }
        }
    }

    /// A part is counted in the lane where the whole stands in one, and otherwise in the session.
    fn part(&mut self, fact: u32, in_lane: bool) -> &mut Held {
        if in_lane { self.held.own(fact) } else { self.held.wide(fact) }
    }

    fn against(&mut self, bound: &BoundFact, value: &Value) -> Option<Mismatch> {
        let mismatch = |kind: Kind, expected: Value, source_frame: Option<usize>| Mismatch {
            kind,
            pattern: bound.path.pattern.clone(),
            fact: bound.fact.clone(),
            expected,
            actual: value.clone(),
            source_frame,
        };
        let number = bound.number;
        match &bound.fact {
            Fact::SameAs(_) | Fact::EchoOf(_) => {
                let Some(Held::Value(expected, frame)) = self.held.nearest(bound.source) else { return None };
                (expected != value).then(|| mismatch(Kind::Unbound, expected.clone(), Some(*frame)))
            }
            Fact::Joins(_) => {
                let whole = match std::mem::take(self.held.own(number)) {
                    Held::Joined(whole) => whole,
                    _ => String::new(),
                };
                (value.as_str() != Some(whole.as_str()))
                    .then(|| mismatch(Kind::Relation, Value::String(whole), None))
            }
            Fact::Counts(_) => {
                let count = match std::mem::take(self.held.own(number)) {
                    Held::Counted(count) => count,
                    _ => 0,
                };
                (value.as_u64() != Some(count)).then(|| mismatch(Kind::Relation, Value::from(count), None))
            }
            Fact::Counter => {
                let next = value.as_i64()?;
                let Held::Counter(before) = std::mem::replace(self.held.own(number), Held::Counter(next))
                else {
                    return None;
                };
                let due = before.saturating_add(1);
                // A counter that starts again at its beginning counts a new round.
                let restarts = (0..=1).contains(&next) && before > 1;
                (next != due && !restarts).then(|| mismatch(Kind::Relation, Value::from(due), None))
            }
            Fact::Constant => match self.held.wide(number) {
                Held::Value(first, frame) => {
                    (first != value).then(|| mismatch(Kind::Unbound, first.clone(), Some(*frame)))
                }
                nothing => {
                    nothing.hold(value, self.frame);
                    None
                }
            },
            Fact::Unique => {
                let is_new = self.seen.insert(print(&(number, Print(value))), ()).is_none();
                (!is_new).then(|| mismatch(Kind::Relation, Value::from("a value not used before"), None))
            }
        }
    }
}

impl Held {
    /// Holds a value and its frame; in place, where a text follows a text.
    fn hold(&mut self, value: &Value, frame: usize) {
        match (self, value) {
            (Held::Value(Value::String(own), at), Value::String(text)) => {
                own.clone_from(text);
                *at = frame;
            }
            (held, value) => *held = Held::Value(value.clone(), frame),
        }
    }
}

/// A JSON value as something to hash.
pub(super) struct Print<'v>(pub(super) &'v Value);

impl Hash for Print<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self.0 {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                hasher.write(key.as_bytes());
                Print(value).hash(hasher);
            }),
            Value::Array(items) => items.iter().for_each(|item| Print(item).hash(hasher)),
            Value::String(text) => hasher.write(text.as_bytes()),
            Value::Number(number) => number.hash(hasher),
            Value::Bool(truth) => truth.hash(hasher),
            Value::Null => hasher.write_u8(2),
        }
    }
}
