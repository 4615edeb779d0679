//! One connection attempt with a possibly bad token, and its result.

use super::cells::cell;
use super::context::ProbeContext;
use super::probed_session::ProbedSession;
use super::settings::AuthSettings;
use crate::auth::Identity;
use crate::connection::{Arrived, ConnectError, ConnectOptions, Connection, connect};
use crate::recording::{NewRecording, Recorder};
use goldwire_core::check::{Likeness, likeness};
use goldwire_core::dialect::{Decoder, Event, Label};
use goldwire_core::finding::{Finding, ProbeName, ProbeResult, Run, Unjudged};
use goldwire_core::golden::Golden;
use goldwire_core::template::Template;
use goldwire_core::transcript::{End, Ending, Frame, Gap, Handshake, Offset, Payload, Side};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The result of a connection attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AuthAttempt {
    /// The outcome.
    pub(super) outcome: Outcome,
    /// The server events before the outcome: event and frame.
    pub(super) said: Vec<(Label, usize)>,
    /// The time from the start of the connection to the outcome, or to the first event.
    pub(super) took: Gap,
    /// The recording, if the connection opened.
    pub(super) recording: Option<PathBuf>,
    /// The number of frames.
    pub(super) frames: usize,
    /// The message by which the server refused.
    pub(super) refusal: Option<Refused>,
}

/// A refusal by message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) event: Label,
    pub(super) frame: usize,
    /// The content.
    pub(super) what: String,
    /// The sign of the refusal.
    pub(super) by: Sign,
}

/// The sign by which a message is a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The configuration names it.
    Policy,
    /// It speaks of an error.
    Words,
    /// It is unlike what a good login gets. Alone it proves little, because another user may be accepted.
    Unlike,
}

/// The outcome of a connection attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The upgrade was refused with this HTTP status.
    Status(u16),
    /// The server closed with this code.
    Closed(u16),
    /// The connection ended without a close frame.
    Dropped(String),
    /// Neither an answer nor an end came in time; what was going on.
    Hung(String),
    /// The server served: it said something that belongs to the session; the event and its frame.
    Served(Label, usize),
    /// It is independent of the token: no server, or no recording possible.
    Failed(String),
}

/// Knocks, and waits until the server served, refused or let the deadline pass.
pub(super) async fn attempt_login(
    context: &ProbeContext<'_>,
    golden: &Golden,
    session: &str,
    identity: &Identity,
    headers: &[(String, String)],
) -> AuthAttempt {
    let begun = Instant::now();
    let failed = |cause: String| AuthAttempt {
        outcome: Outcome::Failed(cause),
        said: Vec::new(),
        took: begun.elapsed().into(),
        recording: None,
        frames: 0,
        refusal: None,
    };
    let options = match options(context, identity, headers) {
        Ok(options) => options,
        Err(cause) => return failed(cause),
    };
    let (connection, handshake) = match connect(&options).await {
        Ok(opened) => opened,
        Err(error) => {
            let outcome = match error {
                ConnectError::Refused { status, .. } => Outcome::Status(status),
                ConnectError::Timeout { stage, .. } => Outcome::Hung(format!("no answer at {stage}")),
                ConnectError::Dropped { cause, .. } => Outcome::Dropped(cause),
                error => Outcome::Failed(context.sessions.redactor.clean(&error.to_string()).into_owned()),
            };
            return AuthAttempt { outcome, ..failed(String::new()) };
        }
    };
    match RecordedConnection::begin(context, golden, session, identity, &options, connection, &handshake) {
        Ok(talk) => talk.until_answered(context, golden, identity, begun).await,
        Err(cause) => failed(cause),
    }
}

/// The connection options: the target, with the token at its place.
pub(super) fn options(
    context: &ProbeContext<'_>,
    identity: &Identity,
    headers: &[(String, String)],
) -> Result<ConnectOptions, String> {
    let lookup =
        &mut |name: &str| identity.vars.get(name).or_else(|| context.sessions.values.get(name)).cloned();
    let mut options =
        context.sessions.target.connect_options(lookup).map_err(|unbound| unbound.to_string())?;
    identity.apply(&mut options.request);
    options.request.headers.extend(headers.iter().cloned());
    options.timeout = options.timeout.min(context.settings.auth.deadline);
    Ok(options)
}

