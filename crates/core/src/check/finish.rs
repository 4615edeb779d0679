//! The end of a session: what is missing by then, and the explanation of all that was noted.

use super::checker::{Checked, Checker};
use super::explain::explain;
use super::notes::Note;
use crate::dialect::Label;
use crate::golden::{Violation, What};
use crate::transcript::Ending;
use std::collections::HashMap;

impl Checker<'_> {
    /// Critical events that never came although the order, learned from few recordings, would let them be absent.
    fn critical(&self) -> Vec<Violation> {
        let noted = |label: &Label| self.violations.kept.iter().any(|note| note.label == *label);
        let came = |label: &Label| self.known(label).is_some_and(|known| known.came > 0);
        let absent = self
            .golden
            .events
            .iter()
            .filter(|(label, event)| event.critical && !came(label) && !noted(label));
        let missed = |label: &Label| Violation { what: What::Missing, label: label.clone(), lane: None };
        let missing = self.monitor.missing();
        let known = |label: &Label| missing.iter().any(|violation| violation.label == *label);
        absent.filter(|(label, _)| !known(label)).map(|(label, _)| missed(label)).collect()
    }

    /// Whether the client said each thing as often as the script has it.
    fn follows_script(&self) -> bool {
        let mut left: HashMap<&Label, u32> = HashMap::new();
        self.golden.script.iter().for_each(|label| *left.entry(label).or_default() += 1);
        let said = self.golden.order.labels().into_iter().filter(|label| label.is_client());
        said.into_iter().all(|label| {
            let came = self.known(label).map_or(0, |known| known.came);
            came == left.get(label).copied().unwrap_or(0)
        })
    }

    /// The end of the session: explains all that was noted.
    pub fn finish(mut self, ending: &Ending) -> Checked {
        let is_whole = ending.is_whole();
        if is_whole {
            let frame = self.last_frame;
            self.faults.extend(self.owed.rest());
            for violation in self.monitor.missing().into_iter().chain(self.critical()) {
                let (label, lane) = (violation.label.clone(), violation.lane.clone());
                self.violations.kept.push(Note { what: violation, label, lane, frame });
            }
            // Where events are missing, so is the last one that would have reached its total.
            if self.monitor.is_complete() {
                let short = std::mem::take(&mut self.short).into_values().flatten();
                short.for_each(|note| self.mismatches.push(note));
            }
        }
        // Where the order is broken, the end is another or the client said more or less than its script has, as a probe does that
        // cuts and resumes, numbers follow from that.
        let is_clean =
            is_whole && self.violations.kept.is_empty() && self.golden.ends.contains(&ending.label());
        if is_clean && self.follows_script() {
            let totals = self.golden.events.iter().filter_map(|(label, event)| Some((label, event.total?)));
            let is_other = |label: &Label, total| self.known(label).is_none_or(|known| known.came != total);
            let other = totals.filter(|(label, total)| is_other(label, *total));
            self.totals = other.map(|(label, total)| (label.clone(), total)).collect();
        }
        let mut findings = explain(&self, ending);
        let more = self.violations.more + self.misfits.more + self.mismatches.more + self.faults.more;
        if let Some(first) = findings.first_mut().filter(|_| more > 0) {
            first.consequences.push(format!("{more} more findings are not listed"));
        }
        let (mut gaps, live) = (self.stopwatch.into_gaps(), self.watch.into_live(ending));
        if let Some(stream) = self.stream {
            stream.add_to(&mut gaps);
        }
        Checked { findings, events: self.events, is_whole, gaps, live }
    }
}
