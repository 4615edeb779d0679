//! goldwire records sessions of a live WebSocket server, learns from them how the server must behave, and reports when a
//! new build behaves differently.
//!
//! This package is the command and a thin library over two crates. A crate may use the crates above it, which the compiler
//! enforces. A module of a crate may use the modules above it, which `tests/it/layers.rs` enforces.
//!
//! | crate | contents |
//! |---|---|
//! | `goldwire-core` | recordings, goldens, learning, judging, comparing, reports: functions of values, without a runtime |
//! | `goldwire-runner` | files, logins, sockets, servers, probes, checks as functions: without an argument parser and without output |
//! | `goldwire` | the command (`src/cli`): arguments, subcommands, exit codes, error messages; this page |
//!
//! To check a server in your own `cargo test`, start at [`session::check`]. To learn and judge without sockets, start at
//! [`learn::learn`], [`golden::read`] and [`check::check`].

pub use goldwire_core::{
    check, codec, compare, dialect, diff, document, drive, finding, golden, learn, report, secret, template,
    transcript,
};
pub use goldwire_runner::{runner, session, store};

// The examples of the page are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/LIBRARY.md")]
mod library {}
