//! Parses frames (RFC 6455, section 5) from relayed bytes in one direction of a connection.
//!
//! It works in parallel to the relay: it answers and delays nothing, and an invalid frame stops only the parser.
//! Codes of close frames are reported unchanged, including invalid ones.

use super::deflate::{Inflate, InflateError};
use goldwire_core::transcript::Payload;
use std::io::Cursor;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest head of a frame: 2 bytes, 8 of length, 4 of mask.
const MAX_HEAD: usize = 14;
/// RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less".
const MAX_CONTROL: u64 = 125;
/// The status of a close frame that has none.
const NO_STATUS: u16 = 1005;

/// The reason why a direction cannot be parsed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// These are not the frames of RFC 6455.
    #[error("violated the protocol: {0}")]
    Protocol(String),
    /// A message is longer than is kept.
    #[error("sent a message of more than {0} bytes")]
    TooLong(usize),
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Decoder {
    max: usize,
    /// The beginning of a head that is not complete.
    head: Vec<u8>,
    /// The frame whose payload is being read.
    frame: Option<InFrame>,
    /// The payload of a control frame, which may come between the fragments of a message.
    control: Vec<u8>,
    message: Option<InMessage>,
    inflate: Option<Inflate>,
    is_closed: bool,
    /// Whether the latest frame completed the latest result.
    is_told: bool,
}

#[derive(Debug)]
struct InFrame {
    control: Option<Control>,
    is_final: bool,
    mask: Option<[u8; 4]>,
    /// The number of remaining payload bytes.
    left: u64,
    /// The number of read bytes, for the mask.
    phase: usize,
}

#[derive(Debug)]
struct InMessage {
    is_text: bool,
    is_compressed: bool,
    data: Vec<u8>,
}

impl Decoder {
    /// At the first byte after the handshake. Messages of more than `max` bytes are not read.
    pub(super) fn new(max: usize, inflate: Option<Inflate>) -> Decoder {
        Decoder {
            max,
            head: Vec::new(),
            frame: None,
            control: Vec::new(),
            message: None,
            inflate,
            is_closed: false,
            is_told: false,
        }
    }

    /// Whether the latest result ends with the very last byte.
    pub(super) fn is_between(&self) -> bool {
        self.is_told && self.frame.is_none() && self.head.is_empty()
    }

