//! Captures that the real tools made (tests/fixtures/har) become recordings, without their tokens; and back.

use crate::support::Project;
use serde_json::{Value, json};
use std::path::Path;

const TOOLS: [(&str, &str); 3] =
    [("devtools", "seconds"), ("playwright", "milliseconds"), ("mitmproxy", "seconds")];

fn fixture(tool: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/har").join(format!("{tool}.har"));
    path.display().to_string()
}

#[test]
fn captures_of_all_tools_are_imported_learned_from_and_conform() {
    let project = Project::new();
    for (tool, unit) in TOOLS {
        let said = project.run(&["import", &fixture(tool), "--session", "agent"]).exits(0);
        assert!(
            said.stdout.contains(": 28 frames, ws://127.0.0.1:")
                && said.stdout.contains(&format!("times in {unit}")),
            "{}",
            said.stdout
        );
        assert!(said.stderr.contains("does not contain the end of the session"), "{}", said.stderr);
    }
    assert_eq!(project.files("recordings/agent").len(), 3);
    // Of tokens, passwords and the login's answers, which mitmproxy captured as well, nothing is left.
    let all = project.everything();
    for tool in TOOLS.map(|(tool, _)| fixture(tool)) {
        let har: Value =
            serde_json::from_str(&std::fs::read_to_string(tool).expect("a fixture")).expect("JSON");
        let entries = har["log"]["entries"].as_array().expect("entries");
        let urls =
            entries.iter().filter_map(|entry| entry["request"]["url"].as_str()?.split("token=").nth(1));
        for token in urls {
            assert!(token.len() > 100 && !all.contains(token), "a token was written");
        }
    }
    assert!(!all.contains("eyJ") && all.contains("/ws?token={{secret:"), "the token became a label");
    project.run(&["scan"]).exits(0);
    let header: Value = serde_json::from_str(all.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&header["stamps"], &header["handshake"]["status"]), (&"import".into(), &101.into()));
    assert!(header["claims"]["sub"].as_str().is_some_and(|sub| sub.starts_with("usr_")), "{header}");
    project.run(&["learn", "agent", "--accept", "imported"]).exits(0);
    let golden = project.read("golden/agent.toml");
    assert!(golden.contains(">ask") && golden.contains("agent_completed"), "{golden}");
    project.run(&["check", "--offline", "recordings/agent"]).exits(0);
}

