//! A proxy that records: whatever client or browser connects through it, the server behind it is the real one.
//!
//! ```text
//! client ⇄ (TLS) ⇄ relay ⇄ (TLS) ⇄ server        bytes as they came, passed on first
//!                    └→ tape → decoder (inflate) → Recorder → recordings/SESSION/
//! ```
//!
//! A request for a WebSocket is passed on with another `Host` (and `Origin`, where that was the proxy's own), and
//! without offers of extensions that nobody here can read; the answer as it is. From then on bytes are relayed and never
//! changed: close codes, pings, fragments, compression. Every other request is relayed by itself, unrecorded, so that
//! the page and its login work as well. Each connection has one task, one recording and one redactor.
//!
//! In front of an `http://` server, the requests and their responses are recorded: `exchange` relays and records one of them,
//! `http_sessions` decides which belong to one session. A WebSocket is then relayed and not recorded.

mod credentials;
mod decoder;
mod deflate;
mod exchange;
mod head;
mod http_sessions;
mod listener;
mod options;
mod plain;
mod relay;
mod request;
mod serve;
mod shared;
mod tape;
mod upgrade;

pub use http_sessions::ProxySessions;
pub use listener::Proxy;
pub use options::{Notice, ProxyError, ProxyOptions, Recorded};
