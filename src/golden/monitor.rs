//! The order, checked as events arrive: one deterministic automaton, no search.
//!
//! Every event has one place in an order, so an event that arrives leads down one path of the tree, and each node on
//! the path says whether it may come now. A violation never stops the automaton: it moves on to where the event
//! belongs, so that what follows is judged as if the fault had not been. Cost: the depth of the order for an event;
//! memory: the open lanes.

use super::{Order, Times};
use crate::dialect::Label;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A lane: the key's name and its value.
pub type Lane = (String, String);

/// One contradiction of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What sort.
    pub what: What,
    /// The event it is about.
    pub label: Label,
    /// The lane it stands in.
    pub lane: Option<Lane>,
}

/// The sort of a contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It should have come before the event that just came, or before the end.
    Missing,
    /// It came although the order had moved on with `passed_by`.
    Late {
        /// The event that came before it and should not have.
        passed_by: Option<Label>,
    },
    /// It came more often than it may.
    Repeated,
    /// It belongs to another alternative than the one that has begun.
    Exclusive {
        /// An event of the alternative that has begun.
        chosen: Option<Label>,
    },
    /// The order does not have it.
    Unknown,
}

/// The values of an event's lane keys, by key.
pub type Keys<'k> = &'k dyn Fn(&str) -> Option<String>;

#[derive(Debug)]
struct Node {
    kind: Kind,
    children: Vec<usize>,
    /// Nodes are numbered in reading order: a node's subtree is `own number..end`.
    end: usize,
    times: Times,
    optional: bool,
}

#[derive(Debug)]
enum Kind {
    Leaf(Label),
    Seq,
    All,
    One,
    Loop,
    Each(String),
}

#[derive(Debug)]
struct Plan {
    nodes: Vec<Node>,
    leaves: HashMap<Label, usize>,
}

/// Where one scope, the session or a lane, has got to.
#[derive(Debug, Clone)]
struct Scope {
    base: usize,
    slots: Vec<Slot>,
    last: Option<usize>,
}

#[derive(Debug, Clone)]
enum Slot {
    Leaf { count: u32 },
    Seq { at: usize },
    All,
    One { chosen: Option<usize> },
    Loop { rounds: u32 },
    Each(Box<Lanes>),
}

/// The lanes of one `each`.
#[derive(Debug, Clone, Default)]
struct Lanes {
    opened: u32,
    /// Lanes in which something must still come.
    open: BTreeMap<String, Scope>,
    /// Lanes that may end as they are; they are not looked at again unless something comes for them.
    settled: HashMap<String, Scope>,
    /// Lanes of earlier rounds of a loop.
    retired: Vec<String>,
    latest: Option<String>,
}

impl Lanes {
    fn get(&self, value: &str) -> Option<&Scope> {
        self.open.get(value).or_else(|| self.settled.get(value))
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Scope)> {
        self.open.iter().chain(&self.settled)
    }
}

/// Follows one session through an order.
#[derive(Debug, Clone)]
pub struct Monitor {
    plan: Arc<Plan>,
    scope: Scope,
}

/// Lanes of earlier rounds whose latecomers are still recognised.
const RETIRED: usize = 256;

impl Plan {
    fn new(order: &Order) -> Plan {
        let mut plan = Plan { nodes: Vec::new(), leaves: HashMap::new() };
        plan.add(order, Times::ONCE);
        plan
    }

    fn add(&mut self, order: &Order, times: Times) -> usize {
        let id = self.nodes.len();
        let optional = times.min == 0 || order.is_optional();
        let (kind, parts): (Kind, &[Order]) = match order {
            Order::Event(label) => {
                self.leaves.insert(label.clone(), id);
                (Kind::Leaf(label.clone()), &[])
            }
            Order::Seq(parts) => (Kind::Seq, parts),
            Order::All(parts) => (Kind::All, parts),
            Order::One(parts) => (Kind::One, parts),
            Order::Each { key, body } => (Kind::Each(key.clone()), std::slice::from_ref(body)),
            Order::Repeat(body, times) => match **body {
                Order::Event(_) | Order::Each { .. } => return self.add(body, *times),
                _ => {
                    self.nodes.push(Node {
                        kind: Kind::Loop,
                        children: vec![],
                        end: 0,
                        times: *times,
                        optional,
                    });
                    let child = self.add(body, Times::ONCE);
                    self.nodes[id].children.push(child);
                    self.nodes[id].end = self.nodes.len();
                    return id;
                }
            },
        };
        self.nodes.push(Node { kind, children: vec![], end: 0, times, optional });
        for part in parts {
            let child = self.add(part, Times::ONCE);
            self.nodes[id].children.push(child);
        }
        self.nodes[id].end = self.nodes.len();
        id
    }

