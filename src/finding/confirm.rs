//! Looking again before crying wolf: what several rounds of the same session say together.
//!
//! A deviation of order or payload stands by itself. A suspect, and whatever rests on time alone, is looked at again:
//! it stands when every round shows it, whatever its support. For a clean behaviour of any probability, never seen in N
//! recordings and then in all of k rounds, the chance is at most `k^k N^N / (k+N)^(k+N)`: 0.09 % for N = 10, k = 3.

use super::{Finding, Run, Severity};

/// Whether a round leaves a doubt that another round could settle.
pub fn needs_another_round(rounds: &[Vec<Run>]) -> bool {
    let all = || rounds.iter().flatten();
    let settled =
        all().any(|run| run.unjudged.is_some()) || all().flat_map(|run| &run.findings).any(stands_alone);
    let Some(first) = rounds.first() else { return false };
    // A doubt that one round does not share is settled: it was chance.
    let doubts = first
        .iter()
        .flat_map(|run| &run.findings)
        .any(|doubt| rounds.iter().all(|round| shows(round, doubt)));
    !settled && doubts
}

fn stands_alone(finding: &Finding) -> bool {
    finding.severity == Severity::Deviation && finding.kind.family() != "timing"
}

fn shows(round: &[Run], finding: &Finding) -> bool {
    round.iter().flat_map(|run| &run.findings).any(|other| other.is_like(finding))
}

/// All runs of all rounds, their findings weighed against each other, and what was taken back: a delay that only one
/// of several rounds shows was the machine's. With a single round nothing is changed.
pub fn confirm(mut rounds: Vec<Vec<Run>>) -> (Vec<Run>, Vec<String>) {
    let mut taken_back = Vec::new();
    if rounds.len() > 1 {
        let before = rounds.clone();
        let count = before.len();
        for finding in rounds.iter_mut().flatten().flat_map(|run| &mut run.findings) {
            if stands_alone(finding) {
                continue;
            }
            let shown = before.iter().filter(|round| shows(round, finding)).count();
            finding.severity = if shown == count { Severity::Deviation } else { Severity::Suspect };
            finding.evidence = format!("{}; shown by {shown} of {count} rounds", finding.evidence);
        }
    }
    if rounds.len() > 1 {
        let before = rounds.clone();
        for run in rounds.iter_mut().flatten() {
            run.findings.retain(|finding| {
                let alone = before.iter().filter(|round| shows(round, finding)).count() == 1;
                let is_chance = alone && finding.kind.family() == "timing";
                if is_chance {
                    taken_back.push(finding.message.clone());
                }
                !is_chance
            });
        }
    }
    (rounds.into_iter().flatten().collect(), taken_back)
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
            findings: findings.iter().map(finding).collect(),
            unjudged: None,
        }]
    }

    fn severities(rounds: Vec<Vec<Run>>) -> Vec<Severity> {
        confirm(rounds).0.iter().flat_map(|run| &run.findings).map(|finding| finding.severity).collect()
    }

    #[test]
    fn order_stands_alone_and_time_does_not() {
        use Severity::{Deviation, Suspect};
        assert!(!needs_another_round(&[round(&[(Kind::Missing, Deviation)])]));
        assert!(needs_another_round(&[round(&[(Kind::TooLate, Deviation)])]));
        assert!(needs_another_round(&[round(&[(Kind::FieldNew, Suspect)])]));
        assert!(!needs_another_round(&[round(&[])]));
        assert!(!needs_another_round(&[round(&[(Kind::TooLate, Deviation)]), round(&[])]));
        assert!(needs_another_round(&[
            round(&[(Kind::TooLate, Deviation)]),
            round(&[(Kind::TooLate, Suspect)])
        ]));
    }

    #[test]
    fn what_every_round_shows_deviates_and_the_rest_drifts() {
        use Severity::{Deviation, Suspect};
        let new = || round(&[(Kind::FieldNew, Suspect)]);
        assert_eq!(severities(vec![new()]), [Suspect]);
        assert_eq!(severities(vec![new(), new(), new()]), [Deviation; 3]);
        let late = || round(&[(Kind::TooLate, Deviation)]);
        assert_eq!(severities(vec![late(), round(&[])]), []);
        assert_eq!(severities(vec![late(), late(), round(&[])]), [Suspect; 2]);
        assert_eq!(severities(vec![late(), late(), late()]), [Deviation; 3]);
        assert_eq!(severities(vec![late(), round(&[(Kind::Missing, Deviation)])]), [Deviation]);
    }
}
