//! Groups equal findings of several runs, and lists the runs for a page.

use super::super::Shown;
use super::super::json::{FindingLine, RunLine, finding as finding_line, run as run_line};
use super::frames::{Frames, weight};
use super::page::Page;
use crate::diff::{Mark, Row, rows};
use crate::finding::{Finding, Run, Severity, Verdict};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A finding, and where it shows.
#[derive(Serialize)]
pub(super) struct Group<'o> {
    session: &'o str,
    /// The question of a probe in which it occurred: `auth · expired`.
    pub(super) context: Option<String>,
    /// The meaning for the two releases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) standing: Option<String>,
    golden_path: String,
    finding: FindingLine<'o>,
    shown_by: Vec<Place>,
    /// The number of all runs.
    pub(super) of: usize,
    picture: Vec<PictureRow>,
}

/// A run with a finding.
#[derive(Serialize)]
struct Place {
    run: usize,
    frame: Option<usize>,
}

/// A row of expected beside actual.
#[derive(Serialize)]
struct PictureRow {
    mark: &'static str,
    golden: Option<String>,
    live: Option<String>,
    lane: usize,
    gap_ns: Option<u64>,
    times: usize,
    note: String,
    frame: Option<usize>,
}

/// A run, as pages list it.
#[derive(Serialize)]
pub(super) struct RunEntry<'o> {
    label: String,
    #[serde(flatten)]
    line: RunLine<'o>,
    /// Whether its frames are in the page.
    frames: bool,
}

/// The reason why runs could not be judged, with these runs.
#[derive(Serialize)]
pub(super) struct Cause<'o> {
    cause: &'o str,
    hint: Option<&'o str>,
    runs: Vec<usize>,
}

/// The maximum of payload bytes in a page; runs with findings come first.
const ROOM: usize = 96 * 1024 * 1024;
/// The maximum of rows in a picture.
const MAX_ROWS: usize = 60;

/// Finds what a run can be shown with.
pub(super) trait Showing<'s>: Fn(&Run) -> Option<Shown<'s>> {}
impl<'s, F: Fn(&Run) -> Option<Shown<'s>>> Showing<'s> for F {}

/// The findings of runs, those of one kind, event and path together; deviations first. `runs` come with their numbers.
pub(super) fn groups<'o, 's>(
    runs: &[(usize, &'o Run)],
    shown: &impl Showing<'s>,
) -> Vec<(Severity, Group<'o>)> {
    let mut all: Vec<(&Finding, Group<'o>)> = Vec::new();
    for &(number, run) in runs {
        for finding in &run.findings {
            let is_known = |(known, group): &&mut (&Finding, Group<'_>)| {
                known.is_like(finding) && group.session == run.session
            };
            let place = Place { run: number, frame: finding.place.frames.first().copied() };
            match all.iter_mut().find(is_known) {
                Some((_, group)) => group.shown_by.push(place),
                None => all.push((finding, group(run, finding, place, shown))),
            }
        }
    }
    for (_, group) in &mut all {
        group.of = runs.iter().filter(|(_, run)| run.session == group.session).count();
    }
    let mut all: Vec<_> = all.into_iter().map(|(finding, group)| (finding.severity, group)).collect();
    all.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    all
}

fn group<'o, 's>(run: &'o Run, finding: &'o Finding, place: Place, shown: &impl Showing<'s>) -> Group<'o> {
    let shown = shown(run);
    let picture = shown
        .map(|shown| rows(shown.golden, shown.transcript, std::slice::from_ref(finding)))
        .unwrap_or_default();
    Group {
        session: &run.session,
        context: None,
        standing: None,
        golden_path: shown.map_or("golden", |shown| shown.golden_path).to_owned(),
        finding: finding_line(finding),
        shown_by: vec![place],
        of: 0,
        picture: drawn(picture),
    }
}

/// A picture without a mark shows nothing.
fn drawn(rows: Vec<Row>) -> Vec<PictureRow> {
    if !rows.iter().any(|row| matches!(row, Row::Event { mark, .. } if *mark != Mark::Same)) {
        return Vec::new();
    }
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    let row = |row: Row| match row {
        Row::Folded(times) => PictureRow { times, ..PictureRow::folded() },
        Row::Event { mark, golden, live, lane, gap, pace: _, times, note, frame } => PictureRow {
            mark: match mark {
                Mark::Same => "same",
                Mark::Missing => "missing",
                Mark::Extra => "extra",
                Mark::Changed => "changed",
            },
            golden,
            live,
            lane,
            gap_ns: gap.map(|gap| gap.as_nanos()),
            times,
            note,
            frame,
        },
    };
    let mut drawn: Vec<PictureRow> = rows.into_iter().take(MAX_ROWS).map(row).collect();
    if left_out > 0 {
        let note = format!("{} more", crate::words::plural(left_out, "row"));
        drawn.push(PictureRow { note, ..PictureRow::folded() });
    }
    drawn
}

impl PictureRow {
    fn folded() -> PictureRow {
        PictureRow {
            mark: "folded",
            golden: None,
            live: None,
            lane: 0,
            gap_ns: None,
            times: 0,
            note: String::new(),
            frame: None,
        }
    }
}

/// The runs, and which of them have their frames in the page: those with something wrong first, while there is room.
pub(super) fn entries<'o, 's>(
    runs: impl Iterator<Item = (String, &'o Run)>,
    shown: &impl Showing<'s>,
) -> Vec<RunEntry<'o>> {
    let runs: Vec<(String, &Run)> = runs.collect();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_key(|number| runs[*number].1.verdict() == Verdict::Conforms);
    let (mut room, mut fits) = (ROOM, BTreeSet::new());
    for number in order {
        let Some(shown) = shown(runs[number].1) else { continue };
        if let Some(left) = room.checked_sub(weight(shown.transcript)) {
            room = left;
            fits.insert(number);
        }
    }
    runs.into_iter()
        .enumerate()
        .map(|(number, (label, run))| RunEntry { label, line: run_line(run), frames: fits.contains(&number) })
        .collect()
}

/// Writes the frames of those runs that have theirs in the page.
pub(super) fn write_frames<'o, 's>(
    page: &mut Page<impl Write>,
    entries: &[RunEntry<'_>],
    runs: impl Iterator<Item = &'o Run>,
    shown: &impl Showing<'s>,
) -> io::Result<()> {
    for (number, (entry, run)) in entries.iter().zip(runs).enumerate() {
        if let Some(shown) = shown(run).filter(|_| entry.frames) {
            let frames = Frames::new(Some(shown.golden), shown.transcript, &run.findings);
            page.data(&format!("run-{number}"), &frames)?;
        }
    }
    Ok(())
}

/// The reasons why runs could not be judged, each once.
pub(super) fn causes<'o>(runs: impl Iterator<Item = &'o Run>) -> Vec<Cause<'o>> {
    let mut causes: Vec<Cause<'o>> = Vec::new();
    for (number, run) in runs.enumerate() {
        let Some(unjudged) = &run.unjudged else { continue };
        match causes.iter_mut().find(|known| known.cause == unjudged.cause) {
            Some(known) => known.runs.push(number),
            None => causes.push(Cause {
                cause: &unjudged.cause,
                hint: unjudged.hint.as_deref(),
                runs: vec![number],
            }),
        }
    }
    causes
}

/// `run-0` for a run that is shown alone.
pub(super) fn entry(label: String, run: &Run) -> RunEntry<'_> {
    RunEntry { label, line: run_line(run), frames: true }
}
