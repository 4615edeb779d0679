//! A relation of a value to other values.

use crate::dialect::Label;
use std::fmt;

/// A path in an event: `tool_executing/call_id`, `>ask/text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The event.
    pub label: Label,
    /// The JSON pointer of the value.
    pub path: String,
}

/// A relation of a value to other values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Equal to a value of the latest such event, of the same lane if both are in one.
    SameAs(Source),
    /// Equal to what the client said last at this path.
    EchoOf(Source),
    /// All the strings at that path since the last event with this fact, put together.
    Joins(Source),
    /// The concatenation of all strings of the events with the same key.
    Gathers(Whole),
    /// The number of such events since the last event with this fact.
    Counts(Label),
    /// One more than in the previous event, of the same lane if it is in one.
    Counter {
        /// The first value in every lane or session, if it is always the same.
        from: Option<i64>,
    },
    /// The same throughout the session.
    Constant,
    /// Never the same twice in a session.
    Unique,
    /// The value of another path in the previous event, or one more.
    Follows(Chain),
    /// Greater than in the previous event, of the same lane if it is in one.
    Grows {
        /// Of the same value at this path, if several series are interleaved.
        per: Option<String>,
    },
    /// Reaches its goal in the last event of its lane, or of the session.
    Reaches(Goal),
}

/// Streamed parts that a later message repeats as a whole, perhaps with others in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole {
    /// The place of the parts.
    pub of: Source,
    /// The place of the key in the events with the parts.
    pub by: String,
    /// The place of the same key beside or around the whole, in the same item of each list.
    pub own: String,
}

/// The last value in a lane or session.
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

/// A relation of a value to one of the previous event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain {
    /// The place of the value in the previous event.
    pub path: String,
    /// The difference to that value.
    pub plus: i64,
    /// Whether the previous event is any event with such a path, not only one of the same name and lane.
    pub any: bool,
    /// If several series are interleaved: the previous event is the one with the same value at this path.
    pub per: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", quoted(&self.label), self.path)
    }
}

/// A label before a path, quoted if it contains a slash.
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
