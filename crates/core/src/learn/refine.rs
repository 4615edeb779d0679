//! Events that are several: by a second field, by the kind of lane they are in, or by the state they tell of.
//!
//! A name is not always enough. `status` of `busy` and of `idle` are two events, and so are the updates of an agent that
//! are all called `session/update`. Each finding here is a field for an event: `refine.status = "/state"` in a golden.

use super::lanes::Lanes;
use super::names::{CONTENT, Candidate, MAX_KINDS, MIN_BITS, USUAL, information, print_of};
use super::session::Session;
use crate::dialect::{Dialect, Label, NAMELESS, pointer, refinement};
use crate::golden::Format;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// At most so many values make one event several.
const MAX_STATES: usize = 4;
/// At most so many topics make one event several.
const MAX_TOPICS: usize = 16;
/// So many lanes must show that the values follow each other.
const MIN_LANES: u32 = 3;
/// What stands before a number that is a name.
const CODE: char = 'n';

/// The event that most messages of the server are, whose name therefore says little, and a field that says what kind of it
/// each is: the kind has its own fields. `session/update` is what an agent of the Agent Client Protocol says of all it does.
pub(super) fn kinds_of_most(sessions: &[Session]) -> BTreeMap<Label, String> {
    let own = || sessions.iter().flat_map(|s| &s.events).filter(|event| !event.label.is_client());
    let mut counts: BTreeMap<&Label, usize> = BTreeMap::new();
    own().for_each(|event| *counts.entry(&event.label).or_default() += 1);
    let all: usize = counts.values().sum();
    let Some((most, _)) = counts.into_iter().find(|(_, count)| count * 2 > all) else {
        return BTreeMap::new();
    };
    let mut paths = Vec::new();
    if let Some(first) = own().find(|event| event.label == *most && event.data.is_object()) {
        words(&first.data, "", &mut paths);
    }
    let names_kinds = |leaf: &str| {
        USUAL.contains(&leaf)
            || ["Type", "Kind", "Event", "Update", "_type", "_kind", "_event"]
                .iter()
                .any(|end| leaf.ends_with(end))
    };
    paths.retain(|path| names_kinds(path.rsplit('/').next().unwrap_or_default()));
    let tells = |path: &String| {
        let Some(candidate) = kinds_at(sessions, most, path) else { return false };
        (2..=MAX_KINDS).contains(&candidate.joint.len())
            && candidate.recurs(sessions.len(), 6)
            && information(&candidate) >= MIN_BITS / 2.0
    };
    let found = paths.into_iter().find(tells);
    found.into_iter().map(|path| (most.clone(), path)).collect()
}

/// The words at a path of an event, each with the shapes of its messages; none where one message has no word there.
fn kinds_at(sessions: &[Session], label: &Label, path: &str) -> Option<Candidate> {
    let mut candidate = Candidate::default();
    for session in sessions {
        let mut here: BTreeSet<&str> = BTreeSet::new();
        for event in session.events.iter().filter(|event| event.label == *label) {
            let word = event.data.pointer(path).and_then(refinement)?;
            candidate.add(word, whole_shape(&event.data));
            here.insert(word);
        }
        candidate.add_recording(here);
    }
    Some(candidate)
}

/// Events that have only a number for a name, or none, and a word in one of the usual fields that says what they are.
pub(super) fn second(sessions: &[Session]) -> BTreeMap<Label, String> {
    let mut found = BTreeMap::new();
    let labels: BTreeSet<&Label> =
        sessions.iter().flat_map(|s| &s.events).map(|event| &event.label).collect();
    let is_bare = |label: &&Label| {
        let name = label.name();
        let is_number = name.strip_prefix(CODE).is_some_and(|code| code.parse::<u64>().is_ok());
        name == NAMELESS || is_number
    };
    for label in labels.into_iter().filter(is_bare) {
        let events = || sessions.iter().flat_map(|s| &s.events).filter(|event| event.label == *label);
        let mut paths = Vec::new();
        // Where the first one says nothing, another may.
        if let Some(first) = events().find(|event| event.data.is_object()) {
            words(&first.data, "", &mut paths);
        }
        paths.retain(|path| USUAL.contains(&path.rsplit('/').next().unwrap_or_default()));
        let tells = |path: &String| {
            let Some(candidate) = kinds_at(sessions, label, path) else { return false };
            (2..=MAX_KINDS).contains(&candidate.joint.len()) && candidate.recurs(sessions.len(), 6)
        };
        if let Some(path) = paths.into_iter().find(tells) {
            found.insert(label.clone(), path);
        }
    }
    found
}

