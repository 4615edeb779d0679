//! `goldwire compare`: two releases of the example server, each a process of its own, run in turn.

use crate::support::{Project, Release, Said, nobody};
use serde_json::Value;

/// A project with the committed golden; both servers are started by the test.
fn project() -> Project {
    let project = Project::with_server(&[]);
    project.write_golden("agent-run", str::to_owned);
    project
}

fn compare(project: &Project, baseline: &str, candidate: &str, more: &[&str]) -> (Said, Value) {
    let arguments =
        ["compare", "--baseline", baseline, "--candidate", candidate, "--report-json", "report.json"];
    let said = project.run(&[&arguments, more].concat());
    let report = std::fs::read_to_string(project.path().join("report.json")).unwrap_or_default();
    (said, serde_json::from_str(&report).unwrap_or_default())
}

fn standings(report: &Value) -> Vec<(&str, &str)> {
    let differences = report["differences"].as_array().expect("differences").iter();
    differences
        .map(|one| (one["standing"].as_str().unwrap_or(""), one["finding"]["kind"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn a_release_that_loses_results_or_moves_a_field_differs_and_the_same_one_twice_does_not() {
    let project = project();
    let (old, lossy, moved) =
        (Release::start(""), Release::start("unpaired-tool"), Release::start("moved-field"));

    let (said, report) =
        compare(&project, &old.url(), &lossy.url(), &["agent-run", "--pairs", "2", "--users", "2"]);
    let said = said.exits(1);
    assert!(standings(&report).contains(&("candidate", "missing")), "{report:#}");
    let first = &report["differences"][0];
    assert_eq!(first["finding"]["event"], "tool_completed");
    assert_eq!((&first["baseline_runs"], &first["of_baseline_runs"]), (&0.into(), &4.into()));
    assert_eq!((&first["is_sure"], &report["verdict"]), (&true.into(), &"the releases differ".into()));
    assert!(
        said.stdout.starts_with("THE RELEASES DIFFER  agent-run: 2 pairs of runs by 2 users"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("in none of 4 baseline runs") && said.stdout.contains("- tool_completed"),
        "{}",
        said.stdout
    );
    // Two pairs say nothing about time, and the page says so.
    assert!(
        said.stdout.contains("2 pairs have at best p = 0.25") && said.stdout.contains("10 pairs are needed")
    );
    // All recordings are kept, and named by their release.
    let kept = project.files("target/goldwire/agent-run");
    let of = |release: &str| {
        kept.iter().filter(|path| path.display().to_string().ends_with(&format!("-{release}.jsonl"))).count()
    };
    assert_eq!((of("baseline"), of("candidate"), kept.len()), (4, 4, 8));
    assert!(project.path().join(first["recording"].as_str().expect("a path")).is_file());

    let (said, report) = compare(&project, &old.url(), &moved.url(), &["--pairs", "1", "--users", "1"]);
    said.exits(1);
    assert_eq!(standings(&report), [("candidate", "field-moved")]);

    // What the golden does not know but both do is no difference between them.
    let (said, report) = compare(&project, &moved.url(), &moved.url(), &["--pairs", "2", "--users", "1"]);
    let said = said.exits(0);
    assert_eq!(standings(&report), [("both", "field-moved")]);
    assert!(said.stdout.contains("both differ from the golden, which is out of date"), "{}", said.stdout);

    let (said, report) =
        compare(&project, &old.url(), &old.url(), &["--pairs", "3", "--users", "2", "--format", "json"]);
    let said = said.exits(0);
    assert_eq!(standings(&report), []);
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).expect("JSON"), report);
    assert_eq!(
        (&report["verdict"], &report["timing"]["same_release_times"]),
        (&"no difference shown".into(), &2.into())
    );
}

#[test]
fn a_release_that_is_not_there_could_not_be_compared() {
    let project = project();
    let old = Release::start("");
    let (_socket, address) = nobody();
    let gone = format!("ws://{address}/ws");
    let (said, report) = compare(&project, &old.url(), &gone, &["--pairs", "2", "--users", "1"]);
    let said = said.exits(3);
    assert!(said.stdout.contains("could not judge the candidate, agent-run u1"), "{}", said.stdout);
    assert_eq!(report["could_not_judge"]["release"], "candidate");

    for (more, hint) in [
        (&["--pairs", "0"][..], "--pairs must be at least 1"),
        (&["--alpha", "0"], "--alpha 0 is out of range"),
        (&["--url", "ws://x"], "--baseline URL --candidate URL"),
        (&["--alpha", "much"], "invalid value"),
    ] {
        let said = compare(&project, &old.url(), &gone, more).0.exits(2);
        assert!(said.stderr.contains(hint), "{}", said.stderr);
    }
    compare(&project, &old.url(), "nowhere", &[]).0.exits(2);
    compare(&project, &old.url(), &gone, &["nothing"]).0.exits(4);
}

#[test]
fn a_release_may_be_a_target_that_goldwire_starts() {
    let project = project();
    let (said, report) = compare(&project, "local", "local", &["--pairs", "1", "--users", "1"]);
    said.exits(0);
    assert_ne!(report["baseline"], report["candidate"]);
    assert!(project.path().join("target/goldwire/server-baseline.log").is_file());
    assert!(project.path().join("target/goldwire/server-candidate.log").is_file());
}