    fn scope(&self, base: usize) -> Scope {
        let slots = (base..self.nodes[base].end).map(|id| self.slot(id)).collect();
        Scope { base, slots, last: None }
    }

    fn slot(&self, id: usize) -> Slot {
        match self.nodes[id].kind {
            Kind::Leaf(_) => Slot::Leaf { count: 0 },
            Kind::Seq => Slot::Seq { at: 0 },
            Kind::All => Slot::All,
            Kind::One => Slot::One { chosen: None },
            Kind::Loop => Slot::Loop { rounds: 0 },
            Kind::Each(_) => Slot::Each(Box::default()),
        }
    }

    /// Which child of `node` holds `leaf`.
    fn toward(&self, node: usize, leaf: usize) -> (usize, usize) {
        let children = &self.nodes[node].children;
        let index = children.partition_point(|child| *child <= leaf) - 1;
        (index, children[index])
    }

    /// Whether `leaf` may be the first event of `node`.
    fn starts(&self, node: usize, leaf: usize) -> bool {
        if node == leaf {
            return self.nodes[node].times.allows_after(0);
        }
        let (index, child) = self.toward(node, leaf);
        match self.nodes[node].kind {
            Kind::Seq => {
                self.nodes[node].children[..index].iter().all(|id| self.nodes[*id].optional)
                    && self.starts(child, leaf)
            }
            Kind::Leaf(_) | Kind::All | Kind::One | Kind::Loop | Kind::Each(_) => self.starts(child, leaf),
        }
    }

    /// The first event of `node` that must come.
    fn first_required(&self, node: usize) -> Option<&Label> {
        match &self.nodes[node].kind {
            Kind::Leaf(label) => Some(label),
            Kind::Seq => {
                let children = &self.nodes[node].children;
                let first = children.iter().find(|id| !self.nodes[**id].optional).or(children.first());
                first.and_then(|id| self.first_required(*id))
            }
            Kind::All | Kind::One | Kind::Loop | Kind::Each(_) => {
                let children = &self.nodes[node].children;
                let first = children.iter().find(|id| !self.nodes[**id].optional).or(children.first());
                first.and_then(|id| self.first_required(*id))
            }
        }
    }

    fn label(&self, leaf: usize) -> Label {
        match &self.nodes[leaf].kind {
            Kind::Leaf(label) => label.clone(),
            Kind::Seq | Kind::All | Kind::One | Kind::Loop | Kind::Each(_) => Label::from(""),
        }
    }
}

impl Scope {
    fn slot(&self, id: usize) -> &Slot {
        &self.slots[id - self.base]
    }

    fn slot_mut(&mut self, id: usize) -> &mut Slot {
        &mut self.slots[id - self.base]
    }

    fn reset(&mut self, plan: &Plan, node: usize) {
        for id in node..plan.nodes[node].end {
            let fresh = plan.slot(id);
            let slot = self.slot_mut(id);
            let old = std::mem::replace(slot, fresh);
            if let (Slot::Each(lanes), Slot::Each(before)) = (slot, old) {
                let Lanes { open, settled, retired, .. } = *before;
                lanes.retired = retired;
                lanes.retired.extend(open.into_keys().chain(settled.into_keys()));
                let excess = lanes.retired.len().saturating_sub(RETIRED);
                lanes.retired.drain(..excess);
            }
        }
    }

    fn is_touched(&self, plan: &Plan, node: usize) -> bool {
        (node..plan.nodes[node].end).any(|id| match self.slot(id) {
            Slot::Leaf { count } => *count > 0,
            Slot::Each(lanes) => lanes.opened > 0,
            Slot::Loop { rounds } => *rounds > 0,
            Slot::Seq { .. } | Slot::All | Slot::One { .. } => false,
        })
    }

