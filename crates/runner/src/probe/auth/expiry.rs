//! Tokens that were valid once.

use super::AUTH;
use super::claims::now;
use super::judge::refused;
use crate::auth::{Identity, claims_of, logout};
use crate::connection::connect;
use crate::probe::attempt::{Outcome, RecordedConnection, SKIPPED, attempted, is_skipped, options, said};
use crate::probe::cells::{login_failed, not_asked, stuck};
use crate::probe::context::ProbeContext;
use crate::probe::finding::finding;
use crate::probe::probed_session::ProbedSession;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Kind, ProbeResult, Unjudged};
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The time for which a session may stay open after its token expired, because clocks have seconds.
const GRACE: Duration = Duration::from_secs(2);

/// Checks that a token is invalid after a logout.
pub(super) async fn revoked(context: &ProbeContext<'_>, subject: &ProbedSession) -> ProbeResult {
    const CASE: &str = "revoked-after-logout";
    let Some(recipe) = &context.sessions.recipe else {
        return not_asked(AUTH, subject, CASE, "there is no login");
    };
    let identity = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return stuck(AUTH, subject, CASE, unjudged),
    };
    match logout(recipe, &context.sessions.base, &identity, &context.sessions.redactor).await {
        Ok(true) => refused(context, subject, CASE, &identity, &[]).await,
        Ok(false) => not_asked(AUTH, subject, CASE, "the recipe has no logout: `logout = { url = … }`"),
        Err(error) => stuck(AUTH, subject, CASE, login_failed(&error)),
    }
}

/// Checks an expired token: for an open session, and for a new one.
pub(super) async fn expiry(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    const CASES: [&str; 2] = ["expires-mid-session", "expired (by waiting)"];
    let both = |why: String| CASES.map(|case| not_asked(AUTH, subject, case, why.clone())).to_vec();
    let identity = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return vec![stuck(AUTH, subject, CASES[0], unjudged)],
    };
    let claims = identity.token.as_ref().and_then(|token| claims_of(token.expose()));
    let Some(exp) = claims.and_then(|(_, claims)| claims.get("exp").and_then(Value::as_i64)) else {
        return both("the token does not say when it expires".to_owned());
    };
    let left = Duration::from_secs(u64::try_from(exp - now()).unwrap_or(0)) + Duration::from_secs(1);
    let patience = Duration::from(context.settings.auth.patience);
    if left > patience {
        return both(format!(
            "the token expires only in {} s; `patience` is {}",
            left.as_secs(),
            Gap::from(patience)
        ));
    }
    let expired = Instant::now() + left;
    let mut cells = Vec::new();
    if is_skipped(context, CASES[0]) {
        cells.push(not_asked(AUTH, subject, CASES[0], SKIPPED));
        tokio::time::sleep_until(expired.into()).await;
    } else {
        cells.push(outlives(context, subject, CASES[0], &identity, expired).await);
    }
    if is_skipped(context, CASES[1]) {
        cells.push(not_asked(AUTH, subject, CASES[1], SKIPPED));
    } else {
        tokio::time::sleep_until(expired.into()).await;
        cells.push(refused(context, subject, CASES[1], &identity, &[]).await);
    }
    cells
}

/// Checks that a session ends with its token.
async fn outlives(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    identity: &Identity,
    expired: Instant,
) -> ProbeResult {
    let opened = match options(context, identity, &[]) {
        Ok(options) => {
            connect(&options).await.map(|opened| (options, opened)).map_err(|error| error.to_string())
        }
        Err(cause) => Err(cause),
    };
    let talk = opened.and_then(|(options, (connection, handshake))| {
        RecordedConnection::begin(
            context,
            &subject.golden,
            &subject.session,
            identity,
            &options,
            connection,
            &handshake,
        )
    });
    let talk = match talk {
        Ok(talk) => talk,
        Err(cause) => {
            let cause = context.sessions.redactor.clean(&cause).into_owned();
            return stuck(AUTH, subject, case, Unjudged { cause, hint: None });
        }
    };
    let attempt = talk.until_closed(context, identity, expired + GRACE).await;
    let left = expired.saturating_duration_since(Instant::now());
    if left > GRACE {
        // Something other than the token's expiry ended it.
        let cause = format!("the session ended {} before its token: {}", Gap::from(left), said(&attempt));
        let mut cell = attempted(subject, case, identity, &attempt, None);
        cell.runs[0].unjudged = Some(Unjudged { cause, hint: None });
        return cell;
    }
    let code = match &attempt.outcome {
        Outcome::Closed(code) => Some(*code),
        _ => None,
    };
    let key = format!("probe.auth.{case}");
    let frames: Vec<usize> = attempt.frames.checked_sub(1).into_iter().collect();
    let found = match &attempt.outcome {
        _ if code.is_some_and(|code| context.settings.auth.is_refusal(code)) => None,
        Outcome::Hung(_) => Some(
            finding(
                Kind::NotRefused,
                key,
                Label::from("@open"),
                frames,
                format!("a session was still open {} after its token had expired", Gap::from(GRACE)),
            )
            .values("a close when the token expires", "an open session")
            .hint(
                "many servers look at a token only once; if that is meant, skip = [\"expires-mid-session\"]",
            ),
        ),
        _ => {
            let message = format!("a session whose token expired ended oddly: {}", said(&attempt));
            Some(finding(Kind::WrongRefusal, key, Label::from("@close"), frames, message))
        }
    };
    attempted(subject, case, identity, &attempt, found)
}
