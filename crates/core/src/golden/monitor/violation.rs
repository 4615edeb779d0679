//! What an event, or the end of a session, does to the order.

use crate::dialect::Label;
use crate::golden::lanes::Lane;

/// One contradiction of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What sort.
    pub what: What,
    /// The event it is about.
    pub label: Label,
    /// The lane it stands in.
    pub lane: Option<Lane>,
}

/// The sort of a contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It should have come before the event that just came, or before the end.
    Missing,
    /// It came although the order had moved on with `passed_by`.
    Late {
        /// The event that came before it and should not have.
        passed_by: Option<Label>,
    },
    /// It came more often than it may.
    Repeated,
    /// It belongs to another alternative than the one that has begun.
    Exclusive {
        /// An event of the alternative that has begun.
        chosen: Option<Label>,
    },
    /// The order does not have it.
    Unknown,
}

impl Violation {
    /// An event that the order does not have.
    pub(crate) fn unknown(label: &Label) -> Violation {
        Violation { what: What::Unknown, label: label.clone(), lane: None }
    }
}
