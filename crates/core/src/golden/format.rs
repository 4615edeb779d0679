//! The golden file: TOML, version 1. Read with places, rewritten without losing comments or hand edits.
//!
//! ```toml
//! goldwire = 1
//! about = "One question; the agent answers with tools, streaming."
//! order = """
//!   connected ; >ask ; agent_started ;
//!   each call_id ( tool_executing ; tool_completed )+ ; token+ ; agent_completed
//! """
//! ends = "client 1000"
//!
//! [learned]
//! recordings = 20
//! reason = "first golden"
//!
//! [event.ask]
//! send = { type = "ask", thread = "{{thread_id}}", text = "How far is the moon?" }
//!
//! [event.connected]
//! bind.thread_id = "/thread_id"
//!
//! [event.tool_completed]
//! critical = true
//! lane.call_id = "/call_id"
//! timing = { after = "tool_executing", usual = "41 ms", latest = "310 ms", samples = 57 }
//!
//! [event.tool_completed.shape]
//! "/ok" = "boolean"
//! ```

use super::answers;
use super::evidence::streamed;
use super::order_syntax;
use super::shape::{Path, parse_rule, split_source};
use super::spans::{content_span, must_be_pointer};
use super::{
    Before, Budget, Envelope, Event, Golden, Learned, LiveItem, Occasions, Order, Pace, ProbeName, Split,
    TimeMode, default_df,
};
use crate::codec::{Codec, Format as CodecFormat};
use crate::dialect::{
    Codecs, Described, Dialect, Embedded, HttpNames, JsonNames, Label, NameAt, Protocol, Reflex, Spoken, When,
};
use crate::document::{Fields, Problems, SourceText, did_you_mean, parse_toml, to_json};
use crate::template::Template;
use crate::transcript::{Gap, Side};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// So many steps a path has at most: each of them holds the path so far.
const MAX_DEPTH: usize = 2_000;

/// The version this program writes. It reads no other.
pub const VERSION: u64 = 1;

/// How long the driver waits for an event when the golden does not say.
pub(super) const DEFAULT_WAIT: Gap = Gap::from_millis(10_000);
/// How long it listens after the last event when the golden does not say.
pub(super) const DEFAULT_LINGER: Gap = Gap::from_millis(250);

/// Reads a golden; `file` is the name under which mistakes are reported.
///
/// # Errors
/// Every mistake in it, with places.
pub fn read(file: &str, text: &str) -> Result<Golden, Problems> {
    let source = SourceText::new(file, text);
    let golden = {
        let document = parse_toml(&source);
        document.as_ref().and_then(|document| read_document(&source, document.as_table()))
    };
    match golden {
        Some(golden) if source.is_clean() => Ok(golden),
        _ => Err(source.into_problems()),
    }
}

