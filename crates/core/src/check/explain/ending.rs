//! What the end of a session shows: totals, and how it ended.

use super::explainer::Explainer;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Place};
use crate::transcript::{End, Ending};
use crate::words::often;

impl Explainer<'_, '_> {
    /// Events of which a session has another number than all recordings: one fault, said of the first, unless something else is
    /// known to be wrong with it.
    pub(super) fn totals(&mut self) {
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

    pub(super) fn ending(&mut self, ending: &Ending) {
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
                let due = match &waiting_for[..] {
                    [] => "the end of the session".to_owned(),
                    waiting_for => waiting_for.join(" or "),
                };
                format!("gave up after waiting {waited} for {due}")
            }
            _ => label.clone(),
        };
        let message = match &ending.how {
            End::GaveUp { .. } => format!("goldwire {what}; the session did not end with {wanted}"),
            _ => format!("the session ended with {what}, not with {wanted}"),
        };
        // An early end, or a timeout, is reported under the missing event.
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
}
