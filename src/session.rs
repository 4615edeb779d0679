//! A check as a function, for your own `cargo test`.
//!
//! What `goldwire check` does on the command line, from the same goldens and the same `goldwire.toml`: real sockets and
//! real logins, every user at once, rounds judged together. Either everything conforms, or the test fails with what the
//! command would have printed.
//!
//! ```no_run
//! # fn main() -> Result<(), goldwire::session::Failure> {
//! goldwire::session::check("chat").url("ws://127.0.0.1:8000/ws").users(3).run_blocking()?;
//! # Ok(())
//! # }
//! ```
//!
//! In a test that starts the server itself, in the same process:
//!
//! ```no_run
//! # async fn my_server() -> u16 { 8000 }
//! # async fn test() -> Result<(), goldwire::session::Failure> {
//! let port = my_server().await;
//! let checked = goldwire::session::check("chat").url(format!("ws://127.0.0.1:{port}/ws")).run().await?;
//! assert_eq!(checked.outcome.runs.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! That it deviates and that nothing could be judged are two things, here as anywhere:
//!
//! ```no_run
//! use goldwire::session::{self, Failure};
//!
//! match session::check("chat").target("staging").run_blocking() {
//!     Ok(checked) => println!("{}", checked.text),
//!     Err(Failure::Deviates(checked)) => panic!("{}", checked.text),
//!     Err(Failure::CouldNotJudge { cause, .. }) => println!("staging is asleep: {cause}"),
//!     Err(failure @ Failure::Unusable { .. }) => panic!("{failure}"),
//! }
//! ```
//!
//! Goldens are looked for beside `goldwire.toml`, that one in the folder in which the test runs: with `cargo test`, the
//! folder of the package. Recordings of what was judged go to `target/goldwire/` beside it. What the command would say on
//! stderr is said there, too.

use crate::cli::{self, Answer, Exit};
use crate::finding::{Cell, Outcome};
use std::fmt;
use std::path::Path;

/// A check of one session; nothing happens before [`run`](Check::run).
#[must_use = "nothing is checked before it is run"]
#[derive(Clone)]
pub struct Check {
    session: String,
    words: Vec<String>,
}

/// What was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Every run with what was found in it.
    pub outcome: Outcome,
    /// What probes answered, where the golden or an option asks for some.
    pub cells: Vec<Cell>,
    /// What `goldwire check` prints of it, without colour.
    pub text: String,
}

/// Why a check did not pass. As text it is what a person wants to read, also where Rust asks for `Debug`: a test that
/// returns it, or unwraps it, shows the diff.
pub enum Failure {
    /// The server does something else than the golden says; with [`strict`](Check::strict) also, something new.
    Deviates(Box<Checked>),
    /// There was nothing to judge: no connection, a refused login, a server that never became ready or died.
    CouldNotJudge {
        /// Why.
        cause: String,
        /// A way out.
        hint: Option<String>,
        /// What was judged all the same, of other users or rounds.
        checked: Option<Box<Checked>>,
    },
    /// It cannot be asked so: no golden of this name, one that only was proposed, a mistake in a file or an option.
    Unusable {
        /// Why.
        cause: String,
        /// A way out.
        hint: Option<String>,
    },
}

/// A check of the session whose golden is `golden/<session>.toml`.
pub fn check(session: impl Into<String>) -> Check {
    Check { session: session.into(), words: Vec::new() }
}

impl Check {
    /// The configuration; the project is the folder it stands in. `goldwire.toml` if not given.
    pub fn config(self, path: impl AsRef<Path>) -> Check {
        self.option(format!("--config={}", path.as_ref().display()))
    }

    /// Which `[target.NAME]` of the configuration.
    pub fn target(self, name: &str) -> Check {
        self.option(format!("--target={name}"))
    }

    /// Where the server listens, instead of the target's URL; the target's login and headers hold, its server is not
    /// started.
    pub fn url(self, url: impl fmt::Display) -> Check {
        self.option(format!("--url={url}"))
    }

