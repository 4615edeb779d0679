//! The paths of payload values, each numbered once.
//!
//! Payloads of one event are alike: a key is first looked up at its previous position, which takes one comparison.

use crate::dialect::pointer;
use crate::stats::{FNV_START, FastMap, finish, fold};
use std::collections::BTreeSet;

/// Paths, texts, kinds of gaps and strings of the client, each.
pub(super) const MAX_KINDS: usize = 4096;
/// The maximum of stored paths, including their parents.
const MAX_PLACES: usize = 4 * MAX_KINDS;
/// For so many keys of an object it is remembered where they stood.
const MAX_POSITIONS: usize = 64;

/// All text at one path, concatenated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Text {
    pub(super) state: u64,
    /// The length in bytes.
    pub length: usize,
}

impl Text {
    pub(super) fn add(&mut self, text: &str) {
        self.state = fold(self.state, text);
        self.length += text.len();
    }

    /// The fingerprint of the whole.
    pub fn fingerprint(self) -> u64 {
        finish(self.state)
    }
}

/// All places of a session.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    /// By the fingerprint state of the path.
    numbers: FastMap<u64, usize>,
    named: usize,
    /// The fingerprints of those whose texts are wanted, if not all are.
    wanted: Option<BTreeSet<u64>>,
}

/// A place: an event's payload, or a path in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The path's fingerprint, e.g. of `agent_started/run_id`.
    pub(super) print: u64,
    /// The latest id or time here; empty when there was none.
    pub(super) latest: String,
    /// The text at this path.
    pub(super) text: Option<Text>,
    /// The fingerprint state of the path, before its final step.
    state: u64,
    parent: Option<usize>,
    /// The event's name, a key, or `*` for every item.
    key: String,
    is_named: bool,
    /// Whether texts at this path are concatenated.
    pub(super) is_wanted: bool,
    /// The place that was found last at each position below.
    positions: Vec<usize>,
}

impl Places {
    /// Places that store texts only at these paths.
    pub(super) fn with_texts_at(wanted: BTreeSet<u64>) -> Places {
        Places { wanted: Some(wanted), ..Places::default() }
    }

    /// The place of an event's whole payload; none when there are too many places.
    pub(super) fn event(&mut self, name: &str) -> Option<usize> {
        self.find(None, name)
    }

    /// The place of a key, or of all items as `*`, at `position` below `place`.
    pub(super) fn below(&mut self, place: usize, position: usize, key: &str) -> Option<usize> {
        let guess = self.all[place].positions.get(position);
        if let Some(guess) = guess.filter(|guess| self.all[**guess].key == key) {
            return Some(*guess);
        }
        let found = self.find(Some(place), key)?;
        let positions = &mut self.all[place].positions;
        if position < MAX_POSITIONS {
            positions.resize(positions.len().max(position + 1), found);
            positions[position] = found;
        }
        Some(found)
    }

    fn find(&mut self, parent: Option<usize>, key: &str) -> Option<usize> {
        let state = match parent.map(|parent| self.all[parent].state) {
            None => fold(FNV_START, key),
            Some(above) if key.contains(['~', '/']) => fold(above, &pointer([key])),
            Some(above) => fold(fold(above, "/"), key),
        };
        let known = self.numbers.get(&state).copied();
        if known.is_some() || self.all.len() >= MAX_PLACES {
            return known;
        }
        self.numbers.insert(state, self.all.len());
        let print = finish(state);
        self.all.push(Place {
            print,
            latest: String::new(),
            text: None,
            state,
            parent,
            key: key.to_owned(),
            is_named: false,
            is_wanted: self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&print)),
            positions: Vec::new(),
        });
        Some(self.all.len() - 1)
    }

    /// Gives a place its name if it has none; false when there are too many.
    pub(super) fn is_named(&mut self, place: usize) -> bool {
        let place = &mut self.all[place];
        if !place.is_named && self.named < MAX_KINDS {
            self.named += 1;
            place.is_named = true;
        }
        place.is_named
    }

    /// Places that have a name.
    pub(super) fn named(&self) -> impl Iterator<Item = &Place> {
        self.all.iter().filter(|place| place.is_named)
    }

    /// The event's name and the JSON pointer behind it.
    pub(super) fn path(&self, place: &Place) -> String {
        match place.parent {
            None => place.key.clone(),
            Some(parent) => self.path(&self.all[parent]) + &pointer([place.key.as_str()]),
        }
    }
}
