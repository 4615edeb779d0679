//! The JSON report: versioned, with its own types.
//!
//! ```json
//! {"goldwire_report": 1, "verdict": "deviates", "interrupted": false,
//!  "sessions": [{"session": "agent-run", "golden": "golden/agent-run.toml"}], "runs": [
//!   {"session": "agent-run", "user": "u1", "round": 1, "verdict": "deviates", "recording": "…", "events": 31,
//!    "took_ns": 812345678, "host": {"probes": 81, "lag_p50_ns": 1048576, "lag_max_ns": 2391044, "starved_percent": 12}, "findings": [{"kind": "missing", "family": "order", "severity": "deviation", …}],
//!    "live": [{"item": "ids", "answer": "pass", "required": true, "detail": "…", "frames": []}, …]}], "cells": […]}
//! ```
//!
//! `cells` are present if the check also ran probes; they have the form of a report of probes.
//!
//! A part of a check has `"shard": {"index": 2, "of": 3, "whole": ["agent-run", …]}`, with the names of all sessions;
//! a part without sessions has the verdict `nothing in this shard`. `read` parses the report for `goldwire merge`.
//! Until the command has ended, the file has `"unfinished"` with the reason, the verdict "could not judge", and no
//! runs. `host` is the lag of the measuring machine and the share of time in which something waited for a processor;
//! it is absent if it was not measured. For a finding with `"excused": true`, the lag may be the only cause: its time
//! could not be judged.

use crate::finding::{
    Basis, BudgetReport, Finding, LiveCheck, Outcome, ProbeResult, Run, Severity, TimeReport, Verdict,
    verdict_with_probes,
};
use crate::transcript::{Gap, visible_json};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The version of the format.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'o> {
    goldwire_report: u32,
    verdict: &'o str,
    interrupted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<ShardLine<'o>>,
    sessions: Vec<SessionLine<'o>>,
    runs: Vec<RunLine<'o>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cells: Vec<CellLine<'o>>,
}

#[derive(Serialize)]
struct ShardLine<'o> {
    index: u32,
    of: u32,
    whole: &'o [String],
}

#[derive(Serialize)]
struct SessionLine<'o> {
    session: &'o str,
    golden: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unnamed: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<TimeLine>,
}

/// How time was judged; factors are relative to the golden's usual time.
#[derive(Serialize, Deserialize)]
pub(super) struct TimeLine {
    basis: String,
    #[serde(default)]
    profile: bool,
    class: Option<String>,
    recorded_on: Vec<String>,
    occasions: u32,
    runs: u32,
    pace: Option<f64>,
    pace_range: Option<(f64, f64)>,
    work: Option<f64>,
    sees: Option<f64>,
    fails: bool,
    not_judged: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    busy_percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    creep: Option<(f64, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<BudgetLine>,
}

/// The result of one of the user's own limits.
#[derive(Serialize, Deserialize)]
struct BudgetLine {
    name: String,
    limit_ns: u64,
    took_ns: Option<u64>,
}

impl From<&TimeReport> for TimeLine {
    fn from(time: &TimeReport) -> TimeLine {
        // Three digits are precise enough.
        let short = |factor: f64| (factor * 1000.0).round() / 1000.0;
        TimeLine {
            basis: time.basis.name().to_owned(),
            profile: time.is_profile,
            class: time.class.clone(),
            recorded_on: time.recorded_on.clone(),
            occasions: time.occasions,
            runs: time.runs,
            pace: time.pace.map(short),
            pace_range: time.range.map(|(low, high)| (short(low), short(high))),
            work: time.work.map(short),
            sees: time.sees.map(short),
            fails: time.fails,
            not_judged: time.not_judged.clone(),
            busy_percent: time.busy,
            creep: time.creep.clone(),
            budgets: time
                .budgets
                .iter()
                .map(|budget| BudgetLine {
                    name: budget.name.clone(),
                    limit_ns: budget.limit.as_nanos(),
                    took_ns: budget.took.map(|took| took.as_nanos()),
                })
                .collect(),
        }
    }
}

impl TimeLine {
    /// The report of a session; none for an unknown basis.
    pub(super) fn report(self, session: &str) -> Option<TimeReport> {
        Some(TimeReport {
            session: session.to_owned(),
            basis: Basis::of(&self.basis)?,
            is_profile: self.profile,
            class: self.class,
            recorded_on: self.recorded_on,
            occasions: self.occasions,
            runs: self.runs,
            pace: self.pace,
            range: self.pace_range,
            work: self.work,
            sees: self.sees,
            fails: self.fails,
            not_judged: self.not_judged,
            busy: self.busy_percent,
            creep: self.creep,
            budgets: self
                .budgets
                .into_iter()
                .map(|line| BudgetReport {
                    name: line.name,
                    limit: Gap::from_nanos(line.limit_ns),
                    took: line.took_ns.map(Gap::from_nanos),
                })
                .collect(),
        })
    }
}

#[derive(Serialize)]
pub(super) struct RunLine<'o> {
    session: &'o str,
    user: &'o str,
    round: u32,
    verdict: &'o str,
    recording: &'o str,
    events: usize,
    took_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<HostLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    could_not_judge: Option<Unjudged<'o>>,
    findings: Vec<FindingLine<'o>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    live: Vec<LiveLine<'o>>,
}

