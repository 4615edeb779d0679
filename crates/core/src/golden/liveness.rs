//! The fingerprints of a session that no other session should repeat: evidence for a live server instead of a replay.
//!
//! [`Traces`] takes the events of one recorded or live session and keeps fingerprints, arrival times and counts, at
//! most a fixed amount however long the session is. Values beyond that are left out by their fingerprint, so that two
//! sessions with the same values keep the same ones.

use super::places::{MAX_KINDS, Places, Text};
use crate::dialect::{Event, Label};
use crate::stats::{FNV_START, FastMap, fingerprint, fold};
use crate::transcript::{Gap, Header, Offset};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A check that distinguishes a live server from a replayed recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LiveItem {
    /// Are ids and times new?
    Ids,
    /// Are free texts new?
    Texts,
    /// Do events come at other moments than in any recording?
    Timeline,
    /// Are long gaps something else than multiples of 50 ms?
    RoundGaps,
    /// Do gaps that repeat differ as much as those of a working server?
    TooRegular,
    /// The server repeats a sentence of the client.
    Echo,
    /// The first answers come faster than any work allows.
    WorkTime,
    /// The client's new values of this run are echoed.
    Nonce,
}

impl LiveItem {
    /// All items, in the order of reports.
    pub const ALL: [LiveItem; 8] = [
        LiveItem::Ids,
        LiveItem::Texts,
        LiveItem::Timeline,
        LiveItem::RoundGaps,
        LiveItem::TooRegular,
        LiveItem::Echo,
        LiveItem::WorkTime,
        LiveItem::Nonce,
    ];

    /// The stable name in goldens and reports.
    pub const fn name(self) -> &'static str {
        match self {
            LiveItem::Ids => "ids",
            LiveItem::Texts => "texts",
            LiveItem::Timeline => "timeline",
            LiveItem::RoundGaps => "round-gaps",
            LiveItem::TooRegular => "too-regular",
            LiveItem::Echo => "echo",
            LiveItem::WorkTime => "work-time",
            LiveItem::Nonce => "nonce",
        }
    }

    /// The item with this name.
    pub fn of(name: &str) -> Option<LiveItem> {
        LiveItem::ALL.into_iter().find(|item| item.name() == name)
    }
}

/// The maximum of stored ids of a session.
pub const MAX_IDS: usize = 4096;
/// The maximum of stored times of a session.
pub const MAX_TIMES: usize = 1024;
/// The maximum of stored places of a value.
pub const MAX_PLACES: usize = 8;
/// The timeline is that of so many server events, the first ones.
const MAX_ARRIVALS: usize = 64;
/// Shorter strings of the client are not distinguished from names that both sides know.
const MIN_FREE: usize = 12;
/// Gaps shorter than this are not the pauses of a player.
const LONG_GAP: Gap = Gap::from_millis(40);
/// Programmed pauses are usually a multiple of this.
const ROUND: u64 = Gap::from_millis(50).as_nanos();
/// A timer of a millisecond and a busy machine end a sleep so much too late.
const ROUND_LATE: u64 = Gap::from_nanos(2_200_000).as_nanos();

/// The places of an unguessable value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sighting {
    /// Fingerprints of the paths, e.g. of `agent_started/run_id`; at most [`MAX_PLACES`].
    pub places: BTreeSet<u64>,
    /// The path of its first occurrence.
    pub first: u64,
    /// The first frame that has it.
    pub frame: usize,
}

/// The arrival times of the server's events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// A fingerprint of the names of all events of both sides, in order.
    pub labels: u64,
    /// For the first server events, at most 64: the time since the client's latest event or since the start, in
    /// tenths of milliseconds.
    pub arrivals: Vec<u32>,
}

impl Timeline {
    /// The largest difference between two arrivals, if both sessions have the same events in the same order.
    pub fn distance(&self, other: &Timeline) -> Option<Gap> {
        let same = self.labels == other.labels && self.arrivals.len() == other.arrivals.len();
        let pairs = self.arrivals.iter().zip(&other.arrivals);
        let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max()?;
        same.then(|| Gap::from_nanos(u64::from(largest) * 100_000))
    }
}

