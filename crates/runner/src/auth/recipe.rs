//! The login of a user: the table `[auth.NAME]` of `goldwire.toml`.
//!
//! ```toml
//! [auth.user]
//! kind = "login"                     # or "mint", or "token"
//! user = { email = "u{{user.index}}-{{nonce}}@example.test", password = "pw-{{nonce}}" }
//! register = { url = "{{http}}/auth/register", json = { email = "{{user.email}}", password = "{{user.password}}" }, accept = [201, 409] }
//! login = { url = "{{http}}/auth/login", form = { username = "{{user.email}}", password = "{{user.password}}" }, token = "/access_token", bind = { "user.id" = "/user/id" } }
//! logout = { url = "{{http}}/auth/logout", headers = { Authorization = "Bearer {{token}}" } }   # asked by `goldwire probe`
//! refresh = { url = "{{http}}/auth/refresh", json = { refresh_token = "{{refresh_token}}" }, token = "/access_token", message = { type = "auth_refresh", token = "{{token}}" } }   # likewise; `message` tells an open session
//! place = "header"                   # or query, subprotocol, cookie, message
//! prepare = { url = "{{http}}/rooms", headers = { Authorization = "Bearer {{token}}" }, bind = { "room.id" = "/id" } }
//! cleanup = { method = "DELETE", url = "{{http}}/rooms/{{room.id}}", headers = { Authorization = "Bearer {{token}}" } }
//! ```
//!
//! `prepare` is a request, or a list of requests, that creates what a session needs besides a token: a room, a
//! kernel, a document. It is sent once for every session, for every kind of login, when the token is known. The
//! target's `url` may use the values that it binds. `cleanup` is sent at the end of a session of a check, a recording
//! or a comparison, and at the end of all sessions of a probe.
//!
//! If only an administrator can create users, `register` is a list of requests. A request may use values that an
//! earlier one bound. `register_in_turn = true` creates one user after the other, for servers that lose concurrent
//! registrations: `register = [{ url = "{{http}}/login", json = { … }, secret = { admin_token = "/token" } }, { url =
//! "{{http}}/users", … }]`.
//!
//! The file never contains a secret: a signing key and an existing token are named by environment variable, file or
//! command.

use super::identity::Placement;
use super::jwt::Algorithm;
use goldwire_core::document::{Fields, did_you_mean, to_json};
use goldwire_core::template::Template;
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::path::PathBuf;

/// The default timeout of a request.
const TIMEOUT: Gap = Gap::from_millis(10_000);
/// The default lifetime of a minted token.
const TTL: Gap = Gap::from_millis(15 * 60_000);

/// The login of a user. Strings may contain placeholders such as `{{user.email}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The source of the token.
    pub kind: Kind,
    /// The values of `{{user.KEY}}`, in the order of the file: a value may use earlier ones.
    pub user: Vec<(String, Value)>,
    /// The place of the token, with unfilled templates.
    pub placement: Placement,
    /// Requests that create what a session needs, in this order, after the login; may use `{{token}}`.
    pub prepare: Vec<Request>,
    /// Requests that remove what `prepare` created.
    pub cleanup: Vec<Request>,
    /// The timeout of each request.
    pub timeout: Gap,
}

/// The source of the token.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The server gives it.
    Login {
        /// Make the user first, in this order.
        register: Vec<Request>,
        /// Whether users are made one after the other, because the server loses some that are made at the same time.
        in_turn: bool,
        /// Asks for the token.
        login: Box<Request>,
        /// The place of the token in the response.
        token: TokenAt,
        /// Takes the token back; it may ask for `{{token}}`.
        logout: Option<Box<Request>>,
        /// Asks for another token while the first one is good.
        refresh: Option<Box<Refresh>>,
    },
    /// We sign it, as the server's issuer would.
    Mint(Mint),
    /// It exists already.
    Token(TokenSource),
}

/// The way to refresh a token without a login.
#[derive(Debug, Clone, PartialEq)]
pub struct Refresh {
    /// The request; it may use `{{token}}` and values of the login, e.g. `{{refresh_token}}`.
    pub request: Request,
    /// The place of the new token in the response.
    pub token: TokenAt,
    /// The message that gives an open session its new token; none if the server has no such message.
    pub message: Option<Template>,
}

