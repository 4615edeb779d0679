//! Does it become slower from one session to the next?

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A trend over sessions that followed each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// How many times as long the last session takes as the first, on the line that fits best.
    pub(super) factor: f64,
    /// How often a server without a trend would show one as steep.
    pub(super) p: f64,
}

/// Fewer sessions show no trend.
pub(super) const MIN_SESSIONS: usize = 10;

/// The trend of times in seconds, by rank: Theil–Sen's slope of the logarithms (Sen 1968), which a few slow sessions do not
/// move, tested by Spearman's rank correlation with the session's number. None below [`MIN_SESSIONS`].
pub(super) fn trend(seconds: &[f64]) -> Option<Trend> {
    let n = seconds.len();
    if n < MIN_SESSIONS {
        return None;
    }
    let logs: Vec<f64> = seconds.iter().map(|s| s.max(1e-6).ln()).collect();
    let mut slopes: Vec<f64> = Vec::new();
    for (i, first) in logs.iter().enumerate() {
        for (steps, second) in (1u32..).zip(&logs[i + 1..]) {
            slopes.push((second - first) / f64::from(steps));
        }
    }
    slopes.sort_by(f64::total_cmp);
    let slope = slopes[slopes.len() / 2];
    let count = u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
    let ranks = ranks(&logs);
    let middle = (count - 1.0) / 2.0;
    let (mut both, mut own, mut numbers) = (0.0, 0.0, 0.0);
    for (number, rank) in (0u32..).map(f64::from).zip(&ranks) {
        both += (number - middle) * (rank - middle);
        own += (rank - middle).powi(2);
        numbers += (number - middle).powi(2);
    }
    let rho = if own > 0.0 { (both / (own * numbers).sqrt()).clamp(-0.999_999, 0.999_999) } else { 0.0 };
    let t = rho * ((count - 2.0) / (1.0 - rho * rho)).sqrt();
    let p = StudentsT::new(0.0, 1.0, count - 2.0).map_or(1.0, |student| 1.0 - student.cdf(t));
    Some(Trend { factor: (slope * (count - 1.0)).exp(), p })
}

/// Ranks from 0; equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let same = values.iter().filter(|other| *other == value).count();
            let half = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / 2.0;
            half(below) * 2.0 + half(same) - 0.5
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise within ±20 %.
    fn noise(i: usize) -> f64 {
        let h = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        0.8 + 0.4 * (h % 1000) as f64 / 1000.0
    }

    #[test]
    fn a_leak_shows_and_noise_and_a_few_slow_sessions_do_not() {
        let leak: Vec<f64> = (0..50).map(|i| (0.3 + 0.3 * i as f64 / 49.0) * noise(i)).collect();
        let found = trend(&leak).expect("enough");
        assert!((1.7..2.4).contains(&found.factor) && found.p < 1e-6, "{found:?}");
        let mut flat: Vec<f64> = (0..50).map(|i| 0.3 * noise(i)).collect();
        let found = trend(&flat).expect("enough");
        assert!(found.p > 0.01 && found.factor < 1.2, "{found:?}");
        flat[44..].fill(9.0);
        assert!(trend(&flat).expect("enough").factor < 1.4);
        assert_eq!(trend(&flat[..9]), None);
        assert!(trend(&[0.1; 20]).is_some_and(|t| t.factor == 1.0 && t.p > 0.1));
    }
}
