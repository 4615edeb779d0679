//! Carries a [`Recipe`] out: against the live server, with the real key, or with a token that exists already.

use super::base::Base;
use super::error::{AuthError, Step, Unreached};
use super::identity::{Identity, Placement};
use super::jwt::{claims_of, mint};
use super::recipe::{Body, Kind, Mint, Recipe, Request, TokenAt, TokenSource, ValueSource};
use super::{percent_encode, random_word};
use goldwire_core::document::did_you_mean;
use goldwire_core::secret::{Secret, is_secret_name};
use goldwire_core::template::{Template, Unbound, fill_text, fill_value};
use goldwire_core::transcript::{Gap, Redactor};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How much of an answer an error quotes, in characters.
const QUOTED: usize = 300;
/// How much of an answer is read, in bytes. Logins answer in kilobytes; what is longer is no answer to a login.
const READ: usize = 1024 * 1024;
/// How long a command may take to print a token.
const COMMAND: Duration = Duration::from_secs(30);
/// Shorter values under a name such as `session_id` are left alone: they would be found in every other word.
const SUSPECT_LEN: usize = 8;

/// Logs user `index` (from 1) in, with a fresh nonce.
///
/// # Errors
/// When a step fails; the error is fit to be shown.
pub async fn login(
    recipe: &Recipe,
    base: &Base,
    index: u32,
    redactor: &Redactor,
) -> Result<Identity, AuthError> {
    let mut attempt = Attempt { base, redactor, timeout: recipe.timeout, vars: BTreeMap::new() };
    let nonce = random_word(8).map_err(|error| AuthError::Random(error.to_string()))?;
    attempt.vars.insert("user.index".to_owned(), Value::from(index));
    attempt.vars.insert("nonce".to_owned(), Value::from(nonce));
    for (key, template) in &recipe.user {
        let value = attempt.value(Step::User, template)?;
        if is_secret_name(key) {
            attempt.hide(key, &value);
        }
        attempt.vars.insert(format!("user.{key}"), value);
    }
    let token = match &recipe.kind {
        Kind::Login { register, in_turn, login, token, .. } => {
            let turn = if *in_turn { Some(base.turn.lock().await) } else { None };
            for register in register {
                attempt.request(Step::Register, register, None).await?;
            }
            drop(turn);
            let found = attempt.request(Step::Login, login, Some(token)).await?;
            found.unwrap_or_else(|| Secret::new(""))
        }
        Kind::Mint(recipe) => attempt.mint(recipe)?,
        Kind::Token(source) => attempt.token(source, index).await?,
    };
    if !recipe.prepare.is_empty() {
        attempt.vars.insert("token".to_owned(), Value::from(token.expose()));
        for request in &recipe.prepare {
            attempt.request(Step::Prepare, request, None).await?;
        }
        attempt.vars.remove("token");
    }
    let placement = attempt.place(&recipe.placement)?;
    Ok(Identity {
        user: format!("u{index}"),
        claims: claims_of(token.expose()).map(|(_, claims)| claims),
        token: Some(token),
        vars: attempt.vars,
        placement,
    })
}

/// Takes a user's token back, as the recipe says; false where it does not say how.
///
/// # Errors
/// When the server does not do it.
pub async fn logout(
    recipe: &Recipe,
    base: &Base,
    identity: &Identity,
    redactor: &Redactor,
) -> Result<bool, AuthError> {
    let Kind::Login { logout: Some(request), .. } = &recipe.kind else { return Ok(false) };
    let mut attempt = Attempt { base, redactor, timeout: recipe.timeout, vars: with_token(identity) };
    attempt.request(Step::Logout, request, None).await?;
    Ok(true)
}

