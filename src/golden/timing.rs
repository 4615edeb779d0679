//! How soon and how late an event may come after its cause.
//!
//! Latencies are taken to be log-normal from run to run. `usual` is the geometric mean of the runs' medians and
//! `spread` the standard deviation of their natural logarithms, already moderated towards what is common for such gaps
//! (Smyth, *Linear models and empirical Bayes methods*, 2004). A bound is a prediction limit of Student's t for the
//! median of k new runs.

use crate::dialect::Label;
use crate::transcript::Gap;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What recordings showed of the time between an event and its cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The event that this one waits for.
    pub after: Label,
    /// The typical gap.
    pub usual: Gap,
    /// Standard deviation of the logarithm of the gap, from run to run.
    pub spread: f64,
    /// The shortest gap that was recorded.
    pub fastest: Gap,
    /// The longest gap that was recorded.
    pub slowest: Gap,
    /// A single run fails below this; learned only for gaps that repeat within a run.
    pub earliest: Option<Gap>,
    /// A single run fails above this. Absent while too few recordings support a bound.
    pub latest: Option<Gap>,
    /// How many gaps were measured.
    pub samples: u32,
    /// In how many recordings.
    pub runs: u32,
}

/// Which bounds to compute.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Over how many runs the median is taken.
    pub runs: u32,
    /// How many classes of gaps are tested at once (Bonferroni).
    pub classes: u32,
    /// On how many days the recordings were made.
    pub days: u32,
    /// The probability of a false alarm over all classes.
    pub alpha: f64,
}

/// A failing bound: one false alarm in a thousand checks.
pub const ALPHA_DEVIATION: f64 = 0.001;
/// A suspicious bound.
pub const ALPHA_SUSPECT: f64 = 0.005;
/// Added to every gap before the logarithm, so that gaps near zero do not count for everything.
pub const LOG_FLOOR: f64 = 0.0005;
/// Degrees of freedom of the prior on the spread.
pub const PRIOR_DF: f64 = 8.0;
/// How much machines differ from day to day, as a standard deviation of the logarithm; assumed until seen.
const DAY_SPREAD: f64 = 0.12;
/// A bound needs this many recordings.
pub const MIN_RUNS: u32 = 5;
/// Gaps that are typically shorter than this say more about the scheduler than about the server.
pub const MIN_USUAL: Gap = Gap::from_millis(2);

impl Envelope {
    /// How many gaps a single run usually has.
    pub fn gaps_per_run(&self) -> f64 {
        f64::from(self.samples) / f64::from(self.runs.max(1))
    }

    /// Whether the gap repeats within a run, so that one run is a sample by itself.
    pub fn repeats(&self) -> bool {
        self.gaps_per_run() >= 3.0
    }

    /// Whether there is enough behind it to judge a gap at all.
    pub fn is_tested(&self) -> bool {
        self.usual >= MIN_USUAL && self.runs >= MIN_RUNS
    }

    /// The half-width of the prediction interval, in units of the logarithm.
    fn reach(&self, limits: Limits) -> f64 {
        let n = f64::from(self.runs.max(1));
        let df = PRIOR_DF + n - 1.0;
        let Ok(t) = StudentsT::new(0.0, 1.0, df) else { return f64::INFINITY };
        let quantile = t.inverse_cdf(1.0 - limits.alpha / f64::from(limits.classes.max(1)));
        let total = self.spread * self.spread;
        let between = (0.8 * total).min(DAY_SPREAD * DAY_SPREAD);
        // Recordings of fewer than three days cannot show the difference between days: it is added by assumption.
        let (between, within) =
            if limits.days < 3 { (DAY_SPREAD * DAY_SPREAD, total) } else { (between, total - between) };
        // The variance of a median is about 1.4 times that of a mean of the same few values.
        let median = if limits.runs >= 3 { 1.4 } else { 1.0 } / f64::from(limits.runs.max(1));
        let days = f64::from(limits.days.max(1));
        quantile * (between * (1.0 + 1.0 / days) + within * (median + 1.0 / n)).sqrt()
    }

    /// Above this the median of so many runs is too late.
    pub fn upper(&self, limits: Limits) -> Gap {
        let log = (self.usual.as_secs_f64() + LOG_FLOOR).ln() + self.reach(limits);
        Gap::from_secs_f64(log.exp() - LOG_FLOOR)
    }

    /// Below this it is too early; twice as cautious, because caches and batching make clean servers fast.
    pub fn lower(&self, limits: Limits) -> Gap {
        let log = (self.usual.as_secs_f64() + LOG_FLOOR).ln() - self.reach(limits) - 2f64.ln();
        Gap::from_secs_f64(log.exp() - LOG_FLOOR)
    }

    /// A single gap beyond this is a stall, whatever the others do.
    pub fn stall(&self, limits: Limits) -> Gap {
        let two_seconds = Gap::from_millis(2_000) + self.usual;
        let thrice = Gap::from_nanos(self.slowest.as_nanos().saturating_mul(3));
        two_seconds.max(thrice).max(self.upper(limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(spread: f64, runs: u32) -> Envelope {
        Envelope {
            after: Label::from("a"),
            usual: Gap::from_millis(100),
            spread,
            fastest: Gap::from_millis(90),
            slowest: Gap::from_millis(110),
            earliest: None,
            latest: None,
            samples: runs,
            runs,
        }
    }

    /// The method's own table: limits as factors of the typical gap, at 0.1 % over 12 classes.
    #[test]
    fn limits_agree_with_the_published_table() {
        let factor = |spread: f64, k: u32, n: u32| {
            let limits = Limits { runs: k, classes: 12, days: 3, alpha: ALPHA_DEVIATION };
            envelope(spread, n).upper(limits).as_secs_f64() / 0.1
        };
        for (spread, k, n, wanted) in
            [(0.15, 1, 10, 2.1), (0.25, 1, 10, 3.5), (0.25, 10, 10, 2.2), (0.4, 3, 10, 4.5)]
        {
            let got = factor(spread, k, n);
            assert!(
                (got / wanted - 1.0).abs() < 0.15,
                "sd {spread} k {k} N {n}: {got:.2}, table says {wanted}"
            );
        }
    }

    #[test]
    fn more_recordings_never_widen_a_bound() {
        let limits = Limits { runs: 1, classes: 12, days: 1, alpha: ALPHA_DEVIATION };
        let bounds: Vec<Gap> = [5, 10, 20, 50].map(|n| envelope(0.3, n).upper(limits)).to_vec();
        assert!(bounds.is_sorted_by(|a, b| a > b), "{bounds:?}");
    }
}
