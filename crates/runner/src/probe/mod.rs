//! What one session cannot show.
//!
//! ```text
//! auth        one knock a case: refused before any event, in time, in a way that clients expect?
//! isolation   several users at once, each with a canary: does anything of one come to another?
//! race        many at the same moment, one token on many sockets, a client that does not wait
//! reconnect   sessions cut off at every event; is the next one whole?
//! liveness    is it a server at work, and as fast at the end as at the beginning?
//! ```
//!
//! Each takes a [`ProbeContext`] (target, logins, folders) and a [`Subject`] (a session's golden), drives real
//! sessions through the same driver and recorder as `check`, and answers with [`Cell`]s. What a cell says follows from
//! transcripts alone; the functions that judge them open no socket.

mod attempt;
mod auth;
mod cancel;
mod forge;
mod identity;
mod isolation;
mod leak;
mod liveness;
mod race;
mod reconnect;
mod refresh;
mod resume;
mod settings;
mod spread;
mod trend;

pub use settings::{AuthSettings, Cancel, Place, Settings};
pub use spread::Opening;

use crate::auth::{AuthError, Identity};
use crate::driver::{Beside, Cut, Driven, Plan, SessionContext};
use goldwire_core::check::{Live, check};
use goldwire_core::dialect::Label;
use goldwire_core::finding::{Cell, Finding, Kind, ProbeName, Run, Severity, Unjudged};
use goldwire_core::golden::{Golden, Seen};
use goldwire_core::transcript::{Header, Offset, Transcript};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What probes need to know.
#[derive(Debug)]
pub struct ProbeContext<'c> {
    /// The target, how its users log in, and how their sessions are recorded.
    sessions: &'c SessionContext,
    /// Where recordings go; a folder for each session.
    folder: PathBuf,
    /// How much is asked.
    settings: &'c Settings,
    /// Everybody who logged in, and whose sessions may have left something on the server.
    logged_in: Mutex<Vec<Identity>>,
}

/// A session that is probed.
#[derive(Debug)]
pub struct Subject {
    /// Its name.
    pub session: String,
    /// What must happen in it.
    pub golden: Golden,
    /// What its recordings showed, where that is known.
    pub seen: Option<Seen>,
    /// How its recordings began.
    pub openings: Vec<Opening>,
    /// What sessions of before left behind that no session should leave again: those of its recordings, and of earlier checks
    /// as far as they are kept.
    pub kept: Vec<Kept>,
}

/// A session of before.
#[derive(Debug)]
pub struct Kept {
    /// Whose and when.
    pub header: Header,
    /// When it ended.
    pub ended: Offset,
    /// What it left behind.
    pub live: Live,
}

impl Kept {
    /// That of a recording.
    pub fn of(golden: &Golden, transcript: Transcript) -> Kept {
        let live = check(golden, &transcript).live;
        Kept { header: transcript.header, ended: transcript.ending.at, live }
    }
}

/// Asks everything that a probe asks of a session, and cleans up after everybody who logged in for it.
pub async fn probe(name: ProbeName, context: &ProbeContext<'_>, subject: &Subject) -> Vec<Cell> {
    let cells = match name {
        ProbeName::Auth => auth::ask(context, subject).await,
        ProbeName::Isolation => isolation::ask(context, subject).await,
        ProbeName::Race => race::ask(context, subject).await,
        ProbeName::Reconnect => reconnect::ask(context, subject).await,
        ProbeName::Liveness => liveness::ask(context, subject).await,
    };
    context.clean_up().await;
    cells
}

/// What is different in a session from how `check` would drive it.
#[derive(Debug, Default, Clone)]
struct Twist {
    /// Known before the server says them.
    values: BTreeMap<String, Value>,
    /// Where it is broken off.
    cut: Option<Cut>,
    /// What happens beside the script.
    beside: Option<Beside>,
}

