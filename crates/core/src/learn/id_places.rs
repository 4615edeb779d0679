//! Where a message may have the id of a request: in its own fields and places, and in objects in these.

use super::lanes::is_reference;
use super::paths::MAX_PLACES;
use crate::dialect::push_key;
use serde_json::Value;

/// Objects in objects deeper than this are content.
const MAX_DEPTH: usize = 3;

/// Texts and numbers that may be an id, each with the pointer that leads to it. In a list of places any of them may be one; a
/// field says by its name that it refers to something.
pub(super) fn id_places(message: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    match message {
        Value::Array(items) if items.len() <= MAX_PLACES => {
            for (number, item) in items.iter().enumerate() {
                let mut path = String::new();
                push_key(&mut path, &number.to_string());
                if is_value(item) {
                    found.push((path, item));
                } else {
                    below(item, &mut path, 1, &mut found);
                }
            }
        }
        message => below(message, &mut String::new(), 0, &mut found),
    }
    found
}

fn is_value(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
}

fn below<'v>(value: &'v Value, path: &mut String, depth: usize, found: &mut Vec<(String, &'v Value)>) {
    let Value::Object(map) = value else { return };
    let here = path.len();
    for (key, item) in map {
        push_key(path, key);
        // A key that is a number is none of the names by which things are referred to.
        if is_value(item) && is_reference(path) && (depth == 0 || key.parse::<u64>().is_err()) {
            found.push((path.clone(), item));
        } else if depth < MAX_DEPTH {
            below(item, path, depth + 1, found);
        }
        path.truncate(here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_stands_in_a_place_of_a_list_or_in_a_field_that_says_so() {
        let of =
            |value: Value| -> Vec<String> { id_places(&value).into_iter().map(|(path, _)| path).collect() };
        assert_eq!(
            of(json!({"id": 1, "text": "a", "meta": {"ref": "b", "n": 2, "7": 1}, "ids": [1]})),
            ["/id", "/meta/ref"]
        );
        assert_eq!(
            of(json!(["ask", 7, null, {"ref": 1, "to": {"call_id": "c"}}])),
            ["/0", "/1", "/3/ref", "/3/to/call_id"]
        );
        assert_eq!(of(json!({"a": {"b": {"c": {"d": {"id": 1}}}}})), [""; 0], "deep down it is content");
        assert_eq!(of(json!("id")), [""; 0]);
    }
}
