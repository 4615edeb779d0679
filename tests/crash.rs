//! `kill -9` at random instants while sessions are recorded, by hand and by proxy: every file reads, nothing older than the flush interval is
//! missing from it, and what is there can be learned from and judged.
//!
//! `cargo test --test crash -- --nocapture` prints what was lost at most. `GOLDWIRE_CRASHES` says how many times, 300 when
//! it does not; several processes are killed at the same time as others record.
//!
//! The server is a real one in this process, over real sockets: it numbers its messages and notes when each was handed to
//! the kernel. A frame may be missing when it was sent less than [`FLUSH`] and a margin before the kill. The margin is
//! measured while it happens: how long the client took to answer pings in this session, the age of a ping that it has not
//! answered, and how late this machine woke a thread that only slept.

#![cfg(unix)]

use goldwire::store::read_recording;
use goldwire::transcript::{End, Payload, Side, Transcript};
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const FLUSH: Duration = Duration::from_millis(100);
/// Recorders at the same time.
const WORKERS: usize = 6;
/// The latest a process is killed after its start, or after its session was open.
const LATEST: Duration = Duration::from_millis(1200);
/// The limit of a process that does not get as far as a session.
const START: Duration = Duration::from_secs(60);
/// Between two messages.
const TICK: Duration = Duration::from_micros(700);
/// Between two pings.
const PING: Duration = Duration::from_millis(10);

/// What the server did in one session.
#[derive(Debug, Default)]
struct Served {
    /// When message n had been handed to the kernel.
    sent: Vec<Instant>,
    /// When the connection was open.
    opened: Option<Instant>,
    /// The longest that an answer to a ping took.
    slowest: Duration,
    /// The oldest ping without an answer.
    unanswered: Option<Instant>,
}

/// Streams to the one who connects, until they are gone; tells when they are there.
fn serve(listener: &TcpListener, session: &Mutex<Served>, opened: &mpsc::Sender<()>) {
    if let Ok((stream, _)) = listener.accept() {
        // The client is killed: that any of this fails is its end, and no error.
        let _ = stream_to(stream, session, opened);
    }
}

