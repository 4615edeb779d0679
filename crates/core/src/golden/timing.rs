//! The limits for the time between a cause and its event.
//!
//! Latencies are modelled as log-normal from run to run. `usual` is the geometric mean of the runs' medians, and
//! `spread` the standard deviation of their natural logarithms, moderated towards the usual spread of such gaps
//! (Smyth, *Linear models and empirical Bayes methods*, 2004). A bound is a prediction limit of Student's t for the
//! median of k new runs.

use crate::dialect::Label;
use crate::stats::PRIOR_DF;
use crate::transcript::Gap;
use statrs::distribution::{Beta, ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// The limits for the time between an event and its cause, from recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The cause of the event.
    pub after: Label,
    /// The typical gap.
    pub usual: Gap,
    /// Standard deviation of the logarithm of the gap, from run to run.
    pub spread: f64,
    /// The standard deviation of the logarithm of single gaps within a run; known if a run has a few of them.
    pub within: Option<f64>,
    /// The shortest recorded gap.
    pub fastest: Gap,
    /// The longest recorded gap.
    pub slowest: Gap,
    /// A single run with shorter typical gaps fails. Learned only for gaps that repeat within a run.
    pub earliest: Option<Gap>,
    /// A single run with longer typical gaps fails. None if too few recordings support a bound.
    pub latest: Option<Gap>,
    /// The number of measured gaps.
    pub samples: u32,
    /// The number of recordings that have it.
    pub runs: u32,
    /// The degrees of freedom of the spread: from the recordings, and from other gaps.
    pub df: u32,
    /// The user's own limit for every single gap. It applies on every machine, and `learn` never writes it.
    pub at_most: Option<Gap>,
    /// The field whose values have different gaps.
    pub split: Option<Split>,
}

/// The slowest gaps by the values of a field, if each value has its own times, such as a calculator and a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The JSON pointer of the field.
    pub path: String,
    /// Whether the field is in the cause instead of the event.
    pub of_cause: bool,
    /// The slowest gap of each value with enough gaps.
    pub slowest: BTreeMap<String, Gap>,
}

/// The mode of judging gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TimeMode {
    /// By milliseconds on a known class of hosts, otherwise by shape.
    #[default]
    Auto,
    /// Always by shape: a kind of gap compared with the others of the same check.
    Shape,
    /// Only by milliseconds; on an unknown class of hosts nothing can be judged.
    Bounds,
    /// Only stalls and the user's own limits.
    Off,
}

impl TimeMode {
    /// All values.
    pub const ALL: [TimeMode; 4] = [TimeMode::Auto, TimeMode::Shape, TimeMode::Bounds, TimeMode::Off];

    /// The name in files and options.
    pub const fn name(self) -> &'static str {
        match self {
            TimeMode::Auto => "auto",
            TimeMode::Shape => "shape",
            TimeMode::Bounds => "bounds",
            TimeMode::Off => "off",
        }
    }

    /// The mode with this name.
    pub fn of(name: &str) -> Option<TimeMode> {
        TimeMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The parameters of a bound.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The number of runs over which the median is taken.
    pub runs: u32,
    /// The number of classes of gaps that are tested together (Bonferroni).
    pub classes: u32,
    /// The spread that an occasion adds, as a standard deviation of the logarithm.
    pub between: f64,
    /// The number of occasions of the recordings.
    pub occasions: u32,
    /// The probability of a false alarm over all classes.
    pub alpha: f64,
}

impl Limits {
    /// The variance that the occasion of a check adds, and those of the recordings.
    fn of_occasions(self) -> f64 {
        self.between * self.between * (1.0 + 1.0 / f64::from(self.occasions.max(1)))
    }

    /// For what a delay adds to: as few gaps have one, and a gap that is itself among the slowest seldom does, the bound
    /// below the delay need not be as cautious.
    fn beside_a_delay(self) -> Limits {
        let most = 0.5 * f64::from(self.classes.max(1));
        Limits { alpha: (self.alpha * DELAYED).min(most), ..self }
    }
}

/// The factors of the usual and of the slowest gap beyond which a gap is a stall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StallMargin {
    /// The factor of the usual gap, in addition to two seconds.
    pub of_usual: f64,
    /// The factor of the slowest gap.
    pub of_slowest: f64,
}

impl StallMargin {
    /// The margin if the recorded milliseconds apply directly.
    pub const BOUNDS: StallMargin = StallMargin { of_usual: 1.0, of_slowest: 3.0 };
    /// The margin if the pace of a check is removed.
    pub const BESIDE_PACE: StallMargin = StallMargin { of_usual: 3.0, of_slowest: 2.5 };

