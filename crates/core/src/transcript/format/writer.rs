//! Writes a recording line by line, as it happens.

use super::lines::{CloseLine, EndLine, HeaderLine, HostLine};
use super::{CHAIN, VERSION};
use crate::codec::hex;
use crate::transcript::{Ending, Frame, Gap, Header, Offset, Payload, Redactor, Side};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{self, Write};

/// The memory of a line longer than this, in bytes, is not kept for the next one.
const MAX_KEPT: usize = 16 * 1024;

/// Writes a recording line by line, as it happens.
///
/// Every text passes the [`Redactor`] before it reaches `out`. Nothing is buffered here beyond one line.
#[derive(Debug)]
pub struct Writer<W: Write> {
    pub(super) out: W,
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

pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}
