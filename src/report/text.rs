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
use crate::finding::{Answer, Finding, LiveCheck, Outcome, Run, Severity, Verdict};
use crate::golden::LiveItem;
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

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
    write_live(out, runs)?;
    write_untimed(out, runs)?;
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
            // The header is line 1; what no frame by itself shows has the whole recording for its place.
            let shown = run.findings.iter().find_map(|finding| finding.place.frames.first());
            let line = shown.map_or(1, |frame| frame + 2);
            writeln!(out, "    recording  {}:{line}", run.recording)?;
            writeln!(out, "    again      goldwire check {session} --offline {}", run.recording)?;
            writeln!(out, "    look       goldwire show {}", run.recording)?;
        }
    }
    Ok(())
}

/// Whether a server answered, over all runs: a line, and one for each failure that nobody required to pass.
fn write_live(out: &mut impl Write, runs: &[&Run]) -> io::Result<()> {
    let of = |item: LiveItem| runs.iter().flat_map(|run| &run.live).filter(move |check| check.item == item);
    let mut items: [Vec<&LiveCheck>; 3] = Default::default();
    for item in LiveItem::ALL {
        // The first of the runs that say most to it.
        let Some(told) = of(item).rev().max_by_key(|check| check.answer) else { continue };
        items[told.answer as usize].push(told);
    }
    let [unknown, passed, failed] = &items;
    let asked = unknown.len() + passed.len() + failed.len();
    if asked == 0 {
        return Ok(());
    }
    let mut line = format!("{} of {} pass", passed.len(), plural(asked, "item"));
    for (checks, word) in [(failed, "failed"), (unknown, "unknown")] {
        if !checks.is_empty() {
            let names: Vec<&str> = checks.iter().map(|check| check.item.name()).collect();
            line.push_str(&format!(", {} {word} ({})", checks.len(), names.join(", ")));
        }
    }
    writeln!(out, "  {FAINT}live: {line}{FAINT:#}")?;
    for check in failed.iter().filter(|check| !check.is_required) {
        let times = of(check.item).filter(|check| check.answer == Answer::Fail).count();
        let also = if times > 1 { format!(" (in {times} runs)") } else { String::new() };
        writeln!(out, "  {DOUBT}warning{DOUBT:#}: {}: {}{also}", check.item.name(), check.detail)?;
    }
    Ok(())
}

/// Time that could not be judged, because this machine was as late as the server seemed: it must not look like passing.
fn write_untimed(out: &mut impl Write, runs: &[&Run]) -> io::Result<()> {
    let mut events: Vec<&str> = runs
        .iter()
        .flat_map(|run| &run.findings)
        .filter(|finding| finding.is_excused)
        .map(|finding| finding.place.event.as_str())
        .collect();
    events.sort_unstable();
    events.dedup();
    let lag = runs.iter().filter_map(|run| run.host).map(|host| host.lag_max).max();
    if let (false, Some(lag)) = (events.is_empty(), lag) {
        let events = events.join(", ");
        let doubt = format!("{DOUBT}time not judged{DOUBT:#}");
        writeln!(
            out,
            "  {doubt}: {events}: late, but so was this machine, up to {lag}; check again when it has less to do"
        )?;
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

/// An event in a column, with its lane and how often it came.
fn cell(name: &Option<String>, lane: usize, times: usize) -> String {
    let Some(name) = name else { return String::new() };
    let times = if times > 1 { format!(" ×{times}") } else { String::new() };
    format!("{name}{}{times}", lane_mark(lane))
}

pub(super) fn write_rows(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    if !rows.iter().any(|row| matches!(row, Row::Event { mark, .. } if *mark != Mark::Same)) {
        return Ok(());
    }
    let cells = |row: &Row| match row {
        Row::Event { golden, live, lane, times, .. } => {
            [cell(golden, *lane, *times), cell(live, *lane, *times)]
        }
        Row::Folded(_) => Default::default(),
    };
    let widest = rows.iter().flat_map(cells).map(|cell| cell.chars().count()).max();
    let width = widest.unwrap_or_default().clamp(26, 36);
    writeln!(out, "\n      {FAINT}{:<width$} {:<width$} {:>9}{FAINT:#}", "golden", "live", "gap")?;
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
                let gap = gap.map(|gap| gap.to_string()).unwrap_or_default();
                let cell = |name: &Option<String>| clip(&cell(name, *lane, *times), width);
                let line = format!("{:<width$} {:<width$} {gap:>9}", cell(golden), cell(live));
                let note = if note.is_empty() { String::new() } else { format!("  {}", clip(note, 60)) };
                writeln!(out, "    {style}{sign}{style:#} {style}{}{style:#}{note}", line.trim_end())?;
            }
        }
    }
    writeln!(out)
}
