//! `recordings/` and `golden/` on disk, and the life of a proposal.
//!
//! ```text
//! recordings/<session>/<UTC time>-<short id>.jsonl       .jsonl.zst when it is compressed
//! recordings/<session>.toml      the script by which its recordings were made, where there was one
//! golden/<session>.toml          accepted
//! golden/<session>.toml.new      proposed by `learn`; `accept` moves it
//! golden/<session>.seen          what its recordings showed that no other session should show again
//! golden/<session>.seen.new      likewise
//! golden/<session>.runs.new/     runs of a check that a proposal was learned from; `accept` makes them recordings
//! ```
//!
//! Nothing here overwrites an accepted golden except [`Store::accept`], and every file is replaced in one step.

mod disk;
mod error;
mod file;
mod golden_file;
mod life;
mod project;
mod proposal;
mod recordings;
#[cfg(test)]
mod tests;

pub use disk::replace;
pub use error::StoreError;
pub use file::{Lines, compress, contents};
pub use golden_file::read_golden;
pub use project::Store;
pub use proposal::without_head;
pub use recordings::{Files, open_recording, read_recording, recording_error, recordings_at, recordings_in};
