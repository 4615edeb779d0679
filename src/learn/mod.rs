//! Transcripts → golden.
//!
//! Learning is a function of the recordings as a set: their order does not matter, ties are broken by name, nothing is
//! random. It goes over the recordings in four readings: what events are called (`names`), which values make lanes
//! (`lanes`), what is seen of order, shape and values, and last how the learned order times them. What it proposes
//! accepts every recording it was learned from; that is checked here, not hoped for.

mod binding;
mod lanes;
mod names;
mod order;
mod script;
mod shape;
mod timing;

use crate::dialect::{self, Dialect, Event, Label};
use crate::golden::{self, Golden, Learned, Monitor, Order, Pace};
use crate::transcript::{Gap, Transcript};
use lanes::Lanes;
use std::collections::{BTreeMap, BTreeSet};

/// A proposal and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What the recordings support.
    pub golden: Golden,
    /// What is known how well, and what more recordings would show; sentences for a person.
    pub notes: Vec<String>,
}

/// Why nothing can be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// There is nothing to learn from.
    #[error("no complete recording to learn from")]
    NoRecordings,
    /// No recording has an event.
    #[error("the recordings hold no messages")]
    NoEvents,
}

/// One recording as the learner sees it.
struct Session {
    events: Vec<Event>,
    ending: String,
}

/// Learns a golden. `previous` is the accepted golden or a hand-written script: what a person wrote in it stays.
///
/// # Errors
/// When there is nothing to learn from.
pub fn learn(recordings: &[Transcript], previous: Option<&Golden>) -> Result<Proposal, LearnError> {
    let whole: Vec<&Transcript> = recordings.iter().filter(|recording| recording.ending.is_whole()).collect();
    if whole.is_empty() {
        return Err(LearnError::NoRecordings);
    }
    let mut whole = whole;
    // Any fixed order makes the result independent of the order given.
    whole.sort_by(|a, b| (&a.header.started, &a.header.id).cmp(&(&b.header.started, &b.header.id)));
    let dialect = match previous {
        Some(golden) => golden.dialect.clone(),
        None => names::dialect(&whole),
    };
    let sessions: Vec<Session> = whole.iter().map(|recording| session(&dialect, recording)).collect();
    if sessions.iter().all(|session| session.events.is_empty()) {
        return Err(LearnError::NoEvents);
    }
    let lanes = Lanes::find(&sessions);
    let (order, rules) = order::learn(&sessions, &lanes);
    let mut events = describe(&sessions, &lanes, &order);
    let script = script::learn(&sessions, &order, &mut events, previous);
    timing::learn(&sessions, &order, &lanes, learned(&whole).days, &mut events);
    let ends: BTreeSet<String> = sessions.iter().map(|session| session.ending.clone()).collect();
    let mut golden = Golden {
        about: String::new(),
        dialect,
        order,
        rules,
        script,
        ends: ends.into_iter().collect(),
        pace: Pace::Causal,
        wait: Gap::from_millis(10_000),
        linger: Gap::from_millis(250),
        keep: Vec::new(),
        learned: learned(&whole),
        events,
        places: BTreeMap::new(),
    };
    if let Some(previous) = previous {
        keep(&mut golden, previous);
    }
    let notes = notes(&golden, recordings.len() - whole.len());
    Ok(Proposal { golden, notes })
}

fn session(dialect: &Dialect, recording: &Transcript) -> Session {
    Session { events: dialect::events(dialect, &recording.frames), ending: recording.ending.label() }
}

fn learned(recordings: &[&Transcript]) -> Learned {
    let users: BTreeSet<&str> = recordings.iter().map(|r| r.header.user.as_str()).collect();
    let days: BTreeSet<&str> =
        recordings.iter().map(|r| r.header.started.get(..10).unwrap_or_default()).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let times = recordings.iter().map(|r| r.header.started.clone());
    Learned {
        recordings: count(recordings.len()),
        users: count(users.len()),
        days: count(days.len()),
        between: times.clone().min().zip(times.max()),
        reason: String::new(),
    }
}

