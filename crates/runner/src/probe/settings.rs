//! The settings of probes: the table `[probe]` of `goldwire.toml`.
//!
//! ```toml
//! [probe]
//! users = 5                            # at the same time, in isolation and race
//! rounds = 3                           # of each race, and of isolation
//! cycles = 10                          # rapid reconnects
//! soak = 50                            # sessions one after the other, for a trend
//! cuts = 40                            # sessions are cut at so many different messages at most
//!
//! [probe.cancel]                       # how a client stops what it has asked for
//! after = "agent_started"              # the event after which it can,
//! bind = { run_id = "/run_id" }        # and what of it
//! send = { type = "cancel", run_id = "{{run_id}}" }   # it has to say
//! until = "agent_cancelled"            # what the server answers
//!
//! [probe.auth]
//! refuse = [401, 403, 1008, 4401]      # statuses of the upgrade and close codes that count as a refusal,
//!                                      # and messages: { event = "auth", "/status" = "error" }
//! deadline = "5 s"                     # by when
//! patience = "20 s"                    # how long to wait for a token to expire
//! greeting = ["hello"]                 # what the server says to everybody who connects: it lets nobody in
//! places = ["header", "query"]         # where else the server reads tokens; the recipe's own place is always asked
//!                                      # { place = "cookie", cookie = "session" } where the name is not the usual one
//! wrong_places = ["cookie"]            # where it must not
//! bypass = ["X-Debug-User: admin"]     # further headers that must not open the door
//! claims = ["sub", "exp"]              # what a good token must claim
//! skip = ["expires-mid-session"]       # what this server is known not to do; named in the report
//! public_key_file = "public.pem"       # asks whether it can be abused as an HMAC secret
//! sign = { algorithm = "HS256", secret_env = "JWT_SECRET" }   # lets tokens be forged that are only wrong in what they claim
//! ```

use crate::auth::{Mint, Placement, read_placement};
use goldwire_core::dialect::{Event, Label};
use goldwire_core::document::{Fields, did_you_mean, to_json};
use goldwire_core::template::Template;
use goldwire_core::transcript::Gap;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The settings of probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The number of concurrent users.
    pub users: u32,
    /// The number of times each question about concurrency is asked.
    pub rounds: u32,
    /// The number of connections that are opened and closed before a session.
    pub cycles: u32,
    /// The number of consecutive sessions for a trend.
    pub soak: u32,
    /// The maximum of different messages at which sessions are cut.
    pub cuts: usize,
    /// The way to cancel a request.
    pub cancel: Option<Cancel>,
    /// The settings of the auth probe.
    pub auth: AuthSettings,
}

/// The way to cancel a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Cancel {
    /// The message.
    pub send: Template,
    /// Values for the message: name, and JSON pointer into the event after which it is sent.
    pub binds: Vec<(String, String)>,
    /// The server's event after which it can be sent.
    pub after: Label,
    /// The server's answer.
    pub until: Label,
}

/// The settings of the auth probe.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthSettings {
    /// HTTP statuses (below 1000) and WebSocket close codes that are a refusal; all of 4000 to 4999 if empty.
    pub refuse: Vec<u16>,
    /// Messages that are a refusal, independent of the connection.
    pub refusals: Vec<Refusal>,
    /// The time within which a bad token must be refused.
    pub deadline: Gap,
    /// The longest time to wait for a token to expire.
    pub patience: Gap,
    /// Server events that every connection gets; the protocol's own greeting need not be listed.
    pub greeting: Vec<Label>,
    /// Further places where the server reads tokens.
    pub places: Vec<Placement>,
    /// Places where the server must not read tokens.
    pub wrong_places: Vec<Placement>,
    /// Further headers that must not replace a login: name and value.
    pub bypass: Vec<(String, String)>,
    /// Required claims of a good token.
    pub claims: Vec<String>,
    /// Cases that are skipped.
    pub skip: Vec<String>,
    /// The server's public key in PEM.
    pub public_key: Option<PathBuf>,
    /// The key that signs its tokens.
    pub sign: Option<Mint>,
}

/// A message that is a refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The name of the message.
    pub event: Label,
    /// The content: JSON pointers and the values at them.
    pub fields: Vec<(String, Value)>,
}

