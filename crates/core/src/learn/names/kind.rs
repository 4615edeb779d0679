//! A second field that says of what kind some messages are.

use super::candidate::{Candidate, MAX_KINDS, USUAL, information, shape};
use super::said::Said;
use crate::dialect::{pointer, refinement};
use crate::transcript::Side;
use std::collections::{BTreeMap, BTreeSet};

/// So many bits more a field that only some messages have tells about their shapes.
const MIN_GAIN: f64 = 0.1;

/// What is known of a field that only some messages have.
#[derive(Default)]
struct Kind {
    candidate: Candidate,
    /// In how many messages it stands, and in how many of them a name beside it.
    with: u32,
    both: u32,
}

/// Where some messages of the server say of what kind they are before all say what they are about: an exchange acknowledges
/// `{"event": "subscribe", "arg": {"channel": "books"}}` and then tells of `books` without an event. Likewise where messages
/// have a name in one usual field or in another, and never in both.
pub(super) fn kind_before(said: &Said, path: &str) -> Option<String> {
    let is_usual = USUAL.contains(&path.rsplit('/').next().unwrap_or_default());
    let fields = USUAL.iter().map(|name| pointer([*name])).filter(|field| field != path);
    let mut kinds: BTreeMap<String, Kind> = fields.map(|field| (field, Kind::default())).collect();
    let (mut plain, mut total, mut named) = (Candidate::default(), 0_u32, 0_u32);
    for messages in said.messages(Side::Server) {
        let mut here: BTreeSet<(String, String)> = BTreeSet::new();
        for message in messages {
            let (shape, word) = (shape(message), message.pointer(path).and_then(refinement));
            total += 1;
            named += u32::from(word.is_some());
            let word = word.unwrap_or_default();
            plain.add(word, shape);
            for (field, kind) in &mut kinds {
                let own = message.pointer(field).and_then(refinement);
                kind.with += u32::from(own.is_some());
                kind.both += u32::from(own.is_some() && !word.is_empty());
                here.extend(own.map(|own| (field.clone(), own.to_owned())));
                kind.candidate.add(own.unwrap_or(word), shape);
            }
        }
        for (field, name) in here {
            if let Some(kind) = kinds.get_mut(&field) {
                kind.candidate.add_recording([name.as_str()]);
            }
        }
    }
    let plain = information(&plain);
    let told = kinds.into_iter().filter_map(|(field, Kind { candidate, with, both })| {
        let names = candidate.recordings.len();
        let is_name = candidate.recurs(said.recordings(), 6) && names <= MAX_KINDS && with * 10 < total * 9;
        let gain = information(&candidate) - plain;
        // A name in a usual field is not taken away by another one beside it; what has none may have it there.
        let fits = if is_usual { both == 0 && (named + with) * 10 >= total * 9 } else { gain >= MIN_GAIN };
        (with > 0 && is_name && fits).then_some((gain, field))
    });
    told.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, field)| field)
}
