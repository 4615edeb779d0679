//! The recording file: JSON Lines, version 1.
//!
//! ```text
//! {"goldwire":1,"session":"agent-run","id":"k3v9","started":"2026-11-22T12:00:00.123456789Z", …}
//! {"t":0,"dir":">","json":{"type":"ask","text":"How far is the moon?"}}
//! {"t":1834211,"dir":"<","json":{"type":"agent_started","run_id":"run_81x"}}
//! {"t":1934211,"dir":"<","text":"not JSON, or not on one line"}
//! {"t":2034211,"dir":"<","base64":"AAEC"}
//! {"t":2134211,"dir":"<","ping":""}
//! {"t":2134211,"dir":"<","earlier":90000,"json":{"type":"token","text":"About"}}
//! {"t":812345678,"end":{"by":"client","code":1000,"reason":""},"host":{…},"frames":5,"sha256":"…"}
//! ```
//!
//! `t` is in nanoseconds since the handshake. Where several messages were read at once, the kernel tells when the newest
//! bytes came: `earlier`, in nanoseconds, is by how much a message may have come before its `t`, at most. It is absent
//! where the stamp is the message's own, and where the header says that stamps are not the kernel's. Text that is one
//! line of valid JSON stands as it came, byte for byte; other text is a string, bytes are base64. The last line counts the frames and hashes every byte before it; so does
//! every 256th frame's line, in a `"sha256"` before its payload, so that what a crash leaves can be proven, too. A file
//! without a last line, or with half of one, reads as far as it goes and says [`End::Torn`]: that is what a crash
//! leaves behind. `host` says how late the recording machine woke a task that only slept, in nanoseconds:
//! `{"probes":81,"lag_p50":1048576,"lag_max":2391044,"starved":12}`, and, where the system says it, in how many per cent of
//! the time something waited for a processor; `work` and `work_cpu` are how long a fixed piece of computing took, by the
//! clock and of a processor. Where `host` is absent, nobody measured. The header's `host` is the kind of machine:
//! `{"class":"linux-x86_64-2c-kvm-5u-3fa1c2","cpu":"…","cpus":2}`.

use super::refill::Spares;
use super::{
    End, Ending, Frame, Gap, Handshake, Header, Host, HostClass, Offset, Payload, Redactor, Side, Stamps,
    Transcript,
};
use crate::codec::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{self, BufRead, Write};

/// The version this program writes. It reads no other.
pub const VERSION: u32 = 1;

/// Every so many frames a line carries the hash of all bytes before it.
const CHAIN: u64 = 256;
/// The memory of a line longer than this, in bytes, is not kept for the next one.
const MAX_KEPT: usize = 16 * 1024;

