//! The next message of the script, or what it waits for.

use super::session::{Session, known};
use super::turn::Action;
use crate::dialect::{CANCEL, EncodeError, Label, RECONNECT, REQUEST};
use crate::golden::Golden;
use crate::template::{Template, Unbound};
use crate::transcript::Payload;
use serde_json::Value;
use std::collections::BTreeMap;

impl Session<'_> {
    /// The next client event as something to do and what follows at once, or what it waits for.
    pub(super) fn ready(
        &self,
        label: &Label,
        fresh: &mut dyn FnMut(&str) -> Option<Value>,
    ) -> Result<(Action, Vec<Payload>), Vec<String>> {
        let event = self.golden.event(label);
        if let Some(event) = event {
            let came = event.after.iter().any(|cause| self.seen.contains(cause));
            // The first send of a session may begin it: it has no earlier cause.
            let begins =
                || self.sent == 0 && !event.after.iter().any(|cause| self.monitor.accepts(cause, &|_| None));
            if !event.after.is_empty() && !came && !begins() {
                return Err(event.after.iter().map(|cause| cause.as_str().to_owned()).collect());
            }
        }
        if label.as_str() == RECONNECT {
            let allowed = self.monitor.accepts(label, &|_| None);
            return if allowed { Ok((Action::Reconnect, Vec::new())) } else { Err(self.due()) };
        }
        if label.as_str() == CANCEL {
            let allowed = self.monitor.accepts(label, &|_| None);
            let sends = event.and_then(|event| event.sends.first());
            let request = sends.and_then(|template| match template {
                Template::Json(value) => u32::try_from(value.get("request")?.as_u64()?).ok(),
                Template::Text(_) | Template::Binary(_) => None,
            });
            let action = (Action::Cancel { request }, Vec::new());
            return if allowed { Ok(action) } else { Err(self.due()) };
        }
        let Some(event) = event else { return Err(self.due()) };
        let nth = self.counts.get(label).copied().unwrap_or(0);
        let Some(template) = event.sends.get(nth).or(event.sends.last()) else { return Err(self.due()) };
        let mut lookup = |name: &str| known(&self.values, name).or_else(|| fresh(name));
        let message = template.fill(&mut lookup).map_err(|unbound| {
            let binder =
                |event: &&crate::golden::Event| event.binds.iter().any(|(name, _)| *name == unbound.0);
            let binders = self.golden.events.iter().filter(|(_, event)| binder(event));
            binders.map(|(label, _)| label.as_str().to_owned()).collect::<Vec<_>>()
        })?;
        let keys = |key: &str| {
            let pointer = self.golden.lane_pointer(label, key);
            match &message {
                _ if pointer == REQUEST => Some(self.requests.to_string()),
                Template::Json(value) => text(value.pointer(&pointer)?),
                Template::Text(_) | Template::Binary(_) => None,
            }
        };
        if !self.monitor.accepts(label, &keys) {
            return Err(self.due());
        }
        let cannot = |cause| vec![format!("something that can be said instead of {label}: {cause}")];
        let mut payloads = message.payloads(&self.golden.dialect, label).map_err(cannot)?;
        if payloads.is_empty() {
            return Err(cannot(EncodeError("it is nothing".to_owned())));
        }
        Ok((Action::Send(payloads.remove(0)), payloads))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A placeholder of the script that no event and no value can fill, so that its message could never be sent.
pub fn unbound(
    golden: &Golden,
    values: &BTreeMap<String, Value>,
    fresh: &mut dyn FnMut(&str) -> Option<Value>,
) -> Option<Unbound> {
    let is_bound =
        |name: &str| golden.events.values().flat_map(|event| &event.binds).any(|(own, _)| own == name);
    let names = golden.events.values().flat_map(|event| &event.sends).flat_map(Template::names);
    let mut open = names.filter(|name| !is_bound(name) && known(values, name).is_none());
    open.find(|name| fresh(name).is_none()).map(Unbound)
}
