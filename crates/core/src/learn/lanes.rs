//! Which values make lanes: keys that several events share and of which one session has several.
//!
//! A *node* is an event and a path where an id stands. Nodes that carry the same values are one key class. A class of
//! which sessions have several values, each with several events, makes lanes; lanes nest where each value of one meets
//! only one value of the other.

use super::Session;
use super::paths::word_of;
use crate::dialect::{Event, Label, REQUEST, push_key};
use crate::golden::Format;
use crate::transcript::Side;
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
    /// Pairs of keys: a value of the first meets one value of the second, or none.
    finer: BTreeSet<(String, String)>,
    /// Keys of which a value comes again for another lane, with the event that begins each.
    again: BTreeMap<String, Label>,
}

/// Two nodes are one key when they share a value in this share of the recordings that have both.
const SHARED: f64 = 0.3;
/// So many lanes of a key that never overlapped tell that they never do.
const MIN_ROUNDS: usize = 8;
/// A whole number below this may be the same by chance.
const SMALL: u64 = 1_000_000;
/// So many digits are the same by chance, as a text here and as a number there.
const SHORT: usize = 6;
/// So many places of one value are joined with each of them.
const PAIRED: usize = 64;
/// In so many messages two ids differ before they are ids of two things.
const MIN_APART: u32 = 8;
/// A tuple has at most so many places.
const MAX_PLACES: usize = 8;

#[derive(Default)]
struct Class {
    nodes: BTreeSet<Node>,
}

