//! What all sessions against one target share. [`SessionContext::drive`] is the driver's.

use crate::auth::{AuthError, Base, Identity, Recipe, clean_up, login};
use crate::recording::Flush;
use crate::server::{Probe, Target};
use goldwire_core::drive::Bounds;
use goldwire_core::transcript::Redactor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The target, how its users log in, and how their sessions are recorded.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// Where the build listens.
    pub target: Target,
    /// How users log in; `None` where nobody has to.
    pub recipe: Option<Recipe>,
    /// What logins need.
    pub base: Base,
    /// Values for templates: the target's (`port`, `http`) and the caller's (`var.NAME`).
    pub values: BTreeMap<String, Value>,
    /// What must not be written.
    pub redactor: Redactor,
    /// What ends a session besides its script.
    pub bounds: Bounds,
    /// How soon recordings are written.
    pub flush: Flush,
    /// Whether the frames are kept in memory too, to be judged; otherwise memory does not grow with the session.
    pub keeps_frames: bool,
    /// Knows how busy this machine is.
    pub host: Arc<Probe>,
    /// Becomes true when somebody wants to stop.
    pub interrupt: watch::Receiver<bool>,
    /// Who is told what went wrong without stopping anything.
    pub warnings: Warnings,
}

/// Somebody who is told what went wrong without stopping anything.
#[derive(Clone)]
pub struct Warnings(Arc<dyn Fn(String) + Send + Sync>);

impl Warnings {
    /// Calls `warn` with each warning, which is a fragment. Warnings may come from any thread.
    pub fn new(warn: impl Fn(String) + Send + Sync + 'static) -> Warnings {
        Warnings(Arc::new(warn))
    }

    /// Gives a warning.
    pub fn warn(&self, message: String) {
        (self.0)(message);
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warnings")
    }
}

impl SessionContext {
    /// Whether somebody wants to stop.
    pub fn is_interrupted(&self) -> bool {
        *self.interrupt.borrow()
    }

    /// Logs user `index` (from 1) in, where the target asks for it.
    ///
    /// # Errors
    /// When a step of the login fails.
    pub async fn login(&self, index: u32) -> Result<Identity, AuthError> {
        match &self.recipe {
            Some(recipe) => login(recipe, &self.base, index, &self.redactor).await,
            None => Ok(Identity::anonymous(index)),
        }
    }

    /// Takes away what was made for a user's sessions, as `[auth] cleanup` says. Sessions that are over stay valid whether it
    /// succeeds or not, so a failure is only a warning.
    pub async fn clean_up(&self, identity: &Identity) {
        if let Some(recipe) = &self.recipe
            && let Err(error) = clean_up(recipe, &self.base, identity, &self.redactor).await
        {
            self.warnings.warn(error.to_string());
        }
    }
}
