//! Finds the name of a message in the usual JSON form, at the speed of memory.
//!
//! It accepts a text only if it is certainly JSON; otherwise the caller must parse it completely. Unusual forms are
//! uncertain: line breaks and tabs, `\u` escapes, exponents, numbers of hundreds of digits, deep nesting.

/// Deeper values are in doubt.
const MAX_DEPTH: usize = 32;
/// Longer numbers are in doubt: they may be too large for any.
const MAX_NUMBER: usize = 200;
/// Most keys and many texts are shorter than it takes to begin a search by vector instructions.
const SHORT: usize = 16;

/// The value of a key in the outermost object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'t> {
    /// A string without escapes.
    Text(&'t str),
    /// Missing, or not a string.
    None,
}

/// The value of `key` in a text that is a JSON object; none if that is uncertain. The last one counts.
pub(super) fn name<'t>(text: &'t str, key: &str) -> Option<Name<'t>> {
    // Without an early exit, so that it is done for many bytes at once.
    let has_control = text.bytes().fold(false, |has, byte| has | (byte < b' '));
    if has_control {
        return None;
    }
    let mut scan = Scan { text, at: 0 };
    let mut name = Name::None;
    scan.expect(b'{')?;
    scan.members(0, |scan, own| {
        if own == key {
            name = if scan.peek()? == b'"' {
                scan.at += 1;
                Name::Text(scan.string(false)?)
            } else if matches!(scan.peek()?, b'-' | b'0'..=b'9') {
                return None;
            } else {
                scan.value(1)?;
                Name::None
            };
            return Some(());
        }
        scan.value(1)
    })?;
    scan.blank();
    (scan.at == text.len()).then_some(name)
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        while self.text.as_bytes().get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    /// The next byte that is not blank; it stays.
    fn peek(&mut self) -> Option<u8> {
        self.blank();
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The members of an object, of which the brace was read.
    fn members(
        &mut self,
        depth: usize,
        mut each: impl FnMut(&mut Scan<'t>, &'t str) -> Option<()>,
    ) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.string(false)?;
            self.expect(b':')?;
            each(self, key)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => self.string(true).map(|_| ()),
            b'{' => self.members(depth, |scan, _| scan.value(depth + 1)),
            b'[' => self.items(depth),
            b't' => self.word("rue"),
            b'f' => self.word("alse"),
            b'n' => self.word("ull"),
            b'-' => {
                let first = self.rest().first().copied()?;
                self.at += 1;
                self.number(first)
            }
            first => self.number(first),
        }
    }

    fn items(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        let is_there = self.rest().starts_with(rest.as_bytes());
        self.at += rest.len();
        is_there.then_some(())
    }

    /// A number whose first digit was read.
    fn number(&mut self, first: u8) -> Option<()> {
        let whole = self.digits();
        match first {
            b'0' if whole == 0 => {}
            b'1'..=b'9' if whole < MAX_NUMBER => {}
            _ => return None,
        }
        match self.rest().first() {
            Some(b'.') => {
                self.at += 1;
                let part = self.digits();
                let is_plain = !matches!(self.rest().first(), Some(b'e' | b'E'));
                (part > 0 && part < MAX_NUMBER && is_plain).then_some(())
            }
            Some(b'e' | b'E') => None,
            _ => Some(()),
        }
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// The text up to the closing quote of a string.
    fn string(&mut self, may_escape: bool) -> Option<&'t str> {
        let start = self.at;
        loop {
            let rest = self.rest();
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\');
            let len = match rest.iter().take(SHORT).position(ends) {
                Some(len) => len,
                None => SHORT + memchr::memchr2(b'"', b'\\', rest.get(SHORT..)?)?,
            };
            self.at += len + 1;
            if rest[len] == b'"' {
                return self.text.get(start..self.at - 1);
            }
            let escaped = rest.get(len + 1)?;
            let is_known = matches!(escaped, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't');
            if !may_escape || !is_known {
                return None;
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn is_alike(text: &str) -> bool {
        let Some(name) = name(text, "type") else { return false };
        let value: Value = serde_json::from_str(text).expect("it is JSON beyond doubt");
        let expected = value.as_object().expect("an object").get("type");
        match name {
            Name::Text(name) => assert_eq!(expected, Some(&Value::from(name)), "{text}"),
            Name::None => assert!(!expected.is_some_and(|own| own.is_string() || own.is_number()), "{text}"),
        }
        true
    }

    proptest! {
        /// Pieces of JSON in any order: most are none, some are.
        #[test]
        fn what_it_takes_is_json_and_says_the_same(
            pieces in proptest::collection::vec(prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"type\":"), Just("\"type\""),
                Just("\"a\":"), Just("\"\\n\""), Just("\"\\u00e9\""), Just("\"é\""), Just("\"\\\\\""), Just("\""), Just("1"),
                Just("-0.5"), Just("01"), Just("1e5"), Just("-"), Just("."), Just("true"), Just("null"), Just("nul"), Just(" "), Just("\n"),
                Just("\"seventeen letters and more\""), Just("{\"type\":\"x\"}"), Just("[1,[],{}]"),
            ], 0..9),
        ) {
            let text: String = pieces.concat();
            is_alike(&text);
            is_alike(&format!("{{\"type\":{text}}}"));
            is_alike(&format!("{{\"type\":\"a\",\"b\":{text}}}"));
        }

        #[test]
        fn what_programs_write_is_not_in_doubt(
            kind in "[a-z_]{1,20}", text in "[ -\\[\\]-~é]{0,60}", number in any::<i64>(), part in 0u32..1_000_000, truth: bool,
        ) {
            let text = serde_json::json!({
                "type": kind, "text": text, "n": number, "share": f64::from(part) / 8.0, "list": [truth, null, {"deep": {}}],
            }).to_string();
            prop_assert!(is_alike(&text), "{}", text);
        }
    }

    #[test]
    fn what_is_in_doubt_is_left_to_others() {
        let long = format!("{{\"type\":\"a\",\"n\":{}}}", "1".repeat(400));
        let deep = format!("{{\"type\":\"a\",\"n\":{}{}}}", "[".repeat(100), "]".repeat(100));
        for text in [
            long.as_str(),
            &deep,
            "{\"type\":1}",
            "{\"type\":\"\\u0061\"}",
            "{\"type\":\"a\",\"n\":1e999}",
            "{\"type\":\"a\",\"s\":\"\\ud800\"}",
            "{\"ty\\u0070e\":\"a\"}",
            "{\"type\":\"a\",\n\"b\":1}",
            "{\"type\":\"a\",\"b\":\"\u{1}\"}",
            "[]",
            "{\"type\":\"a\"} x",
            "{\"type\":\"a\"",
            "",
        ] {
            assert_eq!(name(text, "type"), None, "{text}");
        }
        assert_eq!(name("{\"type\":\"a\",\"type\":null}", "type"), Some(Name::None));
        assert_eq!(name(" { \"a\" : 0 , \"type\" : \"b\" } ", "type"), Some(Name::Text("b")));
    }
}
