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

use super::fields::{Fields, parse_toml, to_json};
use super::order_syntax;
use super::problem::{Problems, Source, did_you_mean};
use super::shape::{Path, Source as SourcePath, parse_rule, split_source};
use super::{
    Before, Budget, Envelope, Event, Golden, Learned, LiveItem, Occasions, Order, Pace, ProbeName, Split,
    Template, TimeMode, default_df,
};
use crate::dialect::{Dialect, HttpNames, JsonNames, Label, NameAt, Protocol, Spoken};
use crate::transcript::{Gap, Side, is_unseen};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

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
    let source = Source::new(file, text);
    let golden = {
        let document = parse_toml(&source);
        document.as_ref().and_then(|document| read_document(&source, document.as_table()))
    };
    match golden {
        Some(golden) if source.is_clean() => Ok(golden),
        _ => Err(source.into_problems()),
    }
}

fn read_document(source: &Source<'_>, table: &toml_edit::Table) -> Option<Golden> {
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
    let mut learned = read_learned(root.table("learned"));
    let tested = events.values().flat_map(|event| &event.timing).filter(|timing| timing.is_tested()).count();
    learned.occasions.classes = u32::try_from(tested).unwrap_or(u32::MAX);
    // Every mistake is reported, also where the order itself makes no sense.
    root.finish();
    let golden = Golden {
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
        keep,
        require_live,
        probes,
        budget,
        learned,
        events,
        places,
    };
    check_templates(source, &golden, &names, &spans);
    Some(golden)
}

fn note_place(
    source: &Source<'_>,
    places: &mut BTreeMap<String, (usize, usize)>,
    key: &str,
    span: Range<usize>,
) {
    places.insert(key.to_owned(), source.place(span.start));
}

