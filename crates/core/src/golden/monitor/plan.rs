//! An order, compiled: its nodes by number, its events by name.

use crate::dialect::Label;
use crate::golden::{Order, Times};
use crate::stats::FastMap;
use std::borrow::Cow;

/// The values of an event's lane keys, by key.
pub type Keys<'k> = &'k dyn Fn(&str) -> Option<String>;

/// The same by the number of the key, counted from the outermost, where the values need not be copied.
pub(crate) type Lookup<'k, 'v> = &'k dyn Fn(usize) -> Option<Cow<'v, str>>;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) children: Vec<usize>,
    /// Nodes are numbered in reading order: a node's subtree is `own number..end`.
    pub(super) end: usize,
    pub(super) times: Times,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
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
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) numbers: FastMap<Label, usize>,
    pub(super) leaves: Vec<Leaf>,
}

/// An event's place in the order.
#[derive(Debug)]
pub(super) struct Leaf {
    node: usize,
    /// The keys of the lanes around it, outermost first.
    pub(super) keys: Vec<String>,
}

/// An event: its leaf, and the values of its lanes' keys, outermost first.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'e> {
    pub(super) leaf: usize,
    pub(super) values: &'e [Option<Cow<'e, str>>],
}

/// The innermost lane so far, as key and value.
pub(super) type Within<'l> = Option<(&'l str, &'l str)>;

impl Plan {
    pub(super) fn new(order: &Order) -> Plan {
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

    /// Which child of `node` holds `leaf`.
    pub(super) fn toward(&self, node: usize, leaf: usize) -> (usize, usize) {
        let children = &self.nodes[node].children;
        let index = children.partition_point(|child| *child <= leaf) - 1;
        (index, children[index])
    }

    /// Whether `leaf` may be the first event of `node`.
    pub(super) fn starts(&self, node: usize, leaf: usize) -> bool {
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
    pub(super) fn first_required(&self, node: usize) -> Option<&Label> {
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

    pub(super) fn leaf(&self, label: &Label) -> Option<&Leaf> {
        self.leaves.get(*self.numbers.get(label)?)
    }

    pub(super) fn label(&self, leaf: usize) -> Label {
        match &self.nodes[leaf].kind {
            Kind::Leaf(label) => label.clone(),
            Kind::Seq | Kind::All | Kind::One | Kind::Loop | Kind::Each { .. } => Label::from(""),
        }
    }
}

impl Leaf {
    /// Asks for the values of the lanes' keys. There are rarely more than two, which then need no memory of their own.
    pub(super) fn with<T>(&self, keys: Lookup<'_, '_>, then: impl FnOnce(At<'_>) -> T) -> T {
        let at = |values: &[Option<Cow<'_, str>>]| then(At { leaf: self.node, values });
        match &self.keys[..] {
            [] => at(&[]),
            [_] => at(&[keys(0)]),
            [_, _] => at(&[keys(0), keys(1)]),
            all => at(&(0..all.len()).map(keys).collect::<Vec<_>>()),
        }
    }

    /// Likewise by the keys' names.
    pub(super) fn with_named<T>(&self, keys: Keys<'_>, then: impl FnOnce(At<'_>) -> T) -> T {
        self.with(&|depth| keys(&self.keys[depth]).map(Cow::Owned), then)
    }
}

impl<'e> At<'e> {
    pub(super) fn value(self, depth: usize) -> Option<&'e str> {
        self.values.get(depth)?.as_deref()
    }
}
