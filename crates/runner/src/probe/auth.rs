//! Is everybody refused who should be, and nobody else?

use super::attempt::{
    Knock, Outcome, SKIPPED, Sign, Talk, is_skipped, knock, knocked, options, quoted, said, unlike,
};
use super::forge::{Forged, Material, all};
use super::{
    AuthSettings, Place, ProbeContext, Subject, Twist, could_not, finding, login_failed, not_asked, stuck,
};
use crate::auth::{Identity, Placement, claims_of, logout, random_word, signing_key};
use crate::connection::connect;
use futures_util::StreamExt as _;
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Cell, Finding, Kind, ProbeName, Severity, Unjudged};
use goldwire_core::secret::Secret;
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const AUTH: ProbeName = ProbeName::Auth;

/// Headers that tests and proxies leave behind and that must not open the door.
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

/// So many knocks are under way at the same time.
const AT_ONCE: usize = 16;
/// How long after a token has expired its session may still be open: clocks have seconds.
const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn ask(context: &ProbeContext<'_>, subject: &Subject) -> Vec<Cell> {
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
        // Where a good token does not open the door, a closed door proves nothing.
        return cells;
    }
    // A token may live for seconds only: the doors get a new one.
    let good = match context.login(1).await {
        Ok(identity) => identity,
        Err(unjudged) => return vec![stuck(AUTH, subject, "login", unjudged)],
    };
    let Some(token) = &good.token else { return cells };
    let forged = match forged(context, &good, other, token.expose()) {
        Ok(forged) => forged,
        Err(unjudged) => return vec![stuck(AUTH, subject, "forging", unjudged)],
    };
    // While one token runs out, and another one is refreshed before it does, the other questions are asked.
    let asked = Box::pin(async {
        let mut asked = doors(context, subject, &good, &forged).await;
        asked.push(foreign_ids(context, subject).await);
        asked.push(revoked(context, subject).await);
        asked
    });
    let expired = Box::pin(expiry(context, subject));
    let refreshed = Box::pin(super::refresh::ask(context, subject));
    let (asked, expired, refreshed) = tokio::join!(asked, expired, refreshed);
    cells.extend([asked, expired, refreshed].into_iter().flatten());
    cells
}

/// Everything that is one knock; several at a time, because a server that does not answer takes the whole deadline.
async fn doors(
    context: &ProbeContext<'_>,
    subject: &Subject,
    good: &Identity,
    forged: &[(String, Forged)],
) -> Vec<Cell> {
    let own = &good.placement;
    let mut doors: Vec<Door<'_>> = Vec::new();
    // A place that is only named is the recipe's own place where that is of the same sort.
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
            doors.push(Door { opens: true, ..Door::new(name("good"), "good", at.clone()) });
        }
        for (case, token) in forged {
            let identity = Identity { token: token.clone().ok().flatten().map(Secret::new), ..at.clone() };
            let why = token.as_ref().err().map(String::as_str);
            doors.push(Door { why, ..Door::new(name(case), case, identity) });
        }
    }
    for placement in &context.settings.auth.wrong_places {
        let identity = Identity { placement: placement.clone(), ..good.clone() };
        doors.push(Door::new(
            format!("wrong-place ({})", Place::describe(placement)),
            "wrong-place",
            identity,
        ));
    }
    let mut bypass: Vec<Door<'_>> = Vec::new();
    let nobody = Identity { token: None, ..good.clone() };
    let extra = context.settings.auth.bypass.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in BYPASS.into_iter().chain(extra) {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let case = format!("bypass-header ({name})");
        bypass.push(Door { headers, ..Door::new(case, "bypass-header", nobody.clone()) });
    }
    // Good tokens first: by the time that a hanging server has let every deadline pass they may have run out.
    let (good, bad): (Vec<_>, Vec<_>) = doors.into_iter().partition(|door| door.opens);
    let opened = knocked_at(good, context, subject).await;
    let mut refused = knocked_at(bad, context, subject).await;
    if let Some(everybody) = Everybody::of(&refused) {
        everybody.tell(&mut refused, subject);
    }
    let mut cells: Vec<Cell> = opened.into_iter().chain(refused).map(|asked| asked.cell).collect();
    // Whoever has nothing but a header is treated as whoever has nothing, unless the header does something.
    let nobody = cells.iter().find(|cell| cell.case == "no-token").and_then(kind_of);
    if nobody == Some(Kind::Accepted) {
        bypass.iter_mut().for_each(|door| door.why = Some(OPEN_ANYWAY));
    }
    let bypassed = knocked_at(bypass, context, subject).await;
    cells.extend(bypassed.into_iter().map(|asked| unless_like(nobody, asked.cell)));
    cells
}