fn stream_to(
    stream: TcpStream,
    session: &Mutex<Served>,
    opened: &mpsc::Sender<()>,
) -> Result<(), tungstenite::Error> {
    stream.set_nodelay(true)?;
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    socket.get_ref().set_nonblocking(true)?;
    session.lock().expect("no panic").opened = Some(Instant::now());
    // Not every kill waits for it.
    let _ = opened.send(());
    let mut pinged = Instant::now();
    for n in 0_u64.. {
        send(&mut socket, Message::text(format!("{{\"type\":\"tick\",\"n\":{n}}}")))?;
        {
            let mut session = session.lock().expect("no panic");
            session.sent.push(Instant::now());
            if session.unanswered.is_none() && pinged.elapsed() >= PING {
                pinged = Instant::now();
                session.unanswered = Some(pinged);
                drop(session);
                send(&mut socket, Message::Ping(tungstenite::Bytes::new()))?;
            }
        }
        match socket.read() {
            Ok(Message::Pong(_)) => {
                let mut session = session.lock().expect("no panic");
                session.slowest = session.slowest.max(pinged.elapsed());
                session.unanswered = None;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // The pace of the stream, not a wait for anything.
        thread::sleep(TICK);
    }
    Ok(())
}

fn send(socket: &mut WebSocket<TcpStream>, message: Message) -> Result<(), tungstenite::Error> {
    let mut result = socket.send(message);
    while let Err(tungstenite::Error::Io(error)) = &result
        && error.kind() == io::ErrorKind::WouldBlock
    {
        thread::sleep(TICK);
        result = socket.flush();
    }
    result
}

/// The latest that a thread which only sleeps was woken: when, and how late.
#[derive(Debug, Default)]
struct Lag(Mutex<Vec<(Instant, Duration)>>);

impl Lag {
    fn watch(&self, until: &AtomicBool) {
        const PAUSE: Duration = Duration::from_millis(5);
        while !until.load(Ordering::Relaxed) {
            let before = Instant::now();
            thread::sleep(PAUSE);
            let late = before.elapsed().saturating_sub(PAUSE);
            let mut seen = self.0.lock().expect("no panic");
            seen.retain(|(at, _)| at.elapsed() < 4 * LATEST);
            seen.push((before, late));
        }
    }

    fn since(&self, start: Instant) -> Duration {
        let seen = self.0.lock().expect("no panic");
        let own = seen.iter().filter(|(at, _)| *at + Duration::from_secs(1) >= start);
        own.map(|(_, late)| *late).max().unwrap_or_default()
    }
}

/// A sequence that looks random, xorshift: which instants are tried is told by the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        limit.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// What one kill came to.
#[derive(Debug, Default, Clone, Copy)]
struct Killed {
    /// How long before the kill the first missing message had been sent.
    lost: Duration,
    /// So much may be lost.
    allowed: Duration,
    /// Messages in the file; none when there was no file to be.
    frames: Option<usize>,
}

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let golden = "goldwire = 1\norder = \"tick*\"\nends = \"client 1000\"\n";
        fs::create_dir(folder.path().join("golden")).expect("a folder");
        fs::write(folder.path().join("golden/crash.toml"), golden).expect("a file");
        Project { folder }
    }

    fn goldwire(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Exit code and everything said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.goldwire(arguments).stdin(Stdio::null()).output().expect("goldwire runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().expect("it ended by itself"), String::from_utf8_lossy(&text).into_owned())
    }

    /// The recordings, and nothing else that a reader would take for one.
    fn recordings(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("recordings/crash");
        goldwire::store::recordings_in(&folder).expect("a folder")
    }
}

/// Kills it where it stands. When that was asked for.
fn kill(child: &mut Child) -> Instant {
    let at = Instant::now();
    // On Unix this is SIGKILL.
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    at
}

fn ticks(transcript: &Transcript) -> usize {
    let texts = transcript.frames.iter().filter(|frame| frame.side == Side::Server).filter_map(|frame| {
        let Payload::Text(text) = &frame.payload else { return None };
        Some(text.as_str())
    });
    let mut count = 0;
    for text in texts {
        assert_eq!(text, format!("{{\"type\":\"tick\",\"n\":{count}}}"), "in order, without a gap");
        count += 1;
    }
    count
}

fn judge(path: Option<&Path>, session: &Served, killed_at: Instant, lag: Duration) -> Killed {
    let unanswered = session.unanswered.map_or(Duration::ZERO, |at| killed_at.saturating_duration_since(at));
    let margin = session.slowest.max(unanswered) + 2 * lag + Duration::from_millis(20);
    let allowed = FLUSH + margin;
    let Some(path) = path else {
        let open = session.opened.map_or(Duration::ZERO, |at| killed_at.saturating_duration_since(at));
        assert!(open <= allowed, "open for {open:?} and no file; {allowed:?} are allowed");
        return Killed { lost: open, allowed, frames: None };
    };
    let transcript = read_recording(path).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(transcript.ending.how, End::Torn { .. }), "{:?}", transcript.ending);
    let count = ticks(&transcript);
    let first_missing = session.sent.get(count);
    let lost = first_missing.map_or(Duration::ZERO, |at| killed_at.saturating_duration_since(*at));
    assert!(lost <= allowed, "message {count} was sent {lost:?} before the kill; {allowed:?} are allowed");
    Killed { lost, allowed, frames: Some(count) }
}

/// Who records.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// `goldwire record`, by hand, with nothing to say.
    Record,
    /// `goldwire proxy`, and a client of ours behind it.
    Proxy,
}

