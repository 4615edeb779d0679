//! Servers that speak other dialects than plain JSON: recorded by a script, learned without one, checked live.
//!
//! mosquitto speaks MQTT over WebSocket, python-socketio Socket.IO, graphql-ws GraphQL (`tests/dialects.sh`, which says what
//! it needs).

use std::path::Path;
use std::process::Command;

/// A folder with one of the servers as its target.
struct Project {
    folder: tempfile::TempDir,
    password: String,
}

impl Project {
    fn of(server: &str, url: &str) -> Project {
        let script = std::env::current_dir().expect("the package").join("tests/dialects.sh");
        let status = Command::new(&script).arg("install").status().expect("bash runs");
        assert!(status.success(), "the servers are installed");
        let password = std::fs::read_to_string("target/dialects/password").expect("made by the install");
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "goldwire = 1\ndefault_target = \"local\"\n[target.local]\n{url}\n[target.local.server]\n\
             command = [{script:?}, {server:?}, \"{{{{port}}}}\"]\n"
        );
        std::fs::write(folder.path().join("goldwire.toml"), config).expect("a file");
        Project { folder, password }
    }

    /// Adds to what the project says.
    fn configure(&self, more: &str) {
        let path = self.folder.path().join("goldwire.toml");
        let config = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(path, config + more).expect("a file");
    }

    /// Exit code and all that was printed.
    fn goldwire(&self, password: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
            .args(arguments)
            .env("PASSWORD", password)
            .current_dir(self.folder.path())
            .output()
            .expect("goldwire runs");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), text.concat())
    }

    /// Records a session by its script several times, and learns from the recordings as if there were no script.
    fn learn(&self, session: &str) -> String {
        let script =
            std::env::current_dir().expect("the package").join(format!("tests/dialects/{session}.toml"));
        let script = script.display().to_string();
        let (code, said) = self.goldwire(
            &self.password,
            &["record", session, "--script", &script, "--runs", "12", "--secret", "PASSWORD"],
        );
        assert_eq!(code, Some(0), "{said}");
        for recording in self.recordings(session) {
            let text = std::fs::read_to_string(recording).expect("a recording");
            assert!(!text.contains(&self.password), "{text}");
        }
        let (code, said) = self.goldwire("", &["learn", session, "--accept", "what it does"]);
        assert_eq!(code, Some(0), "{said}");
        let path = self.folder.path().join(format!("golden/{session}.toml"));
        std::fs::read_to_string(path).expect("a golden")
    }

    fn recordings(&self, session: &str) -> Vec<std::path::PathBuf> {
        let folder = Path::new("recordings").join(session);
        let entries = std::fs::read_dir(self.folder.path().join(folder)).expect("recordings");
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some()).collect()
    }
}

