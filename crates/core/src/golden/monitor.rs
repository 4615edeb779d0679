//! The order, checked as events arrive: one deterministic automaton, no search.
//!
//! Every event has one place in an order, so an event that arrives leads down one path of the tree, and each node on
//! the path says whether it may come now. A violation never stops the automaton: it moves on to where the event
//! belongs, so that what follows is judged as if the fault had not been. Cost: the depth of the order for an event.
//!
//! Memory: the lanes in which something may still come. Of those in which nothing may come any more the latest
//! [`FINISHED`] of each `each` are kept (at most twice as many), to tell an event that is repeated or late in its lane.
//! In an older one it is taken for the first of a new lane, and what should have come before it for missing.

use super::lanes::{Lane, LaneId, Recent};
use super::{Order, Times};
use crate::dialect::Label;
use crate::stats::FastMap;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// The same by the number of the key, counted from the outermost, where the values need not be copied.
pub(crate) type Lookup<'k, 'v> = &'k dyn Fn(usize) -> Option<Cow<'v, str>>;

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
    /// By the values of a key; lies within so many others.
    Each {
        key: String,
        depth: usize,
    },
}

#[derive(Debug)]
struct Plan {
    nodes: Vec<Node>,
    numbers: FastMap<Label, usize>,
    leaves: Vec<Leaf>,
}

/// An event's place in the order.
#[derive(Debug)]
struct Leaf {
    node: usize,
    /// The keys of the lanes around it, outermost first.
    keys: Vec<String>,
}

/// An event: its leaf, and the values of its lanes' keys, outermost first.
#[derive(Debug, Clone, Copy)]
struct At<'e> {
    leaf: usize,
    values: &'e [Option<Cow<'e, str>>],
}

/// The innermost lane so far, as key and value.
type Within<'l> = Option<(&'l str, &'l str)>;

/// Where one scope, the session or a lane, has got to.
#[derive(Debug, Clone)]
struct Scope {
    lane: Option<LaneId>,
    base: usize,
    slots: Box<[Slot]>,
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
#[derive(Debug, Clone)]
struct Lanes {
    opened: u32,
    /// Lanes in which something must still come.
    open: BTreeMap<String, Scope>,
    /// Lanes that may end as they are, but in which something may still come.
    idle: FastMap<String, Scope>,
    /// Lanes in which nothing may come any more.
    finished: Recent<Scope>,
    /// Lanes of earlier rounds of a loop.
    retired: Recent<()>,
    latest: Option<String>,
}

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes {
            opened: 0,
            open: BTreeMap::new(),
            idle: FastMap::default(),
            finished: Recent::new(FINISHED),
            retired: Recent::new(RETIRED),
            latest: None,
        }
    }
}

impl Lanes {
    fn get(&self, value: &str) -> Option<&Scope> {
        self.open.get(value).or_else(|| self.idle.get(value)).or_else(|| self.finished.get(value))
    }

    fn remove(&mut self, value: &str) -> Option<Scope> {
        let open = self.open.remove(value);
        open.or_else(|| self.idle.remove(value)).or_else(|| self.finished.remove(value))
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Scope)> {
        self.open.iter().chain(&self.idle).chain(self.finished.iter())
    }
}

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

/// Follows one session through an order.
#[derive(Debug, Clone)]
pub struct Monitor {
    plan: Arc<Plan>,
    scope: Scope,
}

/// Finished lanes of an `each` whose latecomers are still recognised.
const FINISHED: usize = 4096;
/// Lanes of earlier rounds whose latecomers are still recognised.
const RETIRED: usize = 256;

impl Plan {
    fn new(order: &Order) -> Plan {
        let mut plan = Plan { nodes: Vec::new(), numbers: FastMap::default(), leaves: Vec::new() };
        plan.add(order, Times::ONCE, &mut Vec::new());
        plan
    }

    fn add(&mut self, order: &Order, times: Times, keys: &mut Vec<String>) -> usize {
        let id = self.nodes.len();
        let optional = times.min == 0 || order.is_optional();
        let (kind, parts): (Kind, &[Order]) = match order {
            Order::Event(label) => {
                self.numbers.insert(label.clone(), self.leaves.len());
                self.leaves.push(Leaf { node: id, keys: keys.clone() });
                (Kind::Leaf(label.clone()), &[])
            }
            Order::Seq(parts) => (Kind::Seq, parts),
            Order::All(parts) => (Kind::All, parts),
            Order::One(parts) => (Kind::One, parts),
            Order::Each { key, body } => {
                let depth = keys.len();
                (Kind::Each { key: key.clone(), depth }, std::slice::from_ref(body))
            }
            Order::Repeat(body, times) => match **body {
                Order::Event(_) | Order::Each { .. } => return self.add(body, *times, keys),
                _ => {
                    self.nodes.push(Node {
                        kind: Kind::Loop,
                        children: vec![],
                        end: 0,
                        times: *times,
                        optional,
                    });
                    let child = self.add(body, Times::ONCE, keys);
                    self.nodes[id].children.push(child);
                    self.nodes[id].end = self.nodes.len();
                    return id;
                }
            },
        };
        self.nodes.push(Node { kind, children: vec![], end: 0, times, optional });
        let depth = keys.len();
        if let Order::Each { key, .. } = order {
            keys.push(key.clone());
        }
        for part in parts {
            let child = self.add(part, Times::ONCE, keys);
            self.nodes[id].children.push(child);
        }
        keys.truncate(depth);
        self.nodes[id].end = self.nodes.len();
        id
    }

