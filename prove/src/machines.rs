//! Time as it travels: services recorded on one machine and checked on another, or on the same on another day.
//!
//! A world is a service of 1 to 5 sessions, the machines it runs on, and the moments at which they are asked. How long
//! a gap takes, as a logarithm of seconds, for kind `c`, machine `h`, moment `o`, round `r` and user `u`:
//!
//! ```text
//! y = usual_c + computes_c * (machine_h + moment_o + user_u) + kind_on_machine_ch + kind_at_moment_co + round_r + noise
//! ```
//!
//! | what | how it is drawn |
//! |---|---|
//! | kinds of a session | 8: five that come once, three that repeat, 2 to 12 times a run; the first comes once |
//! | usual | log-normal about 30 ms, the logarithm's sd 1.4, from 2 ms to 3 s |
//! | noise | of a kind that comes once sd 0.25 to 0.6; of one that repeats 0.12 to 0.28 a run, and 0.2 a gap |
//! | share of kinds that wait | one of 0, 0.15, 0.5, 0.85 for a world; `computes` is 0 for those, else 1 |
//! | machine | t of 5 degrees of freedom, scaled to an sd of 0.25, 0.5 or 0.8 (wild: 0.5, 0.8 or 1.1) for a world |
//! | kind on a machine | normal, sd 0.1 to 0.35 (wild: to 0.5) for a world; kinds that wait have it, too |
//! | moment | normal, sd 0.18; an occasion of recording is a moment, and so is a check |
//! | kind at a moment | normal, sd 0.05 to 0.15 for a world |
//! | round, user | normal, sd 0.12 and 0.15 |
//! | hold-up | up to 250 ms, added to 1 gap in 100, whatever the machine; no probe of lag sees it |
//! | the machine's own work | 1.5 ms times machine and moment, off by an sd of 0.4 for a moment, of 0.05 for a run |
//!
//! Five users play a round; they share machine, moment and round. A golden is learned from 20 recordings of each of its
//! machines (four rounds of five users), on one occasion or on four; a profile from 10 runs on one occasion or from 30
//! on three, on a machine that the golden does not know. A check plays rounds as `goldwire check` does: one, and others
//! while they leave a doubt, up to 3 or 5; `--runs` asks for so many from the start. Its sessions are judged one after
//! another, each beside those before. Every check on an unknown machine has one of its own; machines with profiles are
//! [`PROFILED`] a world.
//!
//! Faults: the first answer of one session, or one kind of its eight, takes so many times as long; all gaps of all
//! sessions do; one gap of one run of one session takes 5 s longer (`stall`), or of one run of every round of it, whose
//! user is another each time (`stalls`). What a fault makes longer is the gap without its
//! hold-up.

use crate::args::Args;
use crate::families;
use crate::measure::{on_all_processors, said_of};
use crate::random::{Random, fork};
use goldwire_core::check::{Baseline, Gaps, Shift, Timed, check, judge_rounds, needs_more_rounds};
use goldwire_core::finding::{Finding, Severity};
use goldwire_core::golden::{Golden, HostProfile, HostState, SessionProfile, TimeMode, gap_of, log_of};
use goldwire_core::learn::learn;
use goldwire_core::transcript::{
    End, Ending, Frame, Gap, Header, Host, HostClass, Offset, Payload, Side, Transcript,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// So many users play a round.
const USERS: usize = 5;
/// As many rounds as `goldwire check` gives a doubt if not told otherwise.
const CONFIRM: usize = 3;
/// Rounds that are recorded on each machine of a golden.
const RECORDED: usize = 4;
/// Machines with a profile in each world.
const PROFILED: usize = 4;
/// A round begins so many seconds after the one before.
const ROUND: usize = 20;

const MOMENT: f64 = 0.18;
const BETWEEN_ROUNDS: f64 = 0.12;
const BETWEEN_USERS: f64 = 0.15;
/// Of the gaps of one run of a kind that repeats.
const WITHIN_RUN: f64 = 0.2;
/// So often, and up to so many seconds.
const HOLD_UP: (f64, f64) = (0.01, 0.25);
/// What the machine's own work takes on a machine like any other, in seconds.
const WORK: f64 = 0.001_5;
/// How far it is off, for a moment and for a run.
const WORK_ERROR: (f64, f64) = (0.4, 0.05);
/// No gap is shorter.
const LEAST: f64 = 0.000_03;

const NAMES: [&str; 24] = [
    "accepted", "agent", "answer", "block", "call", "chunk", "cost", "delta", "done", "draft", "graph",
    "item", "log", "note", "page", "plan", "result", "row", "state", "status", "step", "token", "tool",
    "trace",
];

/// A service, and what its machines are like.
struct World {
    seed: u64,
    sessions: Vec<Session>,
    /// The spread of machines, of kinds on machines and of kinds at moments.
    machines: f64,
    kinds_on_machines: f64,
    kinds_at_moments: f64,
}

struct Session {
    name: String,
    /// In the order in which they come.
    kinds: Vec<Kind>,
}

/// Events of one name.
struct Kind {
    name: &'static str,
    /// The logarithm of seconds.
    usual: f64,
    spread: f64,
    waits: bool,
    /// How often it comes, where more than once.
    times: Option<usize>,
}

/// A host class.
struct Machine {
    seed: u64,
    class: String,
    factor: f64,
}

/// A quarter of an hour on a machine.
struct Moment<'m> {
    machine: &'m Machine,
    seed: u64,
    factor: f64,
    /// The logarithm of the seconds that the machine's own work takes.
    work: f64,
    day: usize,
}