    /// How many users at the same time, each with a login of their own.
    pub fn users(self, users: u32) -> Check {
        self.option(format!("--users={users}"))
    }

    /// How many rounds, judged together. One if not given, and more of them where something is doubtful.
    pub fn runs(self, runs: u32) -> Check {
        self.option(format!("--runs={runs}"))
    }

    /// Something new, or that contradicts weak evidence, fails, too.
    pub fn strict(self) -> Check {
        self.option("--strict")
    }

    /// A header that is sent with the upgrade.
    pub fn header(self, name: &str, value: &str) -> Check {
        self.option(format!("--header={name}: {value}"))
    }

    /// A value for `{{var.NAME}}`.
    pub fn variable(self, name: &str, value: &str) -> Check {
        self.option(format!("--variable={name}={value}"))
    }

    /// A value for `{{var.NAME}}` that must not be written anywhere.
    pub fn secret(self, name: &str, value: &str) -> Check {
        self.option(format!("--secret={name}={value}"))
    }

    /// Any other option of `goldwire check`, as one word: `--report-html=target/page`, `--confirm=5`.
    pub fn option(mut self, word: impl Into<String>) -> Check {
        self.words.push(word.into());
        self
    }

    /// Drives the session against the live server and judges it. Needs a runtime of tokio, as `#[tokio::test]` has one.
    ///
    /// # Errors
    /// When it deviates, when nothing could be judged, when it cannot be asked so.
    pub async fn run(self) -> Result<Checked, Failure> {
        let words = self.words.into_iter().chain(["--".to_owned(), self.session]).collect();
        Failure::of(cli::library_check(words).await)
    }

    /// Likewise, in a test without a runtime.
    ///
    /// # Errors
    /// As [`run`](Check::run).
    pub fn run_blocking(self) -> Result<Checked, Failure> {
        cli::block_on(self.run()).unwrap_or_else(|cause| Err(Failure::Unusable { cause, hint: None }))
    }
}

/// What was given may be secret.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Failure {
    fn of(answer: Answer) -> Result<Checked, Failure> {
        let (exit, checked) = match answer {
            Answer::Judged { exit, outcome, cells, text } => (exit, Checked { outcome, cells, text }),
            Answer::Stopped { exit: Exit::CouldNotJudge, message, hint } => {
                return Err(Failure::CouldNotJudge { cause: message, hint, checked: None });
            }
            Answer::Stopped { message, hint, exit: _ } => {
                return Err(Failure::Unusable { cause: message, hint });
            }
        };
        let asked = checked.cells.iter().flat_map(|cell| &cell.runs);
        let unjudged = checked.outcome.runs.iter().chain(asked).find_map(|run| run.unjudged.clone());
        match exit {
            Exit::Conforms => Ok(checked),
            Exit::Deviates => Err(Failure::Deviates(Box::new(checked))),
            Exit::CouldNotJudge
            | Exit::Interrupted
            | Exit::Usage
            | Exit::Nothing
            | Exit::OnlyProposals
            | Exit::Internal => Err(Failure::CouldNotJudge {
                cause: unjudged
                    .as_ref()
                    .map_or_else(|| "nothing was judged".to_owned(), |why| why.cause.clone()),
                hint: unjudged.and_then(|why| why.hint),
                checked: Some(Box::new(checked)),
            }),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, cause, hint) = match self {
            Failure::Deviates(checked) => return f.write_str(&checked.text),
            Failure::CouldNotJudge { checked: Some(checked), .. } => return f.write_str(&checked.text),
            Failure::CouldNotJudge { cause, hint, checked: None } => ("could not judge", cause, hint),
            Failure::Unusable { cause, hint } => ("nothing was checked", cause, hint),
        };
        write!(f, "{what}: {cause}")?;
        match hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A report begins on a line of its own.
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Failure {}
