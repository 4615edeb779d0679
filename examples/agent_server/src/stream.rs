//! The agent over plain HTTP: a question is a request, and what its run says is an event stream, as
//! `fetch` or `EventSource` read it.
//!
//! ```text
//! id: 3
//! event: agent_thinking
//! data: {"type":"agent_thinking","run_id":"run_…", …}
//! ```
//!
//! The stream ends with the run. A client that leaves cancels it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use axum::response::sse::{self, KeepAlive, KeepAliveStream, Sse};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use crate::app::App;
use crate::events::Event;
use crate::http::{Body, Problem, bearer_claims};
use crate::hub::{Outgoing, Route};
use crate::ids;
use crate::log;
use crate::socket::{self, Identity};

/// `POST /agent/threads`: a thread to ask in.
pub(crate) async fn open_thread(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<serde_json::Value>), Problem> {
    let user_id = bearer_claims(&app, &headers).await?.sub;
    let owner = user_id.clone();
    let thread_id = app.stored(move |store| store.add_thread(&owner)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "thread_id": thread_id, "user_id": user_id, "at": ids::now() }))))
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    thread: String,
    text: String,
}

/// `POST /agent/stream`: a question, answered by its run.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body<Asked>,
) -> Result<Sse<KeepAliveStream<RunEvents>>, Problem> {
    let identity = Identity::of(bearer_claims(&app, &headers).await?);
    let Json(asked) = body?;
    let route = Route { connection_id: ids::fresh("conn"), user_id: identity.user_id.clone() };
    let outgoing = app.hub.register(&route, &identity.jti);
    app.hub.subscribe(route.clone());
    log::line(format_args!("{} streams to {}", route.connection_id, route.user_id));
    // From here on whatever ends the stream leaves the hub.
    let events = RunEvents { app: Arc::clone(&app), route, outgoing, count: 0, is_over: false };
    match socket::ask(&app, &identity, &events.route, asked.thread, asked.text).await {
        Ok(()) => Ok(Sse::new(events).keep_alive(KeepAlive::default())),
        Err(Event::Error { code, message }) => Err(Problem::Refused(code, message)),
        Err(_) => Err(Problem::Internal),
    }
}

/// The events of one run. Dropping it cancels the run.
pub(crate) struct RunEvents {
    app: Arc<App>,
    route: Route,
    outgoing: mpsc::UnboundedReceiver<Outgoing>,
    count: u64,
    is_over: bool,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(rename = "type")]
    name: &'a str,
}

impl Stream for RunEvents {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        match std::task::ready!(this.outgoing.poll_recv(cx)) {
            Some(Outgoing::Text(text)) => {
                this.count += 1;
                let name = serde_json::from_str::<Named<'_>>(&text).map_or("message", |named| named.name);
                this.is_over = matches!(name, "agent_completed" | "agent_cancelled" | "error");
                let event = sse::Event::default().id(this.count.to_string()).event(name).data(&text);
                Poll::Ready(Some(Ok(event)))
            }
            Some(Outgoing::Close(..)) | None => Poll::Ready(None),
        }
    }
}

impl Drop for RunEvents {
    fn drop(&mut self) {
        self.app.runs.cancel_all_of(&self.route.connection_id);
        self.app.hub.unregister(&self.route);
    }
}
