//! `goldwire init`: writes a commented configuration and the folders, with the messages of the server if one is named.
//!
//! goldwire connects to the server once, listens for a moment and sends nothing. The received frames are the first recording.
//! If the server does not answer or refuses, the configuration is still written and says what is missing, and the exit code is
//! "could not judge".

use super::args::{InitArgs, TargetArgs};
use super::error::CliError;
use super::exit::Exit;
use super::interrupt::interrupts;
use super::progress::observer;
use super::reports::talk;
use goldwire_core::dialect::{Dialect, Label, events};
use goldwire_core::golden::Golden;
use goldwire_core::learn::learn;
use goldwire_core::transcript::{Frame, Gap, Offset, Payload, Transcript};
use goldwire_core::words::plural;
use goldwire_runner::auth::AuthError;
use goldwire_runner::driver::{Driven, Interactive};
use goldwire_runner::runner::{Config, RecordOptions, RunningTarget};
use goldwire_runner::store::{Store, replace};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use tokio::sync::mpsc;

/// Words in capitals are replaced.
const TEMPLATE: &str = r#"goldwire = 1
default_target = "local"

[check]
USERS

# [record]
# flush = "every frame"                 # the longest time before frames are written; default "100 ms"
# compress = true                       # compress finished recordings to .jsonl.zst
HEARD
[target.local]
url = "URL"
AUTH
# headers = { Origin = "http://localhost" }
# subprotocols = ["chat.v2"]
# max_duration = "1 h"                  # limits: max_message, max_duration, max_rate

# Let goldwire start the build, wait until it is ready, and stop it at the end; {{port}} is a free port.
# [target.local.server]
# command = "./my-server --port {{port}}"
# ready = "http://127.0.0.1:{{port}}/health"
LOGIN
# goldwire redacts logins, tokens and cookies in every file; add other values here.
# [redact]
# patterns = ["cust-[0-9]{6}"]          # regular expressions
# pointers = ["/user/email"]            # in every JSON message
# fields = ["otp_code"]                 # the values of fields with this name
"#;

const NO_LOGIN: &str = r#"
# Every user of every run logs in. {{user.index}} counts from 1, {{nonce}} is new for each login.
# [auth.user]
# kind = "login"                        # or "mint" (sign a JWT) or "token" (from the environment or a command)
# user = { email = "u{{user.index}}-{{nonce}}@example.test", password = "pw-{{nonce}}" }
# register = { url = "{{http}}/register", json = { email = "{{user.email}}", password = "{{user.password}}" } }
# login = { url = "{{http}}/login", json = { email = "{{user.email}}", password = "{{user.password}}" }, token = "/access_token" }
# place = "header"                      # or query, subprotocol, cookie, message
# prepare = { url = "{{http}}/rooms", headers = { Authorization = "Bearer {{token}}" }, bind = { "room.id" = "/id" } }
"#;

/// The bodies of a login request that are tried, in this order.
const FORMS: [&str; 3] = [
    r#"json = { username = "{{user.name}}", password = "{{var.password}}" }"#,
    r#"json = { email = "{{user.name}}", password = "{{var.password}}" }"#,
    r#"form = { username = "{{user.name}}", password = "{{var.password}}" }"#,
];
/// The usual places of a token in the response to a login.
const TOKENS: [&str; 5] = ["/access_token", "/token", "/accessToken", "/data/token", "/jwt"];

/// The maximum of event names in the comment of the file.
const NAMES: usize = 12;

