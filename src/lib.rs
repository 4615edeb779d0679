//! goldwire records what a live WebSocket server really did, learns what it must do, and shows when a new build does
//! something else.
//!
//! The rooms, in reading order. A room may use those above it, never one below; `tests/it/layers.rs` proves it.
//!
//! | room | what it knows |
//! |---|---|
//! | [`secret`] | a string that never shows |
//! | [`transcript`] | what happened: header, stamped frames, how it ended; its file, its times, its redaction |
//! | [`dialect`] | frames as the application means them |
//! | [`golden`] | what must happen: script, order, shapes, timing, bindings; its file |
pub mod secret;
pub mod transcript;
pub mod dialect;
pub mod golden;
pub mod finding;
pub mod learn;
pub mod check;
pub mod drive;