impl Refusal {
    /// Whether an event is this message.
    pub fn is(&self, event: &Event) -> bool {
        let says = |(pointer, value): &(String, Value)| event.data.pointer(pointer) == Some(value);
        self.event == event.label && self.fields.iter().all(says)
    }
}

/// A place of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `Authorization: Bearer …`
    Header,
    /// `?token=…`
    Query,
    /// `Cookie: access_token=…`
    Cookie,
    /// `Sec-WebSocket-Protocol: bearer.…`
    Subprotocol,
    /// `{"type":"auth","token":…}` as the first message.
    Message,
}

impl Place {
    /// All values.
    pub const ALL: [Place; 5] =
        [Place::Header, Place::Query, Place::Cookie, Place::Subprotocol, Place::Message];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Place::Header => "header",
            Place::Query => "query",
            Place::Cookie => "cookie",
            Place::Subprotocol => "subprotocol",
            Place::Message => "message",
        }
    }

    /// The place of a placement.
    pub const fn of(placement: &Placement) -> Place {
        match placement {
            Placement::Header { .. } => Place::Header,
            Placement::Query(_) => Place::Query,
            Placement::Cookie(_) => Place::Cookie,
            Placement::Subprotocol(_) => Place::Subprotocol,
            Placement::Message(_) => Place::Message,
        }
    }

    /// The name of a placement in reports: its place, and the name of the header, parameter or cookie if it is
    /// unusual.
    pub fn describe(placement: &Placement) -> String {
        let place = Place::of(placement);
        match placement {
            _ if *placement == place.usual() => place.name().to_owned(),
            Placement::Header { name, .. } | Placement::Query(name) | Placement::Cookie(name) => {
                format!("{} {name}", place.name())
            }
            Placement::Subprotocol(format) => format!("{} {format}", place.name()),
            Placement::Message(Template::Text(text)) => format!("{} {text}", place.name()),
            Placement::Message(Template::Json(value)) => format!("{} {value}", place.name()),
            Placement::Message(Template::Binary(_)) => format!("{} in bytes", place.name()),
        }
    }

    /// The usual form of a token at this place.
    pub fn usual(self) -> Placement {
        match self {
            Place::Header => Placement::default(),
            Place::Query => Placement::Query("token".to_owned()),
            Place::Cookie => Placement::Cookie("access_token".to_owned()),
            Place::Subprotocol => Placement::Subprotocol("bearer.{{token}}".to_owned()),
            Place::Message => {
                Placement::Message(Template::Json(json!({ "type": "auth", "token": "{{token}}" })))
            }
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            users: 5,
            rounds: 3,
            cycles: 10,
            soak: 0,
            cuts: 40,
            cancel: None,
            auth: AuthSettings::default(),
        }
    }
}

impl Default for AuthSettings {
    fn default() -> AuthSettings {
        AuthSettings {
            refuse: Vec::new(),
            refusals: Vec::new(),
            deadline: Gap::from_millis(5_000),
            patience: Gap::from_millis(20_000),
            greeting: Vec::new(),
            places: Vec::new(),
            wrong_places: Vec::new(),
            bypass: Vec::new(),
            claims: Vec::new(),
            skip: Vec::new(),
            public_key: None,
            sign: None,
        }
    }
}

impl AuthSettings {
    /// Whether this status or close code is a refusal. RFC 6455 defines 1008 for a violated policy; codes from 4000
    /// on belong to the application, and 3000 and 3003 are registered for "unauthorized" and "forbidden".
    pub fn is_refusal(&self, code: u16) -> bool {
        if self.refuse.is_empty() {
            return matches!(code, 401 | 403 | 1008 | 3000 | 3003 | 4000..=4999);
        }
        self.refuse.contains(&code)
    }
}

impl Settings {
    /// Reads `[probe]`. Errors are reported to the fields' source.
    pub fn read(fields: Fields<'_>) -> Settings {
        let usual = Settings::default();
        let count = |key: &str, usual: u32| {
            fields.count(key).map_or(usual, |count| u32::try_from(count).unwrap_or(u32::MAX))
        };
        let auth = fields.table("auth");
        let settings = Settings {
            users: count("users", usual.users).max(2),
            rounds: count("rounds", usual.rounds).max(1),
            cycles: count("cycles", usual.cycles),
            soak: count("soak", usual.soak),
            cuts: fields
                .count("cuts")
                .map_or(usual.cuts, |count| usize::try_from(count).unwrap_or(usize::MAX).max(1)),
            cancel: fields.has("cancel").then(|| read_cancel(fields.table("cancel"))).flatten(),
            auth: read_auth(&auth),
        };
        auth.finish();
        fields.finish();
        settings
    }
}

