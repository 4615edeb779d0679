//! Requests that pass through the proxy meet the real server, and leave a recording of each client's session.

use crate::proxied::{Proxied, lines, read_head};
use crate::support::{Project, Release};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;

/// A project that logs in to a server that runs already.
fn project(server: &Release) -> Project {
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    let login = &config[config.find("[auth.user]").expect("our own login")..];
    let target = format!("[target.local]\nurl = \"{}\"\nauth = \"user\"\n", base(server));
    project.write("goldwire.toml", &format!("goldwire = 1\n[check]\nusers = 1\n\n{target}\n{login}"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scripts/agent-stream.toml");
    project.write("stream.toml", &std::fs::read_to_string(script).expect("an example"));
    project
}

/// Where a server listens, without a path.
fn base(server: &Release) -> String {
    format!("http://{}", server.address())
}

/// One request on a connection of its own: the answer's head and body.
fn ask(address: &str, request: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(head.as_bytes()).expect("it is taken");
    let head = read_head(&mut stream);
    let mut body = String::new();
    stream.read_to_string(&mut body).expect("it ends with the answer");
    (head, body)
}

/// A server that answers each connection's request with the next of these answers, and closes.
fn serve(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a client");
            read_head(&mut stream);
            stream.write_all(answer.as_bytes()).expect("it is taken");
            // What a client still sends is read, or the end of the connection would be a reset.
            stream.shutdown(Shutdown::Write).expect("it is open");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    url
}

/// The frames of a recording, each in a few words.
fn frames(recording: &[Value]) -> Vec<String> {
    let told = recording[1..recording.len() - 1].iter().map(|frame| {
        let conn = frame["conn"].as_u64().unwrap_or(0);
        let direction = frame["dir"].as_str().expect("a direction");
        let what = match (&frame["text"], &frame["json"], &frame["close"]) {
            (Value::String(text), _, _) => text.split("\r\n").next().unwrap_or_default().to_owned(),
            (_, Value::Null, close) => format!("close {}", close["code"]),
            (_, json, _) => json.to_string(),
        };
        format!("{conn}{direction}{what}")
    });
    told.collect()
}

#[test]
fn a_client_that_is_run_three_times_becomes_a_golden_that_the_server_conforms_to() {
    let server = Release::start("");
    let project = project(&server);
    let goldwire = env!("CARGO_BIN_EXE_goldwire");
    let client = ["--", goldwire, "record", "driven", "--script", "stream.toml", "--url", "{{url}}"];
    let proxy = ["proxy", "live", "--listen", "127.0.0.1:0", "--to", &base(&server), "--path", "/agent/"];
    let said = project.run(&[&proxy[..], &["--times", "3"], &client[..]].concat()).exits(0);
    let ended = said.stdout.lines().filter(|line| line.ends_with("frames client 1000")).count();
    assert_eq!((ended, project.files("recordings/live").len()), (3, 3), "{}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("next: goldwire learn live"), "{}", said.stderr);

    project.run(&["learn", "live", "--accept", "what a client did"]).exits(0);
    let golden = project.read("golden/live.toml");
    assert!(golden.contains(r#"thread = "{{thread_id}}""#) && golden.contains("bind.thread_id"), "{golden}");
    for event in ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"] {
        assert!(golden.contains(event), "{event} is missing in {golden}");
    }
    for transport in ["User-Agent", "Accept-Encoding", "Connection", "identity"] {
        assert!(!golden.contains(transport), "{transport} is nothing that a script says: {golden}");
    }
    project.run(&["check", "live"]).exits(0);

    let all = project.everything() + &said.stdout + &said.stderr;
    assert!(!all.contains("eyJ"), "a token was written");
}

#[test]
fn a_client_that_fails_is_told_with_what_it_said() {
    let server = Release::start("");
    let project = project(&server);
    let proxy = ["proxy", "live", "--listen", "127.0.0.1:0", "--to", &base(&server)];
    let said = project.run(&[&proxy[..], &["--", "false"]].concat()).exits(3);
    assert!(said.stderr.contains("the client `false` failed: exit status: 1"), "{}", said.stderr);
    let said = project.run(&[&proxy[..], &["--", "./no-such-client"]].concat()).exits(3);
    assert!(said.stderr.contains("the client `./no-such-client` cannot be run"), "{}", said.stderr);
}

#[test]
fn users_at_once_have_a_session_each_and_no_secret_is_written() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "live", &base(&server), &["--idle-timeout", "300ms"]);
    assert!(proxied.url.starts_with("http://"), "{}", proxied.url);
    let address = proxied.address().to_owned();
    let json_body = "Content-Type: application/json\r\n";
    let mut tokens = Vec::new();
    for name in ["ana", "ben"] {
        let user =
            json!({ "email": format!("{name}@example.test"), "password": "a-long-password", "name": name });
        let (head, _) = ask(server.address(), "POST /auth/register", json_body, &user.to_string());
        assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
        let (_, body) = ask(server.address(), "POST /auth/login", json_body, &user.to_string());
        let login: Value = serde_json::from_str(&body).expect("JSON");
        tokens.push(login["access_token"].as_str().expect("a token").to_owned());
    }
    // Their threads are opened in turn: the credential says whose request it is.
    for token in [&tokens[0], &tokens[1], &tokens[0]] {
        let (head, _) =
            ask(&address, "POST /agent/threads", &format!("Authorization: Bearer {token}\r\n"), "");
        assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
    }
    let mut threads: Vec<usize> = (0..2)
        .map(|_| {
            frames(&proxied.recording(&project))
                .iter()
                .filter(|frame| frame.contains("POST /agent/threads"))
                .count()
        })
        .collect();
    threads.sort_unstable();
    assert_eq!(threads, [1, 2]);
    let said = proxied.stop().exits(0);
    let all = project.everything() + &said.stdout + &said.stderr;
    for secret in [&tokens[0], &tokens[1], "a-long-password", "eyJ"] {
        assert!(!all.contains(secret), "{secret} was written");
    }
}

#[test]
fn a_login_and_what_follows_it_are_one_session_and_no_secret_is_written() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "live", &base(&server), &["--idle-timeout", "300ms"]);
    let address = proxied.address().to_owned();
    let json_body = "Content-Type: application/json\r\n";
    let user =
        json!({ "email": "ana@example.test", "password": "a-long-password", "name": "Ana" }).to_string();
    ask(&address, "POST /auth/register", json_body, &user);
    let (_, body) = ask(&address, "POST /auth/login", json_body, &user);
    let login: Value = serde_json::from_str(&body).expect("JSON");
    let token = login["access_token"].as_str().expect("a token");
    ask(&address, "POST /agent/threads", &format!("Authorization: Bearer {token}\r\n"), "");
    let recording = proxied.recording(&project);
    let requests = frames(&recording).into_iter().filter(|frame| frame.ends_with(" HTTP/1.1"));
    assert_eq!(
        requests.collect::<Vec<_>>(),
        ["0>POST /auth/register HTTP/1.1", "1>POST /auth/login HTTP/1.1", "2>POST /agent/threads HTTP/1.1"]
    );
    let said = proxied.stop().exits(0);
    let all = project.everything() + &said.stdout + &said.stderr;
    for secret in [token, "a-long-password", "eyJ"] {
        assert!(!all.contains(secret), "{secret} was written");
    }
}

