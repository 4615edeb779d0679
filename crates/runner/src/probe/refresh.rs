//! Checks that a session continues after its token expires if the user refreshes it in time.

use super::attempt::{Outcome, SKIPPED, attempt_login, attempted, is_skipped};
use super::cells::{cell, could_not, login_failed, not_asked, stuck, summary};
use super::context::{DriveOverrides, ProbeContext};
use super::finding::finding;
use super::probed_session::ProbedSession;
use crate::auth::{Identity, Kind as LoginKind, Recipe, Refresh, claims_of, refresh};
use crate::driver::SideChannel;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Kind, ProbeName, ProbeResult, Run, Unjudged, Verdict};
use goldwire_core::template::Template;
use goldwire_core::transcript::{End, Gap, Offset, Payload, Side};
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

const NO_REFRESH: &str = "the recipe has no refresh: `refresh = { url = …, token = … }`";
/// So long before it runs out a token is refreshed at most.
const LEAD: Duration = Duration::from_secs(2);
/// The maximum time to wait for a greeting before the token is refreshed.
const GREETING: Duration = Duration::from_secs(2);

fn recipe_of<'c>(context: &ProbeContext<'c>) -> Option<(&'c Recipe, &'c Refresh)> {
    let recipe = context.sessions.recipe.as_ref()?;
    match &recipe.kind {
        LoginKind::Login { refresh: Some(refresh), .. } => Some((recipe, refresh)),
        LoginKind::Login { refresh: None, .. } | LoginKind::Mint(_) | LoginKind::Token(_) => None,
    }
}

/// Another token for the same user.
async fn renewed(
    context: &ProbeContext<'_>,
    recipe: &Recipe,
    identity: &Identity,
) -> Result<Identity, Unjudged> {
    match refresh(recipe, &context.sessions.base, identity, &context.sessions.redactor).await {
        Ok(Some(renewed)) => {
            context.replace(identity, &renewed);
            Ok(renewed)
        }
        Ok(None) => Err(Unjudged { cause: NO_REFRESH.to_owned(), hint: None }),
        Err(error) => Err(login_failed(&error)),
    }
}

/// The questions of the auth probe: is a refreshed token accepted, and does it keep an open session open?
pub(super) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    const CASES: [&str; 2] = ["refreshed", "refreshed-mid-session"];
    const AUTH: ProbeName = ProbeName::Auth;
    let Some((recipe, how)) = recipe_of(context) else {
        return CASES.map(|case| not_asked(AUTH, subject, case, NO_REFRESH)).to_vec();
    };
    if CASES.iter().all(|case| is_skipped(context, case)) {
        return CASES.map(|case| not_asked(AUTH, subject, case, SKIPPED)).to_vec();
    }
    let renewed = match context.login(1).await {
        Ok(identity) => renewed(context, recipe, &identity).await,
        Err(unjudged) => Err(unjudged),
    };
    let door = match renewed {
        Ok(identity) => must_accept(context, subject, CASES[0], &identity).await,
        Err(unjudged) => stuck(AUTH, subject, CASES[0], unjudged),
    };
    let message = match &how.message {
        Some(message) => message,
        None => {
            let why = "`message` is missing in `refresh`: it gives an open session its new token";
            return vec![door, not_asked(AUTH, subject, CASES[1], why)];
        }
    };
    if is_skipped(context, CASES[1]) {
        return vec![door, not_asked(AUTH, subject, CASES[1], SKIPPED)];
    }
    vec![door, outlives(context, subject, CASES[1], recipe, message).await]
}

