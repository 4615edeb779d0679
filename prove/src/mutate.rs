//! The catalogue of mutations: what a broken server would do, done to one clean session.
//!
//! Each says whether it can be seen in principle, and which kinds of finding name it well. One that does not apply to
//! a session (no lane to cross, no counter to stop) says so and is not counted.

use crate::families::{Family, Lanes};
use crate::oracle::{Field, Oracle};
use crate::random::Random;
use crate::stream::{Said, Stream};
use goldwire_core::finding::Kind;
use goldwire_core::transcript::{End, Gap, Side};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Which part of a golden a mutation is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Order,
    Payload,
    Timing,
}

/// Whether it can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// In principle by anybody who has seen enough clean sessions.
    Detectable,
    /// A clean server could have done it.
    Undetectable,
    /// A clean server does it: it must not be reported.
    Silent,
}

impl Truth {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Truth::Detectable => "detect",
            Truth::Undetectable => "undetectable",
            Truth::Silent => "silent",
        }
    }
}

/// One way to break a session.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) truth: Truth,
    /// The kinds of finding that name it.
    pub(crate) expects: &'static [Kind],
    /// Does it; none when it does not apply.
    pub(crate) apply: fn(&mut Scene<'_>) -> Option<()>,
}

/// A session to be broken and what may be known while doing it.
pub(crate) struct Scene<'s> {
    pub(crate) family: &'s Family,
    pub(crate) oracle: &'s Oracle,
    pub(crate) stream: Stream,
    /// Another session of the same server, of somebody else.
    pub(crate) other: &'s Stream,
    pub(crate) random: Random,
}

type Place = (String, String);

impl Scene<'_> {
    fn label(&self, at: usize) -> String {
        self.stream.said.get(at).map(|said| self.family.label(said.side, &said.data)).unwrap_or_default()
    }

    /// The places of the server's events that a question holds for.
    fn places(&self, mut holds: impl FnMut(&str, &Said) -> bool) -> Vec<usize> {
        let said = self.stream.said.iter().enumerate().filter(|(_, said)| said.side == Side::Server);
        said.filter(|(_, said)| holds(&self.family.label(said.side, &said.data), said))
            .map(|(at, _)| at)
            .collect()
    }

    fn pick(&mut self, holds: impl FnMut(&str, &Said) -> bool) -> Option<usize> {
        let places = self.places(holds);
        self.random.pick(&places).copied()
    }

    fn is_float(&self, label: &str) -> bool {
        self.family.floats.contains(&label)
    }

    /// Puts an event right after another.
    fn insert(&mut self, after: usize, side: Side, data: Value) {
        let at = self.stream.said.get(after).map_or(0.0, |said| said.at);
        let next = self.stream.said.get(after + 1).map_or(at + 0.02, |said| said.at);
        let said = Said { at: at + (next - at) * 0.5, side, data, id: usize::MAX, after: Vec::new() };
        self.stream.said.insert((after + 1).min(self.stream.said.len()), said);
    }

    /// Moves an event to right after a later one.
    fn delay(&mut self, from: usize, past: usize) {
        let mut said = self.stream.said.remove(from);
        let at = self.stream.said.get(past - 1).map_or(said.at, |said| said.at);
        let next = self.stream.said.get(past).map_or(at + 0.004, |said| said.at);
        said.at = at + (next - at) * 0.5;
        self.stream.said.insert(past, said);
    }

    /// Exchanges the places of two events, not their times.
    fn swap(&mut self, a: usize, b: usize) {
        let (x, y) = (self.stream.said[a].at, self.stream.said[b].at);
        self.stream.said.swap(a, b);
        self.stream.said[a].at = x;
        self.stream.said[b].at = y;
    }

    /// A path of the server's events that a question holds for and that comes in this session, with its events.
    fn field(&mut self, holds: impl Fn(&str, &str, &Field) -> bool) -> Option<(Place, Vec<usize>)> {
        let family = self.family;
        let is_key = |label: &str, path: &str| {
            family.names_at.contains(&path)
                || family.lanes.iter().any(|lanes| lanes.at.contains(&(label, path)))
        };
        let fields = self.oracle.fields.iter().filter(|((label, path), field)| {
            !label.starts_with('>')
                && !is_key(label, path)
                && self.oracle.share(label) > 0.5
                && holds(label, path, field)
        });
        let places: Vec<Place> = fields.map(|(place, _)| place.clone()).collect();
        let here: Vec<(Place, Vec<usize>)> = places
            .into_iter()
            .map(|(label, path)| {
                let at = self.places(|own, said| own == label && said.data.pointer(&path).is_some());
                ((label, path), at)
            })
            .filter(|(_, at)| !at.is_empty())
            .collect();
        self.random.pick(&here).cloned()
    }

    fn set(&mut self, at: usize, path: &str, value: Value) {
        if let Some(place) = self.stream.said.get_mut(at).and_then(|said| said.data.pointer_mut(path)) {
            *place = value;
        }
    }

    fn value(&self, at: usize, path: &str) -> Option<Value> {
        self.stream.said.get(at)?.data.pointer(path).cloned()
    }

    /// Takes a field away and hands it back.
    fn take(&mut self, at: usize, path: &str) -> Option<Value> {
        let (parent, key) = path.rsplit_once('/')?;
        let key = key.replace("~1", "/").replace("~0", "~");
        self.stream.said.get_mut(at)?.data.pointer_mut(parent)?.as_object_mut()?.shift_remove(&key)
    }

    /// Two lanes of one kind, each opened by the server or client and closed, with the places of their closers.
    fn two_lanes(&mut self) -> Option<(Lanes, usize, usize)> {
        let kinds = self.family.lanes.to_vec();
        let lanes = *self.random.pick(&kinds)?;
        let closers = self.places(|label, _| label == lanes.closer);
        let a = self.random.below(closers.len().saturating_sub(1));
        Some((lanes, *closers.get(a)?, *closers.get(a + 1)?))
    }

    fn key_of(lanes: &Lanes, label: &str) -> Option<&'static str> {
        lanes.at.iter().find(|(own, _)| *own == label).map(|(_, pointer)| *pointer)
    }

    /// An id that looks like another.
    fn like(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(
                text.chars()
                    .map(|c| match c {
                        '0'..='9' => char::from(b'0' + u8::try_from(self.random.below(10)).unwrap_or(0)),
                        'a'..='f' if !text.contains('_') => {
                            char::from(b'a' + u8::try_from(self.random.below(6)).unwrap_or(0))
                        }
                        'A'..='Z' => char::from(b'A' + u8::try_from(self.random.below(26)).unwrap_or(0)),
                        c => c,
                    })
                    .collect::<String>(),
            ),
            Value::Number(number) => Value::from(number.as_i64().unwrap_or(0) + 700_001),
            other => other.clone(),
        }
    }
}

