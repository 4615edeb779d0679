//! A check as a function, for your own `cargo test`.
//!
//! It does what `goldwire check` does, with the same goldens and the same `goldwire.toml`: real sockets and real
//! logins, concurrent users, rounds judged together. If not everything conforms, the test fails with the output of
//! the command.
//!
//! ```no_run
//! # use goldwire_runner as goldwire;
//! # fn main() -> Result<(), goldwire::session::Failure> {
//! goldwire::session::check("chat").url("ws://127.0.0.1:8000/ws").users(3).run_blocking()?;
//! # Ok(())
//! # }
//! ```
//!
//! In a test that runs the server in its own process:
//!
//! ```no_run
//! # use goldwire_runner as goldwire;
//! # async fn my_server() -> u16 { 8000 }
//! # async fn test() -> Result<(), goldwire::session::Failure> {
//! let port = my_server().await;
//! let checked = goldwire::session::check("chat").url(format!("ws://127.0.0.1:{port}/ws")).run().await?;
//! assert_eq!(checked.outcome.runs.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A deviation and a run that could not be judged are different errors:
//!
//! ```no_run
//! # use goldwire_runner as goldwire;
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
//! Goldens are read from the folder of `goldwire.toml`, which is searched in the working directory of the test: with
//! `cargo test`, the folder of the package. Recordings go to `target/goldwire/` in the same folder. Nothing is
//! printed: [`on_progress`](Check::on_progress) gets the messages. Only the command writes report files.

use crate::runner::{self, CheckOptions, CheckRun, Config, Error, ErrorKind, Observer, Update};
pub use crate::runner::{ProfileUse, Progress, UpdateWhen};
use anstream::{AutoStream, ColorChoice};
use goldwire_core::finding::{Outcome, ProbeName, ProbeResult, Verdict};
use goldwire_core::golden::TimeMode;
use goldwire_core::report::{self, Inert, Layout};
use goldwire_core::secret::Secret;
use goldwire_core::transcript::Visible;
use std::fmt;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// A check of one session; nothing happens before [`run`](Check::run).
#[must_use = "nothing is checked before it is run"]
#[derive(Clone)]
pub struct Check {
    config: PathBuf,
    options: CheckOptions,
    observer: Observer,
}

/// The judged session.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Every run with its findings.
    pub outcome: Outcome,
    /// The results of probes, if the golden or an option names any.
    pub cells: Vec<ProbeResult>,
    /// The text that `goldwire check` prints, without colour.
    pub text: String,
}

/// The reason why a check did not pass. Its text is the report for a person, also as `Debug`: a test that returns or
/// unwraps it shows the diff.
pub enum Failure {
    /// The server does something else than the golden says; with [`strict`](Check::strict) also, something new.
    Deviates(Box<Checked>),
    /// There was nothing to judge: no connection, a refused login, a server that never became ready or died.
    CouldNotJudge {
        /// Why.
        cause: String,
        /// A hint.
        hint: Option<String>,
        /// What was judged all the same, of other users or rounds.
        checked: Option<Box<Checked>>,
    },
    /// It cannot be asked so: no golden of this name, one that only was proposed, a mistake in a file or an option.
    Unusable {
        /// Why.
        cause: String,
        /// A hint.
        hint: Option<String>,
    },
}

/// A check of the session whose golden is `golden/<session>.toml`.
pub fn check(session: impl Into<String>) -> Check {
    Check {
        config: PathBuf::from("goldwire.toml"),
        options: CheckOptions { sessions: vec![session.into()], ..CheckOptions::default() },
        observer: Observer::silent(),
    }
}

impl Check {
    /// The configuration; its folder is the project. The default is `goldwire.toml`.
    pub fn config(mut self, path: impl AsRef<Path>) -> Check {
        self.config = path.as_ref().to_owned();
        self
    }

    /// The `[target.NAME]` of the configuration.
    pub fn target(mut self, name: &str) -> Check {
        self.options.target.target = Some(name.to_owned());
        self
    }

    /// The address of the server instead of the target's URL. The target's login and headers are used; its server is
    /// not started.
    pub fn url(mut self, url: impl fmt::Display) -> Check {
        self.options.target.url = Some(url.to_string());
        self
    }

    /// The number of concurrent users, each with a login of their own.
    pub fn users(mut self, users: u32) -> Check {
        self.options.users = Some(users);
        self
    }

    /// The number of rounds, judged together. The default is one, and more if something is doubtful.
    pub fn runs(mut self, runs: u32) -> Check {
        self.options.rounds = runs;
        self
    }

    /// The number of rounds that confirm a suspect. The default is three, and two more if they leave it open.
    pub fn confirm(mut self, rounds: u32) -> Check {
        self.options.confirm = rounds;
        self
    }

    /// Also runs this probe, in addition to those of the golden. May be called several times.
    pub fn probe(mut self, probe: ProbeName) -> Check {
        self.options.probes.push(probe);
        self
    }

    /// The mode of judging time. It takes precedence over the golden and the configuration.
    pub fn time(mut self, mode: TimeMode) -> Check {
        self.options.time = Some(mode);
        self
    }