    /// Reads the next bytes and tells each message and control frame that they complete.
    ///
    /// # Errors
    /// If they are invalid; nothing more may be fed then.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        tell: &mut impl FnMut(Payload),
    ) -> Result<(), DecodeError> {
        // RFC 6455, 5.5.1: nothing counts after a close frame.
        while !self.is_closed {
            if self.frame.is_none() {
                let Some(rest) = self.begin(bytes)? else { return Ok(()) };
                bytes = rest;
            }
            bytes = self.fill(bytes);
            if self.frame.as_ref().is_some_and(|frame| frame.left > 0) {
                return Ok(());
            }
            if let Some(frame) = self.frame.take() {
                let payload = self.finish(&frame)?;
                self.is_told = payload.is_some() && (!self.is_closed || bytes.is_empty());
                payload.into_iter().for_each(&mut *tell);
            }
        }
        Ok(())
    }

    /// Reads a frame's head; what follows it, or nothing if it is not complete.
    fn begin<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, DecodeError> {
        let protocol = |error: Error| DecodeError::Protocol(error.to_string());
        let before = self.head.len();
        let (header, len, used) = if before == 0 {
            let mut cursor = Cursor::new(bytes);
            match FrameHeader::parse(&mut cursor).map_err(protocol)? {
                Some((header, len)) => (header, len, usize::try_from(cursor.position()).unwrap_or(0)),
                None => {
                    self.head.extend_from_slice(bytes);
                    return Ok(None);
                }
            }
        } else {
            self.head.extend_from_slice(&bytes[..bytes.len().min(MAX_HEAD - before)]);
            let mut cursor = Cursor::new(&self.head[..]);
            let parsed = FrameHeader::parse(&mut cursor).map_err(protocol)?;
            let Some((header, len)) = parsed else { return Ok(None) };
            let used = usize::try_from(cursor.position()).unwrap_or(0).saturating_sub(before);
            self.head.clear();
            (header, len, used)
        };
        self.enter(&header, len)?;
        Ok(Some(&bytes[used..]))
    }

    fn enter(&mut self, header: &FrameHeader, len: u64) -> Result<(), DecodeError> {
        let protocol = |what: &str| Err(DecodeError::Protocol(what.to_owned()));
        if header.rsv2 || header.rsv3 {
            return protocol("a reserved bit is set without an extension");
        }
        let mut control = None;
        match header.opcode {
            OpCode::Control(kind) => {
                if len > MAX_CONTROL || !header.is_final || header.rsv1 {
                    return protocol(
                        "a control frame that is compressed, in parts, or longer than 125 bytes",
                    );
                }
                control = Some(kind);
            }
            OpCode::Data(kind) => {
                let is_continued = matches!(kind, Data::Continue);
                if header.rsv1 && (is_continued || self.inflate.is_none()) {
                    return protocol("an unexpected compressed frame");
                }
                match (&self.message, is_continued) {
                    (None, true) => return protocol("a continuation without a first fragment"),
                    (Some(_), false) => return protocol("a message within a message"),
                    (None, false) => {
                        let is_text = matches!(kind, Data::Text);
                        let room = usize::try_from(len).unwrap_or(usize::MAX).min(self.max).min(1 << 16);
                        let data = Vec::with_capacity(room);
                        self.message = Some(InMessage { is_text, is_compressed: header.rsv1, data });
                    }
                    (Some(_), true) => {}
                }
                let so_far = self.message.as_ref().map_or(0, |message| message.data.len());
                if usize::try_from(len).unwrap_or(usize::MAX).saturating_add(so_far) > self.max {
                    return Err(DecodeError::TooLong(self.max));
                }
            }
        }
        self.frame =
            Some(InFrame { control, is_final: header.is_final, mask: header.mask, left: len, phase: 0 });
        Ok(())
    }

    /// Takes what belongs to the current frame; returns the rest.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(frame) = &mut self.frame else { return bytes };
        let into = match (frame.control, &mut self.message) {
            (None, Some(message)) => &mut message.data,
            (Some(_), _) | (None, None) => &mut self.control,
        };
        let (own, rest) = bytes.split_at(usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len()));
        let from = into.len();
        into.extend_from_slice(own);
        if let Some(mut mask) = frame.mask {
            mask.rotate_left(frame.phase);
            unmask(&mut into[from..], mask);
        }
        frame.phase = (frame.phase + own.len()) % 4;
        frame.left -= own.len() as u64;
        rest
    }

    /// The result of a complete frame.
    fn finish(&mut self, frame: &InFrame) -> Result<Option<Payload>, DecodeError> {
        let protocol = |what: String| DecodeError::Protocol(what);
        if let Some(kind) = frame.control {
            let data = std::mem::take(&mut self.control);
            return Ok(Some(match kind {
                Control::Ping => Payload::Ping(data),
                Control::Pong => Payload::Pong(data),
                Control::Close => {
                    self.is_closed = true;
                    close(&data)
                }
                Control::Reserved(code) => {
                    return Err(protocol(format!("a frame of the unknown kind {code}")));
                }
            }));
        }
        if !frame.is_final {
            return Ok(None);
        }
        let Some(InMessage { is_text, is_compressed, data }) = self.message.take() else { return Ok(None) };
        let data = match &mut self.inflate {
            Some(inflate) if is_compressed => {
                inflate.message(data, self.max).map_err(|error| match error {
                    InflateError::Broken(cause) => {
                        protocol(format!("a compressed message cannot be read: {cause}"))
                    }
                    InflateError::TooLong => DecodeError::TooLong(self.max),
                })?
            }
            _ => data,
        };
        if !is_text {
            return Ok(Some(Payload::Binary(data)));
        }
        // Invalid UTF-8 cannot be text in a recording either; the receiver closes with 1007.
        Ok(Some(match String::from_utf8(data) {
            Ok(text) => Payload::Text(text),
            Err(error) => Payload::Binary(error.into_bytes()),
        }))
    }
}

