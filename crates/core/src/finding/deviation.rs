//! One deviation from a golden, and where it is.

use super::kind::{Kind, Severity};
use crate::dialect::Label;

/// One deviation from a golden.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The kind of the deviation.
    pub kind: Kind,
    /// The effect on the verdict.
    pub severity: Severity,
    /// Whether the lag of this machine may be the cause of the delay. Such a finding is not evidence, however often it
    /// comes.
    pub is_excused: bool,
    /// The place in the golden and in the run.
    pub place: Place,
    /// One sentence, a lower-case fragment.
    pub message: String,
    /// The expected value, if it can be stated briefly.
    pub expected: Option<String>,
    /// The actual value.
    pub actual: Option<String>,
    /// The evidence, or the evidence that would be needed for a deviation.
    pub evidence: String,
    /// A suggestion for the user.
    pub hint: Option<String>,
    /// Consequences of this finding, which are not reported as findings.
    pub consequences: Vec<String>,
}

/// The place of a finding in the golden and in the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The event.
    pub event: Label,
    /// The lane of the event, if any: key and value.
    pub lane: Option<(String, String)>,
    /// The JSON pointer into the event's payload, for a finding about a value.
    pub path: Option<String>,
    /// The golden's dotted key, e.g. `event.token.timing`.
    pub key: String,
    /// Line and column of that key, both counted from 1.
    pub golden_line: Option<(usize, usize)>,
    /// The frames of the run that show the finding, counted from 0. The first one is where it became known.
    pub frames: Vec<usize>,
}

impl Finding {
    /// A finding with only its required parts.
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

    /// Adds the expected and the actual value.
    #[must_use]
    pub fn values(mut self, expected: impl Into<String>, actual: impl Into<String>) -> Finding {
        // Each on one line, with any characters in a name or a value.
        self.expected = Some(crate::transcript::visible(&expected.into()).into_owned());
        self.actual = Some(crate::transcript::visible(&actual.into()).into_owned());
        self
    }

    /// Adds the evidence.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Finding {
        self.evidence = evidence.into();
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// The frame at which the finding became known.
    pub fn first_frame(&self) -> usize {
        self.place.frames.first().copied().unwrap_or(usize::MAX)
    }

    /// Whether two findings of different runs have the same subject. Further rounds count these.
    pub fn is_like(&self, other: &Finding) -> bool {
        self.kind == other.kind
            && self.place.event == other.place.event
            && self.place.path == other.place.path
    }
}
