//! The engine of goldwire: what needs a clock, a file, the environment or a socket.
//!
//! The rooms, in reading order. A room may use those above it, never one below; `tests/it/layers.rs` proves it. All of them
//! stand on `goldwire_core`. Nothing here parses arguments, prints, or ends the process.
//!
//! | room | what it knows |
//! |---|---|
//! | [`store`] | `recordings/` and `golden/` on disk; proposals |
//! | [`auth`] | login, tokens |
//! | [`wire`] | sockets and the clock: client, driver, recorder, server processes |
//! | [`probe`] | what one session cannot show: auth, isolation, races, reconnects, liveness |
//! | [`runner`] | the engine of checks, comparisons and probes: rounds, confirmation, a target's server |
//! | [`session`] | a check as a function, for your own `cargo test` |
//!
//! To hold a server to its goldens in a test, begin at [`session::check`].

pub mod store;

pub mod auth;

pub mod wire;

pub mod probe;

pub mod runner;

pub mod session;
