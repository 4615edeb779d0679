//! Merges the results of several jobs.

use super::{Outcome, Run, Shard, Unjudged};
use std::collections::BTreeSet;

/// The reason why outcomes do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The same part is there more than once.
    #[error("shard {0} is given twice")]
    Twice(Shard),
    /// They are parts of different wholes.
    #[error("shard {0} and shard {1} do not belong together: {2}")]
    Strangers(Shard, Shard, String),
    /// Some are parts and some are not.
    #[error("some of the reports are shards and some are not")]
    Mixed,
    /// There are none.
    #[error("there is no report to merge")]
    Nothing,
}

/// Merges outcomes. The verdict is the worst of them. If a shard is missing or unfinished, the whole could not be
/// judged.
///
/// # Errors
/// If they do not belong together.
pub fn merge(parts: Vec<Outcome>) -> Result<Outcome, MergeError> {
    if parts.is_empty() {
        return Err(MergeError::Nothing);
    }
    // A part that stopped before it knew its number may be any part.
    let known = |outcome: &&Outcome| outcome.part.is_some() || outcome.unfinished.is_none();
    let known: Vec<_> = parts.iter().filter(known).map(|outcome| outcome.part.as_ref()).collect();
    let first = known.iter().flatten().next().map(|part| (*part).clone());
    let mut seen = BTreeSet::new();
    if let Some(first) = &first {
        for part in &known {
            let Some(part) = part else { return Err(MergeError::Mixed) };
            if part.shard.of() != first.shard.of() {
                let why = "the numbers of shards differ".to_owned();
                return Err(MergeError::Strangers(first.shard, part.shard, why));
            }
            if part.whole != first.whole {
                let why =
                    format!("one is of {}, the other of {}", first.whole.join(", "), part.whole.join(", "));
                return Err(MergeError::Strangers(first.shard, part.shard, why));
            }
            if !seen.insert(part.shard) {
                return Err(MergeError::Twice(part.shard));
            }
        }
    }
    let mut why: Vec<String> = Vec::new();
    let mut hint = None;
    if let Some(first) = &first {
        let of = first.shard.of();
        let missing: Vec<String> = (1..=of)
            .filter_map(|index| Shard::new(index, of))
            .filter(|shard| !seen.contains(shard))
            .map(|shard| shard.to_string())
            .collect();
        if !missing.is_empty() {
            why.push(format!("{} of {of} shards: {} is missing", seen.len(), missing.join(", ")));
            hint = Some("a job did not end, or its report is missing".to_owned());
        }
    }
    let mut whole = Outcome::default();
    for outcome in parts {
        if let Some(unfinished) = outcome.unfinished {
            let name = outcome.part.as_ref().map(|part| format!("shard {}: ", part.shard));
            why.push(format!("{}{}", name.unwrap_or_default(), unfinished.cause));
            hint = hint.or(unfinished.hint);
        }
        whole.runs.extend(outcome.runs);
        whole.interrupted |= outcome.interrupted;
        whole.strict |= outcome.strict;
        whole.asked.extend(outcome.asked);
        whole.times.extend(outcome.times);
    }
    whole.asked.sort();
    whole.asked.dedup();
    whole.runs.sort_by(|a, b| key(a).cmp(&key(b)));
    whole.unfinished = (!why.is_empty()).then(|| Unjudged { cause: why.join("; "), hint });
    Ok(whole)
}

fn key(run: &Run) -> (&str, u32) {
    (&run.session, run.round)
}

#[cfg(test)]
mod tests {
    use super::super::{Part, Verdict};
    use super::*;

    fn part(index: u32, of: u32, sessions: &[&str]) -> Outcome {
        let whole = ["a", "b", "c"].map(str::to_owned).to_vec();
        let why = Unjudged { cause: "no server".to_owned(), hint: None };
        let run = |session: &&str| Run { unjudged: None, ..Run::unjudged(session, "u1", 1, why.clone()) };
        Outcome {
            runs: sessions.iter().map(run).collect(),
            part: Shard::new(index, of).map(|shard| Part { shard, whole }),
            ..Outcome::default()
        }
    }

    #[test]
    fn all_shards_make_the_whole_and_a_missing_one_is_said() {
        let all = || vec![part(3, 3, &["c"]), part(1, 3, &["a"]), part(2, 3, &["b"])];
        let whole = merge(all()).expect("a whole");
        assert_eq!((whole.verdict(), whole.runs.len(), whole.unfinished), (Verdict::Conforms, 3, None));
        let some = merge(all()[..2].to_vec()).expect("a part of a whole");
        assert_eq!(some.verdict(), Verdict::CouldNotJudge);
        assert_eq!(some.unfinished.expect("it is not all").cause, "2 of 3 shards: 2/3 is missing");
    }

    #[test]
    fn what_does_not_belong_together_is_not_put_together() {
        assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
        let twice = merge(vec![part(1, 3, &["a"]), part(1, 3, &["a"])]);
        assert_eq!(twice.expect_err("twice").to_string(), "shard 1/3 is given twice");
        let strangers = merge(vec![part(1, 3, &["a"]), part(2, 2, &["b"])]);
        assert!(matches!(strangers, Err(MergeError::Strangers(..))));
        let mut other = part(2, 3, &["b"]);
        other.part.as_mut().expect("a part").whole.pop();
        assert!(matches!(merge(vec![part(1, 3, &["a"]), other]), Err(MergeError::Strangers(..))));
        assert_eq!(merge(vec![part(1, 3, &["a"]), Outcome::default()]), Err(MergeError::Mixed));
    }

    #[test]
    fn an_empty_shard_of_something_conforms_and_nothing_at_all_does_not() {
        assert_eq!(part(3, 3, &[]).verdict(), Verdict::Conforms);
        assert_eq!(Outcome::default().verdict(), Verdict::CouldNotJudge);
    }
}
