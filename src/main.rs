//! The `goldwire` command. Everything is in the library; see `goldwire::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    goldwire::cli::run()
}
