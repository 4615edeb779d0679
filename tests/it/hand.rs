//! A person at the keyboard: lines become messages, what passes is shown, and all of it is recorded.

use crate::support::{Project, Running, Said, signal};
use goldwire::transcript::{End, Payload, Side, Transcript};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

const ASK: &str = r#"{"type":"ask","text":"How far is the moon in miles?"}"#;

/// Starts a session by hand, its stdin still open.
fn start(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(&[&["record", "talk"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("goldwire runs")
}

/// All lines at once, then the end of stdin.
fn talk(project: &Project, arguments: &[&str], lines: &str) -> Said {
    let mut child = start(project, arguments);
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    said(child)
}

fn said(child: Child) -> Said {
    let output = child.wait_with_output().expect("it ends");
    Said {
        code: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The latest recording.
fn recorded(project: &Project) -> Transcript {
    let path = project.files("recordings/talk").pop().expect("a recording");
    goldwire::store::read_recording(&path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn lines_are_sent_shown_and_recorded_and_a_golden_is_learned_from_them() {
    let project = Project::with_server(&[]);
    let lines = format!("\n{}\n/ping are you there\n//x\n/quit\n", ASK.replace("moon", "{{var.what}}"));
    let said = talk(&project, &["--variable", "what=moon", "--until", "agent_completed"], &lines).exits(2);
    let part = "line 5 was not sent: `/quit` is not a command";
    assert!(said.stderr.contains(part), "{}", said.stderr);
    for line in
        [&format!("> {ASK}"), "> (ping) are you there", "> /x", "< (pong) are you there", "> (close 1000)"]
    {
        assert!(said.stdout.lines().any(|own| own == line), "{line:?} is missing from\n{}", said.stdout);
    }
    assert!(!said.stdout.contains('\u{1b}'), "no colour in a pipe:\n{}", said.stdout);
    let transcript = recorded(&project);
    assert_eq!(transcript.ending.label(), "client 1000");
    let shown = said.stdout.lines().count();
    assert_eq!(shown, transcript.frames.len(), "one line a frame:\n{}", said.stdout);
    assert!(transcript.header.claims.is_some(), "it was logged in");

    // Without a golden the session was by hand; with one --stdin makes it so, and --until decides when it ends.
    project.run(&["learn", "talk", "--accept", "as it is"]).exits(0);
    talk(&project, &["-", "--until", "connected"], "").exits(0);
    assert_eq!(recorded(&project).frames.len(), 3, "connected, and a close from both sides");
    project.run(&["record", "talk", "--stdin", "--users", "2"]).exits(2);
}

#[test]
fn at_the_end_of_stdin_the_answer_is_still_waited_for() {
    let project = Project::with_server(&[]);
    let said = talk(&project, &["--idle-timeout", "2s"], &format!("{ASK}\n")).exits(0);
    assert!(said.stdout.contains("agent_completed"), "{}", said.stdout);
    let transcript = recorded(&project);
    assert_eq!(transcript.ending.label(), "client 1000");
    let last = transcript.frames.iter().rfind(|frame| matches!(frame.payload, Payload::Text(_)));
    let quiet = transcript.ending.at.since(last.expect("an answer").at).as_nanos();
    assert!(quiet >= 2_000_000_000, "closed {quiet} ns after the last message");
    let said = talk(&project, &["--until", "never", "--duration", "200ms"], "").exits(3);
    assert!(said.stderr.contains("never did not come"), "{}", said.stderr);
    assert_eq!(recorded(&project).ending.label(), "client 1000");
}

#[test]
fn a_limit_cuts_the_session_off_and_the_recording_says_which() {
    let project = Project::with_server(&[]);
    for (arguments, limit) in [
        (["--max-message", "200"], "bytes, longer than max_message = 200"),
        (["--max-rate", "2"], "more than max_rate = 2 messages in second "),
        (["--max-duration", "30ms"], "longer than max_duration = 30 ms"),
    ] {
        let said = talk(&project, &arguments, &format!("{ASK}\n")).exits(3);
        assert!(said.stderr.contains(limit), "{limit:?} is missing from\n{}", said.stderr);
        let End::CutOff { limit: told } = recorded(&project).ending.how else { panic!("{limit}") };
        assert!(told.contains(limit), "{told}");
    }
    // The target's own limits hold for scripts and checks, too.
    let config = project.read("goldwire.toml").replacen("auth = ", "max_rate = 2\nauth = ", 1);
    project.write("goldwire.toml", &config);
    let golden = "goldwire = 1\nlinger = \"60 s\"\norder = \">ask\"\n[event.ask]\n\
                  send = { type = \"ask\", text = \"How far is the moon?\" }\n";
    project.write("golden/talk.toml", golden);
    let said = project.run(&["record", "talk", "--users", "1"]).exits(3);
    assert!(said.stderr.contains("u1: cut off: more than max_rate = 2"), "{}", said.stderr);
    let said = project.run(&["check", "talk", "--users", "1"]);
    assert_ne!(said.code, 0, "what was cut off has not passed:\n{}", said.stdout);
}

#[test]
fn a_script_that_the_server_does_not_hear_to_its_end_is_no_success() {
    let project = Project::with_server(&[]);
    let script = "goldwire = 1\norder = \">bye ; agent_started ; >ask\"\n[event.bye]\nsend = { type = \"bye\" }\n\
                  [event.ask]\nsend = { type = \"ask\", text = \"How far is the moon?\" }\n";
    project.write("script.toml", script);
    let said = project.run(&["record", "talk", "--script", "script.toml", "--users", "1"]).exits(3);
    let expected = "u1: the session ended (server 1000) after 1 of 2 events of the script; not sent: >ask;";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    assert!(!said.stderr.contains("next:"), "{}", said.stderr);
    assert_eq!(recorded(&project).ending.label(), "server 1000", "what happened is kept");
}

#[cfg(unix)]
#[test]
fn ctrl_c_closes_the_session_properly_and_the_recording_is_whole() {
    let project = Project::with_server(&[]);
    let mut child = start(&project, &[]);
    let mut pipe = child.stdin.take().expect("a pipe");
    let mut shown = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    shown.read_line(&mut line).expect("it shows what passes");
    assert!(line.starts_with("< {\"type\":\"connected\""), "{line}");
    writeln!(pipe, "{ASK}").expect("it reads");
    while !line.contains("agent_completed") {
        line.clear();
        assert!(shown.read_line(&mut line).expect("it shows what passes") > 0, "it ended");
    }
    signal(child.id(), rustix::process::Signal::INT);
    let mut rest = String::new();
    shown.read_to_string(&mut rest).expect("it ends");
    assert_eq!(rest, "> (close 1000)\n< (close 1000)\n");
    assert_eq!(said(child).exits(130).stdout, "");
    drop(pipe);
    let transcript = recorded(&project);
    assert_eq!(transcript.ending.label(), "client 1000");
    assert!(transcript.frames.iter().any(|frame| frame.side == Side::Client));
}

#[test]
fn compressed_recordings_are_read_like_any_other() {
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml") + "\n[record]\ncompress = true\nflush = \"every frame\"\n";
    project.write("goldwire.toml", &config);
    project.run(&["record", "agent-run", "--script", "agent-run.toml", "--runs", "2"]).exits(0);
    let files = project.files("recordings/agent-run");
    assert_eq!(files.len(), 6);
    assert!(files.iter().all(|path| path.display().to_string().ends_with(".jsonl.zst")), "{files:?}");
    project.run(&["learn", "agent-run", "--script", "agent-run.toml", "--accept", "as it is"]).exits(0);
    project.run(&["check", "--offline", "recordings/agent-run"]).exits(0);
    let (one, other) = (files[0].display().to_string(), files[1].display().to_string());
    assert!(project.run(&["show", &one]).exits(0).stdout.contains("agent_completed"));
    let said = project.run(&["diff", &one, &other]);
    assert!(said.stdout.contains("old  ") && said.code < 2, "{}{}", said.stdout, said.stderr);
    project.write("goldwire.toml", &config.replace("every frame", "sometimes"));
    let said = project.run(&["record", "talk"]).exits(2);
    assert!(said.stderr.contains("`sometimes` is not how soon to write"), "{}", said.stderr);
}

/// A quota: a file may not grow beyond a few KiB.
#[cfg(target_os = "linux")]
#[test]
fn a_quota_costs_the_recording_its_end_and_not_the_session() {
    let project = Project::with_server(&[]);
    let goldwire = env!("CARGO_BIN_EXE_goldwire");
    let script = format!("trap '' XFSZ; ulimit -f 12; exec {goldwire} record talk --until agent_completed");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(project.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().expect("it runs"));
    let mut pipe = child.0.stdin.take().expect("a pipe");
    writeln!(pipe, "{ASK}\n{ASK}").expect("it reads");
    drop(pipe);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.0.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("it ends");
    child.0.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("it ends");
    assert_eq!(child.0.wait().expect("it ends").code(), Some(3), "{stderr}");
    assert_eq!(stderr.matches("File too large").count(), 1, "said once:\n{stderr}");
    assert!(stdout.contains("agent_completed"), "the session went on:\n{stdout}");
    assert!(matches!(recorded(&project).ending.how, End::Torn { .. }));
}