pub(super) async fn run(path: &Path, args: &InitArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    if path.exists() {
        return Err(
            CliError::usage(format!("{} already exists", path.display())).hint("edit it, or remove it first")
        );
    }
    // Quotes would end the TOML string; a valid URL has none.
    let url = args.url.as_deref().unwrap_or("ws://127.0.0.1:8000/ws").replace(['"', '\\'], "");
    let is_http = Dialect::at(&url).is_http();
    if !is_http && !url.starts_with("ws://") && !url.starts_with("wss://") {
        return Err(CliError::usage(format!("`{url}` is not a URL for sessions"))
            .hint("use ws:// or wss://, or http:// or https:// for sessions over HTTP"));
    }
    let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for folder in ["recordings", "golden"] {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder)
            .map_err(|error| CliError::usage(format!("failed to create {}: {error}", folder.display())))?;
    }
    let session = session_of(&url);
    if args.url.is_none() {
        write(path, &text(&url, "", None), out)?;
        writeln!(out, "no server was contacted; `goldwire init URL` listens to one")?;
        writeln!(out, "next: set `url` in it, then goldwire record {session}")?;
        return Ok(Exit::Conforms);
    }
    let login = match find_login(path, args, &url).await {
        Ok(login) => login,
        Err(error) => return give_up(path, &url, None, error, &session, out),
    };
    if is_http {
        write(path, &text(&url, "", login.as_deref()), out)?;
        writeln!(out, "goldwire did not listen: over HTTP, a server only answers requests")?;
        writeln!(
            out,
            "next: goldwire record {session}    # type requests, one per line: POST /chat {{…}}; a few times"
        )?;
        return Ok(Exit::Conforms);
    }
    match listen(path, args, &url, login.as_deref(), &session).await {
        Ok(driven) => {
            let heard = Heard::of(&driven);
            write(path, &text(&url, &heard.comment(&url), login.as_deref()), out)?;
            heard.tell(&driven, out)?;
            next(args, login.is_some(), &session, &heard, out)?;
            Ok(Exit::Conforms)
        }
        Err(error) => give_up(path, &url, login.as_deref(), error, &session, out),
    }
}

/// The name of the session, from the path of the URL.
fn session_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path =
        path.split_once("://").map_or("", |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let is_plain = !["ws", "websocket", "socket"].contains(&name) && Store::check_name(name).is_ok();
    if is_plain { name.to_owned() } else { "first".to_owned() }
}

fn text(url: &str, heard: &str, login: Option<&str>) -> String {
    let auth = match login {
        Some(_) => "auth = \"user\"                           # how users log in: [auth.user] below",
        None => "# auth = \"user\"                         # how users log in: [auth.user] below",
    };
    // Without logins, the server cannot distinguish users, so they would affect each other.
    let users = match login {
        Some(_) => "users = 2                               # the number of concurrent users",
        None => {
            "users = 1                               # the number of concurrent users; use more if each has a login"
        }
    };
    let login = login.map_or_else(|| NO_LOGIN.to_owned(), |login| format!("\n{login}"));
    let parts = [("USERS", users), ("HEARD", heard), ("AUTH", auth), ("LOGIN", login.as_str()), ("URL", url)];
    // Replace whole lines only, so that text from a server is never replaced.
    let fill = |line: &str| match parts.iter().find(|(place, _)| *place == line) {
        Some((_, part)) => (*part).to_owned(),
        None => line.replace("\"URL\"", &format!("\"{url}\"")),
    };
    TEMPLATE.lines().map(fill).collect::<Vec<_>>().join("\n") + "\n"
}

fn write(path: &Path, text: &str, out: &mut impl Write) -> Result<(), CliError> {
    replace(path, text)?;
    writeln!(out, "wrote {}", path.display())?;
    Ok(())
}

