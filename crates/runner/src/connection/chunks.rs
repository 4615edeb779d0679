//! The body of an HTTP/1.1 message: where it ends, and its bytes without the coding of its transfer (RFC 9112, 6 and 7).

/// The longest line of framing: a chunk's size with its extensions, or a trailer field.
const MAX_LINE: usize = 16 * 1024;

/// How far the body of a message is.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it has come.
    Whole,
    /// So many bytes are still to come.
    Left(u64),
    /// In chunks.
    Chunks(Chunks),
    /// Until the connection ends.
    UntilClosed,
}

impl Body {
    /// The body of a response, as its head says (RFC 9112, 6.3).
    pub(crate) fn of(method: &str, status: u16, headers: &[(String, String)]) -> Result<Body, String> {
        if method == "HEAD" || matches!(status, 204 | 304) {
            return Ok(Body::Whole);
        }
        Ok(Body::framed(headers)?.unwrap_or(Body::UntilClosed))
    }

    /// The body of a request, as its head says. Without a length and without chunks there is none (RFC 9112, 6.3).
    pub(crate) fn of_request(headers: &[(String, String)]) -> Result<Body, String> {
        Ok(Body::framed(headers)?.unwrap_or(Body::Whole))
    }

    /// What the headers say of the body's length, if they say anything.
    fn framed(headers: &[(String, String)]) -> Result<Option<Body>, String> {
        let values = |name: &'static str| {
            headers
                .iter()
                .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        };
        let codings: Vec<&str> =
            values("transfer-encoding").flat_map(|value| value.split(',')).map(str::trim).collect();
        match codings[..] {
            [] => {}
            [one] if one.eq_ignore_ascii_case("chunked") => {
                return Ok(Some(Body::Chunks(Chunks::default())));
            }
            _ => return Err(format!("an unknown transfer coding: {}", codings.join(", "))),
        }
        let mut lengths = values("content-length").flat_map(|value| value.split(',')).map(str::trim);
        let Some(length) = lengths.next() else { return Ok(None) };
        // "If all the field values in the list are valid and identical", it is that one.
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        match length.parse() {
            Ok(0) if lengths.all(|other| other == length) => Ok(Some(Body::Whole)),
            Ok(count) if is_number && lengths.all(|other| other == length) => Ok(Some(Body::Left(count))),
            _ => Err(format!("an invalid content-length: {length:?}")),
        }
    }

    /// Takes the next bytes; what they hold of the body is appended to `out`. What follows the body is left out.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Body::Whole => {}
            Body::UntilClosed => out.extend_from_slice(bytes),
            Body::Left(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                out.extend_from_slice(&bytes[..here]);
                *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                if *left == 0 {
                    *self = Body::Whole;
                }
            }
            Body::Chunks(chunks) => {
                chunks.feed(bytes, out)?;
                if chunks.part == Part::End {
                    *self = Body::Whole;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Body::Whole)
    }
}

/// The chunked transfer coding (RFC 9112, 7.1).
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    part: Part,
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    End,
}

impl Chunks {
    fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        while !bytes.is_empty() && self.part != Part::End {
            if let Part::Data(left) = self.part {
                let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                out.extend_from_slice(&bytes[..here]);
                bytes = &bytes[here..];
                let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                self.part = if left == 0 { Part::DataEnd } else { Part::Data(left) };
                continue;
            }
            let end = memchr::memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            self.line.extend_from_slice(line);
            if self.line.len() > MAX_LINE {
                return Err("an unterminated line between chunks".to_owned());
            }
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.part = self.part.after(line.trim_ascii_end())?;
            }
        }
        Ok(())
    }
}

impl Part {
    /// What comes after a line.
    fn after(self, line: &[u8]) -> Result<Part, String> {
        let text = || String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
        match self {
            Part::Size => {
                let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                let rest = line[digits..].trim_ascii_start();
                let number =
                    str::from_utf8(&line[..digits]).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
                match number.filter(|_| rest.is_empty() || rest.starts_with(b";")) {
                    Some(0) => Ok(Part::Trailer),
                    Some(size) => Ok(Part::Data(size)),
                    None => Err(format!("a chunk with an invalid size: {:?}", text())),
                }
            }
            Part::DataEnd if line.is_empty() => Ok(Part::Size),
            Part::DataEnd => Err(format!("a chunk that is longer than its size: {:?}", text())),
            Part::Trailer if line.is_empty() => Ok(Part::End),
            // Trailer fields say nothing that is needed here.
            Part::Trailer | Part::Data(_) | Part::End => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_head_says_where_a_body_ends() {
        let of = |method, status, list: &[(&str, &str)]| {
            Body::of(method, status, &headers(list)).map(|body| format!("{body:?}"))
        };
        assert_eq!(of("GET", 200, &[]).as_deref(), Ok("UntilClosed"));
        assert_eq!(of("GET", 200, &[("Content-Length", "5")]).as_deref(), Ok("Left(5)"));
        assert_eq!(of("GET", 200, &[("Content-Length", "5, 5")]).as_deref(), Ok("Left(5)"));
        assert_eq!(of("GET", 204, &[("Content-Length", "5")]).as_deref(), Ok("Whole"));
        assert_eq!(of("HEAD", 200, &[("Content-Length", "5")]).as_deref(), Ok("Whole"));
        assert!(
            of("GET", 200, &[("Transfer-Encoding", "Chunked"), ("Content-Length", "5")])
                .expect("it is")
                .starts_with("Chunks")
        );
        for (name, value) in
            [("content-length", "+5"), ("content-length", "5, 6"), ("transfer-encoding", "gzip, chunked")]
        {
            assert!(of("GET", 200, &[(name, value)]).is_err(), "{value}");
        }
    }

    #[test]
    fn broken_chunks_are_told() {
        for bytes in ["x\r\n", "-1\r\n", "2\r\nabc\r\n", "ffffffffffffffffff\r\n", "\r\n"] {
            let mut body = Body::Chunks(Chunks::default());
            assert!(body.feed(bytes.as_bytes(), &mut Vec::new()).is_err(), "{bytes:?}");
        }
        let mut body = Body::Chunks(Chunks::default());
        assert!(body.feed(&[b'0'; MAX_LINE + 1], &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn chunks_in_pieces_of_any_size_hold_what_was_sent(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
            piece in 1usize..9,
            extension in prop_oneof![Just(""), Just(";a=b"), Just(" ; a")],
            trailer in prop_oneof![Just(""), Just("x-sum: 1\r\n")],
        ) {
            let mut bytes = Vec::new();
            for part in &parts {
                bytes.extend(format!("{:X}{extension}\r\n", part.len()).bytes());
                bytes.extend(part);
                bytes.extend(b"\r\n");
            }
            bytes.extend(format!("0\r\n{trailer}\r\nrest").bytes());
            let (mut body, mut out) = (Body::Chunks(Chunks::default()), Vec::new());
            for part in bytes.chunks(piece) {
                prop_assert!(!body.is_whole() || b"rest".ends_with(part) || out == parts.concat());
                body.feed(part, &mut out).expect("it is well-formed");
            }
            prop_assert!(body.is_whole());
            prop_assert_eq!(out, parts.concat());
        }
    }
}
