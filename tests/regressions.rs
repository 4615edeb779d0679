//! Every regression of the example server, caught by a check or by a probe as the table says; and nothing on the clean build.
//!
//! `GOLDWIRE_CLEAN_ROUNDS=50` sets how often all probes are asked of the clean build; once if not set.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const GOLDWIRE: &str = env!("CARGO_BIN_EXE_goldwire");

/// How a regression shows.
enum Seen {
    /// By the golden of a session: session, kind, event.
    Check(&'static str, &'static str, &'static str),
    /// By a probe: its name, further arguments, the question, kind.
    Probe(&'static str, &'static [&'static str], &'static str, &'static str),
}

use Seen::{Check, Probe};

const RUN: &[&str] = &["--session", "agent-run"];
const SHORT: &[&str] = &["--session", "agent-run", "--target", "short"];
const SOAK: &[&str] = &["--session", "agent-run", "--soak", "50"];

const REGRESSIONS: [(&str, Seen); 26] = [
    ("silent-agent", Check("agent-run", "missing", "agent_started")),
    ("dropped-thinking", Check("agent-run", "missing", "agent_thinking")),
    ("unpaired-tool", Check("agent-run", "missing", "tool_completed")),
    ("crossed-tools", Check("agent-run", "lanes-crossed", "tool_completed")),
    ("renamed-event", Check("agent-run", "renamed", "tool_executing")),
    ("moved-field", Check("agent-run", "field-moved", "agent_completed")),
    ("type-drift", Check("agent-run", "type-changed", "agent_completed")),
    ("swallowed-event", Check("dates", "missing", "tool_completed")),
    ("early-complete", Check("agent-run", "out-of-order", "tool_completed")),
    ("duplicate-after-reconnect", Probe("reconnect", RUN, "rapid", "duplicate")),
    ("last-connection-wins", Probe("isolation", RUN, "ids", "leak")),
    ("broadcast", Probe("isolation", RUN, "ids", "leak")),
    ("shared-agent", Probe("isolation", RUN, "canary", "leak")),
    ("lost-before-subscribe", Probe("race", RUN, "send-at-once", "missing")),
    ("accept-race", Probe("race", RUN, "send-at-once", "ending")),
    ("blocking-start", Probe("race", RUN, "spread", "too-late")),
    ("slow-first-token", Check("agent-run", "too-late", "agent_started")),
    ("burst-at-end", Check("agent-run", "too-early", "token")),
    ("hanging-auth", Probe("auth", SHORT, "garbage", "not-refused")),
    ("accepts-expired", Probe("auth", SHORT, "expired", "accepted")),
    ("alg-none", Probe("auth", SHORT, "alg-none", "accepted")),
    ("test-bypass", Probe("auth", SHORT, "bypass-header (X-E2E-Test)", "accepted")),
    ("stale-session", Probe("auth", SHORT, "expires-mid-session", "not-refused")),
    ("canned", Probe("liveness", RUN, "ids", "canned")),
    ("wrong-close", Check("agent-run", "ending", "@end")),
    ("slow-leak", Probe("liveness", SOAK, "soak", "trend")),
];

/// Runs goldwire against the build with one regression, or none (the empty name): exit code, report, what it printed.
fn goldwire(arguments: &[&str], regress: &str, report: &Path) -> (Option<i32>, Value, String) {
    let output = Command::new(GOLDWIRE)
        .args(arguments)
        .arg("--report-json")
        .arg(report)
        .env("AGENT_SERVER_REGRESS", regress)
        .env("AGENT_SERVER_JWT_SECRET", "a secret that signs tokens for this test alone")
        .output()
        .expect("goldwire runs");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(report).unwrap_or_else(|error| panic!("no report: {error}\n{text}"));
    (output.status.code(), serde_json::from_str(&report).expect("JSON"), text)
}

fn findings<'r>(runs: &'r Value) -> Vec<&'r Value> {
    let runs = runs.as_array().expect("runs");
    runs.iter().flat_map(|run| run["findings"].as_array().expect("findings")).collect()
}

/// What the report says of the regression, or why it does not.
fn seen(regress: &str, how: &Seen, report: &Path) -> Result<String, String> {
    let (arguments, kind) = match how {
        Check(session, kind, _) => (vec!["check", session], kind),
        Probe(name, more, _, kind) => ([&["probe", name], *more].concat(), kind),
    };
    let (code, report, text) = goldwire(&arguments, regress, report);
    if code != Some(1) {
        return Err(format!("exit {code:?}\n{text}"));
    }
    let found = match how {
        Check(_, _, event) => {
            let found = findings(&report["runs"]);
            found.into_iter().find(|f| f["event"] == *event && f["kind"] == **kind).cloned()
        }
        Probe(_, _, case, _) => {
            let cells = report["cells"].as_array().expect("cells");
            let cell = cells
                .iter()
                .find(|cell| cell["case"] == *case)
                .ok_or(format!("`{case}` was not asked\n{text}"))?;
            findings(&cell["runs"]).into_iter().find(|f| f["kind"] == **kind).cloned()
        }
    };
    let found = found.ok_or(text)?;
    Ok(found["message"].as_str().unwrap_or("").to_owned())
}

#[test]
fn every_regression_is_caught_as_the_table_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let only = std::env::var("GOLDWIRE_REGRESSION").ok();
    let mut wrong = Vec::new();
    println!("\n{:<26} {:<10} finding", "regression", "by");
    for (name, how) in &REGRESSIONS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let by = match how {
            Check(..) => "check",
            Probe(probe, ..) => probe,
        };
        match seen(name, how, &folder.path().join(format!("{name}.json"))) {
            Ok(message) => println!("{name:<26} {by:<10} {message}"),
            Err(why) => {
                println!("{name:<26} {by:<10} NOT CAUGHT");
                wrong.push(format!("{name}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of 26 not caught:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The same agent over HTTP: regression, and the findings of which one must be there.
const OVER_HTTP: [(&str, &[(&str, &str)]); 6] = [
    ("unpaired-tool", &[("missing", "tool_completed")]),
    ("dropped-thinking", &[("missing", "agent_thinking")]),
    // What comes together at the end comes late, too.
    ("burst-at-end", &[("too-early", "token"), ("too-late", "agent_thinking")]),
    ("crossed-tools", &[("lanes-crossed", "tool_completed")]),
    ("type-drift", &[("type-changed", "agent_completed")]),
    ("silent-agent", &[("missing", "agent_started")]),
];

#[test]
fn the_agent_over_http_shows_its_regressions_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let mut wrong = Vec::new();
    println!("\n{:<26} finding over HTTP", "regression");
    for (name, wanted) in OVER_HTTP {
        let (code, report, text) = goldwire(&["check", "agent-stream"], name, &report);
        let found = findings(&report["runs"]);
        let is_wanted = |finding: &&&Value| {
            wanted.iter().any(|(kind, event)| finding["kind"] == *kind && finding["event"] == *event)
        };
        match found.iter().find(is_wanted).filter(|_| code == Some(1)) {
            Some(finding) => println!("{name:<26} {}", finding["message"].as_str().unwrap_or("")),
            None => wrong.push(format!("{name}: exit {code:?}\n{text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_clean_build_has_no_finding_in_any_probe() {
    let rounds: u32 = std::env::var("GOLDWIRE_CLEAN_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("clean.json");
    for round in 1..=rounds {
        for arguments in [
            ["probe", "auth", "--session", "agent-run", "--target", "short"].as_slice(),
            &[
                "probe",
                "isolation",
                "race",
                "reconnect",
                "liveness",
                "--session",
                "agent-run",
                "--soak",
                "20",
            ],
        ] {
            let (code, report, text) = goldwire(arguments, "", &report);
            assert_eq!(code, Some(0), "round {round} of {rounds}:\n{text}");
            let cells = report["cells"].as_array().expect("cells");
            assert!(cells.iter().all(|cell| findings(&cell["runs"]).is_empty()), "round {round}:\n{text}");
            if round == 1 {
                println!("\n{text}");
            }
        }
    }
    println!("clean build: {rounds} full rounds of all probes without a finding");
}
