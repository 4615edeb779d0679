//! Paired differences: whether the candidate is slower or faster, and by how much.
//!
//! If the two releases are alike, the difference within a pair is as likely to be `+x` as `-x`, whatever the
//! distribution of `x`. So the signs of whole pairs, all classes of a pair together, are flipped in every possible
//! way. A class counts as changed only if few of the flips give *any* class as large a mean as the observed one
//! (max-T; Westfall and Young, *Resampling-Based Multiple Testing*, 1993). This holds exactly, over all classes
//! together, as long as nothing else changes when a pair is flipped: limits and weights here depend on the sizes of
//! differences, never on their signs.

use crate::stats::median;

/// The differences of one class by pair, candidate minus baseline; none where a pair does not have both.
pub(super) type Differences = Vec<Option<f64>>;

/// The chance, over all classes together, that releases which are alike show as much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance {
    pub(super) slower: f64,
    pub(super) faster: f64,
}

/// Up to so many pairs all flips are made.
pub(super) const EXACT: usize = 11;
/// With more pairs so many are drawn, always the same ones.
pub(super) const DRAWN: u32 = 4000;

/// The least chance that so many pairs can show.
pub(super) fn least(pairs: usize) -> f64 {
    if pairs <= EXACT {
        0.5f64.powi(i32::try_from(pairs).unwrap_or(i32::MAX))
    } else {
        1.0 / f64::from(DRAWN + 1)
    }
}