#[test]
fn what_is_exported_is_imported_with_the_same_frames_and_times() {
    let project = Project::new();
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/reconnect").display().to_string();
    project.run(&["export", "--har", &recordings, "-o", "all.har"]).exits(0);
    let said = project.run(&["import", "all.har", "--session", "again"]).exits(0);
    let har: Value = serde_json::from_str(&project.read("all.har")).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(said.stdout.lines().count(), entries.len());
    assert!(entries.len() > 10 && har["log"]["version"] == "1.2");
    project.run(&["export", "--har", "recordings/again", "-o", "again.har"]).exits(0);
    let again: Value = serde_json::from_str(&project.read("again.har")).expect("JSON");
    let messages = |har: &Value| {
        let entries = har["log"]["entries"].as_array().expect("entries").clone();
        let mut all: Vec<String> =
            entries.iter().map(|entry| entry["_webSocketMessages"].to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(messages(&har), messages(&again));
}

#[test]
fn json_lines_are_imported_by_a_mapping() {
    let project = Project::new();
    project.write("x.log", "{\"ts\":1795487846.5,\"d\":\"out\",\"m\":\"{\\\"type\\\":\\\"auth\\\",\\\"token\\\":\\\"lettersonly\\\"}\"}\n{\"ts\":1795487846.75,\"d\":\"in\",\"m\":{\"type\":\"ok\",\"echo\":\"lettersonly\"}}\n");
    let map = "time=/ts,dir=/d,data=/m,sent=out";
    let said =
        project.run(&["import", "x.log", "--session", "s", "--map", map, "--ends", "server 4000"]).exits(0);
    assert!(said.stdout.contains("2 frames, times in seconds"), "{}", said.stdout);
    let text = std::fs::read_to_string(&project.files("recordings/s")[0]).expect("a recording");
    assert!(
        text.contains(
            "{\"t\":250000000,\"dir\":\"<\",\"json\":{\"type\":\"ok\",\"echo\":\"{{secret:token#1}}\"}}"
        ),
        "{text}"
    );
    assert!(
        text.contains("\"end\":{\"by\":\"server\",\"code\":4000}") && !text.contains("lettersonly"),
        "{text}"
    );
}

#[test]
fn several_files_are_imported_together_or_not_at_all() {
    let project = Project::new();
    for (name, at) in [("a.log", 1), ("b.log", 2)] {
        let line = |at: f64, side: &str, word: &str| {
            format!("{{\"ts\":{at},\"d\":\"{side}\",\"m\":{{\"type\":\"{word}\"}}}}\n")
        };
        let start = 1_795_487_846.0 + 3600.0 * f64::from(at);
        project.write(name, &(line(start, "out", "ask") + &line(start + 0.1, "in", "answer")));
    }
    project.write("broken.log", "{\"ts\":1,");
    let import = |files: &[&str], more: &[&str]| {
        let map = ["--map", "time=/ts,dir=/d,data=/m,sent=out"];
        project.run(&[&["import"], files, &map, more].concat())
    };
    let said = import(&["a.log", "broken.log"], &["--session", "s"]).exits(2);
    assert!(said.stderr.contains("broken.log: line 1"), "{}", said.stderr);
    assert_eq!(project.files("recordings/s").len(), 0, "nothing is written of a file that is whole either");
    let said = import(&["a.log", "b.log"], &[]).exits(2);
    assert!(said.stderr.contains("hint: use --session NAME"), "{}", said.stderr);
    let said = import(&["a.log", "b.log"], &["--session", "s"]).exits(0);
    assert_eq!(said.stdout.matches("2 frames, times in seconds").count(), 2, "{}", said.stdout);
    assert_eq!(project.files("recordings/s").len(), 2);
}

/// A HAR of one request with a token, whose answer is a stream; with the times of its events, or as a body.
fn streamed(has_times: bool, nth: u64) -> Value {
    let data: Vec<String> = (0..3).map(|i| format!("{{\"i\":{},\"text\":\"w{nth}{i}\"}}", i + nth)).collect();
    let start = 1_772_359_200.0;
    let mut entry = json!({
        "startedDateTime": "2026-03-01T10:00:00.000Z",
        "timings": { "blocked": 1.5, "send": 0.5, "wait": 100, "receive": 400 },
        "request": {
            "method": "POST", "url": "https://api.example.test/chat?stream=1",
            "headers": [{ "name": ":path", "value": "/chat" }, { "name": "authorization", "value": "Bearer s3cr3t-0f-th3-us3r" }],
            "postData": { "mimeType": "application/json", "text": format!("{{\"question\":\"How far is it, {nth}?\"}}") },
        },
        "response": {
            "status": 200, "headers": [{ "name": "content-type", "value": "text/event-stream" }, { "name": "content-encoding", "value": "br" }],
            "content": { "mimeType": "text/event-stream; charset=utf-8" },
        },
    });
    if has_times {
        let events = data.iter().enumerate().map(|(i, data)| {
            json!({ "time": start + 0.2 + 0.1 * i as f64, "eventName": "token", "eventId": "", "data": data })
        });
        let mut events: Vec<Value> = events.collect();
        events.push(json!({ "time": start + 0.5, "eventName": "message", "eventId": "9", "data": "[DONE]" }));
        entry["_eventSourceMessages"] = json!(events);
    } else {
        let blocks: String =
            data.iter().map(|data| format!("event: token\r\ndata: {data}\r\n\r\n")).collect();
        entry["response"]["content"]["text"] = json!(blocks + "id: 9\ndata: [DONE]\n\n");
    }
    json!({ "log": { "creator": { "name": "WebInspector" }, "entries": [entry] } })
}

#[test]
fn event_streams_of_a_capture_are_sessions_over_http() {
    for has_times in [true, false] {
        let project = Project::new();
        project.write("goldwire.toml", "goldwire = 1\n");
        for nth in 0..3 {
            project.write("s.har", &streamed(has_times, nth).to_string());
            let said = project.run(&["import", "s.har", "--session", "chat"]).exits(0);
            assert!(
                said.stdout.contains(": 7 frames, https://api.example.test/chat?stream=1"),
                "{}",
                said.stdout
            );
            assert_eq!(said.stderr.contains("its events have no times"), !has_times, "{}", said.stderr);
        }
        std::fs::remove_file(project.path().join("s.har")).expect("the capture itself holds the token");
        let all = project.everything();
        assert!(!all.contains("s3cr3t") && all.contains("authorization"), "{all}");
        let first = project.files("recordings/chat")[0].display().to_string();
        let shown = project.run(&["show", &first]).exits(0).stdout;
        let gap = if has_times { "100 ms < token" } else { "0 us < token" };
        assert!(shown.contains("> POST/chat") && shown.contains("[DONE]") && shown.contains(gap), "{shown}");
        project.run(&["learn", "chat", "--accept", "imported"]).exits(0);
        let golden = project.read("golden/chat.toml");
        assert!(golden.contains(">POST/chat ; @200[POST/chat] ; token"), "{golden}");
        project.run(&["check", "chat", "--offline", "recordings/chat"]).exits(0);
    }
    let project = Project::new();
    let mut empty = streamed(true, 0);
    empty["log"]["entries"][0]["_eventSourceMessages"] = json!([]);
    project.write("s.har", &empty.to_string());
    let said = project.run(&["import", "s.har", "--session", "chat"]).exits(2);
    assert!(said.stderr.contains("without their events") && said.stderr.contains("hint:"), "{}", said.stderr);
    let mut odd = streamed(true, 0);
    odd["log"]["entries"][0]["_eventSourceMessages"][1]["time"] = json!("soon");
    project.write("s.har", &odd.to_string());
    let said = project.run(&["import", "s.har", "--session", "chat"]).exits(2);
    assert!(said.stderr.contains("log.entries[0]._eventSourceMessages[1].time"), "{}", said.stderr);
}

#[test]
fn a_bad_capture_is_refused_with_its_place_and_leaves_nothing() {
    let project = Project::new();
    let har = std::fs::read_to_string(fixture("devtools")).expect("a fixture");
    for (text, parts) in [
        (har[..har.len() / 2].to_owned(), ["line ", "not a HAR file", "hint:"]),
        (
            har.replace("\"opcode\": 1", "\"opcode\": 2"),
            ["_webSocketMessages[0].data", "not base64", "hint:"],
        ),
        ("{\"log\":{\"entries\":[]}}".to_owned(), ["log.entries", "no entry has", "hint:"]),
    ] {
        project.write("bad.har", &text);
        let said = project.run(&["import", "bad.har", "--session", "s"]).exits(2);
        assert!(parts.iter().all(|part| said.stderr.contains(part)), "{}", said.stderr);
        assert!(!said.stderr.contains("eyJ"), "{}", said.stderr);
        assert!(project.files("recordings").is_empty());
    }
    project.run(&["import", "nothing.har", "--session", "s"]).exits(2);
    project.run(&["import", "bad.har", "--session", "s", "--map", "time=/t"]).exits(2);
    project.run(&["import", "bad.har", "--session", "../s"]).exits(2);
}

/// A recording whose last line has the hash of what is before it now.
fn sealed(recording: &str) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;

    let (body, last) = recording.trim_end().rsplit_once('\n').expect("lines");
    let body = format!("{body}\n");
    let hex = Sha256::digest(&body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("memory");
        hex
    });
    let (end, _) = last.split_once("\"sha256\":\"").expect("a hash");
    format!("{body}{end}\"sha256\":\"{hex}\"}}\n")
}

