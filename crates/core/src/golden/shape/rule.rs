//! What is known of the values at a path.

use super::fact::Fact;
use super::parse::{fact, split};
use super::types::Type;
use serde_json::Value;
use std::fmt;

/// The rule for a path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// The allowed types; empty if anything is allowed.
    pub types: Vec<Type>,
    /// The relations to other values.
    pub facts: Vec<Fact>,
    /// The condition under which an optional path is present: always then, and never otherwise.
    pub when: Option<When>,
    /// The number of observations in which this held, if it differs from the event's own count.
    pub samples: Option<u32>,
}

impl Rule {
    /// Whether the rule allows exactly this value.
    pub(in crate::golden) fn is_only(&self, value: &Value) -> bool {
        let is_it = matches!(&self.types[..], [Type::Literal(own)] if own == value);
        is_it && self.facts.is_empty() && self.when.is_none() && self.samples.is_none()
    }
}

/// The field beside a path that determines whether the path is present.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// The key of the field, in the same object.
    pub key: String,
    /// The path is present with one of these values and absent with any other.
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
    /// Removes facts that a golden cannot express: a comma or a space in the name of a field would end the fact.
    pub fn keep_what_can_be_said(&mut self) {
        self.facts.retain(|own| {
            let text = own.to_string();
            // A quote must not include the following text.
            split(&format!("{text},"), ',') == [text.as_str(), ""]
                && fact(&text).is_ok_and(|read| read.as_ref() == Some(own))
        });
    }
}
