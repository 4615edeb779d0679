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
    /// Reads a session's golden with its evidence.
    ///
    /// # Errors
    /// If one of the files is missing, cannot be read or is invalid.
    pub fn golden(&self, session: &str) -> Result<Golden, StoreError> {
        let path = self.golden_path(session);
        if !path.exists() {
            return Err(StoreError::NoGolden(session.to_owned()));
        }
        let golden = read_golden(&path)?;
        // With less evidence, less would fail without notice.
        if golden.lacks_evidence() {
            let seen = self.seen_path(session);
            let is_there = seen.exists();
            return Err(StoreError::NoEvidence { golden: path, seen, is_there });
        }
        Ok(golden)
    }

    /// Reads a session's accepted golden, for learning again or for a comparison with a proposal. Its evidence may be
    /// missing.
    ///
    /// # Errors
    /// If the golden is missing, cannot be read or is invalid.
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
    /// If it exists but cannot be read.
    pub fn golden_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        optional(&self.golden_path(session))
    }

    /// The text of a session's proposal, if it has one, as it would be accepted.
    ///
    /// # Errors
    /// If it exists but cannot be read.
    pub fn proposal_text(&self, session: &str) -> Result<Option<String>, StoreError> {
        Ok(optional(&self.proposal_path(session))?.map(|text| without_head(&text).to_owned()))
    }

    /// The changes of a session's proposal in behaviour. `None` without a golden or a proposal.
    ///
    /// # Errors
    /// If one of them exists but cannot be read or is invalid.
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

    /// The `.seen` file of a session's golden, if it exists.
    ///
    /// # Errors
    /// If the file exists but cannot be read or is invalid.
    pub fn seen(&self, session: &str) -> Result<Option<Seen>, StoreError> {
        read_seen(&self.seen_path(session))
    }

    /// Proposes the evidence beside the accepted file. False if it would not change.
    ///
    /// # Errors
    /// If the file cannot be written.
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

    /// Writes a proposal beside the golden; comments and edits of the golden are kept. False, and no proposal, if the
    /// golden would not change.
    ///
    /// # Errors
    /// If the file cannot be written.
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
        // An unreadable proposal is not written, because `accept` could not read it either.
        golden::read(&path.display().to_string(), &text).map_err(StoreError::Golden)?;
        replace(&path, &text)?;
        if let Some(changes) = self.changes(session).ok().flatten().filter(|changes| !changes.is_empty()) {
            replace(&path, &proposal::with_head(&changes, &text))?;
        }
        Ok(true)
    }

    /// Accepts a proposal as the golden, with the reason in it.
    ///
    /// # Errors
    /// If there is no proposal, it is invalid, or a file cannot be written. The golden is then unchanged.
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

    /// Deletes a proposal.
    ///
    /// # Errors
    /// If there is none or it cannot be removed.
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
