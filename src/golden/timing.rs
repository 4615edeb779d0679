//! How soon and how late an event may come after its cause.
//!
//! Latencies are taken to be log-normal from run to run. `usual` is the geometric mean of the runs' medians and
//! `spread` the standard deviation of their natural logarithms, already moderated towards what is common for such gaps
//! (Smyth, *Linear models and empirical Bayes methods*, 2004). A bound is a prediction limit of Student's t for the
//! median of k new runs.

use crate::dialect::Label;
use crate::transcript::Gap;
use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

/// What recordings showed of the time between an event and its cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The event that this one waits for.
    pub after: Label,
    /// The typical gap.
    pub usual: Gap,
    /// Standard deviation of the logarithm of the gap, from run to run.
    pub spread: f64,
    /// Standard deviation of the logarithm of single gaps within a run; known where a run has a few of them.
    pub within: Option<f64>,
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
    /// Degrees of freedom of the spread: those of the recordings and those that other gaps lend.
    pub df: u32,
}

/// What recordings showed of the pace of whole sessions: how far, on the average over all kinds of gaps, a session is from
/// the usual. Known only from several days: what a day or a machine makes out is no business of the server's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WholeRun {
    /// Standard deviation of the logarithm, from run to run.
    pub spread: f64,
    /// How many recordings show it.
    pub runs: u32,
}

impl WholeRun {
    /// Above this many times the usual the median of so many runs is too slow.
    pub fn upper(&self, limits: Limits) -> f64 {
        let df = PRIOR_DF + freedom(self.spread * self.spread, self.runs, limits.days);
        reach(self.spread, self.runs, df, limits).exp()
    }
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

impl Limits {
    /// For what a delay adds to: as few gaps have one, and a gap that is itself among the slowest seldom does, the bound
    /// below the delay need not be as cautious.
    fn beside_a_delay(self) -> Limits {
        let most = 0.5 * f64::from(self.classes.max(1));
        Limits { alpha: (self.alpha * DELAYED).min(most), ..self }
    }
}

/// A failing bound: one false alarm in a thousand checks.
pub const ALPHA_DEVIATION: f64 = 0.001;
/// A suspicious bound.
pub const ALPHA_SUSPECT: f64 = 0.005;
/// Where another look costs little: what one clean check in twenty shows is looked at again before anything is said.
pub const ALPHA_DOUBT: f64 = 0.05;
/// Added to every gap before the logarithm, so that gaps near zero do not count for everything.
pub const LOG_FLOOR: f64 = 0.0005;
/// Degrees of freedom of the prior on the spread, where too few kinds of gaps are known to tell.
pub const PRIOR_DF: u32 = 8;
/// How much machines differ from day to day, as a standard deviation of the logarithm; assumed until seen.
pub const DAY_SPREAD: f64 = 0.12;
/// Fewer days cannot tell what a day makes out.
pub const MIN_DAYS: u32 = 3;
/// Short-lived delays of a scheduler or a collector add up to this much to gaps of which fewer than [`FEW`] are judged.
pub const SLACK: Gap = Gap::from_millis(250);
/// One gap in so many has such a delay.
const DELAYED: f64 = 100.0;
/// So many gaps need nothing added for delays: their median does not follow a single delay.
pub const FEW: u32 = 4;
/// Where a run has at most so many gaps, on the average, each counts by itself.
pub const SINGLE: f64 = 8.0;
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

    /// How far the median of a run, a logarithm of seconds with [`LOG_FLOOR`], is from the usual; at most four spreads.
    pub fn deviation(&self, log: f64) -> f64 {
        let usual = (self.usual.as_secs_f64() + LOG_FLOOR).ln();
        (log - usual).clamp(-4.0 * self.spread, 4.0 * self.spread)
    }

    /// How much it says about the pace of a whole session.
    pub fn weight(&self) -> f64 {
        1.0 / (self.spread * self.spread).max(1e-6)
    }

    /// Above this the median of so many runs is too late.
    pub fn upper(&self, limits: Limits) -> Gap {
        let log =
            (self.usual.as_secs_f64() + LOG_FLOOR).ln() + reach(self.spread, self.runs, self.df, limits);
        Gap::from_secs_f64(log.exp() - LOG_FLOOR)
    }

    /// Above this the median of fewer than [`FEW`] gaps is too late.
    pub fn upper_of_few(&self, limits: Limits) -> Gap {
        self.upper(limits).max(self.upper(limits.beside_a_delay()) + SLACK)
    }

    /// Above this `latest`, which a person may have edited, is exceeded by the median of fewer than [`FEW`] gaps.
    pub fn latest_of_few(&self, latest: Gap, limits: Limits) -> Gap {
        latest.max(latest.min(self.upper(limits.beside_a_delay())) + SLACK)
    }

