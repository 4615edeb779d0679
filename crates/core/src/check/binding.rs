//! Relations between values, checked as events arrive.
//!
//! Each fact keeps only the data that it needs: the latest value of its source (per lane if it is in one), the parts
//! concatenated so far, or a count. Memory: the remembered lanes, the text of a `joins` until the whole comes, and 64
//! bits for every value of a `unique` fact.

use crate::dialect::{Event, Label, field, place};
use crate::finding::Kind;
use crate::golden::{Cells, Chain, Fact, Goal, Golden, LaneId, Scoped, Source, Whole, path_keys};
use crate::stats::{FastMap, JsonHash, quick_hash};
use crate::transcript::Side;
use serde_json::Value;

/// One contradiction of a fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BindingViolation {
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
    numbers: FastMap<Label, usize>,
    events: Vec<Bound>,
    sources: Vec<(Source, u32)>,
    /// Facts and sources are numbered together.
    next: u32,
    held: Scoped<Held>,
    /// The values of `unique` facts so far.
    seen: FastMap<u64, ()>,
    /// Streamed parts that may be repeated as a whole.
    wholes: Wholes,
    series: Latest,
    /// Chains that follow any event of a side, one for each series.
    of_any: Vec<(Side, Link)>,
}

/// The maximum of bytes that are concatenated by keys in a session; later parts are not judged.
const MAX_WHOLES: usize = 16 << 20;

/// Texts put together, by fact and key, and how many bytes they had in all.
#[derive(Debug, Default)]
struct Wholes {
    texts: FastMap<(u32, u64), String>,
    bytes: usize,
}

/// A series of a lane: which one, of which value that tells series apart.
type Series = (u64, u64);

/// The latest value of each series in each lane, with its frame.
type Latest = FastMap<Scope, FastMap<Series, (Value, usize)>>;

/// The state of a source or a fact in a session.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// A value, and the frame that brought it.
    Value(Value, usize),
    /// Parts, put together. Two facts may hold the same parts, each from its own beginning.
    Joined(String),
    /// The number of events.
    Counted(u64),
    Counter(i64),
}

/// The facts of an event.
#[derive(Debug, Default)]
struct Bound {
    facts: Vec<BoundFact>,
    /// The chains that follow from the previous event.
    chains: Vec<Link>,
    goals: Vec<BoundGoal>,
    /// Values that other facts refer to.
    remembers: Vec<Remembered>,
    /// Wholes that repeat parts, and the parts of other wholes.
    wholes: Vec<BoundWhole>,
    parts: Vec<Part>,
    /// The facts that count the event, and whether they are in a lane.
    counted_by: Vec<(u32, bool)>,
}

/// A value that the last event of a lane has at its goal.
#[derive(Debug)]
struct BoundGoal {
    path: Path,
    goal: Due,
    fact: Fact,
}

/// A value that is the whole of what came under the same key.
#[derive(Debug)]
struct BoundWhole {
    /// The number of the fact.
    number: u32,
    path: Path,
    key: Path,
    fact: Fact,
}

/// A part of a whole for a fact.
#[derive(Debug)]
struct Part {
    /// The number of the fact.
    number: u32,
    path: Path,
    key: Path,
}

/// The goal of a value.
#[derive(Debug)]
enum Due {
    Total(Path),
    Value(Value),
    Any,
}

#[derive(Debug)]
struct BoundFact {
    number: u32,
    path: Path,
    fact: Fact,
    /// The number of the source that it refers to.
    source: u32,
}

/// A value that follows from one of the event before.
#[derive(Debug, Clone)]
struct Link {
    fact: Fact,
    path: Path,
    /// The path in the previous event.
    from: Path,
    /// None if it only grows.
    plus: Option<i64>,
    per: Option<Path>,
    /// The series; links of the same series share their state.
    series: u64,
    any: bool,
}

