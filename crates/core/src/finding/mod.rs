//! What deviates, where, how bad, how sure.
//!
//! A [`Finding`] cannot be made without a place. Its kind says what sort of deviation it is, its severity what it does
//! to the verdict; the two answer different questions and are different types. Knows nothing of how it was found or
//! how it will be shown.

mod confirm;
mod liveness;
mod merge;
mod probe;
mod run;
mod shard;
mod time;

pub use crate::golden::ProbeName;
pub use confirm::{confirm, is_settled, needs_another_round};
pub use liveness::{Answer, LiveCheck};
pub use merge::{MergeError, merge};
pub use probe::{Cell, probe_verdict, verdict_with_probes};
pub use run::{Asked, Outcome, Run, Unjudged, Verdict};
pub use shard::{Part, Shard};
pub use time::{Basis, BudgetReport, TimeReport};

use crate::dialect::Label;

/// One deviation from a golden.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What sort of deviation.
    pub kind: Kind,
    /// What it does to the verdict.
    pub severity: Severity,
    /// Whether the machine that measured may be why it seems late: no evidence then, however often it comes.
    pub is_excused: bool,
    /// Where.
    pub place: Place,
    /// One sentence, a lower-case fragment.
    pub message: String,
    /// What the golden says, where that can be said in a few words.
    pub expected: Option<String>,
    /// What came instead.
    pub actual: Option<String>,
    /// On how much this rests, or what would be needed to be sure.
    pub evidence: String,
    /// What to do or to look at.
    pub hint: Option<String>,
    /// Findings that follow from this one and would only repeat it.
    pub consequences: Vec<String>,
}

/// Where a finding is: in the golden and in the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The event it is about.
    pub event: Label,
    /// The lane, where the event stands in one: key and value.
    pub lane: Option<(String, String)>,
    /// The JSON pointer in the event's payload, where it is about a value.
    pub path: Option<String>,
    /// The golden's dotted key, e.g. `event.token.timing`.
    pub key: String,
    /// Line and column of that key, both counted from 1.
    pub golden_line: Option<(usize, usize)>,
    /// Frames of the run that show it, counted from 0; the first is where it became known.
    pub frames: Vec<usize>,
}

/// What a finding does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Contradicts weak evidence, or is merely new: run again, or look.
    Suspect,
    /// Contradicts what held often enough to be relied on.
    Deviation,
}

/// The sort of a deviation. Its family is what it is about: order, shape, binding, timing, ending, liveness, auth,
/// isolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An event that must come did not.
    Missing,
    /// An event came that no recording has.
    UnknownEvent,
    /// An event came under another name.
    Renamed,
    /// An event came after one that it should precede.
    OutOfOrder,
    /// An event came more often than it may.
    Repeated,
    /// The same event came twice.
    Duplicate,
    /// An event of one alternative came together with another.
    Exclusive,
    /// A value has another JSON type.
    TypeChanged,
    /// A field is missing.
    FieldMissing,
    /// A field is new.
    FieldNew,
    /// A field moved to another path.
    FieldMoved,
    /// A value that was always the same, or one of a few, is another.
    ValueChanged,
    /// An id, a time or a hash is written in another format.
    FormatChanged,
    /// A value is not the one it must be the same as.
    Unbound,
    /// Two lanes carry each other's values.
    LanesCrossed,
    /// A count, a counter or a sum of parts does not fit.
    Relation,
    /// Slower than recordings allow.
    TooLate,
    /// Faster than recordings allow.
    TooEarly,
    /// One gap out of all proportion.
    Stall,
    /// Slower than a person allows on any machine.
    OverBudget,
    /// The session ended in another way.
    Ending,
    /// The answers are not a live server's.
    Canned,
    /// A credential that proves nothing was taken for a good one.
    Accepted,
    /// A bad credential was neither refused nor served in time.
    NotRefused,
    /// A bad credential was refused in a way that clients are not told to expect.
    WrongRefusal,
    /// Something of one user came to another one.
    Leak,
    /// It becomes slower from run to run.
    Trend,
}

