//! Executes a [`Recipe`](super::Recipe): a login at the live server, a token signed with the real key, or an existing token.

mod attempt;
mod quote;
mod request;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod user;

pub use user::{clean_up, login, logout, refresh, signing_key};
