//! Messages that a client sends by itself: a `pong` for each `ping`, or a heartbeat after a silence.
//!
//! Such messages are no events, because they come at any time. The client's message is sent when it is due, whatever
//! else the client waits for.

use super::{JsonNames, Label, Said, value_at};
use crate::transcript::{Gap, Payload, Side};
use serde_json::Value;

/// A message that a client sends without a place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reflex {
    /// The cause of the reflex.
    pub when: When,
    /// The message. A string `{{/POINTER}}` takes the value at this place of the server's message. Without a message,
    /// the server's message is only ignored.
    pub send: Option<Value>,
}

/// The cause of a reflex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// A message of the server.
    Comes(Label),
    /// The client has said nothing for so long.
    Silent(Gap),
}

impl Reflex {
    /// The label of the reflex's message. None if it has no message or no name.
    pub fn answer(&self, names: &JsonNames) -> Option<Label> {
        match names.client.of(self.send.as_ref()?)? {
            Said::Text(name) => Some(Label::new(Side::Client, name)),
            Said::Number(number) => Some(Label::new(Side::Client, &names.code(number))),
        }
    }

    /// The message that is due for one of the server's.
    pub(super) fn payload(&self, names: &JsonNames, message: &Value) -> Option<Payload> {
        names.encode(&fill(self.send.as_ref()?, message)).ok()
    }
}

fn fill(value: &Value, message: &Value) -> Value {
    match value {
        Value::String(text) => place(text)
            .map_or_else(|| value.clone(), |pointer| value_at(message, pointer).cloned().unwrap_or_default()),
        Value::Array(items) => items.iter().map(|item| fill(item, message)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, item)| (key.clone(), fill(item, message))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The pointer of `{{/POINTER}}`.
fn place(text: &str) -> Option<&str> {
    text.strip_prefix("{{")?
        .strip_suffix("}}")
        .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
}

/// The message of a reflex that makes every one of these answers of the message before it; none where none does.
pub(crate) fn template(pairs: &[(&Value, &Value)]) -> Option<Value> {
    let (_, first) = pairs.first()?;
    let template = general(first, "", pairs);
    pairs.iter().all(|(message, answer)| fill(&template, message) == **answer).then_some(template)
}

fn general(value: &Value, path: &str, pairs: &[(&Value, &Value)]) -> Value {
    let below = |key: &str| format!("{path}{}", super::pointer([key]));
    match value {
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, item)| (key.clone(), general(item, &below(key), pairs))).collect(),
        ),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| general(item, &below(&at.to_string()), pairs)).collect()
        }
        leaf => {
            let own = |answer: &Value| answer.pointer(path).cloned();
            if pairs.iter().all(|(_, answer)| own(answer).as_ref() == Some(leaf)) {
                return leaf.clone();
            }
            let Some((message, _)) = pairs.first() else { return leaf.clone() };
            let mut sources = Vec::new();
            leaves(message, &mut String::new(), &mut sources);
            let echo = sources.into_iter().find(|source| {
                pairs.iter().all(|(message, answer)| {
                    own(answer).is_some_and(|own| message.pointer(source) == Some(&own))
                })
            });
            echo.map_or_else(|| leaf.clone(), |source| Value::from(format!("{{{{{source}}}}}")))
        }
    }
}

/// The pointers of all values except objects and lists.
fn leaves(value: &Value, pointer: &mut String, out: &mut Vec<String>) {
    let from = pointer.len();
    let mut below = |key: &str, item: &Value, pointer: &mut String| {
        super::push_key(pointer, key);
        leaves(item, pointer, out);
        pointer.truncate(from);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, item)| below(key, item, pointer)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item, pointer));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(pointer.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_a_constant_or_an_echo_of_what_it_answers() {
        let ping = |seq: u32, at: &str| json!({ "type": "ping", "body": { "seq": seq }, "list": ["x", at] });
        let pings = [ping(7, "a"), ping(8, "b")];
        let answers = |make: &dyn Fn(u32, &str) -> Value| [make(7, "a"), make(8, "b")];
        let learned = |answers: &[Value; 2]| {
            let pairs: Vec<(&Value, &Value)> = pings.iter().zip(answers).collect();
            template(&pairs)
        };
        let constant = json!({ "type": "pong", "data": {}, "of": ["x", null] });
        assert_eq!(learned(&answers(&|_, _| constant.clone())), Some(constant.clone()));
        let echo = answers(&|seq, at| json!({ "type": "pong", "seq": seq, "of": [at, null] }));
        let template = json!({ "type": "pong", "seq": "{{/body/seq}}", "of": ["{{/list/1}}", null] });
        assert_eq!(learned(&echo), Some(template.clone()));
        assert_eq!(fill(&template, &pings[1]), echo[1]);
        // A message that neither explains is not a reflex.
        assert_eq!(learned(&answers(&|seq, _| json!({ "type": "pong", "seq": seq + 1 }))), None);
        assert_eq!(fill(&json!(["{{/none}}", "{{name}}"]), &pings[0]), json!([null, "{{name}}"]));
    }
}