/// Finds the events that are several by their subject, topic or destination: a few names that come again in most
/// recordings, not ids.
pub(super) fn topics(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let Dialect::Protocol(spoken) = dialect else { return false };
    let mut found = BTreeMap::new();
    let all: BTreeSet<&Label> = sessions.iter().flat_map(|s| &s.events).map(|event| &event.label).collect();
    let topics = spoken.protocol.topics().iter().flat_map(|(name, path)| match *name {
        "*" => all.iter().map(|label| ((*label).clone(), *path)).collect(),
        name => vec![(Label::from(name), *path)],
    });
    for (label, path) in topics {
        if spoken.refine.contains_key(&label) {
            continue;
        }
        // Name → in how many recordings; none where something is no name.
        let mut names: Option<BTreeMap<&str, usize>> = Some(BTreeMap::new());
        let mut with = 0;
        for session in sessions {
            let events = session.events.iter().filter(|event| event.label == label);
            let here: Option<BTreeSet<&str>> = events
                .map(|event| event.data.pointer(path).and_then(|value| spoken.word(value)))
                .map(|word| word.filter(|word| !is_made_up(word)))
                .collect();
            with += usize::from(here.as_ref().is_none_or(|here| !here.is_empty()));
            match (here, &mut names) {
                (Some(here), Some(names)) => {
                    here.into_iter().for_each(|name| *names.entry(name).or_default() += 1)
                }
                _ => names = None,
            }
        }
        let names = names.unwrap_or_default();
        if (2..=MAX_TOPICS).contains(&names.len()) && names.values().all(|runs| runs * 10 >= with * 6) {
            found.insert(label, path.to_owned());
        }
    }
    let is_found = !found.is_empty();
    spoken.refine.extend(found);
    is_found
}

/// Whether a part of a subject or a topic is an id.
fn is_made_up(name: &str) -> bool {
    name.split(['.', '/']).any(|part| Format::of(part).is_some())
}

/// Events that are several by one enumerated field: in every lane each of its two to four values comes at most once,
/// always in the same order. What holds between `busy` and `idle` cannot be said of `status`.
pub(super) fn states(sessions: &[Session], lanes: &Lanes) -> BTreeMap<Label, String> {
    let mut found = BTreeMap::new();
    let labels: BTreeSet<&Label> =
        sessions.iter().flat_map(|s| &s.events).map(|event| &event.label).collect();
    for label in labels.into_iter().filter(|label| !label.is_client()) {
        let events = || sessions.iter().flat_map(|s| &s.events).filter(|event| event.label == *label);
        let Some(first) = events().next() else { continue };
        let mut paths = Vec::new();
        words(&first.data, "", &mut paths);
        let best = paths.into_iter().find(|path| {
            let mut states = States::default();
            sessions.iter().all(|session| states.take(session, label, path, lanes))
                && states.refine(sessions.len())
        });
        if let Some(path) = best {
            found.insert(label.clone(), path);
        }
    }
    found
}

