//! The credentials that a client shows when it opens a WebSocket, and in its first message: made known to the redactor
//! before a line is written.

use super::head::Head;
use crate::auth::claims_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use goldwire_core::secret::{Secret, is_secret_name, looks_like_credential};
use goldwire_core::transcript::{Payload, Redactor};
use serde_json::Value;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// A shorter value under a name that may also mean something harmless (`key=a`, `code=200`) is no credential.
const MIN_LEN: usize = 8;
/// Names of a query or a message that are credentials, besides those that every room knows.
const NAMES: [&str; 9] =
    ["authorization", "auth", "ticket", "key", "sig", "signature", "code", "session", "accesskey"];

/// What is known of who talks.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The claims of the first JSON Web Token that was shown.
    pub(super) claims: Option<Value>,
    /// Credentials that were seen, as numbers of this process.
    pub(super) keys: HashSet<u64>,
}

/// Credentials are kept as hashes with a random key, so that the values are not stored.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Shown {
    /// Looks through a request: `Authorization`, cookies, the query, the subprotocols.
    pub(super) fn request(&mut self, head: &Head, redactor: &Redactor) {
        for name in ["authorization", "proxy-authorization"] {
            head.values(name).for_each(|value| self.authorization(value, redactor));
        }
        for name in ["x-api-key", "x-auth-token", "x-access-token"] {
            head.values(name).for_each(|value| self.note("token", value, redactor));
        }
        for pair in head.values("cookie").flat_map(|value| value.split(';')) {
            self.cookie(pair, redactor);
        }
        let (_, target, _) = head.request();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if is_credential(name, value) || claims_of(value).is_some() {
                self.note(label(name), &percent_decode(value), redactor);
            }
        }
        let offered = head.values("sec-websocket-protocol").flat_map(|value| value.split(','));
        for offer in offered.map(str::trim) {
            // `bearer.TOKEN`, `base64url.bearer.authorization.k8s.io.TOKEN`: what stands behind the scheme's name.
            let lower = offer.to_ascii_lowercase();
            let behind = ["bearer.", "bearer-", "token.", "token-", "auth.", "jwt."];
            let token = match behind.iter().find(|prefix| lower.starts_with(**prefix)) {
                Some(prefix) => &offer[prefix.len()..],
                None => match lower.find("authorization.") {
                    Some(_) => offer.rsplit('.').next().unwrap_or(offer),
                    None => offer,
                },
            };
            if token.len() < offer.len() || looks_like_credential(token) {
                self.note("token", token, redactor);
            }
        }
    }

    /// Looks through an answer: the cookies that it sets.
    pub(super) fn response(&mut self, head: &Head, redactor: &Redactor) {
        for value in head.values("set-cookie") {
            self.cookie(value.split(';').next().unwrap_or(value), redactor);
        }
    }

    /// Looks through the client's first message.
    pub(super) fn message(&mut self, payload: &Payload, redactor: &Redactor) {
        let Payload::Text(text) = payload else { return };
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.walk("", &value, redactor);
        } else if claims_of(text.trim()).is_some() {
            self.note("token", text.trim(), redactor);
        }
    }

    /// Looks through the body of an answer, in which a login may give credentials to its client.
    pub(super) fn granted(&mut self, text: &str, redactor: &Redactor) {
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.walk_granted("", &value, redactor);
        }
    }

    /// A server also says `token` of a word. Only a value that is random counts.
    fn walk_granted(&mut self, name: &str, value: &Value, redactor: &Redactor) {
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(name, value)| self.walk_granted(name, value, redactor));
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk_granted(name, item, redactor)),
            Value::String(text)
                if claims_of(text).is_some() || (is_credential(name, text) && looks_random(text)) =>
            {
                self.note(label(name), text, redactor);
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    fn walk(&mut self, name: &str, value: &Value, redactor: &Redactor) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| self.walk(name, value, redactor)),
            Value::Array(items) => items.iter().for_each(|item| self.walk(name, item, redactor)),
            Value::String(text) if name.eq_ignore_ascii_case("authorization") => {
                self.authorization(text, redactor)
            }
            Value::String(text) if is_credential(name, text) || claims_of(text).is_some() => {
                self.note(label(name), text, redactor);
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// RFC 9110, 11.4: a scheme and what goes with it.
    fn authorization(&mut self, value: &str, redactor: &Redactor) {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or(("", value.trim()));
        let rest = rest.trim();
        let pair = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if scheme.eq_ignore_ascii_case("basic")
            && let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':'))
        {
            self.note("password", password, redactor);
            self.note("basic", rest, redactor);
        } else {
            self.note("token", rest, redactor);
        }
    }

    fn cookie(&mut self, pair: &str, redactor: &Redactor) {
        let Some((name, value)) = pair.trim().split_once('=') else { return };
        let value = value.trim_matches('"');
        if is_credential(name, value) || looks_random(value) || claims_of(value).is_some() {
            self.note(if claims_of(value).is_some() { "token" } else { "cookie" }, value, redactor);
        }
    }

    fn note(&mut self, label: &str, value: &str, redactor: &Redactor) {
        let claims = claims_of(value).map(|(_, claims)| claims);
        self.keys.insert(HASHER.hash_one(value));
        redactor.add(if claims.is_some() { "token" } else { label }, &Secret::new(value));
        if self.claims.is_none() {
            self.claims = claims;
        }
    }
}

