//! What a hostile server, a closed pipe and a full disk cannot do: command a terminal, hold a session, take a verdict away.

use crate::support::Project;
use goldwire::transcript::is_unseen;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

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
