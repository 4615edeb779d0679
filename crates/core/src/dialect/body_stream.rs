//! The body of a response that is a stream of messages, cut into these while it arrives.

use super::json_lines::Lines;
use super::sse::Blocks;
use crate::transcript::Streaming;

/// The bytes of one body, cut into messages. Every byte is kept.
#[derive(Debug, Clone)]
pub enum BodyStream {
    /// Server-sent events.
    Events(Blocks),
    /// JSON texts, one a line.
    Lines(Lines),
}

impl BodyStream {
    /// A body that begins.
    pub fn new(streaming: Streaming) -> BodyStream {
        match streaming {
            Streaming::Events => BodyStream::Events(Blocks::default()),
            Streaming::Lines => BodyStream::Lines(Lines::default()),
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        match self {
            BodyStream::Events(blocks) => blocks.push(bytes),
            BodyStream::Lines(lines) => lines.push(bytes),
        }
    }

    /// The number of bytes that wait for the end of their message.
    pub fn pending(&self) -> usize {
        match self {
            BodyStream::Events(blocks) => blocks.pending(),
            BodyStream::Lines(lines) => lines.pending(),
        }
    }

    /// The next whole message, as it was sent.
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        match self {
            BodyStream::Events(blocks) => blocks.next_block(),
            BodyStream::Lines(lines) => lines.next_line(),
        }
    }

    /// The bytes after the last whole message, at the end of the body.
    pub fn rest(self) -> Vec<u8> {
        match self {
            BodyStream::Events(blocks) => blocks.rest(),
            BodyStream::Lines(lines) => lines.rest(),
        }
    }
}
