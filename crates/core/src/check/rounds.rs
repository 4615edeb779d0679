//! Judges the gaps of several rounds of a session together, to confirm findings.
//!
//! The gaps of all rounds are judged as one sample, whose bound is tighter than that of one round. In addition, every
//! round must make the finding at least doubtful by itself (of four or more, three in four; of three, two on a known
//! class of hosts), so that one delay of the machine fails nothing. A stall that the machine's own lag does not
//! explain is not chance and fails at once. A finding is reported only if the whole sample shows it. Testing a
//! growing sample up to three times adds little to its false alarms; `prove --rounds` counts them.
//!
//! A round in which the machine's lag was as large as the server's delay cannot decide (the finding is *excused*). It
//! neither confirms nor refutes: more than half of the rounds must show a delay without such an excuse.

use super::baseline::Baseline;
use super::budget;
use super::gaps::{Ask, Timed};
use super::timing::{Group, arrange, find, judge as judge_together};
use crate::finding::{Basis, Finding, Kind, Severity};

/// The number of additional rounds if every round is suspicious but all rounds together prove nothing.
const EXTENDED: usize = 2;

/// Whether the gaps leave a doubt that another round could settle. A doubt gets `confirm` rounds.
pub fn needs_more_rounds(baseline: &Baseline<'_>, rounds: &[Vec<Timed<'_>>], confirm: usize) -> bool {
    let runs: Vec<Timed<'_>> = rounds.iter().flatten().copied().collect();
    let baseline = &baseline.over(rounds.len()).amid(&runs);
    if confirm < 2 || rounds.len() >= confirm + EXTENDED || !has_doubt(baseline, rounds) {
        return false;
    }
    // A certain stall needs no second one.
    if find(baseline, &runs, Ask::Verdict).iter().flatten().any(|(_, finding)| is_sure_stall(finding)) {
        return false;
    }
    if rounds.len() < confirm {
        return true;
    }
    let is_open =
        |(_, finding): &(usize, Finding)| finding.severity == Severity::Suspect && !finding.is_excused;
    let (findings, _) = judge(baseline, rounds);
    baseline.can_fail() && !findings.is_empty() && findings.iter().all(is_open)
}

/// The number of rounds that must show what all of them show together. On a known class of hosts the limit of a kind
/// of gap is so near that one round of three may miss it.
fn needed(baseline: &Baseline<'_>, rounds: usize) -> usize {
    match baseline.basis() {
        Basis::Host if rounds == 3 => 2,
        _ => (3 * rounds).div_ceil(4),
    }
}

/// Whether the rounds so far, or on a known class all but one of them, make the same thing doubtful.
fn has_doubt(baseline: &Baseline<'_>, rounds: &[Vec<Timed<'_>>]) -> bool {
    let doubts = doubts(baseline, rounds);
    let Some(first) = doubts.first() else { return false };
    let may_miss = usize::from(baseline.basis() == Basis::Host && doubts.len() > 1);
    let needed = doubts.len() - may_miss;
    first.iter().any(|doubt| doubts.iter().filter(|round| shows(round, doubt)).count() >= needed)
}

/// Judges the gaps of all rounds. Each finding has the index of the run that shows it best, counted through all
/// rounds. Also returns the findings that are withdrawn because not enough rounds show them.
pub fn judge(baseline: &Baseline<'_>, rounds: &[Vec<Timed<'_>>]) -> (Vec<(usize, Finding)>, Vec<String>) {
    let runs: Vec<Timed<'_>> = rounds.iter().flatten().copied().collect();
    if rounds.len() < 2 {
        return (judge_together(baseline, &runs), Vec::new());
    }
    let baseline = &baseline.over(rounds.len()).amid(&runs);
    let doubts = doubts(baseline, rounds);
    let needed = needed(baseline, rounds.len());
    let mut withdrawn: Vec<Finding> = Vec::new();
    let mut standing: Vec<Group> = find(baseline, &runs, Ask::Verdict);
    for group in &mut standing {
        let chance = group.extract_if(.., |(_, finding)| !stands(finding, &doubts, needed));
        withdrawn.extend(chance.map(|(_, finding)| finding));
    }
    // Findings of one round that all rounds together do not show.
    for (_, finding) in rounds.iter().flat_map(|round| find(baseline, round, Ask::Verdict)).flatten() {
        let mut told = standing.iter().flatten().map(|(_, told)| told).chain(&withdrawn);
        if !told.any(|told| is_same(told, &finding)) {
            withdrawn.push(finding);
        }
    }
    let mut standing = arrange(standing);
    // The user's own limits are not a matter of chance.
    standing.extend(budget::judge(baseline.golden, &runs));
    (standing, withdrawn.into_iter().map(|finding| finding.message).collect())
}

