//! A user logs in, gets another token, logs out, and takes away what was made for a session.

use super::attempt::Attempt;
use crate::auth::base::Base;
use crate::auth::error::{AuthError, Step};
use crate::auth::identity::Identity;
use crate::auth::jwt::claims_of;
use crate::auth::random_word;
use crate::auth::recipe::{Kind, Mint, Recipe};
use goldwire_core::secret::{Secret, is_secret_name};
use goldwire_core::transcript::{Gap, Redactor};
use serde_json::Value;
use std::collections::BTreeMap;

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
