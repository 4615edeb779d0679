//! Reads a recording one frame at a time.

use super::VERSION;
use super::error::ReadError;
use super::lines::{HeaderLine, Line, VersionOnly};
use crate::codec::hex;
use crate::transcript::refill::Spares;
use crate::transcript::{End, Ending, Frame, Header, Host, Offset, Payload, Side};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead};

/// The longest line that is read: a 64 MiB message, escaped.
const MAX_LINE: usize = 512 * 1024 * 1024;

/// A line of a recording, with the parts that judging needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A text message that is JSON, parsed where it stood in the file.
    Json {
        /// The timestamp.
        at: Offset,
        /// The connection of the session, counted from 0.
        conn: u32,
        /// The sender.
        side: Side,
        /// The content.
        value: serde_json::Value,
    },
    /// Any other frame.
    Frame(Frame),
}

/// The frames of a recording, read one at a time: memory does not grow with the file.
#[derive(Debug)]
pub struct Entries<R> {
    input: R,
    pub(super) header: Header,
    line_number: usize,
    line: Vec<u8>,
    hash: Sha256,
    frames: u64,
    /// The last line that a hash has proven.
    proven: usize,
    last: Offset,
    ending: Option<Ending>,
    spares: Spares,
}

impl<R: BufRead> Entries<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// If it is not the first line of a recording that this version reads.
    pub fn open(input: R) -> Result<Entries<R>, ReadError> {
        let mut entries = Entries {
            input,
            header: Header::default(),
            line_number: 0,
            line: Vec::new(),
            hash: Sha256::new(),
            frames: 0,
            proven: 0,
            last: Offset::ZERO,
            ending: None,
            spares: Spares::default(),
        };
        if !entries.next_line()? {
            if entries.line.is_empty() {
                return Err(ReadError::Empty);
            }
            return Err(ReadError::NotARecording("the first line does not end".to_owned()));
        }
        let version: VersionOnly = serde_json::from_slice(&entries.line).map_err(|error| {
            ReadError::NotARecording(format!("{error}; it starts with {{\"goldwire\":1,…}}"))
        })?;
        if version.goldwire != u64::from(VERSION) {
            return Err(ReadError::Version { found: version.goldwire });
        }
        let line: HeaderLine =
            serde_json::from_slice(&entries.line).map_err(|error| entries.line_error(&error))?;
        entries.header = Header {
            session: line.session,
            id: line.id,
            started: line.started,
            url: line.url,
            user: line.user,
            recorder: line.recorder,
            stamps: line.stamps,
            handshake: line.handshake,
            claims: line.claims,
            host: line.host,
        };
        entries.hash_line();
        Ok(entries)
    }

    /// The header from the first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number of the latest line, counted from 1.
    pub fn line_number(&self) -> usize {
        self.line_number
    }

    /// The ending. It is known after the last line; before, it is [`End::Torn`].
    pub fn ending(&self) -> Ending {
        self.ending.clone().unwrap_or_else(|| self.torn())
    }

    fn torn(&self) -> Ending {
        let detail = match self.line.len() {
            0 => format!("it ends after line {} without a last line", self.line_number),
            bytes => format!("line {} is torn after {bytes} bytes", self.line_number + 1),
        };
        let detail = match self.proven {
            0 => detail,
            line => format!("{detail}; up to line {line} it is as it was recorded"),
        };
        Ending { at: self.last, how: End::Torn { detail }, host: None }
    }

    /// Reads a line without its line feed; false at the end of the file or when the last line has no line feed.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        self.line.clear();
        let line = self.line_number + 1;
        loop {
            let read = match self.input.fill_buf() {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(ReadError::Io { line, source }),
            };
            let end = memchr::memchr(b'\n', read);
            let count = end.unwrap_or(read.len());
            if self.line.len() + count >= MAX_LINE {
                let cause = format!("the line is longer than {MAX_LINE} bytes");
                return Err(ReadError::Line { line, column: 0, cause });
            }
            self.line.extend_from_slice(&read[..count]);
            let is_over = read.is_empty();
            self.input.consume(count + usize::from(end.is_some()));
            if end.is_some() {
                self.line_number = line;
                return Ok(true);
            }
            if is_over {
                return Ok(false);
            }
        }
    }

    fn hash_line(&mut self) {
        self.hash.update(&self.line);
        self.hash.update(b"\n");
    }

    fn line_error(&self, error: &serde_json::Error) -> ReadError {
        let cause = error.to_string();
        // serde_json appends a position within the line, which is replaced by the file's line.
        let cause = cause.rsplit_once(" at line ").map_or(cause.as_str(), |(cause, _)| cause);
        ReadError::Line { line: self.line_number, column: error.column(), cause: cause.to_owned() }
    }

    fn bad(&self, cause: impl Into<String>) -> ReadError {
        ReadError::Line { line: self.line_number, column: 0, cause: cause.into() }
    }

    /// The next line for judging: JSON is parsed once, and its text is not kept.
    pub fn next_entry(&mut self) -> Option<Result<Entry, ReadError>> {
        let entry = match self.begin_line() {
            Ok(false) => return None,
            Ok(true) => match self.json_entry() {
                Some((at, entry)) => {
                    self.take_frame(at);
                    Ok(Some(entry))
                }
                None => self.frame_line().map(|frame| frame.map(Entry::Frame)),
            },
            Err(error) => Err(error),
        };
        self.or_torn(entry)
    }

    /// Takes back the JSON of the latest entry: reusing it for the next one is cheaper than dropping it.
    pub fn reuse(&mut self, value: serde_json::Value) {
        self.spares.keep(value);
    }

    fn json_entry(&mut self) -> Option<(Offset, Entry)> {
        let (at, conn, side, json) = json_line(&self.line).filter(|(at, ..)| *at >= self.last)?;
        let value = self.spares.read(json).ok()?;
        Some((at, Entry::Json { at, conn, side, value }))
    }

    /// Lines after an invalid line are not trusted.
    fn or_torn<T>(&mut self, step: Result<Option<T>, ReadError>) -> Option<Result<T, ReadError>> {
        if step.is_err() {
            self.ending = Some(self.torn());
        }
        step.transpose()
    }

    /// Reads a line, unless the file has ended.
    fn begin_line(&mut self) -> Result<bool, ReadError> {
        if self.ending.is_some() {
            return Ok(false);
        }
        let is_whole = self.next_line()?;
        if !is_whole {
            self.ending = Some(self.torn());
        }
        Ok(is_whole)
    }

    /// Counts and hashes the line of a frame.
    fn take_frame(&mut self, at: Offset) {
        self.last = at;
        self.frames += 1;
        self.hash_line();
    }

    /// The frame or the ending in the latest line.
    fn frame_line(&mut self) -> Result<Option<Frame>, ReadError> {
        let line: Line<'_> = serde_json::from_slice(&self.line).map_err(|error| self.line_error(&error))?;
        if line.end.is_some() {
            let (at, frames, sha256) = (line.t, line.frames, line.sha256.as_deref().unwrap_or("").to_owned());
            let host = line.host.map(Host::from);
            let how = line.end.unwrap_or_default().into_end().map_err(|cause| self.bad(cause))?;
            self.finish(Ending { at, how, host }, frames, &sha256)?;
            return Ok(None);
        }
        if line.t < self.last {
            return Err(self.bad(format!("time goes backwards: {} after {}", line.t, self.last)));
        }
        if let Some(sha256) = line.sha256.as_deref() {
            if sha256 != hex(&self.hash.clone().finalize()) {
                let cause = "the hash of all before it does not fit".to_owned();
                return Err(ReadError::Altered { line: self.line_number, cause });
            }
            self.proven = self.line_number - 1;
        }
        let frame = frame_of(&line).map_err(|cause| self.bad(cause))?;
        self.take_frame(frame.at);
        Ok(Some(frame))
    }

    fn finish(&mut self, ending: Ending, frames: Option<u64>, sha256: &str) -> Result<(), ReadError> {
        let line = self.line_number;
        if frames != Some(self.frames) {
            let said = frames.map_or_else(|| "no count".to_owned(), |n| n.to_string());
            let cause = format!("{} frames precede the last line, which says {said}", self.frames);
            return Err(ReadError::Altered { line, cause });
        }
        if sha256 != hex(&self.hash.clone().finalize()) {
            return Err(ReadError::Altered { line, cause: "the hash does not fit".to_owned() });
        }
        self.ending = Some(ending);
        let mut rest = [0u8; 1];
        match io::Read::read(&mut self.input, &mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => {
                Err(ReadError::Altered { line: line + 1, cause: "a line after the last line".to_owned() })
            }
            Err(source) => Err(ReadError::Io { line: line + 1, source }),
        }
    }
}

