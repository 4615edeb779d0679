//! The reconnect probe: checks that a session is complete after others were cut.

use super::cells::{cell, could_not, judged, stuck, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::probed_session::ProbedSession;
use super::resume::places;
use crate::auth::Identity;
use crate::driver::{Disconnect, DisconnectKind};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Kind, ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::transcript::{Frame, Payload, Side, Transcript};

const RECONNECT: ProbeName = ProbeName::Reconnect;

pub(super) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let identities = match context.logins(context.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(RECONNECT, subject, "login", unjudged)],
    };
    let Some(first) = identities.first() else { return Vec::new() };
    let (run, driven) = context.session(subject, &subject.golden, first, &DriveOverrides::default(), 1).await;
    let is_message = |payload: &Payload| matches!(payload, Payload::Text(_) | Payload::Binary(_));
    let messages = driven.as_ref().map_or(0, |driven| {
        driven.transcript.frames.iter().filter(|f| f.side == Side::Server && is_message(&f.payload)).count()
    });
    if messages == 0 || !run.findings.is_empty() {
        let mut run = run;
        if run.unjudged.is_none() && run.findings.is_empty() {
            let cause = "the server sends nothing in this session".to_owned();
            run.unjudged = Some(Unjudged { cause, hint: None });
        }
        return vec![cell(RECONNECT, subject, "uncut", summary(std::slice::from_ref(&run)), vec![run])];
    }
    let mut cells = vec![cycles(context, subject, first).await];
    cells.push(farewell(context, subject, &identities, messages).await);
    for (name, how) in [
        ("close", DisconnectKind::Close),
        ("reset", DisconnectKind::Reset),
        ("half-open", DisconnectKind::Silence),
    ] {
        if context.is_interrupted() {
            break;
        }
        let runs = cuts(context, subject, &identities, messages, how).await;
        let places = places(messages, context.settings.cuts).len();
        let said = format!("disconnected at {places} messages: {}", summary(&runs));
        cells.push(cell(RECONNECT, subject, &format!("cut by {name}"), said, runs));
    }
    cells.extend(super::resume::ask(context, subject, &identities).await);
    cells
}

/// Each user leaves in the middle of a session: the server has to close its side of the old socket, too.
async fn farewell(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[Identity],
    messages: usize,
) -> ProbeResult {
    let count = identities.len();
    let leaving = identities.iter().enumerate().map(|(index, identity)| async move {
        let after = 1 + index * (messages - 1) / count;
        let overrides = DriveOverrides {
            disconnect: Some(Disconnect { after, how: DisconnectKind::Farewell }),
            ..DriveOverrides::default()
        };
        match context.drive(subject, &subject.golden, identity, &overrides).await {
            Ok(driven) => closed(judged(subject, &subject.golden, &driven, 1), &driven.transcript),
            Err(unjudged) => could_not(&subject.session, &identity.user, unjudged, 1),
        }
    });
    let runs = futures_util::future::join_all(leaving).await;
    let said = match runs.iter().flat_map(|run| &run.findings).next() {
        Some(first) => first.message.clone(),
        None => format!("{count} sockets were closed by the server, too, after their clients had closed"),
    };
    cell(RECONNECT, subject, "old-socket", said, runs)
}

/// The server's reaction to the socket of a client that left in the middle of a session.
fn closed(run: Run, transcript: &Transcript) -> Run {
    let ours = |frame: &Frame| frame.side == Side::Client && matches!(frame.payload, Payload::Close { .. });
    let mut rest = transcript.frames.iter().skip_while(|frame| !ours(frame)).skip(1);
    let left = transcript.frames.iter().any(ours);
    let end = rest.find_map(|frame| match &frame.payload {
        Payload::Close { .. } => Some(None),
        Payload::Gone(detail) => Some(Some(format!("was dropped: {detail}"))),
        _ => None,
    });
    let problem = match end {
        // A session that ended before the client left has no old socket.
        _ if !left => None,
        Some(problem) => problem,
        None => Some("stayed open".to_owned()),
    };
    let findings = problem.map(|problem| {
        let message = format!("the old socket of a client that had closed {problem}");
        let frames = transcript.frames.len().checked_sub(1).into_iter().collect();
        let key = "probe.reconnect.old-socket".to_owned();
        finding(Kind::Ending, key, Label::from("@close"), frames, message)
            .values("a close frame as an answer to the client's", problem)
            .hint("RFC 6455, 5.5.1: an endpoint that receives a close frame MUST send one in response")
    });
    Run { findings: findings.into_iter().collect(), unjudged: None, ..run }
}

/// Connections that are gone as soon as they are greeted, one right after the other, and then a whole session.
async fn cycles(context: &ProbeContext<'_>, subject: &ProbedSession, identity: &Identity) -> ProbeResult {
    let cycles = context.settings.cycles;
    let overrides = DriveOverrides {
        disconnect: Some(Disconnect { after: 1, how: DisconnectKind::Close }),
        ..DriveOverrides::default()
    };
    for cycle in 1..=cycles {
        if let Err(unjudged) = context.drive(subject, &subject.golden, identity, &overrides).await {
            let cause = format!("connection {cycle} of {cycles}: {}", unjudged.cause);
            let run =
                could_not(&subject.session, &identity.user, Unjudged { cause: cause.clone(), ..unjudged }, 1);
            return cell(RECONNECT, subject, "rapid", cause, vec![run]);
        }
    }
    let (run, _) = context.session(subject, &subject.golden, identity, &DriveOverrides::default(), 1).await;
    let said = format!("after {cycles} connections: {}", summary(std::slice::from_ref(&run)));
    cell(RECONNECT, subject, "rapid", said, vec![run])
}

/// For every place a session that is cut there, and a whole one of the same user right after it. Users take turns.
async fn cuts(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[Identity],
    messages: usize,
    how: DisconnectKind,
) -> Vec<Run> {
    let places = places(messages, context.settings.cuts);
    let users = identities.iter().enumerate().map(|(index, identity)| {
        let own: Vec<usize> = places.iter().copied().skip(index).step_by(identities.len()).collect();
        async move {
            let mut runs = Vec::new();
            for after in own {
                let overrides = DriveOverrides {
                    disconnect: Some(Disconnect { after, how }),
                    ..DriveOverrides::default()
                };
                let left = context.drive(subject, &subject.golden, identity, &overrides).await;
                let round = u32::try_from(after).unwrap_or(u32::MAX);
                let (run, _) = match &left {
                    Ok(_) => {
                        context
                            .session(subject, &subject.golden, identity, &DriveOverrides::default(), round)
                            .await
                    }
                    Err(unjudged) => {
                        (could_not(&subject.session, &identity.user, unjudged.clone(), round), None)
                    }
                };
                // The silent connection lasts as long as the session after it.
                drop(left);
                runs.push(run);
            }
            runs
        }
    });
    futures_util::future::join_all(users).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_a_short_session_is_cut_at_and_the_last_of_a_long_one() {
        assert_eq!(places(3, 40), [1, 2, 3]);
        let many = places(1_000, 40);
        assert_eq!((many.len(), many[0], many[39]), (40, 25, 1_000));
    }
}
