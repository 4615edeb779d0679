//! One WebSocket connection as a client.
//!
//! ```text
//! url → addresses → TCP → (TLS) → upgrade → Connection
//!                                            ├─ Sender      stamps, then hands to the kernel
//!                                            └─ incoming    reads (`reader`): stamps, then everything else
//! ```
//!
//! If the caller takes no frames, nothing is read, TCP slows down the server, and nothing is lost. A ping is answered
//! when it is read; the pong and the answer to a close are not reported.

use super::dial::{ConnectOptions, Line, Place, joined, reach};
use super::duplex::Duplex;
use super::error::{ConnectError, SendError};
use super::frames::NO_STATUS;
use super::http::{self, Requests};
use super::reader::{Arriving, why_gone};
use super::upgrade::{Asked, Opened};
use goldwire_core::transcript::{Handshake, Payload, Stamps};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// An open WebSocket. Dropping all of its parts closes the connection without a close frame.
#[derive(Debug)]
pub struct Connection {
    /// The sending half.
    pub sender: Sender,
    /// The received frames, in order of arrival. It ends after a close frame or [`Gone`](super::Arrived::Gone).
    pub incoming: Arriving,
    /// The time when the handshake finished: offset zero, if this is a session's first connection.
    pub opened: Instant,
    /// The source of arrival times: the kernel, if it provided them during the handshake.
    pub stamps: Stamps,
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Sender(Half);

#[derive(Debug)]
enum Half {
    WebSocket(Arc<Duplex>),
    Http(Box<Requests>),
}

impl Sender {
    /// Sends a frame and returns the time just before it was handed to the kernel. Over HTTP it is a request, whose
    /// time arrives later as [`Sent`](super::Arrived::Sent).
    ///
    /// # Errors
    /// If it cannot be sent. Part of it may have been sent.
    pub async fn send(&mut self, payload: Payload) -> Result<Option<Instant>, SendError> {
        let duplex = match &mut self.0 {
            Half::WebSocket(duplex) => duplex,
            Half::Http(requests) => return requests.send(&payload).map(|()| None),
        };
        let mut message = Some(message_of(payload)?);
        let at = Instant::now();
        match std::future::poll_fn(|cx| duplex.poll_send(cx, &mut message)).await {
            Ok(()) => Ok(Some(at)),
            Err(
                Error::Protocol(ProtocolError::SendAfterClosing)
                | Error::AlreadyClosed
                | Error::ConnectionClosed,
            ) => Err(SendError::Closing),
            Err(Error::Io(error)) => Err(SendError::Gone(why_gone(&error))),
            Err(error) => Err(SendError::Gone(error.to_string())),
        }
    }

    /// Starts the close handshake: the reader continues until the peer's close frame or the end of the connection.
    /// Code 1005 sends a close frame without a status.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<Option<Instant>, SendError> {
        self.send(Payload::Close { code, reason: reason.to_owned() }).await
    }

    /// Cancels a request, by default the latest unfinished one. Returns its number; none if there is no such request.
    pub fn cancel(&mut self, request: Option<u32>) -> Option<u32> {
        match &mut self.0 {
            Half::WebSocket(_) => None,
            Half::Http(requests) => requests.cancel(request),
        }
    }
}

/// The one place where a frame becomes the library's message.
fn message_of(payload: Payload) -> Result<Message, SendError> {
    // RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less".
    let too_long = payload.len() > 125;
    Ok(match payload {
        Payload::Text(text) => Message::Text(text.into()),
        Payload::Binary(bytes) => Message::Binary(bytes.into()),
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } if too_long => {
            return Err(SendError::NotAFrame("a control frame holds at most 125 bytes"));
        }
        Payload::Ping(bytes) => Message::Ping(bytes.into()),
        Payload::Pong(bytes) => Message::Pong(bytes.into()),
        Payload::Close { code: NO_STATUS, .. } => Message::Close(None),
        Payload::Close { code, reason } => {
            Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
        }
        Payload::Open(_) | Payload::Gone(_) => return Err(SendError::NotAFrame("it tells of a connection")),
    })
}

