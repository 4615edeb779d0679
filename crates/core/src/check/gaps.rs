//! Time between an event and its cause, collected while a run goes on: the measurements that `timing` judges.

use super::binding::Path;
use crate::dialect::{Dialect, Event, Label};
use crate::golden::{
    ALPHA_DOUBT, ALPHA_SUSPECT, Causes, Envelope, Golden, LaneId, MIN_RUNS, Made, RequestTimes, gap_of,
    log_of,
};
use crate::stats::{FastMap, quick_hash};
use crate::transcript::{Gap, Host};
use std::collections::{BTreeMap, BTreeSet};

/// The gaps of one run by event and cause; only those that the golden has bounds for.
pub type Gaps = BTreeMap<(Label, Label), Sample>;

/// The gaps between an event and its cause in one run, each with its frame: all of them up to 4,096, then an even
/// sample.
///
/// Which ones stay is decided by a hash of the frame's number, so that every reading keeps the same. At least half as
/// many stay as fit, so that the sample's median is, in 99.7 % of all runs, a value between the 46.7th and the 53.3rd
/// percentile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    pub(super) kept: Vec<(Gap, usize)>,
    /// Gaps stay whose hash begins with so many zeros.
    zeros: u32,
    pub(super) count: usize,
    pub(super) longest: (Gap, usize),
    /// The longest by the value of the field that tells kinds apart, by the value's hash.
    pub(super) by_kind: BTreeMap<u64, (Gap, usize)>,
}

/// How many gaps of an event and a cause are kept of one run.
const SAMPLE: usize = 4096;

/// Gaps with their frames.
impl FromIterator<(Gap, usize)> for Sample {
    fn from_iter<I: IntoIterator<Item = (Gap, usize)>>(gaps: I) -> Sample {
        let mut sample = Sample::default();
        gaps.into_iter().for_each(|(gap, frame)| sample.add(gap, frame));
        sample
    }
}

impl Sample {
    /// The gaps that are kept.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.kept.iter().map(|(gap, _)| *gap)
    }

    /// The longest gap with its frame, but for a share of them.
    pub(super) fn longest_but(&self, share: f64) -> Option<(Gap, usize)> {
        let mut gaps = self.kept.clone();
        gaps.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let left_out = (share * gaps.len() as f64).floor() as usize;
        match left_out {
            0 => (self.count > 0).then_some(self.longest),
            _ => gaps.get(gaps.len().checked_sub(left_out + 1)?).copied(),
        }
    }

    pub(super) fn add(&mut self, gap: Gap, frame: usize) {
        self.count += 1;
        self.longest = self.longest.max((gap, frame));
        let stays = |frame: usize, zeros: u32| quick_hash(&frame).leading_zeros() >= zeros;
        if stays(frame, self.zeros) {
            self.kept.push((gap, frame));
        }
        while self.kept.len() >= SAMPLE {
            self.zeros += 1;
            let zeros = self.zeros;
            self.kept.retain(|(_, frame)| stays(*frame, zeros));
        }
    }
}

/// Collects the gaps of one run.
#[derive(Debug)]
pub(super) struct Stopwatch {
    causes: Causes,
    dialect: Dialect,
    requests: RequestTimes,
    /// By the number of the event: its gaps by the number of the cause.
    gaps: FastMap<u32, Vec<Timer>>,
    /// By the number of a cause: the field of it that tells kinds of gaps apart.
    marks: FastMap<u32, Path>,
}

/// The gaps between an event and one of its causes.
#[derive(Debug)]
struct Timer {
    after: u32,
    sample: Sample,
    split: Option<Kinds>,
}

/// How kinds of gaps are told apart.
#[derive(Debug)]
struct Kinds {
    /// The field of the event itself; the cause's has left its mark.
    path: Option<Path>,
    /// The hashes of the values that are known.
    known: BTreeSet<u64>,
}

impl Kinds {
    fn of(&self, event: &Event, mark: u64) -> Option<u64> {
        let kind = self.path.as_ref().map_or(Some(mark), |path| kind(path, event))?;
        self.known.contains(&kind).then_some(kind)
    }
}

/// The hash of the value of a field; none if it is not a text.
fn kind(path: &Path, event: &Event) -> Option<u64> {
    path.first(&event.data)?.as_str().map(quick_hash)
}

impl Stopwatch {
    pub(super) fn new(golden: &Golden) -> Stopwatch {
        let causes = Causes::new(&golden.order);
        let mut gaps: FastMap<u32, Vec<Timer>> = FastMap::default();
        let mut marks: FastMap<u32, Path> = FastMap::default();
        for (label, envelope) in known(golden) {
            let (Some(own), Some(after)) = (causes.number(label), causes.number(&envelope.after)) else {
                continue;
            };
            let split = envelope.split.as_ref().map(|split| {
                let path = Path::new(&split.path);
                let known = split.slowest.keys().map(|value| quick_hash(value.as_str())).collect();
                let path = if split.of_cause { marks.insert(after, path).and(None) } else { Some(path) };
                Kinds { path, known }
            });
            gaps.entry(own).or_default().push(Timer { after, sample: Sample::default(), split });
        }
        Stopwatch { causes, dialect: golden.dialect.clone(), requests: RequestTimes::default(), gaps, marks }
    }

    /// The number by which it knows an event.
    pub(super) fn number(&self, label: &Label) -> Option<u32> {
        self.causes.number(label)
    }

