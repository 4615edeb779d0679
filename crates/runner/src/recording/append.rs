//! The end of a recording file.

use goldwire_core::transcript::Gap;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

/// The number of bytes that are collected before they are handed to the system, unless they are flushed before.
const COLLECT: usize = 64 * 1024;
/// The range of buffer sizes that are kept: larger ones after a long message are released, and so are small ones of
/// slow sessions, because there may be thousands.
const KEEP: std::ops::RangeInclusive<usize> = COLLECT..=4 * COLLECT;

/// The longest time before frames are handed to the system; older frames survive `kill -9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Each frame separately.
    EveryFrame,
    /// All frames within this time together.
    Every(Gap),
}

impl Default for Flush {
    fn default() -> Flush {
        Flush::Every(Gap::from_millis(100))
    }
}

impl Flush {
    /// Parses `every frame`, or a time such as `100 ms`.
    pub fn parse(text: &str) -> Option<Flush> {
        match text.trim() {
            "every frame" => Some(Flush::EveryFrame),
            text => Gap::parse(text).map(Flush::Every),
        }
    }

    pub(super) fn interval(self) -> Duration {
        match self {
            Flush::EveryFrame => Duration::ZERO,
            Flush::Every(gap) => gap.into(),
        }
    }
}

/// Appends to a file. What the system does not take stays here, to the byte, so that it can be tried again; until then
/// what is written only waits. A line that is written by one call is handed over by one call, too, where the system takes
/// all of it.
#[derive(Debug)]
pub(super) struct Append {
    file: File,
    waiting: Vec<u8>,
    error: Option<io::Error>,
}

impl Append {
    pub(super) fn to(file: File) -> Append {
        Append { file, waiting: Vec::new(), error: None }
    }

    /// The reason why the latest bytes are not in the file.
    pub(super) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let mut done = 0;
        let result = loop {
            if done == self.waiting.len() {
                break Ok(());
            }
            match self.file.write(&self.waiting[done..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.waiting.drain(..done);
        if self.waiting.is_empty() && !KEEP.contains(&self.waiting.capacity()) {
            self.waiting = Vec::new();
        }
        result
    }
}

impl Write for Append {
    /// Never fails; [`Append::error`] says what did.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= COLLECT && self.error.is_none() {
            self.error = self.hand_over().err();
        }
        Ok(bytes.len())
    }

    /// Hands everything over, also after a failure.
    fn flush(&mut self) -> io::Result<()> {
        self.error = None;
        self.hand_over()
    }
}
