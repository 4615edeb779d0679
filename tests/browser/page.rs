//! A page of a headless Chromium, told what to do over Chromium's own DevTools protocol.

use crate::proxied::read_head;
use crate::support::Running;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// What a Chromium says at this address of its pages.
fn pages(address: &str) -> Vec<Value> {
    let mut list = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /json/list HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    list.write_all(request.as_bytes()).expect("it is taken");
    let head = read_head(&mut list).to_lowercase();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
    let mut body = vec![0; len.trim().parse().expect("a number")];
    list.read_exact(&mut body).expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

/// A page of a headless Chromium.
pub(crate) struct Page {
    socket: WebSocket<TcpStream>,
    asked: u64,
    /// What it said without being asked.
    noticed: Vec<Value>,
    _profile: tempfile::TempDir,
    _process: Running,
}

impl Page {
    pub(crate) fn open() -> Page {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let program = std::env::var("GOLDWIRE_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut command = Command::new(&program);
        // Tests may run as root in a container, where Chromium cannot build its own sandbox and /dev/shm is small.
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-dev-shm-usage",
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
        // It listens before its first page is there, which it tells nobody who is not connected to one.
        let page = loop {
            let page = pages(&address).into_iter().find(|page| page["type"] == "page");
            if let Some(page) = page {
                break page;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let url = page["webSocketDebuggerUrl"].as_str().expect("an address");
        let (socket, _) = client(url, TcpStream::connect(&address).expect("it listens")).expect("it opens");
        Page { socket, asked: 0, noticed: Vec::new(), _profile: profile, _process: process }
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
            self.noticed.push(answer);
        }
    }

    pub(crate) fn visit(&mut self, url: &str) {
        self.call("Page.enable", &json!({}));
        self.call("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }));
        let loader = self.call("Page.navigate", &json!({ "url": url }))["loaderId"].clone();
        // Of this page, and not of the one before; it may be told before the call is answered.
        let is_loaded = |event: &Value| {
            event["method"] == "Page.lifecycleEvent"
                && event["params"]["name"] == "load"
                && event["params"]["loaderId"] == loader
        };
        if !self.noticed.iter().any(is_loaded) {
            self.until(is_loaded);
        }
    }

    /// What an expression comes to in the page, once it is no promise any more.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        self.call("Runtime.evaluate", &params)["result"]["value"].clone()
    }

    /// Looks at a file, in light or dark, from now on noting what it asks for and what goes wrong in it.
    pub(crate) fn look_at(&mut self, file: &Path, scheme: &str) {
        let media = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": media }));
        let size = json!({ "width": 1360, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        for domain in ["Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
        self.noticed.clear();
        self.visit(&format!("file://{}", file.display()));
    }

    /// What went wrong in the page, and what it asked of anybody but the file itself.
    pub(crate) fn troubles(&mut self) -> Vec<Value> {
        // Whatever has happened has been said before this is answered.
        self.evaluate("0");
        let own = |event: &Value| {
            event["params"]["request"]["url"].as_str().is_some_and(|url| url.starts_with("file://"))
        };
        let is_trouble = |event: &&Value| match event["method"].as_str() {
            Some("Network.requestWillBeSent") => !own(event),
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") => true,
            _ => false,
        };
        self.noticed.iter().filter(is_trouble).cloned().collect()
    }

    /// Presses keys, one after the other, as a keyboard does.
    pub(crate) fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let text = match *key {
                "Enter" => "\r",
                one if one.chars().count() == 1 => one,
                _ => "",
            };
            self.call("Input.dispatchKeyEvent", &json!({ "type": "keyDown", "key": key, "text": text }));
            self.call("Input.dispatchKeyEvent", &json!({ "type": "keyUp", "key": key }));
        }
    }

    /// Keeps a picture of what can be seen, as PNG.
    pub(crate) fn picture(&mut self, file: &Path) {
        // Drawn is what is there after two frames.
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
        let png = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let png = base64::engine::general_purpose::STANDARD.decode(png["data"].as_str().expect("a picture"));
        std::fs::write(file, png.expect("base64")).expect("a file");
    }
}