#[derive(Debug)]
struct Remembered {
    /// The number of the source.
    number: u32,
    path: Path,
    /// Whether a fact needs the latest value.
    is_compared: bool,
    /// The facts that concatenate it, and whether they are in a lane.
    parts_of: Vec<(u32, bool)>,
}

/// A path in which `*` is every item.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pattern: String,
    /// None for every item of a list.
    keys: Vec<Option<String>>,
}

impl Path {
    pub(super) fn new(pattern: &str) -> Path {
        Path { pattern: pattern.to_owned(), keys: path_keys(pattern).collect() }
    }

    /// Visits all values at the path, in order.
    pub(super) fn visit<'v>(&self, value: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
        fn walk<'v>(value: &'v Value, keys: &[Option<String>], visit: &mut dyn FnMut(&'v Value)) {
            match keys.split_first() {
                None => visit(value),
                Some((None, rest)) => {
                    value.as_array().into_iter().flatten().for_each(|item| walk(item, rest, visit));
                }
                Some((Some(key), rest)) => {
                    if let Some(value) = below(value, key) {
                        walk(value, rest, visit);
                    }
                }
            }
        }
        walk(value, &self.keys, visit);
    }

    /// The first value at the path.
    pub(super) fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        fn walk<'v>(value: &'v Value, keys: &[Option<String>]) -> Option<&'v Value> {
            match (keys.split_first(), value) {
                (None, _) => Some(value),
                (Some((None, rest)), Value::Array(items)) => items.iter().find_map(|item| walk(item, rest)),
                (Some((Some(key), rest)), _) => walk(below(value, key)?, rest),
                (Some(_), _) => None,
            }
        }
        walk(value, &self.keys)
    }

    /// Visits all values at the path, each with the value at the other path in the same items of lists.
    fn visit_beside<'v>(
        &self,
        other: &Path,
        value: &'v Value,
        visit: &mut dyn FnMut(&'v Value, Option<&'v Value>),
    ) {
        let shared = self.keys.iter().zip(&other.keys).take_while(|(own, other)| own == other).count();
        let (around, own) = self.keys.split_at(shared);
        let part = |keys: &[Option<String>]| Path { pattern: String::new(), keys: keys.to_vec() };
        let (own, beside) = (part(own), part(&other.keys[shared..]));
        part(around).visit(value, &mut |item| {
            let key = beside.first(item);
            own.visit(item, &mut |value| visit(value, key));
        });
    }

    /// The last value at the path.
    fn last<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let mut last = None;
        self.visit(value, &mut |value| last = Some(value));
        last
    }
}

