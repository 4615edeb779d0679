//! Time between an event and its cause: collected while a run goes on, judged over all runs together.

use crate::dialect::{Event, Label};
use crate::finding::{Finding, Kind, Place, Severity};
use crate::golden::{ALPHA_DEVIATION, ALPHA_SUSPECT, Causes, Envelope, Golden, LOG_FLOOR, Lane, Limits};
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// The gaps of one run, each with its frame, by event and cause.
pub type Gaps = BTreeMap<(Label, Label), Vec<(Gap, usize)>>;

/// Collects the gaps of one run.
#[derive(Debug)]
pub(super) struct Stopwatch {
    causes: Causes,
    gaps: Gaps,
}

impl Stopwatch {
    pub(super) fn new(golden: &Golden) -> Stopwatch {
        Stopwatch { causes: Causes::new(&golden.order), gaps: Gaps::new() }
    }

    pub(super) fn feed(&mut self, event: &Event, lanes: &[Lane]) {
        if let Some((cause, gap)) = self.causes.feed(&event.label, lanes, event.at) {
            self.gaps.entry((event.label.clone(), cause)).or_default().push((gap, event.frame));
        }
    }

    pub(super) fn into_gaps(self) -> Gaps {
        self.gaps
    }
}

/// Judges the gaps of `runs` together. The findings carry the index of the run that shows them best.
pub fn judge(golden: &Golden, runs: &[&Gaps]) -> Vec<(usize, Finding)> {
    let tested: Vec<(&Label, &Envelope)> = golden
        .events
        .iter()
        .flat_map(|(label, event)| event.timing.iter().map(move |timing| (label, timing)))
        .filter(|(_, timing)| timing.is_tested() || timing.latest.is_some())
        .collect();
    let classes = u32::try_from(tested.len()).unwrap_or(u32::MAX);
    let mut findings = Vec::new();
    for (label, envelope) in tested {
        let shown: Vec<(usize, &[(Gap, usize)])> = runs
            .iter()
            .enumerate()
            .filter_map(|(i, gaps)| Some((i, gaps.get(&(label.clone(), envelope.after.clone()))?.as_slice())))
            .collect();
        if !shown.is_empty() {
            findings.extend(Class { golden, label, envelope, classes, shown }.judge());
        }
    }
    arrange(findings)
}

/// A burst shows first: events that were held back and came together make those before them late, so that whatever
/// else is off in time follows from it. Of several the gaps that were recorded most often show it best.
fn arrange(mut findings: Vec<(usize, Finding)>) -> Vec<(usize, Finding)> {
    let burst = findings
        .iter()
        .enumerate()
        .filter(|(_, (_, finding))| finding.kind == Kind::TooEarly && finding.severity == Severity::Deviation)
        .max_by_key(|(index, (_, finding))| (finding.place.frames.len(), std::cmp::Reverse(*index)))
        .map(|(index, _)| index);
    let Some(index) = burst else { return findings };
    let (run, mut burst) = findings.remove(index);
    burst.consequences.extend(findings.into_iter().map(|(_, finding)| finding.message));
    // The frames beyond the first only said how much it weighs.
    burst.place.frames.truncate(1);
    vec![(run, burst)]
}

struct Class<'c> {
    golden: &'c Golden,
    label: &'c Label,
    envelope: &'c Envelope,
    classes: u32,
    shown: Vec<(usize, &'c [(Gap, usize)])>,
}

/// Short-lived delays of a scheduler or a collector add up to this much to a gap that is not repeated.
const SLACK: Gap = Gap::from_millis(250);

