//! Home Assistant, from PyPI: a JWT after three requests, said in the first message, and refusals by message.

use super::{Said, goldwire, install};

fn home(arguments: &[&str]) -> Said {
    install("homeassistant", &[]);
    let password =
        std::fs::read_to_string("target/servers/homeassistant/password").expect("made by the install");
    goldwire("homeassistant", arguments, &[("PASSWORD", password.trim())])
}

#[test]
fn a_person_is_told_who_they_are() {
    home(&["check", "--users", "2"]).assert_conforms(2);
}

#[test]
fn every_bad_token_is_refused_by_message_and_a_normal_close() {
    let said = home(&["probe", "auth"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    // By hand: `auth_invalid` and a close with 1000; so is whoever asks for something before it has said who it is.
    said.assert_said(
        &[
            "no-token",
            "empty",
            "garbage",
            "refresh-as-access",
            "alg-none",
            "foreign-key",
            "revoked-after-logout",
        ],
        "refused by message: `auth_invalid`, then close 1000",
    );
    said.assert_answers(&[
        ("good", "ok"),
        ("claims", "ok"),
        ("refreshed", "ok"),
        ("expires-mid-session", "not asked"),
    ]);
}