/// Who plays: a session by number, which round of it and which user.
#[derive(Debug, Clone, Copy)]
struct Turn {
    session: usize,
    round: usize,
    user: usize,
}

/// What is wrong with a build.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    First(f64),
    Kind(f64),
    /// Seconds, in one gap of one run.
    Stall(f64),
    /// The same in one run of every round.
    Stalls(f64),
    All(f64),
}

impl Fault {
    const ALL: [Fault; 8] = [
        Fault::None,
        Fault::First(3.0),
        Fault::First(5.0),
        Fault::First(10.0),
        Fault::Kind(10.0),
        Fault::Stall(5.0),
        Fault::Stalls(5.0),
        Fault::All(2.0),
    ];

    fn name(self) -> String {
        match self {
            Fault::None => "clean".to_owned(),
            Fault::First(factor) => format!("first x{factor}"),
            Fault::Kind(factor) => format!("kind x{factor}"),
            Fault::Stall(seconds) => format!("stall {seconds}s"),
            Fault::Stalls(seconds) => format!("stalls {seconds}s"),
            Fault::All(factor) => format!("all x{factor}"),
        }
    }
}

/// A fault and where it is in this check.
struct Broken {
    fault: Fault,
    session: usize,
    kind: usize,
    /// In which round and of which user, where it is in one run only.
    round: usize,
    user: usize,
    /// Which gap of the kind in that run, as a share of all.
    gap: f64,
}

impl Broken {
    fn not() -> Broken {
        Broken { fault: Fault::None, session: 0, kind: 0, round: 0, user: 0, gap: 0.0 }
    }

    fn draw(fault: Fault, world: &World, rounds: usize, random: &mut Random) -> Broken {
        let session = random.below(world.sessions.len());
        let kind = match fault {
            Fault::Kind(_) | Fault::Stall(_) | Fault::Stalls(_) => {
                random.below(world.sessions[session].kinds.len())
            }
            Fault::None | Fault::First(_) | Fault::All(_) => 0,
        };
        let (round, user) = (random.below(rounds), random.below(USERS));
        Broken { fault, session, kind, round, user, gap: random.unit() }
    }

    /// How many times as long a kind takes.
    fn factor(&self, turn: Turn, kind: usize) -> f64 {
        match self.fault {
            Fault::First(factor) | Fault::Kind(factor)
                if (self.session, self.kind) == (turn.session, kind) =>
            {
                factor
            }
            Fault::All(factor) => factor,
            Fault::None | Fault::First(_) | Fault::Kind(_) | Fault::Stall(_) | Fault::Stalls(_) => 1.0,
        }
    }

    /// For how long which of so many gaps of a kind stalls.
    fn stall(&self, turn: Turn, kind: usize, gaps: usize) -> Option<(usize, f64)> {
        let (seconds, round) = match self.fault {
            Fault::Stall(seconds) => (seconds, self.round),
            Fault::Stalls(seconds) => (seconds, turn.round),
            Fault::None | Fault::First(_) | Fault::Kind(_) | Fault::All(_) => return None,
        };
        let is_here = (self.session, self.kind, round) == (turn.session, kind, turn.round);
        // Another round holds up another user.
        let user = (self.user + turn.round) % USERS;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        (is_here && user == turn.user).then_some(((self.gap * gaps as f64) as usize, seconds))
    }
}

fn within(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.unit()
}

/// Student's t of five degrees of freedom, scaled to a variance of 1.
fn student(random: &mut Random) -> f64 {
    let normal = random.normal();
    let square: f64 = (0..5).map(|_| random.normal().powi(2)).sum();
    normal / (square / 5.0).sqrt() * 0.6_f64.sqrt()
}

impl World {
    fn draw(seed: u64, is_wild: bool) -> World {
        let mut random = Random::new(fork(seed, &["service"]));
        let spreads = if is_wild { [0.5, 0.8, 1.1] } else { [0.25, 0.5, 0.8] };
        let machines = random.pick(&spreads).copied().unwrap_or_default();
        let kinds_on_machines = within(&mut random, 0.1, if is_wild { 0.5 } else { 0.35 });
        let kinds_at_moments = within(&mut random, 0.05, 0.15);
        let waiting = random.pick(&[0.0, 0.15, 0.5, 0.85]).copied().unwrap_or_default();
        let count = random.between(1, 5);
        let sessions = (0..count).map(|number| Session::draw(number, waiting, &mut random)).collect();
        World { seed, sessions, machines, kinds_on_machines, kinds_at_moments }
    }

