//! A real browser through the proxy: headless Chromium logs in on a page, opens its socket, asks and shows the answer;
//! what the proxy recorded is learned, and the server conforms to it when goldwire drives it alone.
//!
//! Chromium is told what to do over its own DevTools protocol. `GOLDWIRE_CHROMIUM` names it where it is not called
//! `chromium`.

#[path = "it/proxied.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod proxied;
#[path = "it/support.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;

use proxied::{Proxied, read_head};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Project, Release, Running};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// How often the page is opened: enough for bounds of time.
const VISITS: usize = 6;

/// A page of a headless Chromium.
struct Page {
    socket: WebSocket<TcpStream>,
    asked: u64,
    _profile: tempfile::TempDir,
    _process: Running,
}

impl Page {
    fn open() -> Page {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let program = std::env::var("GOLDWIRE_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut command = Command::new(&program);
        // Tests may run as root in a container, where Chromium cannot build its own sandbox.
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--remote-debugging-port=0",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let started = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = Running(started.unwrap_or_else(|error| panic!("{program}: {error}")));
        let mut said = BufReader::new(process.0.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.starts_with("DevTools listening on ws://") {
            line.clear();
            assert!(said.read_line(&mut line).expect("a line") > 0, "it ended before it listened");
        }
        // It goes on talking; nobody reads it, but a full pipe would stop it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let address =
            line["DevTools listening on ws://".len()..].split('/').next().expect("an address").to_owned();
        let mut list = TcpStream::connect(&address).expect("it listens");
        let request = format!("GET /json/list HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        list.write_all(request.as_bytes()).expect("it is taken");
        let head = read_head(&mut list).to_lowercase();
        let len = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
        let mut body = vec![0; len.trim().parse().expect("a number")];
        list.read_exact(&mut body).expect("a body");
        let pages: Vec<Value> = serde_json::from_slice(&body).expect("JSON");
        let page = pages.iter().find(|page| page["type"] == "page").expect("a page");
        let url = page["webSocketDebuggerUrl"].as_str().expect("an address");
        let (socket, _) = client(url, TcpStream::connect(&address).expect("it listens")).expect("it opens");
        Page { socket, asked: 0, _profile: profile, _process: process }
    }

    /// Calls a method of the DevTools protocol; waits for its result.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let call = json!({ "id": self.asked, "method": method, "params": params }).to_string();
        self.socket.send(Message::text(call)).expect("it is taken");
        let asked = self.asked;
        self.until(|answer| answer["id"] == asked)["result"].clone()
    }

    fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let text = self.socket.read().expect("an answer").into_text().expect("text");
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if is_it(&answer) {
                return answer;
            }
        }
    }

    fn visit(&mut self, url: &str) {
        self.call("Page.enable", &json!({}));
        self.call("Page.navigate", &json!({ "url": url }));
        self.until(|event| event["method"] == "Page.loadEventFired");
    }

    /// What an expression comes to in the page, once it is no promise any more.
    fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        self.call("Runtime.evaluate", &params)["result"]["value"].clone()
    }
}

#[test]
fn what_a_browser_did_through_the_proxy_is_learned_and_driven_again() {
    let page = Path::new("tests/browser/index.html").canonicalize().expect("the page");
    let server = Release::with("", &["--page", page.to_str().expect("UTF-8")]);
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    let login = &config[config.find("[auth.user]").expect("our own login")..];
    let target = format!("[target.local]\nurl = \"{}\"\nauth = \"user\"\n", server.url());
    project.write("goldwire.toml", &format!("goldwire = 1\n[check]\nusers = 3\n\n{target}\n{login}"));

    let mut proxied = Proxied::start(&project, "page", &server.url(), &[]);
    let url = format!("http://{}/", proxied.address());
    let mut browser = Page::open();
    for visit in 1..=VISITS {
        browser.visit(&url);
        assert_eq!(browser.evaluate("done"), 1000, "{}", browser.evaluate("document.body.innerText"));
        let answer = browser.evaluate("document.getElementById('answer').textContent");
        assert!(answer.as_str().is_some_and(|answer| answer.contains("238")), "{answer}");
        let recording = proxied.recording(&project);
        assert_eq!(recording[0]["user"], format!("u{visit}"), "each visit logs in as somebody new");
        let request = &recording[0]["handshake"]["request"];
        assert!(request["User-Agent"].as_str().is_some_and(|agent| agent.contains("Chrome")), "{request}");
        let origin = server.url().replace("ws://", "http://").replace("/ws", "");
        assert_eq!(request["Origin"], origin, "the server sees its own origin");
        assert!(
            recording[0]["url"].as_str().is_some_and(|url| url.ends_with("/ws?token={{secret:token#1}}"))
        );
        assert_eq!(recording.last().expect("a line")["end"], json!({ "by": "client", "code": 1000 }));
    }
    drop(browser);
    let said = proxied.stop().exits(0);
    let all = project.everything() + &said.stdout + &said.stderr;
    assert!(!all.contains("eyJ"), "a token was written");

    project.run(&["learn", "page", "--accept", "what the page does"]).exits(0);
    let golden = project.read("golden/page.toml");
    assert!(
        golden.contains("thread = \"{{thread_id}}\"") && golden.contains("ends = \"client 1000\""),
        "{golden}"
    );
    let said = project.run(&["check", "page"]).exits(0);
    assert!(said.stdout.contains("page  CONFORMS"), "{}", said.stdout);
}
