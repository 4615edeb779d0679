//! Faults of values that are bound to others.

use super::explainer::{Explainer, at, in_lane};
use crate::check::binding::BindingViolation;
use crate::check::checker::Checker;
use crate::check::notes::Note;
use crate::check::shape::short;
use crate::finding::{Finding, Kind};
use crate::golden::{Chain, Fact, Rule, Whole};
use serde_json::Value;
use std::collections::BTreeSet;

impl Explainer<'_, '_> {
    pub(super) fn binding(&mut self) {
        let notes = &self.checker.mismatches.kept;
        let crossed = self.crossed(notes);
        for (i, note) in notes.iter().enumerate() {
            let mismatch = &note.what;
            if crossed.contains(&i) {
                continue;
            }
            if let (Kind::Relation, Some(twin)) = (mismatch.kind, self.checker.duplicates.get(&note.frame)) {
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

    fn duplicate_value(&mut self, note: &Note<BindingViolation>, twin: usize) {
        let (severity, evidence) =
            self.evidence.fact(&note.label, path_rule(self.checker, note), &note.what.fact);
        let lane = in_lane(note.lane.as_ref());
        let message = format!("{} came twice{lane}: the same payload as frame {twin}", note.label);
        let place = self.place(&note.label, note.lane.as_ref(), None, vec![note.frame, twin]);
        self.push_or_fold(Finding::new(Kind::Duplicate, severity, place, message).evidence(evidence));
    }

    /// Finds lanes that carry each other's values; says which notes that explains.
    fn crossed(&mut self, notes: &[Note<BindingViolation>]) -> BTreeSet<usize> {
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
                // All other differences of these two lanes have the same cause.
                for (k, note) in notes.iter().enumerate() {
                    if note.label == a.label && (note.lane == a.lane || note.lane == b.lane) {
                        explained.insert(k);
                    }
                }
                let (severity, evidence) = self.evidence.field(&a.label, None);
                let (Some((key, one)), Some((_, other))) = (&a.lane, &b.lane) else { continue };
                let message = format!(
                    "lanes crossed: {} of {key}={one} carries what belongs to {key}={other}, and vice versa",
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
}

/// The golden's rule at the path of a mismatch.
fn path_rule<'c>(checker: &Checker<'c>, note: &Note<BindingViolation>) -> Option<&'c Rule> {
    let shape = &checker.golden.event(&note.label)?.shape;
    shape.iter().find(|(own, _)| own.pattern == note.what.pattern).map(|(_, rule)| rule)
}

/// Whether a value is an outcome: a boolean, or the value of such a name. Other outcomes are possible.
pub(super) fn is_outcome(path: &str, value: &str) -> bool {
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
