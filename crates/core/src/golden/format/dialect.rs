//! How frames are to be understood.

use super::event::read_sends;
use crate::codec::{Codec, Format as CodecFormat};
use crate::dialect::{
    Codecs, Described, Dialect, Embedded, HttpNames, JsonNames, Label, NameAt, Protocol, ProtocolOptions,
    Reflex, When,
};
use crate::document::{Fields, did_you_mean};
use crate::golden::Order;
use crate::golden::spans::must_be_pointer;
use crate::template::Template;
use crate::transcript::Side;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// As `event.ask` is the client's where the server has none of that name, `refine.ask` is about the client's events where
/// the order has those in parts: `>ask[open]`.
pub(super) fn refine_sides(dialect: &mut Dialect, labels: &[&Label]) {
    let is_in_parts =
        |label: &Label| labels.iter().any(|own| own.as_str().starts_with(&format!("{}[", label.as_str())));
    let mut more = BTreeMap::new();
    let mut wrong = Vec::new();
    for (label, pointer) in dialect.refine() {
        let twin = Label::new(Side::Client, label.name());
        if label.is_client() || dialect.refine().contains_key(&twin) || !is_in_parts(&twin) {
            continue;
        }
        more.insert(twin, pointer.clone());
        if !is_in_parts(label) && labels.contains(&label) {
            wrong.push(label.clone());
        }
    }
    dialect.refine_by(more, &wrong);
}

/// Reads `name = "/type"`, `name = ["/event", "/0"]`, `name = { present = ["setup", "clientContent"] }`,
/// `name = ["/topic", { present = ["auth"] }]`.
fn read_name(fields: &Fields<'_>, key: &str) -> Option<NameAt> {
    let (item, span) = fields.item(key)?;
    let present = |table: &Fields<'_>, span: Range<usize>| -> Vec<String> {
        let keys = table.strings("present").unwrap_or_default();
        if keys.is_empty() {
            let hint = Some(format!("{key} = {{ present = [\"setup\", \"content\"] }}"));
            fields.source().report(span, format!("`{key}` names no key"), "here", hint);
        }
        keys.into_iter().map(|(text, _)| text).collect()
    };
    if item.is_table_like() {
        let table = fields.table(key);
        let keys = present(&table, span);
        table.finish();
        return Some(NameAt::Key(keys));
    }
    let (mut pointers, mut keys) = (Vec::new(), Vec::new());
    for place in fields.strings_or_tables(key) {
        match place {
            Ok((text, span)) => {
                must_be_pointer(fields, &text, span);
                pointers.push(text);
            }
            Err(table) => {
                keys.extend(present(&table, span.clone()));
                table.finish();
            }
        }
    }
    if pointers.is_empty() && keys.is_empty() && fields.source().is_clean() {
        let hint = Some(format!("{key} = \"/type\""));
        fields.source().report(span, format!("`{key}` names no place"), "here", hint);
    }
    Some(match (pointers.is_empty(), keys.is_empty()) {
        (_, true) => NameAt::Value(pointers),
        (true, false) => NameAt::Key(keys),
        (false, false) => NameAt::ValueOrKey(pointers, keys),
    })
}

