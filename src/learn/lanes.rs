//! Which values make lanes: keys that several events share and of which one session has several.
//!
//! A *node* is an event and a path where an id stands. Nodes that carry the same values are one key class. A class of
//! which sessions have several values, each with several events, makes lanes; lanes nest where each value of one meets
//! only one value of the other.

use super::Session;
use crate::dialect::{Event, Label, REQUEST, pointer};
use crate::golden::Format;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A place where an id stands.
type Node = (Label, String);

/// The keys of a service, and where each event carries them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Key name → event → pointer.
    pointers: BTreeMap<String, BTreeMap<Label, String>>,
    /// Key name → the key of the lanes around it.
    parents: BTreeMap<String, String>,
    /// Event → the innermost key of the lanes in which it stands.
    homes: BTreeMap<Label, String>,
}

/// Two nodes are one key when they share a value in this share of the recordings that have both.
const SHARED: f64 = 0.3;

#[derive(Default)]
struct Class {
    nodes: BTreeSet<Node>,
}

impl Lanes {
    /// Finds the keys of a set of sessions.
    pub(super) fn find(sessions: &[Session]) -> Lanes {
        let classes = classes(sessions);
        let mut lanes = Lanes::default();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for class in &classes {
            let pointers = primary(class, sessions);
            if !makes_lanes(&pointers, sessions) {
                continue;
            }
            let name = name_of(&pointers, &used);
            used.insert(name.clone());
            lanes.pointers.insert(name, pointers);
        }
        if run_side_by_side(sessions) {
            let labels = sessions.iter().flat_map(|session| &session.events).map(|event| event.label.clone());
            lanes
                .pointers
                .insert("request".to_owned(), labels.map(|label| (label, REQUEST.to_owned())).collect());
        }
        lanes.drop_aliases(sessions);
        lanes.nest(sessions);
        lanes.settle();
        lanes
    }

    /// Where an event carries a key.
    pub(super) fn pointer(&self, label: &Label, key: &str) -> Option<&str> {
        self.pointers.get(key)?.get(label).map(String::as_str)
    }

    /// The value of a key in an event.
    pub(super) fn value(&self, event: &Event, key: &str) -> Option<String> {
        match self.pointer(&event.label, key)? {
            REQUEST => Some(event.conn.to_string()),
            pointer => id_text(event.data.pointer(pointer)?),
        }
    }

    /// The key of the lanes in which an event stands, innermost.
    pub(super) fn home(&self, label: &Label) -> Option<&str> {
        self.homes.get(label).map(String::as_str)
    }

    /// The key of the lanes around a key's lanes.
    pub(super) fn parent(&self, key: &str) -> Option<&str> {
        self.parents.get(key).map(String::as_str)
    }

    /// The keys around an event, outermost first.
    pub(super) fn chain(&self, label: &Label) -> Vec<&str> {
        let mut chain = Vec::new();
        let mut key = self.home(label);
        while let Some(name) = key {
            chain.insert(0, name);
            key = self.parent(name).filter(|parent| !chain.contains(parent));
        }
        chain
    }

    /// Two keys whose values correspond one to one are one key; the one that more events carry stays.
    fn drop_aliases(&mut self, sessions: &[Session]) {
        let keys: Vec<String> = self.pointers.keys().cloned().collect();
        for a in &keys {
            for b in &keys {
                if a >= b || !self.pointers.contains_key(a) || !self.pointers.contains_key(b) {
                    continue;
                }
                if self.determines(sessions, a, b) && self.determines(sessions, b, a) {
                    let gone = if self.pointers[a].len() >= self.pointers[b].len() { b } else { a };
                    self.pointers.remove(gone);
                }
            }
        }
    }

    /// Whether every value of `a` meets only one value of `b`, and they do meet.
    fn determines(&self, sessions: &[Session], a: &str, b: &str) -> bool {
        let mut met = false;
        for session in sessions {
            let mut partner: BTreeMap<String, String> = BTreeMap::new();
            for event in &session.events {
                let (Some(x), Some(y)) = (self.value(event, a), self.value(event, b)) else { continue };
                met = true;
                if partner.insert(x, y.clone()).is_some_and(|before| before != y) {
                    return false;
                }
            }
        }
        met
    }