    fn is_complete(&self, plan: &Plan, node: usize) -> bool {
        let it = &plan.nodes[node];
        match self.slot(node) {
            Slot::Leaf { count } => *count >= it.times.min,
            Slot::Seq { at } => it.children[*at..].iter().all(|child| self.is_complete(plan, *child)),
            Slot::All => it.children.iter().all(|child| self.is_complete(plan, *child)),
            Slot::One { chosen: Some(index) } => self.is_complete(plan, it.children[*index]),
            Slot::One { chosen: None } => it.optional,
            Slot::Loop { rounds: 0 } => it.optional,
            Slot::Loop { rounds } => *rounds >= it.times.min && self.is_complete(plan, it.children[0]),
            Slot::Each(lanes) => {
                (lanes.opened >= it.times.min || it.optional)
                    && lanes.open.values().all(|lane| lane.is_complete(plan, it.children[0]))
            }
        }
    }

    /// Which lane of an `each` an event belongs to: by the key's value, or, where the event does not carry it, by a
    /// lane within that the event does name, or the one that was opened last.
    fn route(&self, plan: &Plan, node: usize, leaf: usize, keys: Keys<'_>) -> Option<String> {
        let (Kind::Each(key), Slot::Each(lanes)) = (&plan.nodes[node].kind, self.slot(node)) else {
            return None;
        };
        if let Some(value) = keys(key) {
            return Some(value);
        }
        let body = plan.nodes[node].children[0];
        let holder = lanes.all().find(|(_, lane)| lane.holds(plan, body, leaf, keys));
        holder.map(|(value, _)| value.clone()).or_else(|| lanes.latest.clone())
    }

    /// Whether the lane that an event names is open somewhere below `node`.
    fn holds(&self, plan: &Plan, node: usize, leaf: usize, keys: Keys<'_>) -> bool {
        if node == leaf {
            return false;
        }
        let (_, child) = plan.toward(node, leaf);
        if let (Kind::Each(key), Slot::Each(lanes)) = (&plan.nodes[node].kind, self.slot(node)) {
            return match keys(key) {
                Some(value) => lanes.get(&value).is_some(),
                None => lanes.all().any(|(_, lane)| lane.holds(plan, child, leaf, keys)),
            };
        }
        self.holds(plan, child, leaf, keys)
    }

    fn accepts(&self, plan: &Plan, node: usize, leaf: usize, keys: Keys<'_>) -> bool {
        let it = &plan.nodes[node];
        if let Slot::Leaf { count } = self.slot(node) {
            return it.times.allows_after(*count);
        }
        let (index, child) = plan.toward(node, leaf);
        match self.slot(node) {
            Slot::Leaf { .. } => false,
            Slot::Seq { at } => {
                index >= *at
                    && it.children[*at..index].iter().all(|id| self.is_complete(plan, *id))
                    && self.accepts(plan, child, leaf, keys)
            }
            Slot::All => self.accepts(plan, child, leaf, keys),
            Slot::One { chosen } => {
                chosen.is_none_or(|chosen| chosen == index) && self.accepts(plan, child, leaf, keys)
            }
            Slot::Loop { rounds } => {
                self.accepts(plan, child, leaf, keys)
                    || (it.times.allows_after(*rounds)
                        && self.is_complete(plan, child)
                        && plan.starts(child, leaf))
            }
            Slot::Each(lanes) => {
                let value = self.route(plan, node, leaf, keys).unwrap_or_default();
                let new = it.times.allows_after(lanes.opened) && plan.starts(child, leaf);
                match lanes.get(&value) {
                    Some(lane) => {
                        lane.accepts(plan, child, leaf, keys) || (new && lane.is_complete(plan, child))
                    }
                    None => new,
                }
            }
        }
    }

    /// Everything below `node` that must have come and did not.
    fn missing(&self, plan: &Plan, node: usize, lane: Option<&Lane>, out: &mut Vec<Violation>) {
        let it = &plan.nodes[node];
        let mut miss = |label: Option<&Label>, lane: Option<&Lane>| {
            if let Some(label) = label {
                out.push(Violation { what: What::Missing, label: label.clone(), lane: lane.cloned() });
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
                let Kind::Each(key) = &it.kind else { return };
                for (value, scope) in &lanes.open {
                    scope.missing(plan, it.children[0], Some(&(key.clone(), value.clone())), out);
                }
            }
        }
    }

