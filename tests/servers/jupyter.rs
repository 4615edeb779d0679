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
    assert!(!said.answered("accepted").is_empty(), "{}", said.text);
    // All knock with one session's id, and of two sockets with one the server closes the older: that is no refusal either.
    for case in ["no-token", "garbage", "garbage (query)"] {
        let answer = said.answer(case);
        let is_let_in = ["accepted", "wrong-refusal"].contains(&answer)
            || said.text.contains("every bad token is accepted") && answer == "not asked";
        assert!(is_let_in, "{case} {answer}: {}", said.text);
    }
    assert_eq!(said.answer("good"), "ok");
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