    fn nest(&mut self, sessions: &[Session]) {
        let keys: Vec<String> = self.pointers.keys().cloned().collect();
        let mut above: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for a in &keys {
            for b in &keys {
                if a != b && self.determines(sessions, a, b) && !self.determines(sessions, b, a) {
                    above.entry(a.clone()).or_default().push(b.clone());
                }
            }
        }
        for (key, parents) in &above {
            // The nearest one is itself inside all the others.
            let depth = |key: &String| above.get(key).map_or(0, Vec::len);
            if let Some(nearest) =
                parents.iter().max_by(|a, b| depth(a).cmp(&depth(b)).then_with(|| b.cmp(a)))
            {
                self.parents.insert(key.clone(), nearest.clone());
            }
        }
    }

    /// Gives every event its innermost lane: the deepest key that it carries.
    fn settle(&mut self) {
        let labels: BTreeSet<Label> = self.pointers.values().flat_map(BTreeMap::keys).cloned().collect();
        for label in labels {
            let depth = |key: &str| {
                let mut depth = 0;
                let mut at = key;
                while let Some(parent) = self.parent(at).filter(|_| depth < 8) {
                    depth += 1;
                    at = parent;
                }
                depth
            };
            let own = self
                .pointers
                .iter()
                .filter(|(_, at)| at.contains_key(&label))
                .map(|(key, at)| (key, at.len()));
            let home =
                own.max_by(|a, b| (depth(a.0), a.1).cmp(&(depth(b.0), b.1)).then_with(|| b.0.cmp(a.0)));
            if let Some((key, _)) = home {
                self.homes.insert(label, key.clone());
            }
        }
    }
}

/// An id as text: a string, or a whole number.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a value looks like an id rather than a word, a text or a date.
pub(super) fn is_id(path: &str, value: &Value) -> bool {
    let leaf = leaf(path);
    let named = leaf == "id" || ["_id", "-id", "Id", "ID"].iter().any(|end| leaf.ends_with(end));
    match value {
        Value::String(text) => {
            let long = (6..=200).contains(&text.len()) && !text.contains(char::is_whitespace);
            let format = Format::of(text);
            let digits = text.chars().filter(char::is_ascii_digit).count();
            long && format != Some(Format::Timestamp)
                && (format.is_some()
                    || (digits >= 4 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c)))
                    || (named && digits > 0))
                // A counter, written as a text.
                || (named && digits > 0 && digits == text.len() && digits <= 20)
        }
        Value::Number(number) => named && !number.is_f64(),
        _ => false,
    }
}

/// Every id in a payload with its pointer; items of lists are not keys of their event.
fn ids(value: &Value, twins: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    walk(value, "", 0, &mut |path, value| {
        if is_id(path, value) || (value.is_u64() && twins.contains(leaf(path))) {
            out.extend(id_text(value).map(|text| (path.to_owned(), text)));
        }
    });
    out
}

fn walk(value: &Value, path: &str, depth: usize, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(map) if depth < 5 => {
            for (key, item) in map {
                walk(item, &format!("{path}{}", pointer([key.as_str()])), depth + 1, visit);
            }
        }
        value => visit(path, value),
    }
}

fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Fields whose number is always that of the id beside it: another name for the id (`progressToken` in MCP).
fn twins(sessions: &[Session]) -> BTreeSet<String> {
    let mut agree: BTreeMap<Node, BTreeSet<String>> = BTreeMap::new();
    let mut differ: BTreeSet<Node> = BTreeSet::new();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let (mut numbers, mut own) = (Vec::new(), BTreeSet::new());
        walk(&event.data, "", 0, &mut |path, value| {
            if let Some(text) = id_text(value).filter(|_| value.is_u64()) {
                if is_id(path, value) {
                    own.insert(text);
                } else {
                    numbers.push((path.to_owned(), text));
                }
            }
        });
        for (path, text) in numbers.into_iter().filter(|_| !own.is_empty()) {
            let node = (event.label.clone(), path);
            if own.contains(&text) {
                agree.entry(node).or_default().insert(text);
            } else {
                differ.insert(node);
            }
        }
    }
    let always = agree.into_iter().filter(|(node, values)| values.len() >= 3 && !differ.contains(node));
    always.map(|((_, path), _)| leaf(&path).to_owned()).collect()
}

