//! Follows one session, event by event, and notes what does not fit.

use super::binding::{BindingViolation, Bindings};
use super::gaps::{Gaps, Stopwatch};
use super::liveness::Live;
use super::notes::{Faults, NOTES, Note, Notes};
use super::shape::{ShapeViolation, Tree};
use super::{budget, liveness};
use crate::dialect::{Decoder, Event, Fed, Label};
use crate::finding::Finding;
use crate::golden::{Golden, LaneId, Monitor, Owed, Step, Violation, What};
use crate::stats::{FastMap, JsonHash, quick_hash};
use crate::transcript::{Entry, Frame, Payload};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// What one session showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What deviates, first cause first; timing is not among it.
    pub findings: Vec<Finding>,
    /// The gaps between events and their causes, for [`judge_timing`](super::judge_timing).
    pub gaps: Gaps,
    /// What tells a live server from a transcript, for [`judge_liveness`](super::judge_liveness).
    pub live: Live,
    /// How many events there were.
    pub events: usize,
    /// Whether the session was seen to its end. What is missing at the end of a prefix proves nothing and is not found.
    pub is_whole: bool,
}

/// Follows one session.
#[derive(Debug)]
pub struct Checker<'g> {
    pub(super) golden: &'g Golden,
    decoder: Decoder,
    pub(super) monitor: Monitor,
    /// What the latest event showed; empty.
    step: Step,
    /// The events that the golden knows, by number.
    numbers: FastMap<Label, usize>,
    known: Vec<Known>,
    bindings: Bindings,
    pub(super) stopwatch: Stopwatch,
    pub(super) stream: Option<budget::Stream>,
    pub(super) watch: liveness::Watch,
    pub(super) owed: Owed<'g>,
    pub(super) faults: Faults,
    pub(super) violations: Notes<Violation>,
    pub(super) misfits: Notes<ShapeViolation>,
    pub(super) mismatches: Notes<BindingViolation>,
    /// What the latest event of a name in a lane falls short of, by the number of the event, if it stays the last.
    pub(super) short: BTreeMap<(usize, Option<LaneId>), Vec<Note<BindingViolation>>>,
    /// Payloads of events that fit nowhere, the first of each name.
    pub(super) strangers: HashMap<Label, Value>,
    /// Payloads of events with a field too many or too few, the first of each name.
    pub(super) oddities: HashMap<Label, Value>,
    /// Noted frames that say the same as an earlier frame of their kind, with that frame.
    pub(super) duplicates: HashMap<usize, usize>,
    /// What came when something that the client says was due, by its frame.
    pub(super) unasked: HashMap<usize, Label>,
    /// Events that came another number of times than in every recording, with that number.
    pub(super) totals: Vec<(Label, u32)>,
    pub(super) events: usize,
    pub(super) last_frame: usize,
}

/// An event that the golden knows, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By what number the order, the clock and the facts know it, if they do.
    in_order: Option<usize>,
    in_causes: Option<u32>,
    in_facts: Option<usize>,
    /// Where in it the keys of its lanes are, for the outermost lane first; see [`Event::key`].
    lane_keys: Vec<String>,
    /// Its shape; none for what the client sends, which is our own doing.
    tree: Option<Tree>,
    pub(super) came: u32,
    /// Whether a rule says what must not come after it.
    ruled: bool,
    /// Whether a rule says that it must not come after something.
    barred: bool,
    /// In which lanes a ruled event came.
    lanes: HashSet<Option<LaneId>>,
    /// Fingerprints of the latest payloads, to tell a duplicate from a repetition.
    recent: VecDeque<(u64, usize)>,
}

/// How many payloads of each event are remembered to recognise a duplicate.
const RECENT: usize = 32;