/// The same user with another token, as the recipe says; none where it does not say how.
///
/// # Errors
/// When the server does not give one.
pub async fn refresh(
    recipe: &Recipe,
    base: &Base,
    identity: &Identity,
    redactor: &Redactor,
) -> Result<Option<Identity>, AuthError> {
    let Kind::Login { refresh: Some(refresh), .. } = &recipe.kind else { return Ok(None) };
    let mut attempt = Attempt { base, redactor, timeout: recipe.timeout, vars: with_token(identity) };
    let token = attempt.request(Step::Refresh, &refresh.request, Some(&refresh.token)).await?;
    attempt.vars.remove("token");
    Ok(token.map(|token| Identity {
        claims: claims_of(token.expose()).map(|(_, claims)| claims),
        token: Some(token),
        vars: attempt.vars,
        ..identity.clone()
    }))
}

/// What is known of a user, with the token, which the requests after a login may ask for.
fn with_token(identity: &Identity) -> BTreeMap<String, Value> {
    let mut vars = identity.vars.clone();
    if let Some(token) = &identity.token {
        vars.insert("token".to_owned(), Value::from(token.expose()));
    }
    vars
}

/// Takes away what was made for a user's session, as the recipe says.
///
/// # Errors
/// When the server does not do it.
pub async fn clean_up(
    recipe: &Recipe,
    base: &Base,
    identity: &Identity,
    redactor: &Redactor,
) -> Result<(), AuthError> {
    let mut attempt = Attempt { base, redactor, timeout: recipe.timeout, vars: with_token(identity) };
    for request in &recipe.cleanup {
        attempt.request(Step::Cleanup, request, None).await?;
    }
    Ok(())
}

/// The key that signs tokens, from where the configuration says it is. It is hidden from then on.
///
/// # Errors
/// When it is not there.
pub fn signing_key(recipe: &Mint, base: &Base, redactor: &Redactor) -> Result<Secret, AuthError> {
    let attempt = Attempt { base, redactor, timeout: Gap::ZERO, vars: BTreeMap::new() };
    let key = attempt.read_source(Step::Mint, &recipe.key)?;
    redactor.add("key", &key);
    Ok(key)
}

/// A login under way: what is known so far.
struct Attempt<'a> {
    base: &'a Base,
    redactor: &'a Redactor,
    timeout: Gap,
    vars: BTreeMap<String, Value>,
}

