//! When requests were made, by their ids: what answers one is timed from it, and not from whatever came last.

use crate::dialect::{Dialect, Event, Label};
use crate::transcript::Offset;
use std::collections::{HashMap, VecDeque};

/// The maximum number of unanswered requests that are remembered.
const REMEMBERED: usize = 4096;

/// A request that is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// What it is called.
    pub(crate) label: Label,
    /// When it was made.
    pub(crate) at: Offset,
    /// As the follower of the session marks it.
    pub(crate) mark: u64,
}

/// The client's requests that were not answered yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestTimes {
    open: HashMap<String, Made>,
    ids: VecDeque<String>,
}

impl RequestTimes {
    /// Takes the next event. Of the first answer to a request that request.
    pub(crate) fn feed(&mut self, dialect: &Dialect, event: &Event, mark: u64) -> Option<Made> {
        if !dialect.has_ids() {
            return None;
        }
        match (event.label.is_client(), dialect.is_answer(&event.label)) {
            (true, false) => {
                let id = dialect.id_of(event)?.into_owned();
                let made = Made { label: event.label.clone(), at: event.at, mark };
                if self.open.insert(id.clone(), made).is_none() {
                    self.ids.push_back(id);
                }
                while self.ids.len() > REMEMBERED {
                    self.ids.pop_front().map(|oldest| self.open.remove(&oldest));
                }
                None
            }
            (false, true) => self.open.remove(&*dialect.id_of(event)?),
            (true, true) | (false, false) => None,
        }
    }

    /// How many it holds.
    pub(crate) fn held(&self) -> usize {
        self.ids.len()
    }
}