#[test]
fn scan_finds_what_was_left_and_accept_refuses_it() {
    let project = Project::new();
    project.run(&["scan"]).exits(4);
    let lines = |token: &str| {
        format!(
            "{{\"ts\":1,\"d\":\"out\",\"m\":{{\"type\":\"a\",\"key\":\"{token}\"}}}}\n{{\"ts\":2,\"d\":\"in\",\"m\":{{\"type\":\"b\"}}}}\n"
        )
    };
    let secret = format!("AKIA{}", "Q3".repeat(8));
    // What is imported is clean, so a person puts the key back by hand.
    project.write("x.log", &lines(&secret));
    project.run(&["import", "x.log", "--session", "s", "--map", "time=/ts,dir=/d,data=/m"]).exits(0);
    project.run(&["scan"]).exits(0);
    let file = format!("{}", project.files("recordings/s").remove(0).display());
    let clean = project.read(&file);
    let label = clean.split_once("{{").and_then(|(_, rest)| rest.split_once("}}")).expect("a label").0;
    project.write(&file, &sealed(&clean.replace(&format!("{{{{{label}}}}}"), &secret)));
    let said = project.run(&["scan"]).exits(1);
    assert!(
        said.stdout.contains(".jsonl:2:")
            && said.stdout.contains("AWS key")
            && !said.stdout.contains(&secret),
        "{}",
        said.stdout
    );
    let said = project.run(&["scan", "--format", "json", "recordings"]).exits(1);
    let json: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&json["goldwire_scan"], &json["found"][0]["line"]), (&1.into(), &2.into()));
    project.run(&["learn", "s"]).exits(0);
    let said = project.run(&["accept", "s", "--reason", "first"]).exits(2);
    assert!(
        said.stderr.contains("AWS key")
            && said.stderr.contains("--allow-secrets")
            && !said.stderr.contains(&secret),
        "{}",
        said.stderr
    );
    assert!(
        project.files("golden").iter().all(|path| path.extension().is_some_and(|ending| ending == "new"))
    );
    project.run(&["accept", "s", "--reason", "first", "--allow-secrets", "made up"]).exits(0);
    assert!(project.read("golden/s.toml").contains("first; not secrets: made up"));
    // Where the project says what it is, nothing is written in the first place.
    project.write("goldwire.toml", "goldwire = 1\n[redact]\npointers = [\"/key\"]\n");
    project.run(&["import", "x.log", "--session", "t", "--map", "time=/ts,dir=/d,data=/m"]).exits(0);
    project.run(&["scan", "recordings/t"]).exits(0);
    project.run(&["scan", ".", "--secret", "K=made up"]).exits(1);
}

