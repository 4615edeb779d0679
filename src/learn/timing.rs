//! How long after its cause every event came, from run to run.

use super::Session;
use super::lanes::Lanes;
use crate::dialect::Label;
use crate::golden::{
    self, ALPHA_DEVIATION, Causes, Envelope, LOG_FLOOR, Limits, MIN_RUNS, MIN_USUAL, Monitor, Order, PRIOR_DF,
};
use crate::transcript::Gap;
use std::collections::BTreeMap;

/// What is common for the spread of a gap that comes once in a run, and of one that repeats: latencies of language
/// models and databases have a standard deviation of the logarithm of about these.
const PRIOR_SINGLE: f64 = 0.45;
const PRIOR_REPEATED: f64 = 0.20;

#[derive(Default)]
struct Class {
    /// Per run: the median of the logarithms.
    medians: Vec<f64>,
    samples: u32,
    fastest: Gap,
    slowest: Gap,
}

pub(super) fn learn(
    sessions: &[Session],
    order: &Order,
    lanes: &Lanes,
    days: u32,
    events: &mut BTreeMap<Label, golden::Event>,
) {
    let mut classes: BTreeMap<(Label, Label), Class> = BTreeMap::new();
    for session in sessions {
        let mut causes = Causes::new(order);
        let mut monitor = Monitor::new(order);
        let mut gaps: BTreeMap<(Label, Label), Vec<Gap>> = BTreeMap::new();
        for event in &session.events {
            let keys = |key: &str| lanes.value(event, key);
            monitor.feed(&event.label, &keys);
            let within = monitor.lanes_of(&event.label, &keys);
            if let Some((cause, gap)) = causes.feed(&event.label, &within, event.at) {
                gaps.entry((event.label.clone(), cause)).or_default().push(gap);
            }
        }
        for (class, mut gaps) in gaps {
            gaps.sort();
            let (Some(first), Some(last)) = (gaps.first().copied(), gaps.last().copied()) else { continue };
            let class = classes.entry(class).or_default();
            class.fastest = if class.samples == 0 { first } else { class.fastest.min(first) };
            class.slowest = class.slowest.max(last);
            class.samples += u32::try_from(gaps.len()).unwrap_or(u32::MAX);
            let median = gaps[(gaps.len() - 1) / 2];
            class.medians.push((median.as_secs_f64() + LOG_FLOOR).ln());
        }
    }
    // A gap that fewer than half of the runs have is a different gap each time.
    classes.retain(|_, class| class.medians.len() * 2 >= sessions.len());
    let mut envelopes: Vec<(Label, Envelope)> =
        classes.into_iter().map(|((label, after), class)| (label, envelope(after, &class))).collect();
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

fn envelope(after: Label, class: &Class) -> Envelope {
    let runs = u32::try_from(class.medians.len()).unwrap_or(u32::MAX);
    let n = f64::from(runs);
    let mean = class.medians.iter().sum::<f64>() / n;
    let squares: f64 = class.medians.iter().map(|log| (log - mean).powi(2)).sum();
    let repeats = f64::from(class.samples) / n >= 3.0;
    let prior = if repeats { PRIOR_REPEATED } else { PRIOR_SINGLE };
    // The spread of few runs is drawn towards what is common (moderated variance).
    let variance = (PRIOR_DF * prior * prior + squares) / (PRIOR_DF + n - 1.0);
    Envelope {
        after,
        usual: Gap::from_secs_f64(mean.exp() - LOG_FLOOR),
        spread: variance.sqrt(),
        fastest: class.fastest,
        slowest: class.slowest,
        earliest: None,
        latest: None,
        samples: class.samples,
        runs,
    }
}
