//! What all requests share, and the full check of a token.

use std::sync::Arc;

use crate::agent::Agent;
use crate::args::Refuse;
use crate::auth::{Claims, Door, Purpose, Refusal, Tokens};
use crate::hub::Hub;
use crate::log;
use crate::regress::Choice;
use crate::runs::Runs;
use crate::store::Store;
use crate::work;

/// The server's state, made once at start.
pub(crate) struct App {
    pub(crate) regress: Choice,
    pub(crate) refuse: Refuse,
    pub(crate) store: Arc<Store>,
    pub(crate) tokens: Tokens,
    pub(crate) hub: Hub,
    pub(crate) runs: Arc<Runs>,
    pub(crate) agent: Arc<Agent>,
}

/// The database did not answer; the cause is in the log.
#[derive(Debug)]
pub(crate) struct StoreFailed;

impl App {
    /// Calls the database off the async threads.
    pub(crate) async fn stored<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Store) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreFailed> {
        let store = Arc::clone(&self.store);
        work::run(move || call(&store)).await.map_err(|error| {
            log::line(format_args!("database: {error}"));
            StoreFailed
        })
    }

    /// Checks an access token wholly: signature and claims, then that its user exists and it was not revoked.
    ///
    /// A database that does not answer refuses: a door that fails, fails shut.
    pub(crate) async fn authenticate(&self, token: &str, door: Door) -> Result<Claims, Refusal> {
        let claims = self.tokens.check(token, Purpose::Access, door)?;
        let (user, jti) = (claims.sub.clone(), claims.jti.clone());
        let looked_up = self.stored(move |store| Ok((store.user(&user)?, store.is_revoked(&jti)?))).await;
        match looked_up {
            Ok((Some(_), false)) => Ok(claims),
            Ok((Some(_), true)) => Err(Refusal::Revoked),
            Ok((None, _)) => Err(Refusal::UnknownUser),
            Err(StoreFailed) => Err(Refusal::Invalid),
        }
    }
}
