//! What recordings show of a structure that is known: a sum that can be added up in any order and in parts.
//!
//! A [`Summary`] keeps counts, sets with a limit, whole-number sums and extremes, never a recording. Two summaries of
//! different recordings make the summary of both, exactly, so that where and in which order recordings were read makes
//! no difference to the golden.

use super::answers::Answers;
use super::binding::Facts;
use super::chain::Chains;
use super::counts::{Counts, Totals};
use super::gather::Wholes;
use super::goals::Goals;
use super::leaving::Leaving;
use super::sample::{hash_of, is_complete};
use super::session::Session;
use super::shape::Shapes;
use super::split::Splits;
use super::structure::Structure;
use super::timing::{self, Gaps, Times};
use super::{liveness, script};
use crate::dialect::{Label, REQUEST};
use crate::golden::{self, Causes, Golden, Learned, Made, Monitor, Pace, RequestTimes, Seen, Traces};
use crate::transcript::{End, Gap, Header, Transcript};
use crate::words::recordings;
use std::collections::{BTreeMap, BTreeSet};

/// So many recordings that do not fit are named.
const MISFITS: usize = 16;

/// What recordings show.
#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    recordings: u32,
    incomplete: u32,
    /// How many of those that are incomplete gave up.
    gave_up: u32,
    /// Which of the recordings were learned from.
    own: BTreeSet<usize>,
    users: BTreeSet<String>,
    days: BTreeSet<String>,
    between: Option<(String, String)>,
    /// How often sessions ended in which way.
    ends: BTreeMap<String, u32>,
    leaving: Leaving,
    /// How often each event came, and in how many recordings.
    counts: BTreeMap<Label, (u32, u32)>,
    shapes: Shapes,
    facts: Facts,
    chains: Chains,
    goals: Goals,
    wholes: Wholes,
    answers: Answers,
    trials: Counts,
    totals: Totals,
    times: Times,
    splits: Splits,
    live: liveness::Summary,
    /// Recordings that the order does not accept, those that come first in the order of samples.
    misfits: BTreeSet<(u64, usize)>,
}

impl Summary {
    /// Nothing yet.
    pub(super) fn of(structure: &Structure) -> Summary {
        Summary { facts: Facts::of(&structure.order), ..Summary::default() }
    }

    /// Adds a recording, the `index`-th of all.
    pub(super) fn add(&mut self, index: usize, recording: &Transcript, structure: &Structure) {
        if !is_complete(recording) {
            self.incomplete += 1;
            self.gave_up += u32::from(matches!(recording.ending.how, End::GaveUp { .. }));
            if !structure.has_prefixes {
                return;
            }
        }
        self.recordings += 1;
        self.own.insert(index);
        self.provenance(&recording.header);
        let session = Session::of(&structure.dialect, recording);
        if is_complete(recording) {
            *self.ends.entry(session.ending.clone()).or_default() += 1;
        }
        if is_complete(recording) {
            self.totals.add(&session);
        }
        let mut here = BTreeSet::new();
        for event in &session.events {
            if !self.counts.contains_key(&event.label) {
                self.counts.insert(event.label.clone(), (0, 0));
            }
            if let Some((seen, runs)) = self.counts.get_mut(&event.label) {
                *seen += 1;
                *runs += u32::from(here.insert(&event.label));
            }
        }
        self.shapes.add(&session);
        self.facts.add(&session, &structure.lanes);
        self.chains.add(&session, &structure.lanes);
        self.wholes.add(&session, &structure.lanes);
        if is_complete(recording) {
            self.goals.add(&session, &structure.lanes);
            self.answers.add(&session, &structure.dialect);
        }
        self.live.add(&recording.header, &Traces::of(&session.events));
        let recording_number = self.recordings;
        let trials = &mut self.trials;
        let count = &mut |label: &Label, nth| trials.add(label, nth, recording_number);
        let Followed { gaps, fits, goes_on } =
            follow((recording_number, &session), structure, &mut self.splits, count);
        if is_complete(recording) {
            self.leaving.add(recording, &session, fits && goes_on);
        }
        self.times.add(&timing::bucket(&recording.header), recording.ending.host, &gaps);
        if !fits {
            self.misfits.insert((hash_of(&recording.header), index));
            self.bound();
        }
    }

    fn provenance(&mut self, header: &Header) {
        self.users.insert(header.user.clone());
        self.days.insert(header.started.get(..10).unwrap_or_default().to_owned());
        self.span(header.started.clone(), header.started.clone());
    }

    fn span(&mut self, first: String, last: String) {
        self.between = Some(match self.between.take() {
            Some((own_first, own_last)) => (own_first.min(first), own_last.max(last)),
            None => (first, last),
        });
    }