/// A JSON message in a line exactly as [`Writer`](super::Writer) writes it. The text between `"json":` and the last brace is one
/// JSON value only if the line has no other key after it; all other lines are parsed key by key.
fn json_line(line: &[u8]) -> Option<(Offset, u32, Side, &str)> {
    fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = bytes.split_at(digits);
        let is_json = digits.len() == 1 || digits.first().is_some_and(|first| *first != b'0');
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        is_json.then_some((number, rest))
    }
    let (at, rest) = number(line.strip_prefix(b"{\"t\":")?)?;
    let (mark, rest) = rest.strip_prefix(b",\"dir\":\"")?.split_first()?;
    let side = match mark {
        b'>' => Side::Client,
        b'<' => Side::Server,
        _ => return None,
    };
    let mut rest = rest.strip_prefix(b"\"")?;
    let mut conn = 0;
    if let Some(from) = rest.strip_prefix(b",\"conn\":") {
        let (number, after) = number(from)?;
        conn = u32::try_from(number).ok()?;
        rest = after;
    }
    // Judging uses the timestamp unchanged: `host` accounts for the measuring machine.
    if let Some(from) = rest.strip_prefix(b",\"earlier\":") {
        (_, rest) = number(from)?;
    }
    let json = rest.strip_prefix(b",\"json\":")?.strip_suffix(b"}")?;
    Some((Offset::from_nanos(at), conn, side, std::str::from_utf8(json).ok()?))
}

