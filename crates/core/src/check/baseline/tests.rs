//! Tests of the file above.

use super::*;
use crate::check::gaps::{Gaps, Timed};
use crate::check::reference::Shift;
use crate::check::rounds;
use crate::check::timing::judge;
use crate::dialect::Label;
use crate::finding::{Basis, Kind, Severity};
use crate::golden::{Golden, Occasions, TimeMode};
use crate::transcript::{Gap, Host};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Eight kinds of gaps of 10 to 80 ms, recorded on these hosts.
fn golden(hosts: &[&str]) -> Golden {
    let names: Vec<String> = (1..=8).map(|n| format!("e{n}")).collect();
    let hosts: Vec<String> = hosts.iter().map(|host| format!("{host:?}")).collect();
    let mut text = format!(
        "goldwire = 1\norder = \">ask ; {}\"\n[learned]\nrecordings = 20\noccasions = 1\nhosts = [{}]\nwork = \"1 ms\"\n[event.ask]\nsend = {{ type = \"ask\" }}\n",
        names.join(" ; "),
        hosts.join(", ")
    );
    for (n, name) in names.iter().enumerate() {
        let (after, usual) = (if n == 0 { ">ask".to_owned() } else { format!("e{n}") }, 10 * (n + 1));
        text.push_str(&format!(
                "[event.{name}]\ntiming = {{ after = {after:?}, usual = \"{usual} ms\", slowest = \"{} ms\", spread = 0.3, df = 28, samples = 20, runs = 20 }}\n",
                2 * usual
            ));
    }
    crate::golden::read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// The gaps of a run in which every kind takes so many times as long.
fn run(factors: [f64; 8]) -> Gaps {
    let mut gaps = Gaps::new();
    for (n, factor) in factors.into_iter().enumerate() {
        let after = if n == 0 { ">ask".to_owned() } else { format!("e{n}") };
        let gap = Gap::from_secs_f64(0.010 * (n + 1) as f64 * factor);
        let key = (Label::from(format!("e{}", n + 1).as_str()), Label::from(after.as_str()));
        gaps.insert(key, [(gap, n)].into_iter().collect());
    }
    gaps
}

fn found(
    golden: &Golden,
    class: &str,
    mode: TimeMode,
    work: Option<u64>,
    factors: [f64; 8],
) -> Vec<(String, Kind, Severity)> {
    let classes = BTreeSet::from([class.to_owned()]);
    let baseline = Baseline::of(golden, mode, &classes, None).expect("a baseline");
    let gaps = run(factors);
    let host = work.map(|millis| Host {
        probes: 10,
        lag_p50: Gap::from_millis(1),
        lag_max: Gap::from_millis(2),
        starved: None,
        work: Some(Gap::from_millis(millis)),
        work_cpu: None,
        others: None,
    });
    let runs = vec![Timed { gaps: &gaps, host }; 15];
    let told = judge(&baseline, &runs).into_iter();
    told.map(|(_, f)| (f.place.event.to_string(), f.kind, f.severity)).collect()
}

fn one(slow: f64, others: f64) -> [f64; 8] {
    let mut factors = [others; 8];
    factors[3] = slow;
    factors
}

#[test]
fn elsewhere_everything_may_be_slow_and_nothing_alone() {
    use Severity::{Deviation, Suspect};
    let known = golden(&["a"]);
    let shape = |factors| found(&known, "b", TimeMode::Auto, None, factors);
    for pace in [0.2, 1.0, 3.0, 10.0] {
        assert_eq!(shape([pace; 8]), [], "x{pace} is a machine");
    }
    let late = |severity| vec![("e4".to_owned(), Kind::TooLate, severity)];
    assert_eq!(shape(one(12.0, 1.0)), late(Suspect), "with one class of hosts nothing but a stall fails");
    assert_eq!(shape(one(12.0, 6.0)), [], "twice as slow as the others");
    assert_eq!(shape(one(60.0, 5.0)), late(Suspect));
    let three = golden(&["a", "c", "d"]);
    assert_eq!(found(&three, "b", TimeMode::Auto, Some(1), one(30.0, 1.0)), late(Deviation));
    assert_eq!(
        found(&three, "b", TimeMode::Auto, None, one(30.0, 1.0)),
        late(Suspect),
        "the one kind that computes, on a machine whose speed nobody measured"
    );
    assert_eq!(found(&three, "b", TimeMode::Auto, None, [10.0; 8]), []);
    assert_eq!(shape(one(1.4, 0.2)), [], "a fast machine, and one kind that waits");
    assert_eq!(shape(one(2.4, 1.0)), [], "2.4 times as late as the others");
    assert_eq!(shape(one(2.4, 0.3)), late(Suspect), "eight times as late as the others");
    // Kinds that wait do not follow the pace of kinds that compute.
    assert_eq!(shape([1.0, 1.0, 1.0, 6.0, 6.0, 1.0, 1.0, 1.0]), [], "two that compute among six that wait");
}

#[test]
fn a_slow_machine_is_known_by_its_own_work() {
    let known = golden(&["a"]);
    let shape = |work, factors| found(&known, "b", TimeMode::Auto, work, factors);
    assert_eq!(shape(Some(1), one(12.0, 1.0)).len(), 1);
    assert_eq!(shape(Some(10), one(12.0, 1.0)), [], "the one kind that computes, on a slow machine");
}

#[test]
fn at_home_the_pace_is_taken_off_and_a_kind_is_judged_closely() {
    use Severity::Deviation;
    let known = golden(&["a"]);
    let home = |factors| found(&known, "a", TimeMode::Auto, None, factors);
    assert_eq!(home([1.6; 8]), [], "one occasion does not know how occasions differ");
    assert_eq!(home(one(5.0, 1.0)), [("e4".to_owned(), Kind::TooLate, Deviation)]);
    assert_eq!(found(&known, "a", TimeMode::Shape, None, one(3.0, 1.0)), []);
    assert_eq!(found(&known, "a", TimeMode::Off, None, one(30.0, 1.0)), []);
    assert_eq!(found(&known, "a", TimeMode::Bounds, None, [9.0; 8]).len(), 8, "milliseconds as they stand");
    let nowhere = Baseline::of(&known, TimeMode::Bounds, &BTreeSet::from(["b".to_owned()]), None);
    assert_eq!(nowhere.map(|_| ()), Err(NoBounds { class: "b".to_owned() }));
}

#[test]
fn a_machine_that_is_busy_with_something_else_is_judged_by_shape() {
    use Severity::Deviation;
    let told = |recorded: u8, others: Option<u8>, starved: u8, slow: f64| {
        let mut known = golden(&["a", "c", "d"]);
        known.learned.others = Some(recorded);
        let host = Host {
            probes: 10,
            lag_p50: Gap::from_millis(1),
            lag_max: Gap::from_millis(2),
            starved: Some(starved),
            work: None,
            work_cpu: None,
            others,
        };
        let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["a".to_owned()]), None);
        let baseline = baseline.expect("a baseline");
        let gaps = run(one(slow, 1.5));
        let round = vec![Timed { gaps: &gaps, host: Some(host) }; 5];
        let (found, _) = rounds::judge(&baseline, &vec![round.clone(); 3]);
        let busy = baseline.report("s", &round).busy;
        (found.into_iter().map(|(_, finding)| finding.severity).collect::<Vec<_>>(), busy)
    };
    assert_eq!(told(0, Some(60), 90, 5.0), (vec![], Some(60)), "what computes most is slowed most");
    assert_eq!(told(0, Some(10), 90, 5.0), (vec![Deviation], None), "the server and we are busy");
    assert_eq!(told(0, Some(60), 10, 5.0), (vec![Deviation], None), "there are processors enough");
    assert_eq!(told(50, Some(60), 90, 5.0), (vec![Deviation], None), "it was as busy when recorded");
    assert_eq!(told(0, None, 90, 5.0), (vec![Deviation], None), "nobody knows");
    // 80 s cannot come from other programs.
    assert_eq!(told(0, Some(60), 90, 2000.0).0, [Deviation]);
}