    fn feed(
        &mut self,
        plan: &Plan,
        node: usize,
        leaf: usize,
        keys: Keys<'_>,
        lane: Option<&Lane>,
        out: &mut Vec<Violation>,
    ) {
        let it = &plan.nodes[node];
        let last = self.last.map(|last| plan.label(last));
        let violation = |what: What| Violation { what, label: plan.label(leaf), lane: lane.cloned() };
        if let Slot::Leaf { count } = self.slot_mut(node) {
            *count += 1;
            if it.times.max.is_some_and(|max| *count > max) {
                out.push(violation(What::Repeated));
            }
            self.last = Some(leaf);
            return;
        }
        if let Slot::Each(_) = self.slot(node) {
            return self.feed_lane(plan, node, leaf, keys, lane, out);
        }
        let (index, child) = plan.toward(node, leaf);
        match self.slot(node).clone() {
            Slot::Leaf { .. } => {}
            Slot::Seq { at } => {
                if index < at {
                    // The order has moved on. What the event finds at home decides what is wrong with it.
                    let mut inner = Vec::new();
                    let before = self.last;
                    self.feed(plan, child, leaf, keys, lane, &mut inner);
                    self.last = before;
                    let mut lanes: Vec<Lane> = lane.cloned().into_iter().collect();
                    self.lanes_of(plan, child, leaf, keys, &mut lanes);
                    let lane = inner.iter().find_map(|v| v.lane.clone()).or(lanes.pop());
                    let what = if inner.iter().any(|v| v.what == What::Repeated) {
                        What::Repeated
                    } else {
                        What::Late { passed_by: last }
                    };
                    out.push(Violation { what, label: plan.label(leaf), lane });
                    return;
                }
                for passed in &it.children[at..index] {
                    self.missing(plan, *passed, lane, out);
                }
                *self.slot_mut(node) = Slot::Seq { at: index };
                self.feed(plan, child, leaf, keys, lane, out);
            }
            Slot::All => self.feed(plan, child, leaf, keys, lane, out),
            Slot::One { chosen } => {
                if chosen.is_some_and(|chosen| chosen != index) {
                    out.push(violation(What::Exclusive { chosen: last }));
                    let mut inner = Vec::new();
                    self.feed(plan, child, leaf, keys, lane, &mut inner);
                } else {
                    *self.slot_mut(node) = Slot::One { chosen: Some(index) };
                    self.feed(plan, child, leaf, keys, lane, out);
                }
            }
            Slot::Loop { rounds } => {
                let fits = rounds == 0 || self.accepts(plan, child, leaf, keys);
                let again = !fits && plan.starts(child, leaf) && self.is_touched(plan, child);
                if rounds == 0 {
                    *self.slot_mut(node) = Slot::Loop { rounds: 1 };
                } else if again {
                    self.missing(plan, child, lane, out);
                    if !it.times.allows_after(rounds) {
                        out.push(violation(What::Repeated));
                    }
                    self.reset(plan, child);
                    *self.slot_mut(node) = Slot::Loop { rounds: rounds + 1 };
                }
                self.feed(plan, child, leaf, keys, lane, out);
            }
            Slot::Each(_) => {}
        }
    }

    /// The lanes in which an event stands below `node`, outermost first.
    fn lanes_of(&self, plan: &Plan, node: usize, leaf: usize, keys: Keys<'_>, out: &mut Vec<Lane>) {
        if node == leaf {
            return;
        }
        let (_, child) = plan.toward(node, leaf);
        match (&plan.nodes[node].kind, self.slot(node)) {
            (Kind::Each(key), Slot::Each(lanes)) => {
                let Some(value) = self.route(plan, node, leaf, keys) else { return };
                out.push((key.clone(), value.clone()));
                if let Some(lane) = lanes.get(&value) {
                    lane.lanes_of(plan, child, leaf, keys, out);
                }
            }
            _ => self.lanes_of(plan, child, leaf, keys, out),
        }
    }

