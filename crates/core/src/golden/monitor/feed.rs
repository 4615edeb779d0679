//! What the next event does: whether it may come, and how the order moves on.

use super::plan::{At, Kind, Plan, Within};
use super::scope::{Lanes, Scope, Slot};
use super::violation::{Violation, What};
use crate::dialect::Label;
use crate::golden::lanes::{Lane, LaneId};

/// What a step through the order shows.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// What the event contradicts.
    pub(crate) violations: Vec<Violation>,
    /// The lanes in which it stands, outermost first.
    pub(crate) lanes: Vec<LaneId>,
    /// Lanes that are not known any more.
    pub(crate) forgotten: Vec<LaneId>,
    /// The how-many-eth it is of its name in its lane and its round; 0 for one that has no place.
    pub(crate) nth: u32,
}

impl Scope {
    pub(super) fn accepts(&self, plan: &Plan, node: usize, event: At<'_>) -> bool {
        let it = &plan.nodes[node];
        if let Slot::Leaf { count } = self.slot(node) {
            return it.times.allows_after(*count);
        }
        let (index, child) = plan.toward(node, event.leaf);
        match self.slot(node) {
            Slot::Leaf { .. } => false,
            Slot::Seq { at } => {
                index >= *at
                    && it.children[*at..index].iter().all(|id| self.is_complete(plan, *id))
                    && self.accepts(plan, child, event)
            }
            Slot::All => self.accepts(plan, child, event),
            Slot::One { chosen } => {
                chosen.is_none_or(|chosen| chosen == index) && self.accepts(plan, child, event)
            }
            Slot::Loop { rounds } => {
                self.accepts(plan, child, event)
                    || (it.times.allows_after(*rounds)
                        && self.is_complete(plan, child)
                        && plan.starts(child, event.leaf))
            }
            Slot::Each(lanes) => {
                let value = self.route(plan, node, event).unwrap_or_default();
                let new = it.times.allows_after(lanes.opened) && plan.starts(child, event.leaf);
                match lanes.get(value) {
                    Some(lane) => lane.accepts(plan, child, event) || (new && lane.is_complete(plan, child)),
                    None => new,
                }
            }
        }
    }

