//! The rows of a run.

use super::fold::fold;
use super::row::{Mark, Pace, Row};
use crate::dialect::{Decoder, Dialect, Event, Label, events, refined};
use crate::finding::{Finding, Kind, Place};
use crate::golden::{Causes, Golden, Monitor};
use crate::transcript::{Gap, Transcript};
use std::collections::BTreeMap;

/// The rows of a run. With no findings, everything agrees and only a fold remains.
pub fn rows(golden: &Golden, transcript: &Transcript, findings: &[Finding]) -> Vec<Row> {
    // Decoded twice rather than kept: payloads take several times the room of their text.
    let events = || {
        let mut decoder = Decoder::new(&golden.dialect);
        transcript.frames.iter().flat_map(move |frame| decoder.feed(frame))
    };
    let mut lanes = LaneNumbers::of(golden);
    let mut notes: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    let mut absent: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    let (last, shared) = frames(events());
    for finding in findings {
        match finding.kind {
            Kind::Missing => absent.entry(finding.first_frame().min(last)).or_default().push(finding),
            // The other frame brought the value it is compared with, and is as it should be.
            Kind::Unbound => {
                for frame in finding.place.frames.iter().step_by(2) {
                    notes.entry(*frame).or_default().push(finding);
                }
            }
            _ => {
                for frame in &finding.place.frames {
                    notes.entry(*frame).or_default().push(finding);
                }
            }
        }
    }
    let mut all = Vec::new();
    let mut before = None;
    for event in events() {
        let (lane, pace) = lanes.next(golden, &event);
        let gap = before.map(|at| event.at.since(at));
        before = Some(event.at);
        // What was missed shows before the event that revealed it; at the very end, after it.
        let missed = absent.remove(&event.frame).unwrap_or_default();
        let at_end = event.frame == last;
        let (here, after): (Vec<_>, Vec<_>) = missed.into_iter().partition(|finding| {
            !at_end || !finding.message.contains("session ended") && !finding.message.contains("timed out")
        });
        all.extend(here.into_iter().map(|finding| missing_row(finding, &lanes)));
        let of_frame = notes.get(&event.frame).map_or(&[][..], Vec::as_slice);
        let found = of_frame.iter().copied().find(|finding| is_about(finding, &event, &shared));
        all.push(event_row(&golden.dialect, &event, found, (lane, gap, pace)));
        all.extend(after.into_iter().map(|finding| missing_row(finding, &lanes)));
    }
    for finding in absent.into_values().flatten() {
        all.push(missing_row(finding, &lanes));
    }
    fold(all)
}

/// The last frame with an event, and the events of those frames that have several.
fn frames(events: impl Iterator<Item = Event>) -> (usize, BTreeMap<usize, Vec<Label>>) {
    let mut shared: BTreeMap<usize, Vec<Label>> = BTreeMap::new();
    let mut before: Option<(usize, Label)> = None;
    for event in events {
        if let Some((_, label)) = before.filter(|(frame, _)| *frame == event.frame) {
            shared.entry(event.frame).or_insert_with(|| vec![label]).push(event.label.clone());
        }
        before = Some((event.frame, event.label));
    }
    (before.map_or(0, |(frame, _)| frame), shared)
}

/// Whether what was found in an event's frame is about this event: the one that it names, or the frame's last.
fn is_about(finding: &Finding, event: &Event, shared: &BTreeMap<usize, Vec<Label>>) -> bool {
    let Some(labels) = shared.get(&event.frame) else { return true };
    if labels.contains(&finding.place.event) {
        return finding.place.event == event.label;
    }
    labels.last() == Some(&event.label)
}

/// Follows a session: in which lane every event stands, and how long after its cause it came.
struct LaneNumbers {
    monitor: Monitor,
    causes: Causes,
    known: BTreeMap<(String, String), usize>,
}

impl LaneNumbers {
    fn of(golden: &Golden) -> LaneNumbers {
        let (monitor, causes) = (Monitor::new(&golden.order), Causes::new(&golden.order));
        LaneNumbers { monitor, causes, known: BTreeMap::new() }
    }

    fn next(&mut self, golden: &Golden, event: &Event) -> (usize, Option<Pace>) {
        let keys = |key: &str| crate::check::lane_value(golden, event, key);
        let step = self.monitor.step(&event.label, &keys);
        let pace = self.causes.step(&event.label, &step.lanes, event.at, 0).and_then(|(cause, gap, _)| {
            let envelopes = &golden.event(&event.label)?.timing;
            let envelope = envelopes.iter().find(|envelope| envelope.after == *cause)?;
            Some(Pace { gap, usual: envelope.usual, latest: envelope.latest? })
        });
        step.forgotten.into_iter().for_each(|lane| self.causes.forget(lane));
        let Some(lane) = self.monitor.lanes_of(&event.label, &keys).pop() else { return (0, pace) };
        let next = self.known.len() + 1;
        (*self.known.entry(lane).or_insert(next), pace)
    }
}

