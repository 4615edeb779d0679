//! What is really true of a family in a world: seen in more sessions than anybody would record.
//!
//! Mutations ask it whether the damage they are about to do can be seen at all: an event may be called critical only
//! if it came once in every session, an order dependent only if it was never otherwise.

use crate::families::{Family, World};
use crate::stream::Stream;
use goldwire_core::transcript::Side;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So many sessions are looked at.
const SESSIONS: usize = 150;
/// So many different values of a field are kept.
const VALUES: usize = 40;

/// What is known of one path of one event.
#[derive(Debug, Default)]
pub(crate) struct Field {
    /// How often it was there.
    pub(crate) n: usize,
    pub(crate) types: BTreeSet<&'static str>,
    pub(crate) values: BTreeMap<String, usize>,
    pub(crate) is_empty: bool,
    /// How often its value had come before in the same session; how often from the client.
    known: usize,
    from_client: usize,
    /// How often it was what the opener of its lane has at the same path.
    like_opener: usize,
}

impl Field {
    fn distinct(&self) -> usize {
        self.values.len()
    }

    /// A string that is the same everywhere.
    pub(crate) fn is_constant(&self) -> bool {
        self.distinct() == 1 && self.types.contains("string") && self.types.len() == 1 && !self.is_empty
    }

    /// One of a few strings, each of them common.
    pub(crate) fn is_choice(&self) -> bool {
        (2..=6).contains(&self.distinct())
            && self.types.contains("string")
            && self.types.len() == 1
            && self.values.values().all(|n| n * 20 >= self.n)
    }

    /// A value that had always come before, and varies.
    pub(crate) fn is_bound(&self) -> bool {
        self.known == self.n && self.distinct() >= VALUES && self.types.contains("string")
    }

    /// A value that the client had always sent before, and that varies.
    pub(crate) fn is_echo(&self) -> bool {
        self.from_client == self.n && self.distinct() >= VALUES && self.types.contains("string")
    }

    /// What the opener of its lane says at the same path.
    pub(crate) fn is_of_lane(&self) -> bool {
        self.like_opener == self.n && self.distinct() >= 2
    }

    /// A text that is never empty and no choice.
    pub(crate) fn is_text(&self) -> bool {
        !self.is_empty && self.distinct() > 8 && self.types.contains("string") && self.types.len() == 1
    }
}

/// How two events stood to each other: in how many scopes both were, in how many all of one came before all others.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) both: usize,
    pub(crate) before: usize,
    pub(crate) after: usize,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Event → sessions with it, sessions with exactly one, how often at all.
    counts: BTreeMap<String, (usize, usize, usize)>,
    session: BTreeMap<(String, String), Pair>,
    lane: BTreeMap<(String, String), Pair>,
    /// Event and path.
    pub(crate) fields: BTreeMap<(String, String), Field>,
}

impl Oracle {
    pub(crate) fn ask(family: &Family, world: World) -> Oracle {
        let mut oracle = Oracle::default();
        for number in 0..SESSIONS {
            let day = 1 + u32::try_from(number % 28).unwrap_or(0);
            oracle.see(family, &family.session(world, "oracle", number, day));
        }
        oracle
    }

