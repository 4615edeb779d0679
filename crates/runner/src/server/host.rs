//! Measures the load of this machine while sessions run: how late a sleeping task wakes.
//!
//! One [`HostMonitor`] serves all sessions that share it; without sessions it does not run. It runs among the tasks that
//! take the times of frames, so that it is delayed by the same causes: other processes, and goldwire itself.
//!
//! A scheduler wakes a sleeping task soon, but a computing server may still be slow because other programs compute.
//! Linux measures that (pressure stall information), and it is read at both ends of a session.

use super::host_class::{HostOptions, Seen, Worker};
use goldwire_core::transcript::{Gap, Host, HostClass};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// The pause between two measurements. A shorter delay may be missed.
const PAUSE: Duration = Duration::from_millis(10);

/// Measures until it is dropped.
#[derive(Debug)]
pub struct HostMonitor {
    shared: Arc<Shared>,
    task: AbortHandle,
    options: HostOptions,
    worker: Arc<Worker>,
}

/// One session's share.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    number: u64,
    worker: Arc<Worker>,
    /// The number of pieces of work when the session began.
    begun: u64,
}

#[derive(Debug, Default)]
struct Shared {
    watched: Mutex<Watched>,
    begun: Notify,
}

/// The shared state of all sessions, so that thousands of them cost no more than one: the lags are counted once, and
/// a session stores the start of its own.
#[derive(Debug, Default)]
struct Watched {
    sessions: HashMap<u64, Session>,
    next: u64,
    /// The sessions since the latest measurement, which may have been due before they began.
    fresh: Vec<u64>,
    /// The time when the sleeping task is due.
    due: Option<Instant>,
    /// The number of measurements.
    probes: u64,
    lags: Lags,
    /// The lags of which none after them is greater, with the numbers of their probes.
    worst: VecDeque<(u64, Gap)>,
}

#[derive(Debug)]
struct Session {
    begun: Instant,
    /// The [`pressure`] at the beginning.
    pressure: Option<Gap>,
    /// The lag of its first probe, and what there was until then; sessions that began together share it.
    first: Option<(Gap, Arc<Lags>, u64)>,
}

impl Watched {
    fn probed(&mut self, due: Instant, woke: Instant) {
        let lag = Gap::from(woke.saturating_duration_since(due));
        self.lags.add(lag);
        self.probes += 1;
        while self.worst.back().is_some_and(|(_, other)| *other <= lag) {
            self.worst.pop_back();
        }
        self.worst.push_back((self.probes, lag));
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        let until = Arc::new(self.lags.clone());
        for number in fresh {
            if let Some(session) = self.sessions.get_mut(&number) {
                // What was late before the session began did not hold it up.
                let lag = woke.saturating_duration_since(due.max(session.begun)).into();
                session.first = Some((lag, until.clone(), self.probes));
            }
        }
    }

    /// The lags of a session that ended at `now`.
    fn lags_of(&self, session: &Session, now: Instant) -> Lags {
        let mut lags = Lags::default();
        if let Some((first, until, probes)) = &session.first {
            lags = self.lags.since(until);
            lags.add(*first);
            let later = self.worst.partition_point(|(number, _)| number <= probes);
            lags.worst = lags.worst.max(self.worst.get(later).map_or(Gap::ZERO, |(_, lag)| *lag));
        }
        // What holds up the probe at this moment held up the session's last frame, too.
        if let Some(due) = self.due.filter(|due| *due <= now) {
            lags.add(now.saturating_duration_since(due.max(session.begun)).into());
        }
        lags
    }

