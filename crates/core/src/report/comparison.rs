//! The comparison of two releases: text for release notes, or one JSON document.
//!
//! ```text
//! THE RELEASES DIFFER  agent-run: 12 pairs of runs by 5 users
//!   baseline   ws://127.0.0.1:8001/ws
//!   candidate  ws://127.0.0.1:8002/ws
//!
//! order and payload
//!   agent-run  shape: agent_completed/answer moved to /data/answer
//!              in 60 of 60 candidate runs, in none of 60 baseline runs
//!
//! time: of 8 classes of gaps 1 changed (p at most 0.001 over all of them)
//!   session    event after cause         baseline  candidate  factor  95 % interval  p        same release twice
//!   agent-run  agent_started after >ask   24.4 ms     310 ms   x12.5   x11.9 … x13.1  0.0002   x1.01 (x0.97 … x1.04)
//! ```

use super::json::{FindingLine, finding, pretty};
use super::text::{BAD, BOLD, DOUBT, FAINT, GOOD, write_rows};
use crate::compare::{Again, Change, Comparison, Difference, Release, Standing, Subject, pairs_needed};
use crate::diff::Row;
use crate::finding::Verdict;
use crate::words::plural;
use serde::Serialize;
use std::io::{self, Write};

/// The subject of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The address of the baseline.
    pub baseline: String,
    /// The address of the candidate.
    pub candidate: String,
    /// The sessions.
    pub sessions: Vec<String>,
    /// The number of concurrent users.
    pub users: u32,
}

pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Conforms => "no difference shown",
        Verdict::Drift => "perhaps a difference",
        Verdict::Deviates => "the releases differ",
        Verdict::CouldNotJudge => "could not compare",
    }
}

/// Writes a comparison as text. `rows` returns the rows of the run that shows a difference.
///
/// # Errors
/// The errors of `out`.
pub fn comparison_text(
    out: &mut impl Write,
    compared: &Compared,
    comparison: &Comparison,
    rows: impl Fn(&Difference) -> Option<Vec<Row>>,
) -> io::Result<()> {
    let verdict = comparison.verdict();
    let style = match verdict {
        Verdict::Conforms => GOOD,
        Verdict::Drift => DOUBT,
        Verdict::Deviates | Verdict::CouldNotJudge => BAD,
    };
    writeln!(
        out,
        "{style}{}{style:#}  {}: {} of runs by {}",
        word(verdict).to_uppercase(),
        compared.sessions.join(", "),
        plural(comparison.pairs, "pair"),
        plural(compared.users as usize, "user"),
    )?;
    writeln!(out, "  baseline   {}\n  candidate  {}", compared.baseline, compared.candidate)?;
    if let Some((release, run)) = &comparison.unjudged {
        let Some(unjudged) = &run.unjudged else { return Ok(()) };
        let (who, cause) = (&run.user, unjudged.cause.replace('\n', "\n  "));
        writeln!(
            out,
            "\n  {BAD}could not judge{BAD:#} the {}, {} {who}: {cause}",
            release.name(),
            run.session
        )?;
        if let Some(hint) = &unjudged.hint {
            writeln!(out, "  {FAINT}hint:{FAINT:#} {hint}")?;
        }
    }
    if comparison.runs > 0 {
        write_differences(out, comparison, rows)?;
        write_timing(out, comparison)?;
    }
    if comparison.interrupted {
        writeln!(out, "\n{DOUBT}interrupted{DOUBT:#}; these are the results so far")?;
    }
    Ok(())
}

fn of((shown, all): (usize, usize), release: Release) -> String {
    let name = release.name();
    match shown {
        0 => format!("in none of {}", plural(all, &format!("{name} run"))),
        _ => format!("in {shown} of {}", plural(all, &format!("{name} run"))),
    }
}