const fn order(
    name: &'static str,
    expects: &'static [Kind],
    apply: fn(&mut Scene<'_>) -> Option<()>,
) -> Mutation {
    Mutation { name, group: Group::Order, truth: Truth::Detectable, expects, apply }
}

const fn payload(
    name: &'static str,
    expects: &'static [Kind],
    apply: fn(&mut Scene<'_>) -> Option<()>,
) -> Mutation {
    Mutation { name, group: Group::Payload, truth: Truth::Detectable, expects, apply }
}

const fn timing(
    name: &'static str,
    expects: &'static [Kind],
    apply: fn(&mut Scene<'_>) -> Option<()>,
) -> Mutation {
    Mutation { name, group: Group::Timing, truth: Truth::Detectable, expects, apply }
}

const fn quiet(name: &'static str, truth: Truth, apply: fn(&mut Scene<'_>) -> Option<()>) -> Mutation {
    Mutation { name, group: Group::Order, truth, expects: &[], apply }
}

const LOST: &[Kind] = &[Kind::Missing, Kind::Relation];
const TWICE: &[Kind] = &[Kind::Duplicate, Kind::Repeated];
const ORDER: &[Kind] = &[Kind::OutOfOrder, Kind::Relation];
const TYPE: &[Kind] = &[Kind::TypeChanged];
const GONE: &[Kind] = &[Kind::FieldMissing];
const VALUE: &[Kind] = &[Kind::ValueChanged];
const BOUND: &[Kind] = &[Kind::Unbound, Kind::LanesCrossed];
const LINK: &[Kind] = &[Kind::Relation, Kind::Unbound, Kind::LanesCrossed];
const SLOW: &[Kind] = &[Kind::TooLate, Kind::Stall];

/// All of them.
pub(crate) static CATALOGUE: &[Mutation] = &[
    order("drop_critical", LOST, drop_critical),
    order("drop_terminal", &[Kind::Missing, Kind::Ending], drop_terminal),
    order("drop_repeat", LOST, |s| drop_repeat(s, 1)),
    order("drop_repeat_first", LOST, |s| drop_repeat(s, 0)),
    order("drop_repeat_last", LOST, |s| drop_repeat(s, 2)),
    order("drop_repeat_all", LOST, drop_repeat_all),
    quiet("drop_uncounted", Truth::Undetectable, drop_uncounted),
    quiet("drop_optional", Truth::Undetectable, drop_optional),
    order("duplicate_event", TWICE, duplicate_event),
    order("duplicate_later", TWICE, duplicate_later),
    order("deliver_twice", TWICE, deliver_twice),
    order("swap_dependent", ORDER, swap_dependent),
    quiet("swap_concurrent", Truth::Silent, swap_concurrent),
    order("reorder_repeated", ORDER, reorder_repeated),
    order("unpaired_open", &[Kind::Missing], |s| drop_edge(s, false)),
    order("unpaired_close", &[Kind::Missing, Kind::OutOfOrder], |s| drop_edge(s, true)),
    order(
        "crossed_pair",
        &[Kind::LanesCrossed, Kind::Unbound, Kind::Missing, Kind::OutOfOrder, Kind::Repeated],
        crossed_pair,
    ),
    order("ghost_lane", &[Kind::Missing, Kind::Unbound, Kind::Repeated, Kind::Duplicate], ghost_lane),
    order("extra_unknown", &[Kind::UnknownEvent], |s| extra_unknown(s, 1)),
    order("extra_unknown_many", &[Kind::UnknownEvent], |s| extra_unknown(s, 5)),
    order("extra_known", &[Kind::Repeated, Kind::Duplicate, Kind::OutOfOrder], extra_known),
    order("after_terminal", &[Kind::OutOfOrder, Kind::Repeated, Kind::Duplicate], after_terminal),
    order("late_lane_end", &[Kind::OutOfOrder, Kind::Missing], late_lane_end),
    order("renamed_event", &[Kind::Renamed], renamed_event),
    order("early_close_1006", &[Kind::Ending, Kind::Missing], |s| {
        early_close(s, End::Dropped { detail: "connection reset".to_owned() })
    }),
    order("early_close_1000", &[Kind::Ending, Kind::Missing], |s| {
        let end = s.stream.end.clone();
        early_close(s, end)
    }),
    order("gave_up", &[Kind::Ending, Kind::Missing], gave_up),
    order("wrong_close_code", &[Kind::Ending], wrong_close_code),
    payload("type_change", TYPE, |s| type_change(s, false)),
    payload("type_change_all", TYPE, |s| type_change(s, true)),
    payload("number_as_string", TYPE, number_as_string),
    payload("scalar_to_list", TYPE, scalar_to_list),
    payload("null_value", TYPE, null_value),
    payload("field_missing", GONE, |s| field_missing(s, false)),
    payload("field_missing_all", GONE, |s| field_missing(s, true)),
    payload("field_added", &[Kind::FieldNew], field_added),
    payload("field_renamed", &[Kind::FieldMoved, Kind::FieldMissing, Kind::FieldNew], field_renamed),
    payload("field_moved", &[Kind::FieldMoved, Kind::FieldMissing, Kind::FieldNew], field_moved),
    payload("enum_new", VALUE, enum_new),
    payload("const_change", VALUE, |s| const_change(s, false)),
    payload("const_change_all", VALUE, |s| const_change(s, true)),
    payload("bool_flip", VALUE, bool_flip),
    payload("id_not_echoed", BOUND, id_not_echoed),
    payload("id_leak", BOUND, |s| id_leak(s, false)),
    payload("id_leak_all", BOUND, |s| id_leak(s, true)),
    payload("value_of_other_lane", BOUND, value_of_other_lane),
    payload("format_change", &[Kind::FormatChanged], |s| format_change(s, false)),
    payload("format_change_all", &[Kind::FormatChanged], |s| format_change(s, true)),
    payload(
        "empty_string",
        &[Kind::FormatChanged, Kind::ValueChanged, Kind::TypeChanged, Kind::Relation],
        empty_string,
    ),
    payload("counter_stuck", &[Kind::Relation, Kind::Duplicate], |s| counter(s, 0)),
    payload("counter_skips", &[Kind::Relation], |s| counter(s, 2)),
    payload("chain_broken", LINK, |s| chain(s, Link::Nobody)),
    payload("chain_stuck", LINK, |s| chain(s, Link::BeforeLast)),
    payload("chain_crossed", LINK, |s| chain(s, Link::OtherChain)),
    payload("total_wrong", &[Kind::Relation], total_wrong),
    payload("text_truncated", &[Kind::Relation], text_truncated),
    timing("first_x2", SLOW, |s| first_slow(s, 2.0)),
    timing("first_x5", SLOW, |s| first_slow(s, 5.0)),
    timing("first_x20", SLOW, |s| first_slow(s, 20.0)),
    timing("class_x3", SLOW, |s| class_slow(s, 3.0)),
    timing("run_x1.2", SLOW, |s| all_slow(s, 1.2)),
    timing("run_x2", SLOW, |s| all_slow(s, 2.0)),
    timing("stall_5s", SLOW, stall),
    timing("burst", &[Kind::TooEarly], burst),
    timing("too_fast", &[Kind::TooEarly], |s| all_slow(s, 0.02)),
];

fn drop_critical(s: &mut Scene<'_>) -> Option<()> {
    let (oracle, terminal) = (s.oracle, s.family.terminal);
    let at = s.pick(|label, _| oracle.is_once(label) && label != terminal)?;
    s.stream.said.remove(at);
    Some(())
}

fn drop_terminal(s: &mut Scene<'_>) -> Option<()> {
    let terminal = s.family.terminal;
    let at = s.places(|label, _| label == terminal).pop()?;
    s.stream.said.remove(at);
    Some(())
}

/// The places of one run of a counted event: of one lane, or of the session.
fn counted_run(s: &mut Scene<'_>) -> Option<Vec<usize>> {
    let label = (*s.random.pick(s.family.counted)?).to_owned();
    let at = s.pick(|own, _| own == label)?;
    let family = s.family;
    let session = &s.stream.said;
    let lane = family.lane(session, &label, &session.get(at)?.data);
    Some(s.places(|own, said| own == label && family.lane(session, own, &said.data) == lane))
}

/// Loses the first (0), one in the middle (1) or the last (2) of a counted event.
fn drop_repeat(s: &mut Scene<'_>, which: usize) -> Option<()> {
    let run = counted_run(s).filter(|run| run.len() >= 4)?;
    // Nobody names the last of a chain.
    if which == 2 && s.family.is_chained(&s.label(*run.last()?)) {
        return None;
    }
    let at = match which {
        0 => *run.first()?,
        1 => run[s.random.between(1, run.len() - 2)],
        _ => *run.last()?,
    };
    s.stream.said.remove(at);
    Some(())
}

fn drop_repeat_all(s: &mut Scene<'_>) -> Option<()> {
    let run: BTreeSet<usize> = counted_run(s)?.into_iter().collect();
    let mut at = 0;
    s.stream.said.retain(|_| {
        at += 1;
        !run.contains(&(at - 1))
    });
    Some(())
}

fn drop_uncounted(s: &mut Scene<'_>) -> Option<()> {
    let label = (*s.random.pick(s.family.uncounted)?).to_owned();
    let places = s.places(|own, _| own == label);
    let at = *s.random.pick(&places).filter(|_| places.len() >= 4)?;
    s.stream.said.remove(at);
    Some(())
}

fn drop_optional(s: &mut Scene<'_>) -> Option<()> {
    let (oracle, family) = (s.oracle, s.family);
    let at = s.pick(|label, _| {
        (0.2..0.9).contains(&oracle.share(label))
            && !family.floats.contains(&label)
            && !family.uncounted.contains(&label)
            && !family.is_in_lanes(label)
    })?;
    s.stream.said.remove(at);
    Some(())
}

fn duplicate_event(s: &mut Scene<'_>) -> Option<()> {
    let oracle = s.oracle;
    let at = s.pick(|label, _| oracle.is_once(label))?;
    let data = s.stream.said.get(at)?.data.clone();
    s.insert(at, Side::Server, data);
    Some(())
}

fn duplicate_later(s: &mut Scene<'_>) -> Option<()> {
    let oracle = s.oracle;
    let at = s.pick(|label, _| oracle.is_once(label))?;
    let data = s.stream.said.get(at)?.data.clone();
    let later = (at + 3).min(s.stream.said.len() - 1);
    s.insert(later, Side::Server, data);
    Some(())
}

fn deliver_twice(s: &mut Scene<'_>) -> Option<()> {
    let run = counted_run(s)?;
    let at = *s.random.pick(&run)?;
    let data = s.stream.said.get(at)?.data.clone();
    s.insert(at, Side::Server, data);
    Some(())
}

fn swap_dependent(s: &mut Scene<'_>) -> Option<()> {
    let mut choice = Vec::new();
    for at in 1..s.stream.said.len() {
        let (one, other) = (&s.stream.said[at - 1], &s.stream.said[at]);
        let (a, b) = (s.label(at - 1), s.label(at));
        if one.side != Side::Server
            || other.side != Side::Server
            || a == b
            || s.is_float(&a)
            || s.is_float(&b)
        {
            continue;
        }
        let always = |pair: crate::oracle::Pair| pair.both >= 100 && pair.before == pair.both;
        let lane = |label: &str, said: &Said| s.family.lane(&s.stream.said, label, &said.data);
        let same_lane = lane(&a, one).is_some() && lane(&a, one) == lane(&b, other);
        if other.after.contains(&one.id)
            && (always(s.oracle.in_session(&a, &b)) || (same_lane && always(s.oracle.in_lane(&a, &b))))
        {
            choice.push(at);
        }
    }
    let at = *s.random.pick(&choice)?;
    s.swap(at - 1, at);
    Some(())
}

fn swap_concurrent(s: &mut Scene<'_>) -> Option<()> {
    let mut choice = Vec::new();
    for at in 1..s.stream.said.len() {
        let (one, other) = (&s.stream.said[at - 1], &s.stream.said[at]);
        let (a, b) = (s.label(at - 1), s.label(at));
        if one.side != Side::Server || other.side != Side::Server || a == b {
            continue;
        }
        // Both wait for the same things, so that either could have been first; and both orders are common.
        let same_causes = !one.after.is_empty() && one.after == other.after;
        let pair = s.oracle.in_session(&a, &b);
        let common = pair.both >= 50 && pair.before * 10 < pair.both * 9 && pair.after * 10 < pair.both * 9;
        let lane = s.oracle.in_lane(&a, &b);
        let is_open = lane.both == 0 || (lane.before * 10 < lane.both * 9 && lane.after * 10 < lane.both * 9);
        if same_causes && common && is_open {
            choice.push(at);
        }
    }
    let at = *s.random.pick(&choice)?;
    s.swap(at - 1, at);
    Some(())
}

fn reorder_repeated(s: &mut Scene<'_>) -> Option<()> {
    let run = counted_run(s).filter(|run| run.len() >= 4)?;
    let at = s.random.between(1, run.len() - 2);
    let (a, b) = (run[at], run[at + 1]);
    // The same words in the same places are the same event.
    if s.stream.said.get(a)?.data == s.stream.said.get(b)?.data {
        return None;
    }
    let texts = |at: usize| s.value(at, "/delta").or_else(|| s.value(at, "/seq"));
    let is_numbered = s.value(a, "/seq").is_some() || s.family.is_numbered(&s.label(a));
    if !is_numbered && texts(a) == texts(b) {
        return None;
    }
    s.swap(a, b);
    Some(())
}

/// Loses the event that opens or closes a lane.
fn drop_edge(s: &mut Scene<'_>, opener: bool) -> Option<()> {
    let kinds = s.family.lanes.to_vec();
    let lanes = *s.random.pick(&kinds)?;
    let label = if opener { lanes.opener } else { lanes.closer };
    let at = s.pick(|own, _| own == label)?;
    s.stream.said.remove(at);
    Some(())
}

fn crossed_pair(s: &mut Scene<'_>) -> Option<()> {
    let (lanes, a, b) = s.two_lanes()?;
    let path = Scene::key_of(&lanes, lanes.closer)?;
    let (one, other) = (s.value(a, path)?, s.value(b, path)?);
    // Two calls with interchangeable answers cannot be told apart once crossed: one must have been over before the
    // other's end, or say something that belongs to its lane.
    let bound = s.oracle.fields.iter().any(|((label, own), field)| {
        label == lanes.closer && own != path && field.is_of_lane() && s.value(a, own) != s.value(b, own)
    });
    let opened = s.stream.said.iter().position(|said| {
        Scene::key_of(&lanes, &s.family.label(said.side, &said.data)).and_then(|p| said.data.pointer(p))
            == Some(&other)
    })?;
    if one == other || !(bound || opened > a) {
        return None;
    }
    s.set(a, path, other);
    s.set(b, path, one);
    Some(())
}

fn ghost_lane(s: &mut Scene<'_>) -> Option<()> {
    let kinds = s.family.lanes.to_vec();
    let lanes = *s.random.pick(&kinds)?;
    let at = s.pick(|own, _| own == lanes.closer)?;
    let path = Scene::key_of(&lanes, lanes.closer)?;
    let mut data = s.stream.said.get(at)?.data.clone();
    let fresh = s.like(data.pointer(path)?);
    *data.pointer_mut(path)? = fresh;
    s.insert(at, Side::Server, data);
    Some(())
}

fn extra_unknown(s: &mut Scene<'_>, times: usize) -> Option<()> {
    let names_at = *s.family.names_at.first()?;
    for _ in 0..times {
        let at = s.random.below(s.stream.said.len());
        let data = match names_at {
            "/header/msg_type" => {
                json!({"header": {"msg_type": "debug_trace", "msg_id": s.random.uuid()}, "content": {"note": "x"}})
            }
            "/method" => json!({"jsonrpc": "2.0", "method": "debug/trace", "params": {"note": "x"}}),
            path => json!({path.trim_start_matches('/'): "debug_trace", "note": "x"}),
        };
        s.insert(at, Side::Server, data);
    }
    Some(())
}

/// An event of which there is one comes again somewhere, with what it says in another session.
fn extra_known(s: &mut Scene<'_>) -> Option<()> {
    let (oracle, family) = (s.oracle, s.family);
    let once: Vec<&Said> = s
        .other
        .said
        .iter()
        .filter(|said| said.side == Side::Server && oracle.is_once(&family.label(said.side, &said.data)))
        .collect();
    let data = s.random.pick(&once)?.data.clone();
    let at = s.random.below(s.stream.said.len());
    s.insert(at, Side::Server, data);
    Some(())
}

/// An event that is never last comes after the last.
fn after_terminal(s: &mut Scene<'_>) -> Option<()> {
    let (oracle, family) = (s.oracle, s.family);
    let terminal = s.places(|label, _| label == family.terminal).pop()?;
    let at = s.pick(|label, _| {
        let pair = oracle.in_session(label, family.terminal);
        // What comes by the clock may as well come once more before the close.
        !family.floats.contains(&label) && pair.both >= 100 && pair.before == pair.both
    })?;
    if at >= terminal {
        return None;
    }
    let last = s.stream.said.len() - 1;
    s.delay(at, last.max(terminal));
    Some(())
}

/// A lane ends only after an event that always waits for all of its kind.
fn late_lane_end(s: &mut Scene<'_>) -> Option<()> {
    let kinds = s.family.lanes.to_vec();
    let lanes = *s.random.pick(&kinds)?;
    let at = s.pick(|own, _| own == lanes.closer)?;
    let (oracle, family) = (s.oracle, s.family);
    let session = &s.stream.said;
    let lane = family.lane(session, lanes.closer, &session.get(at)?.data);
    let later: Vec<usize> = s
        .places(|label, said| {
            let pair = oracle.in_session(lanes.closer, label);
            let own = family.lane(session, label, &said.data);
            pair.both >= 100 && pair.before == pair.both && own != lane
        })
        .into_iter()
        .filter(|place| *place > at)
        .collect();
    let past = *later.first()?;
    s.delay(at, past);
    Some(())
}

fn renamed_event(s: &mut Scene<'_>) -> Option<()> {
    let (oracle, family) = (s.oracle, s.family);
    let names_at = *family.names_at.first()?;
    let at = s.pick(|label, said| oracle.is_mandatory(label) && said.data.pointer(names_at).is_some())?;
    let label = s.label(at);
    let old = s.value(at, names_at)?;
    let new = Value::from(format!("{}_v2", old.as_str()?));
    for place in s.places(|own, _| own == label) {
        s.set(place, names_at, new.clone());
    }
    Some(())
}

fn early_close(s: &mut Scene<'_>, end: End) -> Option<()> {
    let half = s.stream.said.len() / 2;
    // The last thing that was said must not be what ends a session.
    let keep = s.random.between(half / 2 + 1, half);
    s.stream.said.truncate(keep);
    s.stream.ends_at = s.stream.said.last()?.at + 0.001;
    s.stream.end = end;
    Some(())
}

fn gave_up(s: &mut Scene<'_>) -> Option<()> {
    let terminal = s.family.terminal;
    let at = s.places(|label, _| label == terminal).pop()?;
    s.stream.said.truncate(at);
    s.stream.ends_at = s.stream.said.last()?.at + 10.0;
    s.stream.end = End::GaveUp { waiting_for: vec![terminal.to_owned()], waited: Gap::from_millis(10_000) };
    Some(())
}

fn wrong_close_code(s: &mut Scene<'_>) -> Option<()> {
    let code = *s.random.pick(&[1001_u16, 1008, 1011])?;
    s.stream.end = End::Closed { by: Side::Server, code, reason: "internal".to_owned() };
    Some(())
}

/// One of the places, or all of them.
fn some(s: &mut Scene<'_>, places: &[usize], all: bool) -> Vec<usize> {
    if all { places.to_vec() } else { s.random.pick(places).copied().into_iter().collect() }
}

fn single_type(field: &Field) -> bool {
    field.types.len() == 1
}

fn type_change(s: &mut Scene<'_>, all: bool) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| single_type(field))?;
    for place in some(s, &at, all) {
        let new = match s.value(place, &path)? {
            Value::String(_) => json!(42),
            Value::Number(number) => json!({"value": number}),
            _ => json!("yes"),
        };
        s.set(place, &path, new);
    }
    Some(())
}

fn number_as_string(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| single_type(field) && field.types.contains("number"))?;
    let place = *s.random.pick(&at)?;
    let new = Value::from(s.value(place, &path)?.to_string());
    s.set(place, &path, new);
    Some(())
}

fn scalar_to_list(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| single_type(field))?;
    let place = *s.random.pick(&at)?;
    let new = json!([s.value(place, &path)?]);
    s.set(place, &path, new);
    Some(())
}

