//! Node-RED, from npm: opaque tokens in the first message, a feed without an end, and refusals by message.

use super::{Said, goldwire, install, set};

fn nodered(arguments: &[&str]) -> Said {
    install("nodered", &[]);
    let password =
        std::fs::read_to_string("target/servers/nodered/admin-password").expect("made by the install");
    goldwire("nodered", arguments, &[("ADMIN_PASSWORD", password.trim())])
}

#[test]
fn a_feed_that_never_ends_is_left_as_it_was() {
    nodered(&["check", "--users", "3"]).assert_conforms(3);
}

#[test]
fn a_refusal_by_message_and_a_close_without_a_code_is_one() {
    let said = nodered(&["probe", "auth"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    // By hand: `{"auth":"fail"}`, then a close without a code; so is whoever subscribes without a word about who it is.
    said.assert_said(
        &["no-token", "empty", "garbage", "truncated", "revoked-after-logout"],
        "refused by message: `fail`, then closed without a code",
    );
    assert_eq!(said.answered("ok").len(), 16, "{}", said.text);
}

#[test]
fn whoever_may_look_without_a_token_is_found_and_bad_tokens_are_still_refused() {
    let said = nodered(&["probe", "auth", "--target", "open"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    // An empty token is none there.
    assert_eq!(said.answered("accepted"), set(&["empty", "no-token"]), "{}", said.text);
    said.assert_answers(&[
        ("good", "ok"),
        ("garbage", "ok"),
        ("truncated", "ok"),
        ("revoked-after-logout", "ok"),
    ]);
}
