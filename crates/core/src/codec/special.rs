//! Values that JSON cannot express, as objects and keys that say what they are.

use super::hex::{hex, unhex};
use serde_json::{Map, Number, Value, json};

/// Deeper nesting is not read.
pub(super) const MAX_DEPTH: usize = 256;

/// Why a value cannot be written: a fragment that fits after the name of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(pub String);

/// What stands for bytes.
pub(super) fn bytes_to_json(bytes: &[u8]) -> Value {
    json!({ "$hex": hex(bytes) })
}

/// A float as JSON.
pub(super) fn float_to_json(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| json!({ "$float": value.to_string() }), Value::Number)
}

/// A key that is a text as JSON has it.
pub(super) fn text_key(key: &str) -> String {
    if key.starts_with('#') { format!("#{key}") } else { key.to_owned() }
}

/// A value that JSON cannot express, and that an object stands for.
pub(super) enum Special {
    Bytes(Vec<u8>),
    Float(f64),
    Extension(i8, Vec<u8>),
    Tag(u64, Value),
}

pub(super) fn special(map: &Map<String, Value>) -> Option<Special> {
    let bytes = |key: &str| unhex(map.get(key)?.as_str()?);
    match map.len() {
        1 if map.contains_key("$hex") => bytes("$hex").map(Special::Bytes),
        1 => map.get("$float")?.as_str()?.parse().ok().map(Special::Float),
        2 if map.contains_key("$ext") => {
            let kind = map.get("$ext")?.as_i64().and_then(|kind| i8::try_from(kind).ok())?;
            bytes("hex").map(|bytes| Special::Extension(kind, bytes))
        }
        2 => Some(Special::Tag(map.get("$tag")?.as_u64()?, map.get("value")?.clone())),
        _ => None,
    }
}

/// What a key of an object stands for.
pub(super) enum Key<'k> {
    Text(&'k str),
    Integer(i128),
    /// A value in its own format.
    Raw(Vec<u8>),
}

pub(super) fn key(text: &str) -> Key<'_> {
    let Some(rest) = text.strip_prefix('#') else { return Key::Text(text) };
    if let Some(raw) = rest.strip_prefix('=').and_then(unhex) {
        return Key::Raw(raw);
    }
    match rest.parse() {
        Ok(number) => Key::Integer(number),
        // `##a` is `#a`; anything else is taken as it stands.
        Err(_) => Key::Text(if rest.starts_with('#') { rest } else { text }),
    }
}
