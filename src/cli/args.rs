//! The arguments of the command line, as clap parses them.

use super::reports::ReportArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use goldwire_core::dialect::Label;
use goldwire_core::finding::Shard;
use goldwire_core::golden::TimeMode;
use goldwire_core::transcript::Gap;
use goldwire_runner::recording::Flush;
use goldwire_runner::server::parse_size;
use std::path::PathBuf;

/// Records sessions of a live WebSocket server, learns how the server must behave, and reports when a new build behaves
/// differently.
#[derive(Debug, Parser)]
#[command(name = "goldwire", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 conforms · 1 deviates · 2 bad usage or unreadable file · 3 could not judge · \
4 nothing selected · 5 only unaccepted proposals · 70 error in goldwire · 130 interrupted"
)]
pub(super) struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub(super) command: Command,
    /// The configuration file; its folder is the project
    #[arg(long, global = true, default_value = "goldwire.toml", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// When to use colour
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(super) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Color {
    /// If the output is a terminal and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented goldwire.toml, from a connection to the server
    Init(InitArgs),
    /// Record sessions with a live server, from a client script or by hand
    Record(RecordArgs),
    /// Record the client or browser that connects through a proxy
    Proxy(ProxyArgs),
    /// Propose a golden from the recordings of a session
    Learn(LearnArgs),
    /// Show the changes of proposals; at a terminal, accept or reject them
    Review(ReviewArgs),
    /// List the sessions that have a proposal
    Pending,
    /// Accept proposals as goldens
    Accept(AcceptArgs),
    /// Delete proposals
    Reject(RejectArgs),
    /// Play goldens against a live build and judge the result
    #[command(alias = "test")]
    Check(CheckArgs),
    /// Show a recording as a timeline
    Show(ShowArgs),
    /// Show the changes between two recordings, two folders of recordings, or two goldens
    Diff(DiffArgs),
    /// Convert captures of DevTools, Playwright, mitmproxy, or JSON Lines into recordings
    Import(ImportArgs),
    /// Convert recordings into HAR, for DevTools and other tools
    Export(ExportArgs),
    /// Search files for secrets; exit with 1 if there are any
    Scan(ScanArgs),
    /// Play sessions against two releases alternately, and show the significant differences
    Compare(CompareArgs),
    /// Test auth, isolation, race, reconnect and liveness of a live server
    Probe(ProbeArgs),
    /// Merge the JSON reports of a check's shards into one result
    Merge(MergeArgs),
    /// Measure the timing of this host; show or remove host profiles
    Hosts(HostsArgs),
    /// Print the JSON Schema of a file that goldwire reads or writes
    Schema(SchemaArgs),
    /// Print a shell completion script
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// The target of a connection.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct TargetArgs {
    /// The [target.NAME] of the configuration
    #[arg(long, short, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Connect to this URL instead of the target's; the target's server is then not started
    #[arg(id = "target_url", long = "url", value_name = "URL")]
    pub(super) url: Option<String>,
    /// Send this header with the upgrade request, e.g. -H 'Origin: http://localhost'
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Accept any server certificate
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// The value of {{var.NAME}} in templates
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,
    /// The value of {{var.NAME}}, redacted everywhere; without =VALUE, the environment variable NAME
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire init`
#[derive(Debug, Args)]
#[command(
    after_help = "With a URL, init connects once and listens; it sends nothing. It writes its findings into the file, and the first \
recording into recordings/. If the server does not answer or requires a login, init says so and exits with 3, and still writes \
the file. It never overwrites an existing file."
)]
pub(super) struct InitArgs {
    /// The server's WebSocket URL
    pub(super) url: Option<String>,
    /// The time to listen to the server
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "3s")]
    pub(super) listen: Gap,
    /// Log in at this URL first, with --user and --secret password; init tries the usual requests and writes the successful one
    #[arg(long, value_name = "URL", requires = "user", requires = "secrets")]
    pub(super) login: Option<String>,
    /// The user's name for --login
    #[arg(long, value_name = "NAME", requires = "login")]
    pub(super) user: Option<String>,
    /// Send this header with the upgrade request, e.g. -H 'Origin: http://localhost'; it is not written into the file
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Accept any server certificate
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// The password for --login: password=VALUE, or password for the environment variable of that name
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire record`
#[derive(Debug, Args)]
#[command(after_help = "By hand: each line of stdin is a message, and all frames are printed, `>` sent and \
`<` received.\n  /ping [TEXT]    /binary BASE64    /close [CODE]    //… sends a message that begins with /\n\
After the end of stdin, the session is closed when nothing has come for 2 s, or by --until, --duration or \
--idle-timeout.")]
pub(super) struct RecordArgs {
    /// The session's name: recordings go to recordings/SESSION/
    pub(super) session: String,
    /// The server's WebSocket URL, instead of the target's; - means --stdin
    pub(super) url: Option<String>,
    /// The client's side of the session: a script (a golden with fewer details) or a golden
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Record by hand; the default if there is no golden and no script
    #[arg(long, conflicts_with = "script")]
    pub(super) stdin: bool,
    /// The number of runs of each user
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// The number of concurrent users, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// The end and the storage of the session.
    #[command(flatten)]
    pub(super) keep: KeepArgs,
    /// The target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// The end and the storage of a recorded session.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct KeepArgs {
    /// Close the session after this time, e.g. 30s
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) duration: Option<Gap>,
    /// Close the session when this event has come, by its name in goldwire show; >NAME is a client event
    #[arg(long, value_name = "EVENT", value_parser = event)]
    pub(super) until: Option<Label>,
    /// Close the session when no message has passed for this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) idle_timeout: Option<Gap>,
    /// End the session as incomplete at a longer message, e.g. 1MiB [default: the target's, 64 MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_message: Option<usize>,
    /// End the session as incomplete after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) max_duration: Option<Gap>,
    /// End the session as incomplete if the server sends more messages in one second
    #[arg(long, value_name = "N")]
    pub(super) max_rate: Option<u32>,
    /// The longest time before frames are written, or "every frame" [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = flush)]
    pub(super) flush: Option<Flush>,
    /// Compress finished recordings to .jsonl.zst
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
    Shard::parse(text).ok_or("a shard is I/N, counted from 1: 1/3, 2/3, 3/3")
}

