//! Signal K, from npm: a boat's data, JWT logins.

use super::{Said, goldwire, install};
use std::collections::BTreeSet;
use std::path::Path;

/// Runs goldwire on it with the administrator's password, once it is installed.
fn signalk(arguments: &[&str]) -> Said {
    install("signalk", &[]);
    let password = Path::new("target/servers/signalk/admin-password");
    let password = std::fs::read_to_string(password).expect("made by the install");
    goldwire("signalk", arguments, &[("ADMIN_PASSWORD", &password)])
}

#[test]
fn signal_k_conforms_to_what_was_learned_from_it() {
    signalk(&["check"]).assert_conforms(3);
}

#[test]
fn every_bad_token_is_judged_as_signal_k_treats_it() {
    let said = signalk(&["probe", "auth", "--target", "short"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let wanted = [
        ("good", "ok"),
        ("claims", "ok"),
        // A socket without a token is greeted, with the server's version and the boat's identity, and told nothing else.
        ("no-token", "not-refused"),
        ("empty", "not-refused"),
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
        // As without the header.
        ("bypass-header (X-Test-User)", "ok"),
        ("refresh-as-access", "not asked"),
        // After a logout the token is still good, over HTTP too. An open socket is not looked at when its token runs out;
        // by its source, once a minute at most.
        ("revoked-after-logout", "accepted"),
        ("expires-mid-session", "not-refused"),
        ("expired (by waiting)", "ok"),
    ];
    said.assert_answers(&wanted);
}

/// As it comes, without `allow_readonly=false`.
#[test]
fn a_server_that_lets_everybody_read_is_told_by_those_who_are_served_now() {
    let [closed, open] = ["signalk", "readonly"].map(|target| {
        let said = signalk(&["probe", "auth", "--target", target]);
        assert_eq!((said.code, said.answer("good")), (Some(1), "ok"), "{}", said.text);
        said
    });
    let places = ["", " (query)", " (cookie JAUTHENTICATION)", " (header X-Authorization)"];
    let nobody: BTreeSet<String> =
        places.iter().flat_map(|place| ["no-token", "empty"].map(|case| case.to_owned() + place)).collect();
    let served = |said: &Said| said.answered("accepted");
    let now: BTreeSet<String> = served(&open).difference(&served(&closed)).cloned().collect();
    assert_eq!(now, nobody, "{}\n{}", closed.text, open.text);
    assert!(served(&open).is_superset(&served(&closed)), "{}\n{}", closed.text, open.text);
    // Before, they were greeted and told nothing.
    assert_eq!(closed.answered("not-refused"), nobody, "{}", closed.text);
    assert_eq!(open.answered("not-refused"), BTreeSet::new(), "{}", open.text);
}

#[test]
fn sailors_at_the_same_time_do_not_disturb_each_other() {
    let said = signalk(&["probe", "isolation", "race", "--rounds", "1"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    let cases = ["ids", "each-conforms", "canary", "at-once", "same-token", "send-at-once", "storm"];
    said.assert_answers(&cases.map(|case| (case, "ok")));
}

#[test]
fn a_handshake_that_is_never_answered_ends_at_the_deadline() {
    let said = signalk(&["probe", "auth", "--target", "nowhere"]);
    assert_eq!((said.code, said.answer("good")), (Some(3), "not judged"), "{}", said.text);
    assert!(said.text.contains("timeout after 2 s"), "{}", said.text);
}
