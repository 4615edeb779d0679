//! Credentials that nobody announced, as public protocols and common practice carry them: each is planted four times, with
//! another secret each time, and comes in by two kinds of capture and over a real socket. None may be left in what was
//! written or said. What only sounds like a credential has to stand as it was sent.

use crate::secrets::{jwt, readings, word};
use crate::support::{Project, Running};
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use goldwire::codec::Codec;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

/// `family|side|form of the secret|name|frame`, in the order in which they pass. The secret stands at `§S` as it is, at `§J`
/// within a JSON string, at `§Q` within a JSON text in a JSON string, at `§U` percent-encoded, at `§X` for XML; `§6` is its
/// base64, `§B` that of `ada:` and it, `§P` that of SASL's PLAIN, `§C` that of SCRAM's last message. `§N` is the length of
/// what follows the first line, `§L` that of the secret. Control characters are written as their pictures. A frame without
/// a secret is what such a session says besides. On side `=` stands what only sounds like a credential: it is put among the
/// carriers of its family, and has to be left as it is. The frames of a family that is called as a codec are written by it.
const CARRIERS: &str = include_str!("plants.txt");

/// One secret, in one frame of one session.
struct Plant {
    carrier: &'static str,
    secret: String,
}

struct Frame {
    is_sent: bool,
    is_binary: bool,
    bytes: Vec<u8>,
}

impl Frame {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("a text")
    }
}

/// A family's frames with one of the four secrets each, as one session.
struct Session {
    name: String,
    protocol: Option<&'static str>,
    frames: Vec<Frame>,
}

/// The `nth` of four secrets of a form.
fn secret(form: &str, seed: u32, nth: u32) -> String {
    let part = |more: u32, len| word(seed * 16 + more, len);
    let lower = |more, len| part(more, len).to_ascii_lowercase();
    let hex = |len: usize| -> String { part(1, len).bytes().map(|byte| format!("{byte:02x}")).collect() };
    // Once of letters and digits, three times with what the place allows.
    let marked = |marks: [&str; 2]| match nth {
        0 => part(1, 18),
        3 => format!("{}2024!{}", lower(1, 5), part(2, 6)),
        _ => format!("{}{}{}", part(1, 9), marks[nth as usize - 1], part(2, 9)),
    };
    let key: Vec<&str> = form.split(' ').collect();
    match key[..] {
        ["password"] => marked(["\"q\"/\\", "\u{e9}\u{1f511}+&<"]),
        ["printable"] => marked(["/+=", "!$*"]),
        ["word"] => part(1, 24 + nth as usize * 4),
        ["long"] => part(1, 86),
        ["hex"] => hex(32),
        ["digits"] => part(1, 8).bytes().map(|byte| char::from(b'1' + byte % 9)).collect(),
        ["jwt"] => jwt(seed),
        ["proof"] => STANDARD.encode(part(1, 20)),
        ["discord"] => format!("{}.{}.{}", part(1, 24), part(2, 6), part(3, 27)),
        ["pat"] => format!("github_pat_{}_{}", part(1, 22), part(2, 59)),
        ["xoxb"] => format!("xoxb-{}-{}", 2_024_000_000 + seed, part(1, 24)),
        ["aws"] => format!("AKIA{}", part(1, 16).to_ascii_uppercase()),
        ["sendgrid"] => format!("SG.{}.{}", part(1, 22), part(2, 43)),
        ["words"] => {
            let list = ["legal", "winner", "thank", "year", "wave", "sausage", "worth", "useful", "letter"];
            let picked =
                part(1, 12).into_bytes().into_iter().map(|byte| list[usize::from(byte) % list.len()]);
            picked.collect::<Vec<_>>().join(" ")
        }
        ["key", start, len] => format!("{start}{}", part(1, len.parse().expect("a length"))),
        _ => panic!("{form} is no form of a secret"),
    }
}

/// The inside of a JSON string.
fn quoted(text: &str) -> String {
    let all = Value::from(text).to_string();
    all[1..all.len() - 1].to_owned()
}

