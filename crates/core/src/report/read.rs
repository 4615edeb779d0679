//! Reads the JSON report of a check, so that the reports of several jobs can be merged.

use super::json::TimeLine;
use crate::dialect::Label;
use crate::finding::{
    Answer, Asked, Finding, Kind, LiveCheck, Outcome, Part, Place, ProbeName, ProbeResult, Run, Severity,
    Shard, Unjudged,
};
use crate::golden::LiveItem;
use crate::transcript::{Gap, Host};
use serde::Deserialize;

/// The reason why a text is not a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It is not JSON, or incomplete.
    #[error("not a report: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is another command's.
    #[error("not a report of `goldwire check`")]
    Other,
    /// It is of another version.
    #[error("report version {0}; this goldwire reads version 1")]
    Version(u64),
    /// An unknown word.
    #[error("not a report: `{0}` is not {1}")]
    Word(String, &'static str),
}

#[derive(Deserialize)]
struct Report {
    interrupted: bool,
    unfinished: Option<String>,
    #[serde(default)]
    strict: bool,
    shard: Option<ShardLine>,
    #[serde(default)]
    sessions: Vec<SessionLine>,
    runs: Vec<RunLine>,
    #[serde(default)]
    cells: Vec<CellLine>,
}

#[derive(Deserialize)]
struct CellLine {
    probe: String,
    session: String,
    case: String,
    #[serde(default)]
    sort: String,
    said: String,
    not_asked: Option<String>,
    runs: Vec<RunLine>,
}

#[derive(Deserialize)]
struct ShardLine {
    index: u32,
    of: u32,
    whole: Vec<String>,
}

#[derive(Deserialize)]
struct SessionLine {
    session: String,
    golden: String,
    unnamed: Option<String>,
    time: Option<TimeLine>,
}

#[derive(Deserialize)]
struct RunLine {
    session: String,
    user: String,
    round: u32,
    recording: String,
    events: usize,
    took_ns: u64,
    host: Option<HostLine>,
    could_not_judge: Option<UnjudgedLine>,
    findings: Vec<FindingLine>,
    #[serde(default)]
    live: Vec<LiveLine>,
}

#[derive(Deserialize)]
struct HostLine {
    probes: u32,
    lag_p50_ns: u64,
    lag_max_ns: u64,
    starved_percent: Option<u8>,
    work_ns: Option<u64>,
    work_cpu_ns: Option<u64>,
    others_percent: Option<u8>,
}

#[derive(Deserialize)]
struct UnjudgedLine {
    cause: String,
    hint: Option<String>,
}

#[derive(Deserialize)]
struct FindingLine {
    kind: String,
    severity: String,
    #[serde(default)]
    excused: bool,
    event: String,
    lane: Option<Lane>,
    path: Option<String>,
    message: String,
    expected: Option<String>,
    actual: Option<String>,
    evidence: String,
    hint: Option<String>,
    golden_key: String,
    golden_line: Option<usize>,
    golden_column: Option<usize>,
    frames: Vec<usize>,
    consequences: Vec<String>,
}

#[derive(Deserialize)]
struct Lane {
    key: String,
    value: String,
}

#[derive(Deserialize)]
struct LiveLine {
    item: String,
    answer: String,
    required: bool,
    detail: String,
    hint: Option<String>,
    frames: Vec<usize>,
}

