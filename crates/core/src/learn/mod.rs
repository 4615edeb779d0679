//! Transcripts → golden.
//!
//! Learning is a function of the recordings as a set: their order does not matter, ties are broken by name, nothing is
//! random. It goes over the recordings in four readings: what events are called (`names`), which values make lanes
//! (`lanes`), what is seen of order, shape and values, and last how the learned order times them. What it proposes
//! accepts every recording it was learned from, and its client's half can be played; that is tried here (`trial`), not
//! hoped for.

mod answers;
mod binding;
mod chain;
mod counts;
mod gather;
mod goals;
mod guarantee;
mod id_places;
mod lanes;
mod leaving;
mod liveness;
mod loosen;
mod names;
mod order;
mod past;
mod paths;
mod play;
mod refine;
mod relations;
mod sasl;
mod scopes;
mod script;
mod shape;
mod split;
mod summary;
mod timing;
mod traces;
mod trial;

#[cfg(test)]
mod dialects;

pub use trial::trial;

use crate::dialect::{self, Dialect, Event, Label};
use crate::golden::{self, Before, Envelope, Golden, Monitor, Order};
use crate::transcript::{End, Gap, Header, Transcript};
use crate::words::{plural, recordings as in_words};
use lanes::Lanes;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use summary::Summary;

/// A proposal and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What the recordings support.
    pub golden: Golden,
    /// What they showed that no other session should show again.
    pub seen: golden::Seen,
    /// What is known how well, and what more recordings would show; sentences for a person.
    pub notes: Vec<String>,
}

/// Why nothing can be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError<E = Infallible> {
    /// There is nothing to learn from.
    #[error("no complete recording to learn from")]
    NoRecordings,
    /// No recording has an event.
    #[error("the recordings hold no messages")]
    NoEvents,
    /// There are more names than an order may have: they are no names.
    #[error("the events of these recordings have {0} different names, and an order has {limit} at most", limit = golden::MAX_EVENTS)]
    TooManyNames(usize),
    /// A recording cannot be read.
    #[error(transparent)]
    Unreadable(E),
}

/// One recording as the learner sees it.
struct Session {
    events: Vec<Event>,
    ending: String,
}

/// Recordings that are read one at a time, so that memory does not grow with their number.
pub trait Recordings: Sync {
    /// Why one cannot be read.
    type Error: std::error::Error + Send;

    /// How many there are.
    fn count(&self) -> usize;

    /// The header of one of them, counted from 0.
    ///
    /// # Errors
    /// When it cannot be read.
    fn header(&self, index: usize) -> Result<Cow<'_, Header>, Self::Error>;

    /// One of them, counted from 0. It may be read more than once.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, Self::Error>;
}

impl<T: AsRef<[Transcript]> + Sync + ?Sized> Recordings for T {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.as_ref().len()
    }

    fn header(&self, index: usize) -> Result<Cow<'_, Header>, Infallible> {
        Ok(Cow::Borrowed(&self.as_ref()[index].header))
    }

    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, Infallible> {
        Ok(Cow::Borrowed(&self.as_ref()[index]))
    }
}

/// What events are called and in which order they come is learned from so many recordings at first.
const SAMPLE: usize = 48;
/// So often recordings that the order does not accept are added to the sample, the first of them each time.
const ROUNDS: usize = 8;

/// Learns a golden. `previous` is the accepted golden or a hand-written script: what a person wrote in it stays.
///
/// What is incomplete, because whoever recorded it was stopped, is left out; where nothing is whole, what is there is
/// learned from, and the proposal says so.
///
/// Names, lanes and order come from a sample; then every recording is held against them. Those that do not fit join the
/// sample, and the order is learned again.
///
/// # Errors
/// When there is nothing to learn from, or a recording cannot be read.
pub fn learn<R: Recordings + ?Sized>(
    recordings: &R,
    previous: Option<&Golden>,
) -> Result<Proposal, LearnError<R::Error>> {
    let mut sample = Sample::draw(recordings)?;
    let mut round = 0;
    let (structure, summary) = loop {
        let structure = Structure::of(&sample, previous)?;
        let summary = summarize(recordings, &sample, &structure)?;
        round += 1;
        if summary.misfits().is_empty() || round > ROUNDS {
            break (structure, summary);
        }
        sample.add(recordings, summary.misfits())?;
    };
    let incomplete = summary.incomplete();
    let endings = summary.endings();
    let own = summary.own();
    let (mut golden, mut seen) = summary.finish(&structure, previous);
    let rules = golden.events.values_mut().flat_map(|event| &mut event.shape);
    rules.for_each(|(_, rule)| rule.keep_what_can_be_said());
    if let Some(previous) = previous {
        keep(&mut golden, previous);
    }
    let loosened = trial::mend(recordings, &own, &mut golden)?;
    let unplayable = trial::make_playable(&mut golden, &sample);
    let mut notes = notes(&golden, incomplete, structure.has_prefixes);
    notes.extend(endings);
    notes.extend(loosened.notes());
    notes.extend(unplayable);
    seen.evidence = golden.evidence();
    Ok(Proposal { golden, seen, notes })
}