/// What the client says by itself.
pub(super) fn read_reflexes(root: &Fields<'_>, order: Option<&Order>, dialect: &mut Dialect) {
    for fields in root.tables("reflex") {
        let source = fields.source();
        let on = fields.string("on");
        let when = match (&on, fields.gap("every")) {
            (Some((name, _)), None) => Some(When::Comes(Label::from(name.as_str()))),
            (None, Some(every)) => Some(When::Silent(every)),
            _ => None,
        };
        let mut sends = read_sends(source, &fields);
        let send = match (sends.pop(), sends.is_empty()) {
            (None, _) => Ok(None),
            (Some(Template::Json(value)), true) => Ok(Some(value)),
            _ => Err(()),
        };
        let (span, about) = (fields.span(), "docs/GOLDEN.md has examples".to_owned());
        fields.finish();
        let (Some(when), Ok(send)) = (when, send) else {
            let message = "a reflex has `on`, an event of the server, or `every`, a time, and one `send`";
            source.report(span, message, "here", Some(about));
            continue;
        };
        if let (Some((name, span)), Some(order)) = (on, order)
            && order.labels().into_iter().any(|label| label.as_str() == name)
        {
            let hint = Some("take it out of one of the two".to_owned());
            source.report(span, format!("`{name}` has a place in the order"), "and sets off a reflex", hint);
        }
        let reflex = Reflex { when, send };
        match dialect {
            Dialect::Json(names) if reflex.send.is_none() || reflex.answer(names).is_some() => {
                names.reflexes.push(reflex);
            }
            Dialect::Json(_) => {
                let message = "what a reflex sends has no name";
                let hint = Some("`name` in [dialect] says where names stand".to_owned());
                source.report(span, message, "here", hint);
            }
            Dialect::Protocol(_) | Dialect::Sse(_) => {
                let message = format!("the dialect {} has its own reflexes", dialect.kind());
                source.report(span, message, "here", Some("[[reflex]] is for kind = \"json\"".to_owned()));
            }
        }
    }
}

/// Reads `codec`, or `client_codec` and `server_codec` where the sides differ.
fn read_codecs(fields: &Fields<'_>, is_http: bool) -> Codecs {
    let own = |key: &str| {
        fields.string(key).filter(|_| !is_http).and_then(|(name, span)| {
            let codec = Codec::of(&name);
            if codec.is_none() {
                let known = || Codec::all().map(Codec::name);
                let hint = did_you_mean(&name, known())
                    .unwrap_or_else(|| format!("known: {}", known().collect::<Vec<_>>().join(", ")));
                fields.source().report(span, format!("unknown codec `{name}`"), "here", Some(hint));
            }
            codec
        })
    };
    let both = own("codec");
    Codecs { client: own("client_codec").or(both), server: own("server_codec").or(both) }
}

/// Reads `descriptor`, and `message` or `client_message` and `server_message`.
fn read_described(fields: &Fields<'_>, codec: Codecs, is_http: bool) -> Option<Described> {
    let file = fields.string("descriptor");
    let [both, client, server] = ["message", "client_message", "server_message"].map(|key| fields.text(key));
    let (file, span) = file.filter(|_| !is_http)?;
    let is_protobuf = |codec: Option<Codec>| codec.is_some_and(|codec| codec.format == CodecFormat::Protobuf);
    if !is_protobuf(codec.client) && !is_protobuf(codec.server) {
        let hint = Some("write codec = \"protobuf\"".to_owned());
        fields.source().report(span, "a descriptor is for Protocol Buffers", "here", hint);
        return None;
    }
    let (Some(client), Some(server)) = (client.or_else(|| both.clone()), server.or(both)) else {
        let hint = Some("write message = \"chat.Envelope\"".to_owned());
        fields.source().report(span, "a descriptor describes many messages: which is it?", "here", hint);
        return None;
    };
    Some(Described::new(&file, &client, &server))
}

/// Reads how frames are to be understood.
pub(super) fn read_dialect(fields: Fields<'_>) -> Dialect {
    let (mut protocol, mut is_http) = (None, false);
    if let Some((kind, span)) = fields.string("kind") {
        is_http = kind == "sse";
        protocol = Protocol::of(&kind);
        if !Dialect::kinds().any(|known| known == kind) {
            let hint = did_you_mean(&kind, Dialect::kinds())
                .unwrap_or_else(|| format!("known: {}", Dialect::kinds().collect::<Vec<_>>().join(", ")));
            fields.source().report(span, format!("unknown dialect `{kind}`"), "here", Some(hint));
        }
    }
    if let Some(protocol) = protocol {
        let spoken = ProtocolOptions { refine: read_refine(&fields), ..ProtocolOptions::new(protocol) };
        fields.finish();
        return Dialect::Protocol(spoken);
    }
    let name = |key: &str| read_name(&fields, key);
    let both = name("name").unwrap_or_else(|| NameAt::pointer("/type"));
    let client = name("client_name").unwrap_or_else(|| both.clone());
    let server = name("server_name").unwrap_or(both);
    let reply = read_pointer(&fields, "reply");
    let refine = read_refine(&fields);
    let requests = read_requests(&fields, is_http);
    let record_separator = !is_http && fields.boolean("record_separator").unwrap_or(false);
    let codec = read_codecs(&fields, is_http);
    let answers = read_answers(&fields, reply.is_some());
    let errors = read_errors(&fields);
    let codes = read_codes(&fields);
    let embedded = if is_http { Embedded::default() } else { read_embedded(&fields, "embedded") };
    let nested = read_embedded(&fields, "nested");
    let described = read_described(&fields, codec, is_http);
    fields.finish();
    let names = JsonNames {
        client,
        server,
        reply,
        answers,
        errors,
        codes,
        refine,
        record_separator,
        codec,
        described,
        nested,
        embedded,
        reflexes: Vec::new(),
    };
    if is_http { Dialect::Sse(HttpNames { json: names, requests }) } else { Dialect::Json(names) }
}

