//! Learns, checks and counts.

use crate::args::Args;
use crate::baselines;
use crate::families::{self, Family, World};
use crate::mutate::{self, CATALOGUE, Group, Mutation, Scene, Truth};
use crate::oracle::Oracle;
use crate::random::{Random, fork};
use crate::stream::Stream;
use goldwire_core::check::{
    Baseline, Gaps, Timed, check, judge_rounds, judge_timing, needs_more_rounds, told,
};
use goldwire_core::finding::{Finding, Run, Severity, confirm, is_settled, needs_another_round};
use goldwire_core::golden::{self, Golden, TimeMode};
use goldwire_core::learn::learn;
use goldwire_core::transcript::{Gap, Transcript};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a session showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// Of order, shape, binding and ending.
    pub(crate) findings: Vec<Finding>,
    pub(crate) timing: Vec<Finding>,
}

pub(crate) fn is_red(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Deviation)
}

/// Sessions are played on the hosts of their recordings.
pub(crate) fn baseline(golden: &Golden) -> Baseline<'_> {
    let hosts = golden.learned.hosts.iter().cloned().collect();
    Baseline::of(golden, TimeMode::Auto, &hosts, None).unwrap_or_else(|_| Baseline::bounds(golden))
}

/// What goldwire says of a session.
pub(crate) fn judge(golden: &Golden, transcript: &Transcript) -> Verdict {
    let checked = check(golden, transcript);
    let timing = judge_timing(&baseline(golden), &[Timed { gaps: &checked.gaps, host: None }])
        .into_iter()
        .map(|(_, finding)| finding)
        .collect();
    let (late, findings) = checked.findings.into_iter().partition(|f: &Finding| f.kind.family() == "timing");
    let mut verdict = Verdict { findings, timing };
    verdict.timing.extend::<Vec<Finding>>(late);
    verdict
}

/// A session as a check notes it, and its gaps.
pub(crate) fn played(golden: &Golden, transcript: &Transcript, round: usize) -> (Run, Gaps) {
    let checked = check(golden, transcript);
    let run = Run {
        session: transcript.header.session.clone(),
        user: transcript.header.user.clone(),
        round: u32::try_from(round).unwrap_or(0) + 1,
        recording: String::new(),
        events: checked.events,
        took: Gap::ZERO,
        host: None,
        findings: checked.findings,
        live: Vec::new(),
        unjudged: None,
    };
    (run, checked.gaps)
}

/// Counts of one kind of session: clean, or broken in one way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    /// With any finding, of whatever family.
    pub(crate) any: usize,
    /// With a finding of order or payload.
    pub(crate) found: usize,
    /// With one that the same session did not have before it was broken.
    pub(crate) new: usize,
    /// With one of the kinds that name the fault.
    pub(crate) named: usize,
    pub(crate) red: usize,
    pub(crate) timing: usize,
    pub(crate) timing_red: usize,
    /// How many findings, of those that have any.
    pub(crate) lengths: Vec<usize>,
    /// How many each baseline rejects.
    pub(crate) rejected: [usize; baselines::ALL.len()],
}

impl Tally {
    pub(crate) fn add(&mut self, verdict: &Verdict, before: Option<&Verdict>, mutation: Option<&Mutation>) {
        let is_timing = mutation.is_some_and(|mutation| mutation.group == Group::Timing);
        let (own, other) = if is_timing {
            (&verdict.timing, &verdict.findings)
        } else {
            (&verdict.findings, &verdict.timing)
        };
        self.runs += 1;
        self.any += usize::from(!own.is_empty() || !other.is_empty());
        self.found += usize::from(!verdict.findings.is_empty());
        self.red += usize::from(is_red(&verdict.findings));
        self.timing += usize::from(!verdict.timing.is_empty());
        self.timing_red += usize::from(is_red(&verdict.timing));
        if !own.is_empty() {
            self.lengths.push(own.len());
        }
        if let Some(before) = before {
            let known = |finding: &Finding| {
                let old = if is_timing { &before.timing } else { &before.findings };
                old.iter().any(|old| old.is_like(finding) && old.message == finding.message)
            };
            self.new += usize::from(own.iter().any(|finding| !known(finding)));
        }
        if let Some(mutation) = mutation {
            self.named += usize::from(own.iter().any(|finding| mutation.expects.contains(&finding.kind)));
        }
    }

