//! Possible secrets in a text that should have none, for `goldwire scan`.
//!
//! This is stricter than redaction, which must not spoil a recording: a known prefix of a key or a PEM block is
//! enough. Findings are reported without the secret.

use super::Redactor;
use super::known::Hit;
use super::notice::{Trust, notice};
use super::views::{percent, without_json_escapes, without_percent};
use super::{encoded, issued, logins};
use crate::secret::{is_credential_header, is_plain_words, looks_like_credential};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// The maximum depth of nested encodings.
const MAX_DEPTH: usize = 3;
/// A shorter run of base64 or hexadecimal digits is a word or an id.
const MIN_RUN: usize = 20;
/// The number of characters that are shown before a secret.
const BEFORE: usize = 28;

/// The kind of a leftover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftoverKind {
    /// A JSON Web Token.
    Jwt,
    /// A private key in PEM (RFC 7468).
    PrivateKey,
    /// A key that begins as those of this issuer do.
    Issued(&'static str),
    /// The value of a credential's name.
    Named(String),
    /// A secret that was given, by the name of its label.
    Known(String),
    /// A match of the project's pattern or pointer.
    Rule(String),
}

impl fmt::Display for LeftoverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftoverKind::Jwt => f.write_str("JSON Web Token"),
            LeftoverKind::PrivateKey => f.write_str("private key"),
            LeftoverKind::Issued(issuer) => write!(f, "{issuer} key"),
            LeftoverKind::Named(name) => write!(f, "value of `{name}`"),
            LeftoverKind::Known(name) => write!(f, "secret `{name}`"),
            LeftoverKind::Rule(name) => write!(f, "[redact] {name}"),
        }
    }
}

/// A possible secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The number, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The kind.
    pub kind: LeftoverKind,
    /// The surrounding text, with stars for the secret and for everything else that could be one.
    pub excerpt: String,
}

type Found = (Range<usize>, LeftoverKind);