/// The longest line that is read: a 64 MiB message, escaped.
const MAX_LINE: usize = 512 * 1024 * 1024;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The disk failed us.
    #[error("line {line}: {source}")]
    Io {
        /// Counted from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in the file.
    #[error("line 1: the file is empty; a recording starts with {{\"goldwire\":1,…}}")]
    Empty,
    /// The first line is not a recording's.
    #[error("line 1: not a goldwire recording: {0}")]
    NotARecording(String),
    /// A version that another program wrote.
    #[error(
        "line 1: recording version {found}, this goldwire reads version {VERSION}; a newer goldwire can read it"
    )]
    Version {
        /// What the file says.
        found: u64,
    },
    /// A line that makes no sense.
    #[error("line {line}, column {column}: {cause}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes; 0 when it concerns the whole line.
        column: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// The count or the hash in the last line does not fit what precedes it.
    #[error("line {line}: {cause}; the file was changed after it was recorded")]
    Altered {
        /// Counted from 1.
        line: usize,
        /// Which of them differs.
        cause: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine {
    goldwire: u32,
    session: String,
    id: String,
    started: String,
    url: String,
    user: String,
    recorder: String,
    stamps: Stamps,
    handshake: Handshake,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<HostClass>,
}

#[derive(Deserialize)]
struct VersionOnly {
    goldwire: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    t: Offset,
    #[serde(borrow, default)]
    dir: Option<Cow<'a, str>>,
    #[serde(default)]
    conn: u32,
    #[serde(default)]
    earlier: Gap,
    #[serde(borrow, default)]
    json: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    base64: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ping: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pong: Option<Cow<'a, str>>,
    #[serde(default)]
    close: Option<CloseLine>,
    #[serde(default)]
    open: Option<Handshake>,
    #[serde(default)]
    gone: Option<String>,
    #[serde(default)]
    end: Option<EndLine>,
    #[serde(default)]
    host: Option<HostLine>,
    #[serde(default)]
    frames: Option<u64>,
    #[serde(borrow, default)]
    sha256: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseLine {
    code: u16,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct EndLine {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting_for: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waited: Option<Gap>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostLine {
    probes: u32,
    lag_p50: Gap,
    lag_max: Gap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starved: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work: Option<Gap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    work_cpu: Option<Gap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others: Option<u8>,
}

impl From<Host> for HostLine {
    fn from(Host { probes, lag_p50, lag_max, starved, work, work_cpu, others }: Host) -> HostLine {
        HostLine { probes, lag_p50, lag_max, starved, work, work_cpu, others }
    }
}

impl From<HostLine> for Host {
    fn from(HostLine { probes, lag_p50, lag_max, starved, work, work_cpu, others }: HostLine) -> Host {
        Host { probes, lag_p50, lag_max, starved, work, work_cpu, others }
    }
}

impl From<&End> for EndLine {
    fn from(end: &End) -> EndLine {
        let plain = |by: &str| EndLine { by: by.to_owned(), ..EndLine::default() };
        match end {
            End::Closed { by, code, reason } => {
                EndLine { code: Some(*code), reason: reason.clone(), ..plain(&by.to_string()) }
            }
            End::Dropped { detail } => {
                EndLine { code: Some(1006), reason: detail.clone(), ..plain("network") }
            }
            End::GaveUp { waiting_for, waited } => {
                EndLine { waiting_for: waiting_for.clone(), waited: Some(*waited), ..plain("deadline") }
            }
            End::CutOff { limit } => EndLine { reason: limit.clone(), ..plain("limit") },
            End::Interrupted => plain("interrupt"),
            End::Torn { detail } => EndLine { reason: detail.clone(), ..plain("recorder") },
        }
    }
}

impl EndLine {
    fn into_end(self) -> Result<End, String> {
        let by = match self.by.as_str() {
            "client" => Side::Client,
            "server" => Side::Server,
            "network" => return Ok(End::Dropped { detail: self.reason }),
            "deadline" => {
                let waited = self.waited.unwrap_or_default();
                return Ok(End::GaveUp { waiting_for: self.waiting_for, waited });
            }
            "limit" => return Ok(End::CutOff { limit: self.reason }),
            "interrupt" => return Ok(End::Interrupted),
            "recorder" => return Ok(End::Torn { detail: self.reason }),
            other => return Err(format!("unknown end `{other}`")),
        };
        Ok(End::Closed { by, code: self.code.unwrap_or(1005), reason: self.reason })
    }
}

/// Writes a recording line by line, as it happens.
///
/// Every text passes the [`Redactor`] before it reaches `out`. Nothing is buffered here beyond one line.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    hash: Sha256,
    frames: u64,
    redactor: Redactor,
    line: String,
}

impl<W: Write> Writer<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, header: &Header, redactor: Redactor) -> io::Result<Writer<W>> {
        let mut writer = Writer { out, hash: Sha256::new(), frames: 0, redactor, line: String::new() };
        let mut claims = header.claims.clone();
        if let Some(claims) = &mut claims {
            writer.redactor.clean_json(claims);
        }
        let line = HeaderLine {
            goldwire: VERSION,
            session: header.session.clone(),
            id: header.id.clone(),
            started: header.started.clone(),
            url: writer.redactor.clean(&header.url).into_owned(),
            user: header.user.clone(),
            recorder: header.recorder.clone(),
            stamps: header.stamps,
            handshake: writer.redactor.clean_handshake(&header.handshake),
            claims,
            host: header.host.clone(),
        };
        writer.line = to_json(&line)?;
        writer.put()?;
        Ok(writer)
    }

    /// Appends one frame.
    ///
    /// # Errors
    /// What the output says; the line may then be torn, and nothing more should be written.
    pub fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.put_unclean(frame)
    }

    /// Appends a text message by its parts, for whoever has no [`Frame`] of it; `is_json` says that it is known to be
    /// JSON: whoever has read it spares us reading it again.
    ///
    /// # Errors
    /// What the output says; the line may then be torn, and nothing more should be written.
    pub fn text(
        &mut self,
        (at, earlier): (Offset, Gap),
        conn: u32,
        side: Side,
        text: &str,
        is_json: bool,
    ) -> io::Result<()> {
        self.begin(at, earlier, conn, side);
        self.put_text(text, is_json)
    }

    /// The usual case, without a copy.
    fn put_text(&mut self, text: &str, is_json: bool) -> io::Result<()> {
        match self.redactor.clean(text) {
            Cow::Borrowed(text) if is_json => push_json(&mut self.line, text)?,
            text => push_text(&mut self.line, &text)?,
        }
        self.put_frame()
    }

    fn put_unclean(&mut self, frame: &Frame) -> io::Result<()> {
        self.begin(frame.at, frame.earlier, frame.conn, frame.side);
        match &frame.payload {
            Payload::Text(text) => return self.put_text(text, false),
            Payload::Binary(_)
            | Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => {
                push_payload(&mut self.line, &self.redactor.clean_frame(frame).payload)?;
            }
        }
        self.put_frame()
    }

    /// Appends one frame in which secrets were replaced already.
    ///
    /// # Errors
    /// What the output says; the line may then be torn, and nothing more should be written.
    pub fn clean_frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.begin(frame.at, frame.earlier, frame.conn, frame.side);
        push_payload(&mut self.line, &frame.payload)?;
        self.put_frame()
    }

    fn begin(&mut self, at: Offset, earlier: Gap, conn: u32, side: Side) {
        let line = &mut self.line;
        line.clear();
        line.push_str("{\"t\":");
        push_number(line, at.as_nanos());
        line.push_str(",\"dir\":\"");
        line.push_str(side.mark());
        line.push('"');
        if conn > 0 {
            line.push_str(",\"conn\":");
            push_number(line, conn.into());
        }
        if self.frames > 0 && self.frames.is_multiple_of(CHAIN) {
            line.push_str(",\"sha256\":\"");
            line.push_str(&hex(&self.hash.clone().finalize()));
            line.push('"');
        }
        if earlier > Gap::ZERO {
            line.push_str(",\"earlier\":");
            push_number(line, earlier.as_nanos());
        }
    }

    fn put_frame(&mut self) -> io::Result<()> {
        self.line.push('}');
        self.frames += 1;
        self.put()?;
        // What a long message took is given back.
        if self.line.capacity() > MAX_KEPT {
            self.line = String::new();
        }
        Ok(())
    }

    /// Writes the last line and hands back the output.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(mut self, ending: &Ending) -> io::Result<W> {
        let mut end = EndLine::from(&ending.how);
        end.reason = self.redactor.clean(&end.reason).into_owned();
        let digest = hex(&self.hash.clone().finalize());
        let host = match ending.host {
            Some(host) => format!(",\"host\":{}", to_json(&HostLine::from(host))?),
            None => String::new(),
        };
        self.line = format!(
            "{{\"t\":{},\"end\":{}{host},\"frames\":{},\"sha256\":\"{digest}\"}}",
            ending.at.as_nanos(),
            to_json(&end)?,
            self.frames
        );
        self.put()?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Hands what was written so far on to the system.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The output itself, to make it durable.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Where further secrets are made known.
    pub fn redactor(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    fn put(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.hash.update(self.line.as_bytes());
        self.out.write_all(self.line.as_bytes())
    }
}

