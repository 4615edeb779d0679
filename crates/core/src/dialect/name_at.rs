//! The place of a JSON message's name.

use super::pointer::{field, value_at};
use serde_json::{Number, Value};

/// The place of a message's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameAt {
    /// The value at the first of these JSON pointers (RFC 6901) with a text or a number.
    Value(Vec<String>),
    /// The first of these keys in the message: in `{"setupComplete": {}}` the key is the name. For a JSON pointer,
    /// the last key counts if its value is neither null nor an empty text, list or object.
    Key(Vec<String>),
    /// The value at one of the pointers; otherwise the first of the keys in the message.
    ValueOrKey(Vec<String>, Vec<String>),
}

/// The name that a message contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'v> {
    /// A word.
    Text(&'v str),
    /// A code.
    Number(&'v Number),
}

impl NameAt {
    /// Only this pointer.
    pub fn pointer(pointer: &str) -> NameAt {
        NameAt::Value(vec![pointer.to_owned()])
    }

    /// The pointers that may have a name.
    pub fn pointers(&self) -> &[String] {
        match self {
            NameAt::Value(pointers) | NameAt::ValueOrKey(pointers, _) => pointers,
            NameAt::Key(_) => &[],
        }
    }

    /// The keys that may be a name.
    pub fn keys(&self) -> &[String] {
        match self {
            NameAt::Key(keys) | NameAt::ValueOrKey(_, keys) => keys,
            NameAt::Value(_) => &[],
        }
    }

    /// The name of a message; none if it has none.
    pub fn of<'v>(&'v self, message: &'v Value) -> Option<Said<'v>> {
        let value = self.pointers().iter().find_map(|pointer| match value_at(message, pointer)? {
            Value::String(text) if !text.is_empty() => Some(Said::Text(text)),
            Value::Number(number) => Some(Said::Number(number)),
            _ => None,
        });
        value.or_else(|| {
            let map = message.as_object()?;
            let has = |key: &&String| match key.starts_with('/') {
                true => value_at(message, key).is_some_and(is_something),
                false => field(map, key).is_some(),
            };
            self.keys().iter().find(has).map(|key| Said::Text(key.rsplit('/').next().unwrap_or(key)))
        })
    }

    /// Whether the value at a pointer may be the name.
    pub fn is_at(&self, pointer: &str) -> bool {
        self.pointers().iter().any(|own| own == pointer)
    }

    /// The one field of the outermost object that has the name, if it is only that.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            NameAt::Value(pointers) => match &pointers[..] {
                [one] => one.strip_prefix('/').filter(|key| !key.contains(['/', '~'])),
                _ => None,
            },
            NameAt::Key(_) | NameAt::ValueOrKey(..) => None,
        }
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_place_that_says_something_is_the_name() {
        let places = NameAt::Value(vec!["/event".to_owned(), "/0".to_owned(), "/a/type".to_owned()]);
        let text = |message: Value| match places.of(&message) {
            Some(Said::Text(text)) => text.to_owned(),
            Some(Said::Number(number)) => format!("n{number}"),
            None => String::new(),
        };
        assert_eq!(text(json!({ "event": "open", "a": { "type": "x" } })), "open");
        assert_eq!(text(json!({ "event": null, "a": { "type": "x" } })), "x");
        assert_eq!(text(json!(["join", 1])), "join");
        assert_eq!(text(json!({ "event": "", "a": {} })), "");
        assert_eq!(text(json!({ "event": 7 })), "n7");
    }

    #[test]
    fn a_key_names_what_says_nothing_at_the_places() {
        let name = NameAt::ValueOrKey(vec!["/topic".to_owned()], vec!["auth".to_owned(), "beat".to_owned()]);
        for (message, said) in [
            (json!({ "topic": "debug", "auth": 1 }), Some(Said::Text("debug"))),
            (json!({ "auth": "ok" }), Some(Said::Text("auth"))),
            (json!({ "topic": null, "beat": 1 }), Some(Said::Text("beat"))),
            (json!({ "other": 1 }), None),
        ] {
            assert_eq!(name.of(&message), said, "{message}");
        }
        assert!(name.is_at("/topic") && !name.is_at("/auth"));
    }

    #[test]
    fn what_a_chunk_holds_is_its_name() {
        let chunk = |choice: Value, usage: Value| json!({ "choices": [choice], "usage": usage });
        let places =
            ["/choices/0/finish_reason", "/choices/0/delta/content", "/choices/0/delta/role", "/usage"];
        let name = NameAt::Key(places.map(str::to_owned).to_vec());
        for (message, said) in [
            (
                chunk(json!({ "delta": { "role": "a", "content": "" }, "finish_reason": null }), json!(null)),
                "role",
            ),
            (chunk(json!({ "delta": { "role": "a", "content": "hi" } }), json!(null)), "content"),
            (chunk(json!({ "delta": {}, "finish_reason": "stop" }), json!({ "n": 1 })), "finish_reason"),
            (json!({ "choices": [], "usage": { "n": 1 } }), "usage"),
        ] {
            assert_eq!(name.of(&message), Some(Said::Text(said)), "{message}");
        }
        assert_eq!(name.of(&json!({ "choices": [] })), None);
    }

    #[test]
    fn the_first_key_that_is_there_is_the_name() {
        let keys = NameAt::Key(vec!["setup".to_owned(), "content".to_owned()]);
        assert_eq!(keys.of(&json!({ "usage": {}, "content": null })), Some(Said::Text("content")));
        assert_eq!(keys.of(&json!({ "usage": {} })), None);
        assert_eq!(keys.of(&json!(["setup"])), None);
    }
}