/// Whether the rounds bear a finding out; and how sure it is then.
fn stands(finding: &mut Finding, doubts: &[Vec<Finding>], needed: usize) -> bool {
    // Seconds that neither a slow machine nor its lag explains are not chance, although they come once.
    if is_sure_stall(finding) {
        return true;
    }
    let count = doubts.len();
    let shown = doubts.iter().filter(|round| shows(round, finding)).count();
    let proven = doubts.iter().filter(|round| proves(round, finding)).count();
    // One round of many may be an exception, also for a slow server.
    let is_common = shown >= needed;
    if !is_common || 2 * proven <= count {
        finding.severity = Severity::Suspect;
    }
    finding.is_excused |= proven == 0;
    finding.evidence.push_str(&format!("; shown by {shown} of {count} rounds"));
    if proven > 0 && proven < shown {
        finding.evidence.push_str(&format!(", of which this machine may be the cause in {}", shown - proven));
    }
    // A single round that could be judged and shows nothing settles the excused others.
    shown >= 2 && (!finding.is_excused || shown == count)
}

fn is_sure_stall(finding: &Finding) -> bool {
    finding.kind == Kind::Stall && finding.severity == Severity::Deviation
}

/// The doubts of each round.
fn doubts(baseline: &Baseline<'_>, rounds: &[Vec<Timed<'_>>]) -> Vec<Vec<Finding>> {
    let of = |round: &Vec<Timed<'_>>| {
        find(baseline, round, Ask::Doubt).into_iter().flatten().map(|(_, finding)| finding).collect()
    };
    rounds.iter().map(of).collect()
}

fn shows(round: &[Finding], finding: &Finding) -> bool {
    round.iter().any(|other| is_same(other, finding))
}

/// Whether a round shows it without an excuse.
fn proves(round: &[Finding], finding: &Finding) -> bool {
    round.iter().any(|other| !other.is_excused && is_same(other, finding))
}

/// Whether two rounds show the same. Events that come together collapse now this gap, now that one, and a server that
/// stalls does so anywhere: once it is sure that one of them did, any of them is the same.
fn is_same(one: &Finding, other: &Finding) -> bool {
    let is_anywhere = one.kind == other.kind && matches!(one.kind, Kind::TooEarly | Kind::Stall);
    let is_sure = [one, other].iter().any(|finding| finding.severity == Severity::Deviation);
    one.is_like(other) || (is_anywhere && is_sure)
}

#[cfg(test)]
mod tests {
    use super::super::gaps::Gaps;
    use super::*;
    use crate::dialect::Label;
    use crate::golden::Golden;
    use crate::transcript::{Gap, Host};
    use proptest::prelude::*;

    const GOLDEN: &str = r#"
goldwire = 1
order = "connected ; >ask ; started ; token+ ; done"

[learned]
recordings = 20
users = 5
days = 20
occasions = 20
pace_spread = 0.05
kind_spread = 0.05
reason = "test"

[event.ask]
send = { type = "ask" }

[event.started]
seen = 20
runs = 20
timing = { after = ">ask", usual = "25 ms", latest = "150 ms", fastest = "15 ms", slowest = "40 ms", spread = 0.40, df = 28, samples = 20, runs = 20 }

[event.token]
seen = 300
runs = 20
timing = [
  { after = "started", usual = "20 ms", latest = "90 ms", fastest = "10 ms", slowest = "40 ms", spread = 0.30, df = 28, samples = 20, runs = 20 },
  { after = "token", usual = "10 ms", earliest = "1 ms", latest = "40 ms", fastest = "2 ms", slowest = "30 ms", spread = 0.20, df = 28, samples = 280, runs = 20 },
]
"#;

    fn golden() -> Golden {
        crate::golden::read("golden.toml", GOLDEN).expect("a golden")
    }

    /// One run: milliseconds to the first event, between the others, and how late this machine was at worst.
    type Shown = (u64, [u64; 4], u64);

