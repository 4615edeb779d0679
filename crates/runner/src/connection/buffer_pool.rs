//! Memory for what is read in bulk, used again once it is written.
//!
//! At full rate a piece of 64 KB is filled by one thread and given up by another thousands of times a second. To ask the
//! system for each, and to have it cleared, costs as much as to read the frames in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller pieces are not worth it.
const MIN_POOLED: usize = 16 * 1024;
/// So many pieces are kept.
const KEPT: usize = 16;
/// None that is larger than this, in bytes.
const MAX: usize = 128 * 1024;

static POOL: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn pool() -> MutexGuard<'static, Vec<String>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty text with room for so many bytes.
pub(crate) fn acquire(bytes: usize) -> String {
    let used = if bytes < MIN_POOLED { None } else { pool().pop() };
    let mut text = used.unwrap_or_default();
    text.reserve(bytes);
    text
}

/// Gives back what nobody needs any more.
pub(crate) fn release(mut text: String) {
    if (MIN_POOLED..=MAX).contains(&text.capacity()) {
        text.clear();
        let mut pool = pool();
        if pool.len() < KEPT {
            pool.push(text);
        }
    }
}
