//! The name of an event.

use crate::transcript::Side;
use std::fmt;
use std::sync::Arc;

/// What an event is called. A client's begins with `>`, as in the order: `>ask`, `agent_started`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// The label of `side`'s event `name`.
    pub fn new(side: Side, name: &str) -> Label {
        match side {
            Side::Client => Label(Arc::from(format!(">{name}"))),
            Side::Server => Label(Arc::from(name)),
        }
    }

    /// With the mark: `>ask`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the mark: `ask`.
    pub fn name(&self) -> &str {
        self.0.strip_prefix('>').unwrap_or(&self.0)
    }

    /// Who sends it.
    pub fn side(&self) -> Side {
        if self.0.starts_with('>') { Side::Client } else { Side::Server }
    }

    /// Whether the client sends it.
    pub fn is_client(&self) -> bool {
        self.side() == Side::Client
    }

    /// Whether it can stand in an order without quotation marks.
    pub fn is_plain(&self) -> bool {
        let name = self.name();
        let base =
            name.strip_suffix(']').and_then(|rest| rest.split_once('[')).map_or(name, |(base, _)| base);
        let starts = base.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '@');
        starts
            && name != "each"
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-[]@$".contains(c))
            && name.matches('[').count() == usize::from(name.ends_with(']'))
            && name.matches(']').count() == usize::from(name.ends_with(']'))
    }
}

/// From the text with its mark.
impl From<&str> for Label {
    fn from(text: &str) -> Label {
        Label(Arc::from(text))
    }
}

/// As an order writes it: names with other characters stand in quotation marks.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return f.pad(&self.0);
        }
        let mark = if self.is_client() { ">" } else { "" };
        write!(f, "{mark}{}", serde_json::Value::from(self.name()))
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
