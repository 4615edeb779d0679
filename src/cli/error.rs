//! Error messages: the cause, a hint and the exit code.

use super::exit::Exit;
use goldwire_core::document::Problems;
use goldwire_core::learn::LearnError;
use goldwire_runner::auth::AuthError;
use goldwire_runner::proxy::ProxyError;
use goldwire_runner::runner::{Error, ErrorKind};
use goldwire_runner::store::StoreError;
use std::fmt;

/// The reason why a command stopped.
#[derive(Debug)]
pub(super) struct CliError {
    /// The exit code.
    pub(super) exit: Exit,
    /// The message, as a fragment.
    pub(super) message: String,
    /// A suggestion for the user.
    pub(super) hint: Option<String>,
}

impl CliError {
    /// An error with an exit code.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> CliError {
        CliError { exit, message: message.into(), hint: None }
    }

    /// An error for bad usage.
    pub(super) fn usage(message: impl Into<String>) -> CliError {
        CliError::new(Exit::Usage, message)
    }

    /// Adds a hint.
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

impl From<Error> for CliError {
    fn from(Error { kind, cause, hint }: Error) -> CliError {
        let exit = match kind {
            ErrorKind::CouldNotJudge => Exit::CouldNotJudge,
            ErrorKind::Unusable => Exit::Usage,
            ErrorKind::NothingSelected => Exit::Nothing,
            ErrorKind::OnlyProposals => Exit::OnlyProposals,
            ErrorKind::Interrupted => Exit::Interrupted,
            // An unknown kind of a newer runner is internal, too.
            ErrorKind::Internal | _ => Exit::Internal,
        };
        CliError { exit, message: cause, hint }
    }
}

/// Converts an error by way of the runner's error, which has the exit code and the hint.
macro_rules! as_the_runner_does {
    ($($error:ty),*) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> CliError {
                Error::from(error).into()
            }
        })*
    };
}

as_the_runner_does!(StoreError, Problems, AuthError);

impl<E: Into<Error>> From<LearnError<E>> for CliError {
    fn from(error: LearnError<E>) -> CliError {
        Error::from(error).into()
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
