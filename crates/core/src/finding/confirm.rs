//! Confirms findings with several rounds of the same session. Time is judged separately (`check::judge_rounds`).
//!
//! A deviation needs no confirmation. A suspect is run again, and becomes a deviation if so many of all runs show it
//! that chance is excluded. A clean behaviour of probability p is never seen in N recordings, and then in k or more
//! of n runs, with probability `(1-p)^N P(B(n, p) >= k)`; for every p, this must be below 0.1 %. With ten recordings,
//! all of three runs by one user must show it, or nine of fifteen by five users. Runs are counted, not rounds: with
//! five users, most rounds show a behaviour that each user has once in five times.

use super::{Finding, Run, Severity};

/// Whether the result is certain or the run could not be judged, so that another round would change nothing.
pub fn is_settled(rounds: &[Vec<Run>]) -> bool {
    rounds.iter().flatten().any(|run| {
        run.unjudged.is_some() || run.findings.iter().any(|finding| finding.severity == Severity::Deviation)
    })
}

/// Chance confirms at most this share of what a clean server does now and then.
const ALPHA: f64 = 0.001;
/// If few recordings leave even unanimous rounds without a proof, the number of additional rounds.
const EXTENDED: usize = 2;

/// Whether the rounds leave a doubt that another of the `asked` rounds could settle. `told` is the number of
/// recordings that could have shown a finding.
pub fn needs_another_round(
    rounds: &[Vec<Run>],
    asked: usize,
    told: &dyn Fn(&Finding) -> Option<u32>,
) -> bool {
    let count = rounds.len();
    if count == 0 || asked < 2 || count >= asked + EXTENDED || is_settled(rounds) {
        return false;
    }
    let done = runs(rounds);
    let per_round = done.div_ceil(count);
    let mut doubts = rounds.iter().flatten().flat_map(|run| &run.findings);
    doubts.any(|doubt| {
        let Some(recordings) = told(doubt) else { return false };
        let shown = shown(rounds, doubt);
        let reaches = |rounds: usize| {
            let all = done + per_round * rounds.saturating_sub(count);
            needed(all, recordings).is_some_and(|needed| shown + (all - done) >= needed)
        };
        // More runs may prove what fewer cannot.
        let is_short = needed(per_round * asked, recordings).is_none();
        if count < asked {
            reaches(asked) || is_short && shown == done
        } else {
            is_short && reaches(asked + EXTENDED)
        }
    })
}

fn runs(rounds: &[Vec<Run>]) -> usize {
    rounds.iter().map(Vec::len).sum()
}

/// The number of runs that show it.
fn shown(rounds: &[Vec<Run>], finding: &Finding) -> usize {
    let shows = |run: &&Run| run.findings.iter().any(|other| other.is_like(finding));
    rounds.iter().flatten().filter(shows).count()
}

/// The number of runs that must show a behaviour that no recording had; none if even all of them are not enough.
fn needed(runs: usize, recordings: u32) -> Option<usize> {
    // A statement that a person wrote without a recording is intended, not chance.
    if recordings == 0 {
        return Some(runs);
    }
    (1..=runs).zip(chances(runs, recordings)).find(|(_, chance)| *chance < ALPHA).map(|(needed, _)| needed)
}

/// For 1, 2 and more of so many runs: the greatest probability, over all behaviours, that no recording shows it and at
/// least so many of the runs do.
fn chances(runs: usize, recordings: u32) -> Vec<f64> {
    const STEPS: u32 = 200;
    #[expect(clippy::cast_precision_loss, reason = "numbers of runs are small")]
    let count = |n: usize| n as f64;
    let mut greatest = vec![0.0_f64; runs];
    for step in 1..STEPS {
        let p = f64::from(step) / f64::from(STEPS);
        let unseen = (1.0 - p).powf(f64::from(recordings));
        // From all runs down: the logarithm of C(n, k) p^k (1-p)^(n-k), each from the one before.
        let (mut log, mut tail) = (count(runs) * p.ln(), 0.0);
        for k in (1..=runs).rev() {
            tail += log.exp();
            greatest[k - 1] = greatest[k - 1].max(unseen * tail);
            log += (count(k) / count(runs - k + 1)).ln() + (1.0 - p).ln() - p.ln();
        }
    }
    greatest
}

