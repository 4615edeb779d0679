//! How a check went beside its baseline: how much slower or faster than in the golden all of its kinds of gaps were.
//!
//! The time of a server is mostly that of its machine: the same build on another machine, with another number of users,
//! or ten minutes later, takes one to ten times as long, and nearly every kind of gap takes the same number of times as
//! long. What all kinds share is the *pace*. It is taken off before a single kind is judged, and never fails a check. A
//! kind that waits for something else than a processor does not follow the pace; that is why an upper quantile of the
//! other kinds is taken off, and not their mean.

use crate::dialect::Label;
use crate::golden::SAME_HOST;
use crate::stats::quantile;

/// The quantile of the other kinds that a suspect has to pass where the machine's own work is known, and on a known class.
pub(super) const UPPER_QUARTILE: f64 = 0.75;
/// The quantile that a deviation has to pass, and everything where the machine's work is not known.
pub(super) const UPPER_DECILE: f64 = 0.90;
/// Fewer other kinds of gaps do not tell how much slower a check went.
const MIN_OTHERS: usize = 4;

/// What came this many times as late as usual was held back.
const HELD_BACK: f64 = 2.0;
/// Where nearly all other kinds went faster than in the golden, a kind is expected to be faster by this share of their logarithm.
const BELIEVED_HASTE: f64 = 0.6;

/// How much longer than in the golden a kind of gap took in a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// The event.
    pub event: Label,
    /// The logarithm of how many times as long: the median over the runs.
    pub log: f64,
    /// The same without what this machine's own hold-ups may have added.
    pub(super) relieved: f64,
    /// The variance of `log` that sampling makes.
    pub(super) variance: f64,
}

/// How a check went beside its baseline.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) own: Vec<Shift>,
    pub(super) others: Vec<Shift>,
    /// The logarithm of how many times as long the machine's own work took, where both sides know it; never negative.
    pub(super) work: Option<f64>,
    /// Of how many runs it is.
    pub(super) runs: usize,
}

/// The pace of a check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) log: f64,
    pub(super) relieved: f64,
    pub(super) variance: f64,
    pub(super) kinds: usize,
}

impl Reference {
    fn logs_beside(&self, event: &Label) -> Vec<f64> {
        let all = self.own.iter().chain(&self.others);
        all.filter(|shift| shift.event != *event).map(|shift| shift.log).collect()
    }

    /// How much slower everything but this event went, as a logarithm; below zero where nearly everything went faster, and
    /// none where nothing tells.
    pub(super) fn slowed(&self, event: &Label, share: f64) -> Option<f64> {
        let Some(shown) = self.shown(event, share) else { return self.work };
        let slowed = shown.max(self.work.unwrap_or(0.0));
        Some(if slowed > 0.0 { slowed } else { self.hastened_for_most(event) })
    }

    /// How much faster nearly everything but this event went, as a logarithm that is not above zero. This kind may be the
    /// one that waits, so only a part of it is believed.
    fn hastened_for_most(&self, event: &Label) -> f64 {
        let others = self.logs_beside(event);
        let slowest = if others.len() < MIN_OTHERS { None } else { quantile(others, UPPER_DECILE) };
        (BELIEVED_HASTE * slowest.unwrap_or(0.0)).clamp(-2f64.ln(), 0.0)
    }

    /// The same by the other kinds of gaps alone; none where they are too few.
    pub(super) fn shown(&self, event: &Label, share: f64) -> Option<f64> {
        let others = self.logs_beside(event);
        (others.len() >= MIN_OTHERS).then(|| quantile(others, share)).flatten().map(|log| log.max(0.0))
    }

    /// How much slower this event itself went, for most of the runs; never negative.
    pub(super) fn own_log(&self, event: &Label) -> f64 {
        self.own.iter().filter(|shift| shift.event == *event).map(|shift| shift.log).fold(0.0, f64::max)
    }

    /// Whether something else came late. A fast machine makes nothing late: what came together then had been held back.
    pub(super) fn is_held_back(&self, event: &Label) -> bool {
        self.logs_beside(event).iter().any(|log| *log > HELD_BACK.ln())
    }

    /// How much faster everything but this event went: a logarithm that is not above zero.
    pub(super) fn hastened(&self, event: &Label, share: f64) -> Option<f64> {
        let others = self.logs_beside(event);
        (others.len() >= MIN_OTHERS).then(|| quantile(others, 1.0 - share)).flatten().map(|log| log.min(0.0))
    }

    /// The weighted mean over the kinds of this session; one that strays far counts as if it strayed less.
    pub(super) fn pace(&self) -> Option<Pace> {
        let weight = |shift: &Shift| 1.0 / (shift.variance + SAME_HOST.spread * SAME_HOST.spread);
        let weights: f64 = self.own.iter().map(weight).sum();
        let mean = |log: fn(&Shift) -> f64| {
            self.own.iter().map(|shift| weight(shift) * log(shift).clamp(-2.0, 2.0)).sum::<f64>() / weights
        };
        (weights > 0.0).then(|| Pace {
            log: mean(|shift| shift.log),
            relieved: mean(|shift| shift.relieved),
            variance: 1.0 / weights,
            kinds: self.own.len(),
        })
    }
}
