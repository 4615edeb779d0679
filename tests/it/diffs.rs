//! `goldwire diff`: what varies by itself is no difference, what changed is one.

use crate::support::Project;
use std::fs;
use std::path::Path;

/// A folder with a copy of some committed recordings, each line of them passed through `edit`.
fn copies(project: &Project, folder: &str, range: std::ops::Range<usize>, edit: fn(&str) -> String) {
    let mut files: Vec<_> = fs::read_dir("recordings/agent-run").expect("recordings").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    for file in &files[range] {
        let text = edit(&fs::read_to_string(file.path()).expect("a recording"));
        project.write(&Path::new(folder).join(file.file_name()).display().to_string(), &text);
    }
}

/// Without its last line, whose hash an edit would break; a prefix can be compared as well.
fn without_end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[..lines.len() - 1].join("\n") + "\n"
}

#[test]
fn two_folders_of_the_same_release_do_not_differ() {
    let project = Project::new();
    copies(&project, "old", 0..10, str::to_owned);
    copies(&project, "new", 10..20, str::to_owned);
    let said = project.run(&["diff", "old", "new"]).exits(0);
    assert!(
        said.stdout.contains("old  old  10 recordings") && said.stdout.contains("CONFORMS"),
        "{}",
        said.stdout
    );
}

#[test]
fn what_a_release_changed_is_shown_once() {
    let project = Project::new();
    copies(&project, "old", 0..10, str::to_owned);
    copies(&project, "new", 10..20, |text| without_end(text).replace("\"ok\":true", "\"ok\":1"));
    let said = project.run(&["diff", "old", "new"]).exits(1);
    let change = "shape: tool_completed/ok changed its type: true → integer, 2 times (in 10 runs)";
    assert_eq!(said.stdout.matches(change).count(), 1, "{}", said.stdout);
}

#[test]
fn goldens_are_compared_as_texts_and_only_when_both_make_sense() {
    let project = Project::new();
    let golden = fs::read_to_string("golden/agent-run.toml").expect("a golden");
    project.write("a.toml", &golden);
    project.write("b.toml", &golden.replace("ends = \"client 1000\"", "ends = \"server 1000\""));
    let said = project.run(&["diff", "a.toml", "b.toml"]).exits(1);
    assert!(said.stdout.contains("-ends = \"client 1000\"\n+ends = \"server 1000\"\n"), "{}", said.stdout);
    assert_eq!(project.run(&["diff", "a.toml", "a.toml"]).exits(0).stdout, "");
    project.write("c.toml", "goldwire = 1\n");
    project.run(&["diff", "a.toml", "c.toml"]).exits(2);
    project.run(&["diff", "a.toml", "nothing"]).exits(2);
    project.write("one.jsonl", "x");
    project.run(&["diff", "a.toml", "one.jsonl"]).exits(2);
}
