//! Whether an attempt ended as it should have.

use crate::auth::Identity;
use crate::probe::attempt::{AuthAttempt, Outcome, Sign, attempt_login, attempted, quoted, unlike};
use crate::probe::context::ProbeContext;
use crate::probe::finding::finding;
use crate::probe::probed_session::ProbedSession;
use crate::probe::settings::AuthSettings;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind, ProbeResult, Unjudged};
use serde_json::Value;

/// A case that must be refused.
pub(super) async fn refused(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    identity: &Identity,
    headers: &[(String, String)],
) -> ProbeResult {
    let attempt = attempt_login(context, &subject.golden, &subject.session, identity, headers).await;
    attempted(subject, case, identity, &attempt, judge(case, &attempt, &context.settings.auth))
}

/// A case that must be let in.
pub(super) async fn must_accept(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    identity: &Identity,
) -> ProbeResult {
    let attempt = attempt_login(context, &subject.golden, &subject.session, identity, &[]).await;
    let mut cell = attempted(subject, case, identity, &attempt, None);
    if !matches!(attempt.outcome, Outcome::Served(..)) {
        let cause = format!("a good token is not accepted here: {}", cell.said);
        let hint = Some("remove the place from `places` if the server does not read it".to_owned());
        cell.runs[0].unjudged = Some(Unjudged { cause, hint });
    }
    cell
}

/// The content of an unexpected message in the form of a policy: `, "/status" = "no"`.
fn place(attempt: &AuthAttempt) -> String {
    let what = attempt.refusal.as_ref().map_or("", |refused| &refused.what);
    let place = what.split_once(' ').filter(|(path, value)| {
        path.starts_with('/') && !path.contains('*') && serde_json::from_str::<Value>(value).is_ok()
    });
    place.map_or_else(String::new, |(path, value)| format!(", \"{path}\" = {value}"))
}

/// The finding of an attempt with a bad token that was not refused properly.
pub(super) fn judge(case: &str, attempt: &AuthAttempt, settings: &AuthSettings) -> Option<Finding> {
    let key = format!("probe.auth.{case}");
    let last = attempt.frames.checked_sub(1);
    let at = |kind, label: &str, frame: Option<usize>, message: String| {
        let frames = frame.into_iter().collect();
        finding(kind, key.clone(), Label::from(label), frames, message)
    };
    let refusals = "HTTP 401 or 403, or a close with 1008, 3000, 3003 or a code from 4000 on";
    match &attempt.outcome {
        Outcome::Status(code) | Outcome::Closed(code) if settings.is_refusal(*code) => None,
        // If a policy lists codes, it requires these codes, or a listed message.
        Outcome::Closed(_) | Outcome::Dropped(_) | Outcome::Hung(_)
            if attempt
                .refusal
                .as_ref()
                .is_some_and(|refused| refused.by == Sign::Policy || settings.refuse.is_empty()) =>
        {
            None
        }
        // The client was not accepted: a server may reject an unusual header itself.
        Outcome::Status(400..=499) if case.starts_with("bypass-header") => None,
        Outcome::Failed(_) => None,
        Outcome::Served(label, frame) if unlike(attempt).is_some() => {
            let told = unlike(attempt).map(quoted).unwrap_or_default();
            let message = format!("`{case}` was answered with {told}, and the connection stays open");
            Some(
                at(Kind::Accepted, label.as_str(), Some(*frame), message)
                    .values("a refusal", told)
                    .evidence("one connection, opened only for this attempt; good logins never get that")
                    .hint(format!(
                        "if this is how the server refuses, say so in [probe.auth]: refuse = [{{ event = \"{label}\"{} }}]",
                        place(attempt)
                    )),
            )
        }
        Outcome::Served(label, frame) => {
            let message = format!("`{case}` was accepted: `{label}` came after {}", attempt.took);
            Some(
                at(Kind::Accepted, label.as_str(), Some(*frame), message)
                    .values("a refusal before any event", format!("`{label}`"))
                    .evidence("one connection, opened only for this attempt")
                    .hint("the token is not verified on this path"),
            )
        }
        Outcome::Status(code) => Some(
            at(Kind::WrongRefusal, "@open", None, format!("`{case}` was answered with HTTP {code}"))
                .values(refusals, format!("HTTP {code}"))
                .hint("`refuse` in [probe.auth] says which answers count as a refusal"),
        ),
        Outcome::Closed(code) => Some(
            at(Kind::WrongRefusal, "@close", last, format!("`{case}` was closed with {code}"))
                .values(refusals, format!("close {code}"))
                .hint("`refuse` in [probe.auth] says which answers count as a refusal"),
        ),
        Outcome::Dropped(detail) => Some(
            at(Kind::WrongRefusal, "@close", last, format!("`{case}` was dropped: {detail}"))
                .values(refusals, detail.clone())
                .hint("clients take a dropped connection for a network failure and retry for ever"),
        ),
        Outcome::Hung(what) => Some(
            at(
                Kind::NotRefused,
                "@open",
                last,
                format!("`{case}` was neither refused nor served: {what} after {}", attempt.took),
            )
            .values(format!("a refusal within {}", settings.deadline), what.clone())
            .hint("a client cannot tell this from a slow server"),
        ),
    }
}
