//! The opening handshake of RFC 6455, section 4: one HTTP request, one response, and its errors.
//!
//! It is implemented here and not by the WebSocket library, because it is evidence: the sent headers, the received
//! headers, and the text of a refusal. The request has only the required headers and those of the configuration.

use super::error::{ConnectError, Stage};
use goldwire_core::transcript::Gap;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The longest head of an answer; servers themselves rarely take more.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// The maximum of headers in a response.
const MAX_HEADERS: usize = 128;
/// The maximum of bytes of a refusal's body that are kept.
const MAX_BODY: usize = 4 * 1024;
/// The maximum time to wait for a refusal's body: the status is more important.
const BODY_WAIT: Duration = Duration::from_secs(1);
/// Headers that the handshake itself needs.
const OURS: [&str; 5] =
    ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"];

/// The request, ready to be written, and what the answer must match. Not `Debug`: it may hold a token.
pub(super) struct Asked {
    /// Its headers as written.
    pub(super) headers: Vec<(String, String)>,
    text: String,
    key: String,
    subprotocols: Vec<String>,
}

/// The answer that opened the WebSocket.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// The bytes right after the response.
    pub(super) rest: Vec<u8>,
}

impl Asked {
    /// Writes the request. A given `Host` replaces ours; `Sec-WebSocket-Protocol` joins the subprotocols.
    pub(super) fn new(
        host: &str,
        path: &str,
        given: &[(String, String)],
        subprotocols: &[String],
    ) -> Result<Asked, ConnectError> {
        let key = generate_key();
        let named = |name: &str| given.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        let mut offered = subprotocols.to_vec();
        if let Some((_, value)) = named("sec-websocket-protocol") {
            offered.extend(value.split(',').map(|name| name.trim().to_owned()));
        }
        let host = named("host").map_or(host, |(_, value)| value);
        let mut headers: Vec<(String, String)> = [
            ("Host", host),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", &key),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        if !offered.is_empty() {
            headers.push(("Sec-WebSocket-Protocol".to_owned(), offered.join(", ")));
        }
        let is_written = |name: &str| {
            ["host", "sec-websocket-protocol"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
        };
        headers.extend(given.iter().filter(|(name, _)| !is_written(name)).cloned());
        check_headers(given, &offered)?;
        let mut text = format!("GET {path} HTTP/1.1\r\n");
        for (name, value) in &headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        Ok(Asked { headers, text, key, subprotocols: offered })
    }

    /// Sends the request and reads the answer.
    pub(super) async fn exchange(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        deadline: Instant,
        given: Gap,
    ) -> Result<Opened, ConnectError> {
        let dropped =
            |cause: std::io::Error| ConnectError::Dropped { stage: Stage::Upgrade, cause: cause.to_string() };
        let timeout = |_| ConnectError::Timeout { stage: Stage::Upgrade, after: given };
        let write = async {
            stream.write_all(self.text.as_bytes()).await?;
            stream.flush().await
        };
        timeout_at(deadline, write).await.map_err(timeout)?.map_err(dropped)?;
        let mut buffer = Vec::with_capacity(1024);
        let (status, headers, len) = loop {
            let count = timeout_at(deadline, stream.read_buf(&mut buffer))
                .await
                .map_err(timeout)?
                .map_err(dropped)?;
            if let Some(head) = parse_head(&buffer)? {
                break head;
            }
            if count == 0 {
                let cause = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(dropped(cause));
            }
            if buffer.len() > MAX_HEAD {
                return Err(ConnectError::Protocol(format!(
                    "the answer's head is longer than {MAX_HEAD} bytes"
                )));
            }
        };
        let rest = buffer.split_off(len);
        if status != 101 {
            let until = deadline.min(Instant::now() + BODY_WAIT);
            let body = read_body(stream, &headers, rest, until).await;
            return Err(ConnectError::Refused {
                status,
                headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            });
        }
        self.verify(&headers)?;
        Ok(Opened { status, headers, rest })
    }

    /// RFC 6455, 4.1: what a client must check of the answer.
    fn verify(&self, headers: &[(String, String)]) -> Result<(), ConnectError> {
        let wrong = |cause: String| Err(ConnectError::Protocol(cause));
        let has = |name: &str, word: &str| {
            values(headers, name)
                .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        };
        if !has("upgrade", "websocket") {
            return wrong("the answer has no `Upgrade: websocket`".to_owned());
        }
        if !has("connection", "upgrade") {
            return wrong("the answer has no `Connection: Upgrade`".to_owned());
        }
        if values(headers, "sec-websocket-accept").next()
            != Some(derive_accept_key(self.key.as_bytes()).as_str())
        {
            return wrong("the answer's Sec-WebSocket-Accept does not match the key".to_owned());
        }
        if let Some(extensions) = values(headers, "sec-websocket-extensions").find(|value| !value.is_empty())
        {
            return wrong(format!("the server uses extensions that were not offered: {extensions}"));
        }
        // A server may choose none of the subprotocols by the RFC ("if the server does not wish to agree to one of
        // the suggested subprotocols, it MUST NOT send back" the header), though browsers then fail.
        match values(headers, "sec-websocket-protocol").next() {
            Some(chosen) if !self.subprotocols.iter().any(|offered| offered == chosen) => {
                wrong("the server chose a subprotocol that was not offered".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn values<'h>(headers: &'h [(String, String)], name: &'h str) -> impl Iterator<Item = &'h str> {
    headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

pub(super) fn check_headers(given: &[(String, String)], subprotocols: &[String]) -> Result<(), ConnectError> {
    // RFC 9110, 5.6.2.
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let wrong = |name: &str, cause: &str| {
        Err(ConnectError::Header { name: name.to_owned(), cause: cause.to_owned() })
    };
    for (name, value) in given {
        if !is_token(name) {
            return wrong(name, "not a header's name");
        }
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return wrong(name, "belongs to the handshake itself");
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return wrong(name, "holds a control character");
        }
    }
    if !subprotocols.iter().all(|name| is_token(name)) {
        return wrong("Sec-WebSocket-Protocol", "a subprotocol is letters, digits and !#$%&'*+-.^_`|~");
    }
    Ok(())
}

pub(super) type Head = (u16, Vec<(String, String)>, usize);

/// Status, headers and length of a complete head.
pub(super) fn parse_head(buffer: &[u8]) -> Result<Option<Head>, ConnectError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let status = response.parse(buffer).map_err(|error| match error {
        httparse::Error::Status | httparse::Error::Version | httparse::Error::NewLine => {
            let start: String = String::from_utf8_lossy(buffer).chars().take(40).collect();
            ConnectError::Protocol(format!("the answer is not HTTP/1.1: it begins with {start:?}"))
        }
        error => ConnectError::Protocol(format!("the answer's head: {error}")),
    })?;
    let httparse::Status::Complete(len) = status else { return Ok(None) };
    let code = response.code.unwrap_or_default();
    let headers = response
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    Ok(Some((code, headers, len)))
}

/// The beginning of a refusal's body, as far as it comes in time.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    headers: &[(String, String)],
    mut body: Vec<u8>,
    deadline: Instant,
) -> Vec<u8> {
    let len = values(headers, "content-length").next().and_then(|len| len.trim().parse::<usize>().ok());
    let is_chunked =
        values(headers, "transfer-encoding").any(|value| value.to_ascii_lowercase().contains("chunked"));
    let is_whole = |body: &[u8]| {
        let is_last = is_chunked && (body.ends_with(b"\r\n0\r\n\r\n") || body == b"0\r\n\r\n");
        is_last || body.len() >= len.unwrap_or(usize::MAX).min(MAX_BODY)
    };
    while !is_whole(&body) {
        match timeout_at(deadline, stream.read_buf(&mut body)).await {
            Ok(Ok(count)) if count > 0 => {}
            _ => break,
        }
    }
    let mut body = if is_chunked { unchunk(&body) } else { body };
    body.truncate(len.unwrap_or(MAX_BODY).min(MAX_BODY));
    body
}

/// RFC 9112, 7.1: what the chunks hold, as far as they are complete.
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|line| {
            let size = line.split(';').next().unwrap_or(line);
            usize::from_str_radix(size.trim(), 16).ok()
        });
        let (Some(size), data) = (size, &rest[end + 2..]) else { break };
        body.extend_from_slice(&data[..size.min(data.len())]);
        if size == 0 || data.len() < size.saturating_add(2) {
            break;
        }
        rest = &data[size + 2..];
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_request_holds_what_a_client_must_send_and_what_was_given() {
        let given = [pair("X-A", "1"), pair("host", "other.test"), pair("sec-websocket-protocol", "b, c")];
        let asked = Asked::new("x:1", "/ws?a=1", &given, &["a".to_owned()]).expect("it can be sent");
        let expected = format!(
            "GET /ws?a=1 HTTP/1.1\r\nHost: other.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: a, b, c\r\nX-A: 1\r\n\r\n",
            asked.key
        );
        assert_eq!(asked.text, expected);
    }

    #[test]
    fn a_header_cannot_smuggle_another_one() {
        for given in [pair("X-A", "1\r\nX-B: 2"), pair("X A", "1"), pair("Upgrade", "h2c")] {
            let name = given.0.clone();
            let error = Asked::new("x", "/", &[given], &[]).err().expect("it cannot be sent").to_string();
            assert!(error.starts_with(&format!("header `{name}`: ")), "{error}");
        }
        assert!(Asked::new("x", "/", &[], &["a b".to_owned()]).is_err());
    }

    #[test]
    fn the_answer_is_checked_as_the_rfc_wants() {
        let asked = Asked::new("x", "/", &[], &["a".to_owned()]).expect("it can be sent");
        let accept = derive_accept_key(asked.key.as_bytes());
        let good = [
            pair("upgrade", "WebSocket"),
            pair("connection", "keep-alive, Upgrade"),
            pair("sec-websocket-accept", &accept),
        ];
        assert!(asked.verify(&good).is_ok());
        for (bad, expected) in [
            (good[1..].to_vec(), "no `Upgrade"),
            ([&good[..1], &good[2..]].concat(), "no `Connection"),
            (good[..2].to_vec(), "does not match the key"),
            ([&good[..], &[pair("sec-websocket-protocol", "b")]].concat(), "not offered"),
            (
                [&good[..], &[pair("sec-websocket-extensions", "permessage-deflate")]].concat(),
                "permessage-deflate",
            ),
        ] {
            let error = asked.verify(&bad).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn chunks_become_the_body_they_hold() {
        assert_eq!(unchunk(b"4\r\nWiki\r\n6;x=1\r\npedia \r\n0\r\n\r\n"), b"Wikipedia ");
        assert_eq!(unchunk(b"a\r\nhalf"), b"half");
        assert_eq!(unchunk(b"nonsense"), b"");
        assert_eq!(unchunk(b"ffffffffffffffff\r\nx"), b"x");
    }
}
