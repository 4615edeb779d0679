//! Protocol Buffers with a descriptor: fields have their names.
//!
//! | in the description | as JSON |
//! |---|---|
//! | an integer of any kind | a number |
//! | a float | a number; what is none as `{"$float": "NaN"}` |
//! | an enumeration | the name of its value, or the number of one that has no name |
//! | bytes | `{"$hex": "00ff"}` |
//! | a map | an object |
//! | a field that is not described | its number, as without a description |
//!
//! A missing field stays missing, also if the descriptor has a default: the message is shown as it was sent.

use super::protobuf;
use super::special::{Special, Unwritable, bytes_to_json, float_to_json, special};
use prost_reflect::prost::Message as _;
use prost_reflect::prost::bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value as Field,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// A larger description is none, in bytes.
const MAX_DESCRIPTION: usize = 64 << 20;

/// The descriptor of a message type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    message: MessageDescriptor,
}

/// The reason why a descriptor set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It cannot be read.
    #[error(
        "it is not a descriptor set ({0}); `protoc --include_imports --descriptor_set_out=FILE` writes one"
    )]
    Unreadable(String),
    /// There is no such message in it.
    #[error("it has no message `{0}`{1}")]
    Unknown(String, String),
}

impl Schema {
    /// Finds the message with this full name, `chat.Envelope`, in a descriptor set
    /// (`google.protobuf.FileDescriptorSet`).
    ///
    /// # Errors
    /// If the set cannot be read, or has no such message.
    pub fn of(set: &[u8], message: &str) -> Result<Schema, SchemaError> {
        if set.len() > MAX_DESCRIPTION {
            return Err(SchemaError::Unreadable("it is larger than 64 MiB".to_owned()));
        }
        let pool = DescriptorPool::decode(set).map_err(|error| SchemaError::Unreadable(error.to_string()))?;
        let found = pool.get_message_by_name(message);
        found.map(|message| Schema { message }).ok_or_else(|| {
            let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
            let kin = pool.all_messages().find(|own| last(own.full_name()) == last(message));
            let hint = kin.map(|own| format!("; there is `{}`", own.full_name())).unwrap_or_default();
            SchemaError::Unknown(message.to_owned(), hint)
        })
    }

    /// The message that some bytes are; none where they are none.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Value> {
        to_json(&DynamicMessage::decode(self.message.clone(), bytes).ok()?)
    }

    /// The bytes of a message.
    pub(super) fn write(&self, value: &Value) -> Result<Vec<u8>, Unwritable> {
        Ok(of_json(&self.message, value)?.encode_to_vec())
    }
}

fn to_json(message: &DynamicMessage) -> Option<Value> {
    let mut map = Map::new();
    // In the order of their numbers, because sets of fields have none.
    let fields: BTreeMap<u32, (FieldDescriptor, &Field)> =
        message.fields().map(|(field, value)| (field.number(), (field, value))).collect();
    for (field, value) in fields.values() {
        map.insert(field.name().to_owned(), field_to_json(&field.kind(), value)?);
    }
    let mut unknown = Vec::new();
    message.unknown_fields().for_each(|field| field.encode(&mut unknown));
    if let Value::Object(rest) = protobuf::read(&unknown)? {
        map.extend(rest);
    }
    Some(Value::Object(map))
}

fn field_to_json(kind: &Kind, value: &Field) -> Option<Value> {
    Some(match value {
        Field::Bool(own) => Value::from(*own),
        Field::I32(own) => Value::from(*own),
        Field::I64(own) => Value::from(*own),
        Field::U32(own) => Value::from(*own),
        Field::U64(own) => Value::from(*own),
        // The shortest number with this value: 0.1, not 0.10000000149.
        Field::F32(own) => float_to_json(own.to_string().parse().unwrap_or(f64::from(*own))),
        Field::F64(own) => float_to_json(*own),
        Field::String(own) => Value::from(own.as_str()),
        Field::Bytes(own) => bytes_to_json(own),
        Field::EnumNumber(own) => {
            let named = kind.as_enum().and_then(|own_kind| own_kind.get_value(*own));
            named.map_or_else(|| Value::from(*own), |named| Value::from(named.name()))
        }
        Field::Message(own) => to_json(own)?,
        Field::List(items) => {
            items.iter().map(|item| field_to_json(kind, item)).collect::<Option<Vec<Value>>>()?.into()
        }
        Field::Map(entries) => {
            let kind = kind.as_message()?.map_entry_value_field().kind();
            let sorted: BTreeMap<&MapKey, &Field> = entries.iter().collect();
            let mut map = Map::new();
            for (key, own) in sorted {
                map.insert(key_text(key), field_to_json(&kind, own)?);
            }
            Value::Object(map)
        }
    })
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(own) => own.to_string(),
        MapKey::I32(own) => own.to_string(),
        MapKey::I64(own) => own.to_string(),
        MapKey::U32(own) => own.to_string(),
        MapKey::U64(own) => own.to_string(),
        MapKey::String(own) => own.clone(),
    }
}

