//! Formats that many services share: only configuration, with the places of names.
//!
//! A preset is found by the subprotocol of the handshake or by the messages. Its settings are written into the
//! golden, where a user may change them.

use super::{Codecs, Embedded, JsonNames, Label, NameAt, Reflex, When};
use crate::codec::Codec;
use crate::transcript::{Gap, Side};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// WAMP's codes (the basic and advanced profiles, section "message codes").
const WAMP: [(u64, &str); 24] = [
    (1, "HELLO"),
    (2, "WELCOME"),
    (3, "ABORT"),
    (4, "CHALLENGE"),
    (5, "AUTHENTICATE"),
    (6, "GOODBYE"),
    (8, "ERROR"),
    (16, "PUBLISH"),
    (17, "PUBLISHED"),
    (32, "SUBSCRIBE"),
    (33, "SUBSCRIBED"),
    (34, "UNSUBSCRIBE"),
    (35, "UNSUBSCRIBED"),
    (36, "EVENT"),
    (48, "CALL"),
    (49, "CANCEL"),
    (50, "RESULT"),
    (64, "REGISTER"),
    (65, "REGISTERED"),
    (66, "UNREGISTER"),
    (67, "UNREGISTERED"),
    (68, "INVOCATION"),
    (69, "INTERRUPT"),
    (70, "YIELD"),
];
/// The answers that have their request's id at the same place. ERROR has it at another place.
const WAMP_ANSWERS: [&str; 7] =
    ["PUBLISHED", "SUBSCRIBED", "UNSUBSCRIBED", "RESULT", "REGISTERED", "UNREGISTERED", "YIELD"];
/// The names of a chat completion's chunks by their content, rarer ones first.
const OPENAI_CHAT: [&str; 11] = [
    "/error",
    "/choices/0/finish_reason",
    "/choices/0/delta/tool_calls",
    "/choices/0/delta/function_call",
    "/choices/0/delta/reasoning_content",
    "/choices/0/delta/reasoning",
    "/choices/0/delta/refusal",
    "/choices/0/delta/content",
    "/choices/0/delta/role",
    "/choices/0/message",
    "/usage",
];
/// The same for Gemini.
const GEMINI: [&str; 6] = [
    "/error",
    "/promptFeedback/blockReason",
    "/candidates/0/finishReason",
    "/candidates/0/content/parts/0/functionCall",
    "/candidates/0/content/parts/0/text",
    "/usageMetadata",
];

/// SignalR's types of messages (the hub protocol's specification); an invocation is called after its target.
const SIGNALR: [(u64, &str); 7] = [
    (1, "invocation"),
    (2, "item"),
    (3, "completion"),
    (4, "stream"),
    (5, "cancel"),
    (6, "ping"),
    (7, "close"),
];
/// So long a client of SignalR is silent at most (`keepAliveIntervalInMilliseconds`).
const SIGNALR_SILENT: Gap = Gap::from_millis(15_000);

/// The place of an element's name.
const ELEMENT: &str = "/#name";
/// XMPP's stanzas (RFC 6120, section 8), each with a type.
const STANZAS: [&str; 3] = ["iq", "message", "presence"];
/// Requests are several by what they ask for, which the namespace of the element in them says.
const REQUESTS: [&str; 2] = ["iq[get]", "iq[set]"];
/// Answers are stanzas, too, of these types.
const ANSWERS: [&str; 2] = ["iq[result]", "iq[error]"];

/// Elements of XML, called by their names.
pub(super) fn xml() -> JsonNames {
    JsonNames { codec: Codecs::both(Codec::XML), ..JsonNames::both(ELEMENT) }
}

/// The messages of Yjs' protocols say themselves what they are.
pub(super) fn yjs() -> JsonNames {
    JsonNames { codec: Codecs::both(Codec::YJS), ..JsonNames::default() }
}

