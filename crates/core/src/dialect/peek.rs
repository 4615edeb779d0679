//! Finds the name of a JSON message without parsing the rest.
//!
//! The whole text is checked, so that invalid JSON is detected, but only the name is kept. It accepts exactly what
//! [`serde_json::Value`] accepts: numbers out of range and invalid escapes are never part of an event.

use super::label::Known;
use super::scan::{self, Name};
use super::{Label, NAMELESS};
use crate::transcript::Side;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The name of a message that is a JSON object, by the string or number in its field `key`; none for anything else.
pub(super) fn name(text: &str, key: &str, side: Side, known: &mut Known) -> Option<Label> {
    match scan::name(text, key) {
        Some(Name::Text(name)) if !name.is_empty() => Some(known.label(side, name)),
        Some(Name::Text(_) | Name::None) => Some(known.label(side, NAMELESS)),
        None => read(text, key, side, known),
    }
}

/// The same for any JSON.
fn read(text: &str, key: &str, side: Side, known: &mut Known) -> Option<Label> {
    let mut input = serde_json::Deserializer::from_str(text);
    let found = Object { key, side, known }.deserialize(&mut input).ok()?;
    input.end().ok()?;
    Some(found)
}

/// The outermost object.
struct Object<'k> {
    key: &'k str,
    side: Side,
    known: &'k mut Known,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Label;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Label, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Label, A::Error> {
        let Object { key, side, known } = self;
        let mut found = None;
        while let Some(is_name) = input.next_key_seed(Is(key))? {
            if is_name {
                // The last one counts, as in a map.
                found = input.next_value_seed(Named { side, known: &mut *known })?;
            } else {
                input.next_value::<Skip>()?;
            }
        }
        Ok(found.unwrap_or_else(|| known.label(side, NAMELESS)))
    }
}

/// Whether a key is this one.
struct Is<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// The value of the name's key.
struct Named<'k> {
    side: Side,
    known: &'k mut Known,
}

impl Named<'_> {
    fn number(self, number: impl Into<serde_json::Value>) -> Option<Label> {
        // In the form of the value; none if it is not a number there.
        let number = number.into();
        number.is_number().then(|| self.known.label(self.side, &format!("n{number}")))
    }
}

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = Option<Label>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Option<Label>, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<Label>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<Label>, E> {
        Ok((!name.is_empty()).then(|| self.known.label(self.side, name)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<Label>, E> {
        Ok(self.number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<Label>, E> {
        Ok(self.number(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<Label>, E> {
        Ok(self.number(number))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Option<Label>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Label>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, input: A) -> Result<Option<Label>, A::Error> {
        Skip::visit_seq(Skip, input).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, input: A) -> Result<Option<Label>, A::Error> {
        Skip::visit_map(Skip, input).map(|_| None)
    }
}

/// Any value, read as a value is read and not kept. `IgnoredAny` would be quicker, but takes numbers and escapes that
/// are none.
struct Skip;

impl<'de> serde::Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Skip, D::Error> {
        input.deserialize_any(Skip)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = Skip;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_unit<E: Error>(self) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Skip, A::Error> {
        while input.next_element::<Skip>()?.is_some() {}
        Ok(Skip)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Skip, A::Error> {
        while input.next_key::<Skip>()?.is_some() {
            input.next_value::<Skip>()?;
        }
        Ok(Skip)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decoder, Dialect};
    use super::*;
    use crate::transcript::{Frame, Offset, Payload};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let key = prop_oneof![Just("type".to_owned()), "[a-z]{0,4}", any::<String>()];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..4)
                    .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    /// The result of the full decoder: the name, and whether the text is JSON.
    fn whole(text: &str) -> (Label, bool) {
        let mut decoder = Decoder::new(&Dialect::default());
        let payload = Payload::Text(text.to_owned());
        let event = decoder.feed(&Frame::new(Offset::ZERO, Side::Server, payload)).next().expect("an event");
        (event.label, decoder.is_json())
    }

    fn is_alike(text: &str) {
        let known = &mut Known::default();
        let name = name(text, "type", Side::Server, known);
        assert_eq!(name, read(text, "type", Side::Server, known), "{text}");
        match name {
            Some(label) => assert_eq!((label, true), whole(text), "{text}"),
            None => {
                let is_object = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
                assert!(!is_object, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_is_what_reading_all_of_it_says(value in value(), cut in any::<prop::sample::Index>()) {
            let text = value.to_string();
            is_alike(&text);
            let cut = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            is_alike(&text[..cut]);
        }
    }

    #[test]
    fn what_is_no_value_has_no_name() {
        for text in [
            r#"{"type":"a","type":"b"}"#,
            r#"{"type":"a","n":1e999}"#,
            r#"{"type":"a","s":"\ud800"}"#,
            r#"{"type":"a","\ud800":1}"#,
            r#"{"ty\u0070e":"a"}"#,
            r#"{"type":1.50}"#,
            r#"{"type":-0}"#,
            r#"{"type":[{"a":[1e999]}]}"#,
            r#"{"type":"a"} x"#,
            r#"{"type":"a",}"#,
            r#"["type"]"#,
            " {\n}\n",
            "",
        ] {
            is_alike(text);
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        is_alike(&format!("{{\"type\":\"a\",\"deep\":{deep}}}"));
        assert_eq!(json!({"type": "a"}).to_string().len(), 12);
    }
}