const fn says(standing: Standing) -> &'static str {
    match standing {
        Standing::Candidate | Standing::Both => "",
        Standing::OtherValue => "both differ from the golden, and from each other: ",
        Standing::MoreOften => "more often with the candidate: ",
        Standing::LessOften => "less often with the candidate: ",
        Standing::Baseline => "only the baseline: ",
        Standing::Perhaps => "perhaps: ",
        Standing::Sometimes => "only the baseline, perhaps by chance: ",
    }
}

/// The number of runs of each release with the finding.
fn shares(one: &Difference) -> String {
    format!("{}, {}", of(one.candidate, Release::Candidate), of(one.baseline, Release::Baseline))
}

/// The meaning of a difference for the releases, in one line.
pub(super) fn standing_words(one: &Difference) -> String {
    let says = match one.standing {
        Standing::Candidate => "only the candidate: ",
        Standing::Both => "both differ from the golden, which is out of date: ",
        standing => says(standing),
    };
    format!("{says}{}", shares(one))
}

fn write_differences(
    out: &mut impl Write,
    comparison: &Comparison,
    rows: impl Fn(&Difference) -> Option<Vec<Row>>,
) -> io::Result<()> {
    let (both, own): (Vec<&Difference>, Vec<_>) =
        comparison.differences.iter().partition(|one| one.standing == Standing::Both);
    if own.is_empty() {
        writeln!(out, "\n{BOLD}order and payload{BOLD:#}: no difference between the releases")?;
    } else {
        writeln!(out, "\n{BOLD}order and payload{BOLD:#}")?;
    }
    let mut is_first = true;
    for one in own {
        let style = if one.standing.is_sure() { BAD } else { DOUBT };
        let says = says(one.standing);
        let (kind, message) = (one.finding.kind.family(), &one.finding.message);
        writeln!(out, "  {}  {style}{says}{kind}{style:#}: {message}", one.session)?;
        writeln!(out, "    {}", shares(one))?;
        if let (Some(expected), Some(actual)) = (&one.finding.expected, &one.finding.actual) {
            writeln!(out, "    expected {expected}, got {actual}")?;
        }
        if !one.recording.is_empty() {
            let line = one.finding.first_frame().saturating_add(2);
            writeln!(out, "    {FAINT}{}:{line}{FAINT:#}", one.recording)?;
        }
        // One picture is enough for a page.
        if std::mem::take(&mut is_first) {
            if let Some(rows) = rows(one) {
                let mut picture = Vec::new();
                write_rows(&mut picture, &rows, None)?;
                out.write_all(picture.trim_ascii_end())?;
                writeln!(out)?;
            }
        }
    }
    if !both.is_empty() {
        let names: Vec<String> =
            both.iter().map(|one| format!("{}: {}", one.session, one.finding.message)).collect();
        writeln!(
            out,
            "  {FAINT}both differ from the golden, which is out of date:{FAINT:#} {}",
            names.join("; ")
        )?;
        // An outdated golden does not know other changes in these events.
        let session = &both[0].session;
        writeln!(
            out,
            "  {FAINT}hint:{FAINT:#} goldwire learn {session} --from target/goldwire/{session}/*-baseline.jsonl"
        )?;
    }
    Ok(())
}

fn times(factor: f64) -> String {
    if factor >= 9.95 { format!("x{factor:.1}") } else { format!("x{factor:.2}") }
}

fn range(interval: Option<(f64, f64)>) -> String {
    interval.map_or("-".to_owned(), |(low, high)| format!("{} … {}", times(low), times(high)))
}

/// A chance that is printed is never rounded down to less than it is.
fn chance(p: f64) -> String {
    let digits = if p < 0.01 { 4 } else { 2 };
    let scale = 10f64.powi(digits);
    format!("{:.*}", usize::try_from(digits).unwrap_or(4), (p * scale - 1e-9).ceil() / scale)
}

fn subject(change: &Change) -> String {
    match &change.subject {
        Subject::Gap { event, after } => format!("{event} after {after}"),
        Subject::WholeRun => "whole run".to_owned(),
    }
}