    /// The margin if everything takes `factor` times as long.
    pub fn slowed(self, factor: f64) -> StallMargin {
        StallMargin { of_usual: self.of_usual * factor, of_slowest: self.of_slowest * factor }
    }
}

/// The probability for a failing bound: one false alarm in a thousand checks.
pub const ALPHA_DEVIATION: f64 = 0.001;
/// The probability for a suspect bound.
pub const ALPHA_SUSPECT: f64 = 0.005;
/// The probability for a doubt. Another round costs little, so one clean check in twenty is repeated before anything
/// is reported.
pub const ALPHA_DOUBT: f64 = 0.05;
/// Added to every gap before the logarithm, so that gaps near zero do not dominate.
pub const LOG_FLOOR: f64 = 0.0005;
/// The maximum degrees of freedom: recordings share more than the model knows.
const MOST_DF: u32 = 40;
/// The delay that a scheduler or a garbage collector may add to gaps of which fewer than [`FEW`] are judged.
pub const SLACK: Gap = Gap::from_millis(250);
/// One gap in so many has such a delay.
const DELAYED: f64 = 100.0;
/// The number of gaps that need no allowance for delays: their median does not follow a single delay.
pub const FEW: u32 = 4;
/// The largest average number of gaps in a run at which each gap is judged separately.
pub const SINGLE: f64 = 8.0;
/// The number of recordings that a bound needs.
pub const MIN_RUNS: u32 = 5;
/// Gaps that are typically shorter depend more on the scheduler than on the server.
pub const MIN_USUAL: Gap = Gap::from_millis(2);

impl Envelope {
    /// The usual number of gaps in a run.
    pub fn gaps_per_run(&self) -> f64 {
        f64::from(self.samples) / f64::from(self.runs.max(1))
    }

    /// Whether the gap repeats within a run, so that one run is a sample.
    pub fn repeats(&self) -> bool {
        self.gaps_per_run() >= 3.0
    }

    /// Whether there is enough evidence to judge the gap.
    pub fn is_tested(&self) -> bool {
        self.usual >= MIN_USUAL && self.runs >= MIN_RUNS
    }

    /// The usual gap as a logarithm of seconds with [`LOG_FLOOR`].
    pub fn log(&self) -> f64 {
        log_of(self.usual)
    }

    /// The same gap where everything takes `e^log` times as long.
    pub fn slowed(&self, log: f64) -> Envelope {
        Envelope { usual: gap_of(self.log() + log), ..self.clone() }
    }

    /// The limit above which the median of several runs is too late.
    pub fn upper(&self, limits: Limits) -> Gap {
        gap_of(self.log() + reach(self.spread, self.runs, self.df, limits))
    }

    /// The limit above which the median of fewer than [`FEW`] gaps is too late.
    pub fn upper_of_few(&self, limits: Limits) -> Gap {
        self.upper(limits).max(self.upper(limits.beside_a_delay()) + SLACK)
    }

    /// The limit above which the median of fewer than [`FEW`] gaps exceeds `latest`, which a user may have edited.
    pub fn latest_of_few(&self, latest: Gap, limits: Limits) -> Gap {
        latest.max(latest.min(self.upper(limits.beside_a_delay())) + SLACK)
    }

    /// The limit above which one of several gaps of a run is too late, even if the others are not. Over several runs,
    /// it applies to the median of their longest gaps. Every run may be as slow as one recording, because the gaps of
    /// a run are seldom of one kind. None if nothing is known about single gaps.
    pub fn upper_of_one(&self, gaps: u32, limits: Limits) -> Option<Gap> {
        let within = self.within?;
        // The median of a run already includes its share of the spread within.
        let variance =
            self.spread * self.spread + within * within * (1.0 - 1.0 / self.gaps_per_run().max(1.0));
        let df = self.df.min(self.samples.saturating_sub(self.runs));
        if limits.runs < FEW {
            let single = Envelope { spread: variance.sqrt(), within: None, df, ..self.clone() };
            let classes = limits.classes.max(1).saturating_mul(gaps.max(1));
            let bound = single.upper_of_few(Limits { runs: 1, classes, ..limits });
            return Some(bound.max(self.slowest));
        }
        // Half of the runs have such a gap by chance only if each of their gaps may be late more often.
        let alpha = limits.alpha / f64::from(limits.classes.max(1));
        let half = f64::from(limits.runs / 2 + 1);
        let of_run = Beta::new(half, f64::from(limits.runs) - half + 1.0).ok()?.inverse_cdf(alpha);
        let t = StudentsT::new(0.0, 1.0, f64::from(df.max(1))).ok()?;
        let (whole, single) =
            (t.inverse_cdf(1.0 - alpha), t.inverse_cdf(1.0 - of_run / f64::from(gaps.max(1))));
        let shared = limits.of_occasions() + variance / f64::from(self.runs.max(1));
        let reach = (whole * whole * shared + single * single * variance).sqrt();
        Some(gap_of(self.log() + reach).max(self.slowest))
    }

