//! The library inside somebody's own `cargo test`: the same check, a typed answer, and a text that says what changed.

use crate::support::{Project, Release, nobody};
use goldwire::finding::{Kind, ProbeName, Verdict};
use goldwire::session::{self, Failure, UpdateWhen};
use std::sync::{Arc, Mutex};

const GOLDEN: &str = r#"goldwire = 1
order = """
  connected ; >ask ; agent_started ;
  ( agent_thinking ; each call_id ( tool_executing ; tool_completed )* )+ ; token+ ; agent_completed
"""

[event.connected]
bind.thread_id = "/thread_id"

[event.ask]
send = { type = "ask", thread = "{{thread_id}}", text = "How far is the moon in miles?" }

[event.tool_completed]
critical = true
"#;

fn project() -> Project {
    let project = Project::with_server(&[]);
    project.write("golden/chat.toml", GOLDEN);
    project
}

fn chat(project: &Project) -> session::Check {
    session::check("chat").config(project.path().join("goldwire.toml"))
}

#[test]
fn a_test_without_a_runtime_checks_a_server_that_goldwire_starts() {
    let project = project();
    let checked = chat(&project).users(2).run_blocking().expect("it is as it was");
    assert_eq!(checked.outcome.verdict(), Verdict::Conforms);
    assert_eq!(checked.outcome.runs.len(), 2);
    assert!(checked.text.starts_with("chat  CONFORMS  2 runs by 2 users"), "{}", checked.text);
    assert_eq!(project.files("target/goldwire/chat").len(), 2, "what was judged is kept");
}

#[tokio::test]
async fn whoever_asks_is_told_what_happens_and_nobody_else() {
    let project = project();
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = told.clone();
    let check = chat(&project).users(2).probe(ProbeName::Isolation).on_progress(move |event| {
        lines.lock().expect("no test panics here").push(event.to_string());
    });
    let checked = check.run().await.expect("it is as it was");
    assert!(!checked.cells.is_empty(), "the probe was asked");
    let told = told.lock().expect("no test panics here").clone();
    assert!(told[0].starts_with("starting ") && told[0].contains("server.log"), "{told:?}");
    for line in ["chat: round 1, 2 users", "isolation chat"] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
}

#[tokio::test]
async fn a_check_in_a_test_proposes_a_golden_when_it_is_asked_to() {
    let (project, broken) = (project(), Release::start("unpaired-tool"));
    let check = chat(&project).url(broken.url()).users(1).update(UpdateWhen::New);
    let failure = check.run().await.expect_err("a result is lost");
    assert!(matches!(failure, Failure::Deviates(_)), "{failure}");
    assert_eq!(
        project.run(&["pending"]).exits(0).stdout,
        "chat
",
        "it is proposed"
    );
}

#[tokio::test]
async fn a_failing_test_shows_the_diff_and_its_finding() {
    let (project, broken) = (project(), Release::start("unpaired-tool"));
    let failure = chat(&project).url(broken.url()).users(1).run().await.expect_err("a result is lost");
    // What `?` and `unwrap` print.
    let shown = format!("{failure:?}");
    assert!(shown.starts_with("\nchat  DEVIATES  1 run by 1 user"), "{shown}");
    assert!(shown.contains("- tool_completed") && !shown.contains('\u{1b}'), "{shown}");
    let Failure::Deviates(checked) = failure else { panic!("{failure}") };
    let finding = &checked.outcome.runs[0].findings[0];
    assert_eq!((finding.kind, finding.place.event.as_str()), (Kind::Missing, "tool_completed"));
}

#[tokio::test]
async fn that_nothing_could_be_judged_is_no_deviation() {
    let project = project();
    let (_socket, address) = nobody();
    let url = format!("ws://{address}/ws");
    let failure = chat(&project).url(url).run().await.expect_err("nobody is there");
    assert!(matches!(failure, Failure::CouldNotJudge { .. }), "{failure}");
    assert!(failure.to_string().contains("could not judge"), "{failure}");

    for (check, said) in [
        (session::check("chta").config(project.path().join("goldwire.toml")), "no golden for `chta`"),
        (chat(&project).target("loacl"), "there is no target `loacl`"),
        (session::check("chat").config("/nowhere/goldwire.toml"), "failed to read"),
    ] {
        let failure = check.run().await.expect_err(said);
        assert!(matches!(failure, Failure::Unusable { .. }), "{failure}");
        assert!(failure.to_string().contains(said), "{failure}");
    }
}
