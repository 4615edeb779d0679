//! Traces: the orders of the symbols of a scope.

use std::collections::{BTreeMap, BTreeSet};

/// Traces, each with how often it was seen.
pub(super) type Traces = BTreeMap<Vec<u16>, u32>;

/// The traces of some symbols only.
pub(super) fn project(traces: &Traces, keep: &BTreeSet<u16>) -> Traces {
    let mut projected = Traces::new();
    for (trace, weight) in traces {
        let part: Vec<u16> = trace.iter().copied().filter(|symbol| keep.contains(symbol)).collect();
        *projected.entry(part).or_default() += weight;
    }
    projected
}