/// An open connection whose frames are written down, and on which the client does what its protocol obliges it to.
pub(super) struct RecordedConnection {
    connection: Option<Connection>,
    recorder: Recorder,
    base: Instant,
    frames: Vec<Frame>,
    decoder: Decoder,
    /// The server events: event and frame.
    heard: Vec<(Event, usize)>,
}

impl RecordedConnection {
    pub(super) fn begin(
        context: &ProbeContext<'_>,
        golden: &Golden,
        session: &str,
        identity: &Identity,
        options: &ConnectOptions,
        connection: Connection,
        handshake: &Handshake,
    ) -> Result<RecordedConnection, String> {
        let recording = NewRecording {
            folder: &context.folder.join("probe"),
            session,
            user: &identity.user,
            url: &options.request.url,
            opened: connection.opened,
            stamps: connection.stamps,
            handshake,
            // The token may be forged.
            claims: None,
            host: context.sessions.host.class(1),
            redactor: &context.sessions.redactor,
            flush: context.sessions.flush,
        };
        let recording = recording.prepare().map_err(|error| error.to_string())?;
        let path = recording.path().to_owned();
        let (recorder, _) =
            recording.create().map_err(|error| format!("failed to create {}: {error}", path.display()))?;
        let base = connection.opened;
        let decoder = Decoder::new(&golden.dialect);
        let (frames, heard) = (Vec::new(), Vec::new());
        Ok(RecordedConnection { connection: Some(connection), recorder, base, frames, decoder, heard })
    }

    fn take(&mut self, context: &ProbeContext<'_>, at: Instant, side: Side, payload: Payload) {
        let at = Offset::from_nanos(Gap::from(at.saturating_duration_since(self.base)).as_nanos());
        let at = at.max(self.frames.last().map_or(Offset::ZERO, |last| last.at));
        let frame = context.sessions.redactor.clean_frame(&Frame::new(at, side, payload));
        self.recorder.record_clean(frame.clone());
        let index = self.frames.len();
        let heard = self.decoder.feed(&frame).filter(|event| !event.label.is_client());
        self.heard.extend(heard.map(|event| (event, index)));
        self.frames.push(frame);
    }

    /// Says who the user is, where a message says it.
    async fn introduce(&mut self, context: &ProbeContext<'_>, identity: &Identity) {
        let message = identity.first_message();
        if let Some(payload) = message.and_then(|template| filled(&template, &Default::default())) {
            self.send(context, payload).await;
        }
    }

    async fn send(&mut self, context: &ProbeContext<'_>, payload: Payload) {
        let Some(connection) = &mut self.connection else { return };
        // The reader reports a lost connection with its reason.
        let Connection { sender, incoming, .. } = connection;
        let sending = incoming.during(sender.send(payload.clone()));
        // The timeout of the answer detects a server that reads nothing.
        let wait = Duration::from(context.settings.auth.deadline);
        if let Ok(Ok(Some(at))) = tokio::time::timeout(wait, sending).await {
            self.take(context, at, Side::Client, payload);
        }
    }

    /// The next frame; none when `until` has passed, or the end when there is one.
    async fn next(&mut self, context: &ProbeContext<'_>, until: Instant) -> Option<Result<(), Outcome>> {
        let connection = self.connection.as_mut()?;
        let arrived = tokio::time::timeout_at(until.into(), connection.incoming.recv()).await.ok()?;
        let Some(incoming) = arrived else {
            return Some(Err(Outcome::Dropped("the reader ended".to_owned())));
        };
        match incoming.what {
            Arrived::Frame(Payload::Close { code, reason }) => {
                self.take(context, incoming.at, Side::Server, Payload::Close { code, reason });
                Some(Err(Outcome::Closed(code)))
            }
            Arrived::Gone(detail) | Arrived::TooLong(detail) => {
                self.take(context, incoming.at, Side::Server, Payload::Gone(detail.clone()));
                Some(Err(Outcome::Dropped(detail)))
            }
            Arrived::Frame(payload) => {
                self.take(context, incoming.at, Side::Server, payload);
                // A client that does not answer a ping is disconnected for that, not because of its token.
                for owed in self.decoder.owed() {
                    self.send(context, owed).await;
                }
                Some(Ok(()))
            }
            Arrived::Sent(payload) => {
                self.take(context, incoming.at, Side::Client, payload);
                Some(Ok(()))
            }
        }
    }

