//! The recordings and goldens in this repository conform to each other, on every run.

use crate::support::Said;
use std::path::Path;
use std::process::Command;

fn goldwire(arguments: &[&str]) -> Said {
    // What the surroundings say of colours, for one, must not decide.
    let output = Command::new(env!("CARGO_BIN_EXE_goldwire"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("goldwire runs");
    Said {
        code: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[test]
fn every_committed_recording_conforms_to_its_committed_golden() {
    for session in ["agent-run", "parallel-tools", "reconnect"] {
        let folder = Path::new("recordings").join(session);
        let count = std::fs::read_dir(&folder).expect("recordings").count();
        assert!(count >= 20, "{session} has {count} recordings");
        let said = goldwire(&["check", session, "--offline", &folder.display().to_string()]).exits(0);
        assert!(said.stdout.contains(&format!("{session}  CONFORMS  {count} runs")), "{}", said.stdout);
    }
}

#[test]
fn learning_again_from_the_same_recordings_changes_nothing() {
    let project = tempfile::tempdir().expect("a folder");
    for session in ["agent-run", "parallel-tools", "reconnect"] {
        let golden = format!("golden/{session}.toml");
        std::fs::create_dir_all(project.path().join("golden")).expect("a folder");
        std::fs::copy(&golden, project.path().join(&golden)).expect("a copy");
        let seen = format!("golden/{session}.seen");
        std::fs::copy(&seen, project.path().join(&seen)).expect("a copy");
        let config = project.path().join("goldwire.toml");
        std::fs::write(&config, "goldwire = 1\n").expect("a file");
        let from = Path::new("recordings").join(session);
        let (config, from) = (config.display().to_string(), from.display().to_string());
        let said = goldwire(&["learn", session, "--config", &config, "--from", &from]).exits(0);
        assert!(said.stdout.contains("the golden is up to date"), "{}", said.stdout);
    }
}
