//! GraphQL over WebSocket: the protocol `graphql-transport-ws` and its forerunner `graphql-ws`.
//!
//! An event is called after its `type` and, where it belongs to an operation with a name, that name: `subscribe[Chat]`,
//! `next[Chat]`. It says what its message says. Pings and pongs are chores.
//!
//! ```text
//! {"id":"1","type":"subscribe","payload":{"query":"subscription Chat { … }"}}    >subscribe[Chat]
//! {"id":"1","type":"next","payload":{"data":{…}}}                                next[Chat]
//! {"id":"1","type":"complete"}                                                   complete[Chat]
//! ```

use super::decoded::Decoded;
use super::ids::Ids;
use super::json::Asked;
use super::{EncodeError, NAMELESS, refinement};
use crate::transcript::{Payload, Side};
use serde_json::{Value, json};

/// An operation is over with the last of these.
pub(super) const IDS: Ids =
    Ids { client: &["/id"], server: &["/id"], answers: &["next", "data", "complete", "error"] };
pub(super) const CHORES: [&str; 5] = ["ping", ">pong", ">ping", "pong", "ka"];

/// The names of a connection's operations, by their id.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    operations: Asked,
}

impl Reader {
    pub(super) fn read(&mut self, side: Side, payload: &Payload, decoded: &mut Decoded) {
        let value = match payload {
            Payload::Text(text) => serde_json::from_str(text),
            Payload::Binary(bytes) => serde_json::from_slice(bytes),
            Payload::Ping(_)
            | Payload::Pong(_)
            | Payload::Close { .. }
            | Payload::Open(_)
            | Payload::Gone(_) => return,
        };
        let Ok(value @ Value::Object(_)) = value else { return decoded.plain(payload) };
        let Some(kind) = value.get("type").and_then(Value::as_str) else {
            return decoded.say(NAMELESS, value);
        };
        let id = value.get("id").map(Value::to_string);
        if let ("subscribe" | "start", Some(id)) = (kind, &id) {
            // An id may be used again for another operation.
            self.operations.note(id.clone(), operation(&value).unwrap_or_default());
        }
        if side == Side::Server && kind == "ping" {
            decoded.owed.push(("pong", Payload::Text(json!({ "type": "pong" }).to_string())));
        }
        let operation = id.and_then(|id| self.operations.get(&id)).filter(|name| !name.is_empty());
        let name = match operation {
            Some(operation) => format!("{kind}[{operation}]"),
            None => kind.to_owned(),
        };
        decoded.say(name, value);
    }
}

/// The name of the operation that a message asks for: the one that it names, else the only one of its text.
fn operation(message: &Value) -> Option<&str> {
    let payload = message.get("payload")?;
    if let Some(name) = payload.get("operationName").and_then(refinement) {
        return Some(name);
    }
    let query = payload.get("query")?.as_str()?;
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut words = words.skip_while(|word| !matches!(*word, "subscription" | "query" | "mutation"));
    let keyword = words.next()?;
    // What follows the keyword at once is the name; a brace or a parenthesis begins an operation without one.
    let after = query.split_once(keyword)?.1.trim_start();
    after
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        .then(|| words.find(|word| !word.is_empty()))?
}

/// The message of an event.
pub(super) fn encode(name: &str, data: &Value) -> Result<String, EncodeError> {
    let Value::Object(fields) = data else { return Err(EncodeError("it is not an object".to_owned())) };
    let kind = name.split_once('[').map_or(name, |(kind, _)| kind);
    if fields.contains_key("type") || kind == NAMELESS {
        return Ok(data.to_string());
    }
    let mut all = serde_json::Map::from_iter([("type".to_owned(), Value::from(kind))]);
    all.extend(fields.clone());
    Ok(Value::Object(all).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::protocol::tests::said;
    use super::super::{Decoder, Dialect, Label, Protocol, ProtocolOptions};
    use super::*;
    use crate::transcript::{Frame, Offset};

    fn graphql() -> Dialect {
        Dialect::Protocol(ProtocolOptions::new(Protocol::GraphqlWs))
    }

    #[test]
    fn messages_are_called_after_their_operation() {
        use Side::{Client, Server};
        let frames = [
            (Client, r#"{"type":"connection_init"}"#),
            (Server, r#"{"type":"connection_ack"}"#),
            (Server, r#"{"type":""}"#),
            (
                Client,
                r#"{"id":"1","type":"subscribe","payload":{"query":"subscription Chat($a: Int) { m }"}}"#,
            ),
            (Client, r#"{"id":"2","type":"subscribe","payload":{"query":"{ m }"}}"#),
            (
                Client,
                r#"{"id":"3","type":"subscribe","payload":{"query":"query A { m } query B { m }","operationName":"B"}}"#,
            ),
            (Server, r#"{"id":"1","type":"next","payload":{"data":{}}}"#),
            (Server, r#"{"type":"ping"}"#),
            (Server, r#"{"id":"2","type":"next","payload":{"data":{}}}"#),
            (Server, r#"{"id":"3","type":"error","payload":[]}"#),
            (Server, r#"{"id":"1","type":"complete"}"#),
            (Server, "what"),
        ];
        let frames = frames.map(|(side, text)| (side, Payload::Text(text.to_owned())));
        let events = said(&graphql(), &frames);
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            ">connection_init",
            "connection_ack",
            "json",
            ">subscribe[Chat]",
            ">subscribe",
            ">subscribe[B]",
            "next[Chat]",
            "next",
            "error[B]",
            "complete[Chat]",
            "text",
        ];
        assert_eq!(names, expected);
        for (name, data) in events.iter().filter(|(name, _)| name.starts_with('>')) {
            let payloads = graphql().encode(&Label::from(name.as_str()), data).expect("it can be said");
            assert_eq!(payloads, [Payload::Text(data.to_string())]);
        }
        let init = graphql().encode(&Label::from(">connection_init"), &json!({"payload": {}}));
        assert_eq!(init, Ok(vec![Payload::Text(r#"{"type":"connection_init","payload":{}}"#.to_owned())]));
    }

    #[test]
    fn a_ping_is_owed_a_pong() {
        let mut decoder = Decoder::new(&graphql());
        let ping = Frame::new(Offset::ZERO, Side::Server, Payload::Text(r#"{"type":"ping"}"#.to_owned()));
        assert_eq!(decoder.feed(&ping).count(), 0);
        assert_eq!(decoder.owed(), [Payload::Text(r#"{"type":"pong"}"#.to_owned())]);
    }
}
