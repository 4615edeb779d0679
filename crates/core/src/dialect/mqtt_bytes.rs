//! The encoding of the parts of an MQTT packet: numbers, text after its length, numbers in one to four bytes.

use super::EncodeError;
use super::content::label_at;
use crate::codec::varint;
use serde_json::Value;

/// An integer in one to four bytes, and its length.
pub(super) fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let (value, length) = varint::read(bytes, 4)?;
    Some((usize::try_from(value).ok()?, length))
}

/// The rest of a packet.
pub(super) struct Cursor<'b> {
    pub(super) rest: &'b [u8],
    /// Whether a secret in it was replaced by a label.
    pub(super) is_redacted: bool,
}

impl<'b> Cursor<'b> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self, size: usize) -> Option<u64> {
        Some(self.bytes(size)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    pub(super) fn variable(&mut self) -> Option<u64> {
        let (value, size) = variable(self.rest)?;
        self.bytes(size)?;
        u64::try_from(value).ok()
    }

    /// Bytes after their length. With a label in them they end where it does.
    pub(super) fn field(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number(2)?).ok()?;
        if self.is_redacted
            && let Some(at) = label_at(self.rest).filter(|at| *at < length)
            && let Some(end) = memchr::memmem::find(&self.rest[at..], b"}}")
        {
            return self.bytes(at + end + 2);
        }
        self.bytes(length)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        self.field().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next so many bytes, to be read by themselves.
    pub(super) fn part(&mut self, count: usize) -> Option<Cursor<'b>> {
        Some(Cursor { rest: self.bytes(count)?, is_redacted: self.is_redacted })
    }

    pub(super) fn all(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// The bytes of a packet that is being written.
#[derive(Default)]
pub(super) struct Packet(pub(super) Vec<u8>);

impl Packet {
    pub(super) fn number(&mut self, value: u64, size: usize) {
        self.0.extend_from_slice(&value.to_be_bytes()[8 - size..]);
    }

    pub(super) fn variable(&mut self, value: usize) {
        varint::write(value as u64, &mut self.0);
    }

    pub(super) fn field(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length =
            u16::try_from(bytes.len()).map_err(|_| EncodeError("one of its texts is too long".to_owned()))?;
        self.number(length.into(), 2);
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn push(&mut self, other: &Packet) {
        self.variable(other.0.len());
        self.0.extend_from_slice(&other.0);
    }
}

/// A whole number that may be written as a text; a place that is not filled yet counts as 0.
pub(super) fn number(data: &Value, key: &str, most: u64) -> Result<u64, EncodeError> {
    let value = match data.get(key) {
        None | Some(Value::Null) => return Ok(0),
        Some(Value::String(text)) if text.contains("{{") => return Ok(0),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_u64(),
    };
    value
        .filter(|value| *value <= most)
        .ok_or_else(|| EncodeError(format!("its {key} is not a number up to {most}")))
}