    async fn until_answered(
        mut self,
        context: &ProbeContext<'_>,
        golden: &Golden,
        identity: &Identity,
        begun: Instant,
    ) -> AuthAttempt {
        self.introduce(context, identity).await;
        let wait = Duration::from(context.settings.auth.deadline);
        let until = begun + wait;
        // Some servers check the token only after the client's first message.
        let nudge = begun + wait / 4;
        let mut nudged = false;
        let mut seen = 0;
        let mut refusal: Option<Refused> = None;
        let mut odd: Option<Refused> = None;
        let outcome = 'answered: loop {
            for (event, frame) in &self.heard[seen..] {
                match answer(golden, &context.settings.auth, event) {
                    Answer::Nothing => {}
                    Answer::Served => break 'answered Outcome::Served(event.label.clone(), *frame),
                    Answer::Refused(what, by) => {
                        let refused = Refused { event: event.label.clone(), frame: *frame, what, by };
                        let first = if by == Sign::Unlike { &mut odd } else { &mut refusal };
                        first.get_or_insert(refused);
                    }
                }
            }
            seen = self.heard.len();
            match self.next(context, if nudged { until } else { nudge.min(until) }).await {
                Some(Ok(())) => {}
                Some(Err(outcome)) => break outcome,
                None if !nudged => {
                    nudged = true;
                    if let Some(payload) = next_word(golden, &identity.vars) {
                        self.send(context, payload).await;
                    }
                }
                None => break Outcome::Hung("the connection was still open".to_owned()),
            }
        };
        // A client that gets another message than a good login and is then disconnected was not accepted. If the
        // connection stays open, it may have been accepted as another user.
        let outcome = match (outcome, &odd) {
            (Outcome::Hung(_), Some(odd)) if refusal.is_none() => {
                Outcome::Served(odd.event.clone(), odd.frame)
            }
            (outcome, _) => outcome,
        };
        let attempt = self.finish(context, outcome, begun.elapsed().into()).await;
        AuthAttempt { refusal: refusal.or(odd), ..attempt }
    }

    /// Says who the user is, and waits for the server to end it.
    pub(super) async fn until_closed(
        mut self,
        context: &ProbeContext<'_>,
        identity: &Identity,
        until: Instant,
    ) -> AuthAttempt {
        let begun = Instant::now();
        self.introduce(context, identity).await;
        let outcome = loop {
            match self.next(context, until).await {
                Some(Ok(())) => {}
                Some(Err(outcome)) => break outcome,
                None => break Outcome::Hung("the connection was still open".to_owned()),
            }
        };
        self.finish(context, outcome, begun.elapsed().into()).await
    }

    async fn finish(mut self, context: &ProbeContext<'_>, outcome: Outcome, took: Gap) -> AuthAttempt {
        let at = Instant::now();
        let how = match &outcome {
            Outcome::Closed(code) => End::Closed { by: Side::Server, code: *code, reason: String::new() },
            Outcome::Dropped(detail) => End::Dropped { detail: detail.clone() },
            _ => {
                if let Some(connection) = &mut self.connection {
                    // It ends, whatever the result is.
                    let close = connection.sender.close(1000, "");
                    let _ = tokio::time::timeout(Duration::from_secs(1), close).await;
                }
                self.take(context, at, Side::Client, Payload::Close { code: 1000, reason: String::new() });
                End::Closed { by: Side::Client, code: 1000, reason: String::new() }
            }
        };
        let ending =
            Ending { at: Offset::from_nanos(Gap::from(self.base.elapsed()).as_nanos()), how, host: None };
        let frames = self.frames.len();
        let said = self.heard.into_iter().map(|(event, frame)| (event.label, frame)).collect();
        let path = self.recorder.path().to_owned();
        let recording = self.recorder.finish(ending).await.ok().map(|_| path);
        AuthAttempt { outcome, said, took, recording, frames, refusal: None }
    }
}

/// The reason of a case that the configuration skips.
pub(super) const SKIPPED: &str = "left out by `skip`";

/// Whether the configuration leaves a case out.
pub(super) fn is_skipped(context: &ProbeContext<'_>, case: &str) -> bool {
    context.settings.auth.skip.iter().any(|skipped| skipped == case)
}