fn read_pointer(fields: &Fields<'_>, key: &str) -> Option<String> {
    let (text, span) = fields.string(key)?;
    must_be_pointer(fields, &text, span);
    Some(text)
}

/// Where events of one name say in what state they are.
fn read_refine(fields: &Fields<'_>) -> BTreeMap<Label, String> {
    let table = fields.table("refine");
    let keys = table.keys().into_iter();
    let refine =
        keys.filter_map(|key| Some((Label::from(key.as_str()), read_pointer(&table, &key)?))).collect();
    table.finish();
    refine
}

/// Names of requests over HTTP.
fn read_requests(fields: &Fields<'_>, is_http: bool) -> BTreeMap<String, String> {
    let table = fields.table("requests");
    let span = table.span();
    let keys = table.keys().into_iter();
    let requests: BTreeMap<String, String> =
        keys.filter_map(|key| Some((key.clone(), table.text(&key)?))).collect();
    table.finish();
    if !is_http && !requests.is_empty() {
        let message = "`dialect.requests` names requests over HTTP".to_owned();
        let hint = Some("write kind = \"sse\"".to_owned());
        fields.source().report(span, message, "not in this dialect", hint);
    }
    requests
}

/// Names of messages that only answer requests.
fn read_answers(fields: &Fields<'_>, has_reply: bool) -> BTreeSet<String> {
    let found = fields.strings("answers").unwrap_or_default();
    if let (Some((_, span)), false) = (found.first(), has_reply) {
        let hint = Some("write reply = \"/ref\"".to_owned());
        let message = "`answers` are found by the ids of their requests: where those stand, `reply` says";
        fields.source().report(span.clone(), message, "here", hint);
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// Where answers say that they are errors, by name.
fn read_errors(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let table = fields.table("errors");
    let mut errors = BTreeMap::new();
    for key in table.keys() {
        let Some((at, span)) = table.string(&key) else { continue };
        must_be_pointer(&table, &at, span);
        errors.insert(key, at);
    }
    table.finish();
    errors
}

/// Names of codes.
fn read_codes(fields: &Fields<'_>) -> BTreeMap<u64, String> {
    let table = fields.table("codes");
    let mut codes = BTreeMap::new();
    for key in table.keys() {
        let Some((name, span)) = table.string(&key) else { continue };
        match key.parse::<u64>() {
            Ok(code) => drop(codes.insert(code, name)),
            Err(_) => fields.source().report(
                span,
                format!("`{key}` is not a code"),
                "its name",
                Some("a code is a whole number: 48 = \"CALL\"".to_owned()),
            ),
        }
    }
    table.finish();
    codes
}

/// Pointers for both sides, or for each: `embedded`, `client_embedded`, `server_embedded`.
fn read_embedded(fields: &Fields<'_>, key: &str) -> Embedded {
    let pointers = |key: &str| -> Option<Vec<String>> {
        let found = fields.strings(key)?;
        found.iter().for_each(|(text, span)| must_be_pointer(fields, text, span.clone()));
        Some(found.into_iter().map(|(text, _)| text).collect())
    };
    let both = pointers(key).unwrap_or_default();
    let client = pointers(&format!("client_{key}")).unwrap_or_else(|| both.clone());
    Embedded { client, server: pointers(&format!("server_{key}")).unwrap_or(both) }
}