fn percent(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn filled(template: &str, secret: &str) -> String {
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let pem = |kind: &str| format!("-----{kind} PRIVATE KEY-----");
    let [begin, end] = ["BEGIN", "END"].map(pem);
    let (first, second) = secret.split_at_checked(64).unwrap_or((secret, ""));
    let values = [
        ("§J", quoted(secret)),
        ("§Q", quoted(&quoted(secret))),
        ("§U", percent(secret)),
        ("§X", xml),
        ("§6", STANDARD.encode(secret)),
        ("§B", STANDARD.encode(format!("ada:{secret}"))),
        ("§P", STANDARD.encode(format!("\0ada\0{secret}"))),
        ("§C", STANDARD.encode(format!("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p={secret}"))),
        ("§K", format!("{begin}\n{first}\n{second}\n{end}\n")),
        ("§L", secret.len().to_string()),
        ("§S", secret.to_owned()),
        ("␍", "\r".to_owned()),
        ("␊", "\n".to_owned()),
        ("␀", "\0".to_owned()),
        ("␞", "\u{1e}".to_owned()),
    ];
    let text = values.iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value));
    let after = text.split_once("\r\n").map_or(0, |(_, rest)| rest.trim_end_matches("\r\n").len());
    text.replace("§N", &after.to_string())
}

/// A packet of MQTT: CONNECT with the protocol's level, or what accepts it.
fn mqtt(level: Option<u8>, family: &str, secret: &str) -> Vec<u8> {
    let Some(level) = level else {
        return if family == "mqtt5" { vec![0x20, 3, 0, 0, 0] } else { vec![0x20, 2, 0, 0] };
    };
    let field = |bytes: &[u8]| [&[0, u8::try_from(bytes.len()).expect("short")], bytes].concat();
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    let head = [&field(b"MQTT")[..], &[level, 0xC2, 0, 60], properties].concat();
    let body = [head, field(b"client-1"), field(b"ada"), field(secret.as_bytes())].concat();
    [&[0x10, u8::try_from(body.len()).ok().filter(|len| *len < 128).expect("short")], &body[..]].concat()
}

/// All sessions, and what was planted in them.
fn sessions() -> (Vec<Session>, Vec<Plant>) {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    let mut plants = Vec::new();
    for (seed, nth, line) in CARRIERS
        .lines()
        .filter(|line| !line.contains("|=|"))
        .zip(1..)
        .flat_map(|(line, seed)| (0..4).map(move |nth| (seed, nth, line)))
    {
        let parts: Vec<&'static str> = line.splitn(5, '|').collect();
        let [family, side, form, carrier, template] = parts[..] else { panic!("{line}") };
        let secret = if form == "-" { String::new() } else { secret(form, 4 * seed + nth, nth) };
        let codec = Codec::of(family);
        let bytes = match (family, codec) {
            ("mqtt" | "mqtt5", _) => mqtt(template.parse().ok(), family, &secret),
            (_, Some(codec)) => {
                let message = serde_json::from_str(&filled(template, &secret)).expect("a JSON text");
                codec.write(&message).expect("any JSON can be written")
            }
            _ => filled(template, &secret).into_bytes(),
        };
        if form != "-" {
            plants.push(Plant { carrier, secret });
        }
        let is_binary = codec.is_some() || ["nats", "mqtt", "mqtt5", "redis"].contains(&family);
        let protocol = match family {
            "mqtt" | "mqtt5" => Some("mqtt"),
            "stomp" => Some("v12.stomp"),
            "graphql" => Some("graphql-transport-ws"),
            "wamp" => Some("wamp.2.json"),
            "xmpp" => Some("xmpp"),
            _ => None,
        };
        let name = format!("{family}-{nth}");
        let session = Session { name: name.clone(), protocol, frames: Vec::new() };
        let frame = Frame { is_sent: side == ">", is_binary, bytes };
        sessions.entry(name).or_insert(session).frames.push(frame);
    }
    for (at, (family, text)) in friends().enumerate() {
        for nth in 0..4 {
            let session = sessions.get_mut(&format!("{family}-{nth}")).expect("a family");
            let frame = Frame {
                is_sent: (at + nth).is_multiple_of(2),
                is_binary: false,
                bytes: text.as_bytes().to_vec(),
            };
            let place = (at * 3 + 1).min(session.frames.len());
            session.frames.insert(place, frame);
        }
    }
    (sessions.into_values().collect(), plants)
}

fn friends() -> impl Iterator<Item = (&'static str, &'static str)> {
    CARRIERS.lines().filter_map(|line| line.split_once("|=|-|-|"))
}

fn project() -> Project {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n");
    project
}

