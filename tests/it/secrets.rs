//! No secret reaches a disk or a terminal: eighty are planted in logins, headers, URLs, commands and frames, in a dozen
//! encodings, by a server over real sockets; then everything that was written is read in every way that is known here.
//! Nothing of the redactor is used to look for what it missed.

use crate::support::{Project, nobody};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{WebSocket, accept_hdr};

/// What is hidden, by where it comes from.
struct Planted {
    /// `--secret` values, with all kinds of characters.
    given: Vec<String>,
    /// What the login answers or is asked with, and what goes into the upgrade.
    known: Vec<(&'static str, String)>,
    /// What the server sends without anybody having announced it, under a name that says what it is.
    sent: Vec<(&'static str, String)>,
}

pub(crate) fn jwt(n: u32) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = part(json!({ "sub": format!("user-{n}"), "exp": 1_795_385_958u32 + n }));
    format!("{}.{body}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), word(n, 43))
}

/// Letters and digits that look random and are the same each time.
pub(crate) fn word(seed: u32, len: usize) -> String {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters[usize::from(state.to_le_bytes()[3]) % letters.len()])
    };
    (0..len).map(|_| next()).collect()
}

fn planted() -> Planted {
    let marks = ["", "/+", " & ", "\"q\"", "\\b\\", "<é>", "%41", "'s'", "\u{1f511}", "=a;b", "\n", "{{x}}"];
    let mut given: Vec<String> = (0..48)
        .map(|n| {
            let (mark, len) = (marks[n as usize % marks.len()], 4 + n as usize / 4);
            format!("{}{mark}{}", word(1000 + n, len), word(2000 + n, 5))
        })
        .collect();
    // One secret within another, and two that overlap.
    given.push(format!("{}-{}", given[0], word(7, 6)));
    given.push(format!("{}{}", word(8, 5), &given[4][..given[4].len() / 2]));
    let known = [
        ("password", format!("p\"a/s s+{}", word(11, 6))),
        ("access_token", jwt(12)),
        ("refresh_token", word(13, 40)),
        ("id_token", jwt(14)),
        ("session_id", word(15, 24)),
        ("client_secret", format!("cs/{}", word(16, 20))),
        ("login_cookie", word(17, 32)),
        ("upgrade_cookie", word(18, 32)),
        ("answer_cookie", word(19, 32)),
        ("api_key_header", word(20, 32)),
        ("query_ticket", format!("t/+{}", word(21, 20))),
        ("query_sig", word(22, 30)),
        ("subprotocol", word(23, 30)),
        ("typed_header", word(24, 30)),
        ("basic_password", format!("b:{}", word(25, 14))),
        ("env_secret", word(26, 18)),
        ("registered_passphrase", word(27, 22)),
        ("answer_header", word(28, 28)),
    ];
    let sent = [
        ("token", word(31, 24)),
        ("access_token", word(32, 24)),
        ("refreshToken", word(33, 24)),
        ("password", format!("pw{}", word(34, 9))),
        ("newPassword", format!("p\"w{}", word(35, 9))),
        ("api_key", word(36, 24)),
        ("X-Api-Key", word(37, 24)),
        ("secret", word(38, 20)),
        ("clientSecret", word(39, 20)),
        ("Authorization", word(40, 26)),
        ("private_key", word(41, 50)),
        ("jwt", word(42, 28)),
        ("anything", jwt(43)),
        ("email", format!("{}@example.test", word(44, 8))),
        ("customer", format!("cust-{}", 100_000 + 45)),
        ("door_code", word(46, 9)),
    ];
    let own = |list: &[(&'static str, String)]| list.to_vec();
    Planted { given, known: own(&known), sent: own(&sent) }
}

impl Planted {
    fn known(&self, name: &str) -> &str {
        &self.known.iter().find(|(own, _)| *own == name).expect("it is planted").1
    }

    fn all(&self) -> Vec<&str> {
        let named = self.known.iter().chain(&self.sent).map(|(_, value)| value.as_str());
        self.given.iter().map(String::as_str).chain(named).collect()
    }
}

fn percent(text: &str, plus: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' if plus => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON string's inside with every `every`-th character as `\uXXXX`.
fn unicode(text: &str, every: usize) -> String {
    let escape = |(at, c): (usize, char)| {
        if at.is_multiple_of(every) {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        } else {
            let quoted = Value::from(c.to_string()).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    };
    text.chars().enumerate().map(escape).collect()
}

/// Text messages that hold a secret, in all encodings.
fn messages(secret: &str) -> Vec<String> {
    let echo = |data: &str| json!({ "type": "echo", "data": data }).to_string();
    let raw = |inside: &str| format!("{{\"type\":\"echo\",\"data\":\"{inside}\"}}");
    let mut messages = vec![
        echo(secret),
        echo(&format!("you said {secret}, did you?")),
        raw(&unicode(secret, 1)),
        raw(&unicode(secret, 3)),
        raw(&unicode(secret, usize::MAX).replace('/', "\\/")),
        echo(&json!({ "inner": { "value": secret } }).to_string()),
        echo(&json!([json!({ "twice": secret }).to_string()]).to_string()),
        echo(&format!("http://x/?a={}&b={}", percent(secret, false), percent(secret, true))),
        echo(&percent(secret, false).to_lowercase().replace("%2f", "%2F")),
        echo(&hex(secret)),
        echo(&format!("0x{}ff", hex(secret).to_uppercase())),
        json!({ "type": "echo", "data": "", secret: 1 }).to_string(),
    ];
    for before in ["", "a", "ab", "{\"user\":\"me\",\"pass\":\""] {
        messages.push(echo(&STANDARD.encode(format!("{before}{secret}"))));
        messages.push(echo(&URL_SAFE_NO_PAD.encode(format!("{before}{secret}~tail"))));
        messages.push(raw(&STANDARD.encode(format!("{before}{secret}?>?>")).replace('/', "\\/")));
    }
    messages
}

/// An HTTP and WebSocket server: `/login`, `/register`, `/refuse`, and the session at `/ws`.
fn serve(listener: TcpListener, planted: Arc<Planted>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let planted = planted.clone();
            std::thread::spawn(move || {
                let mut start = [0; 3];
                match stream.peek(&mut start) {
                    Ok(3) if &start == b"GET" => session(stream, &planted),
                    _ => answer(stream, &planted),
                }
            });
        }
    });
}

fn answer(mut stream: TcpStream, planted: &Planted) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let body = loop {
        let Ok(len @ 1..) = stream.read(&mut buffer) else { return };
        request.extend_from_slice(&buffer[..len]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length =
            length.split("content-length:").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break body.to_owned();
        }
    };
    let (status, body) = if request.starts_with(b"POST /login") {
        let fields = ["access_token", "refresh_token", "id_token", "session_id", "client_secret"];
        let fields: serde_json::Map<String, Value> =
            fields.iter().map(|name| ((*name).to_owned(), Value::from(planted.known(name)))).collect();
        ("200 OK", Value::Object(fields).to_string())
    } else if request.starts_with(b"POST /register") {
        ("201 Created", "{}".to_owned())
    } else {
        // A server that quotes what it was asked.
        ("401 Unauthorized", format!("{{\"error\":\"refused\",\"you\":{}}}", Value::from(body)))
    };
    let cookie = planted.known("login_cookie");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nSet-Cookie: sid={cookie}; HttpOnly\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes());
}

