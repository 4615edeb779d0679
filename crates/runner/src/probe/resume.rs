//! Can a client that was cut off go on where it was?
//!
//! A golden whose script reconnects says how: what its client sends on the next connection, with values that the first one
//! bound. The first connection is cut at every message from which these values are known; then the rest of the script is
//! played on a new one, with them.

use super::cells::{cell, could_not, not_asked, stuck, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::leak::{bound_values, text_of, with_canary};
use super::probed_session::ProbedSession;
use crate::auth::{Identity, random_word};
use crate::driver::{Disconnect, DisconnectKind};
use goldwire_core::dialect::RECONNECT;
use goldwire_core::finding::{Kind, ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::golden::Golden;
use goldwire_core::transcript::{Gap, Payload, Side, Transcript};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const PROBE: ProbeName = ProbeName::Reconnect;
const CASES: [(&str, DisconnectKind); 2] =
    [("resume after close", DisconnectKind::Close), ("resume after reset", DisconnectKind::Reset)];
/// A server needs a moment to see that a client has gone, and to stop what it was doing for it. So often it is asked again,
const TRIES: u32 = 4;
/// so much later each time.
const PAUSE: Duration = Duration::from_millis(300);
/// and each time waited for as long as this at most.
const SOON: Gap = Gap::from_millis(3_000);

pub(super) async fn ask(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[Identity],
) -> Vec<ProbeResult> {
    let all = |why: &str| CASES.map(|(case, _)| not_asked(PROBE, subject, case, why)).to_vec();
    let Some(rest) = rest(&subject.golden) else {
        return all("no script of this session reconnects: `>@reconnect`");
    };
    let Some(first) = identities.first() else { return Vec::new() };
    let canary = match random_word(16) {
        Ok(word) => format!("ref-{word}"),
        Err(error) => return all(&error.to_string()),
    };
    // Uncut, to see from which message on everything is known, and whether what was said before comes back afterwards.
    let (marked, is_marked) = marked(&subject.golden, &canary);
    let whole = match context.drive(subject, &marked, first, &DriveOverrides::default()).await {
        Ok(driven) => driven.transcript,
        Err(unjudged) => {
            return vec![stuck(PROBE, subject, CASES[0].0, unjudged)];
        }
    };
    let Some((from, to)) = known_from(&subject.golden, &rest, &whole) else {
        return all("after it reconnects, the client sends no value of its first connection");
    };
    let again = if is_marked { said_again(&whole, &canary) } else { 0 };
    let known = Known { rest, again };
    let mut cells = Vec::new();
    for (case, how) in CASES {
        if context.is_interrupted() {
            break;
        }
        let cuts = places(to + 1 - from, context.settings.cuts);
        let users = identities.iter().enumerate().map(|(index, identity)| {
            let own: Vec<usize> = cuts.iter().copied().skip(index).step_by(identities.len()).collect();
            let known = &known;
            async move {
                let mut runs = Vec::new();
                for disconnect in own {
                    runs.push(
                        resumed(
                            context,
                            subject,
                            identity,
                            known,
                            Disconnect { after: from + disconnect - 1, how },
                        )
                        .await,
                    );
                }
                runs
            }
        });
        let runs: Vec<Run> = futures_util::future::join_all(users).await.into_iter().flatten().collect();
        let said = format!("disconnected at {} messages: {}", cuts.len(), summary(&runs));
        cells.push(cell(PROBE, subject, case, said, runs));
    }
    cells
}

/// What is known of how a session goes on.
struct Known {
    /// The golden of a client that comes back.
    rest: Golden,
    /// How often the server says again, after the return, what the client had said before.
    again: usize,
}

/// A session that is cut, and the rest of it by a client that comes back.
async fn resumed(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identity: &Identity,
    known: &Known,
    disconnect: Disconnect,
) -> Run {
    let round = u32::try_from(disconnect.after).unwrap_or(u32::MAX);
    let failed = |unjudged: Unjudged| could_not(&subject.session, &identity.user, unjudged, round);
    let canary = match random_word(16) {
        Ok(word) => format!("ref-{word}"),
        Err(error) => return failed(Unjudged { cause: error.to_string(), hint: None }),
    };
    let overrides = DriveOverrides { disconnect: Some(disconnect), ..DriveOverrides::default() };
    let left = match context.drive(subject, &marked(&subject.golden, &canary).0, identity, &overrides).await {
        Ok(driven) => driven.transcript,
        Err(unjudged) => return failed(unjudged),
    };
    let values = bound_values(&subject.golden, &left);
    let overrides = DriveOverrides { values: values.clone(), ..DriveOverrides::default() };
    let mut tries = 0;
    loop {
        tries += 1;
        let (mut run, driven) = context.session(subject, &known.rest, identity, &overrides, round).await;
        if let Some(driven) = driven
            && known.again > 0
            && run.findings.is_empty()
        {
            run.findings.extend(lost(subject, &driven.transcript, &canary, known.again));
            // By now it has been asked again, and what is lost would be hidden by what was said since.
            return run;
        }
        let is_settled = run.findings.iter().all(|found| found.kind == Kind::Duplicate);
        if is_settled || tries >= TRIES || context.is_interrupted() {
            return run;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What the client had said before must come back as often as where nothing was cut.
fn lost(
    subject: &ProbedSession,
    transcript: &Transcript,
    canary: &str,
    wanted: usize,
) -> Option<goldwire_core::finding::Finding> {
    let times = said_again(transcript, canary);
    let key = "probe.reconnect.resume".to_owned();
    let label = subject.golden.script.iter().rev().find(|label| label.as_str() != RECONNECT)?.clone();
    let frames = transcript.frames.len().checked_sub(1).into_iter().collect();
    let (kind, message) = match times {
        0 => (Kind::Missing, "what the client sent before the disconnect is lost".to_owned()),
        _ if times > wanted => {
            (Kind::Duplicate, format!("what the client sent before the disconnect comes back {times} times"))
        }
        _ => return None,
    };
    Some(
        finding(kind, key, label, frames, message)
            .values(format!("{wanted} times, as in a session without a disconnect"), format!("{times} times"))
            .hint("store a client's message once, before answering it"),
    )
}

/// How often the server says a word on the last connection.
fn said_again(transcript: &Transcript, word: &str) -> usize {
    let last = transcript.frames.iter().map(|frame| frame.conn).max().unwrap_or(0);
    let own = transcript.frames.iter().filter(|frame| frame.side == Side::Server && frame.conn == last);
    own.filter_map(|frame| text_of(&frame.payload)).map(|text| text.matches(word).count()).sum()
}

/// The script's part after its last reconnect, as a golden: same order, begun anew.
fn rest(golden: &Golden) -> Option<Golden> {
    let at = golden.script.iter().rposition(|label| label.as_str() == RECONNECT)?;
    let (before, after) = (&golden.script[..at], &golden.script[at + 1..]);
    if after.is_empty() {
        return None;
    }
    let mut rest = golden.clone();
    rest.script = after.to_vec();
    // A thread that is not free yet is asked for again soon.
    rest.wait = rest.wait.min(SOON);
    for (label, event) in &mut rest.events {
        let sent = before.iter().filter(|own| *own == label).count();
        if event.sends.len() > sent {
            event.sends.drain(..sent);
        }
        // Less is asked than in a whole session, so less is answered.
        (event.total, event.answered) = (None, None);
    }
    Some(rest)
}

/// The golden with a canary in what its client says before it reconnects, and whether there is one: not where the same words
/// are said again afterwards.
fn marked(golden: &Golden, canary: &str) -> (Golden, bool) {
    let Some(at) = golden.script.iter().rposition(|label| label.as_str() == RECONNECT) else {
        return (golden.clone(), false);
    };
    let (planted, _) = with_canary(golden, canary);
    let mut own = golden.clone();
    let mut is_marked = false;
    for (label, event) in &mut own.events {
        let before = golden.script[..at].iter().filter(|own| *own == label).count();
        let after = golden.script[at..].iter().filter(|own| *own == label).count();
        let Some(marked) = planted.event(label) else { continue };
        let first = if after > 0 { before.min(event.sends.len().saturating_sub(1)) } else { before };
        for (send, with) in event.sends.iter_mut().zip(&marked.sends).take(first) {
            is_marked |= send != with;
            *send = with.clone();
        }
    }
    (own, is_marked)
}

/// The first and the last of the server's messages on the first connection, counted from 1, after which everything is known
/// that the client sends when it comes back. None where it needs nothing of before.
fn known_from(golden: &Golden, rest: &Golden, whole: &Transcript) -> Option<(usize, usize)> {
    let made: BTreeSet<&str> =
        golden.events.values().flat_map(|event| &event.binds).map(|(name, _)| name.as_str()).collect();
    let sent = rest.script.iter().filter_map(|label| rest.event(label)).flat_map(|event| &event.sends);
    let needed: BTreeSet<String> =
        sent.flat_map(|send| send.names()).filter(|name| made.contains(name.as_str())).collect();
    if needed.is_empty() {
        return None;
    }
    let is_message = |payload: &Payload| matches!(payload, Payload::Text(_) | Payload::Binary(_));
    let mut first = Transcript { frames: Vec::new(), ..whole.clone() };
    let (mut messages, mut from) = (0, None);
    for frame in whole.frames.iter().take_while(|frame| frame.conn == 0) {
        first.frames.push(frame.clone());
        if frame.side == Side::Server && is_message(&frame.payload) {
            messages += 1;
            let values: BTreeMap<String, Value> =
                if from.is_none() { bound_values(golden, &first) } else { BTreeMap::new() };
            if from.is_none() && needed.iter().all(|name| values.contains_key(name)) {
                from = Some(messages);
            }
        }
    }
    from.map(|from| (from, messages))
}

/// The numbers of the messages after which sessions are cut: `most` of them, evenly spread.
pub(super) fn places(messages: usize, most: usize) -> Vec<usize> {
    let count = messages.min(most);
    (1..=count).map(|place| place * messages / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::dialect::Label;
    use goldwire_core::template::Template;
    use goldwire_core::transcript::{End, Ending, Frame, Header, Offset};

    fn golden() -> Golden {
        let text = "goldwire = 1\norder = \"( hello ; ( >resume ; resumed )? ; >ask ; started ; done ; >@reconnect? )+\"\n\
                    script = [\">ask\", \">@reconnect\", \">resume\", \">ask\"]\n\
                    [event.ask]\nsend = [ { type = \"ask\", text = \"how far is it\" }, { type = \"ask\", text = \"how old is it\" } ]\n\
                    [event.resume]\nsend = { type = \"resume\", thread = \"{{thread}}\" }\n\
                    [event.started]\nbind.thread = \"/thread\"\n";
        goldwire_core::golden::read("g.toml", text).expect("a golden")
    }

    fn transcript(frames: &[(u32, Side, &str)]) -> Transcript {
        let frames = frames.iter().map(|(conn, side, text)| Frame {
            conn: *conn,
            ..Frame::new(Offset::ZERO, *side, Payload::Text((*text).to_owned()))
        });
        let ending = Ending { at: Offset::ZERO, how: End::Interrupted, host: None };
        Transcript { header: Header::default(), frames: frames.collect(), ending }
    }

    const WHOLE: [(u32, Side, &str); 7] = [
        (0, Side::Server, r#"{"type":"hello"}"#),
        (0, Side::Client, r#"{"type":"ask"}"#),
        (0, Side::Server, r#"{"type":"started","thread":"thr_1"}"#),
        (0, Side::Server, r#"{"type":"done"}"#),
        (1, Side::Server, r#"{"type":"hello"}"#),
        (1, Side::Server, r#"{"type":"resumed","said":["how far is it (ref-x)"]}"#),
        (1, Side::Server, r#"{"type":"done"}"#),
    ];

    #[test]
    fn a_client_that_comes_back_says_the_rest_with_what_it_knows() {
        let rest = rest(&golden()).expect("it reconnects");
        assert_eq!(rest.script, [Label::from(">resume"), Label::from(">ask")]);
        let asks = &rest.events[&Label::from(">ask")].sends;
        assert!(matches!(&asks[..], [Template::Json(ask)] if ask["text"] == "how old is it"), "{asks:?}");
        assert_eq!(known_from(&golden(), &rest, &transcript(&WHOLE)), Some((2, 3)));
    }

    #[test]
    fn only_what_is_said_before_the_return_is_marked() {
        let (marked, is_marked) = marked(&golden(), "ref-x");
        let asks = &marked.events[&Label::from(">ask")].sends;
        assert!(
            is_marked
                && matches!(&asks[..], [Template::Json(first), Template::Json(second)]
            if first["text"] == "how far is it (ref-x)" && second["text"] == "how old is it"),
            "{asks:?}"
        );
    }

    #[test]
    fn what_was_said_before_comes_back_once() {
        let subject = ProbedSession {
            session: "chat".to_owned(),
            golden: golden(),
            seen: None,
            openings: Vec::new(),
            kept: Vec::new(),
        };
        let kind = |text: &str| {
            let mut frames = WHOLE;
            frames[5].2 = text;
            lost(&subject, &transcript(&frames), "ref-x", 1).map(|found| found.kind)
        };
        assert_eq!(kind(WHOLE[5].2), None);
        assert_eq!(kind(r#"{"type":"resumed","said":[]}"#), Some(Kind::Missing));
        assert_eq!(kind(r#"{"type":"resumed","said":["(ref-x)","(ref-x)"]}"#), Some(Kind::Duplicate));
    }
}
