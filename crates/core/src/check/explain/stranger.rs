//! Strangers: events that no recording has, in the place of one that is missing. Each is one fault.
//!
//! What tells the states of an event apart may be gone or hold another word, a call may be answered with an error or
//! with an id that nobody asked with, and an event may have another name.

use super::explainer::{Explainer, at, in_lane, times};
use crate::check::notes::Note;
use crate::check::shape::short;
use crate::dialect::{Label, NAMELESS, pointer, refined, refinement};
use crate::finding::{Finding, Kind};
use crate::golden::{Violation, What};
use crate::words::often;
use serde_json::Value;
use std::collections::BTreeSet;

type Notes = [Note<Violation>];

/// A stranger that stands for something.
struct Stranger<'n> {
    label: &'n Label,
    /// What it says, the first time that it comes.
    payload: &'n Value,
    frames: Vec<usize>,
    /// What is not explained yet.
    absent: Vec<&'n Note<Violation>>,
}

impl<'n> Stranger<'n> {
    /// The events that are missing and fulfil a condition, without repetition, in the order of their notes.
    fn absent(&self, is_kin: impl Fn(&Label) -> bool) -> Vec<&'n Label> {
        let mut kin: Vec<&Label> = Vec::new();
        for note in &self.absent {
            if is_kin(&note.label) && !kin.contains(&&note.label) {
                kin.push(&note.label);
            }
        }
        kin
    }
}

impl Explainer<'_, '_> {
    /// Finds what strangers stand for; marks what that explains as used.
    pub(super) fn strangers(&mut self, notes: &Notes, used: &mut [bool]) {
        let labels: BTreeSet<&Label> = notes
            .iter()
            .zip(&*used)
            .filter(|(note, used)| !**used && note.what.what == What::Unknown)
            .map(|(note, _)| &note.label)
            .collect();
        for label in labels {
            let Some(payload) = self.checker.strangers.get(label) else { continue };
            let free = notes.iter().zip(&*used).filter(|(note, used)| !**used && is_missing(note));
            let stranger = Stranger {
                label,
                payload,
                frames: notes.iter().filter(|note| note.label == *label).map(|note| note.frame).collect(),
                absent: free.map(|(note, _)| note).filter(|note| note.label.side() == label.side()).collect(),
            };
            let found = self
                .state(&stranger)
                .or_else(|| self.failed(&stranger))
                .or_else(|| self.no_reply(&stranger))
                .or_else(|| self.renamed(&stranger));
            let Some((finding, instead_of)) = found else { continue };
            for (note, used) in notes.iter().zip(&mut *used) {
                *used |= note.label == *label || (is_missing(note) && instead_of.contains(&note.label));
            }
            self.findings.push(finding);
        }
    }

    /// The event that a label is a state of, and where it says which.
    pub(super) fn refined(&self, label: &Label) -> Option<(&Label, &str)> {
        refined(self.checker.golden.dialect.refine(), label).map(|(base, at, _)| (base, at))
    }

    /// Nothing says which state it is, or a word that no recording has.
    fn state(&self, stranger: &Stranger<'_>) -> Option<(Finding, Vec<Label>)> {
        let (base, path) = self.refined(stranger.label)?;
        let kin = stranger.absent(|label| self.refined(label).is_some_and(|(own, _)| own == base));
        let value = stranger.payload.pointer(path);
        let is_word = value.is_some_and(|value| refinement(value).is_some());
        let often = |label: &Label| stranger.absent.iter().filter(|note| note.label == *label).count();
        let frames = stranger.frames.len();
        // A new word stands for one of them: the one that is missing as often as it came.
        let kin = match kin.iter().min_by_key(|label| often(label).abs_diff(frames)) {
            Some(one) if is_word => vec![*one],
            _ => kin,
        };
        let first = *kin.first()?;
        let word = |label: &&Label| {
            let word = refined(self.checker.golden.dialect.refine(), label)
                .map_or(label.as_str(), |(_, _, word)| word);
            Value::from(word).to_string()
        };
        let expected: Vec<String> = kin.iter().map(word).collect();
        let names: Vec<&str> = kin.iter().map(|label| label.as_str()).collect();
        let without = names.join(" and ");
        let place = at(base, path);
        let times = times(frames);
        let (kind, message, actual) = match value {
            None => {
                let message = format!("{place} is missing{times}: {without} did not come");
                (Kind::FieldMissing, message, "nothing".to_owned())
            }
            Some(value) => {
                let actual = short(value);
                let message = format!("{place} is {actual}{times}: {without} did not come");
                (Kind::ValueChanged, message, actual)
            }
        };
        let weights = kin.iter().map(|label| self.evidence.missing(label));
        let (severity, evidence) = weights.max_by_key(|(severity, _)| *severity)?;
        let mut place = self.place(first, None, Some(path), stranger.frames.clone());
        if kin.len() > 1 {
            place.event = base.clone();
        }
        let finding = Finding::new(kind, severity, place, message)
            .values(expected.join(" or "), actual)
            .evidence(evidence);
        Some((finding, kin.into_iter().cloned().collect()))
    }