fn read_document(source: &SourceText<'_>, table: &toml_edit::Table) -> Option<Golden> {
    let root = Fields::root(source, table);
    match root.count("goldwire") {
        Some(VERSION) => {}
        Some(other) => {
            let message = format!("golden version {other}; this goldwire reads version {VERSION}");
            root.report("goldwire", message, "not known", Some("a newer goldwire can read it".to_owned()));
            return None;
        }
        None if root.has("goldwire") => return None,
        None => {
            let hint = Some("a golden starts with `goldwire = 1`".to_owned());
            source.report(0..1, "`goldwire` is missing", "no version", hint);
            return None;
        }
    }
    let mut places = BTreeMap::new();
    let order = read_order(source, &root, &mut places);
    let events_table = root.table("event");
    let (names, spans) = names(&events_table, order.as_ref());
    let mut events = BTreeMap::new();
    for (key, label) in &names {
        let fields = events_table.table(key);
        note_place(source, &mut places, &format!("event.{label}"), fields.span());
        if let Some(order) = &order {
            if !order.labels().contains(&label) {
                let known = order.labels();
                let hint = did_you_mean(key, known.iter().map(|label| label.name()));
                let message = format!("unknown event `{key}`");
                source.report(spans[key].clone(), message, "no event in the order has this name", hint);
            }
        }
        if events.contains_key(label) {
            let hint = Some("an event has one table: put the two together".to_owned());
            source.report(spans[key].clone(), format!("`{label}` is said twice"), "here again", hint);
        }
        let event = read_event(source, fields, label, order.as_ref(), &mut places);
        events.insert(label.clone(), event);
    }
    events_table.finish();
    let mut dialect = read_dialect(root.table("dialect"));
    if let (Dialect::Protocol(spoken), Some(order)) = (&mut dialect, &order) {
        spoken.name(&order.labels());
    }
    if let Some(order) = &order {
        refine_sides(&mut dialect, &order.labels());
    }
    read_reflexes(&root, order.as_ref(), &mut dialect);
    answers::need_ids(&root, &names, &events, &dialect);
    let script = read_script(source, &root, order.as_ref(), &events);
    let mut rules = Vec::new();
    for (text, span) in root.strings("rules").unwrap_or_default() {
        match text.split_once(" before ") {
            Some((first, then)) => {
                rules.push(Before { first: first.trim().into(), then: then.trim().into() });
            }
            None => source.report(
                span,
                format!("`{text}` is not a rule"),
                "here",
                Some("write \"a before b\"".to_owned()),
            ),
        }
    }
    let ends = read_ends(source, &root);
    if let Some(span) = root.key_span("ends") {
        note_place(source, &mut places, "ends", span);
    }
    let pace = match root.string("pace") {
        None => Pace::default(),
        Some((text, _)) if text == "causal" => Pace::Causal,
        Some((text, _)) if text == "recorded" => Pace::Recorded,
        Some((text, span)) => {
            let hint = did_you_mean(&text, ["causal", "recorded"]);
            source.report(span, format!("unknown pace `{text}`"), "\"causal\" or \"recorded\"", hint);
            Pace::default()
        }
    };
    let time = root.string("time").and_then(|(text, span)| {
        let mode = TimeMode::of(&text);
        if mode.is_none() {
            let hint = did_you_mean(&text, TimeMode::ALL.map(TimeMode::name));
            let label = "\"auto\", \"shape\", \"bounds\" or \"off\"";
            source.report(span, format!("`{text}` is not a way to judge time"), label, hint);
        }
        mode
    });
    let about = root.text("about").unwrap_or_default();
    let wait = root.gap("wait").unwrap_or(DEFAULT_WAIT);
    let linger = root.gap("linger").unwrap_or(DEFAULT_LINGER);
    let listen = root.gap("listen");
    let keep = root.strings("keep").unwrap_or_default().into_iter().map(|(text, _)| text).collect();
    let require_live = read_live(&root);
    if let Some(span) = root.key_span("require_live") {
        note_place(source, &mut places, "require_live", span);
    }
    let probes = read_probes(&root);
    let budget = read_budget(&root, &events);
    for name in ["ttft", "inter_token"] {
        let table = root.table("budget");
        if let Some(span) = table.key_span(name) {
            note_place(source, &mut places, &format!("budget.{name}"), span);
        }
    }
    let learned = read_learned(root.table("learned"));
    // Every mistake is reported, also where the order itself makes no sense.
    root.finish();
    let mut golden = Golden {
        about,
        dialect,
        order: order?,
        rules,
        script,
        ends,
        pace,
        time,
        wait,
        linger,
        listen,
        keep,
        require_live,
        probes,
        budget,
        learned,
        events,
        places,
    };
    golden.note_classes();
    golden.add_what_goes_without_saying();
    check_templates(source, &golden, &names, &spans);
    Some(golden)
}

fn note_place(
    source: &SourceText<'_>,
    places: &mut BTreeMap<String, (usize, usize)>,
    key: &str,
    span: Range<usize>,
) {
    places.insert(key.to_owned(), source.place(span.start));
}

fn read_order(
    source: &SourceText<'_>,
    root: &Fields<'_>,
    places: &mut BTreeMap<String, (usize, usize)>,
) -> Option<Order> {
    let Some((text, span)) = root.string("order") else {
        if !root.has("order") {
            let hint = Some("e.g. order = \"connected ; >ask ; answer\"".to_owned());
            source.report(0..1, "`order` is missing", "a golden says in which order events come", hint);
        }
        return None;
    };
    note_place(source, places, "order", span.clone());
    let inner = content_span(source.text(), &span, &text);
    let at = |part: Range<usize>| {
        inner.as_ref().map_or(span.clone(), |i| i.start + part.start..i.start + part.end)
    };
    match order_syntax::parse(&text) {
        Ok(order) => {
            for (label, part) in order_syntax::places(&text) {
                note_place(source, places, &format!("order.{label}"), at(part));
            }
            Some(order)
        }
        Err(errors) => {
            for error in errors {
                source.report(at(error.span), error.message, error.label, error.hint);
            }
            None
        }
    }
}

