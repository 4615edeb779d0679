//! Protocol Buffers without a descriptor to JSON and back: fields are named by their numbers.
//!
//! | wire type | as JSON |
//! |---|---|
//! | a varint | a number |
//! | 8 bytes | `{"$fixed64": 7}` |
//! | 4 bytes | `{"$fixed32": 7}` |
//! | a length and bytes that are a text | a string |
//! | other bytes | `{"$hex": "00ff"}` |
//! | bytes that are a message, where the golden's `nested` says so | an object |
//!
//! A repeated field is a list. The bytes do not say which of them are messages; that must be learned from many
//! messages. Groups, which are obsolete, and numbers in more bytes than necessary are not read.
//!
//! The order of fields with different numbers is lost; it has no meaning.

use super::hex::unhex;
use super::special::{MAX_DEPTH, Unwritable, bytes_to_json};
use super::varint;
use serde_json::{Map, Value, json};

/// The largest number of a field.
const MAX_FIELD: u64 = (1 << 29) - 1;
/// A number takes no more bytes.
const MAX_NUMBER_BYTES: usize = 10;
/// A message has no more fields.
const MAX_FIELDS: usize = 1 << 16;
/// The keys for values of eight and of four bytes.
const FIXED64: &str = "$fixed64";
const FIXED32: &str = "$fixed32";

/// The message that some bytes are; none where they are none.
pub(super) fn read(mut rest: &[u8]) -> Option<Value> {
    let mut map: Map<String, Value> = Map::new();
    let mut count = 0;
    while !rest.is_empty() {
        count += 1;
        let (tag, after) = number(rest)?;
        let field = tag >> 3;
        if !(1..=MAX_FIELD).contains(&field) || count > MAX_FIELDS {
            return None;
        }
        let (value, after) = match tag & 7 {
            0 => {
                let (number, after) = number(after)?;
                (Value::from(number), after)
            }
            1 => {
                let (bytes, after) = after.split_first_chunk()?;
                (json!({ FIXED64: u64::from_le_bytes(*bytes) }), after)
            }
            2 => {
                let (length, after) = number(after)?;
                let (bytes, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                (of_bytes(bytes), after)
            }
            5 => {
                let (bytes, after) = after.split_first_chunk()?;
                (json!({ FIXED32: u32::from_le_bytes(*bytes) }), after)
            }
            _ => return None,
        };
        rest = after;
        let key = field.to_string();
        match map.get_mut(&key) {
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => drop(map.insert(key, value)),
        }
    }
    Some(Value::Object(map))
}

/// Bytes as a text, where people could have written it.
fn of_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) => {
            Value::from(text)
        }
        _ => bytes_to_json(bytes),
    }
}

/// The message that a value with a length is, if there is something in it.
pub(crate) fn inner(value: &Value) -> Option<Value> {
    let bytes = match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(map) if map.len() == 1 => unhex(map.get("$hex")?.as_str()?)?,
        _ => return None,
    };
    read(&bytes).filter(|message| message.as_object().is_some_and(|map| !map.is_empty()))
}

/// A number of at most 64 bits, in as few bytes as it needs.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (value, length) = varint::read(bytes, MAX_NUMBER_BYTES)?;
    (length == 1 || bytes[length - 1] != 0).then(|| (value, &bytes[length..]))
}

/// The bytes of a message.
pub(super) fn write(message: &Value) -> Result<Vec<u8>, Unwritable> {
    let mut out = Vec::new();
    put_message(message, 0, &mut out)?;
    Ok(out)
}

fn put_message(message: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    let map = message.as_object().ok_or_else(|| Unwritable("it is not an object".to_owned()))?;
    if depth == MAX_DEPTH {
        return Err(Unwritable(format!("its messages are more than {MAX_DEPTH} deep")));
    }
    for (key, value) in map {
        let field = key.parse::<u64>().ok().filter(|field| (1..=MAX_FIELD).contains(field));
        let field = field.ok_or_else(|| Unwritable(format!("`{key}` is not a field number")))?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| put_field(field, item, depth, out))?,
            one => put_field(field, one, depth, out)?,
        }
    }
    Ok(())
}

