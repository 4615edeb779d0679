//! Plays the client's side of a proposal against a recording.
//!
//! The player sends each recorded server message as soon as the client has sent its recorded earlier messages. If the
//! client reaches its end, it can be driven against a server that does the same. If it waits for an event that does
//! not come, the session could never be checked.

use super::lanes::is_id;
use crate::dialect::{Decoder, pointer};
use crate::drive::{Action, Session};
use crate::golden::Golden;
use crate::transcript::{End, Ending, Frame, Gap, Offset, Payload, Side, Transcript};
use serde_json::Value;
use std::collections::BTreeMap;

/// Between two messages of the player.
const PAUSE: Gap = Gap::from_millis(1);
/// An id has so many letters at least.
const ID: usize = 8;
/// So often the client may be asked in vain.
const PATIENCE: usize = 1000;

/// The result of a play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Played {
    /// The client came to its end.
    Through,
    /// The recorded client sent other messages than the script, so the recording shows nothing.
    OtherScript,
    /// The client waited in vain.
    Stuck {
        /// For one of these.
        waiting_for: Vec<String>,
        /// It had sent so many messages.
        sent: usize,
        /// The number of all messages.
        of: usize,
    },
}

/// A message of the server, and how many messages of the client go before it.
struct Cue {
    after: usize,
    frame: Frame,
}

/// Plays the client's half of a golden against a recording.
pub(super) fn play(golden: &Golden, recording: &Transcript) -> Played {
    // Over HTTP the server ends a request, which the player does not do.
    if golden.dialect.is_http() {
        return Played::OtherScript;
    }
    let mut sent = Vec::new();
    let mut cues = Vec::new();
    let mut labels = Vec::new();
    let mut decoder = Decoder::new(&golden.dialect);
    for frame in &recording.frames {
        let before = labels.len();
        for event in decoder.feed(frame).filter(|event| event.label.is_client()) {
            labels.push(event.label);
            sent.push(event.data);
        }
        match (&frame.payload, frame.side) {
            // The client's own event opens the next connection.
            (Payload::Open(_), _) => cues.push(Cue { after: labels.len(), frame: frame.clone() }),
            (Payload::Ping(_) | Payload::Pong(_), _) => {}
            (_, Side::Server) => cues.push(Cue { after: before, frame: frame.clone() }),
            (_, Side::Client) => {}
        }
    }
    if labels != golden.script {
        return Played::OtherScript;
    }
    let decoder = Decoder::new(&golden.dialect);
    Player { golden, cues, recorded: sent, decoder, said: 0, swaps: BTreeMap::new() }.run(&recording.ending)
}

struct Player<'g> {
    golden: &'g Golden,
    cues: Vec<Cue>,
    /// The recorded messages of the client.
    recorded: Vec<Value>,
    /// Decodes the repeated messages.
    decoder: Decoder,
    /// The number of repeated messages.
    said: usize,
    /// Values of the client that are new in every session: the recorded one as text, and the one of this play.
    swaps: BTreeMap<String, Value>,
}

