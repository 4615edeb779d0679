//! What a sample shows of names, lanes and order: all that must be known to understand a recording.

use super::lanes::Lanes;
use super::recordings::LearnError;
use super::sample::Sample;
use super::session::Session;
use super::{names, order, refine};
use crate::dialect::{Dialect, Label};
use crate::golden::{self, Before, Golden, Order};
use crate::transcript::Transcript;
use std::collections::BTreeSet;

/// What a sample shows of names, lanes and order: all that must be known to understand a recording.
pub(super) struct Structure {
    pub(super) dialect: Dialect,
    pub(super) lanes: Lanes,
    pub(super) order: Order,
    pub(super) rules: Vec<Before>,
    pub(super) sessions: Vec<Session>,
    /// Whether no recording is whole, so that the others are learned from.
    pub(super) has_prefixes: bool,
}

impl Structure {
    pub(super) fn of<E>(sample: &Sample<'_>, previous: Option<&Golden>) -> Result<Structure, LearnError<E>> {
        let has_prefixes = sample.has_prefixes;
        let sample: Vec<&Transcript> = sample.recordings.iter().map(|(_, recording)| &**recording).collect();
        let decode = |dialect: &Dialect| -> Vec<Session> {
            sample.iter().map(|recording| Session::of(dialect, recording)).collect()
        };
        let mut dialect = previous.map_or_else(|| names::dialect(&sample), |golden| golden.dialect.clone());
        let mut sessions = decode(&dialect);
        if sessions.iter().all(|session| session.events.is_empty()) {
            return Err(LearnError::NoEvents);
        }
        let mut lanes = None;
        if previous.is_none_or(|golden| !golden.keep.iter().any(|kept| kept == "dialect")) {
            if names::reply(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            // What an accepted golden calls its events stays their name.
            if previous.is_none() && names::answers(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            if previous.is_none() && names::reflexes(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            if refine::topics(&sessions, &mut dialect) {
                sessions = decode(&dialect);
            }
            let mut second = refine::second(&sessions);
            if previous.is_none() {
                second.extend(refine::kinds_of_most(&sessions));
            }
            if !second.is_empty() {
                dialect.refine_by(second, &[]);
                sessions = decode(&dialect);
            }
            // First in which kind of lane an event is, then in which state.
            for find in [refine::kinds, refine::states] {
                let refine =
                    find(&sessions, lanes.get_or_insert_with(|| Lanes::find(&sessions, dialect.reply())));
                if !refine.is_empty() {
                    dialect.refine_by(refine, &[]);
                    sessions = decode(&dialect);
                    lanes = None;
                }
            }
        }
        let names: BTreeSet<&Label> =
            sessions.iter().flat_map(|session| &session.events).map(|event| &event.label).collect();
        // To find an order among them takes the cube of their number.
        if names.len() > golden::MAX_EVENTS {
            return Err(LearnError::TooManyNames(names.len()));
        }
        let lanes = lanes.unwrap_or_else(|| Lanes::find(&sessions, dialect.reply()));
        let (order, rules) = order::learn(&sessions, &lanes, previous.map(|golden| &golden.order));
        Ok(Structure { dialect, lanes, order, rules, sessions, has_prefixes })
    }
}
