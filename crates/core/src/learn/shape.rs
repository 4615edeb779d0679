//! The shapes of payloads: the observed values for every event and JSON path.
//!
//! A set of values is treated as closed if the share of values that were observed once is nearly zero: by Good and
//! Turing, this is the probability that the next value is new.

use super::lanes::is_id;
use super::paths::{MAX_FIELDS, MAX_PLACES};
use super::session::Session;
use crate::dialect::Label;
use crate::golden::{self, Format, Path, Rule, Type, When, path_step, type_of};
use crate::secret::looks_like_credential;
use crate::stats::quick_hash;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// More distinct values are not a closed set.
const MAX_DISTINCT: usize = 24;
/// At most so many values make a closed set.
const MAX_CLOSED: usize = 8;
/// Longer texts are content, not names of something.
const MAX_LITERAL: usize = 64;
/// The number of observations for "never empty".
const MIN_NEVER_EMPTY: u32 = 8;
/// An object with more keys than this, most of them rare, is a dictionary.
const MAX_KEYS: usize = 24;

/// The number of observations and recordings for a constant number or a closed set of numbers: most texts are names,
/// but most numbers are measurements.
const MIN_NUMBERS: u32 = 8;
const MIN_NUMBER_RUNS: u32 = 5;
/// Numbers from here on are sizes, ports and process ids rather than codes.
const MAX_CODE: u64 = 100_000;

/// Times in what is learned from together are nearer to each other than ten years, in seconds.
const MAX_SPAN: f64 = 10.0 * 365.25 * 86_400.0;

/// A field is there in the same company every time against this probability of chance.
const ALPHA_COMPANY: f64 = 0.0001;

/// The maximum of formats at one path; more are treated as none.
const MAX_FORMATS: usize = 3;

/// The observations of one path.
#[derive(Debug, Clone, Default)]
struct Seen {
    n: u32,
    types: BTreeMap<&'static str, u32>,
    /// Value as JSON text → how often, in how many recordings, the last of them.
    values: BTreeMap<String, (u32, u32, u32)>,
    many_values: bool,
    formats: BTreeSet<Format>,
    unformatted: bool,
    /// Whether a text of hexadecimal digits has a letter.
    has_hex_letter: bool,
    /// The least and the greatest number.
    span: Option<(f64, f64)>,
    empty: bool,
    fields: BTreeMap<String, Seen>,
    items: Option<Box<Seen>>,
    /// The fields beside each value of another field; none beside one with many values.
    company: BTreeMap<String, Option<BTreeMap<String, Company>>>,
}

/// The fields beside one value of a field.
#[derive(Debug, Clone, Default)]
struct Company {
    n: u32,
    /// The keys that were always there, and those that ever were.
    always: BTreeSet<String>,
    ever: BTreeSet<String>,
    /// The keys that were there the last time, as a hash: mostly they are the same again.
    latest: u64,
}

impl Company {
    fn add(&mut self, keys: u64, map: &serde_json::Map<String, Value>) {
        self.n += 1;
        if self.n > 1 && keys == self.latest {
            return;
        }
        self.latest = keys;
        if self.n == 1 {
            self.always = map.keys().cloned().collect();
        } else {
            self.always.retain(|key| map.contains_key(key));
        }
        self.ever.extend(map.keys().cloned());
    }

    fn merge(&mut self, other: Company) {
        if self.n == 0 {
            self.always = other.always;
        } else if other.n > 0 {
            self.always.retain(|key| other.always.contains(key));
        }
        self.n += other.n;
        self.ever.extend(other.ever);
        self.latest = 0;
    }
}

/// The number of digits from which part of a key is a number, not a version.
const MIN_DIGITS: usize = 3;
/// The number of rare keys with numbers from which an object is a map of data.
const MIN_NUMBERED: usize = 4;

impl Seen {
    fn add(&mut self, value: &Value, session: u32) {
        self.n += 1;
        *self.types.entry(type_of(value)).or_default() += 1;
        match value {
            Value::Object(map) => {
                if map.len() <= MAX_KEYS {
                    self.companies(map);
                }
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
                let format = Format::of(text);
                self.has_hex_letter |= matches!(format, Some(Format::Hex(_)))
                    && text.bytes().any(|byte| byte.is_ascii_lowercase());
                self.format(format);
                self.value(value, session);
            }
            Value::Number(number) => {
                self.format(number.as_f64().and_then(Format::of_number));
                self.stretch(number.as_f64().map(|number| (number, number)));
                self.value(value, session);
            }
            Value::Bool(_) => self.value(value, session),
            Value::Null => {}
        }
    }

