//! Messages that are called by a key that they have.

use super::said::Said;
use crate::dialect::{NAMELESS, NameAt, refinement};
use crate::transcript::Side;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// More keys than this are data.
const MAX_KEYS: usize = 24;

/// So many choices of keys are tried.
const MAX_TRIES: u32 = 10_000;

/// A name for messages that say nothing at its places, where they have one key: `{"auth": "ok"}` is called `auth`.
pub(super) fn with_keys(said: &Said, side: Side, name: NameAt) -> NameAt {
    let mut is_named = false;
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for values in said.values(side) {
        let mut here = BTreeSet::new();
        // A list of such objects is a table, not several messages.
        for message in values.iter().filter(|value| value.is_object()) {
            if name.of(message).is_some() {
                is_named = true;
            } else if let Some(only) = message.as_object().filter(|map| map.len() == 1) {
                here.extend(only.keys().cloned());
            }
        }
        here.into_iter().for_each(|key| *keys.entry(key).or_default() += 1);
    }
    // Keys that come in one recording only are ids, and what is no word names nothing.
    let is_known = |runs: usize| runs >= 2 || said.recordings() == 1;
    let is_word =
        |key: &str| refinement(&Value::from(key)).is_some() && ![NAMELESS, "text", "binary"].contains(&key);
    let known = keys.iter().filter(|(key, runs)| is_known(**runs) && is_word(key)).count();
    if keys.is_empty() || keys.len() > MAX_KEYS || known * 10 < keys.len() * 6 {
        return name;
    }
    let keys: Vec<String> = keys.into_keys().filter(|key| is_word(key)).collect();
    match name {
        NameAt::Value(pointers) if is_named => NameAt::ValueOrKey(pointers, keys),
        NameAt::Value(_) => NameAt::Key(keys),
        name => name,
    }
}

/// The keys of which each message of a side has exactly one, where what a message is its key says: `setupComplete`,
/// `serverContent`. Its other fields are objects, too: where one is a text or a number, the message says what it is there.
pub(super) fn present(said: &Said, side: Side) -> Option<Vec<String>> {
    let mut sets: BTreeMap<BTreeSet<String>, u32> = BTreeMap::new();
    let mut recurring: BTreeMap<String, u32> = BTreeMap::new();
    for messages in said.messages(side) {
        let mut here = BTreeSet::new();
        for message in messages {
            let map = message.as_object().filter(|map| !map.is_empty())?;
            if !map.values().all(|value| value.is_object() || value.is_array()) {
                return None;
            }
            let keys: BTreeSet<String> = map.keys().cloned().collect();
            here.extend(keys.iter().cloned());
            *sets.entry(keys).or_default() += 1;
        }
        here.into_iter().for_each(|key| *recurring.entry(key).or_default() += 1);
    }
    if sets.is_empty() || recurring.len() > MAX_KEYS {
        return None;
    }
    let mut best = Vec::new();
    let mut tries = MAX_TRIES;
    cover(&sets.keys().collect::<Vec<_>>(), &mut Vec::new(), &mut tries, &mut best);
    let is_word = |key: &String| refinement(&Value::from(key.as_str())).is_some();
    let is_known =
        |key: &&String| said.recordings() == 1 || recurring.get(*key).is_some_and(|runs| *runs >= 2);
    let known = best.iter().filter(is_known).count();
    (!best.is_empty() && best.iter().all(is_word) && known * 10 >= best.len() * 6).then_some(best)
}

/// Of all ways to choose keys of which each set has exactly one, the one with most keys.
fn cover(sets: &[&BTreeSet<String>], chosen: &mut Vec<String>, tries: &mut u32, best: &mut Vec<String>) {
    let Some(left) = tries.checked_sub(1) else { return };
    *tries = left;
    let Some(open) = sets.iter().find(|set| !chosen.iter().any(|key| set.contains(key))) else {
        if chosen.len() > best.len() {
            best.clone_from(chosen);
            best.sort_unstable();
        }
        return;
    };
    for key in open.iter() {
        let meets =
            |set: &&&BTreeSet<String>| set.contains(key) && chosen.iter().any(|own| set.contains(own));
        if sets.iter().any(|set| meets(&set)) {
            continue;
        }
        chosen.push(key.clone());
        cover(sets, chosen, tries, best);
        chosen.pop();
    }
}
