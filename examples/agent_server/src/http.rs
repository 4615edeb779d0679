//! The HTTP half: health, and the life of a login.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use crate::app::{App, StoreFailed};
use crate::auth::{Claims, Door, Purpose, Refusal};
use crate::handshake;
use crate::log;
use crate::store::User;
use crate::stream;
use crate::users;

/// All routes, the socket's included; `page` is what a browser gets at `/`.
pub(crate) fn routes(app: Arc<App>, page: Option<String>) -> Router {
    let router = match page {
        Some(page) => Router::new().route("/", get(async move || Html(page.clone()))),
        None => Router::new(),
    };
    router
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/auth/register", post(register))
        .route("/auth/login", post(login))
        .route("/auth/refresh", post(refresh))
        .route("/auth/logout", post(logout))
        .route("/auth/me", get(me))
        .route("/agent/threads", post(stream::open_thread))
        .route("/agent/stream", post(stream::ask))
        .route("/ws", get(handshake::upgrade))
        .with_state(app)
}

/// Why a request was not served.
pub(crate) enum Problem {
    BadInput(String),
    Taken,
    Credentials,
    Token(Refusal),
    /// What the agent says instead of beginning a run.
    Refused(&'static str, String),
    Internal,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Problem::BadInput(what) => (StatusCode::BAD_REQUEST, what),
            Problem::Taken => (StatusCode::CONFLICT, "email is taken".to_owned()),
            Problem::Credentials => (StatusCode::UNAUTHORIZED, "invalid credentials".to_owned()),
            Problem::Token(refusal) => (StatusCode::UNAUTHORIZED, refusal.to_string()),
            Problem::Refused(code, what) => {
                let status = match code {
                    "forbidden" => StatusCode::FORBIDDEN,
                    "not_found" => StatusCode::NOT_FOUND,
                    "busy" => StatusCode::CONFLICT,
                    "bad_message" => StatusCode::BAD_REQUEST,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                (status, what)
            }
            Problem::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal error".to_owned()),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

impl From<StoreFailed> for Problem {
    fn from(_: StoreFailed) -> Problem {
        Problem::Internal
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        Problem::BadInput(rejection.body_text())
    }
}

pub(crate) type Body<T> = Result<Json<T>, JsonRejection>;

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
    name: String,
}

async fn register(
    State(app): State<Arc<App>>,
    body: Body<Registration>,
) -> Result<(StatusCode, Json<serde_json::Value>), Problem> {
    let Json(asked) = body?;
    let email = asked.email.trim().to_lowercase();
    let name = asked.name.trim().to_owned();
    let bad = |what: &str| Err(Problem::BadInput(what.to_owned()));
    if !is_address(&email) {
        return bad("email is not an address");
    }
    // The upper bound keeps anybody from having megabytes hashed.
    if !(8..=128).contains(&asked.password.len()) {
        return bad("password must have 8 to 128 bytes");
    }
    if name.is_empty() || name.len() > 80 {
        return bad("name must have 1 to 80 bytes");
    }
    let hash = users::hash(asked.password).await.map_err(|error| {
        log::line(format_args!("argon2: {error}"));
        Problem::Internal
    })?;
    let user = app.stored(move |store| store.add_user(&email, &name, &hash)).await?.ok_or(Problem::Taken)?;
    log::line(format_args!("registered {}", user.id));
    Ok((StatusCode::CREATED, Json(json!({ "user": user }))))
}

fn is_address(email: &str) -> bool {
    email.len() <= 254
        && !email.contains(char::is_whitespace)
        && email.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

async fn login(
    State(app): State<Arc<App>>,
    body: Body<Credentials>,
) -> Result<Json<serde_json::Value>, Problem> {
    let Json(asked) = body?;
    let email = asked.email.trim().to_lowercase();
    let (user, stored) = app.stored(move |store| store.user_by_email(&email)).await?.unzip();
    if !users::verify(asked.password, stored).await {
        return Err(Problem::Credentials);
    }
    let user = user.ok_or(Problem::Credentials)?;
    log::line(format_args!("login {}", user.id));
    logged_in(&app, user).await
}

#[derive(Deserialize)]
struct Refreshing {
    refresh_token: String,
}

async fn refresh(
    State(app): State<Arc<App>>,
    body: Body<Refreshing>,
) -> Result<Json<serde_json::Value>, Problem> {
    let Json(asked) = body?;
    let claims =
        app.tokens.check(&asked.refresh_token, Purpose::Refresh, Door::Http).map_err(Problem::Token)?;
    // Taking it is what makes it valid once: of two that come at the same time, one finds it gone.
    if !app.stored(move |store| store.take_refresh(&claims.jti)).await? {
        return Err(Problem::Token(Refusal::Revoked));
    }
    let user = app.stored(move |store| store.user(&claims.sub)).await?;
    logged_in(&app, user.ok_or(Problem::Token(Refusal::UnknownUser))?).await
}

/// Issues tokens; the answer of login and refresh.
async fn logged_in(app: &App, user: User) -> Result<Json<serde_json::Value>, Problem> {
    let pair = app.tokens.issue(&user).map_err(|error| {
        log::line(format_args!("signing: {error}"));
        Problem::Internal
    })?;
    let (refresh, access) = (pair.refresh_claims, pair.access_claims);
    app.stored(move |store| store.add_refresh(&refresh.jti, &refresh.sub, &access.jti, refresh.exp)).await?;
    Ok(Json(json!({
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "bearer",
        "expires_in": app.tokens.access_ttl(),
        "user": user,
    })))
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<StatusCode, Problem> {
    let claims = bearer_claims(&app, &headers).await?;
    let (jti, exp) = (claims.jti.clone(), claims.exp);
    app.stored(move |store| store.revoke(&jti, exp)).await?;
    app.hub.close_sockets_of_token(&claims.jti);
    log::line(format_args!("logout {}", claims.sub));
    Ok(StatusCode::NO_CONTENT)
}

async fn me(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<User>, Problem> {
    let claims = bearer_claims(&app, &headers).await?;
    let user = app.stored(move |store| store.user(&claims.sub)).await?;
    Ok(Json(user.ok_or(Problem::Token(Refusal::UnknownUser))?))
}

pub(crate) async fn bearer_claims(app: &App, headers: &HeaderMap) -> Result<Claims, Problem> {
    let token = bearer(headers).ok_or(Problem::Token(Refusal::Missing))?;
    app.authenticate(token, Door::Http).await.map_err(Problem::Token)
}

/// The token of an `Authorization: Bearer` header; the scheme's name may be written in any case (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
