//! The memory of lanes: as much as can still matter, however long the session is.

use crate::stats::{FastMap, quick_hash};

/// A lane: the key's name and its value.
pub type Lane = (String, String);

/// A lane by the hash of its key and value: 64 bits instead of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneId(u64);

impl LaneId {
    pub(crate) fn new(key: &str, value: &str) -> LaneId {
        LaneId(quick_hash(&(key, value)))
    }

    pub(crate) fn of(lane: &Lane) -> LaneId {
        LaneId::new(&lane.0, &lane.1)
    }
}

/// The latest entries of a map by insertion: those of at least `least` lanes and at most twice as many. When the
/// younger half is full, the older half is removed.
#[derive(Debug, Clone)]
pub(super) struct Recent<V> {
    least: usize,
    young: FastMap<String, V>,
    old: FastMap<String, V>,
    weight: usize,
}

impl<V> Recent<V> {
    pub(super) fn new(least: usize) -> Recent<V> {
        Recent { least, young: FastMap::default(), old: FastMap::default(), weight: 0 }
    }

    /// Inserts an entry for a number of lanes. Returns the removed entries.
    pub(super) fn insert(&mut self, key: String, value: V, weight: usize) -> FastMap<String, V> {
        self.young.insert(key, value);
        self.weight += weight;
        if self.weight < self.least {
            return FastMap::default();
        }
        self.weight = 0;
        std::mem::replace(&mut self.old, std::mem::take(&mut self.young))
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.young.iter().chain(&self.old)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (String, V)> {
        self.young.into_iter().chain(self.old)
    }
}

/// Values that exist once for the session and once for every lane, by a small number.
#[derive(Debug, Clone)]
pub(crate) struct Scoped<T> {
    session: Vec<Option<T>>,
    /// A lane has few of them: a list is quicker than a table, and gone at once.
    lanes: FastMap<LaneId, Vec<(u32, T)>>,
}

impl<T> Default for Scoped<T> {
    fn default() -> Scoped<T> {
        Scoped { session: Vec::new(), lanes: FastMap::default() }
    }
}

impl<T> Scoped<T> {
    /// The values of a lane and of the session, to be read or changed.
    pub(crate) fn at(&mut self, lane: Option<LaneId>) -> Cells<'_, T> {
        let lane = lane.map(|lane| self.lanes.entry(lane).or_default());
        Cells { session: &mut self.session, lane }
    }

    /// Drops the values of a lane.
    pub(crate) fn forget(&mut self, lane: LaneId) {
        self.lanes.remove(&lane);
    }

    /// The number of stored values of lanes.
    pub(crate) fn held(&self) -> usize {
        self.lanes.values().map(Vec::len).sum()
    }
}

/// The values of the session and of one lane, if there is one.
#[derive(Debug)]
pub(crate) struct Cells<'c, T> {
    session: &'c mut Vec<Option<T>>,
    lane: Option<&'c mut Vec<(u32, T)>>,
}

impl<T: Default> Cells<'_, T> {
    /// A value of the lane, or of the session outside of lanes; created if missing.
    pub(crate) fn own(&mut self, number: u32) -> &mut T {
        match &mut self.lane {
            None => wide(self.session, number),
            Some(lane) => {
                let index = lane.iter().position(|(known, _)| *known == number).unwrap_or(lane.len());
                if index == lane.len() {
                    lane.push((number, T::default()));
                }
                &mut lane[index].1
            }
        }
    }

    /// A value of the session; created if missing.
    pub(crate) fn wide(&mut self, number: u32) -> &mut T {
        wide(self.session, number)
    }

    /// A value of the lane, or of the session outside of lanes.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        match &self.lane {
            None => self.session.get(number as usize)?.as_ref(),
            Some(lane) => lane.iter().find(|(known, _)| *known == number).map(|(_, value)| value),
        }
    }

    pub(crate) fn is_in_lane(&self) -> bool {
        self.lane.is_some()
    }

    /// The value of the lane; where it has none, that of the session.
    pub(crate) fn nearest(&self, number: u32) -> Option<&T> {
        self.get(number).or_else(|| self.session.get(number as usize)?.as_ref())
    }
}

fn wide<T: Default>(session: &mut Vec<Option<T>>, number: u32) -> &mut T {
    let index = number as usize;
    if session.len() <= index {
        session.resize_with(index + 1, || None);
    }
    session[index].get_or_insert_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_no_more_than_twice_as_many() {
        let mut recent = Recent::new(100);
        let mut gone = 0;
        for number in 0..10_000_usize {
            gone += recent.insert(number.to_string(), number, 1).len();
            let kept = recent.iter().count();
            assert!(kept <= 200 && kept + gone == number + 1);
            assert_eq!(recent.get(&number.saturating_sub(99).to_string()), Some(&number.saturating_sub(99)));
        }
    }

    #[test]
    fn the_hash_tells_values_apart() {
        let mut seen = std::collections::HashSet::new();
        for key in ["", "a", "call_id"] {
            for number in 0..100_000 {
                assert!(seen.insert(LaneId::new(key, &format!("{number}")).0));
            }
        }
    }
}
