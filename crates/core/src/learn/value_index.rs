//! An index of the server's earlier values in a session: each place and each value is found without reading the
//! session again, so that learning the client's side takes linear time.

use super::paths::each_value;
use super::session::Session;
use crate::dialect::{Event, Label};
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The place of a server value: an event and a JSON pointer (RFC 6901).
pub(super) type Origin = (Label, String);

/// A value of the server must be this long, in bytes, to be looked for inside of a longer text.
const MIN_INSIDE: usize = 12;

/// One session, by place and by value.
pub(super) struct ValueIndex<'s> {
    events: &'s [Event],
    /// The positions of the client's events in the session.
    sends: Vec<usize>,
    places: Vec<Place<'s>>,
    numbers: HashMap<&'s Label, HashMap<String, usize>>,
    /// The places that ever said a value.
    sources: HashMap<&'s Value, Vec<usize>>,
    /// The position of each event's first occurrence.
    first: HashMap<&'s Label, usize>,
    parts: OnceCell<HashMap<&'s [u8], Vec<Part<'s>>>>,
}

struct Place<'s> {
    origin: Origin,
    /// Its values in order, each with the position of its event in the session.
    said: Vec<(usize, &'s Value)>,
}

/// A long string of the server, where it came first.
struct Part<'s> {
    text: &'s str,
    /// The number of other places before it.
    order: usize,
    event: usize,
    place: usize,
}

impl<'s> ValueIndex<'s> {
    pub(super) fn of(session: &'s Session) -> ValueIndex<'s> {
        let mut past = ValueIndex {
            events: &session.events,
            sends: Vec::new(),
            places: Vec::new(),
            numbers: HashMap::new(),
            sources: HashMap::new(),
            first: HashMap::new(),
            parts: OnceCell::new(),
        };
        for (at, event) in session.events.iter().enumerate() {
            past.first.entry(&event.label).or_insert(at);
            if event.label.is_client() {
                past.sends.push(at);
            } else {
                each_value(&event.data, &mut |path, value| past.note(at, event, path, value));
            }
        }
        past
    }

    fn note(&mut self, at: usize, event: &'s Event, path: &str, value: &'s Value) {
        let numbers = self.numbers.entry(&event.label).or_default();
        let number = numbers.get(path).copied().unwrap_or_else(|| {
            numbers.insert(path.to_owned(), self.places.len());
            self.places.push(Place { origin: (event.label.clone(), path.to_owned()), said: Vec::new() });
            self.places.len() - 1
        });
        self.places[number].said.push((at, value));
        let sources = self.sources.entry(value).or_default();
        if !sources.contains(&number) {
            sources.push(number);
        }
    }

    /// The position of the client's event number `index` in the session.
    pub(super) fn send(&self, index: usize) -> Option<usize> {
        self.sends.get(index).copied()
    }

    /// An event of the session.
    pub(super) fn event(&self, at: usize) -> &'s Event {
        &self.events[at]
    }

    /// The places that, when the event at `at` came, had said this last.
    pub(super) fn sources(&self, value: &Value, at: usize) -> BTreeSet<Origin> {
        let numbers = self.sources.get(value).into_iter().flatten();
        let places = numbers.map(|number| &self.places[*number]);
        places.filter(|place| place.latest(at) == Some(value)).map(|place| place.origin.clone()).collect()
    }

    /// The position of an event's first occurrence, if it is before `at`.
    pub(super) fn first(&self, label: &Label, at: usize) -> Option<usize> {
        self.first.get(label).copied().filter(|first| *first < at)
    }

