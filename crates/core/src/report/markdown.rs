//! Markdown for a step summary or a comment: a short table, and the deviations below it.
//!
//! ```text
//! ## goldwire check: deviates
//!
//! | session | verdict | failed | slowest |
//! |---|---|---|---|
//! | agent\-run | **deviates** | 1 of 5 | 422 ms |
//!
//! ### agent\-run
//!
//! - **order/missing** tool\_completed is missing (u1, round 1; in 5 of 5)
//!   - golden/agent\-run.toml line 6
//!   - expected `tool_completed`
//! ```
//!
//! Names and payloads may come from a hostile server, so they are always text: they cannot start a block, a row, a
//! link, a tag or a mention.

use super::sheet::{Case, Note, Sheet, Status, Suite, Weight};
use crate::transcript::visible_lines;
use crate::words::plural;
use std::io::{self, Write};

/// The longest detail, in characters: a summary is not the place for whole payloads.
const MAX_DETAIL: usize = 400;

/// Writes the sheet. If it becomes longer than `limit` bytes, further notes are only counted.
///
/// # Errors
/// The errors of `out`.
pub fn markdown(out: &mut impl Write, sheet: &Sheet, limit: usize) -> io::Result<()> {
    let mut page = Page { text: String::new(), limit, left_out: 0 };
    page.add(&format!("## goldwire {}: {}\n", sheet.command, prose(&sheet.verdict)), true);
    if let Some(note) = &sheet.unfinished {
        page.note(note, "");
    }
    page.overview(&sheet.suites);
    for suite in &sheet.suites {
        page.suite(suite);
    }
    if page.left_out > 0 {
        let rows = plural(page.left_out, "entry").replace("entrys", "entries");
        page.add(&format!("\n{rows} left out here; see the other reports.\n"), true);
    }
    // The added word joiner breaks a mention; all other invisible characters are escaped.
    let text = page.text.split('\u{2060}').map(visible_lines).collect::<Vec<_>>().join("\u{2060}");
    out.write_all(text.as_bytes())
}

/// A page that is written until it is full.
struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    /// Adds a piece where it has room, or must be there.
    fn add(&mut self, piece: &str, must: bool) -> bool {
        // After the first omission everything is omitted, so that the page has no gaps.
        let has_room = must || (self.left_out == 0 && self.text.len() + piece.len() <= self.limit);
        if has_room {
            self.text.push_str(piece);
        } else {
            self.left_out += 1;
        }
        has_room
    }

    fn overview(&mut self, suites: &[Suite]) {
        if suites.is_empty() {
            return;
        }
        self.add("\n| session | verdict | failed | slowest |\n|---|---|---|---|\n", false);
        for suite in suites {
            let bad = suite.count(Status::Failed) + suite.count(Status::Error);
            let asked = suite.cases.len() - suite.count(Status::Skipped);
            let slowest = suite.cases.iter().map(|case| case.took).max().unwrap_or_default();
            let slowest = if slowest.as_nanos() == 0 { String::new() } else { slowest.to_string() };
            let (name, verdict) = (prose(&suite.name), strong(suite.verdict()));
            self.add(&format!("| {name} | {verdict} | {bad} of {asked} | {slowest} |\n"), false);
        }
    }

    fn suite(&mut self, suite: &Suite) {
        let has_questions = suite.cases.iter().any(|case| !case.said.is_empty());
        let distinct: Vec<_> =
            suite.distinct().into_iter().filter(|(_, note, _)| note.weight != Weight::NotAsked).collect();
        if !has_questions && distinct.is_empty() {
            return;
        }
        self.add(&format!("\n### {}\n", prose(&suite.name)), false);
        if has_questions {
            self.add("\n| verdict | question | result |\n|---|---|---|\n", false);
            for (case, more) in rows(suite) {
                let more = if more > 0 { format!(" (and {more} more of this kind)") } else { String::new() };
                let said = prose(case.said.lines().next().unwrap_or_default());
                let (verdict, name) = (strong(case.status.name()), prose(&case.name));
                self.add(&format!("| {verdict} | {name} | {said}{more} |\n"), false);
            }
        }
        for (index, (case, note, times)) in distinct.into_iter().enumerate() {
            if index == 0 {
                self.add("\n", false);
            }
            let times = match times {
                1 => String::new(),
                // A question may have many runs.
                _ if has_questions => format!("; {times} times"),
                _ => format!("; in {times} of {}", suite.cases.len()),
            };
            self.note(note, &format!(" ({}{times})", prose(&case.name)));
        }
    }

    /// One item of a list with its details.
    fn note(&mut self, note: &Note, whose: &str) {
        let doubt = if note.weight == Weight::Suspect { "suspect: " } else { "" };
        let mut item = format!("- **{doubt}{}** {}{whose}\n", prose(&note.sort), prose(&note.headline));
        if let Some((path, place)) = &note.place {
            let line = place.map(|(line, _)| format!(" line {line}")).unwrap_or_default();
            item.push_str(&format!("  - {}{line}\n", prose(path)));
        }
        for (label, detail) in &note.details {
            let detail = match *label {
                "expected" | "actual" | "recording" => code(detail),
                _ => prose(detail),
            };
            item.push_str(&format!("  - {label} {detail}\n"));
        }
        self.add(&item, false);
    }
}

/// The cases as rows: those of one sort that came out well, or were not asked, are one.
fn rows(suite: &Suite) -> Vec<(&Case, usize)> {
    let mut rows: Vec<(&Case, usize)> = Vec::new();
    for case in &suite.cases {
        let is_quiet = !case.sort.is_empty() && matches!(case.status, Status::Passed | Status::Skipped);
        let same = |(row, _): &&mut (&Case, usize)| row.sort == case.sort && row.status == case.status;
        match rows.iter_mut().find(same).filter(|_| is_quiet && case.notes.iter().all(is_silent)) {
            Some((_, more)) => *more += 1,
            None => rows.push((case, 0)),
        }
    }
    rows
}

fn is_silent(note: &Note) -> bool {
    note.weight == Weight::NotAsked
}

fn strong(verdict: &str) -> String {
    if verdict == Status::Passed.name() { verdict.to_owned() } else { format!("**{verdict}**") }
}

/// On one line, without characters that act on a reader's screen, and not too long.
fn line(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        match c {
            _ if index >= MAX_DETAIL => {
                out.push('…');
                break;
            }
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
            // Direction marks could hide text.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Text that is nothing but text in Markdown. Any ASCII punctuation may have a backslash before it
/// (<https://spec.commonmark.org/0.31.2/#backslash-escapes>); a mention is broken by a word joiner, as it is looked for
/// only after that.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::new();
    let text = line(text);
    let mut before = None;
    for c in text.trim().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("@\u{2060}"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|'
            | '~' | '=' | ':' | '$' | '"' | '\'' => {
                out.push('\\');
                out.push(c);
            }
            // `1.` begins a list, `www.` a link.
            '.' if before.is_some_and(|b: char| b.is_ascii_digit() || b.eq_ignore_ascii_case(&'w')) => {
                out.push_str("\\.")
            }
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Text as code, fenced by more backticks than it contains. A pipe needs a backslash even there, because the text may
/// be in a table; nothing else is escaped in code.
fn code(text: &str) -> String {
    let text = line(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
