//! Looking again before crying wolf: what several rounds of the same session say together. Time has its own way
//! (`check::judge_rounds`).
//!
//! A deviation stands by itself. A suspect is looked at again: it stands when every round shows it, whatever its support.
//! For a clean behaviour of any probability, never seen in N recordings and then in all of k rounds, the chance is at most
//! `k^k N^N / (k+N)^(k+N)`: 0.09 % for N = 10, k = 3.

use super::{Finding, Run, Severity};

/// Whether something is sure already, or could not be judged, so that another round would change nothing.
pub fn is_settled(rounds: &[Vec<Run>]) -> bool {
    rounds.iter().flatten().any(|run| {
        run.unjudged.is_some() || run.findings.iter().any(|finding| finding.severity == Severity::Deviation)
    })
}

/// Whether a round leaves a doubt that another round could settle.
pub fn needs_another_round(rounds: &[Vec<Run>]) -> bool {
    let Some(first) = rounds.first() else { return false };
    // A doubt that one round does not share is settled: it was chance.
    let mut doubts = first.iter().flat_map(|run| &run.findings);
    !is_settled(rounds) && doubts.any(|doubt| rounds.iter().all(|round| shows(round, doubt)))
}

fn shows(round: &[Run], finding: &Finding) -> bool {
    round.iter().flat_map(|run| &run.findings).any(|other| other.is_like(finding))
}

/// All runs of all rounds, their findings weighed against each other. With a single round nothing is changed.
pub fn confirm(mut rounds: Vec<Vec<Run>>) -> Vec<Run> {
    if rounds.len() > 1 {
        let before = rounds.clone();
        let suspects = rounds
            .iter_mut()
            .flatten()
            .flat_map(|run| &mut run.findings)
            .filter(|finding| finding.severity == Severity::Suspect);
        for finding in suspects {
            let shown = before.iter().filter(|round| shows(round, finding)).count();
            if shown == before.len() {
                finding.severity = Severity::Deviation;
            }
            finding.evidence.push_str(&format!("; shown by {shown} of {} rounds", before.len()));
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

    fn round(findings: &[(Kind, Severity)]) -> Vec<Run> {
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
        vec![Run {
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
        }]
    }

    fn severities(rounds: Vec<Vec<Run>>) -> Vec<Severity> {
        confirm(rounds).iter().flat_map(|run| &run.findings).map(|finding| finding.severity).collect()
    }

    #[test]
    fn what_is_sure_is_not_looked_at_again() {
        use Severity::{Deviation, Suspect};
        assert!(!needs_another_round(&[round(&[(Kind::Missing, Deviation)])]));
        assert!(!needs_another_round(&[round(&[])]));
        assert!(needs_another_round(&[round(&[(Kind::FieldNew, Suspect)])]));
        assert!(!needs_another_round(&[round(&[(Kind::FieldNew, Suspect)]), round(&[])]));
        assert!(!needs_another_round(&[round(&[(Kind::FieldNew, Suspect), (Kind::Missing, Deviation)])]));
    }

    #[test]
    fn what_every_round_shows_deviates_and_the_rest_drifts() {
        use Severity::{Deviation, Suspect};
        let new = || round(&[(Kind::FieldNew, Suspect)]);
        assert_eq!(severities(vec![new()]), [Suspect]);
        assert_eq!(severities(vec![new(), new(), new()]), [Deviation; 3]);
        assert_eq!(severities(vec![new(), new(), round(&[])]), [Suspect; 2]);
        assert_eq!(severities(vec![new(), round(&[(Kind::Missing, Deviation)])]), [Suspect, Deviation]);
    }
}
