//! Which request an event is about: where the ids of requests and of their answers stand.

use super::pointer::value_at;
use super::{Dialect, Event, HttpNames, JsonNames, Label, Said};
use std::borrow::Cow;

/// Where the messages of a protocol say which request they are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    /// Where the client's messages have the parts of an id, as JSON pointers.
    pub(super) client: &'static [&'static str],
    /// Where the server's have them.
    pub(super) server: &'static [&'static str],
    /// How the names of answers begin.
    pub(super) answers: &'static [&'static str],
}

impl Dialect {
    /// Whether messages say by an id which request they answer.
    pub(crate) fn has_ids(&self) -> bool {
        match self {
            Dialect::Json(_) | Dialect::Sse(_) => self.reply().is_some(),
            Dialect::Protocol(spoken) => spoken.protocol.ids().is_some(),
        }
    }

    /// The id of the request that an event makes or answers, as text.
    pub(crate) fn id_of<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => {
                let content = self.content(event);
                let pointer = names.error_id(event).or(names.reply.as_deref())?;
                let id = value_at(content, pointer).filter(|id| !id.is_null())?;
                Some(Cow::Owned(id.to_string()))
            }
            Dialect::Protocol(spoken) => {
                let ids = spoken.protocol.ids()?;
                let parts = if event.label.is_client() { ids.client } else { ids.server };
                let parts = parts.iter().map(|pointer| event.key(pointer)).collect::<Option<Vec<_>>>()?;
                Some(Cow::Owned(parts.join(" ")))
            }
        }
    }

    /// Whether an event of this name answers a request of the other side.
    pub(crate) fn is_answer(&self, label: &Label) -> bool {
        match self {
            Dialect::Json(_) | Dialect::Sse(_) => self.reply().is_some() && label.name().starts_with("re:"),
            Dialect::Protocol(spoken) => {
                let ids = spoken.protocol.ids();
                ids.is_some_and(|ids| ids.answers.iter().any(|answer| label.name().starts_with(answer)))
            }
        }
    }

    /// Whether an event looks like an answer without a request.
    pub(crate) fn is_stray(&self, label: &Label) -> bool {
        match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => {
                names.answers.contains(label.name()) || names.errors.contains_key(label.name())
            }
            Dialect::Protocol(_) => false,
        }
    }

    /// Where such a stray has the id of what it says to answer, if not where others have it.
    pub(crate) fn stray_id(&self, label: &Label) -> Option<&str> {
        match self {
            Dialect::Json(names) | Dialect::Sse(HttpNames { json: names, .. }) => {
                names.errors.get(label.name()).map(String::as_str)
            }
            Dialect::Protocol(_) => None,
        }
    }
}

impl JsonNames {
    /// Where an answer that reports a failure has the id of its request, if that is a place of its own.
    fn error_id(&self, event: &Event) -> Option<&str> {
        if self.errors.is_empty() || !event.label.name().ends_with(":error") {
            return None;
        }
        let name_at = if event.label.is_client() { &self.client } else { &self.server };
        let name = match name_at.of(&event.data)? {
            Said::Text(name) => Cow::Borrowed(name),
            Said::Number(number) => self.code(number),
        };
        self.errors.get(&*name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Protocol, ProtocolOptions, events, presets};
    use super::*;
    use crate::transcript::{Frame, Offset, Payload, Side};

    fn ids(dialect: &Dialect, said: &[(Side, &str)]) -> Vec<String> {
        let frame =
            |(side, text): &(Side, &str)| Frame::new(Offset::ZERO, *side, Payload::Text((*text).to_owned()));
        let frames: Vec<Frame> = said.iter().map(frame).collect();
        let decoded = |event: &Event| {
            let mark = if dialect.is_answer(&event.label) { "!" } else { "" };
            format!("{}{mark} {}", event.label, dialect.id_of(event).unwrap_or_default())
        };
        events(dialect, &frames).iter().map(decoded).collect()
    }

    #[test]
    fn an_answer_has_the_id_of_its_request_wherever_that_stands() {
        use Side::{Client, Server};
        let wamp = Dialect::Json(presets::by_subprotocol("wamp.2.json").expect("a preset"));
        let said = [
            (Client, r#"[48,7,{},"price"]"#),
            (Server, "[50,7,{}]"),
            (Server, r#"[8,48,7,{},"sold_out"]"#),
            (Server, "[50,9,{}]"),
        ];
        assert_eq!(ids(&wamp, &said), [">CALL 7", "re:CALL! 7", "re:CALL:error! 7", "RESULT 9"]);
        let socketio = Dialect::Protocol(ProtocolOptions::new(Protocol::SocketIo));
        let said = [
            (Client, r#"42/chat,7["ask"]"#),
            (Server, r#"43/chat,7["ok"]"#),
            (Server, r#"43/chat,9["ok"]"#),
            (Server, r#"42["news"]"#),
        ];
        assert_eq!(
            ids(&socketio, &said),
            [">ask /chat 7", "re:ask! /chat 7", "eio.answer! /chat 9", "news "]
        );
        let graphql = Dialect::Protocol(ProtocolOptions::new(Protocol::GraphqlWs));
        let said = [
            (Client, r#"{"id":"1","type":"subscribe","payload":{"query":"{ m }"}}"#),
            (Server, r#"{"id":"1","type":"next","payload":{}}"#),
            (Server, r#"{"type":"connection_ack"}"#),
        ];
        assert_eq!(ids(&graphql, &said), [">subscribe 1", "next! 1", "connection_ack "]);
    }
}