/// The mean and the spread of the logarithms of gaps, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// The number of gaps.
    pub n: u32,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, gap: Gap) {
        let log = (gap.as_secs_f64() + super::LOG_FLOOR).ln();
        self.n += 1;
        let before = log - self.mean;
        self.mean += before / f64::from(self.n);
        self.squares += before * (log - self.mean);
    }

    /// The typical gap.
    pub fn typical(self) -> Gap {
        Gap::from_secs_f64(self.mean.exp() - super::LOG_FLOOR)
    }

    /// The standard deviation; never zero, so that its logarithm exists.
    pub fn deviation(self) -> f64 {
        (self.squares / f64::from(self.n.saturating_sub(1).max(1))).sqrt().max(1e-4)
    }
}

/// The fingerprints of one session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Traces {
    /// Unguessable values of the server that the client had not sent, by fingerprint; ids first.
    pub ids: BTreeMap<u64, Sighting>,
    /// The same for times with a fraction.
    pub times: BTreeMap<u64, Sighting>,
    /// Paths at which the server sent a sentence of the client, with the first frame.
    pub echoes: BTreeMap<u64, usize>,
    /// The number of free texts that the client sent.
    pub texts_sent: u32,
    /// The arrival times of the server's events.
    pub timeline: Timeline,
    /// The time from the first to the last arrival of the timeline.
    pub span: Gap,
    /// The number of gaps of 40 ms or longer before a server event.
    pub long_gaps: u64,
    /// The number of these that were a multiple of 50 ms, or at most 2.2 ms longer.
    pub round_gaps: u64,
    /// The server's and the client's events, by number.
    labels: Vec<Label>,
    numbers: FastMap<Label, Kind>,
    /// Gaps before a server event, by the numbers of the event before it and of the event.
    spreads: FastMap<(u32, u32), Spread>,
    places: Places,
    said: FastMap<u64, ()>,
    /// The latest event, by number, and when it came.
    last: Option<(Option<u32>, Offset)>,
    since: Offset,
    first: Option<Offset>,
}

/// An event: its number, and the place of its payload as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kind {
    number: u32,
    payload: Option<usize>,
}