/// What the server answered, as far as it was read.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Attempt<'_> {
    fn lookup(&self, name: &str) -> Option<Value> {
        let http = || (name == "http").then(|| self.base.http.clone().map(Value::from)).flatten();
        self.vars.get(name).or_else(|| self.base.variables.get(name)).cloned().or_else(http)
    }

    fn unbound(&self, step: Step, unbound: Unbound) -> AuthError {
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

    fn text(&self, step: Step, template: &str) -> Result<String, AuthError> {
        fill_text(template, &mut |name| self.lookup(name)).map_err(|unbound| self.unbound(step, unbound))
    }

    fn value(&self, step: Step, template: &Value) -> Result<Value, AuthError> {
        fill_value(template, &mut |name| self.lookup(name)).map_err(|unbound| self.unbound(step, unbound))
    }

    fn hide(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.redactor.add(name, &Secret::new(text.as_str())),
            Value::Number(number) => self.redactor.add(name, &Secret::new(number.to_string())),
            Value::Array(items) => items.iter().for_each(|item| self.hide(name, item)),
            Value::Object(map) => map.values().for_each(|item| self.hide(name, item)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Sends one request, and keeps what the recipe wants of the answer. The token, when one is asked for.
    async fn request(
        &mut self,
        step: Step,
        request: &Request,
        token: Option<&TokenAt>,
    ) -> Result<Option<Secret>, AuthError> {
        let (built, method, url) = self.build(step, request)?;
        let answer = self.send(step, built, &method, &url).await?;
        let json = serde_json::from_slice::<Value>(&answer.body).ok();
        let found = token.and_then(|at| match at {
            TokenAt::Pointer(pointer) => json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned),
            TokenAt::Cookie(name) => {
                cookies(&answer.headers).find(|c| c.name == name).map(|c| c.value.to_owned())
            }
        });
        // First of all: whatever is said about this answer from here on must not show what is secret in it.
        self.hide_secrets(request, found.as_deref(), json.as_ref(), &answer);
        let url = self.redactor.clean(&url).into_owned();
        let is_accepted = if request.accept.is_empty() {
            (200..300).contains(&answer.status)
        } else {
            request.accept.contains(&answer.status)
        };
        if !is_accepted {
            let answer_text = self.quote(&answer, json.as_ref());
            return Err(AuthError::Answered {
                step,
                method,
                url,
                status: answer.status,
                answer: answer_text,
            });
        }
        let not_there = |missing: String| AuthError::NotInAnswer {
            step,
            method: method.clone(),
            url: url.clone(),
            status: answer.status,
            missing,
            there: there(&answer, json.as_ref()),
        };
        let at = |pointer: &str| json.as_ref().and_then(|json| json.pointer(pointer));
        for (name, pointer) in request.binds.iter().chain(&request.secrets) {
            // A user who exists already is answered otherwise; what is needed of that answer, the login has to give.
            match at(pointer) {
                Some(value) => {
                    self.vars.insert(name.clone(), value.clone());
                }
                None if step == Step::Register && !(200..300).contains(&answer.status) => {}
                None => return Err(not_there(format!("nothing is at {}", shown(pointer)))),
            }
        }
        let Some(place) = token else { return Ok(None) };
        match found.filter(|token| !token.is_empty()) {
            Some(token) => Ok(Some(Secret::new(token))),
            None => Err(not_there(match place {
                TokenAt::Pointer(pointer) => format!("no token is at {}", shown(pointer)),
                TokenAt::Cookie(name) => format!("it sets no cookie `{name}`"),
            })),
        }
    }

    fn build(&self, step: Step, request: &Request) -> Result<(reqwest::Request, String, String), AuthError> {
        let wrong =
            |cause: String| AuthError::BadRequest { step, cause: self.redactor.clean(&cause).into_owned() };
        let text = self.text(step, &request.url)?;
        self.redactor.note_url(&text);
        let url =
            reqwest::Url::parse(&text).map_err(|error| wrong(format!("`{text}` is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{text}` is not an HTTP URL")));
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| wrong(format!("`{}` is not an HTTP method", request.method)))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &request.headers {
            let value = self.text(step, template)?;
            self.redactor.note_header(name, &value);
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value))
            else {
                return Err(wrong(format!("header `{name}` cannot be sent like this")));
            };
            headers.append(name, value);
        }
        let client = self.client(step, &url)?;
        let builder = client.request(method, url);
        let builder = match &request.body {
            Body::Empty => builder,
            Body::Json(template) => {
                let body = self.value(step, template)?;
                self.hide_suspects(&body);
                builder.json(&body)
            }
            Body::Form(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, template)| {
                        let value = self.text(step, template)?;
                        self.hide_suspects(&serde_json::json!({ key: value }));
                        Ok(format!("{}={}", percent_encode(key), percent_encode(&value)))
                    })
                    .collect::<Result<_, AuthError>>()?;
                builder.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))
            }
        };
        let built = builder.headers(headers).build().map_err(|error| wrong(chain(&error.without_url())))?;
        Ok((built, request.method.clone(), text))
    }

    fn client(&self, step: Step, url: &reqwest::Url) -> Result<&reqwest::Client, AuthError> {
        self.base.clients.of(url).map_err(|cause| AuthError::Trust { step, cause })
    }

    async fn send(
        &self,
        step: Step,
        request: reqwest::Request,
        method: &str,
        url: &str,
    ) -> Result<Answer, AuthError> {
        let client = self.client(step, request.url())?;
        let exchange = async {
            let mut response = client.execute(request).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                let room = READ - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == READ {
                    break;
                }
            }
            Ok::<Answer, reqwest::Error>(Answer { status, headers, body })
        };
        let cause = match tokio::time::timeout(self.timeout.into(), Box::pin(exchange)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => self.unreached(error),
            Err(_) => Unreached::Timeout(self.timeout),
        };
        let url = self.redactor.clean(url).into_owned();
        Err(AuthError::NoAnswer { step, method: method.to_owned(), url, cause })
    }

    fn unreached(&self, error: reqwest::Error) -> Unreached {
        let error = error.without_url();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::ConnectionRefused
            {
                return Unreached::Refused;
            }
            if cause.to_string().starts_with("dns error") {
                return Unreached::NoHost;
            }
            next = cause.source();
        }
        Unreached::Other(self.redactor.clean(&chain(&error)).into_owned())
    }

    fn hide_secrets(&self, request: &Request, token: Option<&str>, json: Option<&Value>, answer: &Answer) {
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

    /// Hides what nobody announced but its name gives away, e.g. a token that the recipe's pointer misses.
    fn hide_suspects(&self, value: &Value) {
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
    fn quote(&self, answer: &Answer, json: Option<&Value>) -> String {
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

    fn read_source(&self, step: Step, source: &ValueSource) -> Result<Secret, AuthError> {
        let (place, read) = match source {
            ValueSource::Env(template) => {
                let name = self.text(step, template)?;
                let read = std::env::var(&name).map_err(|error| error.to_string());
                (format!("environment variable {name}"), read)
            }
            ValueSource::File(path) => {
                let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
                (format!("file {}", path.display()), read)
            }
        };
        let value = read.and_then(|text| {
            let text = text.trim();
            if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Secret::new(text)) }
        });
        value.map_err(|cause| AuthError::NotThere { step, place, cause })
    }

    fn mint(&self, recipe: &Mint) -> Result<Secret, AuthError> {
        let key = self.read_source(Step::Mint, &recipe.key)?;
        self.redactor.add("key", &key);
        let claims = recipe.claims(&self.value(Step::Mint, &recipe.claims)?, SystemTime::now())?;
        let token = mint(recipe.algorithm, &key, recipe.kid.as_deref(), &claims)?;
        self.redactor.add("token", &token);
        Ok(token)
    }

    async fn token(&self, source: &TokenSource, index: u32) -> Result<Secret, AuthError> {
        let token = match source {
            TokenSource::Env(name) => self.read_source(Step::Token, &ValueSource::Env(name.clone()))?,
            TokenSource::Command(words) => {
                let words: Vec<String> =
                    words.iter().map(|word| self.text(Step::Token, word)).collect::<Result<_, _>>()?;
                self.run(&words, index).await?
            }
        };
        self.redactor.add("token", &token);
        Ok(token)
    }

    async fn run(&self, words: &[String], index: u32) -> Result<Secret, AuthError> {
        let program = words.first().cloned().unwrap_or_default();
        let failed = |cause: String, said: &[u8]| {
            let said = shorten(&self.redactor.clean(&String::from_utf8_lossy(said)));
            AuthError::Command { program: program.clone(), cause, said }
        };
        let child = tokio::process::Command::new(&program)
            .args(words.iter().skip(1))
            .env("GOLDWIRE_USER_INDEX", index.to_string())
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(COMMAND, child).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(failed(format!("cannot be started: {error}"), b"")),
            Err(_) => return Err(failed(format!("did not end within {}", Gap::from(COMMAND)), b"")),
        };
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        // What a failing command printed may still be the token.
        self.redactor.add("token", &Secret::new(token.as_str()));
        if !output.status.success() {
            return Err(failed(format!("ended with {}", output.status), &output.stderr));
        }
        if token.is_empty() || token.contains(char::is_whitespace) {
            let cause = if token.is_empty() { "printed nothing" } else { "printed more than one word" };
            return Err(failed(cause.to_owned(), &output.stderr));
        }
        Ok(Secret::new(token))
    }

    /// The placement with every place filled but the token's.
    fn place(&self, placement: &Placement) -> Result<Placement, AuthError> {
        let mut lookup = |name: &str| {
            if name == "token" { Some(Value::from("{{token}}")) } else { self.lookup(name) }
        };
        let mut text = |template: &str| fill_text(template, &mut lookup);
        let filled = match placement {
            Placement::Header { name, format } => {
                text(format).map(|format| Placement::Header { name: name.clone(), format })
            }
            Placement::Query(name) => text(name).map(Placement::Query),
            Placement::Cookie(name) => text(name).map(Placement::Cookie),
            Placement::Subprotocol(format) => text(format).map(Placement::Subprotocol),
            Placement::Message(template) => Template::fill(template, &mut lookup).map(Placement::Message),
        };
        filled.map_err(|unbound| self.unbound(Step::Place, unbound))
    }
}