fn time_mode(text: &str) -> Result<TimeMode, &'static str> {
    TimeMode::of(text).ok_or("the mode is auto, shape, bounds or off")
}

fn event(text: &str) -> Result<Label, &'static str> {
    if text.trim_start_matches('>').is_empty() { Err("an event needs a name") } else { Ok(Label::from(text)) }
}

/// `goldwire proxy`
#[derive(Debug, Args)]
pub(super) struct ProxyArgs {
    /// The session's name: recordings go to recordings/SESSION/, one per WebSocket, or per HTTP client
    #[arg(default_value = "proxy")]
    pub(super) session: String,
    /// The same as the argument
    #[arg(
        id = "session_option",
        long = "session",
        value_name = "SESSION",
        hide = true,
        conflicts_with = "session"
    )]
    pub(super) session_option: Option<String>,
    /// The address for clients; port 0 takes a free one
    #[arg(long, short, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub(super) listen: String,
    /// The server: ws:// or wss:// records WebSockets (its path is the default for clients that request /), http:// or
    /// https:// records requests and their responses
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// HTTP: the time without a request after which a session ends
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    pub(super) idle_timeout: Gap,
    /// HTTP: record only requests whose path begins with PREFIX; repeatable
    #[arg(long = "path", value_name = "PREFIX")]
    pub(super) paths: Vec<String>,
    /// The number of runs of COMMAND, one after the other
    #[arg(long, value_name = "N", default_value = "1", requires = "command")]
    pub(super) times: u32,
    /// The certificate chain (PEM) for clients that connect with TLS
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The private key (PEM) of --cert
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Trust only the certificate authorities in this PEM file
    #[arg(long, value_name = "PEM")]
    pub(super) ca: Option<PathBuf>,
    /// The client certificate chain (PEM) for mutual TLS with the server
    #[arg(long, value_name = "PEM", requires = "client_key")]
    pub(super) client_cert: Option<PathBuf>,
    /// The private key (PEM) of --client-cert
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    pub(super) client_key: Option<PathBuf>,
    /// Accept any certificate of the server
    #[arg(long, short = 'k')]
    pub(super) insecure: bool,
    /// The longest recorded message, e.g. 1MiB; all messages are relayed
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) max_message: usize,
    /// The longest time before frames are written, or "every frame" [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = flush)]
    pub(super) flush: Option<Flush>,
    /// Compress finished recordings to .jsonl.zst
    #[arg(long)]
    pub(super) zstd: bool,
    /// A value to redact everywhere; without =VALUE, the environment variable NAME
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
    /// A client to run; each run is a session, and the proxy ends after the last run. {{url}} and the variable
    /// GOLDWIRE_URL are the URL of the proxy
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

