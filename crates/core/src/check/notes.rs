//! What is noted while a session runs, to be explained at its end.

use crate::dialect::Label;
use crate::golden::Lane;
use crate::stats::FastMap;

/// Something that was noted on the way and will be explained at the end.
#[derive(Debug, Clone)]
pub(super) struct Note<T> {
    pub(super) what: T,
    pub(super) label: Label,
    pub(super) lane: Option<Lane>,
    pub(super) frame: usize,
}

/// Notes of one sort. What goes wrong with an event more often than [`NOTES`] is one fault again and again.
#[derive(Debug)]
pub(super) struct Notes<T> {
    pub(super) kept: Vec<Note<T>>,
    of_event: FastMap<Label, usize>,
    /// How many more there were.
    pub(super) more: usize,
}

impl<T> Notes<T> {
    pub(super) fn new() -> Notes<T> {
        Notes { kept: Vec::new(), of_event: FastMap::default(), more: 0 }
    }

    pub(super) fn push(&mut self, note: Note<T>) {
        // A server that makes up a name for every event must not fill the memory either.
        let is_full = self.kept.len() >= 16 * NOTES;
        match self.of_event.get_mut(&note.label) {
            Some(count) if *count < NOTES && !is_full => *count += 1,
            None if !is_full => drop(self.of_event.insert(note.label.clone(), 1)),
            _ => {
                self.more += 1;
                return;
            }
        }
        self.kept.push(note);
    }
}

/// How many notes of each sort are taken of an event; the rest is counted.
pub(super) const NOTES: usize = 4096;
