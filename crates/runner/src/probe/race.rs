//! The race probe: checks many users who connect at the same moment, or do not wait.

use super::cancel::{close_mid_run, mid_run};
use super::cells::{cell, could_not, judged, not_asked, stuck, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::isolation::{Own, wires};
use super::leak::{bound_values, leaks};
use super::probed_session::ProbedSession;
use super::refresh::during_use;
use super::spread::{Opening, judge};
use crate::auth::Identity;
use crate::driver::{Disconnect, DisconnectKind, Driven};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind, ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::golden::{Golden, Order};
use goldwire_core::transcript::{End, Gap, Payload, Side};
use std::time::Duration;
use tokio::time::Instant;

const RACE: ProbeName = ProbeName::Race;
/// The number of times that the users connect in a storm.
const STORM: u32 = 10;
/// So long a server may take to work off what a storm left behind, before the next question is asked.
const SETTLES: Duration = Duration::from_secs(60);
/// So long after a refusal the next connection is tried.
const AGAIN: Duration = Duration::from_millis(200);

pub(super) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let identities = match context.logins(context.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(RACE, subject, "login", unjudged)],
    };
    let Some(first) = identities.first() else { return Vec::new() };
    let everybody: Vec<&Identity> = identities.iter().collect();
    let one: Vec<&Identity> = identities.iter().map(|_| first).collect();
    let mut cells = Vec::new();
    let played = rounds(context, subject, &everybody).await;
    let messages = played.iter().flatten().filter_map(|(_, driven)| driven.as_ref()).map(messages).max();
    let openings: Vec<Vec<Opening>> = played
        .iter()
        .map(|round| round.iter().filter_map(|(_, driven)| Some(Opening::of(&driven.as_ref()?.transcript))))
        .map(Iterator::collect)
        .collect();
    let crossed = cross_talk(subject, &identities, &played);
    let runs: Vec<Run> = played.into_iter().flatten().map(|(run, _)| run).collect();
    cells.push(cell(RACE, subject, "at-once", summary(&runs), runs));
    cells.push(crossed);
    cells.push(spread(subject, &openings));
    let runs: Vec<Run> =
        rounds(context, subject, &one).await.into_iter().flatten().map(|(run, _)| run).collect();
    cells.push(cell(RACE, subject, "same-token", summary(&runs), runs));
    cells.push(eager(context, subject, &everybody).await);
    cells.push(storm(context, subject, &everybody).await);
    cells.push(close_mid_run(context, subject, &everybody, messages.unwrap_or(0)).await);
    cells.push(Box::pin(mid_run(context, subject, &everybody)).await);
    cells.push(Box::pin(during_use(context, subject)).await);
    cells
}

/// A session of a round, with what passed where it could be driven.
type Played = (Run, Option<Driven>);

/// The number of server messages.
fn messages(driven: &Driven) -> usize {
    let is_message = |payload: &Payload| matches!(payload, Payload::Text(_) | Payload::Binary(_));
    driven.transcript.frames.iter().filter(|f| f.side == Side::Server && is_message(&f.payload)).count()
}

/// The data of one user that reached another.
fn cross_talk(subject: &ProbedSession, identities: &[Identity], rounds: &[Vec<Played>]) -> ProbeResult {
    let mut runs: Vec<Run> = Vec::new();
    for round in rounds {
        let there: Vec<(&Identity, &Run, &Driven)> = identities
            .iter()
            .zip(round)
            .filter_map(|(identity, (run, driven))| Some((identity, run, driven.as_ref()?)))
            .collect();
        let own: Vec<Own<'_>> = there
            .iter()
            .map(|(identity, _, driven)| Own {
                identity,
                golden: &subject.golden,
                canary: None,
                transcript: &driven.transcript,
            })
            .collect();
        let mut own_runs: Vec<Run> = there
            .iter()
            .map(|(_, run, _)| Run { findings: Vec::new(), unjudged: None, ..(*run).clone() })
            .collect();
        for (wire, finding) in leaks(&subject.golden, &wires(subject, identities, &own)) {
            own_runs[wire].findings.push(finding);
        }
        runs.extend(own_runs);
    }
    let said = match runs.iter().flat_map(|run| &run.findings).next() {
        Some(first) => first.message.clone(),
        None => format!("{} sessions, nothing of other users", runs.len()),
    };
    cell(RACE, subject, "cross-talk", said, runs)
}