/// Reads the output of [`json_with_probes`](super::json_with_probes): the result of a check and its probes.
///
/// # Errors
/// If the text is not such a report, or has another version.
pub fn read(text: &str) -> Result<(Outcome, Vec<ProbeResult>), ReportError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    match value.get("goldwire_report").map(|version| version.as_u64().unwrap_or_default()) {
        Some(1) => {}
        Some(version) => return Err(ReportError::Version(version)),
        None => return Err(ReportError::Other),
    }
    let report: Report = serde_json::from_value(value)?;
    let part = report.shard.map(|line| {
        let word = format!("{}/{}", line.index, line.of);
        let shard = Shard::new(line.index, line.of).ok_or(ReportError::Word(word, "a shard"))?;
        Ok::<Part, ReportError>(Part { shard, whole: line.whole })
    });
    let cells = report.cells.into_iter().map(cell).collect::<Result<_, _>>()?;
    let mut times = Vec::new();
    let mut asked = Vec::new();
    for line in report.sessions {
        if let Some(time) = line.time {
            let word = || ReportError::Word(line.session.clone(), "a way to judge time");
            times.push(time.report(&line.session).ok_or_else(word)?);
        }
        asked.push(Asked { session: line.session, golden: line.golden, unnamed: line.unnamed });
    }
    let outcome = Outcome {
        runs: report.runs.into_iter().map(run).collect::<Result<_, _>>()?,
        interrupted: report.interrupted,
        asked,
        times,
        strict: report.strict,
        part: part.transpose()?,
        unfinished: report.unfinished.map(|cause| Unjudged { cause, hint: None }),
    };
    Ok((outcome, cells))
}

fn cell(line: CellLine) -> Result<ProbeResult, ReportError> {
    Ok(ProbeResult {
        probe: ProbeName::of(&line.probe).ok_or(ReportError::Word(line.probe, "a probe"))?,
        session: line.session,
        case: line.case,
        sort: line.sort,
        said: line.said,
        not_asked: line.not_asked,
        runs: line.runs.into_iter().map(run).collect::<Result<_, _>>()?,
    })
}

fn run(line: RunLine) -> Result<Run, ReportError> {
    Ok(Run {
        session: line.session,
        user: line.user,
        round: line.round,
        recording: line.recording,
        events: line.events,
        took: Gap::from_nanos(line.took_ns),
        host: line.host.map(|host| Host {
            probes: host.probes,
            lag_p50: Gap::from_nanos(host.lag_p50_ns),
            lag_max: Gap::from_nanos(host.lag_max_ns),
            starved: host.starved_percent,
            work: host.work_ns.map(Gap::from_nanos),
            work_cpu: host.work_cpu_ns.map(Gap::from_nanos),
            others: host.others_percent,
        }),
        findings: line.findings.into_iter().map(finding).collect::<Result<_, _>>()?,
        live: line.live.into_iter().map(live).collect::<Result<_, _>>()?,
        unjudged: line.could_not_judge.map(|line| Unjudged { cause: line.cause, hint: line.hint }),
    })
}

fn finding(line: FindingLine) -> Result<Finding, ReportError> {
    let kind = Kind::of(&line.kind).ok_or(ReportError::Word(line.kind, "a kind of finding"))?;
    let severity = match line.severity.as_str() {
        "suspect" => Severity::Suspect,
        "deviation" => Severity::Deviation,
        _ => return Err(ReportError::Word(line.severity, "a severity")),
    };
    Ok(Finding {
        kind,
        severity,
        is_excused: line.excused,
        place: Place {
            event: Label::from(line.event.as_str()),
            lane: line.lane.map(|lane| (lane.key, lane.value)),
            path: line.path,
            key: line.golden_key,
            golden_line: line.golden_line.zip(line.golden_column),
            frames: line.frames,
        },
        message: line.message,
        expected: line.expected,
        actual: line.actual,
        evidence: line.evidence,
        hint: line.hint,
        consequences: line.consequences,
    })
}

fn live(line: LiveLine) -> Result<LiveCheck, ReportError> {
    Ok(LiveCheck {
        item: LiveItem::of(&line.item).ok_or(ReportError::Word(line.item, "a live item"))?,
        answer: Answer::of(&line.answer).ok_or(ReportError::Word(line.answer, "an answer"))?,
        detail: line.detail,
        hint: line.hint,
        is_required: line.required,
        frames: line.frames,
    })
}