fn null_value(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| !field.types.contains("null"))?;
    let place = *s.random.pick(&at)?;
    s.set(place, &path, Value::Null);
    Some(())
}

fn field_missing(s: &mut Scene<'_>, all: bool) -> Option<()> {
    let oracle = s.oracle;
    let ((_, path), at) = s.field(|label, _, field| oracle.is_always(label, field))?;
    for place in some(s, &at, all) {
        s.take(place, &path)?;
    }
    Some(())
}

fn field_added(s: &mut Scene<'_>) -> Option<()> {
    let at = s.pick(|_, _| true)?;
    s.stream.said.get_mut(at)?.data.as_object_mut()?.insert("trace_flag".to_owned(), json!("on"));
    Some(())
}

fn field_renamed(s: &mut Scene<'_>) -> Option<()> {
    let oracle = s.oracle;
    let ((_, path), at) = s.field(|label, _, field| oracle.is_always(label, field))?;
    for place in at {
        let value = s.take(place, &path)?;
        let (parent, key) = path.rsplit_once('/')?;
        let map = s.stream.said.get_mut(place)?.data.pointer_mut(parent)?.as_object_mut()?;
        map.insert(format!("{key}_value"), value);
    }
    Some(())
}

fn field_moved(s: &mut Scene<'_>) -> Option<()> {
    let oracle = s.oracle;
    let ((_, path), at) = s.field(|label, _, field| oracle.is_always(label, field))?;
    for place in at {
        let value = s.take(place, &path)?;
        let key = path.rsplit_once('/')?.1.to_owned();
        let map = s.stream.said.get_mut(place)?.data.as_object_mut()?;
        map.insert("inner".to_owned(), json!({key: value}));
    }
    Some(())
}