    fn feed_lane(
        &mut self,
        plan: &Plan,
        node: usize,
        leaf: usize,
        keys: Keys<'_>,
        lane: Option<&Lane>,
        out: &mut Vec<Violation>,
    ) {
        let it = &plan.nodes[node];
        let value = self.route(plan, node, leaf, keys).unwrap_or_default();
        let last = self.last.map(|last| plan.label(last));
        let Kind::Each(key) = &it.kind else { return };
        let body = it.children[0];
        let own = (key.clone(), value.clone());
        self.last = Some(leaf);
        let Slot::Each(lanes) = self.slot_mut(node) else { return };
        let known = lanes.open.remove(&value).or_else(|| lanes.settled.remove(&value));
        let reopens = |scope: &Scope| {
            !scope.accepts(plan, body, leaf, keys)
                && scope.is_complete(plan, body)
                && plan.starts(body, leaf)
                && it.times.allows_after(lanes.opened)
                // A lane that is merely repeated at once was not opened again: that is a duplicate.
                && scope.last != Some(leaf)
        };
        let mut scope = match known.filter(|scope| !reopens(scope)) {
            Some(scope) => scope,
            None => {
                if lanes.retired.contains(&value) {
                    let what = What::Late { passed_by: last };
                    out.push(Violation { what, label: plan.label(leaf), lane: Some(own) });
                    return;
                }
                if !it.times.allows_after(lanes.opened) {
                    out.push(Violation {
                        what: What::Repeated,
                        label: plan.label(leaf),
                        lane: lane.cloned(),
                    });
                }
                lanes.opened += 1;
                plan.scope(body)
            }
        };
        lanes.latest = Some(value.clone());
        scope.feed(plan, body, leaf, keys, Some(&own), out);
        if scope.is_complete(plan, body) {
            lanes.settled.insert(value, scope);
        } else {
            lanes.open.insert(value, scope);
        }
    }
}

impl Monitor {
    /// At the start of a session.
    pub fn new(order: &Order) -> Monitor {
        let plan = Plan::new(order);
        let scope = plan.scope(0);
        Monitor { plan: Arc::new(plan), scope }
    }

    /// Whether an event may come now without any contradiction.
    pub fn accepts(&self, label: &Label, keys: Keys<'_>) -> bool {
        self.plan.leaves.get(label).is_some_and(|leaf| self.scope.accepts(&self.plan, 0, *leaf, keys))
    }