    /// One session less.
    fn forget(&mut self, number: u64) {
        self.sessions.remove(&number);
        if self.sessions.is_empty() {
            self.fresh.clear();
            self.worst.clear();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostMonitor {
    /// Starts the measurement in the runtime of the sessions.
    ///
    /// # Panics
    /// If called outside of a runtime.
    pub fn start(options: HostOptions) -> HostMonitor {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(probe(shared.clone())).abort_handle();
        // A program that is not optimised computes several times as long: its work cannot be compared with another's.
        let computes = !options.no_work && !cfg!(debug_assertions);
        let worker = Arc::new(Worker::new(computes));
        HostMonitor { shared, task, options, worker }
    }

    /// The class of this machine with this number of concurrent users.
    pub fn class(&self, users: u32) -> HostClass {
        self.options.class(users)
    }

    /// Declares this process group to be the server: its processor time does not count as that of other programs.
    pub fn serve(&self, group: u32) {
        self.worker.serve(group);
    }

    /// Begins to measure for a session.
    pub(crate) fn watch(&self) -> Watch {
        let pressure = pressure();
        let mut watched = self.shared.lock();
        let number = watched.next;
        watched.next += 1;
        watched.sessions.insert(number, Session { begun: Instant::now(), pressure, first: None });
        watched.fresh.push(number);
        self.shared.begun.notify_one();
        let begun = self.worker.begin();
        Watch { shared: self.shared.clone(), number, worker: self.worker.clone(), begun }
    }
}

impl Drop for HostMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// The measurement; none if the session was too short.
    pub(crate) fn finish(self) -> Option<Host> {
        let pressure = pressure();
        let watched = self.shared.lock();
        let now = Instant::now();
        let session = watched.sessions.get(&self.number)?;
        let starved = session.pressure.zip(pressure).map(|(from, to)| {
            let took = Gap::from(now.saturating_duration_since(session.begun)).as_nanos().max(1);
            let percent = u128::from((to - from).as_nanos()) * 100 / u128::from(took);
            u8::try_from(percent.min(100)).unwrap_or(100)
        });
        let host = watched.lags_of(session, now).host()?;
        let Seen { work, work_cpu, others } = self.worker.since(self.begun);
        Some(Host { starved, work, work_cpu, others, ..host })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().forget(self.number);
        self.worker.end();
    }
}

async fn probe(shared: Arc<Shared>) {
    loop {
        let due = {
            let mut watched = shared.lock();
            watched.due = (!watched.sessions.is_empty()).then(|| Instant::now() + PAUSE);
            watched.due
        };
        let Some(due) = due else {
            shared.begun.notified().await;
            continue;
        };
        sleep_until(due).await;
        let woke = Instant::now();
        let mut watched = shared.lock();
        watched.due = None;
        watched.probed(due, woke);
    }
}

/// For how long, since it started, this machine has had something to run and no processor for it.
fn pressure() -> Option<Gap> {
    total(&std::fs::read_to_string("/proc/pressure/cpu").ok()?)
}

/// The microseconds in `some avg10=… avg60=… avg300=… total=2184724499`
/// (<https://docs.kernel.org/accounting/psi.html>).
fn total(text: &str) -> Option<Gap> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let micros: u64 = some.rsplit_once(" total=")?.1.trim().parse().ok()?;
    Some(Gap::from_nanos(micros.saturating_mul(1000)))
}

/// Each octave has so many buckets: a lag is known to within an eighth.
const BUCKETS: u64 = 8;

/// Lags, counted by size: 2 KiB, however many there are.
#[derive(Debug, Clone)]
struct Lags {
    counts: Box<[u32]>,
    worst: Gap,
}

impl Default for Lags {
    fn default() -> Lags {
        let all = bucket(Gap::from_nanos(u64::MAX)) + 1;
        Lags { counts: vec![0; all].into_boxed_slice(), worst: Gap::ZERO }
    }
}

impl Lags {
    fn add(&mut self, lag: Gap) {
        if let Some(count) = self.counts.get_mut(bucket(lag)) {
            *count = count.saturating_add(1);
        }
        self.worst = self.worst.max(lag);
    }

    /// The lags since `before`; without the worst one, which no count has exactly.
    fn since(&self, before: &Lags) -> Lags {
        let counts = self.counts.iter().zip(&before.counts).map(|(now, before)| now.wrapping_sub(*before));
        Lags { counts: counts.collect(), worst: Gap::ZERO }
    }

