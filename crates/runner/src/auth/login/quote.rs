//! What an error may show of an answer, and what of it is hidden.

use super::attempt::{Answer, Attempt};
use crate::auth::recipe::Request;
use goldwire_core::secret::{Secret, is_secret_name};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// How much of an answer an error quotes, in characters.
const QUOTED: usize = 300;

/// Shorter values under a name such as `session_id` are left alone: they would be found in every other word.
const SUSPECT_LEN: usize = 8;

impl Attempt<'_> {
    pub(super) fn hide_secrets(
        &self,
        request: &Request,
        token: Option<&str>,
        json: Option<&Value>,
        answer: &Answer,
    ) {
        if let Some(token) = token {
            self.redactor.add("token", &Secret::new(token));
        }
        for (name, pointer) in &request.secrets {
            if let Some(value) = json.and_then(|json| json.pointer(pointer)) {
                self.hide(name, value);
            }
        }
        for cookie in cookies(&answer.headers).filter(Cookie::is_secret) {
            self.redactor.add("cookie", &Secret::new(cookie.value));
        }
        for (name, value) in answer.headers.iter().filter(|(name, _)| *name != "set-cookie") {
            value.to_str().into_iter().for_each(|value| self.redactor.note_header(name.as_str(), value));
        }
        if let Some(json) = json {
            self.hide_suspects(json);
        }
    }

    /// Hides credentials that the recipe does not name but their own names reveal, e.g. a token that the recipe's pointer misses.
    pub(super) fn hide_suspects(&self, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, item) in map {
                    match item {
                        Value::String(text) if is_secret_name(key) && text.len() >= SUSPECT_LEN => {
                            self.redactor.add(key, &Secret::new(text.as_str()));
                        }
                        _ => self.hide_suspects(item),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.hide_suspects(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The beginning of an answer on one line, redacted before it is cut: half a secret would not be recognised.
    pub(super) fn quote(&self, answer: &Answer, json: Option<&Value>) -> String {
        let text = match json {
            Some(json) => {
                let mut json = json.clone();
                self.redactor.clean_json(&mut json);
                json.to_string()
            }
            None => String::from_utf8_lossy(&answer.body).into_owned(),
        };
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
        let text = location.map_or_else(String::new, |to| format!("location {to} ")) + &text;
        shorten(&self.redactor.clean(&text))
    }
}

/// A cookie that an answer sets.
pub(super) struct Cookie<'h> {
    pub(super) name: &'h str,
    pub(super) value: &'h str,
    http_only: bool,
}

impl Cookie<'_> {
    /// Long enough to be a session, or kept from scripts. `theme=dark` is neither, and hiding `dark` everywhere would
    /// spoil the recording.
    fn is_secret(&self) -> bool {
        self.http_only || self.value.len() >= 12
    }
}

pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    headers.get_all("set-cookie").iter().filter_map(|header| {
        let mut parts = header.to_str().ok()?.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let http_only = parts.any(|attribute| attribute.eq_ignore_ascii_case("httponly"));
        Some(Cookie { name: name.trim(), value: value.trim().trim_matches('"'), http_only })
    })
}

/// What an answer has: the paths of its JSON with their types, else its kind and size. No values.
pub(super) fn there(answer: &Answer, json: Option<&Value>) -> String {
    fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
        let kind = match value {
            Value::Object(map) => {
                for (key, item) in map {
                    walk(&format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), item, found);
                }
                return;
            }
            Value::Array(_) => "list",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "boolean",
            Value::Null => "null",
        };
        found.push(format!("{} ({kind})", shown(path)));
    }
    let names: Vec<&str> = cookies(&answer.headers).map(|cookie| cookie.name).collect();
    let cookies = if names.is_empty() { String::new() } else { format!("; cookies: {}", names.join(", ")) };
    let body = match json {
        Some(json) => {
            let mut found = Vec::new();
            walk("", json, &mut found);
            format!("it has {}", if found.is_empty() { "nothing".to_owned() } else { found.join(", ") })
        }
        None => {
            let kind =
                answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("no type");
            format!("it is not JSON but {kind}, {} bytes", answer.body.len())
        }
    };
    shorten(&(body + &cookies))
}

pub(super) fn shown(pointer: &str) -> String {
    if pointer.is_empty() { "its root".to_owned() } else { pointer.to_owned() }
}

pub(super) fn shorten(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(QUOTED) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
