//! Sockets, processes and the clock: where a session meets the world.
//!
//! ```text
//! record   server ⇄ client, reader → batches, stamped on arrival → recorder (redact, append) → recordings/
//! drive    golden → drive::Session ⇄ driver ⇄ client ⇄ server; everything that passes goes to the recorder too
//! ```
//!
//! A [`SessionContext`] is what all sessions against one target share: a [`Target`] says where a build listens,
//! a recipe how its users log in; [`ServerProcess`] starts it, where goldwire is to do so. [`connect`] opens
//! one WebSocket, [`open_http`] a session of HTTP requests, and notes what a made-up server would have to make up:
//! address, TLS, headers, times. Its [`Connection`] has a [`Sender`], and [`Arriving`] gives the frames that come, stamped;
//! nothing is dropped. A [`Recorder`] writes them down without ever getting in a session's way, a [`Probe`] notes how late
//! this machine wakes. What a frame means and whether it should have come is not known here.

mod append;
mod chunks;
mod client;
mod driver;
mod duplex;
mod frames;
mod hand;
mod host;
mod host_class;
mod http;
mod new_recording;
mod processors;
mod proxy;
mod reader;
mod ready;
mod recorder;
mod server_process;
mod session_context;
mod socket;
mod spare;
mod stamps;
mod target;
mod upgrade;
mod walk;

pub use append::Flush;
pub use client::{ConnectOptions, Connection, SendError, Sender, connect};
pub use driver::{Beside, Cut, CutHow, DriveError, Driven, Plan};
pub use hand::{Hand, Shown};
pub use host::Probe;
pub use host_class::{HOST_VARIABLE, HostOptions};
pub use http::open as open_http;
pub use new_recording::{NewRecording, PreparedRecording};
pub use proxy::{Notice, Proxy, ProxyError, ProxyOptions, Recorded};
pub use reader::{Arrived, Arriving, Incoming};
pub use recorder::{Loss, Recorder};
pub use server_process::{ServerError, ServerProcess, ServerSpec, free_port, is_free};
pub use session_context::{SessionContext, Warnings};
pub use target::{Target, parse_size};
pub use upgrade::{ConnectError, Stage};
