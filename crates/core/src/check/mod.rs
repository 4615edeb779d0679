//! Transcript × golden → findings.
//!
//! A [`Checker`] takes the frames of one session as they come and knows a violation while the session still runs;
//! [`Checker::finish`] explains all of them, one finding for one fault, the first cause first. Time is judged over all
//! runs together by [`judge_timing`], over several rounds by [`judge_rounds`]. Nothing here can fail: it can only find.

mod answers;
mod baseline;
mod binding;
mod budget;
mod crowd;
mod evidence;
mod explain;
mod gaps;
mod liveness;
mod rounds;
mod shape;
mod stranger;
mod timing;

pub use baseline::{Baseline, NoBounds, Shift};
pub use crowd::Crowd;
pub use evidence::told;
pub use gaps::{Gaps, Sample, Timed};
pub use liveness::{Live, OTHER_HOSTS, Witness, findings as liveness_findings, judge as judge_liveness};
pub use rounds::{judge as judge_rounds, leave_doubt};
pub use timing::judge as judge_timing;

use crate::dialect::{Decoder, Event, Fed, Label};
use crate::finding::Finding;
use crate::golden::{Golden, Lane, LaneId, Monitor, Owed, Step, Violation, What};
use crate::stats::{FastMap, JsonHash, quick_hash};
use crate::transcript::{Ending, Entry, Frame, Payload, Transcript};
use answers::Faults;
use binding::{Bindings, Mismatch};
use gaps::Stopwatch;
use serde_json::Value;
pub use shape::{Likeness, likeness};
use shape::{Misfit, Tree};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// What one session showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What deviates, first cause first; timing is not among it.
    pub findings: Vec<Finding>,
    /// The gaps between events and their causes, for [`judge_timing`].
    pub gaps: Gaps,
    /// What tells a live server from a transcript, for [`judge_liveness`].
    pub live: Live,
    /// How many events there were.
    pub events: usize,
    /// Whether the session was seen to its end. What is missing at the end of a prefix proves nothing and is not found.
    pub is_whole: bool,
}

/// Something that was noted on the way and will be explained at the end.
#[derive(Debug, Clone)]
struct Note<T> {
    what: T,
    label: Label,
    lane: Option<Lane>,
    frame: usize,
}

/// Notes of one sort. What goes wrong with an event more often than [`NOTES`] is one fault again and again.
#[derive(Debug)]
struct Notes<T> {
    kept: Vec<Note<T>>,
    of_event: FastMap<Label, usize>,
    /// How many more there were.
    more: usize,
}

impl<T> Notes<T> {
    fn new() -> Notes<T> {
        Notes { kept: Vec::new(), of_event: FastMap::default(), more: 0 }
    }

    fn push(&mut self, note: Note<T>) {
        // A server that makes up a name for every event must not fill the memory either.
        let is_full = self.kept.len() >= 16 * NOTES;
        match self.of_event.get_mut(&note.label) {
            Some(count) if *count < NOTES && !is_full => *count += 1,
            None if !is_full => drop(self.of_event.insert(note.label.clone(), 1)),
            _ => {
                self.more += 1;
                return;
            }
        }
        self.kept.push(note);
    }
}

/// Follows one session.
#[derive(Debug)]
pub struct Checker<'g> {
    golden: &'g Golden,
    decoder: Decoder,
    monitor: Monitor,
    /// What the latest event showed; empty.
    step: Step,
    /// The events that the golden knows, by number.
    numbers: FastMap<Label, usize>,
    known: Vec<Known>,
    bindings: Bindings,
    stopwatch: Stopwatch,
    stream: Option<budget::Stream>,
    watch: liveness::Watch,
    owed: Owed<'g>,
    faults: Faults,
    violations: Notes<Violation>,
    misfits: Notes<Misfit>,
    mismatches: Notes<Mismatch>,
    /// What the latest event of a name in a lane falls short of, by the number of the event, if it stays the last.
    short: BTreeMap<(usize, Option<LaneId>), Vec<Note<Mismatch>>>,
    /// Payloads of events that fit nowhere, the first of each name.
    strangers: HashMap<Label, Value>,
    /// Payloads of events with a field too many or too few, the first of each name.
    oddities: HashMap<Label, Value>,
    /// Noted frames that say the same as an earlier frame of their kind, with that frame.
    twins: HashMap<usize, usize>,
    /// What came when something that the client says was due, by its frame.
    unasked: HashMap<usize, Label>,
    /// Events that came another number of times than in every recording, with that number.
    totals: Vec<(Label, u32)>,
    events: usize,
    last_frame: usize,
}

