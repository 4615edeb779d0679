//! Whether what the client sends can be sent.

use crate::dialect::{Dialect, Label};
use crate::document::{SourceText, did_you_mean};
use crate::golden::Golden;
use crate::template::Template;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// A template as it can be tried: in what a codec writes, a place may stand for a number or for bytes, and two digits are both.
fn as_if_filled(template: &Template, dialect: &Dialect) -> Template {
    let has_codec = matches!(dialect, Dialect::Json(names) if names.codec.client.is_some());
    let filled = has_codec.then(|| template.fill(&mut |_| Some(Value::from("00"))).ok()).flatten();
    filled.unwrap_or_else(|| template.clone())
}

/// Every send needs its message, every place in a message its value.
pub(super) fn check_templates(
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
            // The messages of a descriptor file that is not read yet cannot be tried.
            if golden.dialect.descriptor().is_none()
                && let Err(cause) = as_if_filled(template, &golden.dialect).payloads(&golden.dialect, label)
            {
                let message = format!("`{label}` cannot be encoded in {}: {cause}", golden.dialect.kind());
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
