//! Faults of shapes: fields that are gone, new, moved, or hold something else.

use super::binding::is_outcome;
use super::explainer::{Explainer, at, times};
use crate::check::notes::Note;
use crate::check::shape::ShapeViolation;
use crate::dialect::Label;
use crate::document::did_you_mean;
use crate::finding::{Finding, Kind};
use crate::golden::path_step;
use serde_json::Value;
use std::collections::BTreeSet;

/// A field that is missing and one that is new in so many events, always together, are one under another name.
const RENAMED: usize = 3;

impl Explainer<'_, '_> {
    pub(super) fn shape(&mut self) {
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

    fn misfit(&self, note: &Note<ShapeViolation>, misfit: &ShapeViolation, frames: Vec<usize>) -> Finding {
        let (label, samples) = (&note.label, misfit.samples);
        let path = &misfit.pattern;
        let (severity, evidence) = match misfit.kind {
            _ if misfit.novel => self.evidence.novel(self.evidence.recordings()),
            Kind::FieldMissing => self.evidence.field(label, samples),
            Kind::ValueChanged if is_outcome(path, &misfit.expected) => self.evidence.outcome(label, samples),
            Kind::ValueChanged => self.evidence.constant(label, samples),
            // A value that was always null had no type; the first other value is a changed value, not a changed type.
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
    fn moved(&self, notes: &[Note<ShapeViolation>]) -> Vec<(Label, String, String)> {
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
    fn has_renamed(&self, notes: &[Note<ShapeViolation>], gone: &Note<ShapeViolation>, new: &str) -> bool {
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
