//! What a hostile server, a closed pipe and a full disk cannot do: command a terminal, hold a session, take a verdict away.

use crate::support::{HANG, Project, Running, signal};
use goldwire::transcript::is_unseen;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MAP: &str = "time=/t,dir=/d,data=/m,sent=out,op=/op,code=/code,reason=/why";

/// All that must not be shown, with letters between.
const ODD: &str = "x\u{1b}]52;c;eA==\u{7}y\r\u{9b}2Jz\u{85}\u{202e}w\u{2066}\n  9 forged > row'''";

fn line(time: u32, dir: &str, message: &serde_json::Value) -> String {
    json!({ "t": time, "d": dir, "m": message.to_string() }).to_string() + "\n"
}

/// A project with a golden that a run deviates from.
fn deviating(odd: &str) -> Project {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n");
    let session = |names: &[&str]| -> String {
        let asked = line(1, "out", &json!({ "type": "ask" }));
        let said =
            names.iter().zip(2..).map(|(name, time)| line(time, "in", &json!({ "type": name, "v": odd })));
        let close = json!({ "t": 90, "d": "in", "op": 8, "code": 4000, "why": odd }).to_string();
        asked + &said.collect::<String>() + &close + "\n"
    };
    for _ in 0..3 {
        project.write("good.jsonl", &session(&["hello", odd, "done"]));
        project.run(&["import", "good.jsonl", "--session", "s", "--map", MAP]).exits(0);
    }
    project.run(&["learn", "s", "--accept", "it is so"]).exits(0);
    let other = format!("{odd}2");
    project.write("bad.jsonl", &session(&["hello", &other, "done"]));
    project.run(&["import", "bad.jsonl", "--session", "bad", "--map", MAP]).exits(0);
    project
}

#[test]
fn nothing_that_a_server_says_commands_a_terminal_or_forges_a_line() {
    let project = deviating(ODD);
    let bad = project.files("recordings/bad")[0].display().to_string();
    let reports = [
        "--report-json=r/r.json",
        "--report-junit=r/r.xml",
        "--report-markdown=r/r.md",
        "--report-ctrf=r/c.json",
    ];
    for color in ["always", "never"] {
        let check = [&["--color", color, "check", "s", "--strict", "--offline", &bad][..], &reports].concat();
        let said = [
            project.run_with(&check, &[("GITHUB_ACTIONS", "true")]).exits(1),
            project.run(&["--color", color, "show", &bad]).exits(0),
            project.run(&["--color", color, "diff", "recordings/s", "recordings/bad"]),
            project.run(&["--color", color, "learn", "bad"]).exits(0),
        ];
        for one in said {
            // Our own colours are not the server's.
            let plain = ["", "0", "1", "2", "31", "32", "33", "36"]
                .iter()
                .fold(format!("{}{}", one.stdout, one.stderr), |text, code| {
                    text.replace(&format!("\u{1b}[{code}m"), "")
                });
            assert!(!plain.chars().any(|c| is_unseen(c) && c != '\n'), "{plain:?}");
            assert!(!plain.lines().any(|line| line.starts_with("  9 forged")), "{plain}");
        }
    }
    // A `.seen` file is data that a program reads, and keeps what it has seen as it was.
    let goldens =
        project.files("golden").into_iter().filter(|path| !path.to_string_lossy().contains(".seen"));
    for path in project.files("r").into_iter().chain(goldens) {
        let path = &path;
        let text = std::fs::read_to_string(path).expect("a report");
        assert!(text.contains("eA=="), "{}: {text}", path.display());
        let unseen = text.chars().find(|c| is_unseen(*c) && !matches!(c, '\n' | '\t' | '\u{2060}'));
        assert_eq!(unseen, None, "{}", path.display());
    }
}

#[test]
fn a_verdict_does_not_depend_on_who_reads_it() {
    let project = deviating("plain");
    let bad = project.files("recordings/bad")[0].display().to_string();
    let diff = project.run(&["diff", "recordings/s", "recordings/bad"]).code;
    project.write("leak/a.txt", "AKIAIOSFODNN7EXAMPLE\n");
    for (arguments, code) in [
        (&["check", "s", "--strict", "--offline", &bad][..], 1),
        (&["diff", "recordings/s", "recordings/bad"], diff),
        (&["scan", "leak"], 1),
        (&["show", &bad], 0),
    ] {
        let mut child = project.command(arguments).stdout(Stdio::piped()).spawn().expect("goldwire runs");
        // Whoever reads has gone before a word is said.
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{arguments:?}");
        if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
            let status = project.command(arguments).stdout(full).stderr(Stdio::null()).status();
            let expected = if code == 0 { 2 } else { code };
            assert_eq!(status.expect("it ends").code(), Some(expected), "{arguments:?}");
        }
    }
}

/// A server that upgrades, writes these bytes over and over, and never reads.
fn flooding(first: &'static [u8], again: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || flood(stream, first, again));
        }
    });
    port
}

fn flood(mut stream: TcpStream, first: &[u8], again: &[u8]) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let many = again.repeat(2000);
    let mut written = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(first));
    while written.is_ok() {
        written = stream.write_all(&many);
    }
}

