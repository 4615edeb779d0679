//! JSON pointers and the values at them.

use serde_json::{Map, Value};

/// A JSON pointer (RFC 6901) through these keys.
pub fn pointer<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    let mut path = String::new();
    keys.into_iter().for_each(|key| push_key(&mut path, key));
    path
}

/// Extends a JSON pointer by a key.
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for part in key.split_inclusive(['~', '/']) {
        match part.as_bytes().last() {
            Some(b'~') => pointer.extend([&part[..part.len() - 1], "~0"]),
            Some(b'/') => pointer.extend([&part[..part.len() - 1], "~1"]),
            _ => pointer.push_str(part),
        }
    }
}

/// The value at a JSON pointer. Like [`Value::pointer`], but a field of the outermost object, which is what is asked
/// for with every event, is found without taking the pointer apart.
pub(crate) fn value_at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    match (value, pointer.strip_prefix('/')) {
        (Value::Object(map), Some(key)) if !key.bytes().any(|byte| matches!(byte, b'/' | b'~')) => {
            field(map, key)
        }
        _ => value.pointer(pointer),
    }
}

/// The item at a place of a list, counted from 0.
pub(crate) fn place<'v>(items: &'v [Value], key: &str) -> Option<&'v Value> {
    items.get(key.parse::<usize>().ok()?)
}

/// A field of an object. In a small one to compare keys is quicker than to hash one.
pub(crate) fn field<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    if map.len() > 8 {
        return map.get(key);
    }
    map.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
}
