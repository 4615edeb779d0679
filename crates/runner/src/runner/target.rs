//! A live target: starts its server, logs users in, and drives sessions.

use super::config::Config;
use super::error::{Error, ErrorKind};
use super::options::{RecordOptions, TargetOptions};
use super::progress::{Observer, Progress};
use crate::auth::{AuthError, Base};
use crate::driver::{Driven, Interactive, Plan, SessionContext, Warnings};
use crate::server::{HostMonitor, ServerProcess, Target, free_port, is_free};
use goldwire_core::drive::Bounds;
use goldwire_core::finding::{Run, Unjudged};
use goldwire_core::golden::Golden;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::{HostClass, Redactor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A live target for sessions.
pub struct RunningTarget {
    sessions: Arc<SessionContext>,
    server: Option<ServerProcess>,
    observer: Observer,
}

/// The number of a user among the concurrent users, counted from 1.
#[derive(Clone, Copy)]
struct Seat {
    index: u32,
    of: u32,
}

/// The result of one user's session.
pub struct DriveResult {
    /// The user.
    pub user: String,
    /// The driven session, or the reason why it could not begin.
    pub result: Result<Driven, Error>,
}

impl RunningTarget {
    /// Resolves the options, starts the server if the target has one, and prepares logins.
    ///
    /// # Errors
    /// If the options are invalid, or the server does not become ready.
    pub async fn open(
        config: &Config,
        options: &TargetOptions,
        interrupt: watch::Receiver<bool>,
        observer: &Observer,
    ) -> Result<RunningTarget, Error> {
        let port = port()?;
        let opened =
            Box::pin(RunningTarget::open_at(port, config, options, interrupt.clone(), observer)).await;
        // Everything that we started has already been stopped.
        if opened.is_err() && !is_free(port) && !*interrupt.borrow() {
            observer.tell(&Progress::note(format!("another program took port {port}; trying another one")));
            let port = self::port()?;
            return Box::pin(RunningTarget::open_at(port, config, options, interrupt, observer)).await;
        }
        opened
    }

    /// Opens the target on this port, where it needs one.
    async fn open_at(
        port: u16,
        config: &Config,
        options: &TargetOptions,
        interrupt: watch::Receiver<bool>,
        observer: &Observer,
    ) -> Result<RunningTarget, Error> {
        let mut target = match (&options.target, &options.url) {
            (None, Some(url)) if config.target(None).is_err() => Target::at(url.as_str()),
            (name, _) => config.target(name.as_deref())?.clone(),
        };
        if let Some(url) = &options.url {
            target.url.clone_from(url);
            // What runs at another address is not the server that we would start.
            target.server = None;
            target.http = target.http.filter(|http| !http.contains("{{port}}"));
        }
        target.headers.extend(options.headers.iter().cloned());
        target.trust.insecure |= options.insecure;
        let redactor = config.redactor();
        let mut values = variables(options, &redactor, observer);
        let port = target.needs_port().then_some(port);
        if let Some(port) = port {
            values.insert("port".to_owned(), Value::from(port));
        }
        let http = target
            .http_url(&mut |name| values.get(name).cloned())
            .map_err(|error| Error::unusable(error.to_string()).hint("give it with --variable NAME=VALUE"))?;
        values.insert("http".to_owned(), Value::from(http.clone()));
        let recipe = target.auth.as_ref().and_then(|name| config.auths.get(name)).cloned();
        let base = Base::new(Some(&http), values.clone(), &target.trust)?;
        let server = match &target.server {
            Some(spec) => {
                let log = spec.log.clone().unwrap_or_else(|| runs_folder(&config.root).join("server.log"));
                let command = spec.command.join(" ");
                observer.tell(&Progress::ServerStarting { command, log: log.clone() });
                let mut stop = interrupt.clone();
                tokio::select! {
                    started = ServerProcess::start(spec, port, &log) => Some(started?),
                    _ = stop.wait_for(|stop| *stop) => {
                        return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
                    }
                }
            }
            None => None,
        };
        let probe = HostMonitor::start(config.host());
        if let Some(group) = server.as_ref().and_then(ServerProcess::group) {
            probe.serve(group);
        }
        let (max_duration, max_rate) = (target.max_duration, target.max_rate);
        let sessions = SessionContext {
            target,
            recipe,
            base,
            values,
            redactor,
            host: Arc::new(probe),
            bounds: Bounds { max_duration, max_rate, ..Bounds::default() },
            flush: config.flush,
            keeps_frames: true,
            interrupt,
            warnings: Warnings::new({
                let observer = observer.clone();
                move |message| observer.tell(&Progress::Warning { message })
            }),
        };
        Ok(RunningTarget { sessions: Arc::new(sessions), server, observer: observer.clone() })
    }

    /// Sets the end and the storage of sessions; options take precedence over the configuration.
    pub fn record(&mut self, options: &RecordOptions) {
        let sessions = Arc::make_mut(&mut self.sessions);
        sessions.keeps_frames = options.keeps_frames;
        sessions.target.max_message = options.max_message.unwrap_or(sessions.target.max_message);
        sessions.flush = options.flush.unwrap_or(sessions.flush);
        let bounds = &mut sessions.bounds;
        bounds.max_duration = options.max_duration.or(bounds.max_duration);
        bounds.max_rate = options.max_rate.or(bounds.max_rate);
        (bounds.duration, bounds.idle) = (options.duration, options.idle_timeout);
        bounds.until.clone_from(&options.until);
    }

    /// The class of this machine with this number of concurrent users.
    pub fn host_class(&self, users: u32) -> HostClass {
        self.sessions.host.class(users)
    }

    /// The shared context of all sessions.
    pub(super) fn sessions(&self) -> &SessionContext {
        &self.sessions
    }

    /// The URL of the target, possibly with placeholders.
    pub fn url(&self) -> &str {
        &self.sessions.target.url
    }

    /// The observer.
    pub(super) fn observer(&self) -> &Observer {
        &self.observer
    }

    /// The redactor with the secrets of all sessions so far.
    pub fn redactor(&self) -> &Redactor {
        &self.sessions.redactor
    }

    /// Whether the session is interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.sessions.is_interrupted()
    }

    /// Plays the session with all users at once, each with a login of their own. Results are in the order of the
    /// users.
    pub async fn play(&self, session: &str, golden: &Golden, users: u32, folder: &Path) -> Vec<DriveResult> {
        let play = Arc::new((session.to_owned(), golden.clone(), folder.to_owned()));
        let mut players = JoinSet::new();
        for index in 1..=users {
            let (sessions, play) = (self.sessions.clone(), play.clone());
            players.spawn(async move {
                let (session, golden, folder) = &*play;
                let seat = Seat { index, of: users };
                (index, drive(&sessions, session, golden, seat, folder, None).await)
            });
        }
        let mut played = BTreeMap::new();
        while let Some(player) = players.join_next().await {
            let (index, result) =
                player.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            self.observer.tell(&Progress::UserFinished);
            played.insert(index, DriveResult { user: format!("u{index}"), result });
        }
        played.into_values().collect()
    }

    /// A person plays the session instead of the first user.
    ///
    /// # Errors
    /// If the session cannot begin.
    pub async fn play_by_hand(
        &self,
        session: &str,
        golden: &Golden,
        folder: &Path,
        hand: Interactive,
    ) -> Result<Driven, Error> {
        drive(&self.sessions, session, golden, Seat { index: 1, of: 1 }, folder, Some(hand)).await
    }

    /// Logs the first user in. Does nothing without a login.
    ///
    /// # Errors
    /// If the login fails.
    pub async fn try_login(&self) -> Result<(), AuthError> {
        self.sessions.login(1).await.map(|_| ())
    }

    /// The reason why the started server has ended; `None` while it runs, or if none was started.
    pub fn server_died(&mut self) -> Option<Error> {
        let server = self.server.as_mut()?;
        if server.is_running() {
            return None;
        }
        let status =
            server.status().map_or("for an unknown reason".to_owned(), |status| format!("with {status}"));
        let log = server.log().to_owned();
        let tail = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = tail.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n  ");
        let message =
            format!("the server ended {status} while sessions were running; its last lines:\n  {last}");
        let hint = format!("its whole output is in {}", log.display());
        Some(Error::new(ErrorKind::CouldNotJudge, self.redactor().clean(&message)).hint(hint))
    }

    /// Stops the server if it was started here.
    pub async fn close(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

/// One user plays the session, or a person does in their place.
async fn drive(
    sessions: &SessionContext,
    session: &str,
    golden: &Golden,
    seat: Seat,
    folder: &Path,
    hand: Option<Interactive>,
) -> Result<Driven, Error> {
    let identity = sessions.login(seat.index).await?;
    let plan = Plan {
        session,
        golden,
        values: BTreeMap::new(),
        identity: &identity,
        hand,
        folder,
        users: seat.of,
        disconnect: None,
        side_channel: None,
    };
    let driven = sessions.drive(plan).await;
    sessions.clean_up(&identity).await;
    Ok(driven?)
}

/// Marks runs during which the server died as not judged, because their results may be due to its end.
pub(super) fn unjudge<'r>(died: &Error, runs: impl IntoIterator<Item = &'r mut Run>) {
    for run in runs {
        run.findings.clear();
        run.unjudged = Some(Unjudged { cause: died.cause.clone(), hint: died.hint.clone() });
    }
}

fn port() -> Result<u16, Error> {
    free_port().map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// The folder for recordings of checks.
pub fn runs_folder(root: &Path) -> PathBuf {
    root.join("target").join("goldwire")
}

/// The values that are known before a session begins. Secrets are hidden from then on.
fn variables(options: &TargetOptions, redactor: &Redactor, observer: &Observer) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (name, value) in &options.variables {
        values.insert(format!("var.{name}"), Value::from(value.as_str()));
    }
    for (name, value) in &options.secrets {
        if let Some(message) = hide(name, value, redactor) {
            observer.tell(&Progress::Warning { message });
        }
        values.insert(format!("var.{name}"), Value::from(value.expose()));
    }
    values
}

/// Redacts a secret from now on. Returns the reason if that is not possible.
pub fn hide(name: &str, value: &Secret, redactor: &Redactor) -> Option<String> {
    redactor.add(name, value);
    (value.expose().len() < Redactor::MIN_LEN).then(|| format!("secret `{name}` is too short to be redacted"))
}
