//! Which lanes lie within which.

use super::table::Lanes;
use crate::dialect::Label;
use crate::learn::session::Session;
use std::collections::{BTreeMap, BTreeSet};

impl Lanes {
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
    pub(super) fn determines(&self, sessions: &[Session], a: &str, b: &str) -> bool {
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

    pub(super) fn nest(&mut self, sessions: &[Session]) {
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
    pub(super) fn settle(&mut self) {
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
