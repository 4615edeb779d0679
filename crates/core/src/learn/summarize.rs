//! All recordings, each held against what the sample shows.

use super::recordings::{LearnError, Recordings};
use super::sample::Sample;
use super::structure::Structure;
use super::summary::Summary;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Holds every recording against what the sample shows, on as many threads as there are processors.
pub(super) fn summarize<R: Recordings + ?Sized>(
    recordings: &R,
    sample: &Sample<'_>,
    structure: &Structure,
) -> Result<Summary, LearnError<R::Error>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Summary, (usize, R::Error)> {
        let mut summary = Summary::of(structure);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= recordings.count() {
                return Ok(summary);
            }
            match sample.get(index) {
                Some(recording) => summary.add(index, recording, structure),
                None => {
                    let recording = recordings.read(index).map_err(|error| (index, error))?;
                    summary.add(index, &recording, structure);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(recordings.count());
    let parts: Vec<Result<Summary, (usize, R::Error)>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        // A thread that panicked has said so; the panic goes on here.
        let others =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(own).chain(others).collect()
    });
    let mut summary = Summary::of(structure);
    let mut first: Option<(usize, R::Error)> = None;
    for part in parts {
        match part {
            Ok(part) => summary.merge(part),
            Err(error) if first.as_ref().is_none_or(|first| error.0 < first.0) => first = Some(error),
            Err(_) => {}
        }
    }
    match first {
        Some((_, error)) => Err(LearnError::Unreadable(error)),
        None => Ok(summary),
    }
}
