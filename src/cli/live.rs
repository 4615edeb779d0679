//! A live target: its server started, its users logged in, its sessions driven.

use super::args::{KeepArgs, TargetArgs};
use super::config::Config;
use super::error::CliError;
use super::reports::talk;
use crate::auth::{AuthError, Base, Identity, clean_up, login};
use crate::drive::Bounds;
use crate::golden::Golden;
use crate::probe::{Ground, Settings};
use crate::secret::Secret;
use crate::transcript::{HostClass, Redactor};
use crate::wire::{Driven, Flush, Hand, Plan, Probe, ServerProcess, Target, drive, free_port, is_free};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A target that can be talked to.
pub(super) struct Live {
    stage: Arc<Stage>,
    server: Option<ServerProcess>,
}

/// What all sessions share. Each is played by a task of its own.
#[derive(Clone)]
struct Stage {
    target: Target,
    recipe: Option<crate::auth::Recipe>,
    base: Base,
    values: BTreeMap<String, Value>,
    redactor: Redactor,
    probe: Arc<Probe>,
    bounds: Bounds,
    flush: Flush,
    keeps_frames: bool,
    interrupt: watch::Receiver<bool>,
}

/// Which of how many users at the same time, counted from 1.
#[derive(Clone, Copy)]
struct Seat {
    index: u32,
    of: u32,
}

/// What a user's session came to.
pub(super) struct Played {
    pub(super) user: String,
    pub(super) result: Result<Driven, CliError>,
}

/// Becomes true at Ctrl-C or SIGTERM; a second one ends the process at once.
pub(super) fn interrupts() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let (heeded, is_heeded) = std::sync::mpsc::channel();
    // A thread of its own: the others may wait for somebody to read what they print.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let mut stop = StopSignals::heed();
            let _ = heeded.send(());
            stop.next().await;
            // Nobody may be listening any more; then there is nothing to stop.
            let _ = sender.send(true);
            std::thread::spawn(|| talk!("stopping: what was recorded is kept (once more to leave at once)"));
            stop.next().await;
            // Without a word more: what waits to be printed may wait for ever.
            std::process::exit(i32::from(super::exit::Exit::Interrupted.code()));
        });
    });
    // Heeded from here on, not only from when the thread first runs: what was begun until then would not be put in order.
    let _ = is_heeded.recv();
    receiver
}

