//! All questions about who is let in.

use super::AUTH;
use super::case::{AuthCase, Everybody, OPEN_ANYWAY, kind_of, knocked_at, unless_like};
use super::claims::{claims, good_case};
use super::expiry::{expiry, revoked};
use super::forged::forged;
use crate::auth::{Identity, Placement};
use crate::probe::cells::{cell, not_asked, stuck};
use crate::probe::context::{DriveOverrides, ProbeContext};
use crate::probe::finding::finding;
use crate::probe::forge::Forged;
use crate::probe::probed_session::ProbedSession;
use crate::probe::settings::Place;
use crate::probe::{leak, refresh};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Kind, ProbeResult};
use goldwire_core::secret::Secret;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Headers that tests and proxies leave behind. They must not replace a token.
const BYPASS: [(&str, &str); 10] = [
    ("X-E2E-Test", "true"),
    ("X-Test", "true"),
    ("X-Test-User", "admin"),
    ("X-Debug", "true"),
    ("X-Internal", "true"),
    ("X-Bypass-Auth", "true"),
    ("X-User-Id", "1"),
    ("X-Forwarded-User", "admin"),
    ("X-Remote-User", "admin"),
    ("X-Forwarded-For", "127.0.0.1"),
];

pub(in crate::probe) async fn ask(context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
    let identities = match context.logins(2).await {
        Ok(identities) => identities,
        Err(unjudged) => return vec![stuck(AUTH, subject, "good", unjudged)],
    };
    let [good, other] = &identities[..] else { return Vec::new() };
    if good.token.is_none() {
        let why = "the target has no login: `auth` in [target.NAME]";
        return vec![not_asked(AUTH, subject, "all", why)];
    }
    let mut cells = vec![good_case(context, subject, good).await, claims(context, subject, good)];
    if cells[0].runs.iter().any(|run| run.unjudged.is_some()) {
        // If a good token is not accepted, a refusal proves nothing.
        return cells;
    }
    // A token may be valid for only a few seconds, so the attempts get a new one.
    let good = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return vec![stuck(AUTH, subject, "login", unjudged)],
    };
    let Some(token) = &good.token else { return cells };
    let forged = match forged(context, &good, other, token.expose()) {
        Ok(forged) => forged,
        Err(unjudged) => return vec![stuck(AUTH, subject, "forging", unjudged)],
    };
    // While one token expires, and another one is refreshed before, the other questions are asked.
    let asked = Box::pin(async {
        let mut asked = auth_cases(context, subject, &good, &forged).await;
        asked.push(foreign_ids(context, subject).await);
        asked.push(revoked(context, subject).await);
        asked
    });
    let expired = Box::pin(expiry(context, subject));
    let refreshed = Box::pin(refresh::ask(context, subject));
    let (asked, expired, refreshed) = tokio::join!(asked, expired, refreshed);
    cells.extend([asked, expired, refreshed].into_iter().flatten());
    cells
}

