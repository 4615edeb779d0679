//! What was typed.

use super::reports::ReportArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use goldwire_core::dialect::Label;
use goldwire_core::finding::Shard;
use goldwire_core::golden::TimeMode;
use goldwire_core::transcript::Gap;
use goldwire_runner::recording::Flush;
use goldwire_runner::server::parse_size;
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
    /// Write a commented goldwire.toml, with what the server says when it is asked
    Init(InitArgs),
    /// Talk to a live server, by hand or by a client script, and record what really happens
    Record(RecordArgs),
    /// Record whatever real client or browser connects through it
    Proxy(ProxyArgs),
    /// Propose a golden from the recordings of a session
    Learn(LearnArgs),
    /// Show what proposals change; at a terminal, decide about them
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
    /// Make recordings of what DevTools, Playwright, mitmproxy or any program that writes JSON Lines captured
    Import(ImportArgs),
    /// Write recordings as HAR, for DevTools and other readers
    Export(ExportArgs),
    /// Look for secrets in what was written down; exit 1 when there are any
    Scan(ScanArgs),
    /// Drive two releases in turn, run by run, and show what the candidate does differently, with confidence
    Compare(CompareArgs),
    /// Ask what one session cannot show: auth, isolation, race, reconnect, liveness
    Probe(ProbeArgs),
    /// Make one result of the reports of a check's shards
    Merge(MergeArgs),
    /// Measure how long things take on this host; show or forget what is known of hosts
    Hosts(HostsArgs),
    /// Print the JSON Schema of a file that goldwire reads or writes
    Schema(SchemaArgs),
    /// Print what a shell needs to complete goldwire's commands and options
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
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
#[command(
    after_help = "With a URL the server is connected to once and listened to; nothing is sent. What is found stands in the \
file, and the first recording in recordings/. A server that does not answer, or wants a login, is said, and exits with 3; the \
file is written all the same. A file that is there is never overwritten."
)]
pub(super) struct InitArgs {
    /// The server's WebSocket URL
    pub(super) url: Option<String>,
    /// How long to listen to the server
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "3s")]
    pub(super) listen: Gap,
    /// Log in here first, with --user and --secret password: the usual forms are tried, and the one that works is written
    #[arg(long, value_name = "URL", requires = "user", requires = "secrets")]
    pub(super) login: Option<String>,
    /// Who logs in
    #[arg(long, value_name = "NAME", requires = "login")]
    pub(super) user: Option<String>,
    /// Send this header with the upgrade, e.g. -H 'Origin: http://localhost'; it is not written into the file
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Believe any certificate
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// The password of --login, as password=VALUE, or password with the value in the environment
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire record`
#[derive(Debug, Args)]
#[command(
    after_help = "By hand: each line of stdin is a message, and what passes is shown as it passes, `>` sent and \
`<` received.\n  /ping [TEXT]    /binary BASE64    /close [CODE]    //… sends a message that begins with /\n\
At the end of stdin the session stays open until nothing came for 2 s, or until --until, --duration or --idle-timeout \
say so."
)]
pub(super) struct RecordArgs {
    /// The session's name: recordings go to recordings/SESSION/
    pub(super) session: String,
    /// The server's WebSocket URL, instead of the configured target's; - means --stdin
    pub(super) url: Option<String>,
    /// The client's half: a golden or a script, which is a golden that need not know everything
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Talk by hand though there is a golden; without a golden and a script it is so anyway
    #[arg(long, conflicts_with = "script")]
    pub(super) stdin: bool,
    /// How often each user does it
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// How many users do it at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// When it ends, and how it is kept.
    #[command(flatten)]
    pub(super) keep: KeepArgs,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// When a recorded session ends, and how it is kept.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct KeepArgs {
    /// Close the session after so long, e.g. 30s
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) duration: Option<Gap>,
    /// Close the session when this event has come: a name as goldwire show prints it, >NAME for one of the client's
    #[arg(long, value_name = "EVENT", value_parser = event)]
    pub(super) until: Option<Label>,
    /// Close the session when no message has passed for so long
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) idle_timeout: Option<Gap>,
    /// Cut the session off at a message that is longer, e.g. 1MiB [default: the target's, 64 MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_message: Option<usize>,
    /// Cut the session off after so long
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) max_duration: Option<Gap>,
    /// Cut the session off when the server sends more messages than this in one second
    #[arg(long, value_name = "N")]
    pub(super) max_rate: Option<u32>,
    /// How soon frames are written: a time, or "every frame" [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = flush)]
    pub(super) flush: Option<Flush>,
    /// Compress finished recordings: .jsonl.zst, read like any other
    #[arg(long)]
    pub(super) zstd: bool,
}

fn time(text: &str) -> Result<Gap, &'static str> {
    Gap::parse(text).ok_or("a time is a number with a unit: 250ms, 30s, 5min, 1h")
}

fn size(text: &str) -> Result<usize, &'static str> {
    parse_size(text).filter(|size| *size > 0).ok_or("a size is a number of bytes, or e.g. 512KiB, 1MiB")
}

fn flush(text: &str) -> Result<Flush, &'static str> {
    Flush::parse(text).ok_or("write a time such as 100ms, or \"every frame\"")
}

fn shard(text: &str) -> Result<Shard, &'static str> {
    Shard::parse(text).ok_or("a shard is one of so many, counted from 1: 1/3, 2/3, 3/3")
}

fn time_mode(text: &str) -> Result<TimeMode, &'static str> {
    TimeMode::of(text).ok_or("time is judged by auto, shape, bounds or off")
}

fn event(text: &str) -> Result<Label, &'static str> {
    if text.trim_start_matches('>').is_empty() { Err("an event has a name") } else { Ok(Label::from(text)) }
}

/// `goldwire proxy`
#[derive(Debug, Args)]
pub(super) struct ProxyArgs {
    /// The session's name: recordings go to recordings/SESSION/, one for each WebSocket, or for each client over HTTP
    #[arg(default_value = "proxy")]
    pub(super) session: String,
    /// Likewise
    #[arg(
        id = "session_option",
        long = "session",
        value_name = "SESSION",
        hide = true,
        conflicts_with = "session"
    )]
    pub(super) session_option: Option<String>,
    /// Where clients connect to; port 0 takes a free one
    #[arg(long, short, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub(super) listen: String,
    /// The server: ws:// or wss:// records WebSockets, http:// or https:// records requests and their answers
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// Over HTTP: a session ends when its client sends no request for so long
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    pub(super) idle_timeout: Gap,
    /// Over HTTP: record only requests whose path begins with this; more than one may be given
    #[arg(long = "path", value_name = "PREFIX")]
    pub(super) paths: Vec<String>,
    /// How often COMMAND is run, one after the other
    #[arg(long, value_name = "N", default_value = "1", requires = "command")]
    pub(super) times: u32,
    /// The certificate chain (PEM) for clients that connect with TLS
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Believe the server only what the authorities in this file (PEM) signed
    #[arg(long, value_name = "PEM")]
    pub(super) ca: Option<PathBuf>,
    /// The certificate chain (PEM) for a server that asks its clients for one
    #[arg(long, value_name = "PEM", requires = "client_key")]
    pub(super) client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    pub(super) client_key: Option<PathBuf>,
    /// Believe any certificate of the server
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// The longest message that is recorded, e.g. 1MiB; all are relayed
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) max_message: usize,
    /// How soon frames are written: a time, or "every frame" [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = flush)]
    pub(super) flush: Option<Flush>,
    /// Compress finished recordings: .jsonl.zst, read like any other
    #[arg(long)]
    pub(super) zstd: bool,
    /// A value that must not be written anywhere; with no =VALUE it is taken from the environment
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
    /// Run this client, each run a session of its own; the proxy ends with it. {{url}} is the proxy's URL, and so is the
    /// variable GOLDWIRE_URL
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

/// `goldwire learn`
#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// Which session
    pub(super) session: String,
    /// Learn from these recordings or folders instead of recordings/SESSION/
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) from: Vec<PathBuf>,
    /// Take the client's half and everything a person decided from this script, instead of the accepted golden or the
    /// script by which was recorded
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Accept at once, with this reason; for a first golden
    #[arg(long, value_name = "REASON")]
    pub(super) accept: Option<String>,
}

/// `goldwire review`
#[derive(Debug, Args)]
#[command(
    after_help = "At a terminal it shows one proposal after the other and asks: a accepts, r rejects, s skips, q quits. \
Without one it shows them all; goldwire accept and goldwire reject decide."
)]
pub(super) struct ReviewArgs {
    /// Which sessions; all with a proposal if none is named
    pub(super) sessions: Vec<String>,
    /// The reason for all that is accepted, so that it is not asked for each time
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Only show, though there is a terminal
    #[arg(long)]
    pub(super) no_ask: bool,
}

/// `goldwire accept`
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// Which sessions; all with a proposal if none is named
    pub(super) sessions: Vec<String>,
    /// Why the server may behave like this from now on; kept in the golden
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Accept although something looks like a secret, with the reason why it is none; kept in the golden
    #[arg(long, value_name = "WHY")]
    pub(super) allow_secrets: Option<String>,
}

/// `goldwire import`
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// HAR files; with --map, files of JSON Lines
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The session's name: recordings go to recordings/NAME/; a single file's own name if none is given
    #[arg(long, value_name = "NAME")]
    pub(super) session: Option<String>,
    /// Where in each JSON line what is: time=/ts,dir=/direction,data=/payload,sent=out; also unit=, base64=, op=, code=, reason= and conn=
    #[arg(long, value_name = "KEY=POINTER,…")]
    pub(super) map: Option<String>,
    /// How the session ended, as goldens write it, e.g. 'server 1000'
    #[arg(long, value_name = "ENDING")]
    pub(super) ends: Option<String>,
    /// Whose session it was, e.g. u2
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// The server's WebSocket URL, where the file does not say it
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// A value that must not be written anywhere; with no =VALUE it is taken from the environment
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire export`
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// As HAR 1.2 in DevTools' form; the only form there is
    #[arg(long, required = true)]
    pub(super) har: bool,
    /// Recordings, and folders of recordings
    #[arg(required = true)]
    pub(super) recordings: Vec<PathBuf>,
    /// Where to; stdout if not given
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// `goldwire scan`
#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// Files and folders; recordings/ and golden/ if none is named
    pub(super) paths: Vec<PathBuf>,
    /// A value that must not be there; with no =VALUE it is taken from the environment
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
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