/// What every bad token got, where none of them was refused: one thing to say, not a dozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Everybody {
    /// What a good one gets.
    LetIn,
    /// Something else, which is no refusal that goldwire knows.
    Answered,
}

impl Everybody {
    /// So few questions show nothing of everybody.
    const FEW: usize = 3;

    fn of(asked: &[Asked]) -> Option<Everybody> {
        let asked: Vec<&Asked> = asked.iter().filter(|asked| asked.cell.not_asked.is_none()).collect();
        let is_accepted = |asked: &&Asked| kind_of(&asked.cell) == Some(Kind::Accepted);
        if asked.len() < Everybody::FEW || !asked.iter().all(is_accepted) {
            return None;
        }
        let unlike = asked.iter().filter(|asked| asked.is_unlike).count();
        if unlike == 0 {
            return Some(Everybody::LetIn);
        }
        (unlike == asked.len()).then_some(Everybody::Answered)
    }

    /// Leaves the first question accused and says of the others where to look.
    fn tell(self, asked: &mut [Asked], subject: &Subject) {
        let mut asked: Vec<&mut Asked> =
            asked.iter_mut().filter(|asked| asked.cell.not_asked.is_none()).collect();
        let others = asked.len() - 1;
        let Some((first, rest)) = asked.split_first_mut() else { return };
        let (told, seen) = match self {
            Everybody::LetIn => (
                format!("nobody is refused: {others} other bad tokens are served, too"),
                "everybody is let in",
            ),
            Everybody::Answered => (
                format!(
                    "{others} other bad tokens are answered like this, too: it may be how this server refuses"
                ),
                "every bad token is answered alike",
            ),
        };
        if let Some(finding) = first.cell.runs.iter_mut().flat_map(|run| &mut run.findings).next() {
            finding.message = format!("{}; {told}", finding.message);
        }
        for other in rest {
            let case = &other.cell.case.clone();
            let sort = other.cell.sort.clone();
            let why = format!("{seen}: see `{}`", first.cell.case);
            other.cell = Cell { sort, ..not_asked(AUTH, subject, case, why) };
        }
    }
}

/// What came of some knocks, in their order.
async fn knocked_at(doors: Vec<Door<'_>>, context: &ProbeContext<'_>, subject: &Subject) -> Vec<Asked> {
    let asked = doors.into_iter().map(|door| door.ask(context, subject));
    futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await
}

/// What was found in a cell.
fn kind_of(cell: &Cell) -> Option<Kind> {
    cell.runs.iter().flat_map(|run| &run.findings).map(|finding| finding.kind).next()
}

/// A header is not to blame for what happens without it, too: `no-token` is.
fn unless_like(nobody: Option<Kind>, mut cell: Cell) -> Cell {
    if nobody.is_some() && kind_of(&cell) == nobody {
        cell.runs.iter_mut().for_each(|run| run.findings.clear());
        cell.said.push_str(", as without the header");
    }
    cell
}

/// One knock, planned.
struct Door<'d> {
    case: String,
    /// The case without its place.
    plain: &'d str,
    identity: Identity,
    headers: Vec<(String, String)>,
    /// Whether it must open.
    opens: bool,
    /// Why it cannot be asked.
    why: Option<&'d str>,
}

