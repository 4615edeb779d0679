//! What a run is asked to do, as plain values: the command line and the library fill in the same structs.

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

/// Which target to connect to, and how.
#[derive(Clone, Default)]
pub struct TargetOptions {
    /// Which `[target.NAME]` of the configuration; the default one if not given.
    pub target: Option<String>,
    /// A URL to connect to instead of the target's. The target's server is then not started.
    pub url: Option<String>,
    /// Headers that are sent with the upgrade, besides the target's.
    pub headers: Vec<(String, String)>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// Values for `{{var.NAME}}`.
    pub variables: Vec<(String, String)>,
    /// Values for `{{var.NAME}}` that must not be written anywhere.
    pub secrets: Vec<(String, Secret)>,
}

/// Headers and URLs may hold credentials, so none of them is shown.
impl fmt::Debug for TargetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetOptions").field("target", &self.target).finish_non_exhaustive()
    }
}

/// When a recorded session ends, and how it is kept. What is not given is as the target and the configuration say.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    /// The session is closed after this time.
    pub duration: Option<Gap>,
    /// The session is closed when this event has come.
    pub until: Option<Label>,
    /// The session is closed when no message has passed for this time.
    pub idle_timeout: Option<Gap>,
    /// The session is cut off at a longer message, in bytes.
    pub max_message: Option<usize>,
    /// The session is cut off after this time.
    pub max_duration: Option<Gap>,
    /// The session is cut off when the server sends more messages than this in one second.
    pub max_rate: Option<u32>,
    /// How soon frames are written.
    pub flush: Option<Flush>,
    /// Whether the frames are kept in memory too, to be judged; otherwise memory does not grow with the session.
    pub keeps_frames: bool,
}

/// What a check is asked to do.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Which sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// Recordings or folders of recordings to judge instead of a live server.
    pub offline: Vec<PathBuf>,
    /// Probes to ask of all sessions, besides those that goldens name.
    pub probes: Vec<ProbeName>,
    /// Which part of the sessions, for jobs that share them.
    pub shard: Option<Shard>,
    /// How many users at the same time; the configuration's number if not given.
    pub users: Option<u32>,
    /// How many rounds are judged together.
    pub rounds: u32,
    /// How many rounds must show something doubtful before it is a deviation.
    pub confirm: u32,
    /// How time is judged, whatever goldens and the configuration say.
    pub time: Option<TimeMode>,
    /// What becomes of this host's profile; [`ProfileUse::usual`] if not given.
    pub profile: Option<ProfileUse>,
    /// Whether drift fails, too.
    pub strict: bool,
    /// Whether goldens are learned from runs that do not conform.
    pub update: UpdateOptions,
    /// Whether the transcripts of runs without findings are kept, too.
    pub keeps_transcripts: bool,
    /// Where the sessions go.
    pub target: TargetOptions,
}

impl CheckOptions {
    /// How many rounds must show something doubtful, where nobody says another number.
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

/// What a comparison of two releases is asked to do.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Which sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// The release that is known: its WebSocket URL, or a target of the configuration.
    pub baseline: String,
    /// The release that is to take its place, likewise.
    pub candidate: String,
    /// How often the releases run one after the other.
    pub pairs: usize,
    /// How many users at the same time; the configuration's number if not given.
    pub users: Option<u32>,
    /// How often equal releases may seem to differ in time.
    pub alpha: f64,
    /// How both releases are reached.
    pub target: TargetOptions,
}

/// What probes are asked to do. Numbers that are not given are the configuration's.
#[derive(Debug, Clone, Default)]
pub struct ProbeOptions {
    /// Which probes; all if empty.
    pub probes: Vec<ProbeName>,
    /// Which sessions; all goldens if empty.
    pub sessions: Vec<String>,
    /// How many users at the same time, at least 2.
    pub users: Option<u32>,
    /// How often each question about concurrency is asked.
    pub rounds: Option<u32>,
    /// How many sessions run one after the other.
    pub soak: Option<u32>,
    /// At how many different messages sessions are cut at most.
    pub cuts: Option<usize>,
    /// Where the sessions go.
    pub target: TargetOptions,
}