    fn merge(&mut self, other: &Tally) {
        for (own, more) in [
            (&mut self.runs, other.runs),
            (&mut self.any, other.any),
            (&mut self.found, other.found),
            (&mut self.new, other.new),
            (&mut self.named, other.named),
            (&mut self.red, other.red),
            (&mut self.timing, other.timing),
            (&mut self.timing_red, other.timing_red),
        ] {
            *own += more;
        }
        self.lengths.extend(&other.lengths);
        for (own, more) in self.rejected.iter_mut().zip(other.rejected) {
            *own += more;
        }
    }
}

/// Whole checks of a clean server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wholes {
    pub(crate) checks: usize,
    /// With a deviation.
    pub(crate) red: usize,
    /// With any finding.
    pub(crate) any: usize,
}

/// Users of a whole check.
const USERS: usize = 5;
/// As many rounds as `goldwire check` gives a doubt if not told otherwise.
const CONFIRM: usize = 3;

/// Something worth looking at: a false alarm, or a mutation not found.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// As `--show` takes it.
    pub(crate) name: String,
    pub(crate) what: String,
}

/// What was counted with so many recordings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) clean: Tally,
    pub(crate) wholes: Wholes,
    /// In the order of the catalogue.
    pub(crate) mutated: Vec<Tally>,
    /// Clean sessions by family, in the order of the families.
    pub(crate) families: Vec<(&'static str, Tally)>,
    pub(crate) misses: Vec<Case>,
    pub(crate) alarms: Vec<Case>,
    /// Recordings that the golden learned from them does not accept.
    pub(crate) unsound: Vec<Case>,
}

/// One world of a family, ready to be measured.
struct Site<'s> {
    family: &'static Family,
    number: usize,
    world: World,
    oracle: Oracle,
    golden: Golden,
    recordings: Vec<Transcript>,
    recorded: Vec<Vec<String>>,
    args: &'s Args,
}

fn day_of_check(number: usize) -> u32 {
    10 + u32::try_from(number % 18).unwrap_or(0)
}

