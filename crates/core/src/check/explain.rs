//! From what was noted to what happened: one fault, one finding.
//!
//! A missing and an unexpected event with the same fields are one renamed event; a missing and a late one are out of
//! order; two lanes with each other's values are crossed; whatever follows from a finding is folded under it.

use super::binding::Mismatch;
use super::evidence::{Evidence, Weight};
use super::shape::{Misfit, short};
use super::{Checker, Note};
use crate::dialect::{CLOSE, Label};
use crate::document::did_you_mean;
use crate::finding::{Finding, Kind, Place, Severity};
use crate::golden::{Chain, Fact, Lane, Rule, Source, Violation, What, Whole, path_step};
use crate::transcript::{End, Ending};
use crate::words::often;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A field that is missing and one that is new in so many events, always together, are one under another name.
const RENAMED: usize = 3;

pub(super) fn explain(checker: &Checker<'_>, ending: &Ending) -> Vec<Finding> {
    let mut explainer = Explainer { checker, evidence: Evidence::of(checker.golden), findings: Vec::new() };
    explainer.order(ending);
    explainer.answers();
    explainer.shape();
    explainer.binding();
    explainer.totals();
    explainer.ending(ending);
    explainer.arrange()
}

pub(super) struct Explainer<'c, 'g> {
    pub(super) checker: &'c Checker<'g>,
    pub(super) evidence: Evidence<'g>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn in_lane(lane: Option<&Lane>) -> String {
    lane.map(|(key, value)| format!(" in lane {key}={value}")).unwrap_or_default()
}

/// `, 3 times`; nothing for one.
pub(super) fn times(count: usize) -> String {
    if count > 1 { format!(", {count} times") } else { String::new() }
}

/// A path in an event, as the golden writes it: `"re:tools/call"/id`.
pub(super) fn at(label: &Label, path: &str) -> String {
    Source { label: label.clone(), path: path.to_owned() }.to_string()
}