#[expect(clippy::result_large_err, reason = "the library's own callback")]
fn session(stream: TcpStream, planted: &Planted) {
    let headers = |_: &Request, mut response: Response| {
        let set = |name: &'static str, value: String, response: &mut Response| {
            response.headers_mut().append(name, value.parse().expect("a header"));
        };
        set("set-cookie", format!("ws={}; Path=/; HttpOnly", planted.known("answer_cookie")), &mut response);
        set("x-auth-token", planted.known("answer_header").to_owned(), &mut response);
        set("location", format!("/again?token={}", planted.known("query_sig")), &mut response);
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr(stream, headers) else { return };
    let Ok(Message::Text(first)) = socket.read() else { return };
    plant(&mut socket, planted, first.as_str());
    while socket.read().is_ok() {}
}

fn plant(socket: &mut WebSocket<TcpStream>, planted: &Planted, first: &str) {
    let mut say = |message: Message| {
        let _ = socket.send(message);
    };
    say(Message::text(json!({ "type": "echo", "data": first }).to_string()));
    for (name, value) in &planted.sent {
        let value = if *name == "Authorization" { format!("Bearer {value}") } else { value.clone() };
        say(Message::text(json!({ "type": "grant", *name: value, "user": { *name: value } }).to_string()));
        let inner = json!({ *name: value }).to_string();
        say(Message::text(json!({ "type": "grant", "inner": inner }).to_string()));
    }
    for secret in planted.all() {
        for message in messages(secret) {
            say(Message::text(message));
        }
        say(Message::binary(secret.as_bytes().to_vec()));
        say(Message::binary([b"\x00\xff", secret.as_bytes(), b"\xfe"].concat()));
        say(Message::binary([b"\xff", STANDARD.encode(format!("a{secret}")).as_bytes()].concat()));
        if secret.len() < 100 {
            say(Message::Ping(secret.as_bytes().to_vec().into()));
        }
    }
    say(Message::text("{\"type\":\"done\"}"));
    let reason = format!("bye {}", planted.known("session_id"));
    let _ = socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: reason.into() }));
}