/// All of them play the session, begun at the same moment, again and again.
async fn rounds(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[&Identity],
) -> Vec<Vec<Played>> {
    let mut played = Vec::new();
    for round in 1..=context.settings.rounds {
        if context.is_interrupted() {
            break;
        }
        let overrides = DriveOverrides::default();
        let players = identities
            .iter()
            .map(|identity| context.session(subject, &subject.golden, identity, &overrides, round));
        played.push(futures_util::future::join_all(players).await);
    }
    played
}

/// The delay of the last ready connection beyond the recordings.
fn spread(subject: &ProbedSession, rounds: &[Vec<Opening>]) -> ProbeResult {
    let known = |gap: fn(&Opening) -> Option<Gap>| {
        let recorded =
            subject.openings.iter().filter_map(|opening| Some((opening.host.as_str(), gap(opening)?)));
        recorded.collect::<Vec<_>>()
    };
    let live = |gap: fn(&Opening) -> Option<Gap>| {
        rounds.iter().map(|round| round.iter().filter_map(gap).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let connect: fn(&Opening) -> Option<Gap> = |opening| Some(opening.connect);
    let first: fn(&Opening) -> Option<Gap> = |opening| opening.first;
    if super::spread::bound(&known(connect), 1).is_none() {
        return not_asked(RACE, subject, "spread", "too few recordings show how soon a connection is ready");
    }
    let greeting = subject.golden.order.labels().into_iter().find(|label| !label.is_client()).cloned();
    let greeting = greeting.unwrap_or_else(|| Label::from("@open"));
    let findings: Vec<Finding> = [
        judge("connecting", &Label::from("@open"), &known(connect), &live(connect)),
        judge(&format!("`{greeting}`"), &greeting, &known(first), &live(first)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let slowest =
        rounds.iter().flatten().filter_map(|o| Some(o.connect.max(o.first?))).max().unwrap_or_default();
    let said = findings
        .first()
        .map_or_else(|| format!("the slowest was ready after {slowest}"), |f| f.message.clone());
    let unjudged = Unjudged { cause: String::new(), hint: None };
    let run = Run { findings, unjudged: None, ..could_not(&subject.session, "", unjudged, 1) };
    cell(RACE, subject, "spread", said, vec![run])
}

/// The client sends its first message at once, without waiting for a greeting.
async fn eager(context: &ProbeContext<'_>, subject: &ProbedSession, identities: &[&Identity]) -> ProbeResult {
    const CASE: &str = "send-at-once";
    let Some(golden) = eager_golden(&subject.golden) else {
        return not_asked(
            RACE,
            subject,
            CASE,
            "the client's first message is not one step of the order's beginning",
        );
    };
    let mut runs = Vec::new();
    for round in 1..=context.settings.rounds {
        let players = identities.iter().map(|identity| async {
            // The client knows the required values from an earlier session.
            let (run, driven) =
                context.session(subject, &subject.golden, identity, &DriveOverrides::default(), round).await;
            let Some(driven) = driven.filter(|_| run.unjudged.is_none()) else { return run };
            let values = bound_values(&subject.golden, &driven.transcript);
            let overrides = DriveOverrides { values, ..DriveOverrides::default() };
            let (mut run, _) = context.session(subject, &golden, identity, &overrides, round).await;
            // An id of another connection does not match here; only losses are checked.
            run.findings.retain(|finding| matches!(finding.kind.family(), "order" | "ending"));
            run
        });
        runs.extend(futures_util::future::join_all(players).await);
    }
    cell(RACE, subject, CASE, summary(&runs), runs)
}

/// The golden of a client that sends its first message before anything else happens.
fn eager_golden(golden: &Golden) -> Option<Golden> {
    let mut golden = golden.clone();
    let first = golden.script.first()?.clone();
    let Order::Seq(parts) = &mut golden.order else { return None };
    let at = parts.iter().position(|part| matches!(part, Order::Event(label) if *label == first))?;
    let part = parts.remove(at);
    parts.insert(0, part);
    let event = golden.events.get_mut(&first)?;
    event.after.clear();
    event.think = None;
    // Both messages cross, so their order has no meaning.
    golden.rules.retain(|rule| rule.first != first && rule.then != first);
    Some(golden)
}

/// Many connections at once, of which each is gone as soon as it is greeted.
async fn storm(context: &ProbeContext<'_>, subject: &ProbedSession, identities: &[&Identity]) -> ProbeResult {
    let disconnect = Disconnect { after: 1, how: DisconnectKind::Close };
    let overrides = DriveOverrides { disconnect: Some(disconnect), ..DriveOverrides::default() };
    let players = (0..STORM).flat_map(|_| identities.iter().copied()).map(|identity| {
        let overrides = &overrides;
        async move { (identity, context.drive(subject, &subject.golden, identity, overrides).await) }
    });
    let played = futures_util::future::join_all(players).await;
    let count = played.len();
    let mut runs: Vec<Run> =
        played.iter().map(|(identity, driven)| greeted(subject, identity, driven)).collect();
    let fine = runs.iter().filter(|run| run.unjudged.is_none() && run.findings.is_empty()).count();
    let said = format!("{fine} of {count} connections got a greeting");
    if let Some(run) = after_storm(context, subject, identities, &overrides).await {
        runs.push(run);
    }
    cell(RACE, subject, "storm", said, runs)
}

/// Waits until the server greets somebody again. Otherwise the next question would go to a server that is still busy with
/// connections which nobody waits for. Where it greets nobody for [`SETTLES`], the run says so.
async fn after_storm(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identities: &[&Identity],
    overrides: &DriveOverrides,
) -> Option<Run> {
    let identity = *identities.first()?;
    let began = Instant::now();
    loop {
        let driven = context.drive(subject, &subject.golden, identity, overrides).await;
        let run = greeted(subject, identity, &driven);
        if run.findings.is_empty() || context.is_interrupted() {
            return None;
        }
        if began.elapsed() >= SETTLES {
            let message =
                format!("no connection gets a greeting {} s after the connection storm", SETTLES.as_secs());
            let key = "probe.race.storm".to_owned();
            let found = finding(Kind::Ending, key, Label::from("@open"), Vec::new(), message);
            return Some(Run { findings: vec![found], ..run });
        }
        // A refusal comes at once, so the probe waits before it asks again.
        tokio::time::sleep(AGAIN).await;
    }
}

/// A connection of a storm that did not come to be, or that ended before we cut it off, is a finding.
fn greeted(subject: &ProbedSession, identity: &Identity, driven: &Result<Driven, Unjudged>) -> Run {
    let (mut run, failure) = match driven {
        Ok(driven) => {
            let ending = &driven.transcript.ending;
            // The probe's own cut looks like an interruption to the session.
            let failure = (ending.how != End::Interrupted).then(|| {
                let last = driven.transcript.frames.len().checked_sub(1);
                (Label::from("@end"), last, format!("ended before its greeting: {}", ending.label()))
            });
            (judged(subject, &subject.golden, driven, 1), failure)
        }
        Err(unjudged) => {
            let run = could_not(&subject.session, &identity.user, unjudged.clone(), 1);
            (run, Some((Label::from("@open"), None, format!("did not open: {}", unjudged.cause))))
        }
    };
    run.unjudged = None;
    run.findings.clear();
    if let Some((label, frame, what)) = failure {
        let message = format!("a connection that opened with many others {what}");
        let key = "probe.race.storm".to_owned();
        run.findings.push(finding(Kind::Ending, key, label, frame.into_iter().collect(), message));
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eager_client_sends_first_and_waits_for_the_rest_as_before() {
        let text = "goldwire = 1\norder = \"connected ; >ask ; answer+\"\n[event.ask]\nsend = { type = \"ask\" }\n\
                    [event.connected]\n[event.answer]\n";
        let golden = goldwire_core::golden::read("g.toml", text).expect("a golden");
        let eager = eager_golden(&golden).expect("its first message is a step of the order");
        assert_eq!(eager.order.to_string(), ">ask ; connected ; answer+");
        let nested = text.replace("connected ; >ask ; answer+", "(connected ; >ask ; answer)+");
        let golden = goldwire_core::golden::read("g.toml", &nested).expect("a golden");
        assert_eq!(eager_golden(&golden), None);
    }
}
