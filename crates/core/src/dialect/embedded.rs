//! JSON in the strings of JSON: Pusher's `"data": "{\"message\":\"hi\"}"`, ActionCable's `identifier`.
//!
//! The JSON in such a string is treated as part of the message, so that names, shapes and bindings reach into it.

use super::push_key;
use serde_json::Value;
use std::collections::BTreeMap;

/// The key for a value at the place of an expected string: the expected content is then missing, so the two are
/// distinguished.
const BARE: &str = "unembedded";
/// Strings are looked for so many keys below the message.
const MAX_DEPTH: usize = 4;
/// The maximum of places of a tuple.
const MAX_PLACES: usize = 8;
/// Fewer strings say too little to tell.
const MIN_SEEN: u32 = 3;

/// Puts what the strings at these pointers say in their places. Anything except an object or a list stays a string.
pub(super) fn expand(message: &mut Value, pointers: &[String]) {
    for pointer in pointers {
        let Some(slot) = message.pointer_mut(pointer) else { continue };
        match slot {
            Value::String(text) => {
                if let Some(value) = inner(text) {
                    *slot = value;
                }
            }
            Value::Object(_) | Value::Array(_) => {
                let bare = slot.take();
                *slot = serde_json::json!({ BARE: bare });
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The message as it is sent: what [`expand`] has read is a string again.
pub(super) fn collapse(message: &mut Value, pointers: &[String]) {
    for pointer in pointers.iter().rev() {
        let Some(slot) = message.pointer_mut(pointer) else { continue };
        match slot {
            Value::Object(map) if map.len() == 1 && map.contains_key(BARE) => {
                *slot = map.remove(BARE).unwrap_or_default();
            }
            Value::Object(_) | Value::Array(_) => *slot = Value::String(slot.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The object or list that a string says.
fn inner(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The statistics of strings at a pointer.
#[derive(Default)]
struct Seen {
    /// The number of strings with a non-empty object or list.
    inner: u32,
    /// Whether one does not, or a piece of one came before it.
    otherwise: bool,
}

/// The pointers at which all strings of some sessions' messages say JSON, outer ones first. What came in pieces before is
/// what somebody writes bit by bit, as a model does its arguments: it stays the text that the pieces make.
pub(crate) fn find(sessions: &[Vec<Value>]) -> Vec<String> {
    let mut found = Vec::new();
    // A string within a string.
    for _ in 0..2 {
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        for session in sessions {
            let mut pieces: Vec<String> = Vec::new();
            for message in session {
                let mut message = message.clone();
                expand(&mut message, &found);
                let from = pieces.len();
                look(&message, &mut String::new(), 0, &found, &mut |pointer, value| match value {
                    Value::String(text) if text.is_empty() => {}
                    Value::String(text) => {
                        let own = seen.entry(pointer.to_owned()).or_default();
                        match inner(text) {
                            Some(value) => {
                                let is_empty = value.as_array().map_or_else(
                                    || value.as_object().is_none_or(serde_json::Map::is_empty),
                                    Vec::is_empty,
                                );
                                own.inner += u32::from(!is_empty);
                                own.otherwise |= pieces[..from].iter().any(|piece| text.starts_with(piece));
                            }
                            None => own.otherwise = true,
                        }
                        if inner(text).is_none() && text.trim_start().starts_with(['{', '[']) {
                            pieces.push(text.clone());
                        }
                    }
                    _ => seen.entry(pointer.to_owned()).or_default().otherwise |= !value.is_null(),
                });
            }
        }
        let more = seen.into_iter().filter(|(_, seen)| !seen.otherwise && seen.inner >= MIN_SEEN);
        let more: Vec<String> = more.map(|(pointer, _)| pointer).collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    found
}

/// Shows all values of a message, but for those in places that are known.
fn look(
    value: &Value,
    pointer: &mut String,
    depth: usize,
    known: &[String],
    show: &mut impl FnMut(&str, &Value),
) {
    if depth > 0 && !known.contains(pointer) {
        show(pointer, value);
    }
    if depth == MAX_DEPTH {
        return;
    }
    let from = pointer.len();
    let mut below = |key: &str, item: &Value, pointer: &mut String| {
        push_key(pointer, key);
        look(item, pointer, depth + 1, known, show);
        pointer.truncate(from);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, item)| below(key, item, pointer)),
        Value::Array(items) if items.len() <= MAX_PLACES => {
            items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item, pointer));
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_a_string_says_stands_in_its_place() {
        let pointers = ["/data".to_owned(), "/data/more".to_owned()];
        let sent = json!({ "event": "a", "data": r#"{"text":"hi","more":"[1]"}"# });
        let mut message = sent.clone();
        expand(&mut message, &pointers);
        assert_eq!(message, json!({ "event": "a", "data": { "text": "hi", "more": [1] } }));
        collapse(&mut message, &pointers);
        assert_eq!(message, sent);
        for (value, expected) in [
            (json!({ "data": "hello" }), json!({ "data": "hello" })),
            (json!({ "data": "7" }), json!({ "data": "7" })),
            (json!({ "data": null }), json!({ "data": null })),
            (json!({ "data": { "text": "hi" } }), json!({ "data": { "unembedded": { "text": "hi" } } })),
        ] {
            let mut message = value.clone();
            expand(&mut message, &pointers);
            assert_eq!(message, expected);
            collapse(&mut message, &pointers);
            assert_eq!(message, value);
        }
    }

    #[test]
    fn strings_that_all_say_json_are_found() {
        let pusher = vec![
            json!({ "event": "connected", "data": r#"{"socket_id":"1.2"}"# }),
            json!({ "event": "subscribed", "data": "{}", "channel": "a" }),
            json!({ "event": "said", "data": r#"{"inner":"{\"a\":1}"}"# }),
        ];
        assert_eq!(find(&vec![pusher; 3]), ["/data", "/data/inner"]);
        // One with other content, one that is not a string.
        let mixed = |other: Value| vec![json!({ "data": "{\"a\":1}" }), json!({ "data": other })];
        assert_eq!(find(&vec![mixed(json!("hello")); 3]), [""; 0]);
        assert_eq!(find(&vec![mixed(json!({ "a": 1 })); 3]), [""; 0]);
        assert_eq!(find(&vec![mixed(json!("")); 3]), ["/data"]);
        assert_eq!(find(&vec![mixed(json!(null)); 3]), ["/data"]);
        // A model's arguments first come in parts.
        let streamed = vec![
            json!({ "type": "delta", "delta": "{\"da" }),
            json!({ "type": "delta", "delta": "ys\":4}" }),
            json!({ "type": "done", "arguments": "{\"days\":4}" }),
        ];
        assert_eq!(find(&vec![streamed; 3]), [""; 0]);
        assert_eq!(find(&[vec![json!({ "data": "{\"a\":1}" })]]), [""; 0]);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_sent_as_it_was(text in "[{}\\[\\]\":a,1 ]{0,10}", is_bare: bool) {
            let pointers = ["/a".to_owned()];
            let value = if is_bare { json!({ "a": { "b": text } }) } else { json!({ "a": text }) };
            let mut message = value.clone();
            expand(&mut message, &pointers);
            collapse(&mut message, &pointers);
            let said = |value: &Value| value["a"].as_str().and_then(inner).unwrap_or(value["a"].clone());
            prop_assert_eq!(said(&message), said(&value));
        }
    }
}
