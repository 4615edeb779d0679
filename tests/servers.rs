//! Servers that nobody here wrote, unmodified: checked and probed as their users would, and judged as they really behave.
//!
//! Signal K comes from npm (`tests/servers/signalk.sh`, which says what it needs); most of what it
//! answers to bad tokens was looked at by hand too, with another client: who is let in, not each status of a refusal.

#[path = "servers/mcp.rs"]
mod mcp;

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs goldwire in the folder of Signal K: exit code, report, what it printed.
fn goldwire(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
        .args(arguments)
        .args(["--secret", "ADMIN_PASSWORD", "--report-json"])
        .arg(&report)
        .env("ADMIN_PASSWORD", password())
        .current_dir("tests/servers/signalk")
        .output()
        .expect("goldwire runs");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report =
        std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("no report: {error}\n{text}"));
    (output.status.code(), serde_json::from_str(&report).expect("JSON"), text)
}

/// The administrator's password, once Signal K is installed.
fn password() -> String {
    let status = Command::new("tests/servers/signalk.sh").arg("install").status().expect("bash runs");
    assert!(status.success(), "Signal K is installed; target/servers/signalk/*.log say more");
    std::fs::read_to_string(Path::new("target/servers/signalk/admin-password")).expect("made by the install")
}

/// How a question was answered: the kind of its first finding, or `ok`, `not asked`, `not judged`.
fn answer(report: &Value, case: &str) -> String {
    let cells = report["cells"].as_array().expect("cells");
    let Some(cell) = cells.iter().find(|cell| cell["case"] == case) else { return "no such case".to_owned() };
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

fn assert_answers(report: &Value, text: &str, wanted: &[(&str, &str)]) {
    let given: Vec<(&str, String)> = wanted.iter().map(|(case, _)| (*case, answer(report, case))).collect();
    let wanted: Vec<(&str, String)> = wanted.iter().map(|(case, kind)| (*case, (*kind).to_owned())).collect();
    assert_eq!(given, wanted, "{text}");
}

#[test]
fn signal_k_conforms_to_what_was_learned_from_it() {
    let (code, report, text) = goldwire(&["check", "--users", "3"]);
    assert_eq!((code, report["runs"].as_array().map(Vec::len)), (Some(0), Some(3)), "{text}");
}

#[test]
fn every_bad_token_is_judged_as_signal_k_treats_it() {
    let (code, report, text) = goldwire(&["probe", "auth", "--target", "short"]);
    assert_eq!(code, Some(1), "{text}");
    let wanted = [
        ("good", "ok"),
        ("claims", "ok"),
        // A socket without a token is greeted, with the server's version and the boat's identity.
        ("no-token", "accepted"),
        ("empty", "accepted"),
        ("garbage", "ok"),
        ("truncated", "ok"),
        ("wrong-signature", "ok"),
        ("foreign-key", "ok"),
        ("alg-none", "ok"),
        ("alg-none (nOnE)", "ok"),
        ("alg-none (with a signature)", "ok"),
        ("tampered-sub", "ok"),
        ("expired", "ok"),
        ("expired (a second ago)", "ok"),
        ("not-yet-valid", "ok"),
        ("missing-id", "ok"),
        // What it signs for ever is good for ever.
        ("missing-exp", "accepted"),
        ("good (query)", "ok"),
        ("garbage (query)", "ok"),
        ("good (cookie JAUTHENTICATION)", "ok"),
        ("expired (cookie JAUTHENTICATION)", "ok"),
        ("good (header X-Authorization)", "ok"),
        ("alg-none (header X-Authorization)", "ok"),
        ("bypass-header (X-Test-User)", "not asked"),
        ("refresh-as-access", "not asked"),
        // After a logout the token is still good, over HTTP too. An open socket is not looked at when its token runs out;
        // by its source, once a minute at most.
        ("revoked-after-logout", "accepted"),
        ("expires-mid-session", "not-refused"),
        ("expired (by waiting)", "ok"),
    ];
    assert_answers(&report, &text, &wanted);
}

#[test]
fn sailors_at_the_same_time_do_not_disturb_each_other() {
    let (code, report, text) = goldwire(&["probe", "isolation", "race", "--rounds", "1"]);
    assert_eq!(code, Some(0), "{text}");
    let cases = ["ids", "each-conforms", "canary", "at-once", "same-token", "send-at-once", "storm"];
    assert_answers(&report, &text, &cases.map(|case| (case, "ok")));
}

#[test]
fn a_handshake_that_is_never_answered_ends_at_the_deadline() {
    let begun = std::time::Instant::now();
    let (code, report, text) = goldwire(&["probe", "auth", "--target", "nowhere"]);
    assert_eq!((code, answer(&report, "good").as_str()), (Some(3), "not judged"), "{text}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{text}");
}
