//! `check --update`: by default a failing check writes nothing; what is asked for is written, and the exit code stays.

use crate::support::{Project, Said};
use std::fs;

/// A project with eight recordings, a golden that contradicts them, and four runs of the same release in `new`.
fn contradicted() -> Project {
    let project = Project::new();
    let mut files: Vec<_> = fs::read_dir("recordings/agent-run").expect("recordings").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    for (index, file) in files.iter().take(12).enumerate() {
        let folder = if index < 8 { "recordings/agent-run" } else { "new" };
        let text = fs::read_to_string(file.path()).expect("a recording");
        project.write(&format!("{folder}/{}", file.file_name().display()), &text);
    }
    project.run(&["learn", "agent-run", "--accept", "first golden"]).exits(0);
    let golden = project.read("golden/agent-run.toml");
    project.write("golden/agent-run.toml", &golden.replace("\"/ok\" = \"= true\"", "\"/ok\" = \"integer\""));
    project
}

fn check(project: &Project, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    project.run_with(&[&["check"], arguments, &["--offline", "new"]].concat(), environment)
}

#[test]
fn a_failing_check_writes_nothing_unless_it_is_asked_to() {
    let project = contradicted();
    let golden = project.read("golden/agent-run.toml");
    for (arguments, environment) in [
        (&[][..], &[][..]),
        (&["--update=no"], &[("GOLDWIRE_UPDATE", "always")]),
        (&[], &[("GOLDWIRE_UPDATE", "always"), ("CI", "true")]),
    ] {
        let said = check(&project, arguments, environment).exits(1);
        assert_eq!(
            said.stderr.contains("ignored because CI is set"),
            environment.len() == 2,
            "{}",
            said.stderr
        );
        assert_eq!(project.run(&["pending"]).exits(0).stdout, "");
        assert_eq!(project.read("golden/agent-run.toml"), golden);
    }
    let said = check(&project, &[], &[("GOLDWIRE_UPDATE", "sometimes")]).exits(2);
    assert!(said.stderr.contains("hint: one of: no, new, unseen, always"), "{}", said.stderr);
}

#[test]
fn new_proposes_what_recordings_and_runs_show_and_keeps_the_runs_when_it_is_accepted() {
    let project = contradicted();
    let golden = project.read("golden/agent-run.toml");
    let said = check(&project, &["-u"], &[]).exits(1);
    assert!(said.stderr.contains("learned from 8 recordings and 4 runs of this check"), "{}", said.stderr);
    assert!(said.stderr.contains("other     /ok of `tool_completed`: integer → = true"), "{}", said.stderr);
    assert_eq!(project.read("golden/agent-run.toml"), golden);
    project.run(&["reject", "agent-run"]).exits(0);
    assert_eq!(project.files("golden").len(), 2, "the golden and what its recordings showed");

    check(&project, &[], &[("GOLDWIRE_UPDATE", "new")]).exits(1);
    project.run(&["accept", "--reason", "it says so in words now"]).exits(0);
    let golden = project.read("golden/agent-run.toml");
    assert!(golden.contains("recordings = 12") && golden.contains("it says so in words now"), "{golden}");
    assert_eq!(project.files("recordings/agent-run").len(), 12);
    assert_eq!(project.files("golden").len(), 2);
    check(&project, &["-u"], &[]).exits(0);
    assert_eq!(project.run(&["pending"]).exits(0).stdout, "");
}

#[test]
fn always_accepts_with_a_reason_in_ci_too_when_the_command_says_so() {
    let project = contradicted();
    let arguments = ["--update=always", "--reason", "the release of today"];
    let said = check(&project, &arguments, &[("CI", "true")]).exits(1);
    assert!(said.stderr.contains("accepted as golden/agent-run.toml"), "{}", said.stderr);
    assert!(project.read("golden/agent-run.toml").contains("reason = \"the release of today\""));
    assert_eq!(project.files("recordings/agent-run").len(), 12);
    check(&project, &[], &[]).exits(0);
}

#[test]
fn unseen_accepts_only_where_there_is_no_golden() {
    let project = contradicted();
    let said = check(&project, &["--update=unseen"], &[]).exits(1);
    assert!(said.stderr.contains("proposed as golden/agent-run.toml.new"), "{}", said.stderr);
    project.run(&["reject", "agent-run"]).exits(0);
    fs::remove_file(project.path().join("golden/agent-run.toml")).expect("no golden");

    check(&project, &["agent-run", "--update=no"], &[]).exits(4);
    check(&project, &["agent-run", "-u"], &[]).exits(5);
    project.run(&["reject", "agent-run"]).exits(0);
    check(&project, &["agent-run", "--update=unseen"], &[]).exits(0);
    assert!(project.read("golden/agent-run.toml").contains("accepted by goldwire check --update"));
}