    /// The machine of this name; it is in every respect as it was before.
    fn machine(&self, name: &str) -> Machine {
        let seed = fork(self.seed, &["machine", name]);
        let factor = self.machines * student(&mut Random::new(seed));
        let hash = Random::new(fork(seed, &["class"])).hex(6);
        Machine { seed, class: format!("linux-x86_64-4c-kvm-{USERS}u-{hash}"), factor }
    }

    /// How much longer a kind takes on this machine at this moment than it usually does, on average over rounds.
    fn shift(&self, moment: &Moment<'_>, session: &Session, kind: &Kind) -> f64 {
        let words = ["kind", &session.name, kind.name];
        let on_machine = Random::new(fork(moment.machine.seed, &words)).normal();
        let at_moment = Random::new(fork(moment.seed, &words)).normal();
        let common = if kind.waits { 0.0 } else { moment.machine.factor + moment.factor };
        common + self.kinds_on_machines * on_machine + self.kinds_at_moments * at_moment
    }

    /// One session of one user, as the recorder would have written it.
    fn play(&self, moment: &Moment<'_>, turn: Turn, broken: &Broken) -> Transcript {
        let session = &self.sessions[turn.session];
        let round = fork(moment.seed, &["round", &session.name, &turn.round.to_string()]);
        let of_round = BETWEEN_ROUNDS * Random::new(round).normal();
        let mut random = Random::new(fork(round, &["user", &turn.user.to_string()]));
        let of_user = BETWEEN_USERS * random.normal();
        let mut gaps: Vec<(&str, f64)> = Vec::new();
        for (place, kind) in session.kinds.iter().enumerate() {
            let common = if kind.waits { 0.0 } else { of_user };
            let noise = kind.spread * random.normal();
            let log = kind.usual + self.shift(moment, session, kind) + of_round + common + noise;
            let count = kind.times.map_or(1, |times| random.between(times - 2, times + 2));
            let stall = broken.stall(turn, place, count);
            for index in 0..count {
                let log = if kind.times.is_some() { log + WITHIN_RUN * random.normal() } else { log };
                let mut gap = (log.exp() * broken.factor(turn, place)).max(LEAST);
                if random.chance(HOLD_UP.0) {
                    gap += HOLD_UP.1 * random.unit();
                }
                gap += stall.filter(|(own, _)| *own == index).map_or(0.0, |(_, seconds)| seconds);
                gaps.push((kind.name, gap));
            }
        }
        let mut now = Offset::from_nanos(1_000_000);
        let mut frame = |side, name: &str, gap: f64| {
            now = now + Gap::from_secs_f64(gap);
            let data = format!(r#"{{"type":"{name}","id":"{}"}}"#, random.hex(12));
            Frame::new(now, side, Payload::Text(data))
        };
        let mut frames = vec![frame(Side::Client, "ask", 0.0)];
        frames.extend(gaps.iter().map(|(name, gap)| frame(Side::Server, name, *gap)));
        let work = moment.work + WORK_ERROR.1 * random.normal();
        let header = Header {
            session: session.name.clone(),
            id: random.hex(8),
            started: moment.started(turn.session * RECORDED + turn.round),
            user: format!("u{}", turn.user + 1),
            host: Some(HostClass { class: moment.machine.class.clone(), ..HostClass::default() }),
            ..Header::default()
        };
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let host = Host {
            probes: 100,
            lag_p50: gap_of(0.001_05_f64.ln()),
            // The worst of a session lay between these two whatever else went on.
            lag_max: gap_of(within(&mut random, 0.004_f64.ln(), 0.048_f64.ln())),
            starved: None,
            work: Some(gap_of(work)),
            work_cpu: None,
            others: None,
        };
        let ending = Ending { at: now + Gap::from_millis(2), how, host: Some(host) };
        Transcript { header, frames, ending }
    }

    /// All users of one round.
    fn round(&self, moment: &Moment<'_>, session: usize, round: usize, broken: &Broken) -> Vec<Transcript> {
        (0..USERS).map(|user| self.play(moment, Turn { session, round, user }, broken)).collect()
    }

    /// A golden for each session, learned from recordings on these machines, on so many occasions on each.
    fn learn(&self, machines: &[Machine], occasions: usize, with_work: bool) -> Result<Vec<Golden>, String> {
        let mut goldens = Vec::new();
        for session in 0..self.sessions.len() {
            let mut recordings = Vec::new();
            for (machine, round) in
                machines.iter().flat_map(|machine| (0..RECORDED).map(move |r| (machine, r)))
            {
                let occasion = round % occasions;
                let moment = machine.moment(&format!("recorded {occasion}"), occasion);
                recordings.extend(self.round(&moment, session, round, &Broken::not()));
            }
            if !with_work {
                recordings.iter_mut().for_each(forget_work);
            }
            goldens.push(learn(&recordings, None).map_err(|error| error.to_string())?.golden);
        }
        Ok(goldens)
    }

    /// A profile of a machine: of two rounds on each of so many occasions.
    fn profile(&self, goldens: &[Golden], machine: &Machine, occasions: usize) -> HostProfile {
        let mut profile = HostProfile::new(&machine.class);
        for (session, golden) in goldens.iter().enumerate() {
            let baseline = Baseline::bounds(golden);
            for occasion in 0..occasions {
                let moment = machine.moment(&format!("profiled {occasion}"), occasion);
                let mut medians: BTreeMap<_, Vec<f64>> = BTreeMap::new();
                let mut works = Vec::new();
                for transcript in (0..2).flat_map(|round| self.round(&moment, session, round, &Broken::not()))
                {
                    let gaps = check(golden, &transcript).gaps;
                    let host = transcript.ending.host;
                    for (kind, log) in baseline.medians(&Timed { gaps: &gaps, host }) {
                        medians.entry(kind).or_default().push(log);
                    }
                    works.extend(host.and_then(|host| host.work).map(log_of));
                }
                works.sort_by(f64::total_cmp);
                let work = works.get(works.len() / 2).copied().map(gap_of);
                let at = moment.started(session * RECORDED);
                let machine = HostState { work, others: None };
                profile.add(&self.sessions[session].name, golden, &at, machine, &medians);
            }
        }
        profile
    }
}

impl Session {
    fn draw(number: usize, waiting: f64, random: &mut Random) -> Session {
        let mut names = NAMES.to_vec();
        let mut repeats = vec![false, false, false, false, true, true, true];
        let mut kinds = Vec::new();
        for place in 0..8 {
            let name = names.swap_remove(random.below(names.len()));
            // People wait for the first answer; it comes once.
            let repeats = place > 0 && repeats.swap_remove(random.below(repeats.len()));
            let usual = std::iter::repeat_with(|| 0.03_f64.ln() + 1.4 * random.normal())
                .find(|usual| (0.002_f64.ln()..=3.0_f64.ln()).contains(usual))
                .unwrap_or_default();
            let (low, high) = if repeats { (0.12, 0.28) } else { (0.25, 0.6) };
            let spread = within(random, low, high);
            let waits = random.chance(waiting);
            let times = repeats.then(|| random.between(4, 10));
            kinds.push(Kind { name, usual, spread, waits, times });
        }
        Session { name: format!("session{number}"), kinds }
    }
}

impl Machine {
    fn moment(&self, name: &str, day: usize) -> Moment<'_> {
        let seed = fork(self.seed, &["moment", name]);
        let mut random = Random::new(seed);
        let factor = MOMENT * random.normal();
        let work = WORK.ln() + self.factor + factor + WORK_ERROR.0 * random.normal();
        Moment { machine: self, seed, factor, work, day }
    }
}

