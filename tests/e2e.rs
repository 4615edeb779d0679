//! End to end, in release: the committed goldens against the clean build again and again and against one that is no live
//! server, two releases side by side, and the README's commands as a newcomer types them. Every fault of the example server
//! is `tests/regressions.rs`.
//!
//! `GOLDWIRE_E2E_CLEAN=100` sets how often the clean build is checked; 10 times if not set.

#[path = "it/cargo.rs"]
mod cargo;

use cargo::cargo;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const GOLDWIRE: &str = env!("CARGO_BIN_EXE_goldwire");

fn check(arguments: &[&str], regress: &str, report: &Path) -> (Output, Value) {
    let output = Command::new(GOLDWIRE)
        .arg("check")
        .args(arguments)
        .arg("--report-json")
        .arg(report)
        .env("AGENT_SERVER_REGRESS", regress)
        .output()
        .expect("goldwire runs");
    let report = std::fs::read_to_string(report).expect("a report");
    (output, serde_json::from_str(&report).expect("JSON"))
}

fn findings(report: &Value) -> Vec<&Value> {
    let runs = report["runs"].as_array().expect("runs");
    runs.iter().flat_map(|run| run["findings"].as_array().expect("findings")).collect()
}

#[test]
fn a_build_that_plays_its_first_answers_again_is_no_live_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let (output, report) = check(&["agent-run"], "canned", &folder.path().join("report.json"));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let found = findings(&report);
    let canned = found.iter().find(|finding| finding["kind"] == "canned").expect("somebody plays");
    assert_eq!(canned["family"], "liveness");
    println!("\ncanned: {}", canned["message"].as_str().unwrap_or("none"));
}