fn enum_new(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| field.is_choice())?;
    let place = *s.random.pick(&at)?;
    s.set(place, &path, json!("zz_new"));
    Some(())
}

fn const_change(s: &mut Scene<'_>, all: bool) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| field.is_constant())?;
    for place in some(s, &at, all) {
        s.set(place, &path, json!("zz_other"));
    }
    Some(())
}

fn bool_flip(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| {
        single_type(field) && field.types.contains("boolean") && field.values.len() == 1
    })?;
    let place = *s.random.pick(&at)?;
    let flipped = !s.value(place, &path)?.as_bool()?;
    s.set(place, &path, json!(flipped));
    Some(())
}

fn id_not_echoed(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| field.is_echo())?;
    let place = *s.random.pick(&at)?;
    let old = s.value(place, &path)?;
    let new = s.like(&old);
    // A short number may be like itself.
    if new == old {
        return None;
    }
    s.set(place, &path, new);
    Some(())
}

/// A value that belongs to somebody else's session.
fn id_leak(s: &mut Scene<'_>, all: bool) -> Option<()> {
    let ((label, path), at) = s.field(|_, _, field| field.is_bound())?;
    let family = s.family;
    let foreign = s
        .other
        .said
        .iter()
        .filter(|said| family.label(said.side, &said.data) == label)
        .find_map(|said| said.data.pointer(&path))?
        .clone();
    let places = some(s, &at, all);
    // Where sessions count alike, it may be the same.
    if places.iter().all(|place| s.value(*place, &path).as_ref() == Some(&foreign)) {
        return None;
    }
    for place in places {
        s.set(place, &path, foreign.clone());
    }
    Some(())
}

