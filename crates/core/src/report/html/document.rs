//! The page of a check, and the page of one recording.

use super::super::Shown;
use super::frames::Frames;
use super::group::{Cause, Group, RunEntry, causes, entries, entry, groups, write_frames};
use super::page::Page;
use crate::finding::{Outcome, Run};
use crate::golden::Golden;
use crate::transcript::Transcript;
use crate::words::plural;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The data at the start of every page.
#[derive(Serialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) program: &'static str,
    /// `check`, `session`, `comparison`, `probes`.
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) verdict: String,
    /// One line below the verdict.
    pub(super) summary: String,
    pub(super) interrupted: bool,
}

/// The version of the data in a page.
const VERSION: u32 = 1;

impl Head {
    pub(super) fn new(kind: &'static str, title: String, verdict: &str) -> Head {
        Head {
            version: VERSION,
            program: concat!("goldwire ", env!("CARGO_PKG_VERSION")),
            kind,
            title,
            verdict: verdict.to_owned(),
            summary: String::new(),
            interrupted: false,
        }
    }
}

#[derive(Serialize)]
struct Check<'o> {
    #[serde(flatten)]
    head: Head,
    runs: Vec<RunEntry<'o>>,
    findings: Vec<Group<'o>>,
    unjudged: Vec<Cause<'o>>,
}

/// Names without repetition, in order.
pub(super) fn names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `u1`, and which round where there are several. What was recorded at any time has several runs of a user, which are
/// counted.
fn labels(runs: &[Run]) -> Vec<String> {
    let rounds = runs.iter().map(|run| run.round).max().unwrap_or(1);
    let mut known: BTreeMap<(&str, &str, u32), usize> = BTreeMap::new();
    let mut labels = Vec::new();
    for Run { session, user, round, .. } in runs {
        let times = known.entry((session, user, *round)).or_default();
        *times += 1;
        let round = if rounds > 1 { format!(", round {round}") } else { String::new() };
        let again = if *times > 1 { format!(" ({times})") } else { String::new() };
        labels.push(format!("{user}{round}{again}"));
    }
    labels
}

/// Writes an outcome as a page. `shown` returns the golden and the transcript of a run.
///
/// # Errors
/// The errors of `out`.
pub fn html<'s>(
    out: &mut impl Write,
    outcome: &Outcome,
    shown: impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let runs = &outcome.runs;
    let sessions = names(runs.iter().map(|run| run.session.as_str()));
    let users = names(runs.iter().map(|run| run.user.as_str()));
    let events: usize = runs.iter().map(|run| run.events).sum();
    let slowest = runs.iter().map(|run| run.took).max().unwrap_or_default();
    let numbered: Vec<(usize, &Run)> = runs.iter().enumerate().collect();
    let missing = outcome.unfinished.as_ref().map(|why| format!("{}; ", why.cause)).unwrap_or_default();
    let document = Check {
        head: Head {
            summary: format!(
                "{missing}{} of {} by {}, {}, slowest {slowest}",
                plural(runs.len(), "run"),
                plural(sessions.len(), "session"),
                plural(users.len(), "user"),
                plural(events, "event")
            ),
            interrupted: outcome.interrupted,
            ..Head::new("check", sessions.join(", "), outcome.verdict_name())
        },
        runs: entries(labels(runs).into_iter().zip(runs), &shown),
        findings: groups(&numbered, &shown).into_iter().map(|(_, group)| group).collect(),
        unjudged: causes(runs.iter()),
    };
    let mut page = Page::begin(out)?;
    page.data("report", &document)?;
    write_frames(&mut page, &document.runs, runs.iter(), &shown)?;
    page.end()
}

/// Writes one recording as a page, without judging it. The page shows the golden's rules, too.
///
/// # Errors
/// The errors of `out`.
pub fn session_html(
    out: &mut impl Write,
    golden: Option<&Golden>,
    transcript: &Transcript,
    recording: &str,
) -> io::Result<()> {
    let header = &transcript.header;
    let run = Run {
        session: header.session.clone(),
        user: header.user.clone(),
        round: 1,
        recording: recording.to_owned(),
        events: transcript.frames.iter().filter(|frame| frame.payload.is_message()).count(),
        took: transcript.ending.at.since(Default::default()),
        host: transcript.ending.host,
        findings: Vec::new(),
        live: Vec::new(),
        unjudged: None,
    };
    let document = Check {
        head: Head {
            summary: format!(
                "{} by {}, {}, {}",
                header.started,
                run.user,
                plural(transcript.frames.len(), "frame"),
                run.took
            ),
            ..Head::new("session", header.session.clone(), "not judged")
        },
        runs: vec![entry(run.user.clone(), &run)],
        findings: Vec::new(),
        unjudged: Vec::new(),
    };
    let mut page = Page::begin(out)?;
    page.data("report", &document)?;
    page.data("run-0", &Frames::new(golden, transcript, &[]))?;
    page.end()
}

/// Writes the page that is shown until the command ends, so that the page of an earlier command cannot be taken for
/// the result.
///
/// # Errors
/// The errors of `out`.
pub fn unfinished_html(out: &mut impl Write, what: &str) -> io::Result<()> {
    let document = Check {
        head: Head {
            summary: format!("goldwire {what} has started and has not ended"),
            interrupted: true,
            ..Head::new("check", format!("goldwire {what}"), "could not judge")
        },
        runs: Vec::new(),
        findings: Vec::new(),
        unjudged: Vec::new(),
    };
    let mut page = Page::begin(out)?;
    page.data("report", &document)?;
    page.end()
}