    fn host(&self) -> Option<Host> {
        let all: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let mut rank = all.checked_sub(1)? / 2;
        let mut middle = 0;
        for (index, count) in self.counts.iter().enumerate() {
            middle = index;
            let Some(rest) = rank.checked_sub(u64::from(*count)) else { break };
            rank = rest;
        }
        let probes = u32::try_from(all).unwrap_or(u32::MAX);
        Some(Host {
            probes,
            lag_p50: least(middle),
            lag_max: self.worst,
            starved: None,
            work: None,
            work_cpu: None,
            others: None,
        })
    }
}

/// The bucket of a lag: those below [`BUCKETS`] nanoseconds have one each, and every octave above has as many.
fn bucket(lag: Gap) -> usize {
    let nanos = lag.as_nanos();
    let octave = u64::from(nanos.max(1).ilog2()).saturating_sub(2);
    let index = if nanos < BUCKETS { nanos } else { octave * BUCKETS + (nanos >> (octave - 1)) - BUCKETS };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The least lag of a bucket.
fn least(bucket: usize) -> Gap {
    let index = bucket as u64;
    let octave = index / BUCKETS;
    let nanos = if octave == 0 { index } else { (BUCKETS + index % BUCKETS) << (octave - 1) };
    Gap::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lags_are_summed_up() {
        let host = |millis: &[u64]| {
            let mut lags = Lags::default();
            millis.iter().for_each(|lag| lags.add(Gap::from_millis(*lag)));
            lags.host()
        };
        assert_eq!(host(&[]), None, "nothing was measured");
        let told = host(&[480, 1, 2, 1, 1]).expect("five lags");
        assert_eq!((told.probes, told.lag_max), (5, Gap::from_millis(480)));
        assert!(told.lag_p50 <= Gap::from_millis(1) && told.lag_p50 > Gap::from_nanos(880_000), "{told:?}");
    }

    /// Sessions come and go between measurements; each gets the counts that it would have measured by itself.
    #[test]
    fn a_session_is_told_what_it_would_have_counted_by_itself() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut watched = Watched::default();
        // Due every 10 ms; woken so many milliseconds later.
        let late = [0, 3, 40, 1, 1, 7, 2, 2, 9, 0];
        let mut open: Vec<(u64, u64, Lags)> = Vec::new();
        let mut due = 0;
        for (n, late) in (0u64..).zip(late) {
            due += 10;
            let woke = due + late;
            // One begins before the probe is due, one while it is overdue.
            for begun in [due - 5, due + late / 2] {
                let number = watched.next;
                watched.next += 1;
                let session = Session { begun: at(begun), pressure: None, first: None };
                watched.sessions.insert(number, session);
                watched.fresh.push(number);
                open.push((number, begun, Lags::default()));
            }
            watched.probed(at(due), at(woke));
            for (_, begun, own) in &mut open {
                own.add(Gap::from_millis(woke - due.max(*begun)));
            }
            let now = at(woke);
            for (number, begun, own) in &open {
                let told = watched.lags_of(&watched.sessions[number], now).host();
                assert_eq!(told, own.host(), "begun at {begun} ms, after probe {n}");
            }
            if n % 3 == 2 {
                let (number, ..) = open.remove(0);
                watched.forget(number);
            }
            due = woke;
        }
        // One that is over while a probe is overdue.
        watched.due = Some(at(due));
        let (number, begun, own) = &mut open[0];
        own.add(Gap::from_millis(30));
        assert_eq!(watched.lags_of(&watched.sessions[number], at(due + 30)).host(), own.host(), "{begun}");
    }

    #[test]
    fn pressure_is_read_as_the_kernel_writes_it() {
        let text = "some avg10=38.58 avg60=42.62 avg300=40.48 total=2184724499\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(total(text), Some(Gap::from_nanos(2_184_724_499_000)));
        assert_eq!(total(""), None);
        assert_eq!(total("some total=many"), None);
    }

    #[tokio::test]
    async fn a_session_knows_only_its_own_time_and_leaves_nothing_behind() {
        let probe = HostMonitor::start(HostOptions::default());
        let first = probe.watch();
        assert_eq!(first.finish(), None, "it was over before the first probe");
        let (long, abandoned) = (probe.watch(), probe.watch());
        while probe.shared.lock().probes == 0 {
            tokio::task::yield_now().await;
        }
        drop(abandoned);
        assert!(long.finish().is_some_and(|host| host.probes >= 1 && host.lag_p50 <= host.lag_max));
        assert!(probe.shared.lock().sessions.is_empty());
        let shared = Arc::downgrade(&probe.shared);
        drop(probe);
        while shared.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_lag_to_within_an_eighth(nanos: u64, shift in 0u32..64) {
            let nanos = nanos >> shift;
            let index = bucket(Gap::from_nanos(nanos));
            prop_assert!(least(index).as_nanos() <= nanos && nanos - least(index).as_nanos() <= nanos / 8);
            prop_assert_eq!(bucket(least(index)), index);
            prop_assert!(index < Lags::default().counts.len());
        }
    }
}
