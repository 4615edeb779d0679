//! What is probed.

use super::spread::Opening;
use goldwire_core::check::{Live, check};
use goldwire_core::golden::{Golden, Seen};
use goldwire_core::transcript::{Header, Offset, Transcript};

/// A session under a probe.
#[derive(Debug)]
pub struct ProbedSession {
    /// The name.
    pub session: String,
    /// The golden.
    pub golden: Golden,
    /// The fingerprints of its recordings, if known.
    pub seen: Option<Seen>,
    /// The start times of its recordings.
    pub openings: Vec<Opening>,
    /// The fingerprints of earlier sessions that no session should repeat: of its recordings, and of stored earlier
    /// checks.
    pub kept: Vec<Kept>,
}

/// An earlier session.
#[derive(Debug)]
pub struct Kept {
    /// Its user and time.
    pub header: Header,
    /// The end time.
    pub ended: Offset,
    /// Its fingerprints.
    pub live: Live,
}

impl Kept {
    /// The fingerprints of a recording.
    pub fn of(golden: &Golden, transcript: Transcript) -> Kept {
        let live = check(golden, &transcript).live;
        Kept { header: transcript.header, ended: transcript.ending.at, live }
    }
}
