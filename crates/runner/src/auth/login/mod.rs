//! Carries a [`Recipe`] out: against the live server, with the real key, or with a token that exists already.

mod attempt;
mod quote;
mod request;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod user;

pub use user::{clean_up, login, logout, refresh, signing_key};