    /// Notes which fields came together.
    fn companies(&mut self, map: &serde_json::Map<String, Value>) {
        let keys = map.keys().fold(0, |all, key| quick_hash(&(all, key)));
        for (key, value) in map {
            let is_word = match value {
                Value::Bool(_) => true,
                Value::String(text) => text.len() <= MAX_LITERAL,
                _ => false,
            };
            if !self.company.contains_key(key) {
                self.company.insert(key.clone(), Some(BTreeMap::new()));
            }
            let Some(known) = self.company.get_mut(key) else { continue };
            let Some(values) = known.as_mut().filter(|_| is_word) else {
                *known = None;
                continue;
            };
            values.entry(value.to_string()).or_default().add(keys, map);
            if values.len() > MAX_CLOSED {
                *known = None;
            }
        }
    }

    /// The field beside an optional one that says whether that one is there.
    fn when(&self, key: &str, field: &Seen) -> Option<When> {
        let objects = self.objects();
        let others = f64::from(objects.saturating_sub(field.n));
        let share = f64::from(field.n) / f64::from(objects.max(1));
        let by_chance = f64::from(field.n) * share.ln() + others * (1.0 - share).ln();
        if field.n == 0 || field.n >= objects || by_chance > ALPHA_COMPANY.ln() {
            return None;
        }
        let tells = |(beside, values): (&String, &Option<BTreeMap<String, Company>>)| {
            let values = values.as_ref().filter(|values| values.len() > 1 && beside != key)?;
            // It always has one of a few known words.
            let own = self.fields.get(beside).filter(|own| own.n == objects && own.types.len() == 1)?;
            own.closed(own.types.keys().next()?)?;
            let (with, without): (Vec<_>, Vec<_>) =
                values.iter().partition(|(_, company)| company.always.contains(key));
            let is_exact = without.iter().all(|(_, company)| !company.ever.contains(key));
            let values: Vec<Value> =
                with.iter().filter_map(|(value, _)| serde_json::from_str(value).ok()).collect();
            (is_exact && !values.is_empty() && !without.is_empty())
                .then(|| When { key: beside.clone(), values })
        };
        self.company.iter().filter_map(tells).min_by_key(|when| (when.values.len(), when.key.clone()))
    }

    fn stretch(&mut self, span: Option<(f64, f64)>) {
        self.span = match (self.span, span) {
            (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
            (own, other) => own.or(other),
        };
    }

    /// Whether numbers that look like times are too far apart to be the times of anything: random ids of 32 bits, sizes.
    fn are_scattered(&self) -> bool {
        let unit = if self.formats.contains(&Format::EpochMillis) { 1000.0 } else { 1.0 };
        self.span.is_some_and(|(least, most)| most - least > MAX_SPAN * unit)
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
                // Recordings are numbered within each set; the number has no meaning in another one.
                let own = self.values.entry(text).or_insert((0, 0, u32::MAX));
                (own.0, own.1) = (own.0 + n, own.1 + runs);
            }
            self.bound();
        }
        other.formats.into_iter().for_each(|format| self.format(Some(format)));
        self.unformatted |= other.unformatted;
        self.has_hex_letter |= other.has_hex_letter;
        self.stretch(other.span);
        self.empty |= other.empty;
        for (key, values) in other.company {
            let own = self.company.entry(key).or_insert_with(|| Some(BTreeMap::new()));
            match (own.as_mut(), values) {
                (Some(all), Some(values)) => {
                    for (value, company) in values {
                        all.entry(value).or_default().merge(company);
                    }
                    if all.len() > MAX_CLOSED {
                        *own = None;
                    }
                }
                _ => *own = None,
            }
        }
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

