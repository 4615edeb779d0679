//! What was typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Records what a live WebSocket server really did, learns what it must do, and shows when a new build does something
/// else.
#[derive(Debug, Parser)]
#[command(name = "goldwire", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 conforms · 1 deviates · 2 bad usage or unreadable file · 3 could not judge · \
4 nothing selected · 5 only unaccepted proposals · 70 our own fault · 130 interrupted"
)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// The configuration file; the project is the folder it stands in
    #[arg(long, global = true, default_value = "goldwire.toml", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// When to use colour
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(super) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Color {
    /// When the output is a terminal and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented goldwire.toml and the folders
    Init(InitArgs),
    /// Drive a client script against a live server and record what really happens
    Record(RecordArgs),
    /// Propose a golden from the recordings of a session
    Learn(LearnArgs),
    /// Show what a proposal changes
    Review(ReviewArgs),
    /// List the sessions that have a proposal
    Pending,
    /// Make a proposal the golden
    Accept(AcceptArgs),
    /// Throw a proposal away
    Reject(RejectArgs),
    /// Drive goldens against a live build, record, and judge
    #[command(alias = "test")]
    Check(CheckArgs),
    /// Show a recording as a timeline
    Show(ShowArgs),
    /// Show what changed between two recordings, two folders of recordings, or two goldens
    Diff(DiffArgs),
}

/// Where to connect to.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct TargetArgs {
    /// Which [target.NAME] of the configuration
    #[arg(long, short, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Connect here instead of to the target's URL; its server is then not started
    #[arg(id = "target_url", long = "url", value_name = "URL")]
    pub(super) url: Option<String>,
    /// Send this header with the upgrade, e.g. -H 'Origin: http://localhost'
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Believe any certificate
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// A value for {{var.NAME}} in templates
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,
    /// A value for {{var.NAME}} that must not be written anywhere; with no =VALUE it is taken from the environment
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire init`
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The server's WebSocket URL
    pub(super) url: Option<String>,
}

/// `goldwire record`
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// The session's name: recordings go to recordings/SESSION/
    pub(super) session: String,
    /// The server's WebSocket URL, instead of the configured target's
    pub(super) url: Option<String>,
    /// The client's half: a golden or a script, which is a golden that need not know everything
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// How often each user does it
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// How many users do it at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire learn`
#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// Which session
    pub(super) session: String,
    /// Learn from these recordings or folders instead of recordings/SESSION/
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) from: Vec<PathBuf>,
    /// Take the client's half and everything a person decided from this script instead of the accepted golden
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Accept at once, with this reason; for a first golden
    #[arg(long, value_name = "REASON")]
    pub(super) accept: Option<String>,
}

/// `goldwire review`
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    /// Which sessions; all with a proposal if none is named
    pub(super) sessions: Vec<String>,
}

/// `goldwire accept`
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// Which sessions; all with a proposal if none is named
    pub(super) sessions: Vec<String>,
    /// Why the server may behave like this from now on; kept in the golden
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

/// `goldwire reject`
#[derive(Debug, Args)]
pub(super) struct RejectArgs {
    /// Which sessions
    #[arg(required = true)]
    pub(super) sessions: Vec<String>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// For a person.
    Text,
    /// For a machine.
    Json,
}

/// `goldwire check`
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Which sessions; all goldens if none is named
    pub(super) sessions: Vec<String>,
    /// Judge these recordings or folders instead of a live server
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) offline: Vec<PathBuf>,
    /// How many users at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// How many rounds, judged together
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// How many rounds must show something doubtful, or late, before it fails
    #[arg(long, default_value_t = 3, value_name = "K")]
    pub(super) confirm: u32,
    /// Fail on drift, too
    #[arg(long)]
    pub(super) strict: bool,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// Write the runs and their findings as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report_json: Option<PathBuf>,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire show`
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The recording
    pub(super) recording: PathBuf,
}

/// `goldwire diff`
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The older recording, folder of recordings, or golden
    pub(super) old: PathBuf,
    /// The newer one
    pub(super) new: PathBuf,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}