fn close(data: &[u8]) -> Payload {
    match data {
        [high, low, reason @ ..] => Payload::Close {
            code: u16::from_be_bytes([*high, *low]),
            reason: String::from_utf8_lossy(reason).into_owned(),
        },
        [] | [_] => Payload::Close { code: NO_STATUS, reason: String::new() },
    }
}

/// RFC 6455, 5.3; `mask` begins with the octet for the first byte.
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        // A chunk of eight bytes is an array of eight bytes.
        if let Ok(own) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(own) ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;

    fn frame(opcode: OpCode, is_final: bool, mask: Option<[u8; 4]>, data: &[u8]) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask, ..FrameHeader::default() };
        let mut out = Vec::new();
        Frame::from_payload(header, data.to_vec().into()).format(&mut out).expect("a frame");
        out
    }

    /// The results for bytes in pieces of `step`.
    fn read(bytes: &[u8], step: usize) -> Result<Vec<Payload>, DecodeError> {
        let (mut decoder, mut all) = (Decoder::new(1 << 20, None), Vec::new());
        for piece in bytes.chunks(step) {
            decoder.feed(piece, &mut |payload| all.push(payload))?;
        }
        Ok(all)
    }

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const MORE: OpCode = OpCode::Data(Data::Continue);

    #[test]
    fn control_frames_stand_between_fragments_and_keep_forbidden_codes() {
        let bytes = [
            frame(TEXT, false, None, b"hel"),
            frame(OpCode::Control(Control::Ping), true, None, b"?"),
            frame(MORE, true, None, b"lo"),
            frame(OpCode::Data(Data::Binary), true, None, &[0xff; 70_000]),
            frame(TEXT, true, None, &[0xff]),
            frame(OpCode::Control(Control::Close), true, None, &[0x03, 0xee, b'x']),
            frame(TEXT, true, None, b"after the close"),
        ]
        .concat();
        for step in [1, 7, 4096, bytes.len()] {
            let all = read(&bytes, step).expect("it reads");
            let expected = [
                Payload::Ping(b"?".to_vec()),
                Payload::Text("hello".to_owned()),
                Payload::Binary(vec![0xff; 70_000]),
                Payload::Binary(vec![0xff]),
                Payload::Close { code: 1006, reason: "x".to_owned() },
            ];
            assert_eq!(all, expected, "in pieces of {step}");
        }
    }

    #[test]
    fn what_is_no_frame_stops_the_reading() {
        let compressed = {
            let mut bytes = frame(TEXT, true, None, b"x");
            bytes[0] |= 0x40;
            bytes
        };
        for (bytes, expected) in [
            (compressed, "compressed"),
            (frame(MORE, true, None, b"x"), "without a first fragment"),
            ([frame(TEXT, false, None, b"x"), frame(TEXT, true, None, b"y")].concat(), "within a message"),
            (vec![0x83, 0], "opcode"),
            (vec![0x89, 126, 1, 0], "control frame"),
            (vec![0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0], "more than 1048576 bytes"),
        ] {
            let error = read(&bytes, 3).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_masked_message_is_read_however_it_is_cut(
            texts in proptest::collection::vec("[ -~]{0,300}", 1..5),
            mask: [u8; 4],
            step in 1_usize..40,
        ) {
            let bytes: Vec<u8> =
                texts.iter().flat_map(|text| frame(TEXT, true, Some(mask), text.as_bytes())).collect();
            let expected: Vec<Payload> = texts.into_iter().map(Payload::Text).collect();
            prop_assert_eq!(read(&bytes, step).expect("it reads"), expected);
        }
    }
}
