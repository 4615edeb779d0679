//! From what was noted to what happened: one fault, one finding.
//!
//! A missing and an unexpected event with the same fields are one renamed event; a missing and a late one are out of
//! order; two lanes with each other's values are crossed; whatever follows from a finding is folded under it.

use super::binding::Mismatch;
use super::evidence::Evidence;
use super::shape::{Misfit, short};
use super::{Checker, Note};
use crate::dialect::{CLOSE, Label};
use crate::finding::{Finding, Kind, Place, Severity};
use crate::golden::{Fact, Lane, Violation, What};
use crate::transcript::{End, Ending};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn explain(checker: &Checker<'_>, ending: &Ending) -> Vec<Finding> {
    let mut explainer = Explainer { checker, evidence: Evidence::of(checker.golden), findings: Vec::new() };
    explainer.order(ending);
    explainer.shape();
    explainer.binding();
    explainer.ending(ending);
    explainer.arrange()
}

struct Explainer<'c, 'g> {
    checker: &'c Checker<'g>,
    evidence: Evidence<'g>,
    findings: Vec<Finding>,
}

fn in_lane(lane: Option<&Lane>) -> String {
    lane.map(|(key, value)| format!(" in lane {key}={value}")).unwrap_or_default()
}

impl Explainer<'_, '_> {
    /// A place whose golden line is that of the narrowest key the file has.
    fn place(&self, label: &Label, lane: Option<&Lane>, path: Option<&str>, frames: Vec<usize>) -> Place {
        let golden = self.checker.golden;
        let event = format!("event.{label}");
        let shape = path.map(|path| format!("{event}.shape.{path}"));
        let in_order = format!("order.{label}");
        let keys: Vec<&str> = match &shape {
            Some(shape) => vec![shape, &event, &in_order, "order"],
            None => vec![&in_order, "order"],
        };
        Place {
            event: label.clone(),
            lane: lane.cloned(),
            path: path.map(str::to_owned),
            key: shape.clone().unwrap_or_else(|| "order".to_owned()),
            golden_line: golden.place(keys),
            frames,
        }
    }

