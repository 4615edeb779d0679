//! A pool of buffers for bulk reads, reused after they are written.
//!
//! At full rate, one thread fills buffers of 64 KB and another one releases them thousands of times per second.
//! Allocating and clearing each one would cost as much as parsing its frames.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller pieces are not worth it.
const MIN_POOLED: usize = 16 * 1024;
/// The number of stored buffers.
const KEPT: usize = 16;
/// The largest stored buffer, in bytes.
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

/// Returns a buffer that is no longer used.
pub(crate) fn release(mut text: String) {
    if (MIN_POOLED..=MAX).contains(&text.capacity()) {
        text.clear();
        let mut pool = pool();
        if pool.len() < KEPT {
            pool.push(text);
        }
    }
}
