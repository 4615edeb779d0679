//! Where a session, or one lane of it, stands in its order.

use super::plan::{At, Kind, Plan};
use crate::golden::lanes::{LaneId, Recent};
use crate::stats::FastMap;
use std::collections::BTreeMap;

/// Where one scope, the session or a lane, has got to.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) lane: Option<LaneId>,
    base: usize,
    slots: Box<[Slot]>,
    pub(super) last: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Slot {
    Leaf { count: u32 },
    Seq { at: usize },
    All,
    One { chosen: Option<usize> },
    Loop { rounds: u32 },
    Each(Box<Lanes>),
}

/// The lanes of one `each`.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    pub(super) opened: u32,
    /// Lanes in which something must still come.
    pub(super) open: BTreeMap<String, Scope>,
    /// Lanes that may end as they are, but in which something may still come.
    pub(super) idle: FastMap<String, Scope>,
    /// Lanes in which nothing may come any more.
    pub(super) finished: Recent<Scope>,
    /// Lanes of earlier rounds of a loop.
    pub(super) retired: Recent<()>,
    pub(super) latest: Option<String>,
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
    pub(super) fn get(&self, value: &str) -> Option<&Scope> {
        self.open.get(value).or_else(|| self.idle.get(value)).or_else(|| self.finished.get(value))
    }

    pub(super) fn remove(&mut self, value: &str) -> Option<Scope> {
        let open = self.open.remove(value);
        open.or_else(|| self.idle.remove(value)).or_else(|| self.finished.remove(value))
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Scope)> {
        self.open.iter().chain(&self.idle).chain(self.finished.iter())
    }
}

/// Finished lanes of an `each` whose latecomers are still recognised.
const FINISHED: usize = 4096;
/// Lanes of earlier rounds whose latecomers are still recognised.
const RETIRED: usize = 256;

impl Plan {
    pub(super) fn scope(&self, lane: Option<LaneId>, base: usize) -> Scope {
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
}

impl Scope {
    pub(super) fn slot(&self, id: usize) -> &Slot {
        &self.slots[id - self.base]
    }

    pub(super) fn slot_mut(&mut self, id: usize) -> &mut Slot {
        &mut self.slots[id - self.base]
    }

    pub(super) fn reset(&mut self, plan: &Plan, node: usize, forgotten: &mut Vec<LaneId>) {
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
    pub(super) fn forget(&self, plan: &Plan, forgotten: &mut Vec<LaneId>) {
        for (id, slot) in (self.base..).zip(&self.slots) {
            if let (Slot::Each(lanes), Kind::Each { key, .. }) = (slot, &plan.nodes[id].kind) {
                let values = lanes.all().map(|(value, _)| value).chain(lanes.retired.iter().map(|(v, ())| v));
                forgotten.extend(values.map(|value| LaneId::new(key, value)));
                lanes.all().for_each(|(_, scope)| scope.forget(plan, forgotten));
            }
        }
    }

    /// How many lanes are held within.
    pub(super) fn held(&self) -> usize {
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
    pub(super) fn may_go_on(&self, plan: &Plan, node: usize) -> bool {
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

    pub(super) fn is_touched(&self, plan: &Plan, node: usize) -> bool {
        (node..plan.nodes[node].end).any(|id| match self.slot(id) {
            Slot::Leaf { count } => *count > 0,
            Slot::Each(lanes) => lanes.opened > 0,
            Slot::Loop { rounds } => *rounds > 0,
            Slot::Seq { .. } | Slot::All | Slot::One { .. } => false,
        })
    }

    pub(super) fn is_complete(&self, plan: &Plan, node: usize) -> bool {
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
    pub(super) fn route<'s>(&'s self, plan: &Plan, node: usize, at: At<'s>) -> Option<&'s str> {
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
}
