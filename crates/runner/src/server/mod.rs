//! The build under test, and the machine on which it runs.
//!
//! A [`Target`] has the address of a build; [`ServerProcess`] starts it, if configured; a [`HostMonitor`] measures how late
//! this machine wakes tasks.

mod host;
mod host_class;
mod processors;
mod ready;
mod server_process;
mod target;
mod url;

pub use host::HostMonitor;
pub(crate) use host::Watch;
pub use host_class::{HOST_VARIABLE, HostOptions};
pub use server_process::{ServerError, ServerProcess, ServerSpec, free_port, is_free};
pub use target::{Target, parse_size};