    fn scope(&self, lane: Option<LaneId>, base: usize) -> Scope {
        let slots = (base..self.nodes[base].end).map(|id| self.slot(id)).collect();
        Scope { lane, base, slots, last: None }
    }

    fn slot(&self, id: usize) -> Slot {
        match self.nodes[id].kind {
            Kind::Leaf(_) => Slot::Leaf { count: 0 },
            Kind::Seq => Slot::Seq { at: 0 },
            Kind::All => Slot::All,
            Kind::One => Slot::One { chosen: None },
            Kind::Loop => Slot::Loop { rounds: 0 },
            Kind::Each { .. } => Slot::Each(Box::default()),
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
            Kind::Leaf(_) | Kind::All | Kind::One | Kind::Loop | Kind::Each { .. } => {
                self.starts(child, leaf)
            }
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
            Kind::All | Kind::One | Kind::Loop | Kind::Each { .. } => {
                let children = &self.nodes[node].children;
                let first = children.iter().find(|id| !self.nodes[**id].optional).or(children.first());
                first.and_then(|id| self.first_required(*id))
            }
        }
    }

    fn leaf(&self, label: &Label) -> Option<&Leaf> {
        self.leaves.get(*self.numbers.get(label)?)
    }

    fn label(&self, leaf: usize) -> Label {
        match &self.nodes[leaf].kind {
            Kind::Leaf(label) => label.clone(),
            Kind::Seq | Kind::All | Kind::One | Kind::Loop | Kind::Each { .. } => Label::from(""),
        }
    }
}

impl Leaf {
    /// Asks for the values of the lanes' keys. There are rarely more than two, which then need no memory of their own.
    fn with<T>(&self, keys: Lookup<'_, '_>, then: impl FnOnce(At<'_>) -> T) -> T {
        let at = |values: &[Option<Cow<'_, str>>]| then(At { leaf: self.node, values });
        match &self.keys[..] {
            [] => at(&[]),
            [_] => at(&[keys(0)]),
            [_, _] => at(&[keys(0), keys(1)]),
            all => at(&(0..all.len()).map(keys).collect::<Vec<_>>()),
        }
    }

    /// Likewise by the keys' names.
    fn with_named<T>(&self, keys: Keys<'_>, then: impl FnOnce(At<'_>) -> T) -> T {
        self.with(&|depth| keys(&self.keys[depth]).map(Cow::Owned), then)
    }
}

impl<'e> At<'e> {
    fn value(self, depth: usize) -> Option<&'e str> {
        self.values.get(depth)?.as_deref()
    }
}

impl Scope {
    fn slot(&self, id: usize) -> &Slot {
        &self.slots[id - self.base]
    }

    fn slot_mut(&mut self, id: usize) -> &mut Slot {
        &mut self.slots[id - self.base]
    }

    fn reset(&mut self, plan: &Plan, node: usize, forgotten: &mut Vec<LaneId>) {
        for id in node..plan.nodes[node].end {
            let fresh = plan.slot(id);
            let slot = self.slot_mut(id);
            let old = std::mem::replace(slot, fresh);
            if let (Slot::Each(lanes), Slot::Each(before), Kind::Each { key, .. }) =
                (slot, old, &plan.nodes[id].kind)
            {
                let Lanes { open, idle, finished, retired, .. } = *before;
                lanes.retired = retired;
                for (value, scope) in open.into_iter().chain(idle).chain(finished.into_iter()) {
                    scope.forget(plan, forgotten);
                    let gone = lanes.retired.insert(value, (), 1);
                    forgotten.extend(gone.keys().map(|value| LaneId::new(key, value)));
                }
            }
        }
    }

