//! A session by hand: lines of stdin become messages, and all frames are printed.
//!
//! Frames go to stdout, one per line, `>` sent and `<` received; notes go to stderr. At a terminal there is a prompt, and a
//! typed line is not printed again.

use super::reports::talk;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use goldwire_core::drive::LineError;
use goldwire_core::transcript::{Frame, Payload, Side, visible};
use goldwire_runner::driver::{Interactive, Shown};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

const SENT: Style = AnsiColor::Green.on_default();
const RECEIVED: Style = AnsiColor::Cyan.on_default();
/// The number of lines that may wait for the session.
const WAITING: usize = 16;
/// The number of bytes of a binary message that are printed, in base64.
const SHOWN: usize = 96;
const PROMPT: &str = "> ";
/// Returns to the start of the line and clears it: the prompt and the typed text.
const CLEAR: &str = "\r\x1b[K";

/// Clears the prompt.
pub(super) fn leave() {
    if is_typed() && io::stdout().is_terminal() {
        put(CLEAR);
    }
}

/// Whether stdin is a terminal. A person sees which lines were not sent, so they do not affect the exit code.
pub(super) fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// Flags for lines that were not sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsent {
    /// A line was invalid.
    pub(super) bad: Arc<AtomicBool>,
    /// A line came after the end of the session.
    pub(super) late: Arc<AtomicBool>,
}

/// Starts to read stdin and to print to stdout. The thread ends with stdin, or with the process.
pub(super) fn hand(color: ColorChoice) -> io::Result<(Interactive, Unsent)> {
    let is_terminal = is_typed() && io::stdout().is_terminal();
    let (sender, lines) = mpsc::channel(WAITING);
    let (unsent, echoed) = (Unsent::default(), Echoed::default());
    let (bad, typed) = (unsent.bad.clone(), echoed.clone());
    std::thread::Builder::new().name("goldwire-stdin".to_owned()).spawn(move || {
        if let Err(error) = read_lines(&sender, &bad, &typed) {
            talk!("failed to read stdin: {error}");
        }
    })?;
    if is_terminal {
        put(PROMPT);
    }
    let told = unsent.clone();
    let show = move |shown: Shown<'_>| {
        if is_terminal {
            put(CLEAR);
        }
        match shown {
            Shown::Frame(frame) if is_terminal && echoed.takes(frame) => {}
            // If stdout is closed, the session continues and is still recorded.
            Shown::Frame(frame) => show_frame(frame, color).unwrap_or_default(),
            Shown::NotSent(line, error) => {
                let flag = if matches!(error, LineError::Over) { &told.late } else { &told.bad };
                flag.store(true, Ordering::Relaxed);
                talk!("line {line} was not sent: {error}");
            }
        }
        if is_terminal {
            put(PROMPT);
        }
    };
    Ok((Interactive { lines, show: Box::new(show) }, unsent))
}

fn put(text: &str) {
    let mut out = io::stdout();
    // The next read notices a closed terminal.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The latest line that the terminal has echoed.
#[derive(Debug, Clone, Default)]
struct Echoed(Arc<Mutex<Option<String>>>);

impl Echoed {
    fn put(&self, line: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.to_owned());
    }

    /// Whether this frame is the typed line.
    fn takes(&self, frame: &Frame) -> bool {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Payload::Text(text) = &frame.payload else { return false };
        frame.side == Side::Client && line.take_if(|line| line == text).is_some()
    }
}

fn read_lines(sender: &mpsc::Sender<(u64, String)>, bad: &AtomicBool, echoed: &Echoed) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = std::str::from_utf8(line) else {
            bad.store(true, Ordering::Relaxed);
            talk!("line {number} was not sent: it is not UTF-8; /binary BASE64 sends bytes");
            continue;
        };
        echoed.put(line);
        if sender.blocking_send((number, line.to_owned())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn show_frame(frame: &Frame, color: ColorChoice) -> io::Result<()> {
    let text = match &frame.payload {
        Payload::Text(text) => visible(text).into_owned(),
        Payload::Binary(bytes) => format!("(binary, {} bytes) {}", bytes.len(), short(bytes)),
        Payload::Ping(bytes) => format!("(ping) {}", visible(&String::from_utf8_lossy(bytes))),
        Payload::Pong(bytes) => format!("(pong) {}", visible(&String::from_utf8_lossy(bytes))),
        Payload::Close { code, reason } => format!("(close {code}) {}", visible(reason)),
        Payload::Gone(detail) => {
            super::reports::say(detail);
            return Ok(());
        }
        Payload::Open(_) => return Ok(()),
    };
    let (mark, style) = match frame.side {
        Side::Client => (">", SENT),
        Side::Server => ("<", RECEIVED),
    };
    let mut out = AutoStream::new(io::stdout().lock(), color);
    writeln!(out, "{style}{mark} {}{style:#}", text.trim_end_matches(' '))?;
    out.flush()
}

fn short(bytes: &[u8]) -> String {
    let text = BASE64.encode(&bytes[..bytes.len().min(SHOWN)]);
    if bytes.len() > SHOWN { text + "…" } else { text }
}
