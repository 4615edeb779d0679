//! What probes need to know.

use super::cells::{could_not, judged, login_failed};
use super::settings::Settings;
use super::subject::Subject;
use crate::auth::Identity;
use crate::driver::{Beside, Cut, Driven, Plan, SessionContext};
use goldwire_core::finding::{Run, Unjudged};
use goldwire_core::golden::Golden;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What probes need to know.
#[derive(Debug)]
pub struct ProbeContext<'c> {
    /// The target, how its users log in, and how their sessions are recorded.
    pub(super) sessions: &'c SessionContext,
    /// Where recordings go; a folder for each session.
    pub(super) folder: PathBuf,
    /// How much is asked.
    pub(super) settings: &'c Settings,
    /// Everybody who logged in, and whose sessions may have left something on the server.
    logged_in: Mutex<Vec<Identity>>,
}

/// What is different in a session from how `check` would drive it.
#[derive(Debug, Default, Clone)]
pub(super) struct Twist {
    /// Known before the server says them.
    pub(super) values: BTreeMap<String, Value>,
    /// Where it is broken off.
    pub(super) cut: Option<Cut>,
    /// What happens beside the script.
    pub(super) beside: Option<Beside>,
}

impl<'c> ProbeContext<'c> {
    /// Probes of these sessions, recorded in `folder`.
    pub fn new(sessions: &'c SessionContext, folder: PathBuf, settings: &'c Settings) -> ProbeContext<'c> {
        ProbeContext { sessions, folder, settings, logged_in: Mutex::default() }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.sessions.is_interrupted()
    }

    /// Logs user `index` (from 1) in, where the target asks for it.
    pub(super) async fn login(&self, index: u32) -> Result<Identity, Unjudged> {
        let identity = self.sessions.login(index).await.map_err(|error| login_failed(&error))?;
        self.logged_in().push(identity.clone());
        Ok(identity)
    }

    /// Logs several users in at the same time.
    pub(super) async fn logins(&self, count: u32) -> Result<Vec<Identity>, Unjudged> {
        futures_util::future::join_all((1..=count).map(|index| self.login(index))).await.into_iter().collect()
    }

    fn logged_in(&self) -> MutexGuard<'_, Vec<Identity>> {
        self.logged_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a user has another token from now on: the old one may be worth nothing any more.
    pub(super) fn replace(&self, old: &Identity, renewed: &Identity) {
        if let Some(own) = self.logged_in().iter_mut().find(|own| *own == old) {
            own.clone_from(renewed);
        }
    }

    /// Takes away what was made for the sessions of everybody who logged in. Several sessions may share a login, so this
    /// waits for the last of them.
    pub(super) async fn clean_up(&self) {
        let identities = std::mem::take(&mut *self.logged_in());
        futures_util::future::join_all(identities.iter().map(|identity| self.sessions.clean_up(identity)))
            .await;
    }

    pub(super) async fn drive(
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
    pub(super) async fn session(
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
pub(super) fn subject_claim(one: &Identity, other: &Identity) -> String {
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
