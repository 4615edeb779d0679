//! Findings of probes.

use goldwire_core::dialect::Label;
use goldwire_core::finding::{Finding, Kind, Severity};

/// A finding of a probe: it stands at a question rather than at a key of the golden.
pub(super) fn finding(kind: Kind, key: String, event: Label, frames: Vec<usize>, message: String) -> Finding {
    let place =
        goldwire_core::finding::Place { event, lane: None, path: None, key, golden_line: None, frames };
    Finding::new(kind, Severity::Deviation, place, message)
}