/// Counts, shapes and facts of every event.
fn describe(sessions: &[Session], lanes: &Lanes, order: &Order) -> BTreeMap<Label, golden::Event> {
    let mut events: BTreeMap<Label, golden::Event> = BTreeMap::new();
    for session in sessions {
        let mut here = BTreeSet::new();
        for event in &session.events {
            let known = events.entry(event.label.clone()).or_default();
            known.seen += 1;
            if here.insert(&event.label) {
                known.runs += 1;
            }
        }
    }
    for (label, event) in &mut events {
        for key in order.keys_of(label).unwrap_or_default() {
            if let Some(pointer) = lanes.pointer(label, key) {
                event.lanes.push((key.to_owned(), pointer.to_owned()));
            }
        }
    }
    shape::learn(sessions, &mut events);
    binding::learn(sessions, lanes, order, &mut events);
    events
}

/// What a person decided in the previous golden is not learned away.
fn keep(golden: &mut Golden, previous: &Golden) {
    golden.about.clone_from(&previous.about);
    golden.pace = previous.pace;
    golden.wait = previous.wait;
    golden.linger = previous.linger;
    golden.keep.clone_from(&previous.keep);
    let keeps =
        |key: &str| previous.keep.iter().any(|kept| key == kept || key.starts_with(&format!("{kept}.")));
    if keeps("order") {
        golden.order = previous.order.clone();
        golden.rules.clone_from(&previous.rules);
    }
    if keeps("ends") {
        golden.ends.clone_from(&previous.ends);
    }
    for (label, old) in &previous.events {
        let key = format!("event.{}", previous.key_of(label));
        let Some(new) = golden.events.get_mut(label) else {
            if keeps(&key) {
                golden.events.insert(label.clone(), old.clone());
            }
            continue;
        };
        new.critical |= old.critical;
        if keeps(&key) {
            *new = old.clone();
            continue;
        }
        if keeps(&format!("{key}.timing")) {
            new.timing.clone_from(&old.timing);
        }
        for (path, rule) in &old.shape {
            if keeps(&format!("{key}.shape.{}", path.pattern)) || keeps(&format!("{key}.shape")) {
                new.shape.retain(|(own, _)| own.pattern != path.pattern);
                new.shape.push((path.clone(), rule.clone()));
                new.shape.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
    }
}

/// Whether an order accepts a session from beginning to end.
fn accepts(order: &Order, lanes: &Lanes, session: &Session) -> bool {
    let mut monitor = Monitor::new(order);
    session.events.iter().all(|event| {
        let keys = |key: &str| lanes.value(event, key);
        monitor.feed(&event.label, &keys).is_empty()
    }) && monitor.is_complete()
}

fn notes(golden: &Golden, incomplete: usize) -> Vec<String> {
    let n = golden.learned.recordings;
    let mut notes = Vec::new();
    let of = |what: u32, one: &str, many: &str| format!("{what} {}", if what == 1 { one } else { many });
    notes.push(format!(
        "learned from {} by {} on {}",
        of(n, "recording", "recordings"),
        of(golden.learned.users, "user", "users"),
        of(golden.learned.days, "day", "days")
    ));
    if incomplete > 0 {
        notes.push(format!("{incomplete} incomplete recording(s) were left out"));
    }
    if n < 3 {
        notes.push(format!(
            "{n} recording(s) cannot tell what is optional, what may interleave or what varies: record at least 5, better 20"
        ));
    } else if n < 8 {
        notes.push(
            "orders and fields are suspects until 8 observations in 5 recordings support them".to_owned(),
        );
    }
    let timed: u32 = golden.events.values().map(|e| u32::try_from(e.timing.len()).unwrap_or(0)).sum();
    let bounded: u32 = golden
        .events
        .values()
        .flat_map(|event| &event.timing)
        .map(|timing| u32::from(timing.latest.is_some()))
        .sum();
    notes.push(format!("{bounded} of {timed} gaps have a bound"));
    if n < golden::MIN_RUNS {
        notes.push(format!(
            "timing bounds need {} recordings: {} more",
            golden::MIN_RUNS,
            golden::MIN_RUNS - n
        ));
    }
    if golden.learned.days < 3 {
        notes.push(
            "all recordings come from fewer than 3 days: the difference between days is assumed, not known"
                .to_owned(),
        );
    }
    let once: usize = golden.events.values().filter(|event| event.runs == 1 && n > 1).count();
    if once > 0 {
        notes.push(format!("{once} event(s) were seen in one recording only: about {:.0} % of clean runs will show something new", 100.0 * once as f64 / f64::from(n)));
    }
    notes
}
