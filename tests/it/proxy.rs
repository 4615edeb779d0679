//! What connects through the proxy meets the real server, and leaves a recording.

use crate::proxied::{Proxied, frame, lines, open, read_head, serve};
use crate::support::{Project, Release, nobody};
use flate2::{Compress, Compression, FlushCompress};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{self, Message};

const MASK: Option<[u8; 4]> = Some([7, 99, 0, 250]);

/// A project that logs in to a server that runs already.
fn project(server: &Release) -> Project {
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    let login = &config[config.find("[auth.user]").expect("our own login")..];
    let target = format!("[target.local]\nurl = \"{}\"\nauth = \"user\"\n", server.url());
    project.write("goldwire.toml", &format!("goldwire = 1\n[check]\nusers = 3\n\n{target}\n{login}"));
    project
}

/// What a recording holds besides its first and last line, without times.
fn frames(recording: &[Value]) -> Vec<Value> {
    let mut frames = recording[1..recording.len() - 1].to_vec();
    for frame in &mut frames {
        frame.as_object_mut().expect("an object").remove("t");
        frame.as_object_mut().expect("an object").remove("earlier");
    }
    frames
}

fn end(recording: &[Value]) -> &Value {
    &recording.last().expect("a last line")["end"]
}

#[test]
fn sessions_recorded_by_the_proxy_become_a_golden_that_the_server_conforms_to() {
    let server = Release::start("");
    let project = project(&server);
    let proxied = Proxied::start(&project, "live", &server.url(), &[]);
    // Its logins go through the proxy as well.
    let url = format!("{}/ws", proxied.url);
    let record = ["record", "driven", "--script", "agent-run.toml", "--runs", "3", "--url", &url];
    project.run(&record).exits(0);
    let said = proxied.stop().exits(0);
    assert_eq!(said.stdout.lines().filter(|line| line.ends_with("frames client 1000")).count(), 9);
    assert_eq!(project.files("recordings/live").len(), 9);

    project.run(&["learn", "live", "--accept", "what a client did"]).exits(0);
    let golden = project.read("golden/live.toml");
    assert!(golden.contains("thread = \"{{thread_id}}\"") && golden.contains("bind.thread_id"), "{golden}");
    project.run(&["check", "live"]).exits(0);

    let all = project.everything() + &said.stdout + &said.stderr;
    let passwords =
        all.match_indices("pw-").filter(|(at, _)| !all[*at..].starts_with("pw-{{nonce}}")).count();
    assert_eq!(passwords, 0);
    assert!(!all.contains("eyJ"), "a token was written");
}

#[test]
fn a_login_in_the_first_message_is_learned_as_a_place_and_filled_anew() {
    let server = Release::start("");
    let project = project(&server);
    let place = "place = \"message\"\nmessage = { type = \"auth\", token = \"{{token}}\" }";
    project.write("goldwire.toml", &project.read("goldwire.toml").replace("place = \"header\"", place));
    let proxied = Proxied::start(&project, "live", &server.url(), &[]);
    let url = format!("{}/ws?auth=message", proxied.url);
    project.run(&["record", "d", "--script", "agent-run.toml", "--runs", "2", "--url", &url]).exits(0);
    proxied.stop().exits(0);
    let claims = lines(&std::fs::read_to_string(&project.files("recordings/live")[0]).expect("a recording"));
    assert!(claims[0]["claims"]["sub"].is_string(), "who talks is known from the first message");
    project.run(&["learn", "live", "--accept", "what a client did"]).exits(0);
    let golden = project.read("golden/live.toml");
    assert!(golden.contains("send = { type = \"auth\", token = \"{{token}}\" }"), "{golden}");
    let url = format!("{}?auth=message", server.url());
    project.run(&["check", "live", "--url", &url]).exits(0);
    // Without a login nobody has a token: said before anything is sent.
    project.write("goldwire.toml", &format!("goldwire = 1\n[target.local]\nurl = \"{url}\"\n"));
    let said = project.run(&["check", "live"]).exits(3);
    assert!(said.stdout.contains("no value for {{token}}"), "{}", said.stdout);
}

