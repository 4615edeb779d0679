//! Memory for what is read in bulk, used again once it is written.
//!
//! At full rate a piece of 64 KB is filled by one thread and given up by another thousands of times a second. To ask the
//! system for each, and to have it cleared, costs as much as to read the frames in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Smaller pieces are not worth it.
const WORTH: usize = 16 * 1024;
/// So many pieces are kept.
const KEPT: usize = 16;
/// None that is larger than this, in bytes.
const MAX: usize = 128 * 1024;

static SPARE: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn spare() -> MutexGuard<'static, Vec<String>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty text with room for so many bytes.
pub(super) fn room(bytes: usize) -> String {
    let used = if bytes < WORTH { None } else { spare().pop() };
    let mut text = used.unwrap_or_default();
    text.reserve(bytes);
    text
}

/// Gives back what nobody needs any more.
pub(super) fn give_back(mut text: String) {
    if (WORTH..=MAX).contains(&text.capacity()) {
        text.clear();
        let mut spare = spare();
        if spare.len() < KEPT {
            spare.push(text);
        }
    }
}
