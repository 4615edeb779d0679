//! What is probed.

use super::spread::Opening;
use goldwire_core::check::{Live, check};
use goldwire_core::golden::{Golden, Seen};
use goldwire_core::transcript::{Header, Offset, Transcript};

/// A session that is probed.
#[derive(Debug)]
pub struct Subject {
    /// Its name.
    pub session: String,
    /// What must happen in it.
    pub golden: Golden,
    /// What its recordings showed, where that is known.
    pub seen: Option<Seen>,
    /// How its recordings began.
    pub openings: Vec<Opening>,
    /// What sessions of before left behind that no session should leave again: those of its recordings, and of earlier checks
    /// as far as they are kept.
    pub kept: Vec<Kept>,
}

/// A session of before.
#[derive(Debug)]
pub struct Kept {
    /// Whose and when.
    pub header: Header,
    /// When it ended.
    pub ended: Offset,
    /// What it left behind.
    pub live: Live,
}

impl Kept {
    /// That of a recording.
    pub fn of(golden: &Golden, transcript: Transcript) -> Kept {
        let live = check(golden, &transcript).live;
        Kept { header: transcript.header, ended: transcript.ending.at, live }
    }
}