fn to_json(value: &impl Serialize) -> io::Result<String> {
    serde_json::to_string(value).map_err(io::Error::other)
}

/// Appends a number as `Display` writes it, for a fraction of the price: every line has one or two.
fn push_number(line: &mut String, number: u64) {
    line.push_str(itoa::Buffer::new().format(number));
}

fn push_text(line: &mut String, text: &str) -> io::Result<()> {
    push_known(line, text, is_on_one_line(text) && is_json(text))
}

/// Appends a text that is JSON, though perhaps not on one line.
fn push_json(line: &mut String, text: &str) -> io::Result<()> {
    debug_assert!(is_json(text), "who said that it is JSON?");
    push_known(line, text, is_on_one_line(text))
}

fn push_known(line: &mut String, text: &str, can_stand: bool) -> io::Result<()> {
    if can_stand {
        line.push_str(",\"json\":");
        line.push_str(text);
    } else {
        line.push_str(",\"text\":");
        line.push_str(&to_json(&text)?);
    }
    Ok(())
}

fn push_payload(line: &mut String, payload: &Payload) -> io::Result<()> {
    let mut put = |key: &str, json: String| {
        line.push_str(",\"");
        line.push_str(key);
        line.push_str("\":");
        line.push_str(&json);
    };
    match payload {
        Payload::Text(text) => push_text(line, text)?,
        Payload::Binary(bytes) => push_bytes(line, "base64", bytes),
        Payload::Ping(bytes) => push_bytes(line, "ping", bytes),
        Payload::Pong(bytes) => push_bytes(line, "pong", bytes),
        Payload::Close { code, reason } => {
            put("close", to_json(&CloseLine { code: *code, reason: reason.clone() })?);
        }
        Payload::Open(handshake) => put("open", to_json(handshake)?),
        Payload::Gone(detail) => put("gone", to_json(detail)?),
    }
    Ok(())
}