fn read_order(
    source: &Source<'_>,
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

/// Where the text of a TOML string begins, when it stands in the file without escapes.
fn content_span(file: &str, span: &Range<usize>, text: &str) -> Option<Range<usize>> {
    let raw = file.get(span.clone())?;
    let start = raw.find(text)?;
    let is_opening = raw[..start].trim_matches(['"', '\'', '\n', '\r']).is_empty();
    (is_opening && !text.is_empty()).then(|| span.start + start..span.start + start + text.len())
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
    source: &Source<'_>,
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
    let shape_table = fields.table("shape");
    let mut shape = Vec::new();
    for key in shape_table.keys() {
        let Some((text, span)) = shape_table.string(&key) else { continue };
        let Some(path) = Path::parse(&key) else {
            let hint = Some(format!("write \"/{key}\""));
            shape_table.report(&key, format!("`{key}` is not a path"), "a path begins with /", hint);
            continue;
        };
        note_place(source, places, &format!("event.{label}.shape.{}", path.pattern), span.clone());
        match parse_rule(&text) {
            Ok(rule) => shape.push((path, rule)),
            Err(message) => source.report(span, message, "here", None),
        }
    }
    shape_table.finish();
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

fn read_sends(source: &Source<'_>, fields: &Fields<'_>) -> Vec<Template> {
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

fn must_be_pointer(fields: &Fields<'_>, text: &str, span: Range<usize>) {
    if !text.starts_with('/') {
        let hint = Some(format!("write \"/{text}\""));
        fields.source().report(span, format!("`{text}` is not a JSON pointer"), "it begins with /", hint);
    }
}

/// Reads `name = "/type"`, `name = ["/event", "/0"]`, `name = { present = ["setup", "clientContent"] }`.
fn read_name(fields: &Fields<'_>, key: &str) -> Option<NameAt> {
    let (item, span) = fields.item(key)?;
    if item.is_table_like() {
        let table = fields.table(key);
        let keys: Vec<String> =
            table.strings("present").unwrap_or_default().into_iter().map(|(text, _)| text).collect();
        table.finish();
        if keys.is_empty() {
            let hint = Some(format!("{key} = {{ present = [\"setup\", \"content\"] }}"));
            fields.source().report(span, format!("`{key}` names no key"), "here", hint);
        }
        return Some(NameAt::Key(keys));
    }
    let pointers = fields.strings(key)?;
    if pointers.is_empty() {
        fields.source().report(
            span,
            format!("`{key}` names no place"),
            "here",
            Some(format!("{key} = \"/type\"")),
        );
    }
    let pointers = pointers.into_iter().map(|(text, span)| {
        must_be_pointer(fields, &text, span);
        text
    });
    Some(NameAt::Value(pointers.collect()))
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
    fields.finish();
    let names = JsonNames { client, server, reply, refine, record_separator };
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
    let repeats =
        |(label, event): &(&Label, &Event)| event.timing.iter().any(|timing| timing.after == **label);
    let found =
        || events.iter().filter(repeats).max_by_key(|(_, event)| event.seen).map(|(label, _)| label.clone());
    let event = named.map(|(name, _)| Label::from(name.as_str())).or_else(found);
    let (ttft, inter_token) = (fields.gap("ttft"), fields.gap("inter_token"));
    let span = fields.span();
    fields.finish();
    if event.is_none() {
        let hint = Some("write event = \"token\"".to_owned());
        root.source().report(span, "a budget does not say what is streamed", "here", hint);
    }
    event.map(|event| Budget { event, ttft, inter_token })
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

fn read_ends(source: &Source<'_>, root: &Fields<'_>) -> Vec<String> {
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
    source: &Source<'_>,
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

/// Every send needs its message, every place in a message its value.
fn check_templates(
    source: &Source<'_>,
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
            if let Err(cause) = template.clone().payloads(&golden.dialect, label) {
                let message = format!("`{label}` cannot be said in {}: {cause}", golden.dialect.kind());
                source.report(spans[key].clone(), message, "in what it sends", None);
            }
        }
        for name in event.sends.iter().flat_map(Template::names) {
            let built_in = ["uuid", "nonce", "now", "token", "password", "run"].contains(&name.as_str())
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

/// Writes a golden from nothing.
pub fn write(golden: &Golden) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_into(&mut out, golden);
    out
}

/// A text as a basic string in which nothing is hidden; none where nothing has to be escaped for that.
fn seen(text: &str) -> Option<String> {
    if !text.chars().any(is_unseen) {
        return None;
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unseen(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    Some(out)
}

fn string(text: &str) -> String {
    if let Some(text) = seen(text) {
        return text;
    }
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

fn strings(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let parts: Vec<String> = texts.into_iter().map(|text| string(text.as_ref())).collect();
    match &parts[..] {
        [one] => one.clone(),
        _ => format!("[{}]", parts.join(", ")),
    }
}

fn key(name: &str) -> String {
    if let Some(name) = seen(name) {
        return name;
    }
    toml_edit::Key::new(name).to_string().trim().to_owned()
}

fn write_into(out: &mut String, golden: &Golden) -> std::fmt::Result {
    writeln!(out, "goldwire = {VERSION}")?;
    writeln!(out, "about = {}", string(&golden.about))?;
    writeln!(out)?;
    let pretty = golden.order.pretty(96);
    // A name may hold whatever would end a string: then what stands in it is escaped.
    let (pretty, quotes) = match (pretty.contains("'''"), pretty.contains(['"', '\\'])) {
        (true, _) => (pretty.replace('\\', "\\\\").replace('"', "\\\""), "\"\"\""),
        (false, true) => (pretty, "'''"),
        (false, false) => (pretty, "\"\"\""),
    };
    writeln!(out, "order = {quotes}")?;
    for line in pretty.lines() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "{quotes}")?;
    let mut clients: Vec<Label> =
        golden.order.labels().into_iter().filter(|label| label.is_client()).cloned().collect();
    let simple = golden.script == clients
        || (clients.len() == 1 && golden.script.iter().all(|label| *label == clients[0]));
    clients.clear();
    if !simple {
        writeln!(out, "script = {}", strings(golden.script.iter().map(Label::as_str)))?;
    }
    if !golden.rules.is_empty() {
        let rules =
            golden.rules.iter().map(|rule| format!("{} before {}", rule.first.as_str(), rule.then.as_str()));
        writeln!(out, "rules = {}", strings(rules))?;
    }
    writeln!(out, "ends = {}", strings(&golden.ends))?;
    if golden.pace == Pace::Recorded {
        writeln!(out, "pace = \"recorded\"")?;
    }
    if let Some(time) = golden.time {
        writeln!(out, "time = {}", string(time.name()))?;
    }
    if golden.wait != DEFAULT_WAIT {
        writeln!(out, "wait = {}", string(&golden.wait.to_string()))?;
    }
    if golden.linger != DEFAULT_LINGER {
        writeln!(out, "linger = {}", string(&golden.linger.to_string()))?;
    }
    if !golden.keep.is_empty() {
        writeln!(out, "keep = {}", strings(&golden.keep))?;
    }
    match &golden.require_live[..] {
        [] => {}
        items if LiveItem::ALL.iter().all(|item| items.contains(item)) => {
            writeln!(out, "require_live = true")?
        }
        items => writeln!(out, "require_live = {}", strings(items.iter().map(|item| item.name())))?,
    }
    if !golden.probes.is_empty() {
        writeln!(out, "probes = {}", strings(golden.probes.iter().map(|probe| probe.name())))?;
    }
    if let Some(budget) = &golden.budget {
        writeln!(out, "\n[budget]\nevent = {}", string(budget.event.as_str()))?;
        for (name, limit) in [("ttft", budget.ttft), ("inter_token", budget.inter_token)] {
            if let Some(limit) = limit {
                writeln!(out, "{name} = {}", string(&limit.to_string()))?;
            }
        }
    }
    write_dialect(out, &golden.dialect)?;
    let learned = &golden.learned;
    writeln!(out, "\n[learned]\nrecordings = {}", learned.recordings)?;
    writeln!(out, "users = {}\ndays = {}", learned.users, learned.days)?;
    if learned.occasions.count > 0 {
        writeln!(out, "occasions = {}", learned.occasions.count)?;
    }
    let apart = [("pace_spread", learned.occasions.pace), ("kind_spread", learned.occasions.kinds)];
    for (name, spread) in apart {
        if let Some(spread) = spread {
            writeln!(out, "{name} = {spread:.3}")?;
        }
    }
    if !learned.hosts.is_empty() {
        // A list also where there is one: the next recordings may bring another.
        let hosts: Vec<String> = learned.hosts.iter().map(|host| string(host)).collect();
        writeln!(out, "hosts = [{}]", hosts.join(", "))?;
    }
    if let Some(work) = learned.work {
        writeln!(out, "work = {}", string(&work.to_string()))?;
    }
    if let Some(percent) = learned.others {
        writeln!(out, "others = {percent}")?;
    }
    if let Some((first, last)) = &learned.between {
        writeln!(out, "between = {}", strings([first, last]))?;
    }
    writeln!(out, "reason = {}", string(&learned.reason))?;
    let in_order: Vec<&Label> = golden.order.labels();
    let rest = golden.events.keys().filter(|label| !in_order.contains(label));
    for label in in_order.iter().copied().chain(rest) {
        if let Some(event) = golden.event(label) {
            write_event(out, &golden.key_of(label), event)?;
        }
    }
    Ok(())
}

/// `"/type"`, `["/event", "/0"]`, `{ present = ["setup", "clientContent"] }`.
fn name_at(name: &NameAt) -> String {
    match name {
        NameAt::Value(pointers) => strings(pointers),
        NameAt::Key(keys) => format!("{{ present = {} }}", strings(keys)),
    }
}

fn write_dialect(out: &mut String, dialect: &Dialect) -> std::fmt::Result {
    if *dialect == Dialect::default() {
        return Ok(());
    }
    writeln!(out, "\n[dialect]\nkind = {}", string(dialect.kind()))?;
    match dialect {
        // Most messages of a stream say themselves what they are.
        Dialect::Sse(names) if names.json == JsonNames::default() => {}
        Dialect::Json(JsonNames { client, server, reply, refine: _, record_separator })
        | Dialect::Sse(HttpNames {
            json: JsonNames { client, server, reply, refine: _, record_separator },
            ..
        }) => {
            if client == server {
                writeln!(out, "name = {}", name_at(client))?;
            } else {
                writeln!(out, "client_name = {}\nserver_name = {}", name_at(client), name_at(server))?;
            }
            if let Some(reply) = reply {
                writeln!(out, "reply = {}", string(reply))?;
            }
            if *record_separator {
                writeln!(out, "record_separator = true")?;
            }
        }
        Dialect::Protocol(_) => {}
    }
    if let Dialect::Sse(HttpNames { requests, .. }) = dialect
        && !requests.is_empty()
    {
        writeln!(out, "\n[dialect.requests]")?;
        for (request, name) in requests {
            writeln!(out, "{} = {}", key(request), string(name))?;
        }
    }
    if !dialect.refine().is_empty() {
        writeln!(out, "\n[dialect.refine]")?;
    }
    for (label, pointer) in dialect.refine() {
        writeln!(out, "{} = {}", key(label.as_str()), string(pointer))?;
    }
    Ok(())
}

fn write_event(out: &mut String, name: &str, event: &Event) -> std::fmt::Result {
    let name = key(name);
    writeln!(out, "\n[event.{name}]")?;
    write_sends(out, &event.sends)?;
    if !event.after.is_empty() {
        writeln!(out, "after = {}", strings(event.after.iter().map(Label::as_str)))?;
    }
    if let Some(think) = event.think {
        writeln!(out, "think = {}", string(&think.to_string()))?;
    }
    for (name, pointer) in &event.binds {
        writeln!(out, "bind.{} = {}", key(name), string(pointer))?;
    }
    if event.critical {
        writeln!(out, "critical = true")?;
    }
    for (name, pointer) in &event.lanes {
        writeln!(out, "lane.{} = {}", key(name), string(pointer))?;
    }
    if event.seen > 0 {
        writeln!(out, "seen = {}\nruns = {}", event.seen, event.runs)?;
    }
    let counts = [("trials", event.trials), ("least", event.least)];
    for (key, count) in counts.into_iter().chain([("total", event.total), ("fewest", event.fewest)]) {
        if let Some(count) = count {
            writeln!(out, "{key} = {count}")?;
        }
    }
    let envelopes: Vec<String> = event.timing.iter().map(envelope).collect();
    match &envelopes[..] {
        [] => {}
        [one] => writeln!(out, "timing = {one}")?,
        many => writeln!(out, "timing = [\n  {},\n]", many.join(",\n  "))?,
    }
    if !event.shape.is_empty() {
        writeln!(out, "\n[event.{name}.shape]")?;
        for (path, rule) in &event.shape {
            writeln!(out, "{} = {}", string(&path.to_string()), string(&rule.to_string()))?;
        }
    }
    Ok(())
}

fn envelope(timing: &Envelope) -> String {
    let span = |gap: Gap| string(&gap.to_string());
    let mut text = format!("{{ after = {}", string(timing.after.as_str()));
    if timing.samples == 0 && timing.usual == Gap::ZERO {
        // Nothing was recorded: all there is to say is what a person allows.
        if let Some(at_most) = timing.at_most {
            text.push_str(&format!(", at_most = {}", span(at_most)));
        }
        return text + " }";
    }
    text.push_str(&format!(", usual = {}", span(timing.usual)));
    let bounds = [("earliest", timing.earliest), ("latest", timing.latest)];
    let bounds = bounds.into_iter().chain([("at_most", timing.at_most)]);
    let extremes = [("fastest", Some(timing.fastest)), ("slowest", Some(timing.slowest))];
    for (name, gap) in bounds.chain(extremes) {
        if let Some(gap) = gap {
            text.push_str(&format!(", {name} = {}", span(gap)));
        }
    }
    text.push_str(&format!(", spread = {:.3}", timing.spread));
    if let Some(within) = timing.within {
        text.push_str(&format!(", within = {within:.3}"));
    }
    if timing.df != default_df(timing.runs) {
        text.push_str(&format!(", df = {}", timing.df));
    }
    text.push_str(&format!(", samples = {}, runs = {}", timing.samples, timing.runs));
    if let Some(split) = &timing.split {
        let by = if split.of_cause {
            SourcePath { label: timing.after.clone(), path: split.path.clone() }.to_string()
        } else {
            split.path.clone()
        };
        let kinds: Vec<String> =
            split.slowest.iter().map(|(value, gap)| format!("{} = {}", key(value), span(*gap))).collect();
        text.push_str(&format!(", by = {}, slowest_by = {{ {} }}", string(&by), kinds.join(", ")));
    }
    text + " }"
}

fn write_sends(out: &mut String, sends: &[Template]) -> std::fmt::Result {
    let tables: Option<Vec<String>> = sends
        .iter()
        .map(|send| match send {
            Template::Json(value @ Value::Object(_)) => to_toml(value).map(|value| value.to_string()),
            _ => None,
        })
        .collect();
    if let Some(tables) = tables {
        match &tables[..] {
            [] => {}
            [one] => writeln!(out, "send = {}", one.trim())?,
            many => {
                writeln!(out, "send = [")?;
                for table in many {
                    writeln!(out, "  {},", table.trim())?;
                }
                writeln!(out, "]")?;
            }
        }
        return Ok(());
    }
    // One form for all of them keeps their order.
    if sends.iter().all(|send| matches!(send, Template::Json(_))) {
        let texts = sends.iter().filter_map(|send| match send {
            Template::Json(value) => Some(value.to_string()),
            Template::Text(_) | Template::Binary(_) => None,
        });
        return writeln!(out, "send_json = {}", strings(texts));
    }
    let texts: Vec<String> = sends
        .iter()
        .filter_map(|send| match send {
            Template::Text(text) => Some(text.clone()),
            Template::Json(value) => Some(value.to_string()),
            Template::Binary(_) => None,
        })
        .collect();
    if !texts.is_empty() {
        writeln!(out, "send_text = {}", strings(texts))?;
    }
    let bytes: Vec<String> = sends
        .iter()
        .filter_map(|send| match send {
            Template::Binary(bytes) => Some(BASE64.encode(bytes)),
            Template::Json(_) | Template::Text(_) => None,
        })
        .collect();
    if bytes.is_empty() { Ok(()) } else { writeln!(out, "send_base64 = {}", strings(bytes)) }
}

/// A JSON value as TOML; none when it holds a null or a number that TOML does not have.
fn to_toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None if number.is_f64() => number.as_f64()?.into(),
            None => return None,
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => {
            toml_edit::Value::Array(items.iter().map(to_toml).collect::<Option<toml_edit::Array>>()?)
        }
        Value::Object(map) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, item) in map {
                table.insert(key, to_toml(item)?);
            }
            toml_edit::Value::InlineTable(table)
        }
    })
}

/// Writes `golden` over the text of an older one: values that did not change stay as they were typed, comments stay
/// where they are, and what is new is added where its neighbours are.
pub fn rewrite(old: &str, golden: &Golden) -> String {
    let fresh = write(golden);
    let (Ok(mut target), Ok(new)) =
        (old.parse::<toml_edit::DocumentMut>(), fresh.parse::<toml_edit::DocumentMut>())
    else {
        return fresh;
    };
    merge(target.as_table_mut(), new.as_table());
    target.to_string()
}

fn merge(target: &mut toml_edit::Table, new: &toml_edit::Table) {
    let gone: Vec<String> =
        target.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    for key in gone {
        target.remove(&key);
    }
    for (key, item) in new {
        match target.get_mut(key) {
            Some(toml_edit::Item::Table(old)) => {
                if let toml_edit::Item::Table(new) = item {
                    merge(old, new);
                } else {
                    target.insert(key, item.clone());
                }
            }
            Some(toml_edit::Item::Value(old)) => {
                let toml_edit::Item::Value(new) = item else {
                    target.insert(key, item.clone());
                    continue;
                };
                if !same(old, new) {
                    let decor = old.decor().clone();
                    *old = new.clone();
                    *old.decor_mut() = decor;
                }
            }
            _ => {
                target.insert(key, item.clone());
            }
        }
    }
}

/// Whether two TOML values mean the same, however they are written.
fn same(a: &toml_edit::Value, b: &toml_edit::Value) -> bool {
    let json = |value: &toml_edit::Value| to_json(&toml_edit::Item::Value(value.clone()));
    match (json(a), json(b)) {
        (Some(Value::String(a)), Some(Value::String(b))) => {
            a == b || matches!((order_syntax::parse(&a), order_syntax::parse(&b)), (Ok(a), Ok(b)) if a == b)
        }
        (a, b) => a.is_some() && a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Golden, Order, read};
    use super::*;
    use crate::dialect::events;
    use crate::transcript::{Frame, Offset, Payload};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_an_event_is_called_its_golden_can_be_read(
            names in proptest::collection::btree_set("(\\PC|['\"\\\\>< \n\r\u{1b}\u{85}\u{202e}]){1,8}|'''|\"\"\"", 1..6),
        ) {
            let labels: Vec<Label> = names.iter().map(|name| Label::new(Side::Server, name)).collect();
            let mut golden = Golden {
                order: Order::Seq(labels.iter().cloned().map(Order::Event).collect()).simplified(),
                ..Golden::default()
            };
            golden.events.extend(labels.iter().map(|label| (label.clone(), Event::default())));
            let text = write(&golden);
            let back = match read("g.toml", &text) {
                Ok(back) => back,
                Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{text}"))),
            };
            prop_assert_eq!(back.order.labels(), golden.order.labels());
            prop_assert!(back.events.keys().eq(golden.events.keys()));
            prop_assert!(!text.chars().any(|c| crate::transcript::is_unseen(c) && c != '\n'), "{:?}", text);
        }
    }

    #[test]
    fn where_names_stand_is_read_as_it_was_written() {
        let places = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for name in [
            NameAt::pointer("/a\u{7f}\u{202e}b\"c"),
            NameAt::Value(places(&["/event", "/0"])),
            NameAt::Key(places(&["setup", "x\u{7f}y\n"])),
            NameAt::Key(places(&["setup"])),
        ] {
            let record_separator = matches!(&name, NameAt::Key(keys) if keys.len() > 1);
            let dialect = Dialect::Json(JsonNames { client: name, record_separator, ..JsonNames::default() });
            let mut text = "goldwire = 1\norder = \"a\"\n".to_owned();
            write_dialect(&mut text, &dialect).expect("a text");
            let golden = read("g.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
            assert_eq!(golden.dialect, dialect, "{text}");
        }
    }

    #[test]
    fn what_refines_a_name_refines_it_on_the_side_where_the_order_has_its_parts() {
        let refined = |order: &str, side: Side| {
            let text = format!(
                "goldwire = 1\norder = \"{order}\"\n[dialect]\nkind = \"json\"\nrefine.items = \"/op\"\n"
            );
            let golden = read("golden/x.toml", &text).expect("a golden");
            let payload = Payload::Text(r#"{"type":"items","op":"create"}"#.to_owned());
            let frame = Frame::new(Offset::ZERO, side, payload);
            events(&golden.dialect, &[frame])[0].label.as_str().to_owned()
        };
        let (client, server) = (Side::Client, Side::Server);
        for (order, side, expected) in [
            ("items[create] ; items[delete]", server, "items[create]"),
            ("hi ; items[create]", client, ">items"),
            ("hi ; items", client, ">items"),
        ] {
            assert_eq!(refined(order, side), expected, "{order}");
        }
        let both = ">items[create] ; items ; >items[delete]";
        let sends = "[event.\">items[create]\"]\nsend = {}\n[event.\">items[delete]\"]\nsend = {}\n";
        let text = format!(
            "goldwire = 1\norder = \"{both}\"\n[dialect]\nkind = \"json\"\nrefine.items = \"/op\"\n{sends}"
        );
        let golden = read("golden/x.toml", &text).expect("a golden");
        let said = |side| {
            let payload = Payload::Text(r#"{"type":"items","op":"create"}"#.to_owned());
            events(&golden.dialect, &[Frame::new(Offset::ZERO, side, payload)])[0].label.as_str().to_owned()
        };
        assert_eq!((said(client), said(server)), (">items[create]".to_owned(), "items".to_owned()));
    }
}
