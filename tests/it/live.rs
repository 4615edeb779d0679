//! The whole loop against the example server: record → learn → accept → check, every login and every socket real.

use crate::support::Project;
use serde_json::Value;

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
            && golden.contains("connected ; >ask ; agent_started")
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

    let said = project.run(&["check"]).exits(0);
    assert!(said.stdout.contains("agent-run  CONFORMS"), "{}", said.stdout);
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

#[test]
fn faults_of_order_shape_and_binding_are_told_apart_live() {
    let project = learned("agent-run", "4");
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
        // A silent server is waited for only as long as the golden says.
        let golden = project.read("golden/agent-run.toml");
        if !golden.contains("\nwait = ") {
            let golden = golden.replace("ends = ", "wait = \"2 s\"\nends = ");
            project.write("golden/agent-run.toml", &golden);
        }
        let finding = first_finding(&project, "agent-run", regress);
        let found = (finding["family"].as_str(), finding["kind"].as_str(), finding["event"].as_str());
        assert_eq!(found, (Some(family), Some(kind), Some(event)), "{regress}: {finding:#}");
        assert_eq!(finding["lane"].is_object(), lane, "{regress}: {finding:#}");
        assert!(finding["golden_line"].is_u64(), "{regress}: {finding:#}");
    }
}