fn put_field(field: u64, value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    let tag = |wire: u64, out: &mut Vec<u8>| varint::write(field << 3 | wire, out);
    let only = |key: &str| value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get(key));
    let wrong = || Unwritable(format!("field {field} cannot have this value"));
    let bytes = match value {
        Value::Null => return Ok(()),
        Value::Bool(own) => {
            tag(0, out);
            varint::write(u64::from(*own), out);
            return Ok(());
        }
        Value::Number(number) => {
            // A negative number is its two's complement.
            let own =
                number.as_u64().or_else(|| number.as_i64().map(i64::cast_unsigned)).ok_or_else(wrong)?;
            tag(0, out);
            varint::write(own, out);
            return Ok(());
        }
        Value::Object(_) if only(FIXED64).is_some() => {
            tag(1, out);
            out.extend(only(FIXED64).and_then(Value::as_u64).ok_or_else(wrong)?.to_le_bytes());
            return Ok(());
        }
        Value::Object(_) if only(FIXED32).is_some() => {
            let own = only(FIXED32).and_then(Value::as_u64).and_then(|own| u32::try_from(own).ok());
            tag(5, out);
            out.extend(own.ok_or_else(wrong)?.to_le_bytes());
            return Ok(());
        }
        Value::Object(_) if only("$hex").is_some() => {
            only("$hex").and_then(Value::as_str).and_then(unhex).ok_or_else(wrong)?
        }
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(_) => {
            let mut own = Vec::new();
            put_message(value, depth + 1, &mut own)?;
            own
        }
        Value::Array(_) => return Err(wrong()),
    };
    tag(2, out);
    varint::write(bytes.len() as u64, out);
    out.extend(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_is_its_number_and_what_its_wire_type_says() {
        for (bytes, expected) in [
            // The examples of the encoding's description.
            (&b"\x08\x96\x01"[..], json!({ "1": 150 })),
            (b"\x12\x07testing", json!({ "2": "testing" })),
            (b"\x1a\x03\x08\x96\x01", json!({ "3": { "$hex": "089601" } })),
            (b"\x20\x01\x20\x02\x2a\0", json!({ "4": [1, 2], "5": "" })),
            (b"\x09\0\0\0\0\0\0\xf0\x3f", json!({ "1": { "$fixed64": 4_607_182_418_800_017_408_u64 } })),
            (b"\x0d\x01\0\0\0", json!({ "1": { "$fixed32": 1 } })),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", json!({ "1": u64::MAX })),
        ] {
            assert_eq!(read(bytes), Some(expected.clone()), "{bytes:?}");
            assert_eq!(write(&expected).as_deref(), Ok(bytes));
        }
        assert_eq!(inner(&json!({ "$hex": "089601" })), Some(json!({ "1": 150 })));
        assert_eq!(write(&json!({ "3": { "1": 150 } })).as_deref(), Ok(&b"\x1a\x03\x08\x96\x01"[..]));
        assert_eq!(
            write(&json!({ "1": -1 })).as_deref(),
            Ok(&b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..])
        );
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for bytes in [
            &b"\0\0"[..],
            b"\x08",
            b"\x08\x80\0",
            b"\x0a\x05ab",
            b"\x0b\x0c",
            b"\x09\0\0",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        for (message, why) in [
            (json!({ "name": 1 }), "`name` is not a field number"),
            (json!({ "0": 1 }), "`0` is not a field number"),
            (json!({ "1": 0.5 }), "field 1 cannot have this value"),
            (json!({ "1": [[1]] }), "field 1 cannot have this value"),
            (json!({ "1": { "$hex": "0" } }), "field 1 cannot have this value"),
            (json!([]), "it is not an object"),
        ] {
            assert_eq!(write(&message).map_err(|error| error.to_string()), Err(why.to_owned()));
        }
        let mut deep = json!({});
        for _ in 0..1_000 {
            deep = json!({ "1": deep });
        }
        assert!(write(&deep).is_err());
    }

    fn any_message() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::from),
            any::<u64>().prop_map(|own| json!({ FIXED64: own })),
            any::<u32>().prop_map(|own| json!({ FIXED32: own })),
            "[a-z ]{0,6}".prop_map(Value::from),
            prop::collection::vec(0x80u8.., 1..4).prop_map(|own| of_bytes(&own)),
        ];
        let field =
            prop_oneof![3 => leaf.clone(), 1 => prop::collection::vec(leaf, 2..4).prop_map(Value::from)];
        prop::collection::vec((1..=MAX_FIELD, field), 1..5).prop_map(|fields| {
            fields.into_iter().map(|(key, own)| (key.to_string(), own)).collect::<Map<_, _>>().into()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(message in any_message()) {
            let bytes = write(&message).expect("a message");
            prop_assert_eq!(read(&bytes), Some(message.clone()));
            // Also as a message in a message.
            let outer = json!({ "7": message });
            let read = read(&write(&outer).expect("a message")).expect("a message");
            prop_assert_eq!(inner(&read["7"]), Some(message));
        }

        #[test]
        fn what_is_read_is_written_in_as_many_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(message) = read(&bytes) {
                let again = write(&message).expect("it was read");
                prop_assert_eq!(again.len(), bytes.len());
                prop_assert_eq!(read(&again), Some(message));
            }
        }
    }
}
