//! How long after its cause every event came, from run to run.

use super::prior::Prior;
use super::sums::Sums;
use crate::dialect::Label;
use crate::golden::{
    self, ALPHA_DEVIATION, DAY_SPREAD, Envelope, LOG_FLOOR, Limits, MIN_DAYS, MIN_RUNS, MIN_USUAL, PRIOR_DF,
    SINGLE, WholeRun, freedom,
};
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// What is common for the spread of a gap that comes once in a run, and of one that repeats, where too few gaps are known
/// to tell: latencies of language models and databases have a standard deviation of the logarithm of about these.
const PRIOR_SINGLE: f64 = 0.45;
const PRIOR_REPEATED: f64 = 0.20;
/// The spread within runs needs so many degrees of freedom: one less in each run than it has gaps.
const MIN_WITHIN: u32 = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Class {
    /// Of each run the median of the logarithms.
    medians: Sums,
    /// Of each run the sum of the squares of the differences between the logarithms and their mean.
    scatters: Sums,
    samples: u32,
    fastest: Gap,
    slowest: Gap,
}

impl Class {
    /// Whether the gap repeats within a run.
    fn repeats(&self) -> bool {
        f64::from(self.samples) / f64::from(self.medians.n().max(1)) >= 3.0
    }

    fn usual(&self) -> Gap {
        Gap::from_secs_f64(self.medians.mean().exp() - LOG_FLOOR)
    }

    fn envelope(&self, after: Label, prior: Prior, days: u32) -> Envelope {
        let runs = self.medians.n();
        let (variance, df) = prior.draw(self.medians, days);
        Envelope {
            after,
            usual: self.usual(),
            spread: variance.sqrt(),
            within: self.within(),
            fastest: self.fastest,
            slowest: self.slowest,
            earliest: None,
            latest: None,
            samples: self.samples,
            runs,
            df,
        }
    }

    /// The spread of single gaps within a run, where a run has a few and enough is known of them.
    fn within(&self) -> Option<f64> {
        let runs = self.medians.n();
        let df = self.samples.saturating_sub(runs);
        let is_few = f64::from(self.samples) <= SINGLE * f64::from(runs);
        let is_tested = runs >= MIN_RUNS && self.usual() >= MIN_USUAL;
        let scatter = self.scatters.mean() * f64::from(runs);
        (is_few && is_tested && df >= MIN_WITHIN).then(|| (scatter / f64::from(df)).sqrt())
    }

    fn merge(&mut self, other: Class) {
        self.fastest = if self.samples == 0 { other.fastest } else { self.fastest.min(other.fastest) };
        self.slowest = self.slowest.max(other.slowest);
        self.samples += other.samples;
        self.medians.merge(other.medians);
        self.scatters.merge(other.scatters);
    }
}

/// The gaps of one session, by event and cause.
pub(super) type Gaps = BTreeMap<(Label, Label), Vec<Gap>>;

/// The middle one of some gaps, as a logarithm; of two middle ones the mean.
fn median(gaps: &[Gap]) -> Option<f64> {
    let mut gaps = gaps.to_vec();
    gaps.sort();
    let (low, high) = (gaps.get(gaps.len().checked_sub(1)? / 2)?, gaps.get(gaps.len() / 2)?);
    Some(f64::midpoint(log_of(*low), log_of(*high)))
}

fn log_of(gap: Gap) -> f64 {
    (gap.as_secs_f64() + LOG_FLOOR).ln()
}

/// The sum of the squares of the differences between the logarithms of some gaps and their mean.
fn scatter(gaps: &[Gap]) -> f64 {
    let n = f64::from(u32::try_from(gaps.len().max(1)).unwrap_or(u32::MAX));
    let mean = gaps.iter().map(|gap| log_of(*gap)).sum::<f64>() / n;
    gaps.iter().map(|gap| (log_of(*gap) - mean).powi(2)).sum()
}