    fn order(&mut self, ending: &Ending) {
        let notes = &self.checker.violations;
        let mut used = vec![false; notes.len()];
        self.renamed(notes, &mut used);
        self.reordered(notes, &mut used);
        // What is still missing at one and the same event is one fault: the first of it, the others follow.
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
                    let mut also = Vec::new();
                    for (other, used) in notes.iter().zip(&mut used).skip(index + 1) {
                        let same_moment = other.frame == note.frame;
                        let same_event = other.label == note.label;
                        if !*used && other.what.what == What::Missing && (same_moment || same_event) {
                            *used = true;
                            also.push(format!("{} is missing{}", other.label, in_lane(other.lane.as_ref())));
                        }
                    }
                    let finding = self.missing(note, also, ending);
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
                    let times =
                        if frames.len() > 1 { format!(", {} times", frames.len()) } else { String::new() };
                    let known = self.checker.golden.order.labels();
                    let near =
                        crate::golden::did_you_mean(note.label.as_str(), known.iter().map(|l| l.as_str()));
                    let place = self.place(&note.label, None, None, frames);
                    let message = format!("{} is an event that no recording has{times}", note.label);
                    let mut finding =
                        Finding::new(Kind::UnknownEvent, severity, place, message).evidence(evidence);
                    finding.hint = near;
                    self.findings.push(finding);
                }
            }
            index += 1;
        }
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

    fn missing(&self, note: &Note<Violation>, also: Vec<String>, ending: &Ending) -> Finding {
        let (severity, evidence) = self.evidence.missing(&note.label);
        let at_end = note.frame == self.checker.last_frame && !self.checker.monitor.is_complete();
        let lane = in_lane(note.lane.as_ref());
        let message = match &ending.how {
            End::GaveUp { waited, .. } if at_end => {
                format!("{} is missing{lane}: timed out after waiting {waited}", note.label)
            }
            _ if at_end => format!("{} is missing{lane}: the session ended without it", note.label),
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
        if let Some(twin) = self.checker.twins.get(&note.frame) {
            return self.duplicate(note, *twin);
        }
        let (severity, evidence) = self.evidence.order(&note.label, passed_by);
        let after = passed_by.map(|label| format!(" after {label}")).unwrap_or_default();
        let message = format!("{} came{after}{}: it belongs before", note.label, in_lane(note.lane.as_ref()));
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame]);
        let finding = Finding::new(Kind::OutOfOrder, severity, place, message).evidence(evidence);
        self.push_or_fold(finding);
    }

    fn repeated(&mut self, note: &Note<Violation>) {
        if let Some(twin) = self.checker.twins.get(&note.frame) {
            return self.duplicate(note, *twin);
        }
        let (severity, evidence) = self.evidence.repeated(&note.label);
        let message = format!("{} came once too often{}", note.label, in_lane(note.lane.as_ref()));
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame]);
        self.push_or_fold(Finding::new(Kind::Repeated, severity, place, message).evidence(evidence));
    }

    fn duplicate(&mut self, note: &Note<Violation>, twin: usize) {
        let (severity, evidence) = self.evidence.repeated(&note.label);
        let lane = in_lane(note.lane.as_ref());
        let message = format!("{} came twice{lane}: the same payload as frame {twin}", note.label);
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame, twin]);
        self.push_or_fold(Finding::new(Kind::Duplicate, severity, place, message).evidence(evidence));
    }

    /// The same fault of the same event a second time is said under the first.
    fn push_or_fold(&mut self, finding: Finding) {
        let first = self.findings.iter_mut().find(|known| {
            let duplicates = known.kind == Kind::Duplicate && finding.kind == Kind::Duplicate;
            known.kind == finding.kind
                && (duplicates || known.place.event == finding.place.event)
                && known.place.path == finding.place.path
        });
        match first {
            Some(known) => {
                known.place.frames.extend(&finding.place.frames);
                known.consequences.push(finding.message);
                known.severity = known.severity.max(finding.severity);
            }
            None => self.findings.push(finding),
        }
    }

    /// An event that is missing, and a stranger that looks like it and came as often.
    fn renamed(&mut self, notes: &[Note<Violation>], used: &mut [bool]) {
        let strangers: BTreeSet<&Label> =
            notes.iter().filter(|note| note.what.what == What::Unknown).map(|note| &note.label).collect();
        for stranger in strangers {
            let Some(payload) = self.checker.strangers.get(stranger) else { continue };
            let absent: BTreeSet<&Label> = notes
                .iter()
                .zip(&*used)
                .filter(|(note, used)| !**used && note.what.what == What::Missing)
                .map(|(note, _)| &note.label)
                .filter(|label| label.side() == stranger.side())
                .collect();
            let best = absent
                .into_iter()
                .map(|label| (self.likeness(label, payload), label))
                .filter(|(likeness, _)| *likeness >= 0.6)
                .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
            let Some((_, label)) = best.map(|(likeness, label)| (likeness, label.clone())) else { continue };
            let is_part = |note: &Note<Violation>| {
                (note.label == label && note.what.what == What::Missing) || note.label == *stranger
            };
            let frames: Vec<usize> =
                notes.iter().filter(|note| note.label == *stranger).map(|note| note.frame).collect();
            for (note, used) in notes.iter().zip(&mut *used) {
                *used |= is_part(note);
            }
            let (severity, evidence) = self.evidence.missing(&label);
            let times = frames.len();
            let place = self.place(&label, None, None, frames);
            let message = format!("{label} is missing and {stranger} is new: renamed?");
            let finding = Finding::new(Kind::Renamed, severity, place, message)
                .values(label.as_str(), stranger.as_str())
                .evidence(format!("{evidence}; {stranger} came {times} times with the same fields"));
            self.findings.push(finding);
        }
    }

    /// How much of an event's shape a payload has, from 0 to 1.
    fn likeness(&self, label: &Label, payload: &Value) -> f64 {
        let Some(event) = self.checker.golden.event(label) else { return 0.0 };
        let top = |path: &str| path.matches('/').count() == 1;
        let known: BTreeSet<&str> =
            event.shape.iter().map(|(path, _)| path.pattern.as_str()).filter(|path| top(path)).collect();
        let own: BTreeSet<String> = payload
            .as_object()
            .map(|map| map.keys().map(|key| crate::dialect::pointer([key.as_str()])).collect())
            .unwrap_or_default();
        if known.is_empty() || own.is_empty() {
            return 0.0;
        }
        let shared = own.iter().filter(|path| known.contains(path.as_str())).count();
        #[expect(clippy::cast_precision_loss, reason = "numbers of fields are small")]
        let likeness = 2.0 * shared as f64 / (known.len() + own.len()) as f64;
        likeness
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
            let after = passed_by.as_ref().map(|label| format!(" after {label}")).unwrap_or_default();
            let message =
                format!("{} came{after}{}: it belongs before", note.label, in_lane(note.lane.as_ref()));
            let place =
                self.place(&note.label, note.lane.as_ref(), None, vec![notes[missed].frame, note.frame]);
            let finding = Finding::new(Kind::OutOfOrder, severity, place, message).evidence(evidence);
            self.push_or_fold(finding);
        }
    }

    fn shape(&mut self) {
        let notes = &self.checker.misfits;
        let mut done: BTreeSet<(&Label, &str, &str)> = BTreeSet::new();
        let moved = self.moved(notes);
        for note in notes {
            let misfit = &note.what;
            if !done.insert((&note.label, &misfit.pattern, misfit.kind.name())) {
                continue;
            }
            let is_part_of_move = moved.iter().any(|(label, from, to)| {
                *label == note.label
                    && (misfit.pattern == *from
                        || *to == misfit.pattern
                        || to.starts_with(&format!("{}/", misfit.pattern)))
            });
            if is_part_of_move {
                continue;
            }
            let frames: Vec<usize> = notes
                .iter()
                .filter(|other| {
                    other.label == note.label
                        && other.what.pattern == misfit.pattern
                        && other.what.kind == misfit.kind
                })
                .map(|other| other.frame)
                .collect();
            let finding = self.misfit(note, misfit, frames);
            self.findings.push(finding);
        }
        for (label, from, to) in moved {
            let frames: Vec<usize> = notes
                .iter()
                .filter(|n| n.label == label && n.what.pattern == from)
                .map(|n| n.frame)
                .collect();
            let (severity, evidence) = self.evidence.field(&label, None);
            let place = self.place(&label, None, Some(&from), frames);
            let message = format!("{label}{from} is missing and {label}{to} is new: moved?");
            let finding =
                Finding::new(Kind::FieldMoved, severity, place, message).values(from, to).evidence(evidence);
            self.findings.push(finding);
        }
    }

    fn misfit(&self, note: &Note<Misfit>, misfit: &Misfit, frames: Vec<usize>) -> Finding {
        let (label, samples) = (&note.label, misfit.samples);
        let path = &misfit.pattern;
        let (severity, evidence) = match misfit.kind {
            _ if misfit.novel => self.evidence.novel(self.evidence.recordings()),
            Kind::FieldMissing => self.evidence.field(label, samples),
            Kind::ValueChanged => self.evidence.constant(label, samples),
            _ => self.evidence.json_type(label, samples),
        };
        let times = if frames.len() > 1 { format!(", {} times", frames.len()) } else { String::new() };
        let message = match misfit.kind {
            Kind::FieldMissing => format!("{label}{path} is missing{times}"),
            Kind::FieldNew => format!("{label}{path} is a field that no recording has{times}"),
            Kind::ValueChanged => format!("{label}{path} is another value{times}"),
            Kind::FormatChanged => format!("{label}{path} is written in another format{times}"),
            _ => {
                let now = misfit.actual.split(' ').next().unwrap_or_default();
                format!("{label}{path} changed its type: {} → {now}{times}", misfit.expected)
            }
        };
        let place = self.place(label, note.lane.as_ref(), Some(path), frames);
        Finding::new(misfit.kind, severity, place, message)
            .values(misfit.expected.as_str(), misfit.actual.as_str())
            .evidence(evidence)
    }

    /// Fields that are missing at one path and new at another, under the same name: event, old path, new path.
    fn moved(&self, notes: &[Note<Misfit>]) -> Vec<(Label, String, String)> {
        let mut moved: Vec<(Label, String, String)> = Vec::new();
        for gone in notes.iter().filter(|note| note.what.kind == Kind::FieldMissing) {
            let key = gone.what.pattern.rsplit('/').next().unwrap_or_default();
            let payload = self.checker.oddities.get(&gone.label);
            let news = notes
                .iter()
                .filter(|note| note.what.kind == Kind::FieldNew && note.label == gone.label)
                .map(|note| note.what.pattern.as_str());
            let target = news.into_iter().find_map(|new| {
                let inside = payload?.pointer(new)?;
                let below = find_key(inside, key).map(|below| format!("{new}{below}"));
                below.or_else(|| new.ends_with(&format!("/{key}")).then(|| new.to_owned()))
            });
            let known =
                moved.iter().any(|(label, from, _)| *label == gone.label && *from == gone.what.pattern);
            if let (Some(to), false) = (target, known) {
                moved.push((gone.label.clone(), gone.what.pattern.clone(), to));
            }
        }
        moved
    }

    fn binding(&mut self) {
        let notes = &self.checker.mismatches;
        let crossed = self.crossed(notes);
        for (i, note) in notes.iter().enumerate() {
            let mismatch = &note.what;
            if crossed.contains(&i) {
                continue;
            }
            if let (Kind::Relation, Some(twin)) = (mismatch.kind, self.checker.twins.get(&note.frame)) {
                self.duplicate_value(note, *twin);
                continue;
            }
            let (severity, evidence) = self.evidence.field(&note.label, None);
            let lane = in_lane(note.lane.as_ref());
            let path = &mismatch.pattern;
            let message = match (&mismatch.fact, mismatch.kind) {
                (Fact::Counter, _) => {
                    format!("{}{path} does not count on{lane}: events are lost or out of order", note.label)
                }
                (fact, Kind::Relation) => format!("{}{path} does not fit: it is {fact}{lane}", note.label),
                (fact, _) => format!("{}{path} is not the {fact}{lane}", note.label),
            };
            let mut frames = vec![note.frame];
            frames.extend(mismatch.source_frame);
            let place = self.place(&note.label, note.lane.as_ref(), Some(path), frames);
            let finding = Finding::new(mismatch.kind, severity, place, message)
                .values(short(&mismatch.expected), short(&mismatch.actual))
                .evidence(evidence);
            self.push_or_fold(finding);
        }
    }

    fn duplicate_value(&mut self, note: &Note<Mismatch>, twin: usize) {
        let (severity, evidence) = self.evidence.field(&note.label, None);
        let lane = in_lane(note.lane.as_ref());
        let message = format!("{} came twice{lane}: the same payload as frame {twin}", note.label);
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame, twin]);
        self.push_or_fold(Finding::new(Kind::Duplicate, severity, place, message).evidence(evidence));
    }

    /// Finds lanes that carry each other's values; says which notes that explains.
    fn crossed(&mut self, notes: &[Note<Mismatch>]) -> BTreeSet<usize> {
        let mut explained = BTreeSet::new();
        for (i, a) in notes.iter().enumerate() {
            for (j, b) in notes.iter().enumerate().skip(i + 1) {
                let swapped = a.label == b.label
                    && a.what.pattern == b.what.pattern
                    && a.lane.is_some()
                    && a.lane != b.lane
                    && a.what.expected == b.what.actual
                    && b.what.expected == a.what.actual;
                if explained.contains(&i) || explained.contains(&j) || !swapped {
                    continue;
                }
                // Everything else that these two lanes' events get wrong has the same cause.
                for (k, note) in notes.iter().enumerate() {
                    if note.label == a.label && (note.lane == a.lane || note.lane == b.lane) {
                        explained.insert(k);
                    }
                }
                let (severity, evidence) = self.evidence.field(&a.label, None);
                let (Some((key, one)), Some((_, other))) = (&a.lane, &b.lane) else { continue };
                let message = format!(
                    "lanes crossed: {} of {key}={one} carries what belongs to {key}={other}, and the other way round",
                    a.label
                );
                let place =
                    self.place(&a.label, a.lane.as_ref(), Some(&a.what.pattern), vec![a.frame, b.frame]);
                let finding = Finding::new(Kind::LanesCrossed, severity, place, message)
                    .values(short(&a.what.expected), short(&a.what.actual))
                    .evidence(evidence);
                self.push_or_fold(finding);
            }
        }
        explained
    }

    fn ending(&mut self, ending: &Ending) {
        let golden = self.checker.golden;
        let label = ending.label();
        let wanted = golden.ends.join(" or ");
        if golden.ends.contains(&label) || !ending.is_whole() {
            return;
        }
        let (severity, evidence) = self.evidence.ending();
        let what = match &ending.how {
            End::Closed { reason, .. } if !reason.is_empty() => format!("{label} ({reason})"),
            End::Dropped { detail } => format!("{label} ({detail})"),
            End::GaveUp { waiting_for, waited } => {
                let due = waiting_for.join(" or ");
                format!("gave up after waiting {waited} for {due}")
            }
            _ => label.clone(),
        };
        let message = format!("the session ended with {what}, not with {wanted}");
        // An end that cut off what was to come, or a wait in vain, is said under what is missing.
        let at_end = self.findings.iter_mut().find(|finding| {
            finding.kind == Kind::Missing && finding.place.frames.contains(&self.checker.last_frame)
        });
        if let (Some(finding), End::GaveUp { .. }) = (at_end, &ending.how) {
            finding.consequences.push(message);
            return;
        }
        let place = Place {
            event: Label::from("@end"),
            lane: None,
            path: None,
            key: "ends".to_owned(),
            golden_line: golden.place(["ends", "order"]),
            frames: vec![self.checker.last_frame],
        };
        let finding =
            Finding::new(Kind::Ending, severity, place, message).values(wanted, what).evidence(evidence);
        self.findings.push(finding);
    }

    /// Deviations before suspects, earlier before later; what follows from a cause is put under it.
    fn arrange(mut self) -> Vec<Finding> {
        // A connection that was cut is why nothing more came, not the other way round.
        let rank = |kind: Kind| if kind == Kind::Ending { 0 } else { 1 };
        self.findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.first_frame(), rank(f.kind), f.kind));
        let mut causes: Vec<Finding> = Vec::new();
        for finding in self.findings {
            let cause = causes.iter_mut().find(|cause| follows(&finding, cause, self.checker));
            match cause {
                Some(cause) => {
                    cause.consequences.push(finding.message);
                    cause.consequences.extend(finding.consequences);
                }
                None => causes.push(finding),
            }
        }
        causes
    }
}