impl<'s> Site<'s> {
    fn open(
        family: &'static Family,
        number: usize,
        count: usize,
        args: &'s Args,
    ) -> Result<Site<'s>, String> {
        let seed = fork(args.seed, &["world", family.name, &number.to_string()]);
        let world = World { seed, wild: args.wild };
        let streams: Vec<Stream> = (0..count)
            .map(|index| family.session(world, "train", index, 1 + u32::try_from(index % 5).unwrap_or(0)))
            .collect();
        let recordings: Vec<Transcript> = streams.iter().map(Stream::transcript).collect();
        let golden = learn(&recordings, None).map_err(|error| error.to_string())?.golden;
        let recorded = streams.iter().map(|stream| labels(family, stream)).collect();
        let oracle = Oracle::ask(family, world);
        Ok(Site { family, number, world, oracle, golden, recordings, recorded, args })
    }

    fn rejected(&self, stream: &Stream) -> [bool; baselines::ALL.len()] {
        let labels = labels(self.family, stream);
        baselines::ALL.each_ref().map(|baseline| !(baseline.accepts)(&self.recorded, &labels))
    }

    fn clean(&self, index: usize) -> Stream {
        self.family.session(self.world, "clean", index, day_of_check(index))
    }

    /// What a whole check of the clean server finds, as `goldwire check` makes it: by five users, in as many rounds as its
    /// doubts ask for.
    fn whole(&self, number: usize) -> Vec<Finding> {
        let baseline = baseline(&self.golden);
        let told = |finding: &Finding| Some(told(&self.golden, finding));
        let (mut rounds, mut gaps): (Vec<Vec<Run>>, Vec<Vec<Gaps>>) = (Vec::new(), Vec::new());
        loop {
            let number_of_round = rounds.len();
            let before = number_of_round * USERS;
            // Rounds of one check are of one day.
            let sessions = (before..before + USERS).map(|session| {
                let index = number * 100 + session;
                self.family.session(self.world, "whole", index, day_of_check(number)).transcript()
            });
            let (round, own) =
                sessions.map(|transcript| played(&self.golden, &transcript, number_of_round)).unzip();
            rounds.push(round);
            gaps.push(own);
            let timed: Vec<Vec<Timed<'_>>> = gaps
                .iter()
                .map(|round| round.iter().map(|gaps| Timed { gaps, host: None }).collect())
                .collect();
            let asks =
                needs_another_round(&rounds, CONFIRM, &told) || needs_more_rounds(&baseline, &timed, CONFIRM);
            if is_settled(&rounds) || !asks {
                let (late, _) = judge_rounds(&baseline, &timed);
                let runs = confirm(rounds, &told).into_iter().flat_map(|run| run.findings);
                return runs.chain(late.into_iter().map(|(_, finding)| finding)).collect();
            }
        }
    }

    /// A session before and after it was broken; none when the mutation does not apply.
    fn broken(&self, mutation: &Mutation, index: usize) -> Option<(Stream, Stream)> {
        // Not every session has what it takes; a few are tried.
        (0..6).find_map(|attempt| {
            let number = index * 6 + attempt;
            let before = self.family.session(self.world, mutation.name, number, day_of_check(number));
            let other = self.family.session(self.world, "other", number, day_of_check(number));
            let seed = fork(self.world.seed, &["mutate", mutation.name, &number.to_string()]);
            let mut scene = Scene {
                family: self.family,
                oracle: &self.oracle,
                stream: before.clone(),
                other: &other,
                random: Random::new(seed),
            };
            (mutation.apply)(&mut scene)?;
            let after = scene.stream;
            Some((before, after))
        })
    }

    fn name(&self, what: &str, index: usize) -> String {
        format!("{}/{}/{what}/{index}", self.family.name, self.number)
    }

    fn measure(&self) -> Measured {
        let mut measured =
            Measured { mutated: vec![Tally::default(); CATALOGUE.len()], ..Measured::default() };
        for (index, recording) in self.recordings.iter().enumerate() {
            let verdict = judge(&self.golden, recording);
            if !verdict.findings.is_empty() {
                let what = said_of(&verdict.findings);
                measured.unsound.push(Case { name: self.name("train", index), what });
            }
        }
        for index in 0..self.args.checks {
            let stream = self.clean(index);
            let verdict = judge(&self.golden, &stream.transcript());
            measured.clean.add(&verdict, None, None);
            for (count, no) in measured.clean.rejected.iter_mut().zip(self.rejected(&stream)) {
                *count += usize::from(no);
            }
            if !verdict.findings.is_empty() || !verdict.timing.is_empty() {
                let all: Vec<Finding> = verdict.findings.into_iter().chain(verdict.timing).collect();
                measured.alarms.push(Case { name: self.name("clean", index), what: said_of(&all) });
            }
        }
        for number in 0..self.args.checks / USERS {
            let found = self.whole(number);
            measured.wholes.checks += 1;
            measured.wholes.any += usize::from(!found.is_empty());
            measured.wholes.red += usize::from(is_red(&found));
            if is_red(&found) {
                measured.alarms.push(Case { name: self.name("whole", number), what: said_of(&found) });
            }
        }
        measured.families = vec![(self.family.name, measured.clean.clone())];
        for (mutation, tally) in CATALOGUE.iter().zip(&mut measured.mutated) {
            for index in 0..self.args.repeats {
                let Some((before, after)) = self.broken(mutation, index) else { continue };
                let verdict = judge(&self.golden, &after.transcript());
                let was = judge(&self.golden, &before.transcript());
                tally.add(&verdict, Some(&was), Some(mutation));
                for (count, no) in tally.rejected.iter_mut().zip(self.rejected(&after)) {
                    *count += usize::from(no);
                }
                let is_found = match mutation.group {
                    Group::Timing => true,
                    Group::Order | Group::Payload => !verdict.findings.is_empty(),
                };
                if mutation.truth == Truth::Detectable && !is_found {
                    let what = difference(&before, &after);
                    measured.misses.push(Case { name: self.name(mutation.name, index), what });
                }
            }
        }
        measured
    }
}

fn labels(family: &Family, stream: &Stream) -> Vec<String> {
    stream.said.iter().map(|said| family.label(said.side, &said.data)).collect()
}

fn difference(before: &Stream, after: &Stream) -> String {
    mutate::describe(before, after).lines().next().unwrap_or_default().to_owned()
}