fn value_of_other_lane(s: &mut Scene<'_>) -> Option<()> {
    let family = s.family;
    let ((label, path), at) = s.field(|label, _, field| {
        field.is_of_lane() && family.lanes.iter().any(|lanes| lanes.at.iter().any(|(own, _)| *own == label))
    })?;
    let pairs: Vec<(usize, Value)> = at
        .iter()
        .flat_map(|a| at.iter().map(move |b| (*a, *b)))
        .filter_map(|(a, b)| {
            let lane = |at: usize| family.lane(&s.stream.said, &label, &s.stream.said[at].data);
            let other = s.value(b, &path)?;
            (lane(a) != lane(b) && s.value(a, &path)? != other).then_some((a, other))
        })
        .collect();
    let (place, value) = s.random.pick(&pairs)?.clone();
    s.set(place, &path, value);
    Some(())
}

fn is_formatted(value: &str) -> bool {
    let text = value.trim_matches('"');
    let is_uuid = text.len() == 36 && text.matches('-').count() == 4;
    let is_date = text.len() == 24 && text.starts_with("2026-") && text.ends_with('Z');
    let is_id = text.split_once('_').is_some_and(|(prefix, rest)| {
        rest.len() >= 7
            && rest.starts_with(|c: char| c.is_ascii_digit())
            && prefix.chars().all(|c| c.is_ascii_lowercase())
    });
    is_uuid || is_date || is_id
}

