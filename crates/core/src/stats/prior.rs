//! The information from the spreads of many kinds of gaps about the spread of one (empirical Bayes).
//!
//! The recordings of one gap are few, but the gaps of one server are many and alike: their spreads have a
//! distribution, and a single one is shrunk towards it. Smyth, *Linear models and empirical Bayes methods for
//! assessing differential expression in microarray experiments* (2004), section 6.2: a scaled inverse chi-square
//! prior fitted to the logarithms of the variances by their first two moments.

use statrs::function::gamma::digamma;

/// The degrees of freedom of the prior on the spread, if too few kinds of gaps are known.
pub const PRIOR_DF: u32 = 8;

/// A prior: a spread and its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// The standard deviation.
    pub spread: f64,
    /// The degrees of freedom.
    pub df: u32,
}

/// Fewer kinds of gaps say nothing about the others.
const MIN_KINDS: usize = 4;
/// A prior is never narrower or wider than this, nor worth less or more.
const SPREADS: (f64, f64) = (0.15, 0.6);
const DFS: (f64, f64) = (4.0, 20.0);

impl Prior {
    /// Shrinks a variance with its degrees of freedom towards the prior (moderated variance). Returns the new
    /// variance and degrees of freedom.
    pub fn draw(self, (variance, own): (f64, u32)) -> (f64, u32) {
        let df = self.df + own;
        let sum = f64::from(self.df) * self.spread * self.spread + f64::from(own) * variance;
        (sum / f64::from(df), df)
    }

    /// The prior from sample variances, each with its degrees of freedom; `usual` if there are too few.
    pub fn of(variances: &[(f64, f64)], usual: f64) -> Prior {
        let logs: Vec<(f64, f64)> = variances
            .iter()
            .filter(|(variance, df)| *variance > 0.0 && *df > 0.0)
            .map(|(variance, df)| (variance.ln() - digamma(df / 2.0) + (df / 2.0).ln(), *df))
            .collect();
        if logs.len() < MIN_KINDS {
            return Prior { spread: usual, df: PRIOR_DF };
        }
        #[expect(clippy::cast_precision_loss, reason = "kinds of gaps are few")]
        let n = logs.len() as f64;
        let mean = logs.iter().map(|(log, _)| log).sum::<f64>() / n;
        let scatter = logs.iter().map(|(log, _)| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
        // The variation of the logarithms beyond sampling is the variation of the true spreads.
        let excess = scatter - logs.iter().map(|(_, df)| trigamma(df / 2.0)).sum::<f64>() / n;
        let df = if excess > 0.0 { 2.0 * inverse_trigamma(excess) } else { DFS.1 }.clamp(DFS.0, DFS.1);
        let variance = (mean + digamma(df / 2.0) - (df / 2.0).ln()).exp();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "4 to 20")]
        let df = df.round() as u32;
        Prior { spread: variance.sqrt().clamp(SPREADS.0, SPREADS.1), df }
    }
}

/// The derivative of the digamma function, for x > 0: by recurrence to where its asymptotic series is exact enough
/// (Abramowitz and Stegun, 6.4.6 and 6.4.12).
fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    sum + 1.0 / x + y / 2.0 + y / x * (1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y / 30.0)))
}

/// The argument at which the trigamma function, which is decreasing, has this value.
fn inverse_trigamma(value: f64) -> f64 {
    let (mut low, mut high): (f64, f64) = (1e-3, 1e3);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > value { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trigamma_has_its_known_values() {
        let pi2 = std::f64::consts::PI.powi(2);
        for (x, value) in [(1.0, pi2 / 6.0), (0.5, pi2 / 2.0), (2.0, pi2 / 6.0 - 1.0)] {
            assert!((trigamma(x) - value).abs() < 1e-10, "{x}: {}", trigamma(x));
            assert!((inverse_trigamma(value) - x).abs() < 1e-6);
        }
    }

    #[test]
    fn alike_spreads_make_a_strong_prior_and_different_ones_a_weak_one() {
        let of = |spreads: &[f64]| Prior::of(&spreads.iter().map(|s| (s * s, 9.0)).collect::<Vec<_>>(), 0.45);
        let alike = of(&[0.30, 0.31, 0.29, 0.30, 0.32]);
        assert_eq!(alike.df, 20);
        assert!((0.28..0.34).contains(&alike.spread), "{alike:?}");
        let different = of(&[0.05, 1.2, 0.3, 0.1, 0.8]);
        assert_eq!(different.df, 4);
        assert_eq!(of(&[0.2, 0.2, 0.2]), Prior { spread: 0.45, df: PRIOR_DF });
    }
}
