//! What events are called: finding the JSON pointer of the name, for each side.
//!
//! Candidates are string fields near the top whose values recur and look like identifiers. The best one tells most
//! about the shape of the message (mutual information), with a bonus for the names that such fields usually have.

use crate::dialect::{Dialect, pointer};
use crate::golden::Format;
use crate::transcript::{Payload, Side, Transcript};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names that discriminating fields usually have.
const USUAL: [&str; 9] = ["type", "event", "kind", "method", "msg_type", "op", "action", "cmd", "t"];
/// At most so many different names.
const MAX_NAMES: usize = 200;

#[derive(Default)]
struct Candidate {
    /// Name → shape → how often.
    joint: BTreeMap<String, BTreeMap<u64, u32>>,
    /// Name → in how many recordings.
    recordings: BTreeMap<String, u32>,
}

pub(super) fn dialect(recordings: &[&Transcript]) -> Dialect {
    let server = best(recordings, Side::Server);
    let client = best(recordings, Side::Client);
    let default = || "/type".to_owned();
    // A side that says too little to tell is taken to name its messages as the other does.
    let server = server.or_else(|| client.clone()).unwrap_or_else(default);
    let client = client.unwrap_or_else(|| server.clone());
    Dialect::Json { client, server }
}

fn best(recordings: &[&Transcript], side: Side) -> Option<String> {
    let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
    let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
    let mut total = 0u32;
    for recording in recordings {
        let mut here: BTreeSet<(String, String)> = BTreeSet::new();
        for frame in &recording.frames {
            let (Payload::Text(text), true) = (&frame.payload, frame.side == side) else { continue };
            let Ok(Value::Object(map)) = serde_json::from_str::<Value>(text) else { continue };
            let value = Value::Object(map);
            let shape = shape(&value);
            total += 1;
            *shapes.entry(shape).or_default() += 1;
            for (path, name) in names(&value) {
                *candidates
                    .entry(path.clone())
                    .or_default()
                    .joint
                    .entry(name.clone())
                    .or_default()
                    .entry(shape)
                    .or_default() += 1;
                here.insert((path, name));
            }
        }
        for (path, name) in here {
            *candidates.entry(path).or_default().recordings.entry(name).or_default() += 1;
        }
    }
    let entropy = entropy(shapes.values().copied());
    let score = |path: &str, candidate: &Candidate| -> Option<f64> {
        let covered: u32 = candidate.joint.values().flat_map(BTreeMap::values).sum();
        let names = candidate.joint.len();
        let recurring = candidate.recordings.values().filter(|n| **n >= 2 || recordings.len() == 1).count();
        let share = f64::from(covered) / f64::from(total.max(1));
        if share < 0.3 || names > MAX_NAMES || recurring * 10 < names * 4 {
            return None;
        }
        let leaf = path.rsplit('/').next().unwrap_or_default();
        let depth = i32::try_from(path.matches('/').count()).unwrap_or(9) - 1;
        let bonus = if USUAL.contains(&leaf) { 0.6 } else { 0.0 };
        let parent = if path.starts_with("/parent") { 0.4 } else { 0.0 };
        Some(information(candidate) - 0.5 * entropy * (1.0 - share) + bonus - 0.3 * f64::from(depth) - parent)
    };
    candidates
        .iter()
        .filter_map(|(path, candidate)| Some((score(path, candidate)?, path)))
        // Of equals the first path wins.
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, path)| path.clone())
}

/// String fields down to the second level that look like names.
fn names(value: &Value) -> Vec<(String, String)> {
    let is_name = |text: &str| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-".contains(c))
            && Format::of(text).is_none()
    };
    let mut found = Vec::new();
    let Some(map) = value.as_object() else { return found };
    for (key, item) in map {
        match item {
            Value::String(text) if is_name(text) => found.push((pointer([key.as_str()]), text.clone())),
            Value::Object(inner) => {
                for (below, item) in inner {
                    if let Some(text) = item.as_str().filter(|text| is_name(text)) {
                        found.push((pointer([key.as_str(), below.as_str()]), text.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// A fingerprint of the set of paths down to the second level.
fn shape(value: &Value) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut paths = BTreeSet::new();
    for (key, item) in value.as_object().into_iter().flatten() {
        paths.insert(pointer([key.as_str()]));
        for below in item.as_object().into_iter().flat_map(|map| map.keys()) {
            paths.insert(pointer([key.as_str(), below.as_str()]));
        }
    }
    let mut hasher = DefaultHasher::new();
    paths.hash(&mut hasher);
    hasher.finish()
}

fn entropy(counts: impl Iterator<Item = u32> + Clone) -> f64 {
    let total: f64 = counts.clone().map(f64::from).sum();
    counts.map(f64::from).filter(|n| *n > 0.0).map(|n| -(n / total) * (n / total).log2()).sum()
}

/// Mutual information between name and shape, in bits.
fn information(candidate: &Candidate) -> f64 {
    let mut shapes: BTreeMap<u64, u32> = BTreeMap::new();
    for (shape, n) in candidate.joint.values().flatten() {
        *shapes.entry(*shape).or_default() += n;
    }
    let names = candidate.joint.values().map(|shapes| shapes.values().sum::<u32>());
    let both = candidate.joint.values().flat_map(|shapes| shapes.values().copied());
    entropy(names.collect::<Vec<_>>().into_iter()) + entropy(shapes.values().copied())
        - entropy(both.collect::<Vec<_>>().into_iter())
}