#[test]
fn a_proxied_recording_holds_the_facts_of_the_handshake() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "live", &server.url(), &[]);
    let url = format!("{}/ws", proxied.url);
    project.run(&["record", "driven", "--script", "agent-run.toml", "--users", "1", "--url", &url]).exits(0);
    let recording = proxied.recording(&project);
    let (header, handshake) = (&recording[0], &recording[0]["handshake"]);
    assert_eq!((&header["url"], &header["user"]), (&json!(server.url()), &json!("u1")));
    assert_eq!(handshake["peer"], server.url()[5..server.url().len() - 3]);
    assert_eq!(handshake["request"]["Host"], handshake["peer"], "the server is asked by its own name");
    assert_eq!(handshake["request"]["Authorization"], "Bearer {{secret:token#1}}");
    assert!(handshake["response"]["sec-websocket-accept"].is_string() && handshake["status"] == 101);
    assert!(header["claims"]["sub"].as_str().is_some_and(|sub| sub.starts_with("usr_")), "{header}");
    assert!(handshake["took"].as_u64() >= handshake["tcp"].as_u64());
    if cfg!(target_os = "linux") {
        assert_eq!(header["stamps"], "kernel", "both sides' bytes are stamped by the kernel");
    }
    // What the driver saw on its side of the proxy is what the proxy saw.
    let own = project.files("recordings/driven");
    let own = lines(&std::fs::read_to_string(&own[0]).expect("a recording"));
    assert_eq!(frames(&recording), frames(&own));
    assert_eq!(end(&recording), &json!({ "by": "client", "code": 1000 }));
}

#[test]
fn every_byte_arrives_as_it_was_sent_and_fragments_pings_and_forbidden_codes_are_recorded() {
    let up = [
        frame(0x01, MASK, b"{\"frag\":"),
        frame(0x89, MASK, b"between"),
        frame(0x00, Some([0; 4]), b"\"ment"),
        frame(0x80, MASK, b"ed\"}"),
        frame(0x82, MASK, &vec![0xfe; 20 << 20]),
        frame(0x88, MASK, &[0x03, 0xe8]),
    ]
    .concat();
    let down = [
        frame(0x8a, None, b"between"),
        frame(0x81, None, b"not json"),
        frame(0x88, None, &[&[0x03, 0xee][..], b"a code that never may be sent"].concat()),
    ]
    .concat();
    let (sent, expected) = (down.clone(), up.len());
    let (url, server) = serve("Sec-WebSocket-Protocol: b.v2\r\n", move |mut stream, head| {
        stream.write_all(&sent).expect("it is taken");
        let mut got = vec![0; expected];
        stream.read_exact(&mut got).expect("all of it");
        (head, got)
    });
    let project = Project::new();
    let mut proxied = Proxied::start(&project, "raw", &url, &[]);
    let headers = format!(
        "Origin: http://{}\r\nX-Odd:  kept\r\nSec-WebSocket-Protocol: a.v1, b.v2\r\n",
        proxied.address()
    );
    let (mut client, head) = open(proxied.address(), "/deep/path?x=%20y", &headers);
    assert!(head.contains("Sec-WebSocket-Protocol: b.v2\r\n"), "{head}");
    let mut writer = client.try_clone().expect("a handle");
    let writing = std::thread::spawn(move || writer.write_all(&up).map(|()| up));
    let mut got = vec![0; down.len()];
    client.read_exact(&mut got).expect("all of it");
    assert_eq!(got, down);
    let up = writing.join().expect("it ran").expect("it is taken");
    let (asked, arrived) = server.join().expect("it ran");
    assert!(arrived == up, "the server got other bytes");
    let own = url.replace("ws://", "");
    assert!(asked.starts_with("GET /deep/path?x=%20y HTTP/1.1\r\n"), "{asked}");
    for line in [format!("Host: {own}"), format!("Origin: http://{own}"), "X-Odd: kept".to_owned()] {
        assert!(asked.contains(&format!("{line}\r\n")), "{asked}");
    }
    drop(client);
    let recording = proxied.recording(&project);
    let mut frames = frames(&recording);
    let big = frames.iter().position(|frame| frame["bin"].is_string() || frame["base64"].is_string());
    let big = frames.remove(big.expect("the long message"));
    assert!(big.to_string().len() > (20 << 20) * 4 / 3, "{}", big.to_string().len());
    for expected in [
        json!({ "dir": ">", "json": { "frag": "mented" } }),
        json!({ "dir": "<", "text": "not json" }),
        json!({ "dir": "<", "close": { "code": 1006, "reason": "a code that never may be sent" } }),
        json!({ "dir": ">", "close": { "code": 1000, "reason": "" } }),
    ] {
        assert!(frames.contains(&expected), "{expected} is missing from {frames:?}");
    }
    assert_eq!(frames.len(), 6, "and a ping and a pong: {frames:?}");
    assert_eq!(recording.last().expect("a line")["frames"], 7);
    proxied.stop().exits(0);
}