    /// Takes the next event; says what it contradicts.
    pub fn feed(&mut self, label: &Label, keys: Keys<'_>) -> Vec<Violation> {
        let mut out = Vec::new();
        match self.plan.leaves.get(label) {
            Some(leaf) => {
                let plan = Arc::clone(&self.plan);
                self.scope.feed(&plan, 0, *leaf, keys, None, &mut out);
            }
            None => out.push(Violation { what: What::Unknown, label: label.clone(), lane: None }),
        }
        out
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
        let mut lanes = Vec::new();
        if let Some(leaf) = self.plan.leaves.get(label) {
            self.scope.lanes_of(&self.plan, 0, *leaf, keys, &mut lanes);
        }
        lanes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::parse_order;

    /// Runs `events` such as `exec:1` (a lane's value behind the colon) and prints what is found.
    fn run(order: &str, events: &str) -> String {
        let mut monitor = Monitor::new(&parse_order(order).expect("a valid order"));
        let mut found = Vec::new();
        let show = |violation: &Violation| {
            let lane =
                violation.lane.as_ref().map(|(key, value)| format!("[{key}={value}]")).unwrap_or_default();
            let label = &violation.label;
            match &violation.what {
                What::Missing => format!("missing {label}{lane}"),
                What::Late { passed_by } => {
                    let by = passed_by.as_ref().map_or("-", |label| label.as_str());
                    format!("late {label}{lane} after {by}")
                }
                What::Repeated => format!("repeated {label}{lane}"),
                What::Exclusive { .. } => format!("exclusive {label}{lane}"),
                What::Unknown => format!("unknown {label}"),
            }
        };
        for event in events.split_whitespace() {
            let (name, value) =
                event.split_once(':').map_or((event, None), |(name, value)| (name, Some(value)));
            let keys = |key: &str| match value {
                // `a/b` gives the keys k and j, in that order.
                Some(value) if key == "j" => value.split_once('/').map(|(_, inner)| inner.to_owned()),
                Some(value) if key == "k" => {
                    Some(value.split('/').next().unwrap_or("").to_owned()).filter(|v| !v.is_empty())
                }
                _ => None,
            };
            let label = Label::from(name);
            let accepted = monitor.accepts(&label, &keys);
            let violations = monitor.feed(&label, &keys);
            assert_eq!(
                accepted,
                violations.is_empty(),
                "accepts and feed disagree about {event}: {violations:?}"
            );
            found.extend(violations.iter().map(show));
        }
        assert_eq!(monitor.is_complete(), monitor.missing().is_empty());
        found.extend(monitor.missing().iter().map(|v| format!("end: {}", show(v))));
        found.join(", ")
    }

    const AGENT: &str = "hi ; start ; ( think* & each k ( exec ; prog* ; done )+ ) ; tok+ ; end";

    #[test]
    fn interleaved_lanes_conform() {
        assert_eq!(
            run(AGENT, "hi start think exec:1 exec:2 think prog:2 done:2 prog:1 done:1 tok tok end"),
            ""
        );
    }

    #[test]
    fn what_is_missing_is_named_once_with_its_lane() {
        assert_eq!(run(AGENT, "hi start exec:1 exec:2 done:1 tok end"), "missing done[k=2]");
        assert_eq!(run(AGENT, "hi exec:1 done:1 tok end"), "missing start");
        assert_eq!(run(AGENT, "hi start done:1 tok end"), "missing exec[k=1]");
        assert_eq!(run(AGENT, "hi start tok end"), "missing exec");
    }

    #[test]
    fn a_session_cut_short_misses_all_that_was_to_come() {
        assert_eq!(
            run(AGENT, "hi start exec:1"),
            "end: missing done[k=1], end: missing tok, end: missing end"
        );
        assert_eq!(
            run(AGENT, "hi"),
            "end: missing start, end: missing exec, end: missing tok, end: missing end"
        );
    }

    #[test]
    fn what_comes_late_or_twice_is_said_so() {
        assert_eq!(
            run(AGENT, "hi start exec:1 tok done:1 end"),
            "missing done[k=1], late done[k=1] after tok"
        );
        assert_eq!(run(AGENT, "hi start exec:1 done:1 tok end tok"), "late tok after end");
        assert_eq!(run(AGENT, "hi start start exec:1 done:1 tok end end"), "repeated start, repeated end");
        assert_eq!(run(AGENT, "hi start exec:1 exec:1 done:1 tok end"), "repeated exec[k=1]");
        assert_eq!(run(AGENT, "hi start exec:1 done:1 done:1 tok end"), "repeated done[k=1]");
        assert_eq!(run(AGENT, "hi start exec:1 done:1 nope tok end"), "unknown nope");
    }

    #[test]
    fn rounds_of_a_loop_are_judged_one_by_one() {
        let order = "( ask ; start ; each k ( exec ; done )* ; end )+";
        assert_eq!(run(order, "ask start exec:1 done:1 end ask start end"), "");
        assert_eq!(run(order, "ask start end ask end ask start end"), "missing start");
        assert_eq!(run(order, "ask start exec:1 end ask start end"), "missing done[k=1]");
        assert_eq!(run(order, "ask start ask start end"), "missing end");
        assert_eq!(
            run(order, "ask start exec:1 done:1 end ask start done:1 end"),
            "late done[k=1] after start"
        );
    }

    #[test]
    fn alternatives_exclude_each_other() {
        let order = "ask ; ( ( ok ; body ) | fail ) ; end";
        assert_eq!(run(order, "ask ok body end"), "");
        assert_eq!(run(order, "ask fail end"), "");
        assert_eq!(run(order, "ask ok fail body end"), "exclusive fail");
        assert_eq!(run(order, "ask end"), "missing ok");
    }

    #[test]
    fn lanes_within_lanes_find_their_parent() {
        let order = "each k ( open ; each j ( add ; delta* ; done )+ ; close )+";
        assert_eq!(
            run(order, "open:1 add:1/a open:2 add:2/b delta:/a delta:/b done:/b done:/a close:1 close:2"),
            ""
        );
        assert_eq!(run(order, "open:1 add:1/a open:2 add:2/b done:/b close:1 close:2"), "missing done[j=a]");
    }

    #[test]
    fn a_key_that_is_used_again_opens_a_new_lane() {
        let order = "each k ( request ; response )*";
        assert_eq!(run(order, "request:1 response:1 request:1 response:1"), "");
        assert_eq!(run(order, "request:1 response:1 request:1"), "end: missing response[k=1]");
    }
}
