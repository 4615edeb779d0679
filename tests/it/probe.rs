//! Probes through the real binary: peers that misbehave never make them hang, crash or pass; what cannot be asked is named.

use crate::support::{Project, Said};
use crate::trouble::{PEERS, Peer, rude};
use std::time::{Duration, Instant};

const GOLDEN: &str = "goldwire = 1\norder = \"connected ; >ask ; answer\"\nwait = \"300 ms\"\nlinger = \"50 ms\"\n\
                      [event.connected]\ncritical = true\n[event.answer]\ncritical = true\n\
                      [event.ask]\nsend = { type = \"ask\", text = \"How far is the moon in miles?\" }\n";

fn configuration(port: u16) -> String {
    format!(
        "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:{port}/ws\"\nconnect_timeout = \"500 ms\"\nauth = \"user\"\n\
         [auth.user]\nkind = \"mint\"\nsecret_env = \"KEY\"\nclaims = {{ sub = \"{{{{user.index}}}}\" }}\n\
         [probe]\nusers = 2\nrounds = 1\ncycles = 1\n[probe.auth]\ndeadline = \"400 ms\"\n"
    )
}

fn probed(port: u16, arguments: &[&str]) -> Said {
    let project = Project::new();
    project.write("goldwire.toml", &configuration(port));
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
    let start = Instant::now();
    let said = probed(listen(then), &[]);
    let text = format!("{name}: exit {}\n{}{}", said.code, said.stdout, said.stderr);
    // A good token opens nothing here, so what bad ones show could not be judged.
    assert_eq!(said.code, 3, "{text}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}, {text}", start.elapsed());
    for probe in ["auth", "isolation", "race", "reconnect", "liveness"] {
        let heading = said.stdout.lines().find(|line| line.starts_with(&format!("{probe} chat  ")));
        let heading = heading.unwrap_or_else(|| panic!("{probe} is missing from {text}"));
        assert!(heading.contains("DEVIATES") || heading.contains("COULD NOT JUDGE"), "{text}");
    }
    assert!(!said.stdout.contains("CONFORMS"), "{text}");
}

#[test]
fn a_check_asks_the_probes_that_are_named_and_those_that_its_goldens_name() {
    let project = Project::new();
    let port = rude(drop);
    project.write("goldwire.toml", &configuration(port));
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
    // Who asks for a probe is told when it could ask nothing, also where all else is well.
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml").replace("auth = \"user\"", "");
    project.write("goldwire.toml", &config);
    project.write("golden/nobody.toml", "goldwire = 1\norder = \"\"\nends = \"client 1000\"\n");
    let said = project.run(&["check", "--probe", "auth"]);
    assert!(
        said.code != 0 && said.stdout.contains("the target has no login"),
        "{}{}",
        said.stdout,
        said.stderr
    );
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
    assert!(said.stderr.contains("nothing was asked"), "{}", said.stderr);
}

#[test]
fn a_mistake_in_the_configuration_of_probes_is_told_with_its_place() {
    let project = Project::new();
    for (line, wanted) in [
        ("[probe]\nuser = 3", "users"),
        ("[probe.auth]\nplaces = [\"haeder\"]", "header"),
        ("[probe.auth]\nbypass = [\"X-Debug\"]", "Name: value"),
        ("[probe.auth]\nrefuse = \"401\"", "refuse = [401, 1008]"),
        ("[probe.cancel]\nsend = \"stop\"", "after"),
    ] {
        project.write("goldwire.toml", &format!("goldwire = 1\n{line}\n"));
        let said = project.run(&["probe"]).exits(2);
        assert!(said.stderr.contains(wanted) && said.stderr.contains("goldwire.toml:3"), "{}", said.stderr);
    }
}
