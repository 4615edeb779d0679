//! Probes: questions that one session cannot answer.
//!
//! ```text
//! auth        one knock a case: refused before any event, in time, in a way that clients expect?
//! isolation   several users at once, each with a canary: does anything of one come to another?
//! race        many at the same moment, one token on many sockets, a client that does not wait
//! reconnect   sessions cut off at every event; is the next one whole?
//! liveness    is it a server at work, and as fast at the end as at the beginning?
//! ```
//!
//! Each probe takes a [`ProbeContext`] (target, logins, folders) and a [`ProbedSession`] (a session's golden), drives real
//! sessions with the same driver and recorder as `check`, and returns [`ProbeResult`]s. The contents of a cell follow from
//! transcripts alone; the judging functions open no socket.

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
mod probed_session;
mod race;
mod reconnect;
mod refresh;
mod resume;
mod settings;
mod spread;
mod trend;

pub use context::ProbeContext;
pub use probed_session::{Kept, ProbedSession};
pub use settings::{AuthSettings, Cancel, Place, Settings};
pub use spread::Opening;

use goldwire_core::finding::{ProbeName, ProbeResult};

/// Runs a probe for a session, and cleans up after all its logins.
pub async fn probe(name: ProbeName, context: &ProbeContext<'_>, subject: &ProbedSession) -> Vec<ProbeResult> {
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
