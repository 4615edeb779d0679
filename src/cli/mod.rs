//! The command line: arguments, subcommands, exit codes and error messages.
//!
//! Results go to stdout, messages to stderr. Arguments (`args`) and the options of the runner (`options`) are separate types.
//! Each subcommand is one file. Nothing here decides whether a run deviates.

mod about;
mod args;
mod check;
mod compare;
mod diff;
mod error;
mod exchange;
mod exit;
mod hosts;
mod html;
mod init;
mod interactive;
mod interrupt;
mod life;
mod merge;
mod options;
mod probe;
mod progress;
mod proxy;
mod record;
mod reports;
mod review;
mod scan;
mod show;

use exit::Exit;

use anstream::{AutoStream, ColorChoice};
use args::{Cli, Color, Command};
use clap::Parser as _;
use error::CliError;
use goldwire_runner::runner::{Config, recording_runtime, runtime};
use reports::Patient;
use std::io::Write;
use std::process::ExitCode;

/// Handles SIGXFSZ, so that a file size limit (`ulimit -f`) is an error like a full disk and does not kill the process.
fn survive_full_files() {
    #[cfg(unix)]
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        let _inside = runtime.enter();
        let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        // The handler stays for the life of the process. If it cannot be installed, the signal kills the process.
        let _ = tokio::signal::unix::signal(kind);
    }
}

/// Parses the arguments and runs the command.
pub(crate) fn run() -> ExitCode {
    survive_full_files();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version succeed; everything else is bad usage.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Conforms };
            let _ = error.print();
            return exit.into();
        }
    };
    let choice = match cli.color {
        Color::Auto => AutoStream::choice(&std::io::stdout()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let mut out = Patient::new(reports::harmless(AutoStream::new(std::io::stdout().lock(), choice)));
    let exit = match dispatch(cli, choice, &mut out) {
        Ok(exit) => exit,
        Err(error) => {
            reports::say(&error);
            error.exit
        }
    };
    // The writer stores its errors.
    let _ = out.flush();
    match out.failure() {
        Some(error) => {
            reports::say(&format_args!("error: failed to write to stdout: {error}"));
            // The verdict stands, but a success without its output is a failure.
            if exit == Exit::Conforms { Exit::Usage.into() } else { exit.into() }
        }
        None => exit.into(),
    }
}

fn dispatch(cli: Cli, color: ColorChoice, out: &mut impl Write) -> Result<Exit, CliError> {
    match &cli.command {
        Command::Init(args) => return runtime()?.block_on(init::run(&cli.config, args, out)),
        // These commands work without a valid configuration.
        Command::Schema(args) => return about::schema(args, out),
        Command::Completions(args) => return about::completions(args, out),
        Command::Man => return about::man(out),
        _ => {}
    }
    let config = Config::read(&cli.config)?;
    match cli.command {
        Command::Init(_) | Command::Schema(_) | Command::Completions(_) | Command::Man => Ok(Exit::Conforms),
        Command::Record(args) => recording_runtime()?.block_on(record::run(&config, args, color)),
        Command::Proxy(args) => runtime()?.block_on(proxy::run(&config, args, out)),
        Command::Learn(args) => life::learn(&config, &args, out),
        Command::Review(args) => review::run(&config, &args, out),
        Command::Pending => life::pending(&config, out),
        Command::Accept(args) => life::accept(&config, &args, out),
        Command::Reject(args) => life::reject(&config, &args, out),
        Command::Check(args) => runtime()?.block_on(check::run(&config, args, out)),
        Command::Hosts(args) => hosts::run(&config, args, out),
        Command::Merge(args) => merge::run(&config, &args, out),
        Command::Show(args) => show::run(&config, &args, out),
        Command::Diff(args) => diff::run(&args, out),
        Command::Probe(args) => runtime()?.block_on(probe::run(&config, args, out)),
        Command::Import(args) => exchange::import(&config, &args, out),
        Command::Export(args) => exchange::export(&args, out),
        Command::Scan(args) => scan::run(&config, &args, out),
        Command::Compare(args) => runtime()?.block_on(compare::run(&config, args, out)),
    }
}
