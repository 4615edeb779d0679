//! Processes, and what they cost: read from /proc until they are gone.

use crate::Failure;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What a process took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Seconds of processor time, of itself and of the children it waited for.
    pub(crate) cpu: f64,
    /// The most memory it had at a time, in MB, as last seen.
    pub(crate) peak: f64,
    /// The most of it that was its own: without its program and libraries, which are files.
    pub(crate) own: f64,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Cost, Failure> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut cost = Cost::default();
    loop {
        if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let megabytes = |name: &str| {
                let value = status.lines().find_map(|line| line.strip_prefix(name));
                let kilobytes = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
                kilobytes.unwrap_or(0.0) / 1000.0
            };
            cost.peak = cost.peak.max(megabytes("VmHWM:"));
            cost.own = cost.own.max(megabytes("RssAnon:"));
        }
        // Ended, but not yet waited for: all its time is known.
        let fields = stat(child.id())?;
        if fields.first().is_some_and(|state| state == "Z") {
            cost.cpu = seconds(&fields);
            child.wait()?;
            return Ok(cost);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the system says of a process, from its state on.
fn stat(id: u32) -> Result<Vec<String>, Failure> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    Ok(fields.split(' ').map(str::to_owned).collect())
}

fn seconds(fields: &[String]) -> f64 {
    let ticks: u64 = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// Seconds of processor time that a process has taken until now.
pub(crate) fn used(id: u32) -> Result<f64, Failure> {
    Ok(seconds(&stat(id)?))
}

/// A process of this very program that says something and goes on until it is dropped.
pub(crate) struct Own {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Own {
    pub(crate) fn start(arguments: &[String]) -> Result<Own, Failure> {
        let mut child = own(arguments)?.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("its output is piped")?;
        Ok(Own { child, lines: BufReader::new(out).lines() })
    }

    pub(crate) fn line(&mut self) -> Result<String, Failure> {
        Ok(self.lines.next().ok_or("it ended")??)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This very program, to do something else.
pub(crate) fn own(arguments: &[String]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}
