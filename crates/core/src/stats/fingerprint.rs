//! A fingerprint of text: the same on every machine, and stored in files.

/// A stable fingerprint: FNV-1a of 64 bits over the UTF-8 text, then the finalizer of MurmurHash3, so that the smallest
/// fingerprints are a fair sample.
pub fn fingerprint(text: &str) -> u64 {
    finish(fold(FNV_START, text))
}

/// The initial state of a fingerprint.
pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// A fingerprint led on by more text.
pub(crate) fn fold(state: u64, text: &str) -> u64 {
    text.bytes().fold(state, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The fingerprint of all that was folded in.
pub(crate) fn finish(mut state: u64) -> u64 {
    state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vectors of FNV-1a (64 bits), before the finalizer; files depend on them.
    #[test]
    fn fingerprints_are_those_of_every_other_day_and_machine() {
        assert_eq!(fold(FNV_START, ""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fold(FNV_START, "a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fold(FNV_START, "foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fingerprint("run_8fp67s5jk3d7fauw5qk8"), 0x6e97_abb6_a198_a486);
    }
}
