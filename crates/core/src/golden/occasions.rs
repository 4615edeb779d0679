//! The differences between occasions, in pace and in single kinds of gaps.
//!
//! Two variances are estimated: that of the pace, which all kinds of gaps of an occasion share, and that of a kind
//! beyond it. Both are shrunk towards priors, because few occasions show little (random effects by level: Kalibera
//! and Jones, *Rigorous benchmarking in reasonable time*, 2013).

use crate::stats::{mean, median};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;
use std::time::Duration;

/// The largest distance between starts of recordings of one class of hosts in one occasion.
pub const OCCASION: Duration = Duration::from_secs(15 * 60);
/// The number of occasions from which the pace of another one can be judged.
pub const MIN_OCCASIONS: u32 = 4;
/// The differences between the occasions of recordings. An *occasion* is the recordings of one class of hosts whose
/// starts are less than [`OCCASION`] apart: they share the state of the machine at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Occasions {
    /// The number of occasions over all classes of hosts; 0 counts as 1.
    pub count: u32,
    /// The spread of the pace of occasions: the standard deviation of its logarithm. Known from two occasions on.
    pub pace: Option<f64>,
    /// The deviation of a kind of gap from the pace of its occasion: the standard deviation of the logarithm beyond
    /// sampling. Known from two occasions on.
    pub kinds: Option<f64>,
    /// The number of kinds of gaps behind it.
    pub classes: u32,
}

/// A prior for a standard deviation, with its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadPrior {
    /// The standard deviation of the logarithm.
    pub spread: f64,
    /// Degrees of freedom.
    pub df: f64,
}

/// The deviation of a kind of gap from the pace of its occasion on one class of hosts, until recordings show it.
pub const SAME_HOST: SpreadPrior = SpreadPrior { spread: 0.12, df: 12.0 };
/// The same between classes of hosts: measured between 0.1 and 0.3 under ten conditions of one server.
pub const OTHER_HOST: SpreadPrior = SpreadPrior { spread: 0.25, df: 30.0 };
/// The spread of the pace of occasions on one class of hosts, until recordings show it: measured as 0.26.
pub const OCCASION_SPREAD: SpreadPrior = SpreadPrior { spread: 0.25, df: 3.0 };
/// Kinds of gaps are not independent: each counts for this share of a degree of freedom an occasion.
const KIND_SHARE: f64 = 0.3;

/// One kind of gap over several occasions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KindMeans {
    /// The mean logarithm in each occasion, by its number.
    pub means: BTreeMap<usize, f64>,
    /// The number of runs in all occasions.
    pub runs: u32,
    /// The variance from run to run within an occasion.
    pub variance: f64,
}

impl KindMeans {
    /// The mean over occasions, because ten recordings of a slow moment say no more about the server than two.
    pub fn log(&self) -> f64 {
        mean(self.means.values().copied())
    }
}

/// The pace of an occasion as a logarithm: the median over the kinds of gaps of their deviation from the usual.
pub fn pace_of(occasion: usize, kinds: &[KindMeans]) -> Option<f64> {
    median(kinds.iter().filter_map(|kind| Some(kind.means.get(&occasion)? - kind.log())))
}

impl Occasions {
    /// The differences between this number of occasions, from the judged kinds of gaps.
    pub fn of(kinds: &[KindMeans], count: u32) -> Occasions {
        let classes = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
        let mut occasions = Occasions { count, classes, ..Occasions::default() };
        if count < 2 || classes < 2 {
            return occasions;
        }
        let (mut paces, mut strays) = (Vec::new(), 0.0);
        for occasion in 0..count as usize {
            let Some(pace) = pace_of(occasion, kinds) else { continue };
            let own = kinds.iter().filter_map(|kind| Some(kind.means.get(&occasion)? - kind.log()));
            strays += own.map(|log| (log - pace).powi(2)).sum::<f64>();
            paces.push(pace);
        }
        // The part of sampling: the variance of a mean of an occasion's runs.
        let sampling = mean(kinds.iter().map(|kind| {
            let runs = f64::from(kind.runs) / kind.means.len().max(1) as f64;
            kind.variance / runs.max(1.0)
        }));
        let free = f64::from(count - 1) * f64::from(classes - 1);
        occasions.kinds = Some((strays / free - sampling).max(0.0).sqrt());
        let middle = mean(paces.iter().copied());
        let scatter: f64 = paces.iter().map(|pace| (pace - middle).powi(2)).sum();
        occasions.pace = Some((scatter / f64::from(count - 1)).sqrt());
        occasions
    }

