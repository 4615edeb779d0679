//! What went wrong with a file.

use goldwire_core::codec::SchemaError;
use goldwire_core::document::Problems;
use goldwire_core::golden::SeenError;
use goldwire_core::transcript::ReadError;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("failed to {what} {}: {source}", path.display())]
    Io {
        /// E.g. `read`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A recording that makes no sense.
    #[error("{}: {source}", path.display())]
    Recording {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: ReadError,
    },
    /// A file of what recordings showed that makes no sense.
    #[error("{}: {source}", path.display())]
    Seen {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: SeenError,
    },
    /// A golden that makes no sense.
    #[error("{0}")]
    Golden(#[from] Problems),
    /// The set of descriptors that a golden names describes nothing of it.
    #[error("{}: {source}", path.display())]
    Descriptor {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
    /// A golden was learned, and the file that says how well it is known is gone.
    #[error(
        "{} {}: it says how well it is known what {} says",
        seen.display(),
        if *is_there { "has no evidence" } else { "is not there" },
        golden.display()
    )]
    NoEvidence {
        /// The golden.
        golden: PathBuf,
        /// The file that says it.
        seen: PathBuf,
        /// Whether that file is there, and has nothing of it: an older goldwire wrote it.
        is_there: bool,
    },
    /// There is no proposal.
    #[error("no proposal for `{0}`; `goldwire learn {0}` makes one")]
    NoProposal(String),
    /// There is no golden.
    #[error("no golden for `{0}`; `goldwire learn {0}` proposes one from its recordings")]
    NoGolden(String),
    /// A name that would lead out of the folder.
    #[error("`{0}` is not a session's name: letters, digits, `-`, `_` and `.`, not starting with a dot")]
    Name(String),
}

pub(super) fn io_error<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> StoreError + 'p {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}
