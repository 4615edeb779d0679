//! Waits for clients.

use super::http_sessions::{HttpSessions, ProxySessions};
use super::options::{Notice, ProxyError, ProxyOptions};
use super::request::BREATH;
use super::serve::serve;
use super::shared::{Shared, Users};
use crate::connection::{ConnectError, Place, begin_stamping};
use crate::server::HostMonitor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A proxy that listens.
pub struct Proxy {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    sessions: Arc<HttpSessions>,
}

impl Proxy {
    /// Listens; connections wait until [`Proxy::run`]. The returned channel reports what happens.
    ///
    /// # Errors
    /// When it cannot listen, or the options make no sense.
    pub async fn bind(options: ProxyOptions) -> Result<(Proxy, mpsc::UnboundedReceiver<Notice>), ProxyError> {
        let is_http = options.to.starts_with("http://") || options.to.starts_with("https://");
        let to = match options.to.split_once("://") {
            Some(("http", rest)) => Place::of(&format!("ws://{rest}"))?,
            Some(("https", rest)) => Place::of(&format!("wss://{rest}"))?,
            _ => Place::of(&options.to)?,
        };
        if to.tls {
            // Read once here: an unreadable file is reported now, not at the first connection.
            options.trust.client_config().map_err(ConnectError::from)?;
        }
        let acceptor = match &options.certificate {
            Some((chain, key)) => Some(acceptor(chain, key)?),
            None => None,
        };
        // Before the first client can say anything.
        begin_stamping();
        let since = Instant::now();
        let listener = TcpListener::bind(&options.listen)
            .await
            .map_err(|source| ProxyError::Listen { address: options.listen.clone(), source })?;
        let (notices, told) = mpsc::unbounded_channel();
        let host = options.host.clone();
        let shared = Shared {
            options,
            to,
            since,
            users: Users::default(),
            is_http,
            probe: HostMonitor::start(host),
            notices,
        };
        let shared = Arc::new(shared);
        let sessions = Arc::new(HttpSessions::new(shared.clone()));
        Ok((Proxy { listener, acceptor, shared, sessions }, told))
    }

    /// Where clients connect to, e.g. `ws://127.0.0.1:9000`.
    pub fn url(&self) -> String {
        let scheme = match (self.shared.is_http, self.acceptor.is_some()) {
            (false, false) => "ws",
            (false, true) => "wss",
            (true, false) => "http",
            (true, true) => "https",
        };
        let address =
            self.listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
        format!("{scheme}://{address}")
    }

    /// A handle for ending sessions while the proxy runs.
    pub fn sessions(&self) -> ProxySessions {
        ProxySessions(self.sessions.clone())
    }

    /// Relays and records until `interrupt` becomes true; returns when every recording has its ending.
    pub async fn run(self, interrupt: watch::Receiver<bool>) {
        let mut stop = interrupt.clone();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((tcp, client)) => {
                    let (sessions, acceptor, stop) =
                        (self.sessions.clone(), self.acceptor.clone(), interrupt.clone());
                    connections.spawn(Box::pin(serve(sessions, acceptor, tcp, client, stop)));
                }
                Err(error) => {
                    // Too many open files, mostly; those that are open go on.
                    self.shared.trouble(format!("failed to accept a connection: {error}"), None);
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
        self.sessions.end().await;
    }
}

fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, ProxyError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |cause: String| ProxyError::Certificate { path, cause }
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(chain)(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(chain)("there is no certificate in the file".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key)(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private))
        .map_err(|error| wrong(chain)(error.to_string()))?;
    // HTTP/2 has WebSockets too (RFC 8441), in another form; browsers take what is offered.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