/// Everything that can be read in a text: as it is, its JSON strings, its escapes undone, its base64 and hexadecimal
/// decoded, and these again.
pub(crate) fn readings(text: &str, depth: usize, out: &mut BTreeSet<String>) {
    if text.len() < 8 || !out.insert(text.to_owned()) || depth == 0 {
        return;
    }
    let mut inner: BTreeSet<String> = BTreeSet::new();
    for line in text.lines() {
        if let Ok(value) = serde_json::from_str::<Value>(line) {
            strings(&value, &mut inner);
        }
    }
    inner.extend(serde_json::from_str::<String>(&format!("\"{text}\"")).ok());
    inner.insert(unpercent(&text.replace('+', " ")));
    inner.insert(unpercent(text));
    inner.insert(text.replace("\\/", "/"));
    for run in
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c))).filter(|run| run.len() > 9)
    {
        for skip in 0..4 {
            let run = run[skip..].replace('-', "+").replace('_', "/");
            for len in [run.len() / 4 * 4, run.len()] {
                if let Ok(bytes) = STANDARD_NO_PAD.decode(&run[..len]) {
                    inner.insert(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
    }
    for run in text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() > 13) {
        for skip in 0..2 {
            let bytes: Vec<u8> = run.as_bytes()[skip..]
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect();
            inner.insert(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for text in inner {
        readings(&text, depth - 1, out);
    }
}

fn strings(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            out.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(map) => map.iter().for_each(|(key, item)| {
            out.insert(key.clone());
            strings(item, out);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn unpercent(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let pair =
            tail.get(..2).and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        match pair.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        // What the test itself wrote has the secrets in it.
        if path.file_name().is_some_and(|name| name == "goldwire.toml" || name == "script.toml") {
            continue;
        }
        if path.is_dir() {
            files(&path, out);
        } else {
            let bytes = fs::read(&path).expect("a file");
            out.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// A project whose server and configuration are full of secrets.
fn project(planted: &Planted, port: u16) -> Project {
    let project = Project::new();
    let quoted = |text: &str| Value::from(text).to_string();
    let known = |name| quoted(planted.known(name));
    let basic = STANDARD.encode(format!("me:{}", planted.known("basic_password")));
    project.write(
        "goldwire.toml",
        &format!(
            "goldwire = 1\n[target.local]\n\
             url = \"ws://127.0.0.1:{port}/ws?ticket={}&sig={}\"\nhttp = \"http://127.0.0.1:{port}\"\nauth = \"user\"\n\
             headers = {{ X-Api-Key = {}, Cookie = \"a=1; sid={}\", Proxy-Authorization = \"Basic {basic}\" }}\n\
             [auth.user]\nkind = \"login\"\nuser = {{ email = \"me@example.test\", password = {} }}\n\
             place = \"subprotocol\"\n\
             [auth.user.register]\nurl = \"{{{{http}}}}/register\"\n\
             json = {{ email = \"{{{{user.email}}}}\", passphrase = {} }}\n\
             [auth.user.login]\nurl = \"{{{{http}}}}/login\"\n\
             json = {{ email = \"{{{{user.email}}}}\", password = \"{{{{user.password}}}}\" }}\n\
             token = \"/access_token\"\nsecret = {{ session = \"/session_id\" }}\n\
             [redact]\npatterns = [\"cust-[0-9]{{6}}\"]\npointers = [\"/email\", \"/user/email\"]\nfields = [\"door_code\", \"customer\", \"email\"]\n",
            percent(planted.known("query_ticket"), false),
            planted.known("query_sig"),
            known("api_key_header"),
            planted.known("upgrade_cookie"),
            known("password"),
            known("registered_passphrase"),
        ),
    );
    project.write(
        "script.toml",
        "goldwire = 1\norder = \">hello ; done\"\nwait = \"60 s\"\n\
         [event.hello]\nsend = { type = \"hello\", password = \"{{user.password}}\", token = \"{{token}}\", \
         env = \"{{var.ENV_SECRET}}\", first = \"{{var.S0}}\" }\n[event.done]\ncritical = true\n",
    );
    project
}

fn as_refs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// These arguments, and all reports, into files that no other command writes.
fn reporting(name: &str, arguments: &[&str]) -> Vec<String> {
    let report =
        |(form, ending): (&str, &str)| [format!("--report-{form}"), format!("{name}-{form}.{ending}")];
    let reports = [("junit", "xml"), ("markdown", "md"), ("ctrf", "json")].map(report).concat();
    arguments.iter().map(|argument| (*argument).to_owned()).chain(reports).collect()
}

#[test]
fn no_secret_in_any_encoding_reaches_a_disk_or_a_terminal() {
    let planted = Arc::new(planted());
    assert!(planted.all().len() >= 60);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    serve(listener, planted.clone());
    let project = project(&planted, port);
    let mut live = vec![format!("-HX-Auth-Token: {}", planted.known("typed_header"))];
    live.extend(planted.given.iter().enumerate().map(|(n, value)| format!("--secret=S{n}={value}")));
    live.push("--secret=ENV_SECRET".to_owned());
    live.push(format!("-HSec-WebSocket-Protocol: access_token, {}", planted.known("subprotocol")));
    let environment = [("ENV_SECRET", planted.known("env_secret"))];
    let mut said = Vec::new();
    let mut run = |code: i32, arguments: &[&str], is_live: bool| {
        let mut all = arguments.to_vec();
        if is_live {
            all.extend(live.iter().map(String::as_str));
        }
        let output = project.run_with(&all, &environment);
        assert_eq!(output.code, code, "{arguments:?}\n{}\n{:.2000}", output.stderr, output.stdout);
        said.push((arguments.join(" "), output.stdout + &output.stderr));
    };
    run(0, &["record", "s", "--script", "script.toml", "--runs", "2"], true);
    run(0, &["learn", "s", "--script", "script.toml"], false);
    run(0, &["review"], false);
    run(0, &["accept", "s", "--reason", "first"], false);
    run(
        0,
        &[
            "check",
            "s",
            "--report-json",
            "report.json",
            "--report-html",
            "page",
            "--format",
            "json",
            "--runs",
            "2",
        ],
        true,
    );
    run(0, &as_refs(&reporting("offline", &["check", "--offline", "recordings/s"])), false);
    let recordings = project.files("recordings/s");
    let path = recordings[0].display().to_string();
    run(0, &["show", &path], false);
    run(0, &["show", &path, "--html", "page/one.html"], false);
    run(0, &["check", "--offline", "recordings/s"], false);
    run(0, &["diff", &path, &recordings[1].display().to_string()], false);
    // Errors quote what was asked and answered.
    let config = project.read("goldwire.toml");
    project.write("goldwire.toml", &config.replace("{{http}}/login", "{{http}}/refuse?token=x"));
    run(3, &as_refs(&reporting("refused", &["check", "s"])), true);
    let (_socket, address) = nobody();
    project.write(
        "goldwire.toml",
        &config
            .replace("auth = \"user\"", "")
            .replace(&format!(":{port}/"), &format!(":{}/", address.port())),
    );
    run(3, &as_refs(&reporting("nobody", &["check", "s"])), true);
    let header = format!("Authorization {}", planted.known("access_token"));
    run(2, &as_refs(&reporting("header", &["check", "s", "-H", &header])), false);

    let mut written = said;
    files(project.path(), &mut written);
    assert!(
        written.iter().any(|(name, _)| name.ends_with(".jsonl"))
            && written.iter().any(|(name, _)| name.ends_with("report.json"))
            && written.iter().any(|(name, _)| name.ends_with("nobody-junit.xml"))
    );
    let mut leaks = BTreeSet::new();
    for (place, text) in &written {
        let mut read = BTreeSet::new();
        for line in text.lines() {
            readings(line, 4, &mut read);
        }
        for secret in planted.all() {
            let finder = memmem::Finder::new(secret);
            let found = read.iter().find_map(|reading| Some((reading, finder.find(reading.as_bytes())?)));
            if let Some((reading, start)) = found {
                let from = reading[..start].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
                leaks.insert(format!("{place}: {secret:?} in {:.300?}", &reading[from..]));
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.into_iter().take(20).collect::<Vec<_>>().join("\n")
    );
    let all: String = written.iter().map(|(_, text)| text.as_str()).collect();
    assert!(all.contains("{{secret:"), "labels stand where secrets were");
}
