//! Tests of the room above.

use super::flip::{Random, coins};
use super::*;
use crate::check::Gaps;
use crate::dialect::Label;
use crate::finding::{Finding, Kind, Place, Run, Severity, Verdict};
use crate::transcript::Gap;

fn played(release: Release, pair: usize) -> Played {
    let run = Run {
        session: "s".to_owned(),
        user: "u1".to_owned(),
        round: 1,
        recording: String::new(),
        events: 1,
        took: Gap::ZERO,
        host: None,
        findings: Vec::new(),
        live: Vec::new(),
        unjudged: None,
    };
    Played { release, pair, run, gaps: Gaps::new() }
}

fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(random: &mut Random) -> f64 {
    (-2.0 * (1.0 - unit(random)).ln()).sqrt() * (std::f64::consts::TAU * unit(random)).cos()
}

/// Eight classes of gaps of a machine that drifts from pair to pair and now and then stalls for 200 ms; the
/// candidate takes `factor` times as long in the first `slow` of them.
fn experiment(seed: u64, pairs: usize, factor: f64, slow: usize) -> Vec<Played> {
    let mut random = Random(seed);
    let mut all = Vec::new();
    for pair in 0..pairs {
        let machine = 0.3 * normal(&mut random);
        for release in Release::order(pair) {
            let mut one = played(release, pair);
            for class in 0..8u8 {
                let usual = 10.0 * f64::from(class + 1);
                let mut ms = usual * (machine + 0.25 * normal(&mut random)).exp();
                if release == Release::Candidate && usize::from(class) < slow {
                    ms *= factor;
                }
                if unit(&mut random) < 0.01 {
                    ms += 200.0;
                }
                let key = (Label::from(format!("e{class}").as_str()), Label::from("cause"));
                one.gaps.insert(key, [(Gap::from_secs_f64(ms / 1e3), 1)].into_iter().collect());
            }
            all.push(one);
        }
    }
    all
}

/// How often something seems slower, and something faster.
fn alarms(experiments: u32, pairs: usize, alpha: f64) -> (usize, usize) {
    let seeds = 0..u64::from(experiments);
    seeds.fold((0, 0), |(slower, faster), seed| {
        let changes = compare(&experiment(seed << 32, pairs, 1.0, 0), alpha).timing.changes;
        let any = |p: fn(&Change) -> f64| usize::from(changes.iter().any(|change| p(change) <= alpha));
        (slower + any(|change| change.slower), faster + any(|change| change.faster))
    })
}

/// So many alarms, or more, come once in a thousand times when each experiment alarms at this rate.
fn bound(experiments: u32, rate: f64) -> usize {
    let n = f64::from(experiments);
    let mut chance = (n * (1.0 - rate).ln()).exp();
    let mut sum = 0.0;
    let exceeded = (0..experiments).find(|k| {
        sum += chance;
        chance *= (n - f64::from(*k)) / (f64::from(*k) + 1.0) * rate / (1.0 - rate);
        sum > 0.999
    });
    usize::try_from(exceeded.unwrap_or(experiments)).expect("small")
}

#[test]
fn equal_releases_seem_to_differ_no_more_often_than_stated() {
    assert_eq!(bound(400, 0.05), 35);
    for (experiments, pairs, alpha) in [(400, 8, 0.05), (120, 12, 0.05), (300, 10, 0.01)] {
        let (slower, faster) = alarms(experiments, pairs, alpha);
        let most = bound(experiments, alpha);
        assert!(slower <= most && faster <= most, "{pairs} pairs at {alpha}: {slower}, {faster} > {most}");
        // Nor is the test so careful that it says nothing.
        assert!(alpha < 0.05 || slower + faster >= 4, "{pairs} pairs: {slower}, {faster}");
    }
}

#[test]
fn what_takes_twice_as_long_is_found_named_and_measured() {
    let mut found = 0;
    for seed in 100..110 {
        let timing = compare(&experiment(seed << 32, 30, 2.0, 1), 0.001).timing;
        let first = &timing.changes[0];
        let subject = Subject::Gap { event: Label::from("e0"), after: Label::from("cause") };
        found += usize::from(first.is_sure(0.001) && first.subject == subject && first.slower < first.faster);
        let change = timing.changes.iter().find(|change| change.subject == subject).expect("it is tested");
        assert!((1.5..2.5).contains(&change.factor), "{change:?}");
        assert!(change.again.is_some_and(|again| (0.7..1.4).contains(&again.factor)), "{change:?}");
    }
    assert!(found >= 9, "{found} of 10");
    // All of it a little slower: few classes show that by themselves, all together do.
    let changes = compare(&experiment(7, 30, 1.2, 8), 0.001).timing.changes;
    let (sure, others): (Vec<&Change>, Vec<_>) = changes.iter().partition(|change| change.is_sure(0.001));
    let whole = sure.iter().find(|change| change.subject == Subject::WholeRun).expect("it is sure");
    assert!(others.len() >= 5 && (1.1..1.3).contains(&whole.factor), "{whole:?} {}", others.len());
}

