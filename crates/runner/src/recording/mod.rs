//! Recordings as they are written: what passes is redacted and appended, and never gets in a session's way.
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
pub use recorder::{Loss, Recorder};
