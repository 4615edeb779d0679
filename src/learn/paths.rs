//! Walking through payloads.

use serde_json::Value;

/// Visits every string and number of a payload with its JSON pointer (RFC 6901). What stands in a list is content of
/// the list and not visited.
pub(super) fn each_scalar<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    descend(value, &mut String::new(), visit);
}

/// A list of at most so many items may be a tuple, whose places have each a meaning of their own.
const MAX_PLACES: usize = 8;

/// Likewise, and what stands at the places of a payload that is a tuple.
pub(super) fn each_place<'v>(value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    match value {
        Value::Array(items) if items.len() <= MAX_PLACES => {
            for (place, item) in items.iter().enumerate() {
                descend(item, &mut format!("/{place}"), visit);
            }
        }
        value => each_scalar(value, visit),
    }
}

fn descend<'v>(value: &'v Value, path: &mut String, visit: &mut impl FnMut(&str, &'v Value)) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                let here = path.len();
                path.push('/');
                // One path for all: a million events have many million fields.
                if key.contains(['~', '/']) {
                    path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                } else {
                    path.push_str(key);
                }
                descend(item, path, visit);
                path.truncate(here);
            }
        }
        Value::String(_) | Value::Number(_) => visit(path, value),
        Value::Null | Value::Bool(_) | Value::Array(_) => {}
    }
}