#[derive(Serialize)]
struct HostLine {
    probes: u32,
    lag_p50_ns: u64,
    lag_max_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    starved_percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_cpu_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others_percent: Option<u8>,
}

#[derive(Serialize)]
struct LiveLine<'o> {
    item: &'static str,
    answer: &'static str,
    required: bool,
    detail: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'o str>,
    frames: &'o [usize],
}

#[derive(Serialize)]
struct Unjudged<'o> {
    cause: &'o str,
    hint: Option<&'o str>,
}

#[derive(Serialize)]
pub(super) struct FindingLine<'o> {
    kind: &'static str,
    family: &'static str,
    severity: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    excused: bool,
    event: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane<'o>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'o str>,
    message: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<&'o str>,
    evidence: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'o str>,
    golden_key: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    golden_line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    golden_column: Option<usize>,
    frames: &'o [usize],
    consequences: &'o [String],
}

#[derive(Serialize)]
struct Lane<'o> {
    key: &'o str,
    value: &'o str,
}

pub(super) fn finding(finding: &Finding) -> FindingLine<'_> {
    let place = &finding.place;
    FindingLine {
        kind: finding.kind.name(),
        family: finding.kind.family(),
        severity: match finding.severity {
            Severity::Suspect => "suspect",
            Severity::Deviation => "deviation",
        },
        excused: finding.is_excused,
        event: place.event.as_str(),
        lane: place.lane.as_ref().map(|(key, value)| Lane { key, value }),
        path: place.path.as_deref(),
        message: &finding.message,
        expected: finding.expected.as_deref(),
        actual: finding.actual.as_deref(),
        evidence: &finding.evidence,
        hint: finding.hint.as_deref(),
        golden_key: &place.key,
        golden_line: place.golden_line.map(|(line, _)| line),
        golden_column: place.golden_line.map(|(_, column)| column),
        frames: &place.frames,
        consequences: &finding.consequences,
    }
}

fn live(check: &LiveCheck) -> LiveLine<'_> {
    LiveLine {
        item: check.item.name(),
        answer: check.answer.name(),
        required: check.is_required,
        detail: &check.detail,
        hint: check.hint.as_deref(),
        frames: &check.frames,
    }
}

pub(super) fn run(run: &Run) -> RunLine<'_> {
    RunLine {
        session: &run.session,
        user: &run.user,
        round: run.round,
        verdict: run.verdict().name(),
        recording: &run.recording,
        events: run.events,
        took_ns: run.took.as_nanos(),
        host: run.host.map(|host| HostLine {
            probes: host.probes,
            lag_p50_ns: host.lag_p50.as_nanos(),
            lag_max_ns: host.lag_max.as_nanos(),
            starved_percent: host.starved,
            work_ns: host.work.map(|work| work.as_nanos()),
            work_cpu_ns: host.work_cpu.map(|work| work.as_nanos()),
            others_percent: host.others,
        }),
        could_not_judge: run
            .unjudged
            .as_ref()
            .map(|unjudged| Unjudged { cause: &unjudged.cause, hint: unjudged.hint.as_deref() }),
        findings: run.findings.iter().map(finding).collect(),
        live: run.live.iter().map(live).collect(),
    }
}