/// Writes the configuration without the server's messages, and returns the error.
fn give_up(
    path: &Path,
    url: &str,
    login: Option<&str>,
    error: CliError,
    session: &str,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let message = one_line(&error.message);
    let comment = format!("\n# goldwire could not listen to the server when it wrote this file: {message}\n");
    write(path, &text(url, &comment, login), out)?;
    // The message of a refused upgrade contains its status.
    let wants_login = ["401", "403"].iter().any(|status| error.message.contains(&format!("HTTP {status}")));
    let hint = if wants_login && login.is_none() {
        format!(
            "the server requires a login: fill in [auth.user] in {} and uncomment `auth = \"user\"`, or remove the file and run `goldwire init {url} --login URL --user NAME --secret password`; then goldwire record {session}",
            path.display()
        )
    } else {
        let known = error.hint.unwrap_or_else(|| "is the server up?".to_owned());
        format!("{known}; fix {}, then goldwire record {session}", path.display())
    };
    Err(CliError::new(Exit::CouldNotJudge, error.message).hint(hint))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn next(
    args: &InitArgs,
    logs_in: bool,
    session: &str,
    heard: &Heard,
    out: &mut impl Write,
) -> Result<(), CliError> {
    // A secret without a value comes from the environment.
    let secret = |text: &String| match text.split_once('=') {
        Some((name, _)) => format!(" --secret {name}=…"),
        None => format!(" --secret {text}"),
    };
    let secret: String = args.secrets.iter().filter(|_| logs_in).map(secret).collect();
    // A session without client messages needs another name than one with them.
    let spoken = if heard.messages == 0 { session } else { "chat" };
    let spoken = if heard.messages > 0 && session == spoken { "talk" } else { spoken };
    writeln!(
        out,
        "next: goldwire record {spoken}{secret}    # type the client's messages, one per line; a few times"
    )?;
    writeln!(out, "then: goldwire learn {spoken}, goldwire review, goldwire check{secret}")?;
    Ok(())
}

/// The options of the target for this connection.
fn target(args: &InitArgs) -> TargetArgs {
    TargetArgs {
        headers: args.headers.clone(),
        insecure: args.insecure,
        secrets: args.secrets.clone(),
        ..TargetArgs::default()
    }
}

async fn open(
    path: &Path,
    args: &InitArgs,
    url: &str,
    login: Option<&str>,
) -> Result<RunningTarget, CliError> {
    let config = Config::of(path, &text(url, "", login))?;
    let options = target(args).options()?;
    Ok(RunningTarget::open(&config, &options, interrupts(), &observer()).await?)
}

/// The recipe with which `--login` returns a token; none without `--login`.
async fn find_login(path: &Path, args: &InitArgs, url: &str) -> Result<Option<String>, CliError> {
    let Some(login) = &args.login else { return Ok(None) };
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let user = args.user.as_deref().unwrap_or_default();
    let mut last = None;
    'forms: for form in FORMS {
        for token in TOKENS {
            let recipe = format!(
                "[auth.user]\nkind = \"login\"\nuser = {{ name ={} }}\nlogin = {{ url ={}, {form}, token = \"{token}\" }}\n\
                 place = \"header\"                      # or query, subprotocol, cookie, message\n",
                quoted(user),
                quoted(login)
            );
            let target = open(path, args, url, Some(&recipe)).await?;
            match target.try_login().await {
                Ok(()) => return Ok(Some(recipe)),
                Err(error @ AuthError::NotInAnswer { .. }) => last = Some(error),
                // Another body may succeed. The place of the token does not matter here.
                Err(error @ AuthError::Answered { .. }) => {
                    last = Some(error);
                    continue 'forms;
                }
                Err(error) => return Err(error.into()),
            }
        }
        // The body was accepted, but the token is at another place.
        break;
    }
    match last {
        Some(error) => Err(error.into()),
        None => Ok(None),
    }
}

/// Connects once and listens.
async fn listen(
    path: &Path,
    args: &InitArgs,
    url: &str,
    login: Option<&str>,
    session: &str,
) -> Result<Driven, CliError> {
    let mut target = open(path, args, url, login).await?;
    let duration = Some(args.listen);
    target.record(&RecordOptions { duration, keeps_frames: true, ..RecordOptions::default() });
    let root = path.parent().unwrap_or(Path::new(""));
    let folder = Store::new(root).recordings_folder(session);
    // Nothing is sent. The sender is kept, because dropping it would end the session early.
    let (sender, lines) = mpsc::channel(1);
    let hand = Interactive { lines, show: Box::new(|_| {}) };
    talk!("listening to {url} for {}", args.listen);
    let driven = target.play_by_hand(session, &Golden::default(), &folder, hand).await;
    drop(sender);
    target.close().await;
    Ok(driven?)
}

/// The messages that the server sent without a request.
struct Heard {
    messages: usize,
    /// The names in order of first appearance, with their number and, if regular, their interval.
    names: Vec<(Label, usize, Option<Gap>)>,
    /// The keys of `[dialect]`, as in a golden.
    dialect: String,
}

impl Heard {
    fn of(driven: &Driven) -> Heard {
        let transcript: &Transcript = &driven.transcript;
        let is_message = |frame: &&Frame| matches!(frame.payload, Payload::Text(_) | Payload::Binary(_));
        let messages = transcript.frames.iter().filter(is_message).count();
        let mut heard = Heard { messages, names: Vec::new(), dialect: String::new() };
        let Ok(proposal) = learn(std::slice::from_ref(transcript), None) else { return heard };
        let golden = proposal.golden;
        heard.dialect = dialect_of(&golden);
        let mut times: BTreeMap<Label, Vec<Offset>> = BTreeMap::new();
        for event in events(&golden.dialect, &transcript.frames) {
            let own = times.entry(event.label.clone()).or_default();
            if own.is_empty() {
                heard.names.push((event.label.clone(), 0, None));
            }
            own.push(event.at);
        }
        for (label, count, every) in &mut heard.names {
            let own = times.get(label).map(Vec::as_slice).unwrap_or_default();
            (*count, *every) = (own.len(), regular(own));
        }
        heard
    }