/// One HTTP request of a login.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `POST` unless the recipe says otherwise.
    pub method: String,
    /// With placeholders, e.g. `{{http}}/auth/login`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// The statuses that mean success; any 2xx when empty.
    pub accept: Vec<u16>,
    /// Bound values of the response: name and JSON pointer.
    pub binds: Vec<(String, String)>,
    /// Bound values that are redacted everywhere.
    pub secrets: Vec<(String, String)>,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body.
    Empty,
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
}

/// The place of the token in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAt {
    /// In the JSON body, at this pointer (RFC 6901).
    Pointer(String),
    /// In a `Set-Cookie` header, under this name.
    Cookie(String),
}

/// A token that goldwire signs.
#[derive(Debug, Clone, PartialEq)]
pub struct Mint {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The source of the secret (HMAC) or the private key in PEM (RSA, ECDSA, Ed25519).
    pub key: ValueSource,
    /// The `kid` of the header.
    pub kid: Option<String>,
    /// The claims; `iat`, `exp` and `jti` are added unless they are given.
    pub claims: Value,
    /// The lifetime.
    pub ttl: Gap,
}

impl Mint {
    /// Reads a table such as `[auth.NAME]` of kind `mint`. Errors are reported to the fields' source.
    pub fn read(fields: &Fields<'_>) -> Option<Mint> {
        read_mint(fields)
    }
}

/// The source of a value that must not be in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// In this environment variable.
    Env(String),
    /// In this file; white space around it is dropped.
    File(PathBuf),
}

/// The source of an existing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// In this environment variable.
    Env(String),
    /// The output of this program, without white space around it. It gets `GOLDWIRE_USER_INDEX`.
    Command(Vec<String>),
}

impl Recipe {
    /// Reads `[auth.NAME]`. Errors are reported to the fields' source; none is returned if required parts are
    /// missing.
    pub fn read(fields: Fields<'_>) -> Option<Recipe> {
        let kind = one_of(&fields, "kind", &["login", "mint", "token"], Some("login"))?;
        let user = match json(&fields, "user") {
            Some(Value::Object(map)) => map.into_iter().collect(),
            Some(_) => {
                fields.report("user", format!("`{}` is a table", fields.path_of("user")), "here", None);
                Vec::new()
            }
            None => Vec::new(),
        };
        let kind = match kind.as_str() {
            "login" => read_login(&fields),
            "mint" => read_mint(&fields).map(Kind::Mint),
            _ => read_token(&fields).map(Kind::Token),
        };
        let placement = read_placement(&fields);
        let prepare = read_requests(&fields, "prepare");
        let cleanup = read_requests(&fields, "cleanup");
        let timeout = fields.gap("timeout").unwrap_or(TIMEOUT);
        if timeout == Gap::ZERO {
            fields.report("timeout", "the timeout must be positive", "zero", None);
        }
        fields.finish();
        Some(Recipe {
            kind: kind?,
            user,
            placement: placement?,
            prepare: prepare?,
            cleanup: cleanup?,
            timeout,
        })
    }
}

fn missing(fields: &Fields<'_>, key: &str, hint: &str) {
    let span = fields.span();
    fields.source().report(
        span,
        format!("`{}` is missing", fields.path_of(key)),
        "in this table",
        Some(hint.to_owned()),
    );
}

/// A string out of a closed set.
fn one_of(fields: &Fields<'_>, key: &str, known: &[&str], default: Option<&str>) -> Option<String> {
    let all = known.join(", ");
    let Some((text, span)) = fields.string(key) else {
        if fields.has(key) {
            return None;
        }
        if default.is_none() {
            missing(fields, key, &format!("one of: {all}"));
        }
        return default.map(str::to_owned);
    };
    if known.contains(&text.as_str()) {
        return Some(text);
    }
    let hint = did_you_mean(&text, known.iter().copied()).unwrap_or_else(|| format!("one of: {all}"));
    fields.source().report(
        span,
        format!("`{}` cannot be `{text}`", fields.path_of(key)),
        "not known",
        Some(hint),
    );
    None
}