    /// An error came where a result was due.
    fn failed(&self, stranger: &Stranger<'_>) -> Option<(Finding, Vec<Label>)> {
        self.checker.golden.dialect.reply()?;
        let reply = stranger.label.as_str().strip_suffix(":error")?;
        let due = stranger.absent.iter().find(|note| note.label.as_str() == reply)?;
        let (severity, evidence) = self.evidence.missing(&due.label);
        let lane = due.lane.as_ref().filter(|_| stranger.frames.len() == 1);
        let message = format!(
            "{} came instead of {}{}{}",
            stranger.label,
            due.label,
            in_lane(lane),
            times(stranger.frames.len())
        );
        let place = self.place(&due.label, due.lane.as_ref(), None, stranger.frames.clone());
        let error = stranger.payload.get("error").map(short).unwrap_or_default();
        let finding = Finding::new(Kind::Renamed, severity, place, message)
            .values(due.label.as_str(), error)
            .evidence(evidence);
        Some((finding, vec![due.label.clone()]))
    }

    /// A message that claims to be an answer, without a request.
    fn no_reply(&self, stranger: &Stranger<'_>) -> Option<(Finding, Vec<Label>)> {
        let dialect = &self.checker.golden.dialect;
        let is_answer = stranger.label.as_str() == NAMELESS || dialect.is_stray(stranger.label);
        let path = dialect.stray_id(stranger.label).or(dialect.reply()).filter(|_| is_answer)?;
        let id = stranger.payload.pointer(path);
        let due: Vec<&Note<Violation>> =
            stranger.absent.iter().copied().filter(|note| note.label.as_str().starts_with("re:")).collect();
        if due.is_empty() && id.is_none() {
            return None;
        }
        let why = match id {
            Some(id) => format!("no request has its {path} {}", short(id)),
            None => format!("it has no {path}"),
        };
        let message = format!("{} answers nothing{}: {why}", stranger.label, times(stranger.frames.len()));
        let frames = stranger.frames.clone();
        let Some(first) = due.first() else {
            let (severity, evidence) = self.evidence.answer();
            let place = self.place(stranger.label, None, None, frames);
            let finding = Finding::new(Kind::UnknownEvent, severity, place, message).evidence(evidence);
            return Some((finding, Vec::new()));
        };
        // That an answer stays away may be chance; that another one comes in its place is none.
        let (missing, answer) = (self.evidence.missing(&first.label), self.evidence.answer());
        let (severity, evidence) = if id.is_some() && answer.0 > missing.0 { answer } else { missing };
        let mut place = self.place(&first.label, first.lane.as_ref(), None, frames);
        place.event = stranger.label.clone();
        let mut finding = Finding::new(Kind::UnknownEvent, severity, place, message)
            .values(first.label.as_str(), stranger.label.as_str())
            .evidence(evidence);
        finding.consequences = due
            .iter()
            .map(|note| format!("{} is missing{}", note.label, in_lane(note.lane.as_ref())))
            .collect();
        Some((finding, due.into_iter().map(|note| note.label.clone()).collect()))
    }

    /// Another name on the same fields.
    fn renamed(&self, stranger: &Stranger<'_>) -> Option<(Finding, Vec<Label>)> {
        let best = stranger
            .absent(|_| true)
            .into_iter()
            .map(|label| (self.likeness(label, stranger.payload), label))
            .filter(|(likeness, _)| *likeness >= 0.6)
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        let (_, label) = best?;
        let (severity, evidence) = self.evidence.missing(label);
        let count = stranger.frames.len();
        let place = self.place(label, None, None, stranger.frames.clone());
        let stranger = stranger.label;
        let message = format!("{label} is missing and {stranger} is new: renamed?");
        let came = often(u32::try_from(count).unwrap_or(u32::MAX));
        let finding = Finding::new(Kind::Renamed, severity, place, message)
            .values(label.as_str(), stranger.as_str())
            .evidence(format!("{evidence}; {stranger} came {came} with the same fields"));
        Some((finding, vec![label.clone()]))
    }

    /// How much of an event's shape a payload has, from 0 to 1.
    fn likeness(&self, label: &Label, payload: &Value) -> f64 {
        let Some(event) = self.checker.golden.event(label) else { return 0.0 };
        let mut own = BTreeSet::new();
        paths(payload, "", &mut own);
        let known: BTreeSet<&str> = event
            .shape
            .iter()
            .filter(|(path, _)| !path.optional || own.contains(&path.pattern))
            .map(|(path, _)| path.pattern.as_str())
            .collect();
        if known.is_empty() || own.is_empty() {
            return 0.0;
        }
        let shared = own.iter().filter(|path| known.contains(path.as_str())).count();
        #[expect(clippy::cast_precision_loss, reason = "numbers of fields are small")]
        let likeness = 2.0 * shared as f64 / (known.len() + own.len()) as f64;
        likeness
    }
}

fn is_missing(note: &Note<Violation>) -> bool {
    note.what.what == What::Missing
}

/// The paths of a payload's shape: of all values except objects, with `*` for items.
fn paths(value: &Value, at: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| paths(value, &format!("{at}{}", pointer([key.as_str()])), out));
        }
        Value::Array(items) => {
            out.insert(at.to_owned());
            items.iter().for_each(|item| paths(item, &format!("{at}/*"), out));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.insert(at.to_owned());
        }
    }
}