fn write_timing(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let (timing, alpha) = (&comparison.timing, comparison.alpha);
    if timing.changes.is_empty() {
        return writeln!(
            out,
            "\n{BOLD}time{BOLD:#}: no gap could be compared: none is long enough in enough runs of both releases"
        );
    }
    let (changed, others): (Vec<&Change>, Vec<_>) =
        timing.changes.iter().partition(|change| change.is_sure(alpha));
    let classes = timing.changes.iter().filter(|change| change.subject != Subject::WholeRun).count();
    let word = if classes == 1 { "class" } else { "classes" };
    write!(out, "\n{BOLD}time{BOLD:#}: ")?;
    if comparison.pairs < pairs_needed(alpha) {
        writeln!(
            out,
            "{DOUBT}not judged{DOUBT:#}: {} have at best p = {}, for any difference; {} needed for {alpha}",
            plural(comparison.pairs, "pair"),
            chance(timing.least),
            format_args!("{} are", plural(pairs_needed(alpha), "pair")),
        )?;
    } else if changed.is_empty() {
        writeln!(out, "no change shown in {classes} {word} of gaps (p at most {alpha} over all of them)")?;
    } else {
        writeln!(out, "changed, with p at most {alpha} over all {classes} {word} of gaps")?;
        let mut table = vec![
            [
                "session",
                "event after cause",
                "baseline",
                "candidate",
                "factor",
                "95 % interval",
                "p",
                "same release twice",
            ]
            .map(str::to_owned),
        ];
        table.extend(changed.iter().map(|change| {
            let gap = |gap: Option<crate::transcript::Gap>| gap.map_or("-".to_owned(), |gap| gap.to_string());
            let same = |again: Again| format!("{} ({})", times(again.factor), range(again.interval));
            [
                change.session.clone(),
                subject(change),
                gap(change.baseline),
                gap(change.candidate),
                times(change.factor),
                range(change.interval),
                chance(change.chance()),
                change.again.map_or("-".to_owned(), same),
            ]
        }));
        write_table(out, &table)?;
    }
    if !others.is_empty() {
        let named: Vec<String> =
            others.iter().map(|change| format!("{} {}", subject(change), times(change.factor))).collect();
        writeln!(out, "  {FAINT}not shown to differ:{FAINT:#} {}", named.join(", "))?;
    }
    if let Some(p) = timing.again {
        let factors = || timing.changes.iter().filter_map(|change| Some(change.again?.factor));
        let (low, high) = (factors().fold(f64::INFINITY, f64::min), factors().fold(0.0, f64::max));
        writeln!(
            out,
            "  {FAINT}same release twice (A/A, B/B):{FAINT:#} {} to {} over {}, p = {}",
            times(low),
            times(high),
            plural(timing.again_runs, "time"),
            chance(p)
        )?;
        if p <= alpha {
            writeln!(
                out,
                "  {DOUBT}a release differs from itself{DOUBT:#}: the machine or a server changed during the comparison; check that first"
            )?;
        }
    }
    Ok(())
}

/// Columns as wide as they must be; the first two to the left.
fn write_table<const N: usize>(out: &mut impl Write, table: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    for (number, row) in table.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 | 1 => format!("{cell:<0$}", width(column)),
                _ => format!("{cell:>0$}", width(column)),
            })
            .collect();
        let line = cells.join("  ");
        match number {
            0 => writeln!(out, "  {FAINT}{}{FAINT:#}", line.trim_end())?,
            _ => writeln!(out, "  {}", line.trim_end())?,
        }
    }
    Ok(())
}

#[derive(Serialize)]
pub(super) struct Report<'c> {
    goldwire_comparison: u32,
    verdict: &'static str,
    interrupted: bool,
    baseline: &'c str,
    candidate: &'c str,
    sessions: &'c [String],
    users: u32,
    pairs: usize,
    alpha: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    could_not_judge: Option<UnjudgedLine<'c>>,
    differences: Vec<DifferenceLine<'c>>,
    timing: TimingLine<'c>,
}

