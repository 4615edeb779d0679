//! Parses JSON into a value that is no longer needed.
//!
//! The messages of a session are alike: the same keys in the same order, with other values. Half of the cost of
//! parsing one is to create and drop its keys, tables and texts. Here they are reused where the next message has
//! them, too. All other parts are created anew, so the result never depends on the previous value.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The maximum of stored values, one for each beginning of a message.
const SPARES: usize = 16;
/// A message longer than this, in bytes, is not kept: its texts are most of it, and would stay.
const MAX_KEPT: usize = 4096;
/// Messages are of a kind that begin alike: up to the first comma, but no further than this.
const MAX_START: usize = 64;

/// Values to read the next messages into.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spares {
    kept: Vec<(Start, Value)>,
    /// The beginning of the latest message; empty if it is not to be stored.
    start: Start,
    /// The place of the reused value.
    place: Option<usize>,
    oldest: usize,
}

/// The beginning of a message: most protocols put the name first.
type Start = Vec<u8>;

impl Spares {
    /// Reads a JSON text.
    pub(crate) fn read(&mut self, json: &str) -> serde_json::Result<Value> {
        let start = json.as_bytes().iter().take(MAX_START).take_while(|byte| **byte != b',').count();
        let start = if json.len() > MAX_KEPT { 0 } else { start };
        self.start.clear();
        self.start.extend_from_slice(&json.as_bytes()[..start]);
        self.place = self.kept.iter().position(|(own, _)| *own == self.start);
        let mut value = self.place.map_or(Value::Null, |place| self.kept[place].1.take());
        read_into(&mut value, json)?;
        Ok(value)
    }

    /// Keeps the value that was read last.
    pub(crate) fn keep(&mut self, value: Value) {
        if self.start.is_empty() {
            return;
        }
        if let Some(place) = self.place {
            self.kept[place].1 = value;
        } else if self.kept.len() < SPARES {
            self.kept.push((self.start.clone(), value));
        } else {
            self.kept[self.oldest] = (self.start.clone(), value);
            self.oldest = (self.oldest + 1) % SPARES;
        }
    }
}

/// Sets `value` to the contents of `json`, whatever it was before. After an error it is undefined.
fn read_into(value: &mut Value, json: &str) -> serde_json::Result<()> {
    let mut input = serde_json::Deserializer::from_str(json);
    Refill(value).deserialize(&mut input)?;
    input.end()
}

/// A value that is to be replaced.
struct Refill<'v>(&'v mut Value);

impl<'de> DeserializeSeed<'de> for Refill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Refill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        *self.0 = Value::Null;
        Ok(())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        *self.0 = Value::Bool(truth);
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        *self.0 = Value::from(number);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        *self.0 = Value::from(number);
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        *self.0 = Number::from_f64(number).map_or(Value::Null, Value::Number);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.0 {
            Value::String(own) => {
                own.clear();
                own.push_str(text);
            }
            other => *other = Value::from(text),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<(), A::Error> {
        let mut items = match self.0.take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let mut count = 0;
        loop {
            if count == items.len() {
                match input.next_element()? {
                    Some(item) => items.push(item),
                    None => break,
                }
            } else if input.next_element_seed(Refill(&mut items[count]))?.is_none() {
                break;
            }
            count += 1;
        }
        items.truncate(count);
        *self.0 = Value::Array(items);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<(), A::Error> {
        let mut map = match self.0.take() {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let mut alike = 0;
        let mut differs = None;
        for (key, value) in &mut map {
            match input.next_key_seed(Known(key))? {
                Some(Key::Same) => input.next_value_seed(Refill(value))?,
                Some(Key::Other(key)) => differs = Some((key, input.next_value()?)),
                None => break,
            }
            if differs.is_some() {
                break;
            }
            alike += 1;
        }
        if alike < map.len() {
            let mut index = 0;
            map.retain(|_, _| {
                index += 1;
                index <= alike
            });
        }
        if let Some((key, value)) = differs {
            map.insert(key, value);
        }
        while let Some((key, value)) = input.next_entry::<String, Value>()? {
            map.insert(key, value);
        }
        *self.0 = Value::Object(map);
        Ok(())
    }
}

/// The key that stood here before.
struct Known<'k>(&'k str);

enum Key {
    Same,
    Other(String),
}

impl<'de> DeserializeSeed<'de> for Known<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Key, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Known<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        Ok(if key == self.0 { Key::Same } else { Key::Other(key.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// JSON of few keys, so that two of them are often alike, some keys twice, and in any order.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|truth| truth.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            Just("-0".to_owned()),
            Just("1e400".to_owned()),
            any::<f64>().prop_map(|number| format!("{number:e}")),
            "[a-c\\PC]{0,3}".prop_map(|text| Value::from(text).to_string()),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            let key = "[abc]|\\\\u0061";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                proptest::collection::vec((key, inner), 0..5).prop_map(|fields| {
                    let fields = fields.iter().map(|(key, value)| format!("\"{key}\":{value}"));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_there_before_leaves_no_trace(texts in proptest::collection::vec(json(), 1..12)) {
            let mut spares = Spares::default();
            let mut value = Value::Null;
            for text in texts {
                let expected = serde_json::from_str::<Value>(&text).ok();
                let read = read_into(&mut value, &text).ok().map(|()| &value);
                prop_assert_eq!(read.map(Value::to_string), expected.as_ref().map(Value::to_string));
                let read = spares.read(&text).ok();
                prop_assert_eq!(&read, &expected);
                read.into_iter().for_each(|value| spares.keep(value));
            }
        }
    }
}
