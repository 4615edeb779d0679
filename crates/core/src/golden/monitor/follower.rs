//! Follows one session through an order.

use super::feed::Step;
use super::plan::{At, Keys, Lookup, Plan};
use super::scope::Scope;
use super::violation::Violation;
use crate::dialect::Label;
use crate::golden::Order;
use crate::golden::lanes::Lane;
use std::sync::Arc;

/// Follows one session through an order.
#[derive(Debug, Clone)]
pub struct Monitor {
    plan: Arc<Plan>,
    scope: Scope,
}

impl Monitor {
    /// At the start of a session.
    pub fn new(order: &Order) -> Monitor {
        let plan = Plan::new(order);
        let scope = plan.scope(None, 0);
        Monitor { plan: Arc::new(plan), scope }
    }

    /// Whether an event may come now without any contradiction.
    pub fn accepts(&self, label: &Label, keys: Keys<'_>) -> bool {
        let accepts = |event: At<'_>| self.scope.accepts(&self.plan, 0, event);
        self.plan.leaf(label).is_some_and(|leaf| leaf.with_named(keys, accepts))
    }

    /// Takes the next event; says what it contradicts.
    pub fn feed(&mut self, label: &Label, keys: Keys<'_>) -> Vec<Violation> {
        self.step(label, keys).violations
    }

    /// Takes the next event; says all that it shows.
    pub(crate) fn step(&mut self, label: &Label, keys: Keys<'_>) -> Step {
        let mut out = Step::default();
        let Monitor { plan, scope } = self;
        match plan.leaf(label) {
            Some(leaf) => leaf.with_named(keys, |event| scope.feed(plan, 0, event, None, &mut out)),
            None => out.violations.push(Violation::unknown(label)),
        }
        out
    }

    /// Whether it matters in which lane an event comes.
    pub(crate) fn has_lanes(&self, label: &Label) -> bool {
        self.plan.leaf(label).is_some_and(|leaf| !leaf.keys.is_empty())
    }

    /// The number of an event that the order has.
    pub(crate) fn number(&self, label: &Label) -> Option<usize> {
        self.plan.numbers.get(label).copied()
    }

    /// Takes the next event, by its number; adds to `out` all that it shows.
    pub(crate) fn take(&mut self, number: usize, keys: Lookup<'_, '_>, out: &mut Step) {
        self.plan.leaves[number].with(keys, |event| self.scope.feed(&self.plan, 0, event, None, out));
    }

    /// How many lanes are held: those in which something may still come, and the latest of the others.
    pub(crate) fn held(&self) -> usize {
        self.scope.held()
    }

    /// Whether the session may end here.
    pub fn is_complete(&self) -> bool {
        self.scope.is_complete(&self.plan, 0)
    }

    /// Everything that must still come.
    pub fn missing(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        if !self.is_complete() {
            self.scope.missing(&self.plan, 0, None, &mut out);
        }
        out
    }

    /// The lanes in which an event stands, outermost first; empty for events outside of all lanes.
    pub fn lanes_of(&self, label: &Label, keys: Keys<'_>) -> Vec<Lane> {
        let lanes = |event: At<'_>| self.lanes_at(event);
        self.plan.leaf(label).map(|leaf| leaf.with_named(keys, lanes)).unwrap_or_default()
    }

    /// The innermost lane in which an event stands, by its number.
    pub(crate) fn lane(&self, number: usize, keys: Lookup<'_, '_>) -> Option<Lane> {
        self.plan.leaves[number].with(keys, |event| self.lanes_at(event)).pop()
    }

    fn lanes_at(&self, event: At<'_>) -> Vec<Lane> {
        let mut lanes = Vec::new();
        self.scope.lanes_of(&self.plan, 0, event, &mut lanes);
        lanes
    }
}
