//! How a value is bound to others.

use crate::dialect::Label;
use std::fmt;

/// A path in an event: `tool_executing/call_id`, `>ask/text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Which event.
    pub label: Label,
    /// Which of its values; a JSON pointer.
    pub path: String,
}

/// How a value is bound to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Equal to a value of the latest such event: of the same lane, where both stand in one.
    SameAs(Source),
    /// Equal to what the client said last at this path.
    EchoOf(Source),
    /// All the strings at that path since the last event with this fact, put together.
    Joins(Source),
    /// All the strings of those events that have the same key as stands beside it, put together.
    Gathers(Whole),
    /// The number of such events since the last event with this fact.
    Counts(Label),
    /// One more than in the event before, of the same lane where it stands in one.
    Counter {
        /// What it begins with in every lane, or session, where it begins always with the same.
        from: Option<i64>,
    },
    /// The same throughout the session.
    Constant,
    /// Never the same twice in a session.
    Unique,
    /// What the event before said at another path, or one more.
    Follows(Chain),
    /// More than in the event before, of the same lane where it stands in one.
    Grows {
        /// Of the same value at this path, where several series run side by side.
        per: Option<String>,
    },
    /// At its goal in the last event of its lane, or of the session where it stands in none.
    Reaches(Goal),
}

/// What came in parts and is said over again, perhaps with others in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole {
    /// Where the parts stand.
    pub of: Source,
    /// Where the events with the parts have the key.
    pub by: String,
    /// Where the same key stands beside the whole, or around it: in the same item of each list.
    pub own: String,
}

/// What a value is at last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Goal {
    /// Equal to the number at this path.
    Total(String),
    /// This number, text, or truth; as JSON.
    Value(String),
    /// Neither absent nor null.
    Any,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::Total(text) | Goal::Value(text) => f.write_str(text),
            Goal::Any => f.write_str("a value"),
        }
    }
}

/// How a value follows from one of the event before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain {
    /// Where the event before has the value.
    pub path: String,
    /// So much more than that.
    pub plus: i64,
    /// Whether the event before is any event that has such a path, rather than one of the same name and lane.
    pub any: bool,
    /// The event before is the one with the same value at this path, where several series run side by side.
    pub per: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", quoted(&self.label), self.path)
    }
}

/// A label as it stands before a path: a slash of its own would be taken for the path's.
fn quoted(label: &Label) -> String {
    if label.name().contains('/') && label.is_plain() {
        let mark = if label.is_client() { ">" } else { "" };
        return format!("{mark}\"{}\"", label.name());
    }
    label.to_string()
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::SameAs(source) => write!(f, "same as {source}"),
            Fact::EchoOf(source) => write!(f, "echo of {source}"),
            Fact::Joins(source) => write!(f, "joins {source}"),
            Fact::Gathers(Whole { of, by, own }) => write!(f, "joins {of} by {by} as {own}"),
            Fact::Counts(label) => write!(f, "counts {}", quoted(label)),
            Fact::Counter { from: None } => f.write_str("counter"),
            Fact::Counter { from: Some(first) } => write!(f, "counter from {first}"),
            Fact::Constant => f.write_str("constant"),
            Fact::Unique => f.write_str("unique"),
            Fact::Follows(Chain { path, plus, any, per }) => {
                write!(f, "follows {}{path}", if *any { "any " } else { "" })?;
                if *plus != 0 {
                    write!(f, " plus {plus}")?;
                }
                per.iter().try_for_each(|per| write!(f, " per {per}"))
            }
            Fact::Grows { per } => {
                f.write_str("grows")?;
                per.iter().try_for_each(|per| write!(f, " per {per}"))
            }
            Fact::Reaches(goal) => write!(f, "reaches {goal}"),
        }
    }
}
