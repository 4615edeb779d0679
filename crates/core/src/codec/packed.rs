//! Messages that were compressed by the application: gzip (RFC 1952), zlib (RFC 1950), or deflate as it is (RFC 1951).
//!
//! Each frame is whole: a stream that goes on over all frames of a connection is another thing, and is not read.

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::{Read, Write};

/// How an application has compressed each of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950).
    Zlib,
    /// Deflate without a head (RFC 1951).
    Deflate,
}

impl Packing {
    /// All of them.
    pub const ALL: [Packing; 3] = [Packing::Gzip, Packing::Zlib, Packing::Deflate];

    /// The bytes that a frame holds, if they are no more than `limit`; none where it is not compressed so from its first byte
    /// to its last.
    pub fn unpack(self, frame: &[u8], limit: u64) -> Option<Vec<u8>> {
        unpack(self, frame, limit)
    }

    /// The frame that holds these bytes.
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        pack(self, bytes)
    }

    /// Whether a frame says by its first bytes that it is written so. Raw deflate never does.
    pub fn begins(self, frame: &[u8]) -> bool {
        match (self, frame) {
            (Packing::Gzip, frame) => frame.starts_with(&[0x1f, 0x8b]),
            // RFC 1950, section 2.2: deflate with the usual window, and a check of the two bytes.
            (Packing::Zlib, [0x78, flags, ..]) => (0x7800 | u16::from(*flags)) % 31 == 0,
            (Packing::Zlib | Packing::Deflate, _) => false,
        }
    }
}

/// The bytes that a frame holds, if they are no more than `limit`; none where it is not compressed so from its first byte to
/// its last.
pub(super) fn unpack(packing: Packing, frame: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // One more than there may be tells that there is more.
    let most = limit.saturating_add(1);
    let rest = match packing {
        Packing::Gzip => {
            let mut reader = GzDecoder::new(frame);
            (&mut reader).take(most).read_to_end(&mut out).ok()?;
            reader.into_inner()
        }
        Packing::Zlib => {
            let mut reader = ZlibDecoder::new(frame);
            (&mut reader).take(most).read_to_end(&mut out).ok()?;
            reader.into_inner()
        }
        Packing::Deflate => {
            let mut reader = DeflateDecoder::new(frame);
            (&mut reader).take(most).read_to_end(&mut out).ok()?;
            reader.into_inner()
        }
    };
    (rest.is_empty() && out.len() as u64 <= limit).then_some(out)
}

/// The frame that holds these bytes; the same bytes make the same frame.
pub(super) fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    let level = Compression::default();
    // Memory takes whatever is written to it.
    match packing {
        Packing::Gzip => {
            let mut writer = GzEncoder::new(Vec::new(), level);
            writer.write_all(bytes).and_then(|()| writer.finish()).unwrap_or_default()
        }
        Packing::Zlib => {
            let mut writer = ZlibEncoder::new(Vec::new(), level);
            writer.write_all(bytes).and_then(|()| writer.finish()).unwrap_or_default()
        }
        Packing::Deflate => {
            let mut writer = DeflateEncoder::new(Vec::new(), level);
            writer.write_all(bytes).and_then(|()| writer.finish()).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bomb_is_not_unpacked() {
        for packing in Packing::ALL {
            let bomb = pack(packing, &vec![b' '; 1 << 20]);
            assert!(bomb.len() < 4096);
            assert_eq!(unpack(packing, &bomb, 1 << 20).map(|bytes| bytes.len()), Some(1 << 20));
            assert_eq!(unpack(packing, &bomb, (1 << 20) - 1), None);
            // What follows is no part of it.
            assert_eq!(unpack(packing, &[&bomb[..], b"x"].concat(), 1 << 20), None);
            assert_eq!(unpack(packing, &bomb[..bomb.len() - 1], 1 << 20), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for packing in Packing::ALL {
                let frame = pack(packing, &bytes);
                prop_assert_eq!(&frame, &pack(packing, &bytes));
                prop_assert_eq!(unpack(packing, &frame, 200), Some(bytes.clone()));
                // Whatever else comes is unpacked or not.
                unpack(packing, &bytes, 1 << 16);
            }
        }
    }
}