fn read_login(fields: &Fields<'_>) -> Option<Kind> {
    let optional = |key: &str| {
        fields.has(key).then(|| {
            let table = fields.table(key);
            let request = read_request(&table);
            table.finish();
            request
        })
    };
    let register = read_requests(fields, "register");
    let logout = optional("logout");
    if !fields.has("login") {
        missing(
            fields,
            "login",
            "login = { url = \"{{http}}/auth/login\", json = { … }, token = \"/access_token\" }",
        );
        return None;
    }
    let refresh = fields.has("refresh").then(|| read_refresh(fields.table("refresh")));
    let table = fields.table("login");
    let request = read_request(&table);
    let token = read_token_at(&table);
    table.finish();
    let given = |request: Option<Option<Request>>| match request {
        Some(request) => request.map(|request| Some(Box::new(request))),
        None => Some(None),
    };
    Some(Kind::Login {
        register: register?,
        in_turn: fields.boolean("register_in_turn").unwrap_or(false),
        login: Box::new(request?),
        token: token?,
        logout: given(logout)?,
        refresh: match refresh {
            Some(refresh) => Some(Box::new(refresh?)),
            None => None,
        },
    })
}

/// The place of the token in the response of a login or a refresh.
fn read_token_at(table: &Fields<'_>) -> Option<TokenAt> {
    match (table.string("token"), table.text("token_cookie")) {
        (Some((pointer, span)), None) => {
            is_pointer(table, "token", &pointer, span).then_some(TokenAt::Pointer(pointer))
        }
        (None, Some(name)) => Some(TokenAt::Cookie(name)),
        (Some(_), Some(_)) => {
            let message = format!("`{}` and `token_cookie` exclude each other", table.path_of("token"));
            table.report("token_cookie", message, "a token has one place", None);
            None
        }
        (None, None) => {
            if !table.has("token") && !table.has("token_cookie") {
                missing(
                    table,
                    "token",
                    "a JSON pointer such as \"/access_token\", or token_cookie = \"name\"",
                );
            }
            None
        }
    }
}

fn read_refresh(table: Fields<'_>) -> Option<Refresh> {
    let request = read_request(&table);
    let token = read_token_at(&table);
    let message = json(&table, "message").map(|value| match value {
        Value::String(text) => Template::Text(text),
        value => Template::Json(value),
    });
    if message.as_ref().is_some_and(|message| !message.names().iter().any(|name| name == "token")) {
        no_token(&table, "message");
    }
    table.finish();
    Some(Refresh { request: request?, token: token?, message })
}

/// One request, or a list of them.
fn read_requests(fields: &Fields<'_>, key: &str) -> Option<Vec<Request>> {
    let read = |table: Fields<'_>| {
        let request = read_request(&table);
        table.finish();
        request
    };
    // Each of several errors is reported.
    let requests: Vec<Option<Request>> = fields.tables(key).into_iter().map(read).collect();
    requests.into_iter().collect()
}

fn read_request(table: &Fields<'_>) -> Option<Request> {
    let method = table.text("method").unwrap_or_else(|| "POST".to_owned()).to_ascii_uppercase();
    let url = table.text("url");
    if url.is_none() && !table.has("url") {
        missing(table, "url", "e.g. url = \"{{http}}/auth/login\"");
    }
    let bodies = ["json", "json_text", "form"].into_iter().filter(|key| table.has(key)).collect::<Vec<_>>();
    if let [first, second, ..] = bodies[..] {
        let message = format!("`{}` and `{second}` exclude each other", table.path_of(first));
        table.report(second, message, "a request has one body", None);
    }
    let texts = [json(table, "json"), json_text(table)];
    let form = table.has("form").then(|| Body::Form(pairs(table, "form")));
    let body = texts.into_iter().flatten().map(Body::Json).next().or(form).unwrap_or(Body::Empty);
    Some(Request {
        method,
        url: url?,
        headers: pairs(table, "headers"),
        body,
        accept: statuses(table),
        binds: pointers(table, "bind"),
        secrets: pointers(table, "secret"),
    })
}