/// The answer to a question of the auth probe; the attempt counts as a run.
pub(super) fn attempted(
    subject: &ProbedSession,
    case: &str,
    identity: &Identity,
    attempt: &AuthAttempt,
    found: Option<Finding>,
) -> ProbeResult {
    let failed = match &attempt.outcome {
        Outcome::Failed(cause) => Some(Unjudged { cause: cause.clone(), hint: None }),
        _ => None,
    };
    let run = Run {
        session: subject.session.clone(),
        user: identity.user.clone(),
        round: 1,
        recording: attempt.recording.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        events: attempt.said.len(),
        took: attempt.took,
        host: None,
        findings: if failed.is_some() { Vec::new() } else { found.into_iter().collect() },
        live: Vec::new(),
        unjudged: failed,
    };
    cell(ProbeName::Auth, subject, case, said(attempt), vec![run])
}

/// The result in a few words.
pub(super) fn said(attempt: &AuthAttempt) -> String {
    let is_served = matches!(attempt.outcome, Outcome::Served(..));
    let first = match attempt.refusal.as_ref().filter(|_| !is_served) {
        Some(refused) => format!("refused by message: {}, then ", quoted(refused)),
        None => attempt.said.first().map(|(label, _)| format!("`{label}`, then ")).unwrap_or_default(),
    };
    let took = attempt.took;
    match &attempt.outcome {
        Outcome::Status(status) => format!("HTTP {status} after {took}"),
        Outcome::Closed(1005) if attempt.refusal.is_some() => {
            format!("{first}closed without a code after {took}")
        }
        Outcome::Closed(code) => format!("{first}close {code} after {took}"),
        Outcome::Dropped(detail) => format!("{first}{detail} after {took}"),
        Outcome::Hung(what) => format!("{first}{what} after {took}"),
        Outcome::Served(label, _) => {
            format!("{} came after {took}", unlike(attempt).map_or_else(|| format!("`{label}`"), quoted))
        }
        Outcome::Failed(cause) => cause.clone(),
    }
}

/// The message of a client that the server neither refused nor served like a good login.
pub(super) fn unlike(attempt: &AuthAttempt) -> Option<&Refused> {
    let is_served = matches!(attempt.outcome, Outcome::Served(..));
    attempt.refusal.as_ref().filter(|refused| is_served && refused.by == Sign::Unlike)
}

/// A refusing message, as a person would name it.
pub(super) fn quoted(refused: &Refused) -> String {
    let Refused { event, what, .. } = refused;
    if *what == event.name() { format!("`{event}`") } else { format!("`{event}` {what}") }
}

/// The meaning of a server message for the login.
#[derive(Debug, PartialEq)]
enum Answer {
    /// Unrelated to the login.
    Nothing,
    /// The same as for a good login.
    Served,
    /// A refusal, or a possible one.
    Refused(String, Sign),
}

/// An accepted client gets the same messages as a good login, not only an event of the same name. Another message is
/// a refusal if the policy lists it or if it reports an error.
fn answer(golden: &Golden, settings: &AuthSettings, event: &Event) -> Answer {
    let name = event.label.name();
    if settings.refusals.iter().any(|refusal| refusal.is(event)) {
        return Answer::Refused(name.to_owned(), Sign::Policy);
    }
    let known = golden.event(&event.label);
    let likeness = known.map_or(Likeness::Unknown, |known| likeness(known, &event.data));
    // The answer to good logins is unknown, so only a plain word counts, not a text that contains one.
    let words = || reason(&event.data, 0).or_else(|| refusing_name(name).filter(|_| known.is_none()));
    let serves = serves(golden, &settings.greeting, event);
    match (likeness, serves) {
        (Likeness::Like, true) => Answer::Served,
        (Likeness::Like, false) => Answer::Nothing,
        (likeness, serves) => match (words(), likeness, serves) {
            (Some(said), ..) => Answer::Refused(said, Sign::Words),
            (None, _, false) => Answer::Nothing,
            (None, Likeness::Unlike { path, actual }, true) => {
                let what = if path.is_empty() { actual } else { format!("{path} {actual}") };
                Answer::Refused(what, Sign::Unlike)
            }
            (None, Likeness::Unknown | Likeness::Like, true) => Answer::Served,
        },
    }
}

fn refusing_name(name: &str) -> Option<String> {
    speaks_of_refusal(name).then(|| name.to_owned())
}

/// Words by which programs refuse.
fn speaks_of_refusal(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "error",
        "invalid",
        "unauthor",
        "forbid",
        "denied",
        "reject",
        "fail",
        "expired",
        "refused",
        "not allowed",
        "not_allowed",
        "unauthenticated",
        "bad token",
        "bad_token",
    ];
    words.iter().any(|word| text.contains(word)) || matches!(text.as_str(), "401" | "403")
}