/// Opens a WebSocket.
///
/// # Errors
/// If it does not open within the timeout; the error has the stage.
pub async fn connect(options: &ConnectOptions) -> Result<(Connection, Handshake), ConnectError> {
    let place = Place::of(&options.request.url)?;
    let asked =
        Asked::new(&place.authority, &place.path, &options.request.headers, &options.request.subprotocols)?;
    let deadline = tokio::time::Instant::now() + Duration::from(options.timeout);
    let Line { mut socket, peer, tls, started, connected } =
        reach(&place, &options.trust, deadline, options.timeout).await?;
    if options.reset {
        socket
            .tcp()
            .set_zero_linger()
            .map_err(|error| ConnectError::NoRoute { peer, cause: error.to_string() })?;
    }

    let Opened { status, headers, rest } = asked.exchange(&mut socket, deadline, options.timeout).await?;
    let opened = Instant::now();
    let newest = socket.newest();
    let stamps = newest.stamps();
    let duplex = Arc::new(Duplex::new(socket).await);
    let incoming = Arriving::of_socket(duplex.clone(), newest, rest, options.max_message);
    let handshake = Handshake {
        peer: peer.to_string(),
        status,
        request: joined(&asked.headers),
        response: joined(&headers),
        tls,
        took: opened.duration_since(started).into(),
        tcp: connected.duration_since(started).into(),
    };
    Ok((Connection { sender: Sender(Half::WebSocket(duplex)), incoming, opened, stamps }, handshake))
}

/// Opens a session over HTTP: a connection exists, but no request was sent yet.
///
/// # Errors
/// If the server cannot be reached.
pub async fn open_http(options: &ConnectOptions) -> Result<(Connection, Handshake), ConnectError> {
    let http::Opened { requests, incoming, opened, stamps, handshake } = http::open(options).await?;
    let sender = Sender(Half::Http(Box::new(requests)));
    Ok((Connection { sender, incoming, opened, stamps }, handshake))
}

