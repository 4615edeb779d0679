//! Selects the goldens of a run.

use super::error::{Error, ErrorKind};
use crate::store::{Store, StoreError};
use goldwire_core::finding::{Part, Shard};
use goldwire_core::golden::{Golden, Seen};
use goldwire_core::words::plural;

/// A golden with its path.
pub struct Selected {
    /// Its session.
    pub session: String,
    /// The path for the user.
    pub path: String,
    /// The golden.
    pub golden: Golden,
    /// The fingerprints of its recordings, if known.
    pub seen: Option<Seen>,
}

/// The goldens of these sessions; all if none is named.
///
/// # Errors
/// If there is no such golden, or it cannot be read.
pub fn select(store: &Store, named: &[String]) -> Result<Vec<Selected>, Error> {
    load(store, names(store, named)?)
}

/// Keeps only the sessions of this shard.
pub(super) fn share(shard: Shard, sessions: &mut Vec<String>) -> Part {
    sessions.sort();
    sessions.dedup();
    let whole = sessions.clone();
    let mut place = 0..;
    sessions.retain(|_| place.next().is_some_and(|place| shard.owns(place)));
    Part { shard, whole }
}

/// The names of the sessions that are meant.
pub(super) fn names(store: &Store, named: &[String]) -> Result<Vec<String>, Error> {
    let mut sessions = named.to_vec();
    if sessions.is_empty() {
        sessions = store.goldens()?;
    }
    if sessions.is_empty() {
        let pending = store.pending()?;
        if !pending.is_empty() {
            return Err(Error::new(
                ErrorKind::OnlyProposals,
                format!("no golden is accepted yet: {} pending", plural(pending.len(), "proposal")),
            )
            .hint("goldwire review, then goldwire accept --reason '…'"));
        }
        return Err(Error::new(ErrorKind::NothingSelected, "there is no golden to check")
            .hint("goldwire record SESSION --script FILE, goldwire learn SESSION, goldwire accept SESSION --reason '…'"));
    }
    Ok(sessions)
}

pub(super) fn load(store: &Store, sessions: Vec<String>) -> Result<Vec<Selected>, Error> {
    let mut selected = Vec::new();
    for session in sessions {
        Store::check_name(&session)?;
        let golden = match store.golden(&session) {
            Err(StoreError::NoGolden(name)) if store.proposal_text(&name)?.is_some() => {
                return Err(Error::new(
                    ErrorKind::OnlyProposals,
                    format!("the proposal for `{name}` is not accepted yet"),
                )
                .hint(format!("goldwire review {name}, then goldwire accept {name} --reason '…'")));
            }
            golden => golden?,
        };
        let path = store.golden_path(&session).display().to_string();
        let seen = store.seen(&session)?;
        selected.push(Selected { session, path, golden, seen });
    }
    Ok(selected)
}