#[test]
fn a_server_that_floods_and_never_reads_holds_no_session() {
    for (first, again) in [(&b""[..], &b"\x89\x03abc"[..]), (b"\x01\x01a", b"\x00\x00"), (b"", b"\x81\x02{}")]
    {
        let project = Project::new();
        let url = format!("ws://127.0.0.1:{}", flooding(first, again));
        let arguments = ["record", "s", &url, "--duration", "1s", "--max-duration", "2s"];
        project.run(&arguments).exits(3);
    }
}

#[test]
fn whoever_asks_twice_is_let_go_though_nobody_reads_what_is_printed() {
    let project = Project::new();
    let url = format!("ws://127.0.0.1:{}", flooding(b"", b"\x81\x02{}"));
    let mut command = project.command(&["record", "s", &url]);
    let mut child = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts"));
    // It is recording when it prints; from then on nobody reads.
    let mut first = [0; 1];
    child.0.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("it prints");
    let until = Instant::now() + HANG;
    let status = loop {
        signal(child.0.id(), rustix::process::Signal::INT);
        if let Some(status) = child.0.try_wait().expect("it is ours") {
            break status;
        }
        assert!(Instant::now() < until, "it does not end");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(status.code(), Some(130));
}

#[test]
fn what_is_no_file_is_not_waited_for_and_no_link_leads_out_of_the_project() {
    let project = deviating("plain");
    let golden = project.path().join("golden");
    assert!(Command::new("mkfifo").arg(golden.join("pipe.toml")).status().is_ok_and(|made| made.success()));
    let said = project.run(&["check"]).exits(2);
    assert!(said.stderr.contains("not a file but a pipe"), "{}", said.stderr);
    std::fs::remove_file(golden.join("pipe.toml")).expect("it was there");

    let outside = tempfile::tempdir().expect("a folder");
    let recordings = project.path().join("recordings");
    std::os::unix::fs::symlink(outside.path(), recordings.join("evil")).expect("a link");
    let said = project.run(&["import", "good.jsonl", "--session", "evil", "--map", MAP]).exits(2);
    assert!(said.stderr.contains("it is a link"), "{}", said.stderr);
    let said = project.run(&["record", "evil", "ws://127.0.0.1:9", "--duration", "1s"]);
    assert!(said.code != 0 && said.stderr.contains("it is a link"), "{}", said.stderr);
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);

    // What `learn` reads through a link, `scan` looks at, too.
    std::fs::write(outside.path().join("x.jsonl"), "{\"password\":\"hunter2SecretXY99\"}\n").expect("a file");
    std::os::unix::fs::symlink(outside.path().join("x.jsonl"), recordings.join("s").join("x.jsonl"))
        .expect("a link");
    let said = project.run(&["scan"]).exits(1);
    assert!(said.stdout.contains("x.jsonl") && said.stdout.contains("`password`"), "{}", said.stdout);
}

#[test]
fn a_file_that_may_not_grow_is_an_error_with_a_name() {
    let project = deviating("plain");
    let bad = project.files("recordings/bad")[0].display().to_string();
    let command = format!("ulimit -f 1; exec {} show {bad} --html big.html", env!("CARGO_BIN_EXE_goldwire"));
    let output =
        Command::new("sh").args(["-c", &command]).current_dir(project.path()).output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code != 0) && said.contains("big.html"), "{output:?}");
}

#[test]
fn a_key_with_quotes_of_both_sorts_is_written_and_read() {
    let project = Project::new();
    let key = "a'b\"c\\";
    for n in 0..3 {
        let asked = line(1, "out", &json!({ "type": "ask", key: n }));
        let said = line(2, "in", &json!({ "type": "answer", key: { key: n } }));
        project.write("one.jsonl", &(asked + &said));
        project.run(&["import", "one.jsonl", "--session", "s", "--map", MAP]).exits(0);
    }
    project.run(&["learn", "s", "--accept", "it is so"]).exits(0);
    project.run(&["check", "s", "--offline", "recordings/s"]).exits(0);
}

#[test]
fn names_that_are_none_are_refused_before_an_order_is_sought() {
    let project = Project::new();
    for _ in 0..2 {
        let said = (0..4_001).map(|n| line(n, "in", &json!({ "type": format!("n{n}") })));
        project.write("one.jsonl", &said.collect::<String>());
        project.run(&["import", "one.jsonl", "--session", "s", "--map", MAP]).exits(0);
    }
    let said = project.run(&["learn", "s"]).exits(2);
    assert!(
        said.stderr.contains("have 4001 different names") && said.stderr.contains("hint"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_path_without_end_is_refused_before_it_takes_the_memory() {
    let project = deviating("plain");
    let path = "/x".repeat(50_000);
    let golden = project.read("golden/s.toml");
    let longer = golden.replace("[event.done]", &format!("[event.done]\n\"{path}\" = \"integer\""));
    assert_ne!(golden, longer);
    project.write("golden/s.toml", &longer);
    let said = project.run(&["check", "s", "--offline", "recordings/bad"]).exits(2);
    assert!(
        said.stderr.contains("more than 2000 steps") && said.stderr.len() < 400_000,
        "{:.2000}",
        said.stderr
    );
}
