//! The table of an event.

use super::answers;
use super::document::note_place;
use crate::dialect::Label;
use crate::document::{Fields, SourceText, to_json};
use crate::golden::shape::rule::Rule;
use crate::golden::shape::{Path, parse_rule, split_source};
use crate::golden::{Envelope, Event, Order, Split, default_df};
use crate::template::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// So many steps a path has at most: each of them holds the path so far.
const MAX_DEPTH: usize = 2_000;

pub(super) fn read_event(
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
    let shape = read_shape(source, &fields, label, places);
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
        binds: read_pointers(source, &fields, "bind"),
        critical: fields.boolean("critical").unwrap_or(false),
        answered: answers::read(&fields, label, order),
        id: answers::read_id(&fields),
        lanes: read_pointers(source, &fields, "lane"),
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

/// The JSON pointers of a table, each with its name.
fn read_pointers(source: &SourceText<'_>, fields: &Fields<'_>, table: &str) -> Vec<(String, String)> {
    let table = fields.table(table);
    let list = table
        .keys()
        .into_iter()
        .filter_map(|name| {
            let (pointer, span) = table.string(&name)?;
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let hint = Some(format!("write \"/{pointer}\""));
                source.report(span, format!("`{pointer}` is not a JSON pointer"), "it begins with /", hint);
            }
            Some((name, pointer))
        })
        .collect();
    table.finish();
    list
}

/// The rules for the values of an event, by path.
fn read_shape(
    source: &SourceText<'_>,
    fields: &Fields<'_>,
    label: &Label,
    places: &mut BTreeMap<String, (usize, usize)>,
) -> Vec<(Path, Rule)> {
    let mut shape = Vec::new();
    let mut ruled = HashSet::new();
    // Paths stand beside the other keys, or in a table of their own.
    let shape_table = fields.table("shape");
    let of_event = fields.keys().into_iter().filter(|key| key.is_empty() || key.starts_with('/'));
    let paths = of_event.map(|key| (fields, key));
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
            table.report(&key, format!("`{}` is defined twice", path.pattern), "here again", hint);
            continue;
        }
        note_place(source, places, &format!("event.{label}.shape.{}", path.pattern), span.clone());
        match parse_rule(&text) {
            Ok(rule) => shape.push((path, rule)),
            Err(message) => source.report(span, message, "here", None),
        }
    }
    shape_table.finish();
    shape
}

fn labels(texts: Vec<(String, Range<usize>)>) -> Vec<Label> {
    texts.into_iter().map(|(text, _)| Label::from(text.as_str())).collect()
}

pub(super) fn small(count: Option<u64>) -> u32 {
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

pub(super) fn read_sends(source: &SourceText<'_>, fields: &Fields<'_>) -> Vec<Template> {
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
