//! Probes through the real binary: peers that misbehave never make them hang, crash or pass; what cannot be asked is named.

#[path = "it/cargo.rs"]
mod cargo;
#[path = "it/rude.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod rude;
#[path = "it/support.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;

use rude::{PEERS, Peer, rude};
use std::io::{Read as _, Write as _};
use support::{Project, Release, Said};

const GOLDEN: &str = "goldwire = 1\norder = \"connected ; >ask ; answer\"\nwait = \"300 ms\"\nlinger = \"50 ms\"\n\
                      [event.connected]\ncritical = true\n[event.answer]\ncritical = true\n\
                      [event.ask]\nsend = { type = \"ask\", text = \"How far is the moon in miles?\" }\n";

fn configuration(port: u16, connect_timeout: &str) -> String {
    format!(
        "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:{port}/ws\"\nconnect_timeout = \"{connect_timeout}\"\nauth = \"user\"\n\
         [auth.user]\nkind = \"mint\"\nsecret_env = \"KEY\"\nclaims = {{ sub = \"{{{{user.index}}}}\" }}\n\
         [probe]\nusers = 2\nrounds = 1\ncycles = 1\n[probe.auth]\ndeadline = \"400 ms\"\n"
    )
}

fn probed(port: u16, arguments: &[&str]) -> Said {
    let project = Project::new();
    project.write("goldwire.toml", &configuration(port, "500 ms"));
    project.write("golden/chat.toml", GOLDEN);
    project.run_with(&[&["probe"], arguments].concat(), &[("KEY", "a key that signs tokens")])
}

#[test]
fn whatever_a_server_does_instead_of_serving_each_probe_ends_in_time_and_does_not_pass() {
    // They wait for each other's deadlines, not for a processor.
    std::thread::scope(|scope| {
        let asked: Vec<_> = PEERS.map(|peer| scope.spawn(move || judged(peer))).into_iter().collect();
        asked.into_iter().for_each(|one| one.join().expect("judged"));
    });
}

fn judged((name, listen, then): Peer) {
    let said = probed(listen(then), &[]);
    let text = format!("{name}: exit {}\n{}{}", said.code, said.stdout, said.stderr);
    // A good token opens nothing here, so what bad ones show could not be judged.
    assert_eq!(said.code, 3, "{text}");
    for probe in ["auth", "isolation", "race", "reconnect", "liveness"] {
        let heading = said.stdout.lines().find(|line| line.starts_with(&format!("{probe} chat  ")));
        let heading = heading.unwrap_or_else(|| panic!("{probe} is missing from {text}"));
        // What should be new in each session is known only from recordings, of which there are none.
        let nothing_asked = probe == "liveness" && heading.contains("NOTHING ASKED");
        let is_bad = heading.contains("DEVIATES") || heading.contains("COULD NOT JUDGE");
        assert!(is_bad || nothing_asked, "{text}");
    }
    assert!(!said.stdout.contains("CONFORMS"), "{text}");
}

#[test]
fn what_logins_made_is_taken_away_when_a_probe_is_over() {
    let project = Project::with_server(&[]);
    let cleanup = "[auth.user]\ncleanup = { method = \"DELETE\", url = \"{{http}}/no-such-room\" }\n";
    let configuration = project.read("goldwire.toml").replace("[auth.user]\n", cleanup);
    project.write("goldwire.toml", &configuration);
    project.write_golden("agent-run", str::to_owned);
    let said = project.run(&["probe", "isolation", "--users", "2", "--rounds", "1"]).exits(0);
    // Nobody makes rooms there, so that each of both users has a warning that shows the request. The verdict stands.
    let warnings = said.stderr.lines().filter(|line| line.starts_with("warning: cleanup: DELETE ")).count();
    assert_eq!(warnings, 2, "{}", said.stderr);
}

