//! The everything server of the Model Context Protocol, from npm: JSON-RPC over HTTP, a session id in a header, progress
//! within an answer, a request of the server's that the client answers with another one.

use serde_json::Value;
use std::process::Command;

/// Runs goldwire in its folder: exit code, report, what was printed.
fn goldwire(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let status = Command::new("tests/servers/mcp.sh").arg("install").status().expect("bash runs");
    assert!(status.success(), "it is installed; target/servers/mcp/*/npm.log say more");
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
        .args(arguments)
        .arg("--report-json")
        .arg(&report)
        .current_dir("tests/servers/mcp")
        .output()
        .expect("goldwire runs");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report =
        std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("no report: {error}\n{text}"));
    (output.status.code(), serde_json::from_str(&report).expect("JSON"), text)
}

#[test]
fn progress_and_sampling_conform_to_what_was_learned() {
    let (code, report, text) = goldwire(&["check"]);
    assert_eq!(code, Some(0), "{text}");
    let runs = report["runs"].as_array().expect("runs");
    // Three clients and two sessions; more where something late was looked at again.
    assert!(runs.len() >= 6, "{text}");
}

#[test]
fn a_later_release_whose_tools_have_other_names_is_told_by_what_it_says() {
    let (code, report, text) =
        goldwire(&["check", "progress", "--target", "later", "--users", "1", "--confirm", "1"]);
    assert_eq!(code, Some(1), "{text}");
    let findings = report["runs"][0]["findings"].as_array().expect("findings");
    let found = |kind: &str, event: &str, actual: &str| {
        let is_it = |finding: &Value| {
            finding["kind"] == kind
                && finding["event"] == event
                && finding["actual"].as_str().is_some_and(|said| said.contains(actual))
        };
        assert!(findings.iter().any(is_it), "{kind} of {event} with {actual:?} is not in\n{text}");
    };
    found("missing", "notifications/progress", "nothing");
    found("value-changed", "re:tools/call", "Tool longRunningOperation not found");
    found("value-changed", "re:initialize", "2.0.0");
}