/// `goldwire learn`
#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// The session
    pub(super) session: String,
    /// Learn from these recordings or folders instead of recordings/SESSION/
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) from: Vec<PathBuf>,
    /// Take the client's side and your decisions from this script, instead of the accepted golden or the script of the
    /// recordings
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Accept the proposal at once, with this reason; for a first golden
    #[arg(long, value_name = "REASON")]
    pub(super) accept: Option<String>,
}

/// `goldwire review`
#[derive(Debug, Args)]
#[command(
    after_help = "At a terminal, review shows one proposal after the other and asks: a accepts, r rejects, s skips, q quits. \
Otherwise it shows all proposals; use goldwire accept or goldwire reject."
)]
pub(super) struct ReviewArgs {
    /// The sessions [default: all with a proposal]
    pub(super) sessions: Vec<String>,
    /// The reason for all accepted proposals, so that review does not ask for it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Only show the proposals, also at a terminal
    #[arg(long)]
    pub(super) no_ask: bool,
}

/// `goldwire accept`
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// The sessions [default: all with a proposal]
    pub(super) sessions: Vec<String>,
    /// The reason for the new behaviour, stored in the golden
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Accept values that look like secrets; the reason why they are none is stored in the golden
    #[arg(long, value_name = "WHY")]
    pub(super) allow_secrets: Option<String>,
}

/// `goldwire import`
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// HAR files; with --map, files of JSON Lines
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The session's name: recordings go to recordings/NAME/ [default: the name of a single file]
    #[arg(long, value_name = "NAME")]
    pub(super) session: Option<String>,
    /// The places in each JSON line: time=/ts,dir=/direction,data=/payload,sent=out; also unit=, base64=, op=, code=, reason= and conn=
    #[arg(long, value_name = "KEY=POINTER,…")]
    pub(super) map: Option<String>,
    /// The end of the session as in a golden, e.g. 'server 1000'
    #[arg(long, value_name = "ENDING")]
    pub(super) ends: Option<String>,
    /// The user of the session, e.g. u2
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// The server's WebSocket URL, if the file does not contain it
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// A value to redact everywhere; without =VALUE, the environment variable NAME
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
}

/// `goldwire export`
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Write HAR 1.2 as DevTools does; the only format
    #[arg(long, required = true)]
    pub(super) har: bool,
    /// Recordings and folders of recordings
    #[arg(required = true)]
    pub(super) recordings: Vec<PathBuf>,
    /// The output file [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// `goldwire scan`
#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// Files and folders [default: recordings/ and golden/]
    pub(super) paths: Vec<PathBuf>,
    /// A value to search for; without =VALUE, the environment variable NAME
    #[arg(long = "secret", value_name = "NAME[=VALUE]")]
    pub(super) secrets: Vec<String>,
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// `goldwire reject`
#[derive(Debug, Args)]
pub(super) struct RejectArgs {
    /// The sessions
    #[arg(required = true)]
    pub(super) sessions: Vec<String>,
}

/// The output format of results.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
}

/// The use of the profile of this class of hosts.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ProfileArg {
    /// Judge by the profile, and add conforming runs to it.
    Write,
    /// Judge by the profile.
    Read,
    /// Ignore the profile.
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
    /// A golden, accepted without a review.
    Always,
}

/// `goldwire check`
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The sessions [default: all goldens]
    pub(super) sessions: Vec<String>,
    /// Judge these recordings or folders instead of a live server
    #[arg(long, num_args = 1.., value_name = "PATH")]
    pub(super) offline: Vec<PathBuf>,
    /// Also run these probes with the checked goldens: auth, isolation, race, reconnect, liveness; goldens may name
    /// their own probes
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "offline")]
    pub(super) probe: Vec<String>,
    /// Check only part I of N of the sessions, for several jobs; `goldwire merge` merges their reports
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// The number of concurrent users, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// The number of rounds, judged together
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) runs: u32,
    /// The number of rounds to confirm a suspect before it fails; 2 more if they leave it open
    #[arg(long, default_value_t = 3, value_name = "K")]
    pub(super) confirm: u32,
    /// The mode of judging time: auto, shape, bounds or off [default: the golden's, the configuration's, auto]
    #[arg(long, value_name = "HOW", value_parser = time_mode)]
    pub(super) time: Option<TimeMode>,
    /// Judge time only by the golden's bounds; exit with 3 on a host that the golden does not know
    #[arg(long, conflicts_with = "time")]
    pub(super) strict_time: bool,
    /// The use of this host's profile [default: write at a terminal, otherwise read; read if CI is set]
    #[arg(long, value_name = "USE")]
    pub(super) profile: Option<ProfileArg>,
    /// Also list the results of the liveness items
    #[arg(long, short = 'v')]
    pub(super) verbose: bool,
    /// Also fail on drift
    #[arg(long)]
    pub(super) strict: bool,
    /// Learn from sessions that do not conform: no, new (a proposal), unseen (a golden if there is none), always (a golden)
    /// [default: GOLDWIRE_UPDATE, but no if CI is set; without a value: new]
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
    /// The reason for goldens that --update accepts, stored in them
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// The report files.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// The target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire hosts`
#[derive(Debug, Args)]
pub(super) struct HostsArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub(super) command: HostsCommand,
}

