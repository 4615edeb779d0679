//! Streamed parts that a later event repeats as a whole: each message in a list of all messages, or the item of a
//! stream in its final answer. The key beside the whole identifies its parts.
//!
//! As with other facts, one whole that is not the concatenation of its parts removes a candidate, in any order of
//! observations.

use super::lanes::Lanes;
use super::paths::{MAX_PLACES, each_place_by_path};
use super::session::Session;
use crate::dialect::Label;
use crate::golden::{self, Fact, Source, Whole, push_step};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Items of longer lists, and deeper values, are data.
const MAX_ITEMS: usize = 64;
const MAX_DEPTH: usize = 8;
/// Longer texts are not keys.
const MAX_KEY: usize = 64;
/// The required number of wholes with more than one part.
const MIN_WHOLES: u32 = 2;

/// The number of times that a whole was the concatenation of its parts.
#[derive(Debug, Clone, Default)]
struct Support {
    /// The number of wholes with more than one part.
    wholes: u32,
    is_broken: bool,
}

/// The wholes in recordings, by event and path.
#[derive(Debug, Clone, Default)]
pub(super) struct Wholes {
    seen: BTreeMap<(Label, String), BTreeMap<Whole, Support>>,
}

/// The texts of one session put together, by their key.
#[derive(Default)]
struct Parts<'s> {
    by_key: HashMap<&'s str, Vec<Joined>>,
}

/// The texts of one place under one key.
struct Joined {
    source: Source,
    /// The place of the key in those events.
    by: String,
    whole: String,
    parts: u32,
}

/// A way through a payload.
struct Walk<'s, 'p> {
    parts: &'p Parts<'s>,
    path: String,
    /// The keys beside or around the visited value: places and values.
    keys: Vec<(String, &'s str)>,
}

impl Wholes {
    /// Adds what a session shows.
    pub(super) fn add(&mut self, session: &Session, lanes: &Lanes) {
        let mut parts = Parts::default();
        for event in &session.events {
            if !parts.by_key.is_empty() && !event.label.is_client() {
                Walk::new(&parts).each_text(&event.data, &mut |path, keys, text| {
                    self.hold(&event.label, (path, text), keys, &parts, lanes);
                });
            }
            let Some(by) = lanes.home(&event.label).and_then(|key| lanes.pointer(&event.label, key)) else {
                continue;
            };
            let Some(key) = event.data.pointer(by).and_then(Value::as_str).filter(|key| is_key(key)) else {
                continue;
            };
            each_place_by_path(&event.data, &mut |path, value| {
                if let Some(text) = value.as_str().filter(|_| path != by) {
                    parts.take(key, &event.label, path, by, text);
                }
            });
        }
    }

    fn hold(
        &mut self,
        label: &Label,
        (path, text): (&str, &str),
        keys: &[(String, &str)],
        parts: &Parts<'_>,
        lanes: &Lanes,
    ) {
        let home = lanes.home(label).map(|key| (key, lanes.pointer(label, key)));
        for (own, key) in keys {
            for joined in parts.by_key.get(key).into_iter().flatten() {
                let of = &joined.source.label;
                // A value in the same lane needs no key, except in a list, which nothing else examines.
                let is_known = !path.contains("/*")
                    && home.is_some_and(|(key, at)| lanes.home(of) == Some(key) && at == Some(own));
                if of == label || is_known || own == path {
                    continue;
                }
                let whole = Whole { of: joined.source.clone(), by: joined.by.clone(), own: own.clone() };
                let place = self.seen.entry((label.clone(), path.to_owned())).or_default();
                let support = place.entry(whole).or_default();
                support.is_broken |= joined.whole != text;
                support.wholes += u32::from(joined.parts > 1);
            }
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Wholes) {
        for (place, wholes) in other.seen {
            let known = self.seen.entry(place).or_default();
            for (whole, support) in wholes {
                let own = known.entry(whole).or_default();
                own.wholes += support.wholes;
                own.is_broken |= support.is_broken;
            }
        }
    }

    /// Writes the facts into the shapes of events, where nothing simpler says what a value is.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for ((label, path), wholes) in &self.seen {
            let believed = |(_, own): &(&Whole, &Support)| !own.is_broken && own.wholes >= MIN_WHOLES;
            let Some((whole, _)) = wholes.iter().find(believed) else { continue };
            let Some(event) = events.get_mut(label) else { continue };
            let rule = event.shape.iter_mut().find(|(own, _)| own.pattern == *path);
            if let Some((_, rule)) = rule.filter(|(_, rule)| rule.facts.is_empty()) {
                rule.facts.push(Fact::Gathers(whole.clone()));
            }
        }
    }
}

