//! Replaces secrets by stable labels before anything reaches a disk or a terminal.
//!
//! A known secret is replaced wherever it occurs: unchanged, percent-encoded, in base64 (also within a longer base64
//! text), in hexadecimal, or with any JSON escapes. The same value gets the same label, `{{secret:token#1}}`, so that
//! equal frames stay equal. An unknown secret is recognised by its form, like a JSON Web Token, or by its name, and
//! is known from then on.
//!
//! ```text
//! text ─► notice (names, shapes, the project's rules) ─► known ─► hits in the text and its views ─► labels
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `finder` | many strings in one text, fast when none is there |
//! | `forms` | in which encodings a secret may stand |
//! | `views` | a text with its escapes undone |
//! | `notice` | credentials by shape and by name |
//! | `logins` | those of the protocols' own logins |
//! | `places` | those in objects, lists, pairs, forms and URLs |
//! | `request` | credentials in URLs and headers |
//! | `heads` | those in a recorded HTTP exchange |
//! | `encoded` | those in messages of MessagePack and CBOR, and in what is compressed |
//! | `rules` | what a project adds |
//! | `issued` | keys by how they begin |
//! | `leftover` | what still looks like a secret in what was written |

mod encoded;
mod finder;
mod forms;
mod heads;
mod issued;
mod known;
mod leftover;
mod logins;
mod notice;
mod phrases;
mod places;
mod request;
mod rules;
mod views;

pub use leftover::{Leftover, LeftoverKind};
pub use rules::Rules;

use super::{Frame, Handshake, Payload};
use crate::secret::{Secret, looks_like_credential};
use known::{Hit, Known};
use notice::{Hints, Noticed, Trust, notice};
use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Replaces secrets by labels. Clones share the known secrets, so a secret that is added later is redacted everywhere
/// from then on.
#[derive(Clone)]
pub struct Redactor {
    shared: Arc<Shared>,
}

struct Shared {
    known: RwLock<Known>,
    rules: Rules,
    hints: Hints,
}

impl Default for Redactor {
    fn default() -> Redactor {
        Redactor::with_rules(Rules::default())
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Shorter values, in bytes, are replaced only at their own places: `a` or `123` would be found in many words.
    pub const MIN_LEN: usize = 4;

    /// A redactor with the project's own rules.
    pub fn with_rules(rules: Rules) -> Redactor {
        let hints = Hints::new(&rules);
        Redactor { shared: Arc::new(Shared { known: RwLock::default(), rules, hints }) }
    }

    /// Adds a secret with a `name`, e.g. `token`. Values under [`Redactor::MIN_LEN`] bytes are ignored.
    pub fn add(&self, name: &str, secret: &Secret) {
        let value = secret.expose();
        if value.len() >= Redactor::MIN_LEN {
            self.write().learn(name, value);
        }
    }

    /// Learns the credentials in a request before it is sent or printed: in its URL and in its headers.
    pub fn note_request<'h>(&self, url: &str, headers: impl IntoIterator<Item = (&'h str, &'h str)>) {
        self.note_url(url);
        for (name, value) in headers {
            self.note_header(name, value);
        }
    }

    /// Learns the credentials in a URL: the password before its host, and query parameters with the name of a
    /// credential.
    pub fn note_url(&self, url: &str) {
        self.hits_of(request::in_url(url));
    }

    /// Learns the credential in a header that contains credentials: `Authorization`, `Cookie`,
    /// `Sec-WebSocket-Protocol`, `X-Api-Key`, …
    pub fn note_header(&self, name: &str, value: &str) {
        self.hits_of(request::credentials(name, value).unwrap_or_default());
    }

    /// Learns the credentials in a message with which clients log in, such as the first one: values with the name of
    /// a credential, and words that look like one.
    pub fn note_message(&self, text: &str) {
        let shared = &self.shared;
        let mut noticed = notice(text, &shared.hints, &shared.rules, Trust::Eager);
        if !text.starts_with(['{', '[']) {
            let words = text.split_whitespace().filter(|word| looks_like_credential(word));
            noticed.extend(words.map(|word| Noticed {
                span: None,
                name: "token".to_owned(),
                value: word.to_owned(),
            }));
        }
        // Everywhere, not only at its place: a plain word is a token, too, if a client logs in with it.
        let mut known = self.write();
        for one in noticed.iter().filter(|one| one.value.len() >= 8) {
            known.learn(&one.name, &one.value);
        }
    }

