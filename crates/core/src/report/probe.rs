//! The results of probes as text: a short table, and the failures in full below it.
//!
//! ```text
//! auth agent-run  DEVIATES  1 of 24 questions
//!   ok        no-token             HTTP 401 after 1.2 ms
//!   DEVIATES  expired (by waiting) `connected` came after 3.1 ms
//!   not asked revoked-after-logout the recipe has no logout
//! ```

use super::json::{CellLine, cell_line, pretty};
use super::text::{BAD, BOLD, DOUBT, FAINT, GOOD};
use crate::finding::{Finding, ProbeName, ProbeResult, Run, Verdict, probe_verdict};
use crate::words::plural;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the results of probes as text.
///
/// # Errors
/// The errors of `out`.
pub fn probe_text(out: &mut impl Write, cells: &[ProbeResult]) -> io::Result<()> {
    for probe in ProbeName::ALL {
        let mut sessions: Vec<&str> =
            cells.iter().filter(|cell| cell.probe == probe).map(|cell| cell.session.as_str()).collect();
        sessions.dedup();
        for session in sessions {
            let own: Vec<&ProbeResult> =
                cells.iter().filter(|cell| cell.probe == probe && cell.session == session).collect();
            table(out, probe, session, &own)?;
        }
    }
    Ok(())
}

fn table(out: &mut impl Write, probe: ProbeName, session: &str, cells: &[&ProbeResult]) -> io::Result<()> {
    let worst = cells.iter().filter_map(|cell| cell.verdict()).max();
    let (style, word) = match worst {
        Some(Verdict::Conforms) => (GOOD, "CONFORMS"),
        Some(Verdict::Drift) => (DOUBT, "DRIFT"),
        Some(Verdict::Deviates) => (BAD, "DEVIATES"),
        Some(Verdict::CouldNotJudge) => (BAD, "COULD NOT JUDGE"),
        None => (DOUBT, "NOTHING ASKED"),
    };
    let asked = cells.iter().filter(|cell| cell.not_asked.is_none()).count();
    let sound = cells.iter().filter(|cell| cell.verdict() == Some(Verdict::Conforms)).count();
    writeln!(
        out,
        "{BOLD}{} {session}{BOLD:#}  {style}{word}{style:#}  {sound} of {} answers are good",
        probe.name(),
        plural(asked, "question")
    )?;
    let rows = rows(cells);
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    for Row { cell, name, more } in rows {
        let (style, word) = match cell.verdict() {
            None => (FAINT, "not asked"),
            Some(Verdict::Conforms) => (GOOD, "ok       "),
            Some(Verdict::Drift) => (DOUBT, "drift    "),
            Some(Verdict::Deviates) => (BAD, "DEVIATES "),
            Some(Verdict::CouldNotJudge) => (BAD, "UNJUDGED "),
        };
        let said = cell.not_asked.as_deref().unwrap_or(&cell.said);
        let said = said.lines().next().unwrap_or("");
        let more =
            if more > 0 { format!(" {FAINT}(and {more} more of this kind){FAINT:#}") } else { String::new() };
        writeln!(out, "  {style}{word}{style:#} {name:width$}  {said}{more}")?;
    }
    for cell in cells.iter().filter(|cell| cell.verdict().is_some_and(|verdict| verdict != Verdict::Conforms))
    {
        details(out, cell)?;
    }
    Ok(())
}

/// A line of the table.
struct Row<'c> {
    cell: &'c ProbeResult,
    name: &'c str,
    /// The number of other good answers of the same kind.
    more: usize,
}

/// Questions of one sort with the same verdict are one row, unless something is wrong with them.
fn rows<'c>(cells: &[&'c ProbeResult]) -> Vec<Row<'c>> {
    let mut rows: Vec<Row<'c>> = Vec::new();
    for &cell in cells {
        let is_quiet = matches!(cell.verdict(), None | Some(Verdict::Conforms));
        let same = |row: &&mut Row<'_>| row.cell.sort == cell.sort && row.cell.verdict() == cell.verdict();
        match rows.iter_mut().find(same).filter(|_| is_quiet) {
            Some(row) => row.more += 1,
            None => rows.push(Row { cell, name: &cell.case, more: 0 }),
        }
    }
    rows
}

/// The first run of each kind of finding, with its frames.
fn details(out: &mut impl Write, cell: &ProbeResult) -> io::Result<()> {
    writeln!(out, "\n  {BOLD}{}: {}{BOLD:#}", cell.probe.name(), cell.case)?;
    let mut told: Vec<&Finding> = Vec::new();
    for run in &cell.runs {
        if let Some(unjudged) = &run.unjudged {
            writeln!(out, "    {BAD}could not judge{BAD:#} {}: {}", run.user, unjudged.cause)?;
            if let Some(hint) = &unjudged.hint {
                writeln!(out, "    {FAINT}hint:{FAINT:#} {hint}")?;
            }
        }
        for finding in &run.findings {
            if told.iter().any(|known| known.is_like(finding)) {
                continue;
            }
            told.push(finding);
            one(out, cell, run, finding)?;
        }
    }
    writeln!(out)
}

fn one(out: &mut impl Write, cell: &ProbeResult, run: &Run, finding: &Finding) -> io::Result<()> {
    let alike =
        cell.runs.iter().filter(|run| run.findings.iter().any(|other| other.is_like(finding))).count();
    writeln!(out, "    {BAD}{}{BAD:#}: {}", finding.kind.family(), finding.message)?;
    if let (Some(expected), Some(actual)) = (&finding.expected, &finding.actual) {
        writeln!(out, "      expected {expected}\n      got      {actual}")?;
    }
    let runs = (cell.runs.len() > 1).then(|| format!("{alike} of {} sessions", cell.runs.len()));
    let evidence = Some(&finding.evidence).filter(|evidence| !evidence.is_empty());
    let rests_on: Vec<&str> = evidence.into_iter().chain(&runs).map(String::as_str).collect();
    if !rests_on.is_empty() {
        writeln!(out, "      {FAINT}{}{FAINT:#}", rests_on.join(" · "))?;
    }
    if let Some(hint) = &finding.hint {
        writeln!(out, "      {FAINT}hint:{FAINT:#} {hint}")?;
    }
    if !run.recording.is_empty() {
        // The header is line 1.
        let line = finding.place.frames.first().map_or(1, |frame| frame + 2);
        writeln!(out, "      recording  {}:{line}", run.recording)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Report<'c> {
    goldwire_probes: u32,
    verdict: &'static str,
    interrupted: bool,
    cells: Vec<CellLine<'c>>,
}

/// Writes the results of probes as one JSON document: `{"goldwire_probes": 1, "verdict": …, "cells": […]}`. The runs
/// of a cell have the form of a check's report.
///
/// # Errors
/// The errors of `out`.
pub fn probe_json(out: &mut impl Write, cells: &[ProbeResult], interrupted: bool) -> io::Result<()> {
    let report = Report {
        goldwire_probes: 1,
        verdict: probe_verdict(cells).map_or("not asked", Verdict::name),
        interrupted,
        cells: cells.iter().map(cell_line).collect(),
    };
    pretty(out, &report)
}
