//! Every regression of the example server, caught by a check or by a probe as the table says; and nothing on the clean build.
//!
//! Faults of time are looked for as a user would: after `goldwire hosts learn` on the clean build, by this machine's own numbers.
//!
//! `GOLDWIRE_CLEAN_ROUNDS=50` sets how often everything is asked of the clean build; once if not set. A round is a check of
//! all goldens and all probes; every round is counted and told, with how long it took.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const GOLDWIRE: &str = env!("CARGO_BIN_EXE_goldwire");

/// How a regression shows.
enum Seen {
    /// By the golden of a session, first of all that is found: session, kind, event, and whether a lane is named.
    Check(&'static str, &'static str, &'static str, bool),
    /// By a probe: its name, further arguments, the question, kind.
    Probe(&'static str, &'static [&'static str], &'static str, &'static str),
}

use Seen::{Check, Probe};

const RUN: &[&str] = &["--session", "agent-run"];
const SHORT: &[&str] = &["--session", "agent-run", "--target", "short"];
const SOAK: &[&str] = &["--session", "agent-run", "--soak", "50"];

const REGRESSIONS: [(&str, Seen); 26] = [
    ("silent-agent", Check("agent-run", "missing", "agent_started", false)),
    ("dropped-thinking", Check("agent-run", "missing", "agent_thinking", false)),
    ("unpaired-tool", Check("agent-run", "missing", "tool_completed", true)),
    ("crossed-tools", Check("agent-run", "lanes-crossed", "tool_completed", true)),
    ("renamed-event", Check("agent-run", "renamed", "tool_executing", false)),
    ("moved-field", Check("agent-run", "field-moved", "agent_completed", false)),
    ("type-drift", Check("agent-run", "type-changed", "agent_completed", false)),
    ("swallowed-event", Check("dates", "missing", "tool_completed", true)),
    ("early-complete", Check("agent-run", "out-of-order", "tool_completed", true)),
    ("duplicate-after-reconnect", Probe("reconnect", RUN, "rapid", "duplicate")),
    ("last-connection-wins", Probe("isolation", RUN, "ids", "leak")),
    ("broadcast", Probe("isolation", RUN, "ids", "leak")),
    ("shared-agent", Probe("isolation", RUN, "canary", "leak")),
    ("lost-before-subscribe", Probe("race", RUN, "send-at-once", "missing")),
    ("accept-race", Probe("race", RUN, "send-at-once", "ending")),
    ("blocking-start", Probe("race", RUN, "spread", "too-late")),
    ("slow-first-token", Check("agent-run", "too-late", "agent_started", false)),
    ("burst-at-end", Check("agent-run", "too-early", "token", false)),
    ("hanging-auth", Probe("auth", SHORT, "garbage", "not-refused")),
    ("accepts-expired", Probe("auth", SHORT, "expired", "accepted")),
    ("alg-none", Probe("auth", SHORT, "alg-none", "accepted")),
    ("test-bypass", Probe("auth", SHORT, "bypass-header (X-E2E-Test)", "accepted")),
    ("stale-session", Probe("auth", SHORT, "expires-mid-session", "not-refused")),
    ("canned", Probe("liveness", RUN, "ids", "canned")),
    ("wrong-close", Check("agent-run", "ending", "@end", false)),
    ("slow-leak", Probe("liveness", SOAK, "soak", "trend")),
];

const GROWTH: &[&str] = &["--session", "agent-run", "--soak", "10"];
const RESUME: &[&str] = &["--session", "reconnect"];

/// Faults that no table of the past has, by which what probes ask beyond it is shown, and two that a golden sees as well.
const FURTHER: [(&str, Seen); 7] = [
    ("forgotten-refresh", Probe("auth", SHORT, "refreshed-mid-session", "ending")),
    ("unheard-cancel", Probe("race", RUN, "cancel-mid-run", "out-of-order")),
    ("orphan-run", Probe("reconnect", RUN, "cut by reset", "unbound")),
    // The handlers that pile up make each session longer than the one before.
    ("duplicate-after-reconnect", Probe("liveness", GROWTH, "soak", "trend")),
    ("lost-on-resume", Probe("reconnect", RESUME, "resume after close", "missing")),
    ("lost-before-subscribe", Check("agent-run", "missing", "agent_started", false)),
    ("duplicate-after-reconnect", Check("reconnect", "duplicate", "agent_started", true)),
];

/// A class of its own, so that no profile and no golden of this machine decides.
const HOST: (&str, &str) = ("GOLDWIRE_HOST", "regressions");

/// What is usual on this machine, measured once on the clean build.
fn learn_host() {
    static LEARNED: std::sync::Once = std::sync::Once::new();
    LEARNED.call_once(|| {
        let run = |arguments: &[&str]| {
            let output = Command::new(GOLDWIRE).args(arguments).env(HOST.0, HOST.1).output();
            output.expect("goldwire runs")
        };
        run(&["hosts", "forget", "regressions-5u"]);
        let learned = run(&["hosts", "learn", "agent-run", "agent-stream", "--runs", "8"]);
        let said = String::from_utf8_lossy(&learned.stderr);
        assert!(learned.status.success(), "the clean build is measured: {said}");
    });
}

/// Runs goldwire against the build with one regression, or none (the empty name): exit code, report, what it printed.
fn goldwire(arguments: &[&str], regress: &str, report: &Path) -> (Option<i32>, Value, String) {
    let output = Command::new(GOLDWIRE)
        .args(arguments)
        .arg("--report-json")
        .arg(report)
        .env(HOST.0, HOST.1)
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

/// Whether the report says that other programs kept the processors of this machine busy.
fn is_busy(report: &Value) -> bool {
    let sessions = report["sessions"].as_array().expect("sessions");
    sessions.iter().any(|session| session["time"]["busy_percent"].is_u64())
}

/// What the report says of the regression, or why it does not.
fn seen(regress: &str, how: &Seen, report: &Path) -> Result<String, String> {
    let (arguments, kind) = match how {
        Check(session, kind, ..) => (vec!["check", session], kind),
        Probe(name, more, _, kind) => ([&["probe", name], *more].concat(), kind),
    };
    if matches!(how, Check(_, "too-late" | "too-early", ..)) {
        learn_host();
    }
    let (code, report, text) = goldwire(&arguments, regress, report);
    // Where other programs use the processors, a late event is told as a suspect and fails nothing.
    let is_told = matches!(how, Check(_, "too-late" | "too-early", ..)) && is_busy(&report);
    let (fails, severity) = if is_told { (0, "suspect") } else { (1, "deviation") };
    if code != Some(fails) {
        return Err(format!("exit {code:?}\n{text}"));
    }
    let found = match how {
        Check(_, _, event, in_lane) => {
            let is_it = |found: &&&Value| {
                found["event"] == *event
                    && found["kind"] == **kind
                    && found["lane"].is_object() == *in_lane
                    && found["severity"] == severity
            };
            findings(&report["runs"]).first().filter(is_it).map(|found| (*found).clone())
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
    let other = if is_told { "told as a suspect, as other programs kept this machine busy: " } else { "" };
    Ok(format!("{other}{}", found["message"].as_str().unwrap_or("")))
}

#[test]
fn every_regression_is_caught_as_the_table_says() {
    all_are_caught(&REGRESSIONS);
}

#[test]
fn what_is_asked_beyond_the_table_is_shown_by_a_fault_each() {
    all_are_caught(&FURTHER);
}

fn all_are_caught(table: &[(&str, Seen)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let only = std::env::var("GOLDWIRE_REGRESSION").ok();
    let mut wrong = Vec::new();
    println!("\n{:<26} {:<10} finding", "regression", "by");
    for (name, how) in table {
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
    assert!(wrong.is_empty(), "{} of {} not caught:\n{}", wrong.len(), table.len(), wrong.join("\n\n"));
}

/// One question to the clean build, which must have nothing to say but that all is well.
fn is_clean(arguments: &[&str], round: u32, show: bool) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, report, text) = goldwire(arguments, "", &folder.path().join("clean.json"));
    assert_eq!(code, Some(0), "round {round}: {arguments:?}\n{text}");
    let nothing = Vec::new();
    let cells = report["cells"].as_array().unwrap_or(&nothing);
    let runs = report["runs"].as_array().unwrap_or(&nothing);
    let of_cells = cells.iter().flat_map(|cell| cell["runs"].as_array().expect("runs"));
    let found = of_cells.chain(runs).flat_map(|run| run["findings"].as_array().expect("findings"));
    // A busy machine may make a time suspect, which fails nothing.
    let found = found.filter(|finding| finding["family"] != "timing" || finding["severity"] != "suspect");
    assert_eq!(found.count(), 0, "round {round}: {arguments:?}\n{text}");
    if show {
        println!("\n{text}");
    }
    cells.len() + runs.len()
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
    learn_host();
    for (name, wanted) in OVER_HTTP {
        let (code, report, text) = goldwire(&["check", "agent-stream"], name, &report);
        let found = findings(&report["runs"]);
        let is_wanted = |finding: &&&Value| {
            wanted.iter().any(|(kind, event)| finding["kind"] == *kind && finding["event"] == *event)
        };
        // Where other programs use the processors, a time is told as a suspect and fails nothing.
        let fails = |finding: &&&Value| {
            code == Some(1) || (code == Some(0) && finding["family"] == "timing" && is_busy(&report))
        };
        match found.iter().find(is_wanted).filter(fails) {
            Some(finding) => println!("{name:<26} {}", finding["message"].as_str().unwrap_or("")),
            None => wrong.push(format!("{name}: exit {code:?}\n{text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_clean_build_has_no_finding_in_any_probe() {
    let rounds: u32 = std::env::var("GOLDWIRE_CLEAN_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let (mut judged, begun) = (0, std::time::Instant::now());
    for round in 1..=rounds {
        let start = std::time::Instant::now();
        let show = round == 1;
        // What judges time has the machine for itself.
        let timed = [&["probe", "isolation", "race", "liveness", "--soak", "10"], RUN].concat();
        judged += is_clean(&timed, round, show);
        judged += is_clean(&["check"], round, show);
        // For most of its time auth waits for tokens to run out; what reconnect asks is no question of time. The session that
        // resumes is long: it is cut here and there, the other one at every message.
        let beside: [Vec<&str>; 3] = [
            [&["probe", "auth"], SHORT].concat(),
            [&["probe", "reconnect"], RUN].concat(),
            [&["probe", "reconnect", "--cuts", "8"], RESUME].concat(),
        ];
        judged += std::thread::scope(|scope| {
            let asked: Vec<_> =
                beside.iter().map(|one| scope.spawn(move || is_clean(one, round, show))).collect();
            let join = |one: std::thread::ScopedJoinHandle<'_, usize>| {
                one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            asked.into_iter().map(join).sum::<usize>()
        });
        println!(
            "clean build: round {round} of {rounds} without a finding, {:.1} s",
            start.elapsed().as_secs_f64()
        );
    }
    let took = begun.elapsed().as_secs();
    println!("clean build: {rounds} full rounds, {judged} runs and questions, no finding, {took} s");
}
