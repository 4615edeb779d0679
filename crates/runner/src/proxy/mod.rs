//! A proxy that records: whatever client or browser connects through it, the server behind it is the real one.
//!
//! ```text
//! client ⇄ (TLS) ⇄ relay ⇄ (TLS) ⇄ server        bytes as they came, passed on first
//!                    └→ tape → decoder (inflate) → Recorder → recordings/SESSION/
//! ```
//!
//! A request for a WebSocket is passed on with another `Host` (and `Origin`, where that was the proxy's own), and
//! without offers of extensions that nobody here can read; the answer as it is. From then on bytes are relayed and never
//! changed: close codes, pings, fragments, compression. Every other request is relayed by itself, unrecorded, so that
//! the page and its login work as well. Each connection has one task, one recording and one redactor.
//!
//! In front of an `http://` server it is the requests that are recorded, with their answers: `exchange` passes one on,
//! `http_sessions` says which belong together. A WebSocket is then relayed, unrecorded.

mod credentials;
mod decoder;
mod deflate;
mod exchange;
mod head;
mod http_sessions;
mod plain;
mod relay;
mod tape;

use crate::auth::Trust;
use crate::connection::{ConnectError, Line, Place, Socket, Stamped, begin_stamping, joined, reach};
use crate::recording::Flush;
use crate::server::{HostOptions, Probe};
use credentials::Shown;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::{Ending, Gap, Handshake, Redactor, Rules, Stamps};
use head::{Head, HeadError, Kind};
use http_sessions::HttpSessions;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tape::{Opened, Tape};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for its TLS handshake, and to begin a request: browsers open connections ahead of need.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the proxy waits when it can open no more connections.
const BREATH: Duration = Duration::from_millis(100);

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
    /// The server: `ws://` or `wss://`, of which WebSockets are recorded; `http://` or `https://`, of which requests are.
    pub to: String,
    /// A session over HTTP ends when its client asks for nothing for so long.
    pub idle: Gap,
    /// Only requests are recorded whose path begins with one of these; all, if there is none.
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

/// What happened, for whoever runs the proxy.
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

/// A proxy that listens.
pub struct Proxy {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    options: ProxyOptions,
    to: Place,
    /// When it began to listen: no client said anything before.
    since: Instant,
    users: Users,
    /// Whether requests are recorded, not WebSockets.
    is_http: bool,
    sessions: HttpSessions,
    probe: Probe,
    notices: mpsc::UnboundedSender<Notice>,
}

impl Shared {
    fn tell(&self, notice: Notice) {
        // Nobody listens any more: then nobody wants to know.
        let _ = self.notices.send(notice);
    }

    fn trouble(&self, message: String, hint: Option<String>) {
        self.tell(Notice::Trouble { message, hint, is_loss: false });
    }

    /// A recording has stopped before its session; `cause` has no secrets.
    fn lost(&self, who: &str, cause: &str) {
        let message = format!("{who}: recording stopped, the session goes on: {cause}");
        self.tell(Notice::Trouble { message, hint: None, is_loss: true });
    }

    /// A redactor for one recording, which knows the secrets that the options name.
    fn redactor(&self) -> Redactor {
        let redactor = Redactor::with_rules(self.options.rules.clone());
        for (name, secret) in &self.options.secrets {
            redactor.add(name, secret);
        }
        redactor
    }
}

/// Names for those who talk: `u1`, `u2` …
#[derive(Debug, Default)]
struct Users {
    known: Mutex<(u32, HashMap<String, u32>)>,
}

impl Users {
    /// By the subject of their token; a new name where none is known.
    fn name(&self, subject: Option<String>) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, by_subject) = &mut *known;
        let mut next = || {
            *count += 1;
            *count
        };
        let number = match subject {
            Some(subject) => *by_subject.entry(subject).or_insert_with(next),
            None => next(),
        };
        format!("u{number}")
    }
}

impl Proxy {
    /// Listens; connections wait until [`Proxy::run`]. What happens is told over the channel that is returned.
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
            // Read once here: a file that cannot be read is told now, not at the first connection.
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
            sessions: HttpSessions::default(),
            probe: Probe::start(host),
            notices,
        };
        Ok((Proxy { listener, acceptor, shared: Arc::new(shared) }, told))
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

    /// For ending sessions while the proxy runs.
    pub fn sessions(&self) -> ProxySessions {
        ProxySessions(self.shared.clone())
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
                    let (shared, acceptor, stop) =
                        (self.shared.clone(), self.acceptor.clone(), interrupt.clone());
                    connections.spawn(Box::pin(serve(shared, acceptor, tcp, client, stop)));
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
        self.shared.sessions.end(&self.shared).await;
    }
}

/// The sessions over HTTP of a proxy that runs.
#[derive(Clone)]
pub struct ProxySessions(Arc<Shared>);