/// Whether `finding` would not be there without `cause`: a count or a sum over an event that is missing, renamed or
/// came twice; anything about an event that was itself found to be out of place.
fn follows(finding: &Finding, cause: &Finding, checker: &Checker<'_>) -> bool {
    let about = |label: &Label| cause.place.event == *label;
    let same_value = finding.place.event == cause.place.event && finding.place.path == cause.place.path;
    let leaf =
        |place: &Place| place.path.as_ref().and_then(|path| path.rsplit('/').next().map(str::to_owned));
    let is_gap_in_counter = cause.kind == Kind::Relation && cause.message.contains("does not count on");
    let changed_events = matches!(
        cause.kind,
        Kind::Missing | Kind::Renamed | Kind::Repeated | Kind::Duplicate | Kind::OutOfOrder
    );
    match finding.kind {
        Kind::Relation | Kind::Unbound if same_value && cause.kind.family() == "shape" => true,
        // The same id is written in another way wherever it stands.
        Kind::FormatChanged => {
            cause.kind == Kind::FormatChanged && leaf(&finding.place) == leaf(&cause.place)
        }
        Kind::Missing if cause.kind == Kind::Ending => finding.message.contains("session ended"),
        Kind::Relation | Kind::Unbound if changed_events || is_gap_in_counter => {
            let Some(path) = &finding.place.path else { return false };
            let facts = checker
                .golden
                .event(&finding.place.event)
                .into_iter()
                .flat_map(|event| &event.shape)
                .filter(|(own, _)| own.pattern == *path)
                .flat_map(|(_, rule)| &rule.facts);
            let mut facts = facts.peekable();
            cause.kind == Kind::Duplicate && facts.peek().is_some()
                || facts.any(|fact| match fact {
                    Fact::Counts(label) => about(label),
                    Fact::Joins(source) | Fact::SameAs(source) => about(&source.label),
                    Fact::Counter => about(&finding.place.event),
                    Fact::EchoOf(_) | Fact::Constant | Fact::Unique => false,
                })
        }
        Kind::Ending => cause.kind == Kind::Ending,
        // The events of a lane that never began, or that follow one that came at the wrong time.
        Kind::Missing | Kind::OutOfOrder if cause.kind == Kind::OutOfOrder => {
            finding.place.lane.is_some() && finding.place.lane == cause.place.lane
        }
        _ => false,
    }
}

/// The pointer below `value` to the first field called `key`.
fn find_key(value: &Value, key: &str) -> Option<String> {
    let map = value.as_object()?;
    if map.keys().any(|own| crate::dialect::pointer([own.as_str()]) == format!("/{key}")) {
        return Some(format!("/{key}"));
    }
    map.iter().find_map(|(own, inner)| {
        find_key(inner, key).map(|below| format!("{}{below}", crate::dialect::pointer([own.as_str()])))
    })
}