/// How much the pace of whole sessions varies, from the gaps of some of them.
pub(super) fn whole_run(
    sessions: &[Gaps],
    days: u32,
    events: &BTreeMap<Label, golden::Event>,
) -> Option<WholeRun> {
    if days < MIN_DAYS {
        return None;
    }
    let mut paces = Sums::default();
    for gaps in sessions {
        let (mut sum, mut weights) = (0.0, 0.0);
        for ((label, after), gaps) in gaps {
            let timing = events.get(label).and_then(|event| event.timing.iter().find(|t| t.after == *after));
            let (Some(envelope), Some(log)) = (timing.filter(|t| t.is_tested()), median(gaps)) else {
                continue;
            };
            sum += envelope.deviation(log) * envelope.weight();
            weights += envelope.weight();
        }
        if weights > 0.0 {
            paces.merge(Sums::one(sum / weights));
        }
    }
    // Over many kinds of gaps little but the day makes out the pace.
    let prior = Prior { spread: DAY_SPREAD, df: PRIOR_DF };
    let (variance, _) = prior.draw(paces, days);
    (paces.n() >= MIN_RUNS).then(|| WholeRun { spread: variance.sqrt(), runs: paces.n() })
}

/// The gaps of recordings, by event and cause.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    classes: BTreeMap<(Label, Label), Class>,
}

impl Times {
    /// Adds the gaps of a session.
    pub(super) fn add(&mut self, gaps: &Gaps) {
        for (class, gaps) in gaps {
            let (Some(first), Some(last), Some(log)) = (gaps.iter().min(), gaps.iter().max(), median(gaps))
            else {
                continue;
            };
            let samples = u32::try_from(gaps.len()).unwrap_or(u32::MAX);
            let own = Class {
                medians: Sums::one(log),
                scatters: Sums::one(scatter(gaps)),
                samples,
                fastest: *first,
                slowest: *last,
            };
            self.classes.entry(class.clone()).or_default().merge(own);
        }
    }

    /// Adds the gaps of other recordings.
    pub(super) fn merge(&mut self, other: Times) {
        for (class, gaps) in other.classes {
            self.classes.entry(class).or_default().merge(gaps);
        }
    }

    /// Writes the envelopes into events.
    pub(super) fn write(self, runs: u32, days: u32, events: &mut BTreeMap<Label, golden::Event>) {
        let mut classes = self.classes;
        // A gap that fewer than half of the runs have is a different gap each time.
        classes.retain(|_, class| class.medians.n() * 2 >= runs);
        let prior = |repeats: bool, usual: f64| {
            let alike =
                classes.values().filter(|class| class.repeats() == repeats && class.usual() >= MIN_USUAL);
            let variance = |class: &Class| {
                let variance = class.medians.variance();
                (variance, f64::from(freedom(variance, class.medians.n(), days)))
            };
            Prior::of(&alike.map(variance).collect::<Vec<_>>(), usual)
        };
        let (single, repeated) = (prior(false, PRIOR_SINGLE), prior(true, PRIOR_REPEATED));
        let mut envelopes: Vec<(Label, Envelope)> = classes
            .into_iter()
            .map(|((label, after), class)| {
                let prior = if class.repeats() { repeated } else { single };
                (label, class.envelope(after, prior, days))
            })
            .collect();
        let tested = envelopes.iter().filter(|(_, envelope)| envelope.is_tested()).count();
        let limits = Limits {
            runs: 1,
            classes: u32::try_from(tested).unwrap_or(u32::MAX),
            days: days.max(1),
            alpha: ALPHA_DEVIATION,
        };
        for (_, envelope) in &mut envelopes {
            if envelope.runs >= MIN_RUNS && envelope.usual >= MIN_USUAL {
                envelope.latest = Some(envelope.upper(limits));
                let floor = envelope.lower(limits);
                envelope.earliest = Some(floor).filter(|floor| envelope.repeats() && *floor > Gap::ZERO);
            }
        }
        for (label, envelope) in envelopes {
            if let Some(event) = events.get_mut(&label) {
                event.timing.push(envelope);
            }
        }
    }
}
