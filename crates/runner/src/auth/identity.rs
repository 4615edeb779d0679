//! A logged-in user: their data, and the place of their token.

use goldwire_core::secret::Secret;
use goldwire_core::template::{Template, fill_text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A logged-in user.
#[derive(Clone, PartialEq)]
pub struct Identity {
    /// The user of the run, e.g. `u1`.
    pub user: String,
    /// The values for templates: `user.index`, `user.email`, `nonce`, bound values; never the token. They include
    /// secret values (`user.password`), which the redactor knows.
    pub vars: BTreeMap<String, Value>,
    /// The token; none for a user without a login.
    pub token: Option<Secret>,
    /// The unverified claims of the token, if it is a JWT.
    pub claims: Option<Value>,
    /// The place of the token. Its templates are filled except for `{{token}}`.
    pub placement: Placement,
}

/// The place of the token when the WebSocket is opened.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// Into a header of the upgrade request.
    Header {
        /// E.g. `Authorization`.
        name: String,
        /// E.g. `Bearer {{token}}`.
        format: String,
    },
    /// Into the URL's query, under this name.
    Query(String),
    /// Into the `Cookie` header, under this name.
    Cookie(String),
    /// Among the subprotocols, e.g. `bearer.{{token}}`; after those of the target.
    Subprotocol(String),
    /// Into the first message.
    Message(Template),
}

impl Default for Placement {
    fn default() -> Placement {
        Placement::Header { name: "Authorization".to_owned(), format: "Bearer {{token}}".to_owned() }
    }
}

/// The parts of an upgrade request that may contain a token.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RequestParts {
    /// `ws://` or `wss://`.
    pub url: String,
    /// Names and values, in the order of sending.
    pub headers: Vec<(String, String)>,
    /// The offered subprotocols, the preferred one first.
    pub subprotocols: Vec<String>,
}

/// Shows no value that could be a token.
impl fmt::Debug for RequestParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestParts")
            .field("url", &self.url.split(['?', '#']).next())
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("subprotocols", &self.subprotocols.len())
            .finish()
    }
}

/// Shows who it is, and no value that could be a secret.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user", &self.user)
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("token", &self.token)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// A user without a login.
    pub fn anonymous(index: u32) -> Identity {
        Identity {
            user: format!("u{index}"),
            vars: BTreeMap::from([("user.index".to_owned(), Value::from(index))]),
            token: None,
            claims: None,
            placement: Placement::default(),
        }
    }

    /// Inserts the token at its place. Without a token, or with a token in the first message, nothing changes.
    pub fn apply(&self, parts: &mut RequestParts) {
        let Some(token) = &self.token else { return };
        match &self.placement {
            Placement::Header { name, format } => {
                // A header of that name from the target is replaced: two tokens in one request prove nothing.
                parts.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
                parts.headers.push((name.clone(), with_token(format, token)));
            }
            Placement::Query(name) => {
                let (url, fragment) = match parts.url.split_once('#') {
                    Some((url, fragment)) => (url, Some(fragment)),
                    None => (parts.url.as_str(), None),
                };
                let mark = if !url.contains('?') {
                    "?"
                } else if url.ends_with(['?', '&']) {
                    ""
                } else {
                    "&"
                };
                let pair =
                    format!("{}={}", super::percent_encode(name), super::percent_encode(token.expose()));
                let fragment = fragment.map(|text| format!("#{text}")).unwrap_or_default();
                parts.url = format!("{url}{mark}{pair}{fragment}");
            }
            Placement::Cookie(name) => {
                let pair = format!("{name}={}", token.expose());
                match parts.headers.iter_mut().find(|(given, _)| given.eq_ignore_ascii_case("cookie")) {
                    Some((_, value)) => {
                        value.push_str("; ");
                        value.push_str(&pair);
                    }
                    None => parts.headers.push(("Cookie".to_owned(), pair)),
                }
            }
            Placement::Subprotocol(format) => parts.subprotocols.push(with_token(format, token)),
            Placement::Message(_) => {}
        }
    }

    /// The message that must be sent first, if the token is in it.
    pub fn first_message(&self) -> Option<Template> {
        let (Placement::Message(template), Some(token)) = (&self.placement, &self.token) else { return None };
        let filled = template.fill(&mut |name| (name == "token").then(|| Value::from(token.expose())));
        // `login` has filled every other placeholder, so this fails only for a placement made by hand; an unfilled
        // placeholder is better than no message.
        Some(filled.unwrap_or_else(|_| template.clone()))
    }
}

fn with_token(format: &str, token: &Secret) -> String {
    fill_text(format, &mut |name| (name == "token").then(|| Value::from(token.expose())))
        .unwrap_or_else(|_| format.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(placement: Placement) -> Identity {
        Identity { token: Some(Secret::new("a.b/c")), placement, ..Identity::anonymous(1) }
    }

    fn parts(url: &str) -> RequestParts {
        RequestParts { url: url.to_owned(), ..RequestParts::default() }
    }

    #[test]
    fn the_token_goes_into_a_header_once() {
        let mut request = parts("ws://x/");
        request.headers.push(("authorization".to_owned(), "Bearer old".to_owned()));
        with(Placement::default()).apply(&mut request);
        assert_eq!(request.headers, [("Authorization".to_owned(), "Bearer a.b/c".to_owned())]);
    }

    #[test]
    fn the_token_goes_into_the_query_escaped_and_before_the_fragment() {
        for (before, after) in [
            ("ws://x/ws", "ws://x/ws?token=a.b%2Fc"),
            ("ws://x/ws?", "ws://x/ws?token=a.b%2Fc"),
            ("ws://x/ws?a=1#f", "ws://x/ws?a=1&token=a.b%2Fc#f"),
        ] {
            let mut request = parts(before);
            with(Placement::Query("token".to_owned())).apply(&mut request);
            assert_eq!(request.url, after);
        }
    }

    #[test]
    fn the_token_joins_other_cookies_and_subprotocols() {
        let mut request = parts("ws://x/");
        request.headers.push(("Cookie".to_owned(), "a=1".to_owned()));
        request.subprotocols.push("chat".to_owned());
        with(Placement::Cookie("sid".to_owned())).apply(&mut request);
        with(Placement::Subprotocol("bearer.{{token}}".to_owned())).apply(&mut request);
        assert_eq!(request.headers, [("Cookie".to_owned(), "a=1; sid=a.b/c".to_owned())]);
        assert_eq!(request.subprotocols, ["chat", "bearer.a.b/c"]);
    }

    #[test]
    fn the_token_goes_into_the_first_message_and_nowhere_else() {
        let template = Template::Json(json!({ "type": "auth", "token": "{{token}}" }));
        let identity = with(Placement::Message(template));
        let mut request = parts("ws://x/");
        identity.apply(&mut request);
        assert_eq!(request, parts("ws://x/"));
        assert_eq!(
            identity.first_message(),
            Some(Template::Json(json!({ "type": "auth", "token": "a.b/c" })))
        );
        assert_eq!(Identity { token: None, ..identity }.first_message(), None);
    }

    #[test]
    fn an_identity_shows_no_value() {
        let mut identity = with(Placement::default());
        identity.vars.insert("user.password".to_owned(), json!("hunter22"));
        let mut request = parts("ws://x/?key=a.b/c");
        identity.apply(&mut request);
        let shown = format!("{identity:?} {request:?}");
        assert!(!shown.contains("hunter22") && !shown.contains("a.b/c"), "{shown}");
        assert!(shown.contains("user.password"), "{shown}");
    }
}
