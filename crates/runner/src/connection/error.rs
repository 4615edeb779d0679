//! Why a connection is not open, and why a frame was not sent.

use crate::auth::TrustError;
use goldwire_core::transcript::{Gap, visible};
use std::fmt;
use std::net::SocketAddr;

/// What a URL should be.
pub(super) const WEBSOCKET_URL: &str = "a WebSocket URL";
/// Likewise, of a session over HTTP.
pub(super) const HTTP_URL: &str = "an HTTP URL";

/// A part of opening a connection.
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

/// Why a WebSocket is not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none that a WebSocket can have.
    #[error("`{url}` is not {kind}: {cause}")]
    Url {
        /// What was wanted: `a WebSocket URL`, `an HTTP URL`.
        kind: &'static str,
        /// As it was given.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A header or subprotocol cannot be sent.
    #[error("header `{name}`: {cause}")]
    Header {
        /// Which.
        name: String,
        /// Why; never its value.
        cause: String,
    },
    /// The host has no address.
    #[error("no address for {host}: {cause}")]
    NoHost {
        /// Whom we looked for.
        host: String,
        /// What the system says.
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
        /// What the system says.
        cause: String,
    },
    /// It took too long.
    #[error("timeout after {after} at {stage}")]
    Timeout {
        /// What was going on.
        stage: Stage,
        /// How long all of it had been given.
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
        /// What rustls says.
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
        /// What was going on.
        stage: Stage,
        /// What the system says.
        cause: String,
    },
    /// The answer breaks HTTP or RFC 6455.
    #[error("not a WebSocket handshake: {0}")]
    Protocol(String),
}

/// Where a redirect points to.
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
    /// A way out.
    pub fn hint(&self) -> Option<String> {
        if let ConnectError::Refused { headers, .. } = self
            && let Some((_, wanted)) =
                headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"))
        {
            return Some(format!(
                "the server names the subprotocol `{}`: `subprotocols = […]` in the target asks for it",
                visible(wanted)
            ));
        }
        let hint = match self {
            ConnectError::Url { kind: HTTP_URL, .. } => "it begins with http:// or https://",
            ConnectError::Url { .. } => "it begins with ws:// or wss://",
            ConnectError::ConnectionRefused { .. } => {
                "is the server running? `[target.NAME.server]` lets goldwire start it"
            }
            ConnectError::NoHost { .. } => "check the host in the target's `url`",
            ConnectError::Timeout { .. } => {
                "look at the server's log; `connect_timeout` in the target gives it longer"
            }
            ConnectError::Trust(error) => return error.hint(),
            ConnectError::Tls { cause, .. } if cause.contains("ertificate") => {
                "name its authority with `ca` in the target, or believe it with `-k`"
            }
            ConnectError::Tls { .. } => "does it speak TLS there? if not, the URL begins with ws://",
            ConnectError::Refused { status: 401 | 403, .. } => {
                "the server wants a login: check the target's `auth` and where its token is placed"
            }
            ConnectError::Refused { status: 404, .. } => "nothing at this path; check the target's `url`",
            ConnectError::Refused { status: 300..=399, .. } => {
                "redirects are not followed; use the address it points to"
            }
            ConnectError::Protocol(cause) if cause.contains("not HTTP") => {
                "does another protocol listen there? for TLS, the URL begins with wss://"
            }
            ConnectError::Refused { status: 400 | 426, body, .. }
                if body.to_ascii_lowercase().contains("protocol") =>
            {
                "does it want a subprotocol? `subprotocols = [\"…\"]` in the target asks for one"
            }
            ConnectError::Refused { status: 400, body, .. }
                if body.to_ascii_lowercase().contains("https") =>
            {
                "it speaks TLS there: the URL begins with wss://"
            }
            ConnectError::Dropped { stage: Stage::Tls, .. } => {
                "does it speak TLS there? if not, the URL begins with ws://; it may also want a certificate of the client, \
                 which goldwire cannot show"
            }
            ConnectError::Dropped { stage: Stage::Upgrade, .. } => {
                "it took the request and said nothing: if it speaks TLS there, the URL begins with wss://; else its log knows"
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

/// Why a frame was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A close frame went out or came in before.
    #[error("the connection is closing")]
    Closing,
    /// The connection is gone.
    #[error("the connection is gone: {0}")]
    Gone(String),
    /// It is nothing that can be sent, e.g. [`Payload::Open`](goldwire_core::transcript::Payload::Open), or a control frame that is too long.
    #[error("not a frame that can be sent: {0}")]
    NotAFrame(&'static str),
}