    fn bound(&mut self) {
        while self.misfits.len() > MISFITS {
            self.misfits.pop_last();
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Summary) {
        self.recordings += other.recordings;
        self.incomplete += other.incomplete;
        self.gave_up += other.gave_up;
        self.own.extend(other.own);
        self.users.extend(other.users);
        self.days.extend(other.days);
        if let Some((first, last)) = other.between {
            self.span(first, last);
        }
        for (end, times) in other.ends {
            *self.ends.entry(end).or_default() += times;
        }
        self.leaving.merge(other.leaving);
        for (label, (seen, runs)) in other.counts {
            let own = self.counts.entry(label).or_default();
            *own = (own.0 + seen, own.1 + runs);
        }
        self.shapes.merge(other.shapes);
        self.facts.merge(other.facts);
        self.chains.merge(other.chains);
        self.goals.merge(other.goals);
        self.wholes.merge(other.wholes);
        self.answers.merge(other.answers);
        self.trials.merge(other.trials);
        self.totals.merge(other.totals);
        self.times.merge(other.times);
        self.splits.merge(other.splits);
        self.live.merge(other.live);
        self.misfits.extend(other.misfits);
        self.bound();
    }

    /// Some of the recordings that the order does not accept.
    pub(super) fn misfits(&self) -> Vec<usize> {
        self.misfits.iter().map(|(_, index)| *index).collect()
    }

    /// How many recordings were left out because they have no end.
    pub(super) fn incomplete(&self) -> u32 {
        self.incomplete
    }

    /// Which of the recordings were learned from.
    pub(super) fn own(&self) -> Vec<usize> {
        self.own.iter().copied().collect()
    }

    /// What a person should know of how the sessions ended before it becomes what every session must do.
    pub(super) fn endings(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.gave_up > 0 {
            notes.push(format!(
                "in {} the client gave up waiting: what did not come is not learned, and how a session ends \
                 neither",
                recordings(self.gave_up)
            ));
        }
        let most = self.ends.values().copied().max().unwrap_or(0);
        if self.ends.len() > 1 && most * 10 < self.recordings * 9 {
            let ends: Vec<String> = self.ends.iter().map(|(end, times)| format!("{end} ({times})")).collect();
            notes.push(format!(
                "sessions end in different ways, and each of them will pass: {}",
                ends.join(", ")
            ));
        }
        let is_broken = |end: &str| {
            let code = end.rsplit(' ').next().and_then(|code| code.parse().ok()).unwrap_or(0_u16);
            // RFC 6455, 7.4.1: no status, a normal end and an endpoint that goes away are not errors.
            !matches!(code, 1000 | 1001 | 1005)
        };
        for (end, times) in
            self.ends.iter().filter(|(end, times)| is_broken(end) && **times * 2 >= self.recordings)
        {
            notes.push(format!(
                "{times} of {} recordings end with an error ({end}): is that what must happen?",
                self.recordings
            ));
        }
        notes
    }

    /// What all recordings show together.
    pub(super) fn finish(mut self, structure: &Structure, previous: Option<&Golden>) -> (Golden, Seen) {
        let Structure { dialect, lanes, order, rules, sessions, has_prefixes } = structure;
        if *has_prefixes {
            // Nobody saw one; it is what a client does that has had enough.
            self.ends.insert("client 1000".to_owned(), 0);
        }
        let mut events: BTreeMap<Label, golden::Event> = BTreeMap::new();
        for (label, (seen, runs)) in self.counts {
            let mut event = golden::Event { seen, runs, ..golden::Event::default() };
            for key in order.keys_of(&label).unwrap_or_default() {
                // The number of a request stands in no payload.
                if let Some(pointer) = lanes.pointer(&label, key).filter(|pointer| *pointer != REQUEST) {
                    event.lanes.push((key.to_owned(), pointer.to_owned()));
                }
            }
            events.insert(label, event);
        }
        self.shapes.write(&mut events);
        self.facts.write(lanes, self.recordings, &mut events);
        self.trials.write(&mut events);
        self.chains.write(&mut events, dialect.reply());
        self.goals.write(&mut events);
        self.wholes.write(&mut events);
        self.answers.write(&mut events);
        let script = script::learn(sessions, order, &mut events, previous);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut learned = Learned {
            recordings: self.recordings,
            users: count(self.users.len()),
            days: count(self.days.len()),
            between: self.between,
            ..Learned::default()
        };
        let causes = Causes::new(order);
        self.times.write(&mut learned, &mut events, |label| causes.floats(label));
        for (label, event) in &mut events {
            event.timing.iter_mut().for_each(|envelope| envelope.split = self.splits.of(label, envelope));
        }
        let is_feed = |label: &Label| self.leaving.is_feed(label, self.recordings);
        let order = self.trials.hold(order, self.recordings, &is_feed).simplified();
        self.totals.write(&order, &mut events, |label| causes.floats(label) || is_feed(label));
        let listen = self.leaving.usual(self.recordings).filter(|_| self.leaving.is_open_in(&order));
        let golden = Golden {
            about: String::new(),
            dialect: dialect.clone(),
            order,
            rules: rules.clone(),
            script,
            ends: self.ends.into_keys().collect(),
            pace: Pace::Causal,
            time: None,
            wait: Gap::from_millis(10_000),
            linger: Gap::from_millis(250),
            listen,
            keep: Vec::new(),
            require_live: Vec::new(),
            probes: Vec::new(),
            budget: None,
            learned,
            events,
            places: BTreeMap::new(),
        };
        (golden, self.live.finish())
    }
}

/// What a session is in an order.
struct Followed {
    gaps: Gaps,
    /// Whether the order accepts it.
    fits: bool,
    /// Whether its last event may come once more.
    goes_on: bool,
}

/// Follows a session, that of the recording of a number, through the order. Tells of each event which time it came in its
/// lane and its round.
fn follow(
    (number, session): (u32, &Session),
    structure: &Structure,
    splits: &mut Splits,
    count: &mut dyn FnMut(&Label, u32),
) -> Followed {
    let mut monitor = Monitor::new(&structure.order);
    let mut causes = Causes::new(&structure.order);
    let mut requests = RequestTimes::default();
    let mut gaps = Gaps::new();
    let mut fits = true;
    for (index, event) in (0..).zip(&session.events) {
        let step = monitor.step(&event.label, &|key| structure.lanes.value(event, key));
        fits &= step.violations.is_empty();
        count(&event.label, step.nth);
        let cause = causes.step(&event.label, &step.lanes, event.at, index);
        let cause = cause.map(|(cause, gap, mark)| (cause.clone(), gap, mark));
        let request = requests.feed(&structure.dialect, event, index);
        let request = request.map(|Made { label, at, mark }| (label, event.at.since(at), mark));
        if let Some((cause, gap, of_cause)) = request.or(cause) {
            gaps.entry((event.label.clone(), cause.clone())).or_default().push(gap);
            let source = usize::try_from(of_cause).ok().and_then(|index| session.events.get(index));
            if let Some(source) = source {
                splits.add((&event.label, &cause), (&event.data, &source.data), gap, number);
            }
        }
        step.forgotten.into_iter().for_each(|lane| causes.forget(lane));
    }
    let goes_on = session.events.last().is_some_and(|last| {
        let keys = |key: &str| structure.lanes.value(last, key);
        !last.label.is_client() && monitor.accepts(&last.label, &keys)
    });
    Followed { gaps, fits: fits && monitor.is_complete(), goes_on }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;
    use crate::transcript::{Ending, Frame, Offset, Payload, Side};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::convert::Infallible;

    /// Two questions, each with a tool or not; ids, totals and pauses follow from the seed.
    fn recording(seed: u64) -> Transcript {
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut frames = Vec::new();
        let mut now = 0;
        let mut say = |side: Side, pause: u64, data: Value| {
            now += pause * 1_000_000;
            let payload = Payload::Text(data.to_string());
            frames.push(Frame::new(Offset::from_nanos(now), side, payload));
        };
        for turn in 1..=2 {
            let text = format!("question {} of {seed}", random(1000));
            say(Side::Client, 1, json!({"type": "ask", "text": text}));
            say(Side::Server, 20 + random(9), json!({"type": "started", "turn": turn, "echo": text}));
            if random(3) > 0 {
                let call = format!("call_{:08}a1", random(99_999_999));
                say(Side::Server, 3 + random(5), json!({"type": "executing", "call_id": call}));
                say(
                    Side::Server,
                    9 + random(5),
                    json!({"type": "completed", "call_id": call, "rows": random(40)}),
                );
            }
            let count = 2 + random(6);
            for seq in 1..=count {
                say(
                    Side::Server,
                    4 + random(3),
                    json!({"type": "token", "seq": seq, "text": format!("w{} ", random(50))}),
                );
            }
            say(Side::Server, 2 + random(3), json!({"type": "done", "tokens": count}));
        }
        let header = Header {
            id: format!("r{seed:04}"),
            started: format!("2026-11-{:02}T10:00:00.{seed:09}Z", 1 + seed % 4),
            user: format!("u{}", seed % 5),
            ..Header::default()
        };
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        Transcript {
            header,
            frames,
            ending: Ending { at: Offset::from_nanos(now + 1_000_000), how, host: None },
        }
    }

    fn written(summary: Summary, structure: &Structure) -> (String, String) {
        let (golden, seen) = summary.finish(structure, None);
        (golden::write(&golden), seen.write())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn summaries_of_shards_make_the_summary_of_all(
            shards in proptest::collection::vec(0..4usize, 60),
            order in Just((0..60usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let recordings: Vec<Transcript> = (0..60).map(recording).collect();
            let sample = Sample::draw(&recordings).expect("there are recordings");
            let structure = Structure::of::<Infallible>(&sample, None).expect("there are events");
            let mut whole = Summary::of(&structure);
            for (index, recording) in recordings.iter().enumerate() {
                whole.add(index, recording, &structure);
            }
            let mut parts: Vec<Summary> = (0..4).map(|_| Summary::of(&structure)).collect();
            for index in order {
                parts[shards[index]].add(index, &recordings[index], &structure);
            }
            let merged = parts.into_iter().rev().fold(Summary::of(&structure), |mut sum, part| {
                sum.merge(part);
                sum
            });
            prop_assert_eq!(written(merged, &structure), written(whole, &structure));
        }
    }
}
