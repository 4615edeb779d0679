//! The kind of this machine, and its current computing speed.
//!
//! The class of a host contains everything that makes times comparable and nothing that identifies the machine:
//! system, architecture, processors that this process may use, virtualisation, number of concurrent users, and a hash
//! of the processor's name.

use super::processors::{Processors, Used};
use goldwire_core::stats::fingerprint;
use goldwire_core::transcript::{Gap, HostClass};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The description of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostOptions {
    /// A name that replaces the detected class, e.g. `github-ubuntu-latest`, so that all machines of a pool are one
    /// class.
    pub name: Option<String>,
    /// Disables the machine's own work, so that nothing computes beside the sessions.
    pub no_work: bool,
}

/// Applies the name in the environment, which takes precedence over the configuration.
pub const HOST_VARIABLE: &str = "GOLDWIRE_HOST";

impl HostOptions {
    /// The class of this machine with this number of concurrent users.
    pub fn class(&self, users: u32) -> HostClass {
        let cpu = processor();
        let cpus =
            std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        let class = match self.name.as_deref().map(plain).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name}-{users}u"),
            None => {
                let hash = fingerprint(&cpu) & 0xff_ffff;
                let (system, kind) = (std::env::consts::OS, std::env::consts::ARCH);
                format!("{system}-{kind}-{cpus}c-{}-{users}u-{hash:06x}", virtualisation())
            }
        };
        HostClass { class, cpu, cpus }
    }
}

/// A name is a file's name, too.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.trim().chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

/// The name of the processor; empty if it is unknown.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn processor() -> String {
    let brand = raw_cpuid::CpuId::new().get_processor_brand_string();
    brand.map(|brand| brand.as_str().trim().to_owned()).unwrap_or_default()
}

/// The processor's name: Linux knows the model, or the maker's numbers.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    value("model name")
        .or_else(|| Some(format!("{} {}", value("CPU implementer")?, value("CPU part")?)))
        .unwrap_or_default()
}

/// The hypervisor of a virtual machine, from its leaf of CPUID.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn virtualisation() -> &'static str {
    use raw_cpuid::Hypervisor;
    let Some(info) = raw_cpuid::CpuId::new().get_hypervisor_info() else { return "none" };
    match info.identify() {
        Hypervisor::KVM => "kvm",
        Hypervisor::Xen => "xen",
        Hypervisor::VMware => "vmware",
        Hypervisor::HyperV => "hyperv",
        Hypervisor::QEMU => "qemu",
        Hypervisor::Bhyve | Hypervisor::QNX | Hypervisor::ACRN | Hypervisor::Unknown(..) => "other",
    }
}

/// The same on systems that do not report it.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn virtualisation() -> &'static str {
    "any"
}

/// The pause between two pieces of work.
const PAUSE: Duration = Duration::from_millis(100);
/// So many pieces are remembered: those of a minute.
const KEPT: usize = 600;
/// Steps of one piece of work: about 1 ms on a processor of 2020.
const STEPS: u32 = 500_000;

/// A fixed piece of computing: Marsaglia, *Xorshift RNGs* (2003). The result is handed back so that it is not left out.
fn work() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// A thread of its own that computes a little now and then while sessions run: how long it takes says how fast this
/// machine is at that moment. It also looks what other programs take of the processors, which a scheduler that favours
/// short work hides from it.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// Whether it computes, or only looks.
    computes: bool,
    /// The group of processes of the server that we started; 0 for none.
    server: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    sessions: usize,
    is_over: bool,
    has_thread: bool,
    /// How many pieces were done.
    done: u64,
    /// The latest of them.
    pieces: VecDeque<Piece>,
}

/// One piece of work.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// How long it took by the clock, and of a processor.
    took: Option<(Gap, Option<Gap>)>,
    /// What was used of the processors until then.
    used: Option<Used>,
}