#[test]
fn compressed_messages_pass_as_they_are_and_are_recorded_as_they_read() {
    // Both directions keep their context: the second message says little but "as before".
    let mut packer = Compress::new(Compression::best(), false);
    let mut pack = |text: &str| {
        let mut out = Vec::with_capacity(1024);
        packer.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).expect("it compresses");
        out.truncate(out.len() - 4);
        out
    };
    let text = "{\"type\":\"token\",\"text\":\"again and again and again\"}";
    let (first, second) = (pack(text), pack(text));
    assert!(second.len() < first.len());
    let down = [frame(0xc1, None, &first), frame(0x41, None, &second[..3]), frame(0x80, None, &second[3..])]
        .concat();
    let up =
        [frame(0xc1, MASK, &first), frame(0xc1, MASK, &second), frame(0x81, MASK, b"{\"plain\":1}")].concat();
    let (sent, len) = (down.clone(), up.len());
    let (url, server) = serve("Sec-WebSocket-Extensions: permessage-deflate\r\n", move |mut stream, head| {
        let mut got = vec![0; len];
        stream.read_exact(&mut got).expect("all of it");
        stream.write_all(&sent).expect("it is taken");
        (head, got)
    });
    let project = Project::new();
    let mut proxied = Proxied::start(&project, "packed", &url, &[]);
    let offer = "Sec-WebSocket-Extensions: x-odd; a=1, permessage-deflate; client_max_window_bits\r\n";
    let (mut client, _) = open(proxied.address(), "/", offer);
    assert!(proxied.complaint().contains("not offered to the server, as it could not be read: x-odd; a=1"));
    client.write_all(&up).expect("it is taken");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("all of it");
    let (head, arrived) = server.join().expect("it ran");
    assert_eq!((got, arrived), (down, up), "not a byte differs");
    assert!(
        head.contains("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
        "{head}"
    );
    drop(client);
    let recording = proxied.recording(&project);
    let message: Value = serde_json::from_str(text).expect("JSON");
    let expected = [
        json!({ "dir": ">", "json": message }),
        json!({ "dir": ">", "json": message }),
        json!({ "dir": ">", "json": { "plain": 1 } }),
        json!({ "dir": "<", "json": message }),
        json!({ "dir": "<", "json": message }),
    ];
    assert_eq!(frames(&recording), expected);
    assert_eq!(end(&recording)["by"], "network");
    assert!(
        end(&recording)["reason"]
            .to_string()
            .contains("the server ended the connection without a close frame")
    );
}

#[test]
fn many_clients_at_once_have_a_recording_each() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "many", &server.url(), &[]);
    let url = format!("{}/ws", proxied.url);
    project.run(&["record", "d", "--script", "agent-run.toml", "--users", "12", "--url", &url]).exits(0);
    let mut users = Vec::new();
    for _ in 0..12 {
        let recording = proxied.recording(&project);
        let own = recording[0]["claims"]["sub"].clone();
        let connected = frames(&recording).into_iter().find(|frame| frame["json"]["type"] == "connected");
        assert_eq!(connected.expect("it was greeted")["json"]["user_id"], own, "no frame of another user");
        users.push(recording[0]["user"].as_str().expect("a name").to_owned());
    }
    users.sort();
    users.dedup();
    assert_eq!(users.len(), 12);
    proxied.stop().exits(0);
}

/// One request of HTTP/1.1 on a connection of its own: status and body.
fn http(address: &str, request: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it is taken");
    let head = read_head(&mut stream);
    let mut body = String::new();
    stream.read_to_string(&mut body).expect("it ends with the answer");
    (head, body)
}

