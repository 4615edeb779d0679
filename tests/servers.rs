//! Servers that nobody here wrote, unmodified: checked, probed and compared as their users would, and judged as they really
//! behave.
//!
//! Each is installed by its script in `tests/servers/`, which says what it needs, and started by `[target.x.server]` of its
//! `goldwire.toml`. What they answer to bad tokens, and what differs between releases, was looked at by hand too, with
//! other clients. `docs/SERVERS.md` says what was found.

#[path = "servers/jupyter.rs"]
mod jupyter;
#[path = "servers/nats.rs"]
mod nats;
#[path = "servers/signalk.rs"]
mod signalk;

#[path = "servers/mcp.rs"]
mod mcp;

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What goldwire said of a server.
struct Said {
    code: Option<i32>,
    report: Value,
    text: String,
}

/// Runs goldwire in the folder of a server, with a report.
fn goldwire(server: &str, arguments: &[&str], secrets: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
        .args(arguments)
        .args(secrets.iter().flat_map(|(name, _)| ["--secret", name]))
        .arg("--report-json")
        .arg(&report)
        .envs(secrets.iter().copied())
        .current_dir(format!("tests/servers/{server}"))
        .output()
        .expect("goldwire runs");
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
    assert!(status.success(), "{server} is installed; target/servers/{server}/*.log say more");
}

impl Said {
    /// How a question was answered: the kind of its first finding, or `ok`, `not asked`, `not judged`.
    fn answer(&self, case: &str) -> String {
        let cells = self.report["cells"].as_array().expect("cells");
        let Some(cell) = cells.iter().find(|cell| cell["case"] == case) else {
            return "no such case".to_owned();
        };
        if !cell["not_asked"].is_null() {
            return "not asked".to_owned();
        }
        let runs = cell["runs"].as_array().expect("runs");
        let mut kinds = runs.iter().flat_map(|run| run["findings"].as_array().expect("findings"));
        match kinds.next() {
            Some(finding) => finding["kind"].as_str().expect("a kind").to_owned(),
            None if runs.iter().any(|run| !run["could_not_judge"].is_null()) => "not judged".to_owned(),
            None => "ok".to_owned(),
        }
    }

    /// The kinds of what was found in a session, with the event that each is about, each once.
    fn findings(&self, session: &str) -> Vec<(String, String)> {
        let runs =
            self.report["runs"].as_array().expect("runs").iter().filter(|run| run["session"] == session);
        let findings = runs.flat_map(|run| run["findings"].as_array().expect("findings"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found: BTreeSet<(String, String)> =
            findings.map(|finding| (text(&finding["kind"]), text(&finding["event"]))).collect();
        found.into_iter().collect()
    }

    fn assert_answers(&self, wanted: &[(&str, &str)]) {
        let given: Vec<(&str, String)> = wanted.iter().map(|(case, _)| (*case, self.answer(case))).collect();
        let wanted: Vec<(&str, String)> =
            wanted.iter().map(|(case, kind)| (*case, (*kind).to_owned())).collect();
        assert_eq!(given, wanted, "{}", self.text);
    }
}