#[cfg(test)]
mod tests {
    use super::super::error::Stage;
    use super::super::reader::Arrived;
    use super::*;
    use crate::auth::Trust;
    use futures_util::{SinkExt, StreamExt};
    use goldwire_core::codec::hex;
    use goldwire_core::transcript::Gap;
    use sha2::{Digest, Sha256};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    async fn listen() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/ws", listener.local_addr().expect("it is bound"));
        (listener, url)
    }

    fn within(url: &str, millis: u64) -> ConnectOptions {
        ConnectOptions { timeout: Gap::from_millis(millis), ..ConnectOptions::new(url) }
    }

    /// A real server that upgrades, writes `bytes` as they are, and closes after the client's next bytes.
    async fn raw(bytes: &'static [u8]) -> String {
        hearing(bytes).await.0
    }

    /// The same, with the client's next bytes.
    async fn hearing(bytes: &'static [u8]) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
        let (listener, url) = listen().await;
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let head = read_head(&mut stream).await;
            // In one write: the first frames arrive together with the answer.
            let answer = [upgrade(&head).as_bytes(), bytes].concat();
            stream.write_all(&answer).await.expect("the client reads");
            let mut next = vec![0; 64];
            let count = stream.read(&mut next).await.unwrap_or(0);
            next.truncate(count);
            next
        });
        (url, heard)
    }

    /// The answer to the head of an upgrade.
    fn upgrade(head: &str) -> String {
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\nx-a: 1\r\nx-a: 2\r\n\r\n"
        )
    }

    async fn read_head(stream: &mut TcpStream) -> String {
        let (mut text, mut buffer) = (String::new(), [0; 1024]);
        while !text.contains("\r\n\r\n") {
            let count = stream.read(&mut buffer).await.expect("a request");
            assert!(count > 0, "the request ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        text
    }

    async fn answering(answer: &'static str) -> String {
        let (listener, url) = listen().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.expect("the client reads");
        });
        url
    }

    async fn echo(listener: TcpListener) {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
        while let Some(Ok(message)) = stream.next().await {
            if message.is_text() || message.is_binary() {
                stream.send(message).await.expect("the client reads");
            }
        }
    }

    async fn next(connection: &mut Connection) -> Option<Arrived> {
        connection.incoming.recv().await.map(|incoming| incoming.what)
    }

    #[tokio::test]
    async fn frames_go_out_and_come_back_as_they_were() {
        let (listener, url) = listen().await;
        tokio::spawn(echo(listener));
        let (mut connection, handshake) = connect(&within(&url, 5000)).await.expect("it opens");
        assert_eq!((handshake.status, handshake.tls.is_none()), (101, true));
        assert!(url.contains(&handshake.peer), "{}", handshake.peer);
        assert!(handshake.tcp <= handshake.took && handshake.tcp > Gap::ZERO);
        assert_eq!(handshake.request.len(), 5, "{:?}", handshake.request);
        let text = "{ \"a\":1.0 , \"ü\":\"\\u00fc\" }\n";
        let sent = connection.sender.send(Payload::Text(text.to_owned())).await;
        let sent = sent.expect("it is open").expect("it is a WebSocket");
        let first = connection.incoming.recv().await.expect("an echo");
        assert!(first.at >= sent && sent >= connection.opened);
        assert_eq!(first.what, Arrived::Frame(Payload::Text(text.to_owned())));
        let bytes = Payload::Binary((0..=255).cycle().take(100_000).collect());
        connection.sender.send(bytes.clone()).await.expect("it is open");
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(bytes)));
        connection.sender.send(Payload::Ping(vec![1, 2])).await.expect("it is open");
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(Payload::Pong(vec![1, 2]))));
        connection.sender.close(1000, "done").await.expect("it is open");
        let closed = Payload::Close { code: 1000, reason: "done".to_owned() };
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(closed)));
        assert_eq!(next(&mut connection).await, None);
        assert_eq!(connection.sender.send(Payload::Text("late".to_owned())).await, Err(SendError::Closing));
    }

    #[tokio::test]
    async fn frames_that_come_with_the_answer_are_not_lost() {
        // A ping, a text in two fragments, a close without a status.
        let url = raw(b"\x89\x01p\x01\x02ab\x80\x01c\x88\x00").await;
        let (mut connection, handshake) = connect(&within(&url, 5000)).await.expect("it opens");
        assert_eq!(handshake.response["x-a"], "1, 2");
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(Payload::Ping(b"p".to_vec()))));
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(Payload::Text("abc".to_owned()))));
        let closed = Payload::Close { code: 1005, reason: String::new() };
        assert_eq!(next(&mut connection).await, Some(Arrived::Frame(closed)));
        assert_eq!(next(&mut connection).await, None);
    }

    #[tokio::test]
    async fn what_breaks_a_connection_is_told() {
        for (code, bytes, expected) in [
            (1007, &b"\x81\x02\xff\xfe"[..], "invalid UTF-8 in a text message"),
            (1002, b"\xc1\x01a", "protocol violation by the server: Reserved bits are non-zero"),
            (
                1009,
                b"\x82\x7f\x00\x00\x00\x00\x10\x00\x00\x00",
                "a message of 268435456 bytes, longer than max_message = 67108864",
            ),
        ] {
            let (url, heard) = hearing(bytes).await;
            let (mut connection, _) = connect(&within(&url, 5000)).await.expect("it opens");
            let text = expected.to_owned();
            let is_too_long = expected.contains("max_message");
            let expected = if is_too_long { Arrived::TooLong(text) } else { Arrived::Gone(text) };
            assert_eq!(next(&mut connection).await, Some(expected));
            assert_eq!(next(&mut connection).await, None);
            // With a close frame, masked like a client's.
            let close = heard.await.expect("it hears");
            let [0x88, 0x82, a, b, _, _, high, low] = close[..] else {
                panic!("{close:?} is no close frame")
            };
            assert_eq!(u16::from_be_bytes([high ^ a, low ^ b]), code);
        }
        let (mut connection, _) = connect(&within(&raw(b"").await, 5000)).await.expect("it opens");
        connection.sender.send(Payload::Text("bye".to_owned())).await.expect("it is open");
        let gone = "connection closed without a close frame".to_owned();
        assert_eq!(next(&mut connection).await, Some(Arrived::Gone(gone)));
    }

    #[tokio::test]
    async fn a_refused_upgrade_is_told_with_status_headers_and_body() {
        let url = answering(
            "HTTP/1.1 401 Unauthorized\r\nX-Why: token\r\nContent-Length: 12\r\n\r\n{\"no\":\"you\"}",
        )
        .await;
        let error = connect(&within(&url, 5000)).await.expect_err("refused");
        assert_eq!(error.to_string(), "the server refused the upgrade with HTTP 401: {\"no\":\"you\"}");
        assert!(error.hint().is_some_and(|hint| hint.contains("login")));
        let ConnectError::Refused { headers, .. } = error else { panic!("{error:?}") };
        assert_eq!(headers[0], ("X-Why".to_owned(), "token".to_owned()));
        let url =
            answering("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")
                .await;
        let error = connect(&within(&url, 5000)).await.expect_err("refused");
        assert_eq!(error.to_string(), "the server refused the upgrade with HTTP 403: no");
    }

    #[tokio::test]
    async fn what_is_no_websocket_server_is_told_apart() {
        let error =
            connect(&within(&answering("SSH-2.0-OpenSSH_9.6\r\n").await, 5000)).await.expect_err("not HTTP");
        assert!(error.to_string().contains("begins with \"SSH-2.0-OpenSSH_9.6"), "{error}");
        let error = connect(&within(&answering("").await, 5000)).await.expect_err("closed");
        assert!(matches!(error, ConnectError::Dropped { stage: Stage::Upgrade, .. }), "{error:?}");
        let bad =
            "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
        let error = connect(&within(&answering(bad).await, 5000)).await.expect_err("a made-up server");
        assert!(error.to_string().contains("does not match the key"), "{error}");
        let (listener, url) = listen().await;
        let error = connect(&within(&url, 150)).await.expect_err("nobody answers");
        assert_eq!(error.to_string(), "timeout after 150 ms at the WebSocket upgrade");
        let error = connect(&within(&url.replace("ws:", "wss:"), 150)).await.expect_err("nobody answers");
        assert_eq!(error.to_string(), "timeout after 150 ms at the TLS handshake");
        drop(listener);
        let error = connect(&within(&url, 5000)).await.expect_err("nobody listens");
        assert!(error.to_string().starts_with("connection refused by 127.0.0.1:"), "{error}");
        for bad in ["http://x/", "ws://", "x", "ws://u:secret@x/"] {
            let error = connect(&within(bad, 5000)).await.expect_err(bad).to_string();
            assert!(error.contains("is not a WebSocket URL") && !error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn tls_is_believed_as_configured_and_its_facts_are_noted() {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let der = issued.cert.der().clone();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
        let config =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![der.clone()], key))
                .expect("key and certificate fit");
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let (listener, url) = listen().await;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let Ok(mut stream) = tokio_tungstenite::accept_async(stream).await else { continue };
                let _ = stream.send(Message::Text("over TLS".into())).await;
                let _ = stream.next().await;
            }
        });
        let url = url.replace("ws://127.0.0.1", "wss://localhost");
        let ca = tempfile::NamedTempFile::new().expect("a temporary file");
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
        std::fs::write(
            ca.path(),
            format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"),
        )
        .expect("it can be written");
        for trust in [
            Trust { insecure: true, ..Trust::default() },
            Trust { ca: Some(ca.path().to_owned()), ..Trust::default() },
        ] {
            let options = ConnectOptions { trust, ..within(&url, 5000) };
            let (mut connection, handshake) = connect(&options).await.expect("it is believed");
            let tls = handshake.tls.expect("it is TLS");
            assert_eq!((tls.version.as_str(), tls.certificate), ("TLSv1_3", hex(&Sha256::digest(&der))));
            assert!(tls.cipher.starts_with("TLS13_"), "{}", tls.cipher);
            assert_eq!(
                next(&mut connection).await,
                Some(Arrived::Frame(Payload::Text("over TLS".to_owned())))
            );
        }
        let error = connect(&within(&url, 5000)).await.expect_err("nobody vouches for it");
        assert!(
            error.to_string().starts_with("TLS with ") && error.hint().is_some_and(|h| h.contains("-k")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_comes_is_read_while_something_is_sent() {
        const PIECE: usize = 60_000;
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let head = read_head(&mut stream).await;
            stream.write_all(upgrade(&head).as_bytes()).await.expect("the client reads");
            let size = u16::try_from(PIECE).expect("it fits").to_be_bytes();
            let piece = [&[0x82, 126, size[0], size[1]], &[7; PIECE][..]].concat();
            // Larger than both socket buffers, so the send blocks until the peer reads.
            for _ in 0..200 {
                stream.write_all(&piece).await.expect("the client reads");
            }
            let (mut taken, mut buffer) = (0, vec![0; 1 << 16]);
            while taken < 16 << 20 {
                taken += stream.read(&mut buffer).await.expect("the client sends");
            }
        });
        let (mut connection, _) = connect(&within(&url, 5000)).await.expect("it opens");
        let Connection { sender, incoming, .. } = &mut connection;
        let sent = incoming.during(sender.send(Payload::Binary(vec![1; 16 << 20]))).await;
        assert!(sent.expect("it is open").is_some());
        server.await.expect("it took everything");
        for _ in 0..200 {
            let arrived = next(&mut connection).await;
            assert!(matches!(arrived, Some(Arrived::Frame(Payload::Binary(bytes))) if bytes.len() == PIECE));
        }
    }

    #[tokio::test]
    async fn nothing_is_dropped_when_nobody_takes_it_for_a_while() {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
            for i in 0..2000 {
                stream.send(Message::Text(format!("{i}").into())).await.expect("the client reads");
            }
            stream.close(None).await.expect("the client reads");
        });
        let (mut connection, _) = connect(&within(&url, 5000)).await.expect("it opens");
        // All of it is sent before the first is read.
        server.await.expect("it has sent everything");
        for i in 0..2000 {
            assert_eq!(next(&mut connection).await, Some(Arrived::Frame(Payload::Text(i.to_string()))));
        }
        assert!(matches!(next(&mut connection).await, Some(Arrived::Frame(Payload::Close { .. }))));
    }
}
