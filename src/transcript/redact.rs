//! Secrets out, stable labels in, before anything reaches a disk or a terminal.
//!
//! A secret that is known by value is replaced wherever it stands: raw, percent-encoded, base64 or JSON-escaped. The
//! same value gets the same label, `{{secret:token#1}}`, so that two frames that were equal still are. Strings shaped
//! like a JWT are replaced even when nobody announced them.

use super::{Frame, Handshake, Payload};
use crate::secret::Secret;
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Shorter values are not replaced: `a` or `123` would be found in every other word.
const MIN_LEN: usize = 4;

/// Headers whose whole value is a credential, whatever it is.
const CREDENTIAL_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

/// Replaces secrets by labels. Clones share what they know: a token learned late is hidden from then on everywhere.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Each form in which a secret may stand, with its label.
    forms: Vec<(String, String)>,
    labels: HashMap<String, String>,
    counts: HashMap<String, usize>,
    finder: Option<AhoCorasick>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Makes a secret known under `name`, e.g. `token`. Values under four bytes are left alone.
    pub fn add(&self, name: &str, secret: &Secret) {
        let value = secret.expose();
        if value.len() >= MIN_LEN {
            self.lock().label_of(name, value);
        }
    }

    /// `text` without secrets.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut known = self.lock();
        known.note_jwts(text);
        known.replace(text)
    }

    /// `bytes` without secrets; what is not UTF-8 is searched as well.
    pub fn clean_bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return match self.clean(text) {
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            };
        }
        let known = self.lock();
        match &known.finder {
            Some(finder) if finder.is_match(bytes) => {
                let labels: Vec<&[u8]> = known.forms.iter().map(|(_, label)| label.as_bytes()).collect();
                Cow::Owned(finder.replace_all_bytes(bytes, &labels))
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// A frame without secrets.
    pub fn clean_frame(&self, frame: &Frame) -> Frame {
        let payload = match &frame.payload {
            Payload::Text(text) => Payload::Text(self.clean(text).into_owned()),
            Payload::Binary(bytes) => Payload::Binary(self.clean_bytes(bytes).into_owned()),
            Payload::Ping(bytes) => Payload::Ping(self.clean_bytes(bytes).into_owned()),
            Payload::Pong(bytes) => Payload::Pong(self.clean_bytes(bytes).into_owned()),
            Payload::Close { code, reason } => {
                Payload::Close { code: *code, reason: self.clean(reason).into_owned() }
            }
            Payload::Open(handshake) => Payload::Open(Box::new(self.clean_handshake(handshake))),
            Payload::Gone(detail) => Payload::Gone(self.clean(detail).into_owned()),
        };
        Frame { payload, ..frame.clone() }
    }

    /// Cleans every string within a JSON value, keys included.
    pub fn clean_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(clean) = self.clean(text) {
                    *text = clean;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.clean_json(item)),
            serde_json::Value::Object(map) => {
                let dirty = map.keys().any(|key| matches!(self.clean(key), Cow::Owned(_)));
                if dirty {
                    *map = std::mem::take(map)
                        .into_iter()
                        .map(|(key, value)| (self.clean(&key).into_owned(), value))
                        .collect();
                }
                map.values_mut().for_each(|value| self.clean_json(value));
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    /// A handshake's facts without credentials.
    pub fn clean_handshake(&self, handshake: &Handshake) -> Handshake {
        let mut clean = handshake.clone();
        for (name, value) in clean.request.iter_mut().chain(&mut clean.response) {
            let cleaned = self.clean(value).into_owned();
            let is_credential = CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str());
            *value = if is_credential && !cleaned.contains("{{secret:") {
                self.lock().label_of("header", value)
            } else {
                cleaned
            };
        }
        clean
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A panic elsewhere must not turn into a leak here: what is known stays known.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn label_of(&mut self, name: &str, value: &str) -> String {
        if let Some(label) = self.labels.get(value) {
            return label.clone();
        }
        let count = self.counts.entry(name.to_owned()).or_default();
        *count += 1;
        let label = format!("{{{{secret:{name}#{count}}}}}");
        self.labels.insert(value.to_owned(), label.clone());
        for form in forms(value) {
            if !self.forms.iter().any(|(known, _)| *known == form) {
                self.forms.push((form, label.clone()));
            }
        }
        // Longest first: a token that contains another secret is one secret.
        self.finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(self.forms.iter().map(|(form, _)| form))
            .ok();
        label
    }

    fn note_jwts(&mut self, text: &str) {
        for jwt in jwts(text) {
            if !self.labels.contains_key(jwt) {
                self.label_of("jwt", jwt);
            }
        }
    }

    fn replace<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.finder {
            Some(finder) if finder.is_match(text) => {
                let labels: Vec<&str> = self.forms.iter().map(|(_, label)| label.as_str()).collect();
                Cow::Owned(finder.replace_all(text, &labels))
            }
            _ => Cow::Borrowed(text),
        }
    }
}

/// Every way in which a value may be written in a URL, a header, a frame or a JSON string.
fn forms(value: &str) -> Vec<String> {
    let percent = |plus: bool, upper: bool| {
        value.bytes().fold(String::new(), |mut text, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte))
                }
                b' ' if plus => text.push('+'),
                _ if upper => text.push_str(&format!("%{byte:02X}")),
                _ => text.push_str(&format!("%{byte:02x}")),
            }
            text
        })
    };
    let quoted = serde_json::Value::from(value).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let mut forms = vec![
        value.to_owned(),
        percent(false, true),
        percent(false, false),
        percent(true, true),
        STANDARD.encode(value),
        STANDARD_NO_PAD.encode(value),
        URL_SAFE.encode(value),
        URL_SAFE_NO_PAD.encode(value),
        escaped.replace('/', "\\/"),
        // A JSON text inside a JSON string is escaped twice.
        escaped.replace('\\', "\\\\").replace('"', "\\\""),
        escaped,
    ];
    forms.sort();
    forms.dedup();
    forms
}

