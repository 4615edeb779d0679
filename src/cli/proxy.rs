//! `goldwire proxy`: records the client or browser that connects through it.

use super::args::ProxyArgs;
use super::error::CliError;
use super::exit::Exit;
use super::interrupt::interrupts;
use super::options::hidden_secrets;
use super::reports::talk;
use goldwire_core::transcript::{End, Gap};
use goldwire_core::words::plural;
use goldwire_runner::auth::{ClientCertificate, Trust};
use goldwire_runner::proxy::{Notice, Proxy, ProxyOptions, ProxySessions};
use goldwire_runner::runner::Config;
use goldwire_runner::store::{Store, compress};
use std::io::Write;
use std::process::Stdio;
use tokio::sync::watch;

/// The timeout for connecting to the server.
const CONNECT: Gap = Gap::from_millis(10_000);

/// The counts over all connections.
#[derive(Default)]
struct Tally {
    kept: usize,
    interrupted: usize,
    troubles: usize,
    losses: usize,
}

pub(super) async fn run(config: &Config, args: ProxyArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let store = Store::new(&config.root);
    let session = args.session_option.unwrap_or(args.session);
    Store::check_name(&session)?;
    let is_compressed = args.zstd || config.compress;
    let interrupt = interrupts();
    let (proxy, mut notices) = Proxy::bind(ProxyOptions {
        host: config.host(),
        folder: store.folder_to_record(&session)?,
        session: session.clone(),
        listen: args.listen,
        to: args.to.clone(),
        idle: args.idle_timeout,
        paths: args.paths,
        certificate: args.cert.zip(args.key),
        trust: Trust {
            insecure: args.insecure,
            ca: args.ca,
            client: args
                .client_cert
                .zip(args.client_key)
                .map(|(chain, key)| ClientCertificate { chain, key }),
        },
        connect_timeout: CONNECT,
        max_message: args.max_message,
        flush: args.flush.unwrap_or(config.flush),
        secrets: hidden_secrets(&args.secrets, &config.redactor())?,
        rules: config.redact.clone(),
    })
    .await?;
    let to = args.to.split(['?', '#']).next().unwrap_or_default();
    let (stop, stopped) = watch::channel(false);
    let client = if args.command.is_empty() {
        talk!("listening on {} for {to}; stop with Ctrl-C", proxy.url());
        tokio::spawn(stop_when(interrupt, stop));
        None
    } else {
        talk!("listening on {} for {to}", proxy.url());
        let client = Client { command: args.command, times: args.times, url: proxy.url() };
        Some(tokio::spawn(client.run(proxy.sessions(), interrupt, stop)))
    };
    let running = tokio::spawn(Box::pin(proxy.run(stopped)));
    let mut tally = Tally::default();
    // The channel closes when the proxy ends and drops the last sender.
    while let Some(mut notice) = notices.recv().await {
        if let Notice::Recorded(recorded) = &mut notice
            && is_compressed
            && recorded.loss.is_none()
        {
            let path = recorded.path.clone();
            match tokio::task::spawn_blocking(move || compress(&path)).await {
                Ok(Ok(path)) => recorded.path = path,
                Ok(Err(error)) => talk!("{error}; the recording is kept as it is"),
                Err(error) => talk!("{error}; the recording is kept as it is"),
            }
        }
        tell(notice, &mut tally, out)?;
    }
    running.await.map_err(|error| CliError::new(Exit::Internal, format!("the proxy failed: {error}")))?;
    let failure = match client {
        Some(client) => client.await.unwrap_or_else(|error| Some(error.to_string())),
        None => None,
    };
    if tally.interrupted > 0 {
        let sessions = plural(tally.interrupted, "session");
        talk!("{sessions} interrupted; `learn` skips them; close the client before the proxy");
    }
    if let Some(failure) = failure {
        return Err(CliError::new(Exit::CouldNotJudge, failure));
    }
    if tally.losses > 0 || (tally.kept == 0 && tally.troubles > 0) {
        return Ok(Exit::CouldNotJudge);
    }
    match tally.kept {
        0 => talk!("no client opened a WebSocket; nothing was recorded"),
        kept if kept > tally.interrupted => talk!("next: goldwire learn {session}"),
        _ => {}
    }
    Ok(Exit::Conforms)
}

/// Ends the proxy at Ctrl-C.
async fn stop_when(mut interrupt: watch::Receiver<bool>, stop: watch::Sender<bool>) {
    if interrupt.wait_for(|stop| *stop).await.is_ok() {
        stop.send_replace(true);
    }
}

/// A client that is run while the proxy records.
struct Client {
    command: Vec<String>,
    times: u32,
    /// The proxy's.
    url: String,
}

impl Client {
    /// Runs it, and ends the proxy. Returns how it failed, if it did.
    async fn run(
        self,
        sessions: ProxySessions,
        mut interrupt: watch::Receiver<bool>,
        stop: watch::Sender<bool>,
    ) -> Option<String> {
        let mut failure = None;
        for _ in 0..self.times {
            let ended = tokio::select! {
                biased;
                _ = interrupt.wait_for(|stop| *stop) => break,
                ended = self.once() => ended,
            };
            // A session ends with the client: the next one may come from the same address with the same credentials.
            tokio::select! {
                biased;
                _ = interrupt.wait_for(|stop| *stop) => break,
                () = sessions.end() => {}
            }
            if let Err(cause) = ended {
                failure = Some(format!("the client `{}` {cause}", self.command.join(" ")));
                break;
            }
        }
        stop.send_replace(true);
        failure
    }

    async fn once(&self) -> Result<(), String> {
        let filled = |word: &String| word.replace("{{url}}", &self.url);
        let (program, arguments) = self.command.split_first().ok_or("is empty")?;
        let mut command = tokio::process::Command::new(filled(program));
        command.args(arguments.iter().map(filled)).env("GOLDWIRE_URL", &self.url).kill_on_drop(true);
        // Stdout has a line for each recording, for programs to read.
        command.stdout(Stdio::from(std::io::stderr()));
        let status = command.status().await.map_err(|error| format!("cannot be run: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("failed: {status}")) }
    }
}

fn tell(notice: Notice, tally: &mut Tally, out: &mut impl Write) -> Result<(), CliError> {
    match notice {
        Notice::Recorded(recorded) => {
            tally.kept += 1;
            tally.interrupted += usize::from(matches!(recorded.ending.how, End::Interrupted));
            let frames = plural(usize::try_from(recorded.frames).unwrap_or(usize::MAX), "frame");
            let (path, user, label) = (recorded.path.display(), &recorded.user, recorded.ending.label());
            writeln!(out, "{path} {user} {frames} {label}")?;
            // Flush, because a reader may wait for this line.
            out.flush()?;
            if let Some(loss) = recorded.loss {
                tally.losses += 1;
                talk!("{user}: {loss}");
            }
        }
        Notice::Trouble { message, hint, is_loss } => {
            tally.troubles += 1;
            tally.losses += usize::from(is_loss);
            talk!("{message}");
            if let Some(hint) = hint {
                talk!("hint: {hint}");
            }
        }
    }
    Ok(())
}
