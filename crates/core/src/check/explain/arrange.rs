//! The findings in their order, each under its cause.

use super::explainer::{Explainer, MAX_ALIKE, add};
use crate::check::checker::Checker;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Place};
use crate::golden::Fact;
use std::collections::{BTreeMap, BTreeSet};

impl Explainer<'_, '_> {
    /// Deviations before suspects, earlier before later; what follows from a cause is put under it.
    pub(super) fn arrange(mut self) -> Vec<Finding> {
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
