//! The whole loop against the example server: record → learn → accept → check, every login and every socket real.

use crate::support::{Project, Running, server};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// A project whose golden was learned from so many recordings by three users.
fn learned(session: &str, rounds: &str) -> Project {
    let project = Project::with_server(&[]);
    let script = format!("{session}.toml");
    project.run(&["record", session, "--script", &script, "--runs", rounds]).exits(0);
    project.run(&["learn", session, "--script", &script]).exits(0);
    project.run(&["accept", session, "--reason", "first golden"]).exits(0);
    project
}

fn first_finding(project: &Project, session: &str, regress: &str) -> Value {
    let environment = [("AGENT_SERVER_REGRESS", regress)];
    let said =
        project.run_with(&["check", session, "--confirm", "1", "--report-json", "report.json"], &environment);
    let said = said.exits(1);
    assert!(said.stdout.contains("DEVIATES"), "{}", said.stdout);
    let report: Value = serde_json::from_str(&project.read("report.json")).expect("JSON");
    assert_eq!(report["goldwire_report"], 1);
    let runs = report["runs"].as_array().expect("runs");
    let run = runs.iter().find(|run| run["findings"].as_array().is_some_and(|f| !f.is_empty()));
    run.expect("a run with findings")["findings"][0].clone()
}

#[test]
fn a_proposal_is_recorded_learned_read_and_accepted_before_it_judges() {
    let project = Project::with_server(&[]);
    project.run(&["record", "agent-run", "--script", "agent-run.toml", "--runs", "3"]).exits(0);
    assert_eq!(project.files("recordings/agent-run").len(), 9);
    let said = project.run(&["learn", "agent-run", "--script", "agent-run.toml"]).exits(0);
    assert!(said.stdout.contains("learned from 9 recordings by 3 users on 1 day"), "{}", said.stdout);

    let said = project.run(&["check"]).exits(5);
    assert!(said.stderr.contains("1 proposal pending"), "{}", said.stderr);
    assert_eq!(project.run(&["pending"]).exits(0).stdout, "agent-run\n");
    let review = project.run(&["review"]).exits(0).stdout;
    assert!(
        review.contains("+order = \"\"\"") && review.contains("+++ golden/agent-run.toml.new"),
        "{review}"
    );
    project.run(&["accept", "--reason", " "]).exits(2);
    project.run(&["accept", "agent-run", "--reason", "how it is today"]).exits(0);
    let golden = project.read("golden/agent-run.toml");
    assert!(
        golden.contains("reason = \"how it is today\"")
            && golden.contains("connected ; >ask ; agent_started"),
        "{golden}"
    );

    // A person's comment and decision survive learning from more recordings.
    let edited = golden
        .replace("[event.token]", "# streamed word by word\n[event.token]")
        .replace("linger = \"250 ms\"\n", "")
        .replace("ends = \"client 1000\"", "ends = \"client 1000\"\nlinger = \"150 ms\"");
    project.write("golden/agent-run.toml", &edited);
    project.run(&["record", "agent-run", "--runs", "1"]).exits(0);
    project.run(&["learn", "agent-run"]).exits(0);
    let proposal = project.read("golden/agent-run.toml.new");
    assert!(proposal.contains("# streamed word by word\n[event.token]"), "{proposal}");
    assert!(proposal.contains("linger = \"150 ms\"") && proposal.contains("recordings = 12"), "{proposal}");
    assert!(proposal.contains("reason = \"how it is today\""), "{proposal}");
    project.run(&["reject", "agent-run"]).exits(0);
    assert_eq!(project.read("golden/agent-run.toml"), edited);

    project.run(&["check"]).conforms("agent-run");
    // Every check is kept and can be judged again without the server.
    let kept = project.files("target/goldwire/agent-run");
    assert!(kept.len() >= 3);
    project.run(&["check", "--offline", "target/goldwire/agent-run"]).exits(0);
}

#[test]
fn no_secret_reaches_the_disk() {
    let project = Project::with_server(&[]);
    project.run(&["record", "agent-run", "--script", "agent-run.toml"]).exits(0);
    let said = project.run(&["check", "--report-json", "report.json"]);
    let all = project.everything() + &said.stdout + &said.stderr;
    // Passwords are `pw-…` by the recipe, tokens are JWTs; the recipe itself has the only template.
    let passwords =
        all.match_indices("pw-").filter(|(at, _)| !all[*at..].starts_with("pw-{{nonce}}")).count();
    assert_eq!(passwords, 0);
    assert!(!all.contains("eyJ"), "a token was written");
    assert!(all.contains("Bearer {{secret:token#"), "the label stands where the token was");
}

