//! Drives sessions: connects `drive`, a socket, a recorder and the clock.
//!
//! ```text
//! golden → drive::Session ⇄ driver ⇄ connection ⇄ server; everything that passes goes to the recorder too
//! ```
//!
//! A [`SessionContext`] is shared by all sessions against one target, and a [`Plan`] belongs to one session.

mod interactive;
mod session_context;
mod session_driver;

pub use interactive::{Interactive, Shown};
pub use session_context::{SessionContext, Warnings};
pub use session_driver::{Disconnect, DisconnectKind, DriveError, Driven, Plan, SideChannel};
