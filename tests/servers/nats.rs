//! NATS over WebSocket, in two releases: 2.15.1 from PyPI, 2.9.10 from Debian.

use super::{Said, goldwire, install};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

fn nats(arguments: &[&str]) -> Said {
    install("nats", &["old"]);
    goldwire("nats", arguments, &[])
}

#[test]
fn rooms_requests_errors_and_nonsense_go_as_they_did() {
    let said = nats(&["check"]);
    assert_eq!(
        (said.code, said.report["runs"].as_array().map(Vec::len)),
        (Some(0), Some(12)),
        "{}",
        said.text
    );
}

#[test]
fn every_bad_token_is_judged_as_nats_treats_it() {
    let said = nats(&["probe", "auth", "--session", "room", "--target", "short"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    said.assert_answers(&[
        ("good", "ok"),
        ("no-token", "ok"),
        ("empty", "ok"),
        ("garbage", "ok"),
        ("truncated", "ok"),
        ("wrong-signature", "ok"),
        ("foreign-key", "ok"),
        ("alg-none", "ok"),
        ("tampered-sub", "ok"),
        // Only goldwire's own algorithms can sign for it; waiting for the end of a token needs none.
        ("expired", "not asked"),
        // Of the servers here the only one that closes an open socket when its token runs out: in that very second.
        ("expires-mid-session", "ok"),
        ("expired (by waiting)", "ok"),
    ]);
}

#[test]
fn who_may_no_longer_speak_is_told_so() {
    let said = nats(&["check", "room", "--target", "muted"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert_eq!(
        said.findings("room"),
        [("missing", "MSG"), ("unknown-event", "ERR")].map(own),
        "{}",
        said.text
    );
}

fn own((kind, event): (&str, &str)) -> (String, String) {
    (kind.to_owned(), event.to_owned())
}

/// Kind and place of findings, each once.
fn places<'f>(findings: impl Iterator<Item = &'f Value>) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings.map(|of| text(&of["kind"]) + " " + &text(&of["event"]) + &text(&of["path"])).collect()
}

fn set(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

#[test]
fn two_releases_side_by_side_differ_in_how_the_server_introduces_itself() {
    let said = nats(&["compare", "room", "--baseline", "old", "--candidate", "nats", "--pairs", "3"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let all = said.report["differences"].as_array().expect("differences");
    let expected = [
        "field-missing INFO/api_lvl",
        "field-missing INFO/git_commit",
        "field-missing INFO/xkey",
        "missing INFO[true]",
        "value-changed INFO/go",
        "value-changed INFO/version",
    ];
    assert_eq!(places(all.iter().map(|one| &one["finding"])), set(&expected), "{}", said.text);
}

/// What was recorded of the older release beside what was of the newer one. Ids, keys, nonces and ports are new with every
/// start of a server and must not be told.
#[test]
fn what_was_recorded_of_two_releases_differs_in_what_really_changed() {
    let introduction = [
        "field-new INFO/api_lvl",
        "field-new INFO/git_commit",
        "field-new INFO/xkey",
        "repeated INFO",
        "value-changed INFO/go",
        "value-changed INFO/version",
    ];
    // The older release has nobody who says who is asking; a word that it does not know it refuses with 1002, where the
    // newer one drops the connection.
    for (session, more) in [
        ("room", &[][..]),
        ("forbidden", &[]),
        ("request", &["ending @end", "unknown-event MSG"]),
        ("nonsense", &["ending @end"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
            .args(["diff", "--format", "json"])
            .args([format!("releases/2.9.10/{session}"), format!("recordings/{session}")])
            .current_dir("tests/servers/nats")
            .output()
            .expect("goldwire runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let runs = report["runs"].as_array().expect("runs").iter();
        let found = places(runs.flat_map(|run| run["findings"].as_array().expect("findings")));
        assert_eq!(found, set(&[&introduction[..], more].concat()), "{session}");
    }
}
