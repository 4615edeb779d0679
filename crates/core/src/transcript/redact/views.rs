//! A text without its escapes, and the origin of each of its bytes.
//!
//! Any character of a JSON string may be written `\u00XX`, any byte of a URL `%XX`. The search uses the view, and the
//! replacement the text.

/// A text without escapes.
#[derive(Debug)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// The differences between the view and the text: after each escape, the offsets into both. Between two of them
    /// both are equal.
    marks: Vec<(usize, usize)>,
}

impl View {
    /// The offset in the text of a byte of the view; of one that an escape made, the escape's own. The view's end is the
    /// text's end.
    pub(super) fn origin(&self, at: usize) -> usize {
        let next = self.marks.partition_point(|mark| mark.0 <= at);
        let (view, text) = next.checked_sub(1).map_or((0, 0), |last| self.marks[last]);
        let origin = text + (at - view);
        // Inside the bytes of an escape for more than one.
        self.marks.get(next).map_or(origin, |mark| origin.min(mark.1))
    }

    /// Removes escapes that begin with `sign`: `undo` returns the length of the escape and writes its character.
    fn of(text: &[u8], sign: u8, undo: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>) -> View {
        let mut view = View { bytes: Vec::with_capacity(text.len()), marks: Vec::new() };
        let mut at = 0;
        while let Some(len) = memchr::memchr(sign, &text[at..]) {
            view.bytes.extend_from_slice(&text[at..at + len]);
            at += len;
            match undo(&text[at..], &mut view.bytes) {
                Some(len) => {
                    at += len;
                    view.marks.push((view.bytes.len(), at));
                }
                None => {
                    view.bytes.push(sign);
                    at += 1;
                }
            }
        }
        view.bytes.extend_from_slice(&text[at..]);
        view
    }
}

/// With the escapes of JSON strings undone (RFC 8259, section 7); what is no escape stays.
pub(super) fn without_json_escapes(text: &[u8]) -> View {
    View::of(text, b'\\', |text, out| {
        let (len, c) = match text.get(1)? {
            next @ (b'"' | b'\\' | b'/') => (2, char::from(*next)),
            b'n' => (2, '\n'),
            b't' => (2, '\t'),
            b'r' => (2, '\r'),
            b'b' => (2, '\u{8}'),
            b'f' => (2, '\u{c}'),
            b'u' => unicode(text)?,
            _ => return None,
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Some(len)
    })
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn unicode(text: &[u8]) -> Option<(usize, char)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
    };
    let high = unit(0)?;
    if let Some(c) = char::from_u32(high) {
        return Some((6, c));
    }
    let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low))?;
    if !(0xD800..0xDC00).contains(&high) {
        return None;
    }
    char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).map(|c| (12, c))
}

/// With `%XX` undone (RFC 3986, section 2.1); what is no such escape stays.
pub(super) fn without_percent(text: &[u8]) -> View {
    View::of(text, b'%', |text, out| {
        out.push(percent(text)?);
        Some(3)
    })
}

/// The byte of a text that begins with `%XX`.
pub(super) fn percent(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    if text.first() != Some(&b'%') {
        return None;
    }
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_their_places_kept() {
        let text = r#"a\u0062\"\ud83d\ude00\/\x"#.as_bytes();
        let view = without_json_escapes(text);
        assert_eq!(String::from_utf8_lossy(&view.bytes), "ab\"\u{1f600}/\\x");
        let origins: Vec<usize> = (0..=view.bytes.len()).map(|at| view.origin(at)).collect();
        // The four bytes of the emoji come from one pair of escapes, of which only the first byte's place is
        // requested.
        assert_eq!((&origins[..4], &origins[7..]), (&[0, 1, 7, 9][..], &[21, 23, 24, 25][..]));

        let view = without_percent(b"%41%zz%c3%A9%4");
        assert_eq!(String::from_utf8_lossy(&view.bytes), "A%zz\u{e9}%4");
        let origins: Vec<usize> = (0..=view.bytes.len()).map(|at| view.origin(at)).collect();
        assert_eq!(origins, [0, 3, 4, 5, 6, 9, 12, 13, 14]);
    }
}
