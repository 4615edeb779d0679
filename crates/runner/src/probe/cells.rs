//! What came of a question, and of the runs by which it was asked.

use super::probed_session::ProbedSession;
use crate::auth::AuthError;
use crate::driver::Driven;
use goldwire_core::check::check;
use goldwire_core::finding::{ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::golden::Golden;

/// A run of a session that was driven, with what the golden says of it.
pub(super) fn judged(subject: &ProbedSession, golden: &Golden, driven: &Driven, round: u32) -> Run {
    let checked = check(golden, &driven.transcript);
    let transcript = &driven.transcript;
    let unjudged = (!checked.is_whole && checked.findings.is_empty())
        .then(|| Unjudged { cause: format!("the session was {}", transcript.ending.label()), hint: None });
    Run {
        session: subject.session.clone(),
        user: transcript.header.user.clone(),
        round,
        recording: driven.recording.display().to_string(),
        events: checked.events,
        took: transcript.ending.at.since(Default::default()),
        host: transcript.ending.host,
        findings: checked.findings,
        live: Vec::new(),
        unjudged,
    }
}

/// A run that did not happen.
pub(super) fn could_not(session: &str, user: &str, unjudged: Unjudged, round: u32) -> Run {
    Run::unjudged(session, user, round, unjudged)
}

pub(super) fn login_failed(error: &AuthError) -> Unjudged {
    Unjudged { cause: error.to_string(), hint: error.hint() }
}

pub(super) fn cell(
    probe: ProbeName,
    subject: &ProbedSession,
    case: &str,
    said: String,
    runs: Vec<Run>,
) -> ProbeResult {
    let (session, case) = (subject.session.clone(), case.to_owned());
    ProbeResult { probe, session, sort: case.clone(), case, said, not_asked: None, runs }
}

pub(super) fn not_asked(
    probe: ProbeName,
    subject: &ProbedSession,
    case: &str,
    why: impl Into<String>,
) -> ProbeResult {
    ProbeResult { not_asked: Some(why.into()), ..cell(probe, subject, case, String::new(), Vec::new()) }
}

/// A cell for what could not even begin.
pub(super) fn stuck(
    probe: ProbeName,
    subject: &ProbedSession,
    case: &str,
    unjudged: Unjudged,
) -> ProbeResult {
    let said = unjudged.cause.clone();
    cell(probe, subject, case, said, vec![could_not(&subject.session, "", unjudged, 1)])
}

/// A summary of sessions in a few words.
pub(super) fn summary(runs: &[Run]) -> String {
    let whole = runs.iter().filter(|run| run.unjudged.is_none() && run.findings.is_empty()).count();
    match runs.iter().flat_map(|run| &run.findings).next() {
        None if whole == runs.len() => format!("{whole} of {} sessions conform", runs.len()),
        None => {
            let cause = runs.iter().find_map(|run| run.unjudged.as_ref()).map_or("", |u| u.cause.as_str());
            format!("{whole} of {} sessions conform; {cause}", runs.len())
        }
        Some(first) => format!("{whole} of {} sessions conform; {}", runs.len(), first.message),
    }
}
