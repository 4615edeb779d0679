//! The liveness probe: checks that a real server answers, and that sessions do not become slower.

use super::cells::{cell, not_asked, stuck, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::probed_session::ProbedSession;
use super::trend::{MIN_SESSIONS, Shown, Trend, shown, trend};
use crate::auth::Identity;
use goldwire_core::check::{Live, Witness, check, judge_liveness, liveness_findings};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Answer, Finding, Kind, ProbeName, ProbeResult, Run};
use goldwire_core::golden::{Golden, LiveItem};
use goldwire_core::transcript::{Header, Offset, Payload, Side, Transcript};

const LIVENESS: ProbeName = ProbeName::Liveness;

pub(super) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let mut cells = evidence(context, subject).await;
    cells.push(soak(context, subject).await);
    cells
}

struct Witnessed {
    run: Run,
    header: Header,
    ended: Offset,
    live: Live,
}

/// Two rounds by all users, and every question of liveness that can be answered; a failed one is a finding here.
async fn evidence(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let identities = match context.logins(context.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(LIVENESS, subject, "evidence", unjudged)],
    };
    let mut failed = Vec::new();
    let mut all: Vec<Witnessed> = Vec::new();
    for round in 1..=2 {
        let overrides = DriveOverrides::default();
        let players =
            identities.iter().map(|user| context.session(subject, &subject.golden, user, &overrides, round));
        for (run, driven) in futures_util::future::join_all(players).await {
            let Some(driven) = driven.filter(|_| run.unjudged.is_none()) else {
                failed.push(run);
                continue;
            };
            let transcript = driven.transcript;
            let live = check(&subject.golden, &transcript).live;
            let ended = transcript.ending.at;
            all.push(Witnessed { run, header: transcript.header, ended, live });
        }
    }
    if !failed.is_empty() {
        let said = summary(&failed);
        return vec![cell(LIVENESS, subject, "evidence", said, failed)];
    }
    let witness = |one: &Witnessed| (one.header.clone(), one.ended);
    let known: Vec<(Header, Offset)> = all.iter().map(witness).collect();
    let witnesses: Vec<Witness<'_>> = all
        .iter()
        .zip(&known)
        .map(|(one, (header, ended))| Witness { header, ended: *ended, live: &one.live })
        .collect();
    let before =
        subject.kept.iter().map(|kept| Witness { header: &kept.header, ended: kept.ended, live: &kept.live });
    let others: Vec<Witness<'_>> = before.chain(witnesses.iter().copied()).collect();
    let golden = Golden { require_live: LiveItem::ALL.to_vec(), ..subject.golden.clone() };
    let mut runs: Vec<Run> = Vec::new();
    for (one, witness) in all.iter().zip(&witnesses) {
        let checks = judge_liveness(&golden, subject.seen.as_ref(), *witness, &others);
        let findings = liveness_findings(&golden, &checks);
        runs.push(Run { findings, live: checks, ..one.run.clone() });
    }
    LiveItem::ALL.into_iter().map(|item| answer(subject, item, &runs)).collect()
}

/// One question over all runs.
fn answer(subject: &ProbedSession, item: LiveItem, runs: &[Run]) -> ProbeResult {
    let checks: Vec<_> = runs.iter().flat_map(|run| &run.live).filter(|check| check.item == item).collect();
    let worst = checks.iter().max_by_key(|check| check.answer);
    let said = worst.map_or_else(String::new, |check| check.detail.clone());
    if worst.is_none_or(|check| check.answer == Answer::Unknown) {
        return not_asked(LIVENESS, subject, item.name(), said);
    }
    let own = |run: &Run| {
        let is_own = |finding: &Finding| finding.message.starts_with(item.name());
        let findings = run.findings.iter().filter(|finding| is_own(finding)).cloned().collect();
        Run { findings, ..run.clone() }
    };
    cell(LIVENESS, subject, item.name(), said, runs.iter().map(own).collect())
}