fn format_change(s: &mut Scene<'_>, all: bool) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| {
        field.values.len() >= 40 && field.values.keys().all(|value| is_formatted(value))
    })?;
    for place in some(s, &at, all) {
        let old = s.value(place, &path)?;
        let text = old.as_str()?;
        let new = if text.ends_with('Z') && text.contains('T') && text.starts_with("2026-") {
            text.replace('T', " ").replace('Z', "")
        } else if text.contains('-') {
            text.replace('-', "")
        } else {
            text.split_once('_')?.1.to_lowercase().replace(|c: char| !c.is_ascii_digit(), "7")
        };
        s.set(place, &path, Value::from(new));
    }
    Some(())
}

fn empty_string(s: &mut Scene<'_>) -> Option<()> {
    let ((_, path), at) = s.field(|_, _, field| field.is_text())?;
    let place = *s.random.pick(&at)?;
    s.set(place, &path, json!(""));
    Some(())
}

/// A counter that says its number again (0), or leaves one out (2).
fn counter(s: &mut Scene<'_>, step: i64) -> Option<()> {
    let (label, path) = *s.random.pick(s.family.counters)?;
    let family = s.family;
    let at = s.pick(|own, _| own == label)?;
    let session = &s.stream.said;
    let lane = family.lane(session, label, &session.get(at)?.data);
    let run = s.places(|own, said| own == label && family.lane(session, own, &said.data) == lane);
    let which = s.random.between(1, run.len().saturating_sub(1));
    let (before, place) = (*run.get(which.checked_sub(1)?)?, *run.get(which)?);
    let number = s.value(before, path)?.as_i64()? + step;
    // What restarts at its beginning cannot be told from a new round; and it may have counted something else between.
    if number <= 1 || s.value(place, path)? == json!(number) {
        return None;
    }
    s.set(place, path, json!(number));
    Some(())
}

