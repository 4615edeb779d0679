//! When the kernel really saw each event: from `tcpdump`. On loopback it sees a segment on its way, before the kernel stamps
//! it for the socket: half a microsecond before, and as much more as the machine does something else between the two.

use crate::Failure;
use crate::source::FIRST;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running capture of one port.
pub(crate) struct Capture {
    child: Child,
    path: PathBuf,
}

impl Capture {
    /// None where there is no tcpdump, or no right to use it.
    pub(crate) fn start(folder: &Path, port: &str) -> Option<Capture> {
        let path = folder.join("capture.pcap");
        let mut child = Command::new("tcpdump")
            .args(["-i", "lo", "-n", "-B", "65536", "--immediate-mode", "--time-stamp-precision=nano", "-w"])
            .arg(&path)
            .args(["-Z", "root", "tcp", "and", "src", "port", port])
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = BufReader::new(child.stderr.take()?).lines();
        let listens = said.by_ref().map_while(Result::ok).any(|line| line.contains("listening on"));
        if !listens {
            let _ = child.wait();
            return None;
        }
        // It must be able to say how it ended.
        std::thread::spawn(move || said.for_each(drop));
        Some(Capture { child, path })
    }

    /// When each event's last byte came, by its number: nanoseconds since 1970, the first time and the last: TCP sends again
    /// what it believes lost, and only one of them reaches the socket.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<u64, (u64, u64)>, Failure> {
        // SIGINT makes it write what it has.
        let ended = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        if !ended.success() {
            self.child.kill()?;
        }
        self.child.wait()?;
        Ok(arrivals(&fs::read(&self.path)?))
    }
}

/// Of a capture with nanoseconds, little-endian, as libpcap's file format has it. Events that one segment does not hold
/// as a whole are left out.
fn arrivals(file: &[u8]) -> BTreeMap<u64, (u64, u64)> {
    let number = |at: usize| {
        let bytes = file.get(at..at + 4)?;
        Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
    };
    let (mut found, mut at) = (BTreeMap::new(), 24);
    while let (Some(seconds), Some(nanos), Some(length)) = (number(at), number(at + 4), number(at + 8)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(packet) = file.get(at + 16..(at + 16).saturating_add(length)) else { break };
        for seq in numbers(packet) {
            let at = seconds * 1_000_000_000 + nanos;
            found.entry(seq).or_insert((at, at)).1 = at;
        }
        at += 16 + length;
    }
    found
}

/// The numbers of the events that stand in some bytes, also where their text stands in a JSON string.
pub(crate) fn numbers(bytes: &[u8]) -> Vec<u64> {
    const MARK: &[u8] = b"seq";
    let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let number = |at: usize| {
        let rest = &bytes[at + MARK.len()..];
        let digits = rest.strip_prefix(b"\\").unwrap_or(rest).strip_prefix(b"\":")?.get(..10)?;
        std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_sub(FIRST)
    };
    marks.filter_map(|(at, _)| number(at)).collect()
}
