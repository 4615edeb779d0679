//! Finds the ends of TLS records in a stream of bytes by their headers, without the contents.

/// Follows TLS records (RFC 8446, 5.1) through the bytes of one direction.
///
/// It trusts every length. Other bytes than records confuse it, but their reader then fails anyway.
#[derive(Debug, Default)]
pub(super) struct TlsRecordTracker {
    head: [u8; HEAD],
    /// The number of header bytes so far.
    have: usize,
    /// The number of remaining bytes of the record.
    left: usize,
}

/// A type, two bytes of version, two of length.
const HEAD: usize = 5;

impl TlsRecordTracker {
    /// Whether the latest byte ended a record, or nothing came yet.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.have == 0
    }

    /// Goes on over the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let here = self.left.min(bytes.len());
                bytes = &bytes[here..];
                self.left -= here;
                continue;
            }
            let more = (HEAD - self.have).min(bytes.len());
            self.head[self.have..self.have + more].copy_from_slice(&bytes[..more]);
            bytes = &bytes[more..];
            self.have += more;
            if self.have == HEAD {
                let [_, _, _, high, low] = self.head;
                (self.have, self.left) = (0, u16::from_be_bytes([high, low]).into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_of_any_size_in_pieces_of_any_size_are_followed(
            sizes in proptest::collection::vec(0u16..20_000, 1..6), piece in 1usize..9000,
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for size in sizes {
                bytes.extend([23, 3, 3]);
                bytes.extend(size.to_be_bytes());
                bytes.resize(bytes.len() + usize::from(size), 0x17);
                ends.push(bytes.len());
            }
            let mut walk = TlsRecordTracker::default();
            let mut fed = 0;
            for part in bytes.chunks(piece) {
                walk.feed(part);
                fed += part.len();
                prop_assert_eq!(walk.is_between(), ends.contains(&fed));
            }
        }
    }
}