fn classes(sessions: &[Session]) -> Vec<Class> {
    let mut presence: BTreeMap<Node, BTreeSet<usize>> = BTreeMap::new();
    let mut shared: BTreeMap<(Node, Node), u32> = BTreeMap::new();
    let twins = twins(sessions);
    for (index, session) in sessions.iter().enumerate() {
        let mut holders: BTreeMap<String, BTreeSet<Node>> = BTreeMap::new();
        for event in &session.events {
            for (path, text) in ids(&event.data, &twins) {
                let node = (event.label.clone(), path);
                presence.entry(node.clone()).or_default().insert(index);
                holders.entry(text).or_default().insert(node);
            }
        }
        let mut pairs: BTreeSet<(Node, Node)> = BTreeSet::new();
        for nodes in holders.values() {
            for a in nodes {
                for b in nodes.iter().filter(|b| a < *b) {
                    pairs.insert((a.clone(), b.clone()));
                }
            }
        }
        for pair in pairs {
            *shared.entry(pair).or_default() += 1;
        }
    }
    let nodes: Vec<Node> = presence.keys().cloned().collect();
    let mut group: BTreeMap<&Node, usize> = nodes.iter().enumerate().map(|(i, node)| (node, i)).collect();
    for ((a, b), count) in &shared {
        let both = presence[a].intersection(&presence[b]).count();
        #[expect(clippy::cast_precision_loss, reason = "numbers of recordings are small")]
        let enough = f64::from(*count) >= SHARED * both as f64;
        // A key is one thing under one name; where names differ, only an actual id may join them.
        if enough {
            let (from, to) = (group[b], group[a]);
            for at in group.values_mut().filter(|at| **at == from) {
                *at = to;
            }
        }
    }
    let mut classes: BTreeMap<usize, Class> = BTreeMap::new();
    for (node, group) in group {
        classes.entry(group).or_default().nodes.insert(node.clone());
    }
    classes.into_values().collect()
}

/// For every event of a class the pointer under which it carries the key: always there, not pointing at another
/// event's (`parent`, `prev`, `reply`, `ref`), the most frequent.
fn primary(class: &Class, sessions: &[Session]) -> BTreeMap<Label, String> {
    let mut counts: BTreeMap<&Node, u32> = BTreeMap::new();
    let mut totals: BTreeMap<&Label, u32> = BTreeMap::new();
    let labels: BTreeSet<&Label> = class.nodes.iter().map(|(label, _)| label).collect();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let Some(label) = labels.get(&event.label) else { continue };
        *totals.entry(label).or_default() += 1;
        for node in class.nodes.iter().filter(|(own, _)| own == *label) {
            if event.data.pointer(&node.1).is_some_and(|value| !value.is_null()) {
                *counts.entry(node).or_default() += 1;
            }
        }
    }
    let mut primary: BTreeMap<Label, (u32, String)> = BTreeMap::new();
    for (node, count) in counts {
        let leaf = leaf(&node.1);
        let points_elsewhere = ["parent", "prev", "reply", "ref"].iter().any(|word| leaf.starts_with(word));
        // An event that carries the key only sometimes would stand now in a lane and now beside it.
        if points_elsewhere || count < totals[&node.0] {
            continue;
        }
        let best = primary.entry(node.0.clone()).or_insert_with(|| (count, node.1.clone()));
        if count > best.0 {
            *best = (count, node.1.clone());
        }
    }
    primary.into_iter().map(|(label, (_, pointer))| (label, pointer)).collect()
}

/// Whether some session has several values of a key that have several events each.
fn makes_lanes(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
    sessions.iter().any(|session| {
        let mut events: BTreeMap<String, u32> = BTreeMap::new();
        for event in &session.events {
            let pointer = pointers.get(&event.label);
            if let Some(text) = pointer.and_then(|at| event.data.pointer(at)).and_then(id_text) {
                *events.entry(text).or_default() += 1;
            }
        }
        events.values().filter(|n| **n >= 2).count() >= 2
    })
}

/// Whether answers to several requests came side by side in some session. Connections one after another do not.
fn run_side_by_side(sessions: &[Session]) -> bool {
    sessions.iter().any(|session| {
        let mut last = BTreeSet::new();
        let mut now = None;
        session.events.iter().filter(|event| !event.label.is_client()).any(|event| {
            if now != Some(event.conn) {
                now = Some(event.conn);
                return !last.insert(event.conn);
            }
            false
        })
    })
}

/// The name of a key: that of its field, most common first.
fn name_of(pointers: &BTreeMap<Label, String>, used: &BTreeSet<String>) -> String {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for pointer in pointers.values() {
        let leaf = pointer.rsplit('/').next().unwrap_or("key");
        let clean: String =
            leaf.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let starts = clean.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        *counts.entry(if starts { clean } else { "key".to_owned() }).or_default() += 1;
    }
    let best = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
    let base = best.map_or("key".to_owned(), |(name, _)| name);
    let mut name = base.clone();
    let mut number = 2;
    while used.contains(&name) || name == "each" {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}