impl Moment<'_> {
    /// When a round that is played after so many others began.
    fn started(&self, before: usize) -> String {
        let seconds = before * ROUND;
        format!("2026-11-{:02}T10:{:02}:{:02}.000000000Z", 1 + self.day % 28, seconds / 60 % 60, seconds % 60)
    }
}

fn forget_work(transcript: &mut Transcript) {
    if let Some(host) = &mut transcript.ending.host {
        host.work = None;
    }
}

/// Where a check is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On a machine that nobody has seen.
    Unknown,
    /// On the machine of the golden.
    Home,
    /// On a machine that the golden does not know, and a profile does.
    Profiled,
}

/// What a check knows.
struct Setting {
    name: &'static str,
    place: Place,
    /// In how many occasions its golden was recorded on each machine, and on how many machines.
    occasions: usize,
    machines: usize,
    with_work: bool,
    /// How many occasions its profile has.
    profiled: Option<usize>,
}

const SETTINGS: [Setting; 8] = {
    use Place::{Home, Profiled, Unknown};
    const fn setting(
        name: &'static str,
        place: Place,
        (machines, occasions): (usize, usize),
        with_work: bool,
        profiled: Option<usize>,
    ) -> Setting {
        Setting { name, place, occasions, machines, with_work, profiled }
    }
    [
        setting("unknown, 1 class, work", Unknown, (1, 1), true, None),
        setting("unknown, 1 class, no work", Unknown, (1, 1), false, None),
        setting("unknown, 3 classes, work", Unknown, (3, 1), true, None),
        setting("unknown, 3 classes, no work", Unknown, (3, 1), false, None),
        setting("known, 20 runs, 1 occasion", Home, (1, 1), true, None),
        setting("known, 20 runs, 4 occasions", Home, (1, 4), true, None),
        setting("profile, 10 runs, 1 occasion", Profiled, (1, 1), true, Some(1)),
        setting("profile, 30 runs, 3 occasions", Profiled, (1, 1), true, Some(3)),
    ]
};

/// The goldens of a setting, and its profiles by the machine's number.
struct Known {
    goldens: Vec<Golden>,
    profiles: Vec<HostProfile>,
}

/// The gaps of the users of a round, and how busy the machine was.
type Round = Vec<(Gaps, Option<Host>)>;

/// What one check plays: rounds of sessions, each played once whoever judges them.
struct Stage<'w> {
    world: &'w World,
    moment: Moment<'w>,
    broken: Broken,
    /// By session, round and what is looked at.
    played: BTreeMap<(usize, usize, String), Round>,
    /// Findings that have nothing to do with time: there should be none.
    others: usize,
}

