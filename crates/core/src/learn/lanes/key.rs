//! Whether the values of a class tell lanes apart.

use super::ids::{SMALL, id_text};
use crate::dialect::{Event, Label};
use crate::learn::session::Session;
use crate::transcript::Side;
use std::collections::{BTreeMap, BTreeSet};

/// Whether some session has several values of a key that have several events each.
pub(super) fn makes_lanes(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
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
pub(super) fn is_key(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
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
pub(super) fn opener(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> Option<Label> {
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
pub(super) fn begins_alike(pointers: &BTreeMap<Label, String>, sessions: &[Session]) -> bool {
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
