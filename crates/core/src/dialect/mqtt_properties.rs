//! The properties of MQTT 5, section 2.2.2.2: their names, numbers and encodings.
//!
//! They are fields under `properties`. Repeatable ones, `user_property` and `subscription_identifier`, are lists.

use super::EncodeError;
use super::content::{self, put, text_of};
use super::mqtt_bytes::{Cursor, Packet, number};
use serde_json::{Map, Value, json};

enum Kind {
    /// A number of so many bytes.
    Number(usize),
    Variable,
    Text,
    Bytes,
    /// Two texts.
    Pair,
}

const ALL: [(u64, &str, Kind); 27] = [
    (1, "payload_format_indicator", Kind::Number(1)),
    (2, "message_expiry_interval", Kind::Number(4)),
    (3, "content_type", Kind::Text),
    (8, "response_topic", Kind::Text),
    (9, "correlation_data", Kind::Bytes),
    (11, "subscription_identifier", Kind::Variable),
    (17, "session_expiry_interval", Kind::Number(4)),
    (18, "assigned_client_identifier", Kind::Text),
    (19, "server_keep_alive", Kind::Number(2)),
    (21, "authentication_method", Kind::Text),
    (22, "authentication_data", Kind::Bytes),
    (23, "request_problem_information", Kind::Number(1)),
    (24, "will_delay_interval", Kind::Number(4)),
    (25, "request_response_information", Kind::Number(1)),
    (26, "response_information", Kind::Text),
    (28, "server_reference", Kind::Text),
    (31, "reason_string", Kind::Text),
    (33, "receive_maximum", Kind::Number(2)),
    (34, "topic_alias_maximum", Kind::Number(2)),
    (35, "topic_alias", Kind::Number(2)),
    (36, "maximum_qos", Kind::Number(1)),
    (37, "retain_available", Kind::Number(1)),
    (38, "user_property", Kind::Pair),
    (39, "maximum_packet_size", Kind::Number(4)),
    (40, "wildcard_subscription_available", Kind::Number(1)),
    (41, "subscription_identifier_available", Kind::Number(1)),
    (42, "shared_subscription_available", Kind::Number(1)),
];

fn is_list(name: &str) -> bool {
    matches!(name, "user_property" | "subscription_identifier")
}

/// Reads properties into a map's `properties`, which is there even when there are none: other versions have no place
/// for them. None when they are not well-formed.
pub(super) fn read(cursor: &mut Cursor<'_>, map: &mut Map<String, Value>) -> Option<()> {
    let length = usize::try_from(cursor.variable()?).ok()?;
    let mut inner = cursor.part(length)?;
    let mut all = Map::new();
    while !inner.is_empty() {
        let id = inner.variable()?;
        let (_, name, kind) = ALL.iter().find(|(own, ..)| *own == id)?;
        let value = match kind {
            Kind::Number(size) => inner.number(*size)?.into(),
            Kind::Variable => inner.variable()?.into(),
            Kind::Text => inner.text()?.into(),
            Kind::Bytes => {
                put(&mut all, name, inner.field()?);
                continue;
            }
            Kind::Pair => json!([inner.text()?, inner.text()?]),
        };
        match all.get_mut(*name) {
            Some(Value::Array(list)) if is_list(name) => list.push(value),
            _ if is_list(name) => drop(all.insert((*name).to_owned(), json!([value]))),
            _ => drop(all.insert((*name).to_owned(), value)),
        }
    }
    map.insert("properties".to_owned(), Value::Object(all));
    Some(())
}

/// Writes the `properties` of an event, with their length.
pub(super) fn write(data: &Value, packet: &mut Packet) -> Result<(), EncodeError> {
    let mut inner = Packet::default();
    let empty = Map::new();
    let all = data.get("properties").unwrap_or(&Value::Null);
    for (key, value) in all.as_object().unwrap_or(&empty) {
        let base = key.strip_suffix("_hex").unwrap_or(key);
        let Some((id, name, kind)) = ALL.iter().find(|(_, own, _)| own == key || *own == base) else {
            return Err(EncodeError(format!("there is no property {key}")));
        };
        let values = match value {
            Value::Array(list) if is_list(name) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            inner.variable(usize::try_from(*id).unwrap_or(0));
            match kind {
                Kind::Number(size) => inner.number(number(all, name, (1 << (8 * size)) - 1)?, *size),
                Kind::Variable => {
                    inner.variable(value.as_u64().and_then(|v| usize::try_from(v).ok()).unwrap_or(0))
                }
                Kind::Text => inner.field(text_of(value).as_bytes())?,
                Kind::Bytes => inner.field(&content::take(all, name)?)?,
                Kind::Pair => {
                    for part in [value.get(0), value.get(1)] {
                        inner.field(text_of(part.unwrap_or(&Value::Null)).as_bytes())?;
                    }
                }
            }
        }
    }
    packet.push(&inner);
    Ok(())
}
