//! A request on its way to the server.

use super::deflate;
use super::head::Head;
use super::shared::Shared;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The timeout of a client's TLS handshake and of the start of a request: browsers open connections in advance.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The pause of the proxy when it can open no more connections.
pub(super) const BREATH: Duration = Duration::from_millis(100);

/// A client's request, and what came right behind it.
pub(super) struct Asked {
    pub(super) head: Head,
    pub(super) rest: Vec<u8>,
    pub(super) client: SocketAddr,
}

/// The origin that this proxy has for a client, and the server's own.
pub(super) struct Origins {
    pub(super) ours: Option<String>,
    pub(super) theirs: String,
}

/// Makes the request one to the server. Nothing else of it changes.
pub(super) fn rewrite(shared: &Shared, asked: &mut Asked, is_upgrade: bool) -> Origins {
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

/// Our own answer to a client that cannot have the server's.
pub(super) async fn answer(stream: &mut (impl AsyncWrite + Unpin), status: &str, text: &str) {
    let text = format!("{text}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // A client that does not read it is gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