    /// The limit below which a gap is too early. It is twice as cautious, because caches and batching make clean
    /// servers fast.
    pub fn lower(&self, limits: Limits) -> Gap {
        gap_of(self.log() - reach(self.spread, self.runs, self.df, limits) - 2f64.ln())
    }

    /// The limits for the gaps of one value of a field.
    pub fn of_kind(&self, slowest: Gap) -> Envelope {
        Envelope { slowest, ..self.clone() }
    }

    /// The limit above which a single gap is a stall, independent of the others: two seconds more than `margin` allows
    /// for the usual gap, and more than it allows for the slowest.
    pub fn stall(&self, margin: StallMargin) -> Gap {
        let times = |gap: Gap, factor: f64| Gap::from_secs_f64(gap.as_secs_f64() * factor);
        let beside_usual = Gap::from_millis(2_000) + times(self.usual, margin.of_usual);
        beside_usual.max(times(self.slowest, margin.of_slowest))
    }
}

/// The degrees of freedom of a spread from this number of recordings and the usual prior.
pub fn default_df(runs: u32) -> u32 {
    PRIOR_DF + runs.saturating_sub(1)
}

/// A gap as a logarithm of seconds, with [`LOG_FLOOR`].
pub fn log_of(gap: Gap) -> f64 {
    (gap.as_secs_f64() + LOG_FLOOR).ln()
}

/// The gap of a logarithm; never negative.
pub fn gap_of(log: f64) -> Gap {
    Gap::from_secs_f64(log.exp() - LOG_FLOOR)
}

/// The half-width of the prediction interval, in units of the logarithm.
fn reach(spread: f64, runs: u32, df: u32, limits: Limits) -> f64 {
    let n = f64::from(runs.max(1));
    let Ok(t) = StudentsT::new(0.0, 1.0, f64::from(df.clamp(1, MOST_DF))) else { return f64::INFINITY };
    let quantile = t.inverse_cdf(1.0 - limits.alpha / f64::from(limits.classes.max(1)));
    let within = spread * spread * (median_share(limits.runs) + 1.0 / n);
    quantile * (limits.of_occasions() + within).sqrt()
}

/// The variance of the median of several runs, as a share of that of one run: about 1.4 times that of their mean, for
/// three or more.
pub fn median_share(runs: u32) -> f64 {
    let share = if runs >= 3 { 1.4 } else { 1.0 };
    share / f64::from(runs.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(spread: f64, runs: u32) -> Envelope {
        Envelope {
            after: Label::from("a"),
            usual: Gap::from_millis(100),
            spread,
            within: None,
            fastest: Gap::from_millis(90),
            slowest: Gap::from_millis(110),
            earliest: None,
            latest: None,
            samples: runs,
            runs,
            df: default_df(runs),
            at_most: None,
            split: None,
        }
    }

    #[test]
    fn what_one_recording_had_each_run_may_have() {
        let limits = Limits { runs: 15, classes: 12, between: 0.12, occasions: 3, alpha: ALPHA_DEVIATION };
        let bound = |slowest: u64| {
            let slowest = Gap::from_millis(slowest);
            let known = Envelope { within: Some(0.2), slowest, samples: 60, ..envelope(0.2, 20) };
            known.upper_of_one(3, limits)
        };
        let usual = bound(110);
        assert!(usual.is_some_and(|usual| usual < Gap::from_millis(400)), "{usual:?}");
        assert_eq!(bound(900), Some(Gap::from_millis(900)));
    }

    /// The method's own table: limits as factors of the typical gap, at 0.1 % over 12 classes. Its spread holds what three
    /// days make out, 0.12.
    #[test]
    fn limits_agree_with_the_published_table() {
        let factor = |spread: f64, k: u32, n: u32| {
            let day: f64 = 0.12;
            let limits = Limits { runs: k, classes: 12, between: day, occasions: 3, alpha: ALPHA_DEVIATION };
            let within = (spread * spread - day * day).sqrt();
            envelope(within, n).upper(limits).as_secs_f64() / 0.1
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
        let limits = Limits { runs: 1, classes: 12, between: 0.25, occasions: 1, alpha: ALPHA_DEVIATION };
        let bounds: Vec<Gap> = [5, 10, 20, 50].map(|n| envelope(0.3, n).upper(limits)).to_vec();
        assert!(bounds.is_sorted_by(|a, b| a > b), "{bounds:?}");
    }
}