impl Kind {
    /// All kinds, for documentation and schemas.
    pub const ALL: [Kind; 27] = [
        Kind::Missing,
        Kind::UnknownEvent,
        Kind::Renamed,
        Kind::OutOfOrder,
        Kind::Repeated,
        Kind::Duplicate,
        Kind::Exclusive,
        Kind::TypeChanged,
        Kind::FieldMissing,
        Kind::FieldNew,
        Kind::FieldMoved,
        Kind::ValueChanged,
        Kind::FormatChanged,
        Kind::Unbound,
        Kind::LanesCrossed,
        Kind::Relation,
        Kind::TooLate,
        Kind::TooEarly,
        Kind::Stall,
        Kind::OverBudget,
        Kind::Ending,
        Kind::Canned,
        Kind::Accepted,
        Kind::NotRefused,
        Kind::WrongRefusal,
        Kind::Leak,
        Kind::Trend,
    ];

    /// The stable name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::UnknownEvent => "unknown-event",
            Kind::Renamed => "renamed",
            Kind::OutOfOrder => "out-of-order",
            Kind::Repeated => "repeated",
            Kind::Duplicate => "duplicate",
            Kind::Exclusive => "exclusive",
            Kind::TypeChanged => "type-changed",
            Kind::FieldMissing => "field-missing",
            Kind::FieldNew => "field-new",
            Kind::FieldMoved => "field-moved",
            Kind::ValueChanged => "value-changed",
            Kind::FormatChanged => "format-changed",
            Kind::Unbound => "unbound",
            Kind::LanesCrossed => "lanes-crossed",
            Kind::Relation => "relation",
            Kind::TooLate => "too-late",
            Kind::TooEarly => "too-early",
            Kind::Stall => "stall",
            Kind::OverBudget => "over-budget",
            Kind::Ending => "ending",
            Kind::Canned => "canned",
            Kind::Accepted => "accepted",
            Kind::NotRefused => "not-refused",
            Kind::WrongRefusal => "wrong-refusal",
            Kind::Leak => "leak",
            Kind::Trend => "trend",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The part of the golden that was contradicted.
    pub const fn family(self) -> &'static str {
        match self {
            Kind::Missing
            | Kind::UnknownEvent
            | Kind::Renamed
            | Kind::OutOfOrder
            | Kind::Repeated
            | Kind::Duplicate
            | Kind::Exclusive => "order",
            Kind::TypeChanged
            | Kind::FieldMissing
            | Kind::FieldNew
            | Kind::FieldMoved
            | Kind::ValueChanged
            | Kind::FormatChanged => "shape",
            Kind::Unbound | Kind::LanesCrossed | Kind::Relation => "binding",
            Kind::TooLate | Kind::TooEarly | Kind::Stall | Kind::OverBudget | Kind::Trend => "timing",
            Kind::Ending => "ending",
            Kind::Canned => "liveness",
            Kind::Accepted | Kind::NotRefused | Kind::WrongRefusal => "auth",
            Kind::Leak => "isolation",
        }
    }
}

impl Finding {
    /// A finding with no more than it must have.
    pub fn new(kind: Kind, severity: Severity, place: Place, message: impl Into<String>) -> Finding {
        Finding {
            kind,
            severity,
            is_excused: false,
            place,
            message: message.into(),
            expected: None,
            actual: None,
            evidence: String::new(),
            hint: None,
            consequences: Vec::new(),
        }
    }

    /// With what the golden says and what came instead.
    #[must_use]
    pub fn values(mut self, expected: impl Into<String>, actual: impl Into<String>) -> Finding {
        // Each on one line, whatever a name or a value has in it.
        self.expected = Some(crate::transcript::visible(&expected.into()).into_owned());
        self.actual = Some(crate::transcript::visible(&actual.into()).into_owned());
        self
    }

    /// With what it rests on.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Finding {
        self.evidence = evidence.into();
        self
    }

    /// With a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// The frame at which it became known.
    pub fn first_frame(&self) -> usize {
        self.place.frames.first().copied().unwrap_or(usize::MAX)
    }

    /// Whether two findings of different runs are about the same thing: what re-runs count.
    pub fn is_like(&self, other: &Finding) -> bool {
        self.kind == other.kind
            && self.place.event == other.place.event
            && self.place.path == other.place.path
    }
}