fn is_credential(name: &str, value: &str) -> bool {
    is_secret_name(name)
        || NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
            && value.len() >= MIN_LEN
            && looks_random(value)
}

/// The name that a credential's label gets: what a login gives is `token`, what a person knows is `password`.
fn label(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    if has("pass") || has("pwd") || name == "pin" {
        "password"
    } else if has("refresh") {
        "refresh_token"
    } else if has("ticket") {
        "ticket"
    } else if has("key") || has("secret") {
        "key"
    } else if has("session") || name == "sid" {
        "session"
    } else {
        "token"
    }
}

/// Letters and digits mixed, and long: no word that people use.
fn looks_random(text: &str) -> bool {
    text.len() >= 16
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !text.contains(' ')
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let hex = (*byte == b'%').then(|| after.get(..2)).flatten();
        let decoded = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if decoded.is_some() {
            rest = &after[2..];
        }
        out.push(decoded.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::head::{Kind, read};
    use super::*;

    async fn shown(head: &str) -> (Redactor, Shown) {
        let head = read(&mut head.as_bytes(), Kind::Request, &mut Vec::new()).await;
        let head = head.expect("HTTP").expect("a head");
        let (redactor, mut shown) = (Redactor::default(), Shown::default());
        shown.request(&head, &redactor);
        (redactor, shown)
    }

    #[tokio::test]
    async fn every_place_of_a_request_is_looked_into_and_harmless_values_stay() {
        let head = "GET /ws?token=opaque%2Bone&mode=message&auth=message&key=abcdefgh12345678&v=2 HTTP/1.1\r\n\
                    Authorization: Basic dTpwYXNzLXdvcmQtMQ==\r\n\
                    Cookie: theme=dark; sid=cookie-two; other=0123456789abcdefgh\r\n\
                    Sec-WebSocket-Protocol: agent.v1, bearer.proto-three, graphql-transport-ws, \
                    actioncable-v1-json\r\n\r\n";
        let (redactor, shown) = shown(head).await;
        for secret in [
            "opaque+one",
            "abcdefgh12345678",
            "pass-word-1",
            "cookie-two",
            "0123456789abcdefgh",
            "proto-three",
        ] {
            let text = format!("-{secret}-");
            let clean = redactor.clean(&text);
            assert!(clean.starts_with("-{{secret:"), "{clean}");
        }
        for harmless in ["dark", "message", "agent.v1", "graphql-transport-ws", "actioncable-v1-json"] {
            assert_eq!(redactor.clean(harmless), harmless);
        }
        assert_eq!(shown.claims, None);
    }

    #[tokio::test]
    async fn a_first_message_may_hold_a_login() {
        let (redactor, mut shown) = shown("GET /ws HTTP/1.1\r\n\r\n").await;
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1NyJ9.c2ln";
        let text = format!(
            "{{\"type\":\"auth\",\"login\":{{\"user\":\"ann\",\"password\":\"hunter2\"}},\"t\":[\"{jwt}\"]}}"
        );
        shown.message(&Payload::Text(text.clone()), &redactor);
        assert_eq!(
            redactor.clean(&text),
            "{\"type\":\"auth\",\"login\":{\"user\":\"ann\",\"password\":\"{{secret:password#1}}\"},\
             \"t\":[\"{{secret:token#1}}\"]}"
        );
        assert_eq!(shown.claims.expect("claims")["sub"], "u7");
    }
}
