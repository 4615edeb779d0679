//! Values that are bound to other values, checked as events arrive.
//!
//! For every fact only what it needs is kept: the latest value of its source, for each lane where it stands in one;
//! the parts put together so far; a count. Memory: the open lanes, and the values of `unique` facts.

use crate::dialect::{Event, Label};
use crate::finding::Kind;
use crate::golden::{Fact, Golden, Lane, Source};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

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

type Scope = Option<Lane>;
/// An event and a path whose value has a fact.
type Holder = (Label, String);

#[derive(Debug, Default)]
pub(super) struct Bindings {
    facts: HashMap<Label, Vec<(String, Fact)>>,
    /// For every label the paths that other facts refer to.
    sources: HashMap<Label, Vec<String>>,
    latest: HashMap<(Source, Scope), (Value, usize)>,
    /// Put together for each value that holds them; two values may hold the same parts, each from its own beginning.
    joined: HashMap<(Holder, Source, Scope), String>,
    counted: HashMap<(Holder, Label, Scope), u64>,
    counters: HashMap<(Label, String, Scope), i64>,
    constants: HashMap<(Label, String), (Value, usize)>,
    seen: HashSet<(Label, String, String)>,
    joins: HashMap<Source, Vec<Holder>>,
    counts: HashMap<Label, Vec<Holder>>,
}

impl Bindings {
    pub(super) fn new(golden: &Golden) -> Bindings {
        let mut bindings = Bindings::default();
        for (label, event) in &golden.events {
            for (path, rule) in &event.shape {
                for fact in &rule.facts {
                    let holder = (label.clone(), path.pattern.clone());
                    match fact {
                        Fact::SameAs(source) | Fact::EchoOf(source) => bindings.refer(source),
                        Fact::Joins(source) => {
                            bindings.refer(source);
                            bindings.joins.entry(source.clone()).or_default().push(holder);
                        }
                        Fact::Counts(counted) => {
                            bindings.counts.entry(counted.clone()).or_default().push(holder);
                        }
                        Fact::Counter | Fact::Constant | Fact::Unique => {}
                    }
                    let own = (path.pattern.clone(), fact.clone());
                    bindings.facts.entry(label.clone()).or_default().push(own);
                }
            }
        }
        bindings
    }

    fn refer(&mut self, source: &Source) {
        let paths = self.sources.entry(source.label.clone()).or_default();
        if !paths.contains(&source.path) {
            paths.push(source.path.clone());
        }
    }

    /// Takes the next event, which stands in `lane`; says which facts it contradicts.
    pub(super) fn feed(&mut self, event: &Event, lane: &Scope) -> Vec<Mismatch> {
        let mut out = Vec::new();
        let facts = self.facts.get(&event.label).cloned().unwrap_or_default();
        for (pattern, fact) in facts {
            for value in values_at(&event.data, &pattern) {
                if let Some(mismatch) = self.against(event, lane, &pattern, &fact, value) {
                    out.push(mismatch);
                }
            }
        }
        self.remember(event, lane);
        out
    }

    fn remember(&mut self, event: &Event, lane: &Scope) {
        for holder in self.counts.get(&event.label).into_iter().flatten() {
            for scope in scopes(lane) {
                *self.counted.entry((holder.clone(), event.label.clone(), scope)).or_default() += 1;
            }
        }
        for path in self.sources.get(&event.label).cloned().unwrap_or_default() {
            let Some(value) = values_at(&event.data, &path).into_iter().next() else { continue };
            let source = Source { label: event.label.clone(), path };
            for scope in scopes(lane) {
                let holders = self.joins.get(&source).into_iter().flatten();
                for holder in holders.filter(|_| value.is_string()) {
                    let whole =
                        self.joined.entry((holder.clone(), source.clone(), scope.clone())).or_default();
                    whole.push_str(value.as_str().unwrap_or_default());
                }
                self.latest.insert((source.clone(), scope), (value.clone(), event.frame));
            }
        }
    }

    fn against(
        &mut self,
        event: &Event,
        lane: &Scope,
        pattern: &str,
        fact: &Fact,
        value: &Value,
    ) -> Option<Mismatch> {
        let mismatch = |kind: Kind, expected: Value, source_frame: Option<usize>| Mismatch {
            kind,
            pattern: pattern.to_owned(),
            fact: fact.clone(),
            expected,
            actual: value.clone(),
            source_frame,
        };
        let own = || (event.label.clone(), pattern.to_owned());
        match fact {
            Fact::SameAs(source) | Fact::EchoOf(source) => {
                let in_lane = self.latest.get(&(source.clone(), lane.clone()));
                let (expected, frame) = in_lane.or_else(|| self.latest.get(&(source.clone(), None)))?;
                (expected != value).then(|| mismatch(Kind::Unbound, expected.clone(), Some(*frame)))
            }
            Fact::Joins(source) => {
                let key = (own(), source.clone(), lane.clone());
                let whole = self.joined.remove(&key).unwrap_or_default();
                (value.as_str() != Some(whole.as_str()))
                    .then(|| mismatch(Kind::Relation, Value::String(whole), None))
            }
            Fact::Counts(label) => {
                let count = self.counted.remove(&(own(), label.clone(), lane.clone())).unwrap_or(0);
                (value.as_u64() != Some(count)).then(|| mismatch(Kind::Relation, Value::from(count), None))
            }
            Fact::Counter => {
                let number = value.as_i64()?;
                let (label, path) = own();
                let before = self.counters.insert((label, path, lane.clone()), number)?;
                let is_next = number == before + 1;
                // A counter that starts again at its beginning counts a new round.
                let restarts = (0..=1).contains(&number) && before > 1;
                (!is_next && !restarts).then(|| mismatch(Kind::Relation, Value::from(before + 1), None))
            }
            Fact::Constant => match self.constants.get(&own()) {
                Some((first, frame)) if first != value => {
                    Some(mismatch(Kind::Unbound, first.clone(), Some(*frame)))
                }
                Some(_) => None,
                None => {
                    self.constants.insert(own(), (value.clone(), event.frame));
                    None
                }
            },
            Fact::Unique => {
                let (label, path) = own();
                let is_new = self.seen.insert((label, path, value.to_string()));
                (!is_new).then(|| mismatch(Kind::Relation, Value::from("a value not used before"), None))
            }
        }
    }
}

/// The lane's own scope and the session's.
fn scopes(lane: &Scope) -> impl Iterator<Item = Scope> {
    std::iter::once(None).chain(lane.clone().map(Some))
}

/// All values at a path in which `*` stands for every item.
fn values_at<'v>(value: &'v Value, pattern: &str) -> Vec<&'v Value> {
    let mut found = vec![value];
    for key in pattern.split('/').skip(1) {
        if key == "*" {
            found = found.into_iter().filter_map(Value::as_array).flatten().collect();
        } else {
            let key = key.replace("~1", "/").replace("~0", "~");
            found = found.into_iter().filter_map(|value| value.get(&key)).collect();
        }
    }
    found
}
