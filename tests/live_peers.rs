//! Peers that others wrote, alive: a real client is recorded in front of a real server, a golden is learned from that alone,
//! ten checks in a row conform, and a build that was changed in one place does not.
//!
//! `tests/peers.sh` installs them in pinned versions and starts them; with `PEER_CHANGED=1` a server does one thing
//! otherwise. Time is not judged here: whether the machine is busy decides nothing. Each peer has a project of its own under
//! `target/live-peers`, which stays, to be looked at.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many sessions are learned from.
const RECORDINGS: usize = 12;
/// So many checks in a row conform.
const CHECKS: usize = 10;
/// Whoever is not there then never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two peers may be of one package.
static INSTALL: Mutex<()> = Mutex::new(());

/// A server and its client, by the names that `tests/peers.sh` has for them.
struct Peer {
    /// The session's name, and the install's.
    name: &'static str,
    server: &'static str,
    client: &'static str,
    /// Where the client connects to, behind scheme and port.
    path: &'static str,
    /// Whether it speaks HTTP instead of a WebSocket.
    is_http: bool,
    /// What else `[target.local]` says, and what follows it.
    config: &'static str,
    /// The target's own path, where it is another one than the client's.
    target: Option<&'static str>,
    /// Fills `{{password}}`, as a variable of the environment.
    password: Option<fn() -> String>,
    /// What else a check is told.
    options: &'static [&'static str],
    /// What is said of the changed build.
    finding: &'static str,
}

const PEER: Peer = Peer {
    name: "",
    server: "",
    client: "",
    path: "",
    is_http: false,
    config: "",
    target: None,
    password: None,
    options: &[],
    finding: "",
};

/// A process of a group of its own, ended with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.process_group(0).spawn().expect("it starts"))
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal("-TERM");
        let until = Instant::now() + Duration::from_secs(10);
        while self.0.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

fn root() -> PathBuf {
    std::env::current_dir().expect("the package")
}

fn script() -> PathBuf {
    root().join("tests/peers.sh")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A peer's server, once it takes connections.
fn serve(peer: &Peer, folder: &Path, is_changed: bool) -> (Running, u16) {
    let port = free_port();
    let log = folder.join(if is_changed { "changed.log" } else { "server.log" });
    let out = fs::File::create(&log).expect("a file");
    let mut command = Command::new(script());
    command.args([peer.server, &port.to_string()]).stdin(Stdio::null());
    command.stdout(out.try_clone().expect("a file")).stderr(out);
    if is_changed {
        command.env("PEER_CHANGED", "1");
    }
    let mut server = Running::start(&mut command);
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.0.try_wait().expect("its state");
        let log = || fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none(), "{} ended: {}", peer.server, log());
        assert!(Instant::now() < until, "{} takes no connections: {}", peer.server, log());
        std::thread::sleep(Duration::from_millis(20));
    }
    (server, port)
}

