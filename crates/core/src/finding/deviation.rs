//! One deviation from a golden, and where it is.

use super::kind::{Kind, Severity};
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
