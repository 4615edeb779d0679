//! Lines that begin with a word, the event's name: `JOIN #lobby`, `:ada!a@host PRIVMSG #lobby :hello`, `EVENT {"id":1}`.
//!
//! A frame has one or several lines; a line ends with its frame, with or without a line ending. A prefix that begins
//! with a colon is the sender, as in IRC (RFC 1459, section 2.3). A line that does not begin with a word is a `text`.
//!
//! ```text
//! JOIN #lobby                        >JOIN      {"first":"#lobby"}
//! :ada PRIVMSG #lobby :how far is it PRIVMSG    {"prefix":"ada","first":"#lobby","rest":":how far is it"}
//! EVENT {"id":1}                     EVENT      {"payload":{"id":1}}
//! ```

use super::EncodeError;
use super::content::{text, text_of, text_or_json};
use super::decoded::Decoded;
use crate::transcript::{Payload, Side};
use serde_json::{Map, Value};

pub(super) fn read(side: Side, payload: &Payload, decoded: &mut Decoded) {
    let text = match payload {
        Payload::Text(text) => text,
        Payload::Binary(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return decoded.plain(payload),
        },
        Payload::Ping(_) | Payload::Pong(_) | Payload::Close { .. } | Payload::Open(_) | Payload::Gone(_) => {
            return;
        }
    };
    if text.is_empty() {
        return decoded.plain(payload);
    }
    for whole in text.split_inclusive('\n') {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Client messages must be sent again unchanged.
        let end = Some(&whole[line.len()..]).filter(|end| side == Side::Client && !end.is_empty());
        match parse(line) {
            Some((name, mut fields)) => {
                if let Some(end) = end {
                    fields.insert("end".to_owned(), end.into());
                }
                decoded.say(name, Value::Object(fields));
            }
            None if side == Side::Client => decoded.say("text", Value::from(whole)),
            None => decoded.say("text", Value::from(line)),
        }
    }
}

fn parse(line: &str) -> Option<(String, Map<String, Value>)> {
    let mut fields = Map::new();
    let line = match line.strip_prefix(':').and_then(|line| line.split_once(' ')) {
        Some((prefix, line)) => {
            fields.insert("prefix".to_owned(), prefix.into());
            line
        }
        None => line,
    };
    let (verb, rest) = line.split_once(' ').map_or((line, None), |(verb, rest)| (verb, Some(rest)));
    if !is_verb(verb) {
        return None;
    }
    let Some(rest) = rest else { return Some((verb.to_owned(), fields)) };
    let (first, rest) = match text_or_json(rest) {
        Value::String(_) => {
            rest.split_once(' ').map_or((Some(rest), None), |(first, rest)| (Some(first), Some(rest)))
        }
        _ => (None, Some(rest)),
    };
    if let Some(first) = first {
        fields.insert("first".to_owned(), first.into());
    }
    match rest.map(text_or_json) {
        None => {}
        Some(Value::String(text)) => drop(fields.insert("rest".to_owned(), text.into())),
        Some(json) => drop(fields.insert("payload".to_owned(), json)),
    }
    Some((verb.to_owned(), fields))
}

fn is_verb(word: &str) -> bool {
    (1..=32).contains(&word.len())
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// The line of an event.
pub(super) fn encode(name: &str, data: &Value) -> Result<String, EncodeError> {
    if name == "text" {
        return Ok(text_of(data));
    }
    let prefix = text(data, "prefix").map(|prefix| format!(":{prefix}"));
    let parts =
        [prefix, Some(name.to_owned()), text(data, "first"), text(data, "rest"), text(data, "payload")];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(line + &text(data, "end").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::said;
    use super::super::{Dialect, Label, Protocol, ProtocolOptions};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_line_is_a_word_and_what_follows() {
        let dialect = Dialect::Protocol(ProtocolOptions::new(Protocol::Lines));
        let frames = [
            (Side::Client, "JOIN #lobby\r\n"),
            (Side::Server, ":ada PRIVMSG #lobby :how far is it\r\n001 hi"),
            (Side::Server, "EVENT {\"id\":1}\nPATCH a-1 [2]\n\n?what\n"),
            (Side::Client, "QUIT"),
        ];
        let frames = frames.map(|(side, text)| (side, Payload::Text(text.to_owned())));
        let expected = [
            (">JOIN", json!({"first": "#lobby", "end": "\r\n"})),
            ("PRIVMSG", json!({"prefix": "ada", "first": "#lobby", "rest": ":how far is it"})),
            ("001", json!({"first": "hi"})),
            ("EVENT", json!({"payload": {"id": 1}})),
            ("PATCH", json!({"first": "a-1", "payload": [2]})),
            ("text", json!("")),
            ("text", json!("?what")),
            (">QUIT", json!({})),
        ];
        assert_eq!(said(&dialect, &frames), expected.map(|(name, data)| (name.to_owned(), data)));
    }

    proptest! {
        #[test]
        fn a_line_that_was_sent_is_sent_again_as_it_was(line in "(:[a-z]{1,3} )?[A-Z]{1,5}( [ -z]{0,12})?(\r?\n)?") {
            let dialect = Dialect::Protocol(ProtocolOptions::new(Protocol::Lines));
            let frame = (Side::Client, Payload::Text(line.clone()));
            let events = said(&dialect, &[frame]);
            let encoded = events.iter().map(|(name, data)| dialect.encode(&Label::from(name.as_str()), data));
            let again: String = encoded
                .map(|payloads| match payloads.as_deref() {
                    Ok([Payload::Text(text)]) => text.clone(),
                    other => format!("{other:?}"),
                })
                .collect();
            // The JSON in it may be formatted differently.
            if !line.contains(['{', '[']) {
                prop_assert_eq!(again, line);
            }
        }
    }
}