impl<'s> Parts<'s> {
    fn take(&mut self, key: &'s str, label: &Label, path: &str, by: &str, text: &str) {
        let all = self.by_key.entry(key).or_default();
        let known = all.iter_mut().find(|own| own.source.label == *label && own.source.path == path);
        if let Some(own) = known {
            own.whole.push_str(text);
            own.parts += 1;
        } else {
            let source = Source { label: label.clone(), path: path.to_owned() };
            all.push(Joined { source, by: by.to_owned(), whole: text.to_owned(), parts: 1 });
        }
    }
}

fn is_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len())
}

impl<'s, 'p> Walk<'s, 'p> {
    fn new(parts: &'p Parts<'s>) -> Walk<'s, 'p> {
        Walk { parts, path: String::new(), keys: Vec::new() }
    }

    /// Visits every text of a payload beside or below a key, those in lists included.
    fn each_text(&mut self, data: &'s Value, visit: &mut impl FnMut(&str, &[(String, &'s str)], &'s str)) {
        match data {
            Value::Array(items) if items.len() <= MAX_PLACES => {
                for (place, item) in items.iter().enumerate() {
                    self.path = format!("/{place}");
                    self.walk(item, 1, visit);
                }
            }
            data => self.walk(data, 0, visit),
        }
    }

    fn walk(
        &mut self,
        value: &'s Value,
        depth: usize,
        visit: &mut impl FnMut(&str, &[(String, &'s str)], &'s str),
    ) {
        let here = self.path.len();
        match value {
            Value::Object(map) if depth < MAX_DEPTH => {
                let around = self.keys.len();
                for (key, text) in map.iter().filter_map(|(key, value)| Some((key, value.as_str()?))) {
                    if is_key(text) && self.parts.by_key.contains_key(text) {
                        let mut path = self.path.clone();
                        push_step(&mut path, key);
                        self.keys.push((path, text));
                    }
                }
                for (key, value) in map {
                    push_step(&mut self.path, key);
                    self.walk(value, depth + 1, visit);
                    self.path.truncate(here);
                }
                self.keys.truncate(around);
            }
            Value::Array(items) if depth < MAX_DEPTH => {
                self.path.push_str("/*");
                items.iter().take(MAX_ITEMS).for_each(|item| self.walk(item, depth + 1, visit));
                self.path.truncate(here);
            }
            Value::String(text) if !self.keys.is_empty() => visit(&self.path, &self.keys, text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_stand_beside_a_text_or_around_it() {
        let data = json!({"messages": [{"id": "m1", "calls": [{"id": "c1", "f": {"arguments": "{}"}}]}]});
        let mut parts = Parts::default();
        for key in ["m1", "c1"] {
            parts.take(key, &Label::from("part"), "/delta", "/id", "{");
        }
        let mut seen = Vec::new();
        Walk::new(&parts).each_text(&data, &mut |path, keys, text| {
            let keys: Vec<String> = keys.iter().map(|(at, key)| format!("{at} {key}")).collect();
            seen.push((path.to_owned(), text, keys.join(", ")));
        });
        let arguments = "/messages/*/calls/*/f/arguments".to_owned();
        let keys = "/messages/*/id m1, /messages/*/calls/*/id c1".to_owned();
        assert!(seen.contains(&(arguments, "{}", keys)), "{seen:?}");
    }
}
