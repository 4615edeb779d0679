//! What a client answers to a server's heartbeats.

use crate::dialect::{self, Dialect, Label, Reflex, When};
use crate::learn::session::Session;
use crate::transcript::Side;
use serde_json::Value;
use std::collections::BTreeSet;

/// How servers call what asks whether somebody is there, and clients what answers it.
const BEATS: [&str; 8] =
    ["ping", "pong", "heartbeat", "heart_beat", "heart-beat", "keepalive", "keep_alive", "keep-alive"];
/// So many pairs tell that one answers the other.
const MIN_PAIRS: usize = 4;

/// Finds what the client answers to each of a server's heartbeats: the two take turns, and the answer is made of nothing but
/// the heartbeat.
pub(in crate::learn) fn reflexes(sessions: &[Session], dialect: &mut Dialect) -> bool {
    let Dialect::Json(names) = dialect else { return false };
    let is_beat = |label: &Label| {
        let name = label.name().to_ascii_lowercase();
        BEATS.iter().any(|beat| name.contains(beat))
    };
    let of_side = |side: Side| -> BTreeSet<&Label> {
        let all = sessions.iter().flat_map(|session| &session.events).map(|event| &event.label);
        all.filter(|label| label.side() == side && is_beat(label)).collect()
    };
    let (beats, answers) = (of_side(Side::Server), of_side(Side::Client));
    for beat in beats {
        for answer in &answers {
            let Some(pairs) = in_turn(sessions, beat, answer).filter(|pairs| pairs.len() >= MIN_PAIRS) else {
                continue;
            };
            let when = When::Comes(beat.clone());
            let reflex = dialect::reflex_template(&pairs).map(|send| Reflex { when, send: Some(send) });
            if let Some(reflex) = reflex.filter(|reflex| reflex.answer(names).as_ref() == Some(*answer)) {
                names.reflexes.push(reflex);
                break;
            }
        }
    }
    !names.reflexes.is_empty()
}

/// What each of a server's messages says, with what the client's next message of another name says, where the two take
/// turns in all sessions.
fn in_turn<'s>(sessions: &'s [Session], beat: &Label, answer: &Label) -> Option<Vec<(&'s Value, &'s Value)>> {
    let mut pairs = Vec::new();
    for session in sessions {
        let mut open: Option<&Value> = None;
        for event in &session.events {
            if event.label == *beat {
                if open.replace(&event.data).is_some() {
                    return None;
                }
            } else if event.label == *answer {
                pairs.push((open.take()?, &event.data));
            }
        }
    }
    Some(pairs)
}
