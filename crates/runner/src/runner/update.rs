//! Updates goldens that the runs of a check contradict, with insta's words.
//!
//! | | a session that does not conform | a session that has recordings and no golden |
//! |---|---|---|
//! | `no` | nothing | nothing |
//! | `new` | a proposal | a proposal |
//! | `unseen` | a proposal | a golden |
//! | `always` | a golden | a golden |
//!
//! The exit code is still that of the check. A proposal is learned from the session's recordings and from the runs of
//! this check, which become recordings when it is accepted. If `CI` is set, nothing is written unless the command
//! itself says so, because a job must not accept its own results.

use super::config::Config;
use super::error::Error;
use super::progress::{Observer, Progress};
use super::proposal::propose;
use super::scan::refuse_secrets;
use crate::store::{Store, StoreError};
use goldwire_core::finding::{Outcome, Run, Verdict};
use goldwire_core::words::plural;
use std::path::PathBuf;

/// The condition under which a check writes proposals and goldens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateWhen {
    /// Never: a failing check writes nothing.
    No,
    /// A proposal for every session that does not conform, or has no golden yet.
    New,
    /// A golden for sessions that have none, a proposal for the others that do not conform.
    Unseen,
    /// A golden, accepted without anybody reading it.
    Always,
}

impl UpdateWhen {
    /// All values.
    pub const ALL: [UpdateWhen; 4] =
        [UpdateWhen::No, UpdateWhen::New, UpdateWhen::Unseen, UpdateWhen::Always];

    /// The word on the command line and in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            UpdateWhen::No => "no",
            UpdateWhen::New => "new",
            UpdateWhen::Unseen => "unseen",
            UpdateWhen::Always => "always",
        }
    }
}

/// Whether a check writes proposals and goldens.
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    /// The condition; by default that of the environment variable `GOLDWIRE_UPDATE`.
    pub when: Option<UpdateWhen>,
    /// The reason for accepted goldens, stored in them.
    pub reason: Option<String>,
}

/// Writes proposals and goldens before and after a check.
pub struct Update<'c> {
    when: UpdateWhen,
    reason: String,
    config: &'c Config,
    store: Store,
    observer: Observer,
}

impl<'c> Update<'c> {
    /// The update settings. Options take precedence over the environment.
    ///
    /// # Errors
    /// If the environment variable has an unknown value.
    pub fn of(config: &'c Config, options: &UpdateOptions, observer: &Observer) -> Result<Update<'c>, Error> {
        let when = match options.when {
            Some(when) => when,
            None => of_environment(observer)?,
        };
        let reason = options.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.map_or_else(|| "accepted by goldwire check --update".to_owned(), str::to_owned);
        Ok(Update { when, reason, config, store: Store::new(&config.root), observer: observer.clone() })
    }

    /// Writes goldens or proposals for named sessions that have recordings but no golden.
    ///
    /// # Errors
    /// If recordings cannot be read or something cannot be written.
    pub fn begin(&self, sessions: &[String]) -> Result<(), Error> {
        if self.when == UpdateWhen::No {
            return Ok(());
        }
        for session in sessions {
            Store::check_name(session)?;
            let is_new = matches!(self.store.golden(session), Err(StoreError::NoGolden(_)));
            let recordings = self.store.recordings(session)?;
            if is_new && !recordings.is_empty() && self.store.proposal_text(session)?.is_none() {
                self.learn(session, &recordings, &[], self.when != UpdateWhen::New)?;
            }
        }
        Ok(())
    }

    /// Writes proposals or goldens for sessions that do not conform.
    ///
    /// # Errors
    /// If recordings cannot be read or something cannot be written.
    pub fn end(&self, outcome: &Outcome) -> Result<(), Error> {
        let mut sessions: Vec<&str> = outcome.runs.iter().map(|run| run.session.as_str()).collect();
        sessions.sort_unstable();
        sessions.dedup();
        for session in sessions {
            let own: Vec<&Run> = outcome.runs.iter().filter(|run| run.session == session).collect();
            let verdict = own.iter().map(|run| run.verdict()).max();
            match verdict {
                None | Some(Verdict::Conforms) => {}
                Some(_) if self.when == UpdateWhen::No => {}
                Some(Verdict::CouldNotJudge) => {
                    let cause = "not every run could be judged".to_owned();
                    self.observer.tell(&Progress::NotUpdated {
                        session: session.to_owned(),
                        cause,
                        hint: None,
                    });
                }
                Some(Verdict::Drift | Verdict::Deviates) => {
                    let folder = self.store.recordings_folder(session);
                    let is_new = |path: &PathBuf| path.exists() && !path.starts_with(&folder);
                    let runs: Vec<PathBuf> =
                        own.iter().map(|run| PathBuf::from(&run.recording)).filter(is_new).collect();
                    let recordings = self.store.recordings(session)?;
                    self.learn(session, &recordings, &runs, self.when == UpdateWhen::Always)?;
                }
            }
        }
        Ok(())
    }

    fn learn(
        &self,
        session: &str,
        recordings: &[PathBuf],
        runs: &[PathBuf],
        accepts: bool,
    ) -> Result<(), Error> {
        let paths: Vec<PathBuf> = recordings.iter().chain(runs).cloned().collect();
        let proposed = propose(&self.store, session, paths, None)?;
        let learned_from = format!(
            "{} and {} of this check",
            plural(recordings.len(), "recording"),
            plural(runs.len(), "run")
        );
        if proposed.is_nothing() {
            let hint =
                "`keep` protects parts of the golden, and runs that did not reach their end are not learned";
            self.observer.tell(&Progress::NotUpdated {
                session: session.to_owned(),
                cause: format!("{learned_from} add nothing to the golden"),
                hint: Some(hint.to_owned()),
            });
            return Ok(());
        }
        self.store.stage(session, runs)?;
        if accepts {
            match refuse_secrets(self.config, &self.store, session) {
                Ok(()) => {
                    let changes = self.store.changes(session)?;
                    let path = self.store.accept(session, &self.reason)?;
                    let session = session.to_owned();
                    self.observer.tell(&Progress::Accepted { session, path, learned_from, changes });
                    return Ok(());
                }
                // It stays a proposal, for somebody to look at.
                Err(Error { cause, hint, .. }) => self.observer.tell(&Progress::NotAccepted { cause, hint }),
            }
        }
        let path = self.store.proposal_path(session);
        let changes = self.store.changes(session)?;
        self.observer.tell(&Progress::Proposed { session: session.to_owned(), path, learned_from, changes });
        Ok(())
    }
}

fn of_environment(observer: &Observer) -> Result<UpdateWhen, Error> {
    let said = std::env::var("GOLDWIRE_UPDATE").unwrap_or_default();
    let when = match said.as_str() {
        "" => UpdateWhen::No,
        word => {
            let named = UpdateWhen::ALL.into_iter().find(|when| when.name().eq_ignore_ascii_case(word));
            named.ok_or_else(|| {
                Error::unusable(format!("GOLDWIRE_UPDATE is `{word}`"))
                    .hint("one of: no, new, unseen, always")
            })?
        }
    };
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !["", "0", "false"].iter().any(|no| ci == *no));
    if is_ci && when != UpdateWhen::No {
        observer.tell(&Progress::note(format!(
            "GOLDWIRE_UPDATE={said} is ignored because CI is set; use --update={said}"
        )));
        return Ok(UpdateWhen::No);
    }
    Ok(when)
}