impl Stage<'_> {
    /// The gaps of a round, as this golden sees them. Goldens that differ only in their numbers see the same.
    fn round(&mut self, golden: &Golden, session: usize, round: usize) -> Round {
        let key = (session, round, SessionProfile::print_of(golden));
        if let Some(played) = self.played.get(&key) {
            return played.clone();
        }
        let mut all = Vec::new();
        for transcript in self.world.round(&self.moment, session, round, &self.broken) {
            let checked = check(golden, &transcript);
            self.others += checked.findings.len();
            all.push((checked.gaps, transcript.ending.host));
        }
        self.played.insert(key, all.clone());
        all
    }

    /// One check, as `goldwire check` makes it: its findings of time, and how many rounds its sessions took in all.
    fn check(
        &mut self,
        known: &Known,
        profile: Option<&HostProfile>,
        with_work: bool,
        runs: usize,
    ) -> Result<(Vec<Finding>, usize), String> {
        let classes = BTreeSet::from([self.moment.machine.class.clone()]);
        let total = known.goldens.iter().map(|golden| Baseline::bounds(golden).own_classes()).sum();
        let mut others: Vec<Shift> = Vec::new();
        let (mut findings, mut played) = (Vec::new(), 0);
        for (session, golden) in known.goldens.iter().enumerate() {
            let own = profile.and_then(|profile| profile.session(&self.world.sessions[session].name, golden));
            let baseline = Baseline::of(golden, TimeMode::Auto, &classes, own)
                .map_err(|error| error.to_string())?
                .beside(&others, total);
            let mut rounds: Vec<Round> = Vec::new();
            let (own, shifts) = loop {
                let mut round = self.round(golden, session, rounds.len());
                if !with_work {
                    round.iter_mut().filter_map(|(_, host)| host.as_mut()).for_each(|host| host.work = None);
                }
                rounds.push(round);
                if rounds.len() < runs {
                    continue;
                }
                let timed: Vec<Vec<Timed<'_>>> = rounds
                    .iter()
                    .map(|round| round.iter().map(|(gaps, host)| Timed { gaps, host: *host }).collect())
                    .collect();
                if runs > 1 || !needs_more_rounds(&baseline, &timed, CONFIRM) {
                    let (own, _) = judge_rounds(&baseline, &timed);
                    break (own, baseline.shifts(&timed.concat()));
                }
            };
            played += rounds.len();
            findings.extend(own.into_iter().map(|(_, finding)| finding));
            others.extend(shifts);
        }
        Ok((findings, played))
    }
}

/// What was counted of one fault, or of none, in one setting.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    checks: usize,
    /// With a finding of time.
    any: usize,
    /// With one that deviates.
    red: usize,
    /// Rounds, and sessions that were played in them.
    rounds: usize,
    sessions: usize,
    /// Findings that are not of time.
    others: usize,
    /// Worlds with a red check.
    red_worlds: usize,
}

impl Count {
    fn merge(&mut self, other: Count) {
        self.checks += other.checks;
        self.any += other.any;
        self.red += other.red;
        self.rounds += other.rounds;
        self.sessions += other.sessions;
        self.others += other.others;
    }
}

/// By setting and fault.
type Counts = Vec<Vec<Count>>;

/// One number of a count.
type Part = fn(&Count) -> usize;

fn none() -> Counts {
    vec![vec![Count::default(); Fault::ALL.len()]; SETTINGS.len()]
}

fn is_red(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Deviation)
}

/// One world: learns what each setting knows, and checks it in all of them.
fn measure(number: usize, args: &Args) -> Result<Counts, String> {
    let world = World::draw(fork(args.seed, &["machines", &number.to_string()]), args.wild);
    let homes: Vec<Machine> = (0..3).map(|home| world.machine(&format!("home {home}"))).collect();
    let profiled: Vec<Machine> = (0..PROFILED).map(|own| world.machine(&format!("profiled {own}"))).collect();
    let mut known = Vec::new();
    for setting in &SETTINGS {
        let goldens = world.learn(&homes[..setting.machines], setting.occasions, setting.with_work)?;
        let of =
            |occasions| profiled.iter().map(|machine| world.profile(&goldens, machine, occasions)).collect();
        let profiles = setting.profiled.map(of).unwrap_or_default();
        known.push(Known { goldens, profiles });
    }
    let runs = args.runs.max(1);
    let mut counts = none();
    for (column, fault) in Fault::ALL.into_iter().enumerate() {
        let checks = if fault == Fault::None { args.checks } else { args.repeats };
        for index in 0..checks {
            let name = format!("{} {index}", fault.name());
            let stranger = world.machine(&name);
            for place in [Place::Unknown, Place::Home, Place::Profiled] {
                let machine = match place {
                    Place::Unknown => &stranger,
                    Place::Home => &homes[0],
                    Place::Profiled => &profiled[index % PROFILED],
                };
                let moment = machine.moment(&name, 10 + index);
                let mut random = Random::new(fork(moment.seed, &["fault"]));
                let broken = Broken::draw(fault, &world, runs, &mut random);
                let played = BTreeMap::new();
                let mut stage = Stage { world: &world, moment, broken, played, others: 0 };
                let here = SETTINGS.iter().enumerate().filter(|(_, setting)| setting.place == place);
                for (row, setting) in here {
                    let profile = known[row].profiles.get(index % PROFILED);
                    let (findings, rounds) = stage.check(&known[row], profile, setting.with_work, runs)?;
                    if args.misses && (fault == Fault::None) == is_red(&findings) {
                        eprintln!("{number}/{name}, {}: {}", setting.name, said_of(&findings));
                    }
                    counts[row][column].merge(Count {
                        checks: 1,
                        any: usize::from(!findings.is_empty()),
                        red: usize::from(is_red(&findings)),
                        rounds,
                        sessions: world.sessions.len(),
                        others: std::mem::take(&mut stage.others),
                        red_worlds: 0,
                    });
                }
            }
        }
    }
    Ok(counts)
}