    /// Names all lanes within.
    fn forget(&self, plan: &Plan, forgotten: &mut Vec<LaneId>) {
        for (id, slot) in (self.base..).zip(&self.slots) {
            if let (Slot::Each(lanes), Kind::Each { key, .. }) = (slot, &plan.nodes[id].kind) {
                let values = lanes.all().map(|(value, _)| value).chain(lanes.retired.iter().map(|(v, ())| v));
                forgotten.extend(values.map(|value| LaneId::new(key, value)));
                lanes.all().for_each(|(_, scope)| scope.forget(plan, forgotten));
            }
        }
    }

    /// How many lanes are held within.
    fn held(&self) -> usize {
        let lanes = self.slots.iter().filter_map(|slot| match slot {
            Slot::Each(lanes) => Some(lanes),
            Slot::Leaf { .. } | Slot::Seq { .. } | Slot::All | Slot::One { .. } | Slot::Loop { .. } => None,
        });
        lanes
            .map(|lanes| {
                lanes.retired.iter().count() + lanes.all().map(|(_, scope)| 1 + scope.held()).sum::<usize>()
            })
            .sum()
    }

    /// Whether anything may still come below `node`, which is complete.
    fn may_go_on(&self, plan: &Plan, node: usize) -> bool {
        let it = &plan.nodes[node];
        let any = |children: &[usize]| children.iter().any(|child| self.may_go_on(plan, *child));
        match self.slot(node) {
            Slot::Leaf { count } => it.times.allows_after(*count),
            Slot::Seq { at } => any(&it.children[*at..]),
            Slot::All => any(&it.children),
            Slot::One { chosen: Some(index) } => self.may_go_on(plan, it.children[*index]),
            Slot::One { chosen: None } => true,
            Slot::Loop { rounds } => it.times.allows_after(*rounds) || any(&it.children),
            Slot::Each(lanes) => {
                it.times.allows_after(lanes.opened) || !lanes.idle.is_empty() || !lanes.open.is_empty()
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
            Slot::Each(lanes) => (lanes.opened >= it.times.min || it.optional) && lanes.open.is_empty(),
        }
    }

    /// Which lane of an `each` an event belongs to: by the key's value, or, where the event does not carry it, by a
    /// lane within that the event does name, or the one that was opened last.
    fn route<'s>(&'s self, plan: &Plan, node: usize, at: At<'s>) -> Option<&'s str> {
        let (Kind::Each { depth, .. }, Slot::Each(lanes)) = (&plan.nodes[node].kind, self.slot(node)) else {
            return None;
        };
        if let Some(value) = at.value(*depth) {
            return Some(value);
        }
        // Only where another key lies further in can the event name a lane within.
        let names_inner = at.values.iter().skip(depth + 1).any(Option::is_some);
        let body = plan.nodes[node].children[0];
        let holder = lanes.all().filter(|_| names_inner).find(|(_, lane)| lane.holds(plan, body, at));
        holder.map(|(value, _)| value.as_str()).or(lanes.latest.as_deref())
    }

    /// Whether the lane that an event names is open somewhere below `node`.
    fn holds(&self, plan: &Plan, node: usize, at: At<'_>) -> bool {
        if node == at.leaf {
            return false;
        }
        let (_, child) = plan.toward(node, at.leaf);
        if let (Kind::Each { depth, .. }, Slot::Each(lanes)) = (&plan.nodes[node].kind, self.slot(node)) {
            return match at.value(*depth) {
                Some(value) => lanes.get(value).is_some(),
                None => lanes.all().any(|(_, lane)| lane.holds(plan, child, at)),
            };
        }
        self.holds(plan, child, at)
    }

    fn accepts(&self, plan: &Plan, node: usize, event: At<'_>) -> bool {
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
    fn missing(&self, plan: &Plan, node: usize, lane: Within<'_>, out: &mut Vec<Violation>) {
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

    fn feed(&mut self, plan: &Plan, node: usize, event: At<'_>, lane: Within<'_>, out: &mut Step) {
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
    fn lanes_of(&self, plan: &Plan, node: usize, event: At<'_>, out: &mut Vec<Lane>) {
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

impl Violation {
    /// An event that the order does not have.
    pub(crate) fn unknown(label: &Label) -> Violation {
        Violation { what: What::Unknown, label: label.clone(), lane: None }
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
    fn a_key_counts_anew_in_every_round() {
        let order = "( ask ; each k ( exec ; done )* ; end )+";
        assert_eq!(run(order, "ask exec:0 exec:1 done:1 done:0 end ask exec:0 done:0 end"), "");
        assert_eq!(run(order, "ask exec:0 done:0 end ask exec:0 end"), "missing done[k=0]");
    }

    #[test]
    fn a_key_that_is_used_again_opens_a_new_lane() {
        let order = "each k ( request ; response )*";
        assert_eq!(run(order, "request:1 response:1 request:1 response:1"), "");
        assert_eq!(run(order, "request:1 response:1 request:1"), "end: missing response[k=1]");
    }
}
