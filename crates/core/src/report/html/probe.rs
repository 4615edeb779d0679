//! The page of probes: every question is a cell of a matrix, and failed ones show their frames.

use super::super::Shown;
use super::super::json::{CellLine, cell_line_with};
use super::document::{Head, names};
use super::group::{Cause, Group, RunEntry, causes, entries, groups, write_frames};
use super::page::Page;
use crate::finding::probe_verdict;
use crate::finding::{ProbeResult, Run, Severity, Verdict};
use crate::words::plural;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'c> {
    #[serde(flatten)]
    head: Head,
    runs: Vec<RunEntry<'c>>,
    findings: Vec<Group<'c>>,
    unjudged: Vec<Cause<'c>>,
    /// With the numbers of their runs.
    cells: Vec<CellLine<'c, usize>>,
}

/// The findings of the questions of one sort, together.
fn findings<'c, 's>(cells: &'c [ProbeResult], shown: &impl Fn(&Run) -> Option<Shown<'s>>) -> Vec<Group<'c>> {
    let mut next = 0;
    let mut sorts: Vec<(&ProbeResult, Vec<(usize, &Run)>)> = Vec::new();
    for cell in cells {
        let numbered = cell.runs.iter().enumerate().map(|(own, run)| (next + own, run));
        let is_same = |(known, _): &&mut (&ProbeResult, Vec<_>)| {
            (known.probe, &known.session, &known.sort) == (cell.probe, &cell.session, &cell.sort)
        };
        match sorts.iter_mut().find(is_same) {
            Some((_, runs)) => runs.extend(numbered),
            None => sorts.push((cell, numbered.collect())),
        }
        next += cell.runs.len();
    }
    let mut all: Vec<(Severity, Group<'c>)> = Vec::new();
    for (cell, runs) in sorts {
        let mut own = groups(&runs, shown);
        for (_, group) in &mut own {
            group.context = Some(format!("{} · {}", cell.probe.name(), cell.sort));
        }
        all.extend(own);
    }
    all.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    all.into_iter().map(|(_, group)| group).collect()
}

/// Writes the results of probes as a page. `shown` returns the golden and the transcript of a run.
///
/// # Errors
/// The errors of `out`.
pub fn probe_html<'s>(
    out: &mut impl Write,
    cells: &[ProbeResult],
    interrupted: bool,
    shown: impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let runs = || cells.iter().flat_map(|cell| cell.runs.iter().map(move |run| (cell, run)));
    let mut next = 0;
    let listed = cells
        .iter()
        .map(|cell| {
            let first = next;
            next += cell.runs.len();
            cell_line_with(cell, (first..next).collect())
        })
        .collect();
    let asked = cells.iter().filter(|cell| cell.not_asked.is_none()).count();
    let sound = cells.iter().filter(|cell| cell.verdict() == Some(Verdict::Conforms)).count();
    let sessions = names(cells.iter().map(|cell| cell.session.as_str()));
    let document = Document {
        head: Head {
            summary: format!(
                "{sound} of {} answers are good, {} not asked",
                plural(asked, "question"),
                cells.len() - asked
            ),
            interrupted,
            ..Head::new(
                "probes",
                sessions.join(", "),
                probe_verdict(cells).map_or("not asked", Verdict::name),
            )
        },
        runs: entries(runs().map(|(cell, run)| (format!("{}, {}", cell.case, run.user), run)), &shown),
        findings: findings(cells, &shown),
        unjudged: causes(runs().map(|(_, run)| run)),
        cells: listed,
    };
    let mut page = Page::begin(out)?;
    page.data("report", &document)?;
    write_frames(&mut page, &document.runs, runs().map(|(_, run)| run), &shown)?;
    page.end()
}
