//! Transcript × golden → findings.
//!
//! A [`Checker`] takes the frames of one session as they come and knows a violation while the session still runs;
//! [`Checker::finish`] explains all of them, one finding for one fault, the first cause first. Time is judged over all
//! runs together by [`judge_timing`]. Nothing here can fail: it can only find.

mod binding;
mod evidence;
mod explain;
mod shape;
mod timing;

pub use timing::{Gaps, judge as judge_timing};

use crate::dialect::{Decoder, Event, Label};
use crate::finding::Finding;
use crate::golden::{Golden, Lane, Monitor, Violation, What};
use crate::transcript::{Ending, Frame, Transcript};
use binding::{Bindings, Mismatch};
use serde_json::Value;
use shape::{Misfit, Tree};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use timing::Stopwatch;

/// What one session showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What deviates, first cause first; timing is not among it.
    pub findings: Vec<Finding>,
    /// The gaps between events and their causes, for [`judge_timing`].
    pub gaps: Gaps,
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

/// Follows one session.
#[derive(Debug)]
pub struct Checker<'g> {
    golden: &'g Golden,
    decoder: Decoder,
    monitor: Monitor,
    trees: HashMap<Label, Tree>,
    bindings: Bindings,
    stopwatch: Stopwatch,
    violations: Vec<Note<Violation>>,
    misfits: Vec<Note<Misfit>>,
    mismatches: Vec<Note<Mismatch>>,
    /// Payloads of events that fit nowhere, the first of each name.
    strangers: HashMap<Label, Value>,
    /// Payloads of events with a field too many or too few, the first of each name.
    oddities: HashMap<Label, Value>,
    /// Fingerprints of the latest payloads by event, to tell a duplicate from a repetition.
    recent: HashMap<Label, Vec<(u64, usize)>>,
    /// Frames that say the same as an earlier frame of their kind, with that frame.
    twins: HashMap<usize, usize>,
    /// Which events came, and in which lanes.
    seen: HashMap<Label, HashSet<Option<Lane>>>,
    events: usize,
    last_frame: usize,
}

/// How many payloads of each event are remembered to recognise a duplicate.
const RECENT: usize = 32;