impl Class<'_> {
    fn limits(&self, alpha: f64) -> Limits {
        let runs = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        Limits { runs, classes: self.classes, days: self.golden.learned.days.max(1), alpha }
    }

    fn judge(&self) -> Option<(usize, Finding)> {
        let gaps: usize = self.shown.iter().map(|(_, gaps)| gaps.len()).sum();
        let longest = self
            .shown
            .iter()
            .flat_map(|(run, gaps)| gaps.iter().map(|(gap, frame)| (*gap, *run, *frame)))
            .max()?;
        let stall = self.envelope.stall(self.limits(ALPHA_DEVIATION));
        if longest.0 > stall {
            let message = format!(
                "{} came {} after {}, usually {}: a stall",
                self.label, longest.0, self.envelope.after, self.envelope.usual
            );
            let finding =
                self.finding(Kind::Stall, Severity::Deviation, message, longest.2, longest.0, stall);
            return Some((longest.1, finding));
        }
        let mut medians: Vec<(f64, usize, usize)> = self
            .shown
            .iter()
            .filter_map(|(run, gaps)| {
                let (log, frame) =
                    median(gaps.iter().map(|(gap, frame)| ((gap.as_secs_f64() + LOG_FLOOR).ln(), *frame)))?;
                Some((log, *run, frame))
            })
            .collect();
        let (middle, _) = median(medians.iter().map(|(log, run, _)| (*log, *run)))?;
        let typical = Gap::from_secs_f64(middle.exp() - LOG_FLOOR);
        medians.sort_by(|a, b| a.0.total_cmp(&b.0));
        let slack = if gaps < 4 { SLACK } else { Gap::ZERO };
        let runs = self.shown.len();
        let upper = |alpha| self.envelope.upper(self.limits(alpha)) + slack;
        // In a single run the bound that a person can read, and may have edited, is the one that counts.
        let failing = if runs < 3 { self.envelope.latest.map(|latest| latest + slack) } else { None };
        let failing = failing.unwrap_or_else(|| upper(ALPHA_DEVIATION));
        let (_, worst_run, worst_frame) = *medians.last()?;
        if typical > upper(ALPHA_SUSPECT).min(failing) {
            // One gap in one run proves nothing: it is looked at again before it fails anything.
            let severity = if typical > failing && (runs >= 3 || gaps >= 3) {
                Severity::Deviation
            } else {
                Severity::Suspect
            };
            let message = format!(
                "{} came {typical} after {}, usually {}: {:.1} times as late",
                self.label,
                self.envelope.after,
                self.envelope.usual,
                ratio(typical, self.envelope.usual)
            );
            return Some((
                worst_run,
                self.finding(Kind::TooLate, severity, message, worst_frame, typical, failing),
            ));
        }
        let (_, best_run, best_frame) = *medians.first()?;
        let failing = if runs < 3 { self.envelope.earliest } else { None };
        let failing = failing.unwrap_or_else(|| self.envelope.lower(self.limits(ALPHA_DEVIATION)));
        // A single gap that is no shorter than one already recorded is nothing new: two messages in one packet.
        // So is one of a few: what repeats in most sessions need not repeat in this one.
        let repeats = self.envelope.repeats() && gaps >= 3 * runs;
        if typical < failing && (repeats || typical < self.envelope.fastest) {
            let severity = if repeats { Severity::Deviation } else { Severity::Suspect };
            let message = format!(
                "{} came {typical} after {}, usually {}: gaps collapsed below {failing}",
                self.label, self.envelope.after, self.envelope.usual
            );
            let mut finding = self.finding(Kind::TooEarly, severity, message, best_frame, typical, failing);
            let own = self.shown.iter().filter(|(run, _)| *run == best_run).flat_map(|(_, gaps)| gaps.iter());
            finding.place.frames.extend(own.map(|(_, frame)| *frame));
            return Some((best_run, finding));
        }
        None
    }

    fn finding(
        &self,
        kind: Kind,
        severity: Severity,
        message: String,
        frame: usize,
        actual: Gap,
        bound: Gap,
    ) -> Finding {
        let key = format!("event.{}.timing", self.label);
        let place = Place {
            event: self.label.clone(),
            lane: None,
            path: None,
            golden_line: self.golden.place([key.as_str()]),
            key,
            frames: vec![frame],
        };
        let runs = self.shown.len();
        let relation = if kind == Kind::TooEarly { "earliest" } else { "latest" };
        Finding::new(kind, severity, place, message)
            .values(format!("{relation} {bound} after {}", self.envelope.after), actual.to_string())
            .evidence(format!(
                "{} gaps in {} recordings, spread {:.2}; judged over {runs} run{}",
                self.envelope.samples,
                self.envelope.runs,
                self.envelope.spread,
                if runs == 1 { "" } else { "s" }
            ))
    }
}

fn ratio(a: Gap, b: Gap) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

/// The middle one of values with what they belong to; the lower of two.
fn median<T: Copy>(values: impl Iterator<Item = (f64, T)>) -> Option<(f64, T)> {
    let mut values: Vec<(f64, T)> = values.collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}
