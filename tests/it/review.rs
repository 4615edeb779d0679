//! The life of a proposal: what it changes is said in words wherever somebody meets it, and a person at a terminal decides.

use crate::support::Project;

const OLD: &str = "goldwire = 1\norder = \"connected ; token+ ; done\"\n\n[learned]\nrecordings = 9\nreason = \"as it was\"\n";

/// A project with a golden and a proposal that lets through more, for each of these sessions.
fn proposed(sessions: &[&str]) -> Project {
    let project = Project::new();
    for session in sessions {
        project.write(&format!("golden/{session}.toml"), OLD);
        project.write(&format!("golden/{session}.toml.new"), &OLD.replace("token+", "token*"));
    }
    project
}

const WIDER: &str = "wider     `token` may now come 0 times (was 1 or more times)";

#[test]
fn what_a_proposal_widens_is_said_by_review_accept_and_diff() {
    let project = proposed(&["chat"]);
    let said = project.run(&["review"]).exits(0).stdout;
    assert!(said.contains("+order = \"connected ; token* ; done\"") && said.contains(WIDER), "{said}");
    let said = project.run(&["diff", "golden/chat.toml", "golden/chat.toml.new"]).exits(1).stdout;
    assert!(said.contains(WIDER), "{said}");
    let json = ["diff", "golden/chat.toml", "golden/chat.toml.new", "--format", "json"];
    let changes: serde_json::Value = serde_json::from_str(&project.run(&json).exits(1).stdout).expect("JSON");
    assert_eq!(changes["changes"][0]["direction"], "wider", "{changes}");
    let said = project.run(&["accept", "chat", "--reason", "quiet answers"]).exits(0).stdout;
    assert!(
        said.contains("accepted as golden/chat.toml; 1 change: 1 wider") && said.contains(WIDER),
        "{said}"
    );
}

#[test]
fn a_learned_proposal_says_at_its_head_what_it_changes_and_the_golden_does_not() {
    let project = Project::new();
    for file in std::fs::read_dir("recordings/agent-run").expect("recordings").flatten().take(6) {
        let text = std::fs::read_to_string(file.path()).expect("a recording");
        project.write(&format!("recordings/agent-run/{}", file.file_name().display()), &text);
    }
    project.run(&["learn", "agent-run", "--accept", "first golden"]).exits(0);
    let golden = project.read("golden/agent-run.toml");
    project.write("golden/agent-run.toml", &golden.replace("token+", "token{1,3}"));
    let said = project.run(&["learn", "agent-run"]).exits(0).stdout;
    let wider = "`token` may now come any number of times (was 1 to 3 times)";
    assert!(said.contains(wider), "{said}");
    let proposal = project.read("golden/agent-run.toml.new");
    assert!(proposal.starts_with("# proposed: 1 change;") && proposal.contains(wider), "{proposal}");
    let review = project.run(&["review"]).exits(0).stdout;
    assert!(!review.contains("# proposed") && review.contains(wider), "{review}");
    project.run(&["accept", "--reason", "learned again"]).exits(0);
    let accepted = project.read("golden/agent-run.toml");
    assert_eq!(accepted, golden.replace("first golden", "learned again"));
}

/// A person at a real terminal.
#[cfg(unix)]
mod at_a_terminal {
    use super::*;
    use rexpect::session::{PtySession, spawn_command};

    const PATIENCE: u64 = 20_000;

    fn review(project: &Project, arguments: &[&str]) -> PtySession {
        let mut command = project.command(&[&["review"], arguments].concat());
        // The terminal takes the place of these.
        command.env("TERM", "xterm").stdin(std::process::Stdio::inherit());
        spawn_command(command, Some(PATIENCE)).expect("a terminal")
    }

    /// Waits for the question, then presses a key.
    fn press(terminal: &mut PtySession, key: &str) {
        terminal.exp_string("decide later about this and all others").expect("the question");
        terminal.send(key).and_then(|_| terminal.flush()).expect("a key");
    }

    #[test]
    fn a_accepts_for_a_reason_r_rejects_s_skips_and_q_leaves_the_rest() {
        let project = proposed(&["a", "b", "c", "d", "e"]);
        let mut terminal = review(&project, &[]);
        terminal.exp_string("review 1 of 5: a").expect("the first");
        terminal.exp_string("`token` may now come 0 times").expect("what it widens");
        press(&mut terminal, "a");
        terminal.exp_string("reason: ").expect("it asks for the reason");
        terminal.send_line("answers may be empty").expect("a reason");
        terminal.exp_string("accepted as golden/a.toml").expect("it is accepted");
        press(&mut terminal, "r");
        terminal.exp_string("rejected the proposal for b").expect("it is rejected");
        press(&mut terminal, "s");
        terminal.exp_string("skipped").expect("it is skipped");
        press(&mut terminal, "x");
        terminal.send("q").and_then(|_| terminal.flush()).expect("a key");
        terminal.exp_string("1 proposal accepted, 1 rejected, 3 left").expect("what was decided");
        terminal.exp_eof().expect("it ends");

        let accepted = project.read("golden/a.toml");
        assert!(accepted.contains("token*") && accepted.contains("answers may be empty"), "{accepted}");
        assert_eq!(project.read("golden/b.toml"), OLD);
        assert_eq!(project.run(&["pending"]).exits(0).stdout, "c\nd\ne\n");
    }

    #[test]
    fn nothing_is_accepted_without_a_reason_or_with_a_secret() {
        let project = proposed(&["a", "b"]);
        let secret = format!("about = \"AKIA{}\"\norder", "Q3EGRXVZ7JW2MPLK");
        project.write("golden/b.toml.new", &OLD.replace("order", &secret));
        let mut terminal = review(&project, &[]);
        press(&mut terminal, "a");
        terminal.exp_string("reason: ").expect("it asks for the reason");
        terminal.send_line("  ").expect("no reason");
        terminal.exp_string("not accepted: a reason is required").expect("it says why");
        press(&mut terminal, "q");
        terminal.exp_eof().expect("it ends");
        assert_eq!(project.run(&["pending"]).exits(0).stdout, "a\nb\n");

        let mut terminal = review(&project, &["b", "--reason", "all is well"]);
        press(&mut terminal, "a");
        terminal.exp_string("looks like secrets").expect("it is refused");
        press(&mut terminal, "q");
        terminal.exp_string("0 proposals accepted, 0 rejected, 1 left").expect("nothing was decided");
        terminal.exp_eof().expect("it ends");
        assert_eq!(project.read("golden/b.toml"), OLD);
    }
}