impl ProxySessions {
    /// Ends the session of every client, for they are known to ask for nothing more. Waits for answers under way.
    pub async fn end(&self) {
        self.0.sessions.settle().await;
        self.0.sessions.end(&self.0).await;
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

/// One connection of a client, to its end.
async fn serve(
    shared: Arc<Shared>,
    acceptor: Option<TlsAcceptor>,
    tcp: TcpStream,
    client: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    // Without this the kernel holds small frames back; a connection that is gone already says so when it is read.
    let _ = tcp.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return serve_stream(&shared, Socket::plain(Stamped::new(tcp, shared.since, false)), client, stop)
            .await;
    };
    let accepted = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        accepted = timeout(PATIENCE, acceptor.accept(Stamped::new(tcp, shared.since, true))) => accepted,
    };
    match accepted {
        Ok(Ok(stream)) => Box::pin(serve_stream(&shared, Socket::tls(stream), client, stop)).await,
        Ok(Err(error)) => {
            let hint =
                "does it trust the certificate of --cert? and does its URL begin with wss:// or https://?";
            shared.trouble(format!("{client}: TLS: {error}"), Some(hint.to_owned()));
        }
        // It said nothing: nothing was lost.
        Err(_) => {}
    }
}

async fn serve_stream(
    shared: &Arc<Shared>,
    mut stream: Socket,
    client: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let mut buffer = Vec::with_capacity(2048);
    let head = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        head = timeout(PATIENCE, head::read(&mut stream, Kind::Request, &mut buffer)) => head,
    };
    let refused = match head {
        Ok(Ok(Some(head))) => {
            let (_, target, _) = head.request();
            if target.starts_with('/') || target == "*" {
                let asked = Asked { head, rest: buffer, client };
                return Box::pin(pass(shared, &mut stream, asked, stop)).await;
            }
            (
                "400 Bad Request",
                "this proxy is used as the server itself: connect to it, not through it".to_owned(),
            )
        }
        // A connection opened ahead of need, and never used.
        Ok(Ok(None)) | Err(_) | Ok(Err(HeadError::Io(_))) => return,
        Ok(Err(error @ HeadError::TooLong)) => ("431 Request Header Fields Too Large", error.to_string()),
        Ok(Err(error @ HeadError::Malformed(_))) => ("400 Bad Request", error.to_string()),
    };
    shared.trouble(format!("{client}: {}", refused.1), None);
    answer(&mut stream, refused.0, &refused.1).await;
}

/// A client's request, and what came right behind it.
struct Asked {
    head: Head,
    rest: Vec<u8>,
    client: SocketAddr,
}

/// Passes a request on, and everything after it.
async fn pass(shared: &Arc<Shared>, stream: &mut Socket, mut asked: Asked, mut stop: watch::Receiver<bool>) {
    let options = &shared.options;
    let is_upgrade = asked.head.is_upgrade();
    let own = rewrite(shared, &mut asked, is_upgrade);
    let is_recorded = shared.is_http && exchange::is_of_the_application(&asked.head, &options.paths);
    if is_recorded {
        // A compressed answer could not be read while it arrives.
        asked.head.set("Accept-Encoding", Some("identity"));
    }
    let deadline = tokio::time::Instant::now() + Duration::from(options.connect_timeout);
    let reached = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        reached = reach(&shared.to, &options.trust, deadline, options.connect_timeout) => reached,
    };
    let line = match reached {
        Ok(line) => line,
        Err(error) => {
            shared
                .trouble(format!("{}: failed to reach {}: {error}", asked.client, options.to), error.hint());
            return answer(stream, "502 Bad Gateway", &format!("goldwire proxy: {error}")).await;
        }
    };
    if is_upgrade {
        upgrade(shared, stream, asked, line, own, stop).await;
    } else if is_recorded {
        Box::pin(exchange::pass(shared, stream, asked, line, own, stop)).await;
    } else {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = plain::pass(stream, &asked.head, asked.rest, line.socket, &own) => {}
        }
    }
}

/// The origin that this proxy has for a client, and the server's own.
struct Origins {
    ours: Option<String>,
    theirs: String,
}

