//! Is everybody refused who should be, and nobody else?

mod ask;
mod claims;
mod door;
mod expiry;
mod forged;
mod judge;
#[cfg(test)]
mod tests;

pub(super) use ask::ask;

use goldwire_core::finding::ProbeName;

const AUTH: ProbeName = ProbeName::Auth;
