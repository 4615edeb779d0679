//! Messages that the application compressed: gzip (RFC 1952), zlib (RFC 1950), or raw deflate (RFC 1951).
//!
//! Each frame is complete. A stream that is compressed across all frames of a connection is not supported.

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::{Read, Write};

/// The compression of each frame by the application.
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
    /// All values.
    pub const ALL: [Packing; 3] = [Packing::Gzip, Packing::Zlib, Packing::Deflate];

    /// Decompresses a frame, up to `limit` bytes. None if the frame is not compressed in this way as a whole.
    pub fn unpack(self, frame: &[u8], limit: u64) -> Option<Vec<u8>> {
        unpack(self, frame, limit)
    }

    /// Compresses these bytes into a frame.
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        pack(self, bytes)
    }

    /// Whether the first bytes of a frame have the signature of this compression. Raw deflate has none.
    pub fn begins(self, frame: &[u8]) -> bool {
        match (self, frame) {
            (Packing::Gzip, frame) => frame.starts_with(&[0x1f, 0x8b]),
            // RFC 1950, section 2.2: deflate with the usual window, and a check of the two bytes.
            (Packing::Zlib, [0x78, flags, ..]) => (0x7800 | u16::from(*flags)) % 31 == 0,
            (Packing::Zlib | Packing::Deflate, _) => false,
        }
    }
}

/// Decompresses a frame, up to `limit` bytes. None if the frame is not compressed in this way as a whole.
pub(super) fn unpack(packing: Packing, frame: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // One more than the limit shows that there is more.
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
    // Writing to memory cannot fail.
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
            // The following bytes are not part of it.
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
                // Other data is decompressed or not.
                unpack(packing, &bytes, 1 << 16);
            }
        }
    }
}