/// Whom an event names instead of the one before it in its chain.
#[derive(Clone, Copy)]
enum Link {
    Nobody,
    BeforeLast,
    OtherChain,
}

fn chain(s: &mut Scene<'_>, link: Link) -> Option<()> {
    let chain = *s.random.pick(s.family.chains)?;
    let of = |s: &Scene<'_>, at: usize| chain.of.and_then(|of| s.value(at, of));
    let all = s.places(|label, _| chain.events.contains(&label));
    let mut choice: Vec<(usize, Value)> = Vec::new();
    for (number, at) in all.iter().copied().enumerate() {
        let earlier = all[..number].iter().rev().copied();
        let mine = earlier.clone().find(|before| of(s, *before) == of(s, at));
        // The first of a chain names nobody.
        let (Some(before), Some(right)) = (mine, s.value(at, chain.previous)) else { continue };
        let wrong = match link {
            Link::Nobody if right.is_number() => Some(json!(right.as_i64()? - 1)),
            Link::Nobody => Some(s.like(&right)),
            Link::BeforeLast => s.value(before, chain.previous),
            Link::OtherChain => earlier
                .clone()
                .find(|other| of(s, *other) != of(s, at))
                .and_then(|other| s.value(other, chain.own)),
        };
        choice.extend(wrong.filter(|wrong| *wrong != right).map(|wrong| (at, wrong)));
    }
    let (at, wrong) = s.random.pick(&choice)?.clone();
    s.set(at, chain.previous, wrong);
    Some(())
}

