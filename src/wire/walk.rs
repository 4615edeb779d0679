//! Where frames end in a stream of bytes, by their headers alone: what they hold is not looked at.

/// Follows WebSocket frames (RFC 6455, 5.2) or TLS records (RFC 8446, 5.1) through the bytes of one direction.
///
/// It believes every length it sees. Bytes that are no frames lead it astray, but whoever reads them breaks off anyway.
#[derive(Debug)]
pub(super) struct Walk {
    kind: Kind,
    header: [u8; MAX_HEADER],
    /// So much of the header is there.
    have: usize,
    /// So many bytes of the frame are still to come.
    left: u64,
    is_final: bool,
    whole: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    WebSocket,
    Tls,
}

/// Two bytes, eight of length, four of mask.
const MAX_HEADER: usize = 14;

impl Walk {
    /// Over WebSocket frames, of either side.
    pub(super) fn frames() -> Walk {
        Walk::new(Kind::WebSocket)
    }

    /// Over TLS records.
    pub(super) fn tls() -> Walk {
        Walk::new(Kind::Tls)
    }

    fn new(kind: Kind) -> Walk {
        Walk { kind, header: [0; MAX_HEADER], have: 0, left: 0, is_final: false, whole: 0 }
    }

    /// How many messages and control frames have ended, or records.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether the latest byte ended a frame, or nothing came yet.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.have == 0
    }

    /// Goes on over the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let here = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                bytes = &bytes[here..];
                self.left = self.left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
            } else {
                bytes = rest;
                self.header[self.have] = first;
                self.have += 1;
                let Some(length) = self.length() else { continue };
                self.have = 0;
                self.left = length;
            }
            if self.left == 0 && self.is_final {
                self.whole += 1;
            }
        }
    }

    /// The length that the header says, once all of it is there.
    fn length(&mut self) -> Option<u64> {
        let header = self.header.get(..self.have)?;
        let (length, is_final) = match (self.kind, header) {
            (Kind::Tls, [_, _, _, high, low]) => (u64::from(u16::from_be_bytes([*high, *low])), true),
            (Kind::WebSocket, [first, second, more @ ..]) => {
                let mask = if second & 0x80 == 0 { 0 } else { 4 };
                let wide = match second & 0x7f {
                    126 => 2,
                    127 => 8,
                    _ => 0,
                };
                if more.len() < wide + mask {
                    return None;
                }
                let short = u64::from(second & 0x7f);
                let long = more[..wide].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                // The first bit says whether the frame ends its message; control frames always do.
                (if wide == 0 { short } else { long }, first & 0x80 != 0)
            }
            (Kind::Tls | Kind::WebSocket, _) => return None,
        };
        self.is_final = is_final;
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    proptest! {
        #[test]
        fn frames_of_any_size_in_pieces_of_any_size_are_counted(
            sizes in proptest::collection::vec((0usize..70_000, any::<bool>(), any::<bool>()), 1..6),
            piece in 1usize..9000,
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![(0, 0)]);
            for (size, is_final, is_masked) in sizes {
                let header = FrameHeader {
                    is_final,
                    opcode: OpCode::Data(Data::Binary),
                    mask: is_masked.then_some([1, 2, 3, 4]),
                    ..FrameHeader::default()
                };
                header.format(size as u64, &mut bytes).expect("memory does not fail");
                bytes.resize(bytes.len() + size, 0x81);
                let whole = ends.last().map_or(0, |(_, whole)| *whole) + u64::from(is_final);
                ends.push((bytes.len(), whole));
            }
            let mut walk = Walk::frames();
            let mut fed = 0;
            for part in bytes.chunks(piece) {
                walk.feed(part);
                fed += part.len();
                let (end, whole) = ends.iter().rev().find(|(end, _)| *end <= fed).expect("the start");
                prop_assert_eq!((walk.whole(), walk.is_between()), (*whole, *end == fed));
            }
        }
    }

    #[test]
    fn tls_records_are_followed() {
        let mut walk = Walk::tls();
        walk.feed(&[23, 3, 3, 0, 2, 1, 2, 23, 3]);
        assert_eq!((walk.whole(), walk.is_between()), (1, false));
        walk.feed(&[3, 0, 1, 9]);
        assert_eq!((walk.whole(), walk.is_between()), (2, true));
    }
}
