//! One test binary. Nothing here fakes a socket, a login or a clock: the example server runs as a process of its own,
//! and what is pure is tested by values.

mod cases;
mod committed;
mod diffs;
mod files;
mod laws;
mod layers;
mod live;
mod readme;
mod stream;
mod support;
mod trouble;