/// The event that each `[event.KEY]` is about: a key without `>` means the client's event when only that is in the order.
#[expect(clippy::type_complexity, reason = "one list of keys with their events, and their places by key")]
fn names(
    events: &Fields<'_>,
    order: Option<&Order>,
) -> (Vec<(String, Label)>, BTreeMap<String, Range<usize>>) {
    let mut names = Vec::new();
    let mut spans = BTreeMap::new();
    for key in events.keys() {
        let plain = Label::from(key.as_str());
        let marked = Label::from(format!(">{key}").as_str());
        let known = order.map(Order::labels).unwrap_or_default();
        let label = if !plain.is_client() && !known.contains(&&plain) && known.contains(&&marked) {
            marked
        } else {
            plain
        };
        spans.insert(key.clone(), events.key_span(&key).unwrap_or(0..1));
        names.push((key, label));
    }
    (names, spans)
}

fn read_event(
    source: &SourceText<'_>,
    fields: Fields<'_>,
    label: &Label,
    order: Option<&Order>,
    places: &mut BTreeMap<String, (usize, usize)>,
) -> Event {
    let sends = read_sends(source, &fields);
    if !sends.is_empty() && !label.is_client() && order.is_some() {
        let hint = Some(format!("mark it as the client's in the order: >{}", label.name()));
        fields.report("send", format!("`{label}` is the server's event and cannot be sent"), "here", hint);
    }
    let pointers = |table: &str| {
        let table = fields.table(table);
        let list: Vec<(String, String)> = table
            .keys()
            .into_iter()
            .filter_map(|name| {
                let (pointer, span) = table.string(&name)?;
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    let hint = Some(format!("write \"/{pointer}\""));
                    source.report(
                        span,
                        format!("`{pointer}` is not a JSON pointer"),
                        "it begins with /",
                        hint,
                    );
                }
                Some((name, pointer))
            })
            .collect();
        table.finish();
        list
    };
    let mut shape = Vec::new();
    let mut ruled = HashSet::new();
    // Paths stand beside the other keys, or in a table of their own.
    let shape_table = fields.table("shape");
    let of_event = fields.keys().into_iter().filter(|key| key.is_empty() || key.starts_with('/'));
    let paths = of_event.map(|key| (&fields, key));
    for (table, key) in paths.chain(shape_table.keys().into_iter().map(|key| (&shape_table, key))) {
        let Some((text, span)) = table.string(&key) else { continue };
        let Some(path) = Path::parse(&key) else {
            let hint = Some(format!("write \"/{key}\""));
            table.report(&key, format!("`{key}` is not a path"), "a path begins with /", hint);
            continue;
        };
        if path.pattern.matches('/').count() > MAX_DEPTH {
            let message = format!("a path with more than {MAX_DEPTH} steps");
            table.report(&key, message, "here", Some("no payload is as deep as that".to_owned()));
            continue;
        }
        if !ruled.insert(path.pattern.clone()) {
            let hint = Some("a path has one rule: keep one of the two".to_owned());
            table.report(&key, format!("`{}` is said twice", path.pattern), "here again", hint);
            continue;
        }
        note_place(source, places, &format!("event.{label}.shape.{}", path.pattern), span.clone());
        match parse_rule(&text) {
            Ok(rule) => shape.push((path, rule)),
            Err(message) => source.report(span, message, "here", None),
        }
    }
    shape_table.finish();
    if let Some(span) = fields.key_span("answered") {
        note_place(source, places, &format!("event.{label}.answered"), span);
    }
    let mut timing = Vec::new();
    for table in fields.tables("timing") {
        note_place(source, places, &format!("event.{label}.timing"), table.span());
        timing.extend(read_timing(table));
    }
    let event = Event {
        sends,
        after: labels(fields.strings("after").unwrap_or_default()),
        think: fields.gap("think"),
        binds: pointers("bind"),
        critical: fields.boolean("critical").unwrap_or(false),
        answered: answers::read(&fields, label, order),
        id: answers::read_id(&fields),
        lanes: pointers("lane"),
        timing,
        shape,
        seen: small(fields.count("seen")),
        runs: small(fields.count("runs")),
        trials: fields.count("trials").map(|count| small(Some(count))),
        least: fields.count("least").map(|count| small(Some(count))),
        total: fields.count("total").map(|count| small(Some(count))),
        fewest: fields.count("fewest").map(|count| small(Some(count))),
    };
    fields.finish();
    event
}