impl Redactor {
    /// Possible secrets, by line and column.
    pub fn leftovers(&self, text: &str) -> Vec<Leftover> {
        let mut leftovers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let mut found = Vec::new();
            self.look(line, MAX_DEPTH, &mut found);
            logins_within(line, &mut found);
            // The outer one comes first; one inside it, or found in two ways, is the same.
            found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
            let mut end = 0;
            found.retain(|(span, _)| {
                let is_new = span.end > end;
                end = end.max(span.end);
                is_new
            });
            let spans: Vec<&Range<usize>> = found.iter().map(|(span, _)| span).collect();
            for (span, kind) in &found {
                leftovers.push(Leftover {
                    line: index + 1,
                    column: line[..span.start].chars().count() + 1,
                    kind: kind.clone(),
                    excerpt: excerpt(line, span, &spans),
                });
            }
        }
        leftovers
    }

    /// Adds what is found in a text and, decoded, within it; every place is one of the text itself.
    fn look(&self, text: &str, depth: usize, found: &mut Vec<Found>) {
        let own = found.len();
        self.look_here(text, found);
        if depth == 0 {
            return;
        }
        if text.contains('\\') {
            let view = without_json_escapes(text.as_bytes());
            self.look_inside(&view.bytes, depth, |at| view.origin(at), text, found);
        }
        if memchr::memchr_iter(b'%', text.as_bytes()).any(|at| percent(&text.as_bytes()[at..]).is_some()) {
            let view = without_percent(text.as_bytes());
            self.look_inside(&view.bytes, depth, |at| view.origin(at), text, found);
        }
        for run in runs(text) {
            let is_known = |(span, _): &Found| span.start < run.end && run.start < span.end;
            if found[own..].iter().any(is_known) {
                continue;
            }
            for bytes in decoded(&text[run.clone()]) {
                let password = logins::mqtt_password(&bytes)
                    .map(|span| String::from_utf8_lossy(&bytes[span]).into_owned());
                if password.is_some_and(|password| !password.contains("{{secret:")) {
                    found.push((run.clone(), LeftoverKind::Named("password".to_owned())));
                }
                let mut inner = Vec::new();
                let text = String::from_utf8_lossy(&bytes);
                self.look(&text, depth - 1, &mut inner);
                if matches!(text, Cow::Owned(_)) {
                    encoded::texts(&bytes).iter().for_each(|text| self.look(text, depth - 1, &mut inner));
                }
                found.extend(inner.into_iter().take(1).map(|(_, kind)| (run.clone(), kind)));
            }
        }
    }

    fn look_inside(
        &self,
        bytes: &[u8],
        depth: usize,
        origin: impl Fn(usize) -> usize,
        text: &str,
        found: &mut Vec<Found>,
    ) {
        let inner_text = String::from_utf8_lossy(bytes);
        let is_exact = matches!(inner_text, Cow::Borrowed(_));
        let mut inner = Vec::new();
        self.look(&inner_text, depth - 1, &mut inner);
        let place = |span: Range<usize>| {
            let (start, end) =
                if is_exact { (origin(span.start), origin(span.end)) } else { (0, text.len()) };
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                start..end
            } else {
                0..text.len()
            }
        };
        found.extend(inner.into_iter().map(|(span, kind)| (place(span), kind)));
    }

    fn look_here(&self, text: &str, found: &mut Vec<Found>) {
        let shared = &self.shared;
        let mut known: Vec<Hit> = Vec::new();
        {
            let own = self.read();
            own.search(text.as_bytes(), &mut known);
            let name = |hit: &Hit| LeftoverKind::Known(own.name(hit.label).to_owned());
            found.extend(known.iter().map(|hit| (hit.start..hit.end, name(hit))));
        }
        for noticed in notice(text, &shared.hints, &shared.rules, Trust::Careful) {
            let Some(span) = noticed.span.filter(|_| noticed.name != issued::NAME) else { continue };
            let kind = if noticed.name == "jwt" {
                LeftoverKind::Jwt
            } else {
                LeftoverKind::Named(noticed.name.clone())
            };
            let is_header = matches!(noticed.name.as_str(), "token" | "basic" | "cookie" | "authorization");
            let is_leftover = is_header && is_credential_header(&noticed.name)
                || kind == LeftoverKind::Jwt
                || (noticed.value.len() >= Redactor::MIN_LEN && !is_plain_words(&noticed.value));
            if is_leftover && !noticed.value.contains("{{") {
                found.push((span, kind));
            }
        }
        let mut ruled = Vec::new();
        shared.rules.notice(text, &mut ruled);
        let ruled = ruled.into_iter().filter(|noticed| !noticed.value.contains("{{secret:"));
        found.extend(ruled.filter_map(|noticed| Some((noticed.span?, LeftoverKind::Rule(noticed.name)))));
        for (start, _) in text.match_indices("-----BEGIN ") {
            let rest = &text[start..];
            let title = rest[11..].find("-----").map(|end| &rest[11..11 + end]);
            if title.is_some_and(|title| title.len() < 40 && title.ends_with("PRIVATE KEY")) {
                let end = rest.find("-----END ").unwrap_or(rest.len());
                found.push((start..start + end, LeftoverKind::PrivateKey));
            }
        }
        found.extend(issued::all(text).map(|(span, issuer)| (span, LeftoverKind::Issued(issuer))));
        for noticed in logins::in_text(text) {
            let Some(span) = noticed.span else { continue };
            found.push((span, LeftoverKind::Named(noticed.name)));
        }
    }
}

