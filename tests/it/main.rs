//! One test binary. Nothing here fakes a socket, a login or a clock: the example server runs as a process of its own,
//! and what is pure is tested by values.

mod action;
mod api;
mod burst;
mod cargo;
mod cases;
mod committed;
mod diffs;
mod docs;
mod exchange;
mod files;
mod hand;
mod hostile;
mod http;
mod http_proxy;
mod init;
mod laws;
mod layers;
mod long;
mod peers;
mod plants;
mod proxied;
mod proxy;
mod readme;
mod reports;
mod review;
mod rude;
mod schema;
mod secrets;
mod session;
mod stream;
mod support;
mod trouble;
mod values;