impl Mint {
    /// `filled` (the recipe's claims with every place filled) with `iat`, `exp` and `jti` as of `now`, unless given.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn claims(&self, filled: &Value, now: SystemTime) -> Result<Value, AuthError> {
        let mut claims = filled.as_object().cloned().unwrap_or_default();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let jti = random_word(16).map_err(|error| AuthError::Random(error.to_string()))?;
        let ttl = Duration::from(self.ttl).as_secs();
        for (name, value) in
            [("iat", now.into()), ("exp", now.saturating_add(ttl).into()), ("jti", jti.into())]
        {
            claims.entry(name).or_insert(value);
        }
        Ok(Value::Object(claims))
    }
}

/// A cookie that an answer sets.
struct Cookie<'h> {
    name: &'h str,
    value: &'h str,
    http_only: bool,
}

impl Cookie<'_> {
    /// Long enough to be a session, or kept from scripts. `theme=dark` is neither, and hiding `dark` everywhere would
    /// spoil the recording.
    fn is_secret(&self) -> bool {
        self.http_only || self.value.len() >= 12
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    headers.get_all("set-cookie").iter().filter_map(|header| {
        let mut parts = header.to_str().ok()?.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let http_only = parts.any(|attribute| attribute.eq_ignore_ascii_case("httponly"));
        Some(Cookie { name: name.trim(), value: value.trim().trim_matches('"'), http_only })
    })
}

