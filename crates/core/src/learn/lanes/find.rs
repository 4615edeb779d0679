//! Finds the keys of a set of sessions.

use super::classes::{classes, primary};
use super::ids::{is_place, leaf, walk};
use super::key::{begins_alike, is_key, makes_lanes, opener};
use super::table::Lanes;
use crate::dialect::{Label, REQUEST};
use crate::learn::paths::word_of;
use crate::learn::session::Session;
use std::collections::{BTreeMap, BTreeSet};

/// Two nodes are one key when they share a value in this share of the recordings that have both.
pub(super) const SHARED: f64 = 0.3;
/// So many lanes of a key that never overlapped tell that they never do.
const MIN_ROUNDS: usize = 8;

impl Lanes {
    /// Finds the keys of a set of sessions. `reply` says where requests have their id, if they have one.
    pub(in crate::learn) fn find(sessions: &[Session], reply: Option<&str>) -> Lanes {
        let classes = classes(sessions, reply);
        let mut lanes = Lanes::default();
        let mut used: BTreeSet<String> = BTreeSet::new();
        for class in &classes {
            let pointers = primary(class, sessions);
            if !makes_lanes(&pointers, sessions) || !is_key(&pointers, sessions) {
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
        let inner = lanes.drop_aliases(sessions);
        lanes.drop_rounds(sessions);
        lanes.nest(sessions);
        for (key, parent) in &inner {
            if lanes.pointers.contains_key(key) && lanes.pointers.contains_key(parent) {
                lanes.parents.insert(key.clone(), parent.clone());
            }
        }
        lanes.settle();
        // What has room for one event only is no lane.
        let lonely = |key: &String| lanes.homes.values().filter(|home| *home == key).count() < 2;
        let lonely: Vec<String> = inner.into_iter().map(|(key, _)| key).filter(lonely).collect();
        if !lonely.is_empty() {
            for key in lonely {
                lanes.pointers.remove(&key);
                lanes.parents.remove(&key);
            }
            lanes.parents.retain(|_, parent| lanes.pointers.contains_key(parent));
            lanes.homes.clear();
            lanes.settle();
        }
        lanes.add_places(sessions, &used);
        lanes
    }

    /// Fields that number the parts of something, and begin again with the next one: the blocks of a message by `index`.
    /// Only events that stand in no other lane are told apart so.
    fn add_places(&mut self, sessions: &[Session], used: &BTreeSet<String>) {
        let mut places: BTreeMap<String, BTreeMap<Label, String>> = BTreeMap::new();
        let mut counts: BTreeMap<&Label, usize> = BTreeMap::new();
        let mut with: BTreeMap<(Label, String), usize> = BTreeMap::new();
        for event in sessions.iter().flat_map(|session| &session.events) {
            *counts.entry(&event.label).or_default() += 1;
            walk(&event.data, &mut |path, value| {
                if is_place(leaf(path)) && value.is_u64() {
                    *with.entry((event.label.clone(), path.to_owned())).or_default() += 1;
                }
            });
        }
        for ((label, path), n) in with {
            // Nearest to the top first, by the order of paths.
            if counts[&label] == n && self.home(&label).is_none() {
                let own = places.entry(leaf(&path).to_owned()).or_default();
                if own
                    .get(&label)
                    .is_none_or(|before| before.matches('/').count() > path.matches('/').count())
                {
                    own.insert(label, path);
                }
            }
        }
        for pointers in places.into_values() {
            let taken = pointers.keys().any(|label| self.homes.contains_key(label));
            if taken
                || pointers.len() < 2
                || !makes_lanes(&pointers, sessions)
                || !begins_alike(&pointers, sessions)
            {
                continue;
            }
            let names = used.iter().chain(self.pointers.keys()).cloned().collect();
            let name = name_of(&pointers, &names);
            self.again.extend(opener(&pointers, sessions).map(|label| (name.clone(), label)));
            for label in pointers.keys() {
                self.homes.insert(label.clone(), name.clone());
            }
            self.pointers.insert(name, pointers);
        }
    }

    /// A key of which no two lanes ever overlap, and within whose lanes mostly other events come, tells rounds apart, not
    /// lanes: all that comes between the beginning of a run and its end belongs to the run, with its id or without.
    fn drop_rounds(&mut self, sessions: &[Session]) {
        let is_round = |key: &String| {
            let (mut lanes, mut wide, mut runs) = (0, 0, 0);
            for session in sessions {
                let mut spans: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
                for (at, event) in session.events.iter().enumerate() {
                    if let Some(value) = self.value(event, key) {
                        let span = spans.entry(value).or_insert((at, at, 0));
                        (span.1, span.2) = (at, span.2 + 1);
                    }
                }
                let mut spans: Vec<(usize, usize, usize)> = spans.into_values().collect();
                spans.sort_unstable();
                if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
                    return false;
                }
                lanes += spans.len();
                wide += spans.iter().filter(|(first, last, own)| (last + 1 - first) >= 2 * own).count();
                runs += usize::from(spans.len() > 1);
            }
            runs >= 2 && lanes >= MIN_ROUNDS && wide * 10 >= lanes * 6
        };
        let rounds: Vec<String> = self.pointers.keys().filter(|key| is_round(key)).cloned().collect();
        for key in rounds {
            self.pointers.remove(&key);
        }
    }

    /// Two keys whose values correspond one to one are one key; the one that more events carry stays. Where the other one
    /// has events that carry it alone, as progress has the token that its request gave it, its lanes lie within: it and
    /// the key around it are answered.
    fn drop_aliases(&mut self, sessions: &[Session]) -> Vec<(String, String)> {
        let keys: Vec<String> = self.pointers.keys().cloned().collect();
        let mut inner = Vec::new();
        for a in &keys {
            for b in &keys {
                if a >= b || !self.pointers.contains_key(a) || !self.pointers.contains_key(b) {
                    continue;
                }
                if self.determines(sessions, a, b) && self.determines(sessions, b, a) {
                    let (stays, other) =
                        if self.pointers[a].len() >= self.pointers[b].len() { (a, b) } else { (b, a) };
                    let has_own =
                        self.pointers[other].keys().any(|label| !self.pointers[stays].contains_key(label));
                    if has_own && self.begins_with_both(sessions, stays, other) {
                        inner.push((other.clone(), stays.clone()));
                    } else {
                        self.pointers.remove(other);
                    }
                }
            }
        }
        inner
    }

    /// Whether every lane of `inner` that has several events begins with one that carries `outer`, too.
    fn begins_with_both(&self, sessions: &[Session], outer: &str, inner: &str) -> bool {
        sessions.iter().all(|session| {
            let mut lanes: BTreeMap<String, (bool, u32)> = BTreeMap::new();
            for event in &session.events {
                if let Some(value) = self.value(event, inner) {
                    lanes.entry(value).or_insert((self.value(event, outer).is_some(), 0)).1 += 1;
                }
            }
            lanes.values().all(|(begins, events)| *begins || *events < 2)
        })
    }
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
        let leaf = word_of(pointer);
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
