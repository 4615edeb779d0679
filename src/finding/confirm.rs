//! Looking again before crying wolf: what several rounds of the same session say together.
//!
//! A deviation of order or payload stands by itself. A suspect, and whatever rests on time alone, is looked at again:
//! it stands when every round shows it, whatever its support. For a clean behaviour of any probability, never seen in N
//! recordings and then in all of k rounds, the chance is at most `k^k N^N / (k+N)^(k+N)`: 0.09 % for N = 10, k = 3.
//!
//! A round in which the machine itself was as late as the server seemed cannot tell (the finding is *excused*). It
//! neither confirms nor refutes: more than half of the rounds must show a delay that has no such excuse.

use super::{Finding, Kind, Run, Severity};

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
    round.iter().flat_map(|run| &run.findings).any(|other| is_same_doubt(other, finding))
}

/// Whether two rounds show the same. Events that come together collapse now this gap, now that one: once it is sure that
/// one of them did, any of them is the same burst.
fn is_same_doubt(one: &Finding, other: &Finding) -> bool {
    let is_burst = one.kind == Kind::TooEarly && other.kind == Kind::TooEarly;
    let is_sure = [one, other].iter().any(|finding| finding.severity == Severity::Deviation);
    one.is_like(other) || (is_burst && is_sure)
}

/// Whether a round shows it without an excuse.
fn proves(round: &[Run], finding: &Finding) -> bool {
    round.iter().flat_map(|run| &run.findings).any(|other| !other.is_excused && is_same_doubt(other, finding))
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
            let proven = before.iter().filter(|round| proves(round, finding)).count();
            let stands = shown == count && 2 * proven > count;
            finding.severity = if stands { Severity::Deviation } else { Severity::Suspect };
            finding.is_excused = proven == 0;
            finding.evidence = format!("{}; shown by {shown} of {count} rounds", finding.evidence);
            if proven > 0 && proven < shown {
                let busy = shown - proven;
                finding.evidence.push_str(&format!(", of which this machine may be why in {busy}"));
            }
        }
    }
    if rounds.len() > 1 {
        let before = rounds.clone();
        for run in rounds.iter_mut().flatten() {
            run.findings.retain(|finding| {
                let shown = before.iter().filter(|round| shows(round, finding)).count();
                // A single round that could tell and saw nothing settles what was excused in the others.
                let is_settled = shown == 1 || (finding.is_excused && shown < before.len());
                let is_chance = is_settled && finding.kind.family() == "timing";
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
    use crate::finding::Place;
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

    fn excused() -> Vec<Run> {
        let mut round = round(&[(Kind::TooLate, Severity::Suspect)]);
        round[0].findings[0].is_excused = true;
        round
    }

    #[test]
    fn a_busy_machine_neither_confirms_nor_refutes() {
        use Severity::{Deviation, Suspect};
        let late = || round(&[(Kind::TooLate, Deviation)]);
        assert!(needs_another_round(&[excused()]), "another round may be able to tell");
        assert!(needs_another_round(&[late(), excused()]));
        let busy = confirm(vec![excused(), excused(), excused()]).0;
        assert!(busy.iter().flat_map(|run| &run.findings).all(|f| f.severity == Suspect && f.is_excused));
        assert_eq!(busy.iter().flat_map(|run| &run.findings).count(), 3, "nothing passes in silence");
        assert_eq!(severities(vec![late(), excused(), late()]), [Deviation; 3]);
        assert_eq!(severities(vec![late(), excused(), excused()]), [Suspect; 3]);
        assert_eq!(severities(vec![late(), excused()]), [Suspect; 2]);
        assert_eq!(severities(vec![excused(), round(&[])]), []);
        assert_eq!(severities(vec![excused(), excused(), round(&[])]), []);
        let (runs, _) = confirm(vec![late(), excused(), late()]);
        assert!(runs.iter().flat_map(|run| &run.findings).all(|finding| !finding.is_excused));
    }

    #[test]
    fn a_burst_is_the_same_whichever_gap_shows_it_if_one_of_them_is_sure() {
        use Severity::{Deviation, Suspect};
        let early = |severity, event: &str| {
            let mut round = round(&[(Kind::TooEarly, severity)]);
            round[0].findings[0].place.event = Label::from(event);
            round
        };
        let rounds = |first| vec![early(first, "token"), early(Suspect, "thought"), early(Suspect, "result")];
        assert!(needs_another_round(&rounds(Deviation)[..2]));
        assert!(severities(rounds(Deviation)).contains(&Deviation));
        assert_eq!(severities(rounds(Suspect)), []);
        let refuted = vec![early(Deviation, "token"), round(&[])];
        assert_eq!(severities(refuted), []);
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