fn labels(texts: Vec<(String, Range<usize>)>) -> Vec<Label> {
    texts.into_iter().map(|(text, _)| Label::from(text.as_str())).collect()
}

fn small(count: Option<u64>) -> u32 {
    count.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn read_timing(fields: Fields<'_>) -> Option<Envelope> {
    let after = fields.text("after").map(|text| Label::from(text.as_str()));
    let usual = fields.gap("usual");
    let at_most = fields.gap("at_most");
    if after.is_none() || (usual.is_none() && at_most.is_none()) {
        let hint = Some("timing = { after = \">ask\", at_most = \"2 s\" }".to_owned());
        let message = "timing needs `after`, and `usual` or `at_most`";
        fields.source().report(fields.span(), message, "here", hint);
    }
    let after = after.unwrap_or_else(|| Label::from(""));
    let samples = small(fields.count("samples"));
    let usual = usual.unwrap_or_default();
    let runs = fields.count("runs").map_or(samples, |runs| small(Some(runs)));
    let envelope = Envelope {
        split: read_split(&fields, &after),
        after,
        usual,
        spread: fields.number("spread").unwrap_or(0.0),
        within: fields.number("within"),
        fastest: fields.gap("fastest").unwrap_or(usual),
        slowest: fields.gap("slowest").unwrap_or(usual),
        earliest: fields.gap("earliest"),
        latest: fields.gap("latest"),
        samples,
        runs,
        df: fields.count("df").map_or(default_df(runs), |df| small(Some(df))),
        at_most,
    };
    fields.finish();
    Some(envelope)
}

/// Reads `by = "/tool_name", slowest_by = { calculator = "340 ms" }`.
fn read_split(fields: &Fields<'_>, after: &Label) -> Option<Split> {
    let kinds = fields.has("slowest_by").then(|| fields.table("slowest_by"));
    let by = fields.string("by");
    let Some((text, span)) = by else {
        if let Some(kinds) = kinds {
            let hint = Some("by = \"/tool_name\"".to_owned());
            fields.source().report(
                kinds.span(),
                "`slowest_by` needs `by`, the field whose values it has",
                "here",
                hint,
            );
        }
        return None;
    };
    let source = split_source(&text).filter(|(label, _)| label == after).map(|(_, path)| path.to_owned());
    let (path, of_cause) = match source {
        Some(path) => (path, true),
        None => (text, false),
    };
    if !path.starts_with('/') {
        let message = "`by` is a path of this event, or of its cause with the cause's name before it";
        let hint = Some(format!("by = \"/tool_name\", or by = \"{after}/tool_name\""));
        fields.source().report(span, message, "here", hint);
        return None;
    }
    let mut slowest = BTreeMap::new();
    if let Some(kinds) = kinds {
        for kind in kinds.keys() {
            if let Some(gap) = kinds.gap(&kind) {
                slowest.insert(kind, gap);
            }
        }
        kinds.finish();
    }
    Some(Split { path, of_cause, slowest })
}

fn read_sends(source: &SourceText<'_>, fields: &Fields<'_>) -> Vec<Template> {
    let mut sends = Vec::new();
    if let Some((item, span)) = fields.item("send") {
        match to_json(item) {
            Some(Value::Array(items)) => sends.extend(items.into_iter().map(Template::Json)),
            Some(value @ Value::Object(_)) => sends.push(Template::Json(value)),
            _ => source.report(
                span,
                "`send` is a table or a list of tables",
                "here",
                Some("send_json, send_text and send_base64 take other messages as strings".to_owned()),
            ),
        }
    }
    for (text, span) in fields.strings("send_json").unwrap_or_default() {
        match serde_json::from_str(&text) {
            Ok(value) => sends.push(Template::Json(value)),
            Err(error) => source.report(span, format!("not valid JSON: {error}"), "here", None),
        }
    }
    for (text, _) in fields.strings("send_text").unwrap_or_default() {
        sends.push(Template::Text(text));
    }
    for (text, span) in fields.strings("send_base64").unwrap_or_default() {
        match BASE64.decode(&text) {
            Ok(bytes) => sends.push(Template::Binary(bytes)),
            Err(error) => source.report(span, format!("not valid base64: {error}"), "here", None),
        }
    }
    sends
}

/// As `event.ask` is the client's where the server has none of that name, `refine.ask` is about the client's events where
/// the order has those in parts: `>ask[open]`.
fn refine_sides(dialect: &mut Dialect, labels: &[&Label]) {
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
fn read_reflexes(root: &Fields<'_>, order: Option<&Order>, dialect: &mut Dialect) {
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

fn read_dialect(fields: Fields<'_>) -> Dialect {
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
    fn pointer(fields: &Fields<'_>, key: &str) -> Option<String> {
        let (text, span) = fields.string(key)?;
        must_be_pointer(fields, &text, span);
        Some(text)
    }
    let read_refine = || {
        let table = fields.table("refine");
        let keys = table.keys().into_iter();
        let refine =
            keys.filter_map(|key| Some((Label::from(key.as_str()), pointer(&table, &key)?))).collect();
        table.finish();
        refine
    };
    if let Some(protocol) = protocol {
        let spoken = Spoken { refine: read_refine(), ..Spoken::new(protocol) };
        fields.finish();
        return Dialect::Protocol(spoken);
    }
    let name = |key: &str| read_name(&fields, key);
    let both = name("name").unwrap_or_else(|| NameAt::pointer("/type"));
    let client = name("client_name").unwrap_or_else(|| both.clone());
    let server = name("server_name").unwrap_or(both);
    let reply = pointer(&fields, "reply");
    let refine = read_refine();
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
    let record_separator = !is_http && fields.boolean("record_separator").unwrap_or(false);
    let codec = read_codecs(&fields, is_http);
    let found = fields.strings("answers").unwrap_or_default();
    if let (Some((_, span)), None) = (found.first(), &reply) {
        let hint = Some("write reply = \"/ref\"".to_owned());
        let message = "`answers` are found by the ids of their requests: where those stand, `reply` says";
        fields.source().report(span.clone(), message, "here", hint);
    }
    let answers = found.into_iter().map(|(name, _)| name).collect();
    let table = fields.table("errors");
    let mut errors = BTreeMap::new();
    for key in table.keys() {
        let Some((at, span)) = table.string(&key) else { continue };
        must_be_pointer(&table, &at, span);
        errors.insert(key, at);
    }
    table.finish();
    let table = fields.table("codes");
    let mut codes = BTreeMap::new();
    for key in table.keys() {
        let Some((name, span)) = table.string(&key) else { continue };
        match key.parse::<u64>() {
            Ok(code) => drop(codes.insert(code, name)),
            Err(_) => fields.source().report(
                span,
                format!("`{key}` is no code"),
                "its name",
                Some("a code is a whole number: 48 = \"CALL\"".to_owned()),
            ),
        }
    }
    table.finish();
    let pointers = |key: &str| -> Option<Vec<String>> {
        let found = fields.strings(key)?;
        found.iter().for_each(|(text, span)| must_be_pointer(&fields, text, span.clone()));
        Some(found.into_iter().map(|(text, _)| text).collect())
    };
    let embedded = (!is_http).then(|| {
        let both = pointers("embedded").unwrap_or_default();
        let client = pointers("client_embedded").unwrap_or_else(|| both.clone());
        Embedded { client, server: pointers("server_embedded").unwrap_or(both) }
    });
    let embedded = embedded.unwrap_or_default();
    let both = pointers("nested").unwrap_or_default();
    let nested = Embedded {
        client: pointers("client_nested").unwrap_or_else(|| both.clone()),
        server: pointers("server_nested").unwrap_or(both),
    };
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

/// Where it does not say what is streamed, it is the event that most often follows itself.
fn read_budget(root: &Fields<'_>, events: &BTreeMap<Label, Event>) -> Option<Budget> {
    if !root.has("budget") {
        return None;
    }
    let fields = root.table("budget");
    let named = fields.string("event");
    if let Some((name, span)) = &named
        && !events.is_empty()
        && !events.contains_key(&Label::from(name.as_str()))
        && !root.string("order").is_some_and(|(order, _)| order.contains(name.as_str()))
    {
        let hint = did_you_mean(name, events.keys().map(Label::as_str));
        root.source().report(span.clone(), format!("unknown event `{name}`"), "here", hint);
    }
    let is_named = named.is_some();
    let event = named.map(|(name, _)| Label::from(name.as_str())).or_else(|| streamed(events));
    let (ttft, inter_token) = (fields.gap("ttft"), fields.gap("inter_token"));
    let span = fields.span();
    fields.finish();
    if event.is_none() {
        let hint = Some("write event = \"token\"".to_owned());
        root.source().report(span, "a budget does not say what is streamed", "here", hint);
    }
    event.map(|event| Budget { event, is_named, ttft, inter_token })
}

fn read_learned(fields: Fields<'_>) -> Learned {
    let between = fields.strings("between").unwrap_or_default();
    let mut between = between.into_iter().map(|(text, _)| text);
    let learned = Learned {
        recordings: small(fields.count("recordings")),
        users: small(fields.count("users")),
        days: small(fields.count("days")),
        occasions: Occasions {
            count: small(fields.count("occasions")),
            pace: fields.number("pace_spread"),
            kinds: fields.number("kind_spread"),
            classes: 0,
        },
        hosts: fields.strings("hosts").unwrap_or_default().into_iter().map(|(text, _)| text).collect(),
        work: fields.gap("work"),
        others: fields.count("others").map(|percent| u8::try_from(percent).unwrap_or(100)),
        between: between.next().zip(between.next()),
        reason: fields.text("reason").unwrap_or_default(),
    };
    fields.finish();
    learned
}

/// `true` is everything, a list some of it.
fn read_live(root: &Fields<'_>) -> Vec<LiveItem> {
    let Some((item, _)) = root.item("require_live") else { return Vec::new() };
    if let Some(all) = item.as_bool() {
        return if all { LiveItem::ALL.to_vec() } else { Vec::new() };
    }
    let mut items = Vec::new();
    for (text, span) in root.strings("require_live").unwrap_or_default() {
        match LiveItem::of(&text) {
            Some(item) if items.contains(&item) => {}
            Some(item) => items.push(item),
            None => {
                let names = || LiveItem::ALL.into_iter().map(LiveItem::name);
                let hint = did_you_mean(&text, names()).unwrap_or_else(|| {
                    format!("true, or some of {}", names().collect::<Vec<_>>().join(", "))
                });
                let message = format!("`{text}` is nothing that shows a live server");
                root.source().report(span, message, "here", Some(hint));
            }
        }
    }
    items
}

fn read_probes(root: &Fields<'_>) -> Vec<ProbeName> {
    let mut probes = Vec::new();
    for (text, span) in root.strings("probes").unwrap_or_default() {
        match ProbeName::of(&text) {
            Some(probe) if probes.contains(&probe) => {}
            Some(probe) => probes.push(probe),
            None => {
                let names = ProbeName::ALL.map(ProbeName::name);
                let hint =
                    did_you_mean(&text, names).unwrap_or_else(|| format!("some of {}", names.join(", ")));
                root.source().report(span, format!("no probe is called `{text}`"), "here", Some(hint));
            }
        }
    }
    probes
}

fn read_ends(source: &SourceText<'_>, root: &Fields<'_>) -> Vec<String> {
    let ends = root.strings("ends").unwrap_or_else(|| vec![("client 1000".to_owned(), 0..1)]);
    for (text, span) in &ends {
        let ok = matches!(text.split_once(' '), Some(("client" | "server", code)) if code.parse::<u16>().is_ok())
            || text == "dropped 1006";
        if !ok {
            let hint = Some("write \"client 1000\", \"server 1008\" or \"dropped 1006\"".to_owned());
            source.report(span.clone(), format!("`{text}` is not an ending"), "here", hint);
        }
    }
    ends.into_iter().map(|(text, _)| text).collect()
}

fn read_script(
    source: &SourceText<'_>,
    root: &Fields<'_>,
    order: Option<&Order>,
    events: &BTreeMap<Label, Event>,
) -> Vec<Label> {
    let clients: Vec<Label> = order
        .map(Order::labels)
        .unwrap_or_default()
        .into_iter()
        .filter(|label| label.is_client())
        .cloned()
        .collect();
    let count = |label: &Label| events.get(label).map_or(0, |event| event.sends.len());
    let Some(list) = root.strings("script") else {
        let repeated = clients.iter().filter(|label| count(label) > 1).count();
        if repeated > 0 && clients.len() > 1 {
            let hint = Some("script = [\">ask\", \">ask\"]: every send, in order".to_owned());
            source.report(0..1, "an event is sent more than once: `script` must say when", "no script", hint);
        }
        return clients.iter().flat_map(|label| vec![label.clone(); count(label).max(1)]).collect();
    };
    let mut script = Vec::new();
    for (text, span) in list {
        let label = Label::from(text.as_str());
        if !clients.contains(&label) {
            let hint = did_you_mean(&text, clients.iter().map(Label::as_str));
            source.report(
                span,
                format!("unknown client event `{text}` in the script"),
                "not in the order",
                hint,
            );
        }
        script.push(label);
    }
    script
}

/// A template as it can be tried: in what a codec writes, a place may stand for a number or for bytes, and two digits are both.
fn as_if_filled(template: &Template, dialect: &Dialect) -> Template {
    let has_codec = matches!(dialect, Dialect::Json(names) if names.codec.client.is_some());
    let filled = has_codec.then(|| template.fill(&mut |_| Some(Value::from("00"))).ok()).flatten();
    filled.unwrap_or_else(|| template.clone())
}

/// Every send needs its message, every place in a message its value.
fn check_templates(
    source: &SourceText<'_>,
    golden: &Golden,
    names: &[(String, Label)],
    spans: &BTreeMap<String, Range<usize>>,
) {
    let key_of = |label: &Label| names.iter().find(|(_, own)| own == label).map(|(key, _)| key);
    let mut clients: Vec<&Label> = golden.script.iter().collect();
    clients.sort();
    clients.dedup();
    for label in clients {
        if matches!(label.as_str(), crate::dialect::RECONNECT | crate::dialect::CANCEL) {
            continue;
        }
        let wanted = golden.script.iter().filter(|own| *own == label).count();
        let found = golden.event(label).map_or(0, |event| event.sends.len());
        if wanted > found && found != 1 {
            let span = key_of(label).map_or(0..1, |key| spans[key].clone());
            let message = format!("`{label}` is sent {wanted} times but has {found} messages");
            let hint = Some(format!("[event.{}] send = {{ … }}", label.name()));
            source.report(span, message, "what does the client send?", hint);
        }
    }
    let bound: Vec<&str> =
        golden.events.values().flat_map(|event| event.binds.iter().map(|(name, _)| name.as_str())).collect();
    for (key, label) in names {
        let Some(event) = golden.event(label) else { continue };
        for template in &event.sends {
            // What a file describes that nobody has read yet cannot be tried.
            if golden.dialect.descriptor().is_none()
                && let Err(cause) = as_if_filled(template, &golden.dialect).payloads(&golden.dialect, label)
            {
                let message = format!("`{label}` cannot be said in {}: {cause}", golden.dialect.kind());
                source.report(spans[key].clone(), message, "in what it sends", None);
            }
        }
        for name in event.sends.iter().flat_map(Template::names) {
            let built_in = ["uuid", "nonce", "now", "token", "username", "password", "run"]
                .contains(&name.as_str())
                || name.starts_with("user.")
                || name.starts_with("var.");
            if !built_in && !bound.contains(&name.as_str()) {
                let hint = did_you_mean(&name, bound.iter().copied())
                    .unwrap_or_else(|| format!("bind it in the event that brings it: bind.{name} = \"/{name}\", or write {{{{var.{name}}}}} and give --variable {name}=…"));
                source.report(
                    spans[key].clone(),
                    format!("nothing binds {{{{{name}}}}}"),
                    "used in this event's message",
                    Some(hint),
                );
            }
        }
    }
}
