//! Key classes: places that carry the same values.

use super::find::SHARED;
use super::ids::{id_text, leaf};
use super::known::{Known, Node, duplicates, ids, referring, tokens};
use crate::dialect::Label;
use crate::learn::session::Session;
use crate::transcript::Side;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum of places of one value that are joined with each of them.
const PAIRED: usize = 64;
/// In so many messages two ids differ before they are ids of two things.
pub(super) const MIN_APART: u32 = 8;

#[derive(Default)]
pub(super) struct Class {
    nodes: BTreeSet<Node>,
}

/// The side whose requests an event's ids refer to, if both sides number theirs: the requesting side.
fn spaces(sessions: &[Session], reply: Option<&str>) -> BTreeMap<Label, Side> {
    let Some(reply) = reply else { return BTreeMap::new() };
    let mut spaces = BTreeMap::new();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let own = event.label.side();
        let other = if own == Side::Client { Side::Server } else { Side::Client };
        let has_id = event.data.pointer(reply).is_some_and(|id| !id.is_null());
        let is_answer = event.label.name().starts_with("re:");
        // A message without an id of its own refers to a request of the other side.
        let space = if has_id && !is_answer { own } else { other };
        spaces.entry(event.label.clone()).or_insert(space);
    }
    spaces
}

/// Pairs of places of one message: in how many messages their ids differ, and whether they ever were the same.
#[derive(Default)]
struct Apart(BTreeMap<(usize, usize), (u32, bool)>);

impl Apart {
    /// Adds the ids of a message.
    fn add(&mut self, ids: &[(usize, String)]) {
        for (place, (a, x)) in ids.iter().enumerate() {
            for (b, y) in ids[place + 1..].iter().take(PAIRED) {
                let (differ, same) = self.0.entry((*a.min(b), *a.max(b))).or_default();
                *differ += u32::from(x != y);
                *same |= x == y;
            }
        }
    }

    /// For each place, all places with ids of other things: a message with ids at both never has the same one.
    fn others(&self, places: usize) -> Vec<Vec<usize>> {
        let mut others = vec![Vec::new(); places];
        for ((a, b), (differ, same)) in &self.0 {
            if !same && *differ >= MIN_APART {
                others[*a].push(*b);
                others[*b].push(*a);
            }
        }
        others
    }
}

/// The key classes of a set of sessions. `reply` says where requests have their id, if they have one.
pub(super) fn classes(sessions: &[Session], reply: Option<&str>) -> Vec<Class> {
    Places::of(sessions, reply).joined()
}

/// The places where ids stand, and how they share values.
#[derive(Default)]
struct Places {
    numbers: BTreeMap<Node, usize>,
    /// By place the recordings that have it.
    presence: Vec<BTreeSet<usize>>,
    /// For every pair, the number of recordings in which it shares a value, and the sum of its shares of all values.
    shared: BTreeMap<(usize, usize), (u32, f64)>,
    apart: Apart,
}