    /// Everything below `node` that must have come and did not.
    pub(super) fn missing(&self, plan: &Plan, node: usize, lane: Within<'_>, out: &mut Vec<Violation>) {
        let it = &plan.nodes[node];
        let mut miss = |label: Option<&Label>, lane: Within<'_>| {
            if let Some(label) = label {
                out.push(Violation { what: What::Missing, label: label.clone(), lane: named(lane) });
            }
        };
        match self.slot(node) {
            Slot::Leaf { count } => {
                if *count < it.times.min {
                    miss(plan.first_required(node), lane);
                }
            }
            Slot::Seq { at } => {
                for child in &it.children[*at..] {
                    if !self.is_complete(plan, *child) {
                        self.missing(plan, *child, lane, out);
                    }
                }
            }
            Slot::All => it.children.iter().for_each(|child| self.missing(plan, *child, lane, out)),
            Slot::One { chosen: Some(index) } => self.missing(plan, it.children[*index], lane, out),
            Slot::One { chosen: None } => {
                if !it.optional {
                    miss(plan.first_required(node), lane);
                }
            }
            Slot::Loop { rounds } => {
                if (*rounds > 0 || !it.optional) && !self.is_complete(plan, it.children[0]) {
                    self.missing(plan, it.children[0], lane, out);
                } else if *rounds > 0 && *rounds < it.times.min {
                    miss(plan.first_required(it.children[0]), lane);
                }
            }
            Slot::Each(lanes) => {
                if lanes.opened < it.times.min && !it.optional {
                    miss(plan.first_required(it.children[0]), lane);
                }
                let Kind::Each { key, .. } = &it.kind else { return };
                for (value, scope) in &lanes.open {
                    scope.missing(plan, it.children[0], Some((key, value)), out);
                }
            }
        }
    }

    pub(super) fn feed(&mut self, plan: &Plan, node: usize, event: At<'_>, lane: Within<'_>, out: &mut Step) {
        let it = &plan.nodes[node];
        let leaf = event.leaf;
        let last = self.last;
        let passed_by = || last.map(|last| plan.label(last));
        let violation = |what: What| Violation { what, label: plan.label(leaf), lane: named(lane) };
        if let Slot::Leaf { count } = self.slot_mut(node) {
            *count += 1;
            out.nth = *count;
            if it.times.max.is_some_and(|max| *count > max) {
                out.violations.push(violation(What::Repeated));
            }
            self.last = Some(leaf);
            return;
        }
        let (index, child) = plan.toward(node, leaf);
        match *self.slot(node) {
            Slot::Leaf { .. } => {}
            Slot::Seq { at } => {
                if index < at {
                    // The order has moved on. What the event finds at home decides what is wrong with it.
                    let mut inner = Step::default();
                    self.feed(plan, child, event, lane, &mut inner);
                    self.last = last;
                    out.lanes.append(&mut inner.lanes);
                    out.forgotten.append(&mut inner.forgotten);
                    let found = inner.violations.iter().find_map(|v| v.lane.clone());
                    let lane = found.or_else(|| {
                        let mut lanes: Vec<Lane> = named(lane).into_iter().collect();
                        self.lanes_of(plan, child, event, &mut lanes);
                        lanes.pop()
                    });
                    let what = if inner.violations.iter().any(|v| v.what == What::Repeated) {
                        What::Repeated
                    } else {
                        What::Late { passed_by: passed_by() }
                    };
                    out.violations.push(Violation { what, label: plan.label(leaf), lane });
                    return;
                }
                for passed in &it.children[at..index] {
                    self.missing(plan, *passed, lane, &mut out.violations);
                }
                *self.slot_mut(node) = Slot::Seq { at: index };
                self.feed(plan, child, event, lane, out);
            }
            Slot::All => self.feed(plan, child, event, lane, out),
            Slot::One { chosen } => {
                if chosen.is_some_and(|chosen| chosen != index) {
                    out.violations.push(violation(What::Exclusive { chosen: passed_by() }));
                    let mut inner = Step::default();
                    self.feed(plan, child, event, lane, &mut inner);
                    out.lanes.append(&mut inner.lanes);
                    out.forgotten.append(&mut inner.forgotten);
                } else {
                    *self.slot_mut(node) = Slot::One { chosen: Some(index) };
                    self.feed(plan, child, event, lane, out);
                }
            }
            Slot::Loop { rounds } => {
                let again = rounds > 0
                    && plan.starts(child, leaf)
                    && !self.accepts(plan, child, event)
                    && self.is_touched(plan, child);
                if rounds == 0 {
                    *self.slot_mut(node) = Slot::Loop { rounds: 1 };
                } else if again {
                    self.missing(plan, child, lane, &mut out.violations);
                    if !it.times.allows_after(rounds) {
                        out.violations.push(violation(What::Repeated));
                    }
                    self.reset(plan, child, &mut out.forgotten);
                    *self.slot_mut(node) = Slot::Loop { rounds: rounds + 1 };
                }
                self.feed(plan, child, event, lane, out);
            }
            Slot::Each(_) => self.feed_lane(plan, node, event, lane, out),
        }
    }

    /// The lanes in which an event stands below `node`, outermost first.
    pub(super) fn lanes_of(&self, plan: &Plan, node: usize, event: At<'_>, out: &mut Vec<Lane>) {
        if node == event.leaf {
            return;
        }
        let (_, child) = plan.toward(node, event.leaf);
        match (&plan.nodes[node].kind, self.slot(node)) {
            (Kind::Each { key, .. }, Slot::Each(lanes)) => {
                let Some(value) = self.route(plan, node, event) else { return };
                out.push((key.clone(), value.to_owned()));
                if let Some(lane) = lanes.get(value) {
                    lane.lanes_of(plan, child, event, out);
                }
            }
            _ => self.lanes_of(plan, child, event, out),
        }
    }

    fn feed_lane(&mut self, plan: &Plan, node: usize, event: At<'_>, lane: Within<'_>, out: &mut Step) {
        let it = &plan.nodes[node];
        let leaf = event.leaf;
        let Kind::Each { key, depth } = &it.kind else { return };
        // An event that names no lane, and finds none, opens one without a name.
        let routed = match event.value(*depth) {
            Some(_) => None,
            None => Some(self.route(plan, node, event).unwrap_or_default().to_owned()),
        };
        let value = routed.as_deref().or(event.value(*depth)).unwrap_or_default();
        let body = it.children[0];
        let last = self.last.replace(leaf);
        let Slot::Each(lanes) = self.slot_mut(node) else { return };
        let own = Some((key.as_str(), value));
        if lanes.latest.as_deref() != Some(value) {
            lanes.latest = Some(value.to_owned());
        }
        // A lane in which something must come stays where it is; it cannot be opened again before it has come.
        if let Some(scope) = lanes.open.get_mut(value) {
            out.lanes.extend(scope.lane);
            scope.feed(plan, body, event, own, out);
            if scope.is_complete(plan, body) {
                if let Some((value, scope)) = lanes.open.remove_entry(value) {
                    lanes.settle(plan, node, value, scope, out);
                }
            }
            return;
        }
        let id = LaneId::new(key, value);
        out.lanes.push(id);
        let opened = lanes.opened;
        let reopens = |scope: &Scope| {
            // A lane that is merely repeated at once was not opened again: that is a duplicate.
            scope.last != Some(leaf)
                && plan.starts(body, leaf)
                && it.times.allows_after(opened)
                && !scope.accepts(plan, body, event)
        };
        let mut scope = match lanes.remove(value) {
            Some(scope) if !reopens(&scope) => scope,
            before => {
                if let Some(before) = before {
                    before.forget(plan, &mut out.forgotten);
                }
                // A key that is used again in a later round opens a lane of that round; what cannot open one is late.
                if lanes.retired.get(value).is_some() && !plan.starts(body, leaf) {
                    let what = What::Late { passed_by: last.map(|last| plan.label(last)) };
                    out.violations.push(Violation { what, label: plan.label(leaf), lane: named(own) });
                    return;
                }
                if !it.times.allows_after(lanes.opened) {
                    out.violations.push(Violation {
                        what: What::Repeated,
                        label: plan.label(leaf),
                        lane: named(lane),
                    });
                }
                lanes.opened += 1;
                plan.scope(Some(id), body)
            }
        };
        scope.feed(plan, body, event, own, out);
        if scope.is_complete(plan, body) {
            lanes.settle(plan, node, value.to_owned(), scope, out);
        } else {
            lanes.open.insert(value.to_owned(), scope);
        }
    }
}

impl Lanes {
    /// Keeps a lane that is complete.
    fn settle(&mut self, plan: &Plan, node: usize, value: String, scope: Scope, out: &mut Step) {
        let it = &plan.nodes[node];
        let Kind::Each { key, .. } = &it.kind else { return };
        if scope.may_go_on(plan, it.children[0]) {
            self.idle.insert(value, scope);
            return;
        }
        let weight = 1 + scope.held();
        for (value, scope) in self.finished.insert(value, scope, weight) {
            out.forgotten.push(LaneId::new(key, &value));
            scope.forget(plan, &mut out.forgotten);
        }
    }
}

fn named(lane: Within<'_>) -> Option<Lane> {
    lane.map(|(key, value)| (key.to_owned(), value.to_owned()))
}
