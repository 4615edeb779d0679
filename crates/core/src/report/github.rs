//! Annotations for GitHub, and protection of all other output there.
//!
//! ```text
//! ::error file=golden/agent-run.toml,line=6,col=54,title=agent-run%3A order/missing::tool_completed is missing (in 5 cases)
//! ```
//!
//! The runner reads commands from stdout and stderr: a line that begins with `::` after white space, and, in older
//! agents, `##[` anywhere in a line (`actions/runner: src/Runner.Common/ActionCommand.cs`). So text from a server
//! must not appear there; [`inert`] ensures that.

use super::sheet::{Sheet, Weight};
use crate::transcript::visible_lines;
use std::io::{self, Write};

/// Writes one annotation for each distinct note that is a deviation, a suspect or an error. `place` makes a golden's
/// path relative to the root of the repository.
///
/// # Errors
/// The errors of `out`.
pub fn annotations(out: &mut impl Write, sheet: &Sheet, place: impl Fn(&str) -> String) -> io::Result<()> {
    if let Some(note) = &sheet.unfinished {
        let title = property(&format!("goldwire {}", sheet.command));
        writeln!(out, "::error title={title}::{}", data(&note.headline))?;
    }
    for suite in &sheet.suites {
        for (_, note, times) in suite.distinct() {
            let level = match note.weight {
                Weight::Deviation | Weight::Unjudged => "error",
                Weight::Suspect => "warning",
                Weight::NotAsked => continue,
            };
            let mut properties = Vec::new();
            if let Some((path, at)) = &note.place {
                properties.push(format!("file={}", property(&place(path))));
                if let Some((line, column)) = at {
                    properties.push(format!("line={line},col={column}"));
                }
            }
            properties.push(format!("title={}", property(&format!("{}: {}", suite.name, note.sort))));
            let times =
                if times > 1 { format!(" (in {times} of {})", suite.cases.len()) } else { String::new() };
            let mut text = format!("{}{times}", note.headline);
            for (label, detail) in note.details.iter().filter(|(label, _)| *label != "follows") {
                text.push_str(&format!("\n{label}: {detail}"));
            }
            writeln!(out, "::{level} {}::{}", properties.join(","), data(&text))?;
        }
    }
    Ok(())
}

/// Escapes the text after the second `::`. The percent sign comes first, so that escapes are not escaped again. The
/// old form of command is searched before this one is parsed, so its opening must not occur here either.
fn data(text: &str) -> String {
    let text = visible_lines(text).replace('%', "%25").replace('\n', "%0A");
    text.replace("##[", "#\\#[")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The same text without commands to the runner: a backslash is added before the start of a command. JSON with one
/// value per line does not change.
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Every line end of any reader ends the line here.
    for line in text.split_inclusive(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
        let start = line.len() - begin(line).len();
        let (blank, rest) = line.split_at(start);
        out.push_str(blank);
        if rest.starts_with("::") {
            out.push('\\');
        }
        out.push_str(rest);
    }
    out.replace("##[", "#\\#[")
}

/// A line without blanks and colours at its start.
fn begin(mut line: &str) -> &str {
    loop {
        let rest = line.trim_start_matches(|c: char| {
            c.is_whitespace() || (c.is_control() && c != '\u{1b}') || c == '\u{feff}'
        });
        let Some(code) = rest.strip_prefix('\u{1b}') else { return rest };
        let code = code.strip_prefix('[').unwrap_or(code);
        line = code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == '?');
        line = line.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(line);
    }
}

/// A writer through which no line becomes a command to the runner.
#[derive(Debug)]
pub struct Inert<W: Write> {
    out: W,
    is_on: bool,
    line: Vec<u8>,
}

impl<W: Write> Inert<W> {
    /// Passes everything on unchanged unless `is_on`.
    pub const fn new(out: W, is_on: bool) -> Inert<W> {
        Inert { out, is_on, line: Vec::new() }
    }

    /// The inner writer. Unflushed output is lost.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn pass(&mut self, upto: usize) -> io::Result<()> {
        let text: Vec<u8> = self.line.drain(..upto).collect();
        self.out.write_all(inert(&String::from_utf8_lossy(&text)).as_bytes())
    }
}

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_on {
            return self.out.write(bytes);
        }
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            self.pass(end + 1)?;
        }
        Ok(bytes.len())
    }

    /// A line that is not at its end is passed on, too.
    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.line.len())?;
        self.out.flush()
    }
}
