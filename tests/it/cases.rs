//! Cases: a golden, a run, and exactly what a person is shown. `GOLDWIRE_CASES=update cargo test` writes the texts anew.

use crate::stream::transcript;
use goldwire::check::{check, judge_timing};
use goldwire::finding::{Outcome, Run};
use goldwire::golden;
use goldwire::report::{self, Shown};
use std::fs;
use std::path::{Path, PathBuf};

fn plain(text: &[u8]) -> String {
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('m').expect("an escape code ends");
        rest = &rest[start + end + 1..];
    }
    out.push_str(rest);
    out
}

fn shown(folder: &Path) -> String {
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let golden =
        golden::read("golden.toml", &read("golden.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    let transcript = transcript(&read("run.txt"));
    let checked = check(&golden, &transcript);
    let mut findings = checked.findings;
    findings.extend(judge_timing(&golden, &[&checked.gaps]).into_iter().map(|(_, finding)| finding));
    let run = Run {
        session: "case".to_owned(),
        user: "u1".to_owned(),
        round: 1,
        recording: String::new(),
        events: checked.events,
        took: transcript.ending.at.since(Default::default()),
        findings,
        unjudged: None,
    };
    let outcome = Outcome { runs: vec![run], interrupted: false };
    let mut out = Vec::new();
    let shown = Shown { golden: &golden, golden_path: "golden.toml", transcript: &transcript };
    report::text(&mut out, &outcome, |_| Some(shown)).expect("memory does not fail");
    let mut json = Vec::new();
    report::json(&mut json, &outcome).expect("memory does not fail");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let counted = json["runs"][0]["findings"].as_array().map_or(0, Vec::len);
    assert_eq!(counted, outcome.runs[0].findings.len(), "the JSON report names every finding once");
    plain(&out)
}

#[test]
fn every_case_reads_as_its_text_says() {
    let update = std::env::var("GOLDWIRE_CASES").is_ok_and(|value| value == "update");
    let mut cases: Vec<PathBuf> =
        fs::read_dir("tests/cases").expect("the cases").flatten().map(|entry| entry.path()).collect();
    cases.sort();
    assert!(cases.len() >= 15, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = shown(&case);
        let path = case.join("expected.txt");
        if update {
            fs::write(&path, &text).expect("a file");
            continue;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if text != expected {
            let diff = goldwire::diff::unified(&expected, &text, "expected", "shown");
            wrong.push(format!("{}:\n{diff}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
