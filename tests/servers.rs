//! Servers that nobody here wrote, unmodified: checked, probed and compared as their users would, and judged as they really
//! behave.
//!
//! Each is installed by its script in `tests/servers/`, which says what it needs, and started by `[target.x.server]` of its
//! `goldwire.toml`. What they answer to bad tokens, and what differs between releases, was looked at by hand too, with
//! other clients. `docs/SERVERS.md` says what was found.

#[path = "servers/homeassistant.rs"]
mod homeassistant;
#[path = "servers/jupyter.rs"]
mod jupyter;
#[path = "servers/nats.rs"]
mod nats;
#[path = "servers/nodered.rs"]
mod nodered;
#[path = "servers/signalk.rs"]
mod signalk;

#[path = "servers/mcp.rs"]
mod mcp;

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};

/// What goldwire said of a server.
struct Said {
    code: Option<i32>,
    report: Value,
    text: String,
}

/// Runs goldwire in the folder of a server.
fn run(server: &str, arguments: &[&str], secrets: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_goldwire"))
        .args(arguments)
        .args(secrets.iter().flat_map(|(name, _)| ["--secret", name]))
        .envs(secrets.iter().copied())
        .current_dir(format!("tests/servers/{server}"))
        .output()
        .expect("goldwire runs")
}

/// Likewise, with a report.
fn goldwire(server: &str, arguments: &[&str], secrets: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = run(
        server,
        &[arguments, &["--report-json", report.to_str().expect("a path of text")]].concat(),
        secrets,
    );
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report =
        std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("no report: {error}\n{text}"));
    Said { code: output.status.code(), report: serde_json::from_str(&report).expect("JSON"), text }
}

/// Installs a server, where it is not installed yet.
fn install(server: &str, arguments: &[&str]) {
    let script = format!("tests/servers/{server}.sh");
    let status = Command::new(script).arg("install").args(arguments).status().expect("bash runs");
    assert!(status.success(), "{server} is installed; the logs in target/servers/{server} say more");
}

/// Kind and place of findings, each once: `missing MSG`, `value-changed INFO/version`.
fn places<'f>(findings: impl Iterator<Item = &'f Value>) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings.map(|of| text(&of["kind"]) + " " + &text(&of["event"]) + &text(&of["path"])).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// How a question was answered: the kind of its first finding, or `ok`, `not asked`, `not judged`.
fn answer(cell: &Value) -> &str {
    if !cell["not_asked"].is_null() {
        return "not asked";
    }
    let runs = cell["runs"].as_array().expect("runs");
    let mut kinds = runs.iter().flat_map(|run| run["findings"].as_array().expect("findings"));
    match kinds.next() {
        Some(finding) => finding["kind"].as_str().expect("a kind"),
        None if runs.iter().any(|run| !run["could_not_judge"].is_null()) => "not judged",
        None => "ok",
    }
}

impl Said {
    fn list(&self, key: &str) -> &[Value] {
        self.report[key].as_array().unwrap_or_else(|| panic!("{key}\n{}", self.text))
    }

    /// How a question was answered.
    fn answer(&self, case: &str) -> &str {
        self.list("cells").iter().find(|cell| cell["case"] == case).map_or("no such case", answer)
    }

    /// The questions that were answered so.
    fn answered(&self, kind: &str) -> BTreeSet<String> {
        let cells = self.list("cells").iter().filter(|cell| answer(cell) == kind);
        cells.map(|cell| cell["case"].as_str().expect("a case").to_owned()).collect()
    }

    /// Kind and place of what was found in a session, each once.
    fn findings(&self, session: &str) -> BTreeSet<String> {
        let runs = self.list("runs").iter().filter(|run| run["session"] == session);
        places(runs.flat_map(|run| run["findings"].as_array().expect("findings")))
    }

    /// Each of these questions was answered by words that begin so.
    fn assert_said(&self, cases: &[&str], words: &str) {
        for case in cases {
            let row = self.list("cells").iter().find(|cell| cell["case"] == *case).expect("it was asked");
            let told = row["said"].as_str().unwrap_or_default();
            assert!(told.starts_with(words), "{case}: {told}");
        }
    }

    fn assert_answers(&self, wanted: &[(&str, &str)]) {
        let given: Vec<(&str, &str)> = wanted.iter().map(|(case, _)| (*case, self.answer(case))).collect();
        assert_eq!(given, wanted, "{}", self.text);
    }

    /// So many users of all sessions were looked at, some of them perhaps again, and nothing deviates.
    fn assert_conforms(&self, users: usize) {
        let who = |run: &Value| (run["session"].to_string(), run["user"].to_string());
        let looked_at: BTreeSet<_> = self.list("runs").iter().map(who).collect();
        assert_eq!((self.code, looked_at.len()), (Some(0), users), "{}", self.text);
    }
}
