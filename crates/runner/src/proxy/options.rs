//! What a proxy is asked to do, and what it tells.

use crate::auth::Trust;
use crate::connection::ConnectError;
use crate::recording::Flush;
use crate::server::HostOptions;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::{Ending, Gap, Rules};
use std::io;
use std::path::PathBuf;

/// What is relayed from where to where, and recorded as what.
#[derive(Debug)]
pub struct ProxyOptions {
    /// How this machine is described.
    pub host: HostOptions,
    /// The session's name.
    pub session: String,
    /// Where its recordings go.
    pub folder: PathBuf,
    /// Where to listen, e.g. `127.0.0.1:9000`; port 0 takes a free one.
    pub listen: String,
    /// The server: WebSockets are recorded with `ws://` or `wss://`, requests with `http://` or `https://`.
    pub to: String,
    /// The time without a request after which a session over HTTP ends.
    pub idle: Gap,
    /// The beginnings of the paths of recorded requests; if empty, all requests are recorded.
    pub paths: Vec<String>,
    /// A certificate chain and its key in PEM, for clients that come with TLS.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Which certificates of the server we believe.
    pub trust: Trust,
    /// For reaching the server, from its address to TLS.
    pub connect_timeout: Gap,
    /// The longest message that is recorded, in bytes; every one is relayed.
    pub max_message: usize,
    /// How soon recordings are written.
    pub flush: Flush,
    /// Values that must not be written anywhere, with their names.
    pub secrets: Vec<(String, Secret)>,
    /// What else is one.
    pub rules: Rules,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// As it was given.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("the certificate in {}: {cause}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The server's URL, or which certificates we believe, makes no sense.
    #[error(transparent)]
    To(#[from] ConnectError),
}

impl ProxyError {
    /// A way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            ProxyError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another program listens there; port 0 takes a free one".to_owned())
            }
            ProxyError::Listen { .. } => {
                Some("--listen wants an address and a port, e.g. 127.0.0.1:9000".to_owned())
            }
            ProxyError::Certificate { .. } => Some(
                "--cert names a PEM file with the certificate chain, --key one with its private key"
                    .to_owned(),
            ),
            ProxyError::To(error) => error.hint(),
        }
    }
}

/// What happened, for the caller of the proxy.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A connection ended, and its recording with it.
    Recorded(Recorded),
    /// Something went wrong with one connection, secrets replaced; the others go on.
    Trouble {
        /// Which client, and what.
        message: String,
        /// A way out.
        hint: Option<String>,
        /// Whether something that passed was not recorded.
        is_loss: bool,
    },
}

/// A recording that is finished.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Whose session, e.g. `u1`.
    pub user: String,
    /// How many frames.
    pub frames: u64,
    /// How it ended.
    pub ending: Ending,
    /// Why not all of it was written.
    pub loss: Option<String>,
}
