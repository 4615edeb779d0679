//! Where tokens come from besides an answer: a variable, a file, a key, a command.

use super::attempt::Attempt;
use super::quote::shorten;
use crate::auth::error::{AuthError, Step};
use crate::auth::identity::Placement;
use crate::auth::jwt::mint;
use crate::auth::random_word;
use crate::auth::recipe::{Mint, TokenSource, ValueSource};
use goldwire_core::secret::Secret;
use goldwire_core::template::{Template, fill_text};
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a command may take to print a token.
const COMMAND: Duration = Duration::from_secs(30);

impl Attempt<'_> {
    pub(super) fn read_source(&self, step: Step, source: &ValueSource) -> Result<Secret, AuthError> {
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

    pub(super) fn mint(&self, recipe: &Mint) -> Result<Secret, AuthError> {
        let key = self.read_source(Step::Mint, &recipe.key)?;
        self.redactor.add("key", &key);
        let claims = recipe.claims(&self.value(Step::Mint, &recipe.claims)?, SystemTime::now())?;
        let token = mint(recipe.algorithm, &key, recipe.kid.as_deref(), &claims)?;
        self.redactor.add("token", &token);
        Ok(token)
    }

    pub(super) async fn token(&self, source: &TokenSource, index: u32) -> Result<Secret, AuthError> {
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
    pub(super) fn place(&self, placement: &Placement) -> Result<Placement, AuthError> {
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
