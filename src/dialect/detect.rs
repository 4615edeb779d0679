//! Which dialect a session is in: by its URL, where that is one of HTTP; by the subprotocol that the handshake agreed on, else by the look of the first messages.

use super::{Dialect, Protocol, Spoken};
use crate::transcript::{Frame, Payload, Side, Transcript};

/// So many messages of each session are looked at.
const LOOKED_AT: usize = 64;

impl Dialect {
    /// The dialect of most of these sessions; plain JSON where nothing speaks for another one.
    pub fn detect<'t>(sessions: impl IntoIterator<Item = &'t Transcript>) -> Dialect {
        let mut votes: Vec<(Option<Protocol>, usize)> = Vec::new();
        for session in sessions {
            if let http @ Dialect::Sse(_) = Dialect::at(&session.header.url) {
                return http;
            }
            let found = detect(session);
            match votes.iter_mut().find(|(protocol, _)| *protocol == found) {
                Some((_, count)) => *count += 1,
                None => votes.push((found, 1)),
            }
        }
        // Of equals the first in the list of protocols wins, plain JSON before all.
        let best = votes.into_iter().min_by_key(|(protocol, count)| (std::cmp::Reverse(*count), *protocol));
        match best.and_then(|(protocol, _)| protocol) {
            Some(protocol) => Dialect::Protocol(Spoken::new(protocol)),
            None => Dialect::default(),
        }
    }
}

fn detect(session: &Transcript) -> Option<Protocol> {
    let messages = session.frames.iter().filter(|frame| frame.payload.is_message()).take(LOOKED_AT);
    by_look(&messages.collect::<Vec<_>>())
}

fn by_look(messages: &[&Frame]) -> Option<Protocol> {
    let first = |side| messages.iter().find(|frame| frame.side == side).map(|frame| bytes(&frame.payload));
    let server = first(Side::Server).unwrap_or_default();
    if server.starts_with(b"INFO {") && server.ends_with(b"\r\n") {
        return Some(Protocol::Nats);
    }
    None
}

fn bytes(payload: &Payload) -> &[u8] {
    match payload {
        Payload::Text(text) => text.as_bytes(),
        Payload::Binary(bytes) => bytes,
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } | Payload::Open(_) | Payload::Gone(_) => {
            &[]
        }
    }
}
