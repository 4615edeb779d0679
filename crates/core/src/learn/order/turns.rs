//! Events that take turns.

use super::learner::MIN_RULE;
use crate::learn::traces::Traces;
use std::collections::BTreeSet;

/// Whether a and b always take turns, beginning with the same one.
pub(super) fn alternates(traces: &Traces, a: u16, b: u16) -> bool {
    let mut starts = BTreeSet::new();
    traces.keys().all(|trace| {
        let turns: Vec<u16> = trace.iter().copied().filter(|s| *s == a || *s == b).collect();
        if turns.len() < 2 {
            starts.extend(turns);
            return true;
        }
        starts.insert(turns[0]);
        turns.windows(2).all(|pair| pair[0] != pair[1])
    }) && starts.len() == 1
}

/// Whether every b follows an a of its own and every a is followed by one, more than once in some trace, and often enough
/// to be no chance.
pub(super) fn takes_turns(traces: &Traces, a: u16, b: u16) -> bool {
    let (mut pairs, mut most) = (0, 0);
    for (trace, weight) in traces {
        let mut open = false;
        let mut here = 0;
        for symbol in trace.iter().filter(|symbol| **symbol == a || **symbol == b) {
            if (*symbol == a) == open {
                return false;
            }
            open = !open;
            here += u32::from(!open);
        }
        if open {
            return false;
        }
        pairs += here * weight;
        most = most.max(here);
    }
    most > 1 && pairs >= MIN_RULE
}