    /// The number of occasions, at least one.
    pub fn n(&self) -> f64 {
        f64::from(self.count.max(1))
    }

    /// The standard deviation of the logarithm of a kind of gap beyond the pace, shrunk towards a prior.
    pub fn kind_spread(&self, prior: SpreadPrior) -> f64 {
        let own = KIND_SHARE * (self.n() - 1.0) * (f64::from(self.classes) - 1.0).max(0.0);
        draw(prior, self.kinds, own)
    }

    /// The standard deviation of the logarithm of the pace between occasions.
    pub fn pace_spread(&self) -> f64 {
        draw(OCCASION_SPREAD, self.pace, self.n() - 1.0)
    }

    /// The spread that an occasion adds to a kind of gap if its pace is not removed.
    pub fn spread(&self) -> f64 {
        self.pace_spread().hypot(self.kind_spread(SAME_HOST))
    }

    /// The average factor by which the slowest occasion was slower than the usual one. The expected largest of `n`
    /// normal deviates is 0.85 for 3 and 1.54 for 10, and at most `0.57 sqrt(2 ln n)`.
    pub fn slowest_of_all(&self) -> f64 {
        (self.pace.unwrap_or(0.0) * 0.57 * (2.0 * self.n().ln()).sqrt()).exp()
    }

    /// The factor above which a whole occasion is too slow; `variance` is that of its own pace. None if too few
    /// occasions are known.
    pub fn slowest_pace(&self, variance: f64, alpha: f64) -> Option<f64> {
        let n = self.n();
        if self.count < MIN_OCCASIONS {
            return None;
        }
        let t = StudentsT::new(0.0, 1.0, OCCASION_SPREAD.df + n - 1.0).ok()?;
        let between = self.pace_spread().powi(2) * (1.0 + 1.0 / n);
        Some((t.inverse_cdf(1.0 - alpha) * (between + variance).sqrt()).exp())
    }
}

/// A standard deviation with `df` degrees of freedom, drawn towards a prior.
fn draw(prior: SpreadPrior, own: Option<f64>, df: f64) -> f64 {
    let (own, df) = own.map_or((0.0, 0.0), |own| (own, df.max(0.0)));
    ((prior.df * prior.spread * prior.spread + df * own * own) / (prior.df + df)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occasions_show_what_is_assumed_until_then() {
        let one = Occasions { count: 1, ..Occasions::default() };
        assert_eq!((one.pace_spread(), one.kind_spread(SAME_HOST)), (0.25, 0.12));
        assert_eq!(one.slowest_pace(0.0, 0.0005), None, "one occasion shows no difference between occasions");
        let seen = |pace: f64| Occasions { count: 13, pace: Some(pace), kinds: Some(0.05), classes: 31 };
        assert!(seen(0.1).pace_spread() < 0.15 && seen(0.6).pace_spread() > 0.5);
        assert!(seen(0.1).kind_spread(OTHER_HOST) < 0.15, "a hundred degrees of freedom against thirty");
        assert!(seen(0.1).slowest_pace(0.0, 0.0005) < seen(0.3).slowest_pace(0.0, 0.0005));
    }

    #[test]
    fn what_all_kinds_share_is_pace_and_the_rest_is_theirs() {
        let kind = |means: [f64; 4]| KindMeans {
            means: means.into_iter().enumerate().collect(),
            runs: 400,
            variance: 0.0,
        };
        let shared = Occasions::of(&vec![kind([0.0, 0.5, 1.0, 0.5]); 5], 4);
        assert!(shared.pace.is_some_and(|pace| (pace - 0.408).abs() < 0.01), "{shared:?}");
        assert_eq!(shared.kinds, Some(0.0));
        let mut kinds = vec![kind([0.0; 4]); 5];
        kinds.extend([kind([0.4, -0.4, 0.4, -0.4]), kind([-0.4, 0.4, -0.4, 0.4])]);
        let own = Occasions::of(&kinds, 4);
        assert_eq!(own.pace, Some(0.0));
        assert!(own.kinds.is_some_and(|kinds| kinds > 0.2), "{own:?}");
    }
}
