//! The auth probe: checks that the server refuses every bad token and accepts good ones.

mod ask;
mod case;
mod claims;
mod expiry;
mod forged;
mod judge;
#[cfg(test)]
mod tests;

pub(super) use ask::ask;

use goldwire_core::finding::ProbeName;

const AUTH: ProbeName = ProbeName::Auth;
