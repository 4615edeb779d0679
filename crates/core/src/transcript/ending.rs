//! How a session ended.

use super::payload::Side;
use super::time::{Gap, Offset};

/// The end of a session. A closed connection is data, not an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The time of the end.
    pub at: Offset,
    /// The kind of the end.
    pub how: End,
    /// The load of the recording machine; none if it was not measured, as in older recordings.
    pub host: Option<Host>,
}

/// The lag of the recording machine: how late it woke a sleeping task while a session ran. It distinguishes a slow
/// machine from a slow server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// The number of measurements, at least one.
    pub probes: u32,
    /// The usual lag, rounded down by at most an eighth. It includes the resolution of timers, about 1 ms.
    pub lag_p50: Gap,
    /// The worst lag. A delay appears with its length, minus up to one pause between measurements.
    pub lag_max: Gap,
    /// The share of time in which something runnable waited for a processor, in per cent; none if the system does not
    /// report it. The waiting program may have been the server itself.
    pub starved: Option<u8>,
    /// The median wall-clock time of a fixed piece of work, about 1 ms of computing, while the session ran. It is
    /// longer on a slower or busier processor. None if it was not measured.
    pub work: Option<Gap>,
    /// The processor time of the same work. It is longer only on a slower processor.
    pub work_cpu: Option<Gap>,
    /// The share of the usable processors that other programs used, in per cent, without goldwire and the server that
    /// it started. Known on Linux, if goldwire started the server.
    pub others: Option<u8>,
}

/// The kind of a session's end.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// A close frame arrived or was sent first by `by`. `code` is 1005 when the frame had none (RFC 6455, 7.1.5).
    Closed {
        /// The side that sent the first close frame.
        by: Side,
        /// The status code, RFC 6455 section 7.4.
        code: u16,
        /// The reason given with it.
        reason: String,
    },
    /// The connection ended without a close frame, RFC 6455's 1006.
    Dropped {
        /// The error of the system, e.g. `connection reset`.
        detail: String,
    },
    /// The server did not do what we waited for, and we gave up.
    GaveUp {
        /// The events of which at least one was due.
        waiting_for: Vec<String>,
        /// The waiting time.
        waited: Gap,
    },
    /// We ended it, because it passed a limit.
    CutOff {
        /// The limit, e.g. `longer than max_duration = 10 s`.
        limit: String,
    },
    /// The person stopped it.
    Interrupted,
    /// The recorder died, or could not write: what is here is a prefix.
    Torn {
        /// The reason, if known.
        detail: String,
    },
}

impl Ending {
    /// Whether the transcript is complete up to the session's own end.
    pub fn is_whole(&self) -> bool {
        match self.how {
            End::Closed { .. } | End::Dropped { .. } | End::GaveUp { .. } => true,
            End::CutOff { .. } | End::Interrupted | End::Torn { .. } => false,
        }
    }

    /// The ending in one or two words, as in goldens: `client 1000`, `server 1008`, `dropped 1006`.
    pub fn label(&self) -> String {
        match &self.how {
            End::Closed { by: Side::Client, code, .. } => format!("client {code}"),
            End::Closed { by: Side::Server, code, .. } => format!("server {code}"),
            End::Dropped { .. } => "dropped 1006".to_owned(),
            End::GaveUp { .. } => "gave up".to_owned(),
            End::CutOff { .. } => "cut off".to_owned(),
            End::Interrupted => "interrupted".to_owned(),
            End::Torn { .. } => "incomplete".to_owned(),
        }
    }
}