    /// The value at this place in the latest event of this name before `at`.
    pub(super) fn latest(&self, (label, path): &Origin, at: usize) -> Option<&'s Value> {
        let said = &self.places[*self.numbers.get(label)?.get(path)?].said;
        let (event, value) = said.get(said.partition_point(|(event, _)| *event < at).checked_sub(1)?)?;
        // A later event of that name may have no value there.
        let is_latest = self.events[event + 1..at].iter().all(|later| later.label != *label);
        is_latest.then_some(value)
    }

    /// The first long string of the server before `at` that a text contains, and its place.
    pub(super) fn part_of(&self, text: &str, at: usize) -> Option<(&Origin, &'s str)> {
        let parts = self.parts.get_or_init(|| self.parts());
        let bytes = text.as_bytes();
        let within = bytes.windows(MIN_INSIDE).enumerate().flat_map(|(start, window)| {
            let known = parts.get(window).into_iter().flatten();
            known.filter(move |part| bytes[start..].starts_with(part.text.as_bytes()))
        });
        let part = within.filter(|part| part.event < at).min_by_key(|part| part.order)?;
        Some((&self.places[part.place].origin, part.text))
    }

    /// The long strings, by how they begin.
    fn parts(&self) -> HashMap<&'s [u8], Vec<Part<'s>>> {
        let (mut parts, mut known) = (HashMap::<_, Vec<_>>::new(), HashSet::new());
        for (event, own) in self.events.iter().enumerate().filter(|(_, event)| !event.label.is_client()) {
            let Some(numbers) = self.numbers.get(&own.label) else { continue };
            each_value(&own.data, &mut |path, value| {
                let Some(text) = value.as_str().filter(|text| text.len() >= MIN_INSIDE) else { return };
                if let Some(place) = numbers.get(path).filter(|_| known.insert(text)) {
                    let part = Part { text, order: known.len(), event, place: *place };
                    parts.entry(&text.as_bytes()[..MIN_INSIDE]).or_default().push(part);
                }
            });
        }
        parts
    }
}

impl<'s> Place<'s> {
    /// Its latest value before `at`.
    fn latest(&self, at: usize) -> Option<&'s Value> {
        let before = self.said.partition_point(|(event, _)| *event < at);
        self.said.get(before.checked_sub(1)?).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Offset;
    use serde_json::json;

    fn session(said: &[(&str, Value)]) -> Session {
        let events = said.iter().enumerate().map(|(frame, (label, data))| Event {
            label: Label::from(*label),
            at: Offset::ZERO,
            frame,
            conn: 0,
            data: data.clone(),
        });
        Session { events: events.collect(), ending: String::new() }
    }

    #[test]
    fn only_what_was_said_last_and_before_is_an_origin() {
        let session = session(&[
            ("hello", json!({ "id": "a", "n": 1 })),
            (">ask", json!({})),
            ("hello", json!({ "id": "b" })),
            ("other", json!({ "of": { "id": "a" } })),
            (">ask", json!({})),
        ]);
        let past = ValueIndex::of(&session);
        let origin = |label: &str, path: &str| (Label::from(label), path.to_owned());
        let sources = |value: Value, at: usize| past.sources(&value, at).into_iter().collect::<Vec<_>>();
        assert_eq!(sources(json!("a"), 1), [origin("hello", "/id")]);
        assert_eq!(sources(json!("a"), 4), [origin("other", "/of/id")]);
        assert_eq!(sources(json!("b"), 1), []);
        assert_eq!((past.send(1), past.send(2)), (Some(4), None));
        assert_eq!(past.latest(&origin("hello", "/id"), 4), Some(&json!("b")));
        // The latest `hello` has no `n`; as a value of the session it is still known.
        assert_eq!(past.latest(&origin("hello", "/n"), 4), None);
        assert_eq!(sources(json!(1), 4), [origin("hello", "/n")]);
    }

    #[test]
    fn the_first_string_that_stands_in_a_text_is_its_part() {
        let session = session(&[
            ("hello", json!({ "short": "thread", "id": "thread_0001_long" })),
            ("hello", json!({ "id": "thread_0001_longer" })),
            (">ask", json!({ "text": "in thread_0001_longer, please" })),
        ]);
        let past = ValueIndex::of(&session);
        let part = |at: usize| past.part_of("in thread_0001_longer, please", at).map(|(_, text)| text);
        assert_eq!((part(0), part(2)), (None, Some("thread_0001_long")));
        assert_eq!(past.part_of("thread thread", 2), None);
    }
}
