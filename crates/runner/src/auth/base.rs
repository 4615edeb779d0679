//! The shared state of all logins against a target.

use super::trust::{Trust, TrustError, http_client, is_loopback};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The shared state of all logins against a target. It is created once, because it holds the HTTP connections.
#[derive(Debug, Clone)]
pub struct Base {
    pub(super) http: Option<String>,
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) clients: Arc<Clients>,
    /// Whose turn it is where users are made one after the other.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
}

impl Base {
    /// For a target with the HTTP base URL `http`, e.g. `http://127.0.0.1:8000`, which becomes `{{http}}`.
    /// `variables` are further values for templates.
    ///
    /// # Errors
    /// If the file of certificate authorities cannot be read.
    pub fn new(
        http: Option<&str>,
        variables: BTreeMap<String, Value>,
        trust: &Trust,
    ) -> Result<Base, TrustError> {
        if trust.ca.is_some() {
            // An error in the configuration is reported before anything begins.
            trust.client_config()?;
        }
        Ok(Base {
            http: http.map(|url| url.trim_end_matches('/').to_owned()),
            variables,
            clients: Arc::new(Clients { trust: trust.clone(), ..Clients::default() }),
            turn: Arc::default(),
        })
    }
}

/// HTTP clients, each made when it is first needed: to read the platform's authorities takes longer than all else that a
/// session without a login does before its first frame.
#[derive(Debug, Default)]
pub(super) struct Clients {
    trust: Trust,
    direct: OnceLock<reqwest::Client>,
    proxied: OnceLock<reqwest::Client>,
}

impl Clients {
    /// The one for this URL: past the environment's proxy where that could only mislead.
    pub(super) fn of(&self, url: &reqwest::Url) -> Result<&reqwest::Client, TrustError> {
        let is_proxied = !is_loopback(url);
        let client = if is_proxied { &self.proxied } else { &self.direct };
        match client.get() {
            Some(client) => Ok(client),
            None => {
                let made = http_client(&self.trust, is_proxied)?;
                Ok(client.get_or_init(|| made))
            }
        }
    }
}
