//! The token that a user has: it must be let in, and say what it has to.

use super::AUTH;
use crate::auth::Identity;
use crate::probe::cells::{cell, could_not, not_asked};
use crate::probe::context::{DriveOverrides, ProbeContext};
use crate::probe::finding::finding;
use crate::probe::probed_session::ProbedSession;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind, ProbeResult, Severity, Unjudged};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// The whole session with a good token.
pub(super) async fn good_case(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    good: &Identity,
) -> ProbeResult {
    let (mut run, _) = context.session(subject, &subject.golden, good, &DriveOverrides::default(), 1).await;
    // New behaviour does not prevent the questions.
    let is_sure = |finding: &&Finding| finding.severity == Severity::Deviation;
    if let Some(first) = run.findings.iter().find(is_sure) {
        let cause = format!("the session does not conform even with a good token: {}", first.message);
        let hint = Some(format!("goldwire check {} says more", subject.session));
        run.unjudged = Some(Unjudged { cause, hint });
        run.findings.clear();
    }
    let said = match &run.unjudged {
        Some(unjudged) => unjudged.cause.clone(),
        None => format!("the session conforms, in {}", run.took),
    };
    cell(AUTH, subject, "good", said, vec![run])
}

/// Checks the required claims of a good token.
pub(super) fn claims(context: &ProbeContext<'_>, subject: &ProbedSession, good: &Identity) -> ProbeResult {
    let wanted = &context.settings.auth.claims;
    if wanted.is_empty() {
        return not_asked(AUTH, subject, "claims", "no claims are configured: `claims = [\"sub\", …]`");
    }
    let mut run = could_not(&subject.session, &good.user, Unjudged { cause: String::new(), hint: None }, 1);
    run.unjudged = None;
    match &good.claims {
        Some(claims) => run.findings = wrong_claims(claims, wanted, now()),
        None => run.unjudged = Some(Unjudged { cause: "the token is not a JWT".to_owned(), hint: None }),
    }
    let said = match (&run.unjudged, run.findings.first()) {
        (Some(unjudged), _) => unjudged.cause.clone(),
        (None, Some(first)) => first.message.clone(),
        (None, None) => wanted.join(", "),
    };
    cell(AUTH, subject, "claims", said, vec![run])
}

/// Claims that are not as they must be: there and not empty, `exp` in the future, `iat` and `nbf` not.
pub(super) fn wrong_claims(claims: &Value, wanted: &[String], now: i64) -> Vec<Finding> {
    let wrong = wanted.iter().filter_map(|name| {
        let problem = match claims.get(name) {
            None | Some(Value::Null) => "is missing".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "is empty".to_owned(),
            Some(Value::Array(items)) if items.is_empty() => "is empty".to_owned(),
            Some(value) => match (name.as_str(), value.as_f64()) {
                ("exp", Some(exp)) if exp > now as f64 => return None,
                // A minute, as verifiers usually allow.
                ("iat" | "nbf", Some(time)) if time <= now as f64 + 60.0 => return None,
                ("exp" | "iat" | "nbf", Some(time)) => format!("is {time}, and now is {now}"),
                ("exp" | "iat" | "nbf", None) => "is not a number of seconds".to_owned(),
                _ => return None,
            },
        };
        let key = "probe.auth.claims".to_owned();
        Some(finding(
            Kind::Relation,
            key,
            Label::from("@login"),
            Vec::new(),
            format!("the claim `{name}` {problem}"),
        ))
    });
    wrong.collect()
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
