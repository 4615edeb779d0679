//! The sorts of deviations, and how bad they are.

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
