//! Errors to a person: the chain once, a hint, and which exit code.

use super::exit::Exit;
use crate::auth::{AuthError, TrustError};
use crate::golden::Problems;
use crate::learn::LearnError;
use crate::store::StoreError;
use crate::wire::{DriveError, ProxyError, ServerError};
use std::convert::Infallible;
use std::fmt;

/// Why a command stopped.
#[derive(Debug)]
pub(super) struct CliError {
    /// What it means for the exit code.
    pub(super) exit: Exit,
    /// What happened, as a fragment.
    pub(super) message: String,
    /// A way out.
    pub(super) hint: Option<String>,
}

impl CliError {
    /// With the exit code given.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> CliError {
        CliError { exit, message: message.into(), hint: None }
    }

    /// Bad usage.
    pub(super) fn usage(message: impl Into<String>) -> CliError {
        CliError::new(Exit::Usage, message)
    }

    /// With a way out.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        let exit = match &error {
            StoreError::NoProposal(_) | StoreError::NoGolden(_) => Exit::Nothing,
            StoreError::Io { .. }
            | StoreError::Recording { .. }
            | StoreError::Golden(_)
            | StoreError::Seen { .. }
            | StoreError::NoEvidence { .. }
            | StoreError::Name(_) => Exit::Usage,
        };
        let hint = match &error {
            StoreError::Seen { path: seen, .. } | StoreError::NoEvidence { seen, .. } => {
                let session = seen.file_stem().unwrap_or_default().display();
                Some(format!(
                    "put it back from version control; or `goldwire learn {session}` and `goldwire accept {session}` write it anew"
                ))
            }
            _ => None,
        };
        CliError { exit, message: error.to_string(), hint }
    }
}

impl From<Problems> for CliError {
    fn from(error: Problems) -> CliError {
        CliError::usage(error.to_string())
    }
}

impl<E: Into<CliError>> From<LearnError<E>> for CliError {
    fn from(error: LearnError<E>) -> CliError {
        match error {
            LearnError::Unreadable(error) => error.into(),
            LearnError::NoRecordings => CliError::new(Exit::Nothing, "no complete recording to learn from"),
            LearnError::NoEvents => CliError::new(Exit::Nothing, "the recordings hold no messages"),
            LearnError::TooManyNames(count) => CliError::usage(LearnError::<Infallible>::TooManyNames(count).to_string()).hint(
                "their names are taken from a field that says something else in each message; `name = \"/POINTER\"` in \
                 `[dialect]` of a script names another one: goldwire learn SESSION --script FILE",
            ),
        }
    }
}

impl From<Infallible> for CliError {
    fn from(error: Infallible) -> CliError {
        match error {}
    }
}

impl From<AuthError> for CliError {
    fn from(error: AuthError) -> CliError {
        CliError { exit: Exit::CouldNotJudge, message: error.to_string(), hint: error.hint() }
    }
}

impl From<TrustError> for CliError {
    fn from(error: TrustError) -> CliError {
        CliError { exit: Exit::Usage, message: error.to_string(), hint: error.hint() }
    }
}

impl From<DriveError> for CliError {
    fn from(error: DriveError) -> CliError {
        let hint = match &error {
            DriveError::Connect { hint, .. } => hint.clone(),
            DriveError::Unbound(_) => Some("give it with --variable NAME=VALUE".to_owned()),
            DriveError::Interrupted(_)
            | DriveError::Record { .. }
            | DriveError::Random(_)
            | DriveError::Transport(_) => None,
        };
        let exit = match &error {
            DriveError::Interrupted(_) => Exit::Interrupted,
            DriveError::Connect { .. }
            | DriveError::Unbound(_)
            | DriveError::Record { .. }
            | DriveError::Random(_)
            | DriveError::Transport(_) => Exit::CouldNotJudge,
        };
        CliError { exit, message: error.to_string(), hint }
    }
}

impl From<ServerError> for CliError {
    fn from(error: ServerError) -> CliError {
        CliError { exit: Exit::CouldNotJudge, message: error.to_string(), hint: error.hint() }
    }
}

impl From<ProxyError> for CliError {
    fn from(error: ProxyError) -> CliError {
        CliError { exit: Exit::Usage, message: error.to_string(), hint: error.hint() }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> CliError {
        CliError::new(Exit::Internal, error.to_string())
    }
}
