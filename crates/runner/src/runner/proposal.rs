//! Learns from a session's recordings and writes a proposal for its golden.

use super::error::Error;
use crate::store::{Files, Store, StoreError};
use goldwire_core::golden::Golden;
use goldwire_core::learn;
use std::path::PathBuf;

/// The result of learning.
pub struct Proposed {
    /// Whether the golden would change.
    pub is_new: bool,
    /// Whether the evidence would change.
    pub shows_more: bool,
    /// Notes on the proposal for the user.
    pub notes: Vec<String>,
}

impl Proposed {
    /// Whether nothing would change.
    pub fn is_nothing(&self) -> bool {
        !self.is_new && !self.shows_more
    }
}

/// Learns from recordings and writes the proposal. The user's decisions are taken from the script, or otherwise from
/// the golden.
///
/// # Errors
/// If recordings cannot be read, nothing can be learned from them, or the proposal cannot be written.
pub fn propose(
    store: &Store,
    session: &str,
    paths: Vec<PathBuf>,
    script: Option<Golden>,
) -> Result<Proposed, Error> {
    let previous = match script {
        Some(script) => Some(script),
        None => match store.accepted(session) {
            Ok(golden) => Some(with_script(golden, store.script(session)?)),
            Err(StoreError::NoGolden(_)) => store.script(session)?,
            Err(error) => return Err(error.into()),
        },
    };
    let files = Files(paths);
    let mut proposal = learn::learn(&files, previous.as_ref())?;
    proposal.notes.extend(learn::trial(&files, previous.as_ref())?);
    let is_new = store.propose(session, &proposal.golden)?;
    let shows_more = store.propose_seen(session, &proposal.seen)?;
    Ok(Proposed { is_new, shows_more, notes: proposal.notes })
}

/// A golden with the client's half of the script by which the latest recordings were made, where that is another one.
fn with_script(mut golden: Golden, script: Option<Golden>) -> Golden {
    let Some(script) = script.filter(|script| script.script != golden.script) else { return golden };
    for (label, event) in script.events {
        let own = golden.events.entry(label).or_default();
        if !event.sends.is_empty() {
            own.sends = event.sends;
        }
        // A name is given once.
        own.binds.retain(|(name, _)| event.binds.iter().all(|(new, _)| new != name));
        own.binds.extend(event.binds);
    }
    golden.script = script.script;
    golden
}
