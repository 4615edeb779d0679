//! Expected beside actual: a run and its findings as rows, without colour.
//!
//! A [`Row`] has what the golden wants on the left and what came on the right; rows that agree carry no mark. Long
//! agreements are folded, repetitions counted. `report` decides how rows look.

use crate::dialect::{Decoder, Dialect, Event, Label, events};
use crate::finding::{Finding, Kind, Place};
use crate::golden::{Golden, Monitor};
use crate::transcript::{Gap, Transcript};
use std::collections::{BTreeMap, BTreeSet};

/// How a row deviates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does not.
    Same,
    /// The golden wants something that did not come.
    Missing,
    /// Something came that the golden does not want there.
    Extra,
    /// It came, but with another payload, name or time.
    Changed,
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// An event.
    Event {
        /// How it deviates.
        mark: Mark,
        /// What the golden wants here, if anything.
        golden: Option<String>,
        /// What came, if anything.
        live: Option<String>,
        /// Which of the session's lanes it stands in, counted from 1; 0 outside of all.
        lane: usize,
        /// The time since the event before.
        gap: Option<Gap>,
        /// How often it came in a row, in the same way.
        times: usize,
        /// What is wrong with it, in a few words.
        note: String,
        /// The frame in the transcript, counted from 0.
        frame: Option<usize>,
    },
    /// So many events that agree were left out.
    Folded(usize),
}

/// How many agreeing rows are kept before and after a deviation.
const CONTEXT: usize = 2;

/// The rows of a run. With no findings, everything agrees and only a fold remains.
pub fn rows(golden: &Golden, transcript: &Transcript, findings: &[Finding]) -> Vec<Row> {
    // Decoded twice rather than kept: payloads take several times the room of their text.
    let events = || {
        let mut decoder = Decoder::new(&golden.dialect);
        transcript.frames.iter().flat_map(move |frame| decoder.feed(frame))
    };
    let mut lanes = LaneNumbers { monitor: Monitor::new(&golden.order), known: BTreeMap::new() };
    let mut notes: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    let mut absent: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    let last = events().last().map_or(0, |event| event.frame);
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
        let lane = lanes.of(golden, &event);
        let gap = before.map(|at| event.at.since(at));
        before = Some(event.at);
        // What was missed shows before the event that revealed it; at the very end, after it.
        let missed = absent.remove(&event.frame).unwrap_or_default();
        let at_end = event.frame == last;
        let (here, after): (Vec<_>, Vec<_>) = missed.into_iter().partition(|finding| {
            !at_end || !finding.message.contains("session ended") && !finding.message.contains("timed out")
        });
        all.extend(here.into_iter().map(|finding| missing_row(finding, &lanes)));
        all.push(event_row(&golden.dialect, &event, notes.get(&event.frame), lane, gap));
        all.extend(after.into_iter().map(|finding| missing_row(finding, &lanes)));
    }
    for finding in absent.into_values().flatten() {
        all.push(missing_row(finding, &lanes));
    }
    fold(all)
}

struct LaneNumbers {
    monitor: Monitor,
    known: BTreeMap<(String, String), usize>,
}

impl LaneNumbers {
    fn of(&mut self, golden: &Golden, event: &Event) -> usize {
        let keys = |key: &str| crate::check::lane_value(golden, event, key);
        self.monitor.feed(&event.label, &keys);
        let Some(lane) = self.monitor.lanes_of(&event.label, &keys).pop() else { return 0 };
        let next = self.known.len() + 1;
        *self.known.entry(lane).or_insert(next)
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
        times: 1,
        note: "missing".to_owned(),
        frame: None,
    }
}

fn event_row(
    dialect: &Dialect,
    event: &Event,
    findings: Option<&Vec<&Finding>>,
    lane: usize,
    gap: Option<Gap>,
) -> Row {
    let name = event.label.to_string();
    let finding = findings.and_then(|findings| findings.first());
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
                (_, Some(actual), Kind::TooLate | Kind::TooEarly | Kind::Stall) => {
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
    Row::Event { mark, golden, live: Some(name), lane, gap, times: 1, note, frame: Some(event.frame) }
}

/// Whether a place is where an event says which of its states it is.
fn says_state(dialect: &Dialect, place: &Place) -> bool {
    let label = place.event.as_str();
    let base = label.split_once('[').map_or(label, |(base, _)| base);
    let state = dialect.refine().get(&Label::from(base));
    state.is_some() && state == place.path.as_ref()
}

/// Whether this frame is the one too many, and not the earlier one that it is compared with.
fn is_extra(finding: &Finding, frame: usize) -> bool {
    match finding.kind {
        Kind::Duplicate => finding.place.frames.iter().step_by(2).any(|own| *own == frame),
        Kind::OutOfOrder => finding.place.frames.last() == Some(&frame),
        _ => true,
    }
}

fn fold(rows: Vec<Row>) -> Vec<Row> {
    let is_same = |row: &Row| matches!(row, Row::Event { mark: Mark::Same, .. });
    let mut counted: Vec<Row> = Vec::new();
    for row in rows {
        if let (
            Some(Row::Event { mark: last_mark, live: last, lane: last_lane, note: last_note, times, .. }),
            Row::Event { mark: mark @ (Mark::Same | Mark::Changed), live, lane, note, .. },
        ) = (counted.last_mut(), &row)
        {
            if (mark, live, lane, note) == (&*last_mark, &*last, &*last_lane, &*last_note) {
                *times += 1;
                continue;
            }
        }
        counted.push(row);
    }
    let keep: BTreeSet<usize> = counted
        .iter()
        .enumerate()
        .filter(|(_, row)| !is_same(row))
        .flat_map(|(i, _)| i.saturating_sub(CONTEXT)..=i + CONTEXT)
        .collect();
    let mut out = Vec::new();
    let mut left_out = 0;
    for (i, row) in counted.into_iter().enumerate() {
        if keep.contains(&i) {
            if left_out > 0 {
                out.push(Row::Folded(left_out));
                left_out = 0;
            }
            out.push(row);
        } else if let Row::Event { times, .. } = row {
            left_out += times;
        }
    }
    if left_out > 0 {
        out.push(Row::Folded(left_out));
    }
    out
}

/// The whole session as rows without a golden: what `show` prints.
pub fn timeline(golden: Option<&Golden>, transcript: &Transcript) -> Vec<(Event, usize)> {
    let by_itself = || Dialect::at(&transcript.header.url);
    let dialect = golden.map_or_else(by_itself, |golden| golden.dialect.clone());
    let mut lanes =
        golden.map(|golden| LaneNumbers { monitor: Monitor::new(&golden.order), known: BTreeMap::new() });
    events(&dialect, &transcript.frames)
        .into_iter()
        .map(|event| {
            let lane = match (&mut lanes, golden) {
                (Some(lanes), Some(golden)) => lanes.of(golden, &event),
                _ => 0,
            };
            (event, lane)
        })
        .collect()
}

/// Two texts as a unified diff with three lines of context; empty when they are equal.
pub fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header(old_name, new_name).to_string()
}