/// XMPP over WebSocket (RFC 7395).
fn xmpp() -> JsonNames {
    let both = |name: &str| [Side::Client, Side::Server].map(|side| Label::new(side, name));
    let stanzas = STANZAS.iter().flat_map(|name| both(name)).map(|label| (label, "/@type".to_owned()));
    let requests = REQUESTS.iter().flat_map(|name| both(name)).map(|label| (label, "/*/@xmlns".to_owned()));
    JsonNames {
        reply: Some("/@id".to_owned()),
        answers: texts(ANSWERS).into_iter().collect(),
        refine: stanzas.chain(requests).collect(),
        ..xml()
    }
}

fn texts<const N: usize>(all: [&str; N]) -> Vec<String> {
    all.map(str::to_owned).to_vec()
}

/// The names of a service whose client begins with this message.
pub(crate) fn by_first(message: &str) -> Option<JsonNames> {
    if message.starts_with("<open ") && message.contains("urn:ietf:params:xml:ns:xmpp-framing") {
        return Some(xmpp());
    }
    let message: Value = serde_json::from_str(message.trim_end_matches(super::RECORD_SEPARATOR)).ok()?;
    let format = message.get("protocol")?.as_str().filter(|_| message.get("version").is_some())?;
    let answers = BTreeSet::from(["completion".to_owned()]);
    let codes = SIGNALR.map(|(code, name)| (code, name.to_owned())).into();
    let reflexes = |ping: Value| {
        vec![
            Reflex { when: When::Comes(Label::from("ping")), send: None },
            Reflex { when: When::Silent(SIGNALR_SILENT), send: Some(ping) },
        ]
    };
    match format {
        "json" => {
            let name = NameAt::Value(texts(["/target", "/type"]));
            Some(JsonNames {
                client: name.clone(),
                server: name,
                reply: Some("/invocationId".to_owned()),
                answers,
                codes,
                reflexes: reflexes(json!({ "type": 6 })),
                record_separator: true,
                ..JsonNames::default()
            })
        }
        "messagepack" => Some(JsonNames {
            reply: Some("/2".to_owned()),
            answers,
            codes,
            reflexes: reflexes(json!([6])),
            ..JsonNames::both("/0")
        }),
        _ => None,
    }
}

/// The names of a service that agreed on this subprotocol.
pub(crate) fn by_subprotocol(subprotocol: &str) -> Option<JsonNames> {
    let codes = || WAMP.into_iter().map(|(code, name)| (code, name.to_owned())).collect();
    match subprotocol.trim() {
        "wamp.2.json" | "wamp.2.msgpack" | "wamp.2.cbor" => {
            let answers = WAMP_ANSWERS.map(str::to_owned).into();
            Some(JsonNames {
                codes: codes(),
                reply: Some("/1".to_owned()),
                answers,
                errors: BTreeMap::from([("ERROR".to_owned(), "/2".to_owned())]),
                ..JsonNames::both("/0")
            })
        }
        "xmpp" => Some(xmpp()),
        "actioncable-v1-json" => Some(JsonNames {
            client: NameAt::pointer("/command"),
            server: NameAt::ValueOrKey(texts(["/type"]), texts(["message"])),
            embedded: Embedded { client: texts(["/identifier", "/data"]), server: texts(["/identifier"]) },
            ..JsonNames::default()
        }),
        _ => None,
    }
}

/// The places of names in the server's messages, if they look like a known format.
pub(crate) fn by_look<'v>(messages: impl Iterator<Item = &'v Value>) -> Option<NameAt> {
    let (mut all, mut chat, mut gemini) = (0, 0, 0);
    for message in messages.filter(|message| message.is_object()) {
        all += 1;
        let object = message.get("object").and_then(Value::as_str).unwrap_or_default();
        chat += u32::from(object == "chat.completion.chunk");
        gemini += u32::from(message.get("candidates").is_some() && message.get("usageMetadata").is_some());
    }
    // An error or a list of models may come between.
    let are = |own: u32| own > 0 && own * 10 >= all * 8;
    let places = if are(chat) {
        OPENAI_CHAT.as_slice()
    } else if are(gemini) {
        GEMINI.as_slice()
    } else {
        return None;
    };
    Some(NameAt::Key(places.iter().map(|place| (*place).to_owned()).collect()))
}