#[test]
fn a_check_asks_the_probes_that_are_named_and_those_that_its_goldens_name() {
    let project = Project::new();
    let port = rude(drop);
    project.write("goldwire.toml", &configuration(port, "10 s"));
    let run = |golden: &str, arguments: &[&str]| {
        project.write("golden/chat.toml", golden);
        let all = [&["check", "--confirm", "1", "--report-json", "r.json"], arguments].concat();
        let said = project.run_with(&all, &[("KEY", "a key that signs tokens")]);
        let report: serde_json::Value = serde_json::from_str(&project.read("r.json")).expect("JSON");
        let names = report["cells"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> =
            names.iter().map(|cell| cell["probe"].as_str().expect("a name").to_owned()).collect();
        names.dedup();
        (said, names)
    };
    let (said, names) = run(GOLDEN, &[]);
    assert_eq!((said.code, names), (1, Vec::new()), "{}{}", said.stdout, said.stderr);
    let (said, names) = run(GOLDEN, &["--probe", "race,isolation"]);
    assert_eq!(names, ["isolation", "race"], "{}{}", said.stdout, said.stderr);
    // One report, one verdict, one exit code.
    assert!(said.stdout.contains("chat  DEVIATES") && said.stdout.contains("race chat"), "{}", said.stdout);
    let own = GOLDEN.replace("wait = ", "probes = \"reconnect\"\nwait = ");
    let (said, names) = run(&own, &["--probe", "liveness", "--report-junit", "r.xml"]);
    assert_eq!(names, ["reconnect", "liveness"], "{}{}", said.stdout, said.stderr);
    assert!(
        project.read("r.xml").contains("<testsuite name=\"reconnect chat\""),
        "{}",
        project.read("r.xml")
    );
    let (said, _) = run(GOLDEN, &["--probe", "raec"]);
    assert!(said.code == 2 && said.stderr.contains("did you mean `race`?"), "{}", said.stderr);
    let wrong = GOLDEN.replace("wait = ", "probes = [\"auht\"]\nwait = ");
    let (said, _) = run(&wrong, &[]);
    assert!(said.code == 2 && said.stderr.contains("golden/chat.toml:3"), "{}", said.stderr);
}

#[test]
fn a_check_that_is_well_does_not_pass_when_its_probe_could_ask_nothing() {
    let project = Project::new();
    let port = rude(|mut stream| {
        // A close frame with code 1000.
        let _ = stream.write_all(&[0x88, 2, 0x03, 0xe8]);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let config = format!("goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:{port}/ws\"\n");
    project.write("goldwire.toml", &config);
    project.write("golden/chat.toml", "goldwire = 1\norder = \"hello?\"\nends = \"server 1000\"\n");
    project.run(&["check"]).exits(0);
    let said = project.run(&["check", "--probe", "auth"]).exits(4);
    assert!(said.stdout.contains("the target has no login"), "{}", said.stdout);
    assert!(said.stderr.contains("no question was asked by auth chat"), "{}", said.stderr);
}

#[test]
fn names_are_checked_and_a_probe_that_cannot_ask_does_not_pass() {
    let said = probed(rude(drop), &["isolatoin"]).exits(2);
    assert!(said.stderr.contains("isolation"), "{}", said.stderr);
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:9/ws\"\n");
    project.write("golden/chat.toml", GOLDEN);
    let said = project.run(&["probe", "auth"]).exits(4);
    assert!(said.stdout.contains("the target has no login"), "{}", said.stdout);
    assert!(said.stderr.contains("no question was asked"), "{}", said.stderr);
}

#[test]
fn a_mistake_in_the_configuration_of_probes_is_told_with_its_place() {
    let project = Project::new();
    for (line, wanted) in [
        ("[probe]\nuser = 3", "users"),
        ("[probe.auth]\nplaces = [\"haeder\"]", "header"),
        ("[probe.auth]\nbypass = [\"X-Debug\"]", "Name: value"),
        ("[probe.auth]\nrefuse = \"401\"", "refuse = [401, 1008, { event"),
        ("[probe]\ncancel = { send = \"stop\" }", "probe.cancel.after"),
    ] {
        project.write("goldwire.toml", &format!("goldwire = 1\n{line}\n"));
        let said = project.run(&["probe"]).exits(2);
        assert!(said.stderr.contains(wanted) && said.stderr.contains("goldwire.toml:3"), "{}", said.stderr);
    }
}

/// A server whose tokens anybody can verify with a public key, and one that takes that key for a shared secret, too.
#[test]
fn a_server_that_lets_a_token_choose_its_algorithm_is_found_by_its_public_key() {
    let project = Project::with_server(&[]);
    let key = rcgen::KeyPair::generate().expect("a key");
    project.write("private.pem", &key.serialize_pem());
    project.write("public.pem", &key.public_key_pem());
    let login = login_and_golden(&project);
    for (regress, exit) in [("", 0), ("alg-confusion", 1)] {
        let path = |name: &str| project.path().join(name).display().to_string();
        let (private, public) = (path("private.pem"), path("public.pem"));
        let server =
            Release::with(regress, &["--algorithm", "ES256", "--key", &private, "--public-key", &public]);
        let target = format!("[target.local]\nurl = \"{}\"\nauth = \"user\"\n", server.url());
        let probe = "[probe.auth]\npublic_key_file = \"public.pem\"\nskip = [\"expires-mid-session\"]\n";
        project.write("goldwire.toml", &format!("goldwire = 1\n{probe}\n{target}\n{login}"));
        let wanted: &[&str] = if regress.is_empty() { &[] } else { &["alg-confusion"] };
        let (said, accepted) = asked_who_comes_in(&project, exit);
        assert_eq!(accepted, wanted, "{}", said.stdout);
    }
}

/// A server that refuses by a message and then says a friendly goodbye, and a build of it that lets unsigned tokens in.
#[test]
fn a_refusal_by_message_is_told_from_a_welcome() {
    let project = Project::with_server(&[]);
    let login = login_and_golden(&project).replace(
        "place = \"header\"",
        "place = \"message\"\nmessage = { type = \"auth\", token = \"{{token}}\" }",
    );
    let golden = project.read("golden/agent-run.toml").replace("order = \"", "order = \">auth ; ")
        + "[event.auth]\nsend = { type = \"auth\", token = \"{{token}}\" }\n";
    project.write("golden/agent-run.toml", &golden);
    let said_of = |regress: &str, exit| {
        let server = Release::with(regress, &["--refuse", "message"]);
        let target = format!("[target.local]\nurl = \"{}?auth=message\"\nauth = \"user\"\n", server.url());
        let probe = "[probe.auth]\nskip = [\"expires-mid-session\"]\n";
        project.write("goldwire.toml", &format!("goldwire = 1\n{probe}\n{target}\n{login}"));
        asked_who_comes_in(&project, exit)
    };
    let (said, accepted) = said_of("", 0);
    assert_eq!(accepted, [""; 0], "{}", said.stdout);
    for case in ["no-token", "garbage", "wrong-signature", "alg-none", "tampered-sub", "revoked-after-logout"]
    {
        let row = said.stdout.lines().find(|line| line.contains(&format!("  {case} ")));
        let is_named = row.is_some_and(|row| {
            row.contains("refused by message: `error` unauthorized, then close 1000") && row.contains("ok  ")
        });
        assert!(is_named, "{case}: {}", said.stdout);
    }
    let (said, accepted) = said_of("alg-none", 1);
    let is_unsigned = |case: &&String| case.starts_with("alg-none");
    assert!(
        !accepted.is_empty() && accepted.iter().all(|case| is_unsigned(&case)),
        "{accepted:?} {}",
        said.stdout
    );
}

/// Our own login, and a golden of the project in which the agent may do what it likes.
fn login_and_golden(project: &Project) -> String {
    let config = project.read("goldwire.toml");
    let login = &config[config.find("[auth.user]").expect("our own login")..];
    let order = "connected ; >ask ; agent_started ; ( agent_thinking | tool_executing | tool_completed | token )+ ; agent_completed";
    let script = project.read("agent-run.toml");
    let (_, events) = script.split_once("[event.connected]").expect("a script");
    project.write(
        "golden/agent-run.toml",
        &format!("goldwire = 1\norder = \"{order}\"\n[event.connected]{events}"),
    );
    login.to_owned()
}

/// Which bad tokens are let in.
fn asked_who_comes_in(project: &Project, exit: i32) -> (Said, Vec<String>) {
    let said =
        project.run(&["probe", "auth", "--session", "agent-run", "--report-json", "r.json"]).exits(exit);
    let report: serde_json::Value = serde_json::from_str(&project.read("r.json")).expect("JSON");
    let cells = report["cells"].as_array().expect("cells").iter();
    let accepted = cells
        .filter(|cell| cell["runs"].to_string().contains("\"kind\":\"accepted\""))
        .map(|cell| cell["case"].as_str().expect("a name").to_owned())
        .collect();
    (said, accepted)
}