impl Traces {
    /// The fingerprints of these events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Traces {
        let mut traces = Traces::default();
        events.into_iter().for_each(|event| traces.feed(event));
        traces
    }

    /// The state at the start of a session that stores texts only at these paths, by their fingerprints.
    pub fn with_texts_at(paths: BTreeSet<u64>) -> Traces {
        Traces { places: Places::with_texts_at(paths), ..Traces::default() }
    }

    /// Takes the next event.
    pub fn feed(&mut self, event: &Event) {
        self.timeline.labels = fold(fold(self.timeline.labels, event.label.as_str()), "\n");
        let kind = self.kind(&event.label);
        if event.label.is_client() {
            self.since = event.at;
            self.hear(&event.data);
        } else {
            self.time(event.at, kind.map(|kind| kind.number));
            if let Some(payload) = kind.and_then(|kind| kind.payload) {
                self.walk(&event.data, payload, event.frame);
            }
        }
        self.last = Some((kind.map(|kind| kind.number), event.at));
    }

    /// An event by its name; none when there are too many.
    fn kind(&mut self, label: &Label) -> Option<Kind> {
        if let Some(kind) = self.numbers.get(label) {
            return Some(*kind);
        }
        if self.labels.len() >= MAX_KINDS {
            return None;
        }
        let number = u32::try_from(self.labels.len()).ok()?;
        let payload = if label.is_client() { None } else { self.places.event(label.as_str()) };
        self.labels.push(label.clone());
        self.numbers.insert(label.clone(), Kind { number, payload });
        Some(Kind { number, payload })
    }

    /// The gaps before a server event, by the previous event and the event.
    pub fn spreads(&self) -> BTreeMap<(Label, Label), Spread> {
        let label = |number: u32| self.labels[number as usize].clone();
        self.spreads
            .iter()
            .map(|((before, then), spread)| ((label(*before), label(*then)), *spread))
            .collect()
    }

    /// The server's texts at each path, without ids and times; by the path's fingerprint.
    pub fn texts(&self) -> BTreeMap<u64, Text> {
        self.places.named().filter_map(|place| Some((place.print, place.text?))).collect()
    }

    /// The paths of the fingerprints.
    pub fn names(&self) -> BTreeMap<u64, String> {
        self.places.named().map(|place| (place.print, self.places.path(place))).collect()
    }

    /// Notes the values of the client, which are not the server's own.
    fn hear(&mut self, value: &Value) {
        match value {
            Value::Object(map) => map.values().for_each(|item| self.hear(item)),
            Value::Array(items) => items.iter().for_each(|item| self.hear(item)),
            Value::String(text) if text.len() >= MIN_FREE => {
                self.texts_sent = self.texts_sent.saturating_add(u32::from(is_free(text)));
                if self.said.len() < MAX_KINDS {
                    self.said.insert(fingerprint(text), ());
                }
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    fn time(&mut self, at: Offset, own: Option<u32>) {
        let first = *self.first.get_or_insert(at);
        if self.timeline.arrivals.len() < MAX_ARRIVALS {
            let tenths = at.since(self.since).as_nanos() / 100_000;
            self.timeline.arrivals.push(u32::try_from(tenths).unwrap_or(u32::MAX));
            self.span = at.since(first);
        }
        let Some((before, then)) = self.last else { return };
        let gap = at.since(then);
        if gap >= LONG_GAP {
            self.long_gaps += 1;
            let is_round = gap.as_nanos() >= ROUND && gap.as_nanos() % ROUND <= ROUND_LATE;
            self.round_gaps += u64::from(is_round);
        }
        let (Some(before), Some(own)) = (before, own) else { return };
        if let Some(spread) = self.spreads.get_mut(&(before, own)) {
            spread.add(gap);
        } else if self.spreads.len() < MAX_KINDS {
            self.spreads.entry((before, own)).or_default().add(gap);
        }
    }

    fn walk(&mut self, value: &Value, place: usize, frame: usize) {
        match value {
            Value::Object(map) => {
                for (position, (key, item)) in map.iter().enumerate().filter(|(_, (_, item))| says(item)) {
                    if let Some(below) = self.places.below(place, position, key) {
                        self.walk(item, below, frame);
                    }
                }
            }
            Value::Array(items) => {
                for item in items.iter().filter(|item| says(item)) {
                    if let Some(below) = self.places.below(place, 0, "*") {
                        self.walk(item, below, frame);
                    }
                }
            }
            Value::String(text) => {
                // A repeated id at the same place changes nothing, and most events have one.
                if self.places.all[place].latest == *text && !text.is_empty() {
                    return;
                }
                match Unguessable::of(text) {
                    Some(kind) => self.sight(kind, text, place, frame),
                    None => self.read(text, place, frame),
                }
            }
            Value::Number(number) => self.sight(Unguessable::Time, &number.to_string(), place, frame),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn sight(&mut self, kind: Unguessable, text: &str, place: usize, frame: usize) {
        let print = fingerprint(text);
        if self.said.contains_key(&print) || !self.places.is_named(place) {
            return;
        }
        let place = &mut self.places.all[place];
        place.latest.clear();
        place.latest.push_str(text);
        let (known, most) = match kind {
            Unguessable::Id => (&mut self.ids, MAX_IDS),
            Unguessable::Time => (&mut self.times, MAX_TIMES),
        };
        // Only the smallest are kept.
        if known.len() >= most && known.last_key_value().is_some_and(|(largest, _)| *largest < print) {
            return;
        }
        let sighting = known.entry(print).or_insert_with(|| Sighting {
            places: BTreeSet::new(),
            first: place.print,
            frame,
        });
        insert_smallest(&mut sighting.places, place.print, MAX_PLACES);
        if known.len() > most {
            known.pop_last();
        }
    }

    fn read(&mut self, text: &str, place: usize, frame: usize) {
        if !self.places.is_named(place) {
            return;
        }
        let place = &mut self.places.all[place];
        if place.is_wanted {
            place.text.get_or_insert(Text { state: FNV_START, length: 0 }).add(text);
        }
        if self.texts_sent > 0 && is_free(text) && self.said.contains_key(&fingerprint(text)) {
            self.echoes.entry(place.print).or_insert(frame);
        }
    }
}

/// Whether there may be a text, an id or a time in it.
fn says(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) | Value::String(_) => true,
        Value::Number(number) => {
            number.as_u64().is_some_and(|n| (1_000_000_000_000..4_000_000_000_000).contains(&n))
        }
        Value::Bool(_) | Value::Null => false,
    }
}

/// The id of a recording, or its start if it has none.
pub fn recording_id(header: &Header) -> &str {
    if header.id.is_empty() { &header.started } else { &header.id }
}

/// Inserts a value into a set that keeps only the smallest ones.
pub fn insert_smallest(set: &mut BTreeSet<u64>, value: u64, most: usize) {
    set.insert(value);
    if set.len() > most {
        set.pop_last();
    }
}

/// Words, as opposed to a name or an id.
fn is_free(text: &str) -> bool {
    text.len() >= MIN_FREE && text.trim().contains(char::is_whitespace)
}

/// The two kinds of values that do not repeat by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unguessable {
    Id,
    Time,
}

impl Unguessable {
    /// Ids are at least 12 characters without blanks, some of them digits; times have a date and a fraction of a second.
    /// Names with a year in them are taken for ids; they are the same in all recordings and then count for nothing.
    fn of(text: &str) -> Option<Unguessable> {
        let bytes = text.as_bytes();
        if !(12..=200).contains(&bytes.len()) {
            return None;
        }
        let is_date = bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && bytes[7] == b'-';
        if is_date {
            let fraction = text.get(19..).and_then(|rest| rest.strip_prefix(['.', ',']));
            let digits = fraction.map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
            return (digits >= 3).then_some(Unguessable::Time);
        }
        let (mut digits, mut run, mut longest) = (0, 0, 0);
        for byte in bytes {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    digits += usize::from(byte.is_ascii_digit());
                    run += 1;
                    longest = run.max(longest);
                }
                b'_' | b'-' | b'.' | b':' | b'=' | b'+' => run = 0,
                _ => return None,
            }
        }
        (digits >= 4 || (digits >= 1 && longest >= 12)).then_some(Unguessable::Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(label: &str, millis: u64, data: Value) -> Event {
        let at = Offset::from_nanos(millis * 1_000_000);
        Event { label: Label::from(label), at, frame: 0, conn: 0, data }
    }

    #[test]
    fn ids_and_times_are_told_from_words() {
        let of = Unguessable::of;
        for id in [
            "run_8fp67s5jk3d7",
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "V1StGXRVZcjdHiBBzmyT",
            "run_abcdefghijk7",
            "123456789012",
        ] {
            assert_eq!(of(id), Some(Unguessable::Id), "{id}");
        }
        assert_eq!(of("2026-11-22T22:04:19.058735Z"), Some(Unguessable::Time));
        for word in [
            "2026-11-22T22:04:19Z",
            "search_corpus",
            "How far is 384400",
            "run_8fp67s",
            "moon-distance-1",
            "äöüäöü123456",
        ] {
            assert_eq!(of(word), None, "{word}");
        }
    }

    #[test]
    fn what_the_client_sent_is_not_the_servers_and_what_it_said_is_an_echo() {
        let traces = Traces::of(&[
            event(
                "hello",
                0,
                json!({ "id": "thr_8fp67s5jk3d7", "list": [{ "at": "2026-11-22T22:04:19.058735Z" }] }),
            ),
            event(">ask", 1, json!({ "id": "req_99p67s5jk3d7", "text": "How far is the moon?" })),
            event(
                "answer",
                2,
                json!({ "re": "req_99p67s5jk3d7", "id": "thr_8fp67s5jk3d7", "text": "How far is the moon?" }),
            ),
        ]);
        let names = traces.names();
        let named = |print: &u64| names[print].as_str();
        let id = &traces.ids[&fingerprint("thr_8fp67s5jk3d7")];
        let mut places: Vec<&str> = id.places.iter().map(named).collect();
        places.sort_unstable();
        assert_eq!((traces.ids.len(), traces.times.len(), places), (1, 1, vec!["answer/id", "hello/id"]));
        assert_eq!(traces.echoes.keys().map(named).collect::<Vec<_>>(), ["answer/text"]);
        assert!(names.values().any(|name| name == "hello/list/*/at"));
    }

    #[test]
    fn a_session_without_end_leaves_no_more_than_a_long_one() {
        let mut traces = Traces::default();
        for n in 0..20_000u64 {
            let id = format!("tok_{:020}", fingerprint(&n.to_string()));
            traces.feed(&event("token", n, json!({ "id": id, format!("key{n}"): n, "text": "word " })));
            traces.feed(&event(&format!("kind{n}"), n, json!({ "text": "a word or two" })));
            traces.feed(&event(">say", n, json!({ "text": format!("this is sentence {n}") })));
        }
        assert_eq!((traces.ids.len(), traces.timeline.arrivals.len()), (MAX_IDS, MAX_ARRIVALS));
        assert!(traces.names().len() <= MAX_KINDS && traces.texts().len() <= MAX_KINDS);
        assert!(traces.spreads().len() <= MAX_KINDS && traces.said.len() <= MAX_KINDS);
        // The kept ones do not depend on their order.
        let smallest = traces.ids.keys().next_back().copied().unwrap_or_default();
        let all = (0..20_000u64).map(|n| fingerprint(&format!("tok_{:020}", fingerprint(&n.to_string()))));
        assert_eq!(all.filter(|print| *print <= smallest).count(), MAX_IDS);
    }
}
