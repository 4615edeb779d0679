//! JSON texts, one a line: bytes → lines → their content (NDJSON, JSON Lines; RFC 7464, "JSON Text Sequences").
//!
//! ```text
//! {"message":{"content":"About"},"done":false}\n
//! ␞{"a":1}\n                                      RFC 7464: a record separator (U+001E) before each text
//! ```

/// The bytes of one stream, cut after each line feed. Every byte is kept.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The bytes after the last line feed.
    pending: Vec<u8>,
    /// The number of its bytes that were searched.
    searched: usize,
}

impl Lines {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The number of bytes that wait for the end of their line.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next whole line, with its line feed.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        let Some(end) = memchr::memchr(b'\n', &self.pending[self.searched..]) else {
            self.searched = self.pending.len();
            return None;
        };
        let rest = self.pending.split_off(self.searched + end + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.pending, rest))
    }

    /// The bytes after the last line feed. A stream need not end with one.
    pub fn rest(self) -> Vec<u8> {
        self.pending
    }
}

/// The text of a line, without its end, its record separator, and a byte order mark before the first one.
pub(super) fn content(line: &str, is_first: bool) -> &str {
    let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
    line.trim_matches(['\u{1e}', '\r', '\n', ' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_kept_and_the_cuts_of_the_network_change_nothing(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'{'), any::<u8>()], 0..200),
            size in 1usize..50,
        ) {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in bytes.chunks(size) {
                lines.push(piece);
                found.extend(std::iter::from_fn(|| lines.next_line()));
            }
            let rest = lines.rest();
            let expected: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            found.extend((!rest.is_empty()).then_some(rest));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_line_is_read_without_what_frames_it() {
        assert_eq!(content("\u{feff}\u{1e}{\"a\":1}\r\n", true), "{\"a\":1}");
        assert_eq!(content("\n", false), "");
    }
}
