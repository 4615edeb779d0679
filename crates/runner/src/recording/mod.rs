//! Writes recordings: frames are redacted and appended without delaying the session.
//!
//! ```text
//! frames → Recorder → a thread: batches, redact, append → recordings/SESSION/
//! ```

mod append;
mod new_recording;
mod recorder;

pub use append::Flush;
pub use new_recording::{NewRecording, PreparedRecording};
pub(crate) use recorder::{Line, Texts};
pub use recorder::{Recorder, WriteError};
