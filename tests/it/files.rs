//! Files that a person got wrong: each mistake with its file, line, column, cause and hint, and exit code 2.

use crate::support::Project;

fn golden(text: &str) -> Project {
    let project = Project::new();
    project.write("goldwire.toml", "goldwire = 1\n[target.t]\nurl = \"ws://127.0.0.1:1/ws\"\n");
    project.write("golden/chat.toml", text);
    project
}

#[test]
fn a_bad_golden_is_refused_with_every_mistake_in_its_place() {
    let project = golden(
        "goldwire = 1\n\
         order = \"\"\"\n  hi ; ( >ask | tok ;\n  done\n\"\"\"\n\
         wiat = \"3 s\"\n\
         ends = \"never\"\n\n\
         [event.ask]\nsend = { to = \"{{thread}}\" }\n",
    );
    let said = project.run(&["check"]).exits(2);
    let expected = "\
error: this group does not end
 --> golden/chat.toml:3:8
  |
3 |   hi ; ( >ask | tok ;
  |        ^ opened here
  |
hint: close it with `)`

error: `|` and `;` are mixed
 --> golden/chat.toml:3:21
  |
3 |   hi ; ( >ask | tok ;
  |                     ^ neither binds more strongly
  |
hint: put one of them in parentheses: a ; ( b & c )

error: unknown key `wiat`
 --> golden/chat.toml:6:1
  |
6 | wiat = \"3 s\"
  | ^^^^ not a key of this table
  |
hint: did you mean `wait`?

error: `never` is not an ending
 --> golden/chat.toml:7:8
  |
7 | ends = \"never\"
  |        ^^^^^^^ here
  |
hint: write \"client 1000\", \"server 1008\" or \"dropped 1006\"
";
    assert_eq!(said.stderr, expected);
    assert_eq!(said.stdout, "");
}

#[test]
fn unknown_keys_events_and_places_are_named_with_what_was_meant() {
    let project = golden(
        "goldwire = 1\norder = \"hi ; >ask ; done\"\nwiat = \"3 s\"\n\n\
         [event.hi]\nbind.thread_id = \"/thread\"\n\n\
         [event.ask]\nsend = { to = \"{{thread_di}}\" }\n\n[event.doen]\ncritical = true\n",
    );
    let said = project.run(&["check"]).exits(2);
    for part in [
        "unknown key `wiat`\n --> golden/chat.toml:3:1",
        "hint: did you mean `wait`?",
        "nothing binds {{thread_di}}\n --> golden/chat.toml:8:8",
        "hint: did you mean `thread_id`?",
        "unknown event `doen`\n  --> golden/chat.toml:11:8",
        "hint: did you mean `done`?",
    ] {
        assert!(said.stderr.contains(part), "{part:?} is missing from\n{}", said.stderr);
    }
}

#[test]
fn a_path_has_one_rule() {
    let text = "goldwire = 1\norder = \"answer\"\n[event.answer]\n\"/id\" = \"uuid\"\n\"/text\" = \"text\"\n\
                \"/text?\" = \"text\"\n[event.answer.shape]\n\"/id\" = \"uuid\"\n";
    let said = golden(text).run(&["check"]).exits(2);
    for expected in [
        "golden/chat.toml:6:1",
        "golden/chat.toml:8:1",
        "`/id` is defined twice",
        "`/text` is defined twice",
        "keep one of the two",
    ] {
        assert!(said.stderr.contains(expected), "{expected}:\n{}", said.stderr);
    }
}

#[test]
fn an_event_has_one_table() {
    let text = "goldwire = 1\norder = \">ask ; answer\"\n[event.ask]\nsend = { type = \"ask\" }\n\
                [event.\">ask\"]\nsend = { type = \"other\" }\n";
    let said = golden(text).run(&["check"]).exits(2);
    for expected in ["golden/chat.toml:5:8", "`>ask` is defined twice", "put the two together"] {
        assert!(said.stderr.contains(expected), "{expected}:\n{}", said.stderr);
    }
}

#[test]
fn what_must_be_live_and_what_was_seen_are_read_with_their_mistakes() {
    let text = "goldwire = 1\norder = \"hi\"\nrequire_live = [\"ids\", \"txets\"]\n";
    let said = golden(text).run(&["check"]).exits(2);
    let place = "`txets` is not a liveness item\n --> golden/chat.toml:3:24";
    assert!(said.stderr.contains(place) && said.stderr.contains("did you mean `texts`?"), "{}", said.stderr);
    let said = golden(&text.replace("[\"ids\", \"txets\"]", "3")).run(&["check"]).exits(2);
    assert!(said.stderr.contains("golden/chat.toml:3:"), "{}", said.stderr);

    let project = golden("goldwire = 1\norder = \"hi\"\nrequire_live = true\n");
    project.write("golden/chat.seen", "{\"goldwire_seen\":1,\"recordings\":true}\n");
    let said = project.run(&["check"]).exits(2);
    assert!(said.stderr.contains("golden/chat.seen: line 1, column "), "{}", said.stderr);
    assert!(
        said.stderr.contains("hint: restore it") && said.stderr.contains("`goldwire learn chat`"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_golden_whose_evidence_is_gone_is_not_judged_by_less() {
    let project = Project::new();
    project.write_golden("agent-run", str::to_owned);
    let recordings = std::env::current_dir().expect("a folder").join("recordings/agent-run");
    let check = ["check", "agent-run", "--offline", &recordings.display().to_string()];
    project.run(&check).exits(0);
    std::fs::remove_file(project.path().join("golden/agent-run.seen")).expect("it was there");
    let said = project.run(&check).exits(2);
    assert!(said.stderr.contains("golden/agent-run.seen is not there"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: restore it from version control"), "{}", said.stderr);
    // One that knows no evidence, of an older goldwire, is as good as none.
    let without = |line: &&str| !line.starts_with("{\"event\"");
    let seen = std::fs::read_to_string("golden/agent-run.seen").expect("what is known");
    let seen = seen.lines().filter(without).map(|line| format!("{line}\n")).collect::<String>();
    project.write("golden/agent-run.seen", &seen);
    let said = project.run(&check).exits(2);
    assert!(said.stderr.contains("golden/agent-run.seen has no evidence"), "{}", said.stderr);
    // The way out that the hint names.
    let recordings = recordings.display().to_string();
    project.write("goldwire.toml", "goldwire = 1\n");
    project.run(&["learn", "agent-run", "--from", &recordings]).exits(0);
    // What is proposed beside it belongs to the proposal, and a copy alone says nothing of hosts.
    let golden = project.read("golden/agent-run.toml");
    project.write("copy.toml", &golden);
    project.write("golden/agent-run.toml.new", &golden);
    for files in
        [["golden/agent-run.toml", "golden/agent-run.toml.new"], ["copy.toml", "golden/agent-run.toml.new"]]
    {
        let said = project.run(&["diff", files[0], files[1]]).exits(0);
        assert_eq!(said.stdout, "");
    }
    std::fs::remove_file(project.path().join("golden/agent-run.toml.new")).expect("it was written");
    project.run(&["accept", "agent-run", "--reason", "the file was lost"]).exits(0);
    project.run(&check).exits(0);
}

#[test]
fn other_versions_are_told_from_broken_files() {
    let said = golden("goldwire = 7\norder = \"a\"\n").run(&["check"]).exits(2);
    assert!(said.stderr.contains("golden version 7; this goldwire reads version 1"), "{}", said.stderr);
    let said = golden("goldwire = 1\norder = \"a\n").run(&["check"]).exits(2);
    assert!(
        said.stderr.contains("not valid TOML") && said.stderr.contains("golden/chat.toml:2"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_bad_configuration_is_refused() {
    let project = Project::new();
    project.write(
        "goldwire.toml",
        "goldwire = 1\ndefault_target = \"lokal\"\n[target.local]\nurl = \"ws://x/\"\nauth = \"usr\"\ntimeuot = 3\n\
         [auth.user]\nkind = \"token\"\nenv = \"T\"\n",
    );
    let said = project.run(&["check"]).exits(2);
    for part in [
        "there is no target `lokal`",
        "goldwire.toml:2:18",
        "did you mean `local`?",
        "target `local` logs in with `usr`",
        "did you mean `user`?",
        "unknown key `target.local.timeuot`",
        "goldwire.toml:6:1",
    ] {
        assert!(said.stderr.contains(part), "{part:?} is missing from\n{}", said.stderr);
    }
    let said = Project::new().run(&["check", "--config", "nowhere.toml"]).exits(2);
    assert!(said.stderr.contains("failed to read nowhere.toml"), "{}", said.stderr);
}

#[test]
fn bad_recordings_are_refused_and_torn_ones_are_read() {
    let recording =
        std::fs::read_dir("recordings/agent-run").expect("recordings").next().expect("one").expect("it");
    let text = std::fs::read_to_string(recording.path()).expect("a recording");
    let lines: Vec<&str> = text.lines().collect();
    let project = Project::new();
    project.write_golden("agent-run", str::to_owned);
    let refused = |name: &str, text: &str, part: &str| {
        project.write(name, text);
        let said = project.run(&["check", "agent-run", "--offline", name]).exits(2);
        assert!(said.stderr.contains(part), "{part:?} is missing from\n{}", said.stderr);
    };
    refused("empty.jsonl", "", "empty.jsonl: line 1: the file is empty");
    refused("other.jsonl", "{\"a\":1}\n", "not a goldwire recording");
    refused("new.jsonl", &text.replacen("\"goldwire\":1", "\"goldwire\":2", 1), "recording version 2");
    refused("edited.jsonl", &text.replacen("\"seq\":3", "\"seq\":4", 1), "was changed after it was recorded");
    let mut broken = lines.clone();
    broken[4] = "{\"t\":oops}";
    refused("broken.jsonl", &(broken.join("\n") + "\n"), "line 5, column 6: expected value");

    // A crash leaves a prefix: what is there is judged, and it never passes.
    let torn = lines[..12].join("\n") + "\n" + &lines[12][..20];
    project.write("torn.jsonl", &torn);
    let said = project.run(&["check", "agent-run", "--offline", "torn.jsonl"]).exits(2);
    let judged = "incomplete: its frames conform, but its end is missing";
    assert!(said.stdout.contains(judged), "{}", said.stdout);
    let place = "torn.jsonl: the recording is incomplete: line 13 is torn after 20 bytes";
    assert!(said.stderr.contains(place) && said.stderr.contains("hint: "), "{}", said.stderr);
    let said = project.run(&["show", "torn.jsonl"]).exits(0);
    assert!(said.stdout.contains("incomplete"), "{}", said.stdout);
}

#[test]
fn bad_usage_is_2_and_nothing_to_do_is_4() {
    let project = Project::new();
    project.run(&["chekc"]).exits(2);
    project.run(&["check", "--users"]).exits(2);
    let said = project.run(&["check"]).exits(4);
    assert!(said.stderr.contains("there is no golden to check"), "{}", said.stderr);
    project.run(&["check", "ghost"]).exits(4);
    project.run(&["learn", "ghost"]).exits(4);
    project.run(&["accept", "--reason", "x"]).exits(4);
    let said = project.run(&["record", "ghost"]).exits(2);
    assert!(said.stderr.contains("there is no target"), "{}", said.stderr);
    project.run(&["record", "ghost", "--duration", "soon"]).exits(2);
    project.run(&["record", "../evil", "--script", "x.toml"]).exits(2);
    project.run(&["check", "--offline", "ghost.jsonl"]).exits(2);
    project.run(&["--version"]).exits(0);
    project.run(&["--help"]).exits(0);
}

#[test]
fn init_writes_a_configuration_that_reads_and_touches_none_that_is_there() {
    let project = Project::new();
    let said = project.run(&["init"]).exits(0).stdout;
    assert!(said.contains("no server was contacted"), "{said}");
    assert!(project.read("goldwire.toml").contains("url = \"ws://127.0.0.1:8000/ws\""));
    project.run(&["check"]).exits(4);
    project.run(&["init"]).exits(2);
    project.run(&["init", "ftp://x", "--config", "other.toml"]).exits(2);
}

#[test]
fn of_very_many_mistakes_the_first_are_told_and_the_others_counted() {
    let many: String = (0..5_000).map(|n| format!("[event.stranger{n}]\n")).collect();
    let project = golden(&format!("goldwire = 1\norder = \"done\"\n{many}"));
    let said = project.run(&["check"]).exits(2);
    assert!(said.stderr.contains("4980 more errors of this file are not shown"), "{:.2000}", said.stderr);
    assert_eq!(said.stderr.matches("unknown event").count(), 20, "{:.2000}", said.stderr);
}