/// Some of the recordings, whole ones, chosen by a hash of their ids: whatever order they are given in, it is the same.
struct Sample<'r> {
    /// In the order in which they were recorded.
    recordings: Vec<(usize, Cow<'r, Transcript>)>,
    /// Whether none is whole.
    has_prefixes: bool,
}

impl<'r> Sample<'r> {
    fn draw<R: Recordings + ?Sized>(recordings: &'r R) -> Result<Sample<'r>, LearnError<R::Error>> {
        let mut order: Vec<(u64, usize)> = Vec::new();
        for index in 0..recordings.count() {
            let header = recordings.header(index).map_err(LearnError::Unreadable)?;
            order.push((hash_of(&header), index));
        }
        order.sort_unstable();
        let mut sample = Sample { recordings: Vec::new(), has_prefixes: false };
        for has_prefixes in [false, true] {
            for &(_, index) in &order {
                if sample.recordings.len() == SAMPLE {
                    break;
                }
                let recording = recordings.read(index).map_err(LearnError::Unreadable)?;
                if has_prefixes || is_complete(&recording) {
                    sample.recordings.push((index, recording));
                }
            }
            sample.has_prefixes = has_prefixes;
            if !sample.recordings.is_empty() {
                break;
            }
        }
        sample.sort();
        if sample.recordings.is_empty() { Err(LearnError::NoRecordings) } else { Ok(sample) }
    }

    fn add<R: Recordings + ?Sized>(
        &mut self,
        recordings: &'r R,
        more: impl IntoIterator<Item = usize>,
    ) -> Result<(), LearnError<R::Error>> {
        for index in more {
            self.recordings.push((index, recordings.read(index).map_err(LearnError::Unreadable)?));
        }
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        self.recordings.sort_by(|(_, a), (_, b)| {
            (&a.header.started, &a.header.id).cmp(&(&b.header.started, &b.header.id))
        });
        self.recordings.dedup_by_key(|(index, _)| *index);
    }

    fn get(&self, index: usize) -> Option<&Transcript> {
        self.recordings.iter().find(|(own, _)| *own == index).map(|(_, recording)| &**recording)
    }
}

/// Whether a recording shows a session to the end that client and server made. One in which the client gave up shows how
/// far it came.
fn is_complete(recording: &Transcript) -> bool {
    recording.ending.is_whole() && !matches!(recording.ending.how, End::GaveUp { .. })
}

/// The place of a recording in the order in which samples are drawn.
fn hash_of(header: &Header) -> u64 {
    crate::stats::fingerprint(&format!("{} {}", header.started, header.id))
}

/// What a sample shows of names, lanes and order: all that must be known to understand a recording.
struct Structure {
    dialect: Dialect,
    lanes: Lanes,
    order: Order,
    rules: Vec<Before>,
    sessions: Vec<Session>,
    /// Whether no recording is whole, so that the others are learned from.
    has_prefixes: bool,
}

impl Structure {
    fn of<E>(sample: &Sample<'_>, previous: Option<&Golden>) -> Result<Structure, LearnError<E>> {
        let has_prefixes = sample.has_prefixes;
        let sample: Vec<&Transcript> = sample.recordings.iter().map(|(_, recording)| &**recording).collect();
        let decode = |dialect: &Dialect| -> Vec<Session> {
            sample.iter().map(|recording| Session::of(dialect, recording)).collect()
        };
        let mut dialect = previous.map_or_else(|| names::dialect(&sample), |golden| golden.dialect.clone());
        let mut sessions = decode(&dialect);
        if sessions.iter().all(|session| session.events.is_empty()) {
            return Err(LearnError::NoEvents);
        }
        let mut lanes = None;
        if previous.is_none_or(|golden| !golden.keep.iter().any(|kept| kept == "dialect")) {
            if names::reply(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            // What an accepted golden calls its events stays their name.
            if previous.is_none() && names::answers(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            if previous.is_none() && names::reflexes(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            if refine::topics(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            let mut second = refine::second(&sessions);
            if previous.is_none() {
                second.extend(refine::kinds_of_most(&sessions));
            }
            if !second.is_empty() {
                dialect.refine_by(second, &[]);
                sessions = decode(&dialect);
            }
            // First in which kind of lane an event is, then in which state.
            for find in [refine::kinds, refine::states] {
                let refine =
                    find(&sessions, lanes.get_or_insert_with(|| Lanes::find(&sessions, dialect.reply())));
                if !refine.is_empty() {
                    dialect.refine_by(refine, &[]);
                    sessions = decode(&dialect);
                    lanes = None;
                }
            }
        }
        let names: BTreeSet<&Label> =
            sessions.iter().flat_map(|session| &session.events).map(|event| &event.label).collect();
        // To find an order among them takes the cube of their number.
        if names.len() > golden::MAX_EVENTS {
            return Err(LearnError::TooManyNames(names.len()));
        }
        let lanes = lanes.unwrap_or_else(|| Lanes::find(&sessions, dialect.reply()));
        let (order, rules) = order::learn(&sessions, &lanes, previous.map(|golden| &golden.order));
        Ok(Structure { dialect, lanes, order, rules, sessions, has_prefixes })
    }
}

impl Session {
    fn of(dialect: &Dialect, recording: &Transcript) -> Session {
        Session { events: dialect::events(dialect, &recording.frames), ending: recording.ending.label() }
    }
}

/// Holds every recording against what the sample shows, on as many threads as there are processors.
fn summarize<R: Recordings + ?Sized>(
    recordings: &R,
    sample: &Sample<'_>,
    structure: &Structure,
) -> Result<Summary, LearnError<R::Error>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Summary, (usize, R::Error)> {
        let mut summary = Summary::of(structure);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= recordings.count() {
                return Ok(summary);
            }
            match sample.get(index) {
                Some(recording) => summary.add(index, recording, structure),
                None => {
                    let recording = recordings.read(index).map_err(|error| (index, error))?;
                    summary.add(index, &recording, structure);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(recordings.count());
    let parts: Vec<Result<Summary, (usize, R::Error)>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        // A thread that panicked has said so; the panic goes on here.
        let others =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(own).chain(others).collect()
    });
    let mut summary = Summary::of(structure);
    let mut first: Option<(usize, R::Error)> = None;
    for part in parts {
        match part {
            Ok(part) => summary.merge(part),
            Err(error) if first.as_ref().is_none_or(|first| error.0 < first.0) => first = Some(error),
            Err(_) => {}
        }
    }
    match first {
        Some((_, error)) => Err(LearnError::Unreadable(error)),
        None => Ok(summary),
    }
}

/// Reads some of the recordings, on as many threads as there are processors, and does something with each. What was
/// done stands in the order of `of`.
fn read_each<R: Recordings + ?Sized, T: Send>(
    recordings: &R,
    of: &[usize],
    work: impl Fn(usize, &Transcript) -> T + Sync,
) -> Result<Vec<T>, LearnError<R::Error>> {
    let done = on_all_processors(of.len(), |place| {
        let index = of[place];
        recordings.read(index).map(|recording| work(index, &recording))
    });
    done.into_iter().map(|result| result.map_err(LearnError::Unreadable)).collect()
}

/// What `work` makes of each number below `count`, in their order, on as many threads as there are processors.
fn on_all_processors<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || -> Vec<(usize, T)> {
        let numbers = std::iter::from_fn(|| {
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count)
        });
        numbers.map(|number| (number, work(number))).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for thread in others {
            // A thread that panicked has said so; the panic goes on here.
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, done)| done).collect()
}

/// What a person decided in the previous golden is not learned away.
fn keep(golden: &mut Golden, previous: &Golden) {
    golden.about.clone_from(&previous.about);
    golden.pace = previous.pace;
    golden.time = previous.time;
    golden.budget.clone_from(&previous.budget);
    golden.wait = previous.wait;
    golden.linger = previous.linger;
    golden.keep.clone_from(&previous.keep);
    golden.require_live.clone_from(&previous.require_live);
    golden.probes.clone_from(&previous.probes);
    let keeps =
        |key: &str| previous.keep.iter().any(|kept| key == kept || key.starts_with(&format!("{kept}.")));
    if keeps("order") {
        golden.order = previous.order.clone();
        golden.rules.clone_from(&previous.rules);
    }
    if keeps("ends") {
        golden.ends.clone_from(&previous.ends);
    }
    if keeps("listen") || golden.listen.is_none() {
        golden.listen = previous.listen;
    }
    for (label, old) in &previous.events {
        let key = format!("event.{}", previous.key_of(label));
        let Some(new) = golden.events.get_mut(label) else {
            if keeps(&key) {
                golden.events.insert(label.clone(), old.clone());
            }
            continue;
        };
        new.critical |= old.critical;
        answers::keep(new, old, previous, keeps(&format!("{key}.answered")));
        for allowed in old.timing.iter().filter(|timing| timing.at_most.is_some()) {
            match new.timing.iter_mut().find(|timing| timing.after == allowed.after) {
                Some(timing) => timing.at_most = allowed.at_most,
                // What no recording shows is still what a person allows.
                None => {
                    new.timing.push(Envelope { usual: Gap::ZERO, samples: 0, runs: 0, ..allowed.clone() })
                }
            }
        }
        if keeps(&key) {
            *new = old.clone();
            continue;
        }
        if keeps(&format!("{key}.timing")) {
            new.timing.clone_from(&old.timing);
        }
        for (path, rule) in &old.shape {
            if keeps(&format!("{key}.shape.{}", path.pattern)) || keeps(&format!("{key}.shape")) {
                new.shape.retain(|(own, _)| own.pattern != path.pattern);
                new.shape.push((path.clone(), rule.clone()));
                new.shape.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
    }
}

/// Whether an order accepts a session from beginning to end.
fn accepts(order: &Order, lanes: &Lanes, session: &Session) -> bool {
    let mut monitor = Monitor::new(order);
    session.events.iter().all(|event| {
        let keys = |key: &str| lanes.value(event, key);
        monitor.feed(&event.label, &keys).is_empty()
    }) && monitor.is_complete()
}

fn notes(golden: &Golden, incomplete: u32, has_prefixes: bool) -> Vec<String> {
    let n = golden.learned.recordings;
    let mut notes = Vec::new();
    let of = |what: u32, one: &str, many: &str| format!("{what} {}", if what == 1 { one } else { many });
    notes.push(format!(
        "learned from {} by {} on {}",
        of(n, "recording", "recordings"),
        of(golden.learned.users, "user", "users"),
        of(golden.learned.days, "day", "days")
    ));
    if has_prefixes {
        notes.push(format!(
            "no recording is complete: what is there in all {incomplete} was learned from, but not how a session ends"
        ));
    } else if incomplete > 0 {
        notes.push(format!("left out, as the session did not end: {}", in_words(incomplete)));
    }
    if n < 3 {
        notes.push(format!(
            "{} cannot tell what is optional, what may interleave or what varies: record at least 5, better 20",
            in_words(n)
        ));
    } else if n < 8 {
        notes.push(
            "orders and fields are suspects until 8 observations in 5 recordings support them".to_owned(),
        );
    }
    let timed: u32 = golden.events.values().map(|e| u32::try_from(e.timing.len()).unwrap_or(0)).sum();
    let bounded: u32 = golden
        .events
        .values()
        .flat_map(|event| &event.timing)
        .map(|timing| u32::from(timing.latest.is_some()))
        .sum();
    notes.push(format!("{bounded} of {timed} gaps have a bound"));
    if n < golden::MIN_RUNS {
        notes.push(format!(
            "timing bounds need {} recordings: {} more",
            golden::MIN_RUNS,
            golden::MIN_RUNS - n
        ));
    }
    let (hosts, occasions) = (golden.learned.hosts.len(), golden.learned.occasions.count);
    if bounded > 0 && hosts == 0 {
        notes.push(
            "no recording says on what host it was made: times are judged by their shape everywhere"
                .to_owned(),
        );
    } else if bounded > 0 && hosts < 3 {
        notes.push(format!(
            "times are of {} and {}: they hold there; elsewhere goldwire judges their shape, and fails only what stalls",
            of(u32::try_from(hosts).unwrap_or(u32::MAX), "class of hosts", "classes of hosts"),
            of(occasions, "occasion", "occasions"),
        ));
    }
    notes.extend(guarantee::notes(golden));
    notes.extend(names::doubts(golden));
    let once: usize = golden.events.values().filter(|event| event.runs == 1 && n > 1).count();
    if once > 0 {
        notes.push(format!(
            "seen in one recording only: {}; about {:.0} % of clean runs will show something new",
            plural(once, "event"),
            100.0 * once as f64 / f64::from(n)
        ));
    }
    notes
}
