//! The project's rules for its own secrets: `[redact]` in `goldwire.toml`.

use super::super::http::json_parts;
use super::notice::Noticed;
use regex::Regex;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The project's patterns, pointers and names of values to redact, in addition to the built-in ones.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    patterns: Vec<Regex>,
    pointers: Vec<Vec<String>>,
    fields: Vec<String>,
    keep: Vec<String>,
}

impl Rules {
    /// Redacts the matches of a regular expression: the first group if there is one, otherwise the whole match.
    ///
    /// # Errors
    /// If it is invalid; the text names the place.
    pub fn add_pattern(&mut self, pattern: &str) -> Result<(), String> {
        let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
        if regex.is_match("") {
            return Err("it matches the empty text".to_owned());
        }
        self.patterns.push(regex);
        Ok(())
    }

    /// Redacts the value at a JSON pointer (RFC 6901) in every JSON message; `*` is any key or index.
    ///
    /// # Errors
    /// If it does not begin with `/`.
    pub fn add_pointer(&mut self, pointer: &str) -> Result<(), String> {
        let Some(rest) = pointer.strip_prefix('/') else {
            return Err("a pointer begins with `/`".to_owned());
        };
        self.pointers.push(rest.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect());
        Ok(())
    }

    /// Redacts the values of fields with this name, ignoring case.
    pub fn add_field(&mut self, name: impl Into<String>) {
        self.fields.push(name.into());
    }

    /// Does not redact the values of fields with this name, although it sounds like a credential.
    pub fn keep_field(&mut self, name: impl Into<String>) {
        self.keep.push(name.into());
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str)
    }

    pub(super) fn keeps(&self, name: &str) -> bool {
        self.keep.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the project hides anything of its own.
    pub(super) fn has_own(&self) -> bool {
        !(self.patterns.is_empty() && self.pointers.is_empty() && self.fields.is_empty())
    }

    /// The matches of the patterns and pointers in a text.
    pub(super) fn notice(&self, text: &str, found: &mut Vec<Noticed>) {
        for regex in &self.patterns {
            for captures in regex.captures_iter(text) {
                if let Some(hit) = captures.get(1).or_else(|| captures.get(0)).filter(|hit| !hit.is_empty()) {
                    let value = hit.as_str().to_owned();
                    found.push(Noticed { span: Some(hit.range()), name: "pattern".to_owned(), value });
                }
            }
        }
        if self.pointers.is_empty() {
            return;
        }
        for part in json_parts(text) {
            for keys in &self.pointers {
                let name = keys.iter().rfind(|key| *key != "*").map_or("pointer", String::as_str);
                follow(text, &text[part.clone()], keys, name, found);
            }
        }
    }
}

/// Walks down to what the keys point to; `part` is a piece of `text`, so that places are known.
fn follow(text: &str, part: &str, keys: &[String], name: &str, found: &mut Vec<Noticed>) {
    let (key, rest) = match keys.split_first() {
        Some((key, rest)) => (Some(key), rest),
        None => (None, keys),
    };
    let is_meant = |own: &str| key.is_none_or(|key| key == "*" || key == own);
    match part.as_bytes().first() {
        Some(b'{') => {
            let Ok(map) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(part) else { return };
            for (_, value) in map.iter().filter(|(own, _)| is_meant(own)) {
                follow(text, value.get(), rest, name, found);
            }
        }
        Some(b'[') => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(part) else { return };
            for (_, value) in items.iter().enumerate().filter(|(index, _)| is_meant(&index.to_string())) {
                follow(text, value.get(), rest, name, found);
            }
        }
        // Only values at the end of all keys.
        Some(_) if key.is_some() => {}
        Some(b'"') => {
            if let Ok(value) = serde_json::from_str::<String>(part) {
                let start = start_of(text, part) + 1;
                let span = start..start + part.len() - 2;
                found.push(Noticed { span: Some(span), name: name.to_owned(), value });
            }
        }
        Some(b'-' | b'0'..=b'9') => {
            let start = start_of(text, part);
            let span = start..start + part.len();
            found.push(Noticed { span: Some(span), name: name.to_owned(), value: part.to_owned() });
        }
        _ => {}
    }
}

/// The position of a part in its text, in bytes.
fn start_of(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(rules: &Rules, text: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        rules.notice(text, &mut found);
        found.into_iter().map(|n| (text[n.span.expect("a place")].to_owned(), n.value)).collect()
    }

    #[test]
    fn pointers_lead_to_values_and_their_places() {
        let mut rules = Rules::default();
        for pointer in ["/user/email", "/rows/*/pin", "/deep"] {
            rules.add_pointer(pointer).expect("a pointer");
        }
        let text = r#"{"rows":[{"pin":12},{"pin":"3\u0034"}], "user":{"email":"a@b.c"},"deep":{"x":["y"]}}"#;
        let pair = |raw: &str, value: &str| (raw.to_owned(), value.to_owned());
        let expected = [pair("a@b.c", "a@b.c"), pair("12", "12"), pair("3\\u0034", "34"), pair("y", "y")];
        assert_eq!(noticed(&rules, text), expected);
        assert_eq!(noticed(&rules, "[1"), []);
        assert!(rules.add_pointer("user").is_err());
    }

    #[test]
    fn a_pattern_hides_its_group() {
        let mut rules = Rules::default();
        rules.add_pattern("card=([0-9]+)").expect("a pattern");
        assert_eq!(noticed(&rules, "card=4111 x"), [("4111".to_owned(), "4111".to_owned())]);
        assert!(rules.add_pattern("x*").is_err());
        assert!(rules.add_pattern("(").is_err());
    }
}
