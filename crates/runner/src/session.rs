//! A check as a function, for your own `cargo test`.
//!
//! What `goldwire check` does on the command line, from the same goldens and the same `goldwire.toml`: real sockets and
//! real logins, every user at once, rounds judged together. Either everything conforms, or the test fails with what the
//! command would have printed.
//!
//! ```no_run
//! # use goldwire_runner as goldwire;
//! # fn main() -> Result<(), goldwire::session::Failure> {
//! goldwire::session::check("chat").url("ws://127.0.0.1:8000/ws").users(3).run_blocking()?;
//! # Ok(())
//! # }
//! ```
//!
//! In a test that starts the server itself, in the same process:
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
//! That it deviates and that nothing could be judged are two things, here as anywhere:
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
//! Goldens are looked for beside `goldwire.toml`, that one in the folder in which the test runs: with `cargo test`, the
//! folder of the package. Recordings of what was judged go to `target/goldwire/` beside it. Nothing is printed:
//! [`on_progress`](Check::on_progress) tells what happens meanwhile. Report files are written by the command only.

use crate::runner::{self, CheckOptions, CheckRun, Config, Error, ErrorKind, Observer, Update};
pub use crate::runner::{ProfileUse, Progress, UpdateWhen};
use anstream::{AutoStream, ColorChoice};
use goldwire_core::finding::{Cell, Outcome, ProbeName, Verdict};
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
    Check {
        config: PathBuf::from("goldwire.toml"),
        options: CheckOptions { sessions: vec![session.into()], ..CheckOptions::default() },
        observer: Observer::silent(),
    }
}

impl Check {
    /// The configuration; the project is the folder it stands in. `goldwire.toml` if not given.
    pub fn config(mut self, path: impl AsRef<Path>) -> Check {
        self.config = path.as_ref().to_owned();
        self
    }

    /// Which `[target.NAME]` of the configuration.
    pub fn target(mut self, name: &str) -> Check {
        self.options.target.target = Some(name.to_owned());
        self
    }

    /// Where the server listens, instead of the target's URL; the target's login and headers hold, its server is not
    /// started.
    pub fn url(mut self, url: impl fmt::Display) -> Check {
        self.options.target.url = Some(url.to_string());
        self
    }

    /// How many users at the same time, each with a login of their own.
    pub fn users(mut self, users: u32) -> Check {
        self.options.users = Some(users);
        self
    }

    /// How many rounds, judged together. One if not given, and more of them where something is doubtful.
    pub fn runs(mut self, runs: u32) -> Check {
        self.options.rounds = runs;
        self
    }

    /// How many rounds must show something doubtful, or late, before it fails. Three if not given, and two more where they
    /// leave it open.
    pub fn confirm(mut self, rounds: u32) -> Check {
        self.options.confirm = rounds;
        self
    }

    /// Asks this probe too, besides those that the golden names. May be called for several.
    pub fn probe(mut self, probe: ProbeName) -> Check {
        self.options.probes.push(probe);
        self
    }

    /// How time is judged, whatever the golden and the configuration say.
    pub fn time(mut self, mode: TimeMode) -> Check {
        self.options.time = Some(mode);
        self
    }

    /// What becomes of this host's profile. If not given, as the command does: it is written at a terminal, and read
    /// elsewhere and where `CI` is set.
    pub fn profile(mut self, profile: ProfileUse) -> Check {
        self.options.profile = Some(profile);
        self
    }

    /// Something new, or that contradicts weak evidence, fails, too.
    pub fn strict(mut self) -> Check {
        self.options.strict = true;
        self
    }

    /// Whether goldens are learned from what does not conform. If not given, as the environment variable
    /// `GOLDWIRE_UPDATE` says.
    pub fn update(mut self, when: UpdateWhen) -> Check {
        self.options.update.when = Some(when);
        self
    }

    /// Why what [`update`](Check::update) accepts is right; kept in the golden.
    pub fn reason(mut self, reason: &str) -> Check {
        self.options.update.reason = Some(reason.to_owned());
        self
    }

    /// A header that is sent with the upgrade.
    pub fn header(mut self, name: &str, value: &str) -> Check {
        self.options.target.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        self
    }

    /// Accepts any certificate of the server.
    pub fn insecure(mut self) -> Check {
        self.options.target.insecure = true;
        self
    }

    /// A value for `{{var.NAME}}`.
    pub fn variable(mut self, name: &str, value: &str) -> Check {
        self.options.target.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A value for `{{var.NAME}}` that must not be written anywhere.
    pub fn secret(mut self, name: &str, value: &str) -> Check {
        self.options.target.secrets.push((name.to_owned(), Secret::new(value)));
        self
    }

    /// Calls `observe` with what happens while the check runs; the text of an event is the line that the command writes to
    /// stderr. Events may come from any thread.
    pub fn on_progress(mut self, observe: impl Fn(&Progress) + Send + Sync + 'static) -> Check {
        self.observer = Observer::new(observe);
        self
    }

    /// Drives the session against the live server and judges it. Needs a runtime of tokio, as `#[tokio::test]` has one.
    ///
    /// # Errors
    /// When it deviates, when nothing could be judged, when it cannot be asked so.
    pub async fn run(self) -> Result<Checked, Failure> {
        // The future is large, and tests run many.
        Box::pin(self.judge()).await
    }

    async fn judge(self) -> Result<Checked, Failure> {
        let config = Config::read(&self.config)?;
        let update = Update::of(&config, &self.options.update, &self.observer)?;
        update.begin(&self.options.sessions)?;
        // Ctrl-C is the test program's own business: nobody here takes it away from it.
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
    /// As [`run`](Check::run).
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
    // Memory takes whatever is written to it.
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