/// What an answer has: the paths of its JSON with their types, else its kind and size. No values.
fn there(answer: &Answer, json: Option<&Value>) -> String {
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

fn shown(pointer: &str) -> String {
    if pointer.is_empty() { "its root".to_owned() } else { pointer.to_owned() }
}

fn shorten(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(QUOTED) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// An error and its causes on one line, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::recipe::tests::read;
    use super::super::trust::Trust;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A real HTTP server that answers one request a connection: what `answer` says to the request's text.
    async fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut text, mut buffer) = (String::new(), [0; 4096]);
                loop {
                    let count = stream.read(&mut buffer).await.unwrap_or(0);
                    text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                    let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                        let len = head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| {
                            rest.lines().next().and_then(|len| len.trim().parse::<usize>().ok())
                        });
                        body.len() >= len.unwrap_or(0)
                    });
                    if count == 0 || whole {
                        break;
                    }
                }
                let _ = stream.write_all(answer(&text).as_bytes()).await;
            }
        });
        format!("http://{address}")
    }

    fn http(status: &str, headers: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn base(http: &str) -> Base {
        Base::new(Some(http), BTreeMap::new(), &Trust { insecure: true, ..Trust::default() })
            .expect("no authorities are needed")
    }

    const LOGIN: &str = r#"
        user = { email = "u{{user.index}}-{{nonce}}@example.test", password = "pw-{{nonce}}" }
        register = { url = "{{http}}/register", json = { email = "{{user.email}}", password = "{{user.password}}" }, accept = [201, 409] }
        login = { url = "{{http}}/login", form = { username = "{{user.email}}", password = "{{user.password}}" }, token = "/access_token", bind = { "user.id" = "/user/id" }, secret = { refresh_token = "/refresh" } }
        place = "subprotocol"
        subprotocol = "bearer.{{user.id}}.{{token}}"
        timeout = "60 s"
    "#;

    #[tokio::test]
    async fn register_then_login_makes_an_identity_and_hides_its_secrets() {
        let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let url = serve(move |request| {
            let _ = sent.send(request.to_owned());
            if request.starts_with("POST /register ") {
                http("409 Conflict", "", "{}")
            } else {
                http(
                    "200 OK",
                    "set-cookie: sid=abcdefghijkl; Path=/; HttpOnly\r\n",
                    r#"{"access_token":"opaque-token-1","refresh":"opaque-refresh-1","user":{"id":7}}"#,
                )
            }
        })
        .await;
        let redactor = Redactor::default();
        let recipe = read(LOGIN).expect("no mistake in it");
        let identity = login(&recipe, &base(&url), 3, &redactor).await.expect("logged in");
        let register = seen.recv().await.expect("registered");
        let email = identity.vars["user.email"].as_str().expect("a string").to_owned();
        let password = identity.vars["user.password"].as_str().expect("a string").to_owned();
        assert!(register.contains(&format!(r#""email":"{email}""#)), "{register}");
        let request = seen.recv().await.expect("logged in");
        assert!(request.contains("application/x-www-form-urlencoded"), "{request}");
        assert!(
            request.ends_with(&format!("username={}&password={password}", percent_encode(&email))),
            "{request}"
        );
        assert!(email.starts_with("u3-") && email.ends_with("@example.test"), "{email}");
        assert_eq!((identity.user.as_str(), identity.vars["user.id"].clone()), ("u3", Value::from(7)));
        assert_eq!(identity.vars["refresh_token"], "opaque-refresh-1");
        assert_eq!(identity.token.as_ref().map(Secret::expose), Some("opaque-token-1"));
        assert_eq!(identity.placement, Placement::Subprotocol("bearer.7.{{token}}".to_owned()));
        for secret in ["opaque-token-1", "opaque-refresh-1", "abcdefghijkl", &password] {
            assert!(!redactor.clean(&format!("x {secret} y")).contains(secret), "{secret} is not hidden");
        }
    }

    #[tokio::test]
    async fn a_user_is_made_by_whom_an_earlier_request_logged_in() {
        let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let url = serve(move |request| {
            let _ = sent.send(request.to_owned());
            match request.starts_with("POST /users ") {
                true => http("201 Created", "", "{}"),
                false => http("200 OK", "", r#"{"token":"opaque-token-3"}"#),
            }
        })
        .await;
        let recipe = read(
            "user = { name = 'n{{user.index}}' }\n\
             register = [{ url = '{{http}}/admin', secret = { admin_token = '/token' } }, \
             { url = '{{http}}/users', headers = { Authorization = 'Bearer {{admin_token}}' }, json = { name = '{{user.name}}' } }]\n\
             login = { url = '{{http}}/l', token = '/token' }",
        )
        .expect("no mistake in it");
        let redactor = Redactor::default();
        login(&recipe, &base(&url), 4, &redactor).await.expect("logged in");
        assert!(seen.recv().await.expect("asked").starts_with("POST /admin "));
        let made = seen.recv().await.expect("made");
        assert!(made.starts_with("POST /users ") && made.ends_with(r#"{"name":"n4"}"#), "{made}");
        assert!(made.to_lowercase().contains("authorization: bearer opaque-token-3"), "{made}");
        assert!(seen.recv().await.expect("logged in").starts_with("POST /l "));
        assert!(!redactor.clean("opaque-token-3").contains("opaque"));
    }

    #[tokio::test]
    async fn what_a_session_needs_is_made_with_the_token_and_taken_away_again() {
        let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let url = serve(move |request| {
            let _ = sent.send(request.to_owned());
            match request.starts_with("POST ") {
                true => http("201 Created", "", r#"{"id":"room-7","door":{"key":"open-sesame-1"}}"#),
                false => http("204 No Content", "", ""),
            }
        })
        .await;
        let recipe = read(
            "kind = 'token'\ncommand = ['echo', 'opaque-token-4']\n\
             prepare = { url = '{{http}}/rooms', headers = { Authorization = 'token {{token}}' }, json = {}, \
             bind = { 'room.id' = '/id' }, secret = { door_key = '/door/key' } }\n\
             cleanup = { method = 'DELETE', url = '{{http}}/rooms/{{room.id}}', headers = { X = '{{token}}' } }",
        )
        .expect("no mistake in it");
        let redactor = Redactor::default();
        let identity = login(&recipe, &base(&url), 1, &redactor).await.expect("logged in");
        let made = seen.recv().await.expect("asked").to_lowercase();
        assert!(
            made.starts_with("post /rooms ") && made.contains("authorization: token opaque-token-4"),
            "{made}"
        );
        assert_eq!(identity.vars["room.id"], "room-7");
        assert!(!identity.vars.contains_key("token") && !redactor.clean("open-sesame-1").contains("sesame"));
        clean_up(&recipe, &base(&url), &identity, &redactor).await.expect("taken away");
        let gone = seen.recv().await.expect("asked").to_lowercase();
        assert!(gone.starts_with("delete /rooms/room-7 ") && gone.contains("x: opaque-token-4"), "{gone}");
    }

    #[tokio::test]
    async fn a_token_comes_from_a_cookie() {
        let url =
            serve(|_| http("204 No Content", "set-cookie: a=1\r\nset-cookie: jwt=abc.def; HttpOnly\r\n", ""))
                .await;
        let recipe = read("login = { url = '{{http}}/l', token_cookie = 'jwt' }\nplace = 'cookie'")
            .expect("no mistake");
        let identity = login(&recipe, &base(&url), 1, &Redactor::default()).await.expect("logged in");
        assert_eq!(identity.token.map(|token| token.expose().to_owned()), Some("abc.def".to_owned()));
    }

    #[tokio::test]
    async fn a_refused_login_says_what_the_server_said_without_secrets() {
        let url = serve(|request| {
            if request.starts_with("POST /register ") {
                return http("201 Created", "", "{}");
            }
            let password = request.split("password=").nth(1).unwrap_or_default();
            http(
                "401 Unauthorized",
                "",
                &format!(r#"{{"detail":"bad {password}","session_id":"0123456789"}}"#),
            )
        })
        .await;
        let recipe = read(LOGIN).expect("no mistake in it");
        let error = login(&recipe, &base(&url), 1, &Redactor::default()).await.expect_err("refused");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!(
                "login: POST {url}/login answered 401: {{\"detail\":\"bad {{{{secret:"
            )),
            "{text}"
        );
        assert!(!text.contains("pw-") && !text.contains("0123456789"), "{text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("credentials")));
    }

    #[tokio::test]
    async fn a_token_that_is_elsewhere_is_not_shown_by_the_error_about_it() {
        let url = serve(|_| {
            http("200 OK", "", r#"{"accessToken":"opaque-token-2","expires":3,"odd":"hide-me-too"}"#)
        })
        .await;
        let recipe =
            read("login = { url = '{{http}}/l', token = '/access_token' }").expect("no mistake in it");
        let redactor = Redactor::default();
        let text = login(&recipe, &base(&url), 1, &redactor).await.expect_err("no token").to_string();
        let expected = "answered 200, but no token is at /access_token; \
                        it has /accessToken (string), /expires (number), /odd (string)";
        assert!(text.ends_with(expected), "{text}");
        assert!(!redactor.clean("opaque-token-2").contains("opaque"));
    }

    #[tokio::test]
    async fn nobody_listening_and_nobody_answering_are_told_apart() {
        let within = |timeout: &str| {
            read(&format!("login = {{ url = '{{{{http}}}}/l', token = '/t' }}\ntimeout = '{timeout}'"))
                .expect("no mistake in it")
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let silent = login(&within("200 ms"), &base(&url), 1, &Redactor::default()).await;
        let silent = silent.expect_err("nobody answers");
        assert!(silent.to_string().ends_with("/l: no answer within 200 ms"), "{silent}");
        drop(listener);
        let refused = login(&within("60 s"), &base(&url), 1, &Redactor::default()).await;
        let refused = refused.expect_err("nobody listens");
        assert!(refused.to_string().ends_with("/l: connection refused"), "{refused}");
    }

    #[tokio::test]
    async fn a_name_nobody_knows_is_told_with_the_nearest_one() {
        let recipe =
            read("user = { email = 'e' }\nlogin = { url = '{{http}}/{{user.emial}}', token = '/t' }");
        let recipe = recipe.expect("no mistake in it");
        let error =
            login(&recipe, &base("http://127.0.0.1:9"), 1, &Redactor::default()).await.expect_err("unbound");
        assert_eq!(error.to_string(), "login: no value for {{user.emial}}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `user.email`?"));
    }

    #[tokio::test]
    async fn a_minted_token_claims_what_the_recipe_says_and_when() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "a-shared-secret\n").expect("it can be written");
        let text = format!(
            "kind = 'mint'\nuser = {{ id = 'user-{{{{user.index}}}}' }}\nsecret_file = '{}'\nttl = '1 min'\n\
             claims = {{ sub = '{{{{user.id}}}}', n = '{{{{user.index}}}}' }}",
            file.path().display()
        );
        let redactor = Redactor::default();
        let recipe = read(&text).expect("no mistake in it");
        let identity = login(&recipe, &base("http://127.0.0.1:9"), 2, &redactor).await.expect("minted");
        let claims = identity.claims.expect("a JWT");
        assert_eq!((&claims["sub"], &claims["n"]), (&Value::from("user-2"), &Value::from(2)));
        let (iat, exp) = (claims["iat"].as_u64().expect("a time"), claims["exp"].as_u64().expect("a time"));
        assert_eq!(exp - iat, 60);
        assert_eq!(claims["jti"].as_str().map(str::len), Some(16));
        assert_eq!(redactor.clean("a-shared-secret"), "{{secret:key#1}}");
    }

    #[tokio::test]
    async fn a_command_prints_the_token_or_says_why_not() {
        let run = async |command: &str| {
            let recipe =
                read(&format!("kind = 'token'\ncommand = ['sh', '-c', '{command}']")).expect("no mistake");
            login(&recipe, &base("http://127.0.0.1:9"), 5, &Redactor::default()).await
        };
        let identity = run("echo tok-$GOLDWIRE_USER_INDEX").await.expect("it prints a token");
        assert_eq!(identity.token.map(|token| token.expose().to_owned()), Some("tok-5".to_owned()));
        let error = run("echo not logged in >&2; exit 3").await.expect_err("it fails");
        assert_eq!(error.to_string(), "token: command `sh` ended with exit status: 3: not logged in");
        let error = run("true").await.expect_err("it prints nothing");
        assert_eq!(error.to_string(), "token: command `sh` printed nothing");
    }

    #[tokio::test]
    async fn a_missing_variable_is_named() {
        let recipe = read("kind = 'token'\nenv = 'GOLDWIRE_NO_SUCH_TOKEN'").expect("no mistake in it");
        let error =
            login(&recipe, &base("http://127.0.0.1:9"), 1, &Redactor::default()).await.expect_err("not set");
        let expected = "token: environment variable GOLDWIRE_NO_SUCH_TOKEN: environment variable not found";
        assert_eq!(error.to_string(), expected);
    }
}