fn read_cancel(fields: Fields<'_>) -> Option<Cancel> {
    let event = |key: &str| {
        let text = fields.text(key);
        if text.is_none() && !fields.has(key) {
            let message = format!("`{}` is missing", fields.path_of(key));
            let hint = "after = \"EVENT\", send = { … }, until = \"EVENT\"".to_owned();
            fields.source().report(fields.span(), message, "in this table", Some(hint));
        }
        text.map(|text| Label::from(text.as_str()))
    };
    let (after, until) = (event("after"), event("until"));
    let send = fields.item("send").and_then(|(item, _)| to_json(item)).map(|value| match value {
        Value::String(text) => Template::Text(text),
        value => Template::Json(value),
    });
    if send.is_none() {
        let message = format!("`{}` is not a message of the client", fields.path_of("send"));
        fields.source().report(
            fields.span(),
            message,
            "in this table",
            Some("send = { type = \"cancel\", … }".to_owned()),
        );
    }
    let table = fields.table("bind");
    let binds =
        table.keys().into_iter().filter_map(|name| table.text(&name).map(|text| (name, text))).collect();
    table.finish();
    fields.finish();
    Some(Cancel { send: send?, binds, after: after?, until: until? })
}

fn read_auth(fields: &Fields<'_>) -> AuthSettings {
    let usual = AuthSettings::default();
    let strings = |key: &str| {
        fields.strings(key).unwrap_or_default().into_iter().map(|(text, _)| text).collect::<Vec<_>>()
    };
    let (refuse, refusals) = refusals(fields);
    AuthSettings {
        refuse,
        refusals,
        deadline: fields.gap("deadline").unwrap_or(usual.deadline),
        patience: fields.gap("patience").unwrap_or(usual.patience),
        greeting: strings("greeting").iter().map(|name| Label::from(name.as_str())).collect(),
        places: places(fields, "places"),
        wrong_places: places(fields, "wrong_places"),
        bypass: headers(fields),
        claims: strings("claims"),
        skip: strings("skip"),
        public_key: fields.text("public_key_file").map(PathBuf::from),
        sign: fields.has("sign").then(|| fields.table("sign")).and_then(|table| {
            let sign = Mint::read(&table);
            table.finish();
            sign
        }),
    }
}

/// Statuses and close codes, and messages by their event and what they say.
fn refusals(fields: &Fields<'_>) -> (Vec<u16>, Vec<Refusal>) {
    let Some((item, span)) = fields.item("refuse") else { return Default::default() };
    let mut codes = Vec::new();
    let mut messages = Vec::new();
    let mut is_right = item.is_array();
    for value in item.as_array().into_iter().flatten() {
        let code = value.as_integer().and_then(|code| u16::try_from(code).ok());
        match (code, value.as_inline_table().and_then(refusal)) {
            (Some(code), _) => codes.push(code),
            (None, Some(message)) => messages.push(message),
            (None, None) => is_right = false,
        }
    }
    if !is_right {
        let message =
            format!("`{}` is a list of HTTP statuses, close codes and messages", fields.path_of("refuse"));
        let hint = "write refuse = [401, 1008, { event = \"auth\", \"/status\" = \"error\" }]".to_owned();
        fields.source().report(span, message, "here", Some(hint));
    }
    (codes, messages)
}

fn refusal(table: &toml_edit::InlineTable) -> Option<Refusal> {
    let event = Label::from(table.get("event")?.as_str()?);
    let said = table.iter().filter(|(key, _)| *key != "event");
    let fields = said.map(|(key, value)| {
        let value = to_json(&toml_edit::Item::Value(value.clone()))?;
        key.starts_with('/').then(|| (key.to_owned(), value))
    });
    Some(Refusal { event, fields: fields.collect::<Option<_>>()? })
}