impl Explainer<'_, '_> {
    /// A place whose golden line is that of the narrowest key the file has.
    pub(super) fn place(
        &self,
        label: &Label,
        lane: Option<&Lane>,
        path: Option<&str>,
        frames: Vec<usize>,
    ) -> Place {
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
        let notes = &self.checker.violations.kept;
        let mut used = vec![false; notes.len()];
        self.crowd(notes, &mut used);
        self.strangers(notes, &mut used);
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
                    let (mut head, mut also) = (note, Vec::new());
                    for (other, used) in notes.iter().zip(&mut used).skip(index + 1) {
                        let same_moment = other.frame == note.frame;
                        let same_event = other.label == note.label;
                        if !*used && other.what.what == What::Missing && (same_moment || same_event) {
                            *used = true;
                            // What the client could not say any more is none of the server's faults.
                            if other.label.is_client() && !note.label.is_client() {
                                continue;
                            }
                            // A part that may stay away does not hide that the session never came to its end.
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

    /// Of events that no recording has only the first few names are looked into; the others are one finding.
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
            Some("does a name hold an id or a text? `[dialect] name` says where names stand".to_owned());
        self.findings.push(finding);
    }

    /// What an unknown event may have been meant to be: another state of its event, or a name that looks like its own.
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

    /// How sure it is that what is missing should have come.
    fn absent(&self, note: &Note<Violation>) -> Weight {
        // The server that speaks before it is asked is at fault; a client that says the next thing first is not its fault.
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
            // The client says its part; if it did not, it was the server that spoke unasked.
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
        if let Some(twin) = self.checker.twins.get(&note.frame) {
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
        // What the client says comes when it is due: it was the server that was early.
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
        if let Some(twin) = self.checker.twins.get(&note.frame) {
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

    /// The same fault of the same event a second time is said under the first.
    pub(super) fn push_or_fold(&mut self, finding: Finding) {
        let first = self.findings.iter_mut().find(|known| {
            let duplicates = known.kind == Kind::Duplicate && finding.kind == Kind::Duplicate;
            known.kind == finding.kind
                && (duplicates || known.place.event == finding.place.event)
                && known.place.path == finding.place.path
        });
        match first {
            Some(known) => {
                known.place.frames.extend(&finding.place.frames);
                if finding.severity > known.severity {
                    known.severity = finding.severity;
                    known.evidence = finding.evidence;
                }
                add(known, finding.message);
            }
            None => self.findings.push(finding),
        }
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

    fn shape(&mut self) {
        let notes = &self.checker.misfits.kept;
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
            let what = if parent(&from) == parent(&to) { "renamed" } else { "moved" };
            let message = format!("{} is missing and {} is new: {what}?", at(&label, &from), at(&label, &to));
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
            Kind::ValueChanged if is_outcome(path, &misfit.expected) => self.evidence.outcome(label, samples),
            Kind::ValueChanged => self.evidence.constant(label, samples),
            // What was always null had no value so far; the first one is another value, and no other type.
            Kind::TypeChanged if misfit.expected == "null" => self.evidence.outcome(label, samples),
            Kind::FormatChanged if misfit.actual == "\"\"" => self.evidence.field(label, samples),
            _ => self.evidence.json_type(label, samples),
        };
        let (at, times) = (at(label, path), times(frames.len()));
        let message = match misfit.kind {
            Kind::FieldMissing => format!("{at} is missing{times}"),
            Kind::FieldNew => format!("{at} is a field that no recording has{times}"),
            Kind::ValueChanged if misfit.novel => format!("{at} is a value that no recording has{times}"),
            Kind::ValueChanged => format!("{at} is another value{times}"),
            Kind::FormatChanged if misfit.actual == "\"\"" => format!("{at} is empty{times}"),
            Kind::FormatChanged => format!("{at} is written in another format{times}"),
            _ => {
                let now = misfit.actual.split(' ').next().unwrap_or_default();
                format!("{at} changed its type: {} → {now}{times}", misfit.expected)
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
            let target = news.clone().find_map(|new| {
                let inside = payload?.pointer(new)?;
                let below = find_key(inside, key).map(|below| format!("{new}{below}"));
                below.or_else(|| new.ends_with(&format!("/{key}")).then(|| new.to_owned()))
            });
            let target = target.or_else(|| {
                news.into_iter().find(|new| self.has_renamed(notes, gone, new)).map(str::to_owned)
            });
            let known =
                moved.iter().any(|(label, from, _)| *label == gone.label && *from == gone.what.pattern);
            if let (Some(to), false) = (target, known) {
                moved.push((gone.label.clone(), gone.what.pattern.clone(), to));
            }
        }
        moved
    }

    /// Whether a field is new beside one that is missing, says something like it, and has a name like it or comes
    /// instead of it often enough for that to be no accident.
    fn has_renamed(&self, notes: &[Note<Misfit>], gone: &Note<Misfit>, new: &str) -> bool {
        let old = gone.what.pattern.as_str();
        let frames = |path: &str| -> Vec<usize> {
            let own = notes.iter().filter(|note| note.label == gone.label && note.what.pattern == path);
            own.map(|note| note.frame).collect()
        };
        let leaf = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
        let (old_name, new_name) = (leaf(old), leaf(new));
        let is_like = old_name.contains(&new_name)
            || new_name.contains(&old_name)
            || did_you_mean(&new_name, [old_name.as_str()]).is_some();
        let event = self.checker.golden.event(&gone.label);
        let value = self.checker.oddities.get(&gone.label).and_then(|payload| payload.pointer(new));
        let rule = event.and_then(|event| event.shape.iter().find(|(path, _)| path.pattern == old));
        let fits = rule.zip(value).is_some_and(|((_, rule), value)| rule.types.iter().any(|t| t.fits(value)));
        let old_frames = frames(old);
        parent(old) == parent(new)
            && fits
            && old_frames == frames(new)
            && (is_like || old_frames.len() >= RENAMED)
    }

    fn binding(&mut self) {
        let notes = &self.checker.mismatches.kept;
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
            let (severity, evidence) =
                self.evidence.fact(&note.label, path_rule(self.checker, note), &note.what.fact);
            let lane = in_lane(note.lane.as_ref());
            let path = &mismatch.pattern;
            let at = at(&note.label, path);
            let message = match &mismatch.fact {
                Fact::Follows(Chain { path, any, .. }) => {
                    let before = if *any { "the event" } else { "the one" };
                    format!(
                        "{at} does not follow {path} of {before} before{lane}: events are lost or out of order"
                    )
                }
                Fact::Reaches(goal) => format!("{at} ends short of {goal}{lane}: the last events are lost"),
                Fact::Grows { .. } => format!("{at} does not grow{lane}: events are out of order"),
                Fact::Unique if path.is_empty() => format!("{} came twice, word for word", note.label),
                Fact::Counter { .. } => {
                    format!("{at} does not count on{lane}: events are lost or out of order")
                }
                Fact::Counts(label) => format!("{at} is not the number of {label} events{lane}"),
                Fact::Joins(source) => format!("{at} is not all of {source} put together{lane}"),
                Fact::Gathers(Whole { of, own, .. }) => {
                    format!("{at} is not all of {of} put together for the same {own}")
                }
                Fact::Constant => format!("{at} has changed within the session"),
                Fact::Unique => format!("{at} came before in this session"),
                fact @ (Fact::SameAs(_) | Fact::EchoOf(_)) => format!("{at} is not the {fact}{lane}"),
            };
            let mut frames = vec![note.frame];
            frames.extend(mismatch.source_frame);
            let place = self.place(&note.label, note.lane.as_ref(), Some(path), frames);
            let (expected, actual) = short_pair(&mismatch.expected, &mismatch.actual);
            let finding = Finding::new(mismatch.kind, severity, place, message)
                .values(expected, actual)
                .evidence(evidence);
            self.push_or_fold(finding);
        }
    }

    fn duplicate_value(&mut self, note: &Note<Mismatch>, twin: usize) {
        let (severity, evidence) =
            self.evidence.fact(&note.label, path_rule(self.checker, note), &note.what.fact);
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

    /// Events of which a session has another number than all recordings: one fault, said of the first, unless something else is
    /// known to be wrong with it.
    fn totals(&mut self) {
        let mut all = self.checker.totals.iter().map(|(label, total)| {
            let came = self.checker.known(label).map_or(0, |known| known.came);
            let message = format!(
                "{label} came {} in the session, and {} in every recording",
                often(came),
                often(*total)
            );
            (label, *total, came, message)
        });
        let Some((label, total, came, message)) = all.next() else { return };
        let also: Vec<String> = all.map(|(.., message)| message).collect();
        let known = |finding: &&mut Finding| matches!(finding.kind, Kind::Relation | Kind::Duplicate);
        if let Some(cause) = self.findings.iter_mut().find(known) {
            cause.consequences.push(message);
            cause.consequences.extend(also);
            return;
        }
        let kind = if came < total { Kind::Missing } else { Kind::Repeated };
        let (severity, evidence) = self.evidence.total(label);
        let frames = vec![self.checker.last_frame];
        let place = self.place(label, None, None, frames);
        let mut finding = Finding::new(kind, severity, place, message)
            .values(total.to_string(), came.to_string())
            .evidence(evidence);
        finding.consequences = also;
        self.findings.push(finding);
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
        // What came at the wrong place is why values do not fit, even those that came before it.
        let is_value = |kind: Kind| matches!(kind.family(), "shape" | "binding");
        self.findings.sort_by_key(|f| {
            (std::cmp::Reverse(f.severity), is_value(f.kind), f.first_frame(), rank(f.kind), f.kind)
        });
        let mut causes: Vec<Finding> = Vec::new();
        for finding in few_alike(self.findings) {
            let cause = causes.iter_mut().find(|cause| follows(&finding, cause, self.checker));
            match cause {
                Some(cause) => {
                    if finding.kind == cause.kind && finding.kind.family() == "shape" {
                        cause.place.frames.extend(&finding.place.frames);
                    }
                    add(cause, finding.message);
                    finding.consequences.into_iter().for_each(|also| add(cause, also));
                }
                None => causes.push(finding),
            }
        }
        causes.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.first_frame(), rank(f.kind), f.kind));
        causes
    }
}

/// So many findings of one kind about one event are told; what there is beyond is told together.
const MAX_ALIKE: usize = 20;

/// The first findings of each kind about each event, and one for all the others.
fn few_alike(findings: Vec<Finding>) -> Vec<Finding> {
    let mut counts: BTreeMap<(Kind, Label), usize> = BTreeMap::new();
    let mut told: Vec<Finding> = Vec::new();
    let mut others: BTreeMap<(Kind, Label), (usize, Finding)> = BTreeMap::new();
    for finding in findings {
        let sort = (finding.kind, finding.place.event.clone());
        let count = counts.entry(sort.clone()).or_default();
        *count += 1;
        match *count > MAX_ALIKE {
            false => told.push(finding),
            // The first of them is the worst, as they are sorted.
            true => others.entry(sort).or_insert((0, finding)).0 += 1,
        }
    }
    told.extend(others.into_values().map(|(count, mut first)| {
        if count > 1 {
            first.message =
                format!("{count} more of this kind in {}; the first: {}", first.place.event, first.message);
        }
        first
    }));
    told
}

/// Puts a consequence under a finding, unless it says so already.
pub(super) fn add(cause: &mut Finding, message: String) {
    if cause.message != message && !cause.consequences.contains(&message) {
        cause.consequences.push(message);
    }
}

/// Whether `finding` would not be there without `cause`: a count or a sum over an event that is missing, renamed or
/// came twice; anything about an event that was itself found to be out of place.
fn follows(finding: &Finding, cause: &Finding, checker: &Checker<'_>) -> bool {
    let about = |label: &Label| cause.place.event == *label;
    let same_value = finding.place.event == cause.place.event && finding.place.path == cause.place.path;
    let leaf =
        |place: &Place| place.path.as_ref().and_then(|path| path.rsplit('/').next().map(str::to_owned));
    let is_gap_in_counter = cause.kind == Kind::Relation
        && ["does not count on", "does not follow"].iter().any(|fault| cause.message.contains(fault));
    let changed_events = matches!(
        cause.kind,
        Kind::Missing | Kind::Renamed | Kind::Repeated | Kind::Duplicate | Kind::OutOfOrder
    );
    let is_place = matches!(cause.kind, Kind::Missing | Kind::OutOfOrder);
    match finding.kind {
        Kind::Relation | Kind::Unbound if same_value && cause.kind.family() == "shape" => true,
        _ if is_payload(finding.kind) && is_of_extra(finding, cause) => true,
        // The same change wherever the field stands.
        Kind::TypeChanged | Kind::FieldMissing | Kind::ValueChanged
            if finding.kind == cause.kind && finding.place.path == cause.place.path =>
        {
            finding.expected == cause.expected && finding.actual == cause.actual
        }
        Kind::Relation | Kind::Unbound
            if is_place && finding.place.lane.is_some() && finding.place.lane == cause.place.lane =>
        {
            true
        }
        // Two totals of the same parts, in one event.
        Kind::Relation if cause.kind == Kind::Relation && finding.first_frame() == cause.first_frame() => {
            let own = parts(checker, &finding.place);
            !own.is_empty() && own == parts(checker, &cause.place)
        }
        // The same id is written in another way wherever it stands.
        Kind::FormatChanged => {
            cause.kind == Kind::FormatChanged && leaf(&finding.place) == leaf(&cause.place)
        }
        Kind::Missing if cause.kind == Kind::Ending => finding.message.contains("session ended"),
        Kind::Relation | Kind::Unbound
            if (changed_events || is_gap_in_counter) && finding.first_frame() >= cause.first_frame() =>
        {
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
                    Fact::Gathers(whole) => about(&whole.of.label),
                    Fact::Counter { .. } => about(&finding.place.event),
                    Fact::Follows(_) | Fact::Grows { .. } | Fact::Reaches(_) => about(&finding.place.event),
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

const fn is_payload(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::TypeChanged
            | Kind::FieldMissing
            | Kind::FieldNew
            | Kind::FieldMoved
            | Kind::ValueChanged
            | Kind::FormatChanged
            | Kind::Unbound
            | Kind::Relation
    )
}

/// Whether a finding is only about events that should not have come where they did.
fn is_of_extra(finding: &Finding, cause: &Finding) -> bool {
    let frames = &cause.place.frames;
    let extra: Vec<usize> = match cause.kind {
        // The other half are the frames that these are like.
        Kind::Duplicate => frames.iter().step_by(2).copied().collect(),
        Kind::OutOfOrder => frames.last().copied().into_iter().collect(),
        Kind::Repeated | Kind::Exclusive => frames.clone(),
        _ => return false,
    };
    // A value that is compared with another has the other's frame, too.
    let own = match finding.kind {
        Kind::Unbound | Kind::Relation => finding.place.frames.get(..1).unwrap_or_default(),
        _ => &finding.place.frames,
    };
    finding.place.event == cause.place.event && !own.is_empty() && own.iter().all(|own| extra.contains(own))
}

/// What the golden says at the path of a mismatch.
fn path_rule<'c>(checker: &Checker<'c>, note: &Note<Mismatch>) -> Option<&'c Rule> {
    let shape = &checker.golden.event(&note.label)?.shape;
    shape.iter().find(|(own, _)| own.pattern == note.what.pattern).map(|(_, rule)| rule)
}

/// The events that a value counts or puts together.
fn parts<'c>(checker: &Checker<'c>, place: &Place) -> BTreeSet<&'c Label> {
    let shape = checker.golden.event(&place.event).into_iter().flat_map(|event| &event.shape);
    let own = shape.filter(|(path, _)| Some(&path.pattern) == place.path.as_ref());
    let parts = own.flat_map(|(_, rule)| &rule.facts).filter_map(|fact| match fact {
        Fact::Counts(label) => Some(label),
        Fact::Joins(source) => Some(&source.label),
        Fact::Gathers(whole) => Some(&whole.of.label),
        _ => None,
    });
    parts.collect()
}

/// Whether a value says how something went: a boolean, or what stands under such a name. Of these another one exists.
fn is_outcome(path: &str, value: &str) -> bool {
    const NAMES: [&str; 10] =
        ["status", "state", "phase", "result", "outcome", "reason", "code", "level", "severity", "kind"];
    let key = path.rsplit('/').next().unwrap_or_default();
    // The last word of `exit_code`, `exit-code` or `exitCode`.
    let word = match key.rfind(|c: char| c.is_ascii_uppercase() || !c.is_ascii_alphanumeric()) {
        Some(at) if key[at..].starts_with(|c: char| c.is_ascii_uppercase()) => &key[at..],
        Some(at) => key[at..].trim_start_matches(|c: char| !c.is_ascii_alphanumeric()),
        None => key,
    };
    matches!(value, "true" | "false") || NAMES.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// The values in which something differs, shown from where they begin to.
fn short_pair(expected: &Value, actual: &Value) -> (String, String) {
    const KEPT: usize = 20;
    let (Some(a), Some(b)) = (expected.as_str(), actual.as_str()) else {
        return (short(expected), short(actual));
    };
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if common <= 2 * KEPT {
        return (short(expected), short(actual));
    }
    let cut = |text: &str| {
        let rest: String = text.chars().skip(common - KEPT).collect();
        short(&Value::from(format!("…{rest}")))
    };
    (cut(a), cut(b))
}

/// The path without its last key.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The pointer below `value` to the first field called `key`.
fn find_key(value: &Value, key: &str) -> Option<String> {
    let map = value.as_object()?;
    if map.keys().any(|own| path_step(own) == format!("/{key}")) {
        return Some(format!("/{key}"));
    }
    map.iter().find_map(|(own, inner)| find_key(inner, key).map(|below| format!("{}{below}", path_step(own))))
}
