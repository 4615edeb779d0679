//! What people use without goldwire: comparing with a recording, or asserting that some things came.
//!
//! All of them are told what events are called, which goldwire has to find out. They see names only.

use std::collections::{BTreeMap, BTreeSet};

/// A rule: whether a session passes, given the recordings.
pub(crate) struct Baseline {
    pub(crate) name: &'static str,
    pub(crate) accepts: fn(&[Vec<String>], &[String]) -> bool,
}

/// All of them.
pub(crate) const ALL: [Baseline; 6] = [
    Baseline { name: "exact_sequence", accepts: exact_sequence },
    Baseline { name: "multiset", accepts: multiset },
    Baseline { name: "required_set", accepts: required_set },
    Baseline { name: "strict_match", accepts: strict_match },
    Baseline { name: "unordered_match", accepts: unordered_match },
    Baseline { name: "superset_match", accepts: superset_match },
];

fn counts(labels: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for label in labels {
        *counts.entry(label.as_str()).or_default() += 1;
    }
    counts
}

/// What trajectory matchers look at: steps, of which a stretch of the same is one.
fn steps(labels: &[String]) -> Vec<String> {
    let mut steps = labels.to_vec();
    steps.dedup();
    steps
}

/// The same names in the same order as some recording.
fn exact_sequence(recorded: &[Vec<String>], labels: &[String]) -> bool {
    recorded.iter().any(|one| one == labels)
}

/// The same names equally often as in some recording.
fn multiset(recorded: &[Vec<String>], labels: &[String]) -> bool {
    recorded.iter().any(|one| counts(one) == counts(labels))
}

/// What came in all recordings came, as often if it was always as often, and first and last are as they were.
fn required_set(recorded: &[Vec<String>], labels: &[String]) -> bool {
    let all: Vec<BTreeMap<&str, usize>> = recorded.iter().map(|one| counts(one)).collect();
    let here = counts(labels);
    let Some(first) = all.first() else { return true };
    let required = first.iter().filter(|(label, _)| all.iter().all(|one| one.contains_key(*label)));
    let met = required.clone().all(|(label, n)| {
        let is_fixed = all.iter().all(|one| one.get(label) == Some(n));
        here.get(label).is_some_and(|own| !is_fixed || own == n)
    });
    let edge = |of: fn(&[String]) -> Option<&String>| {
        let known: BTreeSet<Option<&String>> = recorded.iter().map(|one| of(one)).collect();
        known.contains(&of(labels))
    };
    met && edge(<[String]>::first) && edge(<[String]>::last)
}

/// The same steps in the same order as some recording.
fn strict_match(recorded: &[Vec<String>], labels: &[String]) -> bool {
    recorded.iter().any(|one| steps(one) == steps(labels))
}

/// The same steps in any order.
fn unordered_match(recorded: &[Vec<String>], labels: &[String]) -> bool {
    let own = steps(labels);
    recorded.iter().any(|one| counts(&steps(one)) == counts(&own))
}

/// At least the steps of some recording.
fn superset_match(recorded: &[Vec<String>], labels: &[String]) -> bool {
    let own = steps(labels);
    let own = counts(&own);
    recorded
        .iter()
        .any(|one| counts(&steps(one)).iter().all(|(label, n)| own.get(label).is_some_and(|has| has >= n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_superset_may_hold_more_but_not_less() {
        let recorded = [words("a b b c")];
        assert!(superset_match(&recorded, &words("a b x c")));
        assert!(!superset_match(&recorded, &words("a b x")));
    }

    #[test]
    fn the_required_set_knows_fixed_counts_and_edges() {
        let recorded = [words("a b b c"), words("a b c")];
        assert!(required_set(&recorded, &words("a b b b c")));
        assert!(!required_set(&recorded, &words("a a b c")));
        assert!(!required_set(&recorded, &words("a b c b")));
    }
}
