//! Why a recording cannot be read.

use super::VERSION;
use std::io;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The disk failed us.
    #[error("line {line}: {source}")]
    Io {
        /// Counted from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in the file.
    #[error("line 1: the file is empty; a recording starts with {{\"goldwire\":1,…}}")]
    Empty,
    /// The first line is not a recording's.
    #[error("line 1: not a goldwire recording: {0}")]
    NotARecording(String),
    /// A version that another program wrote.
    #[error(
        "line 1: recording version {found}, this goldwire reads version {VERSION}; a newer goldwire can read it"
    )]
    Version {
        /// What the file says.
        found: u64,
    },
    /// A line that makes no sense.
    #[error("line {line}, column {column}: {cause}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes; 0 when it concerns the whole line.
        column: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// The count or the hash in the last line does not fit what precedes it.
    #[error("line {line}: {cause}; the file was changed after it was recorded")]
    Altered {
        /// Counted from 1.
        line: usize,
        /// Which of them differs.
        cause: String,
    },
}