/// A refreshed token is as good as any.
async fn must_accept(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    identity: &Identity,
) -> ProbeResult {
    let attempt = attempt_login(context, &subject.golden, &subject.session, identity, &[]).await;
    if matches!(attempt.outcome, Outcome::Hung(_)) {
        // The session may have no more server events.
        let (run, _) =
            context.session(subject, &subject.golden, identity, &DriveOverrides::default(), 1).await;
        if run.findings.is_empty() && run.unjudged.is_none() {
            let said = format!("the session conforms, in {}", run.took);
            return cell(ProbeName::Auth, subject, case, said, vec![run]);
        }
    }
    let mut cell = attempted(subject, case, identity, &attempt, None);
    if !matches!(attempt.outcome, Outcome::Served(..) | Outcome::Failed(_)) {
        let message = format!("a refreshed token is not accepted: {}", cell.said);
        let frames = attempt.frames.checked_sub(1).into_iter().collect();
        let found =
            finding(Kind::Ending, format!("probe.auth.{case}"), Label::from("@open"), frames, message)
                .values("the session", cell.said.clone())
                .hint("a refreshed token must be accepted like a token from a login");
        cell.runs[0].findings.push(found);
    }
    cell
}

/// The user gets another token shortly before the first one runs out and tells the server; the client asks only afterwards.
async fn outlives(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    recipe: &Recipe,
    message: &Template,
) -> ProbeResult {
    let mut cell = outlives_once(context, subject, case, recipe, message).await;
    if cell.verdict() == Some(Verdict::CouldNotJudge) {
        // A busy machine may have missed the moment.
        cell = outlives_once(context, subject, case, recipe, message).await;
    }
    cell
}

async fn outlives_once(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    case: &str,
    recipe: &Recipe,
    message: &Template,
) -> ProbeResult {
    const AUTH: ProbeName = ProbeName::Auth;
    let golden = &subject.golden;
    if golden.script.is_empty() {
        return not_asked(
            AUTH,
            subject,
            case,
            "the client sends nothing that could be sent again after the expiry",
        );
    }
    let identity = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return stuck(AUTH, subject, case, unjudged),
    };
    let begun = Instant::now();
    let Some(left) = left(&identity) else {
        return not_asked(AUTH, subject, case, "the token does not say when it expires");
    };
    let patience = context.settings.auth.patience;
    if Gap::from(left) > patience {
        let why = format!("the token expires only in {} s; `patience` is {patience}", left.as_secs());
        return not_asked(AUTH, subject, case, why);
    }
    let lead = (left / 3).min(LEAD);
    let (passed, _) = watch::channel(0);
    let (say, said) = watch::channel(None);
    let held_until = Offset::from_nanos(Gap::from(left + lead / 2).as_nanos());
    let overrides = DriveOverrides {
        side_channel: Some(SideChannel { passed, say: said, held_until }),
        ..DriveOverrides::default()
    };
    let refreshing = async {
        tokio::time::sleep_until((begun + left.saturating_sub(lead)).into()).await;
        let renewed = renewed(context, recipe, &identity).await?;
        if begun.elapsed() >= left {
            return Err(too_busy("the token expired before a new one arrived"));
        }
        say.send_replace(Some(filled(message, &renewed)?));
        Ok(self::left(&renewed).map(|left| Instant::now() + left))
    };
    let driving = context.session(subject, golden, &identity, &overrides, 1);
    let ((mut run, driven), refreshed) = tokio::join!(driving, refreshing);
    match refreshed {
        Err(unjudged) => return stuck(AUTH, subject, case, unjudged),
        Ok(Some(end)) if Instant::now() >= end => {
            return stuck(AUTH, subject, case, too_busy("the second token expired, too"));
        }
        Ok(_) => {}
    }
    // The messages about the token are not in the golden.
    run.findings.retain(|found| golden.event(&found.place.event).is_some() || is_own(&found.place.event));
    if let Some(driven) = driven {
        let transcript = &driven.transcript;
        let ended_by_server = matches!(&transcript.ending.how, End::Closed { by: Side::Server, .. })
            && !golden.ends.iter().any(|end| *end == transcript.ending.label());
        if ended_by_server || matches!(&transcript.ending.how, End::Dropped { .. }) {
            let after = Gap::from(begun.elapsed());
            let message = format!(
                "a session whose token was refreshed in time still ended: {} after {after}",
                transcript.ending.label()
            );
            let frames = transcript.frames.len().checked_sub(1).into_iter().collect();
            run.findings = vec![
                finding(Kind::Ending, format!("probe.auth.{case}"), Label::from("@end"), frames, message)
                    .values("a session that goes on", transcript.ending.label())
                    .hint("does the server take the new token's expiry, or keep the first one's?"),
            ];
        }
    }
    let said = match run.findings.first() {
        Some(first) => first.message.clone(),
        None => match &run.unjudged {
            Some(unjudged) => unjudged.cause.clone(),
            None => format!("it continued after the first token expired, for {} in all", run.took),
        },
    };
    cell(AUTH, subject, case, said, vec![run])
}

