//! The build under test as a separate process: the table `[target.NAME.server]`.
//!
//! ```toml
//! [target.local.server]
//! build = ["cargo", "build", "--release"]
//! command = "./target/release/server --port {{port}}"   # or a list
//! env = { DATABASE_URL = "sqlite::memory:" }
//! cwd = "."
//! ready = "http://127.0.0.1:{{port}}/health"            # http, https, ws, wss, or tcp://host:port
//! ready_line = "listening on"                           # a part of a line it writes; both hold when both are given
//! ready_timeout = "60 s"
//! stop_timeout = "5 s"
//! log = "server.log"
//! ```
//!
//! The process leads its own process group and writes directly into the log file: it never waits for goldwire, and
//! all its child processes are stopped with it, also after an error or an interrupt. After `kill -9` of goldwire, a
//! guard process stops it, if there is a `sh`.

use super::ready::{Ready, SCHEMES};
use super::url::host_of;
use crate::auth::Trust;
use goldwire_core::document::Fields;
use goldwire_core::template::{Unbound, fill_text};
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(30 * 60);
/// How often a server that starts is asked whether it is ready.
const POLL: Duration = Duration::from_millis(50);
/// How long one question may take.
const ASK: Duration = Duration::from_secs(2);
/// The last one may take at least so long, over the deadline if need be: what it comes to is what an error says.
const LAST_ASK: Duration = Duration::from_millis(500);
/// How many of the log's last lines an error shows.
const LAST_LINES: usize = 10;
/// How much of the log's end is read for them.
const TAIL: u64 = 16 * 1024;

/// The commands that start a build. Strings may contain `{{port}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSpec {
    /// A command that runs to its end first.
    pub build: Option<Vec<String>>,
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Added to goldwire's own environment.
    pub env: BTreeMap<String, String>,
    /// The working directory of both commands.
    pub cwd: Option<PathBuf>,
    /// A URL that is polled until it answers: 2xx over HTTP, an open WebSocket (or a refusal because of a missing
    /// login), or a connection for `tcp://host:port`.
    pub ready: Option<String>,
    /// A part of a line in its output.
    pub ready_line: Option<String>,
    /// The timeout until it is ready.
    pub ready_timeout: Gap,
    /// The time to exit after SIGTERM.
    pub stop_timeout: Gap,
    /// The file for its output, if it is not the caller's default.
    pub log: Option<PathBuf>,
    /// The trusted certificates for polling: the target's.
    pub trust: Trust,
}

