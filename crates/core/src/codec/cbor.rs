//! CBOR, as JSON and back.

use super::hex::hex;
use super::special::{Key, MAX_DEPTH, Special, bytes_to_json, float_to_json, key, special, text_key};
use ciborium::Value as Cbor;
use serde_json::{Map, Value, json};

/// The value that begins here; `rest` is what follows it.
pub(super) fn read(rest: &mut &[u8]) -> Option<Value> {
    parse(rest).map(to_json)
}

fn parse(rest: &mut &[u8]) -> Option<Cbor> {
    ciborium::de::from_reader_with_recursion_limit(rest, MAX_DEPTH).ok()
}

fn to_json(value: Cbor) -> Value {
    match value {
        Cbor::Bool(value) => Value::Bool(value),
        Cbor::Integer(value) => {
            let number = i128::from(value);
            match (u64::try_from(number), i64::try_from(number)) {
                (Ok(number), _) => Value::from(number),
                (Err(_), Ok(number)) => Value::from(number),
                // Only a negative number of 64 bits is beyond both.
                (Err(_), Err(_)) => json!({ "$float": number.to_string() }),
            }
        }
        Cbor::Float(value) => float_to_json(value),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bytes(bytes) => bytes_to_json(&bytes),
        Cbor::Array(items) => Value::Array(items.into_iter().map(to_json).collect()),
        Cbor::Map(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key_of(&key), to_json(value))).collect())
        }
        Cbor::Tag(tag, value) => json!({ "$tag": tag, "value": to_json(*value) }),
        // `null`, and what this reader learns to read one day.
        _ => Value::Null,
    }
}

fn key_of(key: &Cbor) -> String {
    match key {
        Cbor::Integer(number) => format!("#{}", i128::from(*number)),
        Cbor::Text(text) => text_key(text),
        other => {
            let mut bytes = Vec::new();
            encode(other, &mut bytes);
            format!("#={}", hex(&bytes))
        }
    }
}

/// Adds a value to the bytes of a frame.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    encode(&of_json(value), out);
}

fn encode(value: &Cbor, out: &mut Vec<u8>) {
    // Memory takes whatever is written to it.
    ciborium::into_writer(value, out).unwrap_or_default();
}

fn of_json(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Cbor::from(number),
            (None, Some(number)) => Cbor::from(number),
            (None, None) => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cbor::from(text.as_str()),
        Value::Array(items) => Cbor::Array(items.iter().map(of_json).collect()),
        Value::Object(map) => special_of_json(map),
    }
}

fn special_of_json(map: &Map<String, Value>) -> Cbor {
    match special(map) {
        Some(Special::Bytes(bytes)) => Cbor::Bytes(bytes),
        Some(Special::Float(value)) => Cbor::Float(value),
        Some(Special::Tag(tag, value)) => Cbor::Tag(tag, Box::new(of_json(&value))),
        Some(Special::Extension(..)) | None => {
            Cbor::Map(map.iter().map(|(name, value)| (key_of_json(name), of_json(value))).collect())
        }
    }
}

fn key_of_json(name: &str) -> Cbor {
    match key(name) {
        Key::Text(text) => Cbor::from(text),
        Key::Integer(number) => {
            ciborium::value::Integer::try_from(number).map_or_else(|_| Cbor::from(name), Cbor::Integer)
        }
        Key::Raw(bytes) => parse(&mut bytes.as_slice()).unwrap_or_else(|| Cbor::from(name)),
    }
}
