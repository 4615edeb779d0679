//! The recordings that names, lanes and order are learned from at first: a few whole ones, the same whatever order they are given in.

use super::recordings::{LearnError, Recordings};
use crate::transcript::{End, Header, Transcript};
use std::borrow::Cow;

/// What events are called and in which order they come is learned from so many recordings at first.
const SAMPLE: usize = 48;

/// Some of the recordings, whole ones, chosen by a hash of their ids: whatever order they are given in, it is the same.
pub(super) struct Sample<'r> {
    /// In the order in which they were recorded.
    pub(super) recordings: Vec<(usize, Cow<'r, Transcript>)>,
    /// Whether none is whole.
    pub(super) has_prefixes: bool,
}

impl<'r> Sample<'r> {
    pub(super) fn draw<R: Recordings + ?Sized>(
        recordings: &'r R,
    ) -> Result<Sample<'r>, LearnError<R::Error>> {
        let mut order: Vec<(u64, usize)> = Vec::new();
        for index in 0..recordings.count() {
            let header = recordings.header(index).map_err(LearnError::Unreadable)?;
            order.push((hash_of(&header), index));
        }
        order.sort_unstable();
        let mut sample = Sample { recordings: Vec::new(), has_prefixes: false };
        for has_prefixes in [false, true] {
            for &(_, index) in &order {
                if sample.recordings.len() == SAMPLE {
                    break;
                }
                let recording = recordings.read(index).map_err(LearnError::Unreadable)?;
                if has_prefixes || is_complete(&recording) {
                    sample.recordings.push((index, recording));
                }
            }
            sample.has_prefixes = has_prefixes;
            if !sample.recordings.is_empty() {
                break;
            }
        }
        sample.sort();
        if sample.recordings.is_empty() { Err(LearnError::NoRecordings) } else { Ok(sample) }
    }

    pub(super) fn add<R: Recordings + ?Sized>(
        &mut self,
        recordings: &'r R,
        more: impl IntoIterator<Item = usize>,
    ) -> Result<(), LearnError<R::Error>> {
        for index in more {
            self.recordings.push((index, recordings.read(index).map_err(LearnError::Unreadable)?));
        }
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        self.recordings.sort_by(|(_, a), (_, b)| {
            (&a.header.started, &a.header.id).cmp(&(&b.header.started, &b.header.id))
        });
        self.recordings.dedup_by_key(|(index, _)| *index);
    }

    pub(super) fn get(&self, index: usize) -> Option<&Transcript> {
        self.recordings.iter().find(|(own, _)| *own == index).map(|(_, recording)| &**recording)
    }
}

/// Whether a recording shows a session to the end that client and server made. One in which the client gave up shows how
/// far it came.
pub(super) fn is_complete(recording: &Transcript) -> bool {
    recording.ending.is_whole() && !matches!(recording.ending.how, End::GaveUp { .. })
}

/// The place of a recording in the order in which samples are drawn.
pub(super) fn hash_of(header: &Header) -> u64 {
    crate::stats::fingerprint(&format!("{} {}", header.started, header.id))
}
