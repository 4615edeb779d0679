//! The golden file: TOML, version 1. Read with places, rewritten without losing comments or hand edits.
//!
//! ```toml
//! goldwire = 1
//! about = "One question; the agent answers with tools, streaming."
//! order = """
//!   connected ; >ask ; agent_started ;
//!   each call_id ( tool_executing ; tool_completed )+ ; token+ ; agent_completed
//! """
//! ends = "client 1000"
//!
//! [learned]
//! recordings = 20
//! reason = "first golden"
//!
//! [event.ask]
//! send = { type = "ask", thread = "{{thread_id}}", text = "How far is the moon?" }
//!
//! [event.connected]
//! bind.thread_id = "/thread_id"
//!
//! [event.tool_completed]
//! critical = true
//! lane.call_id = "/call_id"
//! timing = { after = "tool_executing", usual = "41 ms", latest = "310 ms", samples = 57 }
//!
//! [event.tool_completed.shape]
//! "/ok" = "boolean"
//! ```

mod dialect;
mod document;
mod event;
mod session;
mod templates;

use super::Golden;
use crate::document::{Problems, SourceText, parse_toml};
use document::read_document;

/// The version this program writes. It reads no other.
pub const VERSION: u64 = 1;

/// Reads a golden; `file` is the name under which mistakes are reported.
///
/// # Errors
/// Every mistake in it, with places.
pub fn read(file: &str, text: &str) -> Result<Golden, Problems> {
    let source = SourceText::new(file, text);
    let golden = {
        let document = parse_toml(&source);
        document.as_ref().and_then(|document| read_document(&source, document.as_table()))
    };
    match golden {
        Some(golden) if source.is_clean() => Ok(golden),
        _ => Err(source.into_problems()),
    }
}