/// The order of a golden, on one line.
fn order(golden: &str) -> String {
    let order = golden.split("\"\"\"").nth(1).expect("an order");
    order.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn mosquitto_over_mqtt() {
    let url = "url = \"ws://127.0.0.1:{{port}}/mqtt\"\nsubprotocols = [\"mqtt\"]";
    let project = Project::of("mosquitto", url);
    let golden = project.learn("rooms");
    assert!(golden.contains("[dialect]\nkind = \"mqtt\""), "{golden}");
    let order = order(&golden);
    assert!(order.starts_with(">CONNECT ; CONNACK ; >SUBSCRIBE ; SUBACK ; >PUBLISH ; "), "{order}");
    assert!(order.ends_with(" ; >DISCONNECT"), "{order}");
    let secret = ["--runs", "3", "--secret", "PASSWORD"];
    let (code, said) = project.goldwire(&project.password, &[&["check", "rooms"], &secret[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    // As mosquitto does: CONNACK with code 5, then the connection is gone.
    let (code, said) = project.goldwire("not-the-password", &[&["check", "rooms"], &secret[..]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("CONNACK:error"), "{said}");
}

#[test]
fn a_chat_over_socket_io() {
    let url = "url = \"ws://127.0.0.1:{{port}}/socket.io/?EIO=4&transport=websocket\"";
    let project = Project::of("chat", url);
    let golden = project.learn("chat");
    assert!(golden.contains("[dialect]\nkind = \"socket.io\""), "{golden}");
    assert_eq!(
        order(&golden),
        "eio.open ; >connect ; connect ; >ask ; started ; token{3} ; re:ask ; >blob ; echo",
        "{golden}"
    );
    let recording = project.recordings("chat").pop().expect("a recording");
    let text = std::fs::read_to_string(&recording).expect("a recording");
    assert!(
        text.lines().filter(|line| line.contains("\"dir\":\">\"") && line.ends_with(":3}")).count() > 3,
        "{text}"
    );
    let secret = ["--secret", "PASSWORD"];
    let (code, said) = project.goldwire(&project.password, &[&["check", "chat"], &secret[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = project.goldwire("not-the-password", &[&["check", "chat"], &secret[..]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("connect_error"), "{said}");
    // What shows one recording finds the dialect by itself.
    std::fs::remove_dir_all(project.folder.path().join("golden")).expect("the golden");
    let (code, said) = project.goldwire("", &["show", &recording.display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("dialect socket.io, detected") && said.contains("re:ask"), "{said}");
}

#[test]
fn questions_over_graphql() {
    let url = "url = \"ws://127.0.0.1:{{port}}/graphql\"\nsubprotocols = [\"graphql-transport-ws\"]";
    let project = Project::of("questions", url);
    let golden = project.learn("questions");
    assert!(golden.contains("[dialect]\nkind = \"graphql-ws\""), "{golden}");
    assert_eq!(
        order(&golden),
        ">connection_init ; connection_ack ; >subscribe[Answer] ; next[Answer]{4} ; complete[Answer] ; \
         >subscribe[Digest] ; next[Digest] ; complete[Digest]",
        "{golden}"
    );
    let secret = ["--secret", "PASSWORD"];
    let (code, said) = project.goldwire(&project.password, &[&["check", "questions"], &secret[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    // As graphql-ws does: close code 4403.
    let (code, said) = project.goldwire("not-the-password", &[&["check", "questions"], &secret[..]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("server 4403"), "{said}");
}

/// Engine.IO opens a connection for everybody: that it does lets nobody in. python-socketio then says no to whoever has no
/// good token, and leaves the connection open, on which the client has to answer its pings.
#[test]
fn a_chat_whose_greeting_is_for_everybody_lets_nobody_in_by_it() {
    let url = "url = \"ws://127.0.0.1:{{port}}/socket.io/?EIO=4&transport=websocket\"\nauth = \"chat\"";
    let project = Project::of("chat", url);
    project.configure(
        "[auth.chat]\nkind = \"token\"\nenv = \"PASSWORD\"\nplace = \"query\"\n\
         [probe.auth]\nbypass = [\"X-Chat-User: ada\"]\n",
    );
    std::fs::create_dir(project.folder.path().join("golden")).expect("a folder");
    std::fs::copy("tests/dialects/door.toml", project.folder.path().join("golden/door.toml"))
        .expect("a golden");
    let report = project.folder.path().join("report.json");
    let report = report.to_str().expect("a path of text");
    let (code, said) = project.goldwire(&project.password, &["probe", "auth", "--report-json", report]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("refused by message: `connect_error`"), "{said}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let cells = report["cells"].as_array().expect("cells");
    let found = |case: &str| -> Vec<&str> {
        let cell = cells.iter().find(|cell| cell["case"] == case).unwrap_or_else(|| panic!("{case}\n{said}"));
        let runs = cell["runs"].as_array().expect("runs");
        assert!(runs.iter().all(|run| run["could_not_judge"].is_null()) && !runs.is_empty(), "{said}");
        let findings = runs.iter().flat_map(|run| run["findings"].as_array().expect("findings"));
        findings.map(|finding| finding["kind"].as_str().expect("a kind")).collect()
    };
    // A message that says no is a refusal, though the connection stays open.
    for case in ["good", "no-token", "empty", "garbage", "truncated", "bypass-header (X-Chat-User)"] {
        assert_eq!(found(case), [""; 0], "{case}\n{said}");
    }
}