fn frame_of(line: &Line<'_>) -> Result<Frame, String> {
    let side = match line.dir.as_deref() {
        Some(">") => Side::Client,
        Some("<") => Side::Server,
        Some(other) => return Err(format!("`dir` is \">\" or \"<\", not \"{other}\"")),
        None => return Err("a frame needs `dir`".to_owned()),
    };
    let bytes = |text: &str| BASE64.decode(text).map_err(|error| format!("bad base64: {error}"));
    let mut payloads = Vec::with_capacity(1);
    if let Some(json) = line.json {
        payloads.push(Payload::Text(json.get().to_owned()));
    }
    if let Some(text) = &line.text {
        payloads.push(Payload::Text(text.clone().into_owned()));
    }
    if let Some(text) = &line.base64 {
        payloads.push(Payload::Binary(bytes(text)?));
    }
    if let Some(text) = &line.ping {
        payloads.push(Payload::Ping(bytes(text)?));
    }
    if let Some(text) = &line.pong {
        payloads.push(Payload::Pong(bytes(text)?));
    }
    if let Some(close) = &line.close {
        payloads.push(Payload::Close { code: close.code, reason: close.reason.clone() });
    }
    if let Some(open) = &line.open {
        payloads.push(Payload::Open(Box::new(open.clone())));
    }
    if let Some(detail) = &line.gone {
        payloads.push(Payload::Gone(detail.clone()));
    }
    let count = payloads.len();
    match payloads.pop() {
        Some(payload) if count == 1 => {
            Ok(Frame { at: line.t, earlier: line.earlier, conn: line.conn, side, payload })
        }
        _ => Err(format!(
            "a frame holds one of json, text, base64, ping, pong, close, open, gone; this one {count}"
        )),
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.begin_line() {
            Ok(true) => self.frame_line(),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        self.or_torn(step)
    }
}
