//! goldwire records what a live WebSocket server really did, learns what it must do, and shows when a new build does
//! something else.
//!
//! This package is the command, and a thin face over two crates. A crate may use those above it, and a room of a crate the
//! rooms above it; the compiler holds the first, and `tests/it/layers.rs` the second.
//!
//! | crate | what it knows |
//! |---|---|
//! | `goldwire-core` | recordings, goldens, learning, judging, comparing, reports: functions of values, without a runtime |
//! | `goldwire-runner` | files, logins, sockets, servers, probes, checks as functions: without an argument parser, nothing printed |
//! | `goldwire` | the command (`src/cli`): arguments, subcommands, exit codes, errors to a person; this page |
//!
//! To hold a server to its goldens in your own `cargo test`, begin at [`session::check`]; to learn and judge without
//! sockets, at [`learn::learn`], [`golden::read`] and [`check::check`].

pub use goldwire_core::{
    check, codec, compare, dialect, diff, document, drive, finding, golden, learn, report, secret, template,
    transcript,
};
pub use goldwire_runner::{runner, session, store};

// The examples of the page are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/LIBRARY.md")]
mod library {}
