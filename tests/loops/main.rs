//! Whole loops against the example server: record, learn, accept, check, compare, update, each command a process of its
//! own. They take longer than all other tests together, so `cargo test` leaves them out: `cargo test --test loops`.

#[path = "../it/cargo.rs"]
mod cargo;
mod compare;
mod hosts;
mod live;
mod shards;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;
mod update;
