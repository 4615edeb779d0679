//! The schemas say what the program reads and writes: held against all that is committed, against what it writes now, and
//! against the keys that its readers know. Completions and the manual page come out of the real command.

use crate::support::Project;
use goldwire::golden;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn schema(name: &str) -> Value {
    let said = Project::new().run(&["schema", name]).exits(0);
    let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema");
    schema
}

fn holds(schema: &Value, value: &Value, what: &str) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}:\n{}", errors.join("\n"));
}

fn toml(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file");
    let document: toml_edit::DocumentMut = text.parse().expect("TOML");
    goldwire::document::to_json(document.as_item()).expect("nothing that JSON has not")
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}

#[test]
fn what_is_committed_follows_its_schema() {
    let (of_golden, of_config, of_recording) = (schema("golden"), schema("config"), schema("recording"));
    let goldens =
        [files("golden", "toml"), files("tests/goldens", "toml"), files("examples/scripts", "toml")].concat();
    assert!(goldens.len() >= 10, "{goldens:?}");
    for path in goldens {
        holds(&of_golden, &toml(&path), &path.display().to_string());
    }
    holds(&of_config, &toml(Path::new("goldwire.toml")), "goldwire.toml");
    for server in ["jupyter", "nats", "signalk"] {
        let path = format!("tests/servers/{server}/goldwire.toml");
        holds(&of_config, &toml(Path::new(&path)), &path);
    }
    for session in fs::read_dir("recordings").expect("recordings").flatten() {
        for path in files(&session.path().display().to_string(), "jsonl").into_iter().take(3) {
            for line in fs::read_to_string(&path).expect("a recording").lines() {
                holds(&of_recording, &serde_json::from_str(line).expect("JSON"), &path.display().to_string());
            }
        }
    }
}

#[test]
fn what_is_written_follows_its_schema() {
    let of_report = schema("report");
    let project = Project::new();
    project.run(&["check", "--report-json", "r.json"]).exits(4);
    holds(&of_report, &serde_json::from_str(&project.read("r.json")).expect("JSON"), "nothing selected");
    project.run(&["probe", "--report-json", "r.json"]).exits(4);
    holds(
        &of_report,
        &serde_json::from_str(&project.read("r.json")).expect("JSON"),
        "a probe without a golden",
    );
    project.write("goldwire.toml", "goldwire = 1\n[target.local]\nurl = \"ws://127.0.0.1:9/ws\"\n");
    project.write("golden/chat.toml", "goldwire = 1\norder = \"connected\"\n");
    project.run(&["probe", "auth", "--report-json", "r.json"]).exits(4);
    holds(
        &of_report,
        &serde_json::from_str(&project.read("r.json")).expect("JSON"),
        "a probe that cannot ask",
    );
    // Against a live server: runs with answers to what is live, and a deviation.
    let server = Project::with_server(&[]);
    server.write_golden("agent-run", |golden| {
        let golden = golden.replace("  agent_completed\n\"\"\"", "  agent_completed ; farewell\n\"\"\"");
        golden.replacen("ends = ", "wait = \"1 s\"\nends = ", 1) + "\n[event.farewell]\ncritical = true\n"
    });
    server.run(&["check", "agent-run", "--report-json", "r.json"]).exits(1);
    let report: Value = serde_json::from_str(&server.read("r.json")).expect("JSON");
    assert!(report["runs"][0]["findings"][0].is_object(), "{report}");
    holds(&of_report, &report, "a check that deviates");
}

/// The keys that the reader of goldens knows in a table, as its hint lists them.
fn known(text: &str, unknown: &str) -> BTreeSet<String> {
    let problems = golden::read("golden/x.toml", text).expect_err("a key that nobody knows").to_string();
    let after = problems.split(&format!("unknown key `{unknown}`")).nth(1).expect(&problems);
    let list = after.split("known here: ").nth(1).expect(&problems);
    list.lines().next().unwrap_or_default().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_of_goldens_has_the_keys_that_the_reader_knows() {
    let schema = schema("golden");
    let keys = |pointer: &str| -> BTreeSet<String> {
        schema.pointer(pointer).and_then(Value::as_object).expect(pointer).keys().cloned().collect()
    };
    const HEAD: &str = "goldwire = 1\norder = \"a ; >b\"\n";
    let event = "/properties/event/additionalProperties/properties";
    for (text, unknown, pointer) in [
        ("qqqqqqqqqqqq = 1\n", "qqqqqqqqqqqq", "/properties".to_owned()),
        (
            "[learned]\nqqqqqqqqqqqq = 1\n",
            "learned.qqqqqqqqqqqq",
            "/properties/learned/properties".to_owned(),
        ),
        (
            "[dialect]\nqqqqqqqqqqqq = 1\n",
            "dialect.qqqqqqqqqqqq",
            "/properties/dialect/properties".to_owned(),
        ),
        (
            "[budget]\nevent = \"a\"\nqqqqqqqqqqqq = 1\n",
            "budget.qqqqqqqqqqqq",
            "/properties/budget/properties".to_owned(),
        ),
        ("[event.a]\nqqqqqqqqqqqq = 1\n", "event.a.qqqqqqqqqqqq", event.to_owned()),
        (
            "[event.a]\ntiming = { after = \"b\", usual = \"1 ms\", qqqqqqqqqqqq = 1 }\n",
            "event.a.timing.qqqqqqqqqqqq",
            format!("{event}/timing/anyOf/0/properties"),
        ),
    ] {
        assert_eq!(keys(&pointer), known(&format!("{HEAD}{text}"), unknown), "{pointer}");
    }
}

#[test]
fn shells_and_manuals_are_told_every_command() {
    let project = Project::new();
    // A configuration with a mistake is no obstacle.
    project.write("goldwire.toml", "goldwire = 1\nnonsense = 1\n");
    let help = project.run(&["--help"]).exits(0).stdout;
    let commands =
        help.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    let names: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 15 && names.contains(&"check"), "{names:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = project.run(&["completions", shell]).exits(0).stdout;
        for name in &names {
            assert!(script.contains(name), "{shell} is not told of {name}");
        }
    }
    let script = project.run(&["completions", "bash"]).exits(0).stdout;
    project.write("goldwire.bash", &script);
    let complete = "source ./goldwire.bash; COMP_WORDS=(goldwire che); COMP_CWORD=1; _goldwire goldwire che goldwire; \
                    echo \"${COMPREPLY[@]}\"";
    let output =
        std::process::Command::new("bash").args(["-c", complete]).current_dir(project.path()).output();
    let output = output.expect("bash");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "check",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = project.run(&["man"]).exits(0).stdout;
    assert!(page.starts_with(".ie") || page.contains(".TH goldwire 1"), "{page}");
    for name in names.iter().filter(|name| **name != "help") {
        assert!(page.contains(&format!(".SH \"GOLDWIRE {}\"", name.to_uppercase())), "{name} has no page");
    }
    assert!(page.contains("report\\-junit"), "the options are missing");
}