/// The first way: a file of JSON Lines for each session. `inbox` is another folder, for these files have the secrets.
fn by_lines(sessions: &[Session], project: &Project, inbox: &Project) {
    let mut paths = Vec::new();
    for session in sessions {
        let line = |(at, frame): (usize, &Frame)| {
            let way = if frame.is_sent { "out" } else { "in" };
            let mut line = json!({ "ts": at, "d": way });
            if frame.is_binary {
                line["b"] = STANDARD.encode(&frame.bytes).into();
            } else {
                line["m"] = frame.text().into();
            }
            format!("{line}\n")
        };
        let name = format!("{}.jsonl", session.name);
        inbox.write(&name, &session.frames.iter().enumerate().map(line).collect::<String>());
        paths.push(inbox.path().join(name).display().to_string());
    }
    let map = "time=/ts,dir=/d,data=/m,base64=/b,sent=out,unit=ms";
    let mut arguments = vec!["import", "--session", "s", "--map", map];
    arguments.extend(paths.iter().map(String::as_str));
    let said = project.run(&arguments).exits(0);
    project.write("said/import.txt", &(said.stdout + &said.stderr));
}

/// The second way: one file as browsers write it, with a connection for each session.
fn by_har(sessions: &[Session], project: &Project, inbox: &Project) {
    let start = 1_767_225_600.0;
    let entry = |session: &Session| {
        let message = |(at, frame): (u32, &Frame)| {
            let data = if frame.is_binary { STANDARD.encode(&frame.bytes) } else { frame.text().to_owned() };
            json!({ "type": if frame.is_sent { "send" } else { "receive" },
                "time": start + 0.5 + f64::from(at) / 1000.0, "opcode": if frame.is_binary { 2 } else { 1 },
                "data": data })
        };
        let messages: Vec<Value> = (0..).zip(&session.frames).map(message).collect();
        let header = |protocol: &str| json!({ "name": "Sec-WebSocket-Protocol", "value": protocol });
        let headers: Vec<Value> = session.protocol.into_iter().map(header).collect();
        let url = format!("ws://example.test/{}", session.name);
        json!({ "startedDateTime": "2026-01-01T00:00:00.000Z", "time": 5000, "_resourceType": "websocket",
            "request": { "method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": headers,
                "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0 },
            "response": { "status": 101, "statusText": "", "httpVersion": "HTTP/1.1", "headers": headers,
                "cookies": [], "content": { "size": 0, "mimeType": "" }, "redirectURL": "",
                "headersSize": -1, "bodySize": 0 },
            "cache": {}, "timings": { "send": 0, "wait": 0, "receive": 0 }, "_webSocketMessages": messages })
    };
    let entries: Vec<Value> = sessions.iter().map(entry).collect();
    let creator = json!({ "name": "browser", "version": "1" });
    let har = json!({ "log": { "version": "1.2", "creator": creator, "entries": entries } });
    inbox.write("x.har", &har.to_string());
    let path = inbox.path().join("x.har").display().to_string();
    let said = project.run(&["import", &path, "--session", "h"]).exits(0);
    project.write("said/import.txt", &(said.stdout + &said.stderr));
}

/// The third way: a real server, and a client by hand. Both sides are played here, one frame after the other.
fn by_socket(sessions: &[Session], project: &Project) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    fs::create_dir_all(project.path().join("said")).expect("a folder");
    for session in sessions {
        let url = format!("ws://127.0.0.1:{port}/{}", session.name);
        let offered = session.protocol.map(|protocol| format!("-HSec-WebSocket-Protocol: {protocol}"));
        let mut arguments = vec!["record", "live", &url];
        arguments.extend(offered.as_deref());
        let said = |kind: &str| {
            let path = project.path().join("said").join(format!("{}.{kind}", session.name));
            File::create(path).expect("a file")
        };
        let mut command = project.command(&arguments);
        command.stdin(Stdio::piped()).stdout(said("stdout")).stderr(said("stderr"));
        let mut child = Running(command.spawn().expect("it runs"));
        let mut keyboard = child.0.stdin.take().expect("a pipe");
        let stream = loop {
            if let Ok((stream, _)) = listener.accept() {
                break stream;
            }
            assert!(child.0.try_wait().expect("a child").is_none(), "{}: it never came", session.name);
            std::thread::sleep(Duration::from_millis(1));
        };
        let mut socket = accepted(stream, session.protocol);
        let mut was_sent = false;
        for frame in &session.frames {
            if was_sent != frame.is_sent {
                // What came is looked at before it is answered.
                std::thread::sleep(Duration::from_millis(5));
                was_sent = frame.is_sent;
            }
            if frame.is_sent {
                // A line cannot have lines: such a text is sent as bytes.
                let line = if frame.is_binary || frame.text().contains(['\n', '\r']) {
                    format!("/binary {}", STANDARD.encode(&frame.bytes))
                } else {
                    frame
                        .text()
                        .strip_prefix('/')
                        .map_or_else(|| frame.text().to_owned(), |rest| format!("//{rest}"))
                };
                writeln!(keyboard, "{line}").expect("it reads");
                while !socket.read().expect("what was typed").into_data().eq(&frame.bytes[..]) {}
            } else if frame.is_binary {
                socket.send(Message::binary(frame.bytes.clone())).expect("it reads");
            } else {
                socket.send(Message::text(frame.text())).expect("it reads");
            }
        }
        socket.close(None).expect("it is open");
        while socket.read().is_ok() {}
        drop(keyboard);
        let status = child.0.wait().expect("it ends");
        assert!(status.success(), "{}: {status}", session.name);
    }
}

