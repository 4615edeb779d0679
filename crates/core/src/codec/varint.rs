//! Integers in as many bytes as necessary, seven bits per byte, the lowest first (LEB128); a byte of 128 or more
//! continues. Protocol Buffers, Yjs, SignalR and MQTT (MQTT 5.0, section 1.5.5) use them.

/// The number at the start of bytes, and its length; none if it does not end within `most` bytes, or has more than 64
/// bits.
pub(crate) fn read(bytes: &[u8], most: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(most) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(7 * at).ok().filter(|shift| *shift < 64)?;
        if bits.leading_zeros() < shift {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Writes a number in as few bytes as it needs.
pub(crate) fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_ends_with_the_first_byte_below_128() {
        for (bytes, expected) in [
            (&b"\x00"[..], Some((0, 1))),
            (b"\x7f\xff", Some((127, 1))),
            (b"\x80\x01", Some((128, 2))),
            (b"\x96\x01x", Some((150, 2))),
            // In more bytes than necessary.
            (b"\x81\x80\x00", Some((1, 3))),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Some((u64::MAX, 10))),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", None),
            (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", None),
            (b"\x80", None),
            (b"", None),
        ] {
            assert_eq!(read(bytes, 11), expected, "{bytes:?}");
        }
        assert_eq!((read(b"\x80\x01", 1), read(b"\x80\x01", 2)), (None, Some((128, 2))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<u64>(), shift in 0..64u32, rest in any::<[u8; 2]>()) {
            let mut bytes = Vec::new();
            write(value >> shift, &mut bytes);
            let length = bytes.len();
            bytes.extend(rest);
            prop_assert_eq!(read(&bytes, 10), Some((value >> shift, length)));
        }
    }
}