fn missing_row(finding: &Finding, lanes: &LaneNumbers) -> Row {
    let lane = finding.place.lane.as_ref().and_then(|lane| lanes.known.get(lane)).copied().unwrap_or(0);
    Row::Event {
        mark: Mark::Missing,
        golden: Some(finding.place.event.to_string()),
        live: None,
        lane,
        gap: None,
        pace: None,
        times: 1,
        note: "missing".to_owned(),
        frame: None,
    }
}

fn event_row(
    dialect: &Dialect,
    event: &Event,
    finding: Option<&Finding>,
    (lane, gap, pace): (usize, Option<Gap>, Option<Pace>),
) -> Row {
    let name = event.label.to_string();
    let (mark, golden, note) = match finding {
        None => (Mark::Same, Some(name.clone()), String::new()),
        Some(finding) => {
            let place = &finding.place;
            let path = place.path.as_deref().unwrap_or_default();
            let note = match (&finding.expected, &finding.actual, finding.kind) {
                (_, _, Kind::Renamed) if name.ends_with(":error") => "an error".to_owned(),
                (_, _, Kind::Renamed) => "renamed?".to_owned(),
                (_, _, Kind::FieldMissing) => format!("{path} missing"),
                (_, _, Kind::FieldNew) => format!("{path} new"),
                (Some(expected), Some(actual), Kind::FieldMoved) => format!("{expected} → {actual}"),
                // The values are those of the first event that it shows in.
                (Some(expected), Some(actual), _)
                    if !path.is_empty() && finding.first_frame() == event.frame =>
                {
                    format!("{path}: {expected} → {actual}")
                }
                (_, _, Kind::Relation | Kind::Unbound) if !path.is_empty() => format!("{path} does not fit"),
                _ if !path.is_empty() => format!("{path} {}", finding.kind.name().replace('-', " ")),
                (_, Some(actual), Kind::TooLate | Kind::TooEarly | Kind::Stall | Kind::OverBudget) => {
                    format!("{actual}, {}", finding.expected.as_deref().unwrap_or_default())
                }
                _ => finding.kind.name().replace('-', " "),
            };
            match finding.kind {
                Kind::UnknownEvent
                | Kind::Repeated
                | Kind::Duplicate
                | Kind::OutOfOrder
                | Kind::Exclusive
                    if is_extra(finding, event.frame) =>
                {
                    (Mark::Extra, None, note)
                }
                Kind::Renamed => (Mark::Changed, finding.expected.clone(), note),
                Kind::UnknownEvent
                | Kind::Repeated
                | Kind::Duplicate
                | Kind::OutOfOrder
                | Kind::Exclusive => (Mark::Same, Some(name.clone()), String::new()),
                // Another state of the same event.
                Kind::FieldMissing | Kind::ValueChanged if says_state(dialect, place) => {
                    (Mark::Changed, Some(place.event.to_string()), note)
                }
                _ => (Mark::Changed, Some(name.clone()), note),
            }
        }
    };
    Row::Event { mark, golden, live: Some(name), lane, gap, pace, times: 1, note, frame: Some(event.frame) }
}

/// Whether a place is where an event says which of its states it is.
fn says_state(dialect: &Dialect, place: &Place) -> bool {
    let state = refined(dialect.refine(), &place.event);
    state.is_some_and(|(_, at, _)| Some(at) == place.path.as_deref())
}

/// Whether this frame is the one too many, and not the earlier one that it is compared with.
fn is_extra(finding: &Finding, frame: usize) -> bool {
    match finding.kind {
        Kind::Duplicate => finding.place.frames.iter().step_by(2).any(|own| *own == frame),
        Kind::OutOfOrder => finding.place.frames.last() == Some(&frame),
        _ => true,
    }
}

/// The whole session as rows without a golden: what `show` prints.
pub fn timeline(golden: Option<&Golden>, transcript: &Transcript) -> Vec<(Event, usize)> {
    let dialect = golden.map_or_else(|| Dialect::detect([transcript]), |golden| golden.dialect.clone());
    let mut lanes = golden.map(LaneNumbers::of);
    events(&dialect, &transcript.frames)
        .into_iter()
        .map(|event| {
            let lane = match (&mut lanes, golden) {
                (Some(lanes), Some(golden)) => lanes.next(golden, &event).0,
                _ => 0,
            };
            (event, lane)
        })
        .collect()
}
