//! The shape of payloads: for every event and JSON path what was seen there.
//!
//! A set of values is taken to be closed when the share of observations that are the only ones of their kind is nearly
//! nothing: by Good and Turing that is the probability that the next value is a new one.

use super::Session;
use crate::dialect::{Label, pointer};
use crate::golden::{self, Format, Path, Rule, Type, type_of};
use crate::secret::looks_like_credential;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// More distinct values than this are not a set that anybody lists.
const MAX_DISTINCT: usize = 24;
/// At most so many values make a closed set.
const MAX_CLOSED: usize = 8;
/// Longer texts are content, not names of something.
const MAX_LITERAL: usize = 64;
/// So many observations before "never empty" is believed.
const MIN_NEVER_EMPTY: u32 = 8;
/// An object with more keys than this, most of them rare, is a dictionary.
const MAX_KEYS: usize = 24;

/// So many formats are told apart at one path; more than two are none.
const MAX_FORMATS: usize = 3;

/// What was seen at one path.
#[derive(Debug, Clone, Default)]
struct Seen {
    n: u32,
    types: BTreeMap<&'static str, u32>,
    /// Value as JSON text → how often, in how many recordings, the last of them.
    values: BTreeMap<String, (u32, u32, u32)>,
    many_values: bool,
    formats: BTreeSet<Format>,
    unformatted: bool,
    empty: bool,
    fields: BTreeMap<String, Seen>,
    items: Option<Box<Seen>>,
}

impl Seen {
    fn add(&mut self, value: &Value, session: u32) {
        self.n += 1;
        *self.types.entry(type_of(value)).or_default() += 1;
        match value {
            Value::Object(map) => {
                for (key, item) in map {
                    match self.fields.get_mut(key) {
                        Some(field) => field.add(item, session),
                        None => self.fields.entry(key.clone()).or_default().add(item, session),
                    }
                }
            }
            Value::Array(items) => {
                let seen = self.items.get_or_insert_with(Box::default);
                items.iter().for_each(|item| seen.add(item, session));
            }
            Value::String(text) => {
                self.empty |= text.is_empty();
                self.format(Format::of(text));
                self.value(value, session);
            }
            Value::Number(number) => {
                self.format(number.as_f64().and_then(Format::of_number));
                self.value(value, session);
            }
            Value::Bool(_) => self.value(value, session),
            Value::Null => {}
        }
    }

    fn format(&mut self, format: Option<Format>) {
        match format {
            Some(format) => {
                self.formats.insert(format);
                if self.formats.len() > MAX_FORMATS {
                    self.formats.pop_last();
                }
            }
            None => self.unformatted = true,
        }
    }

    fn value(&mut self, value: &Value, session: u32) {
        if self.many_values {
            return;
        }
        let entry = self.values.entry(value.to_string()).or_insert((0, 0, u32::MAX));
        entry.0 += 1;
        if entry.2 != session {
            entry.1 += 1;
            entry.2 = session;
        }
        self.bound();
    }

    fn bound(&mut self) {
        if self.values.len() > MAX_DISTINCT {
            self.many_values = true;
            self.values.clear();
        }
    }

    /// Adds what other recordings show.
    fn merge(&mut self, other: Seen) {
        self.n += other.n;
        for (name, n) in other.types {
            *self.types.entry(name).or_default() += n;
        }
        self.many_values |= other.many_values;
        if self.many_values {
            self.values.clear();
        } else {
            for (text, (n, runs, _)) in other.values {
                // Recordings are numbered within each set; the number means nothing in the other one.
                let own = self.values.entry(text).or_insert((0, 0, u32::MAX));
                (own.0, own.1) = (own.0 + n, own.1 + runs);
            }
            self.bound();
        }
        other.formats.into_iter().for_each(|format| self.format(Some(format)));
        self.unformatted |= other.unformatted;
        self.empty |= other.empty;
        for (key, field) in other.fields {
            self.fields.entry(key).or_default().merge(field);
        }
        if let Some(items) = other.items {
            self.items.get_or_insert_with(Box::default).merge(*items);
        }
    }

    /// The values, when no others are to be expected.
    fn closed(&self, kind: &str) -> Option<Vec<Value>> {
        let values: Vec<(Value, u32, u32)> = self
            .values
            .iter()
            .filter_map(|(text, (n, runs, _))| Some((serde_json::from_str(text).ok()?, *n, *runs)))
            .filter(|(value, _, _): &(Value, u32, u32)| type_of(value) == kind)
            .collect();
        let total: u32 = values.iter().map(|(_, n, _)| n).sum();
        let lonely: u32 = values.iter().filter(|(_, _, runs)| *runs < 2).map(|(_, n, _)| n).sum();
        let is_short =
            values.iter().all(|(value, _, _)| value.as_str().is_none_or(|text| text.len() <= MAX_LITERAL));
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let is_closed = !self.many_values
            && (1..=MAX_CLOSED).contains(&values.len())
            && is_short
            && lonely * 50 <= total
            && total >= 4 * count;
        is_closed.then(|| values.into_iter().map(|(value, _, _)| value).collect())
    }