fn of_json(described: &MessageDescriptor, value: &Value) -> Result<DynamicMessage, Unwritable> {
    let name = || described.full_name().to_owned();
    let map = value.as_object().ok_or_else(|| Unwritable(format!("its {} is not an object", name())))?;
    let mut message = DynamicMessage::new(described.clone());
    let mut unknown = Map::new();
    for (key, own) in map.iter().filter(|(_, own)| !own.is_null()) {
        match described.get_field_by_name(key).or_else(|| described.get_field_by_json_name(key)) {
            Some(field) => {
                let value = of_field(&field, own)
                    .ok_or_else(|| Unwritable(format!("`{key}` of {} cannot be {own}", name())))?;
                message.set_field(&field, value);
            }
            None if key.bytes().all(|byte| byte.is_ascii_digit()) => {
                drop(unknown.insert(key.clone(), own.clone()))
            }
            None => return Err(Unwritable(format!("{} has no field `{key}`", name()))),
        }
    }
    let rest = protobuf::write(&Value::Object(unknown))?;
    message.merge(rest.as_slice()).map_err(|error| Unwritable(error.to_string()))?;
    Ok(message)
}

fn of_field(field: &FieldDescriptor, value: &Value) -> Option<Field> {
    let kind = field.kind();
    if field.is_map() {
        let entry = kind.as_message()?;
        let (key_kind, own_kind) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let mut entries = HashMap::new();
        for (key, own) in value.as_object()? {
            entries.insert(key_of(&key_kind, key)?, of_single(&own_kind, own)?);
        }
        return Some(Field::Map(entries));
    }
    if field.is_list() {
        return match value {
            Value::Array(items) => items
                .iter()
                .map(|item| of_single(&kind, item))
                .collect::<Option<Vec<Field>>>()
                .map(Field::List),
            one => Some(Field::List(vec![of_single(&kind, one)?])),
        };
    }
    of_single(&kind, value)
}