    fn list(&self) -> String {
        let one = |(label, count, every): &(Label, usize, Option<Gap>)| match (every, count) {
            (Some(every), _) => format!("{label} every {every}"),
            (None, 1) => label.to_string(),
            (None, count) => format!("{label} ×{count}"),
        };
        let names: Vec<String> = self.names.iter().take(NAMES).map(one).collect();
        let more = self.names.len().saturating_sub(NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        one_line(&format!("{}{more}", names.join(", ")))
    }

    /// The comment for the configuration.
    fn comment(&self, url: &str) -> String {
        if self.names.is_empty() {
            return format!(
                "\n# {url} sent nothing when goldwire wrote this file; it waits for its client.\n"
            );
        }
        let dialect = if self.dialect.is_empty() { String::new() } else { format!("\n# {}", self.dialect) };
        format!("\n# Messages of {url} when goldwire wrote this file: {}{dialect}\n", self.list())
    }

    fn tell(&self, driven: &Driven, out: &mut impl Write) -> Result<(), CliError> {
        let ending = driven.transcript.ending.label();
        writeln!(
            out,
            "heard {}: {}",
            plural(self.messages, "message"),
            match self.names.is_empty() {
                true => "the server waits for its client".to_owned(),
                false => self.list(),
            }
        )?;
        if !self.dialect.is_empty() {
            writeln!(out, "{}", self.dialect)?;
        }
        if !ending.starts_with("client") {
            writeln!(out, "the server ended the session ({ending}); it may require a login")?;
        }
        if self.messages == 0 {
            // An empty recording would make every event of the other recordings optional.
            let removed = std::fs::remove_file(&driven.recording);
            return removed.map_err(|error| {
                CliError::usage(format!("failed to remove {}: {error}", driven.recording.display()))
            });
        }
        writeln!(out, "recorded {}", driven.recording.display())?;
        Ok(())
    }
}

/// The table `[dialect]` of the golden, in one line.
fn dialect_of(golden: &Golden) -> String {
    let text = goldwire_core::golden::write(golden);
    let lines = text.lines().skip_while(|line| *line != "[dialect]").skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty() && !line.starts_with('[')).collect();
    match lines.is_empty() {
        true => "messages are JSON, named by /type".to_owned(),
        false => format!("messages are read with: {}", one_line(&lines.join(", "))),
    }
}

/// The interval of times that are as regular as a heartbeat.
fn regular(times: &[Offset]) -> Option<Gap> {
    let gaps: Vec<Gap> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    let (least, most) = (gaps.iter().min()?, gaps.iter().max()?);
    let is_regular =
        gaps.len() >= 2 && most.as_secs_f64() <= least.as_secs_f64() * 1.2 && *least > Gap::from_millis(50);
    is_regular.then_some(*least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_the_path() {
        for (url, name) in [
            ("ws://127.0.0.1:8000/ws", "first"),
            ("ws://127.0.0.1:8000", "first"),
            ("ws://127.0.0.1:8000/", "first"),
            ("wss://host/api/chat?token=x#y", "chat"),
            ("ws://host/kernels/../channels", "channels"),
            ("ws://host/a%20b", "first"),
        ] {
            assert_eq!(session_of(url), name, "{url}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let read = |heard: &str, login: Option<&str>| {
            Config::of(Path::new("goldwire.toml"), &text("ws://127.0.0.1:9/URL", heard, login))
                .expect("it reads")
        };
        assert_eq!(read("", None).targets["local"].url, "ws://127.0.0.1:9/URL");
        let heard = Heard {
            messages: 9,
            names: vec![
                ("tick\n[target.x]".into(), 3, Some(Gap::from_millis(1000))),
                ("LOGIN".into(), 6, None),
            ],
            dialect: String::new(),
        };
        assert_eq!(read(&heard.comment("ws://x"), None).targets.len(), 1);
        let login =
            "[auth.user]\nkind = \"login\"\nlogin = { url = \"http://x/login\", token = \"/token\" }\n";
        assert_eq!(read("", Some(login)).targets["local"].auth.as_deref(), Some("user"));
    }

    #[test]
    fn a_heartbeat_is_as_regular_as_a_clock() {
        let at = |millis: &[u64]| {
            let times: Vec<Offset> = millis.iter().map(|ms| Offset::from_nanos(ms * 1_000_000)).collect();
            regular(&times)
        };
        assert_eq!(at(&[100, 1100, 2105]), Some(Gap::from_millis(1000)));
        assert_eq!(at(&[100, 1100]), None);
        assert_eq!(at(&[100, 1100, 1600]), None);
        assert_eq!(at(&[1, 2, 3, 4]), None);
    }
}