/// Events that several kinds of lane share, by the field that says in which of them they are: the `status` of a request
/// that the client made is another than that of the server's own. Without it nothing that only one kind has could be
/// required of any.
pub(super) fn kinds(sessions: &[Session], lanes: &Lanes) -> BTreeMap<Label, String> {
    let mut found = BTreeMap::new();
    let labels: BTreeSet<&Label> =
        sessions.iter().flat_map(|s| &s.events).map(|event| &event.label).collect();
    for label in labels.into_iter().filter(|label| !label.is_client() && !label.name().contains('[')) {
        let Some(key) = lanes.home(label) else { continue };
        let first = sessions.iter().flat_map(|s| &s.events).find(|event| event.label == *label);
        let mut paths = Vec::new();
        words(&first.map_or(Value::Null, |event| event.data.clone()), "", &mut paths);
        // A field that usually names things rather than one that happens to differ, such as a version.
        paths.sort_by_key(|path| !USUAL.contains(&path.rsplit('/').next().unwrap_or_default()));
        if let Some(path) = paths.into_iter().find(|path| tells_kinds(sessions, lanes, key, label, path)) {
            found.insert(label.clone(), path);
        }
    }
    found
}

/// What a kind of lane has besides the event that others have, too.
#[derive(Default)]
struct LaneKind {
    lanes: u32,
    recordings: BTreeSet<usize>,
    /// Event → in how many lanes.
    events: BTreeMap<Label, u32>,
}

/// Whether what stands at a path of an event is the same throughout a lane, and says who began it: something that the client
/// says is in all lanes of one kind and in none of any other.
fn tells_kinds(sessions: &[Session], lanes: &Lanes, key: &str, label: &Label, path: &str) -> bool {
    let mut kinds: BTreeMap<String, LaneKind> = BTreeMap::new();
    for (index, session) in sessions.iter().enumerate() {
        let mut here: BTreeMap<String, (Option<&str>, BTreeSet<&Label>)> = BTreeMap::new();
        for event in session.events.iter().filter(|event| lanes.home(&event.label) == Some(key)) {
            let Some(lane) = lanes.value(event, key) else { return false };
            let (kind, events) = here.entry(lane).or_default();
            if event.label == *label {
                let Some(word) = event.data.pointer(path).and_then(refinement) else { return false };
                if kind.is_some_and(|kind| kind != word) {
                    return false;
                }
                *kind = Some(word);
            } else {
                events.insert(&event.label);
            }
        }
        for (kind, events) in here.into_values().filter_map(|(kind, events)| Some((kind?, events))) {
            if kinds.len() == MAX_STATES && !kinds.contains_key(kind) {
                return false;
            }
            let kind = kinds.entry(kind.to_owned()).or_default();
            kind.lanes += 1;
            kind.recordings.insert(index);
            for event in events {
                *kind.events.entry(event.clone()).or_default() += 1;
            }
        }
    }
    let common =
        |kind: &LaneKind| kind.recordings.len() * 10 >= sessions.len() * 6 && kind.lanes >= MIN_LANES;
    let is_told = |(word, kind): (&String, &LaneKind)| {
        let elsewhere = |event: &Label| {
            kinds.iter().any(|(other, kind)| other != word && kind.events.contains_key(event))
        };
        kind.events.iter().any(|(event, n)| event.is_client() && *n == kind.lanes && !elsewhere(event))
    };
    kinds.len() >= 2 && kinds.values().all(common) && kinds.iter().any(is_told)
}

/// Where a payload has words that could be states; the nearest to the top first.
fn words(value: &Value, path: &str, out: &mut Vec<String>) {
    let Some(map) = value.as_object() else { return };
    // What the dialect itself adds, such as a message's number, is no state.
    for (key, item) in map.iter().filter(|(key, _)| !key.starts_with('@')) {
        // Nor is an address, or what somebody wrote.
        let is_state = |text: &str| {
            Format::of(text).is_none()
                && !text.contains("//")
                && !CONTENT.contains(&key.to_ascii_lowercase().as_str())
        };
        if item.is_string() && refinement(item).is_some_and(is_state) {
            out.push(format!("{path}{}", pointer([key.as_str()])));
        }
    }
    for (key, item) in map {
        words(item, &format!("{path}{}", pointer([key.as_str()])), out);
    }
}