    fn see(&mut self, family: &Family, stream: &Stream) {
        let labels: Vec<String> =
            stream.said.iter().map(|said| family.label(said.side, &said.data)).collect();
        let mut positions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut lanes: BTreeMap<(usize, String), BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
        let mut openers: BTreeMap<(usize, String), &Value> = BTreeMap::new();
        let mut said_before: BTreeSet<String> = BTreeSet::new();
        let mut said_by_client: BTreeSet<String> = BTreeSet::new();
        for (at, (said, label)) in stream.said.iter().zip(&labels).enumerate() {
            positions.entry(label).or_default().push(at);
            let lane = family.lane(&stream.said, label, &said.data);
            if let Some(lane) = &lane {
                openers.entry(lane.clone()).or_insert(&said.data);
                lanes.entry(lane.clone()).or_default().entry(label).or_default().push(at);
            }
            let opener = lane.and_then(|lane| openers.get(&lane).copied());
            let values = leaves(&said.data, family.records);
            for (path, value) in &values {
                let field = self.fields.entry((label.clone(), path.clone())).or_default();
                field.n += 1;
                field.types.insert(type_of(value));
                field.is_empty |= value.as_str().is_some_and(str::is_empty);
                let text = value.to_string();
                if said.side == Side::Server {
                    field.known += usize::from(said_before.contains(&text));
                    field.from_client += usize::from(said_by_client.contains(&text));
                    let like = opener.filter(|opener| !std::ptr::eq(*opener, &raw const said.data));
                    field.like_opener += usize::from(like.is_some_and(|o| o.pointer(path) == Some(value)));
                }
                if field.values.len() < VALUES || field.values.contains_key(&text) {
                    *field.values.entry(text).or_default() += 1;
                }
            }
            for (_, value) in values.iter().filter(|(_, value)| value.is_string()) {
                said_before.insert(value.to_string());
                if said.side == Side::Client {
                    said_by_client.insert(value.to_string());
                }
            }
        }
        for (label, at) in &positions {
            let count = self.counts.entry((*label).to_owned()).or_default();
            count.0 += 1;
            count.1 += usize::from(at.len() == 1);
            count.2 += at.len();
        }
        note_pairs(&mut self.session, &positions);
        for lane in lanes.values() {
            note_pairs(&mut self.lane, lane);
        }
    }

    /// Whether an event comes in every session, and always once.
    pub(crate) fn is_once(&self, label: &str) -> bool {
        self.counts.get(label).is_some_and(|count| count.1 == SESSIONS)
    }

    /// Whether an event comes in every session.
    pub(crate) fn is_mandatory(&self, label: &str) -> bool {
        self.counts.get(label).is_some_and(|count| count.0 == SESSIONS)
    }

    /// In what share of the sessions an event comes.
    pub(crate) fn share(&self, label: &str) -> f64 {
        self.counts.get(label).map_or(0.0, |count| count.0 as f64 / SESSIONS as f64)
    }

    /// Whether a field is there whenever its event is.
    pub(crate) fn is_always(&self, label: &str, field: &Field) -> bool {
        self.counts.get(label).is_some_and(|count| count.2 == field.n)
    }

    pub(crate) fn in_session(&self, a: &str, b: &str) -> Pair {
        self.session.get(&(a.to_owned(), b.to_owned())).copied().unwrap_or_default()
    }

    pub(crate) fn in_lane(&self, a: &str, b: &str) -> Pair {
        self.lane.get(&(a.to_owned(), b.to_owned())).copied().unwrap_or_default()
    }
}

fn note_pairs(pairs: &mut BTreeMap<(String, String), Pair>, positions: &BTreeMap<&str, Vec<usize>>) {
    for (a, at) in positions {
        for (b, bt) in positions.iter().filter(|(b, _)| *b != a) {
            let pair = pairs.entry(((*a).to_owned(), (*b).to_owned())).or_default();
            pair.both += 1;
            pair.before += usize::from(at.last() < bt.first());
            pair.after += usize::from(bt.last() < at.first());
        }
    }
}

/// The JSON type as the shape of a golden names it.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Every scalar with its JSON pointer; what stands in lists is left out, but for lists that always hold one record.
pub(crate) fn leaves<'v>(value: &'v Value, records: &[&str]) -> Vec<(String, &'v Value)> {
    fn walk<'v>(value: &'v Value, path: &str, records: &[&str], out: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    walk(inner, &format!("{path}/{key}"), records, out);
                }
            }
            Value::Array(list) => {
                if let ([one], true) = (list.as_slice(), records.contains(&path)) {
                    walk(one, &format!("{path}/0"), records, out);
                }
            }
            scalar => out.push((path.to_owned(), scalar)),
        }
    }
    let mut out = Vec::new();
    walk(value, "", records, &mut out);
    out
}
