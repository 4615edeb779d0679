//! What looks like an id, and where ids stand in a payload.

use crate::dialect::push_key;
use crate::golden::Format;
use serde_json::Value;

/// A whole number below this may be the same by chance.
pub(super) const SMALL: u64 = 1_000_000;
/// So many digits are the same by chance, as a text here and as a number there.
const SHORT: usize = 6;

/// A tuple has at most so many places.
const MAX_PLACES: usize = 8;

/// An id as text: a string, or a whole number.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// An id as the text by which it is told from others. A short one of digits is another as a text than as a number: the 5th
/// message of a room is no answer to the request `"5"`.
pub(super) fn told_apart(value: &Value) -> Option<String> {
    let text = id_text(value)?;
    let is_short = value.is_string() && text.len() <= SHORT && text.bytes().all(|byte| byte.is_ascii_digit());
    Some(if is_short { format!("{text:?}") } else { text })
}

/// Whether a value looks like an id rather than a word, a text or a date.
pub(in crate::learn) fn is_id(path: &str, value: &Value) -> bool {
    let leaf = leaf(path);
    let named = leaf == "id" || ["_id", "-id", "Id", "ID"].iter().any(|end| leaf.ends_with(end));
    match value {
        Value::String(text) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            // A counter, written as a text.
            let counts = named && digits > 0 && digits == text.len() && digits <= 20;
            let long = (6..=200).contains(&text.len()) && !text.contains(char::is_whitespace);
            let is_of = || match Format::of(text) {
                Some(format) => format != Format::Timestamp,
                None => {
                    (digits >= 4 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c)))
                        || (named && digits > 0)
                }
            };
            counts || (long && is_of())
        }
        Value::Number(number) => named && !number.is_f64(),
        _ => false,
    }
}

/// Whether a field says by its name that it refers to something: `id`, `callId`, `progressToken`, `ref`, and any place of
/// a tuple.
pub(in crate::learn) fn is_reference(path: &str) -> bool {
    let leaf = leaf(path);
    let lower = leaf.to_ascii_lowercase();
    ["id", "ref", "token", "tx", "transaction", "nonce", "uuid", "cid", "correlation"]
        .contains(&lower.as_str())
        || ["_id", "-id", "Id", "ID", "_ref", "Ref", "_token", "Token", "_key"]
            .iter()
            .any(|end| leaf.ends_with(end))
        || (!leaf.is_empty() && leaf.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a field says by its name that it numbers the parts of something.
pub(super) fn is_place(leaf: &str) -> bool {
    leaf == "index" || leaf == "idx" || leaf.ends_with("_index") || leaf.ends_with("Index")
}

/// Visits the values of a payload that are no objects, each with the pointer that leads to it.
pub(super) fn walk(data: &Value, visit: &mut impl FnMut(&str, &Value)) {
    fn descend(value: &Value, path: &mut String, depth: usize, visit: &mut impl FnMut(&str, &Value)) {
        let here = path.len();
        match value {
            Value::Object(map) if depth < 5 => {
                for (key, item) in map {
                    push_key(path, key);
                    descend(item, path, depth + 1, visit);
                    path.truncate(here);
                }
            }
            Value::Array(items) if depth == 0 && items.len() <= MAX_PLACES => {
                for (place, item) in items.iter().enumerate() {
                    push_key(path, &place.to_string());
                    descend(item, path, 1, visit);
                    path.truncate(here);
                }
            }
            value => visit(path, value),
        }
    }
    descend(data, &mut String::new(), 0, visit);
}

pub(super) fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default().trim_start_matches('@')
}
