//! Judges one run from its transcript, or frame by frame from its recording.

use super::error::Error;
use super::progress::{Observer, Progress};
use super::selection::Selected;
use crate::store::{open_recording, read_recording, recording_error};
use goldwire_core::check::{
    Baseline, Checked, Checker, Crowd, Gaps, Live, OTHER_HOSTS, Timed, Witness, check, judge_liveness,
    judge_timing, liveness_findings,
};
use goldwire_core::finding::{Answer, Finding, Run, Unjudged};
use goldwire_core::golden::LiveItem;
use goldwire_core::transcript::{End, Ending, Entries, Entry, Header, Offset, Transcript};
use std::path::Path;

/// A judged run, with all data for reports.
pub struct JudgedRun {
    /// The run with its findings.
    pub run: Run,
    /// The transcript, if it is kept in memory.
    pub transcript: Option<Transcript>,
    /// The gaps for judging time.
    pub gaps: Gaps,
    header: Header,
    ended: Offset,
    live: Live,
    /// The place at which an incomplete recording ends.
    pub(super) torn: Option<String>,
}

/// The largest recording that is read again only to show its rows, in bytes.
pub const MAX_SHOWN: u64 = 64 * 1024 * 1024;

impl JudgedRun {
    /// A session that could not begin.
    pub(super) fn unjudged(selected: &Selected, user: &str, round: u32, why: Unjudged) -> JudgedRun {
        let run = Run::unjudged(&selected.session, user, round, why);
        let (header, ended, live) = Default::default();
        JudgedRun { run, transcript: None, gaps: Gaps::new(), header, ended, live, torn: None }
    }

    /// The header of its recording.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The gaps and the load for judging time.
    pub fn timed(&self) -> Timed<'_> {
        Timed { gaps: &self.gaps, host: self.run.host }
    }

    /// Reads the transcript of a run for a report: of one with findings, or of `all`.
    pub(super) fn fetch(&mut self, all: bool) -> Result<(), Error> {
        let path = Path::new(&self.run.recording);
        let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MAX_SHOWN);
        if self.transcript.is_none() && (all || !self.run.findings.is_empty()) && is_small {
            self.transcript = Some(read_recording(path)?);
        }
        Ok(())
    }
}

/// Judges everything except time, which is judged over several runs together.
pub fn judge(selected: &Selected, transcript: Transcript, recording: String) -> JudgedRun {
    let checked = check(&selected.golden, &transcript);
    let mut judged = weigh(selected, checked, &transcript.header, &transcript.ending, recording);
    judged.transcript = Some(transcript);
    judged
}

/// Judges a recording frame by frame: memory grows with its open lanes, not with its length.
pub(super) fn judge_file(selected: &Selected, path: &Path) -> Result<JudgedRun, Error> {
    let mut entries = open_recording(path)?;
    let mut checker = Checker::new(&selected.golden);
    let takes_json = checker.takes_json();
    let next = |entries: &mut Entries<_>| match takes_json {
        true => entries.next_entry(),
        false => entries.next().map(|frame| frame.map(Entry::Frame)),
    };
    while let Some(entry) = next(&mut entries) {
        let judged = checker.entry(entry.map_err(recording_error(path))?);
        judged.into_iter().for_each(|json| entries.reuse(json));
    }
    let ending = entries.ending();
    let checked = checker.finish(&ending);
    Ok(weigh(selected, checked, entries.header(), &ending, path.display().to_string()))
}

fn weigh(
    selected: &Selected,
    checked: Checked,
    header: &Header,
    ending: &Ending,
    recording: String,
) -> JudgedRun {
    let Checked { mut findings, events, is_whole, gaps, live } = checked;
    if let Some(crowd) = Crowd::beyond(&selected.golden, header.host.as_ref()) {
        crowd.soften(&mut findings);
    }
    let unjudged = (!is_whole && findings.is_empty()).then(|| Unjudged {
        cause: match &ending.how {
            End::CutOff { limit } => format!("the session was ended: {limit}; its frames conform"),
            _ => {
                format!("the recording is {}: its frames conform, but its end is missing", ending.label())
            }
        },
        hint: None,
    });
    let run = Run {
        session: selected.session.clone(),
        user: header.user.clone(),
        round: 1,
        recording,
        events,
        took: ending.at.since(Default::default()),
        host: ending.host,
        findings,
        live: Vec::new(),
        unjudged,
    };
    let torn = match &ending.how {
        End::Torn { detail } => Some(detail.clone()),
        End::Closed { .. } | End::Dropped { .. } | End::GaveUp { .. } => None,
        End::CutOff { .. } | End::Interrupted => None,
    };
    JudgedRun { run, transcript: None, gaps, header: header.clone(), ended: ending.at, live, torn }
}

/// Judges the gaps of a round and adds the findings.
pub fn judge_time(baseline: &Baseline<'_>, round: &mut [JudgedRun]) {
    let runs: Vec<Timed<'_>> = round.iter().map(JudgedRun::timed).collect();
    let found = judge_timing(baseline, &runs);
    add(found, round);
}

/// Adds findings to the runs that show them.
pub(super) fn add(found: Vec<(usize, Finding)>, runs: &mut [JudgedRun]) {
    for (index, finding) in found {
        if let Some(judged) = runs.get_mut(index) {
            judged.run.findings.push(finding);
        }
    }
}

/// Adds whether a real server answered the runs of a round; `before` are the runs of earlier rounds.
pub(super) fn liveness(selected: &Selected, round: &mut [JudgedRun], before: &[&JudgedRun]) {
    let checks: Vec<_> = {
        let witness = |one: &JudgedRun| one.run.unjudged.is_none() && !one.header.started.is_empty();
        let all: Vec<Witness<'_>> = before
            .iter()
            .copied()
            .chain(round.iter())
            .filter(|one| witness(one))
            .map(|one| Witness { header: &one.header, ended: one.ended, live: &one.live })
            .collect();
        let judge = |one: &JudgedRun| {
            let run = Witness { header: &one.header, ended: one.ended, live: &one.live };
            judge_liveness(&selected.golden, selected.seen.as_ref(), run, &all)
        };
        round.iter().map(|one| if witness(one) { judge(one) } else { Vec::new() }).collect()
    };
    for (one, checks) in round.iter_mut().zip(checks) {
        // A server that replays explains all other findings.
        one.run.findings.splice(0..0, liveness_findings(&selected.golden, &checks));
        one.run.live = checks;
    }
}

/// Tells what is required and unknown: it must not look as if it had been checked.
pub(super) fn tell_unknown<'r>(
    selected: &Selected,
    runs: impl Iterator<Item = &'r JudgedRun>,
    observer: &Observer,
) {
    let checks: Vec<_> = runs.flat_map(|judged| &judged.run.live).filter(|check| check.is_required).collect();
    for item in LiveItem::ALL {
        let mut own = checks.iter().filter(|check| check.item == item).peekable();
        let Some(first) = own.peek().copied() else { continue };
        // The report says in one line what other hosts leave open.
        let is_host = first.detail == OTHER_HOSTS;
        if own.all(|check| check.answer == Answer::Unknown) && !is_host {
            observer.tell(&Progress::LiveItemUnknown {
                session: selected.session.clone(),
                item,
                detail: first.detail.clone(),
                hint: first.hint.clone(),
            });
        }
    }
}
