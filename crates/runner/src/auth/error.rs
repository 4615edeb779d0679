//! Why somebody is not logged in, and what to do about it.

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

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreached {
    /// Nobody listens there.
    Refused,
    /// The host has no address.
    NoHost,
    /// It took too long.
    Timeout(Gap),
    /// Anything else, in the words of whoever noticed.
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

/// Why somebody is not logged in. Nothing in it shows a secret; URLs and answers are redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No answer came.
    #[error("{step}: {method} {url}: {cause}")]
    NoAnswer {
        /// Where in the login.
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
        /// Where in the login.
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
        /// Where in the login.
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
        /// Where in the login.
        step: Step,
        /// What is wrong with it.
        cause: String,
    },
    /// There is no trust to ask with.
    #[error("{step}: {cause}")]
    Trust {
        /// Where in the login.
        step: Step,
        /// Why.
        cause: TrustError,
    },
    /// A template asks for a value that nobody knows.
    #[error("{step}: {unbound}")]
    Unbound {
        /// Where in the login.
        step: Step,
        /// The name.
        unbound: Unbound,
        /// The nearest name that is known, or what else to do.
        hint: Option<String>,
    },
    /// A secret or a token is not where the recipe says.
    #[error("{step}: {place}: {cause}")]
    NotThere {
        /// Where in the login.
        step: Step,
        /// E.g. `environment variable JWT_SECRET`.
        place: String,
        /// What is wrong with it.
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
    #[error("user: no random numbers: {0}")]
    Random(String),
}

impl AuthError {
    /// Where in the login.
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

    /// A way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            AuthError::NoAnswer { cause, .. } => match cause {
                Unreached::Refused => "is the server running? `[target.NAME.server]` lets goldwire start it",
                Unreached::NoHost => "check the host in the target's `http` and `url`",
                Unreached::Timeout(_) => {
                    "look at the server's log; `timeout` in `[auth.NAME]` gives it longer"
                }
                Unreached::Other(cause) if cause.contains("certificate") => {
                    "name its authority with `ca` in the target, or believe it with `-k`"
                }
                Unreached::Other(_) => return None,
            },
            AuthError::Answered { step, status, .. } => match status {
                300..=399 => "redirects are not followed; use the address it points to",
                401 | 403 => "the server refused these credentials; check `user` and the request's body",
                404 => "nothing at this path; check the recipe's `url` and the target's `http`",
                405 => "the server wants another `method`",
                409 if *step == Step::Register => "when the user may exist already: accept = [201, 409]",
                415 => "the server wants another kind of body: `json` or `form`",
                400 | 422 => "the server does not take this body; compare it with what the server expects",
                429 => "the server limits logins; use fewer users",
                500..=599 => "the server itself failed; its log says why",
                _ => "when this means success, name the status in `accept`",
            },
            AuthError::NotInAnswer { .. } => "check the pointers of the recipe against what the answer has",
            AuthError::Unbound { hint, .. } => return hint.clone(),
            AuthError::Trust { cause, .. } => return cause.hint(),
            AuthError::Command { .. } => "run it by hand; it has to print the token and nothing else",
            AuthError::Mint(_) => "the key and `algorithm` have to fit each other",
            AuthError::NotThere { .. } | AuthError::BadRequest { .. } | AuthError::Random(_) => return None,
        };
        Some(hint.to_owned())
    }
}