#[test]
fn a_login_over_http_and_a_token_in_every_place_leave_no_secret() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "places", &server.url(), &["--secret", "word=open-sesame"]);
    let address = proxied.address().to_owned();
    let user = r#"{"email":"a@example.test","password":"a-long-password","name":"A"}"#;
    assert!(http(&address, "POST /auth/register", user).0.starts_with("HTTP/1.1 201 "));
    let (head, body) = http(&address, "POST /auth/login", user);
    assert!(head.starts_with("HTTP/1.1 200 ") && head.to_lowercase().contains("connection: close"), "{head}");
    let token: Value = serde_json::from_str(&body).expect("JSON");
    let token = token["access_token"].as_str().expect("a token");

    let entries = [
        (format!("/ws?token={token}"), String::new()),
        // No path: that of --to.
        ("/".to_owned(), format!("Authorization: Bearer {token}\r\n")),
        ("/ws".to_owned(), format!("Sec-WebSocket-Protocol: agent.v1, bearer.{token}\r\n")),
        ("/ws".to_owned(), format!("Cookie: theme=dark; access_token={token}\r\n")),
        ("/ws?auth=message".to_owned(), String::new()),
    ];
    for (target, headers) in &entries {
        let (stream, head) = open(&address, target, headers);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let role = tungstenite::protocol::Role::Client;
        let mut socket = tungstenite::WebSocket::from_raw_socket(stream, role, None);
        if target.ends_with("message") {
            let first = json!({ "type": "auth", "token": token, "note": "open-sesame" }).to_string();
            socket.send(Message::text(first)).expect("it is taken");
        }
        let greeting = socket.read().expect("a greeting").into_text().expect("text");
        assert!(greeting.contains("connected"), "{greeting}");
        socket.close(None).expect("it closes");
        while socket.read().is_ok() {}
        // The connection ends with its client, which the proxy would otherwise wait for.
        drop(socket);
        let recording = proxied.recording(&project);
        assert_eq!(recording[0]["user"], "u1", "one subject is one user, wherever its token stood");
        assert_eq!(end(&recording)["code"], 1005);
    }
    let said = proxied.stop().exits(0);
    let all = project.everything() + &said.stdout + &said.stderr;
    for secret in [token, "eyJ", "a-long-password", "open-sesame"] {
        assert!(!all.contains(secret), "{secret} was written");
    }
    assert!(all.contains("; access_token={{secret:token#1}}\""), "the cookie's name stays");
    assert!(all.contains("\"token\":\"{{secret:token#1}}\"") && all.contains("ws?token={{secret:token#1}}"));
}

#[test]
fn tls_on_either_side_is_the_same_session() {
    let server = Release::start("");
    let project = project(&server);
    let names = vec!["127.0.0.1".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
    project.write("cert.pem", &own.cert.pem());
    project.write("key.pem", &own.signing_key.serialize_pem());
    let tls = ["--cert", "cert.pem", "--key", "key.pem"];
    // client ⇄ wss ⇄ outer ⇄ wss ⇄ inner ⇄ ws ⇄ server
    let mut inner = Proxied::start(&project, "inner", &server.url(), &tls);
    let to = inner.url.clone();
    let mut outer = Proxied::start(&project, "outer", &to, &[&tls[..], &["--ca", "cert.pem"]].concat());
    assert!(inner.url.starts_with("wss://") && outer.url.starts_with("wss://"));
    let config =
        project.read("goldwire.toml").replace("auth = \"user\"", "auth = \"user\"\nca = \"cert.pem\"");
    project.write("goldwire.toml", &config);
    let url = format!("{}/ws", outer.url);
    project.run(&["record", "d", "--script", "agent-run.toml", "--users", "1", "--url", &url]).exits(0);
    let (inner_recording, recording) = (inner.recording(&project), outer.recording(&project));
    assert_eq!(frames(&recording), frames(&inner_recording));
    let facts = &recording[0]["handshake"]["tls"];
    assert_eq!(
        (&facts["version"], facts["certificate"].as_str().map(str::len)),
        (&json!("TLSv1_3"), Some(64))
    );
    assert_eq!(inner_recording[0]["handshake"]["tls"], Value::Null);
    outer.stop().exits(0);
    inner.stop().exits(0);

    // Without the authority nobody is believed, and the client is told so.
    let mut strict = Proxied::start(&project, "strict", &to, &[]);
    let (head, body) = http(strict.address(), "GET /health", "");
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    assert!(body.contains("connection refused"), "{body}");
    assert!(strict.complaint().contains("failed to reach wss://"));
    strict.stop().exits(3);
}

#[test]
fn a_proxy_that_cannot_begin_says_why() {
    let project = Project::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = project.run(&["proxy", "x", "--listen", &address, "--to", "ws://127.0.0.1:1"]).exits(2);
    assert!(
        said.stderr.contains(&format!("failed to listen on {address}")) && said.stderr.contains("hint: ")
    );
    let said = project.run(&["proxy", "x", "--listen", "127.0.0.1:0", "--to", "ftp://x"]).exits(2);
    assert!(said.stderr.contains("its scheme is `ftp`"), "{}", said.stderr);
    project.write("empty.pem", "");
    let tls = ["--cert", "empty.pem", "--key", "empty.pem"];
    let said = project
        .run(&[&["proxy", "x", "--listen", "127.0.0.1:0", "--to", "ws://x"], &tls[..]].concat())
        .exits(2);
    assert!(said.stderr.contains("the certificate in empty.pem: "), "{}", said.stderr);
}

#[test]
fn an_unreachable_server_is_told_to_the_client_and_a_refusal_is_passed_on() {
    let project = Project::new();
    let (_socket, address) = nobody();
    let mut proxied = Proxied::start(&project, "x", &format!("ws://{address}"), &[]);
    let (_, head) = open(proxied.address(), "/ws?token=not-for-the-log", "");
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    let complaint = proxied.complaint();
    assert!(complaint.contains(&format!("connection refused by {address}")), "{complaint}");
    let said = proxied.stop().exits(3);
    assert!(!(complaint + &said.stderr).contains("not-for-the-log"));
    assert_eq!(project.files("recordings/x").len(), 0);

    let server = Release::start("");
    let mut proxied = Proxied::start(&project, "x", &server.url(), &[]);
    let (mut stream, head) = open(proxied.address(), "/ws", "");
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("Connection: close"), "{head}");
    let mut body = [0; 9];
    stream.read_exact(&mut body).expect("a body");
    assert_eq!(&body, b"{\"error\":");
    assert!(proxied.complaint().contains("refused the upgrade with HTTP 401"));
}