impl<'g> Checker<'g> {
    /// At the start of a session.
    pub fn new(golden: &'g Golden) -> Checker<'g> {
        let trees = golden
            .events
            .iter()
            // What the client sends is our own doing; its shape is not judged.
            .filter(|(label, _)| !label.is_client())
            .filter_map(|(label, event)| Tree::new(event).map(|tree| (label.clone(), tree)))
            .collect();
        Checker {
            golden,
            decoder: Decoder::new(&golden.dialect),
            monitor: Monitor::new(&golden.order),
            trees,
            bindings: Bindings::new(golden),
            stopwatch: Stopwatch::new(golden),
            violations: Vec::new(),
            misfits: Vec::new(),
            mismatches: Vec::new(),
            strangers: HashMap::new(),
            oddities: HashMap::new(),
            recent: HashMap::new(),
            twins: HashMap::new(),
            seen: HashMap::new(),
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

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        self.events += 1;
        self.last_frame = event.frame;
        let keys = |key: &str| lane_value(self.golden, event, key);
        let violations = self.monitor.feed(&event.label, &keys);
        let lanes = self.monitor.lanes_of(&event.label, &keys);
        let lane = lanes.last().cloned();
        let broken = self.against_rules(event, &lane);
        // Lanes matter to rules only; without one an event is just there.
        let ruled = self.golden.rules.iter().any(|rule| rule.then == event.label);
        self.seen.entry(event.label.clone()).or_default().insert(lane.clone().filter(|_| ruled));
        for violation in violations.into_iter().chain(broken) {
            if violation.what == What::Unknown {
                self.strangers.entry(event.label.clone()).or_insert_with(|| event.data.clone());
            }
            let (label, lane) = (violation.label.clone(), violation.lane.clone());
            self.violations.push(Note { what: violation, label, lane, frame: event.frame });
        }
        let note = |label: &Label, lane: &Option<Lane>| (label.clone(), lane.clone());
        if let Some(tree) = self.trees.get(&event.label) {
            for misfit in tree.misfits(&event.data) {
                self.oddities.entry(event.label.clone()).or_insert_with(|| event.data.clone());
                let (label, lane) = note(&event.label, &lane);
                self.misfits.push(Note { what: misfit, label, lane, frame: event.frame });
            }
        }
        for mismatch in self.bindings.feed(event, &lane) {
            let (label, lane) = note(&event.label, &lane);
            self.mismatches.push(Note { what: mismatch, label, lane, frame: event.frame });
        }
        self.note_twin(event);
        self.stopwatch.feed(event, &lanes);
    }

    fn note_twin(&mut self, event: &Event) {
        if event.label.is_client() || !event.data.is_object() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        hash(&event.data, &mut hasher);
        let print = hasher.finish();
        let recent = self.recent.entry(event.label.clone()).or_default();
        match recent.iter().find(|(known, _)| *known == print) {
            Some((_, frame)) => {
                self.twins.insert(event.frame, *frame);
            }
            None => {
                if recent.len() == RECENT {
                    recent.remove(0);
                }
                recent.push((print, event.frame));
            }
        }
    }

    /// Whether anything has deviated so far.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.misfits.is_empty() && self.mismatches.is_empty()
    }

    /// Whether the order allows the session to end here.
    pub fn is_complete(&self) -> bool {
        self.monitor.is_complete()
    }

    /// Critical events that never came although the order, learned from few recordings, would let them be absent.
    fn critical(&self) -> Vec<Violation> {
        let noted = |label: &Label| self.violations.iter().any(|note| note.label == *label);
        let absent = self
            .golden
            .events
            .iter()
            .filter(|(label, event)| event.critical && !self.seen.contains_key(*label) && !noted(label));
        let missed = |label: &Label| Violation { what: What::Missing, label: label.clone(), lane: None };
        let missing = self.monitor.missing();
        let known = |label: &Label| missing.iter().any(|violation| violation.label == *label);
        absent.filter(|(label, _)| !known(label)).map(|(label, _)| missed(label)).collect()
    }

    /// What must not come any more: pairs that the order cannot say.
    fn against_rules(&self, event: &Event, lane: &Option<Lane>) -> Vec<Violation> {
        let broken = self.golden.rules.iter().filter(|rule| {
            rule.first == event.label && self.seen.get(&rule.then).is_some_and(|lanes| lanes.contains(lane))
        });
        broken
            .map(|rule| Violation {
                what: What::Late { passed_by: Some(rule.then.clone()) },
                label: event.label.clone(),
                lane: lane.clone(),
            })
            .collect()
    }

    /// The end of the session: explains all that was noted.
    pub fn finish(mut self, ending: &Ending) -> Checked {
        let is_whole = ending.is_whole();
        if is_whole {
            let frame = self.last_frame;
            for violation in self.monitor.missing().into_iter().chain(self.critical()) {
                let (label, lane) = (violation.label.clone(), violation.lane.clone());
                self.violations.push(Note { what: violation, label, lane, frame });
            }
        }
        let findings = explain::explain(&self, ending);
        Checked { findings, events: self.events, is_whole, gaps: self.stopwatch.into_gaps() }
    }
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            key.hash(hasher);
            hash(value, hasher);
        }),
        Value::Array(items) => items.iter().for_each(|item| hash(item, hasher)),
        Value::String(text) => text.hash(hasher),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string().hash(hasher),
    }
}

/// The value of a lane's key in an event, as text; none when the event does not carry it.
pub fn lane_value(golden: &Golden, event: &Event, key: &str) -> Option<String> {
    match event.data.pointer(&golden.lane_pointer(&event.label, key))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Checks a whole transcript.
pub fn check(golden: &Golden, transcript: &Transcript) -> Checked {
    let mut checker = Checker::new(golden);
    for frame in &transcript.frames {
        checker.frame(frame);
    }
    checker.finish(&transcript.ending)
}
