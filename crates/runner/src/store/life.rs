//! The life of a golden: proposed, accepted or rejected.

use super::disk::{optional, remove, remove_folder, rename, replace, text_of};
use super::error::{StoreError, io_error};
use super::golden_file::{attach, describe, read_golden, read_seen};
use super::project::Store;
use super::proposal;
use super::proposal::without_head;
use goldwire_core::diff::{Change, changes};
use goldwire_core::golden::{self, Golden, Seen};
use std::path::PathBuf;

impl Store {
    /// Reads a session's golden, and how well it is known what it says.
    ///
    /// # Errors
    /// When one of them is not there, cannot be read or makes no sense.
    pub fn golden(&self, session: &str) -> Result<Golden, StoreError> {
        let path = self.golden_path(session);
        if !path.exists() {
            return Err(StoreError::NoGolden(session.to_owned()));
        }
        let golden = read_golden(&path)?;
        // With less evidence less would fail, and nobody would be told.
        if golden.lacks_evidence() {
            let seen = self.seen_path(session);
            let is_there = seen.exists();
            return Err(StoreError::NoEvidence { golden: path, seen, is_there });
        }
        Ok(golden)
    }

    /// Reads what was accepted of a session to learn on from, or to compare a proposal with: what was known of it may be gone.
    ///
    /// # Errors
    /// When the golden is not there, cannot be read or makes no sense.
    pub fn accepted(&self, session: &str) -> Result<Golden, StoreError> {
        match self.golden(session) {
            Err(StoreError::NoEvidence { golden, .. } | StoreError::Seen { path: golden, .. }) => {
                let path = golden.with_extension("toml");
                let text = text_of(&path).map_err(io_error("read", &path))?;
                let mut golden = golden::read(&path.display().to_string(), &text)?;
                describe(&mut golden, &path)?;
                Ok(golden)
            }
            golden => golden,
        }
    }

    /// The text of a session's golden, if it has one.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn golden_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        optional(&self.golden_path(session))
    }

    /// The text of a session's proposal, if it has one, as it would be accepted.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn proposal_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        Ok(optional(&self.proposal_path(session))?.map(|text| without_head(&text).to_owned()))
    }

    /// What a session's proposal changes in what passes; `None` where there is no golden or no proposal to compare.
    ///
    /// # Errors
    /// When one of them is there but cannot be read or makes no sense.
    pub fn changes(&self, session: &str) -> Result<Option<Vec<Change>>, StoreError> {
        let old = match self.accepted(session) {
            Err(StoreError::NoGolden(_)) => return Ok(None),
            golden => golden?,
        };
        let path = self.proposal_path(session);
        // With its head: what a mistake says of lines is about the file.
        let Some(text) = optional(&path)? else { return Ok(None) };
        let mut new = golden::read(&path.display().to_string(), &text)?;
        attach(&mut new, &path)?;
        Ok(Some(changes(&old, &new)))
    }

    /// What the recordings behind a session's golden showed, where that is known.
    ///
    /// # Errors
    /// When it is there but cannot be read or makes no sense.
    pub fn seen(&self, session: &str) -> Result<Option<Seen>, StoreError> {
        read_seen(&self.seen_path(session))
    }

    /// Writes what the recordings showed beside what is accepted. False when that says the same already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn propose_seen(&self, session: &str, seen: &Seen) -> Result<bool, StoreError> {
        Store::check_name(session)?;
        let (path, text) = (self.seen_proposal_path(session), seen.write());
        if optional(&self.seen_path(session))?.as_deref() == Some(text.as_str()) {
            remove(&path)?;
            return Ok(false);
        }
        replace(&path, &text)?;
        Ok(true)
    }

    /// Writes a proposal beside the golden; comments and hand edits of the golden are kept. False when the proposal
    /// says what the golden says already: then there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn propose(&self, session: &str, golden: &Golden) -> Result<bool, StoreError> {
        Store::check_name(session)?;
        // They belong to an earlier proposal.
        remove_folder(&self.staged_folder(session))?;
        let path = self.proposal_path(session);
        let old = self.golden_text(session)?;
        let text = match &old {
            Some(old) => {
                let mut golden = golden.clone();
                if let Ok(accepted) = self.accepted(session) {
                    golden.learned.reason = accepted.learned.reason;
                }
                golden::rewrite(old, &golden)
            }
            None => golden::write(golden),
        };
        if old.as_deref() == Some(text.as_str()) {
            remove(&path)?;
            return Ok(false);
        }
        // What nobody can read is no proposal: better no file than one that `accept` stumbles over.
        golden::read(&path.display().to_string(), &text).map_err(StoreError::Golden)?;
        replace(&path, &text)?;
        if let Some(changes) = self.changes(session).ok().flatten().filter(|changes| !changes.is_empty()) {
            replace(&path, &proposal::with_head(&changes, &text))?;
        }
        Ok(true)
    }

    /// Makes a proposal the golden, with the reason in it.
    ///
    /// # Errors
    /// When there is no proposal, it makes no sense or a file cannot be written; the golden is then as it was.
    pub fn accept(&self, session: &str, reason: &str) -> Result<PathBuf, StoreError> {
        Store::check_name(session)?;
        let proposal = self.proposal_path(session);
        let seen = self.seen_proposal_path(session);
        let Some(text) = optional(&proposal)? else {
            // The golden says all of it already; only what goes with it is new.
            let golden = self.golden_path(session);
            if !seen.exists() || !golden.exists() {
                return Err(StoreError::NoProposal(session.to_owned()));
            }
            rename(&seen, &self.seen_path(session))?;
            self.keep_staged(session)?;
            return Ok(golden);
        };
        let mut golden = golden::read(&proposal.display().to_string(), &text)?;
        golden.learned.reason = reason.to_owned();
        let path = self.golden_path(session);
        replace(&path, &golden::rewrite(without_head(&text), &golden))?;
        if seen.exists() {
            rename(&seen, &self.seen_path(session))?;
        }
        self.keep_staged(session)?;
        remove(&proposal)?;
        Ok(path)
    }

    /// Throws a proposal away.
    ///
    /// # Errors
    /// When there is none or it cannot be removed.
    pub fn reject(&self, session: &str) -> Result<(), StoreError> {
        Store::check_name(session)?;
        let seen = self.seen_proposal_path(session);
        if self.proposal_text(session)?.is_none() && !seen.exists() {
            return Err(StoreError::NoProposal(session.to_owned()));
        }
        remove(&seen)?;
        remove_folder(&self.staged_folder(session))?;
        remove(&self.proposal_path(session))
    }
}