fn too_busy(cause: &str) -> Unjudged {
    let hint = "this machine is too busy for tokens with such a short life".to_owned();
    Unjudged { cause: cause.to_owned(), hint: Some(hint) }
}

/// The message that gives an open session its new token.
fn filled(message: &Template, identity: &Identity) -> Result<Payload, Unjudged> {
    let token = identity.token.as_ref().map(|token| Value::from(token.expose()));
    let filled = message.fill(&mut |name| match name {
        "token" => token.clone(),
        name => identity.vars.get(name).cloned(),
    });
    match filled {
        Ok(Template::Json(value)) => Ok(Payload::Text(value.to_string())),
        Ok(Template::Text(text)) => Ok(Payload::Text(text)),
        Ok(Template::Binary(bytes)) => Ok(Payload::Binary(bytes)),
        Err(unbound) => Err(Unjudged { cause: unbound.to_string(), hint: None }),
    }
}

/// Places of findings that are about a session as a whole.
fn is_own(label: &Label) -> bool {
    label.as_str().starts_with('@')
}

/// The remaining lifetime of a token.
fn left(identity: &Identity) -> Option<Duration> {
    let (_, claims) = claims_of(identity.token.as_ref()?.expose())?;
    let exp = u64::try_from(claims.get("exp")?.as_i64()?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Duration::from_secs(exp).saturating_sub(now))
}

/// The question of the race probe: all refresh their tokens while their sessions are under way, and come again with the new ones.
pub(super) async fn during_use(context: &ProbeContext<'_>, subject: &ProbedSession) -> ProbeResult {
    const CASE: &str = "refresh-during-use";
    const RACE: ProbeName = ProbeName::Race;
    let Some((recipe, _)) = recipe_of(context) else { return not_asked(RACE, subject, CASE, NO_REFRESH) };
    let mut identities = match context.logins(context.settings.users).await {
        Ok(identities) => identities,
        Err(unjudged) => return stuck(RACE, subject, CASE, unjudged),
    };
    let mut runs = Vec::new();
    for round in 1..=context.settings.rounds {
        if context.is_interrupted() {
            break;
        }
        let played = identities.iter().map(|identity| during_one(context, subject, recipe, identity, round));
        let mut next = Vec::new();
        for (identity, (own, renewed)) in identities.iter().zip(futures_util::future::join_all(played).await)
        {
            runs.extend(own);
            next.push(renewed.unwrap_or_else(|| identity.clone()));
        }
        identities = next;
    }
    cell(RACE, subject, CASE, summary(&runs), runs)
}

/// A session during which the token is refreshed, and one with the new token.
async fn during_one(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    recipe: &Recipe,
    identity: &Identity,
    round: u32,
) -> (Vec<Run>, Option<Identity>) {
    let (passed, mut count) = watch::channel(0);
    let side_channel = SideChannel { passed, say: watch::channel(None).1, held_until: Offset::ZERO };
    let overrides = DriveOverrides { side_channel: Some(side_channel), ..DriveOverrides::default() };
    let refreshing = async {
        let _ = tokio::time::timeout(GREETING, count.wait_for(|count| *count > 1)).await;
        renewed(context, recipe, identity).await
    };
    let driving = context.session(subject, &subject.golden, identity, &overrides, round);
    let ((run, _), renewed) = tokio::join!(driving, refreshing);
    match renewed {
        Ok(renewed) => {
            let (again, _) =
                context.session(subject, &subject.golden, &renewed, &DriveOverrides::default(), round).await;
            (vec![run, again], Some(renewed))
        }
        Err(unjudged) => {
            let failed = could_not(&subject.session, &identity.user, unjudged, round);
            (vec![run, failed], None)
        }
    }
}
