//! What is known of the values at a path.

use super::fact::Fact;
use super::parse::{fact, split};
use super::types::Type;
use serde_json::Value;
use std::fmt;

/// What must hold at a path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// What may stand there; empty when anything may.
    pub types: Vec<Type>,
    /// How it is bound to other values.
    pub facts: Vec<Fact>,
    /// In which company the path, which may be missing, is there: always then, and never else.
    pub when: Option<When>,
    /// In how many observations this held, where it differs from the event's own count.
    pub samples: Option<u32>,
}

impl Rule {
    /// Whether it says that this value stands there, and nothing else.
    pub(in crate::golden) fn is_only(&self, value: &Value) -> bool {
        let is_it = matches!(&self.types[..], [Type::Literal(own)] if own == value);
        is_it && self.facts.is_empty() && self.when.is_none() && self.samples.is_none()
    }
}

/// The field beside a path that says whether the path is there.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Its key, in the same object.
    pub key: String,
    /// With one of these values the path is there, with another one it is not.
    pub values: Vec<Value>,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let values: Vec<String> = self.values.iter().map(Value::to_string).collect();
        match self.key.chars().all(is_plain) && !self.key.is_empty() {
            true => write!(f, "when {} = {}", self.key, values.join(" or ")),
            false => write!(f, "when {} = {}", Value::from(self.key.as_str()), values.join(" or ")),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<String> = self.types.iter().map(Type::to_string).collect();
        let facts = self.facts.iter().map(Fact::to_string).chain(self.when.iter().map(When::to_string));
        let parts: Vec<String> =
            Some(types.join(" | ")).filter(|t| !t.is_empty()).into_iter().chain(facts).collect();
        f.write_str(if parts.is_empty() { "anything".to_owned() } else { parts.join(", ") }.as_str())?;
        match self.samples {
            Some(samples) => write!(f, " ({samples})"),
            None => Ok(()),
        }
    }
}

impl Rule {
    /// Leaves out facts that a golden cannot say: a name of a field with a comma or a blank in it ends a fact.
    pub fn keep_what_can_be_said(&mut self) {
        self.facts.retain(|own| {
            let text = own.to_string();
            // Nor may a quote take in what comes after it.
            split(&format!("{text},"), ',') == [text.as_str(), ""]
                && fact(&text).is_ok_and(|read| read.as_ref() == Some(own))
        });
    }
}
