//! Detects sessions that become slower one after the other.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A trend over sessions that followed each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// The factor of the last session to the first, on the line of best fit.
    pub(super) factor: f64,
    /// The probability that a server without a trend shows one as steep.
    pub(super) p: f64,
}

/// Fewer sessions show no trend.
pub(super) const MIN_SESSIONS: usize = 10;
/// The accepted probability of a trend by chance.
const ALPHA: f64 = 0.001;
/// A steep trend must continue in further sessions; flat sessions do so by chance with this probability each time.
const ALPHA_AGAIN: f64 = 0.02;
/// A smaller trend is not a finding, however certain it is.
const MIN_FACTOR: f64 = 1.5;
/// The maximum number of blocks of sessions until it is clear whether a trend continues.
const MOST_BLOCKS: usize = 4;

impl Trend {
    /// Whether the trend is significant and large enough.
    pub(super) fn is_steep(self) -> bool {
        self.p < ALPHA && self.factor >= MIN_FACTOR
    }
}

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

/// The result of a soak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shown {
    /// No trend, or less of one than counts.
    Flat(Trend),
    /// A trend that a machine that gets busy makes as well: as many sessions again tell more.
    Unclear,
    /// A trend that did not go on in the sessions after the first block; the second trend is that of these.
    Machine(Trend, Trend),
    /// A trend that goes on.
    Steep(Trend),
}

/// Judges the times of a soak, in seconds, of which every `block` sessions were one look. A machine that gets busy, or free
/// again, bends one block; what each session leaves behind goes on growing for as long as anybody asks. So a steep first block is
/// followed by one to [`MOST_BLOCKS`] − 1 further ones, and all of these together have to grow. None below [`MIN_SESSIONS`].
pub(super) fn shown(seconds: &[f64], block: usize) -> Option<Shown> {
    let (first, rest) = seconds.split_at(block.min(seconds.len()));
    let begun = trend(first)?;
    if !begun.is_steep() {
        return Some(Shown::Flat(begun));
    }
    let Some(after) = trend(rest) else { return Some(Shown::Unclear) };
    let whole = trend(seconds).filter(|whole| whole.is_steep());
    Some(match whole {
        Some(whole) if after.p < ALPHA_AGAIN => Shown::Steep(whole),
        _ if rest.len() < block * (MOST_BLOCKS - 1) => Shown::Unclear,
        _ => Shown::Machine(begun, after),
    })
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

    /// A machine that becomes busy over the first 50 sessions, by as much as this, and is free again over the next 50.
    fn busy(i: usize, most: f64) -> f64 {
        let up = (i as f64 / 50.0).min(1.0);
        let down = ((i as f64 - 50.0) / 50.0).clamp(0.0, 1.0);
        1.0 + (most - 1.0) * (up - down)
    }

    /// The verdict after as many blocks of 50 as it takes, and how many these are.
    fn soak(seconds: impl Fn(usize) -> f64) -> (usize, Shown) {
        for blocks in 1..=MOST_BLOCKS {
            let times: Vec<f64> = (0..50 * blocks).map(&seconds).collect();
            match shown(&times, 50).expect("enough") {
                Shown::Unclear => (),
                clear => return (blocks, clear),
            }
        }
        panic!("unclear after {MOST_BLOCKS} blocks");
    }

    #[test]
    fn a_machine_that_was_busy_hides_no_leak_and_makes_none() {
        let leak = |i: usize| 0.3 + 0.3 * i as f64 / 49.0;
        let (blocks, verdict) = soak(|i| leak(i) * noise(i));
        assert!(blocks == 2 && matches!(verdict, Shown::Steep(_)), "{blocks} {verdict:?}");
        // It hides the leak in the second block, and not in those after it.
        let (blocks, verdict) = soak(|i| leak(i) * noise(i) * busy(i, 1.6));
        assert!(blocks > 2 && matches!(verdict, Shown::Steep(_)), "{blocks} {verdict:?}");
        let (blocks, verdict) = soak(|i| 0.3 * noise(i) * busy(i, 2.5));
        assert!(blocks == MOST_BLOCKS && matches!(verdict, Shown::Machine(..)), "{blocks} {verdict:?}");
        // It becomes busy, and stays so.
        let (blocks, verdict) = soak(|i| 0.3 * noise(i) * busy(i.min(50), 2.5));
        assert!(blocks == MOST_BLOCKS && matches!(verdict, Shown::Machine(..)), "{blocks} {verdict:?}");
        let (blocks, verdict) = soak(|i| 0.3 * noise(i));
        assert!(blocks == 1 && matches!(verdict, Shown::Flat(_)), "{blocks} {verdict:?}");
    }
}
