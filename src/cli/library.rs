//! `goldwire check` for a caller that is no shell: what the room `session` is made of. What it asks for goes through the
//! same arguments, so that an option means here what it means there.

use super::args::{Cli, Command};
use super::check;
use super::error::CliError;
use super::exit::Exit;
use super::reports::harmless;
use crate::finding::{Cell, Outcome};
use crate::runner::{self, CheckRun, Config};
use anstream::{AutoStream, ColorChoice};
use clap::Parser as _;
use tokio::sync::watch;

/// What became of it.
pub(crate) enum Answer {
    /// Runs were judged, or it is known of each why not.
    Judged {
        /// What the command would have ended with.
        exit: Exit,
        /// What was found.
        outcome: Outcome,
        /// What probes answered, where some were asked.
        cells: Vec<Cell>,
        /// What the command would have printed, without colour.
        text: String,
    },
    /// It did not come to that.
    Stopped {
        /// What the command would have ended with.
        exit: Exit,
        /// Why, as a fragment.
        message: String,
        /// A way out.
        hint: Option<String>,
    },
}

/// Runs `goldwire check` with these arguments, of which each is one word.
pub(crate) async fn check(words: Vec<String>) -> Answer {
    let mut text = AutoStream::new(Vec::new(), ColorChoice::Never);
    // It is a future of some size, and tests run many.
    match Box::pin(checked(words, &mut harmless(&mut text))).await {
        Ok((exit, CheckRun { outcome, cells, .. })) => {
            let text = String::from_utf8_lossy(&text.into_inner()).into_owned();
            Answer::Judged { exit, outcome, cells, text }
        }
        Err(CliError { exit, message, hint }) => Answer::Stopped { exit, message, hint },
    }
}

async fn checked(words: Vec<String>, out: &mut impl std::io::Write) -> Result<(Exit, CheckRun), CliError> {
    let words = ["goldwire".to_owned(), "check".to_owned()].into_iter().chain(words);
    let typed = Cli::try_parse_from(words).map_err(|error| {
        CliError::usage(error.render().to_string().trim_start_matches("error: ").trim_end().to_owned())
    })?;
    let Command::Check(args) = typed.command else {
        return Err(CliError::usage("these are not the arguments of `goldwire check`"));
    };
    let config = Config::read(&typed.config)?;
    // Ctrl-C is the test program's own business: nobody here takes it away from it.
    let (_never, interrupt) = watch::channel(false);
    check::judged(&config, &args, interrupt, out).await
}

/// Runs the future to its end on a runtime of its own.
///
/// # Errors
/// When there can be none; the reason, as a fragment.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    Ok(runner::runtime().map_err(|error| error.cause)?.block_on(future))
}