#[test]
fn elsewhere_one_long_gap_is_a_stall_and_what_is_long_for_all_is_only_late() {
    use Severity::{Deviation, Suspect};
    let known = golden(&["a"]);
    let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["b".to_owned()]), None);
    let baseline = baseline.expect("a baseline");
    let (usual, mut long) = (run([1.0; 8]), [1.0; 8]);
    // 2.5 s; two seconds more than three times the usual are 2.24 s.
    long[7] = 2.5 / 0.080;
    let long = run(long);
    let told = |count: usize| {
        let gaps = |n| if n < count { &long } else { &usual };
        let runs: Vec<Timed<'_>> = (0..5).map(|n| Timed { gaps: gaps(n), host: None }).collect();
        let all = judge(&baseline, &runs).into_iter();
        all.map(|(_, finding)| (finding.kind, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(told(1), [(Kind::Stall, Deviation)]);
    assert_eq!(told(5), [(Kind::TooLate, Suspect)]);
}

#[test]
fn the_slowest_gap_of_several_machines_is_that_of_the_slowest() {
    let mut known = golden(&["a", "c", "d"]);
    known.learned.occasions = Occasions { count: 3, pace: None, kinds: Some(0.1), classes: 8 };
    let slowest = Gap::from_millis(3_000);
    known.events.values_mut().flat_map(|event| &mut event.timing).for_each(|own| own.slowest = slowest);
    let mut long = [1.0; 8];
    // 6 s: the slowest was 3 s, on a machine that was slow as a whole or on one like the others.
    long[7] = 6.0 / 0.080;
    let (usual, long) = (run([1.0; 8]), run(long));
    let mut stalls = |pace: f64| {
        known.learned.occasions.pace = Some(pace);
        let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["b".to_owned()]), None);
        let baseline = baseline.expect("a baseline");
        let runs: Vec<Timed<'_>> = [&usual, &usual, &long].map(|gaps| Timed { gaps, host: None }).to_vec();
        judge(&baseline, &runs).iter().any(|(_, finding)| finding.kind == Kind::Stall)
    };
    assert!(!stalls(0.0));
    assert!(stalls(0.6));
}

