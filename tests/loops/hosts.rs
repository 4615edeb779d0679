//! Time on other machines: real recordings, judged as if they came from elsewhere, slower, or with a stall.

use crate::support::{Project, Said};
use goldwire::transcript::{Gap, HostClass, Offset, Redactor, Transcript, Writer};
use std::io::BufReader;
use std::path::PathBuf;

const ELSEWHERE: &str = "plan9-mips-3c-none-5u-000000";

fn committed(session: &str, count: usize) -> Vec<Transcript> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(format!("recordings/{session}"))
        .expect("recordings")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let file = std::fs::File::open(path).expect("a recording");
        goldwire::transcript::read(BufReader::new(file)).expect("a recording")
    };
    files.iter().take(count).map(read).collect()
}

/// A project with the golden of a session, and recordings of it changed by `change`.
fn project(session: &str, count: usize, change: impl Fn(usize, &mut Transcript)) -> Project {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n");
    project.write_golden(session, str::to_owned);
    for (number, mut transcript) in committed(session, count).into_iter().enumerate() {
        change(number, &mut transcript);
        let mut writer = Writer::new(Vec::new(), &transcript.header, Redactor::default()).expect("memory");
        for frame in &transcript.frames {
            writer.frame(frame).expect("memory");
        }
        let bytes = writer.end(&transcript.ending).expect("memory");
        project.write(&format!("run/{number:02}.jsonl"), &String::from_utf8(bytes).expect("UTF-8"));
    }
    project
}

fn is_from(class: &str, transcript: &mut Transcript) {
    transcript.header.host = Some(HostClass { class: class.to_owned(), cpu: String::new(), cpus: 3 });
}

/// Everything from a frame on comes so much later.
fn delay(transcript: &mut Transcript, from: usize, by: Gap) {
    let later = |at: Offset| Offset::from_nanos(at.as_nanos() + by.as_nanos());
    transcript.frames[from..].iter_mut().for_each(|frame| frame.at = later(frame.at));
    transcript.ending.at = later(transcript.ending.at);
}

fn slow_down(transcript: &mut Transcript, factor: u64) {
    let slower = |at: Offset| Offset::from_nanos(at.as_nanos() * factor);
    transcript.frames.iter_mut().for_each(|frame| frame.at = slower(frame.at));
    transcript.ending.at = slower(transcript.ending.at);
}

fn check(project: &Project, more: &[&str]) -> Said {
    project.run(&[&["check", "agent-run", "--offline", "run"], more].concat())
}

#[test]
fn a_machine_that_is_slower_as_a_whole_conforms_elsewhere() {
    for factor in [1, 3, 10] {
        let project = project("agent-run", 10, |_, transcript| {
            is_from(ELSEWHERE, transcript);
            slow_down(transcript, factor);
        });
        let said = check(&project, &[]).exits(0);
        assert!(said.stdout.starts_with("agent-run  CONFORMS"), "x{factor}: {}", said.stdout);
        assert!(said.stdout.contains("recorded on other hosts") && said.stdout.contains("judged by shape"));
        assert!(said.stdout.contains("because they use times: "), "{}", said.stdout);
        assert!(!said.stdout.contains("live:") || said.stdout.contains("pass"), "{}", said.stdout);
    }
}

#[test]
fn a_stall_fails_on_any_machine() {
    let project = project("agent-run", 5, |number, transcript| {
        is_from(ELSEWHERE, transcript);
        if number == 2 {
            let middle = transcript.frames.len() / 2;
            delay(transcript, middle, Gap::from_millis(9_000));
        }
    });
    let said = check(&project, &[]).exits(1);
    assert!(said.stdout.contains("a stall"), "{}", said.stdout);
}

