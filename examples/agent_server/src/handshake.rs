//! The WebSocket handshake: where a token may be, and what happens to one that is not good.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::app::App;
use crate::args::Refuse;
use crate::auth::{Door, Refusal};
use crate::http::{self, Problem};
use crate::log;
use crate::regress::Regression;
use crate::socket::{self, Identity};

/// The one subprotocol spoken here.
const SUBPROTOCOL: &str = "agent.v1";

/// A message longer than this ends the connection with 1009; longer than `socket::LONGEST` it is only an error.
const LONGEST_EVER: usize = 1 << 20;

/// What the address may carry.
#[derive(Deserialize)]
pub(crate) struct Asked {
    token: Option<String>,
    auth: Option<String>,
    thread: Option<String>,
}

/// How a connection comes in.
pub(crate) enum Entry {
    /// With a good token in the handshake.
    Known(Identity),
    /// Without one, to send it as the first message.
    FirstMessage,
    /// With a bad one, to be told so by a close code.
    Refused(Refusal),
}

/// `GET /ws`.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    mut upgrade: WebSocketUpgrade,
) -> Response {
    let entry = match admit(&app, &asked, &headers).await {
        Ok(entry) => entry,
        Err(refusal) => {
            log::line(format_args!("socket refused: {refusal}"));
            // `hanging-auth`: the refusal is forgotten, the handshake goes through, and nobody ever answers.
            let hangs = app.regress.is(Regression::HangingAuth);
            if app.refuse == Refuse::Http && !hangs {
                return Problem::Token(refusal).into_response();
            }
            Entry::Refused(refusal)
        }
    };
    if upgrade.requested_protocols().any(|offered| offered == SUBPROTOCOL) {
        upgrade.set_selected_protocol(HeaderValue::from_static(SUBPROTOCOL));
    }
    upgrade
        .max_message_size(LONGEST_EVER)
        .max_frame_size(LONGEST_EVER)
        .on_upgrade(move |socket| socket::serve(app, socket, entry, asked.thread))
}

async fn admit(app: &App, asked: &Asked, headers: &HeaderMap) -> Result<Entry, Refusal> {
    // `test-bypass`: left in for the tests.
    if app.regress.is(Regression::TestBypass) && headers.get("x-e2e-test").is_some_and(|v| v == "true") {
        return Ok(Entry::Known(Identity::made_up()));
    }
    match offered_token(asked, headers) {
        Some(token) => {
            let claims = app.authenticate(token, Door::Socket).await?;
            Ok(Entry::Known(Identity::of(claims)))
        }
        None if asked.auth.as_deref() == Some("message") => Ok(Entry::FirstMessage),
        None => Err(Refusal::Missing),
    }
}

/// The first token found: header, address, subprotocol, cookie. Only that one counts; a bad token in one place is not
/// made up for by a good one in the next.
fn offered_token<'a>(asked: &'a Asked, headers: &'a HeaderMap) -> Option<&'a str> {
    let listed = |name| headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    http::bearer(headers)
        .or(asked.token.as_deref())
        .or_else(|| {
            let mut offers = listed(header::SEC_WEBSOCKET_PROTOCOL).flat_map(|line| line.split(','));
            offers.find_map(|offer| offer.trim().strip_prefix("bearer."))
        })
        .or_else(|| {
            let mut cookies = listed(header::COOKIE).flat_map(|line| line.split(';'));
            cookies.find_map(|cookie| cookie.trim().strip_prefix("access_token="))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(token: Option<&str>) -> Asked {
        Asked { token: token.map(str::to_owned), auth: None, thread: None }
    }

    #[test]
    fn a_token_is_found_in_each_of_its_places() {
        let mut headers = HeaderMap::new();
        assert_eq!(offered_token(&asked(None), &headers), None);
        headers.insert("cookie", "theme=dark; access_token=c".parse().unwrap());
        assert_eq!(offered_token(&asked(None), &headers), Some("c"));
        headers.insert("sec-websocket-protocol", "agent.v1, bearer.p".parse().unwrap());
        assert_eq!(offered_token(&asked(None), &headers), Some("p"));
        assert_eq!(offered_token(&asked(Some("q")), &headers), Some("q"));
        headers.insert("authorization", "bearer h".parse().unwrap());
        assert_eq!(offered_token(&asked(Some("q")), &headers), Some("h"));
    }
}
