//! A small agent backend with nothing faked: logins with hashed passwords, signed tokens, WebSocket sessions, an agent
//! that plans by rule and works with real tools, and a database that keeps what was said.
//!
//! It is the server that goldwire's goldens are recorded from and checked against. `--regress NAME` gives it one of the
//! faults that broke real servers of this kind.
//!
//! ```text
//! http ─► auth, users ─► store              logins
//! handshake ─► socket ─► agent ─► tools     sessions; a run's events return through the hub
//! http ─► stream ─────► agent               the same run, its events as an event stream
//! ```
//!
//! How long things take is how long the work takes. Nothing here waits to look busy, except where a regression does.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod agent;
mod app;
mod args;
mod auth;
mod corpus;
mod events;
mod handshake;
mod http;
mod hub;
mod ids;
mod log;
mod messages;
mod regress;
mod runs;
mod socket;
mod store;
mod stream;
mod tools;
mod users;
mod work;

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use clap::Parser as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use agent::Agent;
use app::App;
use args::{Args, Signing};
use auth::Tokens;
use hub::Hub;
use regress::Regression;
use runs::Runs;
use store::Store;

/// How long a stop may wait for connections to end.
const FAREWELL: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list_regressions {
        let names: Vec<_> = regress::names().collect();
        // A closed pipe is not a failure.
        let _ = writeln!(std::io::stdout(), "{}", names.join("\n"));
        return ExitCode::SUCCESS;
    }
    match start(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(args: &Args) -> Result<(), Box<dyn Error>> {
    let key = signing_key(args)?;
    let mut tokens = Tokens::new(args.algorithm, &key, args.access_ttl, args.refresh_ttl, args.regress)?;
    if args.regress.is(Regression::AlgConfusion) {
        let path = args.public_key.as_ref().ok_or("the regression alg-confusion needs --public-key")?;
        tokens = tokens.confused_by(&read(path)?);
    }
    let app = Arc::new(App {
        regress: args.regress,
        refuse: args.refuse,
        store: Arc::new(Store::open(args.db.as_deref())?),
        tokens,
        hub: Hub::new(args.regress),
        runs: Arc::new(Runs::default()),
        agent: Arc::new(Agent::new(args.regress)?),
    });
    let page = match &args.page {
        Some(path) => {
            Some(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => None,
    };
    // Before the first connection, so that a stop is never missed.
    let stop_signal = stop_signal()?;
    let listener = TcpListener::bind(args.listen).await?;
    announce(&listener.local_addr()?.to_string(), args)?;
    let stopping = Arc::clone(&app);
    let stop = async move {
        stop_signal.await;
        log::line(format_args!("stopping"));
        stopping.hub.close_all();
    };
    let (stopped, has_stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        let _ = stopped.send(());
    };
    // Events are small and each is a sign of life: none waits to share a packet with the next.
    let listener = listener.tap_io(|tcp| {
        let _ = tcp.set_nodelay(true);
    });
    let serving = axum::serve(listener, http::routes(Arc::clone(&app), page)).with_graceful_shutdown(stop);
    tokio::select! {
        served = serving.into_future() => served?,
        // Keep-alive connections and slow clients do not hold up a stop for ever.
        () = async { let _ = has_stopped.await; tokio::time::sleep(FAREWELL).await } => {}
    }
    if timeout(FAREWELL, app.hub.emptied()).await.is_err() {
        log::line(format_args!("some connections did not answer the close"));
    }
    Ok(())
}

/// The secret or private key, from where the algorithm has it.
fn signing_key(args: &Args) -> Result<Vec<u8>, Box<dyn Error>> {
    match (args.algorithm, &args.key) {
        (Signing::Hs256, None) => Ok(match std::env::var("AGENT_SERVER_JWT_SECRET") {
            Ok(secret) if !secret.is_empty() => secret.into_bytes(),
            _ => ids::random_bytes::<32>().to_vec(),
        }),
        (Signing::Hs256, Some(_)) => {
            Err("--key is for RS256 and ES256; HS256 reads AGENT_SERVER_JWT_SECRET".into())
        }
        (_, Some(path)) => read(path),
        (_, None) => Err("RS256 and ES256 need --key with a private key in PEM".into()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Says where the server listens, the one line on stdout that starters wait for.
fn announce(address: &str, args: &Args) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    if let Some(name) = args.regress.name() {
        log::line(format_args!("regression: {name}"));
    }
    Ok(())
}

/// Waits for the signal that ends the server; from now on none is missed.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// Waits for Ctrl-C; from now on none is missed.
#[cfg(windows)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        let _ = interrupt.recv().await;
    })
}