/// Weighs the findings of all rounds against each other. `told` is the number of recordings that could have shown a
/// finding, if any number of runs can prove it. A single round is not changed.
pub fn confirm(mut rounds: Vec<Vec<Run>>, told: &dyn Fn(&Finding) -> Option<u32>) -> Vec<Run> {
    if rounds.len() > 1 {
        let before = rounds.clone();
        let all = runs(&before);
        let suspects = rounds
            .iter_mut()
            .flatten()
            .flat_map(|run| &mut run.findings)
            .filter(|finding| finding.severity == Severity::Suspect);
        for finding in suspects {
            let shown = shown(&before, finding);
            let Some(recordings) = told(finding) else {
                finding.evidence.push_str(&format!("; shown by {shown} of {all} runs"));
                continue;
            };
            let needed = needed(all, recordings);
            let is_proven = needed.is_some_and(|needed| shown >= needed);
            if is_proven {
                finding.severity = Severity::Deviation;
            }
            finding.evidence.push_str(&format!("; shown by {shown} of {all} runs"));
            match needed {
                Some(needed) if !is_proven => {
                    finding.evidence.push_str(&format!(", {needed} are needed to fail the check"));
                }
                None => finding.evidence.push_str(", which proves nothing with so few recordings"),
                Some(_) => {}
            }
        }
    }
    rounds.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Label;
    use crate::finding::{Kind, Place};
    use crate::transcript::Gap;

    fn run(findings: &[(Kind, Severity)]) -> Run {
        let finding = |(kind, severity): &(Kind, Severity)| {
            let place = Place {
                event: Label::from("token"),
                lane: None,
                path: None,
                key: "order".to_owned(),
                golden_line: None,
                frames: vec![1],
            };
            Finding::new(*kind, *severity, place, "x")
        };
        Run {
            session: "s".to_owned(),
            user: "u1".to_owned(),
            round: 1,
            recording: String::new(),
            events: 1,
            took: Gap::ZERO,
            host: None,
            findings: findings.iter().map(finding).collect(),
            live: Vec::new(),
            unjudged: None,
        }
    }

    fn round(findings: &[(Kind, Severity)]) -> Vec<Run> {
        vec![run(findings)]
    }

    /// The severities after so many recordings.
    fn severities(rounds: Vec<Vec<Run>>, recordings: u32) -> Vec<Severity> {
        let confirmed = confirm(rounds, &|_| Some(recordings));
        confirmed.iter().flat_map(|run| &run.findings).map(|finding| finding.severity).collect()
    }

    #[test]
    fn what_is_sure_is_not_looked_at_again() {
        use Severity::{Deviation, Suspect};
        let asks = |rounds: &[Vec<Run>]| needs_another_round(rounds, 3, &|_| Some(10));
        let doubt = || round(&[(Kind::FieldNew, Suspect)]);
        assert!(!asks(&[round(&[(Kind::Missing, Deviation)])]));
        assert!(!asks(&[round(&[])]));
        assert!(asks(&[doubt()]));
        assert!(asks(&[doubt(), doubt()]));
        assert!(!asks(&[doubt(), doubt(), doubt()]));
        // All of three runs must show it; one without it settles it.
        assert!(!asks(&[doubt(), round(&[])]));
        assert!(!asks(&[round(&[(Kind::FieldNew, Suspect), (Kind::Missing, Deviation)])]));
        // Of fifteen not all.
        let of_five = |shows: usize| (0..5).map(|user| run(&doubt_of(user < shows))).collect::<Vec<Run>>();
        assert!(asks(&[of_five(2)]) && asks(&[of_five(5), of_five(0)]));
        assert!(!asks(&[of_five(1), of_five(1)]));
    }

    fn doubt_of(shows: bool) -> Vec<(Kind, Severity)> {
        if shows { vec![(Kind::FieldNew, Severity::Suspect)] } else { Vec::new() }
    }

    #[test]
    fn few_recordings_ask_for_more_rounds() {
        let rounds = |count: usize| vec![round(&doubt_of(true)); count];
        assert!(needs_another_round(&rounds(3), 3, &|_| Some(5)));
        assert!(!needs_another_round(&rounds(5), 3, &|_| Some(5)));
        assert_eq!(severities(rounds(3), 5), [Severity::Suspect; 3]);
        assert_eq!(severities(rounds(5), 5), [Severity::Deviation; 5]);
        // A statement that was recorded under other conditions stays a suspect, and needs no further round.
        assert!(!needs_another_round(&rounds(1), 3, &|_| None));
        let left = confirm(rounds(3), &|_| None);
        let of = |run: &Run| run.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>();
        assert_eq!(left.iter().flat_map(of).collect::<Vec<_>>(), [Severity::Suspect; 3]);
        // A hand-written statement is intended.
        assert_eq!(severities(rounds(3), 0), [Severity::Deviation; 3]);
    }

    #[test]
    fn what_enough_runs_show_deviates_and_the_rest_drifts() {
        use Severity::{Deviation, Suspect};
        let new = || round(&[(Kind::FieldNew, Suspect)]);
        assert_eq!(severities(vec![new()], 10), [Suspect]);
        assert_eq!(severities(vec![new(), new(), new()], 10), [Deviation; 3]);
        assert_eq!(severities(vec![new(), new(), round(&[])], 10), [Suspect; 2]);
        assert_eq!(severities(vec![new(), round(&[(Kind::Missing, Deviation)])], 10), [Suspect, Deviation]);
        assert_eq!((needed(3, 10), needed(15, 10), needed(3, 5)), (Some(3), Some(9), None));
    }

    #[test]
    fn whatever_a_clean_server_does_is_confirmed_less_than_once_in_a_thousand_times() {
        for recordings in [1, 3, 5, 8, 10, 20, 50] {
            for runs in [2, 3, 5, 15, 25] {
                let Some(needed) = needed(runs, recordings) else { continue };
                for step in 1..250 {
                    let p = f64::from(step) / 250.0;
                    // The numbers of runs that show it, run by run.
                    let mut shares = vec![1.0];
                    for _ in 0..runs {
                        let mut next = vec![0.0; shares.len() + 1];
                        for (shown, share) in shares.iter().enumerate() {
                            next[shown] += share * (1.0 - p);
                            next[shown + 1] += share * p;
                        }
                        shares = next;
                    }
                    let unseen = (0..recordings).fold(1.0, |share, _| share * (1.0 - p));
                    let confirmed = unseen * shares[needed..].iter().sum::<f64>();
                    assert!(
                        confirmed < 0.00101,
                        "{recordings} recordings, {needed} of {runs} runs, p = {p}: {confirmed}"
                    );
                }
            }
        }
    }

    /// For a clean server with a behaviour of probability p: the share of whole checks in which no recording shows it
    /// and the check fails.
    fn false_share(p: f64, users: usize, recordings: u32) -> f64 {
        const CHECKS: u32 = 1000;
        let mut state = 7_u64;
        let mut happens = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 32).unwrap_or(0)) / f64::from(u32::MAX) < p
        };
        let mut failed = 0;
        for _ in 0..CHECKS {
            let mut rounds: Vec<Vec<Run>> = Vec::new();
            loop {
                rounds.push((0..users).map(|_| run(&doubt_of(happens()))).collect());
                if !needs_another_round(&rounds, 3, &|_| Some(recordings)) {
                    break;
                }
            }
            failed += u32::from(severities(rounds, recordings).contains(&Severity::Deviation));
        }
        (1.0 - p).powf(f64::from(recordings)) * f64::from(failed) / f64::from(CHECKS)
    }

    #[test]
    fn a_clean_server_fails_in_less_than_one_check_of_a_thousand() {
        for (users, recordings) in [(1, 10), (5, 10), (5, 5), (1, 5)] {
            for p in [0.1, 0.25] {
                // With 1,000 checks, chance makes the share uncertain by a few parts in ten thousand.
                let share = false_share(p, users, recordings);
                assert!(share < 0.002, "{users} users, {recordings} recordings, p = {p}: {share}");
            }
        }
    }

    #[test]
    fn a_server_that_is_broken_in_most_runs_fails() {
        for recordings in [10, 20] {
            let rounds = || (0..3).map(|_| (0..5).map(|user| run(&doubt_of(user > 0))).collect()).collect();
            assert!(severities(rounds(), recordings).iter().all(|severity| *severity == Severity::Deviation));
        }
    }
}