#[test]
fn the_clean_build_passes_however_often_it_is_checked() {
    let times: u32 = std::env::var("GOLDWIRE_E2E_CLEAN").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let folder = tempfile::tempdir().expect("a folder");
    for round in 1..=times {
        let (output, report) = check(&[], "", &folder.path().join("report.json"));
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "check {round} of {times}:\n{text}");
        // A busy machine may make a time suspect. That fails nothing, so it is told and not asserted.
        let (times_told, others): (Vec<&Value>, Vec<&Value>) =
            findings(&report).into_iter().partition(|finding| finding["family"] == "timing");
        assert_eq!(others, Vec::<&Value>::new(), "check {round} of {times}:\n{text}");
        times_told.iter().for_each(|finding| println!("check {round} of {times}: {}", finding["message"]));
        let runs = report["runs"].as_array().expect("runs").len();
        assert!(runs >= 15, "three sessions by five users are 15 runs, not {runs}");
    }
    println!("\nclean build: {times} checks in a row without a finding about order, payload or liveness");
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// The example server on a free port, with one of its faults or none (the empty name).
    fn start(program: &Path, regress: &str) -> Server {
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0"]).env("AGENT_SERVER_REGRESS", regress);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut server =
            Server { process: process.expect("the example server runs"), address: String::new() };
        // Its first line says that it listens, and where.
        let mut line = String::new();
        let stdout = server.process.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
        server.address = line.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The example server's program, built as users build it.
fn server_program() -> PathBuf {
    let target = PathBuf::from(GOLDWIRE).ancestors().nth(2).expect("the target folder").to_owned();
    let build = cargo()
        .args(["build", "--quiet", "--release", "--bin", "agent_server"])
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(build.expect("cargo runs").success());
    target.join("release/agent_server")
}

#[test]
fn a_slow_first_token_is_found_between_two_releases_and_nothing_between_equal_ones() {
    let program = server_program();
    let folder = tempfile::tempdir().expect("a folder");
    let old = Server::start(&program, "");
    for (regress, code) in [("", 0), ("slow-first-token", 1)] {
        let new = Server::start(&program, regress);
        let path = folder.path().join(format!("report{code}.json"));
        let output = Command::new(GOLDWIRE)
            .args(["compare", "agent-run", "--users", "2"])
            .args(["--baseline", &format!("ws://{}/ws", old.address)])
            .args(["--candidate", &format!("ws://{}/ws", new.address)])
            .arg("--report-json")
            .arg(&path)
            .output()
            .expect("goldwire runs");
        let text = String::from_utf8_lossy(&output.stdout);
        println!("\n{text}");
        assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let report = std::fs::read_to_string(&path).expect("a report");
        let report: Value = serde_json::from_str(&report).expect("JSON");
        let classes = report["timing"]["classes"].as_array().expect("classes");
        let sure: Vec<&Value> = classes.iter().filter(|class| class["is_sure"] == true).collect();
        assert_eq!(sure.is_empty(), regress.is_empty(), "{text}");
        if let Some(worst) = sure.first() {
            assert_eq!(
                (&worst["event"], &worst["after"]),
                (&"agent_started".into(), &">ask".into()),
                "{text}"
            );
            assert!(worst["factor"].as_f64() > Some(2.0) && worst["pairs"] == 12, "{worst:#}");
        }
    }
}

/// The blocks of the README that are fenced with this language.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let cut = |rest: &str| rest.split("```").next().unwrap_or_default().to_owned();
    readme.split(&fence).skip(1).map(cut).collect()
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let readme = std::fs::read_to_string("README.md").expect("the README");
    let target = PathBuf::from(GOLDWIRE).ancestors().nth(2).expect("the target folder").to_owned();
    let home = tempfile::tempdir().expect("a folder");
    let project = tempfile::tempdir().expect("a folder");
    let program = server_program();
    let (old, new) = (Server::start(&program, ""), Server::start(&program, ""));

    let script = blocks(&readme, "toml").into_iter().find(|block| block.starts_with("goldwire = 1"));
    std::fs::write(project.path().join("chat.toml"), script.expect("the script of the README"))
        .expect("a file");
    let mut ran = Vec::new();
    for command in blocks(&readme, "sh").join("").lines() {
        let words = command.replace("127.0.0.1:8000", &old.address).replace("127.0.0.1:8001", &new.address);
        let words = shell_words(&words);
        let (program, arguments) = words.split_first().expect("a command");
        let mut run = match program.as_str() {
            "goldwire" => Command::new(home.path().join("bin/goldwire")),
            "cargo" if arguments[0] == "install" => {
                let mut install = cargo();
                install
                    .env("CARGO_TARGET_DIR", &target)
                    .arg("install")
                    .arg("--quiet")
                    .arg("--root")
                    .arg(home.path());
                assert!(install.args(&arguments[1..]).status().expect("cargo runs").success(), "{command}");
                ran.push(command.to_owned());
                continue;
            }
            // The commands for a clone are run by the other tests here and by .ci/run itself.
            _ => continue,
        };
        let output = run.args(arguments).current_dir(project.path()).output().expect("goldwire runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // The server wants a login, which `init` says with 3; what it wrote is there.
        let is_told = arguments[0] == "init" && output.status.code() == Some(3);
        assert!(output.status.success() || is_told, "{command}:\n{said}");
        if arguments[0] == "init" {
            log_in(&project.path().join("goldwire.toml"));
        }
        ran.push(command.to_owned());
    }
    assert_eq!(ran.len(), 9, "{ran:#?}");
    println!("\nran from the README:\n  {}", ran.join("\n  "));
}

/// What a user whose server wants a login changes in the configuration that `init` wrote.
fn log_in(config: &Path) {
    let ours = std::fs::read_to_string("goldwire.toml").expect("our configuration");
    let login = &ours[ours.find("[auth.user]").expect("our login")..];
    let text = std::fs::read_to_string(config).expect("the configuration");
    let text = text.replace("# auth = \"user\"  ", "auth = \"user\"  ") + "\n" + login;
    std::fs::write(config, text).expect("a file");
}

/// Words of a shell line; double quotes hold blanks together.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