/// Logins in the texts of a recorded line: each begins where its text does.
fn logins_within(line: &str, found: &mut Vec<Found>) {
    let Ok(map) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(line) else { return };
    for raw in map.values().map(|value| value.get()).filter(|raw| raw.starts_with('"')) {
        let start = (raw.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
        let Ok(text) = serde_json::from_str::<String>(raw) else { continue };
        let logins = logins::in_text(&text).into_iter().filter(|one| one.span.is_some());
        found.extend(logins.map(|one| (start..start + raw.len(), LeftoverKind::Named(one.name))));
    }
}

/// Runs of characters that may be base64 or hexadecimal.
fn runs(text: &str) -> Vec<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let mut runs = Vec::new();
    let mut start = None;
    for (at, byte) in text.as_bytes().iter().chain([&b' ']).enumerate() {
        match (is_part(byte), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from >= MIN_RUN {
                    runs.push(from..at);
                }
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    runs
}

/// The decoded form of base64 or hexadecimal characters.
fn decoded(run: &str) -> Vec<Vec<u8>> {
    let standard: String = run
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    // The last character may have bits that truncated unpadded text leaves open.
    let whole = &standard[..standard.len() / 4 * 4];
    let base64 = STANDARD_NO_PAD.decode(&standard).or_else(|_| STANDARD_NO_PAD.decode(whole)).ok();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = || run.as_bytes().chunks_exact(2);
    let hex = run.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| {
        pairs().filter_map(|pair| u8::try_from(digit(&pair[0])? * 16 + digit(&pair[1])?).ok()).collect()
    });
    base64.into_iter().chain(hex).collect()
}

/// The text before a secret, with stars for every secret in it and for every word that could be one.
fn excerpt(line: &str, span: &Range<usize>, all: &[&Range<usize>]) -> String {
    let mut shown = String::new();
    let mut at = 0;
    for other in all.iter().filter(|other| other.start < span.start) {
        shown.push_str(&line[at.min(other.start)..other.start]);
        shown.push_str("***");
        at = other.end.max(at);
    }
    shown.push_str(line.get(at..span.start).unwrap_or_default());
    let masked: String = shown
        .split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c)))
        .map(|word| {
            if looks_like_credential(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())) {
                "***"
            } else {
                word
            }
        })
        .collect();
    let cut = masked.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let dots = if cut > 0 { "…" } else { "" };
    let hidden = line[span.clone()].chars().count();
    format!("{dots}{}*** ({hidden} characters)", &masked[cut..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use base64::engine::general_purpose::STANDARD;

    fn kinds(redactor: &Redactor, text: &str) -> Vec<String> {
        redactor.leftovers(text).into_iter().map(|leftover| leftover.kind.to_string()).collect()
    }

    #[test]
    fn leftovers_are_found_in_every_encoding_and_never_shown() {
        let redactor = Redactor::default();
        redactor.add("db", &Secret::new("given-secret/1"));
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xx.c2lnbmF0dXJl";
        let ghp = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
        for (secret, kind) in [
            (jwt.to_owned(), "JSON Web Token"),
            (ghp, "GitHub key"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "AWS key"),
            ("-----BEGIN RSA PRIVATE KEY-----".to_owned(), "private key"),
            ("given-secret/1".to_owned(), "secret `db`"),
            ("xoxb-1234-abcdefgh99".to_owned(), "Slack key"),
        ] {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            let unicode: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
            for written in [
                secret.clone(),
                unicode,
                STANDARD.encode(format!("a quite {secret} and more")),
                hex,
                secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            ] {
                let text = format!("{{}}\n{{\"x\":\"{written}\"}}");
                let leftovers = redactor.leftovers(&text);
                assert_eq!(kinds(&redactor, &text), [kind], "{text}");
                // A known secret is found at its exact place in base64, others by the run that contains them.
                assert!(leftovers[0].line == 2 && (7..=30).contains(&leftovers[0].column), "{text}");
                let excerpt = &leftovers[0].excerpt;
                assert!(excerpt.starts_with("{\"x\":\"") && excerpt.contains("*** ("), "{excerpt}");
                assert!(!excerpt.contains(&written) && !excerpt.contains(&secret), "{excerpt}");
            }
        }
    }

    #[test]
    fn names_of_credentials_are_asked_for_labels() {
        let redactor = Redactor::default();
        for text in [
            r#"{"Authorization":"Bearer abcd"}"#,
            r#"{"cookie":"theme=dark; sid=1"}"#,
            r#"{"password":"hunter2"}"#,
            "send = { api_key = \"k-12345\" }",
            "ws://x/?access_token=k-12345",
        ] {
            assert!(!kinds(&redactor, text).is_empty(), "{text}");
        }
        for text in [
            r#"{"Authorization":"Bearer {{secret:token#1}}","cookie":"sid={{secret:cookie#1}}"}"#,
            r#"{"password":"required","token":"hello","type":"token"}"#,
            "send = { token = \"{{token}}\" }\n\"/token\" = \"string\"",
            "send = { payload = { authorization = \"Bearer {{var.PASSWORD}}\" } }",
            r#"{"Sec-WebSocket-Key":"9sBtaqbXpdPBKsfICx+tsQ==","sec-websocket-accept":"6x/+igPlvc4La/mCnB8YNT74Rl4="}"#,
            r#"{"sha256":"8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543","call_id":"call_9f8a7b6c5d4e"}"#,
            "ask-me-anything-about-this-long-thing and risk-averse",
        ] {
            assert_eq!(kinds(&redactor, text), Vec::<String>::new(), "{text}");
        }
    }
}