/// All attempts, several at a time, because a server that does not answer takes the whole deadline.
async fn auth_cases(
    context: &ProbeContext<'_>,
    subject: &ProbedSession,
    good: &Identity,
    forged: &[(String, Forged)],
) -> Vec<ProbeResult> {
    let own = &good.placement;
    let mut auth_cases: Vec<AuthCase<'_>> = Vec::new();
    // A place without details is the recipe's own place if that has the same kind.
    let is_own =
        |at: &Placement| at == own || (Place::of(at) == Place::of(own) && *at == Place::of(at).usual());
    let others = context.settings.auth.places.iter().filter(|placement| !is_own(placement));
    for placement in [own].into_iter().chain(others) {
        let at = Identity { placement: placement.clone(), ..good.clone() };
        let name = |case: &str| {
            if placement == own {
                case.to_owned()
            } else {
                format!("{case} ({})", Place::describe(placement))
            }
        };
        if placement != own {
            auth_cases
                .push(AuthCase { must_accept: true, ..AuthCase::new(name("good"), "good", at.clone()) });
        }
        for (case, token) in forged {
            let identity = Identity { token: token.clone().ok().flatten().map(Secret::new), ..at.clone() };
            let why = token.as_ref().err().map(String::as_str);
            auth_cases.push(AuthCase { why, ..AuthCase::new(name(case), case, identity) });
        }
    }
    for placement in &context.settings.auth.wrong_places {
        let identity = Identity { placement: placement.clone(), ..good.clone() };
        auth_cases.push(AuthCase::new(
            format!("wrong-place ({})", Place::describe(placement)),
            "wrong-place",
            identity,
        ));
    }
    let mut bypass: Vec<AuthCase<'_>> = Vec::new();
    let nobody = Identity { token: None, ..good.clone() };
    let extra = context.settings.auth.bypass.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in BYPASS.into_iter().chain(extra) {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let case = format!("bypass-header ({name})");
        bypass.push(AuthCase { headers, ..AuthCase::new(case, "bypass-header", nobody.clone()) });
    }
    // Good tokens first: they may expire while a hanging server lets every timeout pass.
    let (good, bad): (Vec<_>, Vec<_>) = auth_cases.into_iter().partition(|door| door.must_accept);
    let opened = knocked_at(good, context, subject).await;
    let mut refused = knocked_at(bad, context, subject).await;
    if let Some(everybody) = Everybody::of(&refused) {
        everybody.tell(&mut refused, subject);
    }
    let mut cells: Vec<ProbeResult> = opened.into_iter().chain(refused).map(|asked| asked.cell).collect();
    // A bypass header without a token must be refused exactly like no token at all, unless the header has an effect.
    let nobody = cells.iter().find(|cell| cell.case == "no-token").and_then(kind_of);
    if nobody == Some(Kind::Accepted) {
        bypass.iter_mut().for_each(|door| door.why = Some(OPEN_ANYWAY));
    }
    let bypassed = knocked_at(bypass, context, subject).await;
    cells.extend(bypassed.into_iter().map(|asked| unless_like(nobody, asked.cell)));
    cells
}

/// May a user use what belongs to another one?
async fn foreign_ids(context: &ProbeContext<'_>, subject: &ProbedSession) -> ProbeResult {
    const CASE: &str = "another-users-ids";
    let golden = &subject.golden;
    let sent: BTreeSet<String> =
        golden.events.values().flat_map(|event| &event.sends).flat_map(|template| template.names()).collect();
    let bound: Vec<&String> = golden
        .events
        .values()
        .flat_map(|event| &event.binds)
        .map(|(name, _)| name)
        .filter(|name| sent.contains(*name))
        .collect();
    if bound.is_empty() {
        return not_asked(AUTH, subject, CASE, "the client sends no id that the server made");
    }
    let identities = match context.logins(2).await {
        Ok(identities) => identities,
        Err(unjudged) => return stuck(AUTH, subject, CASE, unjudged),
    };
    let [owner, thief] = &identities[..] else { return not_asked(AUTH, subject, CASE, "nobody logged in") };
    let (run, driven) = context.session(subject, golden, owner, &DriveOverrides::default(), 1).await;
    let Some(driven) = driven.filter(|_| run.unjudged.is_none()) else {
        return cell(AUTH, subject, CASE, "the owner's session failed".to_owned(), vec![run]);
    };
    let values = leak::bound_values(golden, &driven.transcript);
    let values: BTreeMap<String, Value> =
        values.into_iter().filter(|(name, _)| bound.contains(&name)).collect();
    let mut stolen = golden.clone();
    stolen.wait = stolen.wait.min(context.settings.auth.deadline);
    for event in stolen.events.values_mut() {
        event.binds.retain(|(name, _)| !values.contains_key(name));
    }
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let shown = names.join(", ");
    let overrides = DriveOverrides { values: values.clone(), ..DriveOverrides::default() };
    let (mut run, driven) = context.session(subject, &stolen, thief, &overrides, 1).await;
    let Some(driven) = driven else {
        return cell(AUTH, subject, CASE, "the other user's session failed".to_owned(), vec![run]);
    };
    let stolen: Vec<&Value> = values.values().collect();
    let is_served = leak::is_answered(golden, &driven.transcript, &stolen);
    run.findings.clear();
    run.unjudged = None;
    let said = if is_served {
        let last = driven.transcript.frames.len().saturating_sub(1);
        let message = format!("{} was served with {shown} of {}", thief.user, owner.user);
        let event = golden.script.first().cloned().unwrap_or_else(|| Label::from("@open"));
        let found = finding(Kind::Accepted, format!("probe.auth.{CASE}"), event, vec![last], message.clone())
            .values("a refusal", "the whole session")
            .hint("the server does not check the owner");
        run.findings.push(found);
        message
    } else {
        format!("{shown} of {} was not taken from {}", owner.user, thief.user)
    };
    cell(AUTH, subject, CASE, said, vec![run])
}
