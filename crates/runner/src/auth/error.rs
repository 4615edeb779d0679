//! Errors of a login, with hints.

use super::jwt::MintError;
use super::trust::TrustError;
use goldwire_core::template::Unbound;
use goldwire_core::transcript::Gap;
use std::fmt;

/// A step of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Making the user's own values.
    User,
    /// Making the user known to the server.
    Register,
    /// Asking the server for a token.
    Login,
    /// Signing a token.
    Mint,
    /// Taking a token that exists already.
    Token,
    /// Making what the session needs.
    Prepare,
    /// Working out where the token goes.
    Place,
    /// Taking away what was made for the session.
    Cleanup,
    /// Giving the token back.
    Logout,
    /// Asking for another token.
    Refresh,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::User => "user",
            Step::Register => "register",
            Step::Login => "login",
            Step::Mint => "mint",
            Step::Token => "token",
            Step::Prepare => "prepare",
            Step::Place => "place",
            Step::Cleanup => "cleanup",
            Step::Logout => "logout",
            Step::Refresh => "refresh",
        })
    }
}

/// The reason why there was no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreached {
    /// Nobody listens there.
    Refused,
    /// The host has no address.
    NoHost,
    /// It took too long.
    Timeout(Gap),
    /// Anything else, in the words of the code that noticed it.
    Other(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreached::Refused => f.write_str("connection refused"),
            Unreached::NoHost => f.write_str("the host has no address"),
            Unreached::Timeout(after) => write!(f, "no answer within {after}"),
            Unreached::Other(cause) => f.write_str(cause),
        }
    }
}

/// The error of a login. It contains no secrets; URLs and responses are redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No answer came.
    #[error("{step}: {method} {url}: {cause}")]
    NoAnswer {
        /// The step of the login.
        step: Step,
        /// Of the request.
        method: String,
        /// Where to.
        url: String,
        /// Why.
        cause: Unreached,
    },
    /// The server said something else than the recipe accepts.
    #[error("{step}: {method} {url} answered {status}{}{answer}", if answer.is_empty() { "" } else { ": " })]
    Answered {
        /// The step of the login.
        step: Step,
        /// Of the request.
        method: String,
        /// Where to.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        answer: String,
    },
    /// The answer was accepted, but what the recipe looks for is not in it.
    #[error("{step}: {method} {url} answered {status}, but {missing}; {there}")]
    NotInAnswer {
        /// The step of the login.
        step: Step,
        /// Of the request.
        method: String,
        /// Where to.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is not there.
        missing: String,
        /// What is there: names and types, never values.
        there: String,
    },
    /// The request cannot be made as the recipe says.
    #[error("{step}: {cause}")]
    BadRequest {
        /// The step of the login.
        step: Step,
        /// The error.
        cause: String,
    },
    /// There is no trust to ask with.
    #[error("{step}: {cause}")]
    Trust {
        /// The step of the login.
        step: Step,
        /// Why.
        cause: TrustError,
    },
    /// A template needs an unknown value.
    #[error("{step}: {unbound}")]
    Unbound {
        /// The step of the login.
        step: Step,
        /// The name.
        unbound: Unbound,
        /// The nearest name that is known, or what else to do.
        hint: Option<String>,
    },
    /// A secret or a token is not where the recipe says.
    #[error("{step}: {place}: {cause}")]
    NotThere {
        /// The step of the login.
        step: Step,
        /// E.g. `environment variable JWT_SECRET`.
        place: String,
        /// The error.
        cause: String,
    },
    /// The token cannot be signed.
    #[error("mint: {0}")]
    Mint(#[from] MintError),
    /// The command that prints a token failed.
    #[error("token: command `{program}` {cause}{}{said}", if said.is_empty() { "" } else { ": " })]
    Command {
        /// What was started.
        program: String,
        /// E.g. `ended with exit status: 1`.
        cause: String,
        /// The beginning of what it wrote to stderr.
        said: String,
    },
    /// The system has no randomness to give.
    #[error("user: failed to get random numbers: {0}")]
    Random(String),
}

impl AuthError {
    /// The step of the login.
    pub fn step(&self) -> Step {
        match self {
            AuthError::NoAnswer { step, .. }
            | AuthError::Answered { step, .. }
            | AuthError::NotInAnswer { step, .. }
            | AuthError::BadRequest { step, .. }
            | AuthError::Trust { step, .. }
            | AuthError::Unbound { step, .. }
            | AuthError::NotThere { step, .. } => *step,
            AuthError::Mint(_) => Step::Mint,
            AuthError::Command { .. } => Step::Token,
            AuthError::Random(_) => Step::User,
        }
    }

    /// A hint.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            AuthError::NoAnswer { cause, .. } => match cause {
                Unreached::Refused => {
                    "check that the server is running; with `[target.NAME.server]`, goldwire starts it"
                }
                Unreached::NoHost => "check the host in the target's `http` and `url`",
                Unreached::Timeout(_) => "look at the server's log, or raise `timeout` in `[auth.NAME]`",
                Unreached::Other(cause) if cause.contains("certificate") => {
                    "set its certificate authority with `ca` in the target, or accept it with `-k`"
                }
                Unreached::Other(_) => return None,
            },
            AuthError::Answered { step, status, .. } => match status {
                300..=399 => "redirects are not followed; use the new address",
                401 | 403 => "the server refused these credentials; check `user` and the request's body",
                404 => "no such path; check the recipe's `url` and the target's `http`",
                405 => "the server requires another `method`",
                409 if *step == Step::Register => "if the user may exist already: accept = [201, 409]",
                415 => "the server requires another kind of body: `json` or `form`",
                400 | 422 => "the server rejected this body; compare it with the server's documentation",
                429 => "the server limits logins; use fewer users",
                500..=599 => "the server failed; look at its log",
                _ => "if this status means success, list it in `accept`",
            },
            AuthError::NotInAnswer { .. } => "compare the pointers of the recipe with the response",
            AuthError::Unbound { hint, .. } => return hint.clone(),
            AuthError::Trust { cause, .. } => return cause.hint(),
            AuthError::Command { .. } => "run it by hand; it must print only the token",
            AuthError::Mint(_) => "the key and `algorithm` must match",
            AuthError::NotThere { .. } | AuthError::BadRequest { .. } | AuthError::Random(_) => return None,
        };
        Some(hint.to_owned())
    }
}
