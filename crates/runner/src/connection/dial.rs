//! Connects to a server: address, TCP and, for some URLs, TLS.

use super::error::{ConnectError, HTTP_URL, Stage, WEBSOCKET_URL};
use super::socket::Socket;
use super::stamps::Stamped;
use crate::auth::{RequestParts, Trust};
use goldwire_core::codec::hex;
use goldwire_core::transcript::{Gap, Handshake, Tls};
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use tokio::time::timeout_at;
use tokio_rustls::client::TlsStream;

/// The address and the options of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectOptions {
    /// The URL, headers and subprotocols, with every placeholder filled and the token applied.
    pub request: RequestParts,
    /// The trusted certificates.
    pub trust: Trust,
    /// The timeout for all steps, from the address lookup to the upgrade.
    pub timeout: Gap,
    /// The longest accepted message, in bytes.
    pub max_message: usize,
    /// Whether dropping the connection without a close handshake resets it instead of ending it in order.
    pub reset: bool,
}

impl ConnectOptions {
    /// The options for a URL with the defaults: 10 s, 64 MiB.
    pub fn new(url: impl Into<String>) -> ConnectOptions {
        ConnectOptions {
            request: RequestParts { url: url.into(), ..RequestParts::default() },
            trust: Trust::default(),
            timeout: Gap::from_millis(10_000),
            max_message: 64 * 1024 * 1024,
            reset: false,
        }
    }
}

/// A way to a server, before a word of HTTP was said.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) socket: Socket,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: Option<Tls>,
    /// The time when the TCP connection was started.
    pub(crate) started: Instant,
    /// The time when it was established, before TLS.
    pub(crate) connected: Instant,
}

/// Connects: address, TCP and, if needed, TLS. `given` is the whole timeout, for errors.
pub(crate) async fn reach(
    place: &Place,
    trust: &Trust,
    deadline: tokio::time::Instant,
    given: Gap,
) -> Result<Line, ConnectError> {
    let timeout = |stage| move |_| ConnectError::Timeout { stage, after: given };
    let addresses = timeout_at(deadline, place.addresses()).await.map_err(timeout(Stage::Resolve))??;
    let (tcp, peer, started) = dial(&addresses, place.tls, deadline, given).await?;
    let connected = Instant::now();
    // Otherwise the kernel delays small frames (Nagle), and we would measure that instead of the server.
    tcp.tcp().set_nodelay(true).map_err(|error| ConnectError::NoRoute { peer, cause: error.to_string() })?;
    if !place.tls {
        return Ok(Line { socket: Socket::plain(tcp), peer, tls: None, started, connected });
    }
    let config = trust.client_config()?;
    let connecting = Box::pin(tokio_rustls::TlsConnector::from(config).connect(place.server_name()?, tcp));
    let stream = timeout_at(deadline, connecting)
        .await
        .map_err(timeout(Stage::Tls))?
        .map_err(|error| tls_error(peer, &error))?;
    let tls = Some(tls_facts(&stream));
    Ok(Line { socket: Socket::tls(stream), peer, tls, started, connected })
}

/// The parts of a URL for connecting.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) tls: bool,
    host: String,
    port: u16,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// With its query.
    pub(crate) path: String,
}

impl Place {
    /// The parts of a WebSocket URL.
    pub(crate) fn of(text: &str) -> Result<Place, ConnectError> {
        Place::of_scheme(text, ["ws", "wss"], WEBSOCKET_URL)
    }

    /// The parts of a URL for sessions over HTTP.
    pub(crate) fn of_http(text: &str) -> Result<Place, ConnectError> {
        Place::of_scheme(text, ["http", "https"], HTTP_URL)
    }

    /// With one of two schemes, without TLS and with it.
    fn of_scheme(text: &str, schemes: [&str; 2], kind: &'static str) -> Result<Place, ConnectError> {
        // Without its query, which may contain a token.
        let shown = text.split(['?', '#']).next().unwrap_or(text);
        let wrong = |cause: &str| ConnectError::Url { kind, url: shown.to_owned(), cause: cause.to_owned() };
        let url = reqwest::Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let tls = match schemes.iter().position(|scheme| *scheme == url.scheme()) {
            Some(at) => at == 1,
            None => return Err(wrong(&format!("its scheme is `{}`", url.scheme()))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let hidden = "(a URL with a name or password in it)".to_owned();
            let cause = "credentials go into a header, e.g. -H 'Authorization: Basic …'".to_owned();
            return Err(ConnectError::Url { kind, url: hidden, cause });
        }
        let host = url.host_str().ok_or_else(|| wrong("it has no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| wrong("it has no port"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Place { tls, host, port, authority, path })
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let no_host = |cause: String| ConnectError::NoHost { host: self.host.clone(), cause };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> = found.map_err(|error| no_host(error.to_string()))?.collect();
        if addresses.is_empty() { Err(no_host("the name has none".to_owned())) } else { Ok(addresses) }
    }

    fn server_name(&self) -> Result<ServerName<'static>, ConnectError> {
        ServerName::try_from(self.host.clone()).map_err(|_| ConnectError::Url {
            kind: "a URL with TLS",
            url: self.host.clone(),
            cause: "this host cannot be in a certificate".to_owned(),
        })
    }
}

/// The first address that answers, and when we began to ask it. The time left is shared among the addresses left, so
/// that one in the dark leaves some for the next.
async fn dial(
    addresses: &[SocketAddr],
    is_tls: bool,
    deadline: tokio::time::Instant,
    given: Gap,
) -> Result<(Stamped, SocketAddr, Instant), ConnectError> {
    let mut last = ConnectError::Timeout { stage: Stage::Tcp, after: given };
    for (i, &peer) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - i).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(tokio::time::Instant::now()) / left;
        let started = Instant::now();
        last = match tokio::time::timeout(share, Stamped::connect(peer, is_tls)).await {
            Ok(Ok(stream)) => return Ok((stream, peer, started)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                ConnectError::ConnectionRefused { peer }
            }
            Ok(Err(error)) => ConnectError::NoRoute { peer, cause: error.to_string() },
            Err(_) => ConnectError::Timeout { stage: Stage::Tcp, after: given },
        };
    }
    Err(last)
}

fn tls_error(peer: SocketAddr, error: &io::Error) -> ConnectError {
    if error.kind() == io::ErrorKind::UnexpectedEof || error.kind() == io::ErrorKind::ConnectionReset {
        return ConnectError::Dropped { stage: Stage::Tls, cause: error.to_string() };
    }
    ConnectError::Tls { peer, cause: error.to_string() }
}

fn tls_facts(stream: &TlsStream<Stamped>) -> Tls {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    Tls {
        version: session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
        cipher: session
            .negotiated_cipher_suite()
            .map(|suite| format!("{:?}", suite.suite()))
            .unwrap_or_default(),
        certificate: certificate.map(|der| hex(&Sha256::digest(der))).unwrap_or_default(),
    }
}

/// Headers as a recording keeps them.
pub(crate) fn joined(headers: &[(String, String)]) -> BTreeMap<String, String> {
    Handshake::headers(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}
