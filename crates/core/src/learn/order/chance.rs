//! How probable it is that something is so by chance.

use crate::learn::traces::Traces;

/// The probability that a symbol begins (or ends) every trace by chance, had its events fallen anywhere among the others.
pub(super) fn at_edge_by_chance(traces: &Traces, symbol: u16) -> f64 {
    let chance = |trace: &[u16], weight: u32| {
        let own = trace.iter().filter(|other| **other == symbol).count();
        (own as f64 / trace.len().max(1) as f64).powf(f64::from(weight))
    };
    traces.iter().map(|(trace, weight)| chance(trace, *weight)).product()
}

/// The probability that two sets of a and b out of n traces do not overlap by chance (hypergeometric).
pub(super) fn no_overlap_by_chance(n: u32, a: u32, b: u32) -> f64 {
    if a + b > n {
        return 0.0;
    }
    (0..b).map(|i| f64::from(n - a - i) / f64::from(n - i)).product()
}

/// The probability that n traces which have at least one of several independent groups all have exactly one.
pub(super) fn one_of_all_by_chance(n: u32, counts: &[u32]) -> f64 {
    let shares: Vec<f64> = counts.iter().map(|count| f64::from(*count) / f64::from(n.max(1))).collect();
    let none: f64 = shares.iter().map(|share| 1.0 - share).product();
    let others =
        |i: usize| shares.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, s)| 1.0 - s).product::<f64>();
    let one: f64 = shares.iter().enumerate().map(|(i, share)| share * others(i)).sum();
    if none >= 1.0 { 1.0 } else { (one / (1.0 - none)).powf(f64::from(n)) }
}