#[test]
fn every_recording_says_what_a_made_up_server_would_have_to_make_up() {
    let project = Project::with_server(&[]);
    project.run(&["record", "agent-run", "--script", "agent-run.toml"]).exits(0);
    for file in project.files("recordings/agent-run") {
        let text = std::fs::read_to_string(file).expect("a recording");
        let header: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        assert_eq!(header["handshake"]["status"], 101);
        assert!(header["handshake"]["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")));
        assert!(header["handshake"]["response"]["sec-websocket-accept"].is_string(), "{header}");
        let claims = &header["claims"];
        assert!(claims["sub"].as_str().is_some_and(|sub| sub.starts_with("usr_")), "{claims}");
        assert!(claims["email"].as_str().is_some_and(|email| email.ends_with("@example.test")));
        assert!(claims["permissions"].as_array().is_some_and(|list| !list.is_empty()));
        assert!(claims["exp"].as_u64() > claims["iat"].as_u64() && claims["type"] == "access");
    }
}

#[test]
fn a_session_that_reconnects_is_learned_and_driven_again() {
    let project = learned("reconnect", "4");
    let golden = project.read("golden/reconnect.toml");
    assert!(golden.contains("( >resume ; thread_resumed )?") && golden.contains(">@reconnect?"), "{golden}");
    project.run(&["check"]).exits(0);
    let finding = first_finding(&project, "reconnect", "unpaired-tool");
    assert_eq!((&finding["kind"], &finding["event"]), (&"missing".into(), &"tool_completed".into()));
}

/// What all runs of a check say to a question of liveness.
fn live(project: &Project, item: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&project.read("report.json")).expect("JSON");
    let runs = report["runs"].as_array().expect("runs").clone();
    let checks = runs.iter().flat_map(|run| run["live"].as_array().expect("live").clone());
    let own = checks.filter(|check| check["item"] == item);
    own.map(|check| (check["answer"].as_str().expect("it").to_owned(), check["detail"].to_string())).collect()
}

#[test]
fn a_server_that_plays_its_first_answers_again_is_told_from_one_that_works() {
    let project = learned("agent-run", "2");
    let golden = project.read("golden/agent-run.toml");
    let golden = golden.replacen("ends = ", "require_live = true\nends = ", 1);
    project.write("golden/agent-run.toml", &golden);
    // Time is the machine's here, and may be judged either way; liveness may not.
    let check = ["check", "agent-run", "--runs", "2", "--report-json", "report.json"];
    let said = project.run(&check);
    for item in ["ids", "texts", "timeline", "round-gaps", "too-regular", "echo", "work-time", "nonce"] {
        let checks = live(&project, item);
        assert_eq!(checks.len(), 6, "two rounds by three users");
        assert!(checks.iter().all(|(answer, _)| answer != "fail"), "{item}: {checks:?}");
    }
    assert!(live(&project, "ids").iter().all(|(answer, _)| answer == "pass"), "{}", said.stdout);
    let unknown = "agent-run: live item `nonce` is required but unknown: the client sends no {{nonce}}";
    assert!(said.stderr.contains(unknown), "{}", said.stderr);

    // The first round may be real work; it is played again in the second, which ids alone ask for.
    project.write("golden/agent-run.toml", &golden.replace("require_live = true", "require_live = \"ids\""));
    let said = project.run_with(&check[..2], &[("AGENT_SERVER_REGRESS", "canned")]).exits(1);
    assert!(said.stdout.contains("liveness: ids: "), "{}", said.stdout);

    // What a person requires survives learning, and what was seen is accepted with the golden.
    project.run(&["record", "agent-run"]).exits(0);
    project.run(&["learn", "agent-run", "--accept", "more of it"]).exits(0);
    assert!(project.read("golden/agent-run.toml").contains("\nrequire_live = \"ids\"\n"));
    assert!(project.read("golden/agent-run.seen").contains("\"recordings\":9,"));
}