/// The subcommands of `goldwire hosts`.
#[derive(Debug, Subcommand)]
pub(super) enum HostsCommand {
    /// Play goldens against a good build, and measure its gaps on this host
    Learn(HostsLearnArgs),
    /// Show the class of this host and all profiles
    Show(HostsShowArgs),
    /// Remove the profile of a class
    Forget(HostsForgetArgs),
}

/// `goldwire hosts learn`
#[derive(Debug, Args)]
#[command(after_help = "A check uses the profile of this host from 10 runs of a session on. The profile is \
target/goldwire/hosts/CLASS.toml; with --commit, golden/hosts/CLASS.toml, which takes precedence.")]
pub(super) struct HostsLearnArgs {
    /// The sessions [default: all goldens]
    pub(super) sessions: Vec<String>,
    /// The number of runs of each user [default: 20 runs in total]
    #[arg(long, value_name = "N")]
    pub(super) runs: Option<u32>,
    /// The number of concurrent users; it is part of the class
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// Write the profile to golden/hosts/, to commit it
    #[arg(long)]
    pub(super) commit: bool,
    /// The target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire hosts show`
#[derive(Debug, Args)]
pub(super) struct HostsShowArgs {
    /// The number of concurrent users
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
}

/// `goldwire hosts forget`
#[derive(Debug, Args)]
pub(super) struct HostsForgetArgs {
    /// The class, as `goldwire hosts show` prints it
    pub(super) class: String,
}

/// `goldwire schema`
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// The file
    pub(super) document: Document,
}

/// A file that has a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Document {
    /// golden/SESSION.toml
    Golden,
    /// goldwire.toml
    Config,
    /// The file that --report-json writes
    Report,
    /// A line of recordings/SESSION/*.jsonl
    Recording,
}

/// `goldwire completions`
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: clap_complete::Shell,
}

/// `goldwire merge`
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// The reports of all shards, from `goldwire check --shard I/N --report-json FILE`
    #[arg(required = true, value_name = "SHARD")]
    pub(super) reports: Vec<PathBuf>,
    /// Also fail on drift; a shard with --strict does so anyway
    #[arg(long)]
    pub(super) strict: bool,
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// The report files.
    #[command(flatten)]
    pub(super) write: ReportArgs,
}

/// `goldwire show`
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The recording
    pub(super) recording: PathBuf,
    /// Write an HTML page instead of printing the recording
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
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// `goldwire compare`
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The sessions [default: all goldens]
    pub(super) sessions: Vec<String>,
    /// The known release: its WebSocket URL, or a [target.NAME] of the configuration
    #[arg(long, value_name = "URL")]
    pub(super) baseline: String,
    /// The new release: its URL, or a target
    #[arg(long, value_name = "URL")]
    pub(super) candidate: String,
    /// The number of pairs of runs
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub(super) pairs: usize,
    /// The number of concurrent users, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// The accepted probability that equal releases seem to differ in time: over all gaps, for slower and for faster each
    #[arg(long, default_value_t = 0.001, value_name = "P")]
    pub(super) alpha: f64,
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// The report files.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// The options for both targets.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// `goldwire probe`
#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// The probes: auth, isolation, race, reconnect, liveness [default: all]
    pub(super) probes: Vec<String>,
    /// The session whose golden is used [default: all goldens; the first one for auth]
    #[arg(long, short, value_name = "SESSION")]
    pub(super) session: Vec<String>,
    /// The number of concurrent users, each with a login of their own
    #[arg(long, value_name = "M")]
    pub(super) users: Option<u32>,
    /// The number of times each question about concurrency is asked
    #[arg(long, value_name = "N")]
    pub(super) rounds: Option<u32>,
    /// The number of sessions one after the other, to find sessions that become slower
    #[arg(long, value_name = "N")]
    pub(super) soak: Option<u32>,
    /// The maximum of different messages at which sessions are cut, to test that the next session is complete
    #[arg(long, value_name = "N")]
    pub(super) cuts: Option<usize>,
    /// The output format
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    /// The report files.
    #[command(flatten)]
    pub(super) reports: ReportArgs,
    /// The target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
}