fn push_bytes(line: &mut String, key: &str, bytes: &[u8]) {
    line.push_str(",\"");
    line.push_str(key);
    line.push_str("\":\"");
    BASE64.encode_string(bytes, line);
    line.push('"');
}

/// Whether a JSON text can stand in a line as it is: nothing around it, no line break in it.
fn is_on_one_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| !b.is_ascii_whitespace());
    edge(bytes.first()) && edge(bytes.last()) && memchr::memchr2(b'\n', b'\r', bytes).is_none()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// A line of a recording, as far as judging needs it.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A text message that is JSON, parsed where it stood in the file.
    Json {
        /// When it was stamped.
        at: Offset,
        /// Which connection of the session, counted from 0.
        conn: u32,
        /// Who sent it.
        side: Side,
        /// What it says.
        value: serde_json::Value,
    },
    /// Any other frame.
    Frame(Frame),
}

/// The frames of a recording, read one at a time: memory does not grow with the file.
#[derive(Debug)]
pub struct Entries<R> {
    input: R,
    header: Header,
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
    /// When it is not the first line of a recording that this version reads.
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

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line that was read last, counted from 1.
    pub fn line_number(&self) -> usize {
        self.line_number
    }

    /// How it ended; known once the iterator is exhausted, [`End::Torn`] before.
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
        // serde_json appends a place within the line that we give ourselves, with the file's line.
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

    /// Takes back the JSON of the latest entry: to read the next one into it is cheaper than to drop it.
    pub fn reuse(&mut self, value: serde_json::Value) {
        self.spares.keep(value);
    }

