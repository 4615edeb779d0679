//! Cases: a golden, a run, and exactly what a person is shown. `GOLDWIRE_CASES=update cargo test` writes the texts anew.
//!
//! A case is a folder in `tests/cases`. `run.txt` is the session as [`crate::stream`] reads it; comments at its top say
//! what is wrong with it, `# golden: chat` which of `tests/goldens` it is held against, unless it brings its own
//! `golden.toml`, and `# mutation: drop_repeat` which of the mutations of `prove/src/mutate.rs` it shows. A folder that
//! is named like a mutation (`drop-repeat`) shows that one.

use crate::stream::transcript;
use goldwire::check::{Baseline, Timed, Witness, check, judge_liveness, judge_timing, liveness_findings};
use goldwire::finding::{Outcome, Run};
use goldwire::golden::{self, Golden, TimeMode};
use goldwire::report::{self, Layout, Shown};
use goldwire::transcript::Transcript;
use std::collections::{BTreeMap, BTreeSet};
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

/// What a comment of a run says about `key`.
pub(crate) fn comment<'r>(run: &'r str, key: &str) -> Option<&'r str> {
    run.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": "))
}

/// A case: its golden under the name that it is shown with, and its run.
pub(crate) fn case(folder: &Path) -> (String, Golden, Transcript) {
    let read =
        |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let run = read(&folder.join("run.txt"));
    let (name, golden) = match comment(&run, "golden") {
        Some(name) => (format!("golden/{name}.toml"), read(Path::new(&format!("tests/goldens/{name}.toml")))),
        None => ("golden.toml".to_owned(), read(&folder.join("golden.toml"))),
    };
    let golden = golden::read(&name, &golden).unwrap_or_else(|problems| panic!("{problems}"));
    (name, golden, transcript(&run))
}

/// Cases have no host: their goldens' milliseconds hold as they stand, unless a golden wants its shape judged.
fn baseline(golden: &Golden) -> Baseline<'_> {
    let shape = golden.time.filter(|time| *time == TimeMode::Shape);
    let shape = shape.and_then(|mode| Baseline::of(golden, mode, &BTreeSet::new(), None).ok());
    shape.unwrap_or_else(|| Baseline::bounds(golden))
}

fn shown(folder: &Path) -> String {
    shown_in(folder, None)
}

fn shown_in(folder: &Path, columns: Option<usize>) -> String {
    let (golden_path, golden, transcript) = case(folder);
    let checked = check(&golden, &transcript);
    let mut findings = checked.findings;
    findings.extend(
        judge_timing(&baseline(&golden), &[Timed { gaps: &checked.gaps, host: transcript.ending.host }])
            .into_iter()
            .map(|(_, finding)| finding),
    );
    // A case about liveness brings what was seen before.
    let mut live = Vec::new();
    if let Ok(text) = fs::read_to_string(folder.join("golden.seen")) {
        let seen = golden::Seen::read(&text).unwrap_or_else(|error| panic!("golden.seen: {error}"));
        let run = Witness { header: &transcript.header, ended: transcript.ending.at, live: &checked.live };
        live = judge_liveness(&golden, Some(&seen), run, &[]);
        findings.splice(0..0, liveness_findings(&golden, &live));
    }
    let run = Run {
        session: "case".to_owned(),
        user: "u1".to_owned(),
        round: 1,
        recording: String::new(),
        events: checked.events,
        took: transcript.ending.at.since(Default::default()),
        host: transcript.ending.host,
        findings,
        live,
        unjudged: None,
    };
    let outcome = Outcome::of(vec![run]);
    let mut out = Vec::new();
    let shown = Shown { golden: &golden, golden_path: &golden_path, transcript: &transcript };
    let layout = Layout { columns, verbose: true };
    report::text(&mut out, &outcome, layout, |_| Some(shown)).expect("memory does not fail");
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

#[test]
fn every_case_fits_a_terminal_and_says_no_less_there() {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for case in fs::read_dir("tests/cases").expect("the cases").flatten().map(|entry| entry.path()) {
        let whole = shown(&case);
        for columns in [80, 132] {
            let text = shown_in(&case, Some(columns));
            let wide = text.lines().find(|line| line.chars().count() > columns);
            assert_eq!(wide, None, "{}, {columns} columns", case.display());
            // All above the rows, whose notes may be cut.
            let above = |text: &str| squeezed(text.split("\n      golden ").next().unwrap_or_default());
            assert_eq!(above(&text), above(&whole), "{}", case.display());
        }
    }
}

/// The mutations of prove's catalogue, each with whether it is one that must not be reported.
fn catalogue() -> Vec<(String, bool)> {
    let source = fs::read_to_string("prove/src/mutate.rs").expect("the mutations");
    let (_, rest) = source.split_once("static CATALOGUE").expect("the catalogue");
    let (body, _) = rest.split_once("\n];").expect("its end");
    let groups = ["order(", "payload(", "timing(", "quiet("];
    // An entry begins a line with its group; its name is the first text in it.
    let starts = body.match_indices("\n    ").map(|(at, indent)| &body[at + indent.len()..]);
    let entries = starts.filter(|entry| groups.iter().any(|group| entry.starts_with(group)));
    let name = |entry: &str| entry.split('"').nth(1).expect("a name").to_owned();
    entries.map(|entry| (name(entry), entry.starts_with("quiet("))).collect()
}

#[test]
fn every_mutation_has_a_case() {
    let catalogue = catalogue();
    assert!(catalogue.len() >= 60, "only {} mutations are found in the catalogue", catalogue.len());
    let mut shown: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for case in fs::read_dir("tests/cases").expect("the cases").flatten().map(|entry| entry.path()) {
        let run = fs::read_to_string(case.join("run.txt")).expect("a run");
        let folder = case.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let named = catalogue.iter().find(|(name, _)| name.replace('_', "-") == folder);
        let names = named.map(|(name, _)| name.as_str()).into_iter();
        for name in names.chain(comment(&run, "mutation")) {
            assert!(catalogue.iter().any(|(own, _)| own == name), "{folder}: there is no mutation `{name}`");
            shown.entry(name.to_owned()).or_default().push(case.clone());
        }
    }
    let missing: Vec<&str> =
        catalogue.iter().map(|(name, _)| name.as_str()).filter(|name| !shown.contains_key(*name)).collect();
    assert!(missing.is_empty(), "tests/cases has nothing for {}", missing.join(", "));
    for (name, _) in catalogue.iter().filter(|(_, is_quiet)| *is_quiet) {
        for case in &shown[name] {
            let text = fs::read_to_string(case.join("expected.txt")).expect("a text");
            assert!(text.contains("CONFORMS"), "{}: `{name}` must not be reported:\n{text}", case.display());
        }
    }
}