/// What becomes of the profile of this class of hosts.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ProfileArg {
    /// Judge by it, and add what conforms to it.
    Write,
    /// Judge by it.
    Read,
    /// Judge as if there were none.
    None,
}

/// When a check writes proposals and goldens.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum UpdateArg {
    /// Never: a failing check writes nothing.
    No,
    /// A proposal for every session that does not conform, or has no golden yet.
    New,
    /// A golden for sessions that have none, a proposal for the others that do not conform.
    Unseen,
    /// A golden, accepted without anybody reading it.
    Always,
}

/// `goldwire check`
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Which sessions; all goldens if none is named
    pub(super) sessions: Vec<String>,
    /// Judge these recordings or folders instead of a live server
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) offline: Vec<PathBuf>,
    /// Ask these probes too, with the goldens that are checked: auth, isolation, race, reconnect, liveness; goldens may name
    /// their own
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "offline")]
    pub(super) probe: Vec<String>,
    /// Only the I-th of N parts of the sessions, for jobs that share them; `goldwire merge` makes one result of their reports
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// How many users at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// How many rounds, judged together
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// How many rounds must show something doubtful, or late, before it fails; 2 more where they leave it open
    #[arg(long, default_value_t = 3, value_name = "K")]
    pub(super) confirm: u32,
    /// How to judge time: auto, shape, bounds or off [default: the golden's, the configuration's, auto]
    #[arg(long, value_name = "HOW", value_parser = time_mode)]
    pub(super) time: Option<TimeMode>,
    /// Judge time by the golden's bounds alone; exit 3 on a host that the golden does not know
    #[arg(long, conflicts_with = "time")]
    pub(super) strict_time: bool,
    /// What to do with this host's profile [default: write at a terminal, read elsewhere and where CI is set]
    #[arg(long, value_name = "USE")]
    pub(super) profile: Option<ProfileArg>,
    /// Also list which signs of a live server were seen
    #[arg(long, short = 'v')]
    pub(super) verbose: bool,
    /// Fail on drift, too
    #[arg(long)]
    pub(super) strict: bool,
    /// Learn from what does not conform: no, new (a proposal), unseen (a golden where there is none), always (a golden)
    /// [default: GOLDWIRE_UPDATE, but no where CI is set; alone: new]
    #[arg(
        long,
        short = 'u',
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "new",
        hide_possible_values = true
    )]
    pub(super) update: Option<UpdateArg>,
    /// Why what --update accepts is right; kept in the golden
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// What is written for other tools.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire hosts`
#[derive(Debug, Args)]
pub(super) struct HostsArgs {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: HostsCommand,
}

