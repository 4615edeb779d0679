//! Parses a server's frames (RFC 6455, section 5) from bytes as they arrive, strictly by the standard.
//!
//! The WebSocket library also parses frames, but one at a time, into separate memory, through a buffer for every
//! connection. Here a read is parsed in place: a complete message is not copied, and an idle connection holds no
//! memory. Frames are passed by reference; the caller interprets them. Protocol violations have the same names as in
//! the library, and a test compares both.

use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::Data;

/// The longest head of a frame that a server may send: 2 bytes and 8 of length.
const MAX_HEAD: usize = 10;
/// RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less".
const MAX_CONTROL: usize = 125;
/// The maximum of memory that is reserved for a message, independent of its announced length.
const MAX_ROOM: usize = 1 << 20;
/// The status of a close frame without one; it never occurs in a frame (RFC 6455, 7.4.1).
pub(super) const NO_STATUS: u16 = 1005;

/// A message or a control frame that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'b> {
    Text(&'b str),
    Binary(&'b [u8]),
    Ping(&'b [u8]),
    Pong(&'b [u8]),
    /// Nothing after it counts.
    Close {
        code: u16,
        reason: &'b str,
    },
}

/// The reason why the bytes cannot be parsed any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// A message is longer than is taken.
    TooLong { size: usize, max: usize },
    /// A text, or the reason of a close, is not UTF-8.
    Utf8,
    /// These are not the frames of RFC 6455.
    Protocol(ProtocolError),
}

impl Broken {
    /// With which code a client leaves then (RFC 6455, 7.4.1).
    pub(super) fn code(&self) -> u16 {
        match self {
            Broken::TooLong { .. } => 1009,
            Broken::Utf8 => 1007,
            Broken::Protocol(_) => 1002,
        }
    }
}

/// The state of a connection's bytes.
#[derive(Debug)]
pub(super) struct Frames {
    max: usize,
    /// The beginning of a head that is not complete.
    head: [u8; MAX_HEAD],
    have: usize,
    /// The frame whose payload is being read.
    frame: Option<InFrame>,
    /// A message of which fragments are still to come, and whether it is a text.
    message: Option<bool>,
    /// The payload of a message that did not come at once.
    data: Vec<u8>,
    /// The number of bytes that are known to be UTF-8, for a text in fragments.
    checked: usize,
    /// The payload of an incomplete control frame, which may come between fragments.
    control: Vec<u8>,
    is_closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct InFrame {
    kind: Kind,
    is_final: bool,
    /// The number of remaining payload bytes.
    left: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data { is_text: bool },
    Ping,
    Pong,
    Close,
}

impl Frames {
    /// At the first byte after the handshake. Messages of more than `max` bytes are not read.
    pub(super) fn new(max: usize) -> Frames {
        Frames {
            max,
            head: [0; MAX_HEAD],
            have: 0,
            frame: None,
            message: None,
            data: Vec::new(),
            checked: 0,
            control: Vec::new(),
            is_closed: false,
        }
    }

    /// Reads the next bytes and tells each message and control frame that they complete, and whether it ends with the
    /// last of them.
    ///
    /// # Errors
    /// If they are invalid; nothing more may be fed then.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        tell: &mut impl FnMut(Message<'_>, bool),
    ) -> Result<(), Broken> {
        while !self.is_closed {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin(bytes)? {
                    Some((frame, rest)) => {
                        bytes = rest;
                        frame
                    }
                    None => return Ok(()),
                },
            };
            let (own, rest) = bytes.split_at(frame.left.min(bytes.len()));
            bytes = rest;
            frame.left -= own.len();
            if frame.left > 0 {
                self.keep(frame, own);
                self.frame = Some(frame);
                return Ok(());
            }
            self.finish(frame, own, rest.is_empty(), tell)?;
        }
        Ok(())
    }

    /// Reads a frame's head; the frame and what follows its head, or nothing if it is not complete.
    fn begin<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(InFrame, &'b [u8])>, Broken> {
        let before = self.have;
        if before == 0
            && let Some(head) = Head::of(bytes)
        {
            return Ok(Some((self.enter(head)?, &bytes[head.size..])));
        }
        let more = bytes.len().min(MAX_HEAD - before);
        self.head[before..before + more].copy_from_slice(&bytes[..more]);
        self.have += more;
        let Some(head) = Head::of(&self.head[..self.have]) else { return Ok(None) };
        self.have = 0;
        Ok(Some((self.enter(head)?, &bytes[head.size - before..])))
    }

    fn enter(&mut self, head: Head) -> Result<InFrame, Broken> {
        let wrong = |error| Err(Broken::Protocol(error));
        let is_final = head.first & 0x80 != 0;
        let left = usize::try_from(head.length).unwrap_or(usize::MAX);
        if head.first & 0x70 != 0 {
            return wrong(ProtocolError::NonZeroReservedBits);
        }
        // RFC 6455, 5.1: "A server MUST NOT mask any frames that it sends to the client."
        if head.is_masked {
            return wrong(ProtocolError::MaskedFrameFromServer);
        }
        let kind = match (head.first & 0x0f, self.message) {
            (0, None) => return wrong(ProtocolError::UnexpectedContinueFrame),
            (0, Some(is_text)) => Kind::Data { is_text },
            (1, None) => Kind::Data { is_text: true },
            (2, None) => Kind::Data { is_text: false },
            (1, Some(_)) => return wrong(ProtocolError::ExpectedFragment(Data::Text)),
            (2, Some(_)) => return wrong(ProtocolError::ExpectedFragment(Data::Binary)),
            (8, _) => Kind::Close,
            (9, _) => Kind::Ping,
            (10, _) => Kind::Pong,
            (other, _) => return wrong(ProtocolError::InvalidOpcode(other)),
        };
        match kind {
            Kind::Data { .. } => {
                let size = left.saturating_add(self.data.len());
                if size > self.max {
                    return Err(Broken::TooLong { size, max: self.max });
                }
            }
            Kind::Ping | Kind::Pong | Kind::Close if !is_final => {
                return wrong(ProtocolError::FragmentedControlFrame);
            }
            Kind::Ping | Kind::Pong | Kind::Close if left > MAX_CONTROL => {
                return wrong(ProtocolError::ControlFrameTooBig);
            }
            Kind::Ping | Kind::Pong | Kind::Close => {}
        }
        Ok(InFrame { kind, is_final, left })
    }

    /// Keeps a piece of a payload of which more is to come.
    fn keep(&mut self, frame: InFrame, own: &[u8]) {
        let kept = match frame.kind {
            Kind::Data { .. } => &mut self.data,
            Kind::Ping | Kind::Pong | Kind::Close => &mut self.control,
        };
        if kept.is_empty() {
            kept.reserve(frame.left.min(MAX_ROOM) + own.len());
        }
        kept.extend_from_slice(own);
    }

    /// Whether a text may still become UTF-8, of which a fragment has come: it may end within a character.
    fn check(&mut self) -> Result<(), Broken> {
        let new = &self.data[self.checked..];
        self.checked += match std::str::from_utf8(new) {
            Ok(_) => new.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(Broken::Utf8),
        };
        Ok(())
    }

    /// Tells what a complete frame completes; `own` is its payload, or the last piece of it.
    fn finish(
        &mut self,
        frame: InFrame,
        own: &[u8],
        is_last: bool,
        tell: &mut impl FnMut(Message<'_>, bool),
    ) -> Result<(), Broken> {
        let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Broken::Utf8);
        if let Kind::Data { is_text } = frame.kind {
            if !frame.is_final {
                self.message = Some(is_text);
                self.data.extend_from_slice(own);
                return if is_text { self.check() } else { Ok(()) };
            }
            (self.message, self.checked) = (None, 0);
            // Its memory is released: there are thousands of connections, and most messages arrive complete.
            let mut data = std::mem::take(&mut self.data);
            let whole = if data.is_empty() {
                own
            } else {
                data.extend_from_slice(own);
                &data
            };
            let message = if is_text { Message::Text(utf8(whole)?) } else { Message::Binary(whole) };
            tell(message, is_last);
            return Ok(());
        }
        let mut control = std::mem::take(&mut self.control);
        control.extend_from_slice(own);
        let message = match (frame.kind, &control[..]) {
            (Kind::Ping, payload) => Message::Ping(payload),
            (Kind::Pong, payload) => Message::Pong(payload),
            (Kind::Close | Kind::Data { .. }, []) => Message::Close { code: NO_STATUS, reason: "" },
            (Kind::Close | Kind::Data { .. }, [high, low, reason @ ..]) => {
                Message::Close { code: u16::from_be_bytes([*high, *low]), reason: utf8(reason)? }
            }
            (Kind::Close | Kind::Data { .. }, [_]) => {
                return Err(Broken::Protocol(ProtocolError::InvalidCloseSequence));
            }
        };
        self.is_closed = frame.kind == Kind::Close;
        tell(message, is_last);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Head {
    first: u8,
    is_masked: bool,
    length: u64,
    /// The number of its bytes, without the mask.
    size: usize,
}

impl Head {
    /// The head at the beginning of these bytes, if it is complete.
    fn of(bytes: &[u8]) -> Option<Head> {
        let [first, second, more @ ..] = bytes else { return None };
        let (length, size) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*more.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*more.first_chunk()?), 10),
            short => (u64::from(short), 2),
        };
        Some(Head { first: *first, is_masked: second & 0x80 != 0, length, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::transcript::Payload;
    use proptest::prelude::*;
    use std::io::{Cursor, Read, Write};
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, OpCode};
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{self, Error, WebSocket};

    const MAX: usize = 1000;

    /// The parsed frames, and the end of parsing, in the words of both readers.
    type Outcome = (Vec<Payload>, Option<String>);

    fn owned(message: Message<'_>) -> Payload {
        match message {
            Message::Text(text) => Payload::Text(text.to_owned()),
            Message::Binary(bytes) => Payload::Binary(bytes.to_owned()),
            Message::Ping(bytes) => Payload::Ping(bytes.to_owned()),
            Message::Pong(bytes) => Payload::Pong(bytes.to_owned()),
            Message::Close { code, reason } => Payload::Close { code, reason: reason.to_owned() },
        }
    }

    /// In pieces of `step` bytes.
    fn ours(bytes: &[u8], step: usize) -> Outcome {
        let (mut frames, mut all) = (Frames::new(MAX), Vec::new());
        for piece in bytes.chunks(step) {
            let mut lasts = Vec::new();
            let read = frames.feed(piece, &mut |message, is_last| {
                all.push(owned(message));
                lasts.push(is_last);
            });
            assert!(lasts.iter().rev().skip(1).all(|is_last| !is_last), "{lasts:?}");
            if let Err(broken) = read {
                let error = match broken {
                    Broken::TooLong { .. } => "too long".to_owned(),
                    Broken::Utf8 => "utf-8".to_owned(),
                    Broken::Protocol(error) => error.to_string(),
                };
                return (all, Some(error));
            }
            if frames.is_closed {
                break;
            }
        }
        (all, None)
    }

    /// A stream that only reads; what is answered goes nowhere.
    struct Bytes<'b>(Cursor<&'b [u8]>);

    impl Read for Bytes<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Bytes<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn theirs(bytes: &[u8]) -> Outcome {
        let config = WebSocketConfig::default().max_message_size(Some(MAX)).max_frame_size(Some(MAX));
        let mut socket = WebSocket::from_raw_socket(Bytes(Cursor::new(bytes)), Role::Client, Some(config));
        let mut all = Vec::new();
        loop {
            let payload = match socket.read() {
                Ok(tungstenite::Message::Text(text)) => Payload::Text(text.to_string()),
                Ok(tungstenite::Message::Binary(bytes)) => Payload::Binary(bytes.to_vec()),
                Ok(tungstenite::Message::Ping(bytes)) => Payload::Ping(bytes.to_vec()),
                Ok(tungstenite::Message::Pong(bytes)) => Payload::Pong(bytes.to_vec()),
                Ok(tungstenite::Message::Close(frame)) => {
                    let (code, reason) = frame
                        .map_or((NO_STATUS, String::new()), |own| (own.code.into(), own.reason.to_string()));
                    all.push(Payload::Close { code, reason });
                    return (all, None);
                }
                Ok(tungstenite::Message::Frame(_)) => panic!("it assembles messages"),
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return (all, None),
                Err(Error::Capacity(_)) => return (all, Some("too long".to_owned())),
                Err(Error::Utf8(_)) => return (all, Some("utf-8".to_owned())),
                Err(Error::Protocol(error)) => return (all, Some(error.to_string())),
                Err(error) => panic!("{error}"),
            };
            all.push(payload);
        }
    }

    fn put(bytes: &mut Vec<u8>, opcode: u8, is_final: bool, mask: Option<[u8; 4]>, payload: &[u8]) {
        let header = FrameHeader { is_final, opcode: OpCode::from(opcode), mask, ..FrameHeader::default() };
        header.format(payload.len() as u64, bytes).expect("memory does not fail");
        bytes.extend_from_slice(payload);
    }

    /// The usual messages of servers: texts and bytes, in fragments or not, with control frames between.
    fn conversation() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![any::<String>(), "[a-z]{0,300}"].prop_map(|text| (1, text.into_bytes()));
        let bytes = proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (2, bytes));
        let cuts = proptest::collection::vec(any::<prop::sample::Index>(), 0..3);
        let control = proptest::option::of((9u8..=10, proptest::collection::vec(any::<u8>(), 0..=125)));
        let message = (prop_oneof![text, bytes], cuts, control);
        let close = proptest::option::of((prop_oneof![Just(1000u16), 3000..5000u16], "[a-zä]{0,20}"));
        (proptest::collection::vec(message, 0..8), close).prop_map(|(messages, close)| {
            let mut all = Vec::new();
            for ((kind, data), cuts, control) in messages {
                let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
                ends.extend([0, data.len()]);
                ends.sort_unstable();
                for (index, pair) in ends.windows(2).enumerate() {
                    if let Some((kind, data)) = control.as_ref().filter(|_| index > 0) {
                        put(&mut all, *kind, true, None, data);
                    }
                    let is_final = index + 2 == ends.len();
                    put(&mut all, if index == 0 { kind } else { 0 }, is_final, None, &data[pair[0]..pair[1]]);
                }
            }
            if let Some((code, reason)) = close {
                put(&mut all, 8, true, None, &[&code.to_be_bytes(), reason.as_bytes()].concat());
                put(&mut all, 1, true, None, b"after the end");
            }
            all
        })
    }

    proptest! {
        #[test]
        fn what_servers_send_is_read_as_the_library_reads_it(
            bytes in conversation(), cut in any::<prop::sample::Index>(), step in 1usize..400,
        ) {
            let part = &bytes[..cut.index(bytes.len() + 1)];
            prop_assert_eq!(ours(part, step), theirs(part));
            prop_assert_eq!(ours(&bytes, step), theirs(&bytes));
        }

        /// A byte that was changed may break two rules at once, of which either may be named; that something is wrong,
        /// and what was read before it, both agree on.
        #[test]
        fn what_no_server_may_send_stops_both(
            bytes in conversation(), places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
            step in 1usize..400,
        ) {
            prop_assume!(!bytes.is_empty());
            let mut bytes = bytes;
            for (place, byte) in places {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            let ((ours, wrong), (theirs, broken)) = (ours(&bytes, step), theirs(&bytes));
            match broken {
                // The library waits for a frame's end before it checks its head; here its head is enough.
                None if wrong.is_some() => prop_assert!(ours == theirs),
                None => {
                    let codes = |all: &[Payload]| all.iter().filter(|own| !matches!(own, Payload::Close { .. })).cloned().collect::<Vec<_>>();
                    // An invalid code is reported unchanged; the library reports 1002 instead.
                    prop_assert_eq!(codes(&ours), codes(&theirs));
                }
                Some(_) => prop_assert!(wrong.is_some() && ours == theirs, "{wrong:?} {ours:?} {theirs:?}"),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1usize..50) {
            let _ = ours(&bytes, step);
        }
    }

    #[test]
    fn each_rule_is_named_as_the_library_names_it() {
        let frame = |opcode, is_final, mask, payload: &[u8]| {
            let mut bytes = Vec::new();
            put(&mut bytes, opcode, is_final, mask, payload);
            bytes
        };
        let text: u8 = OpCode::Data(Data::Text).into();
        let ping: u8 = OpCode::Control(Control::Ping).into();
        for bytes in [
            b"\xc1\x01a".to_vec(),
            frame(text, true, Some([1, 2, 3, 4]), b"masked"),
            frame(0, true, None, b"continues nothing"),
            [frame(text, false, None, b"a"), frame(text, true, None, b"b")].concat(),
            [frame(2, false, None, b"a"), frame(2, true, None, b"b")].concat(),
            frame(ping, false, None, b"in parts"),
            frame(ping, true, None, &[b'x'; 126]),
            frame(3, true, None, b""),
            frame(11, true, None, b""),
            frame(8, true, None, b"\x03"),
            frame(8, true, None, b"\x03\xe8\xff"),
            frame(text, true, None, b"\xff"),
            [frame(text, false, None, b"\xc3"), frame(0, true, None, b"(")].concat(),
            frame(2, true, None, &[0; MAX + 1]),
            [frame(2, false, None, &[0; MAX]), frame(0, true, None, b"1")].concat(),
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ] {
            let (ours, theirs) = (ours(&bytes, bytes.len()), theirs(&bytes));
            assert!(ours.1.is_some() && ours.0.is_empty(), "{bytes:?}");
            // The last one is masked, too; the library checks its length first.
            if bytes[1] != 0xff {
                assert_eq!(ours, theirs);
            }
        }
        assert_eq!(Broken::TooLong { size: 2, max: 1 }.code(), 1009);
    }
}
