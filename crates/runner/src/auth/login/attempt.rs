//! One user who logs in: what is known of it so far.

use crate::auth::base::Base;
use crate::auth::error::{AuthError, Step};
use goldwire_core::document::did_you_mean;
use goldwire_core::secret::Secret;
use goldwire_core::template::{Unbound, fill_text, fill_value};
use goldwire_core::transcript::{Gap, Redactor};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::collections::BTreeMap;

/// A login under way: what is known so far.
pub(super) struct Attempt<'a> {
    pub(super) base: &'a Base,
    pub(super) redactor: &'a Redactor,
    pub(super) timeout: Gap,
    pub(super) vars: BTreeMap<String, Value>,
}

/// What the server answered, as far as it was read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Attempt<'_> {
    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        let http = || (name == "http").then(|| self.base.http.clone().map(Value::from)).flatten();
        self.vars.get(name).or_else(|| self.base.variables.get(name)).cloned().or_else(http)
    }

    pub(super) fn unbound(&self, step: Step, unbound: Unbound) -> AuthError {
        let names = self.vars.keys().chain(self.base.variables.keys()).map(String::as_str);
        let hint = if unbound.0 == "http" {
            Some("name the target's HTTP side: http = \"http://…\"".to_owned())
        } else {
            did_you_mean(&unbound.0, names.chain(["http"])).or_else(|| {
                Some(format!("give it a value: --variable {}=…", unbound.0.trim_start_matches("var.")))
            })
        };
        AuthError::Unbound { step, unbound, hint }
    }

    pub(super) fn text(&self, step: Step, template: &str) -> Result<String, AuthError> {
        fill_text(template, &mut |name| self.lookup(name)).map_err(|unbound| self.unbound(step, unbound))
    }

    pub(super) fn value(&self, step: Step, template: &Value) -> Result<Value, AuthError> {
        fill_value(template, &mut |name| self.lookup(name)).map_err(|unbound| self.unbound(step, unbound))
    }

    pub(super) fn hide(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.redactor.add(name, &Secret::new(text.as_str())),
            Value::Number(number) => self.redactor.add(name, &Secret::new(number.to_string())),
            Value::Array(items) => items.iter().for_each(|item| self.hide(name, item)),
            Value::Object(map) => map.values().for_each(|item| self.hide(name, item)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}