    /// Takes the next event, by its number.
    pub(super) fn feed(&mut self, number: u32, event: &Event, lanes: &[LaneId]) {
        let mark = self.marks.get(&number).and_then(|path| kind(path, event)).unwrap_or_default();
        let cause = self.causes.take(number, lanes, event.at, mark);
        let request = self.requests.feed(&self.dialect, event, mark);
        let Some(timers) = self.gaps.get_mut(&number) else { return };
        let made =
            |Made { label, at, mark }: Made| Some((self.causes.number(&label)?, event.at.since(at), mark));
        // Where the golden does not know the gap from its request, it is that from what the order says.
        let request =
            request.and_then(made).filter(|(own, ..)| timers.iter().any(|timer| timer.after == *own));
        let Some((cause, gap, of_cause)) = request.or(cause) else { return };
        let Some(timer) = timers.iter_mut().find(|timer| timer.after == cause) else { return };
        timer.sample.add(gap, event.frame);
        if let Some(kind) = timer.split.as_ref().and_then(|split| split.of(event, of_cause)) {
            let longest = timer.sample.by_kind.entry(kind).or_default();
            *longest = (*longest).max((gap, event.frame));
        }
    }

    pub(super) fn forget(&mut self, lane: LaneId) {
        self.causes.forget(lane);
    }

    /// How many times and gaps are held.
    pub(super) fn held(&self) -> usize {
        let gaps: usize = self.gaps.values().flatten().map(|timer| timer.sample.kept.len()).sum();
        self.causes.held() + self.requests.held() + gaps
    }

    pub(super) fn into_gaps(self) -> Gaps {
        let Stopwatch { causes, gaps, .. } = self;
        let mut classes = Gaps::new();
        for (number, timers) in gaps {
            for Timer { after, sample, .. } in timers.into_iter().filter(|timer| timer.sample.count > 0) {
                classes.insert((causes.label(number).clone(), causes.label(after).clone()), sample);
            }
        }
        classes
    }
}

/// The envelopes that can be judged, each with its event.
fn known(golden: &Golden) -> impl Iterator<Item = (&Label, &Envelope)> {
    golden
        .events
        .iter()
        .flat_map(|(label, event)| event.timing.iter().map(move |timing| (label, timing)))
        .filter(|(_, timing)| can_stall(timing) || timing.at_most.is_some())
}

/// Whether a gap is held against its bounds.
pub(super) fn is_judged(timing: &Envelope) -> bool {
    timing.is_tested() || timing.latest.is_some()
}

/// A gap that is usually too short for bounds can still stall.
pub(super) fn can_stall(timing: &Envelope) -> bool {
    is_judged(timing) || timing.runs >= MIN_RUNS
}

/// What is judged of one run.
#[derive(Debug, Clone, Copy)]
pub struct Timed<'r> {
    /// Its gaps.
    pub gaps: &'r Gaps,
    /// How busy the machine was that measured them, where that is known.
    pub host: Option<Host>,
}

/// A timer rings so much late on a machine that has nothing to do.
const TIMER: Gap = Gap::from_millis(2);

impl Timed<'_> {
    /// How late the middle one of so many gaps may be for no other reason than this machine.
    ///
    /// The worst hold-up can lie in one gap as a whole, but in several only by parts, and the middle one is late when
    /// more than half of them are.
    pub(super) fn own_delay(&self, gaps: usize) -> Gap {
        let Some(host) = self.host else { return Gap::ZERO };
        let late = u64::try_from(gaps / 2 + 1).unwrap_or(u64::MAX);
        let part = Gap::from_nanos((host.lag_max - TIMER).as_nanos() / late);
        part.max(self.usual_delay())
    }

    /// How late any gap may be for no other reason than this machine.
    pub(super) fn usual_delay(&self) -> Gap {
        self.host.map_or(Gap::ZERO, |host| host.lag_p50 - TIMER)
    }

    /// The middle one of a run's gaps, as a logarithm, with its frame, and what it is at least without this machine's
    /// own delay.
    pub(super) fn middle(&self, sample: &Sample) -> Option<(f64, usize, f64)> {
        let mut gaps = sample.kept.clone();
        gaps.sort_unstable();
        let (low, _) = *gaps.get(gaps.len().checked_sub(1)? / 2)?;
        let (high, frame) = *gaps.get(gaps.len() / 2)?;
        let log = f64::midpoint(log_of(low), log_of(high));
        let delay = self.own_delay(sample.count);
        let relieved = if delay == Gap::ZERO { log } else { log_of(gap_of(log) - delay) };
        Some((log, frame, relieved))
    }
}

/// What a finding says of the machine that measured, from the worst of some runs.
pub(super) fn says_of_host(runs: impl Iterator<Item = Option<Host>>, is_excused: bool) -> String {
    let (mut worst, mut starved) = (None, None);
    for host in runs.flatten() {
        (worst, starved) = (worst.max(Some(host.lag_max)), starved.max(host.starved));
    }
    let mut said = match worst {
        Some(lag) if is_excused => format!("; this machine may be why: it woke up to {lag} late"),
        Some(lag) => format!("; this machine woke at most {lag} late"),
        None => return String::new(),
    };
    if let Some(percent) = starved {
        said.push_str(&format!(", something waited for a processor {percent} % of the time"));
    }
    said
}

/// What is asked of gaps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// The envelopes that can be judged.
    Verdict,
    /// What is worth another look, which costs little.
    Doubt,
}

impl Ask {
    /// How many clean checks may show something late, whether or not it deviates.
    pub(super) fn late(self) -> f64 {
        match self {
            Ask::Verdict => ALPHA_SUSPECT,
            Ask::Doubt => ALPHA_DOUBT,
        }
    }
}
