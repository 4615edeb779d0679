//! The terminal: the failing diff first, everything else in a line.
//!
//! ```text
//! agent-run  DEVIATES  u3, round 1: 1 deviation
//!
//!   order: tool_completed is missing in lane call_id=call_8x2
//!     golden/agent-run.toml:6:44 · critical; seen 40 times in 20 recordings
//!
//!       golden                    live                          gap
//!         tool_executing ①          tool_executing ①         12 us
//!     -   tool_completed ②
//!         agent_thinking            agent_thinking          2.1 ms
//! ```

use super::Shown;
use crate::diff::{Mark, Row, rows};
use crate::finding::{Finding, Outcome, Run, Severity, Verdict};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// `1 run`, `2 runs`.
pub fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn role(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Conforms => (GOOD, "CONFORMS"),
        Verdict::Drift => (DOUBT, "DRIFT"),
        Verdict::Deviates => (BAD, "DEVIATES"),
        Verdict::CouldNotJudge => (BAD, "COULD NOT JUDGE"),
    }
}

/// Writes an outcome for a person. `shown` finds what a run can be shown with.
///
/// # Errors
/// What `out` says.
pub fn text<'s>(
    out: &mut impl Write,
    outcome: &Outcome,
    shown: impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let mut sessions: Vec<&str> = outcome.runs.iter().map(|run| run.session.as_str()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    for session in sessions {
        let runs: Vec<&Run> = outcome.runs.iter().filter(|run| run.session == session).collect();
        write_session(out, session, &runs, &shown)?;
    }
    if outcome.interrupted {
        writeln!(out, "{DOUBT}interrupted{DOUBT:#}: what was recorded until then is kept")?;
    }
    Ok(())
}

fn write_session<'s>(
    out: &mut impl Write,
    session: &str,
    runs: &[&Run],
    shown: &impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let verdict = runs.iter().map(|run| run.verdict()).max().unwrap_or(Verdict::CouldNotJudge);
    let (style, word) = role(verdict);
    let events: usize = runs.iter().map(|run| run.events).sum();
    let mut users: Vec<&str> = runs.iter().map(|run| run.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    let slowest = runs.iter().map(|run| run.took).max().unwrap_or_default();
    writeln!(
        out,
        "{BOLD}{session}{BOLD:#}  {style}{word}{style:#}  {} by {}, {}, slowest {slowest}",
        plural(runs.len(), "run"),
        plural(users.len(), "user"),
        plural(events, "event"),
    )?;
    // One example of every fault is enough; the others are counted.
    let mut told: Vec<(&Finding, usize)> = Vec::new();
    let mut causes: Vec<(&str, Option<&str>, Vec<&str>)> = Vec::new();
    for run in runs {
        if let Some(unjudged) = &run.unjudged {
            match causes.iter_mut().find(|(cause, _, _)| *cause == unjudged.cause) {
                Some((_, _, users)) => users.push(&run.user),
                None => causes.push((&unjudged.cause, unjudged.hint.as_deref(), vec![&run.user])),
            }
        }
        for finding in &run.findings {
            match told.iter_mut().find(|(known, _)| known.is_like(finding)) {
                Some((_, times)) => *times += 1,
                None => told.push((finding, 1)),
            }
        }
    }
    for (cause, hint, users) in causes {
        writeln!(out, "\n  {BAD}could not judge{BAD:#} {}: {}", users.join(", "), indent(cause, 4))?;
        if let Some(hint) = hint {
            writeln!(out, "  {FAINT}hint:{FAINT:#} {}", indent(hint, 4))?;
        }
    }
    for run in runs {
        let own: Vec<&(&Finding, usize)> = told
            .iter()
            .filter(|(finding, _)| run.findings.iter().any(|f| std::ptr::eq(f, *finding)))
            .collect();
        if own.is_empty() {
            continue;
        }
        let number = |severity: Severity| run.findings.iter().filter(|f| f.severity == severity).count();
        let (deviations, suspects) = (number(Severity::Deviation), number(Severity::Suspect));
        let counts: Vec<String> = [(deviations, "deviation"), (suspects, "suspect")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| plural(count, name))
            .collect();
        writeln!(out, "\n  {BOLD}{}, round {}{BOLD:#}: {}", run.user, run.round, counts.join(", "))?;
        let shown = shown(run);
        for (finding, times) in own {
            write_finding(out, finding, *times, shown.as_ref())?;
        }
        if let Some(shown) = &shown {
            write_rows(out, &rows(shown.golden, shown.transcript, &run.findings))?;
        }
        if !run.recording.is_empty() {
            let line = run.findings.first().map_or(1, |finding| finding.first_frame().saturating_add(2));
            writeln!(out, "    recording  {}:{line}", run.recording)?;
            writeln!(out, "    again      goldwire check {session} --offline {}", run.recording)?;
            writeln!(out, "    look       goldwire show {}", run.recording)?;
        }
    }
    Ok(())
}

fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

fn write_finding(
    out: &mut impl Write,
    finding: &Finding,
    times: usize,
    shown: Option<&Shown<'_>>,
) -> io::Result<()> {
    let style = match finding.severity {
        Severity::Deviation => BAD,
        Severity::Suspect => DOUBT,
    };
    let doubt = if finding.severity == Severity::Suspect { "suspect: " } else { "" };
    let also = if times > 1 { format!(" (in {times} runs)") } else { String::new() };
    writeln!(out, "\n    {style}{doubt}{}{style:#}: {}{also}", finding.kind.family(), finding.message)?;
    let path = shown.map_or("golden", |shown| shown.golden_path);
    let place = match finding.place.golden_line {
        Some((line, column)) => format!("{path}:{line}:{column}"),
        None => format!("{path} {}", finding.place.key),
    };
    let evidence =
        if finding.evidence.is_empty() { String::new() } else { format!(" · {}", finding.evidence) };
    writeln!(out, "      {FAINT}{place}{evidence}{FAINT:#}")?;
    if let (Some(expected), Some(actual)) = (&finding.expected, &finding.actual) {
        writeln!(out, "      expected {expected}")?;
        writeln!(out, "      actual   {actual}")?;
    }
    if let Some((first, rest)) = finding.consequences.split_first() {
        writeln!(out, "      follows: {first}")?;
        if !rest.is_empty() {
            writeln!(out, "               and {} more", rest.len())?;
        }
    }
    if let Some(hint) = &finding.hint {
        writeln!(out, "      hint: {hint}")?;
    }
    Ok(())
}

/// ① to ⑳, then the number in parentheses.
fn lane_mark(lane: usize) -> String {
    match u32::try_from(lane) {
        Ok(0) => String::new(),
        Ok(n @ 1..=20) => char::from_u32(0x245f + n).map(|c| format!(" {c}")).unwrap_or_default(),
        _ => format!(" ({lane})"),
    }
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{cut}…")
}

fn write_rows(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    if !rows.iter().any(|row| matches!(row, Row::Event { mark, .. } if *mark != Mark::Same)) {
        return Ok(());
    }
    writeln!(out, "\n      {FAINT}{:<26} {:<26} {:>9}{FAINT:#}", "golden", "live", "gap")?;
    for row in rows {
        match row {
            Row::Folded(count) => {
                writeln!(out, "      {FAINT}⋯ {} as the golden says{FAINT:#}", plural(*count, "event"))?
            }
            Row::Event { mark, golden, live, lane, gap, times, note, .. } => {
                let (sign, style) = match mark {
                    Mark::Same => (' ', Style::new()),
                    Mark::Missing => ('-', BAD),
                    Mark::Extra => ('+', BAD),
                    Mark::Changed => ('~', DOUBT),
                };
                let times = if *times > 1 { format!(" ×{times}") } else { String::new() };
                let cell = |name: &Option<String>| {
                    let name = name.as_deref().unwrap_or_default();
                    if name.is_empty() { String::new() } else { format!("{name}{}{times}", lane_mark(*lane)) }
                };
                let gap = gap.map(|gap| gap.to_string()).unwrap_or_default();
                let line = format!("{:<26} {:<26} {gap:>9}", clip(&cell(golden), 26), clip(&cell(live), 26));
                let note = if note.is_empty() { String::new() } else { format!("  {}", clip(note, 60)) };
                writeln!(out, "    {style}{sign}{style:#} {style}{}{style:#}{note}", line.trim_end())?;
            }
        }
    }
    writeln!(out)
}
