//! The first line of a recording: whose session it was, and on which machine.

use super::time::Gap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