/// Makes the request one to the server. Nothing else of it changes.
fn rewrite(shared: &Shared, asked: &mut Asked, is_upgrade: bool) -> Origins {
    let scheme = |tls: bool| if tls { "https" } else { "http" };
    let theirs = format!("{}://{}", scheme(shared.to.tls), shared.to.authority);
    let head = &mut asked.head;
    let host = head.values("host").next().map(str::to_owned);
    let ours = host.map(|host| format!("{}://{host}", scheme(shared.options.certificate.is_some())));
    head.set("Host", Some(&shared.to.authority));
    head.replace("origin", |origin| {
        ours.as_deref().filter(|ours| ours.eq_ignore_ascii_case(origin)).map(|_| theirs.clone())
    });
    if is_upgrade {
        // A client that names no path means the one of --to.
        let (method, target, version) = head.request();
        let (path, query) = target.split_once('?').map_or((target, ""), |(path, query)| (path, query));
        if path == "/" && shared.to.path != "/" {
            let joint = if shared.to.path.contains('?') { "&" } else { "?" };
            let query = if query.is_empty() { String::new() } else { format!("{joint}{query}") };
            head.line = format!("{method} {}{query} {version}", shared.to.path);
        }
        let offers: Vec<String> = head
            .values("sec-websocket-extensions")
            .flat_map(|value| value.split(','))
            .map(|offer| offer.trim().to_owned())
            .collect();
        let (known, unknown): (Vec<String>, Vec<String>) = offers.into_iter().partition(|offer| {
            let name = offer.split(';').next().unwrap_or(offer).trim();
            name.is_empty() || name.eq_ignore_ascii_case(deflate::NAME)
        });
        if !unknown.is_empty() {
            let known = known.join(", ");
            head.set("Sec-WebSocket-Extensions", Some(known.as_str()).filter(|known| !known.is_empty()));
            let names = unknown.join(", ");
            shared.trouble(
                format!("{}: not offered to the server, as it could not be read: {names}", asked.client),
                None,
            );
        }
    } else {
        head.set("Connection", Some("close"));
        head.set("Upgrade", None);
        head.set("Keep-Alive", None);
    }
    Origins { ours, theirs }
}

/// Opens a WebSocket through us, and records it.
async fn upgrade(
    shared: &Arc<Shared>,
    stream: &mut Socket,
    asked: Asked,
    line: Line,
    origins: Origins,
    mut stop: watch::Receiver<bool>,
) {
    let Line { socket: mut server, peer, tls, started, connected } = line;
    let redactor = shared.redactor();
    let mut shown = Shown::default();
    shown.request(&asked.head, &redactor);
    let mut buffer = Vec::with_capacity(2048);
    let answered = async {
        server.write_all(&asked.head.to_bytes()).await?;
        server.flush().await?;
        let head = head::read(&mut server, Kind::Response, &mut buffer).await?;
        head.ok_or_else(|| HeadError::Io(io::ErrorKind::UnexpectedEof.into()))
    };
    let answered = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        answered = timeout(PATIENCE, answered) => answered,
    };
    let at = Instant::now();
    let head = match answered {
        Ok(Ok(head)) => head,
        failed => {
            let cause = match failed {
                Ok(Err(error)) => error.to_string(),
                Ok(Ok(_)) | Err(_) => format!("no answer to the upgrade within {} s", PATIENCE.as_secs()),
            };
            let cause = redactor.clean(&cause).into_owned();
            shared.trouble(format!("{}: the server's answer: {cause}", asked.client), None);
            return answer(
                stream,
                "502 Bad Gateway",
                &format!("goldwire proxy: the server's answer: {cause}"),
            )
            .await;
        }
    };
    if head.status != 101 {
        shared.trouble(
            format!(
                "{}: the server refused the upgrade with HTTP {}; nothing to record",
                asked.client, head.status
            ),
            None,
        );
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = plain::refusal(stream, head, buffer, &mut server, &origins) => {}
        }
        return;
    }
    shown.response(&head, &redactor);
    if stream.write_all(&head.to_bytes()).await.is_err() || stream.flush().await.is_err() {
        return shared.trouble(format!("{}: it was gone when the server had answered", asked.client), None);
    }
    let (_, target, _) = asked.head.request();
    let scheme = if shared.to.tls { "wss" } else { "ws" };
    let both = [stream.newest().stamps(), server.newest().stamps()];
    let opened = Opened {
        at,
        stamps: if both == [Stamps::Kernel; 2] { Stamps::Kernel } else { Stamps::User },
        url: format!("{scheme}://{}{target}", shared.to.authority),
        handshake: Handshake {
            peer: peer.to_string(),
            status: head.status,
            request: joined(&asked.head.as_text()),
            response: joined(&head.as_text()),
            tls,
            took: at.duration_since(started).into(),
            tcp: connected.duration_since(started).into(),
        },
        shown,
        redactor,
        extensions: deflate::agreed(head.values("sec-websocket-extensions")),
        client: asked.client.to_string(),
    };
    let mut tape = Tape::new(shared.clone(), opened);
    if shared.is_http {
        shared.trouble(
            format!("{}: a WebSocket is relayed, unrecorded", asked.client),
            Some("ws:// in place of http:// in --to records WebSockets".to_owned()),
        );
        tape.skip();
    }
    let outcome = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        outcome = relay::relay(stream, &mut server, [asked.rest, buffer], &mut tape) => Some(outcome),
    };
    tape.finish(outcome).await;
}

/// Our own answer to a client that cannot have the server's.
async fn answer(stream: &mut (impl AsyncWrite + Unpin), status: &str, text: &str) {
    let text = format!("{text}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // Whoever does not want it is gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
