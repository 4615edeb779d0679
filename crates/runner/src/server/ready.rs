//! Polls a server until it is ready: over HTTP, by opening a WebSocket, or by connecting to its port.

use crate::auth::{RequestParts, Trust, TrustError, http_client, is_loopback};
use crate::connection::{ConnectError, ConnectOptions, connect};
use goldwire_core::transcript::Gap;
use std::time::Duration;

/// The schemes of a ready check.
pub(super) const SCHEMES: [&str; 5] = ["http", "https", "ws", "wss", "tcp"];

/// A question that can be asked again and again.
#[derive(Debug)]
pub(super) enum Ready {
    Http { client: reqwest::Client, url: reqwest::Url },
    WebSocket { url: String, trust: Trust },
    Tcp { address: String },
}

impl Ready {
    /// For a URL with every place filled.
    pub(super) fn at(url: &str, trust: &Trust) -> Result<Ready, ReadyError> {
        if let Some(address) = url.strip_prefix("tcp://") {
            return Ok(Ready::Tcp { address: address.trim_end_matches('/').to_owned() });
        }
        let parsed = reqwest::Url::parse(url).map_err(|error| ReadyError::Url(error.to_string()))?;
        match parsed.scheme() {
            "http" | "https" => {
                let client = http_client(trust, !is_loopback(&parsed))?;
                Ok(Ready::Http { client, url: parsed })
            }
            _ => Ok(Ready::WebSocket { url: url.to_owned(), trust: trust.clone() }),
        }
    }

    /// Whether it is ready; what was seen instead when it is not.
    pub(super) async fn ask(&self, limit: Duration) -> Result<(), String> {
        let slow = || format!("no answer within {}", Gap::from(limit));
        match self {
            Ready::Http { client, url } => {
                let answer = client.get(url.clone()).timeout(limit).send().await.map_err(|error| {
                    if error.is_timeout() {
                        slow()
                    } else if error.is_connect() {
                        "cannot connect".to_owned()
                    } else {
                        error.without_url().to_string()
                    }
                })?;
                let status = answer.status();
                if status.is_success() { Ok(()) } else { Err(format!("HTTP {}", status.as_u16())) }
            }
            Ready::WebSocket { url, trust } => {
                let request = RequestParts { url: url.clone(), ..RequestParts::default() };
                let timeout = Gap::from(limit);
                let options =
                    ConnectOptions { request, trust: trust.clone(), timeout, ..ConnectOptions::new("") };
                match Box::pin(connect(&options)).await {
                    Ok((mut connection, _)) => {
                        // Whether the goodbye arrives does not matter any more.
                        let _ = connection.sender.close(1000, "").await;
                        Ok(())
                    }
                    // A server that checks a login can answer.
                    Err(ConnectError::Refused { status: 401 | 403, .. }) => Ok(()),
                    Err(error) => Err(error.to_string()),
                }
            }
            Ready::Tcp { address } => {
                match tokio::time::timeout(limit, tokio::net::TcpStream::connect(address)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(slow()),
                }
            }
        }
    }
}

/// Why a question cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadyError {
    #[error("not a URL: {0}")]
    Url(String),
    #[error(transparent)]
    Trust(#[from] TrustError),
}