#[test]
fn too_few_pairs_never_show_a_change_in_time() {
    let comparison = compare(&experiment(1, 9, 50.0, 8), 0.001);
    assert_eq!(comparison.verdict(), Verdict::Conforms);
    assert_eq!((comparison.timing.least, pairs_needed(0.001)), (1.0 / 512.0, 10));
    assert_eq!(compare(&experiment(1, 10, 50.0, 8), 0.001).verdict(), Verdict::Deviates);
}

#[test]
fn a_release_that_changes_meanwhile_differs_from_itself() {
    let mut all = experiment(3, 14, 1.0, 0);
    for one in &mut all {
        let factor = 5f64.powi(i32::try_from(one.pair).expect("few"));
        for sample in one.gaps.values_mut() {
            *sample = sample.gaps().map(|gap| (Gap::from_secs_f64(gap.as_secs_f64() * factor), 1)).collect();
        }
    }
    let comparison = compare(&all, 0.001);
    assert_eq!(comparison.verdict(), Verdict::Conforms);
    assert!(comparison.timing.again.is_some_and(|p| p <= 0.001), "{:?}", comparison.timing.again);
    assert_eq!(comparison.timing.again_runs, 13);
}

#[test]
fn runs_follow_each_other_so_that_every_release_also_meets_itself() {
    let order: Vec<Release> = (0..4).flat_map(Release::order).collect();
    let follows = |a, b| order.windows(2).filter(|two| *two == [a, b]).count();
    use Release::{Baseline, Candidate};
    assert_eq!((follows(Baseline, Candidate), follows(Candidate, Baseline)), (2, 2));
    assert_eq!((follows(Baseline, Baseline), follows(Candidate, Candidate)), (1, 2));
}

fn finding(kind: Kind, severity: Severity, actual: &str) -> Finding {
    let place = Place {
        event: Label::from("e"),
        lane: None,
        path: Some("/x".to_owned()),
        key: "event.e".to_owned(),
        golden_line: None,
        frames: vec![1],
    };
    Finding::new(kind, severity, place, "x").values("1", actual)
}

/// The standing of one finding that so many pairs of the baseline and of the candidate show, first ones first.
fn standing(pairs: usize, severity: Severity, baseline: usize, candidate: usize) -> Standing {
    let mut all = Vec::new();
    for pair in 0..pairs {
        for (release, shown) in [(Release::Baseline, baseline), (Release::Candidate, candidate)] {
            let mut one = played(release, pair);
            if pair < shown {
                one.run.findings.push(finding(Kind::FieldNew, severity, "2"));
            }
            all.push(one);
        }
    }
    let comparison = compare(&all, 0.001);
    assert_eq!(comparison.differences.len(), 1);
    let sure = comparison.differences[0].standing.is_sure();
    assert_eq!(comparison.verdict() == Verdict::Deviates, sure);
    comparison.differences[0].standing
}

#[test]
fn what_only_one_release_shows_is_a_difference_and_what_both_show_is_not() {
    use Severity::{Deviation, Suspect};
    assert_eq!(standing(2, Deviation, 0, 1), Standing::Candidate);
    assert_eq!(standing(2, Suspect, 0, 2), Standing::Perhaps);
    assert_eq!(standing(3, Suspect, 0, 3), Standing::Candidate);
    assert_eq!(standing(12, Suspect, 0, 9), Standing::Perhaps);
    assert_eq!(standing(12, Suspect, 0, 10), Standing::Candidate);
    assert_eq!(standing(3, Deviation, 3, 0), Standing::Baseline);
    assert_eq!(standing(12, Deviation, 1, 0), Standing::Sometimes);
    assert_eq!(standing(12, Deviation, 12, 12), Standing::Both);
    assert_eq!(standing(12, Deviation, 3, 9), Standing::Both);
    assert_eq!(standing(12, Deviation, 1, 11), Standing::MoreOften);
    assert_eq!(standing(12, Deviation, 12, 2), Standing::LessOften);
    assert!((coins(10, 10) - 1.0 / 1024.0).abs() < 1e-12);
}

#[test]
fn both_may_differ_from_the_golden_and_from_each_other() {
    let standing = |baseline: [&str; 2], candidate: [&str; 2]| {
        let mut all = Vec::new();
        for pair in 0..2 {
            for (release, said) in [(Release::Baseline, baseline), (Release::Candidate, candidate)] {
                let mut one = played(release, pair);
                one.run.findings.push(finding(Kind::ValueChanged, Severity::Deviation, said[pair]));
                all.push(one);
            }
        }
        compare(&all, 0.001).differences[0].standing
    };
    assert_eq!(standing(["2", "2"], ["3", "3"]), Standing::OtherValue);
    assert_eq!(standing(["2", "2"], ["2", "2"]), Standing::Both);
    // What is another value every time says nothing.
    assert_eq!(standing(["2", "3"], ["4", "4"]), Standing::Both);
}

#[test]
fn a_run_that_could_not_be_judged_is_no_comparison() {
    let mut all = experiment(1, 3, 1.0, 0);
    let mut last = played(Release::Candidate, 3);
    last.run.unjudged = Some(crate::finding::Unjudged { cause: "refused".to_owned(), hint: None });
    all.push(last);
    let comparison = compare(&all, 0.001);
    assert_eq!(comparison.verdict(), Verdict::CouldNotJudge);
    assert_eq!(comparison.runs, 6);
    assert_eq!(compare(&[], 0.001).verdict(), Verdict::CouldNotJudge);
}
