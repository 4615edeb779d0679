//! Cargo, as a test starts it.

use std::process::Command;

/// Cargo, told nothing but what it was told when it started the test: some build scripts are run again when what cargo
/// says to a test changes, and with them everything that stands on them is built again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let said_to_tests = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(said_to_tests)) {
        cargo.env_remove(name);
    }
    cargo
}
