//! A project in a temporary folder, the command as its own process, and the example server.

use crate::cargo::cargo;
use rustix::process::Signal;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use tokio::net::TcpSocket;

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Panics with everything that was said unless the exit code is this.
    pub(crate) fn exits(self, code: i32) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Panics unless a check exited with 0 and this session conforms. A time may be suspect, because the machine of a test
    /// may be busy.
    pub(crate) fn conforms(self, session: &str) -> Said {
        let said = self.exits(0);
        let mut suspects = said.stdout.lines().filter(|line| line.trim_start().starts_with("suspect: "));
        let is_late = said.stdout.contains(&format!("{session}  DRIFT"))
            && suspects.all(|line| line.contains("suspect: timing:"));
        assert!(is_late || said.stdout.contains(&format!("{session}  CONFORMS")), "{}", said.stdout);
        said
    }
}

/// A folder with a `goldwire.toml`.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Project {
        Project { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// With the example server as its target, started by goldwire as its users' servers are.
    pub(crate) fn with_server(arguments: &[&str]) -> Project {
        let project = Project::new();
        let mut command =
            vec![server().display().to_string(), "--listen".into(), "127.0.0.1:{{port}}".into()];
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let login = fs::read_to_string("goldwire.toml").expect("our own configuration");
        let login = &login[login.find("[auth.user]").expect("our own login")..];
        project.write(
            "goldwire.toml",
            &format!(
                "goldwire = 1\ndefault_target = \"local\"\n[check]\nusers = 3\n\n[target.local]\n\
                 url = \"ws://127.0.0.1:{{{{port}}}}/ws\"\nauth = \"user\"\n\n[target.local.server]\n\
                 command = {command:?}\nready = \"http://127.0.0.1:{{{{port}}}}/health\"\n\n{login}"
            ),
        );
        for script in ["agent-run", "parallel-tools", "reconnect"] {
            let name = format!("{script}.toml");
            let text = fs::read_to_string(Path::new("examples/scripts").join(&name)).expect("a script");
            project.write(&name, &text);
        }
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// The committed golden of a session after an edit, and what is known of it.
    pub(crate) fn write_golden(&self, session: &str, edit: impl FnOnce(&str) -> String) {
        let [toml, seen] = ["toml", "seen"].map(|ending| format!("golden/{session}.{ending}"));
        self.write(&toml, &edit(&fs::read_to_string(&toml).expect("our golden")));
        self.write(&seen, &fs::read_to_string(&seen).expect("what is known of it"));
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a file")
    }

    /// The files in a folder of the project, by name.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries =
            fs::read_dir(self.path().join(folder)).map(|entries| entries.flatten().collect::<Vec<_>>());
        let mut files: Vec<PathBuf> =
            entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect();
        files.sort();
        files
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldwire"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        // Nothing of the surroundings may decide what a test shows.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let output = ends(&mut command);
        Said {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Everything that is written below a folder, as one text.
    pub(crate) fn everything(&self) -> String {
        fn walk(folder: &Path, out: &mut String) {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, out);
                } else {
                    out.push_str(&String::from_utf8_lossy(&fs::read(&path).expect("a file")));
                }
            }
        }
        let mut out = String::new();
        walk(self.path(), &mut out);
        out
    }
}

/// A test that takes longer hangs: what is busy may take its time.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// What a command leaves; one that hangs is killed, which fails the test by its status.
pub(crate) fn ends(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let pid = child.id();
    let (ended, hangs) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if hangs.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout) {
            signal(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("what it says");
    drop(ended);
    watch.join().expect("a watch");
    output
}

/// The example server's program, built in the profile of this test.
pub(crate) fn server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_goldwire")).parent().expect("a folder");
        let mut build = cargo();
        // Asked for together with this test, as which it was built: alone it would have its dependencies with other
        // features, and all of them built once more.
        build.args(["build", "--quiet", "--bin", "agent_server", "--test", env!("CARGO_CRATE_NAME")]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let target = folder.parent().expect("the target folder");
        let status = build.env("CARGO_TARGET_DIR", target).status().expect("cargo runs");
        assert!(status.success(), "the example server builds");
        folder.join("agent_server")
    })
}

/// A port at which nobody listens, nor anybody can for as long as the socket is kept.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// Sends a process a signal.
pub(crate) fn signal(process: u32, signal: rustix::process::Signal) {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(id.expect("an id"), signal).expect("it runs");
}

/// A process that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example server on a port of its own, with one of its faults or none (the empty name).
pub(crate) struct Release {
    address: String,
    _process: Running,
}

impl Release {
    pub(crate) fn start(regress: &str) -> Release {
        Release::with(regress, &[])
    }

    pub(crate) fn with(regress: &str, arguments: &[&str]) -> Release {
        let mut command = Command::new(server());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).env("AGENT_SERVER_REGRESS", regress);
        let mut process =
            Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts"));
        // Its first line says that it listens, and where.
        let mut line = String::new();
        let stdout = process.0.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        Release { address, _process: process }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }
}
