//! Means, medians and quantiles.

/// The mean; zero for no values.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}

/// The median: the middle value, or the mean of the middle two. None for no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    let (count, middle) = (values.len(), values.len() / 2);
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(if count % 2 == 1 { *upper } else { f64::midpoint(lower, *upper) })
}

/// The median value with its data. For an even number, the lower of the middle two.
pub fn lower_median<T: Copy>(values: impl Iterator<Item = (f64, T)>) -> Option<(f64, T)> {
    let mut values: Vec<(f64, T)> = values.collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}

/// The value below which this share of the values lies, interpolated between two values.
pub fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * values.len().checked_sub(1)? as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let (low, high) = (*values.get(low)?, *values.get(high)?);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([3.0, 1.0, 2.0, 10.0]), Some(2.5));
        assert_eq!(
            lower_median([(3.0, 'c'), (1.0, 'a'), (2.0, 'b'), (10.0, 'd')].into_iter()),
            Some((2.0, 'b'))
        );
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.75), Some(2.5));
    }
}
