//! Plain JSON messages: the name is a string at a JSON pointer.

use super::Label;
use crate::transcript::Side;
use serde_json::Value;

/// What an event is called that has no name where one should be.
const NAMELESS: &str = "json";

pub(super) fn label(side: Side, name_at: &str, value: &Value) -> Label {
    match value.pointer(name_at) {
        Some(Value::String(name)) if !name.is_empty() => Label::new(side, name),
        Some(Value::Number(number)) => Label::new(side, &format!("n{number}")),
        _ => Label::new(side, NAMELESS),
    }
}

/// A JSON pointer (RFC 6901) that leads through these keys.
pub fn pointer<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    keys.into_iter().fold(String::new(), |mut path, key| {
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        path
    })
}
