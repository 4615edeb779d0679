//! NATS over WebSocket, in two releases: 2.15.1 from PyPI, 2.9.10 from Debian.

use super::{Said, goldwire, install, places, run, set};
use goldwire::dialect::events;
use goldwire::store::{read_golden, read_recording};
use serde_json::Value;
use std::path::Path;

fn nats(arguments: &[&str]) -> Said {
    install("nats", &["old"]);
    goldwire("nats", arguments, &[])
}

#[test]
fn rooms_requests_errors_and_nonsense_go_as_they_did() {
    // Two users of five sessions.
    nats(&["check"]).assert_conforms(10);
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
    assert_eq!(said.findings("room"), set(&["missing MSG", "unknown-event ERR"]), "{}", said.text);
}

/// That the golden's `MSG` is not one's own is what the server must see to: `echo = false`.
#[test]
fn two_who_meet_hear_each_other_and_never_themselves() {
    let folder = Path::new("tests/servers/nats");
    let said = nats(&["check", "meeting"]);
    said.assert_conforms(2);
    let golden = read_golden(&folder.join("golden/meeting.toml")).expect("a golden");
    // Who says it, by user and event.
    let wires = said.list("runs").iter().map(|run| {
        let recording = folder.join(run["recording"].as_str().expect("a path"));
        events(&golden.dialect, &read_recording(&recording).expect("a recording").frames)
    });
    let who = |wire: &[goldwire::dialect::Event], label: &str| -> Vec<String> {
        let own = wire.iter().filter(|event| event.label.as_str() == label);
        own.map(|event| event.data["payload"]["from"].as_str().expect("a name").to_owned()).collect()
    };
    let wires: Vec<_> = wires.collect();
    for round in wires.chunks(2) {
        let [one, other] = round else { panic!("two users\n{}", said.text) };
        for (own, others) in [(one, other), (other, one)] {
            let name = who(others, ">PUB[lobby.hello]");
            assert_eq!(who(own, "MSG[lobby.welcome]"), name, "{}", said.text);
            assert!(who(own, "MSG[lobby.hello]").iter().all(|heard| *heard == name[0]), "{}", said.text);
        }
        // Whoever came first has heard the other come.
        assert!(round.iter().any(|wire| who(wire, "MSG[lobby.hello]").len() == 1), "{}", said.text);
    }
}

#[test]
fn who_may_not_listen_where_all_meet_is_told_so_and_hears_nobody() {
    let said = nats(&["check", "meeting", "--target", "deaf"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let found = said.findings("meeting");
    assert_eq!(found, set(&["missing MSG[lobby.welcome]", "unknown-event ERR"]), "{}", said.text);
}

/// A lobby is there to be heard by others, a room is one's own.
#[test]
fn what_is_said_in_a_lobby_comes_to_others_and_what_is_said_in_a_room_does_not() {
    for (session, canary) in [("meeting", "leak"), ("room", "ok")] {
        let said = nats(&["probe", "isolation", "--session", session, "--users", "2", "--rounds", "1"]);
        assert_eq!(said.code, Some(i32::from(canary != "ok")), "{}", said.text);
        said.assert_answers(&[("ids", "ok"), ("each-conforms", "ok"), ("canary", canary)]);
    }
}

#[test]
fn two_releases_side_by_side_differ_in_how_the_server_introduces_itself() {
    let said = nats(&["compare", "room", "--baseline", "old", "--candidate", "nats", "--pairs", "3"]);
    assert_eq!(said.code, Some(1), "{}", said.text);
    let all = said.list("differences");
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
        // The INFO that comes once more has no nonce.
        "field-missing INFO/nonce",
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
        ("request", &["missing HMSG", "unknown-event MSG"]),
        ("nonsense", &["ending @end"]),
    ] {
        let folders = [format!("releases/2.9.10/{session}"), format!("recordings/{session}")];
        let [old, new] = folders.each_ref().map(String::as_str);
        let output = run("nats", &["diff", "--format", "json", old, new], &[]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let runs = report["runs"].as_array().expect("runs").iter();
        let found = places(runs.flat_map(|run| run["findings"].as_array().expect("findings")));
        assert_eq!(found, set(&[&introduction[..], more].concat()), "{session}");
    }
}