#[test]
fn ctrl_c_ends_open_recordings_and_what_was_cut_off_says_so() {
    let (url, server) = serve("", |mut stream, _| {
        stream.write_all(&frame(0x81, None, b"{\"n\":1}")).expect("it is taken");
        stream.read(&mut [0; 16]).expect("it ends")
    });
    let project = Project::new();
    let proxied = Proxied::start(&project, "open", &url, &[]);
    let (mut client, _) = open(proxied.address(), "/", "");
    let mut got = [0; 9];
    client.read_exact(&mut got).expect("a frame");
    let said = proxied.stop().exits(0);
    assert_eq!(server.join().expect("it ran"), 0, "the server is told");
    assert!(said.stdout.ends_with(" u1 1 frame interrupted\n"), "{}", said.stdout);
    assert!(said.stderr.contains("1 session interrupted"), "{}", said.stderr);
}

#[test]
fn a_session_goes_on_that_cannot_be_recorded_or_understood() {
    let echo = |mut stream: TcpStream, _: String| {
        let mut got = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut got) {
            stream.write_all(&got[..count]).expect("it is taken");
        }
    };
    let run = |project: &Project, expected: &str| {
        let (url, server) = serve("", echo);
        let mut proxied = Proxied::start(project, "odd", &url, &[]);
        let (mut client, _) = open(proxied.address(), "/", "");
        // The first frame is of a kind that does not exist; what follows passes all the same.
        for bytes in [frame(0x83, MASK, b"?"), frame(0x81, MASK, b"well")] {
            client.write_all(&bytes).expect("it is taken");
            let mut back = vec![0; bytes.len()];
            client.read_exact(&mut back).expect("it comes back");
            assert_eq!(back, bytes);
        }
        client.shutdown(Shutdown::Write).expect("it ends");
        assert_eq!(client.read(&mut [0; 1]).expect("the server ends too"), 0);
        server.join().expect("it ran");
        let complaint = proxied.complaint();
        assert!(complaint.contains(expected), "{complaint}");
        proxied.stop().exits(3)
    };
    let project = Project::new();
    let said = run(&project, "recording stopped, the session goes on: the client broke the protocol");
    assert!(said.stdout.contains(" 0 frames incomplete\n"), "{}", said.stdout);
    let project = Project::new();
    project.write("recordings", "a file where a folder should be");
    run(&project, "recording stopped, the session goes on: ");
}
