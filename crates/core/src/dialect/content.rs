//! The payload of a protocol's message as JSON: an object or a list of JSON unchanged, other text as a string, and
//! bytes that are not text as hexadecimal digits under a separate name.

use super::EncodeError;
use crate::codec::{hex, unhex};
use serde_json::{Map, Value, json};

/// The maximum of bytes that are shown of an invalid message.
const MAX_SHOWN: usize = 4096;

/// Puts `bytes` under `key`, or under `<key>_hex` when they are no text.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => drop(map.insert(key.to_owned(), text_or_json(text))),
        Err(_) => drop(map.insert(format!("{key}_hex"), Value::String(hex(bytes)))),
    }
}

/// Numbers, words and quoted strings stay the texts that they are: `1.0` is not `1`.
pub(super) fn text_or_json(text: &str) -> Value {
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[']) {
        if let Ok(value) = serde_json::from_str(text) {
            return value;
        }
    }
    Value::String(text.to_owned())
}

/// The bytes that [`put`] has put there; none when there is neither.
pub(super) fn take(data: &Value, key: &str) -> Result<Vec<u8>, EncodeError> {
    if let Some(value) = data.get(key) {
        return Ok(text_of(value).into_bytes());
    }
    match data.get(format!("{key}_hex")) {
        Some(Value::String(digits)) => {
            unhex(digits).ok_or_else(|| EncodeError(format!("its {key}_hex is not hexadecimal")))
        }
        Some(_) => Err(EncodeError(format!("its {key}_hex is not a string"))),
        None => Ok(Vec::new()),
    }
}

/// A string as it is, nothing for null, anything else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A field that must be there, as text.
pub(super) fn need(data: &Value, key: &str) -> Result<String, EncodeError> {
    let text = data.get(key).map(text_of).filter(|text| !text.is_empty());
    text.ok_or_else(|| EncodeError(format!("it has no {key}")))
}

/// A field that may be there, as text.
pub(super) fn text(data: &Value, key: &str) -> Option<String> {
    data.get(key).filter(|value| !value.is_null()).map(text_of)
}

/// The content of an invalid message.
pub(super) fn malformed(why: &str, bytes: &[u8]) -> Value {
    let mut map = Map::new();
    map.insert("why".to_owned(), why.into());
    map.insert("bytes".to_owned(), bytes.len().into());
    let shown = &bytes[..bytes.len().min(MAX_SHOWN)];
    match std::str::from_utf8(shown) {
        Ok(text) => map.insert("text".to_owned(), text.into()),
        Err(_) => map.insert("hex".to_owned(), hex(shown).into()),
    };
    Value::Object(map)
}

/// The bytes of a [`malformed`] event, to be sent again; none for another event.
pub(super) fn ungarbled(data: &Value) -> Option<Vec<u8>> {
    match (data.get("text"), data.get("hex")) {
        (Some(Value::String(text)), _) => Some(text.clone().into_bytes()),
        (None, Some(Value::String(digits))) => unhex(digits),
        _ => None,
    }
}

/// A message without anything in it.
pub(super) fn nothing() -> Value {
    json!({})
}

/// The prefix of a secret's label.
pub(super) const LABEL: &[u8] = b"{{secret:";

/// The position of a secret's label in recorded bytes. A label has another length than its secret, so lengths in the
/// message itself are wrong after it.
pub(super) fn label_at(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_can_be_taken(bytes: Vec<u8>) {
            let mut map = Map::new();
            put(&mut map, "payload", &bytes);
            let data = Value::Object(map);
            let taken = take(&data, "payload").expect("it was put there");
            // JSON may be formatted differently with the same content.
            if data.get("payload").is_some_and(|value| !value.is_string()) {
                prop_assert_eq!(
                    serde_json::from_slice::<Value>(&taken).ok(),
                    serde_json::from_slice::<Value>(&bytes).ok()
                );
            } else {
                prop_assert_eq!(taken, bytes);
            }
        }
    }

    #[test]
    fn numbers_and_quoted_strings_stay_texts() {
        for (text, value) in [
            ("1.0", json!("1.0")),
            ("\"a\"", json!("\"a\"")),
            ("{\"a\":1}", json!({"a": 1})),
            ("[1]", json!([1])),
            ("{half", json!("{half")),
        ] {
            assert_eq!(text_or_json(text), value);
        }
    }
}