fn read_mint(fields: &Fields<'_>) -> Option<Mint> {
    let names = Algorithm::NAMES.map(|(name, _)| name);
    let algorithm =
        one_of(fields, "algorithm", &names, Some("HS256")).and_then(|name| Algorithm::named(&name));
    let claims = json(fields, "claims").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if !claims.is_object() {
        fields.report("claims", format!("`{}` is a table", fields.path_of("claims")), "here", None);
    }
    let ttl = fields.gap("ttl").unwrap_or(TTL);
    let kid = fields.text("kid");
    let env = |key| fields.text(key).map(ValueSource::Env);
    let file = |key| fields.text(key).map(|path| ValueSource::File(PathBuf::from(path)));
    let secret = [env("secret_env"), file("secret_file")].into_iter().flatten().collect::<Vec<_>>();
    let key = [env("key_env"), file("key_file")].into_iter().flatten().collect::<Vec<_>>();
    let algorithm = algorithm?;
    let (mut right, wrong, hint) = if algorithm.is_symmetric() {
        (secret, key, "secret_env = \"NAME\" or secret_file = \"PATH\"")
    } else {
        (key, secret, "key_env = \"NAME\" or key_file = \"PATH\", with the private key in PEM")
    };
    if right.len() != 1 || !wrong.is_empty() {
        let message = format!("a token signed with {algorithm} needs exactly one key");
        fields.source().report(fields.span(), message, "in this table", Some(hint.to_owned()));
        return None;
    }
    Some(Mint { algorithm, key: right.pop()?, kid, claims, ttl })
}

fn read_token(fields: &Fields<'_>) -> Option<TokenSource> {
    let env = fields.text("env");
    let command = fields.strings("command");
    match (env, command) {
        (Some(env), None) => Some(TokenSource::Env(env)),
        (None, Some(words)) if !words.is_empty() => {
            Some(TokenSource::Command(words.into_iter().map(|(word, _)| word).collect()))
        }
        (None, _) if fields.has("env") => None,
        _ => {
            let hint = "env = \"NAME\" or command = [\"program\", \"argument\"]".to_owned();
            let message = format!("`{}` needs either `env` or `command`", fields.path_of("kind"));
            fields.source().report(fields.span(), message, "in this table", Some(hint));
            None
        }
    }
}

/// Reads where a token goes: `place` and what belongs to it.
pub(crate) fn read_placement(fields: &Fields<'_>) -> Option<Placement> {
    let place =
        one_of(fields, "place", &["header", "query", "cookie", "subprotocol", "message"], Some("header"))?;
    let text = |key: &str, default: &str| fields.text(key).unwrap_or_else(|| default.to_owned());
    Some(match place.as_str() {
        "query" => Placement::Query(text("query", "token")),
        "cookie" => Placement::Cookie(text("cookie", "access_token")),
        "subprotocol" => {
            Placement::Subprotocol(with_token(fields, "subprotocol", text("subprotocol", "bearer.{{token}}")))
        }
        "message" => {
            let template = match json(fields, "message") {
                Some(Value::String(text)) => Template::Text(text),
                Some(value) => Template::Json(value),
                None => {
                    missing(fields, "message", "message = { type = \"auth\", token = \"{{token}}\" }");
                    return None;
                }
            };
            if !template.names().iter().any(|name| name == "token") {
                no_token(fields, "message");
            }
            Placement::Message(template)
        }
        _ => Placement::Header {
            name: text("header", "Authorization"),
            format: with_token(fields, "format", text("format", "Bearer {{token}}")),
        },
    })
}

fn with_token(fields: &Fields<'_>, key: &str, format: String) -> String {
    let template = Template::Text(format.clone());
    if !template.names().iter().any(|name| name == "token") {
        no_token(fields, key);
    }
    format
}

fn no_token(fields: &Fields<'_>, key: &str) {
    let message = format!("`{}` does not contain the token", fields.path_of(key));
    fields.report(
        key,
        message,
        "no {{token}} in it",
        Some("write {{token}} at the place of the token".to_owned()),
    );
}

/// A body that TOML cannot write: it has no null.
fn json_text(table: &Fields<'_>) -> Option<Value> {
    let (text, span) = table.string("json_text")?;
    match serde_json::from_str(&text) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("`{}` is not valid JSON: {error}", table.path_of("json_text"));
            table.source().report(span, message, "here", None);
            None
        }
    }
}