    /// The use of this host's profile. The default is that of the command: written at a terminal, otherwise read;
    /// read if `CI` is set.
    pub fn profile(mut self, profile: ProfileUse) -> Check {
        self.options.profile = Some(profile);
        self
    }

    /// Also fails on drift.
    pub fn strict(mut self) -> Check {
        self.options.strict = true;
        self
    }

    /// Whether goldens are learned from sessions that do not conform. The default is the environment variable
    /// `GOLDWIRE_UPDATE`.
    pub fn update(mut self, when: UpdateWhen) -> Check {
        self.options.update.when = Some(when);
        self
    }

    /// The reason for goldens that [`update`](Check::update) accepts, stored in them.
    pub fn reason(mut self, reason: &str) -> Check {
        self.options.update.reason = Some(reason.to_owned());
        self
    }

    /// A header of the upgrade request.
    pub fn header(mut self, name: &str, value: &str) -> Check {
        self.options.target.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        self
    }

    /// Accepts any certificate of the server.
    pub fn insecure(mut self) -> Check {
        self.options.target.insecure = true;
        self
    }

    /// The value of `{{var.NAME}}`.
    pub fn variable(mut self, name: &str, value: &str) -> Check {
        self.options.target.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of `{{var.NAME}}`, redacted everywhere.
    pub fn secret(mut self, name: &str, value: &str) -> Check {
        self.options.target.secrets.push((name.to_owned(), Secret::new(value)));
        self
    }

    /// Calls `observe` with the events of the check. The text of an event is the line that the command prints to
    /// stderr. Events may come from any thread.
    pub fn on_progress(mut self, observe: impl Fn(&Progress) + Send + Sync + 'static) -> Check {
        self.observer = Observer::new(observe);
        self
    }

    /// Plays the session against the live server and judges it. Needs a tokio runtime, as in `#[tokio::test]`.
    ///
    /// # Errors
    /// If the session deviates, if nothing could be judged, or if the options are invalid.
    pub async fn run(self) -> Result<Checked, Failure> {
        // The future is large, and tests run many.
        Box::pin(self.judge()).await
    }

    async fn judge(self) -> Result<Checked, Failure> {
        let config = Config::read(&self.config)?;
        let update = Update::of(&config, &self.options.update, &self.observer)?;
        update.begin(&self.options.sessions)?;
        // Ctrl-C belongs to the test program; the library does not handle it.
        let (_never, interrupt) = watch::channel(false);
        let run = runner::check(&config, &self.options, interrupt, &self.observer).await?;
        let text = text(&run);
        update.end(&run.outcome)?;
        let verdict = run.verdict()?;
        let CheckRun { outcome, cells, .. } = run;
        let is_strict = self.options.strict;
        Failure::unless_passed(Checked { outcome, cells, text }, verdict, is_strict)
    }

    /// Runs the check in a test without a runtime.
    ///
    /// # Errors
    /// Like [`run`](Check::run).
    pub fn run_blocking(self) -> Result<Checked, Failure> {
        runner::runtime()?.block_on(self.run())
    }
}

/// The text of `goldwire check`, without colour.
fn text(run: &CheckRun) -> String {
    let is_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let mut text = AutoStream::new(Vec::new(), ColorChoice::Never);
    // GitHub's runner may read what a test prints.
    let mut out = Visible::new(Inert::new(&mut text, is_github));
    let layout = Layout { columns: None, verbose: false };
    // Writing to memory cannot fail.
    let _ = report::text(&mut out, &run.outcome, layout, |one| run.shown(one));
    let _ = report::probe_text(&mut out, &run.cells);
    drop(out);
    String::from_utf8_lossy(&text.into_inner()).into_owned()
}

/// What was given may be secret.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("sessions", &self.options.sessions).finish_non_exhaustive()
    }
}

impl Failure {
    fn unless_passed(checked: Checked, verdict: Verdict, is_strict: bool) -> Result<Checked, Failure> {
        match verdict {
            Verdict::Conforms => Ok(checked),
            Verdict::Drift if !is_strict => Ok(checked),
            Verdict::Drift | Verdict::Deviates => Err(Failure::Deviates(Box::new(checked))),
            Verdict::CouldNotJudge => {
                let asked = checked.cells.iter().flat_map(|cell| &cell.runs);
                let unjudged = checked.outcome.runs.iter().chain(asked).find_map(|run| run.unjudged.clone());
                Err(Failure::CouldNotJudge {
                    cause: unjudged
                        .as_ref()
                        .map_or_else(|| "nothing was judged".to_owned(), |why| why.cause.clone()),
                    hint: unjudged.and_then(|why| why.hint),
                    checked: Some(Box::new(checked)),
                })
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(Error { kind, cause, hint }: Error) -> Failure {
        match kind {
            ErrorKind::CouldNotJudge | ErrorKind::Interrupted => {
                Failure::CouldNotJudge { cause, hint, checked: None }
            }
            ErrorKind::Unusable
            | ErrorKind::NothingSelected
            | ErrorKind::OnlyProposals
            | ErrorKind::Internal => Failure::Unusable { cause, hint },
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