/// Sessions of one user, one after the other: does the server become slower?
async fn soak(context: &ProbeContext<'_>, subject: &ProbedSession) -> ProbeResult {
    const CASE: &str = "soak";
    let count = context.settings.soak;
    if (count as usize) < MIN_SESSIONS {
        let why = format!("a trend needs {MIN_SESSIONS} sessions: `soak` in [probe], or --soak N");
        return not_asked(LIVENESS, subject, CASE, why);
    }
    let identity = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return stuck(LIVENESS, subject, CASE, unjudged),
    };
    let (mut runs, mut seconds, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    go_on(context, subject, &identity, count, (&mut runs, &mut seconds, &mut bytes)).await;
    // The length does not depend on the machine, so one look is enough.
    if let Some(grown) = trend(&bytes).filter(|grown| grown.is_steep())
        && let Some(last) = runs.last_mut()
    {
        last.findings.push(says_more(subject, grown, bytes.len()));
    }
    let shown = loop {
        let seen = shown(&seconds, count as usize);
        let before = seconds.len();
        if seen != Some(Shown::Unclear) {
            break seen;
        }
        go_on(context, subject, &identity, count, (&mut runs, &mut seconds, &mut bytes)).await;
        // Interrupted, or a session failed: the results so far stand.
        if seconds.len() < before + count as usize {
            break trend(&seconds)
                .map(|seen| if seen.is_steep() { Shown::Steep(seen) } else { Shown::Flat(seen) });
        }
    };
    // After failed sessions, there may be fewer than one block.
    let more = seconds.len().saturating_sub(count as usize);
    let said = match shown {
        None | Some(Shown::Unclear) => summary(&runs),
        Some(Shown::Flat(seen) | Shown::Steep(seen)) => says(seconds.len(), seen),
        Some(Shown::Machine(begun, after)) => {
            let begun = says(count as usize, begun);
            format!("{begun}, but of {more} more {:.2} times: this machine's doing", after.factor)
        }
    };
    if let (Some(Shown::Steep(steepness)), Some(last)) = (shown, runs.last_mut()) {
        let label = subject.golden.script.last().cloned().unwrap_or_else(|| Label::from("@open"));
        let message = format!("it becomes slower with every session: {said}");
        let again = if more > 0 { format!("; measured again over {more} more") } else { String::new() };
        let found = finding(Kind::Trend, "probe.liveness.soak".to_owned(), label, Vec::new(), message)
            .values(
                "the same time for the same question",
                format!("{:.2} x after {}", steepness.factor, seconds.len()),
            )
            .evidence(format!(
                "rank correlation with the session's number, p = {:.1e}{again}",
                steepness.p.max(f64::EPSILON)
            ))
            .hint("what does each session leave behind: tasks, handlers, growing tables?");
        last.findings.push(found);
    }
    cell(LIVENESS, subject, CASE, said, runs)
}

/// The same question is answered with more from session to session.
fn says_more(subject: &ProbedSession, grown: Trend, sessions: usize) -> Finding {
    let label = subject.golden.script.last().cloned().unwrap_or_else(|| Label::from("@open"));
    let factor = format!("{:.2}", grown.factor);
    let message = format!(
        "it sends more with every session: {sessions} sessions, and the last is {factor} times as long as the first"
    );
    finding(Kind::Trend, "probe.liveness.soak".to_owned(), label, Vec::new(), message)
        .values("the same answer to the same question", format!("{factor} x after {sessions}, in bytes"))
        .evidence(format!(
            "rank correlation with the session's number, p = {:.1e}",
            grown.p.max(f64::EPSILON)
        ))
        .hint("what is left of earlier sessions: history, handlers that were not removed?")
}

fn says(sessions: usize, trend: Trend) -> String {
    format!("{sessions} sessions; the last takes {:.2} times as long as the first", trend.factor)
}

/// Plays so many more sessions one after the other, and adds how long the server took for each, and how many bytes it said.
async fn go_on(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    identity: &Identity,
    count: u32,
    (runs, seconds, bytes): (&mut Vec<Run>, &mut Vec<f64>, &mut Vec<f64>),
) {
    for _ in 0..count {
        if context.is_interrupted() {
            break;
        }
        let round = u32::try_from(runs.len() + 1).unwrap_or(u32::MAX);
        let (run, driven) =
            context.session(subject, &subject.golden, identity, &DriveOverrides::default(), round).await;
        let went_on = run.unjudged.is_none();
        runs.push(run);
        match driven.as_ref().and_then(|driven| served(&driven.transcript)) {
            Some((time, said)) => {
                seconds.push(time);
                bytes.push(said);
            }
            None if went_on => {}
            None => break,
        }
    }
}

/// The time that the server took: from the client's first message to the last of the server's, in seconds; and how many bytes
/// it said. What the client waits for by itself at the end is not in it.
fn served(transcript: &Transcript) -> Option<(f64, f64)> {
    let first = transcript.frames.iter().find(|frame| frame.side == Side::Client)?;
    let last = transcript.frames.iter().rev().find(|frame| {
        frame.side == Side::Server && matches!(frame.payload, Payload::Text(_) | Payload::Binary(_))
    })?;
    let said = transcript.frames.iter().filter(|frame| frame.side == Side::Server).map(|frame| match &frame
        .payload
    {
        Payload::Text(text) => text.len(),
        Payload::Binary(bytes) => bytes.len(),
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } | Payload::Open(_) | Payload::Gone(_) => {
            0
        }
    });
    let said = u32::try_from(said.sum::<usize>()).map_or(f64::from(u32::MAX), f64::from);
    Some((last.at.since(first.at).as_secs_f64(), said))
}
