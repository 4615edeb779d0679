//! Errors of the runner, with hints.

use crate::auth::{AuthError, TrustError};
use crate::driver::DriveError;
use crate::server::ServerError;
use crate::store::StoreError;
use goldwire_core::document::Problems;
use goldwire_core::learn::LearnError;
use std::convert::Infallible;

/// The meaning of an [`Error`] for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There was nothing to judge: no connection, a refused login, a server that never became ready or died.
    CouldNotJudge,
    /// The request is invalid: a wrong option, or a file that cannot be read.
    Unusable,
    /// The request selects nothing.
    NothingSelected,
    /// There are only proposals that are not accepted.
    OnlyProposals,
    /// The caller asked to stop.
    Interrupted,
    /// The machine or goldwire itself failed.
    Internal,
}

/// An error with its cause as a lower-case fragment, and a hint if there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// The meaning for the caller.
    pub kind: ErrorKind,
    /// The cause, as a fragment.
    pub cause: String,
    /// A hint.
    pub hint: Option<String>,
}

impl Error {
    /// An error without a hint.
    pub fn new(kind: ErrorKind, cause: impl Into<String>) -> Error {
        Error { kind, cause: cause.into(), hint: None }
    }

    /// An error for an invalid request.
    pub fn unusable(cause: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unusable, cause)
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        let kind = match &error {
            StoreError::NoProposal(_) | StoreError::NoGolden(_) => ErrorKind::NothingSelected,
            StoreError::Io { .. }
            | StoreError::Recording { .. }
            | StoreError::Golden(_)
            | StoreError::Seen { .. }
            | StoreError::Descriptor { .. }
            | StoreError::NoEvidence { .. }
            | StoreError::Name(_) => ErrorKind::Unusable,
        };
        let hint = match &error {
            StoreError::Seen { path: seen, .. } | StoreError::NoEvidence { seen, .. } => {
                let session = seen.file_stem().unwrap_or_default().display();
                Some(format!(
                    "restore it from version control, or run `goldwire learn {session}` and `goldwire accept {session}`"
                ))
            }
            _ => None,
        };
        Error { kind, cause: error.to_string(), hint }
    }
}

impl From<Problems> for Error {
    fn from(error: Problems) -> Error {
        Error::unusable(error.to_string())
    }
}

impl<E: Into<Error>> From<LearnError<E>> for Error {
    fn from(error: LearnError<E>) -> Error {
        match error {
            LearnError::Unreadable(error) => error.into(),
            LearnError::NoRecordings => {
                Error::new(ErrorKind::NothingSelected, "no complete recording to learn from")
            }
            LearnError::NoEvents => {
                Error::new(ErrorKind::NothingSelected, "the recordings hold no messages")
            }
            LearnError::TooManyNames(count) => {
                Error::unusable(LearnError::<Infallible>::TooManyNames(count).to_string()).hint(
                    "the field of their names has a different value in each message; set `name = \"/POINTER\"` in `[dialect]` of a script: goldwire learn SESSION --script FILE",
                )
            }
        }
    }
}

impl From<Infallible> for Error {
    fn from(error: Infallible) -> Error {
        match error {}
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Error {
        Error { kind: ErrorKind::CouldNotJudge, cause: error.to_string(), hint: error.hint() }
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Error {
        Error { kind: ErrorKind::Unusable, cause: error.to_string(), hint: error.hint() }
    }
}

impl From<DriveError> for Error {
    fn from(error: DriveError) -> Error {
        let kind = match &error {
            DriveError::Interrupted(_) => ErrorKind::Interrupted,
            DriveError::Connect { .. }
            | DriveError::Unbound(_)
            | DriveError::Record { .. }
            | DriveError::Random(_)
            | DriveError::Transport(_) => ErrorKind::CouldNotJudge,
        };
        Error { kind, cause: error.to_string(), hint: error.hint() }
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Error {
        Error { kind: ErrorKind::CouldNotJudge, cause: error.to_string(), hint: error.hint() }
    }
}
