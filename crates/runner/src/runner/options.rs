//! The options of runs as plain values, for the command line and the library.

use super::time::ProfileUse;
use super::update::UpdateOptions;
use crate::recording::Flush;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{ProbeName, Shard};
use goldwire_core::golden::TimeMode;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::Gap;
use std::fmt;
use std::path::PathBuf;

/// The target and the options of its connections.
#[derive(Clone, Default)]
pub struct TargetOptions {
    /// The `[target.NAME]` of the configuration; by default the default target.
    pub target: Option<String>,
    /// A URL to connect to instead of the target's. The target's server is then not started.
    pub url: Option<String>,
    /// Headers of the upgrade request, in addition to the target's.
    pub headers: Vec<(String, String)>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The values of `{{var.NAME}}`.
    pub variables: Vec<(String, String)>,
    /// The values of `{{var.NAME}}` that are redacted everywhere.
    pub secrets: Vec<(String, Secret)>,
}

/// Headers and URLs may hold credentials, so none of them is shown.
impl fmt::Debug for TargetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetOptions").field("target", &self.target).finish_non_exhaustive()
    }
}

/// The end and the storage of a recorded session. The defaults are those of the target and the configuration.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    /// The session is closed after this time.
    pub duration: Option<Gap>,
    /// The session is closed when this event has come.
    pub until: Option<Label>,
    /// The session is closed when no message has passed for this time.
    pub idle_timeout: Option<Gap>,
    /// The session is ended as incomplete at a longer message, in bytes.
    pub max_message: Option<usize>,
    /// The session is ended as incomplete after this time.
    pub max_duration: Option<Gap>,
    /// The session is ended as incomplete if the server sends more messages in one second.
    pub max_rate: Option<u32>,
    /// The flush time.
    pub flush: Option<Flush>,
    /// Whether frames are also kept in memory, for judging; otherwise memory does not grow with the session.
    pub keeps_frames: bool,
}

/// The options of a check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// The sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// Recordings or folders of recordings to judge instead of a live server.
    pub offline: Vec<PathBuf>,
    /// Probes for all sessions, in addition to those in goldens.
    pub probes: Vec<ProbeName>,
    /// The part of the sessions to check, if several jobs share them.
    pub shard: Option<Shard>,
    /// The number of concurrent users; by default that of the configuration.
    pub users: Option<u32>,
    /// The number of rounds that are judged together.
    pub rounds: u32,
    /// The number of rounds that confirm a suspect.
    pub confirm: u32,
    /// The mode of judging time. It takes precedence over goldens and the configuration.
    pub time: Option<TimeMode>,
    /// The use of this host's profile; by default [`ProfileUse::usual`].
    pub profile: Option<ProfileUse>,
    /// Whether drift also fails.
    pub strict: bool,
    /// Whether goldens are learned from runs that do not conform.
    pub update: UpdateOptions,
    /// Whether the transcripts of runs without findings are kept, too.
    pub keeps_transcripts: bool,
    /// The target of the sessions.
    pub target: TargetOptions,
}

impl CheckOptions {
    /// The default number of rounds that confirm a suspect.
    pub const CONFIRM: u32 = 3;
}

impl Default for CheckOptions {
    fn default() -> CheckOptions {
        CheckOptions {
            sessions: Vec::new(),
            offline: Vec::new(),
            probes: Vec::new(),
            shard: None,
            users: None,
            rounds: 1,
            confirm: CheckOptions::CONFIRM,
            time: None,
            profile: None,
            strict: false,
            update: UpdateOptions::default(),
            keeps_transcripts: false,
            target: TargetOptions::default(),
        }
    }
}

/// The options of a comparison.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// The sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// The known release: its WebSocket URL, or a target of the configuration.
    pub baseline: String,
    /// The new release: its WebSocket URL, or a target of the configuration.
    pub candidate: String,
    /// The number of pairs of runs.
    pub pairs: usize,
    /// The number of concurrent users; by default that of the configuration.
    pub users: Option<u32>,
    /// The accepted probability that equal releases seem to differ in time.
    pub alpha: f64,
    /// The options for both targets.
    pub target: TargetOptions,
}

/// The options of probes. The default numbers are those of the configuration.
#[derive(Debug, Clone, Default)]
pub struct ProbeOptions {
    /// The probes; all if empty.
    pub probes: Vec<ProbeName>,
    /// The sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// The number of concurrent users, at least 2.
    pub users: Option<u32>,
    /// The number of times each question about concurrency is asked.
    pub rounds: Option<u32>,
    /// The number of sessions one after the other.
    pub soak: Option<u32>,
    /// The maximum of different messages at which sessions are cut.
    pub cuts: Option<usize>,
    /// The target of the sessions.
    pub target: TargetOptions,
}