#[test]
fn bounds_alone_cannot_judge_a_machine_that_is_not_known() {
    let project = project("agent-run", 5, |_, transcript| is_from(ELSEWHERE, transcript));
    for way in [&["--strict-time"][..], &["--time", "bounds"]] {
        let said = check(&project, way).exits(3);
        assert!(said.stderr.contains(&format!("no bounds for this class of hosts: {ELSEWHERE}")));
        assert!(said.stderr.contains("goldwire hosts learn"), "{}", said.stderr);
    }
    let said = check(&project, &["--time", "off"]).exits(0);
    assert!(said.stdout.contains("time: not judged"), "{}", said.stdout);
    check(&project, &["--time", "now"]).exits(2);
    // The golden's own word goes before the configuration's, the option before both.
    let golden = project.read("golden/agent-run.toml");
    project.write("golden/agent-run.toml", &golden.replace("\nends = ", "\ntime = \"off\"\nends = "));
    project.write("goldwire.toml", "goldwire = 1\n[check]\ntime = \"bounds\"\n");
    check(&project, &[]).exits(0);
    check(&project, &["--time", "bounds"]).exits(3);
}

#[test]
fn what_a_person_allows_holds_on_any_machine_and_learning_keeps_it() {
    let project = project("agent-run", 5, |_, transcript| is_from(ELSEWHERE, transcript));
    let golden = project.read("golden/agent-run.toml");
    let budget =
        |ttft: &str| golden.replace("\n[learned]", &format!("\n[budget]\nttft = {ttft:?}\n\n[learned]"));
    project.write("golden/agent-run.toml", &budget("60 s"));
    let said = check(&project, &[]).exits(0);
    assert!(said.stdout.contains("budget: ttft ") && said.stdout.contains(" of 60 s"), "{}", said.stdout);
    project.write("golden/agent-run.toml", &budget("1 ms"));
    let said = check(&project, &[]).exits(1);
    assert!(said.stdout.contains("ttft took") && said.stdout.contains("the limit is 1 ms"));
    project.run(&["learn", "agent-run", "--from", "run"]).exits(0);
    let proposed = project.read("golden/agent-run.toml.new");
    assert!(proposed.contains("[budget]\nttft = \"1 ms\""), "{proposed}");
}

#[test]
fn a_live_check_is_judged_by_the_profile_of_its_host() {
    let project = Project::with_server(&[]);
    for file in ["toml", "seen"] {
        let name = format!("golden/agent-run.{file}");
        project.write(&name, &std::fs::read_to_string(&name).expect("a golden"));
    }
    let named = [("GOLDWIRE_HOST", "a pool")];
    let run = |arguments: &[&str]| project.run_with(arguments, &named);
    let said = run(&["check", "agent-run", "--users", "2", "--time", "auto"]).exits(0);
    assert!(said.stdout.contains("judged by shape") && said.stdout.contains("hint: `goldwire hosts learn`"));
    let said = run(&["hosts", "show", "--users", "2"]).exits(0);
    assert!(said.stdout.contains("this host  a-pool-2u") && said.stdout.contains("there is no profile yet"));
    let said = run(&["hosts", "learn", "agent-run", "--users", "2", "--runs", "5"]).exits(0);
    assert!(said.stdout.contains("agent-run  10 runs"), "{}", said.stdout);
    let profile = project.read("target/goldwire/hosts/a-pool-2u.toml");
    assert!(profile.contains("runs = 10") && !profile.contains("127.0.0.1"), "{profile}");
    // Whether it is late there is a matter of this moment; that it is judged by the profile is not.
    let said = run(&["check", "agent-run", "--users", "2", "--runs", "2", "--profile", "read"]);
    assert!(said.stdout.contains("by this host's profile (10 runs, 1 occasion)"), "{}", said.stdout);
    assert_eq!(project.read("target/goldwire/hosts/a-pool-2u.toml"), profile, "it was only read");
    let said = run(&["check", "agent-run", "--users", "2", "--profile", "none"]).exits(0);
    assert!(said.stdout.contains("judged by shape"), "{}", said.stdout);
    let said = run(&["hosts", "show"]).exits(0);
    assert!(said.stdout.contains("agent-run  10 runs, 1 occasion"), "{}", said.stdout);
    run(&["hosts", "forget", "a-pool-2u"]).exits(0);
    run(&["hosts", "forget", "a-pool-2u"]).exits(4);
    run(&["hosts", "forget", "../goldwire"]).exits(2);
    project.write("golden/hosts/a-pool-2u.toml", "goldwire_host = 2\n");
    let said = run(&["check", "agent-run", "--users", "2"]).exits(2);
    assert!(said.stderr.contains("host profile version 2"), "{}", said.stderr);
}