fn total_wrong(s: &mut Scene<'_>) -> Option<()> {
    let numbers: Vec<(&str, &str)> = s.family.totals.to_vec();
    let (label, path) = *s.random.pick(&numbers)?;
    let at = s.pick(|own, said| own == label && said.data.pointer(path).is_some_and(Value::is_number))?;
    let number = s.value(at, path)?.as_i64()? + 1;
    s.set(at, path, json!(number));
    Some(())
}

fn text_truncated(s: &mut Scene<'_>) -> Option<()> {
    let texts: Vec<(&str, &str)> = s.family.totals.to_vec();
    let (label, path) = *s.random.pick(&texts)?;
    let at = s.pick(|own, said| own == label && said.data.pointer(path).is_some_and(Value::is_string))?;
    let text = s.value(at, path)?.as_str()?.to_owned();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    s.set(at, path, Value::from(half));
    Some(())
}

/// The first awaited event of the session comes later by a factor.
fn first_slow(s: &mut Scene<'_>, factor: f64) -> Option<()> {
    let awaited = s.family.awaited;
    let first = *s.places(|label, _| label == awaited).first()?;
    let id = s.stream.said.get(first)?.id;
    s.stream.retime(|said, gap| if said.id == id { gap * factor } else { gap });
    Some(())
}

fn class_slow(s: &mut Scene<'_>, factor: f64) -> Option<()> {
    let (oracle, family) = (s.oracle, s.family);
    let places = s.places(|label, said| oracle.is_mandatory(label) && !said.after.is_empty());
    let mut labels: Vec<String> = places.into_iter().map(|at| s.label(at)).collect();
    // In order, so that the same number picks the same kind in sessions that are alike: a slow release is slow there in all.
    labels.sort();
    let share = s.random.unit();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few events")]
    let label = labels.get((share * labels.len() as f64) as usize)?.clone();
    s.stream
        .retime(|said, gap| if family.label(said.side, &said.data) == label { gap * factor } else { gap });
    Some(())
}

fn all_slow(s: &mut Scene<'_>, factor: f64) -> Option<()> {
    s.stream.retime(|said, gap| if said.side == Side::Server { gap * factor } else { gap });
    Some(())
}

fn stall(s: &mut Scene<'_>) -> Option<()> {
    let at = s.pick(|_, said| !said.after.is_empty())?;
    let id = s.stream.said.get(at)?.id;
    s.stream.retime(|said, gap| if said.id == id { gap + 5.0 } else { gap });
    Some(())
}

/// What repeats is held back and comes at once.
fn burst(s: &mut Scene<'_>) -> Option<()> {
    let awaited = s.family.awaited;
    let family = s.family;
    let places = s.places(|label, _| label == awaited);
    if places.len() < 5 {
        return None;
    }
    let firsts: BTreeSet<usize> = {
        let mut lanes = BTreeSet::new();
        let said = places.iter().filter_map(|at| s.stream.said.get(*at));
        said.filter(|said| lanes.insert(family.lane(&s.stream.said, awaited, &said.data)))
            .map(|said| said.id)
            .collect()
    };
    // Nothing is held back where each is the first of its lane.
    if firsts.len() == places.len() {
        return None;
    }
    s.stream.retime(|said, gap| {
        let is_part = said.side == Side::Server && family.label(said.side, &said.data) == awaited;
        if is_part && !firsts.contains(&said.id) { 0.000_05 } else { gap }
    });
    Some(())
}

/// Where two sessions begin to differ, a few events of each.
pub(crate) fn describe(before: &Stream, after: &Stream) -> String {
    let lines = |stream: &Stream| -> Vec<String> {
        stream.said.iter().map(|said| format!("{} {}", said.side.mark(), said.data)).collect()
    };
    let (old, new) = (lines(before), lines(after));
    let first = old.iter().zip(&new).position(|(a, b)| a != b).unwrap_or(old.len().min(new.len()));
    let show = |lines: &[String], mark: &str| -> String {
        lines.iter().skip(first.saturating_sub(1)).take(4).map(|line| format!("  {mark} {line}\n")).collect()
    };

    format!("first difference at event {first}\n{}{}", show(&old, "was"), show(&new, "is "))
}
