//! Texts as captures write them.

use crate::transcript::{End, Side};
use std::borrow::Cow;

/// A JSON text in which every escape that is half of a surrogate pair (RFC 8259, section 8.2) is U+FFFD instead.
pub(crate) fn mend_surrogates(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"\\u").is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
    };
    let (mut out, mut from, mut at) = (String::new(), 0, 0);
    while let Some(len) = memchr::memchr(b'\\', &bytes[at..]) {
        at += len;
        match unit(at) {
            Some(0xD800..=0xDBFF) if unit(at + 6).is_some_and(|low| (0xDC00..0xE000).contains(&low)) => {
                at += 12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[from..at]);
                out.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            _ => at = (at + 2).min(bytes.len()),
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// How a session ended, as goldens write it: `client 1000`, `server 1008`, `dropped`.
pub fn parse_ending(text: &str) -> Option<End> {
    let mut words = text.split_whitespace();
    let by = match words.next()? {
        "client" => Side::Client,
        "server" => Side::Server,
        "dropped" => return Some(End::Dropped { detail: "the capture ends here".to_owned() }),
        _ => return None,
    };
    let code = words.next()?.parse().ok()?;
    words.next().is_none().then(|| End::Closed { by, code, reason: String::new() })
}
