//! Recordings on as many threads as there are processors.

use super::recordings::{LearnError, Recordings};
use crate::transcript::Transcript;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads some of the recordings, on as many threads as there are processors, and does something with each. What was
/// done stands in the order of `of`.
pub(super) fn read_each<R: Recordings + ?Sized, T: Send>(
    recordings: &R,
    of: &[usize],
    work: impl Fn(usize, &Transcript) -> T + Sync,
) -> Result<Vec<T>, LearnError<R::Error>> {
    let done = on_all_processors(of.len(), |place| {
        let index = of[place];
        recordings.read(index).map(|recording| work(index, &recording))
    });
    done.into_iter().map(|result| result.map_err(LearnError::Unreadable)).collect()
}

/// What `work` makes of each number below `count`, in their order, on as many threads as there are processors.
pub(super) fn on_all_processors<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || -> Vec<(usize, T)> {
        let numbers = std::iter::from_fn(|| {
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count)
        });
        numbers.map(|number| (number, work(number))).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for thread in others {
            // A thread that panicked has said so; the panic goes on here.
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, done)| done).collect()
}
