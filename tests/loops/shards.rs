//! Jobs that share a check: what they find together is what one job finds, and a job that is missing is missed.

use crate::support::Project;
use serde_json::Value;
use std::fs;

const SESSIONS: [&str; 3] = ["agent-run", "parallel-tools", "reconnect"];

/// Three goldens, one of them contradicted, with four recordings each in `new`.
fn project() -> Project {
    let project = Project::new();
    for session in SESSIONS {
        project.write_golden(session, |golden| match session {
            "reconnect" => golden.replace("\"/ok\" = \"= true\"", "\"/ok\" = \"= false\""),
            _ => golden.to_owned(),
        });
        let mut files: Vec<_> =
            fs::read_dir(format!("recordings/{session}")).expect("recordings").flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        for file in files.iter().take(4) {
            let text = fs::read_to_string(file.path()).expect("a recording");
            project.write(&format!("new/{session}/{}", file.file_name().display()), &text);
        }
    }
    project
}

const CHECK: [&str; 5] = ["check", "--offline", "new/agent-run", "new/parallel-tools", "new/reconnect"];

/// Checks a shard of so many; its report is `INDEX.json`.
fn shard(project: &Project, index: usize, of: usize, code: i32) -> String {
    let (shard, report) = (format!("{index}/{of}"), format!("{index}.json"));
    project.run(&[&CHECK[..], &["--shard", &shard, "--report-json", &report]].concat()).exits(code).stdout
}

#[test]
fn shards_merge_into_what_one_check_of_all_says() {
    let project = project();
    project
        .run(&[&CHECK[..], &["--report-json", "whole.json", "--report-junit", "whole.xml"]].concat())
        .exits(1);
    shard(&project, 1, 4, 0);
    shard(&project, 2, 4, 0);
    shard(&project, 3, 4, 1);
    let said = shard(&project, 4, 4, 0);
    assert_eq!(said, "nothing in this shard: 4/4 of 3 sessions\n");
    let report: Value = serde_json::from_str(&project.read("4.json")).expect("JSON");
    assert_eq!(report["verdict"], "nothing in this shard");

    let merge = ["merge", "4.json", "2.json", "1.json", "3.json", "--report-json", "merged.json"];
    let other = ["--report-junit", "merged.xml", "--report-markdown", "merged.md", "--report-html", "page"];
    let said = project.run(&[&merge[..], &other].concat()).exits(1).stdout;
    assert!(
        said.contains("reconnect  DEVIATES") && said.contains("golden                     live"),
        "{said}"
    );
    // A session is judged beside those before it in the same check: what would show there follows from all of them.
    let merged = |name: &str| {
        let mut report: Value = serde_json::from_str(&project.read(name)).expect("JSON");
        for session in report["sessions"].as_array_mut().expect("sessions") {
            let seen = session["time"].as_object_mut().and_then(|time| time.remove("sees"));
            assert!(seen.is_some_and(|sees| sees.is_f64()), "{session}");
        }
        report
    };
    assert_eq!(merged("merged.json"), merged("whole.json"));
    // But for when it was written.
    let timeless = |name: &str| {
        let text = project.read(name);
        let cut = |line: &str| line.split(" timestamp=").next().unwrap_or_default().to_owned();
        text.lines().filter(|line| !line.contains("<testsuites")).map(cut).collect::<Vec<_>>()
    };
    assert_eq!(timeless("merged.xml"), timeless("whole.xml"));
    assert!(project.read("merged.md").contains("reconnect") && project.read("page/index.html").len() > 1000);
}

#[test]
fn a_shard_that_is_missing_or_did_not_end_could_not_be_judged() {
    let project = project();
    shard(&project, 1, 3, 0);
    shard(&project, 2, 3, 0);
    let said = project.run(&["merge", "1.json", "2.json", "--report-junit", "merged.xml"]).exits(3).stdout;
    assert!(said.contains("COULD NOT JUDGE  2 of 3 shards: 3/3 is missing"), "{said}");
    assert!(project.read("merged.xml").contains("2 of 3 shards: 3/3 is missing"));

    // One that was killed left what was true when it began.
    let begun =
        project.run(&["check", "--shard", "3/3", "--target", "none", "--report-json", "3.json"]).exits(2);
    let said = project.run(&["merge", "1.json", "2.json", "3.json"]).exits(3).stdout;
    assert!(said.contains("there is no target `none`"), "{begun:?}\n{said}");
}

#[test]
fn what_does_not_belong_together_is_bad_usage() {
    let project = project();
    shard(&project, 1, 3, 0);
    let said = project.run(&["merge", "1.json", "1.json"]).exits(2).stderr;
    assert!(said.contains("shard 1/3 is given twice"), "{said}");
    project.write("other.json", &project.read("1.json").replace("\"of\": 3", "\"of\": 4"));
    project.run(&["merge", "1.json", "other.json"]).exits(2);
    project.write("none.json", "{\"goldwire_probes\": 1}");
    let said = project.run(&["merge", "none.json", "--report-json", "merged.json"]).exits(2).stderr;
    assert!(said.contains("none.json: not a report of `goldwire check`"), "{said}");
    assert!(project.read("merged.json").contains("\"unfinished\""));
    project.run(&["merge", "nowhere.json"]).exits(2);
    project.run(&["check", "--shard", "4/3"]).exits(2);
    // Nothing at all is not an empty shard of something.
    Project::new().run(&["check", "--shard", "2/3"]).exits(4);
}

#[test]
fn what_jobs_recorded_is_learned_as_if_one_had_recorded_it() {
    let project = Project::new();
    let mut files: Vec<_> = fs::read_dir("recordings/agent-run").expect("recordings").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    for (index, file) in files.iter().enumerate() {
        let (text, name) = (fs::read_to_string(file.path()).expect("a recording"), file.file_name());
        project.write(&format!("recordings/agent-run/{}", name.display()), &text);
        project.write(&format!("shard-{}/{}", index % 3, name.display()), &text);
    }
    let learned = |arguments: &[&str]| {
        project.run(&[&["learn", "agent-run"], arguments].concat()).exits(0);
        let said = (project.read("golden/agent-run.toml.new"), project.read("golden/agent-run.seen.new"));
        project.run(&["reject", "agent-run"]).exits(0);
        said
    };
    let whole = learned(&[]);
    assert_eq!(learned(&["--from", "shard-2", "shard-0", "shard-1"]), whole);
    assert_ne!(learned(&["--from", "shard-0"]), whole);
}
