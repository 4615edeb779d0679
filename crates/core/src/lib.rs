//! The pure core of goldwire: recordings, goldens and their differences.
//!
//! The modules, in reading order. A module may use those above it, never those below; `tests/it/layers.rs` checks
//! that. Nothing here reads a clock, a file, the environment or a socket.
//!
//! | room | what it knows |
//! |---|---|
//! | [`words`] | numbers as a sentence has them |
//! | [`stats`] | medians, sums, a prior for spreads; hashes |
//! | [`secret`] | a string that never shows |
//! | [`codec`] | messages that are JSON in another dress: MessagePack, CBOR, XML, Protocol Buffers, Yjs |
//! | [`transcript`] | what happened: header, stamped frames, how it ended; its file, its times, its redaction |
//! | [`document`] | TOML that people write, with its places, mistakes and ways out |
//! | [`dialect`] | frames as the application means them |
//! | [`template`] | what the client sends, with places for values that only a run knows |
//! | [`golden`] | what must happen: script, order, shapes, timing, bindings; its file |
//! | [`finding`] | what deviates, where, how bad, how sure; the run and its verdict |
//! | [`check`] | transcript × golden → findings |
//! | [`drive`] | plays the client's side; told the time, answers what to do |
//! | [`learn`] | transcripts → golden, which is tried by `check` and `drive` before it is proposed |
//! | [`diff`] | expected beside actual, as rows without colour |
//! | [`compare`] | two releases, run in turn → what differs, with confidence |
//! | [`report`] | one file per format |
//!
//! To learn and judge, start at [`learn::learn`], [`golden::read`] and [`check::check`].

pub mod words;

pub mod stats;

pub mod secret;

pub mod codec;

pub mod transcript;

pub mod document;

pub mod dialect;

pub mod template;

pub mod golden;

pub mod finding;

pub mod check;

pub mod drive;

pub mod learn;

pub mod diff;

pub mod compare;

pub mod report;