impl Places {
    fn of(sessions: &[Session], reply: Option<&str>) -> Places {
        let mut places = Places::default();
        let mut known = Known { duplicates: duplicates(sessions), tokens: tokens(sessions) };
        known.tokens.extend(referring(sessions));
        let spaces = spaces(sessions, reply);
        for (index, session) in sessions.iter().enumerate() {
            let mut holders: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
            for event in &session.events {
                let mut own: Vec<(usize, String)> = Vec::new();
                for (path, text) in ids(event, &known) {
                    // Each side counts separately.
                    let is_number =
                        text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'"');
                    let space = spaces.get(&event.label).filter(|_| is_number);
                    let text = space.map_or(text.clone(), |space| format!("{space:?} {text}"));
                    let node = places.number((event.label.clone(), path));
                    places.presence[node].insert(index);
                    holders.entry(text.clone()).or_default().insert(node);
                    own.push((node, text));
                }
                places.apart.add(&own);
            }
            places.add_shared(holders);
        }
        places
    }

    /// The number of a place; a new one gets the next.
    fn number(&mut self, node: Node) -> usize {
        let next = self.numbers.len();
        let number = *self.numbers.entry(node).or_insert(next);
        if number == next {
            self.presence.push(BTreeSet::new());
        }
        number
    }

    /// Adds what the places of one recording share, which are given by value.
    fn add_shared(&mut self, holders: BTreeMap<String, BTreeSet<usize>>) {
        let mut pairs: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        let mut values: BTreeMap<usize, u32> = BTreeMap::new();
        for nodes in holders.into_values() {
            let nodes: Vec<usize> = nodes.into_iter().collect();
            for (place, a) in nodes.iter().enumerate() {
                *values.entry(*a).or_default() += 1;
                // A value at very many places joins them one by one as well as all with all.
                for b in nodes[place + 1..].iter().take(PAIRED) {
                    *pairs.entry((*a, *b)).or_default() += 1;
                }
            }
        }
        for ((a, b), n) in pairs {
            let (count, part) = self.shared.entry((a, b)).or_default();
            *count += 1;
            *part += f64::from(n) / f64::from(values[&a] + values[&b] - n);
        }
    }

    /// Pairs of places that share enough to be one key, those that share most first. An answer may say the id of a session
    /// now and that of a stream then: it belongs to what it says more often.
    fn joins(&self) -> Vec<(f64, usize, usize)> {
        let mut joins: Vec<(f64, usize, usize)> = Vec::new();
        for ((a, b), (count, part)) in &self.shared {
            let both = self.presence[*a].intersection(&self.presence[*b]).count();
            #[expect(clippy::cast_precision_loss, reason = "numbers of recordings are small")]
            let both = both as f64;
            if f64::from(*count) >= SHARED * both {
                joins.push((part / both, *a, *b));
            }
        }
        joins.sort_by(|x, y| y.0.total_cmp(&x.0).then_with(|| (x.1, x.2).cmp(&(y.1, y.2))));
        joins
    }

    fn joined(self) -> Vec<Class> {
        let others = self.apart.others(self.numbers.len());
        let mut group: Vec<usize> = (0..self.numbers.len()).collect();
        let mut members: Vec<Vec<usize>> = (0..self.numbers.len()).map(|node| vec![node]).collect();
        for (_, a, b) in self.joins() {
            let (from, to) = (group[b], group[a]);
            // A key is one thing under one name; if names differ, only an actual id may join them.
            let is_another =
                || members[from].iter().flat_map(|node| &others[*node]).any(|other| group[*other] == to);
            if from == to || is_another() {
                continue;
            }
            let moved = std::mem::take(&mut members[from]);
            moved.iter().for_each(|node| group[*node] = to);
            members[to].extend(moved);
        }
        let mut classes: Vec<Class> = Vec::new();
        let mut place_of: BTreeMap<usize, usize> = BTreeMap::new();
        // Named by their first node, so that the order of events does not matter.
        for (node, number) in self.numbers {
            let place = *place_of.entry(group[number]).or_insert(classes.len());
            if place == classes.len() {
                classes.push(Class::default());
            }
            classes[place].nodes.insert(node);
        }
        classes
    }
}

/// For every event of a class the pointer under which it carries the key: always there, not pointing at another
/// event's (`parent`, `prev`, `reply`, `ref`), the most frequent.
pub(super) fn primary(class: &Class, sessions: &[Session]) -> BTreeMap<Label, String> {
    let mut counts: BTreeMap<&Node, u32> = BTreeMap::new();
    let mut totals: BTreeMap<&Label, u32> = BTreeMap::new();
    let mut nodes: BTreeMap<&Label, Vec<&Node>> = BTreeMap::new();
    for node in &class.nodes {
        nodes.entry(&node.0).or_default().push(node);
    }
    for event in sessions.iter().flat_map(|session| &session.events) {
        let Some((label, nodes)) = nodes.get_key_value(&event.label) else { continue };
        *totals.entry(label).or_default() += 1;
        for node in nodes {
            if event.data.pointer(&node.1).and_then(id_text).is_some() {
                *counts.entry(node).or_default() += 1;
            }
        }
    }
    let mut primary: BTreeMap<Label, (u32, String)> = BTreeMap::new();
    for (node, count) in counts {
        let leaf = leaf(&node.1);
        let points_elsewhere = ["parent", "prev", "reply", "ref"].iter().any(|word| leaf.starts_with(word));
        // An event with an optional key would be sometimes in a lane and sometimes beside it.
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
