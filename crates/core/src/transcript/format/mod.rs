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
//! `t` is in nanoseconds since the handshake. Where several messages were read at once, the kernel tells when the newest
//! bytes came: `earlier`, in nanoseconds, is by how much a message may have come before its `t`, at most. It is absent
//! where the stamp is the message's own, and where the header says that stamps are not the kernel's. Text that is one
//! line of valid JSON stands as it came, byte for byte; other text is a string, bytes are base64. The last line counts the frames and hashes every byte before it; so does
//! every 256th frame's line, in a `"sha256"` before its payload, so that what a crash leaves can be proven, too. A file
//! without a last line, or with half of one, reads as far as it goes and says [`End::Torn`]: that is what a crash
//! leaves behind. `host` says how late the recording machine woke a task that only slept, in nanoseconds:
//! `{"probes":81,"lag_p50":1048576,"lag_max":2391044,"starved":12}`, and, where the system says it, in how many per cent of
//! the time something waited for a processor; `work` and `work_cpu` are how long a fixed piece of computing took, by the
//! clock and of a processor. Where `host` is absent, nobody measured. The header's `host` is the kind of machine:
//! `{"class":"linux-x86_64-2c-kvm-5u-3fa1c2","cpu":"…","cpus":2}`.

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

/// The version this program writes. It reads no other.
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
