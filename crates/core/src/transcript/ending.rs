//! How a session ended.

use super::payload::Side;
use super::time::{Gap, Offset};

/// How a session ended. A closed connection is data, not an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// When.
    pub at: Offset,
    /// What ended it.
    pub how: End,
    /// How busy the recording machine was; none where nobody measured, as in older recordings.
    pub host: Option<Host>,
}

/// How late the recording machine woke a task that only slept, while a session ran: a slow machine is told from a slow
/// server by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// How many times it was measured; at least once.
    pub probes: u32,
    /// The usual lag, to within an eighth below. A timer's own resolution, about 1 ms, is part of it.
    pub lag_p50: Gap,
    /// The worst lag. A hold-up shows as its length less up to one pause between probes.
    pub lag_max: Gap,
    /// In how many per cent of the time something that could run waited for a processor; none where the system does not
    /// say. It may well have been the server itself.
    pub starved: Option<u8>,
    /// How long a fixed piece of work, about 1 ms of computing, took by the clock while the session ran: the median. It
    /// is longer on a slower processor, and where others compute, too. None where nobody worked.
    pub work: Option<Gap>,
    /// The processor time that the same work took: longer on a slower processor only.
    pub work_cpu: Option<Gap>,
    /// How many per cent of the processors that we may use other programs took: neither ours nor the server that we
    /// started. Known on Linux, where we did.
    pub others: Option<u8>,
}

/// What ended a session.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// A close frame arrived or was sent first by `by`. `code` is 1005 when the frame had none (RFC 6455, 7.1.5).
    Closed {
        /// Who sent the first close frame.
        by: Side,
        /// The status code, RFC 6455 section 7.4.
        code: u16,
        /// The reason given with it.
        reason: String,
    },
    /// The connection ended without a close frame, RFC 6455's 1006.
    Dropped {
        /// What the system said, e.g. `connection reset`.
        detail: String,
    },
    /// The server did not do what we waited for, and we gave up.
    GaveUp {
        /// The events of which at least one was due.
        waiting_for: Vec<String>,
        /// How long we had waited.
        waited: Gap,
    },
    /// We ended it, because it passed a limit.
    CutOff {
        /// Which, e.g. `longer than max_duration = 10 s`.
        limit: String,
    },
    /// The person stopped it.
    Interrupted,
    /// The recorder died, or could not write: what is here is a prefix.
    Torn {
        /// What stopped it, where that is known.
        detail: String,
    },
}

impl Ending {
    /// Whether the transcript holds all that happened until the session's own end.
    pub fn is_whole(&self) -> bool {
        match self.how {
            End::Closed { .. } | End::Dropped { .. } | End::GaveUp { .. } => true,
            End::CutOff { .. } | End::Interrupted | End::Torn { .. } => false,
        }
    }

    /// The ending in a word or two, as goldens write it: `client 1000`, `server 1008`, `dropped 1006`.
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