#[derive(Serialize)]
struct UnjudgedLine<'c> {
    release: &'static str,
    session: &'c str,
    user: &'c str,
    cause: &'c str,
    hint: Option<&'c str>,
}

#[derive(Serialize)]
struct DifferenceLine<'c> {
    session: &'c str,
    standing: &'static str,
    is_sure: bool,
    candidate_runs: usize,
    of_candidate_runs: usize,
    baseline_runs: usize,
    of_baseline_runs: usize,
    recording: &'c str,
    finding: FindingLine<'c>,
}

#[derive(Serialize)]
struct TimingLine<'c> {
    /// The least p that so many pairs can show.
    least_p: f64,
    pairs_needed: usize,
    classes: Vec<ChangeLine<'c>>,
    same_release_p: Option<f64>,
    same_release_times: usize,
}

#[derive(Serialize)]
struct ChangeLine<'c> {
    session: &'c str,
    /// None for the whole run.
    event: Option<&'c str>,
    after: Option<&'c str>,
    is_sure: bool,
    baseline_ns: Option<u64>,
    candidate_ns: Option<u64>,
    factor: f64,
    interval_95: Option<(f64, f64)>,
    p_slower: f64,
    p_faster: f64,
    pairs: usize,
    same_release_factor: Option<f64>,
    same_release_interval_95: Option<(f64, f64)>,
}

fn change_line(change: &Change, alpha: f64) -> ChangeLine<'_> {
    let (event, after) = match &change.subject {
        Subject::Gap { event, after } => (Some(event.as_str()), Some(after.as_str())),
        Subject::WholeRun => (None, None),
    };
    ChangeLine {
        session: &change.session,
        event,
        after,
        is_sure: change.is_sure(alpha),
        baseline_ns: change.baseline.map(|gap| gap.as_nanos()),
        candidate_ns: change.candidate.map(|gap| gap.as_nanos()),
        factor: change.factor,
        interval_95: change.interval,
        p_slower: change.slower,
        p_faster: change.faster,
        pairs: change.pairs,
        same_release_factor: change.again.map(|again| again.factor),
        same_release_interval_95: change.again.and_then(|again| again.interval),
    }
}

/// Writes a comparison as one JSON document, version 1 of its own format.
///
/// # Errors
/// The errors of `out`.
pub fn comparison_json(out: &mut impl Write, compared: &Compared, comparison: &Comparison) -> io::Result<()> {
    pretty(out, &report(compared, comparison))
}

pub(super) fn report<'c>(compared: &'c Compared, comparison: &'c Comparison) -> Report<'c> {
    Report {
        goldwire_comparison: 1,
        verdict: word(comparison.verdict()),
        interrupted: comparison.interrupted,
        baseline: &compared.baseline,
        candidate: &compared.candidate,
        sessions: &compared.sessions,
        users: compared.users,
        pairs: comparison.pairs,
        alpha: comparison.alpha,
        could_not_judge: comparison.unjudged.as_ref().and_then(|(release, run)| {
            let unjudged = run.unjudged.as_ref()?;
            Some(UnjudgedLine {
                release: release.name(),
                session: &run.session,
                user: &run.user,
                cause: &unjudged.cause,
                hint: unjudged.hint.as_deref(),
            })
        }),
        differences: comparison
            .differences
            .iter()
            .map(|one| DifferenceLine {
                session: &one.session,
                standing: one.standing.name(),
                is_sure: one.standing.is_sure(),
                candidate_runs: one.candidate.0,
                of_candidate_runs: one.candidate.1,
                baseline_runs: one.baseline.0,
                of_baseline_runs: one.baseline.1,
                recording: &one.recording,
                finding: finding(&one.finding),
            })
            .collect(),
        timing: TimingLine {
            least_p: comparison.timing.least,
            pairs_needed: pairs_needed(comparison.alpha),
            classes: comparison.timing.changes.iter().map(|one| change_line(one, comparison.alpha)).collect(),
            same_release_p: comparison.timing.again,
            same_release_times: comparison.timing.again_runs,
        },
    }
}