/// The value under a key, or at a place of a list.
fn below<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => field(map, key),
        Value::Array(items) => place(items, key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

impl Bindings {
    pub(super) fn new(golden: &Golden) -> Bindings {
        let mut bindings = Bindings::default();
        for (label, event) in &golden.events {
            let in_lane = golden.order.keys_of(label).is_some_and(|keys| !keys.is_empty());
            for (path, rule) in &event.shape {
                for fact in &rule.facts {
                    if let Fact::Reaches(goal) = fact {
                        bindings.bound(label).goals.push(BoundGoal::new(&path.pattern, goal, fact));
                        continue;
                    }
                    if let Some(link) = Link::of(label, &path.pattern, fact) {
                        bindings.share(label.side(), &link);
                        bindings.bound(label).chains.push(link);
                        continue;
                    }
                    let number = bindings.next;
                    bindings.next += 1;
                    if let Fact::Gathers(Whole { of, by, own }) = fact {
                        let part = Part { number, path: Path::new(&of.path), key: Path::new(by) };
                        bindings.bound(&of.label).parts.push(part);
                        let (path, key) = (Path::new(&path.pattern), Path::new(own));
                        let whole = BoundWhole { number, path, key, fact: fact.clone() };
                        bindings.bound(label).wholes.push(whole);
                        continue;
                    }
                    let mut source = 0;
                    match fact {
                        Fact::SameAs(from) | Fact::EchoOf(from) => {
                            let from = bindings.refer(from);
                            from.is_compared = true;
                            source = from.number;
                        }
                        Fact::Joins(from) => bindings.refer(from).parts_of.push((number, in_lane)),
                        Fact::Counts(counted) => bindings.bound(counted).counted_by.push((number, in_lane)),
                        Fact::Counter { .. }
                        | Fact::Constant
                        | Fact::Unique
                        | Fact::Follows(_)
                        | Fact::Grows { .. }
                        | Fact::Reaches(_)
                        | Fact::Gathers(_) => {}
                    }
                    let own =
                        BoundFact { number, path: Path::new(&path.pattern), fact: fact.clone(), source };
                    bindings.bound(label).facts.push(own);
                }
            }
        }
        bindings
    }

    /// Holds an event against what it must follow from, then remembers what the next one of its kind must follow from.
    fn follow(&mut self, number: usize, event: &Event, lane: Scope, out: &mut Vec<BindingViolation>) {
        let Bindings { events, series, .. } = self;
        let links = &events[number].chains;
        for link in links.iter() {
            let (Some(own), Some(key)) = (link.path.first(&event.data), link.key(event)) else { continue };
            let before = series.get(&link.scope(lane)).and_then(|of_lane| of_lane.get(&key));
            let Some((before, frame)) = before else { continue };
            if let Some(expected) = link.expected(before, own) {
                out.push(BindingViolation {
                    kind: Kind::Relation,
                    pattern: link.path.pattern.clone(),
                    fact: link.fact.clone(),
                    expected,
                    actual: own.clone(),
                    source_frame: Some(*frame),
                });
            }
        }
        // The value of every event is stored, because chains of any event follow from it.
        links.iter().filter(|link| !link.any).for_each(|link| link.remember(event, lane, series));
    }

    /// Remembers a link that follows from any event of its side.
    fn share(&mut self, side: Side, link: &Link) {
        let is_known = |(known, own): &(Side, Link)| (*known, own.series) == (side, link.series);
        if link.any && !self.of_any.iter().any(is_known) {
            self.of_any.push((side, link.clone()));
        }
    }

    /// Takes what the next event of any kind follows from, also from an event that the golden does not know, or not with
    /// such a number: a counter over all events counts it, too, so that those after it are not taken for lost ones.
    pub(super) fn pass(&mut self, event: &Event) {
        let Bindings { of_any, series, .. } = self;
        for (_, link) in of_any.iter().filter(|(side, _)| *side == event.label.side()) {
            link.remember(event, None, series);
        }
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

    /// Takes the next event, by its number and its `lane`. Returns the violated facts.
    pub(super) fn feed(&mut self, number: usize, event: &Event, lane: Scope) -> Vec<BindingViolation> {
        let mut out = Vec::new();
        let bound = &self.events[number];
        let mut values = Values { held: self.held.at(lane), seen: &mut self.seen, frame: event.frame };
        for fact in &bound.facts {
            fact.path.visit(&event.data, &mut |value| out.extend(values.against(fact, value)));
        }
        values.remember(&event.data, bound);
        self.wholes.against(bound, event, &mut out);
        self.wholes.take(bound, event);
        self.follow(number, event, lane, &mut out);
        out
    }

    /// Whether an event of this number has a value that reaches a goal at last.
    pub(super) fn has_goals(&self, number: usize) -> bool {
        !self.events[number].goals.is_empty()
    }

    /// The goals that an event does not reach if it is the last one of its lane.
    pub(super) fn short(&self, number: usize, event: &Event) -> Vec<BindingViolation> {
        self.events[number].goals.iter().filter_map(|goal| goal.short(event)).collect()
    }

    /// Whether a number begins anew with this event, where the one before was short of its goal.
    pub(super) fn begins_anew(&self, number: usize, event: &Event, short: &BindingViolation) -> bool {
        let is_same = |goal: &&BoundGoal| goal.fact == short.fact && goal.path.pattern == short.pattern;
        let own = self.events[number].goals.iter().find(is_same).and_then(|goal| goal.path.last(&event.data));
        let (Some(own), Some(before)) = (own.and_then(Value::as_f64), short.actual.as_f64()) else {
            return false;
        };
        short.expected.as_f64().is_some_and(|goal| if before < goal { own < before } else { own > before })
    }

    /// Drops what is known of a lane.
    pub(super) fn forget(&mut self, lane: LaneId) {
        self.held.forget(lane);
        self.series.remove(&Some(lane));
    }

    /// The number of stored values.
    pub(super) fn held(&self) -> usize {
        self.held.held()
            + self.seen.len()
            + self.wholes.texts.len()
            + self.series.values().map(FastMap::len).sum::<usize>()
    }
}

impl Wholes {
    /// Holds what an event says over again against the parts that came.
    fn against(&self, bound: &Bound, event: &Event, out: &mut Vec<BindingViolation>) {
        for BoundWhole { number, path, key, fact } in &bound.wholes {
            path.visit_beside(key, &event.data, &mut |value, key| {
                let came = key.and_then(|key| self.texts.get(&(*number, quick_hash(&JsonHash(key)))));
                let Some(came) = came.filter(|came| value.as_str() != Some(came)) else { return };
                // The shape reports another type.
                if value.is_string() {
                    out.push(BindingViolation {
                        kind: Kind::Relation,
                        pattern: path.pattern.clone(),
                        fact: fact.clone(),
                        expected: Value::from(came.as_str()),
                        actual: value.clone(),
                        source_frame: None,
                    });
                }
            });
        }
    }

    /// Takes the parts that an event brings.
    fn take(&mut self, bound: &Bound, event: &Event) {
        for Part { number, path, key } in &bound.parts {
            let part = path.first(&event.data).and_then(Value::as_str);
            let Some((part, key)) = part.zip(key.first(&event.data)) else { continue };
            let at = (*number, quick_hash(&JsonHash(key)));
            self.bytes += part.len();
            if self.bytes <= MAX_WHOLES {
                self.texts.entry(at).or_default().push_str(part);
            } else {
                // A half of a whole would contradict the other half.
                self.texts.remove(&at);
            }
        }
    }
}

impl BoundGoal {
    fn new(pattern: &str, goal: &Goal, fact: &Fact) -> BoundGoal {
        let goal = match goal {
            Goal::Total(path) => Due::Total(Path::new(path)),
            Goal::Value(json) => Due::Value(serde_json::from_str(json).unwrap_or_default()),
            Goal::Any => Due::Any,
        };
        BoundGoal { path: Path::new(pattern), goal, fact: fact.clone() }
    }

    /// The goal that an event does not reach. Another type is reported by its shape.
    fn short(&self, event: &Event) -> Option<BindingViolation> {
        let own = self.path.last(&event.data).unwrap_or(&Value::Null);
        let expected = match &self.goal {
            Due::Total(path) => path.last(&event.data).filter(|_| own.is_number())?.clone(),
            Due::Value(goal) if goal.is_number() && !own.is_number() => return None,
            Due::Value(goal) => goal.clone(),
            Due::Any if own.is_null() => Value::from("a value"),
            Due::Any => return None,
        };
        let is_reached = match (own.as_f64(), expected.as_f64()) {
            (Some(own), Some(goal)) => own == goal,
            _ => *own == expected,
        };
        (!is_reached).then(|| BindingViolation {
            kind: Kind::Relation,
            pattern: self.path.pattern.clone(),
            fact: self.fact.clone(),
            expected,
            actual: own.clone(),
            source_frame: None,
        })
    }
}

impl Link {
    /// A fact as a link; none for another fact.
    fn of(label: &Label, pattern: &str, fact: &Fact) -> Option<Link> {
        let (from, plus, any, per) = match fact {
            Fact::Follows(Chain { path, plus, any, per }) => (path.as_str(), Some(*plus), *any, per),
            Fact::Grows { per } => (pattern, None, false, per),
            _ => return None,
        };
        // Chains that follow any event are one series for all events.
        let series = if any { quick_hash(&(from, plus, per)) } else { quick_hash(&(label, pattern, fact)) };
        Some(Link {
            fact: fact.clone(),
            path: Path::new(pattern),
            from: Path::new(from),
            plus,
            per: per.as_deref().map(Path::new),
            series,
            any,
        })
    }

    /// The series to which an event belongs; none when it does not say.
    fn key(&self, event: &Event) -> Option<Series> {
        let per = match &self.per {
            Some(per) => quick_hash(&JsonHash(per.first(&event.data)?)),
            None => 0,
        };
        Some((self.series, per))
    }

    /// The scope of the series.
    fn scope(&self, lane: Scope) -> Scope {
        lane.filter(|_| !self.any)
    }

    /// Remembers what the next event of the series follows from.
    fn remember(&self, event: &Event, lane: Scope, series: &mut Latest) {
        let Some((value, key)) = self.from.last(&event.data).zip(self.key(event)) else { return };
        if is_scalar(value) {
            series.entry(self.scope(lane)).or_default().insert(key, (value.clone(), event.frame));
        }
    }

    /// The expected value, if the actual one differs.
    fn expected(&self, before: &Value, own: &Value) -> Option<Value> {
        let Some(plus) = self.plus else {
            let grows = before.as_f64().zip(own.as_f64()).is_none_or(|(before, own)| own > before);
            return (!grows).then(|| Value::from(format!("more than {before}")));
        };
        if plus == 0 {
            return (is_scalar(own) && own != before).then(|| before.clone());
        }
        let (before, next) = (before.as_i64()?, own.as_i64()?);
        let due = before.saturating_add(plus);
        (next != due && !restarts(before, next)).then(|| Value::from(due))
    }
}

/// Whether a counter that starts again at its beginning counts a new round.
fn restarts(before: i64, next: i64) -> bool {
    (0..=1).contains(&next) && before > 1
}

/// Whether facts are about a value: an id, a number. What is null, or a list or an object in its place, is the shape's
/// affair.
fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
}

/// The state of facts in an event's lane and in the session.
struct Values<'b> {
    held: Cells<'b, Held>,
    seen: &'b mut FastMap<u64, ()>,
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
            let Some(value) = path.first(data).filter(|value| is_scalar(value)) else { continue };
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

    /// A part is stored in the lane of the whole if it is in one, and otherwise in the session.
    fn part(&mut self, fact: u32, in_lane: bool) -> &mut Held {
        if in_lane { self.held.own(fact) } else { self.held.wide(fact) }
    }

    fn against(&mut self, bound: &BoundFact, value: &Value) -> Option<BindingViolation> {
        let mismatch = |kind: Kind, expected: Value, source_frame: Option<usize>| BindingViolation {
            kind,
            pattern: bound.path.pattern.clone(),
            fact: bound.fact.clone(),
            expected,
            actual: value.clone(),
            source_frame,
        };
        let number = bound.number;
        // A `unique` whole payload is an object; all other facts are about texts and numbers.
        if !is_scalar(value) && !bound.path.keys.is_empty() {
            return None;
        }
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
            Fact::Counter { from } => {
                let next = value.as_i64()?;
                let due = match std::mem::replace(self.held.own(number), Held::Counter(next)) {
                    Held::Counter(before) if restarts(before, next) => return None,
                    Held::Counter(before) => before.saturating_add(1),
                    _ => (*from)?,
                };
                (next != due).then(|| mismatch(Kind::Relation, Value::from(due), None))
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
                let is_new = self.seen.insert(quick_hash(&(number, JsonHash(value))), ()).is_none();
                (!is_new).then(|| mismatch(Kind::Relation, Value::from("a value not used before"), None))
            }
            Fact::Follows(_) | Fact::Grows { .. } | Fact::Reaches(_) | Fact::Gathers(_) => None,
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
