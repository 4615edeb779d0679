//! MessagePack, as JSON and back.

use super::hex::hex;
use super::special::{Key, MAX_DEPTH, Special, bytes_to_json, float_to_json, key, special, text_key};
use rmpv::Value as Packed;
use serde_json::{Map, Value, json};

/// The value that begins here; `rest` is what follows it.
pub(super) fn read(rest: &mut &[u8]) -> Option<Value> {
    rmpv::decode::read_value_with_max_depth(rest, MAX_DEPTH).ok().map(to_json)
}

fn to_json(value: Packed) -> Value {
    match value {
        Packed::Nil => Value::Null,
        Packed::Boolean(value) => Value::Bool(value),
        Packed::Integer(value) => match (value.as_u64(), value.as_i64()) {
            (Some(value), _) => Value::from(value),
            (None, Some(value)) => Value::from(value),
            (None, None) => Value::Null,
        },
        // The shortest number that is this one: 0.1, and not 0.10000000149.
        Packed::F32(value) => float_to_json(value.to_string().parse().unwrap_or(f64::from(value))),
        Packed::F64(value) => float_to_json(value),
        Packed::String(text) => text.as_str().map_or_else(|| bytes_to_json(text.as_bytes()), Value::from),
        Packed::Binary(bytes) => bytes_to_json(&bytes),
        Packed::Array(items) => Value::Array(items.into_iter().map(to_json).collect()),
        Packed::Map(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key_of(&key), to_json(value))).collect())
        }
        Packed::Ext(kind, bytes) => json!({ "$ext": kind, "hex": hex(&bytes) }),
    }
}

fn key_of(key: &Packed) -> String {
    match key {
        Packed::Integer(number) => format!("#{number}"),
        Packed::String(text) if text.as_str().is_some() => text_key(text.as_str().unwrap_or_default()),
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

fn encode(value: &Packed, out: &mut Vec<u8>) {
    // Memory takes whatever is written to it.
    rmpv::encode::write_value(out, value).unwrap_or_default();
}

fn of_json(value: &Value) -> Packed {
    match value {
        Value::Null => Packed::Nil,
        Value::Bool(value) => Packed::Boolean(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Packed::from(number),
            (None, Some(number)) => Packed::from(number),
            (None, None) => Packed::F64(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Packed::from(text.as_str()),
        Value::Array(items) => Packed::Array(items.iter().map(of_json).collect()),
        Value::Object(map) => special_of_json(map),
    }
}

fn special_of_json(map: &Map<String, Value>) -> Packed {
    match special(map) {
        Some(Special::Bytes(bytes)) => Packed::Binary(bytes),
        Some(Special::Float(value)) => Packed::F64(value),
        Some(Special::Extension(kind, bytes)) => Packed::Ext(kind, bytes),
        Some(Special::Tag(..)) | None => {
            Packed::Map(map.iter().map(|(name, value)| (key_of_json(name), of_json(value))).collect())
        }
    }
}

fn key_of_json(name: &str) -> Packed {
    match key(name) {
        Key::Text(text) => Packed::from(text),
        Key::Integer(number) => match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => Packed::from(number),
            (Err(_), Ok(number)) => Packed::from(number),
            // No integer of MessagePack is so large.
            (Err(_), Err(_)) => Packed::from(name),
        },
        Key::Raw(bytes) => rmpv::decode::read_value_with_max_depth(&mut bytes.as_slice(), MAX_DEPTH)
            .unwrap_or_else(|_| Packed::from(name)),
    }
}