#[test]
fn a_server_that_plays_a_recorded_session_is_known_at_once() {
    let project = Project::with_server(&[]);
    project.run(&["record", "agent-run", "--script", "agent-run.toml", "--runs", "2"]).exits(0);
    let mut command = Command::new(server());
    command.args(["--listen", "127.0.0.1:0", "--regress", "canned"]);
    let player = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut player = Running(player.expect("the example server runs"));
    let mut line = String::new();
    let stdout = player.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let address = line.split_whitespace().find_map(|word| {
        let address = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        address.parse::<std::net::SocketAddr>().ok()
    });
    let url = format!("ws://{}/ws", address.expect("where it listens"));
    // It works once, and that is recorded; from then on it plays this run.
    project.run(&["record", "agent-run", &url, "--script", "agent-run.toml", "--users", "1"]).exits(0);
    let last = project.files("recordings/agent-run").pop().expect("a recording").display().to_string();
    let id = last.trim_end_matches(".jsonl").rsplit('-').next().expect("its id").to_owned();
    project.run(&["learn", "agent-run", "--script", "agent-run.toml", "--accept", "as it is"]).exits(0);

    let check = ["check", "agent-run", "--url", &url, "--confirm", "1", "--report-json", "report.json"];
    project.run(&check);
    for (answer, detail) in live(&project, "ids") {
        assert_eq!(answer, "fail", "{detail}");
        assert!(detail.contains(&format!("is that of recording {id}")), "{id}: {detail}");
    }
    // The recordings are not held against themselves.
    project.run(&["check", "--offline", "recordings/agent-run", "--report-json", "report.json"]);
    assert!(live(&project, "ids").iter().all(|(answer, _)| answer == "pass"));
}

#[test]
fn a_nonce_of_this_run_comes_back_from_a_server_and_not_from_a_player() {
    let project = Project::with_server(&[]);
    project.write(
        "ping.toml",
        "goldwire = 1\norder = \"connected ; >ping ; pong\"\nrequire_live = \"nonce\"\n\
         [event.ping]\nsend = { type = \"ping\", nonce = \"{{nonce}}\" }\n",
    );
    project.run(&["record", "ping", "--script", "ping.toml", "--runs", "2"]).exits(0);
    // The script is kept with what was recorded by it.
    project.run(&["learn", "ping", "--accept", "first golden"]).exits(0);
    assert!(project.read("golden/ping.toml").contains("{{nonce}}"), "{}", project.read("golden/ping.toml"));
    project.run(&["check", "ping", "--report-json", "report.json"]).exits(0);
    assert!(live(&project, "nonce").iter().all(|(answer, _)| answer == "pass"));
    let canned = [("AGENT_SERVER_REGRESS", "canned")];
    project.run_with(&["check", "ping", "--report-json", "report.json"], &canned).exits(1);
    let answers = live(&project, "nonce");
    assert_eq!(answers.iter().filter(|(answer, _)| answer == "fail").count(), 2, "{answers:?}");
}

#[test]
fn faults_of_order_shape_and_binding_are_told_apart_live() {
    let project = learned("agent-run", "4");
    let golden = project.read("golden/agent-run.toml");
    for (regress, family, kind, event, lane) in [
        ("silent-agent", "order", "missing", "agent_started", false),
        ("dropped-thinking", "order", "missing", "agent_thinking", false),
        ("crossed-tools", "binding", "lanes-crossed", "tool_completed", true),
        ("renamed-event", "order", "renamed", "tool_executing", false),
        ("moved-field", "shape", "field-moved", "agent_completed", false),
        ("type-drift", "shape", "type-changed", "agent_completed", false),
        ("early-complete", "order", "out-of-order", "tool_completed", true),
        ("wrong-close", "ending", "ending", "@end", false),
    ] {
        // A silent server is waited for as long as in the golden, which need not be long; the others are heard out.
        let wait = if regress == "silent-agent" { "wait = \"2 s\"\n" } else { "" };
        project.write("golden/agent-run.toml", &golden.replacen("ends = ", &format!("{wait}ends = "), 1));
        let finding = first_finding(&project, "agent-run", regress);
        let found = (finding["family"].as_str(), finding["kind"].as_str(), finding["event"].as_str());
        assert_eq!(found, (Some(family), Some(kind), Some(event)), "{regress}: {finding:#}");
        assert_eq!(finding["lane"].is_object(), lane, "{regress}: {finding:#}");
        assert!(finding["golden_line"].is_u64(), "{regress}: {finding:#}");
    }
}

#[test]
fn a_recording_says_how_busy_this_machine_was() {
    let project = Project::with_server(&[]);
    project.run(&["record", "agent-run", "--script", "agent-run.toml", "--users", "2"]).exits(0);
    let recordings = project.files("recordings/agent-run");
    assert_eq!(recordings.len(), 2);
    for path in &recordings {
        let text = std::fs::read_to_string(path).expect("a recording");
        let last: Value = serde_json::from_str(text.lines().last().expect("a last line")).expect("JSON");
        assert!(last["host"]["probes"].as_u64().is_some_and(|probes| probes > 0), "{last}");
        assert!(last["host"]["lag_max"].as_u64() >= last["host"]["lag_p50"].as_u64(), "{last}");
    }
    let shown = project.run(&["show", &recordings[0].display().to_string()]).exits(0);
    assert!(shown.stdout.contains("lag of this machine: "), "{}", shown.stdout);
}
