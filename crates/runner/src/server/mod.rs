//! The build under test, and the machine that it runs on.
//!
//! A [`Target`] says where a build listens; [`ServerProcess`] starts it, where goldwire is to do so; a [`Probe`] notes how
//! late this machine wakes.

mod host;
mod host_class;
mod processors;
mod ready;
mod server_process;
mod target;
mod url;

pub use host::Probe;
pub(crate) use host::Watch;
pub use host_class::{HOST_VARIABLE, HostOptions};
pub use server_process::{ServerError, ServerProcess, ServerSpec, free_port, is_free};
pub use target::{Target, parse_size};