/// The values that one field takes from event to event of a lane.
#[derive(Default)]
struct States {
    /// Value → in how many recordings.
    values: BTreeMap<String, u32>,
    /// Pairs of values in the order in which lanes have them.
    order: BTreeSet<(String, String)>,
    /// How many lanes have more than one value.
    lanes: u32,
}

impl States {
    /// Takes the events of a session; false if some lane rules out that they are states.
    fn take(&mut self, session: &Session, label: &Label, path: &str, lanes: &Lanes) -> bool {
        let mut seen: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
        for event in session.events.iter().filter(|event| event.label == *label) {
            let Some(value) = event.data.pointer(path).and_then(refinement) else { return false };
            let lane = lanes.home(label).and_then(|key| lanes.value(event, key));
            let before = seen.entry(lane).or_default();
            if before.contains(&value) || self.values.len() > MAX_STATES {
                return false;
            }
            before.push(value);
        }
        let here: BTreeSet<&str> = seen.values().flatten().copied().collect();
        for value in here {
            *self.values.entry(value.to_owned()).or_default() += 1;
        }
        for lane in seen.values().filter(|lane| lane.len() > 1) {
            self.lanes += 1;
            for (i, first) in lane.iter().enumerate() {
                for then in &lane[i + 1..] {
                    if self.order.contains(&((*then).to_owned(), (*first).to_owned())) {
                        return false;
                    }
                    self.order.insert(((*first).to_owned(), (*then).to_owned()));
                }
            }
        }
        true
    }

    fn refine(&self, recordings: usize) -> bool {
        let common = |n: &u32| *n as usize * 10 >= recordings * 6;
        (2..=MAX_STATES).contains(&self.values.len())
            && self.lanes >= MIN_LANES
            && self.values.values().all(common)
    }
}

/// A fingerprint of the set of all paths of an object, those within its lists aside.
fn whole_shape(value: &Value) -> u64 {
    fn walk(value: &Value, path: &str, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, item) in map {
                    walk(item, &format!("{path}{}", pointer([key.as_str()])), out);
                }
            }
            _ => {
                out.insert(path.to_owned());
            }
        }
    }
    let mut paths = BTreeSet::new();
    walk(value, "", &mut paths);
    print_of(&paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Event;
    use crate::transcript::Offset;
    use serde_json::json;

    /// A session from words: `status:a:probe` belongs to the lane `a`, and says that a `probe` began it.
    fn session(number: usize, words: &str) -> Session {
        let events = words.split_whitespace().enumerate().map(|(i, word)| {
            let mut parts = word.split(':');
            let name = parts.next().unwrap_or_default();
            let lane = format!("lane_{}{number}00000", parts.next().unwrap_or_default());
            let data = json!({ "type": name, "lane": lane, "by": parts.next() });
            let at = Offset::from_nanos(u64::try_from(i).expect("small") * 20_000_000);
            Event { label: Label::from(name), at, frame: i, conn: 0, data }
        });
        Session { events: events.collect(), ending: "client 1000".to_owned() }
    }

    fn kinds_of(words: &str) -> BTreeMap<Label, String> {
        let sessions: Vec<Session> = (0..6).map(|number| session(number, words)).collect();
        kinds(&sessions, &Lanes::find(&sessions, None))
    }

    #[test]
    fn what_the_client_asked_and_what_it_did_not_are_two_kinds() {
        let asked = ">run:a status:b:probe status:a:run out:a status:b:probe status:a:run";
        assert_eq!(kinds_of(asked), BTreeMap::from([(Label::from("status"), "/by".to_owned())]));
        // Two tools of one agent are told apart by what they do, not by who began it.
        assert_eq!(kinds_of("begin:a:search begin:b:sum hit:a end:a end:b"), BTreeMap::new());
    }
}