impl<'g> Checker<'g> {
    /// At the start of a session.
    pub fn new(golden: &'g Golden) -> Checker<'g> {
        let (monitor, bindings) = (Monitor::new(&golden.order), Bindings::new(golden));
        let stopwatch = Stopwatch::new(golden);
        let (mut numbers, mut known) = (FastMap::default(), Vec::new());
        for label in golden.events.keys().chain(golden.order.labels()) {
            if numbers.contains_key(label) {
                continue;
            }
            numbers.insert(label.clone(), known.len());
            let keys = golden.order.keys_of(label).unwrap_or_default();
            known.push(Known {
                in_order: monitor.number(label),
                in_causes: stopwatch.number(label),
                in_facts: bindings.number(label),
                lane_keys: keys.into_iter().map(|key| golden.lane_pointer(label, key)).collect(),
                tree: golden.event(label).filter(|_| !label.is_client()).and_then(Tree::new),
                ruled: golden.rules.iter().any(|rule| rule.then == *label),
                barred: golden.rules.iter().any(|rule| rule.first == *label),
                ..Known::default()
            });
        }
        Checker {
            golden,
            decoder: Decoder::new(&golden.dialect),
            monitor,
            step: Step::default(),
            numbers,
            known,
            bindings,
            stopwatch,
            stream: budget::Stream::new(golden),
            watch: liveness::Watch::new(golden),
            owed: Owed::new(golden),
            faults: Faults::default(),
            violations: Notes::new(),
            misfits: Notes::new(),
            mismatches: Notes::new(),
            short: BTreeMap::new(),
            strangers: HashMap::new(),
            oddities: HashMap::new(),
            duplicates: HashMap::new(),
            unasked: HashMap::new(),
            totals: Vec::new(),
            events: 0,
            last_frame: 0,
        }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame) {
        for event in self.decoder.feed(frame) {
            self.event(&event);
        }
    }

    /// Whether it can be given the JSON of a recording without its text.
    pub fn takes_json(&self) -> bool {
        self.decoder.takes_json()
    }

    /// Takes the next entry of a recording. Hands back its JSON, for `Entries::reuse`.
    pub fn entry(&mut self, entry: Entry) -> Option<Value> {
        match entry {
            // Only plain JSON is an event as it stands.
            Entry::Json { at, conn, side, value } if !self.decoder.takes_json() => {
                let payload = Payload::Text(value.to_string());
                self.frame(&Frame { conn, ..Frame::new(at, side, payload) });
                Some(value)
            }
            Entry::Json { at, conn, side, value } => match self.decoder.feed_json(at, conn, side, value) {
                Fed::One(event) => {
                    self.event(&event);
                    Some(event.data)
                }
                Fed::Several(events) => {
                    events.iter().for_each(|event| self.event(event));
                    None
                }
            },
            Entry::Frame(frame) => {
                self.frame(&frame);
                None
            }
        }
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        self.events += 1;
        self.last_frame = event.frame;
        self.watch.feed(event);
        self.faults.extend(self.owed.feed(event));
        if let Some(stream) = &mut self.stream {
            stream.feed(event);
        }
        let Some(number) = self.numbers.get(&event.label).copied() else {
            self.bindings.pass(event);
            return self.note_violation(Violation::unknown(&event.label), event);
        };
        let mut step = std::mem::take(&mut self.step);
        self.follow(number, event, &mut step);
        let Step { violations, lanes, forgotten, .. } = &mut step;
        let lane = lanes.last().copied();
        let mut noted = !violations.is_empty();
        for violation in violations.drain(..) {
            self.note_violation(violation, event);
        }
        let Known { in_causes, in_facts, .. } = self.known[number];
        if let Some(number) = in_causes {
            self.stopwatch.feed(number, event, lanes);
        }
        let mismatches = in_facts.map(|number| self.bindings.feed(number, event, lane)).unwrap_or_default();
        self.bindings.pass(event);
        if let Some(facts) = in_facts.filter(|facts| self.bindings.has_goals(*facts)) {
            self.note_short(number, facts, event, lane);
        }
        let known = &mut self.known[number];
        let misfits = known.tree.as_mut().map(|tree| tree.misfits(&event.data)).unwrap_or_default();
        known.came = known.came.saturating_add(1);
        if known.ruled {
            known.lanes.insert(lane);
        }
        if !misfits.is_empty() || !mismatches.is_empty() {
            noted = true;
            self.note_payload(number, event, misfits, mismatches);
        }
        if let Some(twin) = self.known[number].twin(event).filter(|_| noted) {
            self.duplicates.insert(event.frame, twin);
        }
        for lane in forgotten.drain(..) {
            self.bindings.forget(lane);
            self.stopwatch.forget(lane);
            let left: Vec<_> = self.short.keys().filter(|(_, own)| *own == Some(lane)).copied().collect();
            let notes = left.into_iter().filter_map(|key| self.short.remove(&key)).flatten();
            notes.for_each(|note| self.mismatches.push(note));
            for known in self.known.iter_mut().filter(|known| known.ruled) {
                known.lanes.remove(&Some(lane));
            }
        }
        // What is left of the lists is their memory, for the next event.
        lanes.clear();
        self.step = step;
    }

    /// Holds the event of a number against the order and the rules.
    fn follow(&mut self, number: usize, event: &Event, step: &mut Step) {
        let known = &self.known[number];
        let Some(in_order) = known.in_order else {
            return step.violations.push(Violation::unknown(&event.label));
        };
        self.monitor.take(in_order, &known.lane_values(event), step);
        if known.barred {
            let lane = step.lanes.last().copied();
            let came = |then: &Label| self.known(then).is_some_and(|known| known.lanes.contains(&lane));
            let broken =
                self.golden.rules.iter().filter(|rule| rule.first == event.label && came(&rule.then));
            step.violations.extend(broken.map(|rule| Violation {
                what: What::Late { passed_by: Some(rule.then.clone()) },
                label: event.label.clone(),
                lane: self.monitor.lane(in_order, &known.lane_values(event)),
            }));
        }
    }

    pub(super) fn known(&self, label: &Label) -> Option<&Known> {
        self.known.get(*self.numbers.get(label)?)
    }

    fn note_violation(&mut self, violation: Violation, event: &Event) {
        if violation.what == What::Unknown && self.strangers.len() < NOTES {
            self.strangers.entry(event.label.clone()).or_insert_with(|| event.data.clone());
        }
        let (label, lane) = (violation.label.clone(), violation.lane.clone());
        if violation.what == What::Missing && label.is_client() && self.unasked.len() < NOTES {
            self.unasked.insert(event.frame, event.label.clone());
        }
        self.violations.push(Note { what: violation, label, lane, frame: event.frame });
    }

    fn note_payload(
        &mut self,
        number: usize,
        event: &Event,
        misfits: Vec<ShapeViolation>,
        mismatches: Vec<BindingViolation>,
    ) {
        let known = &self.known[number];
        let lane = known.in_order.and_then(|own| self.monitor.lane(own, &known.lane_values(event)));
        let (label, frame) = (&event.label, event.frame);
        if !misfits.is_empty() {
            self.oddities.entry(label.clone()).or_insert_with(|| event.data.clone());
        }
        for what in misfits {
            self.misfits.push(Note { what, label: label.clone(), lane: lane.clone(), frame });
        }
        for what in mismatches {
            self.mismatches.push(Note { what, label: label.clone(), lane: lane.clone(), frame });
        }
    }

    fn note_short(&mut self, number: usize, facts: usize, event: &Event, lane: Option<LaneId>) {
        let short = self.bindings.short(facts, event);
        // What counts rounds has to end each of them.
        let before = self.short.remove(&(number, lane)).unwrap_or_default();
        for note in before {
            if self.bindings.begins_anew(facts, event, &note.what) {
                self.mismatches.push(note);
            }
        }
        if short.is_empty() {
            return;
        }
        let known = &self.known[number];
        let in_words = known.in_order.and_then(|own| self.monitor.lane(own, &known.lane_values(event)));
        let note =
            |what| Note { what, label: event.label.clone(), lane: in_words.clone(), frame: event.frame };
        self.short.insert((number, lane), short.into_iter().map(note).collect());
    }

    /// How much is held: lanes, values and times in lanes, gaps, fingerprints and notes. It grows with the lanes in
    /// which something may still come and with the values of `unique` facts, not with the events.
    pub fn held(&self) -> usize {
        let notes = self.violations.kept.len() + self.misfits.kept.len() + self.mismatches.kept.len();
        let fingerprints: usize = self.known.iter().map(|known| known.recent.len() + known.lanes.len()).sum();
        self.monitor.held()
            + self.bindings.held()
            + self.stopwatch.held()
            + notes
            + fingerprints
            + self.short.len()
            + self.owed.held()
            + self.faults.kept.len()
    }

    /// Whether anything has deviated so far.
    pub fn is_clean(&self) -> bool {
        let notes = self.violations.kept.len() + self.misfits.kept.len() + self.mismatches.kept.len();
        notes + self.faults.kept.len() == 0
    }

    /// Whether the order allows the session to end here.
    pub fn is_complete(&self) -> bool {
        self.monitor.is_complete()
    }
}

impl Known {
    /// The values of its lanes' keys in a payload.
    fn lane_values<'v>(&self, event: &'v Event) -> impl Fn(usize) -> Option<Cow<'v, str>> {
        |depth| event.key(self.lane_keys.get(depth)?)
    }

    /// The frame of an earlier event with the same payload, among the latest.
    fn twin(&mut self, event: &Event) -> Option<usize> {
        if event.label.is_client() || !event.data.is_object() {
            return None;
        }
        let own = quick_hash(&JsonHash(&event.data));
        let twin = self.recent.iter().find(|(known, _)| *known == own).map(|(_, frame)| *frame);
        if twin.is_none() {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((own, event.frame));
        }
        twin
    }
}

/// The value of a lane's key in an event, as text; none when the event does not carry it.
pub fn lane_value(golden: &Golden, event: &Event, key: &str) -> Option<String> {
    event.key(&golden.lane_pointer(&event.label, key)).map(Cow::into_owned)
}
