//! Plain JSON messages: the name is a string at a JSON pointer.

use super::label::Known;
use super::pointer::value_at;
use super::{JsonNames, Label, Said};
use crate::transcript::Side;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The name of an event without a name.
pub(crate) const NAMELESS: &str = "json";
/// The longest value that refines a name; what is longer is content.
const MAX_REFINEMENT: usize = 64;
/// The maximum of stored requests of a side. Answered ones stay, so that a second answer is recognised.
const REMEMBERED: usize = 4096;

/// The requests that each side has made, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    client: Asked,
    server: Asked,
}

/// The requests of one side, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    names: HashMap<String, String>,
    ids: VecDeque<String>,
}

impl Asked {
    pub(super) fn note(&mut self, id: String, name: &str) {
        if self.names.insert(id.clone(), name.to_owned()).is_none() {
            self.ids.push_back(id);
        }
        if self.ids.len() > REMEMBERED {
            self.ids.pop_front().map(|oldest| self.names.remove(&oldest));
        }
    }

    /// The name of what was asked for under an id.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }
}

pub(super) fn label(
    names: &JsonNames,
    side: Side,
    value: &Value,
    requests: &mut Requests,
    known: &mut Known,
) -> Label {
    let (name_at, own, other) = match side {
        Side::Client => (&names.client, &mut requests.client, &requests.server),
        Side::Server => (&names.server, &mut requests.server, &requests.client),
    };
    let id = names.reply.as_ref().and_then(|at| value_at(value, at)).filter(|id| !id.is_null());
    let name = name_at.of(value).map(|said| match said {
        Said::Text(name) => Cow::Borrowed(name),
        Said::Number(number) => names.code(number),
    });
    let refined = |known: &mut Known, name: &str| {
        known.refined(side, name, |label| refinement(at_wild(value, names.refine.get(label)?)?))
    };
    // If requests and answers share a name, its part distinguishes them and names the request.
    let own_name = match &name {
        Some(name) if names.answers.iter().any(|answer| answer.ends_with(']')) => {
            Some(Cow::Owned(refined(known, name).name().to_owned()))
        }
        name => name.as_deref().map(Cow::Borrowed),
    };
    let failed = own_name.as_ref().and_then(|name| names.errors.get(&**name));
    let failed = failed.and_then(|at| other.get(&value_at(value, at)?.to_string()));
    if let Some(request) = failed {
        return known.label(side, &format!("re:{request}:error"));
    }
    let asks = own_name.filter(|name| !names.answers.contains(&**name));
    if let (Some(name), Some(id)) = (&asks, id) {
        own.note(id.to_string(), name);
    }
    let request = if asks.is_none() { id.and_then(|id| other.get(&id.to_string())) } else { None };
    match (request, name) {
        (Some(request), _) if value.get("error").is_some() => {
            known.label(side, &format!("re:{request}:error"))
        }
        // An answer to one request may be split by its content: `re:join[ok]`.
        (Some(request), Some(_)) => refined(known, &format!("re:{request}")),
        (Some(request), None) => known.label(side, &format!("re:{request}")),
        (None, Some(name)) => refined(known, &name),
        (None, None) => refined(known, NAMELESS),
    }
}

