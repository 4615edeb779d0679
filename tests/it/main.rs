//! One test binary. Nothing here fakes a socket, a login or a clock: the example server runs as a process of its own,
//! and what is pure is tested by values.

mod action;
mod burst;
mod cargo;
mod cases;
mod committed;
mod compare;
mod diffs;
mod docs;
mod exchange;
mod files;
mod hand;
mod hostile;
mod hosts;
mod http;
mod init;
mod laws;
mod layers;
mod live;
mod long;
mod plants;
mod probe;
mod proxied;
mod proxy;
mod readme;
mod reports;
mod review;
mod schema;
mod secrets;
mod session;
mod shards;
mod stream;
mod support;
mod trouble;
mod update;
mod values;