#[expect(clippy::result_large_err, reason = "the library's own callback")]
fn accepted(stream: TcpStream, protocol: Option<&'static str>) -> WebSocket<TcpStream> {
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let answer = |_: &Request, mut response: Response| {
        if let Some(protocol) = protocol {
            let value = protocol.parse().expect("a header");
            response.headers_mut().append("sec-websocket-protocol", value);
        }
        Ok(response)
    };
    accept_hdr(stream, answer).expect("a handshake")
}

/// What must not be found: the secret, and the ends of its longer runs of letters and digits, for half a secret is one, too.
fn pieces(secret: &str) -> Vec<&str> {
    // The first two parts of a JSON Web Token are the same for many.
    let rest = if secret.starts_with("eyJ") { secret.rsplit('.').next().expect("a part") } else { secret };
    let runs = rest.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| run.len() > 8);
    let ends = runs.flat_map(|run| [&run[run.len() - 8..], &run[..8]]);
    ends.filter(|end| !end.starts_with("github")).chain([secret]).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn credentials_that_nobody_announced_are_hidden_and_what_only_sounds_like_one_stands() {
    let (sessions, plants) = sessions();
    assert!(plants.len() >= 300, "{} plants", plants.len());
    let needles: Vec<(usize, &str)> = (0..)
        .zip(&plants)
        .flat_map(|(at, plant)| pieces(&plant.secret).into_iter().map(move |piece| (at, piece)))
        .collect();
    let finder = AhoCorasick::new(needles.iter().map(|(_, piece)| piece)).expect("a few thousand words");
    let mut leaks: BTreeMap<(&str, &str), BTreeMap<usize, String>> = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    for way in ["lines", "har", "socket"] {
        let (project, inbox) = (project(), Project::new());
        match way {
            "lines" => by_lines(&sessions, &project, &inbox),
            "har" => by_har(&sessions, &project, &inbox),
            _ => by_socket(&sessions, &project),
        }
        let recordings = files(&project.path().join("recordings"));
        assert_eq!(recordings.len(), sessions.len(), "by {way}");
        let mut recorded = String::new();
        for (nth, path) in recordings.iter().enumerate() {
            let said = project.run(&["show", &path.display().to_string()]).exits(0);
            project.write(&format!("said/show-{nth}.txt"), &(said.stdout + &said.stderr));
            recorded.push_str(&fs::read_to_string(path).expect("a recording"));
        }
        for (_, friend) in friends() {
            let text = Value::from(friend).to_string();
            let stands = recorded.matches(&format!(":{friend}}}")).count() + recorded.matches(&text).count();
            if stands != 4 {
                hidden.insert(format!("{way}: {friend} stands {stands} times of 4"));
            }
        }
        for path in files(project.path()) {
            let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
            for line in text.lines() {
                let mut read = BTreeSet::new();
                readings(line, 4, &mut read);
                for (reading, found) in read
                    .iter()
                    .flat_map(|reading| finder.find_overlapping_iter(reading).map(move |f| (reading, f)))
                {
                    let (at, piece) = needles[found.pattern()];
                    let from = reading[..found.start()].char_indices().rev().nth(40).map_or(0, |(at, _)| at);
                    let place = path.file_name().expect("a name").display();
                    let example = format!("{place}: {piece:?} in {:.200?}", &reading[from..]);
                    leaks.entry((plants[at].carrier, way)).or_default().insert(at, example);
                }
            }
        }
    }
    let told: Vec<String> = leaks
        .iter()
        .map(|((carrier, way), found)| {
            let examples: Vec<&str> = found.values().take(2).map(String::as_str).collect();
            format!("{carrier}, by {way}, {} of 4:\n    {}", found.len(), examples.join("\n    "))
        })
        .chain(hidden)
        .collect();
    assert!(
        told.is_empty(),
        "{} carriers leak or false friends are hidden:\n{}",
        told.len(),
        told.join("\n")
    );
}
