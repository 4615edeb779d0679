//! The lines of a recording as they stand in its file.

use crate::transcript::{End, Gap, Handshake, Host, HostClass, Offset, Side, Stamps};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    pub(super) goldwire: u32,
    pub(super) session: String,
    pub(super) id: String,
    pub(super) started: String,
    pub(super) url: String,
    pub(super) user: String,
    pub(super) recorder: String,
    pub(super) stamps: Stamps,
    pub(super) handshake: Handshake,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<HostClass>,
}

#[derive(Deserialize)]
pub(super) struct VersionOnly {
    pub(super) goldwire: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    pub(super) t: Offset,
    #[serde(borrow, default)]
    pub(super) dir: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) conn: u32,
    #[serde(default)]
    pub(super) earlier: Gap,
    #[serde(borrow, default)]
    pub(super) json: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) base64: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) ping: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) pong: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) close: Option<CloseLine>,
    #[serde(default)]
    pub(super) open: Option<Handshake>,
    #[serde(default)]
    pub(super) gone: Option<String>,
    #[serde(default)]
    pub(super) end: Option<EndLine>,
    #[serde(default)]
    pub(super) host: Option<HostLine>,
    #[serde(default)]
    pub(super) frames: Option<u64>,
    #[serde(borrow, default)]
    pub(super) sha256: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseLine {
    pub(super) code: u16,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting_for: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waited: Option<Gap>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostLine {
    probes: u32,
    lag_p50: Gap,
    lag_max: Gap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starved: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<Gap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work_cpu: Option<Gap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others: Option<u8>,
}

impl From<Host> for HostLine {
    fn from(Host { probes, lag_p50, lag_max, starved, work, work_cpu, others }: Host) -> HostLine {
        HostLine { probes, lag_p50, lag_max, starved, work, work_cpu, others }
    }
}

impl From<HostLine> for Host {
    fn from(HostLine { probes, lag_p50, lag_max, starved, work, work_cpu, others }: HostLine) -> Host {
        Host { probes, lag_p50, lag_max, starved, work, work_cpu, others }
    }
}

impl From<&End> for EndLine {
    fn from(end: &End) -> EndLine {
        let plain = |by: &str| EndLine { by: by.to_owned(), ..EndLine::default() };
        match end {
            End::Closed { by, code, reason } => {
                EndLine { code: Some(*code), reason: reason.clone(), ..plain(&by.to_string()) }
            }
            End::Dropped { detail } => {
                EndLine { code: Some(1006), reason: detail.clone(), ..plain("network") }
            }
            End::GaveUp { waiting_for, waited } => {
                EndLine { waiting_for: waiting_for.clone(), waited: Some(*waited), ..plain("deadline") }
            }
            End::CutOff { limit } => EndLine { reason: limit.clone(), ..plain("limit") },
            End::Interrupted => plain("interrupt"),
            End::Torn { detail } => EndLine { reason: detail.clone(), ..plain("recorder") },
        }
    }
}

impl EndLine {
    pub(super) fn into_end(self) -> Result<End, String> {
        let by = match self.by.as_str() {
            "client" => Side::Client,
            "server" => Side::Server,
            "network" => return Ok(End::Dropped { detail: self.reason }),
            "deadline" => {
                let waited = self.waited.unwrap_or_default();
                return Ok(End::GaveUp { waiting_for: self.waiting_for, waited });
            }
            "limit" => return Ok(End::CutOff { limit: self.reason }),
            "interrupt" => return Ok(End::Interrupted),
            "recorder" => return Ok(End::Torn { detail: self.reason }),
            other => return Err(format!("unknown end `{other}`")),
        };
        Ok(End::Closed { by, code: self.code.unwrap_or(1005), reason: self.reason })
    }
}
