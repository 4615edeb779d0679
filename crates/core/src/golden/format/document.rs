//! The document as a whole: its version, its order, its events and what stands beside them.

use super::VERSION;
use super::answers;
use super::dialect::{read_dialect, read_reflexes, refine_sides};
use super::event::read_event;
use super::session::{read_budget, read_ends, read_learned, read_live, read_probes, read_script};
use super::templates::check_templates;
use crate::dialect::{Dialect, Label};
use crate::document::{Fields, SourceText, did_you_mean};
use crate::golden::contract::{DEFAULT_LINGER, DEFAULT_WAIT};
use crate::golden::spans::content_span;
use crate::golden::{Before, Event, Golden, Order, Pace, TimeMode, order_syntax};
use std::collections::BTreeMap;
use std::ops::Range;

/// Reads the whole document; none where its version or its order make no sense.
pub(super) fn read_document(source: &SourceText<'_>, table: &toml_edit::Table) -> Option<Golden> {
    let root = Fields::root(source, table);
    if !is_known_version(source, &root) {
        return None;
    }
    let mut places = BTreeMap::new();
    let order = read_order(source, &root, &mut places);
    let events_table = root.table("event");
    let (names, spans) = names(&events_table, order.as_ref());
    let events = read_events(source, &events_table, &names, &spans, order.as_ref(), &mut places);
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
    let rules = read_rules(source, &root);
    let ends = read_ends(source, &root);
    let pace = read_pace(source, &root);
    let time = read_time_mode(source, &root);
    let about = root.text("about").unwrap_or_default();
    let wait = root.gap("wait").unwrap_or(DEFAULT_WAIT);
    let linger = root.gap("linger").unwrap_or(DEFAULT_LINGER);
    let listen = root.gap("listen");
    let keep = root.strings("keep").unwrap_or_default().into_iter().map(|(text, _)| text).collect();
    let require_live = read_live(&root);
    let probes = read_probes(&root);
    let budget = read_budget(&root, &events);
    let learned = read_learned(root.table("learned"));
    note_places(source, &root, &mut places);
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

/// Whether the document says that it is of the version that is read here; reports it where not.
fn is_known_version(source: &SourceText<'_>, root: &Fields<'_>) -> bool {
    match root.count("goldwire") {
        Some(VERSION) => true,
        Some(other) => {
            let message = format!("golden version {other}; this goldwire reads version {VERSION}");
            root.report("goldwire", message, "not known", Some("a newer goldwire can read it".to_owned()));
            false
        }
        None if root.has("goldwire") => false,
        None => {
            let hint = Some("a golden starts with `goldwire = 1`".to_owned());
            source.report(0..1, "`goldwire` is missing", "no version", hint);
            false
        }
    }
}

/// Reads the tables of all events, which are named by their keys in the file, with where those stand.
fn read_events(
    source: &SourceText<'_>,
    table: &Fields<'_>,
    names: &[(String, Label)],
    spans: &BTreeMap<String, Range<usize>>,
    order: Option<&Order>,
    places: &mut BTreeMap<String, (usize, usize)>,
) -> BTreeMap<Label, Event> {
    let mut events = BTreeMap::new();
    for (key, label) in names {
        let fields = table.table(key);
        note_place(source, places, &format!("event.{label}"), fields.span());
        if let Some(order) = order {
            if !order.labels().contains(&label) {
                let known = order.labels();
                let hint = did_you_mean(key, known.iter().map(|label| label.name()));
                let message = format!("unknown event `{key}`");
                source.report(spans[key].clone(), message, "no event in the order has this name", hint);
            }
        }
        if events.contains_key(label) {
            let hint = Some("an event has one table: put the two together".to_owned());
            source.report(spans[key].clone(), format!("`{label}` is defined twice"), "here again", hint);
        }
        let event = read_event(source, fields, label, order, places);
        events.insert(label.clone(), event);
    }
    events
}

fn read_rules(source: &SourceText<'_>, root: &Fields<'_>) -> Vec<Before> {
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
    rules
}

fn read_pace(source: &SourceText<'_>, root: &Fields<'_>) -> Pace {
    match root.string("pace") {
        None => Pace::default(),
        Some((text, _)) if text == "causal" => Pace::Causal,
        Some((text, _)) if text == "recorded" => Pace::Recorded,
        Some((text, span)) => {
            let hint = did_you_mean(&text, ["causal", "recorded"]);
            source.report(span, format!("unknown pace `{text}`"), "\"causal\" or \"recorded\"", hint);
            Pace::default()
        }
    }
}

fn read_time_mode(source: &SourceText<'_>, root: &Fields<'_>) -> Option<TimeMode> {
    let (text, span) = root.string("time")?;
    let mode = TimeMode::of(&text);
    if mode.is_none() {
        let hint = did_you_mean(&text, TimeMode::ALL.map(TimeMode::name));
        let label = "\"auto\", \"shape\", \"bounds\" or \"off\"";
        source.report(span, format!("`{text}` is not a way to judge time"), label, hint);
    }
    mode
}

/// Notes where keys stand that a finding may point to.
fn note_places(source: &SourceText<'_>, root: &Fields<'_>, places: &mut BTreeMap<String, (usize, usize)>) {
    for key in ["ends", "require_live"] {
        if let Some(span) = root.key_span(key) {
            note_place(source, places, key, span);
        }
    }
    for name in ["ttft", "inter_token"] {
        let table = root.table("budget");
        if let Some(span) = table.key_span(name) {
            note_place(source, places, &format!("budget.{name}"), span);
        }
    }
}

pub(super) fn note_place(
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
