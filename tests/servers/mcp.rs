//! The everything server of the Model Context Protocol, from npm: JSON-RPC over HTTP, a session id in a header, progress
//! within an answer, a request of the server's that the client answers with another one.

use super::{Said, goldwire, install};
use serde_json::Value;

fn mcp(arguments: &[&str]) -> Said {
    install("mcp", &[]);
    goldwire("mcp", arguments, &[])
}

#[test]
fn progress_and_sampling_conform_to_what_was_learned() {
    // Three clients and two sessions.
    mcp(&["check"]).assert_conforms(6);
}

#[test]
fn a_later_release_whose_tools_have_other_names_is_told_by_what_it_says() {
    let said = mcp(&["check", "progress", "--target", "later", "--users", "1", "--confirm", "1"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let findings = said.list("runs")[0]["findings"].as_array().expect("findings");
    let found = |kind: &str, event: &str, actual: &str| {
        let is_it = |finding: &Value| {
            finding["kind"] == kind
                && finding["event"] == event
                && finding["actual"].as_str().is_some_and(|said| said.contains(actual))
        };
        assert!(findings.iter().any(is_it), "{kind} of {event} with {actual:?} is not in\n{}", said.text);
    };
    found("missing", "notifications/progress", "nothing");
    found("value-changed", "re:tools/call", "Tool longRunningOperation not found");
    found("value-changed", "re:initialize", "2.0.0");
}