/// What goldwire says in a project.
fn goldwire(peer: &Peer, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
    command.args(arguments).current_dir(folder);
    command.env("NOBODY", "nobody looks at it");
    if let Some(password) = peer.password {
        command.env("password", password());
    }
    let output = command.output().expect("goldwire runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), text.concat())
}

/// One session of the client; it has to succeed.
fn talk(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the client failed: {}", said());
}

/// Records sessions one after the other, so that nobody hears another one.
fn record(peer: &Peer, folder: &Path, port: u16) {
    if peer.is_http {
        let to = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
        command.args(["proxy", peer.name, "--listen", "127.0.0.1:0", "--to", &to]).current_dir(folder);
        command.args(["--times", &RECORDINGS.to_string(), "--"]).arg(script()).args([peer.client, "{{url}}"]);
        return talk(&mut command);
    }
    let to = format!("ws://127.0.0.1:{port}{}", peer.path);
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
    command.args(["proxy", peer.name, "--listen", "127.0.0.1:0", "--to", &to]).current_dir(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut proxy = Running::start(&mut command);
    let mut said = String::new();
    let mut stderr = BufReader::new(proxy.0.stderr.take().expect("a pipe"));
    stderr.read_line(&mut said).expect("a line");
    let at = said.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next());
    let at = at.unwrap_or_else(|| panic!("the proxy says {said}")).to_owned();
    let mut stdout = BufReader::new(proxy.0.stdout.take().expect("a pipe"));
    for _ in 0..RECORDINGS {
        talk(Command::new(script()).args([peer.client, &format!("{at}{}", peer.path)]));
        // It says a line when a recording is whole.
        let mut kept = String::new();
        stdout.read_line(&mut kept).expect("a line");
        assert!(kept.contains(".jsonl"), "the proxy says {kept:?}");
    }
    proxy.signal("-INT");
    let _ = proxy.0.wait();
}

/// All of it, for one peer.
fn holds(peer: &Peer) {
    let install = INSTALL.lock().unwrap_or_else(PoisonError::into_inner);
    let status = Command::new(script()).args(["install", peer.name]).status().expect("bash runs");
    drop(install);
    assert!(status.success(), "{} is not installed, for the reason above", peer.name);
    let folder = root().join("target/live-peers").join(peer.client.trim_end_matches("-client"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("recordings").join(peer.name)).expect("a folder");
    let (_server, port) = serve(peer, &folder, false);
    let (_changed, changed) = serve(peer, &folder, true);
    let scheme = if peer.is_http { "http" } else { "ws" };
    let path = peer.target.unwrap_or(peer.path);
    let target = |name: &str, port: u16| {
        let config = peer.config.replace("LOCAL", name).replace("PORT", &port.to_string());
        format!("[target.{name}]\nurl = \"{scheme}://127.0.0.1:{port}{path}\"\n{config}\n")
    };
    let config = target("local", port) + &target("changed", changed);
    fs::write(folder.join("goldwire.toml"), format!("goldwire = 1\ndefault_target = \"local\"\n{config}"))
        .expect("a file");
    record(peer, &folder, port);
    let (code, said) = goldwire(peer, &folder, &["learn", peer.name, "--accept", "what it does"]);
    assert_eq!(code, Some(0), "{said}");
    let check = [&["check", peer.name, "--time", "off", "--confirm", "1", "--strict"], peer.options].concat();
    let mut conform = 0;
    let mut others = String::new();
    for _ in 0..CHECKS {
        let (code, said) = goldwire(peer, &folder, &check);
        match code {
            Some(0) => conform += 1,
            _ => others.push_str(&said),
        }
    }
    println!("{}: {conform} of {CHECKS} conform", peer.client);
    assert_eq!(conform, CHECKS, "{}\n{others}", peer.client);
    let (code, said) = goldwire(peer, &folder, &[&check[..], &["--target", "changed"]].concat());
    println!("{}, changed:\n{said}", peer.client);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(peer.finding), "{:?} is not in\n{said}", peer.finding);
}

#[test]
fn ocpp() {
    holds(&Peer {
        name: "ocpp",
        server: "ocpp",
        client: "ocpp-client",
        path: "/ocpp",
        config: "subprotocols = [\"ocpp1.6\"]",
        finding: "re:BootNotification/2/status",
        ..PEER
    });
}

#[test]
fn signalr() {
    holds(&Peer {
        name: "signalr",
        server: "signalr",
        // Two calls at once are one frame, of which learning knows only that it is a text.
        client: "signalr-in-turn-client",
        path: "/hub",
        finding: "Said/arguments",
        ..PEER
    });
}

#[test]
fn yjs() {
    holds(&Peer {
        name: "yjs",
        server: "yjs",
        client: "yjs-alone-client",
        path: "/",
        // Each session is in a room of its own, as the client's are.
        target: Some("/{{user.client}}"),
        config: "auth = \"LOCAL\"\n[auth.LOCAL]\nkind = \"token\"\nenv = \"NOBODY\"\n\
                 user = { client = \"{{nonce}}\" }",
        finding: "awareness",
        ..PEER
    });
}

#[test]
fn xmpp() {
    holds(&Peer {
        name: "xmpp",
        server: "xmpp",
        client: "xmpp-client",
        path: "/xmpp-websocket",
        config: "subprotocols = [\"xmpp\"]",
        password: Some(xmpp_password),
        options: &["--variable", "username=ada", "--secret", "password"],
        finding: "disco#info",
        ..PEER
    });
}

/// Of the user ada.
fn xmpp_password() -> String {
    let password = fs::read_to_string("target/peers/secret").expect("made by the install");
    password.trim().to_owned()
}

#[test]
fn wamp() {
    holds(&Peer {
        name: "wamp",
        server: "wamp",
        client: "wamp-client",
        path: "/ws",
        config: "subprotocols = [\"wamp.2.json\"]",
        finding: "PUBLISH",
        ..PEER
    });
}

#[test]
fn openai() {
    holds(&Peer {
        name: "models",
        server: "models",
        client: "openai-client",
        is_http: true,
        finding: "usage",
        ..PEER
    });
}

#[test]
fn anthropic() {
    holds(&Peer {
        name: "models",
        server: "models",
        client: "anthropic-client",
        is_http: true,
        finding: "content_block_stop",
        ..PEER
    });
}