/// A TOML value as JSON; dates become strings. None when the key is not there, or holds a number JSON has not.
fn json(fields: &Fields<'_>, key: &str) -> Option<Value> {
    let (item, span) = fields.item(key)?;
    let value = to_json(item);
    if value.is_none() {
        fields.source().report(
            span,
            format!("`{}` cannot be sent as JSON", fields.path_of(key)),
            "here",
            None,
        );
    }
    value
}

/// A table of strings, in the order of the file.
fn pairs(fields: &Fields<'_>, key: &str) -> Vec<(String, String)> {
    let table = fields.table(key);
    let pairs =
        table.keys().into_iter().filter_map(|name| table.text(&name).map(|text| (name, text))).collect();
    table.finish();
    pairs
}

/// A table of names and JSON pointers.
fn pointers(fields: &Fields<'_>, key: &str) -> Vec<(String, String)> {
    let table = fields.table(key);
    let mut pointers = Vec::new();
    for name in table.keys() {
        if let Some((pointer, span)) = table.string(&name)
            && is_pointer(&table, &name, &pointer, span)
        {
            pointers.push((name, pointer));
        }
    }
    table.finish();
    pointers
}

fn is_pointer(table: &Fields<'_>, key: &str, pointer: &str, span: std::ops::Range<usize>) -> bool {
    // RFC 6901, 3: a pointer is empty (the whole document) or a sequence of tokens, each prefixed by `/`.
    let is_one = pointer.is_empty() || pointer.starts_with('/');
    if !is_one {
        let message = format!("`{}` is a JSON pointer", table.path_of(key));
        let hint = format!("write \"/{}\"", pointer.trim_start_matches("$.").replace('.', "/"));
        table.source().report(span, message, "does not begin with /", Some(hint));
    }
    is_one
}

