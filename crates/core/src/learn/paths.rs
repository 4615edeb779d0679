//! Iterates over the paths of payloads.

use crate::dialect::push_key;
use crate::golden::push_step;
use serde_json::Value;

/// A list of at most so many items may be a tuple, whose places have each a meaning of their own.
pub(super) const MAX_PLACES: usize = 8;

/// An object with more fields is a map of data, whose keys name nothing.
pub(super) const MAX_FIELDS: usize = 512;

/// The readable key of a pointer: for XML's `/body/#text` and the bytes at `/update/$hex` the key before, for an
/// attribute its name.
pub(super) fn word_of(pointer: &str) -> &str {
    let is_word = |key: &&str| !matches!(*key, "#text" | "$hex" | "$json");
    pointer.rsplit('/').find(is_word).unwrap_or_default().trim_start_matches('@')
}

/// Visits all strings and numbers of a payload with their JSON pointers (RFC 6901). Items of lists are content and
/// are not visited, except in a payload that is a tuple.
pub(super) fn each_place<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    places(value, false, visit);
}

/// The same, including short lists anywhere: the id of the first of a model's calls.
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

/// The same with paths as in a golden.
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
                // One path for all values, because a million events have many million fields.
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
