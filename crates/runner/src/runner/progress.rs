//! Progress events of the runner.
//!
//! The runner prints nothing. It calls an [`Observer`], and the text of each event is the line that `goldwire` prints
//! to stderr.

use goldwire_core::diff::Change;
use goldwire_core::finding::ProbeName;
use goldwire_core::golden::LiveItem;
use goldwire_core::report::changes_headline;
use goldwire_core::words::plural;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One event during a command.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Progress {
    /// The target's server is being started.
    ServerStarting {
        /// The command with its arguments.
        command: String,
        /// The file that holds the server's output.
        log: PathBuf,
    },
    /// All users begin to play a session.
    RoundStarted {
        /// The session.
        session: String,
        /// The number, counted from 1.
        round: u32,
        /// The number of users.
        users: u32,
    },
    /// One user of the round has finished.
    UserFinished,
    /// All users of the round have finished.
    RoundFinished,
    /// A second round follows: a server that replays its own answers shows it only then.
    RepeatedForIds {
        /// The session.
        session: String,
    },
    /// Another round follows, because the rounds so far leave a doubt.
    RepeatedForDoubt {
        /// The session.
        session: String,
    },
    /// A late gap was not confirmed, so the machine is to blame.
    NotConfirmed {
        /// The message of the finding that was dropped.
        message: String,
    },
    /// A recording is incomplete.
    RecordingLost {
        /// The user of the recording.
        user: String,
        /// Why.
        cause: String,
    },
    /// A required sign of a live server could not be judged; this must not look as if it had been checked.
    LiveItemUnknown {
        /// The session.
        session: String,
        /// The liveness item.
        item: LiveItem,
        /// The reason why it is unknown.
        detail: String,
        /// A hint.
        hint: Option<String>,
    },
    /// Two releases play a session in turn.
    PairStarted {
        /// The session.
        session: String,
        /// The number, counted from 1.
        pair: usize,
        /// The number of pairs.
        pairs: usize,
    },
    /// A probe asks its questions about a session.
    ProbeStarted {
        /// The probe.
        probe: ProbeName,
        /// The session.
        session: String,
    },
    /// Probes do not support sessions over HTTP.
    ProbesSkippedOverHttp {
        /// The session.
        session: String,
    },
    /// Probes need a live server, and recordings are judged.
    ProbesSkippedOffline {
        /// The session.
        session: String,
        /// The probes that its golden names.
        probes: Vec<ProbeName>,
    },
    /// A proposal was written.
    Proposed {
        /// The session.
        session: String,
        /// The file.
        path: PathBuf,
        /// The recordings behind it, in words.
        learned_from: String,
        /// The changes; `None` for a first golden.
        changes: Option<Vec<Change>>,
    },
    /// A golden was accepted without a review, because the caller asked for that.
    Accepted {
        /// The session.
        session: String,
        /// The file.
        path: PathBuf,
        /// The recordings behind it, in words.
        learned_from: String,
        /// The changes; `None` for a first golden.
        changes: Option<Vec<Change>>,
    },
    /// A golden was not accepted, and stays a proposal.
    NotAccepted {
        /// Why.
        cause: String,
        /// A hint.
        hint: Option<String>,
    },
    /// A session that does not conform was not updated.
    NotUpdated {
        /// The session.
        session: String,
        /// Why.
        cause: String,
        /// A hint.
        hint: Option<String>,
    },
    /// Something is not as it should be, and stops nothing.
    Warning {
        /// The message, as a fragment.
        message: String,
    },
    /// Anything else worth a line.
    Note {
        /// The line.
        message: String,
    },
}

impl Progress {
    pub(crate) fn note(message: impl Into<String>) -> Progress {
        Progress::Note { message: message.into() }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::ServerStarting { command, log } => {
                write!(f, "starting {command} (log: {})", log.display())
            }
            Progress::RoundStarted { session, round, users } => {
                write!(f, "{session}: round {round}, {}", plural(*users as usize, "user"))
            }
            Progress::UserFinished => f.write_str("a user has finished"),
            Progress::RoundFinished => f.write_str("the round has finished"),
            Progress::RepeatedForIds { session } => {
                write!(f, "{session}: another round, to test whether ids repeat")
            }
            Progress::RepeatedForDoubt { session } => {
                write!(f, "{session}: another round, to confirm a suspect")
            }
            Progress::NotConfirmed { message } => {
                write!(f, "not confirmed by another round: {message}")
            }
            Progress::RecordingLost { user, cause } => write!(f, "{user}: {cause}"),
            Progress::LiveItemUnknown { session, item, detail, hint } => {
                write!(f, "{session}: live item `{}` is required but unknown: {detail}", item.name())?;
                write_hint(f, hint.as_deref())
            }
            Progress::PairStarted { session, pair, pairs } => write!(f, "{session}: pair {pair} of {pairs}"),
            Progress::ProbeStarted { probe, session } => write!(f, "{} {session}", probe.name()),
            Progress::ProbesSkippedOverHttp { session } => {
                write!(f, "{session}: skipped; probes do not support sessions over HTTP")
            }
            Progress::ProbesSkippedOffline { session, probes } => {
                let names: Vec<&str> = probes.iter().map(|probe| probe.name()).collect();
                write!(f, "{session}: skipped without a live server: {}", names.join(", "))
            }
            Progress::Proposed { session, path, learned_from, changes } => {
                write!(f, "{session}: proposed as {}, learned from {learned_from}", path.display())?;
                if let Some(changes) = changes {
                    write!(f, "\n{}", changes_headline(changes))?;
                }
                write_changes(f, changes.as_deref())?;
                write!(f, "\nnext: goldwire review {session}")
            }
            Progress::Accepted { session, path, learned_from, changes } => {
                write!(f, "{session}: learned from {learned_from}\naccepted as {}", path.display())?;
                if let Some(changes) = changes {
                    write!(f, "; {}", changes_headline(changes))?;
                }
                write_changes(f, changes.as_deref())
            }
            Progress::NotAccepted { cause, hint } => {
                write!(f, "error: {cause}")?;
                write_hint(f, hint.as_deref())
            }
            Progress::NotUpdated { session, cause, hint } => {
                write!(f, "{session}: not updated: {cause}")?;
                write_hint(f, hint.as_deref())
            }
            Progress::Warning { message } => write!(f, "warning: {message}"),
            Progress::Note { message } => f.write_str(message),
        }
    }
}

fn write_hint(f: &mut fmt::Formatter<'_>, hint: Option<&str>) -> fmt::Result {
    match hint {
        Some(hint) => write!(f, "\nhint: {hint}"),
        None => Ok(()),
    }
}

fn write_changes(f: &mut fmt::Formatter<'_>, changes: Option<&[Change]>) -> fmt::Result {
    for change in changes.unwrap_or_default() {
        write!(f, "\n  {:<8}  {}", change.direction.name(), change.text)?;
    }
    Ok(())
}

/// A callback for events. Sessions run in separate tasks, so events may come from any thread.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Progress) + Send + Sync>);

impl Observer {
    /// Calls `observe` with each event.
    pub fn new(observe: impl Fn(&Progress) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(observe))
    }

    /// Ignores all events.
    pub fn silent() -> Observer {
        Observer::new(|_| {})
    }

    pub(crate) fn tell(&self, event: &Progress) {
        (self.0)(event);
    }
}

impl Default for Observer {
    fn default() -> Observer {
        Observer::silent()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