    /// `text` without secrets.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let shared = &self.shared;
        let mut noticed = notice(text, &shared.hints, &shared.rules, Trust::Careful);
        noticed.extend(heads::in_head(text));
        noticed.extend(logins::in_text(text));
        shared.rules.notice(text, &mut noticed);
        self.replace(text, noticed)
    }

    /// A URL without secrets.
    pub fn clean_url<'t>(&self, url: &'t str) -> Cow<'t, str> {
        self.replace(url, request::in_url(url))
    }

    /// A header's value without secrets.
    pub fn clean_header<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        match request::credentials(name, value) {
            Some(noticed) => self.replace(value, noticed),
            None => match self.clean_url(value) {
                // `Location`, `Referer`; other values have no query.
                Cow::Borrowed(value) => self.clean(value),
                Cow::Owned(value) => Cow::Owned(self.clean(&value).into_owned()),
            },
        }
    }

    /// `bytes` without secrets. Bytes that are not UTF-8 are decompressed, read as MessagePack or CBOR, and searched
    /// for known secrets.
    pub fn clean_bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let password = logins::mqtt_password(bytes).and_then(|span| {
            let value = String::from_utf8_lossy(&bytes[span.clone()]).into_owned();
            (!value.contains("{{secret:")).then_some((span, value))
        });
        if let Some((span, value)) = password {
            let hit = Noticed { span: Some(span), name: "password".to_owned(), value };
            let mut hits = self.hits_of(vec![hit]);
            let known = self.read();
            known.search(bytes, &mut hits);
            return Cow::Owned(known.render(bytes, hits));
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            return match self.clean(text) {
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            };
        }
        match self.clean_packed(bytes) {
            Some(clean) => Cow::Owned(clean),
            None => self.clean_binary(bytes),
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

    /// Redacts every string within a JSON value, including keys.
    pub fn clean_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(clean) = self.clean(text) {
                    *text = clean;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.clean_json(item)),
            serde_json::Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    if let serde_json::Value::String(text) = item
                        && let Some(clean) = self.clean_field(key, text)
                    {
                        *text = clean;
                    }
                }
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

    /// The value of a field without secrets, when its name says that it is one.
    fn clean_field(&self, name: &str, value: &str) -> Option<String> {
        let is_one = self.shared.rules.suspicion(name)?.holds(value);
        let noticed = is_one.then(|| request::credentials(name, value)).flatten().unwrap_or_else(Vec::new);
        match self.replace(value, noticed) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(clean),
        }
    }

    /// A handshake without credentials.
    pub fn clean_handshake(&self, handshake: &Handshake) -> Handshake {
        let mut clean = handshake.clone();
        for (name, value) in clean.request.iter_mut().chain(&mut clean.response) {
            if let Cow::Owned(cleaned) = self.clean_header(name, value) {
                *value = cleaned;
            }
        }
        clean
    }

    fn replace<'t>(&self, text: &'t str, noticed: Vec<Noticed>) -> Cow<'t, str> {
        let mut hits = self.hits_of(noticed);
        let known = self.read();
        known.search(text.as_bytes(), &mut hits);
        if hits.is_empty() {
            return Cow::Borrowed(text);
        }
        let clean = known.render(text.as_bytes(), hits);
        // Secrets are whole characters. Where an escape was among invalid bytes, a lost character is better than a
        // leak.
        Cow::Owned(
            String::from_utf8(clean)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }

    /// Learns noticed credentials and returns their places.
    fn hits_of(&self, noticed: Vec<Noticed>) -> Vec<Hit> {
        if noticed.is_empty() {
            return Vec::new();
        }
        let mut known = self.write();
        let mut hits = Vec::with_capacity(noticed.len());
        for one in noticed {
            let label = if one.is_unmistakable() {
                known.learn(&one.name, &one.value)
            } else {
                known.label_of(&one.name, &one.value)
            };
            hits.extend(one.span.map(|span| Hit { start: span.start, end: span.end, label }));
        }
        hits
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        // A panic elsewhere must not cause a leak here, so the known secrets stay known.
        self.shared.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.shared.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
