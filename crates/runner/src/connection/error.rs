//! Errors of opening a connection and of sending a frame.

use crate::auth::TrustError;
use goldwire_core::transcript::{Gap, visible};
use std::fmt;
use std::net::SocketAddr;

/// The expected kind of URL.
pub(super) const WEBSOCKET_URL: &str = "a WebSocket URL";
/// The same for a session over HTTP.
pub(super) const HTTP_URL: &str = "an HTTP URL";

/// A stage of opening a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking up the host's addresses.
    Resolve,
    /// The TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The HTTP upgrade.
    Upgrade,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Resolve => "looking up the host",
            Stage::Tcp => "connecting",
            Stage::Tls => "the TLS handshake",
            Stage::Upgrade => "the WebSocket upgrade",
        })
    }
}

/// The reason why a WebSocket could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none that a WebSocket can have.
    #[error("`{url}` is not {kind}: {cause}")]
    Url {
        /// The expected kind: `a WebSocket URL`, `an HTTP URL`.
        kind: &'static str,
        /// The value as given.
        url: String,
        /// The error.
        cause: String,
    },
    /// A header or subprotocol cannot be sent.
    #[error("header `{name}`: {cause}")]
    Header {
        /// The name of the header.
        name: String,
        /// The reason, without the value.
        cause: String,
    },
    /// The host has no address.
    #[error("no address for {host}: {cause}")]
    NoHost {
        /// The host that was looked up.
        host: String,
        /// The error of the system.
        cause: String,
    },
    /// Nobody listens there.
    #[error("connection refused by {peer}")]
    ConnectionRefused {
        /// The address.
        peer: SocketAddr,
    },
    /// There is no way to the host.
    #[error("no route to {peer}: {cause}")]
    NoRoute {
        /// The address.
        peer: SocketAddr,
        /// The error of the system.
        cause: String,
    },
    /// It took too long.
    #[error("timeout after {after} at {stage}")]
    Timeout {
        /// The stage.
        stage: Stage,
        /// The timeout of all stages.
        after: Gap,
    },
    /// TLS cannot be set up on our side.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The TLS handshake failed.
    #[error("TLS with {peer}: {cause}")]
    Tls {
        /// The address.
        peer: SocketAddr,
        /// The error of rustls.
        cause: String,
    },
    /// The server answered, and it does not want this WebSocket.
    #[error("the server refused the upgrade with HTTP {status}{}{}", leads_to(*status, headers), with_body(body))]
    Refused {
        /// The HTTP status, never 101.
        status: u16,
        /// Its headers, in the order of the wire.
        headers: Vec<(String, String)>,
        /// The beginning of its body, at most 4 KB. The caller redacts it before anyone sees it.
        body: String,
    },
    /// The connection ended in the middle of it.
    #[error("the server closed the connection during {stage}: {cause}")]
    Dropped {
        /// The stage.
        stage: Stage,
        /// The error of the system.
        cause: String,
    },
    /// The answer breaks HTTP or RFC 6455.
    #[error("not a WebSocket handshake: {0}")]
    Protocol(String),
}

/// The target of a redirect.
fn leads_to(status: u16, headers: &[(String, String)]) -> String {
    let location = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    match location.filter(|_| (300..400).contains(&status)) {
        Some((_, to)) => format!(" to {}", visible(to)),
        None => String::new(),
    }
}

fn with_body(body: &str) -> String {
    match body.trim_end() {
        "" => String::new(),
        body => format!(": {body}"),
    }
}

impl ConnectError {
    /// A hint.
    pub fn hint(&self) -> Option<String> {
        if let ConnectError::Refused { headers, .. } = self
            && let Some((_, wanted)) =
                headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"))
        {
            return Some(format!(
                "the server requires the subprotocol `{}`; offer it with `subprotocols = […]` in the target",
                visible(wanted)
            ));
        }
        let hint = match self {
            ConnectError::Url { kind: HTTP_URL, .. } => "use http:// or https://",
            ConnectError::Url { .. } => "use ws:// or wss://",
            ConnectError::ConnectionRefused { .. } => {
                "check that the server is running; with `[target.NAME.server]`, goldwire starts it"
            }
            ConnectError::NoHost { .. } => "check the host in the target's `url`",
            ConnectError::Timeout { .. } => {
                "look at the server's log, or raise `connect_timeout` in the target"
            }
            ConnectError::Trust(error) => return error.hint(),
            ConnectError::Tls { cause, .. } if cause.contains("ertificate") => {
                "set its certificate authority with `ca` in the target, or accept it with `-k`"
            }
            ConnectError::Tls { .. } => "it may not use TLS; then use ws://",
            ConnectError::Refused { status: 401 | 403, .. } => {
                "the server requires a login; check the target's `auth` and the place of its token"
            }
            ConnectError::Refused { status: 404, .. } => "no such path; check the target's `url`",
            ConnectError::Refused { status: 300..=399, .. } => {
                "redirects are not followed; use the new address"
            }
            ConnectError::Protocol(cause) if cause.contains("not HTTP") => {
                "another protocol may listen there; for TLS, use wss://"
            }
            ConnectError::Refused { status: 400 | 426, body, .. }
                if body.to_ascii_lowercase().contains("protocol") =>
            {
                "it may require a subprotocol; offer it with `subprotocols = [\"…\"]` in the target"
            }
            ConnectError::Refused { status: 400, body, .. }
                if body.to_ascii_lowercase().contains("https") =>
            {
                "the server uses TLS; use wss://"
            }
            ConnectError::Dropped { stage: Stage::Tls, .. } => {
                "it may not use TLS; then use ws://. It may also require a client certificate: set `client_cert` and `client_key`"
            }
            ConnectError::Dropped { stage: Stage::Upgrade, .. } => {
                "it accepted the connection and sent nothing; if it uses TLS, use wss://; otherwise look at its log"
            }
            ConnectError::Header { .. }
            | ConnectError::NoRoute { .. }
            | ConnectError::Refused { .. }
            | ConnectError::Dropped { .. }
            | ConnectError::Protocol(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// The reason why a frame was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A close frame went out or came in before.
    #[error("the connection is closing")]
    Closing,
    /// The connection is gone.
    #[error("the connection was lost: {0}")]
    Gone(String),
    /// It is nothing that can be sent, e.g. [`Payload::Open`](goldwire_core::transcript::Payload::Open), or a control frame that is too long.
    #[error("not a frame that can be sent: {0}")]
    NotAFrame(&'static str),
}