impl Player<'_> {
    fn run(mut self, ending: &Ending) -> Played {
        let binds = |name: &str| {
            self.golden.events.values().flat_map(|event| &event.binds).any(|(own, _)| own == name)
        };
        let mut number = 0_u64;
        let mut fresh = |name: &str| -> Option<Value> {
            number += 1;
            let text = match name {
                "uuid" => format!("00000000-0000-4000-8000-{number:012}"),
                "now" => format!("2026-01-01T00:00:{:02}Z", number % 60),
                name if binds(name) => return None,
                _ => format!("{number:016x}"),
            };
            Some(Value::from(text))
        };
        let mut session = Session::new(self.golden, BTreeMap::new());
        let mut cues = std::mem::take(&mut self.cues).into_iter().peekable();
        let mut now = Offset::ZERO;
        let mut in_vain = 0;
        while in_vain < PATIENCE {
            let turn = session.turn(now, &mut fresh);
            let scripted = session.progress().0;
            match turn.action {
                Action::Done(Ending { how: End::GaveUp { waiting_for, .. }, .. }) => {
                    let (sent, of) = session.progress();
                    return Played::Stuck { waiting_for, sent, of };
                }
                Action::Done(_) => break,
                Action::Send(payload) => {
                    let frame =
                        Frame { conn: session.connection(), ..Frame::new(now, Side::Client, payload) };
                    self.sent(&frame);
                    session.frame(&frame);
                }
                Action::Reconnect | Action::Cancel { .. } => self.said = scripted,
                Action::Close { code } => {
                    for side in [Side::Client, Side::Server] {
                        let close = Payload::Close { code, reason: String::new() };
                        session.frame(&Frame { conn: session.connection(), ..Frame::new(now, side, close) });
                    }
                    break;
                }
                Action::Wait => match cues.peek() {
                    Some(cue) if cue.after <= scripted => {
                        now = now + PAUSE;
                        if let Some(Cue { frame, .. }) = cues.next() {
                            let frame = Frame { at: now, payload: self.swapped(frame.payload), ..frame };
                            self.decoder.feed(&frame).for_each(drop);
                            session.frame(&frame);
                        }
                    }
                    None if !matches!(ending.how, End::Closed { by: Side::Client, .. }) => break,
                    _ if turn.wake > now => now = turn.wake,
                    _ => {
                        now = now + PAUSE;
                        in_vain += 1;
                    }
                },
            }
        }
        let (sent, of) = session.progress();
        if sent < of || in_vain == PATIENCE {
            return Played::Stuck { waiting_for: Vec::new(), sent, of };
        }
        Played::Through
    }

    /// Notes what of a message of the client is new in every session.
    fn sent(&mut self, frame: &Frame) {
        let events: Vec<Value> = self
            .decoder
            .feed(frame)
            .filter(|event| event.label.is_client())
            .map(|event| event.data)
            .collect();
        for new in events {
            if let Some(old) = self.recorded.get(self.said).cloned() {
                self.compare(&old, &new, "");
            }
            self.said += 1;
        }
    }

    fn compare(&mut self, old: &Value, new: &Value, path: &str) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                for (key, old) in old {
                    if let Some(new) = new.get(key) {
                        self.compare(old, new, &format!("{path}{}", pointer([key.as_str()])));
                    }
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                for (place, (old, new)) in old.iter().zip(new).enumerate() {
                    self.compare(old, new, &format!("{path}/{place}"));
                }
            }
            (old, new) if old != new && (old.is_string() || is_id(path, old)) => {
                self.swaps.insert(old.to_string(), new.clone());
            }
            _ => {}
        }
    }

    /// The server's messages in this play.
    fn swapped(&self, payload: Payload) -> Payload {
        let Payload::Text(text) = &payload else { return payload };
        if self.swaps.is_empty() {
            return payload;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => Payload::Text(self.swap(value, "").to_string()),
            Err(_) => Payload::Text(self.swaps.iter().fold(text.clone(), |text, (old, new)| {
                // A short word would be found at other places by chance.
                let old = old.trim_matches('"');
                new.as_str().filter(|_| old.len() >= ID).map_or(text.clone(), |new| text.replace(old, new))
            })),
        }
    }

    fn swap(&self, value: Value, path: &str) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.into_iter()
                    .map(|(key, item)| {
                        let below = format!("{path}{}", pointer([key.as_str()]));
                        (key, self.swap(item, &below))
                    })
                    .collect(),
            ),
            Value::Array(items) => {
                let swap = |(place, item)| self.swap(item, &format!("{path}/{place}"));
                Value::Array(items.into_iter().enumerate().map(swap).collect())
            }
            value if value.is_string() || is_id(path, &value) => {
                self.swaps.get(&value.to_string()).cloned().unwrap_or(value)
            }
            value => value,
        }
    }
}
