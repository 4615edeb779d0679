//! The share of the usable processors that other programs use.
//!
//! A server computes more slowly while other programs compute, and a class of hosts does not show that. Linux counts
//! the time of its processors and of each process (proc_stat(5), proc_pid_stat(5)): the time that neither goldwire
//! nor the server that it started used belongs to other programs. Time that a hypervisor takes also counts.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// New processes of the server are looked for this often.
const LOOK: Duration = Duration::from_secs(1);

/// Counts, in ticks, from when it was made on.
#[derive(Debug)]
pub(super) struct Processors {
    /// The processors that we may use, as the kernel counts them; empty for all of them.
    usable: Vec<usize>,
    /// The server's group of processes, and when its members were looked for.
    group: u32,
    looked: Option<Instant>,
    /// The ticks of each process of ours, as they were seen last.
    known: HashMap<u32, u64>,
    ours: u64,
}

/// Ticks of the processors, and ours among those in which they did not idle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    all: u64,
    busy: u64,
    ours: u64,
}

impl Used {
    /// What others took since then, in per cent of all there was; none where that was too short a time.
    pub(super) fn by_others(self, before: Used) -> Option<u8> {
        let all = self.all.checked_sub(before.all).filter(|all| *all >= 10)?;
        let busy = self.busy.saturating_sub(before.busy);
        let others = busy.saturating_sub(self.ours.saturating_sub(before.ours));
        Some(u8::try_from((100 * others / all).min(100)).unwrap_or(100))
    }
}

impl Processors {
    pub(super) fn new() -> Processors {
        let (known, ours) = (HashMap::new(), 0);
        Processors { usable: usable(), group: 0, looked: None, known, ours }
    }

    /// What was used so far, where the server is this group of processes; none where the system does not say it.
    pub(super) fn used(&mut self, group: u32) -> Option<Used> {
        let (all, busy) = ticks(&fs::read_to_string("/proc/stat").ok()?, &self.usable)?;
        let is_first = self.group != group;
        if is_first || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            (self.group, self.looked) = (group, Some(Instant::now()));
            for process in members(group).into_iter().chain([std::process::id()]) {
                // One that began meanwhile has done all of its work since then.
                let before = if is_first { process_ticks(process).map_or(0, |(_, ticks)| ticks) } else { 0 };
                self.known.entry(process).or_insert(before);
            }
        }
        let ours = &mut self.ours;
        self.known.retain(|process, before| {
            let Some((_, now)) = process_ticks(*process) else { return false };
            *ours += now.saturating_sub(std::mem::replace(before, now));
            true
        });
        Some(Used { all, busy, ours: *ours })
    }
}

/// The processors that this process may use.
#[cfg(target_os = "linux")]
fn usable() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return Vec::new() };
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

/// The same on systems that do not report it.
#[cfg(not(target_os = "linux"))]
fn usable() -> Vec<usize> {
    Vec::new()
}

/// The ticks of some processors, or of all if none is named, and those in which they did not idle: in the lines
/// `cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`.
fn ticks(stat: &str, usable: &[usize]) -> Option<(u64, u64)> {
    let mut sum = None;
    for line in stat.lines() {
        let Some((name, counts)) = line.split_once(' ') else { continue };
        let Some(Ok(number)) = name.strip_prefix("cpu").map(str::parse::<usize>) else { continue };
        if !usable.is_empty() && !usable.contains(&number) {
            continue;
        }
        let counts: Vec<u64> =
            counts.split_whitespace().take(8).map(|count| count.parse().unwrap_or(0)).collect();
        let all: u64 = counts.iter().sum();
        let idle: u64 = counts.get(3..5).unwrap_or_default().iter().sum();
        let (of_all, of_busy) = sum.unwrap_or((0, 0));
        sum = Some((of_all + all, of_busy + (all - idle)));
    }
    sum
}

/// The processes of a group.
fn members(group: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(|process| process_ticks(*process).is_some_and(|(own, _)| own == group)).collect()
}

/// The group of a process and its ticks, of those of its children that are over, too.
fn process_ticks(process: u32) -> Option<(u32, u64)> {
    group_and_ticks(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// In `PID (NAME) STATE PPID PGRP … UTIME STIME CUTIME CSTIME`, where a name may hold blanks and parentheses.
fn group_and_ticks(stat: &str) -> Option<(u32, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(2);
    let group = fields.next()?.parse().ok()?;
    let ticks = fields.skip(8).take(2).map(str::parse::<u64>).collect::<Result<Vec<u64>, _>>().ok()?;
    Some((group, ticks.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_some_processors_are_counted() {
        let stat =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 5 80 4 0 1 3 0 0\ncpu1 40 0 0 60 0 0 0 0 0 0\nintr 5 0\n";
        assert_eq!(ticks(stat, &[]), Some((204, 60)));
        assert_eq!(ticks(stat, &[1]), Some((100, 40)));
        assert_eq!(ticks(stat, &[7]), None);
        assert_eq!(ticks("", &[]), None);
    }

    #[test]
    fn a_process_says_its_group_whatever_it_is_called() {
        let stat = "42 (a) b (c) S 1 40 40 0 -1 4194560 1085 22077 0 3 120 30 77 88 20 0 1 0 200 1 2";
        assert_eq!(group_and_ticks(stat), Some((40, 150)));
        assert_eq!(group_and_ticks("42 (x"), None);
    }

    #[test]
    fn what_is_not_ours_is_of_others() {
        let before = Used { all: 100, busy: 40, ours: 20 };
        let after = Used { all: 300, busy: 220, ours: 60 };
        assert_eq!(after.by_others(before), Some(70));
        assert_eq!(before.by_others(before), None, "no time has passed");
        let odd = Used { all: 300, busy: 60, ours: 90 };
        assert_eq!(odd.by_others(before), Some(0), "ticks are rounded");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_work_is_ours() {
        let mut processors = Processors::new();
        let group = rustix::process::getpgrp().as_raw_pid();
        let group = u32::try_from(group).expect("a process");
        let before = processors.used(group).expect("Linux says it");
        let mut after = before;
        while after.ours < before.ours + 40 {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
            after = processors.used(group).expect("Linux says it");
        }
        // A process is read after the processors, and each of its threads is rounded by itself.
        assert!(after.busy - before.busy >= 20, "{before:?} {after:?}");
    }
}
