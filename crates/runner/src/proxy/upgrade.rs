//! A WebSocket through us, recorded.

use super::credentials::Shown;
use super::head::{Head, HeadError, Kind};
use super::request::{Asked, Origins, PATIENCE, answer};
use super::shared::Shared;
use super::tape::{Opened, Tape};
use super::{deflate, head, plain, relay};
use crate::connection::{Line, Socket, joined};
use goldwire_core::transcript::{Handshake, Stamps};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::timeout;

/// Opens a WebSocket through us, and records it.
pub(super) async fn upgrade(
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
    let answered = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        answered = ask_server(&mut server, &asked.head, &mut buffer) => answered,
    };
    let at = Instant::now();
    let head = match answered {
        Ok(head) => head,
        Err(cause) => {
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
            format!("{}: a WebSocket is relayed and not recorded", asked.client),
            Some("ws:// instead of http:// in --to records WebSockets".to_owned()),
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

/// Passes the request on and waits for the head of the server's answer; `buffer` gets what came with it. Without one, the
/// answer is why there is none.
async fn ask_server(server: &mut Socket, request: &Head, buffer: &mut Vec<u8>) -> Result<Head, String> {
    let answered = async {
        server.write_all(&request.to_bytes()).await?;
        server.flush().await?;
        let head = head::read(server, Kind::Response, buffer).await?;
        head.ok_or_else(|| HeadError::Io(io::ErrorKind::UnexpectedEof.into()))
    };
    match timeout(PATIENCE, answered).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer to the upgrade within {} s", PATIENCE.as_secs())),
    }
}