#[test]
fn answers_of_every_kind_are_passed_on_and_recorded_as_they_came() {
    let url = serve(&[
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         14\r\ndata: {\"a\":1}\n\ndata:\r\n3\r\nx\n\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"message\":\"a\"}\n{\"done\":true}\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"b\":2}",
    ]);
    let project = Project::new();
    let mut proxied = Proxied::start(&project, "kinds", &url, &["--idle-timeout", "300ms"]);
    let address = proxied.address().to_owned();
    assert_eq!(ask(&address, "GET /events", "", "").1.matches("data:").count(), 2);
    assert_eq!(ask(&address, "POST /lines", "", "{\"q\":1}").1, "{\"message\":\"a\"}\n{\"done\":true}\n");
    assert_eq!(ask(&address, "DELETE /one", "", "").1, "");
    assert_eq!(ask(&address, "GET /two", "", "").1, "{\"b\":2}");
    let recording = proxied.recording(&project);
    assert_eq!(
        frames(&recording),
        [
            "0>GET /events HTTP/1.1",
            "0<HTTP/1.1 200 OK",
            "0<data: {\"a\":1}\n\n",
            "0<data:x\n\n",
            "0<close 1000",
            "1>POST /lines HTTP/1.1",
            "1<HTTP/1.1 200 OK",
            "1<{\"message\":\"a\"}\n",
            "1<{\"done\":true}\n",
            "1<close 1000",
            "2>DELETE /one HTTP/1.1",
            "2<HTTP/1.1 204 No Content",
            "2<close 1000",
            "3>GET /two HTTP/1.1",
            "3<HTTP/1.1 200 OK",
            "3<{\"b\":2}",
            "3<close 1000",
        ]
    );
    assert_eq!(recording.last().expect("a last line")["end"]["by"], "client");
    proxied.stop().exits(0);
}

#[test]
fn an_answer_that_breaks_off_ends_the_session_and_says_so() {
    let url = serve(&[
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ]);
    let project = Project::new();
    let mut proxied = Proxied::start(&project, "broken", &url, &["--idle-timeout", "300ms"]);
    let address = proxied.address().to_owned();
    ask(&address, "GET /events", "", "");
    let recording = proxied.recording(&project);
    assert_eq!(frames(&recording), ["0>GET /events HTTP/1.1", "0<HTTP/1.1 200 OK", "0<data: a\n\n"]);
    let end = &recording.last().expect("a last line")["end"];
    assert_eq!(end["reason"], "connection closed in the middle of the answer", "{end}");
    assert_eq!(ask(&address, "GET /again", "", "").1, "ok");
    assert_eq!(frames(&proxied.recording(&project)).len(), 4, "the next request begins a session");
    proxied.stop().exits(0);
}

#[test]
fn what_a_page_is_made_of_and_a_websocket_pass_unrecorded() {
    let server = Release::start("");
    let project = project(&server);
    let mut proxied = Proxied::start(&project, "live", &base(&server), &[]);
    let address = proxied.address().to_owned();
    let (head, _) = ask(&address, "GET /health", "Sec-Fetch-Dest: document\r\n", "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let (stream, head) = crate::proxied::open(&address, "/ws?auth=message", "");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(proxied.complaint().contains("a WebSocket is relayed and not recorded"));
    assert!(proxied.complaint().contains("ws:// instead of http:// in --to"));
    drop(stream);
    // Somebody came, and nothing was recorded.
    let said = proxied.stop().exits(3);
    assert!(lines(&said.stdout).is_empty() && !project.path().join("recordings/live").exists());
}