impl<'d> Door<'d> {
    fn new(case: String, plain: &'d str, identity: Identity) -> Door<'d> {
        Door { case, plain, identity, headers: Vec::new(), opens: false, why: None }
    }

    async fn ask(self, context: &ProbeContext<'_>, subject: &Subject) -> Asked {
        let Door { case, plain, identity, headers, opens: must_open, why } = self;
        let mut is_unlike = false;
        let cell = match why {
            _ if is_skipped(context, plain) || is_skipped(context, &case) => {
                not_asked(AUTH, subject, &case, SKIPPED)
            }
            Some(why) => not_asked(AUTH, subject, &case, why),
            None if must_open => opens(context, subject, &case, &identity).await,
            None => {
                let knock = knock(context, &subject.golden, &subject.session, &identity, &headers).await;
                is_unlike = unlike(&knock).is_some();
                knocked(subject, &case, &identity, &knock, judge(&case, &knock, &context.settings.auth))
            }
        };
        // Variants of one case are one row.
        let sort = plain.split(" (").next().unwrap_or(plain).to_owned();
        Asked { cell: Cell { sort, ..cell }, is_unlike }
    }
}

/// What came of a knock.
#[derive(Debug, Clone)]
struct Asked {
    cell: Cell,
    /// Whether the server said something that no good login gets.
    is_unlike: bool,
}

const OPEN_ANYWAY: &str = "whoever has no token is let in without the header too: see `no-token`";

/// The whole session with a good token.
async fn good_case(context: &ProbeContext<'_>, subject: &Subject, good: &Identity) -> Cell {
    let (mut run, _) = context.session(subject, &subject.golden, good, &Twist::default(), 1).await;
    // What is merely new is no reason to ask nothing.
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
    super::cell(AUTH, subject, "good", said, vec![run])
}

/// What a good token must claim.
fn claims(context: &ProbeContext<'_>, subject: &Subject, good: &Identity) -> Cell {
    let wanted = &context.settings.auth.claims;
    if wanted.is_empty() {
        return not_asked(
            AUTH,
            subject,
            "claims",
            "nothing says what a token claims: `claims = [\"sub\", …]`",
        );
    }
    let mut run = could_not(&subject.session, &good.user, Unjudged { cause: String::new(), hint: None }, 1);
    run.unjudged = None;
    match &good.claims {
        Some(claims) => run.findings = wrong_claims(claims, wanted, now()),
        None => run.unjudged = Some(Unjudged { cause: "the token is no JWT".to_owned(), hint: None }),
    }
    let said = match (&run.unjudged, run.findings.first()) {
        (Some(unjudged), _) => unjudged.cause.clone(),
        (None, Some(first)) => first.message.clone(),
        (None, None) => wanted.join(", "),
    };
    super::cell(AUTH, subject, "claims", said, vec![run])
}

/// Claims that are not as they must be: there and not empty, `exp` in the future, `iat` and `nbf` not.
fn wrong_claims(claims: &Value, wanted: &[String], now: i64) -> Vec<Finding> {
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
                ("exp" | "iat" | "nbf", None) => "is no number of seconds".to_owned(),
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

fn forged(
    context: &ProbeContext<'_>,
    good: &Identity,
    other: &Identity,
    token: &str,
) -> Result<Vec<(String, Forged)>, Unjudged> {
    let settings = &context.settings.auth;
    let broken = |cause: String| Unjudged { cause, hint: None };
    let key = match &settings.sign {
        Some(sign) => match signing_key(sign, &context.sessions.base, &context.sessions.redactor) {
            Ok(key) => Some(key),
            // What needs the key is then named as not asked.
            Err(error) => {
                context.sessions.warnings.warn(error.to_string());
                None
            }
        },
        None => None,
    };
    let public_key = match &settings.public_key {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|e| broken(format!("failed to read {}: {e}", path.display())))?,
        ),
        None => None,
    };
    let random = random_word(24).map_err(|error| broken(error.to_string()))?;
    let subject = super::subject_claim(good, other);
    let refresh = good.vars.iter().find(|(name, _)| name.ends_with("refresh_token"));
    let material = Material {
        good: token,
        refresh: refresh.and_then(|(_, value)| value.as_str()),
        subject: &subject,
        other_subject: other.claims.as_ref().and_then(|claims| claims.get(&subject)),
        key: settings.sign.as_ref().zip(key.as_ref()).map(|(s, key)| (s.algorithm, key, s.kid.as_deref())),
        public_key: public_key.as_deref(),
        now: now(),
        random: &random,
    };
    let forged = all(&material);
    for (_, token) in &forged {
        if let Ok(Some(token)) = token {
            context.sessions.redactor.add("forged", &Secret::new(token.as_str()));
        }
    }
    Ok(forged)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A case that must be refused.
async fn refused(
    context: &ProbeContext<'_>,
    subject: &Subject,
    case: &str,
    identity: &Identity,
    headers: &[(String, String)],
) -> Cell {
    let knock = knock(context, &subject.golden, &subject.session, identity, headers).await;
    knocked(subject, case, identity, &knock, judge(case, &knock, &context.settings.auth))
}

/// A case that must be let in.
async fn opens(context: &ProbeContext<'_>, subject: &Subject, case: &str, identity: &Identity) -> Cell {
    let knock = knock(context, &subject.golden, &subject.session, identity, &[]).await;
    let mut cell = knocked(subject, case, identity, &knock, None);
    if !matches!(knock.outcome, Outcome::Served(..)) {
        let cause = format!("a good token does not open the door here: {}", cell.said);
        let hint = Some("take the place out of `places` if the server does not read it".to_owned());
        cell.runs[0].unjudged = Some(Unjudged { cause, hint });
    }
    cell
}

/// Where the odd message says something else, as a policy names it: `, "/status" = "no"`.
fn place(knock: &Knock) -> String {
    let what = knock.refusal.as_ref().map_or("", |refused| &refused.what);
    let place = what.split_once(' ').filter(|(path, value)| {
        path.starts_with('/') && !path.contains('*') && serde_json::from_str::<Value>(value).is_ok()
    });
    place.map_or_else(String::new, |(path, value)| format!(", \"{path}\" = {value}"))
}

/// What a knock with a bad token shows, if it was not refused as it should be.
fn judge(case: &str, knock: &Knock, settings: &AuthSettings) -> Option<Finding> {
    let key = format!("probe.auth.{case}");
    let last = knock.frames.checked_sub(1);
    let at = |kind, label: &str, frame: Option<usize>, message: String| {
        let frames = frame.into_iter().collect();
        finding(kind, key.clone(), Label::from(label), frames, message)
    };
    let refusals = "HTTP 401 or 403, or a close with 1008, 3000, 3003 or a code from 4000 on";
    match &knock.outcome {
        Outcome::Status(code) | Outcome::Closed(code) if settings.is_refusal(*code) => None,
        // A policy that names codes wants these codes, or a message that it names.
        Outcome::Closed(_) | Outcome::Dropped(_) | Outcome::Hung(_)
            if knock
                .refusal
                .as_ref()
                .is_some_and(|refused| refused.by == Sign::Policy || settings.refuse.is_empty()) =>
        {
            None
        }
        // Nobody was let in: a server may find fault with an odd header itself.
        Outcome::Status(400..=499) if case.starts_with("bypass-header") => None,
        Outcome::Failed(_) => None,
        Outcome::Served(label, frame) if unlike(knock).is_some() => {
            let told = unlike(knock).map(quoted).unwrap_or_default();
            let message = format!("`{case}` was answered with {told}, and the connection stays open");
            Some(
                at(Kind::Accepted, label.as_str(), Some(*frame), message)
                    .values("a refusal", told)
                    .evidence("one connection, opened for this question alone; good logins never got that")
                    .hint(format!(
                        "if this is how the server refuses, say so in [probe.auth]: refuse = [{{ event = \"{label}\"{} }}]",
                        place(knock)
                    )),
            )
        }
        Outcome::Served(label, frame) => {
            let message = format!("`{case}` was accepted: `{label}` came after {}", knock.took);
            Some(
                at(Kind::Accepted, label.as_str(), Some(*frame), message)
                    .values("a refusal before any event", format!("`{label}`"))
                    .evidence("one connection, opened for this question alone")
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
                .hint("clients take a dropped connection for a network failure and try again for ever"),
        ),
        Outcome::Hung(what) => Some(
            at(
                Kind::NotRefused,
                "@open",
                last,
                format!("`{case}` was neither refused nor served: {what} after {}", knock.took),
            )
            .values(format!("a refusal within {}", settings.deadline), what.clone())
            .hint("a client cannot tell this from a slow server"),
        ),
    }
}

/// May a user use what belongs to another one?
async fn foreign_ids(context: &ProbeContext<'_>, subject: &Subject) -> Cell {
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
    let (run, driven) = context.session(subject, golden, owner, &Twist::default(), 1).await;
    let Some(driven) = driven.filter(|_| run.unjudged.is_none()) else {
        return super::cell(AUTH, subject, CASE, "the owner's session failed".to_owned(), vec![run]);
    };
    let values = super::leak::bound_values(golden, &driven.transcript);
    let values: BTreeMap<String, Value> =
        values.into_iter().filter(|(name, _)| bound.contains(&name)).collect();
    let mut stolen = golden.clone();
    stolen.wait = stolen.wait.min(context.settings.auth.deadline);
    for event in stolen.events.values_mut() {
        event.binds.retain(|(name, _)| !values.contains_key(name));
    }
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let shown = names.join(", ");
    let twist = Twist { values: values.clone(), ..Twist::default() };
    let (mut run, driven) = context.session(subject, &stolen, thief, &twist, 1).await;
    let Some(driven) = driven else {
        return super::cell(AUTH, subject, CASE, "the other user's session failed".to_owned(), vec![run]);
    };
    let stolen: Vec<&Value> = values.values().collect();
    let is_served = super::leak::is_answered(golden, &driven.transcript, &stolen);
    run.findings.clear();
    run.unjudged = None;
    let said = if is_served {
        let last = driven.transcript.frames.len().saturating_sub(1);
        let message = format!("{} was served with {shown} of {}", thief.user, owner.user);
        let event = golden.script.first().cloned().unwrap_or_else(|| Label::from("@open"));
        let found = finding(Kind::Accepted, format!("probe.auth.{CASE}"), event, vec![last], message.clone())
            .values("a refusal", "the whole session")
            .hint("the server does not ask whose it is");
        run.findings.push(found);
        message
    } else {
        format!("{shown} of {} was not taken from {}", owner.user, thief.user)
    };
    super::cell(AUTH, subject, CASE, said, vec![run])
}

/// Is a token worth nothing after its user has logged out?
async fn revoked(context: &ProbeContext<'_>, subject: &Subject) -> Cell {
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

/// What happens when a token runs out: to a session that is open, and to one that begins afterwards.
async fn expiry(context: &ProbeContext<'_>, subject: &Subject) -> Vec<Cell> {
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
            "tokens live {} s longer; `patience` is {}",
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

/// Does a session end with its token?
async fn outlives(
    context: &ProbeContext<'_>,
    subject: &Subject,
    case: &str,
    identity: &Identity,
    expired: Instant,
) -> Cell {
    let opened = match options(context, identity, &[]) {
        Ok(options) => {
            connect(&options).await.map(|opened| (options, opened)).map_err(|error| error.to_string())
        }
        Err(cause) => Err(cause),
    };
    let talk = opened.and_then(|(options, (connection, handshake))| {
        Talk::begin(context, &subject.golden, &subject.session, identity, &options, connection, &handshake)
    });
    let talk = match talk {
        Ok(talk) => talk,
        Err(cause) => {
            let cause = context.sessions.redactor.clean(&cause).into_owned();
            return stuck(AUTH, subject, case, Unjudged { cause, hint: None });
        }
    };
    let knock = talk.until_closed(context, identity, expired + GRACE).await;
    let left = expired.saturating_duration_since(Instant::now());
    if left > GRACE {
        // Whatever ended it was not the token's end.
        let cause = format!("the session ended {} before its token: {}", Gap::from(left), said(&knock));
        let mut cell = knocked(subject, case, identity, &knock, None);
        cell.runs[0].unjudged = Some(Unjudged { cause, hint: None });
        return cell;
    }
    let code = match &knock.outcome {
        Outcome::Closed(code) => Some(*code),
        _ => None,
    };
    let key = format!("probe.auth.{case}");
    let frames: Vec<usize> = knock.frames.checked_sub(1).into_iter().collect();
    let found = match &knock.outcome {
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
            let message = format!("a session whose token expired ended oddly: {}", said(&knock));
            Some(finding(Kind::WrongRefusal, key, Label::from("@close"), frames, message))
        }
    };
    knocked(subject, case, identity, &knock, found)
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Refused;
    use super::*;
    use serde_json::json;

    fn knock(outcome: Outcome, said: &[&str]) -> Knock {
        let said: Vec<(Label, usize)> =
            said.iter().zip(0..).map(|(name, at)| (Label::from(*name), at)).collect();
        let frames = said.len();
        Knock { outcome, said, took: Gap::from_millis(3), recording: None, frames, refusal: None }
    }

    #[test]
    fn a_refusal_is_one_of_those_that_clients_expect_and_comes_before_any_event() {
        let settings = AuthSettings::default();
        let kind =
            |outcome: Outcome, said: &[&str]| judge("x", &knock(outcome, said), &settings).map(|f| f.kind);
        for code in [401, 403] {
            assert_eq!(kind(Outcome::Status(code), &[]), None);
        }
        for code in [1008, 3000, 4001, 4401] {
            assert_eq!(kind(Outcome::Closed(code), &["error"]), None, "{code}");
        }
        assert_eq!(kind(Outcome::Status(500), &[]), Some(Kind::WrongRefusal));
        assert_eq!(kind(Outcome::Closed(1000), &[]), Some(Kind::WrongRefusal));
        assert_eq!(kind(Outcome::Dropped("reset".to_owned()), &[]), Some(Kind::WrongRefusal));
        assert_eq!(kind(Outcome::Hung("open".to_owned()), &["error"]), Some(Kind::NotRefused));
        let served = knock(Outcome::Served(Label::from("connected"), 1), &["hello", "connected"]);
        let found = judge("x", &served, &settings).expect("it was let in");
        assert_eq!((found.kind, found.place.event.as_str()), (Kind::Accepted, "connected"));
        assert_eq!(found.place.frames, [1]);
    }

    #[test]
    fn a_refusal_by_message_is_one_however_the_connection_ends() {
        let settings = AuthSettings::default();
        let (event, what) = (Label::from("auth"), "AUTH_FAILED".to_owned());
        let refusal = Some(Refused { event, frame: 1, what, by: Sign::Words });
        for outcome in [Outcome::Closed(1005), Outcome::Closed(1000), Outcome::Hung("open".to_owned())] {
            let knock = Knock { refusal: refusal.clone(), ..knock(outcome, &["auth"]) };
            assert_eq!(judge("x", &knock, &settings), None);
            let strict = AuthSettings { refuse: vec![1008], ..AuthSettings::default() };
            assert!(judge("x", &knock, &strict).is_some());
            let named = knock.refusal.clone().map(|refused| Refused { by: Sign::Policy, ..refused });
            assert_eq!(judge("x", &Knock { refusal: named, ..knock }, &strict), None);
        }
        let closed = Knock { refusal: refusal.clone(), ..knock(Outcome::Closed(1005), &["auth"]) };
        assert_eq!(
            said(&closed),
            "refused by message: `auth` AUTH_FAILED, then closed without a code after 3 ms"
        );
        let served = knock(Outcome::Served(Label::from("items"), 2), &["auth", "items"]);
        assert!(judge("x", &Knock { refusal, ..served }, &settings).is_some());
    }

    #[test]
    fn what_everybody_gets_is_told_once() {
        let golden = goldwire_core::golden::read(
            "g.toml",
            "goldwire = 1\norder = \">ask ; items\"\n[event.ask]\nsend = {}\n",
        );
        let subject = Subject {
            session: "s".to_owned(),
            golden: golden.expect("a golden"),
            seen: None,
            openings: Vec::new(),
            kept: Vec::new(),
        };
        let (nobody, settings) = (Identity::anonymous(1), AuthSettings::default());
        let asked = |case: &str, outcome: Outcome, is_unlike: bool| {
            let (event, what) = (Label::from("items"), "/status \"no\"".to_owned());
            let refusal = is_unlike.then_some(Refused { event, frame: 1, what, by: Sign::Unlike });
            let knock = Knock { refusal, ..knock(outcome, &["items"]) };
            Asked {
                cell: knocked(&subject, case, &nobody, &knock, judge(case, &knock, &settings)),
                is_unlike,
            }
        };
        let served = |case: &str, is_unlike| asked(case, Outcome::Served(Label::from("items"), 1), is_unlike);
        let refused = asked("empty", Outcome::Status(401), false);
        for (is_unlike, everybody, told) in [
            (false, Everybody::LetIn, "nobody is refused: 2 other bad tokens are served, too"),
            (
                true,
                Everybody::Answered,
                "`items` /status \"no\", and the connection stays open; 2 other bad tokens",
            ),
        ] {
            let mut all = ["no-token", "garbage", "alg-none"].map(|case| served(case, is_unlike));
            assert_eq!(Everybody::of(&all), Some(everybody));
            everybody.tell(&mut all, &subject);
            let accused: Vec<_> = all.iter().filter_map(|asked| kind_of(&asked.cell)).collect();
            assert_eq!(accused, [Kind::Accepted]);
            let first = &all[0].cell.runs[0].findings[0].message;
            assert!(first.contains(told), "{first}");
            let hint = all[0].cell.runs[0].findings[0].hint.clone().unwrap_or_default();
            assert_eq!(is_unlike, hint.contains("{ event = \"items\", \"/status\" = \"no\" }"), "{hint}");
            assert!(all[1].cell.not_asked.as_ref().is_some_and(|why| why.contains("see `no-token`")));
        }
        // One that is refused shows that the others are not everybody; of two nobody can say that.
        let some = [served("no-token", false), served("garbage", false), refused.clone()];
        assert_eq!(Everybody::of(&some), None);
        assert_eq!(Everybody::of(&some[..2]), None);
        assert_eq!(Everybody::of(&[served("a", false), served("b", true), served("c", true)]), None);
    }

    #[test]
    fn a_policy_says_what_else_is_a_refusal() {
        let settings = AuthSettings { refuse: vec![1000, 404], ..AuthSettings::default() };
        let judged = |outcome| judge("x", &knock(outcome, &[]), &settings).is_some();
        assert!(!judged(Outcome::Closed(1000)) && !judged(Outcome::Status(404)));
        assert!(judged(Outcome::Closed(1008)) && judged(Outcome::Status(401)));
    }

    #[test]
    fn claims_must_be_there_and_their_times_must_fit() {
        let claims =
            json!({ "sub": "u", "email": "", "permissions": [], "exp": 100, "iat": 90.5, "nbf": 300 });
        let wanted = ["sub", "email", "permissions", "exp", "iat", "nbf", "type"].map(str::to_owned);
        let wrong: Vec<String> = wrong_claims(&claims, &wanted, 100).into_iter().map(|f| f.message).collect();
        assert_eq!(wrong.len(), 5, "{wrong:?}");
        assert!(wrong_claims(&claims, &wanted[..1], 100).is_empty());
        assert!(wrong_claims(&claims, &["exp".to_owned()], 99).is_empty());
    }
}
