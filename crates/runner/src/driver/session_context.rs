//! The shared context of all sessions against one target. [`SessionContext::drive`] is in the driver.

use crate::auth::{AuthError, Base, Identity, Recipe, clean_up, login};
use crate::recording::Flush;
use crate::server::{HostMonitor, Target};
use goldwire_core::drive::Bounds;
use goldwire_core::transcript::Redactor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The target, the login of its users, and the recording of their sessions.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The address of the build.
    pub target: Target,
    /// The login of users; `None` without a login.
    pub recipe: Option<Recipe>,
    /// The shared state of logins.
    pub base: Base,
    /// Values for templates: the target's (`port`, `http`) and the caller's (`var.NAME`).
    pub values: BTreeMap<String, Value>,
    /// The redactor.
    pub redactor: Redactor,
    /// The conditions that end a session besides its script.
    pub bounds: Bounds,
    /// The flush time of recordings.
    pub flush: Flush,
    /// Whether frames are also kept in memory, for judging; otherwise memory does not grow with the session.
    pub keeps_frames: bool,
    /// The load monitor of this machine.
    pub host: Arc<HostMonitor>,
    /// Becomes true on an interrupt.
    pub interrupt: watch::Receiver<bool>,
    /// The receiver of warnings.
    pub warnings: Warnings,
}

/// A callback for warnings.
#[derive(Clone)]
pub struct Warnings(Arc<dyn Fn(String) + Send + Sync>);

impl Warnings {
    /// Calls `warn` with each warning, a fragment. Warnings may come from any thread.
    pub fn new(warn: impl Fn(String) + Send + Sync + 'static) -> Warnings {
        Warnings(Arc::new(warn))
    }

    /// Reports a warning.
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
    /// Whether the session is interrupted.
    pub fn is_interrupted(&self) -> bool {
        *self.interrupt.borrow()
    }

    /// Logs user `index` (from 1) in, if the target has a login.
    ///
    /// # Errors
    /// If a step of the login fails.
    pub async fn login(&self, index: u32) -> Result<Identity, AuthError> {
        match &self.recipe {
            Some(recipe) => login(recipe, &self.base, index, &self.redactor).await,
            None => Ok(Identity::anonymous(index)),
        }
    }

    /// Sends `[auth] cleanup` for a user's sessions. The results of finished sessions stay valid, so a failure is
    /// only a warning.
    pub async fn clean_up(&self, identity: &Identity) {
        if let Some(recipe) = &self.recipe
            && let Err(error) = clean_up(recipe, &self.base, identity, &self.redactor).await
        {
            self.warnings.warn(error.to_string());
        }
    }
}
