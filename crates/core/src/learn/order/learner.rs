//! Learns the order of a scope by cutting its traces.

use crate::dialect::Label;
use crate::golden::{Before, Order, Times};
use crate::learn::relations::Relations;
use crate::learn::scopes::{MANY, Scope, Symbol};
use crate::learn::traces::Traces;
use std::collections::{BTreeMap, BTreeSet};

/// The number of observations for an order among floating events.
pub(super) const MIN_FLOAT: u32 = 8;
/// The number of observations for a rule.
pub(super) const MIN_RULE: u32 = 8;

/// Finds the order of each scope, with what was decided for all of them.
pub(super) struct Learner<'s> {
    pub(super) scopes: &'s BTreeMap<String, Scope>,
    /// Pairs, by scope, whose order is a coincidence.
    pub(super) weak: BTreeMap<String, BTreeSet<(u16, u16)>>,
    /// Pairs whose order is intended.
    pub(super) meant: BTreeSet<(Label, Label)>,
    pub(super) rules: Vec<Before>,
    /// Whether what comes again and again is looked for in rounds.
    pub(super) loops: bool,
    /// Whether what takes turns with something is kept beside it.
    pub(super) pairs: bool,
    /// Whether there is anything that does.
    pub(super) met_pairs: bool,
}

impl<'s> Learner<'s> {
    pub(super) fn new(scopes: &'s BTreeMap<String, Scope>) -> Learner<'s> {
        Learner {
            scopes,
            weak: BTreeMap::new(),
            meant: BTreeSet::new(),
            rules: Vec::new(),
            loops: false,
            pairs: false,
            met_pairs: false,
        }
    }

    pub(super) fn whole(&mut self) -> Order {
        self.scope("")
    }

    pub(super) fn scope(&mut self, key: &str) -> Order {
        let Some(scope) = self.scopes.get(key) else { return Order::Seq(vec![]) };
        self.cut(key, &scope.traces.clone(), 1)
    }

    pub(super) fn leaf(&mut self, key: &str, symbol: u16, traces: &Traces) -> Order {
        let scope = &self.scopes[key];
        match scope.symbols[usize::from(symbol)].clone() {
            Symbol::Event(label) => {
                let most = traces
                    .keys()
                    .map(|trace| trace.iter().filter(|s| **s == symbol).count())
                    .max()
                    .unwrap_or(1);
                let event = Order::Event(label);
                if most > 1 { Order::Repeat(Box::new(event), Times::SOME) } else { event }
            }
            Symbol::Lane(lane) => {
                let several = scope.lanes.get(&symbol).is_some_and(|most| *most > 1);
                let body = Box::new(self.scope(&lane));
                let each = Order::Each { key: lane, body };
                if several { Order::Repeat(Box::new(each), Times::SOME) } else { each }
            }
        }
    }

    pub(super) fn is_lane(&self, key: &str, symbol: u16) -> bool {
        matches!(self.scopes[key].symbols[usize::from(symbol)], Symbol::Lane(_))
    }

    pub(super) fn is_client(&self, key: &str, symbol: u16) -> bool {
        matches!(&self.scopes[key].symbols[usize::from(symbol)], Symbol::Event(label) if label.is_client())
    }

    /// Whether one event is called the answer to another: `re:ask` and `re:ask:error` to `>ask`.
    pub(super) fn answers(&self, key: &str, answer: u16, request: u16) -> bool {
        let symbols = &self.scopes[key].symbols;
        match (&symbols[usize::from(answer)], &symbols[usize::from(request)]) {
            (Symbol::Event(answer), Symbol::Event(request)) if answer.side() != request.side() => {
                let asked = answer.name().strip_prefix("re:");
                asked.is_some_and(|name| name.strip_suffix(":error").unwrap_or(name) == request.name())
            }
            _ => false,
        }
    }

    /// Whether the order of two events is intended.
    pub(super) fn is_meant(&self, key: &str, a: u16, b: u16) -> bool {
        let symbols = &self.scopes[key].symbols;
        match (&symbols[usize::from(a)], &symbols[usize::from(b)]) {
            (Symbol::Event(a), Symbol::Event(b)) => self.meant.contains(&(a.clone(), b.clone())),
            _ => false,
        }
    }

    /// Whether it never comes twice in one instance.
    pub(super) fn comes_once(&self, key: &str, symbol: u16) -> bool {
        self.scopes[key].spans.iter().all(|span| span.times.get(&symbol).is_none_or(|times| *times < 2))
    }

    pub(super) fn relations(&self, key: &str, traces: &Traces) -> Relations {
        Relations::without(traces, self.weak.get(key))
    }

    pub(super) fn cut(&mut self, key: &str, traces: &Traces, min_n: u32) -> Order {
        let mut traces = traces.clone();
        if traces.remove(&Vec::new()).is_some() {
            if traces.is_empty() {
                return Order::Seq(vec![]);
            }
            return Order::Repeat(Box::new(self.cut(key, &traces, min_n)), Times::OPTIONAL);
        }
        let relations = self.relations(key, &traces);
        if let [symbol] = relations.symbols[..] {
            return self.leaf(key, symbol, &traces);
        }
        if relations.symbols.len() > MANY {
            // Searching floats and loops among so many events takes too long.
            return self
                .sequence(key, &traces, &relations, min_n)
                .unwrap_or_else(|| self.flat(key, &traces, &relations));
        }
        self.exclusive(key, &traces, &relations, min_n)
            .or_else(|| self.floating(key, &traces, &relations, min_n))
            .or_else(|| self.sequence(key, &traces, &relations, min_n))
            .or_else(|| self.repeated(key, &traces, &relations, min_n))
            .or_else(|| self.parallel(key, &traces, &relations, min_n))
            .or_else(|| self.in_levels(key, &traces, &relations, min_n))
            .unwrap_or_else(|| self.flat(key, &traces, &relations))
    }
}