    fn types(&self) -> Vec<Type> {
        let mut types = Vec::new();
        let has = |name: &str| self.types.contains_key(name);
        if has("boolean") {
            types.extend(match self.closed("boolean") {
                Some(values) if values.len() == 1 => values.into_iter().map(Type::Literal).collect(),
                _ => vec![Type::Boolean],
            });
        }
        let whole_format = !self.unformatted && !self.formats.is_empty() && self.formats.len() <= 2;
        let formats = || self.formats.iter().cloned().map(Type::Format);
        if has("integer") || has("number") {
            if whole_format && !has("string") {
                types.extend(formats());
            } else {
                types.push(if has("number") { Type::Number } else { Type::Integer });
            }
        }
        if has("string") {
            match self.closed("string") {
                // One and the same id in all recordings is a name; several are ids, however often each was seen: those that
                // a server makes when it starts are in all that was recorded until it stopped.
                Some(values) if values.len() == 1 || !(whole_format || are_random(&values)) => {
                    types.extend(values.into_iter().map(Type::Literal));
                }
                _ if whole_format && !has("integer") && !has("number") => types.extend(formats()),
                _ if !self.empty && self.n >= MIN_NEVER_EMPTY => types.push(Type::Text),
                _ => types.push(Type::String),
            }
        }
        if has("object") {
            types.push(if self.is_map() { Type::Map } else { Type::Object });
        }
        if has("array") {
            types.push(Type::Array);
        }
        if has("null") {
            types.push(Type::Null);
        }
        types
    }

    fn objects(&self) -> u32 {
        self.types.get("object").copied().unwrap_or(0)
    }

    fn is_map(&self) -> bool {
        let objects = self.objects();
        self.fields.len() > MAX_KEYS && self.fields.values().all(|field| field.n * 2 < objects)
    }

    fn rules(&self, path: &str, parent: Option<u32>, event_seen: u32, out: &mut Vec<(Path, Rule)>) {
        let optional = parent.is_some_and(|parent| self.n < parent);
        let is_map = self.objects() > 0 && self.is_map();
        let has_children =
            (!self.fields.is_empty() && !is_map) || self.items.as_ref().is_some_and(|items| items.n > 0);
        let plain = self.types.len() == 1 && has_children && !optional;
        // A container says with its children that it is there; alone it has to be said.
        if !plain && (!path.is_empty() || !has_children) {
            let samples = (self.n != event_seen).then_some(self.n);
            let rule = Rule { types: self.types(), facts: Vec::new(), samples };
            out.push((Path { pattern: path.to_owned(), optional }, rule));
        }
        if !is_map {
            for (key, field) in &self.fields {
                let below = format!("{path}{}", pointer([key.as_str()]));
                field.rules(&below, Some(self.objects()), event_seen, out);
            }
        }
        if let Some(items) = self.items.as_ref().filter(|items| items.n > 0) {
            items.rules(&format!("{path}/*"), None, event_seen, out);
        }
    }
}

/// What recordings show of payloads.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    seen: BTreeMap<Label, Seen>,
    sessions: u32,
}

impl Shapes {
    /// Adds what a session shows; what the client sends is its own affair.
    pub(super) fn add(&mut self, session: &Session) {
        for event in session.events.iter().filter(|event| !event.label.is_client()) {
            match self.seen.get_mut(&event.label) {
                Some(seen) => seen.add(&event.data, self.sessions),
                None => self.seen.entry(event.label.clone()).or_default().add(&event.data, self.sessions),
            }
        }
        self.sessions += 1;
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Shapes) {
        for (label, seen) in other.seen {
            self.seen.entry(label).or_default().merge(seen);
        }
        self.sessions += other.sessions;
    }

    /// Writes the shapes into events.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, seen) in &self.seen {
            if let Some(event) = events.get_mut(label) {
                seen.rules("", None, event.seen, &mut event.shape);
                event.shape.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
    }
}

/// Whether values are random words, too long to be the names of anything. One of them may have next to no digits by chance.
fn are_random(values: &[Value]) -> bool {
    let is_long = |text: &str| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    values.iter().all(|value| value.as_str().is_some_and(is_long))
        && values.iter().filter_map(Value::as_str).any(looks_like_credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(values: &[&str]) -> Vec<Type> {
        let mut seen = Seen::default();
        for (session, value) in (0..).zip(values.iter().cycle().take(24)) {
            seen.add(&Value::from(*value), session);
        }
        seen.types()
    }

    #[test]
    fn what_a_server_makes_up_when_it_starts_is_no_closed_set() {
        let literal = |text: &str| Type::Literal(Value::from(text));
        assert_eq!(
            types(&["NDDNJVBHFN6EF7JPZXODLMPW6RD2ZA4N", "NATXTSZGEAETIXRYHIFKGRBPYKFHVIKY"]),
            [Type::Text]
        );
        assert_eq!(types(&["gpt-4o-2024-08-06", "small"]), [literal("gpt-4o-2024-08-06"), literal("small")]);
        let one = "NDDNJVBHFN6EF7JPZXODLMPW6RD2ZA4N";
        assert_eq!(types(&[one]), [literal(one)]);
    }
}
