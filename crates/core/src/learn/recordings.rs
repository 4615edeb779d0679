//! Recordings as the learner reads them: one at a time, as often as it needs them.

use crate::golden::{self};
use crate::transcript::{Header, Transcript};
use std::borrow::Cow;
use std::convert::Infallible;

/// The reason why nothing can be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError<E = Infallible> {
    /// There is nothing to learn from.
    #[error("no complete recording to learn from")]
    NoRecordings,
    /// No recording has an event.
    #[error("the recordings hold no messages")]
    NoEvents,
    /// There are more names than an order may have, so they are not names.
    #[error("the events of these recordings have {0} different names, and an order has {limit} at most", limit = golden::MAX_EVENTS)]
    TooManyNames(usize),
    /// A recording cannot be read.
    #[error(transparent)]
    Unreadable(E),
}

/// Recordings that are read one at a time, so that memory does not grow with their number.
pub trait Recordings: Sync {
    /// The error of reading a recording.
    type Error: std::error::Error + Send;

    /// The number of recordings.
    fn count(&self) -> usize;

    /// The header of one of them, counted from 0.
    ///
    /// # Errors
    /// If it cannot be read.
    fn header(&self, index: usize) -> Result<Cow<'_, Header>, Self::Error>;

    /// One of them, counted from 0. It may be read more than once.
    ///
    /// # Errors
    /// If it cannot be read.
    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, Self::Error>;
}

impl<T: AsRef<[Transcript]> + Sync + ?Sized> Recordings for T {
    type Error = Infallible;

    fn count(&self) -> usize {
        self.as_ref().len()
    }

    fn header(&self, index: usize) -> Result<Cow<'_, Header>, Infallible> {
        Ok(Cow::Borrowed(&self.as_ref()[index].header))
    }

    fn read(&self, index: usize) -> Result<Cow<'_, Transcript>, Infallible> {
        Ok(Cow::Borrowed(&self.as_ref()[index]))
    }
}