/// The value at a JSON pointer of which a step may be `*`: the first field or item at which the rest of it leads to a value.
pub(crate) fn at_wild<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    let Some((before, rest)) = pointer.split_once("/*") else { return value.pointer(pointer) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return value.pointer(pointer);
    }
    match value.pointer(before)? {
        Value::Object(map) => map.values().find_map(|own| at_wild(own, rest)),
        Value::Array(items) => items.iter().find_map(|own| at_wild(own, rest)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The label that a label refines, and the word of the refinement: first `status[job]` of `status[job:busy]`, then
/// `status` of `status[busy]`.
pub(crate) fn refined<'n, 'l>(
    refine: &'n BTreeMap<Label, String>,
    label: &'l Label,
) -> Option<(&'n Label, &'n str, &'l str)> {
    let text = label.as_str();
    let (base, words) = match text.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((base, words)) => (base, words),
        None => (text, ""),
    };
    let of_parts =
        words.rmatch_indices(':').map(|(at, _)| (format!("{base}[{}]", &words[..at]), &words[at + 1..]));
    of_parts.chain([(base.to_owned(), words)]).find_map(|(name, word)| {
        refine.get_key_value(&Label::from(name.as_str())).map(|(own, at)| (own, at.as_str(), word))
    })
}

/// A value that may be in the brackets of a name.
pub(crate) fn refinement(value: &Value) -> Option<&str> {
    let is_word = |text: &&str| {
        (1..=MAX_REFINEMENT).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_./:-".contains(c) || c == '#' && text.contains("://"))
    };
    match value {
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        value => value.as_str().filter(is_word),
    }
}

#[cfg(test)]
mod tests {
    use super::super::NameAt;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_a_name_that_a_word_may_refine_and_so_is_none() {
        let refine = [("n0", "/t"), ("json", "/kind")].map(|(label, at)| (Label::from(label), at.to_owned()));
        let names = JsonNames { refine: refine.into(), ..JsonNames::both("/op") };
        let (mut requests, mut known) = (Requests::default(), Known::default());
        let said = [
            (json!({"op": 0, "t": "READY"}), "n0[READY]"),
            (json!({"op": 0, "t": null}), "n0"),
            (json!({"op": 11, "t": "READY"}), "n11"),
            (json!({"kind": "welcome"}), "json[welcome]"),
            (json!(["welcome"]), "json"),
        ];
        for (value, expected) in said {
            let label = label(&names, Side::Server, &value, &mut requests, &mut known);
            assert_eq!(label.as_str(), expected);
        }
    }

    /// XMPP: requests and answers are all called `iq`.
    #[test]
    fn an_answer_that_its_part_tells_from_requests_is_called_after_the_request_and_its_part() {
        let refine =
            [(">iq", "/@type"), (">iq[get]", "/*/@xmlns"), ("iq", "/@type"), ("iq[get]", "/*/@xmlns")];
        let names = JsonNames {
            reply: Some("/@id".to_owned()),
            answers: ["iq[result]", "iq[error]"].map(str::to_owned).into(),
            refine: refine.map(|(label, at)| (Label::from(label), at.to_owned())).into(),
            ..JsonNames::both("/#name")
        };
        let (mut requests, mut known) = (Requests::default(), Known::default());
        let mut name =
            |side, value| label(&names, side, &value, &mut requests, &mut known).as_str().to_owned();
        let get = |id: &str| json!({"#name": "iq", "@type": "get", "@id": id, "query": {"@xmlns": "http://a.b/c#d"}});
        let answer = |kind: &str, id: &str| json!({"#name": "iq", "@type": kind, "@id": id});
        let error = json!({"#name": "iq", "@type": "error", "@id": "1", "error": {}});
        for (side, value, expected) in [
            (Side::Client, get("1"), ">iq[get:http://a.b/c#d]"),
            (Side::Server, get("1"), "iq[get:http://a.b/c#d]"),
            (Side::Server, answer("result", "1"), "re:iq[get:http://a.b/c#d]"),
            (Side::Server, error, "re:iq[get:http://a.b/c#d]:error"),
            (Side::Client, answer("result", "1"), ">re:iq[get:http://a.b/c#d]"),
            (Side::Server, answer("result", "2"), "iq[result]"),
            (Side::Client, json!({"#name": "iq", "@type": "get", "@id": "3"}), ">iq[get]"),
        ] {
            assert_eq!(name(side, value), expected);
        }
    }

    #[test]
    fn a_star_is_the_first_that_leads_on() {
        let value = json!({"@a": "x", "one": {"b": 1}, "list": [{"@a": "y"}, {"@a": "z"}]});
        for (pointer, found) in [
            ("/*/b", Some(json!(1))),
            ("/*/@a", None),
            ("/list/*/@a", Some(json!("y"))),
            ("/*/*/@a", Some(json!("y"))),
            ("/*", Some(json!("x"))),
            ("/*x", None),
            ("/one/b", Some(json!(1))),
            ("/none/*", None),
        ] {
            assert_eq!(at_wild(&value, pointer), found.as_ref(), "{pointer}");
        }
    }

    #[test]
    fn both_sides_of_wamp_answer_by_the_id_of_the_request_and_a_failure_has_it_at_another_place() {
        let names = super::super::presets::by_subprotocol("wamp.2.json").expect("a preset");
        let (mut requests, mut known) = (Requests::default(), Known::default());
        let said = [
            (Side::Client, json!([48, 7, {}, "price", ["tea"]]), ">CALL"),
            (Side::Client, json!([48, 1, {}, "price", ["tea"]]), ">CALL"),
            (Side::Server, json!([68, 1, 9, {}, ["tea"]]), "INVOCATION"),
            (Side::Client, json!([70, 1, {}, [30]]), ">re:INVOCATION"),
            (Side::Server, json!([50, 7, {}, [30]]), "re:CALL"),
            (Side::Server, json!([8, 48, 1, {}, "sold_out"]), "re:CALL:error"),
            (Side::Client, json!([8, 68, 1, {}, "sold_out"]), ">re:INVOCATION:error"),
            // Answers without a request.
            (Side::Server, json!([50, 8, {}, [30]]), "RESULT"),
            (Side::Server, json!([8, 48, 8, {}, "sold_out"]), "ERROR"),
        ];
        for (side, value, expected) in said {
            let label = label(&names, side, &value, &mut requests, &mut known);
            assert_eq!(label.as_str(), expected, "{value}");
        }
    }

    #[test]
    fn a_reply_is_called_after_its_request_and_a_state_refines_its_event() {
        let names = JsonNames {
            client: NameAt::pointer("/method"),
            server: NameAt::pointer("/method"),
            reply: Some("/id".to_owned()),
            refine: [("status", "/state"), ("job", "/of"), ("job[sum]", "/state")]
                .map(|(label, at)| (Label::from(label), at.to_owned()))
                .into(),
            ..JsonNames::default()
        };
        let mut requests = Requests::default();
        let mut known = Known::default();
        let mut name =
            |side, value| label(&names, side, &value, &mut requests, &mut known).as_str().to_owned();
        let said = [
            (Side::Client, json!({"id": 1, "method": "sum"}), ">sum"),
            (Side::Client, json!({"id": "1", "method": "get"}), ">get"),
            (Side::Server, json!({"method": "status", "state": "busy"}), "status[busy]"),
            (Side::Server, json!({"method": "status", "state": "very busy"}), "status"),
            (Side::Server, json!({"method": "job", "of": "sum", "state": "busy"}), "job[sum:busy]"),
            (Side::Server, json!({"method": "job", "of": "get", "state": "busy"}), "job[get]"),
            (Side::Server, json!({"method": "status", "state": true}), "status[true]"),
            (Side::Server, json!({"id": "1", "result": 3}), "re:get"),
            (Side::Server, json!({"id": 1, "error": {"code": 1}}), "re:sum:error"),
            (Side::Server, json!({"id": 1, "result": 3}), "re:sum"),
            (Side::Server, json!({"id": 2, "result": 3}), "json"),
            (Side::Server, json!({"id": 1, "method": "ask"}), "ask"),
            (Side::Client, json!({"id": 1, "result": 3}), ">re:ask"),
        ];
        for (side, value, expected) in said {
            assert_eq!(name(side, value), expected);
        }
        let of = |text: &str| {
            let label = Label::from(text);
            refined(&names.refine, &label).map(|(base, at, word)| format!("{base} {at} {word}"))
        };
        assert_eq!(of("job[sum:busy]").as_deref(), Some("job[sum] /state busy"));
        assert_eq!(of("job[get:busy]").as_deref(), Some("job /of get:busy"));
        assert_eq!(of("status").as_deref(), Some("status /state "));
        assert_eq!(of("sum[busy]"), None);
    }
}
