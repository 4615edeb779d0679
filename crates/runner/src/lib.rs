//! The engine of goldwire: everything that needs a clock, a file, the environment or a socket.
//!
//! The modules, in reading order. A module may use those above it, never those below; `tests/it/layers.rs` checks
//! that. All of them use `goldwire_core`. Nothing here parses arguments, prints, or ends the process.
//!
//! | room | what it knows |
//! |---|---|
//! | [`store`] | `recordings/` and `golden/` on disk; proposals |
//! | [`auth`] | login, tokens |
//! | [`connection`] | one connection as a client: TCP, TLS, WebSocket frames, HTTP; stamps on arrival |
//! | [`recording`] | recordings as they are written: redacted, appended |
//! | [`server`] | the build under test and its machine: target, server process, how late this host wakes |
//! | [`driver`] | sessions that are driven: where `drive`, a socket, a recorder and the clock meet |
//! | [`proxy`] | a proxy that records what passes |
//! | [`probe`] | what one session cannot show: auth, isolation, races, reconnects, liveness |
//! | [`runner`] | the engine of checks, comparisons and probes: rounds, confirmation, a target's server |
//! | [`session`] | a check as a function, for your own `cargo test` |
//!
//! To check a server in a test, start at [`session::check`].

pub mod store;

pub mod auth;

pub mod connection;

pub mod recording;

pub mod server;

pub mod driver;

pub mod proxy;

pub mod probe;

pub mod runner;

pub mod session;