/// What `goldwire hosts` can do.
#[derive(Debug, Subcommand)]
pub(super) enum HostsCommand {
    /// Drive goldens against a build that is known to be good, and measure its gaps on this host
    Learn(HostsLearnArgs),
    /// Show the class of this host and what is known of each class
    Show(HostsShowArgs),
    /// Remove what is known of a class
    Forget(HostsForgetArgs),
}

/// `goldwire hosts learn`
#[derive(Debug, Args)]
#[command(
    after_help = "A check needs 10 runs of a session to judge by this host's own numbers. What is measured goes to \
target/goldwire/hosts/CLASS.toml; with --commit to golden/hosts/CLASS.toml, which goes before it."
)]
pub(super) struct HostsLearnArgs {
    /// Which sessions; all goldens if none is named
    pub(super) sessions: Vec<String>,
    /// How often each user plays the session [default: until there are 20 runs]
    #[arg(long, value_name = "N")]
    pub(super) runs: Option<u32>,
    /// How many users at the same time; the number is part of the class
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// Write the profile to golden/hosts/, to be committed
    #[arg(long)]
    pub(super) commit: bool,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire hosts show`
#[derive(Debug, Args)]
pub(super) struct HostsShowArgs {
    /// How many users at the same time
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
}

/// `goldwire hosts forget`
#[derive(Debug, Args)]
pub(super) struct HostsForgetArgs {
    /// Which class, as `goldwire hosts show` prints it
    pub(super) class: String,
}

/// `goldwire schema`
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which file
    pub(super) document: Document,
}

/// A file of which there is a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Document {
    /// golden/SESSION.toml
    Golden,
    /// goldwire.toml
    Config,
    /// What --report-json writes
    Report,
    /// A line of recordings/SESSION/*.jsonl
    Recording,
}

/// `goldwire completions`
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    pub(super) shell: clap_complete::Shell,
}

/// `goldwire merge`
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// What `goldwire check --shard I/N --report-json FILE` wrote, of all shards
    #[arg(required = true, value_name = "SHARD")]
    pub(super) reports: Vec<PathBuf>,
    /// Fail on drift, too, as a shard with --strict does anyway
    #[arg(long)]
    pub(super) strict: bool,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// What is written for other tools.
    #[command(flatten)]
    pub(super) write: ReportArgs,
}

/// `goldwire show`
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The recording
    pub(super) recording: PathBuf,
    /// Write it as a page to look at, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
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

/// `goldwire compare`
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Which sessions; all goldens if none is named
    pub(super) sessions: Vec<String>,
    /// The release that is known: its WebSocket URL, or a [target.NAME] of the configuration
    #[arg(long, value_name = "URL")]
    pub(super) baseline: String,
    /// The release that is to take its place: its URL, or a target
    #[arg(long, value_name = "URL")]
    pub(super) candidate: String,
    /// How often the releases are run one after the other
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub(super) pairs: usize,
    /// How many users at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// How often equal releases may seem to differ in time: over all gaps, for slower and for faster each
    #[arg(long, default_value_t = 0.001, value_name = "P")]
    pub(super) alpha: f64,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// What is written for other tools.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// How both are reached.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire probe`
#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// Which probes: auth, isolation, race, reconnect, liveness; all if none is named
    pub(super) probes: Vec<String>,
    /// With which session's golden; all goldens if none is named, and the first of them for auth
    #[arg(long, short, value_name = "SESSION")]
    pub(super) session: Vec<String>,
    /// How many users at the same time, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// How often each question about concurrency is asked
    #[arg(long, value_name = "N")]
    pub(super) rounds: Option<u32>,
    /// How many sessions one after the other, to see whether they become slower
    #[arg(long, value_name = "N")]
    pub(super) soak: Option<u32>,
    /// At how many different messages sessions are cut at most, to see whether the next one is whole
    #[arg(long, value_name = "N")]
    pub(super) cuts: Option<usize>,
    /// How the result is printed
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// What is written for other tools.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// Where it goes.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}