fn key_of(kind: &Kind, key: &str) -> Option<MapKey> {
    Some(match kind {
        Kind::Bool => MapKey::Bool(key.parse().ok()?),
        Kind::String => MapKey::String(key.to_owned()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(key.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(key.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(key.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(key.parse().ok()?),
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a float of 32 bits is what is wanted")]
fn of_single(kind: &Kind, value: &Value) -> Option<Field> {
    // A number that a golden has as text, such as a bound one.
    let text = value.as_str();
    let signed = || value.as_i64().or_else(|| text?.parse().ok());
    let unsigned = || value.as_u64().or_else(|| text?.parse().ok());
    let float = || match value.as_object().map(special) {
        Some(Some(Special::Float(own))) => Some(own),
        _ => value.as_f64().or_else(|| text?.parse().ok()),
    };
    Some(match kind {
        Kind::Bool => Field::Bool(value.as_bool()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(i32::try_from(signed()?).ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(signed()?),
        Kind::Uint32 | Kind::Fixed32 => Field::U32(u32::try_from(unsigned()?).ok()?),
        Kind::Uint64 | Kind::Fixed64 => Field::U64(unsigned()?),
        Kind::Float => Field::F32(float()? as f32),
        Kind::Double => Field::F64(float()?),
        Kind::String => Field::String(match value {
            Value::String(own) => own.clone(),
            Value::Number(own) => own.to_string(),
            _ => return None,
        }),
        Kind::Bytes => match special(value.as_object()?)? {
            Special::Bytes(own) => Field::Bytes(Bytes::from(own)),
            Special::Float(_) | Special::Extension(..) | Special::Tag(..) => return None,
        },
        Kind::Enum(own) => Field::EnumNumber(match value {
            Value::String(name) => own.get_value_by_name(name)?.number(),
            other => i32::try_from(other.as_i64()?).ok()?,
        }),
        Kind::Message(own) => Field::Message(of_json(own, value).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::unhex;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// `message Envelope { oneof body { Say say = 1; Ack ack = 2; } }`, with a field of every kind in `Say`, as a set of descriptors
    /// that is written by the codec without a description.
    pub(crate) fn set() -> Vec<u8> {
        let field = |name: &str, number: u64, label: u64, kind: u64, of: &str| {
            let mut own = json!({ "1": name, "3": number, "4": label, "5": kind });
            if !of.is_empty() {
                own["6"] = Value::from(of);
            }
            own
        };
        let mut body = [field("say", 1, 1, 11, ".chat.Say"), field("ack", 2, 1, 11, ".chat.Ack")];
        body.iter_mut().for_each(|own| own["9"] = Value::from(0));
        let kind = json!({ "1": "Kind", "2": [{ "1": "PLAIN", "2": 0 }, { "1": "LOUD", "2": 1 }] });
        let entry = json!({
            "1": "MarksEntry",
            "2": [field("key", 1, 1, 9, ""), field("value", 2, 1, 5, "")],
            "7": { "7": 1 },
        });
        let say = json!({
            "1": "Say",
            "2": [
                field("text", 1, 1, 9, ""),
                field("at", 2, 1, 3, ""),
                field("share", 3, 1, 2, ""),
                field("exact", 4, 1, 1, ""),
                field("raw", 5, 1, 12, ""),
                field("kind", 6, 1, 14, ".chat.Kind"),
                field("seen", 7, 3, 17, ""),
                field("marks", 8, 3, 11, ".chat.Say.MarksEntry"),
                field("parts", 9, 3, 11, ".chat.Ack"),
                field("is_new", 10, 1, 8, ""),
                field("mask", 11, 1, 6, ""),
            ],
            "3": entry,
        });
        let ack = json!({ "1": "Ack", "2": [field("id", 1, 1, 13, "")] });
        let envelope = json!({ "1": "Envelope", "2": body, "8": { "1": "body" } });
        let file =
            json!({ "1": "chat.proto", "2": "chat", "4": [envelope, say, ack], "5": kind, "12": "proto3" });
        protobuf::write(&json!({ "1": file })).expect("a set of descriptors")
    }

    #[test]
    fn fields_are_called_by_their_names() {
        let schema = Schema::of(&set(), "chat.Envelope").expect("a description");
        let message = json!({ "say": {
            "text": "hi", "at": -5, "share": 0.1, "exact": 0.25, "raw": { "$hex": "00ff" }, "kind": "LOUD", "seen": [-1, 7],
            "marks": { "a": 1, "b": -1 }, "parts": [{ "id": 1 }, { "id": 2 }], "is_new": true, "mask": 7,
        } });
        let bytes = schema.write(&message).expect("it can be said");
        assert_eq!(schema.read(&bytes), Some(message));
        // Unknown fields keep their numbers, and so do values of an enumeration without a name.
        let more = unhex("0a0530097a0161").expect("digits");
        let read = schema.read(&more);
        assert_eq!(read, Some(json!({ "say": { "kind": 9, "15": "a" } })));
        assert_eq!(schema.write(&read.unwrap_or_default()), Ok(unhex("0a0530097a0161").unwrap_or_default()));
        assert_eq!(schema.read(b"\x0a\x7f"), None);
    }

    #[test]
    fn what_is_not_described_is_told() {
        let schema = Schema::of(&set(), "chat.Envelope").expect("a description");
        for (message, why) in [
            (json!({ "sey": {} }), "chat.Envelope has no field `sey`"),
            (json!({ "ack": { "id": -1 } }), "`ack` of chat.Envelope cannot be {\"id\":-1}"),
            (json!([]), "its chat.Envelope is not an object"),
        ] {
            assert_eq!(schema.write(&message).map_err(|error| error.to_string()), Err(why.to_owned()));
        }
        let why = |set: &[u8], name: &str| Schema::of(set, name).map_err(|error| error.to_string()).err();
        assert_eq!(
            why(&set(), "Envelope").as_deref(),
            Some("it has no message `Envelope`; there is `chat.Envelope`")
        );
        assert!(
            why(b"hello", "chat.Envelope").is_some_and(|why| why.starts_with("it is not a descriptor set"))
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let schema = Schema::of(&set(), "chat.Envelope").expect("a description");
            if let Some(message) = schema.read(&bytes) {
                let again = schema.write(&message).expect("it was read");
                prop_assert_eq!(schema.read(&again), Some(message));
            }
            let _ = Schema::of(&bytes, "chat.Envelope");
        }
    }
}