#[test]
fn at_home_the_worst_hold_ups_of_three_rounds_do_not_meet_the_same_gap() {
    use Severity::{Deviation, Suspect};
    let known = golden(&["a"]);
    let baseline = Baseline::of(&known, TimeMode::Auto, &BTreeSet::from(["a".to_owned()]), None);
    let baseline = baseline.expect("a baseline");
    let late = run(one(5.0, 1.0));
    let told = |lag_p50: u64, rounds: usize| {
        let (lag_p50, lag_max) = (Gap::from_millis(lag_p50), Gap::from_millis(400));
        let host =
            Host { probes: 10, lag_p50, lag_max, starved: None, work: None, work_cpu: None, others: None };
        let round = vec![Timed { gaps: &late, host: Some(host) }; 5];
        let (told, _) = rounds::judge(&baseline, &vec![round; rounds]);
        told.into_iter().map(|(_, finding)| (finding.severity, finding.is_excused)).collect::<Vec<_>>()
    };
    assert_eq!(told(1, 2), [(Suspect, true)], "two rounds may both have been held up there");
    assert_eq!(told(1, 3), [(Deviation, false)]);
    assert_eq!(told(300, 3), [(Suspect, true)], "a machine that is always late makes every gap late");
}

#[test]
fn at_home_what_comes_together_at_the_end_is_a_burst_and_no_fast_machine() {
    let mut known = golden(&["a"]);
    known.events.values_mut().flat_map(|event| &mut event.timing).for_each(|timing| timing.samples = 80);
    let classes = BTreeSet::from(["a".to_owned()]);
    let baseline = Baseline::of(&known, TimeMode::Auto, &classes, None).expect("a baseline");
    let burst: Gaps = run([0.0; 8])
        .into_keys()
        .map(|kind| (kind, (0..4).map(|frame| (Gap::ZERO, frame)).collect()))
        .collect();
    let told = judge(&baseline, &vec![Timed { gaps: &burst, host: None }; 5]);
    let first = told.first().map(|(_, finding)| (finding.kind, finding.severity));
    assert_eq!(first, Some((Kind::TooEarly, Severity::Deviation)));
    // The first of them waited for the end, which a fast machine does not explain.
    let mut held = burst.clone();
    let first = held.keys().next().cloned().expect("a kind");
    held.insert(first.clone(), (0..4).map(|frame| (Gap::from_millis(900), frame)).collect());
    let told = judge(&baseline, &vec![Timed { gaps: &held, host: None }; 5]);
    assert_eq!(told.first().map(|(_, finding)| finding.kind), Some(Kind::TooEarly));
    assert!(told.iter().all(|(_, finding)| finding.place.event != first.0), "{told:?}");
    let quick = run([0.6; 8]);
    assert_eq!(judge(&baseline, &vec![Timed { gaps: &quick, host: None }; 5]), [], "a quick moment");
}

