//! From recordings to a proposal, round by round.

use super::keep::keep;
use super::mend::mend;
use super::notes::notes;
use super::playable::make_playable;
use super::recordings::{LearnError, Recordings};
use super::sample::Sample;
use super::structure::Structure;
use super::summarize::summarize;
use crate::golden::{self, Golden};

/// A proposal and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What the recordings support.
    pub golden: Golden,
    /// What they showed that no other session should show again.
    pub seen: golden::Seen,
    /// What is known how well, and what more recordings would show; sentences for a person.
    pub notes: Vec<String>,
}

/// So often recordings that the order does not accept are added to the sample, the first of them each time.
const ROUNDS: usize = 8;

/// Learns a golden. `previous` is the accepted golden or a hand-written script: what a person wrote in it stays.
///
/// What is incomplete, because whoever recorded it was stopped, is left out; where nothing is whole, what is there is
/// learned from, and the proposal says so.
///
/// Names, lanes and order come from a sample; then every recording is held against them. Those that do not fit join the
/// sample, and the order is learned again.
///
/// # Errors
/// When there is nothing to learn from, or a recording cannot be read.
pub fn learn<R: Recordings + ?Sized>(
    recordings: &R,
    previous: Option<&Golden>,
) -> Result<Proposal, LearnError<R::Error>> {
    let mut sample = Sample::draw(recordings)?;
    let mut round = 0;
    let (structure, summary) = loop {
        let structure = Structure::of(&sample, previous)?;
        let summary = summarize(recordings, &sample, &structure)?;
        round += 1;
        if summary.misfits().is_empty() || round > ROUNDS {
            break (structure, summary);
        }
        sample.add(recordings, summary.misfits())?;
    };
    let incomplete = summary.incomplete();
    let endings = summary.endings();
    let own = summary.own();
    let (mut golden, mut seen) = summary.finish(&structure, previous);
    let rules = golden.events.values_mut().flat_map(|event| &mut event.shape);
    rules.for_each(|(_, rule)| rule.keep_what_can_be_said());
    if let Some(previous) = previous {
        keep(&mut golden, previous);
    }
    let loosened = mend(recordings, &own, &mut golden)?;
    let unplayable = make_playable(&mut golden, &sample);
    let mut notes = notes(&golden, incomplete, structure.has_prefixes);
    notes.extend(endings);
    notes.extend(loosened.notes());
    notes.extend(unplayable);
    seen.evidence = golden.evidence();
    Ok(Proposal { golden, seen, notes })
}