    fn asked<T>(rounds: &[Vec<Shown>], ask: impl FnOnce(&Baseline<'_>, &[Vec<Timed<'_>>]) -> T) -> T {
        let sample =
            |gaps: &[u64]| gaps.iter().enumerate().map(|(i, gap)| (Gap::from_millis(*gap), i)).collect();
        let key = |event: &str, after: &str| (Label::from(event), Label::from(after));
        let gaps: Vec<Vec<(Gaps, u64)>> = rounds
            .iter()
            .map(|round| {
                let of = |(first, tokens, lag): &Shown| {
                    let first = (key("started", ">ask"), sample(&[*first]));
                    (Gaps::from([first, (key("token", "token"), sample(tokens))]), *lag)
                };
                round.iter().map(of).collect()
            })
            .collect();
        let host = |lag: &u64| Host {
            probes: 100,
            lag_p50: Gap::from_millis(1),
            lag_max: Gap::from_millis(*lag),
            starved: None,
            work: None,
            others: None,
            work_cpu: None,
        };
        let timed: Vec<Vec<Timed<'_>>> = gaps
            .iter()
            .map(|round| round.iter().map(|(gaps, lag)| Timed { gaps, host: Some(host(lag)) }).collect())
            .collect();
        ask(&Baseline::bounds(&golden()), &timed)
    }

    /// Five users whose first event comes after so many milliseconds, more or less.
    fn first(millis: u64) -> Vec<Shown> {
        (0..5).map(|user| (millis * (8 + user) / 10, [10; 4], 2)).collect()
    }

    fn busy(mut round: Vec<Shown>) -> Vec<Shown> {
        round.iter_mut().for_each(|run| run.2 = 400);
        round
    }

    fn found(rounds: &[Vec<Shown>]) -> Vec<(Kind, Severity, bool)> {
        let (found, _) = asked(rounds, judge);
        found.into_iter().map(|(_, finding)| (finding.kind, finding.severity, finding.is_excused)).collect()
    }

    #[test]
    fn rounds_together_show_what_none_of_them_proves() {
        use Severity::{Deviation, Suspect};
        let round = || first(70);
        assert_eq!(found(&[round()]), [(Kind::TooLate, Suspect, false)]);
        assert!(asked(&[round()], has_doubt));
        assert_eq!(found(&[round(), round(), round()]), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(found(&[first(25), first(25), first(25)]), []);
        assert!(!asked(&[first(25)], has_doubt));
    }

    #[test]
    fn one_slow_round_is_chance() {
        assert!(asked(&[first(400)], has_doubt));
        assert!(!asked(&[first(400), first(25)], has_doubt));
        let (found, withdrawn) = asked(&[first(400), first(25)], judge);
        assert_eq!((found.len(), withdrawn.len()), (0, 1));
        let (found, withdrawn) = asked(&[first(25), first(400), first(25)], judge);
        assert_eq!(
            (found.len(), withdrawn.len()),
            (0, 1),
            "told, although the middle one of all is as usual"
        );
        // One of many rounds may be an exception.
        let mut rounds = vec![first(80); 4];
        rounds.push(first(30));
        assert_eq!(self::found(&rounds), [(Kind::TooLate, Severity::Deviation, false)]);
    }

    #[test]
    fn a_busy_machine_neither_confirms_nor_refutes() {
        use Severity::{Deviation, Suspect};
        let slow = || first(90);
        assert!(asked(&[busy(slow())], has_doubt), "another round may be able to tell");
        assert_eq!(found(&[busy(slow()), busy(slow()), busy(slow())]), [(Kind::TooLate, Suspect, true)]);
        assert_eq!(found(&[slow(), busy(slow()), slow()]), [(Kind::TooLate, Deviation, false)]);
        assert_eq!(found(&[busy(slow()), busy(slow()), first(25)]), []);
    }

    #[test]
    fn a_stall_of_one_round_hides_no_delay_of_all() {
        let mut rounds = vec![first(90); 3];
        rounds[1][2].0 = 9_000;
        let (found, _) = asked(&rounds, judge);
        let said: Vec<_> = found.iter().map(|(_, f)| (f.kind, f.severity, f.consequences.len())).collect();
        assert_eq!(said, [(Kind::Stall, Severity::Deviation, 1)]);
        assert!(found[0].1.consequences[0].contains("times as late"), "{:?}", found[0].1.consequences);
    }

    #[test]
    fn a_server_that_stalls_now_here_now_there_stalls() {
        let (mut at_first, mut later) = (first(25), first(25));
        at_first[0].0 = 9_000;
        later[3].1[2] = 9_000;
        assert_eq!(found(&[at_first.clone(), later, at_first.clone()]).len(), 1);
        assert_eq!(
            found(&[at_first, first(25)]),
            [(Kind::Stall, Severity::Deviation, false)],
            "once is enough"
        );
    }

    #[test]
    fn a_burst_is_the_same_whichever_gap_shows_it() {
        let burst = || -> Vec<Shown> { (0..5).map(|_| (25, [0; 4], 2)).collect() };
        assert_eq!(found(&[burst(), burst(), burst()]), [(Kind::TooEarly, Severity::Deviation, false)]);
        assert_eq!(found(&[burst(), first(25)]), []);
    }

    #[test]
    fn a_bound_that_a_person_moved_holds_for_several_runs() {
        let found = |latest: &str| {
            let text = GOLDEN.replace("150 ms", latest);
            let edited = crate::golden::read("golden.toml", &text).expect("a golden");
            asked(&vec![first(90); 3], |_, rounds| judge(&Baseline::bounds(&edited), rounds).0.len())
        };
        assert_eq!([found("150 ms"), found("2 s"), found("100 ms")], [1, 0, 1]);
    }

    proptest! {
        /// More rounds withdraw findings and add none: all runs together show what is reported.
        #[test]
        fn rounds_tell_nothing_that_their_runs_together_do_not(
            rounds in proptest::collection::vec(proptest::collection::vec((1u64..900, [0u64..90, 0..90, 0..90, 0..90], 0u64..500), 1..5), 2..5),
        ) {
            let (told, _) = asked(&rounds, judge);
            let whole = asked(&[rounds.concat()], |baseline, rounds| find(baseline, &rounds[0], Ask::Verdict));
            for (_, finding) in told {
                let all = whole.iter().flatten().find(|(_, other)| other.is_like(&finding) && other.message == finding.message);
                prop_assert!(all.is_some_and(|(_, other)| other.severity >= finding.severity));
            }
        }
    }
}
