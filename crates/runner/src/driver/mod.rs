//! Sessions that are driven: where `drive`, a socket, a recorder and the clock meet.
//!
//! ```text
//! golden → drive::Session ⇄ driver ⇄ connection ⇄ server; everything that passes goes to the recorder too
//! ```
//!
//! A [`SessionContext`] is what all sessions against one target share, and a [`Plan`] what one session has of its own.

mod hand;
mod session_context;
mod session_driver;

pub use hand::{Hand, Shown};
pub use session_context::{SessionContext, Warnings};
pub use session_driver::{Beside, Cut, CutHow, DriveError, Driven, Plan};
