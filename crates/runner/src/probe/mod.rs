//! What one session cannot show.
//!
//! ```text
//! auth        one knock a case: refused before any event, in time, in a way that clients expect?
//! isolation   several users at once, each with a canary: does anything of one come to another?
//! race        many at the same moment, one token on many sockets, a client that does not wait
//! reconnect   sessions cut off at every event; is the next one whole?
//! liveness    is it a server at work, and as fast at the end as at the beginning?
//! ```
//!
//! Each takes a [`ProbeContext`] (target, logins, folders) and a [`Subject`] (a session's golden), drives real
//! sessions through the same driver and recorder as `check`, and answers with [`Cell`]s. What a cell says follows from
//! transcripts alone; the functions that judge them open no socket.

mod attempt;
mod auth;
mod cancel;
mod cells;
mod context;
mod finding;
mod forge;
mod identity;
mod isolation;
mod leak;
mod liveness;
mod race;
mod reconnect;
mod refresh;
mod resume;
mod settings;
mod spread;
mod subject;
mod trend;

pub use context::ProbeContext;
pub use settings::{AuthSettings, Cancel, Place, Settings};
pub use spread::Opening;
pub use subject::{Kept, Subject};

use goldwire_core::finding::{Cell, ProbeName};

/// Asks everything that a probe asks of a session, and cleans up after everybody who logged in for it.
pub async fn probe(name: ProbeName, context: &ProbeContext<'_>, subject: &Subject) -> Vec<Cell> {
    let cells = match name {
        ProbeName::Auth => auth::ask(context, subject).await,
        ProbeName::Isolation => isolation::ask(context, subject).await,
        ProbeName::Race => race::ask(context, subject).await,
        ProbeName::Reconnect => reconnect::ask(context, subject).await,
        ProbeName::Liveness => liveness::ask(context, subject).await,
    };
    context.clean_up().await;
    cells
}
