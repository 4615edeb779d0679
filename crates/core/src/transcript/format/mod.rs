//! The recording file: JSON Lines, version 1.
//!
//! ```text
//! {"goldwire":1,"session":"agent-run","id":"k3v9","started":"2026-11-22T12:00:00.123456789Z", …}
//! {"t":0,"dir":">","json":{"type":"ask","text":"How far is the moon?"}}
//! {"t":1834211,"dir":"<","json":{"type":"agent_started","run_id":"run_81x"}}
//! {"t":1934211,"dir":"<","text":"not JSON, or not on one line"}
//! {"t":2034211,"dir":"<","base64":"AAEC"}
//! {"t":2134211,"dir":"<","ping":""}
//! {"t":2134211,"dir":"<","earlier":90000,"json":{"type":"token","text":"About"}}
//! {"t":812345678,"end":{"by":"client","code":1000,"reason":""},"host":{…},"frames":5,"sha256":"…"}
//! ```
//!
//! `t` is in nanoseconds since the handshake. If several messages were read at once, the kernel reports the time of
//! the newest bytes: `earlier`, in nanoseconds, is the maximum by which a message may have come before its `t`. It is
//! absent if the timestamp is exact, and if the timestamps are not the kernel's. Text that is one line of valid JSON
//! is stored unchanged, byte for byte; other text is a string, and bytes are base64. The last line has the number of
//! frames and a hash of every byte before it. Every 256th frame also has such a hash, in a `"sha256"` before its
//! payload, so that the rest after a crash can be verified. A file without a complete last line, as a crash leaves
//! it, can be read up to that point and has the ending [`End::Torn`](super::End::Torn). `host` is the lag of the recording machine, in
//! nanoseconds: `{"probes":81,"lag_p50":1048576,"lag_max":2391044,"starved":12}`, and, if the system reports it, the
//! share of time in per cent in which something waited for a processor; `work` and `work_cpu` are the wall-clock and
//! the processor time of a fixed piece of work. Without `host`, nothing was measured. The header's `host` is the kind
//! of machine: `{"class":"linux-x86_64-2c-kvm-5u-3fa1c2","cpu":"…","cpus":2}`.

mod entries;
mod error;
mod lines;
#[cfg(test)]
mod tests;
mod writer;

pub use entries::{Entries, Entry};
pub use error::ReadError;
pub use writer::Writer;

use super::Transcript;
use std::io::BufRead;

/// The version that this program reads and writes.
pub const VERSION: u32 = 1;

/// Every so many frames a line carries the hash of all bytes before it.
const CHAIN: u64 = 256;

/// Reads a whole recording.
///
/// # Errors
/// The first line that makes no sense. A missing or torn last line is not an error but [`End::Torn`](super::End::Torn).
pub fn read(input: impl BufRead) -> Result<Transcript, ReadError> {
    let mut entries = Entries::open(input)?;
    let frames = entries.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok(Transcript { ending: entries.ending(), header: entries.header, frames })
}
