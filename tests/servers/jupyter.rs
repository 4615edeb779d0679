//! Jupyter Server, from PyPI: every session has a kernel of its own, made over HTTP before its socket is opened.

use super::{Said, goldwire, install, set};

fn jupyter(arguments: &[&str]) -> Said {
    install("jupyter", &[]);
    goldwire("jupyter", arguments, &[])
}

#[test]
fn cells_of_three_people_run_as_they_did() {
    // Of three sessions.
    jupyter(&["check"]).assert_conforms(9);
}

#[test]
fn bad_tokens_are_refused_before_a_kernel_hears_of_them() {
    let said = jupyter(&["probe", "auth", "--session", "compute"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    said.assert_answers(&[
        ("good", "ok"),
        ("no-token", "ok"),
        ("empty", "ok"),
        ("garbage", "ok"),
        ("truncated", "ok"),
        ("good (query)", "ok"),
        ("garbage (query)", "ok"),
        // The token says nothing about itself.
        ("alg-none", "not asked"),
        ("expires-mid-session", "not asked"),
    ]);
}

#[test]
fn a_server_without_a_token_lets_everybody_in_and_is_found_out() {
    let said = jupyter(&["probe", "auth", "--session", "compute", "--target", "open"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    said.assert_answers(&[
        ("good", "ok"),
        ("no-token", "accepted"),
        // One thing to say, not eight.
        ("garbage", "not asked"),
        ("garbage (query)", "not asked"),
    ]);
    assert!(said.text.contains("nobody is refused: 7 other bad tokens are served, too"), "{}", said.text);
}

#[test]
fn a_kernel_that_keeps_results_to_itself_is_found_by_those_who_expect_one() {
    let said = jupyter(&["check", "compute", "fail", "--target", "mute"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let wanted = (set(&["missing execute_result"]), set(&[]));
    assert_eq!((said.findings("compute"), said.findings("fail")), wanted, "{}", said.text);
}

#[test]
fn an_answer_that_never_reaches_the_kernel_is_waited_for_in_vain() {
    let said = jupyter(&["check", "ask", "--target", "deaf", "--users", "1"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let found = said.findings("ask");
    assert!(found.contains("missing stream"), "{found:?}\n{}", said.text);
}