/// Measures all worlds and writes the tables.
///
/// # Errors
/// When nothing can be learned from a world.
pub(crate) fn run(args: &Args) -> Result<String, String> {
    // The helper goes through families; these worlds have none, so one stands for all.
    let worlds = on_all_processors(&families::ALL[..1], args, |_, number| measure(number, args))?;
    let mut all = none();
    for world in &worlds {
        for (own, more) in all.iter_mut().flatten().zip(world.iter().flatten()) {
            own.merge(*more);
            own.red_worlds += usize::from(more.red > 0);
        }
    }
    Ok(write(&all, worlds.len(), args))
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn write(all: &Counts, worlds: usize, args: &Args) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let kind = if args.wild { "wild" } else { "tame" };
    let _ = writeln!(
        out,
        "{worlds} {kind} worlds, seed {}: {} clean checks a row, {} of each fault, {USERS} users; in per cent of checks",
        args.seed,
        worlds * args.checks,
        worlds * args.repeats,
    );
    let parts: [(&str, Part); 2] = [
        ("red: something deviates by its time", |count| count.red),
        ("any finding of time", |count| count.any),
    ];
    for (title, part) in parts {
        let _ = write!(out, "\n{title}\n{:<31}", "");
        for fault in Fault::ALL {
            let _ = write!(out, "{:>10}", fault.name());
        }
        let _ = writeln!(out);
        for (setting, row) in SETTINGS.iter().zip(all) {
            let _ = write!(out, "{:<31}", setting.name);
            for (count, fault) in row.iter().zip(Fault::ALL) {
                let digits = if fault == Fault::None { 3 } else { 1 };
                let _ = write!(out, "{:>10.digits$}", percent(part(count), count.checks));
            }
            let _ = writeln!(out);
        }
    }
    let _ = writeln!(
        out,
        "\nclean checks\n{:<31}{:>10}{:>10}{:>10}{:>12}{:>20}",
        "", "red", "any", "checks", "red worlds", "rounds a session"
    );
    for (setting, row) in SETTINGS.iter().zip(all) {
        let clean = row[0];
        let rounds = clean.rounds as f64 / clean.sessions.max(1) as f64;
        let _ = writeln!(
            out,
            "{:<31}{:>10}{:>10}{:>10}{:>12}{rounds:>20.3}",
            setting.name, clean.red, clean.any, clean.checks, clean.red_worlds
        );
    }
    let others: usize = all.iter().flatten().map(|count| count.others).sum();
    if others > 0 {
        let _ =
            writeln!(out, "\n{others} findings that are not of time: the worlds are not what they should be");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first world of these in which some kinds wait and some compute.
    fn mixed() -> World {
        (0..100)
            .map(|number| World::draw(number, false))
            .find(|world| {
                let kinds: Vec<&Kind> = world.sessions.iter().flat_map(|session| &session.kinds).collect();
                kinds.iter().any(|kind| kind.waits) && kinds.iter().any(|kind| !kind.waits)
            })
            .expect("a quarter of the worlds waits with half of its kinds")
    }

    fn turn(session: usize, round: usize, user: usize) -> Turn {
        Turn { session, round, user }
    }

    /// The seconds before each event of the server, with its name.
    fn gaps(transcript: &Transcript) -> Vec<(String, f64)> {
        let name = |frame: &Frame| match &frame.payload {
            Payload::Text(text) => text.split('"').nth(3).unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        let pairs = transcript.frames.windows(2);
        pairs.map(|pair| (name(&pair[1]), pair[1].at.since(pair[0].at).as_secs_f64())).collect()
    }

    /// How much longer than usual each kind takes on average, over so many runs.
    fn mean_shift(world: &World, moment: &Moment<'_>, session: usize, runs: usize) -> Vec<f64> {
        let kinds = &world.sessions[session].kinds;
        let mut sums = vec![(0.0, 0.0); kinds.len()];
        for round in 0..runs {
            for (name, gap) in gaps(&world.play(moment, turn(session, round, 0), &Broken::not())) {
                let place = kinds.iter().position(|kind| kind.name == name).expect("a kind of the session");
                sums[place].0 += gap.ln() - kinds[place].usual;
                sums[place].1 += 1.0;
            }
        }
        sums.iter().map(|(sum, count)| sum / count).collect()
    }

    #[test]
    fn a_session_has_five_kinds_that_come_once_and_three_that_repeat() {
        for number in 0..50 {
            let world = World::draw(number, number % 2 == 1);
            assert!((1..=5).contains(&world.sessions.len()));
            for session in &world.sessions {
                let repeating = session.kinds.iter().filter(|kind| kind.times.is_some()).count();
                let names: BTreeSet<&str> = session.kinds.iter().map(|kind| kind.name).collect();
                assert_eq!((session.kinds.len(), repeating, names.len()), (8, 3, 8));
                assert!(session.kinds[0].times.is_none());
                let is_usual = |kind: &Kind| (0.001_999..=3.001).contains(&kind.usual.exp());
                assert!(session.kinds.iter().all(is_usual));
            }
        }
    }

    #[test]
    fn users_of_a_round_share_its_machine_and_its_moment_but_not_their_gaps() {
        let world = mixed();
        let machine = world.machine("one");
        let round = world.round(&machine.moment("now", 3), 0, 0, &Broken::not());
        assert_eq!(round.len(), USERS);
        let header = |one: &Transcript| (one.header.host.clone(), one.header.started.clone());
        assert!(round.iter().all(|one| header(one) == header(&round[0])));
        let users: BTreeSet<&str> = round.iter().map(|one| one.header.user.as_str()).collect();
        assert_eq!(users.len(), USERS);
        assert_ne!(gaps(&round[0]), gaps(&round[1]));
        // The same turn is the same to the last byte, whoever asks.
        assert_eq!(world.play(&machine.moment("now", 3), turn(0, 0, 1), &Broken::not()), round[1]);
        assert_ne!(
            world.play(&machine.moment("then", 3), turn(0, 0, 1), &Broken::not()).frames,
            round[1].frames
        );
    }

    #[test]
    fn the_work_of_a_moment_is_one_number_give_or_take_its_error_of_a_run() {
        let world = mixed();
        let machine = world.machine("one");
        let moment = machine.moment("now", 0);
        let works = world.round(&moment, 0, 0, &Broken::not());
        for work in works.iter().filter_map(|one| one.ending.host?.work) {
            assert!((log_of(work) - moment.work).abs() < 5.0 * WORK_ERROR.1);
        }
        // Over many moments it follows machine and moment.
        let errors: Vec<f64> = (0..2_000)
            .map(|number| machine.moment(&number.to_string(), 0))
            .map(|moment| moment.work - WORK.ln() - machine.factor - moment.factor)
            .collect();
        let mean = errors.iter().sum::<f64>() / 2_000.0;
        let sd = (errors.iter().map(|error| error.powi(2)).sum::<f64>() / 2_000.0).sqrt();
        assert!(mean.abs() < 0.05 && (sd - WORK_ERROR.0).abs() < 0.03, "{mean} {sd}");
    }

    #[test]
    fn a_slow_machine_slows_what_computes_and_not_what_waits() {
        let mut world = mixed();
        // Only machine and moment are left to differ between kinds.
        world.kinds_on_machines = 0.0;
        world.kinds_at_moments = 0.0;
        for kind in world.sessions.iter_mut().flat_map(|session| &mut session.kinds) {
            // A hold-up weighs little in what takes a second.
            kind.usual = 0.0;
        }
        let mut slow = world.machine("slow");
        slow.factor = 1.5;
        let moment = slow.moment("now", 0);
        for session in 0..world.sessions.len() {
            let shifts = mean_shift(&world, &moment, session, 400);
            for (kind, shift) in world.sessions[session].kinds.iter().zip(shifts) {
                let expected = if kind.waits { 0.0 } else { 1.5 + moment.factor };
                assert!((shift - expected).abs() < 0.12, "{}: {shift}, not {expected}", kind.name);
            }
        }
    }

    #[test]
    fn a_kind_keeps_its_place_on_a_machine_from_moment_to_moment() {
        let world = World::draw(5, true);
        let machine = world.machine("one");
        let session = &world.sessions[0];
        let kind = &session.kinds[0];
        let common = |moment: &Moment<'_>| if kind.waits { 0.0 } else { machine.factor + moment.factor };
        let own: Vec<f64> = (0..500)
            .map(|number| machine.moment(&number.to_string(), 0))
            .map(|moment| world.shift(&moment, session, kind) - common(&moment))
            .collect();
        let mean = own.iter().sum::<f64>() / 500.0;
        let sd = (own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 500.0).sqrt();
        let expected = world.kinds_on_machines
            * Random::new(fork(machine.seed, &["kind", &session.name, kind.name])).normal();
        assert!((mean - expected).abs() < 0.03, "{mean}, not {expected}");
        assert!((sd - world.kinds_at_moments).abs() < 0.02, "{sd}, not {}", world.kinds_at_moments);
    }

    #[test]
    fn machines_are_as_far_apart_as_they_should_be_and_have_classes_of_their_own() {
        for (is_wild, spreads) in [(false, [0.25, 0.5, 0.8]), (true, [0.5, 0.8, 1.1])] {
            let world = World::draw(11, is_wild);
            assert!(spreads.contains(&world.machines));
            let machines: Vec<Machine> = (0..4_000).map(|n| world.machine(&n.to_string())).collect();
            let variance = machines.iter().map(|machine| machine.factor.powi(2)).sum::<f64>() / 4_000.0;
            assert!((variance.sqrt() / world.machines - 1.0).abs() < 0.12, "{variance}");
            // A class is seen twice by chance once in 16 million pairs.
            let classes: BTreeSet<&str> = machines.iter().map(|machine| machine.class.as_str()).collect();
            assert!(classes.len() > 3_990);
        }
    }

    #[test]
    fn a_fault_is_where_it_should_be_and_nowhere_else() {
        let world = mixed();
        let machine = world.machine("one");
        let moment = machine.moment("now", 0);
        let last = world.sessions.len() - 1;
        for fault in Fault::ALL {
            let broken = Broken { fault, session: last, kind: 0, round: 1, user: 2, gap: 0.99 };
            let mut changed = BTreeSet::new();
            for (session, round, user) in
                (0..=last).flat_map(|s| (0..3).flat_map(move |r| (0..USERS).map(move |u| (s, r, u))))
            {
                let is = gaps(&world.play(&moment, turn(session, round, user), &broken));
                let was = gaps(&world.play(&moment, turn(session, round, user), &Broken::not()));
                assert_eq!(is.len(), was.len());
                for ((name, is), (_, was)) in is.iter().zip(&was) {
                    if (is - was).abs() > 1e-6 {
                        assert!(is > was);
                        changed.insert((session, round, user, name.clone()));
                    }
                }
            }
            let runs = 3 * USERS;
            let expected = match fault {
                Fault::None => 0,
                Fault::First(_) | Fault::Kind(_) => runs,
                Fault::Stall(_) => 1,
                Fault::Stalls(_) => 3,
                Fault::All(_) => runs * (last + 1) * 8,
            };
            assert_eq!(changed.len(), expected, "{}", fault.name());
            let first = world.sessions[last].kinds[0].name;
            if !matches!(fault, Fault::All(_)) {
                assert!(changed.iter().all(|(session, _, _, name)| *session == last && name == first));
            }
        }
    }

    #[test]
    fn rounds_of_one_moment_are_one_occasion_and_moments_are_others() {
        let world = World::draw(1, false);
        let one = world.learn(&[world.machine("home")], 1, true).expect("recordings");
        let four = world.learn(&[world.machine("home")], 4, true).expect("recordings");
        let three =
            world.learn(&["a", "b", "c"].map(|name| world.machine(name)), 1, true).expect("recordings");
        let occasions =
            |goldens: &[Golden]| goldens.iter().map(|g| g.learned.occasions.count).collect::<BTreeSet<_>>();
        let hosts =
            |goldens: &[Golden]| goldens.iter().map(|g| g.learned.hosts.len()).collect::<BTreeSet<_>>();
        assert_eq!((occasions(&one), hosts(&one)), (BTreeSet::from([1]), BTreeSet::from([1])));
        assert_eq!((occasions(&four), hosts(&four)), (BTreeSet::from([4]), BTreeSet::from([1])));
        assert_eq!((occasions(&three), hosts(&three)), (BTreeSet::from([3]), BTreeSet::from([3])));
        let profile = world.profile(&one, &world.machine("elsewhere"), 3);
        for (session, golden) in world.sessions.iter().zip(&one) {
            let own = profile.session(&session.name, golden).expect("a session of the profile");
            assert_eq!(own.runs(), 30);
        }
    }

    #[test]
    fn goldens_that_differ_in_numbers_only_see_the_same_gaps_and_nothing_but_time_is_odd() {
        let world = World::draw(3, false);
        let home = world.machine("home");
        let with = world.learn(std::slice::from_ref(&home), 1, true).expect("recordings");
        let without = world.learn(std::slice::from_ref(&home), 4, false).expect("recordings");
        let elsewhere = world.machine("elsewhere");
        let moment = elsewhere.moment("now", 20);
        for session in 0..world.sessions.len() {
            let (with, without) = (&with[session], &without[session]);
            assert_eq!(SessionProfile::print_of(with), SessionProfile::print_of(without));
            for transcript in world.round(&moment, session, 0, &Broken::not()) {
                let (one, other) = (check(with, &transcript), check(without, &transcript));
                assert_eq!(one.findings, Vec::new());
                assert_eq!(one.gaps, other.gaps);
            }
        }
    }

    #[test]
    fn a_check_on_the_golden_s_own_machine_finds_an_answer_that_takes_thirty_times_as_long() {
        let world = World::draw(2, false);
        let home = world.machine("home");
        let goldens = world.learn(std::slice::from_ref(&home), 4, true).expect("recordings");
        let known = Known { goldens, profiles: Vec::new() };
        let judge = |fault: Fault| {
            let broken = Broken { fault, ..Broken::not() };
            let moment = home.moment("now", 20);
            let mut stage = Stage { world: &world, moment, broken, played: BTreeMap::new(), others: 0 };
            let (findings, _) = stage.check(&known, None, true, 1).expect("a check");
            assert_eq!(stage.others, 0);
            is_red(&findings)
        };
        assert!(!judge(Fault::None));
        assert!(judge(Fault::First(30.0)));
    }
}