/// A question with its runs or their places.
#[derive(Serialize)]
pub(super) struct CellLine<'c, R = RunLine<'c>> {
    probe: &'static str,
    session: &'c str,
    case: &'c str,
    sort: &'c str,
    verdict: &'static str,
    said: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_asked: Option<&'c str>,
    runs: Vec<R>,
}

pub(super) fn cell_line(cell: &ProbeResult) -> CellLine<'_> {
    cell_line_with(cell, cell.runs.iter().map(run).collect())
}

pub(super) fn cell_line_with<R>(cell: &ProbeResult, runs: Vec<R>) -> CellLine<'_, R> {
    CellLine {
        probe: cell.probe.name(),
        session: &cell.session,
        case: &cell.case,
        sort: &cell.sort,
        verdict: cell.verdict().map_or("not asked", Verdict::name),
        said: &cell.said,
        not_asked: cell.not_asked.as_deref(),
        runs,
    }
}

/// Writes the whole outcome as one JSON document.
///
/// # Errors
/// The errors of `out`.
pub fn write(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    with_probes(out, outcome, &[])
}

/// Writes the outcome with the `cells` of the probes in the same check, in the form of a report of probes.
///
/// # Errors
/// The errors of `out`.
pub fn with_probes(out: &mut impl Write, outcome: &Outcome, cells: &[ProbeResult]) -> io::Result<()> {
    let report = Report {
        goldwire_report: SCHEMA_VERSION,
        verdict: match cells.is_empty() {
            true => outcome.verdict_name(),
            false => verdict_with_probes(outcome, cells).name(),
        },
        interrupted: outcome.interrupted,
        unfinished: outcome.unfinished.as_ref().map(|why| reason(&why.cause, why.hint.as_deref())),
        strict: outcome.strict,
        shard: outcome.part.as_ref().map(|part| ShardLine {
            index: part.shard.index(),
            of: part.shard.of(),
            whole: &part.whole,
        }),
        sessions: outcome
            .asked
            .iter()
            .map(|asked| SessionLine {
                session: &asked.session,
                golden: &asked.golden,
                unnamed: asked.unnamed.as_deref(),
                time: outcome.times.iter().find(|time| time.session == asked.session).map(TimeLine::from),
            })
            .collect(),
        runs: outcome.runs.iter().map(run).collect(),
        cells: cells.iter().map(cell_line).collect(),
    };
    pretty(out, &report)
}

/// Writes the report that exists until the command ends, or if it fails: `kind` is the key of the format's version,
/// e.g. `goldwire_report`, `list` the key of its list.
///
/// # Errors
/// The errors of `out`.
pub fn unfinished_json(
    out: &mut impl Write,
    (kind, list): (&str, &str),
    cause: &str,
    hint: Option<&str>,
) -> io::Result<()> {
    let mut report = serde_json::Map::new();
    report.insert(kind.to_owned(), SCHEMA_VERSION.into());
    report.insert("verdict".to_owned(), Verdict::CouldNotJudge.name().into());
    report.insert("interrupted".to_owned(), false.into());
    report.insert("unfinished".to_owned(), reason(cause, hint).into());
    report.insert(list.to_owned(), Vec::<serde_json::Value>::new().into());
    pretty(out, &report)
}

fn reason(cause: &str, hint: Option<&str>) -> String {
    std::iter::once(cause).chain(hint).collect::<Vec<_>>().join("; ")
}

/// One value a line, and a last line's end; harmless on the output of a CI job, too.
pub(super) fn pretty(out: &mut impl Write, report: &impl Serialize) -> io::Result<()> {
    let text = inert_json(&serde_json::to_string_pretty(report)?);
    writeln!(out, "{}", visible_json(&text))
}

/// The same JSON without the old form of a command; `##[` occurs only within strings.
pub(super) fn inert_json(text: &str) -> String {
    text.replace("##[", "#\\u0023[")
}