/// Tests all classes at once, in both directions.
pub(super) fn test(classes: &[Differences]) -> Vec<Chance> {
    let pairs = classes.iter().map(Vec::len).max().unwrap_or(0);
    let classes: Vec<Vec<f64>> = classes.iter().map(|class| studentised(class, pairs)).collect();
    let seen: Vec<f64> = classes.iter().map(|class| class.iter().sum()).collect();
    let mut counts = vec![(0u32, 0u32); classes.len()];
    let mut flips = 0u32;
    let mut flip = |signs: &[f64]| {
        let sum = |class: &Vec<f64>| class.iter().zip(signs).map(|(d, sign)| d * sign).sum::<f64>();
        let (low, high) = classes
            .iter()
            .map(sum)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), sum| (low.min(sum), high.max(sum)));
        // Sums of the same numbers in another order are equal except for rounding.
        let as_large = |extreme: f64, seen: f64| u32::from(extreme >= seen - 1e-9);
        for ((slower, faster), seen) in counts.iter_mut().zip(&seen) {
            *slower += as_large(high, *seen);
            *faster += as_large(-low, -*seen);
        }
        flips += 1;
    };
    // The observed signs are one of the flips.
    let mut signs = vec![1.0; pairs];
    flip(&signs);
    let sign = |is_flipped: bool| if is_flipped { -1.0 } else { 1.0 };
    if pairs <= EXACT {
        for flipped in 1u32..1 << pairs {
            (0..pairs).for_each(|pair| signs[pair] = sign(flipped >> pair & 1 == 1));
            flip(&signs);
        }
    } else {
        let mut random = Random(0);
        for _ in 0..DRAWN {
            signs.iter_mut().for_each(|own| *own = sign(random.next() >> 63 == 1));
            flip(&signs);
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(flips);
    counts.iter().map(|(slower, faster)| Chance { slower: share(*slower), faster: share(*faster) }).collect()
}

/// Winsorised, and divided by the root of the sum of squares. The sum of these is, for a given number of pairs, a
/// monotone function of Student's t, and unlike it no larger for a class that few pairs have.
fn studentised(class: &Differences, pairs: usize) -> Vec<f64> {
    let limit = limit(class);
    let mut class: Vec<f64> = class.iter().map(|d| d.unwrap_or(0.0).clamp(-limit, limit)).collect();
    class.resize(pairs, 0.0);
    let norm = class.iter().map(|d| d * d).sum::<f64>().sqrt();
    class.iter_mut().for_each(|d| *d = if norm > 0.0 { *d / norm } else { 0.0 });
    class
}

/// The robust standard deviation of a class: the median of the sizes of its differences, which is this part of the
/// standard deviation of a normal variable. From zero, because flips would move a mean or a median.
fn spread(class: &Differences) -> f64 {
    1.4826 * median(class.iter().flatten().map(|d| d.abs())).unwrap_or(0.0)
}

/// A difference beyond this counts as this much, so that one spike of a machine does not hide what all other pairs
/// show. Huber's limit loses 5 % on normal differences; a wider one, taken from zero, would let spikes through as large
/// as the change that is to be seen.
fn limit(class: &Differences) -> f64 {
    let limit = 1.345 * spread(class);
    if limit > 0.0 { limit } else { f64::INFINITY }
}

/// The whole run: of each pair the mean over classes, those that vary little weighing more.
pub(super) fn whole_run(classes: &[Differences]) -> Differences {
    /// No class varies less than this, a part in fifty, so that none outweighs all others.
    const LEAST: f64 = 0.02;
    let weighed: Vec<(f64, f64, &Differences)> =
        classes.iter().map(|class| (spread(class).max(LEAST).powi(-2), limit(class), class)).collect();
    let pairs = classes.iter().map(Vec::len).max().unwrap_or(0);
    let mean = |pair: usize| {
        let own = weighed.iter().filter_map(|(weight, limit, class)| {
            Some((weight, class.get(pair).copied().flatten()?.clamp(-limit, *limit)))
        });
        let (total, sum) =
            own.fold((0.0, 0.0), |(total, sum), (weight, d)| (total + weight, sum + weight * d));
        (total > 0.0).then(|| sum / total)
    };
    (0..pairs).map(mean).collect()
}

/// The 95 % interval of the median from order statistics: free of any distribution. Fewer than six values have none.
pub(super) fn interval(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    // The median lies below the k-th smallest value when fewer than k of n coins show heads.
    let k = (1..=n / 2).take_while(|k| 2.0 * coins(n, n - k + 1) <= 0.05).last()?;
    Some((*values.get(k - 1)?, *values.get(n - k)?))
}

/// The chance that at least `heads` of `n` fair coins show heads.
pub(super) fn coins(n: usize, heads: usize) -> f64 {
    let n = i32::try_from(n).unwrap_or(i32::MAX);
    // Logarithms, because a factorial of a few hundred is no longer a number.
    let mut log = -f64::from(n) * 2f64.ln();
    let mut sum = 0.0;
    for k in 0..=n {
        if usize::try_from(k).is_ok_and(|k| k >= heads) {
            sum += log.exp();
        }
        log += (f64::from(n - k) / f64::from(k + 1)).ln();
    }
    f64::min(sum, 1.0)
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class<const N: usize>(differences: [f64; N]) -> Differences {
        differences.map(Some).to_vec()
    }

    #[test]
    fn flips_of_a_few_pairs_are_those_counted_by_hand() {
        let slower = |classes: &[Differences]| -> Vec<f64> {
            test(classes).iter().map(|chance| chance.slower * 8.0).collect()
        };
        // Only all pluses sum to 5.5; no limit is reached.
        assert_eq!(slower(&[class([1.0, 2.0, 2.5])]), [1.0]);
        // +3 −1 +2 = 4, and +3 +1 +2 is more.
        assert_eq!(slower(&[class([3.0, -1.0, 2.0])]), [2.0]);
        // 9 counts as 4: 4 − 2 + 1 = 3 is reached by ± ± − of 4 + 2 + 1, 4 + 2 − 1 and 4 − 2 + 1.
        assert_eq!(slower(&[class([9.0, -2.0, 1.0])]), [3.0]);
        // The first is as large again where the second one's odd pair is flipped; the second is matched by the first or
        // by itself in all flips but − − − and − + −.
        assert_eq!(slower(&[class([1.0, 1.0, 1.0]), class([1.0, -1.0, 1.0])]), [2.0, 6.0]);
        // A missing value has no sign: two pairs cannot show less than one in four.
        assert_eq!(slower(&[vec![Some(1.0), None, Some(2.0)]]), [2.0]);
        assert_eq!(slower(&[class([0.0, 0.0, 0.0])]), [8.0]);
        let chance = test(&[class([-1.0, -2.0, -3.0])])[0];
        assert_eq!((chance.slower, chance.faster), (1.0, 0.125));
        assert_eq!((least(3), least(10)), (0.125, 1.0 / 1024.0));
        assert_eq!(test(&[]), []);
    }

    #[test]
    fn drawn_flips_agree_with_all_of_them() {
        let mut random = Random(5);
        let mut noise = || (random.next() >> 11) as f64 / (1u64 << 53) as f64 - 0.35;
        let all: Differences = (0..EXACT).map(|_| Some(noise())).collect();
        let exact = test(std::slice::from_ref(&all))[0].slower;
        // A pair without data changes no sum, but there are too many for all flips.
        let drawn = test(&[all.into_iter().chain([None]).collect()])[0].slower;
        assert!((exact - drawn).abs() < 0.02, "{exact} {drawn}");
    }

    #[test]
    fn a_spike_does_not_hide_what_all_other_pairs_show() {
        let quiet = test(&[class([0.2, 0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.2, 0.3, 0.2])])[0].slower;
        let spiked = test(&[class([0.2, 0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.2, 0.3, -9.0])])[0].slower;
        assert_eq!(quiet, 1.0 / 1024.0);
        assert!(spiked < 0.02, "{spiked}");
    }

    #[test]
    fn coins_medians_and_intervals_are_those_of_the_tables() {
        for (n, heads, chance) in [(3, 2, 0.5), (4, 4, 0.0625), (0, 0, 1.0), (1000, 501, 0.487_387)] {
            assert!((coins(n, heads) - chance).abs() < 1e-5, "{n} {heads}");
        }
        let interval = |n: u32| interval((1..=n).map(f64::from));
        // Ranks for 95 %: none of 5, 1 and 6 of 6, 2 and 9 of 10, 6 and 15 of 20.
        assert_eq!(interval(5), None);
        assert_eq!(interval(6), Some((1.0, 6.0)));
        assert_eq!(interval(10), Some((2.0, 9.0)));
        assert_eq!(interval(20), Some((6.0, 15.0)));
    }
}
