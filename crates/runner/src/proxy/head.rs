//! The head of an HTTP/1.1 message: read whole, passed on as it came but for what a relay must change.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head that is taken; servers rarely take more.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// How many headers there may be.
const MAX_HEADERS: usize = 128;

/// Why there is no head.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    /// It goes on and on.
    #[error("an HTTP head of more than {MAX_HEAD} bytes")]
    TooLong,
    /// It is something else.
    #[error("not HTTP/1.1: {0}")]
    Malformed(String),
    /// The connection ended within it.
    #[error("the connection ended: {0}")]
    Io(#[from] io::Error),
}

/// Whose head it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

/// A request's or a response's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The first line, without its end.
    pub(super) line: String,
    /// A response's status; 0 for a request.
    pub(super) status: u16,
    /// In the order of the wire.
    headers: Vec<(String, Vec<u8>)>,
}

/// Reads a head; what was read beyond it stays in `buffer`. Nothing if the connection ends before a head begins.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    kind: Kind,
    buffer: &mut Vec<u8>,
) -> Result<Option<Head>, HeadError> {
    loop {
        if let Some((head, len)) = Head::parse(kind, buffer)? {
            buffer.drain(..len);
            return Ok(Some(head));
        }
        if buffer.len() > MAX_HEAD {
            return Err(HeadError::TooLong);
        }
        if stream.read_buf(buffer).await? == 0 {
            let is_nothing = buffer.iter().all(u8::is_ascii_whitespace);
            return if is_nothing {
                Ok(None)
            } else {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            };
        }
    }
}

impl Head {
    /// The head at the beginning of these bytes, and its length; nothing while it is not whole.
    pub(super) fn parse(kind: Kind, bytes: &[u8]) -> Result<Option<(Head, usize)>, HeadError> {
        let malformed = |error: httparse::Error| HeadError::Malformed(error.to_string());
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let (len, status, headers) = match kind {
            Kind::Request => {
                let mut request = httparse::Request::new(&mut headers);
                match request.parse(bytes).map_err(malformed)? {
                    httparse::Status::Complete(len) => (len, 0, request.headers),
                    httparse::Status::Partial => return Ok(None),
                }
            }
            Kind::Response => {
                let mut response = httparse::Response::new(&mut headers);
                match response.parse(bytes).map_err(malformed)? {
                    httparse::Status::Complete(len) => {
                        (len, response.code.unwrap_or_default(), response.headers)
                    }
                    httparse::Status::Partial => return Ok(None),
                }
            }
        };
        let headers = headers.iter().map(|own| (own.name.to_owned(), own.value.to_vec())).collect();
        let mut lines = bytes[..len].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
        Ok(Some((Head { line: String::from_utf8_lossy(line).into_owned(), status, headers }, len)))
    }

    /// A request's method, target and version.
    pub(super) fn request(&self) -> (&str, &str, &str) {
        let mut parts = self.line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        (part(), part(), part())
    }

    /// The values of all headers of this name that are text.
    pub(super) fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        let own = self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        own.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether a header that is a list has this word in it.
    pub(super) fn has(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(word))
    }

    /// Whether it asks for a WebSocket, or agrees to one.
    pub(super) fn is_upgrade(&self) -> bool {
        self.has("upgrade", "websocket") && self.has("connection", "upgrade")
    }

    /// Changes the values of a header that is there, in its place.
    pub(super) fn replace(&mut self, name: &str, mut change: impl FnMut(&str) -> Option<String>) {
        for (own, value) in &mut self.headers {
            if own.eq_ignore_ascii_case(name)
                && let Some(new) = std::str::from_utf8(value).ok().and_then(&mut change)
            {
                *value = new.into_bytes();
            }
        }
    }

    /// Takes a header out, or puts in one with this value.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        let mut places = self.headers.iter().enumerate();
        let known = places.find(|(_, (own, _))| own.eq_ignore_ascii_case(name));
        let known = known.map(|(place, (own, _))| (place, own.clone()));
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            let (place, name) = known.unwrap_or((self.headers.len(), name.to_owned()));
            self.headers.insert(place, (name, value.as_bytes().to_vec()));
        }
    }

    /// Headers as text, for the record.
    pub(super) fn as_text(&self) -> Vec<(String, String)> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// As it goes over the wire.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.line.clone().into_bytes();
        out.extend_from_slice(b"\r\n");
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_goes_on_as_it_came_and_what_follows_it_stays() {
        let bytes = b"GET /ws?a=1 HTTP/1.1\r\nhost: x\r\nX-Odd:  \xff\r\nX-Two: 1\r\nX-Two: 2\r\n\r\nrest";
        let mut buffer = Vec::with_capacity(2048);
        let mut head =
            read(&mut &bytes[..], Kind::Request, &mut buffer).await.expect("HTTP").expect("a head");
        assert_eq!(buffer, b"rest");
        assert_eq!(head.request(), ("GET", "/ws?a=1", "HTTP/1.1"));
        head.replace("Host", |_| Some("y:1".to_owned()));
        head.set("x-two", Some("3"));
        head.set("x-new", None);
        let expected = b"GET /ws?a=1 HTTP/1.1\r\nhost: y:1\r\nX-Odd: \xff\r\nX-Two: 3\r\n\r\n";
        assert_eq!(head.to_bytes(), expected);
    }

    #[tokio::test]
    async fn other_protocols_and_endless_heads_are_told() {
        let tls = [0x16, 3, 1, 2, 0, 1, 0, 1];
        let error = read(&mut &tls[..], Kind::Request, &mut Vec::new()).await.expect_err("not HTTP");
        assert!(error.to_string().starts_with("not HTTP/1.1: "), "{error}");
        let endless = [&b"GET / HTTP/1.1\r\nx: "[..], &[b'a'; 2 * MAX_HEAD]].concat();
        let error = read(&mut &endless[..], Kind::Request, &mut Vec::new()).await.expect_err("too long");
        assert!(matches!(error, HeadError::TooLong), "{error}");
        assert_eq!(read(&mut &b""[..], Kind::Request, &mut Vec::new()).await.expect("nothing"), None);
    }
}
