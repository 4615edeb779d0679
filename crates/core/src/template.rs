//! The client's messages: payloads with placeholders for values that are known only in the run.
//!
//! `{{name}}` is a value of the server in this run, a value of the user (`{{user.email}}`), a new value (`{{uuid}}`,
//! `{{nonce}}`, `{{now}}`) or a variable of the command line. A string that is one placeholder takes the value with
//! its JSON type; in a longer string the value is written as text.

use crate::dialect::{Dialect, EncodeError, Label};
use crate::transcript::Payload;
use serde_json::Value;

/// A payload with placeholders.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A JSON message.
    Json(Value),
    /// Another text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// An unknown placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no value for {{{{{0}}}}}")]
pub struct Unbound(pub String);

impl Template {
    /// The names of all its placeholders.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        match self {
            Template::Json(value) => walk(value, &mut |text| names.extend(places(text))),
            Template::Text(text) => names.extend(places(text)),
            Template::Binary(_) => {}
        }
        names
    }

    /// The messages to send, in order: texts and bytes unchanged, JSON encoded by the dialect.
    ///
    /// # Errors
    /// If the dialect cannot express it.
    pub fn payloads(self, dialect: &Dialect, label: &Label) -> Result<Vec<Payload>, EncodeError> {
        match self {
            Template::Json(value) => dialect.encode(label, &value),
            Template::Text(text) => Ok(vec![Payload::Text(text)]),
            Template::Binary(bytes) => Ok(vec![Payload::Binary(bytes)]),
        }
    }

    /// The message with every placeholder filled by `lookup`.
    ///
    /// # Errors
    /// The first name that `lookup` does not know.
    pub fn fill(&self, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Template, Unbound> {
        Ok(match self {
            Template::Json(value) => Template::Json(fill_value(value, lookup)?),
            Template::Text(text) => Template::Text(fill_text(text, lookup)?),
            Template::Binary(bytes) => Template::Binary(bytes.clone()),
        })
    }
}

fn walk(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(map) => map.values().for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn places(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, name, after)) = next_place(rest) {
        names.push(name.to_owned());
        rest = after;
    }
    names
}

/// The text before the next placeholder, its name, and the text after it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find("{{")?;
        let close = open + 2 + text[open + 2..].find("}}")?;
        let name = text[open + 2..close].trim();
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if is_name {
            return Some((&text[..open], name, &text[close + 2..]));
        }
        from = open + 2;
    }
}

/// Fills the placeholders in a text.
///
/// # Errors
/// The first name that `lookup` does not know.
pub fn fill_text(text: &str, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<String, Unbound> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = next_place(rest) {
        out.push_str(before);
        match lookup(name).ok_or_else(|| Unbound(name.to_owned()))? {
            Value::String(value) => out.push_str(&value),
            value => out.push_str(&value.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Fills the placeholders in every string of a JSON value.
///
/// # Errors
/// The first name that `lookup` does not know.
pub fn fill_value(value: &Value, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Value, Unbound> {
    Ok(match value {
        Value::String(text) => match next_place(text) {
            Some(("", name, "")) => lookup(name).ok_or_else(|| Unbound(name.to_owned()))?,
            Some(_) => Value::String(fill_text(text, lookup)?),
            None => value.clone(),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill_value(item, lookup)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| Ok((key.clone(), fill_value(item, lookup)?)))
                .collect::<Result<_, Unbound>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_place_keeps_its_type_and_a_part_is_written_out() {
        let template = Template::Json(json!({ "id": "{{id}}", "text": "no. {{ id }} {{x y}}", "n": 3 }));
        let filled = template.fill(&mut |name| (name == "id").then(|| json!(9_007_199_254_740_993_u64)));
        let expected =
            json!({ "id": 9_007_199_254_740_993_u64, "text": "no. 9007199254740993 {{x y}}", "n": 3 });
        assert_eq!(filled, Ok(Template::Json(expected)));
        assert_eq!(template.names(), ["id", "id"]);
        assert_eq!(template.fill(&mut |_| None), Err(Unbound("id".to_owned())));
    }
}