/// The maximum depth at which the reason of a refusal is searched.
const MAX_REASON: usize = 4;

/// The part of a message that shows a refusal: `{"error":{"code":"AUTH_FAILED"}}`, `{"status":"error"}`,
/// `{"code":403}`, `{"success":false}`. A code is more specific than words.
fn reason(data: &Value, depth: usize) -> Option<String> {
    let Value::Object(map) = data else { return None };
    let within = |key: &str| map.get(key).filter(|_| depth < MAX_REASON);
    if let Some(error) =
        ["error", "errors", "exception"].into_iter().find_map(within).filter(|error| !error.is_null())
    {
        let first = error.as_array().map_or(Some(error), |errors| errors.first());
        match first {
            Some(Value::Object(error)) => {
                let told = ["code", "name", "message", "reason"].into_iter().find_map(|key| error.get(key));
                return Some(told.map_or_else(|| "error".to_owned(), plain));
            }
            Some(Value::String(text)) if !text.is_empty() => return Some(text.clone()),
            Some(Value::Bool(true)) => return Some("error".to_owned()),
            _ => {}
        }
    }
    for key in ["code", "status", "statusCode", "result", "reason", "type", "event"] {
        let text = map.get(key).map(plain).unwrap_or_default();
        if speaks_of_refusal(&text) {
            return Some(text);
        }
    }
    let denied = ["success", "ok", "authenticated", "authorized"];
    if let Some(key) = denied.into_iter().find(|key| map.get(*key) == Some(&Value::Bool(false))) {
        return Some(format!("{key}: false"));
    }
    ["payload", "data", "body", "response"].into_iter().find_map(|key| reason(within(key)?, depth + 1))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether this event shows that a user was accepted. A greeting goes to every connection: the protocol's own, and what
/// `greeting` names. Where the session's own script carries the token, as in `INFO ; >CONNECT`, so is what comes before
/// that, or is waited for.
fn serves(golden: &Golden, greeting: &[Label], event: &Event) -> bool {
    let label = &event.label;
    if golden.dialect.is_greeting(event) || greeting.contains(label) {
        return false;
    }
    let order = golden.order.labels();
    let to_everybody = order.iter().position(|label| carries_token(golden, label)).is_some_and(|login| {
        let awaited = golden.event(order[login]).into_iter().flat_map(|event| &event.after);
        order[..login].iter().copied().chain(awaited).any(|own| own == label)
    });
    golden.event(label).is_some() && !to_everybody
}

/// The client's first message after its login, if it has no value from the server: a client without a good token
/// continues with it.
fn next_word(golden: &Golden, values: &std::collections::BTreeMap<String, Value>) -> Option<Payload> {
    let mut words = golden.script.iter().filter(|label| !carries_token(golden, label));
    let label = words.next()?;
    let template = golden.event(label)?.sends.first()?;
    let filled = template.fill(&mut |name| values.get(name).cloned()).ok()?;
    filled.payloads(&golden.dialect, label).ok()?.into_iter().next()
}

/// Whether the client says by this who it is.
fn carries_token(golden: &Golden, label: &Label) -> bool {
    let templates = golden.event(label).into_iter().flat_map(|event| &event.sends);
    label.is_client() && templates.flat_map(Template::names).any(|name| name == "token")
}

fn filled(template: &Template, values: &std::collections::BTreeMap<String, Value>) -> Option<Payload> {
    Some(match template.fill(&mut |name| values.get(name).cloned()).ok()? {
        Template::Json(value) => Payload::Text(value.to_string()),
        Template::Text(text) => Payload::Text(text),
        Template::Binary(bytes) => Payload::Binary(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::dialect::events;

    #[test]
    fn a_refusal_by_message_is_known_by_what_a_good_login_gets() {
        let golden = "goldwire = 1\norder = \">auth ; auth ; items\"\n[event.items]\n[event.\">auth\"]\n\
                      send = { type = \"auth\", token = \"{{token}}\" }\n[event.auth.shape]\n\
                      \"/type\" = '= \"auth\"'\n\"/status\" = '= \"ok\"'\n";
        let golden = goldwire_core::golden::read("g.toml", golden).expect("a golden");
        let settings = AuthSettings::default();
        let refusing = |text: &str| {
            let frame = Frame::new(Offset::ZERO, Side::Server, Payload::Text(text.to_owned()));
            let event = events(&golden.dialect, &[frame]).remove(0);
            match answer(&golden, &settings, &event) {
                Answer::Refused(what, Sign::Unlike) => Some(format!("unlike: {what}")),
                Answer::Refused(what, _) => Some(what),
                Answer::Served | Answer::Nothing => None,
            }
        };
        for (text, said) in [
            (
                r#"{"type":"auth","status":"error","error":{"code":"AUTH_FAILED","message":"no"}}"#,
                Some("AUTH_FAILED"),
            ),
            (r#"{"type":"auth","status":"ok"}"#, None),
            (r#"{"type":"auth","status":"nope"}"#, Some("unlike: /status \"nope\"")),
            (r#"{"type":"auth_invalid","message":"Invalid access token"}"#, Some("auth_invalid")),
            (r#"{"type":"auth_required"}"#, None),
            (r#"{"type":"items","code":403}"#, Some("403")),
            (r#"{"type":"items","data":{"success":false}}"#, Some("success: false")),
            (r#"{"type":"items","rows":[{"text":"a failed test"}]}"#, None),
            (r#"{"id":1,"error":{"message":"Unauthorized"}}"#, Some("Unauthorized")),
            (r#"{"type":"items","error":null}"#, None),
        ] {
            assert_eq!(refusing(text).as_deref(), said, "{text}");
        }
    }

    /// The server events that show a successful login.
    fn serving(golden: &str, greeting: &[&str], said: &[&str]) -> Vec<String> {
        let golden =
            goldwire_core::golden::read("g.toml", &format!("goldwire = 1\n{golden}")).expect("a golden");
        let greeting: Vec<Label> = greeting.iter().map(|name| Label::from(*name)).collect();
        let frame = |text: &&str| Frame::new(Offset::ZERO, Side::Server, Payload::Text((*text).to_owned()));
        let frames: Vec<Frame> = said.iter().map(frame).collect();
        let serving =
            events(&golden.dialect, &frames).into_iter().filter(|event| serves(&golden, &greeting, event));
        serving.map(|event| event.label.as_str().to_owned()).collect()
    }

    #[test]
    fn what_belongs_to_the_session_lets_somebody_in() {
        let golden = "order = \"hello ; >ask ; answer\"\n[event.hello]\n[event.answer]\n\
                      [event.ask]\nsend = { type = \"ask\" }\n";
        let said = [r#"{"type":"hello"}"#, r#"{"type":"error"}"#, r#"{"type":"answer"}"#];
        assert_eq!(serving(golden, &[], &said), ["hello", "answer"]);
        assert_eq!(serving(golden, &["hello"], &said), ["answer"]);
    }

    #[test]
    fn what_is_said_to_everybody_lets_nobody_in() {
        let golden = "order = \"hello ; >login ; welcome\"\n[event.hello]\n[event.welcome]\n\
                      [event.login]\nsend = { token = \"{{token}}\" }\n";
        let said = [r#"{"type":"hello"}"#, r#"{"type":"error"}"#, r#"{"type":"welcome"}"#];
        assert_eq!(serving(golden, &[], &said), ["welcome"]);
    }

    #[test]
    fn a_protocol_that_greets_everybody_lets_nobody_in_by_it() {
        // The token is in the URL, so the script does not show where it is checked.
        let golden = "order = \"eio.open ; >connect ; connect\"\n[dialect]\nkind = \"socket.io\"\n\
                      [event.\"eio.open\"]\n[event.connect]\n[event.\">connect\"]\nsend = {}\n";
        let refused = [r#"0{"sid":"a"}"#, r#"44{"message":"who are you?"}"#];
        assert_eq!(serving(golden, &[], &refused), [""; 0]);
        assert_eq!(serving(golden, &[], &[r#"0{"sid":"a"}"#, r#"40{"sid":"b"}"#]), ["connect"]);
        let golden = "order = \"INFO ; >PING ; PONG\"\n[dialect]\nkind = \"nats\"\n\
                      [event.INFO]\n[event.PONG]\n[event.PING]\nsend = {}\n";
        let said = ["INFO {\"nonce\":\"n\"}\r\n", "PONG\r\nINFO {\"connect_info\":true}\r\n"];
        assert_eq!(serving(golden, &[], &said[..1]), [""; 0]);
        assert_eq!(serving(golden, &[], &said), ["PONG", "INFO"]);
    }
}