impl Way {
    fn start(self, project: &Project, url: &str) -> Child {
        let mut command = match self {
            Way::Record => project.goldwire(&["record", "crash", url, "--stdin"]),
            Way::Proxy => project.goldwire(&["proxy", "crash", "--listen", "127.0.0.1:0", "--to", url]),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("goldwire runs")
    }
}

/// Reads through the proxy that says on its stderr where it listens, until it is gone.
fn behind_proxy(stderr: impl io::Read) -> Option<()> {
    let mut line = String::new();
    io::BufRead::read_line(&mut io::BufReader::new(stderr), &mut line).ok()?;
    let address = line.strip_prefix("listening on ")?.split_whitespace().next()?.split("://").last()?;
    let address = address.trim_end_matches('/').to_owned();
    let stream = TcpStream::connect(&address).ok()?;
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/"), stream).ok()?;
    while socket.read().is_ok() {}
    Some(())
}

/// One kill after the other, until `left` is used up.
fn work(seed: u64, left: &AtomicUsize, lag: &Lag) -> Vec<Killed> {
    let (mut random, mut all) = (Random(seed), Vec::new());
    let take = |left: usize| left.checked_sub(1);
    while let Ok(number) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        let way = if number % 2 == 0 { Way::Record } else { Way::Proxy };
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (project, session) = (Project::new(), Mutex::new(Served::default()));
        let (opened, is_open) = mpsc::channel();
        let started = Instant::now();
        let killed_at = thread::scope(|scope| {
            let server = scope.spawn(|| {
                serve(&listener, &session, &opened);
                drop(listener);
            });
            let mut child = way.start(&project, &format!("ws://{address}/"));
            let stderr = child.stderr.take().expect("a pipe");
            scope.spawn(move || match way {
                Way::Record => io::copy(&mut { stderr }, &mut io::sink()).map(drop).unwrap_or_default(),
                Way::Proxy => behind_proxy(stderr).unwrap_or_default(),
            });
            // One of three is killed at whatever it does by then; the others while they record, however long it takes
            // a busy machine to start them.
            let has_begun = number % 3 == 0 || is_open.recv_timeout(START).is_ok();
            // The instant is the point of it: there is nothing to wait for.
            thread::sleep(random.below(LATEST));
            let killed_at = kill(&mut child);
            if !server.is_finished() {
                // Nobody may have come; then the server waits no longer.
                drop(TcpStream::connect(address));
            }
            assert!(has_begun, "no session after {START:?}");
            killed_at
        });
        let session = session.into_inner().expect("no panic");
        let recordings = project.recordings();
        assert!(recordings.len() <= 1, "{recordings:?}");
        let killed = judge(recordings.first().map(PathBuf::as_path), &session, killed_at, lag.since(started));
        if killed.frames.is_some_and(|frames| frames > 0) {
            let (code, said) = project.run(&["check", "crash", "--offline", "recordings/crash"]);
            assert!(code == 2 && said.contains("incomplete"), "{code}: {said}");
            let (code, said) = project.run(&["learn", "crash"]);
            assert!(code == 0 && said.contains("no recording is complete"), "{code}: {said}");
        }
        all.push(killed);
    }
    all
}

#[test]
fn whatever_is_older_than_the_flush_interval_survives_a_kill() {
    let crashes = std::env::var("GOLDWIRE_CRASHES").ok().map_or(300, |text| text.parse().expect("a number"));
    let (left, lag, over) = (AtomicUsize::new(crashes), Lag::default(), AtomicBool::new(false));
    let started = Instant::now();
    let all: Vec<Killed> = thread::scope(|scope| {
        scope.spawn(|| lag.watch(&over));
        let workers: Vec<_> = (1..=WORKERS as u64)
            .map(|n| {
                scope.spawn({
                    let (left, lag) = (&left, &lag);
                    move || work(0x9e37_79b9_7f4a_7c15 ^ (n << 32), left, lag)
                })
            })
            .collect();
        let all = workers.into_iter().map(|worker| worker.join());
        let all: Vec<_> = all.collect();
        over.store(true, Ordering::Relaxed);
        all.into_iter()
            .flat_map(|killed| killed.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    assert_eq!(all.len(), crashes);
    let with_frames = all.iter().filter(|killed| killed.frames.is_some_and(|frames| frames > 0)).count();
    let mut lost: Vec<Duration> =
        all.iter().filter(|killed| killed.frames.is_some()).map(|killed| killed.lost).collect();
    lost.sort();
    let at = |share: usize| lost.get((lost.len() * share / 100).min(lost.len().saturating_sub(1))).copied();
    println!(
        "{crashes} kills in {:.0?}: {} recordings, {with_frames} with messages; first loss before the kill: median {:.0?}, 95 % {:.0?}, at most {:.0?} ({:.0?} allowed at most)",
        started.elapsed(),
        lost.len(),
        at(50).unwrap_or_default(),
        at(95).unwrap_or_default(),
        lost.last().copied().unwrap_or_default(),
        all.iter().map(|killed| killed.allowed).max().unwrap_or_default(),
    );
    assert!(with_frames * 3 > crashes, "most kills must hit a session under way: {with_frames} of {crashes}");
}
