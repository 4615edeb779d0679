//! An error in a file: its place, its cause and a hint.
//!
//! ```text
//! error: unknown event `tool_cal`
//!   --> golden/chat.toml:14:18
//!    |
//! 14 | order = "start ; ( tool_cal | token )* ; done"
//!    |                    ^^^^^^^^ no event has this name
//!    |
//! hint: did you mean `tool_call`?
//! ```

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// One error in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path of the file as given.
    pub file: String,
    /// The number, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The number of marked characters, at least 1.
    pub width: usize,
    /// The text of the line.
    pub source: String,
    /// The error.
    pub message: String,
    /// The note below the marked text.
    pub label: String,
    /// A hint.
    pub hint: Option<String>,
}

/// The maximum of errors that are listed; further ones are counted.
const MAX_SHOWN: usize = 20;

/// All errors of one reading; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().take(MAX_SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n\nerror: ")?;
            }
            write!(f, "{problem}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => {
                write!(f, "\n\n{} of this file are not shown", crate::words::plural(more, "more error"))
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let pad = " ".repeat(number.len());
        writeln!(f, "{}", self.message)?;
        writeln!(f, "{pad}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{pad} |")?;
        writeln!(f, "{number} | {}", self.source)?;
        let indent: String =
            self.source.chars().take(self.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        write!(f, "{pad} | {indent}{}", "^".repeat(self.width))?;
        if !self.label.is_empty() {
            write!(f, " {}", self.label)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{pad} |\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The text of a file that is being read, with the problems found so far.
#[derive(Debug)]
pub struct SourceText<'s> {
    file: &'s str,
    text: &'s str,
    /// The starts of lines, in bytes.
    lines: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
}

impl<'s> SourceText<'s> {
    /// A text and the path under which to report problems.
    pub fn new(file: &'s str, text: &'s str) -> SourceText<'s> {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        SourceText { file, text, lines, problems: RefCell::default() }
    }

    /// The whole text.
    pub fn text(&self) -> &'s str {
        self.text
    }

    /// The line and column of a byte, both counted from 1; the column in characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let at = self.floor(at);
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines[line - 1];
        (line, self.text[start..at].chars().count() + 1)
    }

    fn floor(&self, at: usize) -> usize {
        (0..=at.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0)
    }

    /// Reports a problem at `span`, in bytes of the text.
    pub fn report(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        hint: Option<String>,
    ) {
        let (line, column) = self.place(span.start);
        let source = self.text[self.lines[line - 1]..].lines().next().unwrap_or("").to_owned();
        let end = self.floor(span.end).max(self.floor(span.start));
        let marked = self.text[self.floor(span.start)..end].lines().next().unwrap_or("").chars().count();
        let width = marked.max(1);
        self.problems.borrow_mut().push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            width,
            source,
            message: message.into(),
            label: label.into(),
            hint,
        });
    }

    /// Whether there are no problems so far.
    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All problems, sorted by place.
    pub fn into_problems(self) -> Problems {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Problems(problems)
    }
}

/// The nearest of `known`, if it is near enough to be a typing error.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let score = |known: &str| strsim::jaro_winkler(&word.to_lowercase(), &known.to_lowercase());
    known
        .into_iter()
        .map(|known| (score(known), known))
        .filter(|(score, _)| *score > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| format!("did you mean `{known}`?"))
}
