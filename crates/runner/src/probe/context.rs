//! The context of probes.

use super::cells::{could_not, judged, login_failed};
use super::probed_session::ProbedSession;
use super::settings::Settings;
use crate::auth::Identity;
use crate::driver::{Disconnect, Driven, Plan, SessionContext, SideChannel};
use goldwire_core::finding::{Run, Unjudged};
use goldwire_core::golden::Golden;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The context of probes.
#[derive(Debug)]
pub struct ProbeContext<'c> {
    /// The target, the login of its users, and the recording of their sessions.
    pub(super) sessions: &'c SessionContext,
    /// The folder of recordings, with one folder for each session.
    pub(super) folder: PathBuf,
    /// The settings.
    pub(super) settings: &'c Settings,
    /// All users who logged in, and whose sessions may have left data on the server.
    logged_in: Mutex<Vec<Identity>>,
}

/// The differences of a session from one that `check` drives.
#[derive(Debug, Default, Clone)]
pub(super) struct DriveOverrides {
    /// Known before the server says them.
    pub(super) values: BTreeMap<String, Value>,
    /// The place of the cut.
    pub(super) disconnect: Option<Disconnect>,
    /// The side channel.
    pub(super) side_channel: Option<SideChannel>,
}

impl<'c> ProbeContext<'c> {
    /// The probes of these sessions, recorded in `folder`.
    pub fn new(sessions: &'c SessionContext, folder: PathBuf, settings: &'c Settings) -> ProbeContext<'c> {
        ProbeContext { sessions, folder, settings, logged_in: Mutex::default() }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.sessions.is_interrupted()
    }

    /// Logs user `index` (from 1) in, if the target has a login.
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
        subject: &ProbedSession,
        golden: &Golden,
        identity: &Identity,
        overrides: &DriveOverrides,
    ) -> Result<Driven, Unjudged> {
        let plan = Plan {
            session: &subject.session,
            golden,
            values: overrides.values.clone(),
            identity,
            hand: None,
            folder: &self.folder.join(&subject.session),
            users: 1,
            disconnect: overrides.disconnect,
            side_channel: overrides.side_channel.clone(),
        };
        self.sessions.drive(plan).await.map_err(|error| Unjudged {
            cause: self.sessions.redactor.clean(&error.to_string()).into_owned(),
            hint: error.hint(),
        })
    }

    /// Drives a session to its end and judges all but time.
    pub(super) async fn session(
        &self,
        subject: &ProbedSession,
        golden: &Golden,
        identity: &Identity,
        overrides: &DriveOverrides,
        round: u32,
    ) -> (Run, Option<Driven>) {
        match self.drive(subject, golden, identity, overrides).await {
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