impl Lanes {
    /// Finds the keys of a set of sessions. `reply` says where requests have their id, if they have one.
    pub(super) fn find(sessions: &[Session], reply: Option<&str>) -> Lanes {
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

    /// Whether an event begins another lane of a key, though one of the same value may have been there before.
    pub(super) fn begins_again(&self, label: &Label, key: &str) -> bool {
        self.again.get(key) == Some(label)
    }

    /// The key of the lanes in which an event stands, innermost.
    pub(super) fn home(&self, label: &Label) -> Option<&str> {
        self.homes.get(label).map(String::as_str)
    }

    /// The key of the lanes in which an event stands, by its place among the keys.
    pub(super) fn home_number(&self, label: &Label) -> Option<u32> {
        let home = self.homes.get(label)?;
        self.pointers.keys().position(|key| key == home).and_then(|place| u32::try_from(place).ok())
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

    /// Whether nearly every lane of `inner` has an event that carries `outer`. A request may be about a stream or about the whole
    /// session: then requests do not lie in streams.
    fn is_around(&self, sessions: &[Session], outer: &str, inner: &str) -> bool {
        let (mut lanes, mut around) = (0, 0);
        for session in sessions {
            let mut met: BTreeMap<String, bool> = BTreeMap::new();
            for event in &session.events {
                if let Some(value) = self.value(event, inner) {
                    *met.entry(value).or_default() |= self.value(event, outer).is_some();
                }
            }
            lanes += met.len();
            around += met.values().filter(|met| **met).count();
        }
        around * 20 >= lanes * 19
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
        for (key, parents) in &mut above {
            parents.retain(|parent| {
                let is_around = self.is_around(sessions, parent, key);
                if !is_around {
                    self.finer.insert((key.clone(), parent.clone()));
                }
                is_around
            });
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
            let mut own: Vec<(&String, usize)> = own.collect();
            // Of two keys of which neither lies in the other, the finer one says more.
            let keys: Vec<&String> = own.iter().map(|(key, _)| *key).collect();
            own.retain(|(key, _)| {
                !keys.iter().any(|other| self.finer.contains(&((*other).clone(), (*key).clone())))
            });
            let home = own
                .into_iter()
                .max_by(|a, b| (depth(a.0), a.1).cmp(&(depth(b.0), b.1)).then_with(|| b.0.cmp(a.0)));
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

/// An id as the text by which it is told from others. A short one of digits is another as a text than as a number: the 5th
/// message of a room is no answer to the request `"5"`.
fn told_apart(value: &Value) -> Option<String> {
    let text = id_text(value)?;
    let is_short = value.is_string() && text.len() <= SHORT && text.bytes().all(|byte| byte.is_ascii_digit());
    Some(if is_short { format!("{text:?}") } else { text })
}

/// Whether a value looks like an id rather than a word, a text or a date.
pub(super) fn is_id(path: &str, value: &Value) -> bool {
    let leaf = leaf(path);
    let named = leaf == "id" || ["_id", "-id", "Id", "ID"].iter().any(|end| leaf.ends_with(end));
    match value {
        Value::String(text) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            // A counter, written as a text.
            let counts = named && digits > 0 && digits == text.len() && digits <= 20;
            let long = (6..=200).contains(&text.len()) && !text.contains(char::is_whitespace);
            let is_of = || match Format::of(text) {
                Some(format) => format != Format::Timestamp,
                None => {
                    (digits >= 4 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c)))
                        || (named && digits > 0)
                }
            };
            counts || (long && is_of())
        }
        Value::Number(number) => named && !number.is_f64(),
        _ => false,
    }
}

/// Whether a field says by its name that it refers to something: `id`, `callId`, `progressToken`, `ref`, and any place of
/// a tuple.
pub(super) fn is_reference(path: &str) -> bool {
    let leaf = leaf(path);
    let lower = leaf.to_ascii_lowercase();
    ["id", "ref", "token", "tx", "transaction", "nonce", "uuid", "cid", "correlation"]
        .contains(&lower.as_str())
        || ["_id", "-id", "Id", "ID", "_ref", "Ref", "_token", "Token", "_key"]
            .iter()
            .any(|end| leaf.ends_with(end))
        || (!leaf.is_empty() && leaf.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a field says by its name that it numbers the parts of something.
fn is_place(leaf: &str) -> bool {
    leaf == "index" || leaf == "idx" || leaf.ends_with("_index") || leaf.ends_with("Index")
}

/// What makes a value a key besides its look.
#[derive(Default)]
struct Known {
    /// Fields whose number is always that of the id beside it.
    twins: BTreeSet<String>,
    /// Places of what one side gave and the other said again, and of numbers that are always ids of something.
    tokens: BTreeSet<Node>,
}

/// Every id in a payload with its pointer; items of lists are not keys of their event, places of a tuple are.
fn ids(event: &Event, known: &Known) -> Vec<(String, String)> {
    let mut out = Vec::new();
    walk(&event.data, &mut |path, value| {
        let is_token =
            || !known.tokens.is_empty() && known.tokens.contains(&(event.label.clone(), path.to_owned()));
        if is_id(path, value) || (value.is_u64() && known.twins.contains(leaf(path))) || is_token() {
            out.extend(told_apart(value).map(|text| (path.to_owned(), text)));
        }
    });
    out
}

/// Visits the values of a payload that are no objects, each with the pointer that leads to it.
fn walk(data: &Value, visit: &mut impl FnMut(&str, &Value)) {
    fn descend(value: &Value, path: &mut String, depth: usize, visit: &mut impl FnMut(&str, &Value)) {
        let here = path.len();
        match value {
            Value::Object(map) if depth < 5 => {
                for (key, item) in map {
                    push_key(path, key);
                    descend(item, path, depth + 1, visit);
                    path.truncate(here);
                }
            }
            Value::Array(items) if depth == 0 && items.len() <= MAX_PLACES => {
                for (place, item) in items.iter().enumerate() {
                    push_key(path, &place.to_string());
                    descend(item, path, 1, visit);
                    path.truncate(here);
                }
            }
            value => visit(path, value),
        }
    }
    descend(data, &mut String::new(), 0, visit);
}

fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default().trim_start_matches('@')
}

/// Fields whose number is always that of the id beside it: another name for the id (`progressToken` in MCP).
fn twins(sessions: &[Session]) -> BTreeSet<String> {
    let mut agree: BTreeMap<Node, BTreeSet<String>> = BTreeMap::new();
    let mut differ: BTreeSet<Node> = BTreeSet::new();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let (mut numbers, mut own) = (Vec::new(), BTreeSet::new());
        walk(&event.data, &mut |path, value| {
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

/// How often a place shows a value, and how often that had been said before.
#[derive(Default)]
struct Echo {
    n: u32,
    again: u32,
    /// Whether it showed one value twice in a session.
    repeats: bool,
    values: BTreeSet<String>,
}

/// Places of tokens: what one side gives in a field that refers to something, each time another one, and the other side
/// says again in a field of that name. It need not look like an id.
fn tokens(sessions: &[Session]) -> BTreeSet<Node> {
    let mut echoes: BTreeMap<Node, Echo> = BTreeMap::new();
    for session in sessions {
        let mut said: BTreeMap<(Side, String, String), BTreeSet<Node>> = BTreeMap::new();
        for event in &session.events {
            walk(&event.data, &mut |path, value| {
                let text =
                    id_text(value).filter(|text| text.len() <= 64 && !text.contains(char::is_whitespace));
                let Some(text) = text.filter(|_| is_reference(path)) else { return };
                let (side, other) = match event.label.side() {
                    Side::Client => (Side::Client, Side::Server),
                    Side::Server => (Side::Server, Side::Client),
                };
                let node = (event.label.clone(), path.to_owned());
                let echo = echoes.entry(node.clone()).or_default();
                echo.n += 1;
                let is_again = said.contains_key(&(other, leaf(path).to_owned(), text.clone()));
                echo.again += u32::from(is_again);
                let before = said.entry((side, leaf(path).to_owned(), text.clone())).or_default();
                echo.repeats |= !before.insert(node);
                if echo.values.len() < 3 {
                    echo.values.insert(text);
                }
            });
        }
    }
    let mut tokens = BTreeSet::new();
    let fields: BTreeSet<(Side, &str)> =
        echoes.keys().map(|(label, path)| (label.side(), leaf(path))).collect();
    for (side, field) in fields {
        let of = |asks: bool| {
            echoes.iter().filter(move |((label, path), echo)| {
                leaf(path) == field
                    && (label.side() == side) == asks
                    && if asks {
                        !echo.repeats && echo.again == 0
                    } else {
                        echo.n >= 3 && echo.again * 10 >= echo.n * 9
                    }
            })
        };
        if of(true).next().is_some() && of(false).any(|(_, echo)| echo.values.len() > 1) {
            tokens.extend(of(true).chain(of(false)).map(|(node, _)| node.clone()));
        }
    }
    tokens
}

/// Places of great numbers that are an id which the session has said before, whatever the field is called (`sender` in Janus).
/// No two things have one such number by chance.
fn referring(sessions: &[Session]) -> BTreeSet<Node> {
    let mut echoes: BTreeMap<Node, Echo> = BTreeMap::new();
    for session in sessions {
        let mut said: BTreeSet<u64> = BTreeSet::new();
        for event in &session.events {
            walk(&event.data, &mut |path, value| {
                let Some(number) = value.as_u64().filter(|number| *number >= SMALL) else { return };
                if is_id(path, value) {
                    said.insert(number);
                } else {
                    let echo = echoes.entry((event.label.clone(), path.to_owned())).or_default();
                    echo.n += 1;
                    echo.again += u32::from(said.contains(&number));
                }
            });
        }
    }
    let refers = |(_, echo): &(Node, Echo)| echo.n >= MIN_APART && echo.again * 10 >= echo.n * 9;
    echoes.into_iter().filter(refers).map(|(node, _)| node).collect()
}

/// Whose requests an event's ids are about, where both sides number theirs: those of the side that asked.
fn spaces(sessions: &[Session], reply: Option<&str>) -> BTreeMap<Label, Side> {
    let Some(reply) = reply else { return BTreeMap::new() };
    let mut spaces = BTreeMap::new();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let own = event.label.side();
        let other = if own == Side::Client { Side::Server } else { Side::Client };
        let has_id = event.data.pointer(reply).is_some_and(|id| !id.is_null());
        let is_answer = event.label.name().starts_with("re:");
        // What has no id of its own tells of a request of the other side.
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

    /// By place all places with ids of other things: a message that has an id at both never has the same one.
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

fn classes(sessions: &[Session], reply: Option<&str>) -> Vec<Class> {
    let mut numbers: BTreeMap<Node, usize> = BTreeMap::new();
    let mut presence: Vec<BTreeSet<usize>> = Vec::new();
    // Of every pair in how many recordings it shares a value, and which part of all values it shares, summed over them.
    let mut shared: BTreeMap<(usize, usize), (u32, f64)> = BTreeMap::new();
    let mut apart = Apart::default();
    let mut known = Known { twins: twins(sessions), tokens: tokens(sessions) };
    known.tokens.extend(referring(sessions));
    let spaces = spaces(sessions, reply);
    for (index, session) in sessions.iter().enumerate() {
        let mut holders: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for event in &session.events {
            let mut own: Vec<(usize, String)> = Vec::new();
            for (path, text) in ids(event, &known) {
                // Each side counts for itself.
                let is_number =
                    text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'"');
                let space = spaces.get(&event.label).filter(|_| is_number);
                let text = space.map_or(text.clone(), |space| format!("{space:?} {text}"));
                let next = numbers.len();
                let node = *numbers.entry((event.label.clone(), path)).or_insert(next);
                if node == next {
                    presence.push(BTreeSet::new());
                }
                presence[node].insert(index);
                holders.entry(text.clone()).or_default().insert(node);
                own.push((node, text));
            }
            apart.add(&own);
        }
        let mut pairs: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        let mut values: BTreeMap<usize, u32> = BTreeMap::new();
        for nodes in holders.into_values() {
            let nodes: Vec<usize> = nodes.into_iter().collect();
            for (place, a) in nodes.iter().enumerate() {
                *values.entry(*a).or_default() += 1;
                // What stands in very many places joins them one by one as well as all with all.
                for b in nodes[place + 1..].iter().take(PAIRED) {
                    *pairs.entry((*a, *b)).or_default() += 1;
                }
            }
        }
        for ((a, b), n) in pairs {
            let (count, part) = shared.entry((a, b)).or_default();
            *count += 1;
            *part += f64::from(n) / f64::from(values[&a] + values[&b] - n);
        }
    }
    let mut joins: Vec<(f64, usize, usize)> = Vec::new();
    for ((a, b), (count, part)) in shared {
        let both = presence[a].intersection(&presence[b]).count();
        #[expect(clippy::cast_precision_loss, reason = "numbers of recordings are small")]
        let both = both as f64;
        if f64::from(count) >= SHARED * both {
            joins.push((part / both, a, b));
        }
    }
    // The places that share most are joined first. An answer may say the id of a session now and that of a stream then: it
    // belongs to what it says more often.
    joins.sort_by(|x, y| y.0.total_cmp(&x.0).then_with(|| (x.1, x.2).cmp(&(y.1, y.2))));
    let others = apart.others(numbers.len());
    let mut group: Vec<usize> = (0..numbers.len()).collect();
    let mut members: Vec<Vec<usize>> = (0..numbers.len()).map(|node| vec![node]).collect();
    for (_, a, b) in joins {
        let (from, to) = (group[b], group[a]);
        // A key is one thing under one name; where names differ, only an actual id may join them.
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
    // By the name of their first node: in which order events came makes no difference.
    for (node, number) in numbers {
        let place = *place_of.entry(group[number]).or_insert(classes.len());
        if place == classes.len() {
            classes.push(Class::default());
        }
        classes[place].nodes.insert(node);
    }
    classes
}

/// For every event of a class the pointer under which it carries the key: always there, not pointing at another
/// event's (`parent`, `prev`, `reply`, `ref`), the most frequent.
fn primary(class: &Class, sessions: &[Session]) -> BTreeMap<Label, String> {
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

/// Whether the values of a key are one thing each. Small numbers come again by chance: they are a key where both sides
/// say the same ones, or where each begins with the same event.
fn is_key(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
    let value = |event: &Event| {
        let value = event.data.pointer(pointers.get(&event.label)?)?;
        Some((value.as_u64().is_some_and(|number| number < SMALL), id_text(value)?))
    };
    let (mut small, mut all, mut distinct, mut both) = (0, 0, 0, 0);
    for session in sessions {
        let mut sides: BTreeMap<String, BTreeSet<Side>> = BTreeMap::new();
        for event in &session.events {
            if let Some((is_small, text)) = value(event) {
                all += 1;
                small += u32::from(is_small);
                sides.entry(text).or_default().insert(event.label.side());
            }
        }
        distinct += sides.len();
        both += sides.values().filter(|sides| sides.len() > 1).count();
    }
    small * 2 < all || both * 10 >= distinct * 6 || (pointers.len() > 1 && begins_alike(pointers, sessions))
}

/// The event that comes first with most values of a key.
fn opener(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> Option<Label> {
    let mut first: BTreeMap<&Label, u32> = BTreeMap::new();
    for session in sessions {
        let mut seen = BTreeSet::new();
        for event in &session.events {
            let text = pointers.get(&event.label).and_then(|at| event.data.pointer(at)).and_then(id_text);
            if text.is_some_and(|text| seen.insert(text)) {
                *first.entry(&event.label).or_default() += 1;
            }
        }
    }
    first.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0))).map(|(label, _)| label.clone())
}

/// Whether there are lanes enough to tell, and nearly all of them begin with one and the same event, which begins no
/// lane of a value twice before another event of the lane came.
fn begins_alike(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
    let mut first: BTreeMap<&Label, u32> = BTreeMap::new();
    let (mut lanes, mut doubled) = (0, 0);
    for session in sessions {
        let mut last: BTreeMap<String, &Label> = BTreeMap::new();
        for event in &session.events {
            let text = pointers.get(&event.label).and_then(|at| event.data.pointer(at)).and_then(id_text);
            let Some(text) = text else { continue };
            match last.insert(text, &event.label) {
                None => {
                    lanes += 1;
                    *first.entry(&event.label).or_default() += 1;
                }
                Some(before) if *before == event.label && first.contains_key(before) => doubled += 1,
                Some(_) => {}
            }
        }
    }
    let most = first.values().copied().max().unwrap_or(0);
    lanes >= 3 && most * 20 >= lanes * 19 && doubled * 20 <= lanes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::order;
    use crate::transcript::Offset;
    use serde_json::json;

    /// A session of these events, in this order, 20 ms apart.
    fn session(events: Vec<(String, Value)>) -> Session {
        let event = |(i, (name, data)): (usize, (String, Value))| {
            let at = Offset::from_nanos(u64::try_from(i).expect("small") * 20_000_000);
            Event { label: Label::from(name.as_str()), at, frame: i, conn: 0, data }
        };
        Session {
            events: events.into_iter().enumerate().map(event).collect(),
            ending: "client 1000".to_owned(),
        }
    }

    fn learned(sessions: &[Session], reply: Option<&str>) -> String {
        let lanes = Lanes::find(sessions, reply);
        let (order, _) = order::learn(sessions, &lanes, None);
        order.to_string()
    }

    #[test]
    fn an_answer_that_says_ids_of_two_things_joins_them_to_none() {
        // Of a media server: it answers whatever makes something with the new id, of the session first and then of two streams,
        // which their own events call the sender. What keeps the session alive is asked of no stream.
        let sessions: Vec<Session> = (0..8_u64)
            .map(|n| {
                let (own, streams) = (7_000_000_100 + n, [7_000_000_300 + n, 7_000_000_500 + n]);
                let mut asked = 0;
                let mut events = Vec::new();
                let mut ask = |name: &str, answer: &str, stream: Option<u64>, made: Option<u64>| {
                    asked += 1;
                    let transaction = format!("t{n}x{asked}k4711");
                    let mut request = json!({"transaction": transaction, "session_id": own});
                    if let Some(stream) = stream {
                        request["handle_id"] = json!(stream);
                    }
                    let mut answered = json!({"transaction": transaction});
                    if let Some(made) = made {
                        answered["data"] = json!({"id": made});
                    }
                    events.push((format!(">{name}"), request));
                    events.push((answer.to_owned(), answered));
                };
                ask("create", "success", None, Some(own));
                for stream in streams {
                    ask("attach", "success", None, Some(stream));
                    ask("list", "success", Some(stream), None);
                    ask("list", "success", Some(stream), None);
                    ask("message", "ack", Some(stream), None);
                    ask("message", "ack", Some(stream), None);
                }
                ask("keepalive", "ack", None, None);
                let at = usize::try_from(n % 3).expect("small");
                for (place, stream) in [(10 + at, streams[0]), (20 + at, streams[1])] {
                    events.insert(place, ("up".to_owned(), json!({"session_id": own, "sender": stream})));
                }
                for stream in streams {
                    events.push(("down".to_owned(), json!({"session_id": own, "sender": stream})));
                }
                session(events)
            })
            .collect();
        let order = learned(&sessions, None);
        assert_eq!(
            order,
            "each handle_id ( up ; down )+ & each transaction ( ( >attach | >create | >list ) ; success )+ & \
             each transaction_2 ( ( >keepalive | >message ) ; ack )+"
        );
    }

    #[test]
    fn progress_lies_in_the_lane_of_the_token_that_its_request_gave() {
        let sessions: Vec<Session> = (0..6)
            .map(|n| {
                let call = |id: u64| {
                    (
                        ">call".to_owned(),
                        json!({"id": id, "params": {"_meta": {"progressToken": format!("t{n}{id}")}}}),
                    )
                };
                let progress = |id: u64| {
                    ("progress".to_owned(), json!({"params": {"progressToken": format!("t{n}{id}")}}))
                };
                let answer = |id: u64| ("re:call".to_owned(), json!({"id": id, "result": {}}));
                session(vec![
                    call(1),
                    call(2),
                    progress(2),
                    progress(1),
                    progress(1),
                    answer(1),
                    progress(2),
                    answer(2),
                ])
            })
            .collect();
        assert_eq!(
            learned(&sessions, Some("/id")),
            "each id ( each progressToken ( >call ; progress+ ) ; re:call )+"
        );
    }

    #[test]
    fn each_side_numbers_its_own_requests() {
        let sessions: Vec<Session> = (0..6)
            .map(|n| {
                let of = |name: &str, id: u64| (name.to_owned(), json!({ "id": id, "n": n }));
                // The server asks while the client's requests are open, under the same numbers.
                session(vec![
                    of(">call", 1),
                    of(">call", 2),
                    of("sample", 1),
                    of(">re:sample", 1),
                    of("re:call", 2),
                    of("sample", 2),
                    of("re:call", 1),
                    of(">re:sample", 2),
                ])
            })
            .collect();
        assert_eq!(
            learned(&sessions, Some("/id")),
            "each id ( >call ; re:call )+ & each id_2 ( sample ; >re:sample )+"
        );
    }

    #[test]
    fn a_small_number_that_comes_again_by_chance_is_no_key() {
        let states = ["new", "paid", "shipped"];
        let order =
            |n: usize, i: usize| (states[(n * 7 + i * 5) % 3].to_owned(), json!({"id": (n * 3 + i * i) % 6}));
        let sessions: Vec<Session> = (0..8).map(|n| session((0..9).map(|i| order(n, i)).collect())).collect();
        assert!(Lanes::find(&sessions, None).pointers.is_empty());
        // One that everything begins with alike is, though only one side says it.
        let job = |name: &str, id: usize| (name.to_owned(), json!({ "jobId": id }));
        let sessions: Vec<Session> = (1..8)
            .map(|_| session(vec![job("begun", 1), job("begun", 2), job("done", 2), job("done", 1)]))
            .collect();
        assert_eq!(learned(&sessions, None), "each jobId ( begun ; done )+");
    }

    #[test]
    fn blocks_that_are_numbered_anew_in_every_message_are_lanes() {
        let block = |name: &str, index: u64| (name.to_owned(), json!({ "index": index }));
        let plain = |name: &str| (name.to_owned(), json!({}));
        let message = |blocks: u64| {
            let mut events = vec![plain(">ask"), plain("begin")];
            for index in 0..blocks {
                events.push(block("open", index));
                events.extend((0..=blocks).map(|_| block("delta", index)));
                events.push(block("close", index));
            }
            events.push(plain("end"));
            events
        };
        let sessions: Vec<Session> =
            (0..6).map(|n| session([message(2 + n % 2), message(1 + n % 3), message(3)].concat())).collect();
        let order = learned(&sessions, None);
        assert_eq!(order, "( >ask ; begin ; each index ( open ; delta+ ; close )+ ; end )+");
    }

    #[test]
    fn runs_that_never_overlap_are_rounds_and_not_lanes() {
        let run = |n: u64, run: u64, steps: u64| {
            let id = format!("run_{:06}", n * 100 + run + 1);
            let named = |name: &str| (name.to_owned(), json!({ "runId": id }));
            let mut events = vec![named(">go"), named("started")];
            for _ in 0..steps {
                events.extend(["step", "note", "note", "fin"].map(|name| (name.to_owned(), json!({}))));
            }
            events.push(named("finished"));
            events
        };
        let sessions: Vec<Session> =
            (0..6).map(|n| session([run(n, 1, 1 + n % 2), run(n, 2, 2), run(n, 3, 1)].concat())).collect();
        assert_eq!(learned(&sessions, None), "( >go ; started ; ( step ; note+ ; fin )+ ; finished )+");
    }

    #[test]
    fn a_reference_of_a_tuple_is_a_key_however_short() {
        let push =
            |name: &str, reference: u64| (name.to_owned(), json!([null, reference.to_string(), "room", {}]));
        let sessions: Vec<Session> = (0..6)
            .map(|_| session(vec![push(">join", 1), push(">say", 2), push("reply", 2), push("reply", 1)]))
            .collect();
        assert_eq!(learned(&sessions, None), "each key ( ( >join | >say ) ; reply )+");
    }
}