fn statuses(fields: &Fields<'_>) -> Vec<u16> {
    let Some((item, span)) = fields.item("accept") else { return Vec::new() };
    let of = |value: &toml_edit::Value| {
        value.as_integer().and_then(|n| u16::try_from(n).ok()).filter(|status| (100..600).contains(status))
    };
    let statuses: Option<Vec<u16>> = match item.as_value() {
        Some(toml_edit::Value::Array(items)) => items.iter().map(of).collect(),
        Some(value) => of(value).map(|status| vec![status]),
        None => None,
    };
    let statuses = statuses.filter(|statuses| !statuses.is_empty());
    if statuses.is_none() {
        let message = format!("`{}` is a list of HTTP statuses", fields.path_of("accept"));
        fields.source().report(span, message, "here", Some("write accept = [201, 409]".to_owned()));
    }
    statuses.unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use goldwire_core::document::{SourceText, parse_toml};
    use serde_json::json;

    /// Reads a whole table; the text of all problems when there are any.
    pub(in crate::auth) fn read(text: &str) -> Result<Recipe, String> {
        let source = SourceText::new("goldwire.toml", text);
        let document = parse_toml(&source).expect("the test is TOML");
        let recipe = Recipe::read(Fields::root(&source, document.as_table()));
        if source.is_clean() {
            Ok(recipe.expect("no problem, so a recipe"))
        } else {
            Err(source.into_problems().to_string())
        }
    }

    #[test]
    fn a_login_reads_with_all_its_parts() {
        let recipe = read(
            r#"
            kind = "login"
            user = { email = "u{{user.index}}@example.test", password = "pw-{{nonce}}" }
            register = { url = "{{http}}/r", json = { email = "{{user.email}}" }, accept = [201, 409] }
            login = { url = "{{http}}/l", form = { u = "{{user.email}}" }, token = "/t", bind = { "user.id" = "/u/id" }, secret = { refresh = "/r" }, headers = { X-A = "1" } }
            place = "query"
            timeout = "3 s"
            "#,
        )
        .expect("no mistake in it");
        assert_eq!(recipe.user[0], ("email".to_owned(), json!("u{{user.index}}@example.test")));
        assert_eq!(
            (recipe.placement, recipe.timeout),
            (Placement::Query("token".to_owned()), Gap::from_millis(3000))
        );
        let Kind::Login { register, login, token, .. } = recipe.kind else { panic!("a login") };
        let [register] = &register[..] else { panic!("one request: {register:?}") };
        assert_eq!((register.method.as_str(), &register.accept[..]), ("POST", &[201, 409][..]));
        assert_eq!(register.body, Body::Json(json!({ "email": "{{user.email}}" })));
        assert_eq!(login.body, Body::Form(vec![("u".to_owned(), "{{user.email}}".to_owned())]));
        assert_eq!(login.binds, [("user.id".to_owned(), "/u/id".to_owned())]);
        assert_eq!(login.secrets, [("refresh".to_owned(), "/r".to_owned())]);
        assert_eq!(token, TokenAt::Pointer("/t".to_owned()));
    }

    #[test]
    fn a_body_may_be_written_as_json_where_toml_has_no_word() {
        let login =
            |body: &str| read(&format!("kind = \"login\"\n[login]\nurl = \"u\"\ntoken = \"/t\"\n{body}\n"));
        let recipe = login("json_text = '{\"handler\": [\"local\", null], \"u\": \"{{user.email}}\"}'")
            .expect("right");
        let Kind::Login { login: request, .. } = &recipe.kind else { panic!("a login") };
        let wanted = serde_json::json!({ "handler": ["local", null], "u": "{{user.email}}" });
        assert_eq!(request.body, Body::Json(wanted));
        for (wrong, told) in [
            ("json_text = '{'", "`login.json_text` is not valid JSON"),
            ("json = { a = 1 }\njson_text = '{}'", "`login.json` and `json_text` exclude each other"),
            ("json_text = '{}'\nform = { a = \"1\" }", "`login.json_text` and `form` exclude each other"),
            ("json = { a = 1 }\nform = { a = \"1\" }", "`login.json` and `form` exclude each other"),
        ] {
            let said = login(wrong).expect_err(wrong);
            assert!(said.contains(told), "{said}");
        }
    }

    #[test]
    fn a_mint_and_a_token_read() {
        let recipe =
            read("kind = 'mint'\nsecret_env = 'S'\nclaims = { sub = '{{user.id}}', n = 1 }\nttl = '1 min'");
        let Kind::Mint(mint) = recipe.expect("no mistake in it").kind else { panic!("a mint") };
        assert_eq!((mint.key, mint.ttl), (ValueSource::Env("S".to_owned()), Gap::from_millis(60_000)));
        assert_eq!(mint.claims, json!({ "sub": "{{user.id}}", "n": 1 }));
        let recipe = read(
            "kind = 'token'\ncommand = ['gcloud', 'print']\nplace = 'message'\nmessage = { t = '{{token}}' }",
        );
        let recipe = recipe.expect("no mistake in it");
        assert_eq!(
            recipe.kind,
            Kind::Token(TokenSource::Command(vec!["gcloud".to_owned(), "print".to_owned()]))
        );
        assert_eq!(recipe.placement, Placement::Message(Template::Json(json!({ "t": "{{token}}" }))));
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_a_way_out() {
        for (text, expected) in [
            ("kind = 'logn'", "did you mean `login`?"),
            ("kind = 'login'", "`login` is missing"),
            ("login = { url = 'x', token = 'access.token' }", "hint: write \"/access/token\""),
            ("login = { url = 'x' }", "`login.token` is missing"),
            ("login = { token = '/t' }", "`login.url` is missing"),
            ("login = { url = 'x', token = '/t', tokn = 1 }", "unknown key `login.tokn`"),
            ("login = { url = 'x', token = '/t', accept = ['ok'] }", "a list of HTTP statuses"),
            ("login = { url = 'x', token = '/t', json = {}, form = {} }", "exclude each other"),
            ("kind = 'mint'", "needs exactly one key"),
            ("kind = 'mint'\nalgorithm = 'ES256'\nsecret_env = 'X'", "key_env = \"NAME\" or key_file"),
            ("kind = 'token'", "needs either `env` or `command`"),
            ("kind = 'token'\nenv = 'T'\nformat = 'Bearer'", "does not contain the token"),
            ("kind = 'token'\nenv = 'T'\nsecret = 'hunter2'", "unknown key `secret`"),
            ("kind = 'token'\nenv = 'T'\nplace = 'message'", "`message` is missing"),
        ] {
            let problems = read(text).expect_err(text);
            assert!(problems.contains(expected), "{text}\n{problems}");
            assert!(problems.contains("--> goldwire.toml:"), "{problems}");
        }
    }
}