/// Ctrl-C and SIGTERM; where the system will not tell of one of them, it ends the process as it always does.
#[cfg(unix)]
struct StopSignals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl StopSignals {
    fn heed() -> StopSignals {
        use tokio::signal::unix::{SignalKind, signal};
        StopSignals([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            () = of(interrupt) => {}
            () = of(terminate) => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn heed() -> StopSignals {
        StopSignals
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

impl Live {
    /// Resolves what was typed, starts the server where the target has one, and prepares logins.
    pub(super) async fn open(
        config: &Config,
        args: &TargetArgs,
        interrupt: watch::Receiver<bool>,
    ) -> Result<Live, CliError> {
        let port = free_port()?;
        let opened = Box::pin(Live::open_at(port, config, args, interrupt.clone())).await;
        // Nothing that we started is left by then.
        if opened.is_err() && !is_free(port) && !*interrupt.borrow() {
            talk!("another program took port {port} meanwhile: once more, with another one");
            return Box::pin(Live::open_at(free_port()?, config, args, interrupt)).await;
        }
        opened
    }

    /// Likewise, with this port where the target wants one.
    async fn open_at(
        port: u16,
        config: &Config,
        args: &TargetArgs,
        interrupt: watch::Receiver<bool>,
    ) -> Result<Live, CliError> {
        let mut target = match (&args.target, &args.url) {
            (None, Some(url)) if config.target(None).is_err() => Target::at(url.as_str()),
            (name, _) => config.target(name.as_deref())?.clone(),
        };
        if let Some(url) = &args.url {
            target.url.clone_from(url);
            // What runs at another address is not the server that we would start.
            target.server = None;
            target.http = target.http.filter(|http| !http.contains("{{port}}"));
        }
        for header in &args.headers {
            let Some((name, value)) = header.split_once(':') else {
                // What was typed may well be a credential.
                return Err(CliError::usage("what -H gives is not a header: it has no colon")
                    .hint("write -H 'Name: value'"));
            };
            target.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        target.trust.insecure |= args.insecure;
        let redactor = config.redactor();
        let mut values = variables(args, &redactor)?;
        let port = target.needs_port().then_some(port);
        if let Some(port) = port {
            values.insert("port".to_owned(), Value::from(port));
        }
        let http = target
            .http_url(&mut |name| values.get(name).cloned())
            .map_err(|error| CliError::usage(error.to_string()).hint("give it with --variable NAME=VALUE"))?;
        values.insert("http".to_owned(), Value::from(http.clone()));
        let recipe = target.auth.as_ref().and_then(|name| config.auths.get(name)).cloned();
        let base = Base::new(Some(&http), values.clone(), &target.trust)?;
        let server = match &target.server {
            Some(spec) => {
                let log = spec.log.clone().unwrap_or_else(|| runs_folder(&config.root).join("server.log"));
                talk!("starting {} (log: {})", spec.command.join(" "), log.display());
                let mut stop = interrupt.clone();
                tokio::select! {
                    started = ServerProcess::start(spec, port, &log) => Some(started?),
                    _ = stop.wait_for(|stop| *stop) => {
                        return Err(CliError::new(super::exit::Exit::Interrupted, "interrupted"));
                    }
                }
            }
            None => None,
        };
        let probe = Probe::start(config.host());
        if let Some(group) = server.as_ref().and_then(ServerProcess::group) {
            probe.serve(group);
        }
        let (max_duration, max_rate) = (target.max_duration, target.max_rate);
        let stage = Stage {
            target,
            recipe,
            base,
            values,
            redactor,
            probe: Arc::new(probe),
            bounds: Bounds { max_duration, max_rate, ..Bounds::default() },
            flush: config.flush,
            keeps_frames: true,
            interrupt,
        };
        Ok(Live { stage: Arc::new(stage), server })
    }

    /// What was typed about the sessions' ends goes before what is configured. Where nothing is to be judged, only the file
    /// holds what passes, and memory does not grow with a session.
    pub(super) fn keep(&mut self, args: &KeepArgs, keeps_frames: bool) {
        let stage = Arc::make_mut(&mut self.stage);
        stage.keeps_frames = keeps_frames;
        stage.target.max_message = args.max_message.unwrap_or(stage.target.max_message);
        stage.flush = args.flush.unwrap_or(stage.flush);
        let bounds = &mut stage.bounds;
        bounds.max_duration = args.max_duration.or(bounds.max_duration);
        bounds.max_rate = args.max_rate.or(bounds.max_rate);
        (bounds.duration, bounds.idle) = (args.duration, args.idle_timeout);
        bounds.until.clone_from(&args.until);
    }

    /// The kind of this machine while so many users talk at the same time.
    pub(super) fn host_class(&self, users: u32) -> HostClass {
        self.stage.probe.class(users)
    }

    /// What probes stand on.
    pub(super) fn ground<'l>(&'l self, folder: PathBuf, settings: &'l Settings) -> Ground<'l> {
        let stage = &*self.stage;
        Ground {
            target: &stage.target,
            recipe: stage.recipe.as_ref(),
            base: &stage.base,
            values: &stage.values,
            redactor: &stage.redactor,
            bounds: &stage.bounds,
            flush: stage.flush,
            host: &stage.probe,
            folder,
            interrupt: stage.interrupt.clone(),
            settings,
        }
    }

    /// Where the target listens; places may be open.
    pub(super) fn url(&self) -> &str {
        &self.stage.target.url
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.stage.redactor
    }

    pub(super) fn is_interrupted(&self) -> bool {
        *self.stage.interrupt.borrow()
    }

    /// All users play the session at once, each with a login of their own; whenever one is through it is `told`.
    pub(super) async fn play(
        &self,
        session: &str,
        golden: &Golden,
        users: u32,
        folder: &Path,
        told: impl Fn(),
    ) -> Vec<Played> {
        let play = Arc::new((session.to_owned(), golden.clone(), folder.to_owned()));
        let mut players = JoinSet::new();
        for index in 1..=users {
            let (stage, play) = (self.stage.clone(), play.clone());
            players.spawn(async move {
                let (session, golden, folder) = &*play;
                let seat = Seat { index, of: users };
                (index, stage.play(session, golden, seat, folder, None).await)
            });
        }
        let mut played = BTreeMap::new();
        while let Some(player) = players.join_next().await {
            let (index, result) =
                player.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            told();
            played.insert(index, Played { user: format!("u{index}"), result });
        }
        played.into_values().collect()
    }

    /// A person plays the session in the place of the first user.
    pub(super) async fn play_by_hand(
        &self,
        session: &str,
        golden: &Golden,
        folder: &Path,
        hand: Hand,
    ) -> Result<Driven, CliError> {
        self.stage.play(session, golden, Seat { index: 1, of: 1 }, folder, Some(hand)).await
    }

    /// Whether the first user can log in; where there is no login, everybody can.
    pub(super) async fn try_login(&self) -> Result<(), AuthError> {
        match &self.stage.recipe {
            Some(recipe) => login(recipe, &self.stage.base, 1, &self.stage.redactor).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// What became of the server that we started, when it is no longer there.
    pub(super) fn server_died(&mut self) -> Option<CliError> {
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
        let hint = format!("all it said is in {}", log.display());
        Some(CliError::new(super::exit::Exit::CouldNotJudge, self.redactor().clean(&message)).hint(hint))
    }

    /// Stops the server, if we started one.
    pub(super) async fn close(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

impl Stage {
    /// One user plays the session, or a person does in their place.
    async fn play(
        &self,
        session: &str,
        golden: &Golden,
        seat: Seat,
        folder: &Path,
        hand: Option<Hand>,
    ) -> Result<Driven, CliError> {
        let identity = match &self.recipe {
            Some(recipe) => login(recipe, &self.base, seat.index, &self.redactor).await?,
            None => Identity::anonymous(seat.index),
        };
        let plan = Plan {
            session,
            golden,
            target: &self.target,
            values: &self.values,
            identity: &identity,
            redactor: &self.redactor,
            bounds: &self.bounds,
            hand,
            folder,
            flush: self.flush,
            keeps_frames: self.keeps_frames,
            probe: &self.probe,
            users: seat.of,
            interrupt: self.interrupt.clone(),
            cut: None,
            beside: None,
        };
        let driven = drive(plan).await;
        if let Some(recipe) = &self.recipe
            && let Err(error) = clean_up(recipe, &self.base, &identity, &self.redactor).await
        {
            // What happened in the session stands, whatever becomes of the room it was in.
            talk!("warning: {error}");
        }
        Ok(driven?)
    }
}

/// Where checks keep their recordings.
pub(super) fn runs_folder(root: &Path) -> PathBuf {
    root.join("target").join("goldwire")
}

fn variables(args: &TargetArgs, redactor: &Redactor) -> Result<BTreeMap<String, Value>, CliError> {
    let mut values = BTreeMap::new();
    for text in &args.variables {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                CliError::usage(format!("`{text}` is not a variable")).hint("write --variable NAME=VALUE")
            );
        };
        values.insert(format!("var.{name}"), Value::from(value));
    }
    for (name, value) in secrets(&args.secrets, redactor)? {
        values.insert(format!("var.{name}"), Value::from(value.expose()));
    }
    Ok(values)
}

/// `--secret NAME=VALUE`, or `--secret NAME` with the value in the environment. They are hidden from then on.
pub(super) fn secrets(typed: &[String], redactor: &Redactor) -> Result<Vec<(String, Secret)>, CliError> {
    typed.iter().map(|text| hide(text, redactor)).collect()
}

/// Makes known what `--secret NAME[=VALUE]` says.
fn hide(text: &str, redactor: &Redactor) -> Result<(String, Secret), CliError> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Secret::new(value)),
        None => match std::env::var(text) {
            Ok(value) => (text, Secret::new(value)),
            Err(_) => {
                return Err(CliError::usage(format!("the environment has no `{text}`"))
                    .hint("write --secret NAME=VALUE, or set the variable"));
            }
        },
    };
    if value.expose().len() < Redactor::MIN_LEN {
        talk!(
            "warning: secret `{name}` is so short that it would be found in every other word; it is not hidden"
        );
    }
    redactor.add(name, &value);
    Ok((name.to_owned(), value))
}
