//! Paths through a payload.

use crate::dialect::push_key;
use std::fmt;

/// A path through a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// A JSON pointer with `*` for every item of a list, e.g. `/sources/*/score`; empty for the whole payload.
    pub pattern: String,
    /// Whether it may be missing although what it stands in is there.
    pub optional: bool,
}

/// A key as it stands in a path, with its slash: what a path gives a meaning of its own is escaped.
pub fn path_step(key: &str) -> String {
    let mut step = String::new();
    push_step(&mut step, key);
    step
}

/// Leads a path on to what stands under a key, as [`path_step`] writes it.
pub(crate) fn push_step(path: &mut String, key: &str) {
    match key.strip_suffix('?') {
        _ if key == "*" => path.push_str("/~2"),
        Some(rest) => {
            push_key(path, rest);
            path.push_str("~3");
        }
        None => push_key(path, key),
    }
}

/// The keys of a path; none for every item of a list.
pub fn path_keys(pattern: &str) -> impl Iterator<Item = Option<String>> {
    pattern.split('/').skip(1).map(|step| (step != "*").then(|| path_key(step)))
}

/// The key that a step of a path stands for.
fn path_key(step: &str) -> String {
    if !step.contains('~') {
        return step.to_owned();
    }
    step.replace("~3", "?").replace("~2", "*").replace("~1", "/").replace("~0", "~")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.pattern, if self.optional { "?" } else { "" })
    }
}

impl Path {
    /// Reads `/note?`; a path is empty or begins with `/`.
    pub fn parse(text: &str) -> Option<Path> {
        let (pattern, optional) = text.strip_suffix('?').map_or((text, false), |rest| (rest, true));
        let ok = pattern.is_empty() || pattern.starts_with('/');
        ok.then(|| Path { pattern: pattern.to_owned(), optional })
    }
}