#[test]
fn a_stall_fails_anywhere() {
    let known = golden(&["a"]);
    for class in ["a", "b", ""] {
        for mode in [TimeMode::Auto, TimeMode::Off] {
            let told = found(&known, class, mode, None, one(150.0, 1.0));
            assert!(told.contains(&("e4".to_owned(), Kind::Stall, Severity::Deviation)), "{class} {told:?}");
        }
    }
    assert_eq!(found(&known, "b", TimeMode::Auto, None, [90.0; 8]), [], "seven seconds where all is x90");
}

#[test]
fn a_golden_of_few_kinds_says_what_it_cannot_judge() {
    let mut few = golden(&["a"]);
    few.events.retain(|label, _| ["ask", ">ask", "e1", "e2"].contains(&label.as_str()));
    let classes = BTreeSet::from(["b".to_owned()]);
    let baseline = Baseline::of(&few, TimeMode::Auto, &classes, None).expect("a baseline");
    let gaps = run([30.0; 8]);
    let report = baseline.report("s", &[Timed { gaps: &gaps, host: None }]);
    assert_eq!((report.basis, report.not_judged), (Basis::Shape, vec!["e1".to_owned(), "e2".to_owned()]));
    // The other sessions of the same check show it.
    let shift = |n: u32| Shift {
        event: Label::from(format!("other{n}").as_str()),
        log: 0.0,
        relieved: 0.0,
        variance: 0.01,
    };
    let others: Vec<Shift> = (0..4).map(shift).collect();
    let beside = baseline.beside(&others, 6);
    assert_eq!(beside.report("s", &[Timed { gaps: &gaps, host: None }]).not_judged, [""; 0]);
}

#[test]
fn a_suspect_elsewhere_never_becomes_a_deviation_by_looking_again() {
    let known = golden(&["a"]);
    let classes = BTreeSet::from(["b".to_owned()]);
    let baseline = Baseline::of(&known, TimeMode::Auto, &classes, None).expect("a baseline");
    let gaps = run(one(40.0, 1.0));
    let rounds = vec![vec![Timed { gaps: &gaps, host: None }; 5]; 3];
    assert!(!rounds::needs_more_rounds(&baseline, &rounds, 3), "more rounds would confirm the machine");
    let (told, _) = rounds::judge(&baseline, &rounds);
    assert_eq!(told.iter().map(|(_, f)| f.severity).collect::<Vec<_>>(), [Severity::Suspect]);
}

#[test]
fn what_a_person_allows_holds_anywhere() {
    let mut known = golden(&["a"]);
    for event in known.events.values_mut() {
        event.timing.iter_mut().for_each(|timing| timing.at_most = Some(Gap::from_millis(300)));
    }
    for mode in TimeMode::ALL {
        let told = found(&known, "a", mode, None, [1.0; 8]);
        assert_eq!(told, [], "{mode:?}");
        let told = found(&known, "a", mode, None, one(8.0, 1.0));
        let expected = ("e4".to_owned(), Kind::OverBudget, Severity::Deviation);
        assert!(told.contains(&expected), "{mode:?}: {told:?}");
    }
    let text = crate::golden::write(&known);
    assert!(text.contains("at_most = \"300 ms\""), "{text}");
    assert_eq!(crate::golden::write(&crate::golden::read("g.toml", &text).expect("a golden")), text);
}

proptest! {
    /// On other classes, a machine that is slower as a whole fails nothing.
    #[test]
    fn a_machine_fails_nothing(pace in 0.05f64..15.0, strays in proptest::array::uniform8(0.8f64..1.25)) {
        let factors = strays.map(|stray| pace * stray);
        for hosts in [vec!["a"], vec!["a", "b", "c"]] {
            let told = found(&golden(&hosts), "d", TimeMode::Auto, None, factors);
            prop_assert!(told.iter().all(|(_, kind, _)| *kind == Kind::Stall), "{:?}", told);
        }
    }

    /// A fault that grows is never found less surely.
    #[test]
    fn a_larger_delay_is_told_at_least_as_surely(factor in 1.0f64..60.0, more in 1.0f64..4.0) {
        let severity = |factor| {
            let told = found(&golden(&["a", "b", "c"]), "d", TimeMode::Auto, None, one(factor, 1.0));
            told.iter().map(|(_, _, severity)| *severity).max()
        };
        prop_assert!(severity(factor * more) >= severity(factor));
    }
}
