//! The keys of a service, and where each event carries them.

use super::ids::id_text;
use crate::dialect::{Event, Label, REQUEST};
use std::collections::{BTreeMap, BTreeSet};

/// The keys of a service, and where each event carries them.
#[derive(Debug, Default)]
pub(in crate::learn) struct Lanes {
    /// Key name → event → pointer.
    pub(super) pointers: BTreeMap<String, BTreeMap<Label, String>>,
    /// Key name → the key of the lanes around it.
    pub(super) parents: BTreeMap<String, String>,
    /// Event → the innermost key of the lanes in which it stands.
    pub(super) homes: BTreeMap<Label, String>,
    /// Pairs of keys: a value of the first meets one value of the second, or none.
    pub(super) finer: BTreeSet<(String, String)>,
    /// Keys of which a value comes again for another lane, with the event that begins each.
    pub(super) again: BTreeMap<String, Label>,
}

impl Lanes {
    /// Where an event carries a key.
    pub(in crate::learn) fn pointer(&self, label: &Label, key: &str) -> Option<&str> {
        self.pointers.get(key)?.get(label).map(String::as_str)
    }

    /// The value of a key in an event.
    pub(in crate::learn) fn value(&self, event: &Event, key: &str) -> Option<String> {
        match self.pointer(&event.label, key)? {
            REQUEST => Some(event.conn.to_string()),
            pointer => id_text(event.data.pointer(pointer)?),
        }
    }

    /// Whether an event begins another lane of a key, though one of the same value may have been there before.
    pub(in crate::learn) fn begins_again(&self, label: &Label, key: &str) -> bool {
        self.again.get(key) == Some(label)
    }

    /// The key of the lanes in which an event stands, innermost.
    pub(in crate::learn) fn home(&self, label: &Label) -> Option<&str> {
        self.homes.get(label).map(String::as_str)
    }

    /// The key of the lanes in which an event stands, by its place among the keys.
    pub(in crate::learn) fn home_number(&self, label: &Label) -> Option<u32> {
        let home = self.homes.get(label)?;
        self.pointers.keys().position(|key| key == home).and_then(|place| u32::try_from(place).ok())
    }

    /// The key of the lanes around a key's lanes.
    pub(super) fn parent(&self, key: &str) -> Option<&str> {
        self.parents.get(key).map(String::as_str)
    }

    /// The keys around an event, outermost first.
    pub(in crate::learn) fn chain(&self, label: &Label) -> Vec<&str> {
        let mut chain = Vec::new();
        let mut key = self.home(label);
        while let Some(name) = key {
            chain.insert(0, name);
            key = self.parent(name).filter(|parent| !chain.contains(parent));
        }
        chain
    }
}
