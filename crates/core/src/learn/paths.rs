//! Walking through payloads.

use crate::dialect::push_key;
use crate::golden::push_step;
use serde_json::Value;

/// A list of at most so many items may be a tuple, whose places have each a meaning of their own.
pub(super) const MAX_PLACES: usize = 8;

/// An object with more fields is a map of data, whose keys name nothing.
pub(super) const MAX_FIELDS: usize = 512;

/// The key by which a person knows what stands at a pointer: of XML's `/body/#text` and the bytes at `/update/$hex` the one
/// before, of an attribute its name.
pub(super) fn word_of(pointer: &str) -> &str {
    let is_word = |key: &&str| !matches!(*key, "#text" | "$hex" | "$json");
    pointer.rsplit('/').find(is_word).unwrap_or_default().trim_start_matches('@')
}

/// Visits every string and number of a payload with its JSON pointer (RFC 6901). What stands in a list is content of the
/// list and not visited, but at the places of a payload that is a tuple.
pub(super) fn each_place<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    places(value, false, visit);
}

/// Likewise, and what stands in short lists too, wherever they are: the id of the first of a model's calls.
pub(super) fn each_value<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    each_item(value, &mut String::new(), visit);
}

fn each_item<'v>(value: &'v Value, pointer: &mut String, visit: &mut impl FnMut(&str, &'v Value)) {
    let from = pointer.len();
    match value {
        Value::Object(map) if map.len() <= MAX_FIELDS => {
            for (key, item) in map {
                push_key(pointer, key);
                each_item(item, pointer, visit);
                pointer.truncate(from);
            }
        }
        Value::Array(items) if items.len() <= MAX_PLACES => {
            for (place, item) in items.iter().enumerate() {
                push_key(pointer, &place.to_string());
                each_item(item, pointer, visit);
                pointer.truncate(from);
            }
        }
        Value::String(_) | Value::Number(_) => visit(pointer, value),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
}

/// Likewise with its path as a golden writes it.
pub(super) fn each_place_by_path<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    places(value, true, visit);
}

fn places<'v>(value: &'v Value, is_path: bool, visit: &mut impl FnMut(&str, &'v Value)) {
    match value {
        Value::Array(items) if items.len() <= MAX_PLACES => {
            for (place, item) in items.iter().enumerate() {
                descend(item, &mut format!("/{place}"), is_path, visit);
            }
        }
        value => descend(value, &mut String::new(), is_path, visit),
    }
}

fn descend<'v>(value: &'v Value, path: &mut String, is_path: bool, visit: &mut impl FnMut(&str, &'v Value)) {
    match value {
        Value::Object(map) if map.len() <= MAX_FIELDS => {
            for (key, item) in map {
                let here = path.len();
                // One path for all: a million events have many million fields.
                if is_path && (key == "*" || key.ends_with('?')) {
                    push_step(path, key);
                    descend(item, path, is_path, visit);
                    path.truncate(here);
                    continue;
                }
                push_key(path, key);
                descend(item, path, is_path, visit);
                path.truncate(here);
            }
        }
        Value::String(_) | Value::Number(_) => visit(path, value),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
}
