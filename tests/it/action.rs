//! The action and the examples for CI are what they say: YAML that parses, inputs that exist, and a script that runs.

use crate::support::Project;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

fn action() -> Value {
    serde_norway::from_str(&fs::read_to_string("action.yml").expect("the action")).expect("YAML")
}

/// The names behind `prefix` in a text, e.g. of `${{ inputs.shard }}`.
fn named(text: &str, prefix: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    text.split(prefix).skip(1).map(name).collect()
}

#[test]
fn every_input_of_the_action_is_declared_and_used_and_none_is_text_of_a_script() {
    let action = action();
    assert_eq!(action["runs"]["using"], "composite");
    let declared: BTreeSet<String> = action["inputs"].as_object().expect("inputs").keys().cloned().collect();
    let steps = action["runs"]["steps"].as_array().expect("steps");
    assert_eq!(named(&action["runs"].to_string(), "inputs."), declared);
    for step in steps {
        assert!(step["run"].is_string() != step["uses"].is_string(), "{step}");
        assert!(step["run"].is_null() || step["shell"] == "bash", "{step}");
        assert!(!step["run"].to_string().contains("${{"), "{step}");
    }
    let known: BTreeSet<&str> = steps.iter().filter_map(|step| step["id"].as_str()).collect();
    for id in named(&action.to_string(), "steps.") {
        assert!(known.contains(id.as_str()), "there is no step `{id}`");
    }
}

#[test]
fn the_examples_for_ci_parse_and_use_inputs_that_the_action_has() {
    let docs = fs::read_to_string("docs/CI.md").expect("the page");
    let blocks: Vec<&str> =
        docs.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    let action = action();
    for block in blocks {
        let example: Value =
            serde_norway::from_str(block).unwrap_or_else(|error| panic!("{error}:\n{block}"));
        let jobs = example["jobs"].as_object().into_iter().flat_map(|jobs| jobs.values());
        let steps = jobs.flat_map(|job| job["steps"].as_array().expect("steps"));
        for step in
            steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with("goldwire/")))
        {
            for input in step["with"].as_object().into_iter().flat_map(|with| with.keys()) {
                assert!(action["inputs"][input].is_object(), "the action has no input `{input}`");
            }
        }
    }
}

/// Runs the action's own script with these values of its inputs; what it leaves for the next steps.
#[cfg(unix)]
fn run(project: &Project, inputs: &[(&str, &str)]) -> (i32, String) {
    let action = action();
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["id"] == "run").expect("the step");
    let mut command = Command::new("bash");
    command.arg("-c").arg(step["run"].as_str().expect("a script")).current_dir(project.path());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for (name, value) in step["env"].as_object().expect("values") {
        let input = value
            .as_str()
            .and_then(|value| value.split("inputs.").nth(1))
            .map(|rest| rest.trim_end_matches(" }}"));
        let default = input.and_then(|input| action["inputs"][input]["default"].as_str()).unwrap_or_default();
        let given = inputs.iter().find(|(own, _)| Some(*own) == input).map(|(_, value)| *value);
        command.env(name, given.unwrap_or(default));
    }
    command.env("BINARY", env!("CARGO_BIN_EXE_goldwire"));
    let outputs = project.path().join("outputs");
    command.env("GITHUB_OUTPUT", &outputs);
    let code = command.output().expect("bash runs").status.code().expect("it ended by itself");
    (code, fs::read_to_string(outputs).unwrap_or_default())
}

#[cfg(unix)]
#[test]
fn the_actions_script_runs_shards_and_merges_them() {
    let project = Project::new();
    for session in ["agent-run", "parallel-tools"] {
        project.write_golden(session, str::to_owned);
        let file = fs::read_dir(format!("recordings/{session}")).expect("recordings").flatten().next();
        let text = fs::read_to_string(file.expect("a recording").path()).expect("a recording");
        project.write(&format!("some runs/{session}.jsonl"), &text);
    }
    let arguments = "--offline\nsome runs\n";
    for index in 1..=3 {
        let (shard, reports) =
            (format!("{index}/3"), format!("goldwire-shards/goldwire-{index}-of-3/reports"));
        let inputs = [("arguments", arguments), ("shard", &shard), ("reports", &reports)];
        let (code, outputs) = run(&project, &inputs);
        assert_eq!(code, 0, "{outputs}");
        assert!(outputs.ends_with(&format!("artifact=goldwire-{index}-of-3\n")), "{outputs}");
    }
    let (code, outputs) = run(&project, &[("command", "merge")]);
    assert_eq!(code, 0, "{outputs}");
    assert!(outputs.contains("exit-code=0\nreport=goldwire-reports/report.json\n"), "{outputs}");
    let merged: Value = serde_json::from_str(&project.read("goldwire-reports/report.json")).expect("JSON");
    assert_eq!(
        (merged["verdict"].as_str(), merged["runs"].as_array().map(Vec::len)),
        (Some("conforms"), Some(2))
    );
    assert!(project.read("goldwire-reports/index.html").contains("parallel-tools"));

    fs::remove_dir_all(project.path().join("goldwire-shards/goldwire-2-of-3")).expect("a shard is lost");
    let (code, outputs) = run(&project, &[("command", "merge")]);
    assert_eq!(code, 3, "{outputs}");
    assert!(outputs.contains("exit-code=3"), "{outputs}");
}
