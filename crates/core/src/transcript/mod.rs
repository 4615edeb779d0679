//! What happened: one real session as it was seen on the wire.
//!
//! A [`Transcript`] is the value, a *recording* its file. It knows frames, times, facts of the handshake and how the
//! session ended; it does not know what a frame means to the application (that is `dialect`) nor what should have
//! happened (that is `golden`). A session may use several connections one after another; their frames stand in one
//! list, in the order in which they were seen, and each says which connection it belongs to.

pub mod exchange;
mod format;
mod http;
mod payload;
mod redact;
mod refill;
mod time;
mod visible;

pub use format::{Entries, Entry, ReadError, VERSION, Writer, read};
pub(crate) use http::Head;
pub use http::Streaming;
pub use payload::{Payload, Side};
pub use redact::{Leftover, LeftoverKind, Redactor, Rules};
pub(crate) use refill::Spares;
pub use time::{Gap, Offset};
pub use visible::{Visible, is_unseen, visible, visible_json, visible_lines};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One recorded session of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Who, where, when, and the evidence that a real server answered.
    pub header: Header,
    /// Everything that passed, in the order of its stamps.
    pub frames: Vec<Frame>,
    /// How it ended.
    pub ending: Ending,
}

/// One WebSocket message or control frame, or a part of an HTTP exchange (`http`), with its direction and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When its last byte reached us, or when it was handed to the kernel. Never before it did.
    pub at: Offset,
    /// How much earlier than `at` its last byte may have reached us, at most; zero where the stamp is its own. Known
    /// only for stamps of the kernel ([`Stamps::Kernel`]).
    pub earlier: Gap,
    /// Which connection of the session, counted from 0; of a session over HTTP, which request.
    pub conn: u32,
    /// Who sent it.
    pub side: Side,
    /// What it holds.
    pub payload: Payload,
}

impl Frame {
    /// A frame of a session's first connection, with a stamp of its own.
    pub fn new(at: Offset, side: Side, payload: Payload) -> Frame {
        Frame { at, earlier: Gap::ZERO, conn: 0, side, payload }
    }
}

/// Where the stamps of received frames were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stamps {
    /// By the kernel, when the segment with the message's last byte arrived.
    Kernel,
    /// By the task that reads the socket, when it had the message.
    #[default]
    User,
    /// By another program, whose capture was imported.
    Import,
}

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Header {
    /// The session's name, e.g. `agent-run`.
    pub session: String,
    /// A short random id, also in the file's name.
    pub id: String,
    /// Wall-clock time of offset 0, RFC 3339 with nanoseconds, UTC.
    pub started: String,
    /// Where we connected to, secrets replaced.
    pub url: String,
    /// Which user of the run this was, e.g. `u1`.
    pub user: String,
    /// The program that recorded, e.g. `goldwire 0.1.0`.
    pub recorder: String,
    /// Where stamps were taken.
    pub stamps: Stamps,
    /// What the first connection's handshake showed.
    pub handshake: Handshake,
    /// The claims of the token that was used, never its signature.
    pub claims: Option<serde_json::Value>,
    /// On what kind of machine it was recorded; none where nobody said, as in older recordings and imported ones.
    pub host: Option<HostClass>,
}

/// The kind of machine on which a session was recorded. Times are alike on machines of one class, and nowhere else. It
/// holds no name, no user and no serial number: recordings are committed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostClass {
    /// E.g. `linux-x86_64-2c-kvm-5u-3fa1c2`: system, architecture, usable processors, virtualisation, users at the same
    /// time, and a hash of the processor's name.
    pub class: String,
    /// The processor's name, as it calls itself; empty where it does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpu: String,
    /// How many processors this process may use.
    #[serde(default)]
    pub cpus: u32,
}

/// The facts of one handshake that a made-up server would have to make up as well.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Handshake {
    /// The address that answered, e.g. `127.0.0.1:8000`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer: String,
    /// The HTTP status of the answer; 101 when the upgrade was accepted, 0 where there was none, as over plain HTTP.
    pub status: u16,
    /// What we asked with, credentials replaced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request: BTreeMap<String, String>,
    /// What the server answered with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response: BTreeMap<String, String>,
    /// TLS version, cipher suite and SHA-256 of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// From the start of the TCP connection to the end of the upgrade.
    pub took: Gap,
    /// From the start of the TCP connection to its end: one round trip.
    pub tcp: Gap,
}

impl Handshake {
    /// Headers by name; those of one name become one list, as RFC 9110, 5.2 and 5.3, let a recipient do.
    pub fn headers<'h>(pairs: impl IntoIterator<Item = (&'h str, &'h str)>) -> BTreeMap<String, String> {
        let mut map: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in pairs {
            map.entry(name.to_owned())
                .and_modify(|all| {
                    all.push_str(", ");
                    all.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
        map
    }
}

/// What TLS negotiated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// E.g. `TLSv1_3`.
    pub version: String,
    /// E.g. `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// SHA-256 of the server's own certificate (DER), hexadecimal.
    pub certificate: String,
}

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