/// Places by name, in their usual form, or as tables like those of `[auth.NAME]`.
fn places(fields: &Fields<'_>, key: &str) -> Vec<Placement> {
    let mut places = Vec::new();
    for item in fields.strings_or_tables(key) {
        let (name, span) = match item {
            Ok(text) => text,
            Err(table) => {
                places.extend(read_placement(&table));
                table.finish();
                continue;
            }
        };
        match Place::ALL.into_iter().find(|place| place.name() == name) {
            Some(place) => places.push(place.usual()),
            None => {
                let names = Place::ALL.map(Place::name);
                let hint =
                    did_you_mean(&name, names).unwrap_or_else(|| format!("one of: {}", names.join(", ")));
                let message = format!("`{}` is not a place for a token", name);
                fields.source().report(span, message, "not known", Some(hint));
            }
        }
    }
    places
}

fn headers(fields: &Fields<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (text, span) in fields.strings("bypass").unwrap_or_default() {
        match text.split_once(':') {
            Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None => {
                let hint = Some("write \"Name: value\"".to_owned());
                fields.source().report(span, format!("`{text}` is not a header"), "no colon in it", hint);
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::document::{SourceText, parse_toml};

    fn auth_of(text: &str) -> Result<AuthSettings, String> {
        let source = SourceText::new("goldwire.toml", text);
        let document = parse_toml(&source).expect("the test is TOML");
        let settings = Settings::read(Fields::root(&source, document.as_table()));
        match source.is_clean() {
            true => Ok(settings.auth),
            false => Err(source.into_problems().to_string()),
        }
    }

    fn places_of(text: &str) -> Result<Vec<String>, String> {
        Ok(auth_of(text)?.places.iter().map(Place::describe).collect())
    }

    #[test]
    fn a_refusal_is_a_code_or_what_a_message_says() {
        let auth =
            auth_of("auth = { refuse = [401, { event = 'auth', '/status' = 'no', '/code' = 7 }, 4401] }");
        let auth = auth.expect("no mistake");
        assert_eq!(auth.refuse, [401, 4401]);
        let said = |text: &str| {
            let payload = goldwire_core::transcript::Payload::Text(text.to_owned());
            let frame = goldwire_core::transcript::Frame::new(
                goldwire_core::transcript::Offset::ZERO,
                goldwire_core::transcript::Side::Server,
                payload,
            );
            let event = goldwire_core::dialect::events(&Default::default(), &[frame]).remove(0);
            auth.refusals.iter().any(|refusal| refusal.is(&event))
        };
        assert!(said(r#"{"type":"auth","status":"no","code":7,"more":1}"#));
        assert!(!said(r#"{"type":"auth","status":"no","code":8}"#));
        assert!(
            !said(r#"{"type":"auth","status":"no"}"#) && !said(r#"{"type":"other","status":"no","code":7}"#)
        );
        // Codes keep their meaning if only messages are listed.
        let auth = auth_of("auth = { refuse = [{ event = 'denied' }] }").expect("no mistake");
        assert!(auth.is_refusal(1008) && auth.refusals.len() == 1);
        for wrong in
            ["[70000]", "['auth']", "[{ '/status' = 'no' }]", "[{ event = 'a', status = 'no' }]", "401"]
        {
            let text = auth_of(&format!("auth = {{ refuse = {wrong} }}")).expect_err(wrong);
            assert!(text.contains("HTTP statuses, close codes and messages"), "{text}");
        }
    }

    #[test]
    fn a_place_is_a_name_or_says_how_the_token_is_called_there() {
        let places =
            places_of("auth = { places = ['query', { place = 'cookie', cookie = 'JAUTH' }, 'header'] }");
        assert_eq!(places.expect("no mistake"), ["query", "cookie JAUTH", "header"]);
        for (wrong, told) in [
            ("['qeury']", "did you mean"),
            ("[{ place = 'cookie', cokie = 'x' }]", "unknown key"),
            ("[{ place = 'header', format = 'Bearer' }]", "does not contain the token"),
            ("[3]", "strings or tables"),
            ("3", "strings or tables"),
        ] {
            let text = places_of(&format!("auth = {{ places = {wrong} }}")).expect_err(wrong);
            assert!(text.contains(told), "{text}");
        }
    }
}