pub(crate) fn said_of(findings: &[Finding]) -> String {
    let words = findings.iter().map(|finding| {
        let severity = if finding.severity == Severity::Deviation { "red" } else { "yellow" };
        format!("{severity} {}: {} ({})", finding.kind.name(), finding.message, finding.evidence)
    });
    words.collect::<Vec<_>>().join(" | ")
}

/// Does a job for all worlds of some families, on as many threads as there are processors; the results are in the order
/// of the worlds.
///
/// # Errors
/// Those of the job.
pub(crate) fn on_all_processors<T: Send>(
    families: &[&'static Family],
    args: &Args,
    job: impl Fn(&'static Family, usize) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    let jobs: Vec<(&'static Family, usize)> =
        families.iter().flat_map(|family| (0..args.worlds).map(move |number| (*family, number))).collect();
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Result<T, String>>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((family, number)) = jobs.get(index) else { break };
                    let result = job(family, *number);
                    if let Ok(mut done) = done.lock() {
                        done.insert(index, result);
                    }
                }
            });
        }
    });
    let done = done.into_inner().map_err(|_| "a thread has panicked".to_owned())?;
    done.into_values().collect()
}

/// Measures all worlds of some families with so many recordings.
///
/// # Errors
/// When nothing can be learned from a world.
pub(crate) fn measure(families: &[&'static Family], count: usize, args: &Args) -> Result<Measured, String> {
    let done = on_all_processors(families, args, |family, number| {
        Ok(Site::open(family, number, count, args)?.measure())
    })?;
    // Put together in the order of the jobs, so that the result does not depend on which was done first.
    let mut all = Measured { mutated: vec![Tally::default(); CATALOGUE.len()], ..Measured::default() };
    for one in done {
        all.clean.merge(&one.clean);
        all.wholes.checks += one.wholes.checks;
        all.wholes.red += one.wholes.red;
        all.wholes.any += one.wholes.any;
        for (own, more) in all.mutated.iter_mut().zip(&one.mutated) {
            own.merge(more);
        }
        for (name, tally) in one.families {
            match all.families.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => own.merge(&tally),
                None => all.families.push((name, tally)),
            }
        }
        all.misses.extend(one.misses);
        all.alarms.extend(one.alarms);
        all.unsound.extend(one.unsound);
    }
    Ok(all)
}

/// One case whole: the golden, what was changed, what was found.
///
/// # Errors
/// When there is no such case.
pub(crate) fn show(case: &str, count: usize, args: &Args) -> Result<String, String> {
    let parts: Vec<&str> = case.split('/').collect();
    let [family, world, what, index] = parts[..] else {
        return Err(format!("`{case}` is not family/world/mutation/number"));
    };
    let [family] = families::named(&[family.to_owned()])?[..] else {
        return Err(format!("`{family}` is not one family"));
    };
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is not a number"));
    let (world, index) = (number(world)?, number(index)?);
    let site = Site::open(family, world, count, args)?;
    let (text, transcript) = match what {
        "clean" => (String::new(), site.clean(index).transcript()),
        "train" => {
            let recording = site.recordings.get(index).ok_or("there is no such recording")?;
            (String::new(), recording.clone())
        }
        what => {
            let mutation =
                CATALOGUE.iter().find(|m| m.name == what).ok_or(format!("no mutation `{what}`"))?;
            let (before, after) = site.broken(mutation, index).ok_or("this mutation does not apply here")?;
            (mutate::describe(&before, &after), after.transcript())
        }
    };
    let verdict = judge(&site.golden, &transcript);
    let mut out = golden::write(&site.golden);
    for (number, frame) in transcript.frames.iter().enumerate() {
        if let goldwire_core::transcript::Payload::Text(json) = &frame.payload {
            out.push_str(&format!("{number:4} {:>14} {} {json}\n", frame.at.to_string(), frame.side.mark()));
        }
    }
    out.push_str(&format!("end {}\n{text}", transcript.ending.label()));
    for finding in verdict.findings.iter().chain(&verdict.timing) {
        out.push_str(&format!("{}\n", said_of(std::slice::from_ref(finding))));
        for consequence in &finding.consequences {
            out.push_str(&format!("    follows: {consequence}\n"));
        }
    }
    Ok(out)
}