    fn json_entry(&mut self) -> Option<(Offset, Entry)> {
        let (at, conn, side, json) = json_line(&self.line).filter(|(at, ..)| *at >= self.last)?;
        let value = self.spares.read(json).ok()?;
        Some((at, Entry::Json { at, conn, side, value }))
    }

    /// What follows a bad line cannot be trusted.
    fn or_torn<T>(&mut self, step: Result<Option<T>, ReadError>) -> Option<Result<T, ReadError>> {
        if step.is_err() {
            self.ending = Some(self.torn());
        }
        step.transpose()
    }

    /// Reads a line, unless it is over.
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

    /// What the line says that was read: a frame, or how it ended.
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

/// A JSON message in a line exactly as [`Writer`] writes it. What stands between `"json":` and the last brace is one
/// JSON value only if the line has no other key behind it; all other lines are read key by key.
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
    // Judging takes the stamp as it is: the machine that measured is accounted for by `host`.
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

/// Reads a whole recording.
///
/// # Errors
/// The first line that makes no sense. A missing or torn last line is not an error but [`End::Torn`].
pub fn read(input: impl BufRead) -> Result<Transcript, ReadError> {
    let mut entries = Entries::open(input)?;
    let frames = entries.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok(Transcript { ending: entries.ending(), header: entries.header, frames })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload() -> impl Strategy<Value = Payload> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            any::<String>().prop_map(Payload::Text),
            Just(Payload::Text(String::new())),
            Just(Payload::Text("{\"a\": 1.0e2,\n \"b\":9007199254740993}".to_owned())),
            Just(Payload::Text("{\"a\":  1.0e2, \"a\":\"\\ud800\"}".to_owned())),
            Just(Payload::Text(" {} ".to_owned())),
            bytes().prop_map(Payload::Binary),
            bytes().prop_map(Payload::Ping),
            bytes().prop_map(Payload::Pong),
            (1000u16..5000, any::<String>()).prop_map(|(code, reason)| Payload::Close { code, reason }),
            any::<String>().prop_map(Payload::Gone),
            any::<u16>()
                .prop_map(|status| Payload::Open(Box::new(Handshake { status, ..Handshake::default() }))),
        ]
    }

    fn transcript() -> impl Strategy<Value = Transcript> {
        let frame = (0u64..1_000_000, 0u64..3, 0u32..3, any::<bool>(), payload());
        let work = any::<Option<u64>>();
        let host =
            proptest::option::of((any::<u32>(), any::<u64>(), any::<u64>(), any::<Option<u8>>(), work));
        (proptest::collection::vec(frame, 0..12), 0usize..5, any::<String>(), host).prop_map(
            |(frames, end, text, host)| {
                let mut now = 0;
                let frames: Vec<Frame> = frames
                    .into_iter()
                    .map(|(step, earlier, conn, client, payload)| {
                        now += step;
                        let side = if client { Side::Client } else { Side::Server };
                        let at = Offset::from_nanos(now);
                        Frame { at, earlier: Gap::from_nanos(earlier), conn, side, payload }
                    })
                    .collect();
                let how = match end {
                    0 => End::Closed { by: Side::Server, code: 1008, reason: text },
                    1 => End::Dropped { detail: text },
                    2 => End::GaveUp { waiting_for: vec![text], waited: Gap::from_millis(3) },
                    3 => End::CutOff { limit: text },
                    _ => End::Interrupted,
                };
                let class = host.as_ref().map(|(probes, ..)| HostClass {
                    class: format!("linux-x86_64-{probes}c"),
                    cpu: String::new(),
                    cpus: *probes,
                });
                let header =
                    Header { session: "s".to_owned(), id: "x".to_owned(), host: class, ..Header::default() };
                let host = host.map(|(probes, usual, worst, starved, work)| Host {
                    probes,
                    lag_p50: Gap::from_nanos(usual),
                    lag_max: Gap::from_nanos(worst),
                    starved,
                    work: work.map(Gap::from_nanos),
                    work_cpu: None,
                    others: starved,
                });
                Transcript { header, frames, ending: Ending { at: Offset::from_nanos(now), how, host } }
            },
        )
    }

    fn write(transcript: &Transcript) -> Vec<u8> {
        let mut writer =
            Writer::new(Vec::new(), &transcript.header, Redactor::default()).expect("memory does not fail");
        for frame in &transcript.frames {
            writer.frame(frame).expect("memory does not fail");
        }
        writer.end(&transcript.ending).expect("memory does not fail")
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(transcript in transcript()) {
            prop_assert_eq!(read(&write(&transcript)[..]).expect("we wrote it"), transcript);
        }

        #[test]
        fn that_a_text_is_known_to_be_json_changes_nothing_in_the_file(transcript in transcript()) {
            let redactor = Redactor::default();
            redactor.add("number", &crate::secret::Secret::new("9007199254740993"));
            let writer = || Writer::new(Vec::new(), &transcript.header, redactor.clone()).expect("memory does not fail");
            let (mut plain, mut known) = (writer(), writer());
            for frame in &transcript.frames {
                plain.frame(frame).expect("memory does not fail");
                match &frame.payload {
                    Payload::Text(text) => {
                        known.text((frame.at, frame.earlier), frame.conn, frame.side, text, is_json(text))
                    }
                    _ => known.frame(frame),
                }
                .expect("memory does not fail");
            }
            prop_assert_eq!(plain.get_ref(), known.get_ref());
        }

        #[test]
        fn entries_say_what_frames_say(transcript in transcript(), cut in any::<prop::sample::Index>()) {
            let bytes = write(&transcript);
            let first = bytes.iter().position(|b| *b == b'\n').expect("a first line") + 1;
            let part = &bytes[..first + cut.index(bytes.len() - first + 1)];
            let whole = read(part).expect("a prefix is readable");
            let mut entries = Entries::open(part).expect("a first line");
            for frame in &whole.frames {
                match entries.next_entry().expect("as many").expect("as readable") {
                    Entry::Frame(entry) => prop_assert_eq!(&entry, frame),
                    Entry::Json { at, conn, side, value } => {
                        prop_assert_eq!((at, conn, side), (frame.at, frame.conn, frame.side));
                        let Payload::Text(text) = &frame.payload else { panic!("{frame:?} is no text") };
                        prop_assert_eq!(&value, &serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
                    }
                }
            }
            prop_assert!(entries.next_entry().is_none());
            prop_assert_eq!(entries.ending(), whole.ending);
        }

        #[test]
        fn any_prefix_reads_as_far_as_it_goes(transcript in transcript(), cut in any::<prop::sample::Index>()) {
            let bytes = write(&transcript);
            let first = bytes.iter().position(|b| *b == b'\n').expect("a first line") + 1;
            let cut = first + cut.index(bytes.len() - first);
            let part = read(&bytes[..cut]).expect("a prefix is readable");
            prop_assert_eq!(&part.frames[..], &transcript.frames[..part.frames.len()]);
            let torn = matches!(part.ending.how, End::Torn { .. });
            prop_assert!(torn);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes[..]);
            let mut with_head = write(&Transcript {
                header: Header::default(), frames: vec![],
                ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
            });
            with_head.extend(bytes);
            let _ = read(&with_head[..]);
        }
    }

    fn header_line() -> String {
        let bytes = write(&Transcript {
            header: Header::default(),
            frames: vec![],
            ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
        });
        String::from_utf8(bytes).expect("JSON").lines().next().expect("a line").to_owned()
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = |rest: &str| {
            read(format!("{}\n{rest}", header_line()).as_bytes()).expect_err("it is bad").to_string()
        };
        assert_eq!(
            error("{\"t\":1,\"dir\":\">\",\"json\":{}}\n{\"t\":1,\"dir\":\"-\",\"json\":{}}\n"),
            "line 3, column 0: `dir` is \">\" or \"<\", not \"-\""
        );
        assert!(error("{\"t\":1,\"dri\":\">\"}\n").starts_with("line 2, column 12: unknown field `dri`"));
        assert!(
            error("{\"t\":1,\"end\":{\"by\":\"client\"},\"frames\":7,\"sha256\":\"\"}\n").contains("says 7")
        );
    }

    #[test]
    fn other_versions_and_other_files_are_told_apart() {
        let error = |text: &str| read(text.as_bytes()).expect_err("not ours").to_string();
        assert!(error("{\"goldwire\":2,\"x\":1}\n").contains("recording version 2"));
        assert!(error("").contains("empty"));
        assert!(error("hello\n").contains("not a goldwire recording"));
    }

    #[test]
    fn the_largest_messages_come_back_whole() {
        let size = 16 * 1024 * 1024;
        let text: String = "a\u{1f600}\n\"".chars().cycle().take(size / 2).collect();
        let bytes: Vec<u8> = (0..=255u8).cycle().take(size).collect();
        let frame = |payload| Frame::new(Offset::ZERO, Side::Server, payload);
        let transcript = Transcript {
            header: Header::default(),
            frames: vec![
                frame(Payload::Text(text)),
                frame(Payload::Binary(bytes)),
                frame(Payload::Binary(vec![])),
            ],
            ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
        };
        // Not assert_eq: nobody wants to read the difference.
        assert!(read(&write(&transcript)[..]).expect("we wrote it") == transcript);
    }

    #[test]
    fn a_torn_line_is_named() {
        let how = |text: &str| read(text.as_bytes()).expect("a prefix").ending.how;
        let torn = |detail: &str| End::Torn { detail: detail.to_owned() };
        let head = header_line();
        assert_eq!(how(&format!("{head}\n{{\"t\":1,")), torn("line 2 is torn after 7 bytes"));
        assert_eq!(how(&format!("{head}\n")), torn("it ends after line 1 without a last line"));
    }

    #[test]
    fn json_stands_in_the_file_as_it_came() {
        let text = r#"{"b":1.0,"a":  9007199254740993,"b":"é"}"#;
        let transcript = Transcript {
            header: Header::default(),
            frames: vec![Frame::new(Offset::ZERO, Side::Server, Payload::Text(text.to_owned()))],
            ending: Ending { at: Offset::ZERO, how: End::Interrupted, host: None },
        };
        let file = String::from_utf8(write(&transcript)).expect("UTF-8");
        assert!(file.contains(&format!("\"json\":{text}}}")));
    }

    #[test]
    fn what_a_crash_leaves_is_proven_by_the_hashes_on_the_way() {
        let mut writer =
            Writer::new(Vec::new(), &Header::default(), Redactor::default()).expect("memory does not fail");
        for n in 0..600 {
            let payload = Payload::Text(format!("{{\"n\":{n}}}"));
            let frame = Frame::new(Offset::from_nanos(n), Side::Server, payload);
            writer.frame(&frame).expect("memory does not fail");
        }
        let text = String::from_utf8(writer.out).expect("it is text");
        assert_eq!(text.matches("\"sha256\"").count(), 2, "before frames 256 and 512");
        let torn = read(text.as_bytes()).expect("a prefix");
        assert_eq!(torn.frames.len(), 600);
        let End::Torn { detail } = &torn.ending.how else { panic!("{:?}", torn.ending) };
        assert!(detail.ends_with("up to line 513 it is as it was recorded"), "{detail}");
        let error = read(text.replacen("\"n\":300}", "\"n\":301}", 1).as_bytes()).expect_err("it was edited");
        assert!(matches!(error, ReadError::Altered { line: 514, .. }), "{error}");
    }
}