impl<'c> ProbeContext<'c> {
    /// Probes of these sessions, recorded in `folder`.
    pub fn new(sessions: &'c SessionContext, folder: PathBuf, settings: &'c Settings) -> ProbeContext<'c> {
        ProbeContext { sessions, folder, settings, logged_in: Mutex::default() }
    }

    fn is_interrupted(&self) -> bool {
        self.sessions.is_interrupted()
    }

    /// Logs user `index` (from 1) in, where the target asks for it.
    async fn login(&self, index: u32) -> Result<Identity, Unjudged> {
        let identity = self.sessions.login(index).await.map_err(|error| login_failed(&error))?;
        self.logged_in().push(identity.clone());
        Ok(identity)
    }

    /// Logs several users in at the same time.
    async fn logins(&self, count: u32) -> Result<Vec<Identity>, Unjudged> {
        futures_util::future::join_all((1..=count).map(|index| self.login(index))).await.into_iter().collect()
    }

    fn logged_in(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.logged_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a user has another token from now on: the old one may be worth nothing any more.
    fn replace(&self, old: &Identity, renewed: &Identity) {
        if let Some(own) = self.logged_in().iter_mut().find(|own| *own == old) {
            own.clone_from(renewed);
        }
    }

    /// Takes away what was made for the sessions of everybody who logged in. Several sessions may share a login, so this
    /// waits for the last of them.
    async fn clean_up(&self) {
        let identities = std::mem::take(&mut *self.logged_in());
        futures_util::future::join_all(identities.iter().map(|identity| self.sessions.clean_up(identity)))
            .await;
    }

    async fn drive(
        &self,
        subject: &Subject,
        golden: &Golden,
        identity: &Identity,
        twist: &Twist,
    ) -> Result<Driven, Unjudged> {
        let plan = Plan {
            session: &subject.session,
            golden,
            values: twist.values.clone(),
            identity,
            hand: None,
            folder: &self.folder.join(&subject.session),
            users: 1,
            cut: twist.cut,
            beside: twist.beside.clone(),
        };
        self.sessions.drive(plan).await.map_err(|error| Unjudged {
            cause: self.sessions.redactor.clean(&error.to_string()).into_owned(),
            hint: error.hint(),
        })
    }

    /// Drives a session to its end and judges all but time.
    async fn session(
        &self,
        subject: &Subject,
        golden: &Golden,
        identity: &Identity,
        twist: &Twist,
        round: u32,
    ) -> (Run, Option<Driven>) {
        match self.drive(subject, golden, identity, twist).await {
            Ok(driven) => (judged(subject, golden, &driven, round), Some(driven)),
            Err(unjudged) => (could_not(&subject.session, &identity.user, unjudged, round), None),
        }
    }
}

/// The claim by which tokens say whose they are: `sub` (RFC 7519, 4.1.2), or where they have none, the string in which
/// those of two users differ, `jti` apart, which differs anyway.
fn subject_claim(one: &Identity, other: &Identity) -> String {
    let claims = |identity: &Identity| identity.claims.as_ref().and_then(Value::as_object).cloned();
    let (Some(one), Some(other)) = (claims(one), claims(other)) else { return "sub".to_owned() };
    let differs = |(name, value): &(&String, &Value)| {
        name.as_str() != "jti" && value.is_string() && other.get(*name).is_some_and(|theirs| theirs != *value)
    };
    match one.contains_key("sub") {
        true => "sub".to_owned(),
        false => one.iter().find(differs).map_or_else(|| "sub".to_owned(), |(name, _)| name.clone()),
    }
}

/// A run of a session that was driven, with what the golden says of it.
fn judged(subject: &Subject, golden: &Golden, driven: &Driven, round: u32) -> Run {
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
fn could_not(session: &str, user: &str, unjudged: Unjudged, round: u32) -> Run {
    Run::unjudged(session, user, round, unjudged)
}

fn login_failed(error: &AuthError) -> Unjudged {
    Unjudged { cause: error.to_string(), hint: error.hint() }
}

/// A finding of a probe: it stands at a question rather than at a key of the golden.
fn finding(kind: Kind, key: String, event: Label, frames: Vec<usize>, message: String) -> Finding {
    let place =
        goldwire_core::finding::Place { event, lane: None, path: None, key, golden_line: None, frames };
    Finding::new(kind, Severity::Deviation, place, message)
}

fn cell(probe: ProbeName, subject: &Subject, case: &str, said: String, runs: Vec<Run>) -> Cell {
    let (session, case) = (subject.session.clone(), case.to_owned());
    Cell { probe, session, sort: case.clone(), case, said, not_asked: None, runs }
}

fn not_asked(probe: ProbeName, subject: &Subject, case: &str, why: impl Into<String>) -> Cell {
    Cell { not_asked: Some(why.into()), ..cell(probe, subject, case, String::new(), Vec::new()) }
}

/// A cell for what could not even begin.
fn stuck(probe: ProbeName, subject: &Subject, case: &str, unjudged: Unjudged) -> Cell {
    let said = unjudged.cause.clone();
    cell(probe, subject, case, said, vec![could_not(&subject.session, "", unjudged, 1)])
}

/// How sessions went, in a few words.
fn summary(runs: &[Run]) -> String {
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
