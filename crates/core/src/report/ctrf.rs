//! CTRF, the Common Test Report Format (<https://ctrf.io>): one JSON document for dashboards.
//!
//! ```json
//! {"reportFormat": "CTRF", "specVersion": "0.0.0", "generatedBy": "goldwire 0.1.0", "results": {
//!   "tool": {"name": "goldwire", "version": "0.1.0"},
//!   "summary": {"tests": 1, "passed": 0, "failed": 1, "skipped": 0, "pending": 0, "other": 0, "start": 1, "stop": 2},
//!   "tests": [{"name": "u1, round 1", "suite": ["agent-run"], "status": "failed", "duration": 422, "message": "…"}]}}
//! ```
//!
//! A run that could not be judged is `failed` with the raw status `could not judge`, so that it does not look like a
//! pass in a dashboard.

use super::junit::prose;
use super::sheet::{Case, Note, Sheet, Status, Weight};
use crate::transcript::{Gap, visible_json};
use serde::Serialize;
use std::io::{self, Write};

/// The start and the end of a command, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The start.
    pub start: u64,
    /// The end, or the time of writing the report.
    pub stop: u64,
}

impl Times {
    /// The duration.
    pub fn took(self) -> Gap {
        Gap::from_millis(self.stop.saturating_sub(self.start))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'s> {
    report_format: &'static str,
    spec_version: &'static str,
    generated_by: &'static str,
    results: Results<'s>,
}

#[derive(Serialize)]
struct Results<'s> {
    tool: Tool,
    summary: Summary,
    tests: Vec<Test<'s>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    pending: usize,
    other: usize,
    suites: usize,
    start: u64,
    stop: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test<'s> {
    name: &'s str,
    suite: [&'s str; 1],
    status: &'static str,
    raw_status: &'static str,
    duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_path: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stdout: Vec<String>,
}

const fn name(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed | Status::Error => "failed",
        Status::Skipped => "skipped",
    }
}

fn test<'s>(suite: &'s str, case: &'s Case) -> Test<'s> {
    let (suspects, others): (Vec<&Note>, Vec<&Note>) =
        case.notes.iter().partition(|note| note.weight == Weight::Suspect);
    let told = others.first().or(suspects.first().filter(|_| case.status == Status::Failed));
    let place = told.and_then(|note| note.place.as_ref());
    let trace: Vec<String> = others.iter().map(|note| prose(note)).collect();
    let said = (!case.said.is_empty()).then(|| case.said.clone());
    let suspects = suspects.iter().map(|note| format!("suspect: {}", prose(note)));
    Test {
        name: &case.name,
        suite: [suite],
        status: name(case.status),
        raw_status: case.status.name(),
        duration: (case.took.as_nanos() + 500_000) / 1_000_000,
        message: told.map(|note| note.headline.as_str()),
        trace: (!trace.is_empty()).then(|| trace.join("\n\n")),
        file_path: place.map(|(path, _)| path.as_str()),
        line: place.and_then(|(_, place)| Some(place.as_ref()?.0)),
        stdout: said.into_iter().chain(suspects).collect(),
    }
}

/// Writes the sheet.
///
/// # Errors
/// The errors of `out`.
pub fn ctrf(out: &mut impl Write, sheet: &Sheet, times: Times) -> io::Result<()> {
    let whole = sheet.unfinished.clone().map(|note| Case {
        name: sheet.command.to_owned(),
        sort: String::new(),
        said: String::new(),
        status: Status::Error,
        took: times.took(),
        notes: vec![note],
    });
    let mut tests: Vec<Test<'_>> = whole.iter().map(|case| test("goldwire", case)).collect();
    for suite in &sheet.suites {
        tests.extend(suite.cases.iter().map(|case| test(&suite.name, case)));
    }
    let report = Report {
        report_format: "CTRF",
        spec_version: "0.0.0",
        generated_by: concat!("goldwire ", env!("CARGO_PKG_VERSION")),
        results: Results {
            tool: Tool { name: "goldwire", version: env!("CARGO_PKG_VERSION") },
            summary: Summary {
                tests: tests.len(),
                passed: sheet.count(Status::Passed),
                failed: sheet.count(Status::Failed) + sheet.count(Status::Error),
                skipped: sheet.count(Status::Skipped),
                pending: 0,
                other: 0,
                suites: sheet.suites.len() + usize::from(whole.is_some()),
                start: times.start,
                stop: times.stop,
            },
            tests,
        },
    };
    out.write_all(visible_json(&serde_json::to_string_pretty(&report)?).as_bytes())?;
    writeln!(out)
}