/// Strings shaped like a JSON Web Token (RFC 7519): two base64url objects and a signature, which may be empty.
fn jwts(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices("eyJ").filter_map(move |(start, _)| {
        let starts_a_word = !text[..start].chars().next_back().is_some_and(is_part);
        if !starts_a_word {
            return None;
        }
        let rest = &text[start..];
        let len = rest.find(|c| !(is_part(c) || c == '.')).unwrap_or(rest.len());
        let token = &rest[..len];
        let mut parts = token.split('.');
        let (head, body) = (parts.next()?, parts.next()?);
        parts.next()?;
        let looks = head.len() >= 10 && body.starts_with("eyJ") && body.len() >= 10;
        looks.then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_secrets_get_equal_labels_in_every_form() {
        let redactor = Redactor::default();
        redactor.add("token", &Secret::new("s3cr3t/+value"));
        redactor.add("token", &Secret::new("other-one"));
        redactor.add("token", &Secret::new("s3cr3t/+value"));
        assert_eq!(
            redactor.clean("a=s3cr3t/+value b=s3cr3t%2F%2Bvalue c=other-one"),
            "a={{secret:token#1}} b={{secret:token#1}} c={{secret:token#2}}"
        );
        assert_eq!(redactor.clean("nothing here"), "nothing here");
    }

    #[test]
    fn a_jwt_nobody_announced_is_hidden() {
        let redactor = Redactor::default();
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xx.c2lnbmF0dXJl";
        assert_eq!(
            redactor.clean(&format!("{{\"t\":\"{jwt}\",\"u\":\"{jwt}\"}}")),
            "{\"t\":\"{{secret:jwt#1}}\",\"u\":\"{{secret:jwt#1}}\"}"
        );
    }

    #[test]
    fn a_credential_header_is_hidden_whatever_it_holds() {
        let mut handshake = Handshake::default();
        handshake.request.insert("Cookie".to_owned(), "sid=1".to_owned());
        handshake.request.insert("Accept".to_owned(), "*/*".to_owned());
        let clean = Redactor::default().clean_handshake(&handshake);
        assert_eq!(clean.request["Cookie"], "{{secret:header#1}}");
        assert_eq!(clean.request["Accept"], "*/*");
    }

    proptest! {
        #[test]
        fn no_form_of_a_secret_remains(secret in "[ -~]{8,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            let redactor = Redactor::default();
            redactor.add("password", &Secret::new(secret.clone()));
            for form in forms(&secret) {
                let text = format!("{before}{form}{after}");
                let clean = redactor.clean(&text);
                prop_assert!(!clean.contains(&form), "{clean} still holds {form}");
            }
        }
    }
}
