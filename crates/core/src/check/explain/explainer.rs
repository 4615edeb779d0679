//! What all explanations need: the evidence, the place of a fault, and the findings so far.

use crate::check::checker::Checker;
use crate::check::evidence::Evidence;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Place};
use crate::golden::{Lane, Source};

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

/// The maximum of findings of one kind about one event; further ones are summarised.
pub(super) const MAX_ALIKE: usize = 20;

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

    /// A repeated fault of the same event is folded under the first one.
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
}

/// Adds a consequence to a finding, if it is new.
pub(super) fn add(cause: &mut Finding, message: String) {
    if cause.message != message && !cause.consequences.contains(&message) {
        cause.consequences.push(message);
    }
}
