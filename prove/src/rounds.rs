//! Time as `goldwire check` judges it: rounds of several users at once, played again while they leave a doubt.

use crate::args::Args;
use crate::families::{Family, World};
use crate::measure::{baseline, on_all_processors, said_of};
use crate::mutate::{CATALOGUE, Group, Mutation, Scene};
use crate::oracle::Oracle;
use crate::random::{Random, fork};
use goldwire_core::check::{Gaps, Timed, check, judge_rounds, needs_more_rounds};
use goldwire_core::finding::{Finding, Severity};
use goldwire_core::golden::Golden;
use goldwire_core::learn::learn;
use std::fmt::Write as _;

/// As many rounds as `goldwire check` gives a doubt if not told otherwise.
const CONFIRM: usize = 3;

/// What was counted of one fault, or of none.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    checks: usize,
    /// With a finding of time.
    any: usize,
    /// With one that deviates.
    red: usize,
    rounds: usize,
}

impl Count {
    fn add(&mut self, findings: &[Finding], rounds: usize) {
        self.checks += 1;
        self.any += usize::from(!findings.is_empty());
        self.red += usize::from(findings.iter().any(|finding| finding.severity == Severity::Deviation));
        self.rounds += rounds;
    }

    fn merge(&mut self, other: Count) {
        self.checks += other.checks;
        self.any += other.any;
        self.red += other.red;
        self.rounds += other.rounds;
    }
}

/// A service whose golden is learned.
struct Site {
    family: &'static Family,
    world: World,
    oracle: Oracle,
    golden: Golden,
}

impl Site {
    fn open(family: &'static Family, number: usize, recordings: usize, args: &Args) -> Result<Site, String> {
        let seed = fork(args.seed, &["world", family.name, &number.to_string()]);
        let world = World { seed, wild: args.wild };
        let day = |index: usize| 1 + u32::try_from(index % 5).unwrap_or(0);
        let train: Vec<_> = (0..recordings)
            .map(|index| family.session(world, "train", index, day(index)).transcript())
            .collect();
        let golden = learn(&train, None).map_err(|error| error.to_string())?.golden;
        Ok(Site { family, world, oracle: Oracle::ask(family, world), golden })
    }

    /// The gaps of one session of a check, broken if a fault is given and the session has what it takes.
    fn play(&self, fault: Option<&Mutation>, number: usize, session: usize) -> Gaps {
        let purpose = fault.map_or("rounds", |fault| fault.name);
        let day = 10 + u32::try_from(number % 18).unwrap_or(0);
        let index = number * 1_000 + session;
        let mut stream = self.family.session(self.world, purpose, index, day);
        if let Some(fault) = fault {
            // A release is slow in the same place for everybody.
            let seed = fork(self.world.seed, &["fault", fault.name, &number.to_string()]);
            let other = stream.clone();
            let mut scene = Scene {
                family: self.family,
                oracle: &self.oracle,
                stream: stream.clone(),
                other: &other,
                random: Random::new(seed),
            };
            if (fault.apply)(&mut scene).is_some() {
                stream = scene.stream;
            }
        }
        check(&self.golden, &stream.transcript()).gaps
    }

    /// One check: its findings of time, and how many rounds it took.
    fn check(&self, fault: Option<&Mutation>, number: usize, users: usize) -> (Vec<Finding>, usize) {
        let mut rounds: Vec<Vec<Gaps>> = Vec::new();
        let baseline = baseline(&self.golden);
        loop {
            let before = rounds.len() * users;
            rounds.push((0..users).map(|user| self.play(fault, number, before + user)).collect());
            let timed: Vec<Vec<Timed<'_>>> = rounds
                .iter()
                .map(|round| round.iter().map(|gaps| Timed { gaps, host: None }).collect())
                .collect();
            if !needs_more_rounds(&baseline, &timed, CONFIRM) {
                let (findings, _) = judge_rounds(&baseline, &timed);
                return (findings.into_iter().map(|(_, finding)| finding).collect(), rounds.len());
            }
        }
    }
}

/// Measures all families and writes a table.
///
/// # Errors
/// When nothing can be learned from a world.
pub(crate) fn run(families: &[&'static Family], args: &Args) -> Result<String, String> {
    let faults: Vec<Option<&Mutation>> = std::iter::once(None)
        .chain(CATALOGUE.iter().filter(|mutation| mutation.group == Group::Timing).map(Some))
        .collect();
    let mut out = String::new();
    for recordings in &args.recordings {
        let sites = on_all_processors(families, args, |family, number| {
            let site = Site::open(family, number, *recordings, args)?;
            let mut rows = vec![vec![Count::default(); args.rounds.len()]; faults.len()];
            for (row, fault) in rows.iter_mut().zip(&faults) {
                let checks = if fault.is_none() { args.checks } else { args.repeats };
                for (count, users) in row.iter_mut().zip(&args.rounds) {
                    for number in 0..checks {
                        let (findings, rounds) = site.check(*fault, number, *users);
                        if fault.is_none() && args.misses && !findings.is_empty() {
                            let said = said_of(&findings);
                            eprintln!("{}/{number}, {users} users: {said}", site.family.name);
                        }
                        count.add(&findings, rounds);
                    }
                }
            }
            Ok(rows)
        })?;
        let mut all = vec![vec![Count::default(); args.rounds.len()]; faults.len()];
        for rows in &sites {
            for (own, more) in all.iter_mut().flatten().zip(rows.iter().flatten()) {
                own.merge(*more);
            }
        }
        write(&mut out, *recordings, &faults, &all, args);
    }
    Ok(out)
}

fn write(out: &mut String, recordings: usize, faults: &[Option<&Mutation>], all: &[Vec<Count>], args: &Args) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{recordings} recordings; checks as `goldwire check` plays them, findings of time in per cent"
    );
    let _ =
        writeln!(out, "{:<12}{:>6}{:>8}{:>8}{:>8}{:>9}", "fault", "users", "checks", "any", "red", "rounds");
    for (fault, row) in faults.iter().zip(all) {
        for (count, users) in row.iter().zip(&args.rounds) {
            let of = |part: usize| part as f64 / count.checks.max(1) as f64;
            let _ = writeln!(
                out,
                "{:<12}{users:>6}{:>8}{:>8.2}{:>8.2}{:>9.2}",
                fault.map_or("none", |fault| fault.name),
                count.checks,
                100.0 * of(count.any),
                100.0 * of(count.red),
                of(count.rounds),
            );
        }
    }
    let _ = writeln!(out);
}