    /// Whether a set of texts says numbers, of which one more may come any day: sizes, counts, prices.
    fn are_measured(&self, values: &[Value]) -> bool {
        let is_number = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            let hex = text.strip_prefix("0x").is_some_and(|rest| u128::from_str_radix(rest, 16).is_ok());
            hex || text.parse::<f64>().is_ok()
        };
        let runs = |value: &Value| self.values.get(&value.to_string()).map_or(0, |(_, runs, _)| *runs);
        let most = values.iter().map(runs).max().unwrap_or(0);
        let least = values.iter().map(runs).min().unwrap_or(0);
        values.len() > 1 && values.iter().all(is_number) && least * 2 < most
    }

    /// The numbers, when no others are to be expected: codes, versions, kinds.
    fn codes(&self, kind: &str) -> Option<Vec<Value>> {
        let values = self.closed(kind)?;
        let runs = |value: &Value| self.values.get(&value.to_string()).map_or(0, |(_, runs, _)| *runs);
        let most = values.iter().map(runs).max().unwrap_or(0);
        let least = values.iter().map(runs).min().unwrap_or(0);
        let is_code = |value: &Value| match value.as_i64() {
            // A round number is a chosen limit.
            Some(number) => {
                number.unsigned_abs() < MAX_CODE
                    || number % 100 == 0
                    || number.unsigned_abs().is_power_of_two()
            }
            // A number with a fraction is measured or computed.
            None => false,
        };
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let enough = self.n >= MIN_NUMBERS.saturating_mul(count) && most >= MIN_NUMBER_RUNS;
        let numbers: Vec<i64> = values.iter().filter_map(Value::as_i64).collect();
        let span = numbers.iter().max().zip(numbers.iter().min()).map(|(most, least)| most.abs_diff(*least));
        // Consecutive numbers may be counts that may grow later; then all recordings must have all of them.
        let is_dense = values.len() > 2 && span.is_some_and(|span| span < u64::from(count) * 2);
        let is_common = if is_dense { least * 5 >= most * 4 } else { least * 2 >= most };
        let is_set = values.len() == 1 || is_common;
        (enough && is_set && values.iter().all(is_code)).then_some(values)
    }

    /// `path` is its place.
    fn types(&self, path: &str) -> Vec<Type> {
        let mut types = Vec::new();
        let has = |name: &str| self.types.contains_key(name);
        if has("boolean") {
            types.extend(match self.closed("boolean") {
                Some(values) if values.len() == 1 => values.into_iter().map(Type::Literal).collect(),
                _ => vec![Type::Boolean],
            });
        }
        // A decimal number in a text may have another number of digits later.
        let is_decimal = !self.has_hex_letter && self.formats.iter().all(|own| matches!(own, Format::Hex(_)));
        let whole_format =
            !self.unformatted && !self.formats.is_empty() && self.formats.len() <= 2 && !is_decimal;
        let formats = || self.formats.iter().cloned().map(Type::Format);
        if has("integer") || has("number") {
            let is_either = has("integer") && has("number");
            let codes = || {
                let codes = self.codes("integer")?;
                // An id is not one of a few values, but a missing id may have a constant value.
                let is_none = codes.len() == 1 && codes[0].as_i64().is_some_and(|number| number < 1);
                (is_none || !is_id(path, &Value::from(1))).then_some(codes)
            };
            if whole_format && !has("string") && !self.are_scattered() {
                types.extend(formats());
            } else if let Some(codes) = (!is_either).then(codes).flatten() {
                types.extend(codes.into_iter().map(Type::Literal));
            } else {
                types.push(if has("number") { Type::Number } else { Type::Integer });
            }
        }
        if has("string") {
            match self.closed("string") {
                // A short id that is the same in all recordings is a name, and so is a version. A long one is
                // generated by an installation, a registration or a build, and differs elsewhere. Several values are
                // ids, however often each was seen: ids that a server creates at its start are in all recordings
                // until it stops.
                Some(values)
                    if match values.as_slice() {
                        [value] => !is_made_up(value),
                        _ => !(whole_format || are_random(&values) || self.are_measured(&values)),
                    } =>
                {
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
        let is_id = |key: &String| match Format::of(key) {
            Some(Format::Id(..)) => self.fields.len() > 1,
            format => format.is_some(),
        };
        // `user-576167`: the number of a stored object.
        let is_numbered = |key: &&String| key.bytes().filter(u8::is_ascii_digit).count() >= MIN_DIGITS;
        let is_rare = || self.fields.values().all(|field| field.n * 2 < objects);
        let numbered = self.fields.keys().filter(is_numbered).count();
        self.fields.len() > MAX_FIELDS
            || (self.fields.len() > MAX_KEYS && is_rare())
            || (!self.fields.is_empty() && self.fields.keys().all(is_id))
            || (self.fields.len() >= MIN_NUMBERED && numbered * 4 >= self.fields.len() * 3 && is_rare())
    }

    /// `parent` is its object with the key; none for the whole and for items of a list.
    fn rules(&self, path: &str, parent: Option<(&Seen, &str)>, event_seen: u32, out: &mut Vec<(Path, Rule)>) {
        let optional = parent.is_some_and(|(parent, _)| self.n < parent.objects());
        let when = parent.filter(|_| optional).and_then(|(parent, key)| parent.when(key, self));
        let is_map = self.objects() > 0 && self.is_map();
        let has_children =
            (!self.fields.is_empty() && !is_map) || self.items.as_ref().is_some_and(|items| items.n > 0);
        let plain = self.types.len() == 1 && has_children && !optional;
        // The children of an object show that it is present; an empty one needs a line.
        if !plain && (!path.is_empty() || !has_children || self.types.len() > 1) {
            let samples = (self.n != event_seen).then_some(self.n);
            let rule = Rule { types: self.types(path), facts: Vec::new(), when, samples };
            out.push((Path { pattern: path.to_owned(), optional }, rule));
        }
        if !is_map {
            for (key, field) in &self.fields {
                let below = format!("{path}{}", path_step(key));
                field.rules(&below, Some((self, key)), event_seen, out);
            }
        }
        if let Some(items) = self.items.as_ref().filter(|items| items.n > 0) {
            items.rules(&format!("{path}/*"), None, event_seen, out);
        }
    }
}

/// The observations of one event.
#[derive(Debug, Clone, Default)]
struct Payloads {
    /// Taken as lists: all items are of one kind.
    seen: Seen,
    places: Places,
}

/// The observations of each place of payloads that may be tuples: `[ref, topic, event, payload]`.
#[derive(Debug, Clone, Default)]
enum Places {
    #[default]
    Unseen,
    Of(Vec<Seen>),
    /// Lists, of several lengths or too long, or no lists at all.
    No,
}

impl Payloads {
    fn add(&mut self, value: &Value, session: u32) {
        self.seen.add(value, session);
        let items = value.as_array().filter(|items| (2..=MAX_PLACES).contains(&items.len()));
        if let (Places::Unseen, Some(items)) = (&self.places, items) {
            self.places = Places::Of(vec![Seen::default(); items.len()]);
        }
        match (&mut self.places, items) {
            (Places::Of(places), Some(items)) if places.len() == items.len() => {
                places.iter_mut().zip(items).for_each(|(place, item)| place.add(item, session));
            }
            (places, _) => *places = Places::No,
        }
    }

    fn merge(&mut self, other: Payloads) {
        self.seen.merge(other.seen);
        match (&mut self.places, other.places) {
            (_, Places::Unseen) => {}
            (unseen @ Places::Unseen, places) => *unseen = places,
            (Places::Of(own), Places::Of(places)) if own.len() == places.len() => {
                own.iter_mut().zip(places).for_each(|(own, place)| own.merge(place));
            }
            (own, _) => *own = Places::No,
        }
    }

    /// The places of a tuple: always as many, and of more than one kind, or one of them has a word of its own. Those of a list
    /// are all of one kind.
    fn tuple(&self) -> Option<&[Seen]> {
        let Places::Of(places) = &self.places else { return None };
        let kinds = |place: &Seen| place.types.keys().copied().collect::<BTreeSet<_>>();
        let first = kinds(places.first()?);
        let has_own_word = |place: &Seen| {
            let Some(word) = place.values.keys().next() else { return false };
            // A number is one, too: the code at the start of such messages.
            let is_word =
                kinds(place) == BTreeSet::from(["string"]) || kinds(place) == BTreeSet::from(["integer"]);
            let says_one_word = place.values.len() == 1 && is_word;
            let saying_it = places.iter().filter(|other| other.values.contains_key(word)).count();
            says_one_word && saying_it == 1 && place.n >= MIN_NUMBERS
        };
        let is_mixed = places.iter().any(|place| kinds(place) != first);
        (is_mixed || places.iter().any(has_own_word)).then_some(places)
    }

    fn rules(&self, event_seen: u32, out: &mut Vec<(Path, Rule)>) {
        let Some(places) = self.tuple() else { return self.seen.rules("", None, event_seen, out) };
        let samples = (self.seen.n != event_seen).then_some(self.seen.n);
        let whole = Rule { types: vec![Type::Array], facts: Vec::new(), when: None, samples };
        out.push((Path { pattern: String::new(), optional: false }, whole));
        for (number, place) in places.iter().enumerate() {
            place.rules(&format!("/{number}"), None, event_seen, out);
        }
    }
}

/// The shapes in recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    seen: BTreeMap<Label, Payloads>,
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
                seen.rules(event.seen, &mut event.shape);
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

/// Whether a text is randomly generated: a UUID, a hash or a long random word. A value without information is a name,
/// such as the UUID of only zeros.
fn is_made_up(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let letters: BTreeSet<char> = text.chars().collect();
    let digits: Vec<bool> = text.chars().map(|c| c.is_ascii_digit()).collect();
    // `claudeSonnet20250514` has one, a random word of letters and digits many.
    let changes = digits.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let is_long = match Format::of(text) {
        Some(Format::Uuid) => true,
        Some(Format::Hex(digits)) => digits >= 16,
        _ => are_random(std::slice::from_ref(value)),
    };
    is_long && letters.len() >= 6 && changes >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(values: &[&str]) -> Vec<Type> {
        let mut seen = Seen::default();
        for (session, value) in (0..).zip(values.iter().cycle().take(24)) {
            seen.add(&Value::from(*value), session);
        }
        seen.types("/x")
    }

    #[test]
    fn what_a_server_makes_up_when_it_starts_is_no_closed_set() {
        let literal = |text: &str| Type::Literal(Value::from(text));
        assert_eq!(
            types(&["NDDNJVBHFN6EF7JPZXODLMPW6RD2ZA4N", "NATXTSZGEAETIXRYHIFKGRBPYKFHVIKY"]),
            [Type::Text]
        );
        assert_eq!(types(&["gpt-4o-2024-08-06", "small"]), [literal("gpt-4o-2024-08-06"), literal("small")]);
    }

    #[test]
    fn an_object_of_very_many_fields_is_a_map_of_data() {
        for (fields, expected) in [(MAX_FIELDS, Type::Object), (MAX_FIELDS + 1, Type::Map)] {
            let map: Value = (0..fields)
                .map(|n| (format!("a{n}"), Value::from(n)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let mut seen = Seen::default();
            (0..24).for_each(|session| seen.add(&map, session));
            assert_eq!(seen.types("/x"), [expected]);
        }
    }

    #[test]
    fn digits_alone_are_not_hexadecimal() {
        let many = |text: fn(u32) -> String| {
            let values: Vec<String> = (0..24).map(text).collect();
            types(&values.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(many(|n| (301_552_876 + 17 * n).to_string()), [Type::Text]);
        assert_eq!(many(|n| format!("{:08x}", 0x1a2b_3c4d + 17 * n)), [Type::Format(Format::Hex(8))]);
    }

    #[test]
    fn random_numbers_are_no_times() {
        let types = |numbers: &[u32]| {
            let mut seen = Seen::default();
            numbers.iter().enumerate().for_each(|(at, number)| {
                seen.add(&Value::from(*number), u32::try_from(at).unwrap_or(0));
            });
            seen.types("/private")
        };
        assert_eq!(
            types(&[1_764_489_600, 1_764_489_711, 1_764_576_000]),
            [Type::Format(Format::EpochSeconds)]
        );
        assert_eq!(types(&[1_764_489_600, 3_012_345_678, 2_204_112_233]), [Type::Integer]);
    }

    #[test]
    fn what_is_made_up_where_a_server_is_installed_is_no_constant() {
        assert_eq!(types(&["NDDNJVBHFN6EF7JPZXODLMPW6RD2ZA4N"]), [Type::Text]);
        assert_eq!(types(&["87107e798d7f4e509843632a36e9b4a1"]), [Type::Format(Format::Hex(32))]);
        assert_eq!(types(&["0197c3f0-2b5e-7cc1-9d51-7d0f1c3a5b21"]), [Type::Format(Format::Uuid)]);
        for name in [
            "claudeSonnet20250514",
            "internationalization1",
            "user_7f3a91",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(types(&[name]), [Type::Literal(Value::from(name))], "{name}");
        }
    }
}
