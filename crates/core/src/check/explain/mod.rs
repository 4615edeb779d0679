//! From what was noted to what happened: one fault, one finding.
//!
//! A missing and an unexpected event with the same fields are one renamed event; a missing and a late one are out of
//! order; two lanes with each other's values are crossed; whatever follows from a finding is folded under it.

mod arrange;
mod binding;
mod ending;
mod explainer;
mod order;
mod shape;
mod stranger;

use crate::check::checker::Checker;
use crate::check::evidence::Evidence;
use crate::finding::Finding;
use crate::transcript::Ending;
use explainer::Explainer;

/// The findings of a session, first cause first.
pub(super) fn explain(checker: &Checker<'_>, ending: &Ending) -> Vec<Finding> {
    let mut explainer = Explainer { checker, evidence: Evidence::of(checker.golden), findings: Vec::new() };
    explainer.order(ending);
    explainer.shape();
    explainer.binding();
    explainer.totals();
    explainer.ending(ending);
    explainer.arrange()
}