    /// Above this one of so many gaps of a run is too late, even if the others are not; over several runs the median of
    /// their longest. None where nothing is known of single gaps.
    pub fn upper_of_one(&self, gaps: u32, limits: Limits) -> Option<Gap> {
        let within = self.within?;
        // The median of a run has its share of what is within already.
        let variance =
            self.spread * self.spread + within * within * (1.0 - 1.0 / self.gaps_per_run().max(1.0));
        let df = self.df.min(self.samples.saturating_sub(self.runs));
        if limits.runs < FEW {
            let single = Envelope { spread: variance.sqrt(), within: None, df, ..self.clone() };
            let classes = limits.classes.max(1).saturating_mul(gaps.max(1));
            let bound = single.upper_of_few(Limits { runs: 1, classes, ..limits });
            return Some(bound.max(self.slowest));
        }
        // Half of the runs have such a gap by chance only if each of their gaps is allowed to be late more often.
        let alpha = limits.alpha / f64::from(limits.classes.max(1));
        let half = f64::from(limits.runs / 2 + 1);
        let of_run = Beta::new(half, f64::from(limits.runs) - half + 1.0).ok()?.inverse_cdf(alpha);
        let t = StudentsT::new(0.0, 1.0, f64::from(df.max(1))).ok()?;
        let (whole, single) =
            (t.inverse_cdf(1.0 - alpha), t.inverse_cdf(1.0 - of_run / f64::from(gaps.max(1))));
        let (between, within) = days_and_rest(variance, limits.days);
        let days = f64::from(limits.days.max(1));
        let shared = between * (1.0 + 1.0 / days) + within / f64::from(self.runs.max(1));
        let reach = (whole * whole * shared + single * single * within).sqrt();
        let log = (self.usual.as_secs_f64() + LOG_FLOOR).ln() + reach;
        Some(Gap::from_secs_f64(log.exp() - LOG_FLOOR))
    }

    /// Below this it is too early; twice as cautious, because caches and batching make clean servers fast.
    pub fn lower(&self, limits: Limits) -> Gap {
        let log = (self.usual.as_secs_f64() + LOG_FLOOR).ln()
            - reach(self.spread, self.runs, self.df, limits)
            - 2f64.ln();
        Gap::from_secs_f64(log.exp() - LOG_FLOOR)
    }

    /// A single gap beyond this is a stall, whatever the others do.
    pub fn stall(&self, limits: Limits) -> Gap {
        let two_seconds = Gap::from_millis(2_000) + self.usual;
        let thrice = Gap::from_nanos(self.slowest.as_nanos().saturating_mul(3));
        two_seconds.max(thrice).max(self.upper(limits))
    }
}

/// The degrees of freedom of a spread from so many recordings, and the usual prior.
pub fn default_df(runs: u32) -> u32 {
    PRIOR_DF + runs.saturating_sub(1)
}

/// The degrees of freedom of a variance from so many recordings. What days make out is seen once a day however many
/// recordings a day has, and is taken to be as large as is assumed of days (Satterthwaite's approximation).
pub fn freedom(variance: f64, runs: u32, days: u32) -> u32 {
    let most = runs.saturating_sub(1);
    if days < MIN_DAYS || days >= runs {
        return most;
    }
    let (between, within) = parts(variance);
    let share = between * between / f64::from(days - 1) + within * within / f64::from(most);
    let df = (variance * variance / share.max(f64::MIN_POSITIVE)).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most as many as recordings"
    )]
    let df = df.min(f64::from(most)) as u32;
    df.max(1)
}

/// A variance as that between days and that within a day.
fn parts(total: f64) -> (f64, f64) {
    let between = (0.8 * total).min(DAY_SPREAD * DAY_SPREAD);
    (between, total - between)
}

/// A variance as that between days and the rest. Recordings of fewer than three days cannot show the difference between
/// days: it is added by assumption.
fn days_and_rest(total: f64, days: u32) -> (f64, f64) {
    if days < MIN_DAYS { (DAY_SPREAD * DAY_SPREAD, total) } else { parts(total) }
}

/// The half-width of the prediction interval, in units of the logarithm.
fn reach(spread: f64, runs: u32, df: u32, limits: Limits) -> f64 {
    let n = f64::from(runs.max(1));
    let Ok(t) = StudentsT::new(0.0, 1.0, f64::from(df.max(1))) else { return f64::INFINITY };
    let quantile = t.inverse_cdf(1.0 - limits.alpha / f64::from(limits.classes.max(1)));
    let (between, within) = days_and_rest(spread * spread, limits.days);
    // The variance of a median is about 1.4 times that of a mean of the same few values.
    let median = if limits.runs >= 3 { 1.4 } else { 1.0 } / f64::from(limits.runs.max(1));
    let days = f64::from(limits.days.max(1));
    quantile * (between * (1.0 + 1.0 / days) + within * (median + 1.0 / n)).sqrt()
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
    fn recordings_of_few_days_say_little_of_what_differs_between_days() {
        let variance = 0.12 * 0.12;
        assert_eq!(freedom(variance, 20, 20), 19);
        assert_eq!(freedom(variance, 20, 1), 19, "what days make out is added by assumption");
        assert_eq!(freedom(variance, 20, 5), 6, "4 / 0.8^2");
        assert_eq!(freedom(variance, 1000, 5), 6);
        // Where days matter little beside the rest, recordings count.
        assert_eq!(freedom(0.8 * 0.8, 20, 5), 19);
    }

    #[test]
    fn more_recordings_never_widen_a_bound() {
        let limits = Limits { runs: 1, classes: 12, days: 1, alpha: ALPHA_DEVIATION };
        let bounds: Vec<Gap> = [5, 10, 20, 50].map(|n| envelope(0.3, n).upper(limits)).to_vec();
        assert!(bounds.is_sorted_by(|a, b| a > b), "{bounds:?}");
    }
}
