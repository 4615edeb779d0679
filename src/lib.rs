//! goldwire records what a live WebSocket server really did, learns what it must do, and shows when a new build does
//! something else.
//!
//! The rooms, in reading order. A room may use those above it, never one below; `tests/it/layers.rs` proves it.
//!
//! | room | what it knows |
//! |---|---|
//! | [`words`] | numbers as a sentence has them |
//! | [`secret`] | a string that never shows |
//! | [`codec`] | messages that are JSON in another dress: MessagePack, CBOR, XML, Protocol Buffers, Yjs |
//! | [`transcript`] | what happened: header, stamped frames, how it ended; its file, its times, its redaction |
//! | [`dialect`] | frames as the application means them |
//! | [`golden`] | what must happen: script, order, shapes, timing, bindings; its file |
//! | [`finding`] | what deviates, where, how bad, how sure; the run and its verdict |
//! | [`check`] | transcript × golden → findings |
//! | [`drive`] | plays the client's side; told the time, answers what to do |
//! | [`learn`] | transcripts → golden, which is tried by `check` and `drive` before it is proposed |
//! | [`diff`] | expected beside actual, as rows without colour |
//! | [`compare`] | two releases, run in turn → what differs, with confidence |
//! | [`report`] | one file per format |
//! | --- | nothing above reads a clock, a file, the environment or a socket |
//! | `store` | `recordings/` and `golden/` on disk; proposals |
//! | `auth` | login, tokens |
//! | `wire` | sockets and the clock: client, driver, recorder, server processes |
//! | `probe` | what one session cannot show: auth, isolation, races, reconnects, liveness |
//! | `runner` | the engine of checks, comparisons and probes: rounds, confirmation, a target's server |
//! | `session` | a check as a function, for your own `cargo test` |
//! | `cli` | arguments, subcommands, exit codes, errors to a person |
//!
//! The rooms below the line need the feature `live`, and `cli` the one of its name, which is on by default and needs `live`.
//!
//! To hold a server to its goldens in your own `cargo test`, begin at [`session::check`]; to learn and judge without
//! sockets, at [`learn::learn`], [`golden::read`] and [`check::check`].

pub mod words;

pub mod secret;

pub mod codec;

pub mod transcript;

pub mod dialect;

pub mod golden;

pub mod finding;

pub mod check;

pub mod drive;

pub mod learn;

pub mod diff;

pub mod compare;

pub mod report;

#[cfg(feature = "live")]
pub mod store;

#[cfg(feature = "live")]
pub mod auth;

#[cfg(feature = "live")]
pub mod wire;

#[cfg(feature = "live")]
pub mod probe;

#[cfg(feature = "live")]
pub mod runner;

#[cfg(feature = "live")]
pub mod session;

#[cfg(feature = "cli")]
pub mod cli;

// The examples of the page are tests, too.
#[cfg(all(doctest, feature = "live"))]
#[doc = include_str!("../docs/LIBRARY.md")]
mod library {}
