//! What happened: one real session as it was seen on the wire.
//!
//! A [`Transcript`] is the value, a *recording* its file. It knows frames, times, facts of the handshake and how the
//! session ended; it does not know what a frame means to the application (that is `dialect`) nor what should have
//! happened (that is `golden`). A session may use several connections one after another; their frames stand in one
//! list, in the order in which they were seen, and each says which connection it belongs to.

mod ending;
pub mod exchange;
mod format;
mod frame;
mod header;
mod http;
mod payload;
mod redact;
mod refill;
mod time;
mod visible;

pub use ending::{End, Ending, Host};
pub use format::{Entries, Entry, ReadError, VERSION, Writer, read};
pub use frame::Frame;
pub use header::{Handshake, Header, HostClass, Stamps, Tls};
pub(crate) use http::Head;
pub use http::Streaming;
pub use payload::{Payload, Side};
pub use redact::{Leftover, LeftoverKind, Redactor, Rules};
pub(crate) use refill::Spares;
pub use time::{Gap, Offset};
pub use visible::{Visible, is_unseen, visible, visible_json, visible_lines};

/// One recorded session of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Who, where, when, and the evidence that a real server answered.
    pub header: Header,
    /// Everything that passed, in the order of its stamps.
    pub frames: Vec<Frame>,
    /// How it ended.
    pub ending: Ending,
}
