//! Sessions over HTTP: the example server's agent as an event stream, and servers that answer badly.

use crate::support::{Project, Release, nobody};
use goldwire::transcript::{Payload, Side, Transcript};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn with_server() -> Project {
    let project = Project::with_server(&[]);
    let script = std::fs::read_to_string("examples/scripts/agent-stream.toml").expect("a script");
    project.write("agent-stream.toml", &script);
    project
}

fn recordings(project: &Project, folder: &str) -> Vec<Transcript> {
    let read = |path: std::path::PathBuf| {
        goldwire::store::read_recording(&path).unwrap_or_else(|error| panic!("{error}"))
    };
    project
        .files(folder)
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(".jsonl"))
        .map(read)
        .collect()
}

fn findings(project: &Project) -> Vec<Value> {
    let report: Value = serde_json::from_str(&project.read("report.json")).expect("JSON");
    let runs = report["runs"].as_array().expect("runs").clone();
    runs.iter().flat_map(|run| run["findings"].as_array().expect("findings").clone()).collect()
}

#[test]
fn an_agent_that_streams_over_http_is_recorded_learned_and_checked_by_real_users() {
    let project = with_server();
    project.run(&["record", "agent-stream", "--script", "agent-stream.toml", "--runs", "3"]).exits(0);
    for recording in recordings(&project, "recordings/agent-stream") {
        assert!(recording.header.url.starts_with("http://127.0.0.1:"), "{}", recording.header.url);
        assert!(recording.header.claims.is_some(), "a real login");
        let frame = |index: usize| match &recording.frames[index].payload {
            Payload::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert!(frame(0).starts_with("POST /agent/threads HTTP/1.1\r\n"), "{}", frame(0));
        assert!(frame(0).contains("\r\nAuthorization: Bearer {{secret:token#"), "{}", frame(0));
        assert!(
            frame(1).starts_with("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"),
            "{}",
            frame(1)
        );
        let blocks = recording.frames.iter().filter_map(|frame| match &frame.payload {
            Payload::Text(text) if frame.conn == 1 && frame.side == Side::Server => Some(text.as_str()),
            _ => None,
        });
        // As they were on the wire.
        let is_block =
            |text: &&str| text.starts_with("id: ") && text.contains("\nevent: ") && text.ends_with("}\n\n");
        assert!(blocks.filter(is_block).count() >= 20);
    }
    project.run(&["learn", "agent-stream", "--script", "agent-stream.toml"]).exits(0);
    project.run(&["accept", "agent-stream", "--reason", "how it is today"]).exits(0);
    let golden = project.read("golden/agent-stream.toml");
    for part in [
        ">open ; @201[open] ; re:open ; >ask ; @200[ask] ; agent_started",
        "agent_completed ; @eof[ask]",
        "\"/content-type\" = '= \"text/event-stream\"'",
        "\"/@id\" = \"integer, follows any /@id plus 1\"",
        "body = { thread = \"{{thread_id}}\"",
        "same as re:open/thread_id",
    ] {
        assert!(golden.contains(part), "{part} is missing in\n{golden}");
    }
    project.run(&["check"]).conforms("agent-stream");
    let kept = project.files("target/goldwire/agent-stream");
    project.run(&["check", "--offline", "target/goldwire/agent-stream"]).exits(0);
    let said = project.run(&["show", &kept[0].display().to_string()]).exits(0);
    assert!(said.stdout.contains("> open") && said.stdout.contains("< @eof[ask]"), "{}", said.stdout);
    let all = project.everything();
    assert!(!all.contains("eyJ"), "a token was written");

    // What breaks the agent is seen over this wire, too.
    for (regress, kind, event) in [
        ("unpaired-tool", "missing", "tool_completed"),
        ("dropped-thinking", "missing", "agent_thinking"),
        ("crossed-tools", "lanes-crossed", "tool_completed"),
    ] {
        let environment = [("AGENT_SERVER_REGRESS", regress)];
        project.run_with(&["check", "--confirm", "1", "--report-json", "report.json"], &environment).exits(1);
        let found = findings(&project);
        assert_eq!((&found[0]["kind"], &found[0]["event"]), (&kind.into(), &event.into()), "{regress}");
    }

    // Whoever is not logged in is told so, as an answer like any other; what would follow it is not waited for long.
    let golden = golden.replacen("goldwire = 1\n", "goldwire = 1\nwait = \"2 s\"\n", 1);
    project.write("golden/agent-stream.toml", &golden);
    let config = project.read("goldwire.toml").replacen("auth = \"user\"\n", "", 1);
    project.write("goldwire.toml", &config);
    let said =
        project.run(&["check", "--confirm", "1", "--users", "1", "--report-json", "report.json"]).exits(1);
    assert!(said.stdout.contains("@401[open]"), "{}", said.stdout);
}

#[test]
fn requests_run_side_by_side_and_are_given_up_without_the_others() {
    let project = with_server();
    let golden = r#"
        goldwire = 1
        order = "each request ( >me ; @200[me] ; re:me )+"
        script = [">me", ">me", ">me"]
        wait = "20 s"
        [dialect]
        kind = "sse"
        [dialect.requests]
        "GET/auth/me" = "me"
        [event.me]
        send = { path = "/auth/me" }
    "#;
    project.write("golden/side.toml", golden);
    let said = project.run(&["check", "side", "--users", "2"]).exits(0);
    assert!(said.stdout.contains("side  CONFORMS"), "{}", said.stdout);
    for recording in recordings(&project, "target/goldwire/side") {
        let mut requests: Vec<u32> = recording.frames.iter().map(|frame| frame.conn).collect();
        requests.sort_unstable();
        requests.dedup();
        assert_eq!(requests, [0, 1, 2]);
    }

    // The agent works on; a question about the user is answered meanwhile; then the client has heard enough.
    let script = project.read("agent-stream.toml");
    let (head, events) = script.split_once("order = ").expect("an order");
    let events = &events[events.find("[dialect]").expect("a dialect")..];
    let events = events.replace("[dialect.requests]\n", "[dialect.requests]\n\"GET/auth/me\" = \"me\"\n");
    let events = &events[..events.find("[event.tool_executing]").expect("events")];
    let order = "order = \"\"\"\n  >open ; @201[open] ; re:open ; >ask ; @200[ask] ; agent_started ;\n  \
                 ( agent_thinking* & ( >me ; @200[me] ; re:me ; >@cancel ) )\n\"\"\"\n\n";
    project.write(
        "golden/left.toml",
        &format!("{head}{order}{events}[event.me]\nsend = {{ path = \"/auth/me\" }}\n"),
    );
    let said = project.run(&["check", "left", "--users", "2", "--confirm", "1"]);
    assert_ne!(said.code, 3, "{}\n{}", said.stdout, said.stderr);
    for recording in recordings(&project, "target/goldwire/left") {
        let given_up = recording
            .frames
            .iter()
            .position(|frame| frame.side == Side::Client && matches!(frame.payload, Payload::Close { .. }));
        let given_up = given_up.expect("the client left");
        assert_eq!(recording.frames[given_up].conn, 1, "the stream, the only request under way");
        let more = recording.frames[given_up + 1..].iter().filter(|frame| frame.conn == 1);
        assert_eq!(more.count(), 0, "nothing more comes of it");
        assert_eq!(recording.ending.label(), "client 1000");
    }
    let log = project.read("target/goldwire/server.log");
    assert!(log.contains("closed after"), "the server saw that they left:\n{log}");
}

#[test]
fn a_request_is_typed_by_hand() {
    let project = Project::new();
    let release = Release::start("");
    let url = release.url().replace("ws://", "http://").replace("/ws", "");
    let mut command = project.command(&["record", "talk", &url, "--idle-timeout", "5 s"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("goldwire runs");
    let lines =
        b"GET /health\nPOST /auth/login {\"email\":\"a@example.test\",\"password\":\"not-a-real-one\"}\n";
    child.stdin.take().expect("a pipe").write_all(lines).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let recording = recordings(&project, "recordings/talk").remove(0);
    let texts: Vec<&str> = recording
        .frames
        .iter()
        .filter_map(|frame| match &frame.payload {
            Payload::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(texts.contains(&"{\"status\":\"ok\"}"), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("HTTP/1.1 401 ")), "{texts:?}");
    assert!(!project.everything().contains("not-a-real-one"), "a password was written");
}

/// A server that reads a request and then does this with the connection, again and again.
fn serve(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/x", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let Ok(mut tcp) = tcp else { return };
            let _ = tcp.read(&mut [0; 4096]);
            // The client leaves when it has had enough.
            let _ = answer(&mut tcp);
        }
    });
    url
}

const GOLDEN: &str = r#"
    goldwire = 1
    order = ">GET/x ; @200[GET/x] ; token+ ; @eof[GET/x]"
    wait = "2 s"
    [dialect]
    kind = "sse"
    [event."GET/x"]
    send = { path = "/x" }
    [event."@200[GET/x]"]
    critical = true
    [event.token]
    critical = true
    [event."@eof[GET/x]"]
    critical = true
"#;

#[test]
fn servers_that_answer_badly_are_told_apart_and_never_hang() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let forever = |part: &'static [u8], pause: Duration| {
        serve(move |tcp| {
            tcp.write_all(HEAD)?;
            loop {
                tcp.write_all(part)?;
                std::thread::sleep(pause);
            }
        })
    };
    let silent = serve(|tcp| tcp.read(&mut [0; 16]).map(|_| ()));
    let (_socket, address) = nobody();
    let refused = format!("http://{address}/x");
    let other = serve(|tcp| tcp.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"));
    let plain = serve(|tcp| {
        tcp.write_all(b"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"busy\":\"today\"}")
    });
    let broken = serve(|tcp| {
        tcp.write_all(
            &[&HEAD[..HEAD.len() - 2], b"Content-Length: 99\r\n\r\nevent: token\ndata: {}\n\n"].concat(),
        )
    });
    let drop = Duration::from_secs(1);
    let answers = [
        (silent, 1, "@200[GET/x] is missing: timed out after waiting"),
        (forever(b"x", drop), 1, "token is missing"),
        (forever(b": beat\n\n", Duration::from_millis(20)), 1, "token is missing"),
        (forever(&[b'x'; 4096], Duration::ZERO), 3, "max_message"),
        (forever(b"event: other\ndata: {}\n\n", Duration::from_millis(1)), 1, "token is missing"),
        (refused.clone(), 3, "connection refused"),
        (refused.replace("http:", "https:"), 3, "connection refused"),
        (plain, 1, "@503[GET/x]"),
        (other, 1, "the answer is not HTTP/1.1"),
        (broken, 1, "closed in the middle of the answer"),
    ];
    // They wait for a deadline, not for a processor.
    std::thread::scope(|scope| {
        let asked = answers.map(|(url, code, part)| scope.spawn(move || is_told(&url, code, part)));
        asked.into_iter().for_each(|one| one.join().expect("told"));
    });
}

fn is_told(url: &str, code: i32, part: &str) {
    let project = Project::new();
    let limits = "max_message = \"64 KiB\"\nmax_rate = 20000";
    project.write("goldwire.toml", &format!("goldwire = 1\n[target.local]\nurl = {url:?}\n{limits}\n"));
    project.write("golden/x.toml", GOLDEN);
    let said = project.run(&["check", "--users", "1", "--confirm", "1"]);
    assert_eq!(said.code, code, "{part}\n{}\n{}", said.stdout, said.stderr);
    assert!(said.stdout.contains(part), "{part} is missing in\n{}", said.stdout);
}

#[test]
fn a_golden_says_what_its_requests_are_really_called() {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n[target.local]\nurl = \"http://127.0.0.1:1/x\"\n");
    project.write("golden/x.toml", &GOLDEN.replace("GET/x", "ask"));
    let said = project.run(&["check"]).exits(2);
    assert!(said.stderr.contains("this request is called >GET/x"), "{}", said.stderr);
}
