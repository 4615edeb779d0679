//! `check --update`: what is done about goldens that the runs of a check contradict, in insta's words.
//!
//! | | a session that does not conform | a session that has recordings and no golden |
//! |---|---|---|
//! | `no` | nothing | nothing |
//! | `new` | a proposal | a proposal |
//! | `unseen` | a proposal | a golden |
//! | `always` | a golden | a golden |
//!
//! The exit code stays the check's: what was found was found. A proposal is learned from the session's recordings and
//! from the runs of this check, which become recordings when it is accepted. Where `CI` is set nothing is written unless
//! the command itself says so: a job must not agree with itself.

use super::config::Config;
use super::error::CliError;
use super::life::{accept_one, propose, tell_changes};
use super::reports::talk;
use super::scan::refuse_secrets;
use crate::finding::{Outcome, Run, Verdict};
use crate::store::{Store, StoreError};
use crate::words::plural;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// When a check writes proposals and goldens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// Never: a failing check writes nothing.
    No,
    /// A proposal for every session that does not conform, or has no golden yet.
    New,
    /// A golden for sessions that have none, a proposal for the others that do not conform.
    Unseen,
    /// A golden, accepted without anybody reading it.
    Always,
}

/// When to write, and the reason that stands in what is accepted.
pub(super) struct Update<'c> {
    when: When,
    reason: String,
    config: &'c Config,
    store: Store,
}

impl<'c> Update<'c> {
    /// What was typed goes before what the environment says.
    ///
    /// # Errors
    /// When the environment says something that is none of the words.
    pub(super) fn of(
        config: &'c Config,
        typed: Option<When>,
        reason: Option<&str>,
    ) -> Result<Update<'c>, CliError> {
        let when = match typed {
            Some(when) => when,
            None => of_environment()?,
        };
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.map_or_else(|| "accepted by goldwire check --update".to_owned(), str::to_owned);
        Ok(Update { when, reason, config, store: Store::new(&config.root) })
    }

    /// Makes goldens, or proposals, of what was recorded of named sessions that have none.
    ///
    /// # Errors
    /// When recordings cannot be read or something cannot be written.
    pub(super) fn begin(&self, sessions: &[String]) -> Result<(), CliError> {
        if self.when == When::No {
            return Ok(());
        }
        for session in sessions {
            Store::check_name(session)?;
            let is_new = matches!(self.store.golden(session), Err(StoreError::NoGolden(_)));
            let recordings = self.store.recordings(session)?;
            if is_new && !recordings.is_empty() && self.store.proposal_text(session)?.is_none() {
                self.learn(session, &recordings, &[], self.when != When::New)?;
            }
        }
        Ok(())
    }

    /// Makes proposals, or goldens, of what does not conform.
    ///
    /// # Errors
    /// When recordings cannot be read or something cannot be written.
    pub(super) fn end(&self, outcome: &Outcome) -> Result<(), CliError> {
        let mut sessions: Vec<&str> = outcome.runs.iter().map(|run| run.session.as_str()).collect();
        sessions.sort_unstable();
        sessions.dedup();
        for session in sessions {
            let own: Vec<&Run> = outcome.runs.iter().filter(|run| run.session == session).collect();
            let verdict = own.iter().map(|run| run.verdict()).max();
            match verdict {
                None | Some(Verdict::Conforms) => {}
                Some(_) if self.when == When::No => {}
                Some(Verdict::CouldNotJudge) => {
                    talk!("{session}: not updated: not every run could be judged");
                }
                Some(Verdict::Drift | Verdict::Deviates) => {
                    let folder = self.store.recordings_folder(session);
                    let is_new = |path: &PathBuf| path.exists() && !path.starts_with(&folder);
                    let runs: Vec<PathBuf> =
                        own.iter().map(|run| PathBuf::from(&run.recording)).filter(is_new).collect();
                    let recordings = self.store.recordings(session)?;
                    self.learn(session, &recordings, &runs, self.when == When::Always)?;
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
    ) -> Result<(), CliError> {
        let paths: Vec<PathBuf> = recordings.iter().chain(runs).cloned().collect();
        let proposed = propose(&self.store, session, paths, None)?;
        let from = format!(
            "{} and {} of this check",
            plural(recordings.len(), "recording"),
            plural(runs.len(), "run")
        );
        if proposed.is_nothing() {
            talk!("{session}: not updated: {from} say nothing that the golden does not say already");
            talk!(
                "hint: what is not learned away is what `keep` holds, and what no run went through to its end"
            );
            return Ok(());
        }
        self.store.stage(session, runs)?;
        if accepts {
            match refuse_secrets(self.config, &self.store, session) {
                Ok(()) => {
                    talk!("{session}: learned from {from}");
                    return accept_one(&self.store, session, &self.reason, &mut anstream::stderr());
                }
                // It stays a proposal, for somebody to look at.
                Err(refused) => talk!("{refused}"),
            }
        }
        let path = self.store.proposal_path(session);
        talk!("{session}: proposed as {}, learned from {from}", shown(&path));
        tell_changes(&self.store, session, &mut anstream::stderr())?;
        talk!("next: goldwire review {session}");
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn of_environment() -> Result<When, CliError> {
    let said = std::env::var("GOLDWIRE_UPDATE").unwrap_or_default();
    let when = match said.as_str() {
        "" => When::No,
        word => When::from_str(word, true).map_err(|_| {
            CliError::usage(format!("GOLDWIRE_UPDATE is `{word}`")).hint("one of: no, new, unseen, always")
        })?,
    };
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !["", "0", "false"].iter().any(|no| ci == *no));
    if is_ci && when != When::No {
        talk!(
            "GOLDWIRE_UPDATE={said} is not heeded: CI is set, so nothing is written; --update={said} does it all the same"
        );
        return Ok(When::No);
    }
    Ok(when)
}
