//! The result of a protocol's reader for a frame, and its state for incomplete messages.

use super::content;
use crate::codec::hex;
use crate::transcript::{Gap, Payload, Side};
use serde_json::Value;
use std::borrow::Cow;

/// The name of an invalid or incomplete message.
pub(super) const GARBLED: &str = "garbled";
/// A message that is not whole after so many bytes never will be.
pub(super) const MAX_PENDING: usize = 64 << 20;

/// The result of a frame.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// Names and what they say, in order.
    pub(super) said: Vec<(Cow<'static, str>, Value)>,
    /// The automatic answers: the name, without `>`, and the frame.
    pub(super) owed: Vec<(&'static str, Payload)>,
}

impl Decoded {
    pub(super) fn say(&mut self, name: impl Into<Cow<'static, str>>, data: Value) {
        self.said.push((name.into(), data));
    }

    pub(super) fn malformed(&mut self, why: &str, bytes: &[u8]) {
        self.say(GARBLED, content::malformed(why, bytes));
    }

    /// A message outside the protocol, unchanged.
    pub(super) fn plain(&mut self, payload: &Payload) {
        match payload {
            Payload::Text(text) => self.say("text", Value::String(text.clone())),
            Payload::Binary(bytes) => self.say("binary", Value::String(hex(bytes))),
            Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => {}
        }
    }
}

/// The message that a client must send after a silence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beat {
    /// For so long.
    pub(crate) every: Gap,
    /// This.
    pub(crate) payload: Payload,
}

/// Something of each side.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides<T> {
    client: T,
    server: T,
}

impl<T> Sides<T> {
    pub(super) fn of(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn client(&self) -> &T {
        &self.client
    }

    pub(super) fn server(&self) -> &T {
        &self.server
    }
}

/// Bytes that came and are not read yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// With fewer there is nothing new to read.
    wanted: usize,
}

impl Pending {
    /// Takes a message's bytes and reads all that is whole. `next` answers how many bytes the first message takes, or,
    /// when it is incomplete, how many it needs at least.
    pub(super) fn read(
        &mut self,
        payload: &Payload,
        decoded: &mut Decoded,
        mut next: impl FnMut(&[u8], &mut Decoded) -> Step,
    ) {
        match payload {
            Payload::Text(text) => self.bytes.extend_from_slice(text.as_bytes()),
            Payload::Binary(bytes) => self.bytes.extend_from_slice(bytes),
            Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => {}
        }
        if self.bytes.len() < self.wanted {
            return;
        }
        let mut at = 0;
        self.wanted = 0;
        while at < self.bytes.len() {
            match next(&self.bytes[at..], decoded) {
                Step::Took(count) => at += count.max(1),
                Step::Needs(count) if count <= MAX_PENDING => {
                    self.wanted = count;
                    break;
                }
                Step::Needs(_) => {
                    decoded.malformed("its length is out of range", &self.bytes[at..]);
                    at = self.bytes.len();
                }
            }
        }
        self.bytes.drain(..at);
    }

    /// Tells what was begun and will never be whole.
    pub(super) fn rest(&mut self, decoded: &mut Decoded) {
        if !self.bytes.is_empty() {
            decoded.malformed("it is incomplete", &self.bytes);
        }
        *self = Pending::default();
    }
}

/// The extent of the first message in some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A complete message of this length.
    Took(usize),
    /// It needs at least so many, more than there are.
    Needs(usize),
}