#[test]
fn what_one_recording_in_three_shows_the_client_send_is_learned_as_it_was_sent() {
    let project = Project::new();
    let line =
        |at: u32, way: &str, message: &str| format!("{{\"ts\":{at},\"d\":\"{way}\",\"m\":{message}}}\n");
    let opened = line(1, "in", r#"{"type":"welcome"}"#);
    let used = line(2, "out", r#"{"type":"order","dish":"soup"}"#) + &line(3, "in", r#"{"type":"served"}"#);
    for text in [opened.clone(), opened.clone(), opened + &used] {
        project.write("x.log", &text);
        let map = "time=/ts,dir=/d,data=/m,sent=out";
        project.run(&["import", "x.log", "--session", "s", "--map", map]).exits(0);
    }
    project.run(&["learn", "s"]).exits(0);
    project.run(&["accept", "s", "--reason", "first"]).exits(0);
    let golden = project.read("golden/s.toml");
    assert!(golden.contains(r#"dish = "soup""#), "{golden}");
}

/// JSON lines, one a message, a tenth of a second apart; what the client sends is `true`.
fn lines(messages: &[(bool, String)]) -> String {
    let line = |(at, (is_sent, message)): (usize, &(bool, String))| {
        let way = if *is_sent { "out" } else { "in" };
        json!({ "ts": f64::from(u32::try_from(at).expect("few")) / 10.0, "d": way, "m": message }).to_string()
            + "\n"
    };
    messages.iter().enumerate().map(line).collect()
}

/// Imports a session.
fn import(project: &Project, session: &str, messages: &[(bool, String)]) {
    project.write("x.log", &lines(messages));
    let map = "time=/ts,dir=/d,data=/m,sent=out";
    project.run(&["import", "x.log", "--session", session, "--map", map]).exits(0);
}

#[test]
fn the_places_of_a_tuple_have_each_a_shape_and_an_echo_of_their_own() {
    let project = Project::new();
    // Nostr's NIP-01: a subscription, the events that are stored, and the end of these.
    let session = |id: &str, ended: &str| {
        let event =
            |kind: u32| json!(["EVENT", id, { "kind": kind, "content": format!("of {id}") }]).to_string();
        vec![
            (true, json!(["REQ", id, { "kinds": [1, 7] }]).to_string()),
            (false, event(1)),
            (false, event(7)),
            (false, json!(["EOSE", ended]).to_string()),
            (true, json!(["CLOSE", id]).to_string()),
            (false, json!(["CLOSED", id, ""]).to_string()),
        ]
    };
    for number in 0..20_u32 {
        let id = format!("sub-{:x}", 0x3a7_0001_u32 + number * 0x9e_3779);
        import(&project, "relay", &session(&id, &id));
    }
    project.run(&["learn", "relay", "--accept", "first"]).exits(0);
    let golden = project.read("golden/relay.toml");
    for line in ["\n\"\" = \"array\"\n", "\"/2/kind\" = ", "\"/1\" = \"id(sub- 7), echo of >REQ/1\"\n"] {
        assert!(golden.contains(line), "{line}: {golden}");
    }
    assert!(!golden.contains("\"/*"), "{golden}");
    let good = session("sub-1234567", "sub-1234567");
    import(&project, "good", &good);
    project.run(&["check", "relay", "--offline", "recordings/good"]).exits(0);
    import(&project, "other", &session("sub-1234567", "sub-7654321"));
    let said = project.run(&["check", "relay", "--offline", "recordings/other"]).exits(1);
    assert!(said.stdout.contains("EOSE/1 is not the echo of >REQ/1"), "{}", said.stdout);
    let variant = |name: &str, message: Value, code: i32| {
        let mut session = good.clone();
        session[2].1 = message.to_string();
        import(&project, name, &session);
        project.run(&["check", "relay", "--offline", &format!("recordings/{name}")]).exits(code).stdout
    };
    let said = variant("text", json!(["EVENT", "sub-1234567", "kind 7 of sub-1234567"]), 1);
    assert!(said.contains("EVENT/2 changed its type"), "{said}");
    let said = variant("shorter", json!(["EVENT", "sub-1234567"]), 1);
    assert!(said.contains("EVENT/2 is missing"), "{said}");
    let said = variant(
        "longer",
        json!(["EVENT", "sub-1234567", { "kind": 7, "content": "of sub-1234567" }, true]),
        0,
    );
    assert!(said.contains("EVENT/3 is a field that no recording has"), "{said}");
}

#[test]
fn a_check_in_which_no_name_tells_anything_apart_says_so() {
    let project = Project::new();
    let text = |text: &str| text.to_owned();
    let session = [(true, text("who?")), (false, text("ada is here")), (false, text("so is ben"))];
    for _ in 0..6 {
        import(&project, "talk", &session);
    }
    project.run(&["learn", "talk", "--accept", "first"]).exits(0);
    let checked =
        project.run(&["check", "--offline", "recordings/talk", "--report-json", "report.json"]).exits(0);
    let said = "names: no name tells the server's messages apart, all are `text`";
    assert!(checked.stdout.contains(said), "{}", checked.stdout);
    let report: Value = serde_json::from_str(&project.read("report.json")).expect("JSON");
    assert_eq!(report["sessions"][0]["unnamed"], "text", "{report}");
}

#[test]
fn texts_that_end_with_a_record_separator_are_json_on_both_sides() {
    let project = Project::new();
    let text = |values: &[Value]| values.iter().map(|value| format!("{value}\u{1e}")).collect::<String>();
    // SignalR over JSON: a handshake, an invocation, and what comes back in one frame.
    let session = [
        (true, text(&[json!({ "protocol": "json", "version": 1 })])),
        (false, text(&[json!({})])),
        (true, text(&[json!({ "type": 1, "target": "Send", "invocationId": "0", "arguments": ["hi"] })])),
        (
            false,
            text(&[
                json!({ "type": 1, "target": "Receive", "arguments": ["ada", "hi"] }),
                json!({ "type": 3, "invocationId": "0", "result": null }),
            ]),
        ),
    ];
    for _ in 0..10 {
        import(&project, "hub", &session);
    }
    project.run(&["learn", "hub", "--accept", "first"]).exits(0);
    let golden = project.read("golden/hub.toml");
    assert!(golden.contains(">json ; json ; >Send ; Receive ; re:Send"), "{golden}");
    // A folder has no timeline, but its newest recording has.
    let said = project.run(&["show", "recordings/hub"]).exits(2);
    assert!(said.stderr.contains("recordings/hub is a folder"), "{}", said.stderr);
    let newest = said.stderr.split("goldwire show ").nth(1).expect("a command").trim().to_owned();
    project.run(&["show", &newest]).exits(0);
    assert!(golden.contains("name = [\"/target\", \"/type\"]\n"), "{golden}");
    assert!(golden.contains("record_separator = true\n"), "{golden}");
    project.run(&["check", "--offline", "recordings/hub"]).exits(0);
    // What a golden sends ends as it was recorded.
    let golden = goldwire::golden::read("hub.toml", &golden).expect("a golden");
    let (label, event) =
        golden.events.iter().find(|(label, _)| label.as_str() == ">Send").expect("it is sent");
    let goldwire::template::Template::Json(data) = &event.sends[0] else { panic!("{:?}", event.sends) };
    let sent = golden.dialect.encode(label, data).expect("it can be said");
    let goldwire::transcript::Payload::Text(sent) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!(*sent, session[2].1);
}
