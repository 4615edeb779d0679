//! A field that may hold the name of messages: how often it says what, and how much that tells of their shapes.

use crate::dialect::pointer;
use crate::golden::Format;
use crate::learn::lanes::is_reference;
use crate::learn::paths::MAX_PLACES;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names that discriminating fields usually have.
pub(in crate::learn) const USUAL: [&str; 9] =
    ["type", "event", "kind", "method", "msg_type", "op", "action", "cmd", "t"];
/// Names of fields that hold what people or models say, choose or are called, and never what a message is.
pub(in crate::learn) const CONTENT: [&str; 22] = [
    "prompt", "text", "content", "body", "query", "question", "answer", "model", "room", "user", "username",
    "author", "title", "lang", "language", "locale", "url", "uri", "path", "email", "symbol", "version",
];
/// At most so many different names.
pub(super) const MAX_NAMES: usize = 200;
/// At most so many words make one event several that has no name of its own.
pub(in crate::learn) const MAX_KINDS: usize = 64;
/// The largest number that may be a name: an operation's code, not a measurement.
pub(super) const MAX_CODE: u64 = 999;

/// What stands before a number among the names of a candidate; no word begins so.
pub(super) const CODE_MARK: char = '#';

/// So many bits the codes of lists tell at least about the shapes of what follows.
pub(in crate::learn) const MIN_BITS: f64 = 1.0;

#[derive(Default)]
pub(in crate::learn) struct Candidate {
    /// Name → shape → how often.
    pub(in crate::learn) joint: BTreeMap<String, BTreeMap<u64, u32>>,
    /// Name → in how many recordings.
    pub(super) recordings: BTreeMap<String, u32>,
    /// How often something else stood there that could have been a name.
    pub(super) others: u32,
}

impl Candidate {
    /// Adds a message of this name and shape.
    pub(in crate::learn) fn add(&mut self, name: &str, shape: u64) {
        *self.joint.entry(name.to_owned()).or_default().entry(shape).or_default() += 1;
    }

    /// Adds the names that one recording has.
    pub(in crate::learn) fn add_recording<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        names.into_iter().for_each(|name| *self.recordings.entry(name.to_owned()).or_default() += 1);
    }

    /// How many messages it names.
    pub(super) fn covered(&self) -> u32 {
        self.joint.values().flat_map(BTreeMap::values).sum()
    }

    /// Whether so many tenths of the names come in several recordings; of one recording all do.
    pub(in crate::learn) fn recurs(&self, recordings: usize, tenths: usize) -> bool {
        let recurring = self.recordings.values().filter(|runs| **runs >= 2 || recordings == 1).count();
        recurring * 10 >= self.recordings.len() * tenths
    }
}

/// Fields down to the second level where a name could stand, with what it would be; none where a text or an id stands.
pub(super) fn names(value: &Value) -> Vec<(String, Option<String>)> {
    let is_name = |text: &str| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-".contains(c))
            && Format::of(text).is_none()
    };
    let name_of = |path: &str, item: &Value| -> Option<Option<String>> {
        let leaf = path.rsplit('/').next().unwrap_or_default();
        let lower = leaf.to_ascii_lowercase();
        if CONTENT.contains(&lower.as_str())
            || (is_reference(path) && !leaf.starts_with(|c: char| c.is_ascii_digit()))
        {
            return None;
        }
        match item {
            Value::String(text) => Some(is_name(text).then(|| text.clone())),
            Value::Number(code) if USUAL.contains(&leaf) || lower == "opcode" => {
                Some(code.as_u64().filter(|code| *code <= MAX_CODE).map(|code| format!("{CODE_MARK}{code}")))
            }
            _ => None,
        }
    };
    let mut found = Vec::new();
    for (path, item) in fields(value) {
        if let Value::Object(inner) = item {
            for (below, item) in inner {
                let path = format!("{path}{}", pointer([below.as_str()]));
                found.extend(name_of(&path, item).map(|name| (path, name)));
            }
        } else {
            found.extend(name_of(&path, item).map(|name| (path, name)));
        }
    }
    found
}

/// The fields of an object; the items of a short list, whose places have each a meaning of their own.
pub(super) fn fields(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(map) => map.iter().map(|(key, item)| (pointer([key.as_str()]), item)).collect(),
        Value::Array(items) if items.len() <= MAX_PLACES => {
            items.iter().enumerate().map(|(place, item)| (format!("/{place}"), item)).collect()
        }
        _ => Vec::new(),
    }
}

/// A fingerprint of the set of paths down to the second level.
pub(super) fn shape(value: &Value) -> u64 {
    let mut paths = BTreeSet::new();
    for (path, item) in fields(value) {
        for below in item.as_object().into_iter().flat_map(|map| map.keys()) {
            paths.insert(format!("{path}{}", pointer([below.as_str()])));
        }
        paths.insert(path);
    }
    print_of(&paths)
}

/// A fingerprint of some paths.
pub(in crate::learn) fn print_of(paths: &BTreeSet<String>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    paths.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn entropy(counts: impl Iterator<Item = u32> + Clone) -> f64 {
    let total: f64 = counts.clone().map(f64::from).sum();
    counts.map(f64::from).filter(|n| *n > 0.0).map(|n| -(n / total) * (n / total).log2()).sum()
}

/// Mutual information between name and shape, in bits.
pub(in crate::learn) fn information(candidate: &Candidate) -> f64 {
    let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
    for (shape, n) in candidate.joint.values().flatten() {
        *shapes.entry(*shape).or_default() += n;
    }
    let names = candidate.joint.values().map(|shapes| shapes.values().sum::<u32>());
    let both = candidate.joint.values().flat_map(|shapes| shapes.values().copied());
    entropy(names.collect::<Vec<_>>().into_iter()) + entropy(shapes.values().copied())
        - entropy(both.collect::<Vec<_>>().into_iter())
}
