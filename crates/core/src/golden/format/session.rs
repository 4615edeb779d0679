//! What a golden says of a session besides its order: budgets, liveness, probes, ends, its script and its origin.

use super::event::small;
use crate::dialect::Label;
use crate::document::{Fields, SourceText, did_you_mean};
use crate::golden::evidence::streamed;
use crate::golden::{Budget, Event, Learned, LiveItem, Occasions, Order, ProbeName};
use std::collections::BTreeMap;

/// Without an event, the budget is for the event that most often follows itself.
pub(super) fn read_budget(root: &Fields<'_>, events: &BTreeMap<Label, Event>) -> Option<Budget> {
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
        root.source().report(span, "a budget needs the streamed event", "here", hint);
    }
    event.map(|event| Budget { event, is_named, ttft, inter_token })
}

pub(super) fn read_learned(fields: Fields<'_>) -> Learned {
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
pub(super) fn read_live(root: &Fields<'_>) -> Vec<LiveItem> {
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
                let message = format!("`{text}` is not a liveness item");
                root.source().report(span, message, "here", Some(hint));
            }
        }
    }
    items
}

pub(super) fn read_probes(root: &Fields<'_>) -> Vec<ProbeName> {
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

pub(super) fn read_ends(source: &SourceText<'_>, root: &Fields<'_>) -> Vec<String> {
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

pub(super) fn read_script(
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