/// An event that the golden knows, and what came of it.
#[derive(Debug, Default)]
struct Known {
    /// By what number the order, the clock and the facts know it, if they do.
    in_order: Option<usize>,
    in_causes: Option<u32>,
    in_facts: Option<usize>,
    /// Where in it the keys of its lanes are, for the outermost lane first; see [`Event::key`].
    lane_keys: Vec<String>,
    /// Its shape; none for what the client sends, which is our own doing.
    tree: Option<Tree>,
    came: u32,
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
/// How many notes of each sort are taken of an event; the rest is counted.
const NOTES: usize = 4096;

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
            twins: HashMap::new(),
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
            self.twins.insert(event.frame, twin);
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

    fn known(&self, label: &Label) -> Option<&Known> {
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
        misfits: Vec<Misfit>,
        mismatches: Vec<Mismatch>,
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

    /// Critical events that never came although the order, learned from few recordings, would let them be absent.
    fn critical(&self) -> Vec<Violation> {
        let noted = |label: &Label| self.violations.kept.iter().any(|note| note.label == *label);
        let came = |label: &Label| self.known(label).is_some_and(|known| known.came > 0);
        let absent = self
            .golden
            .events
            .iter()
            .filter(|(label, event)| event.critical && !came(label) && !noted(label));
        let missed = |label: &Label| Violation { what: What::Missing, label: label.clone(), lane: None };
        let missing = self.monitor.missing();
        let known = |label: &Label| missing.iter().any(|violation| violation.label == *label);
        absent.filter(|(label, _)| !known(label)).map(|(label, _)| missed(label)).collect()
    }

    /// Whether the client said each thing as often as the script has it.
    fn follows_script(&self) -> bool {
        let mut left: HashMap<&Label, u32> = HashMap::new();
        self.golden.script.iter().for_each(|label| *left.entry(label).or_default() += 1);
        let said = self.golden.order.labels().into_iter().filter(|label| label.is_client());
        said.into_iter().all(|label| {
            let came = self.known(label).map_or(0, |known| known.came);
            came == left.get(label).copied().unwrap_or(0)
        })
    }

    /// The end of the session: explains all that was noted.
    pub fn finish(mut self, ending: &Ending) -> Checked {
        let is_whole = ending.is_whole();
        if is_whole {
            let frame = self.last_frame;
            self.faults.extend(self.owed.rest());
            for violation in self.monitor.missing().into_iter().chain(self.critical()) {
                let (label, lane) = (violation.label.clone(), violation.lane.clone());
                self.violations.kept.push(Note { what: violation, label, lane, frame });
            }
            // Where events are missing, so is the last one that would have reached its total.
            if self.monitor.is_complete() {
                let short = std::mem::take(&mut self.short).into_values().flatten();
                short.for_each(|note| self.mismatches.push(note));
            }
        }
        // Where the order is broken, the end is another or the client said more or less than its script has, as a probe does that
        // cuts and resumes, numbers follow from that.
        let is_clean =
            is_whole && self.violations.kept.is_empty() && self.golden.ends.contains(&ending.label());
        if is_clean && self.follows_script() {
            let totals = self.golden.events.iter().filter_map(|(label, event)| Some((label, event.total?)));
            let is_other = |label: &Label, total| self.known(label).is_none_or(|known| known.came != total);
            let other = totals.filter(|(label, total)| is_other(label, *total));
            self.totals = other.map(|(label, total)| (label.clone(), total)).collect();
        }
        let mut findings = explain::explain(&self, ending);
        let more = self.violations.more + self.misfits.more + self.mismatches.more + self.faults.more;
        if let Some(first) = findings.first_mut().filter(|_| more > 0) {
            first.consequences.push(format!("{more} more of what was found are not told one by one"));
        }
        let (mut gaps, live) = (self.stopwatch.into_gaps(), self.watch.into_live(ending));
        if let Some(stream) = self.stream {
            stream.add_to(&mut gaps);
        }
        Checked { findings, events: self.events, is_whole, gaps, live }
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

/// Checks a whole transcript.
pub fn check(golden: &Golden, transcript: &Transcript) -> Checked {
    let mut checker = Checker::new(golden);
    for frame in &transcript.frames {
        checker.frame(frame);
    }
    checker.finish(&transcript.ending)
}