/// The reason why a server is not running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A template asks for a name that is not known here.
    #[error("server: {0}")]
    Unbound(#[from] Unbound),
    /// The log file cannot be written.
    #[error("server log {}: {cause}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// A program cannot be started.
    #[error("starting `{program}`: {cause}")]
    Start {
        /// The program.
        program: String,
        /// The error of the system.
        cause: io::Error,
    },
    /// The build failed.
    #[error("build `{command}` {how}{}", after(last_lines, log))]
    Build {
        /// The whole command.
        command: String,
        /// E.g. `ended with exit status: 101`.
        how: String,
        /// The log's last lines.
        last_lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
    /// The URL to ask makes no sense.
    #[error("server: ready = \"{url}\": {cause}")]
    Ready {
        /// As it was asked.
        url: String,
        /// The error.
        cause: String,
    },
    /// Somebody else answers already, and we would test them instead.
    #[error("server: {url} answered before the server was started")]
    Occupied {
        /// Who was asked.
        url: String,
    },
    /// It ended before it was ready.
    #[error("server `{command}` ended with {status} before it was ready{}", after(last_lines, log))]
    Ended {
        /// The whole command.
        command: String,
        /// How.
        status: ExitStatus,
        /// The log's last lines.
        last_lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
    /// It did not become ready in time.
    #[error("server `{command}` was not ready after {waited}: {missing}{}", after(last_lines, log))]
    NotReady {
        /// The whole command.
        command: String,
        /// How long we waited.
        waited: Gap,
        /// What was asked and what came instead.
        missing: String,
        /// The log's last lines.
        last_lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
}

fn after(last_lines: &[String], log: &Path) -> String {
    if last_lines.is_empty() {
        return format!("; there is no output in {}", log.display());
    }
    last_lines.iter().fold(format!("; the end of {}:", log.display()), |text, line| text + "\n  | " + line)
}

impl ServerError {
    /// A hint.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            ServerError::Start { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
                "there is no such program; commands run without a shell, in the folder `cwd`"
            }
            ServerError::Occupied { .. } => "stop the other server, or use {{port}} for a free port",
            ServerError::NotReady { .. } => "raise `ready_timeout`, or check `ready` and `ready_line`",
            ServerError::Unbound(_) => "these strings may contain only the placeholder {{port}}",
            ServerError::Log { .. }
            | ServerError::Start { .. }
            | ServerError::Build { .. }
            | ServerError::Ready { .. }
            | ServerError::Ended { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl ServerSpec {
    /// Reads the table. `url` is the target's: a server that says nothing else is ready when it listens there.
    pub(super) fn read(fields: Fields<'_>, url: &str, trust: &Trust) -> Option<ServerSpec> {
        let command = words(&fields, "command");
        if command.is_none() && !fields.has("command") {
            let hint = Some("command = \"./server --port {{port}}\"".to_owned());
            let message = format!("`{}` is missing", fields.path_of("command"));
            fields.source().report(fields.span(), message, "in this table", hint);
        }
        let ready = fields.string("ready");
        if let Some((ready, span)) = &ready
            && !ready.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
        {
            let message = format!("`{}` is not an address to poll", fields.path_of("ready"));
            let hint = Some("use http://, https://, ws://, wss:// or tcp://".to_owned());
            fields.source().report(span.clone(), message, "not such a URL", hint);
        }
        let ready_line = fields.text("ready_line");
        let ready = match (ready, &ready_line) {
            (Some((ready, _)), _) => Some(ready),
            (None, Some(_)) => None,
            (None, None) => Some(listening(url)),
        };
        let env = fields.table("env");
        let spec = command.map(|command| ServerSpec {
            build: words(&fields, "build"),
            command,
            env: env
                .keys()
                .into_iter()
                .filter_map(|name| env.text(&name).map(|value| (name, value)))
                .collect(),
            cwd: fields.text("cwd").map(PathBuf::from),
            ready,
            ready_line,
            ready_timeout: fields.gap("ready_timeout").unwrap_or(Gap::from_millis(60_000)),
            stop_timeout: fields.gap("stop_timeout").unwrap_or(Gap::from_millis(5000)),
            log: fields.text("log").map(PathBuf::from),
            trust: trust.clone(),
        });
        if spec.is_some() {
            env.finish();
            fields.finish();
        }
        spec
    }

    /// Every string that may hold a place.
    pub(super) fn templates(&self) -> impl Iterator<Item = &String> {
        let commands = self.build.iter().flatten().chain(&self.command);
        commands.chain(self.env.values()).chain(&self.ready).chain(&self.ready_line)
    }

    fn filled(&self, port: Option<u16>) -> Result<ServerSpec, Unbound> {
        let mut fill =
            |text: &String| fill_text(text, &mut |name| port.filter(|_| name == "port").map(Value::from));
        let mut all = |texts: &Vec<String>| texts.iter().map(&mut fill).collect::<Result<Vec<_>, _>>();
        let (build, command) = (self.build.as_ref().map(&mut all).transpose()?, all(&self.command)?);
        let env = self
            .env
            .iter()
            .map(|(name, text)| Ok((name.clone(), fill(text)?)))
            .collect::<Result<_, Unbound>>()?;
        let (ready, ready_line) = (
            self.ready.as_ref().map(&mut fill).transpose()?,
            self.ready_line.as_ref().map(&mut fill).transpose()?,
        );
        Ok(ServerSpec { build, command, env, ready, ready_line, ..self.clone() })
    }

    fn command(&self, words: &[String], log: &File) -> io::Result<Command> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        // Under `cargo test` these name the test's own package. A build script that reads them would run again in the server's
        // build, and all that stands on it would be built again: ring, rustls, reqwest.
        let names_a_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(names_a_package)) {
            command.env_remove(name);
        }
        command.envs(&self.env);
        command.stdout(log.try_clone()?).stderr(log.try_clone()?).kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        #[cfg(unix)]
        command.process_group(0);
        Ok(command)
    }
}

fn listening(url: &str) -> String {
    let (scheme, host) = host_of(url);
    // A place such as {{port}} has no colon within, so the last colon outside of brackets is the port's.
    let has_port = host.rfind(':').is_some_and(|colon| host.rfind(']').is_none_or(|bracket| colon > bracket));
    let port = match (has_port, scheme) {
        (true, _) => "",
        (false, "wss" | "https") => ":443",
        (false, _) => ":80",
    };
    format!("tcp://{host}{port}")
}

/// A list of words, or one string that is split at blanks.
fn words(fields: &Fields<'_>, key: &str) -> Option<Vec<String>> {
    let (item, span) = fields.item(key)?;
    let words = match item.as_str() {
        Some(text) => {
            let words = split(text);
            if words.is_none() {
                let hint = Some("or write a list: [\"program\", \"argument\"]".to_owned());
                let message = format!("`{}`: a quote is not closed", fields.path_of(key));
                fields.source().report(span.clone(), message, "here", hint);
            }
            words?
        }
        None => fields.strings(key)?.into_iter().map(|(word, _)| word).collect(),
    };
    if words.is_empty() {
        fields.source().report(span, format!("`{}` is empty", fields.path_of(key)), "here", None);
        return None;
    }
    Some(words)
}

/// Splits at blanks; what stands in `'…'` or `"…"` is kept together. None when a quote is not closed. Nothing else of a
/// shell: no variables, no escapes.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for c in text.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A free port of this machine. Another program could take it before the server does; the server's log then says so.
///
/// # Errors
/// If there is none.
pub fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether a port of this machine is free now.
pub fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A started server. Dropping it kills it and all its child processes.
#[derive(Debug)]
pub struct ServerProcess {
    group: Group,
    command: String,
    port: Option<u16>,
    stop_timeout: Gap,
    log: PathBuf,
}

impl ServerProcess {
    /// Builds and starts the server, and waits until it is ready. `port` fills `{{port}}`; output is appended to
    /// `log`.
    ///
    /// # Errors
    /// If it does not become ready; all its processes are then stopped.
    pub async fn start(
        spec: &ServerSpec,
        port: Option<u16>,
        log: &Path,
    ) -> Result<ServerProcess, ServerError> {
        let spec = spec.filled(port)?;
        let log_error = |cause: io::Error| ServerError::Log { path: log.to_owned(), cause };
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder).map_err(log_error)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(log).map_err(log_error)?;
        if let Some(words) = &spec.build {
            build(&spec, words, &file, log).await?;
        }
        let ready = match &spec.ready {
            Some(url) => Some((
                url.as_str(),
                Ready::at(url, &spec.trust)
                    .map_err(|error| ServerError::Ready { url: url.clone(), cause: error.to_string() })?,
            )),
            None => None,
        };
        // A server of yesterday on the same port would be tested instead, and pass.
        if let Some((url, ready)) = &ready
            && ready.ask(Duration::from_millis(500)).await.is_ok()
        {
            return Err(ServerError::Occupied { url: (*url).to_owned() });
        }
        let log_start = file.metadata().map_err(log_error)?.len();
        let command = spec.command.join(" ");
        let mut server = ServerProcess {
            group: Group::start(&spec, &spec.command, &file)?,
            command,
            port,
            stop_timeout: spec.stop_timeout,
            log: log.to_owned(),
        };
        server.wait_until_ready(&spec, ready, log_start).await?;
        Ok(server)
    }

    async fn wait_until_ready(
        &mut self,
        spec: &ServerSpec,
        ready: Option<(&str, Ready)>,
        log_start: u64,
    ) -> Result<(), ServerError> {
        let started = Instant::now();
        let deadline = Duration::from(spec.ready_timeout);
        loop {
            let mut missing = Vec::new();
            if let Some((url, ready)) = &ready {
                let left = deadline.saturating_sub(started.elapsed()).max(LAST_ASK);
                // A server that ended will not answer: notice that first.
                let asked = tokio::select! {
                    asked = ready.ask(ASK.min(left)) => asked,
                    status = self.group.leader.wait() => return Err(self.ended(status.unwrap_or_default(), log_start)),
                };
                if let Err(seen) = asked {
                    missing.push(format!("{url}: {seen}"));
                }
            }
            if let Some(part) = &spec.ready_line
                && !read_from(&self.log, log_start).contains(part.as_str())
            {
                missing.push(format!("no line with {part:?}"));
            }
            if let Ok(Some(status)) = self.group.leader.try_wait() {
                return Err(self.ended(status, log_start));
            }
            if missing.is_empty() {
                return Ok(());
            }
            if started.elapsed() >= deadline {
                return Err(ServerError::NotReady {
                    command: self.command.clone(),
                    waited: spec.ready_timeout,
                    missing: missing.join("; "),
                    last_lines: last_lines(&self.log, log_start),
                    log: self.log.clone(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn ended(&self, status: ExitStatus, log_start: u64) -> ServerError {
        ServerError::Ended {
            command: self.command.clone(),
            status,
            last_lines: last_lines(&self.log, log_start),
            log: self.log.clone(),
        }
    }

    /// The value of `{{port}}`.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The number of its process group.
    pub fn group(&self) -> Option<u32> {
        self.group.id
    }

    /// The file of its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs. A server that ended during a run explains other errors in it.
    pub fn is_running(&mut self) -> bool {
        matches!(self.group.leader.try_wait(), Ok(None))
    }

    /// Its exit status, if it has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.group.leader.try_wait().ok().flatten()
    }

    /// Sends SIGTERM, waits for the configured time, then kills the rest. Returns the exit status of its leader.
    pub async fn stop(mut self) -> Option<ExitStatus> {
        self.group.ask_to_end();
        let waited = tokio::time::timeout(self.stop_timeout.into(), self.group.leader.wait()).await;
        self.group.kill();
        match waited {
            Ok(status) => status.ok(),
            Err(_) => self.group.leader.wait().await.ok(),
        }
    }
}

async fn build(spec: &ServerSpec, words: &[String], file: &File, log: &Path) -> Result<(), ServerError> {
    let start = file.metadata().map_or(0, |facts| facts.len());
    let mut group = Group::start(spec, words, file)?;
    let how = match tokio::time::timeout(BUILD, group.leader.wait()).await {
        Ok(Ok(status)) if status.success() => {
            // A compiler may leave a daemon behind on purpose; that is not ours to kill.
            group.is_over = true;
            return Ok(());
        }
        Ok(Ok(status)) => format!("ended with {status}"),
        Ok(Err(error)) => format!("cannot be waited for: {error}"),
        Err(_) => format!("did not end within {}", Gap::from(BUILD)),
    };
    let last_lines = last_lines(log, start);
    Err(ServerError::Build { command: words.join(" "), how, last_lines, log: log.to_owned() })
}

/// A process and all it starts.
#[derive(Debug)]
struct Group {
    leader: Child,
    /// Also the group's number; the system keeps it as long as anyone is in it.
    id: Option<u32>,
    is_over: bool,
    /// Let go last, when the group is over.
    _guard: Option<Guard>,
}

/// A process that outlives us: it reads from a pipe that only we hold, and when that ends without a line, as it does
/// when we are killed, it kills the group.
#[derive(Debug)]
struct Guard(std::process::Child);

impl Guard {
    #[cfg(unix)]
    fn of(group: u32) -> Option<Guard> {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "read -r _ || kill -s KILL -- \"-$0\"", &group.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        // Where there is none, only `kill -9` leaves a server behind.
        command.spawn().ok().map(Guard)
    }

    #[cfg(not(unix))]
    fn of(_group: u32) -> Option<Guard> {
        None
    }
}

impl Drop for Guard {
    /// All is well: a line.
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            // If it has gone already, so has what it is for.
            let _ = pipe.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}

impl Group {
    fn start(spec: &ServerSpec, words: &[String], log: &File) -> Result<Group, ServerError> {
        let program = words.first().cloned().unwrap_or_default();
        let spawned = spec.command(words, log).and_then(|mut command| command.spawn());
        let leader = spawned.map_err(|cause| ServerError::Start { program, cause })?;
        let id = leader.id();
        Ok(Group { id, leader, is_over: false, _guard: id.and_then(Guard::of) })
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let id = self.id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // The only possible failure is that the processes have ended, which is the goal.
            let _ = rustix::process::kill_process_group(id, signal);
        }
    }

    fn ask_to_end(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
        #[cfg(not(unix))]
        let _ = self.leader.start_kill();
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        #[cfg(not(unix))]
        let _ = self.leader.start_kill();
        self.is_over = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
        }
    }
}

fn read_from(path: &Path, start: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// The last lines that were written to a log since it was `start` bytes long.
fn last_lines(path: &Path, start: u64) -> Vec<String> {
    let len = std::fs::metadata(path).map_or(0, |facts| facts.len());
    let text = read_from(path, start.max(len.saturating_sub(TAIL)));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn spec(command: &[&str]) -> ServerSpec {
        ServerSpec {
            build: None,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::new(),
            cwd: None,
            ready: None,
            ready_line: Some("ready".to_owned()),
            ready_timeout: Gap::from_millis(60_000),
            stop_timeout: Gap::from_millis(30_000),
            log: None,
            trust: Trust { insecure: true, ..Trust::default() },
        }
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("logs/server.log");
        (folder, log)
    }

    fn is_alive(id: &str) -> bool {
        let id = id.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::test_kill_process(id).is_ok() && {
            // A zombie has ended; its parent has not waited for it yet.
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_pid())).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        }
    }

    async fn wait_for_end(id: &str) {
        // It is not a child of this process, so its end is not reported.
        let started = Instant::now();
        while is_alive(id) {
            assert!(started.elapsed() < Duration::from_secs(60), "process {id} still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[test]
    fn a_command_is_split_at_blanks_outside_of_quotes() {
        let split_to = |text: &str| split(text).map(|words| words.join("|"));
        assert_eq!(split_to("a  b 'c d' \"e 'f\"g ''").as_deref(), Some("a|b|c d|e 'fg|"));
        assert_eq!(split_to("a 'b"), None);
        assert_eq!(split_to(" ").as_deref(), Some(""));
    }

    #[tokio::test]
    async fn a_server_runs_from_ready_to_stop_with_all_it_started() {
        let (_folder, log) = folder();
        let spec = ServerSpec {
            build: Some(vec!["echo".to_owned(), "built".to_owned()]),
            env: BTreeMap::from([("WORD".to_owned(), "on {{port}}".to_owned())]),
            ..spec(&["sh", "-c", "sleep 60 & echo child $!; echo ready $WORD >&2; wait"])
        };
        let mut server = ServerProcess::start(&spec, Some(4711), &log).await.expect("it starts");
        assert!(server.is_running());
        assert_eq!((server.port(), server.log()), (Some(4711), log.as_path()));
        let text = std::fs::read_to_string(&log).expect("a log");
        assert!(text.starts_with("built\n") && text.ends_with("ready on 4711\n"), "{text}");
        let child = text.lines().find_map(|line| line.strip_prefix("child ")).expect("its child").to_owned();
        let status = server.stop().await.expect("it ended");
        assert!(!status.success(), "{status}");
        wait_for_end(&child).await;
    }

    #[tokio::test]
    async fn a_server_is_not_told_of_the_package_whose_test_starts_it() {
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "cargo starts this test");
        let (_folder, log) = folder();
        let said = "${CARGO_PKG_NAME-none} ${CARGO_MANIFEST_DIR-none} $CARGO_PKG_VERSION";
        let spec = ServerSpec {
            env: BTreeMap::from([("CARGO_PKG_VERSION".to_owned(), "9".to_owned())]),
            ..spec(&["sh", "-c", &format!("echo {said}; echo ready; sleep 60")])
        };
        let _server = ServerProcess::start(&spec, None, &log).await.expect("it starts");
        assert_eq!(std::fs::read_to_string(&log).expect("a log"), "none none 9\nready\n");
    }

    #[tokio::test]
    async fn a_server_that_ignores_sigterm_or_is_dropped_is_killed() {
        let (_folder, log) = folder();
        let stubborn = ["sh", "-c", "trap '' TERM; echo pid $$; echo ready; while :; do sleep 0.05; done"];
        let pid = |log: &Path| {
            let text = std::fs::read_to_string(log).expect("a log");
            text.lines().rev().find_map(|line| line.strip_prefix("pid ")).expect("its id").to_owned()
        };
        let spec = ServerSpec { stop_timeout: Gap::from_millis(100), ..spec(&stubborn) };
        let server = ServerProcess::start(&spec, None, &log).await.expect("it starts");
        let first = pid(&log);
        let status = server.stop().await.expect("it ended");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
        assert!(!is_alive(&first));
        let server = ServerProcess::start(&spec, None, &log).await.expect("it starts");
        let second = pid(&log);
        assert_ne!(first, second);
        drop(server);
        wait_for_end(&second).await;
    }

    #[tokio::test]
    async fn a_server_that_ends_early_is_noticed_at_once() {
        let (_folder, log) = folder();
        let spec = ServerSpec {
            ready: Some("tcp://127.0.0.1:{{port}}".to_owned()),
            ..spec(&["sh", "-c", "seq 12; echo no database; exit 3"])
        };
        let started = Instant::now();
        let port = free_port().expect("a port");
        let error = ServerProcess::start(&spec, Some(port), &log).await.expect_err("it ends");
        assert!(started.elapsed() < Duration::from(spec.ready_timeout) / 2, "{:?}", started.elapsed());
        let text = error.to_string();
        assert!(text.contains("ended with exit status: 3 before it was ready; the end of "), "{text}");
        assert!(text.ends_with("\n  | 12\n  | no database") && !text.contains("| 3\n"), "{text}");
    }

    #[tokio::test]
    async fn a_server_that_is_never_ready_says_what_was_asked() {
        let (_folder, log) = folder();
        let port = free_port().expect("a port");
        let spec = ServerSpec {
            ready: Some(format!("http://127.0.0.1:{port}/health")),
            ready_line: Some("listening".to_owned()),
            ready_timeout: Gap::from_millis(1000),
            ..spec(&["sh", "-c", "echo starting; sleep 60"])
        };
        let text = ServerProcess::start(&spec, None, &log).await.expect_err("never ready").to_string();
        let expected = format!(
            "was not ready after 1 s: http://127.0.0.1:{port}/health: cannot connect; \
                                no line with \"listening\"; the end of {}:\n  | starting",
            log.display()
        );
        assert!(text.ends_with(&expected), "{text}");
    }

    #[tokio::test]
    async fn somebody_else_on_the_port_is_not_taken_for_the_server() {
        let (_folder, log) = folder();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        let spec = ServerSpec { ready: Some(url.clone()), ..spec(&["sleep", "60"]) };
        let error = ServerProcess::start(&spec, None, &log).await.expect_err("occupied");
        assert_eq!(error.to_string(), format!("server: {url} answered before the server was started"));
    }

    #[tokio::test]
    async fn what_cannot_be_built_or_started_is_told() {
        let (_folder, log) = folder();
        let failing = ["sh", "-c", "echo broken; exit 1"].map(str::to_owned).to_vec();
        let bad = ServerSpec { build: Some(failing), ..spec(&["true"]) };
        let text = ServerProcess::start(&bad, None, &log).await.expect_err("no build").to_string();
        assert!(text.starts_with("build `sh -c echo broken; exit 1` ended with exit status: 1;"), "{text}");
        assert!(text.ends_with("\n  | broken"), "{text}");
        let error =
            ServerProcess::start(&spec(&["goldwire-no-such-program"]), None, &log).await.expect_err("none");
        assert!(error.to_string().starts_with("starting `goldwire-no-such-program`: "), "{error}");
        assert!(error.hint().is_some());
        let error = ServerProcess::start(&spec(&["{{db}}"]), None, &log).await.expect_err("unbound");
        assert_eq!(error.to_string(), "server: no value for {{db}}");
    }
}