/// What was seen while a session ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The median of the pieces of work by the clock.
    pub(super) work: Option<Gap>,
    /// The same of a processor.
    pub(super) work_cpu: Option<Gap>,
    /// What other programs took of the processors, in per cent.
    pub(super) others: Option<u8>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    pub(super) fn new(computes: bool) -> Worker {
        Worker { shared: Arc::new(Shared { computes, ..Shared::default() }) }
    }

    /// From now on this group of processes is the server.
    pub(super) fn serve(&self, group: u32) {
        self.shared.server.store(group, Ordering::Relaxed);
    }

    /// A session begins; the number of pieces done until then.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.shared.lock();
        state.sessions += 1;
        if !state.has_thread {
            let shared = self.shared.clone();
            // Where no thread can be had, nothing is measured.
            let thread = std::thread::Builder::new().name("goldwire-work".to_owned());
            state.has_thread = thread.spawn(move || run(&shared)).is_ok();
        }
        self.shared.wake.notify_one();
        state.done
    }

    /// A session is over.
    pub(super) fn end(&self) {
        let mut state = self.shared.lock();
        state.sessions = state.sessions.saturating_sub(1);
    }

    /// What was seen since so many pieces.
    pub(super) fn since(&self, begun: u64) -> Seen {
        let state = self.shared.lock();
        let count = usize::try_from(state.done - begun).unwrap_or(usize::MAX).min(state.pieces.len());
        // The latest first.
        let own: Vec<Piece> = state.pieces.iter().rev().take(count).copied().collect();
        drop(state);
        let median = |mut times: Vec<Gap>| {
            times.sort_unstable();
            times.get(times.len().checked_sub(1)? / 2).copied()
        };
        let used = || own.iter().filter_map(|piece| piece.used);
        Seen {
            work: median(own.iter().filter_map(|piece| Some(piece.took?.0)).collect()),
            work_cpu: median(own.iter().filter_map(|piece| piece.took?.1).collect()),
            others: used().next().zip(used().next_back()).and_then(|(last, first)| last.by_others(first)),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.wake.notify_one();
    }
}

fn run(shared: &Shared) {
    let mut processors = Processors::new();
    let mut state = shared.lock();
    loop {
        state = shared
            .wake
            .wait_while(state, |state| state.sessions == 0 && !state.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return;
        }
        drop(state);
        let took = shared.computes.then(|| {
            let (began, cpu) = (Instant::now(), thread_time());
            std::hint::black_box(work());
            (Gap::from(began.elapsed()), cpu.zip(thread_time()).map(|(from, to)| to - from))
        });
        let server = shared.server.load(Ordering::Relaxed);
        let used = (server > 0).then(|| processors.used(server)).flatten();
        state = shared.lock();
        state.done += 1;
        state.pieces.push_back(Piece { took, used });
        if state.pieces.len() > KEPT {
            state.pieces.pop_front();
        }
        (state, _) = shared
            .wake
            .wait_timeout_while(state, PAUSE, |state| !state.is_over)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// The processor time of this thread so far.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn thread_time() -> Option<Gap> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    Some(Gap::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)))
}

/// Likewise; unknown here.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn thread_time() -> Option<Gap> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_says_what_makes_times_comparable() {
        let found = HostOptions::default();
        let (one, five) = (found.class(1), found.class(5));
        assert_eq!(one.class.replace("-1u", "-5u"), five.class, "users are part of it");
        assert_eq!(one.class.split('-').next(), Some(std::env::consts::OS));
        assert!(one.cpus >= 1 && one.class.contains(&format!("-{}c-", one.cpus)), "{one:?}");
        let named = HostOptions { name: Some("my pool/1".to_owned()), no_work: false };
        assert_eq!(named.class(5).class, "my-pool-1-5u", "a name is a file's name, too");
        assert_eq!(HostOptions { name: Some(" ".to_owned()), no_work: false }.class(1), one);
    }

    #[test]
    fn work_is_measured_only_while_a_session_runs() {
        let worker = Worker::new(true);
        assert_eq!(worker.since(0), Seen::default());
        let begun = worker.begin();
        while worker.shared.lock().done < begun + 2 {
            std::thread::yield_now();
        }
        let seen = worker.since(begun);
        assert!(seen.work.is_some_and(|clock| clock > Gap::ZERO));
        assert!(seen.work_cpu.is_none_or(|cpu| cpu > Gap::ZERO));
        assert_eq!(seen.others, None, "where the server is not ours, its work is that of others");
        worker.end();
        let shared = Arc::downgrade(&worker.shared);
        drop(worker);
        while shared.strong_count() > 0 {
            std::thread::yield_now();
        }
    }
}
