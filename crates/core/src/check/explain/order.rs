//! Faults of the order: what is missing, late, repeated, exclusive or not known.

use super::explainer::{Explainer, MAX_ALIKE, in_lane, times};
use crate::check::evidence::Weight;
use crate::check::notes::Note;
use crate::dialect::{CLOSE, Label};
use crate::document::did_you_mean;
use crate::finding::{Finding, Kind, Severity};
use crate::golden::{Violation, What};
use crate::transcript::{End, Ending};
use std::collections::BTreeSet;

impl Explainer<'_, '_> {
    pub(super) fn order(&mut self, ending: &Ending) {
        let notes = &self.checker.violations.kept;
        let mut used = vec![false; notes.len()];
        self.crowd(notes, &mut used);
        self.strangers(notes, &mut used);
        self.reordered(notes, &mut used);
        // All missing events at one event are one fault: the first is reported, and the others follow.
        let mut index = 0;
        while index < notes.len() {
            let note = &notes[index];
            if used[index] {
                index += 1;
                continue;
            }
            used[index] = true;
            match &note.what.what {
                What::Missing => {
                    let (mut head, mut also) = (note, Vec::new());
                    for (other, used) in notes.iter().zip(&mut used).skip(index + 1) {
                        let same_moment = other.frame == note.frame;
                        let same_event = other.label == note.label;
                        if !*used && other.what.what == What::Missing && (same_moment || same_event) {
                            *used = true;
                            // Messages that the client could not send any more are not the server's fault.
                            if other.label.is_client() && !note.label.is_client() {
                                continue;
                            }
                            // An absent optional part does not hide that the session did not reach its end.
                            let is_worse = self.absent(other).0 > self.absent(head).0;
                            let below = if is_worse { std::mem::replace(&mut head, other) } else { other };
                            also.push(format!("{} is missing{}", below.label, in_lane(below.lane.as_ref())));
                        }
                    }
                    let finding = self.missing(head, also, ending);
                    self.findings.push(finding);
                }
                What::Late { passed_by } => {
                    let passed_by = passed_by.clone();
                    self.late(note, passed_by.as_ref());
                }
                What::Repeated => self.repeated(note),
                What::Exclusive { chosen } => {
                    let (severity, evidence) = self.evidence.novel(self.evidence.recordings());
                    let with =
                        chosen.as_ref().map(|label| format!(" together with {label}")).unwrap_or_default();
                    let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame]);
                    let message = format!("{} came{with}: recordings have one or the other", note.label);
                    self.findings
                        .push(Finding::new(Kind::Exclusive, severity, place, message).evidence(evidence));
                }
                What::Unknown if note.label.as_str() == CLOSE => self.closed(note),
                What::Unknown => {
                    let (severity, evidence) = self.evidence.novel(self.evidence.recordings());
                    let frames: Vec<usize> = notes
                        .iter()
                        .zip(&mut used)
                        .filter(|(other, _)| other.label == note.label)
                        .map(|(other, used)| {
                            *used = true;
                            other.frame
                        })
                        .collect();
                    let times = times(frames.len());
                    let hint = self.near(&note.label);
                    let place = self.place(&note.label, None, None, frames);
                    let message = format!("{} is an event that no recording has{times}", note.label);
                    let mut finding =
                        Finding::new(Kind::UnknownEvent, severity, place, message).evidence(evidence);
                    finding.hint = hint;
                    self.findings.push(finding);
                }
            }
            index += 1;
        }
    }

    /// Only the first few names of unknown events are examined; the others are one finding.
    fn crowd(&mut self, notes: &[Note<Violation>], used: &mut [bool]) {
        let mut names: Vec<&Label> = Vec::new();
        let mut known: BTreeSet<&Label> = BTreeSet::new();
        let mut frames = Vec::new();
        for (note, used) in notes.iter().zip(used) {
            if note.what.what != What::Unknown || note.label.as_str() == CLOSE {
                continue;
            }
            if known.insert(&note.label) {
                names.push(&note.label);
            }
            if known.len() > MAX_ALIKE && !names[..MAX_ALIKE].contains(&&note.label) {
                *used = true;
                frames.push(note.frame);
            }
        }
        let Some((first, _)) = names.get(MAX_ALIKE..).and_then(<[&Label]>::split_first) else { return };
        let others = names.len() - MAX_ALIKE;
        let some: Vec<&str> = names[MAX_ALIKE..].iter().take(3).map(|label| label.as_str()).collect();
        let message = format!(
            "{others} more names of events that no recording has, {} events in all: {}{}",
            frames.len(),
            some.join(", "),
            if others > some.len() { " and so on" } else { "" }
        );
        frames.truncate(MAX_ALIKE);
        let (severity, evidence) = self.evidence.novel(self.evidence.recordings());
        let place = self.place(first, None, None, frames);
        let mut finding = Finding::new(Kind::UnknownEvent, severity, place, message).evidence(evidence);
        finding.hint =
            Some("a name may contain an id or a text; `[dialect] name` says where names are".to_owned());
        self.findings.push(finding);
    }

    /// The likely meaning of an unknown event: another state of its event, or a similar name.
    fn near(&self, label: &Label) -> Option<String> {
        let known = self.checker.golden.order.labels();
        let Some((base, _)) = self.refined(label) else {
            return did_you_mean(label.as_str(), known.iter().map(|label| label.as_str()));
        };
        let is_kin = |own: &&&Label| self.refined(own).is_some_and(|(own, _)| own == base);
        let kin: BTreeSet<&str> = known.iter().filter(is_kin).map(|label| label.as_str()).collect();
        let kin: Vec<&str> = kin.into_iter().collect();
        Some(format!("known: {}", kin.join(", ")))
    }

    /// A connection in the middle of the session that the server ended and no recording has it end.
    fn closed(&mut self, note: &Note<Violation>) {
        let (severity, evidence) = self.evidence.ending();
        let how = self.checker.strangers.get(&note.label);
        let field =
            |key: &str| how.and_then(|how| how.get(key)).map(|value| value.to_string()).unwrap_or_default();
        let (code, reason) = (field("code"), field("reason"));
        let place = self.place(&note.label, None, None, vec![note.frame]);
        let message =
            format!("the server ended a connection with {code} {reason} that it never ended before");
        self.push_or_fold(Finding::new(Kind::Ending, severity, place, message).evidence(evidence));
    }

    /// The weight of a missing event.
    fn absent(&self, note: &Note<Violation>) -> Weight {
        // The server is at fault if it sends before it is asked; a client that sends its next message first is not
        // the server's fault.
        let unasked = self.checker.unasked.get(&note.frame).filter(|_| note.label.is_client());
        match unasked {
            Some(next) if next.is_client() => self.evidence.unsaid(&note.label),
            _ => self.evidence.absent(&note.label, note.lane.is_none()),
        }
    }

    fn missing(&self, note: &Note<Violation>, also: Vec<String>, ending: &Ending) -> Finding {
        let (severity, evidence) = self.absent(note);
        let at_end = note.frame == self.checker.last_frame && !self.checker.monitor.is_complete();
        let lane = in_lane(note.lane.as_ref());
        let exact = self.evidence.exact(&note.label);
        let message = match &ending.how {
            _ if exact
                .is_some_and(|_| self.checker.known(&note.label).is_some_and(|known| known.came > 0)) =>
            {
                format!("one of {} {} is missing{lane}", exact.unwrap_or_default(), note.label)
            }
            End::GaveUp { waited, .. } if at_end => {
                format!("{} is missing{lane}: timed out after waiting {waited}", note.label)
            }
            _ if at_end => format!("{} is missing{lane}: the session ended without it", note.label),
            // The client sends its part; if it did not, the server sent too early.
            _ if note.label.is_client() && self.checker.unasked.contains_key(&note.frame) => {
                format!("{} came{lane} without {}", self.checker.unasked[&note.frame], note.label)
            }
            _ => format!("{} is missing{lane}", note.label),
        };
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame]);
        let mut finding = Finding::new(Kind::Missing, severity, place, message)
            .values(note.label.as_str(), "nothing")
            .evidence(evidence);
        finding.consequences = also;
        finding
    }

    fn late(&mut self, note: &Note<Violation>, passed_by: Option<&Label>) {
        if let Some(twin) = self.checker.duplicates.get(&note.frame) {
            return self.duplicate(note, *twin);
        }
        let (severity, evidence) = self.evidence.order(&note.label, passed_by);
        self.out_of_order(note, passed_by, None, severity, evidence);
    }

    /// An event that came after one that it belongs before; `early` is the frame of that one, where it is known.
    fn out_of_order(
        &mut self,
        note: &Note<Violation>,
        passed_by: Option<&Label>,
        early: Option<usize>,
        severity: Severity,
        evidence: String,
    ) {
        let lane = in_lane(note.lane.as_ref());
        // A client event comes when it is due, so the server was early.
        let (label, message, frames) = match passed_by {
            Some(server) if note.label.is_client() && !server.is_client() => {
                let message = format!("{server} came before {}{lane}: it belongs after", note.label);
                (server, message, [Some(note.frame), early])
            }
            _ => {
                let after = passed_by.map(|label| format!(" after {label}")).unwrap_or_default();
                let message = format!("{} came{after}{lane}: it belongs before", note.label);
                (&note.label, message, [early, Some(note.frame)])
            }
        };
        let place =
            self.place(label, note.lane.as_ref(), None, frames.into_iter().flatten().collect::<Vec<_>>());
        self.push_or_fold(Finding::new(Kind::OutOfOrder, severity, place, message).evidence(evidence));
    }

    fn repeated(&mut self, note: &Note<Violation>) {
        if let Some(twin) = self.checker.duplicates.get(&note.frame) {
            return self.duplicate(note, *twin);
        }
        let (severity, evidence) = self.evidence.repeated(&note.label, false);
        let lane = in_lane(note.lane.as_ref());
        let message = match self.evidence.exact(&note.label) {
            Some(times) => format!("{} came more than {times} times{lane}", note.label),
            None => format!("{} came once too often{lane}", note.label),
        };
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame]);
        self.push_or_fold(Finding::new(Kind::Repeated, severity, place, message).evidence(evidence));
    }

    fn duplicate(&mut self, note: &Note<Violation>, twin: usize) {
        let (severity, evidence) = self.evidence.repeated(&note.label, true);
        let lane = in_lane(note.lane.as_ref());
        let message = format!("{} came twice{lane}: the same payload as frame {twin}", note.label);
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame, twin]);
        self.push_or_fold(Finding::new(Kind::Duplicate, severity, place, message).evidence(evidence));
    }

    /// An event that was missed and then came.
    fn reordered(&mut self, notes: &[Note<Violation>], used: &mut [bool]) {
        for (i, note) in notes.iter().enumerate() {
            let What::Late { passed_by } = &note.what.what else { continue };
            let missed = notes[..i].iter().zip(&used[..i]).position(|(other, used)| {
                !used
                    && other.what.what == What::Missing
                    && other.label == note.label
                    && other.lane == note.lane
            });
            let Some(missed) = missed else { continue };
            used[missed] = true;
            used[i] = true;
            let (severity, evidence) = self.evidence.order(&note.label, passed_by.as_ref());
            let severity =
                severity.max(if self.checker.golden.event(&note.label).is_some_and(|e| e.critical) {
                    Severity::Deviation
                } else {
                    Severity::Suspect
                });
            self.out_of_order(note, passed_by.as_ref(), Some(notes[missed].frame), severity, evidence);
        }
    }
}
