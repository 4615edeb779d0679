//! The name of an event.

use crate::transcript::{Side, visible_json};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The name of an event with its side. A client event begins with `>`, as in the order: `>ask`, `agent_started`. A
/// server event whose own name begins with `>` gets a `<` before it, `<>ask`, so that no server event can pass for a
/// client event.
#[derive(Clone, Eq, PartialOrd, Ord)]
pub struct Label {
    text: Arc<str>,
    /// The hash of the text, because events are looked up by name often.
    hash: u64,
}

impl Label {
    /// The label of `side`'s event `name`.
    pub fn new(side: Side, name: &str) -> Label {
        match side {
            Side::Client => Label::from(format!(">{name}").as_str()),
            Side::Server if name.starts_with(['>', '<']) => Label::from(format!("<{name}").as_str()),
            Side::Server => Label::from(name),
        }
    }

    /// The label with its mark: `>ask`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name without the mark: `ask`.
    pub fn name(&self) -> &str {
        self.text.strip_prefix(['>', '<']).unwrap_or(&self.text)
    }

    /// The side that sends the event.
    pub fn side(&self) -> Side {
        if self.text.starts_with('>') { Side::Client } else { Side::Server }
    }

    /// Whether the client sends it.
    pub fn is_client(&self) -> bool {
        self.side() == Side::Client
    }

    /// Whether the name needs no quotes in an order.
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

/// The names that came lately: a session has few, and to make one anew for every event takes longer than to find it.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Vec<Option<Label>>);

/// The maximum of stored names, each at a place that its letters determine.
const KNOWN: usize = 256;
/// Room for so many at first: there are thousands of sessions, and most have few names.
const FEW: usize = 8;

impl Known {
    pub(super) fn label(&mut self, side: Side, name: &str) -> Label {
        let letters = letters(side, name);
        if self.0.is_empty() {
            self.0.resize(FEW, None);
        }
        loop {
            let room = self.0.len();
            let known = &mut self.0[letters % room];
            match known {
                Some(label) if label.name() == name && label.side() == side => return label.clone(),
                Some(_) if room < KNOWN => self.grow(),
                _ => return known.insert(Label::new(side, name)).clone(),
            }
        }
    }

    /// The name with what tells its event from others of that name, as `part` says of a label: `status[busy]`. What is
    /// refined may be refined again: `status[job:busy]`.
    pub(super) fn refined<'v>(
        &mut self,
        side: Side,
        name: &str,
        part: impl Fn(&Label) -> Option<&'v str>,
    ) -> Label {
        let mut label = self.label(side, name);
        let mut parts = String::new();
        // Names only grow, and few are refined, so this ends.
        while let Some(next) = part(&label) {
            if !parts.is_empty() {
                parts.push(':');
            }
            parts.push_str(next);
            label = self.label(side, &format!("{name}[{parts}]"));
        }
        label
    }

    fn grow(&mut self) {
        let room = self.0.len() * 2;
        for label in std::mem::replace(&mut self.0, vec![None; room]).into_iter().flatten() {
            let place = letters(label.side(), label.name()) % room;
            self.0[place] = Some(label);
        }
    }
}

fn letters(side: Side, name: &str) -> usize {
    let letters = name.bytes().fold(side as usize, |sum, byte| sum.rotate_left(5) ^ usize::from(byte));
    letters ^ letters >> 8
}

/// A label from its text with the mark.
impl From<&str> for Label {
    fn from(text: &str) -> Label {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Label { text: Arc::from(text), hash: hasher.finish() }
    }
}

/// Most comparisons are of different names, or of one with itself.
impl PartialEq for Label {
    fn eq(&self, other: &Label) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
    }
}

impl Hash for Label {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

/// The label as in an order: names with other characters are quoted.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return f.pad(&self.text);
        }
        let mark = if self.is_client() { ">" } else { "" };
        let quoted = serde_json::Value::from(self.name()).to_string();
        write!(f, "{mark}{}", visible_json(&quoted))
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_speak_with_the_clients_mark_nor_command_a_terminal() {
        for name in [">ask", "<ask", "ask", ">", "<>ask"] {
            for side in [Side::Client, Side::Server] {
                let label = Label::new(side, name);
                assert_eq!((label.side(), label.name()), (side, name), "{label}");
                assert_eq!(Label::from(label.as_str()), label);
            }
        }
        assert_eq!(Label::new(Side::Server, ">ask").to_string(), "\">ask\"");
        assert_ne!(Label::new(Side::Server, ">ask"), Label::new(Side::Client, "ask"));
        let odd = Label::new(Side::Server, "a\n\u{1b}\u{9b}\u{202e}");
        assert_eq!(odd.to_string(), "\"a\\n\\u001b\\u009b\\u202e\"");
    }

    #[test]
    fn a_name_is_known_again_however_many_there_are() {
        let mut known = Known::default();
        for round in 0..2 {
            for index in 0..1000 {
                let name = format!("event-{index}");
                for side in [Side::Client, Side::Server] {
                    assert_eq!(known.label(side, &name), Label::new(side, &name), "round {round}");
                }
            }
        }
        assert_eq!(known.0.len(), KNOWN);
    }
}
