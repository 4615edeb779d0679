//! What a client asks for, one request after the other.

use super::head::{HeadError, Kind};
use super::http_sessions::HttpSessions;
use super::request::{Asked, PATIENCE, answer, rewrite};
use super::upgrade::upgrade;
use super::{exchange, head, plain};
use crate::connection::{Socket, Stamped, reach};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// One connection of a client, to its end.
pub(super) async fn serve(
    sessions: Arc<HttpSessions>,
    acceptor: Option<TlsAcceptor>,
    tcp: TcpStream,
    client: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let shared = sessions.shared();
    // Without this the kernel holds small frames back; a connection that is gone already says so when it is read.
    let _ = tcp.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return serve_stream(&sessions, Socket::plain(Stamped::new(tcp, shared.since, false)), client, stop)
            .await;
    };
    let accepted = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        accepted = timeout(PATIENCE, acceptor.accept(Stamped::new(tcp, shared.since, true))) => accepted,
    };
    match accepted {
        Ok(Ok(stream)) => Box::pin(serve_stream(&sessions, Socket::tls(stream), client, stop)).await,
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
    sessions: &Arc<HttpSessions>,
    mut stream: Socket,
    client: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let shared = sessions.shared();
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
                return Box::pin(pass(sessions, &mut stream, asked, stop)).await;
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

/// Passes a request on, and everything after it.
async fn pass(
    sessions: &Arc<HttpSessions>,
    stream: &mut Socket,
    mut asked: Asked,
    mut stop: watch::Receiver<bool>,
) {
    let shared = sessions.shared();
    let options = &shared.options;
    let is_upgrade = asked.head.is_upgrade();
    let own = rewrite(shared, &mut asked, is_upgrade);
    let is_recorded = shared.is_http && exchange::is_of_the_application(&asked.head, &options.paths);
    if is_recorded {
        // A compressed response could not be read while it arrives.
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
        Box::pin(exchange::pass(sessions, stream, asked, line, own, stop)).await;
    } else {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = plain::pass(stream, &asked.head, asked.rest, line.socket, &own) => {}
        }
    }
}
