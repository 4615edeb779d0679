//! Requests that ask for no WebSocket: a page, a login, a health check. One request is one connection, and is not recorded.

use super::head::{self, Head, Kind};
use super::request::{Origins, answer};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::time::timeout;

/// How long the rest of a refusal may take: it may be of any length, and the connection need not end with it.
const REFUSAL: Duration = Duration::from_secs(10);
/// How long an answer may still take when the client has ended its half of the connection.
const LINGER: Duration = Duration::from_secs(10);

/// Passes one request and its answer; returns when the answer has ended. The request asks the server to close then.
pub(super) async fn pass<C, S>(client: &mut C, head: &Head, rest: Vec<u8>, server: S, origins: &Origins)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let up = async {
        to_server.write_all(&head.to_bytes()).await?;
        to_server.write_all(&rest).await?;
        to_server.flush().await?;
        copy(&mut from_client, &mut to_server).await?;
        std::io::Result::Ok(())
    };
    let down = async {
        let mut buffer = Vec::with_capacity(2048);
        loop {
            let Ok(Some(mut answer)) = head::read(&mut from_server, Kind::Response, &mut buffer).await else {
                let text = "goldwire proxy: the server ended the connection without an answer";
                return answer(&mut to_client, "502 Bad Gateway", text).await;
            };
            // RFC 9110, 15.2: an interim response comes before the answer itself.
            let is_interim = (100..200).contains(&answer.status);
            if !is_interim {
                close_after(&mut answer, origins);
            }
            if to_client.write_all(&answer.to_bytes()).await.is_err() {
                return;
            }
            if !is_interim {
                break;
            }
        }
        // A client that leaves ends it, as does the server.
        let _ = to_client.write_all(&buffer).await;
        let _ = copy(&mut from_server, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    // A client may have said all and still listen, or be gone; a server that has nothing to say cannot tell which.
    let gone = async {
        let _ = up.await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        () = down => {}
        () = gone => {}
    }
}

/// Passes on the answer of a server that refuses the WebSocket.
pub(super) async fn refusal<C, S>(
    client: &mut C,
    mut answer: Head,
    rest: Vec<u8>,
    server: &mut S,
    origins: &Origins,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    close_after(&mut answer, origins);
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let down = async {
        to_client.write_all(&answer.to_bytes()).await?;
        to_client.write_all(&rest).await?;
        to_client.flush().await?;
        copy(server, &mut to_client).await?;
        to_client.shutdown().await
    };
    // A body has several ways to state its length; the client knows them and closes after the last byte.
    let mut nothing = [0; 64];
    let _ = timeout(REFUSAL, async {
        tokio::select! {
            _ = down => {}
            _ = from_client.read(&mut nothing) => {}
        }
    })
    .await;
}

/// The client, too, is to open a new connection for its next request; and it stays with the proxy where it is sent on.
pub(super) fn close_after(answer: &mut Head, origins: &Origins) {
    answer.set("Connection", Some("close"));
    answer.set("Keep-Alive", None);
    let Some(ours) = &origins.ours else { return };
    answer.replace("location", |to| {
        let rest = to.strip_prefix(&origins.theirs)?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then(|| format!("{ours}{rest}"))
    });
}
