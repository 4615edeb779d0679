//! What answers an event, and where ids stand.

use crate::dialect::{Dialect, Label};
use crate::document::{Fields, did_you_mean};
use crate::golden::spans::{content_span, must_be_pointer};
use crate::golden::{Answers, Event, Order, order_syntax};
use crate::transcript::Side;
use std::collections::BTreeMap;

/// Reads the `answered` of an event.
pub(super) fn read(fields: &Fields<'_>, label: &Label, order: Option<&Order>) -> Option<Answers> {
    let (text, span) = fields.string("answered")?;
    let source = fields.source();
    let answers = match Answers::parse(&text) {
        Ok(answers) => answers,
        Err(message) => {
            let hint = Some("write answered = \"done | failed\"".to_owned());
            source.report(span, message, "here", hint);
            return None;
        }
    };
    let inner = content_span(source.text(), &span, &text);
    for answer in &answers.kinds {
        let place = order_syntax::places(&text).into_iter().find(|(own, _)| *own == answer.label);
        let part = place.zip(inner.as_ref());
        let here = part.map_or(span.clone(), |((_, part), all)| all.start + part.start..all.start + part.end);
        let known = order.map(Order::labels).unwrap_or_default();
        if order.is_some() && !known.contains(&&answer.label) {
            let hint = did_you_mean(answer.label.as_str(), known.iter().map(|label| label.as_str()));
            source.report(here, format!("unknown event `{}`", answer.label), "not in the order", hint);
        } else if answer.label.side() == label.side() {
            let whose = if label.side() == Side::Client { "client" } else { "server" };
            let message = format!("`{}` is the {whose}'s, as what it answers is", answer.label);
            source.report(here, message, "the other side answers", None);
        }
    }
    Some(answers)
}

/// Reads where an event has the id of its request.
pub(super) fn read_id(fields: &Fields<'_>) -> Option<String> {
    let (pointer, span) = fields.string("id")?;
    must_be_pointer(fields, &pointer, span);
    Some(pointer)
}

/// What answers a request is known by an id: something has to say where that stands.
pub(super) fn need_ids(
    root: &Fields<'_>,
    names: &[(String, Label)],
    events: &BTreeMap<Label, Event>,
    dialect: &Dialect,
) {
    if dialect.has_ids() {
        return;
    }
    let table = root.table("event");
    for (key, label) in names {
        let Some(event) = events.get(label).filter(|event| event.answered.is_some() && event.id.is_none())
        else {
            continue;
        };
        let fields = table.table(key);
        let span = fields.key_span("answered").unwrap_or_else(|| fields.span());
        let hint = if event.sends.is_empty() { "id = \"/ID\"" } else { "id = \"/ID\", where `send` has it" };
        let message = format!("the place of the id by which `{label}` is answered is missing");
        fields.source().report(span, message, "by which id?", Some(hint.to_owned()));
    }
}
