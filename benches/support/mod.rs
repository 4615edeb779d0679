//! What the benches share: sessions that follow from a seed, their files, and the floor that times are held against.

use goldwire::transcript::{Frame, Offset, Payload, Redactor, Side, Transcript, Writer};
use serde_json::Value;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::Path;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Parses every line of a recording into a `Value`: the measure of what one may want to spend on it.
pub(crate) fn parse(recording: &Path) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(recording)?);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        black_box(serde_json::from_slice::<Value>(&line)?);
        line.clear();
    }
    Ok(())
}

pub(crate) fn write(path: &Path, transcript: &Transcript) -> Result<(), Failure> {
    let out = BufWriter::new(File::create(path)?);
    let mut writer = Writer::new(out, &transcript.header, Redactor::default())?;
    for frame in &transcript.frames {
        writer.frame(frame)?;
    }
    writer.end(&transcript.ending)?;
    Ok(())
}

/// A session under way.
pub(crate) struct Session {
    state: u64,
    pub(crate) now: u64,
    pub(crate) frames: Vec<Frame>,
}

impl Session {
    /// At the beginning, in a world that follows from a seed.
    pub(crate) fn new(seed: u64) -> Session {
        Session { state: seed, now: 0, frames: Vec::new() }
    }

    /// SplitMix64: the same seed, the same session.
    pub(crate) fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.random() % limit
    }

    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}_{:016x}", self.random())
    }

    /// Says something after about so many microseconds.
    #[expect(clippy::needless_pass_by_value, reason = "what is said is made to be said")]
    pub(crate) fn say(&mut self, micros: u64, side: Side, data: Value) {
        self.now += 1_000 * (micros * 3 / 4 + self.below(micros / 2));
        let payload = Payload::Text(data.to_string());
        self.frames.push(Frame::new(Offset::from_nanos(self.now), side, payload));
    }
}
