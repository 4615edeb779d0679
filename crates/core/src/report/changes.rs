//! A proposal as text: the diff, and the changed behaviour in words.
//!
//! ```text
//!   wider     `token` may now come 0 times (was 1 or more times)
//!   narrower  /ok of `tool_completed`: boolean → = true
//! ```

use super::text::{BAD, BOLD, DOUBT, FAINT, GOOD};
use crate::diff::{Change, Direction};
use crate::words::plural;
use std::io::{self, Write};

/// `2 wider, 1 other`; empty where nothing changed.
fn changes_summary(changes: &[Change]) -> String {
    let count = |direction| changes.iter().filter(|change| change.direction == direction).count();
    [Direction::Wider, Direction::Narrower, Direction::Other]
        .into_iter()
        .filter(|direction| count(*direction) > 0)
        .map(|direction| format!("{} {}", count(direction), direction.name()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes the changes, one per line.
///
/// # Errors
/// The errors of `out`.
pub fn changes_text(out: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    for change in changes {
        let style = match change.direction {
            // More sessions conform than before, which a reviewer must accept.
            Direction::Wider => DOUBT,
            Direction::Narrower => GOOD,
            Direction::Other => BOLD,
        };
        writeln!(out, "  {style}{:<8}{style:#}  {}", change.direction.name(), change.text)?;
    }
    Ok(())
}

/// Writes a unified diff with its lines in colour.
///
/// # Errors
/// The errors of `out`.
pub fn diff_text(out: &mut impl Write, unified: &str) -> io::Result<()> {
    for line in unified.lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("+++ ") || line.starts_with("--- ") => BOLD,
            Some(b'+') => GOOD,
            Some(b'-') => BAD,
            Some(b'@') => FAINT,
            _ => anstyle::Style::new(),
        };
        writeln!(out, "{style}{line}{style:#}")?;
    }
    Ok(())
}

/// `3 changes: 2 wider, 1 other`, or that there is no change.
pub fn changes_headline(changes: &[Change]) -> String {
    match changes.len() {
        0 => "it allows the same behaviour as before".to_owned(),
        count => format!("{}: {}", plural(count, "change"), changes_summary(changes)),
    }
}

/// Writes the changes as JSON.
///
/// ```json
/// {"goldwire_changes": 1, "changes": [{"direction": "wider", "text": "`token` may now come 0 times (was 1 or more times)"}]}
/// ```
///
/// # Errors
/// The errors of `out`.
pub fn changes_json(out: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    let line =
        |change: &Change| serde_json::json!({"direction": change.direction.name(), "text": change.text});
    let lines: Vec<serde_json::Value> = changes.iter().map(line).collect();
    super::json::pretty(out, &serde_json::json!({"goldwire_changes": 1, "changes": lines}))
}
