//! The report for a terminal: the failing diff first, everything else in one line.
//!
//! ```text
//! agent-run  DEVIATES  u3, round 1: 1 deviation
//!
//!   order: tool_completed is missing in lane call_id=call_8x2
//!     golden/agent-run.toml:6:44 · critical; seen 40 times in 20 recordings
//!
//!       golden                    live                          gap  of latest
//!         tool_executing ①          tool_executing ①         12 us
//!     -   tool_completed ②
//!         agent_thinking            agent_thinking          2.1 ms  █│······
//! ```
//!
//! A bar is the time since an event's cause, from zero to the latest that the golden allows; `│` is the usual time.
//! At a terminal everything fits the width, from 80 columns on; in a file lines are not limited.

use super::Shown;
use crate::check::OTHER_HOSTS;
use crate::diff::{Mark, Pace, Row, rows, words};
use crate::finding::{
    Answer, Basis, BudgetReport, Finding, LiveCheck, Outcome, Run, Severity, TimeReport, Verdict,
};
use crate::golden::LiveItem;
use crate::transcript::visible;
use crate::words::plural;
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

fn role(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Conforms => (GOOD, "CONFORMS"),
        Verdict::Drift => (DOUBT, "DRIFT"),
        Verdict::Deviates => (BAD, "DEVIATES"),
        Verdict::CouldNotJudge => (BAD, "COULD NOT JUDGE"),
    }
}

/// The layout of text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layout {
    /// The width; none if lines may have any length.
    pub columns: Option<usize>,
    /// Whether good results are listed, too.
    pub verbose: bool,
}

/// Writes an outcome as text, for a terminal or a file. `shown` returns the golden and the transcript of a run.
///
/// # Errors
/// The errors of `out`.
pub fn text<'s>(
    out: &mut impl Write,
    outcome: &Outcome,
    layout: Layout,
    shown: impl Fn(&Run) -> Option<Shown<'s>>,
) -> io::Result<()> {
    let Layout { columns, verbose } = layout;
    let page = Page { columns, verbose, accepts: !outcome.asked.is_empty() };
    let mut sessions: Vec<&str> = outcome.runs.iter().map(|run| run.session.as_str()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    for session in sessions {
        let runs: Vec<&Run> = outcome.runs.iter().filter(|run| run.session == session).collect();
        let time = outcome.times.iter().find(|time| time.session == session);
        let unnamed = outcome.asked.iter().find(|asked| asked.session == session);
        let unnamed = unnamed.and_then(|asked| asked.unnamed.as_deref());
        write_session(out, &page, session, &runs, (time, unnamed), &shown)?;
    }
    if outcome.times.iter().any(|time| time.basis == Basis::Shape && time.busy.is_none())
        && !outcome.asked.is_empty()
    {
        let way = "`goldwire hosts learn` makes timing checks precise on this host; only `goldwire compare` shows whether the whole build is slower";
        writeln!(out, "{FAINT}hint:{FAINT:#} {}", page.fit(way, 6, 2))?;
    }
    if let Some(part) = outcome.part.as_ref().filter(|_| outcome.is_empty_shard()) {
        writeln!(out, "nothing in this shard: {} of {}", part.shard, plural(part.whole.len(), "session"))?;
    }
    if let Some(unfinished) = &outcome.unfinished {
        writeln!(out, "{BAD}COULD NOT JUDGE{BAD:#}  {}", unfinished.cause)?;
        if let Some(hint) = &unfinished.hint {
            writeln!(out, "{FAINT}hint:{FAINT:#} {hint}")?;
        }
    }
    if outcome.interrupted {
        writeln!(out, "{DOUBT}interrupted{DOUBT:#}; the recordings so far are kept")?;
    }
    Ok(())
}

/// The layout of the output.
struct Page {
    /// The width; none if lines may have any length.
    columns: Option<usize>,
    /// Whether good results are listed, too.
    verbose: bool,
    /// Whether what was found can be accepted.
    accepts: bool,
}

/// The smallest width for the layout.
const NARROW: usize = 40;

impl Page {
    /// A text that begins in one column and goes on, where it has to, in another.
    fn fit(&self, text: &str, first: usize, next: usize) -> String {
        let Some(columns) = self.columns.map(|columns| columns.max(NARROW)) else {
            return indent(text, next);
        };
        let mut out = String::new();
        for (number, line) in text.lines().enumerate() {
            let mut at = if number == 0 { first } else { next };
            if number > 0 {
                out.push('\n');
                out.push_str(&" ".repeat(next));
            }
            let mut is_first = true;
            for word in line.split(' ') {
                // A word that is longer than a line is cut at its end.
                let mut word: Vec<char> = word.chars().collect();
                if !is_first && at + 1 + word.len() > columns {
                    out.push('\n');
                    out.push_str(&" ".repeat(next));
                    at = next;
                } else if !is_first {
                    out.push(' ');
                    at += 1;
                }
                is_first = false;
                while at + word.len() > columns {
                    let rest = word.split_off(columns.saturating_sub(at).max(1));
                    out.extend(word);
                    out.push('\n');
                    out.push_str(&" ".repeat(next));
                    (word, at) = (rest, next);
                }
                at += word.len();
                out.extend(word);
            }
        }
        out
    }
}

fn write_session<'s>(
    out: &mut impl Write,
    page: &Page,
    session: &str,
    runs: &[&Run],
    (time, unnamed): (Option<&TimeReport>, Option<&str>),
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
    if let Some(name) = unnamed {
        let said = format!(
            "all messages of the server have the name `{name}`, so hardly anything was checked; docs/DIALECTS.md shows how to name them"
        );
        writeln!(out, "  {DOUBT}names{DOUBT:#}: {}", page.fit(&said, 9, 4))?;
    }
    if let Some(time) = time {
        write_time(out, page, time, runs)?;
    }
    write_live(out, page, runs)?;
    write_untimed(out, page, runs)?;
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
        let said = format!("{}: {cause}", users.join(", "));
        writeln!(out, "\n  {BAD}could not judge{BAD:#} {}", page.fit(&said, 18, 4))?;
        if let Some(hint) = hint {
            writeln!(out, "  {FAINT}hint:{FAINT:#} {}", page.fit(hint, 8, 4))?;
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
            write_finding(out, page, finding, *times, shown.as_ref())?;
        }
        if let Some(shown) = &shown {
            write_rows(out, &rows(shown.golden, shown.transcript, &run.findings), page.columns)?;
        }
        if !run.recording.is_empty() {
            // The header is line 1. A finding without a frame has the whole recording as its place.
            let shown = run.findings.iter().find_map(|finding| finding.place.frames.first());
            let line = shown.map_or(1, |frame| frame + 2);
            writeln!(out, "    recording  {}:{line}", run.recording)?;
            writeln!(out, "    again      goldwire check {session} --offline {}", run.recording)?;
            writeln!(out, "    look       goldwire show {}", run.recording)?;
        }
    }
    let deviates = runs.iter().any(|run| matches!(run.verdict(), Verdict::Deviates | Verdict::Drift));
    if page.accepts && deviates && verdict != Verdict::CouldNotJudge {
        writeln!(out, "    accept     goldwire check {session} --update; goldwire review {session}")?;
    }
    Ok(())
}

/// Writes how time was judged, the pace of the check, and the smallest slow-down that would be reported.
fn write_time(out: &mut impl Write, page: &Page, time: &TimeReport, runs: &[&Run]) -> io::Result<()> {
    let pace = time.pace.map(|pace| format!("x{pace:.1}"));
    let shows = time.sees.map(|sees| format!("a single kind of gap is reported from x{sees:.1} on"));
    let of = |count: u32, what: &str| plural(count as usize, what);
    let mut said = match time.basis {
        Basis::Off => vec!["not judged, except for stalls and `at_most`".to_owned()],
        Basis::Bounds => vec!["by the bounds of the golden".to_owned()],
        Basis::Host if time.is_profile => vec![format!(
            "by this host's profile ({}, {})",
            of(time.runs, "run"),
            of(time.occasions, "occasion")
        )],
        Basis::Host => vec![format!(
            "by recordings on this class of hosts ({}, {})",
            of(time.runs, "run"),
            of(time.occasions, "occasion")
        )],
        Basis::Shape if time.busy.is_some() => vec![format!(
            "other programs used {} % of this machine's processors, so time was judged by shape and only a stall can fail",
            time.busy.unwrap_or_default()
        )],
        Basis::Shape => vec![match &time.recorded_on[..] {
            [] => "recorded on an unknown host, so judged by shape".to_owned(),
            hosts if time.class.as_ref().is_some_and(|class| hosts.contains(class)) => {
                "judged by shape".to_owned()
            }
            hosts => format!("recorded on other hosts ({}), so judged by shape", hosts.join(", ")),
        }],
    };
    match (pace, time.range) {
        (Some(pace), Some((low, high))) if time.basis == Basis::Shape => said.push(format!(
            "all kinds of gaps took {pace} as long here (x{low:.1} to x{high:.1}), perhaps because of this machine"
        )),
        (Some(pace), _) if time.basis == Basis::Host => said.push(format!("pace {pace}")),
        _ => {}
    }
    if let Some(shows) = shows {
        let weight = match time.fails {
            true => "",
            false if time.busy.is_some() => ", as a suspect",
            false if time.recorded_on.len() < 3 => {
                ", as a suspect; it can fail when three classes of hosts are recorded"
            }
            false => ", as a suspect; the speed of this machine is unknown",
        };
        said.push(format!("{shows}{weight}"));
    }
    if !time.not_judged.is_empty() && time.basis != Basis::Off {
        said.push(format!("too few kinds of gaps to judge {}", time.not_judged.join(", ")));
    }
    let mut unread: Vec<&str> = runs
        .iter()
        .flat_map(|run| &run.live)
        .filter(|check| check.is_required && check.detail == OTHER_HOSTS)
        .map(|check| check.item.name())
        .collect();
    unread.sort_unstable();
    unread.dedup();
    if !unread.is_empty() {
        said.push(format!("not checked on this host, because they use times: {}", unread.join(", ")));
    }
    writeln!(out, "  {FAINT}time:{FAINT:#} {}", page.fit(&said.join("; "), 8, 8))?;
    let took = |budget: &BudgetReport| match budget.took {
        Some(took) => format!("{} {took} of {}", budget.name, budget.limit),
        None => format!("{} did not come", budget.name),
    };
    if !time.budgets.is_empty() {
        let said: Vec<String> = time.budgets.iter().map(took).collect();
        writeln!(out, "  {FAINT}budget:{FAINT:#} {}", page.fit(&said.join("; "), 10, 10))?;
    }
    if let Some((factor, since)) = &time.creep {
        let said = format!(
            "the last checks on this host were x{factor:.1} slower than on {since}; goldwire compare shows whether the build is the cause"
        );
        writeln!(out, "  {DOUBT}warning{DOUBT:#}: {}", page.fit(&said, 11, 4))?;
    }
    Ok(())
}

/// Whether a server answered, over all runs: a line, and one for each failed item that is not required.
fn write_live(out: &mut impl Write, page: &Page, runs: &[&Run]) -> io::Result<()> {
    let of = |item: LiveItem| runs.iter().flat_map(|run| &run.live).filter(move |check| check.item == item);
    let mut items: [Vec<&LiveCheck>; 3] = Default::default();
    for item in LiveItem::ALL {
        // The first of the runs with the most evidence.
        let Some(told) = of(item).rev().max_by_key(|check| check.answer) else { continue };
        items[told.answer as usize].push(told);
    }
    let [unknown, passed, failed] = &items;
    let asked = unknown.len() + passed.len() + failed.len();
    let is_required = items.iter().flatten().any(|check| check.is_required);
    let conforms = failed.is_empty() && runs.iter().all(|run| run.verdict() == Verdict::Conforms);
    if asked == 0 || (conforms && !is_required && !page.verbose) {
        return Ok(());
    }
    let mut line = format!("{} of {} pass", passed.len(), plural(asked, "item"));
    for (checks, word) in [(failed, "failed"), (unknown, "unknown")] {
        if !checks.is_empty() {
            let names: Vec<&str> = checks.iter().map(|check| check.item.name()).collect();
            line.push_str(&format!(", {} {word} ({})", checks.len(), names.join(", ")));
        }
    }
    writeln!(out, "  {FAINT}live: {}{FAINT:#}", page.fit(&line, 8, 4))?;
    for check in failed.iter().filter(|check| !check.is_required) {
        let times = of(check.item).filter(|check| check.answer == Answer::Fail).count();
        let also = if times > 1 { format!(" (in {times} runs)") } else { String::new() };
        let said = format!("{}: {}{also}", check.item.name(), check.detail);
        writeln!(out, "  {DOUBT}warning{DOUBT:#}: {}", page.fit(&said, 11, 4))?;
    }
    Ok(())
}

/// Time that could not be judged, because this machine was as late as the server seemed: it must not look like passing.
fn write_untimed(out: &mut impl Write, page: &Page, runs: &[&Run]) -> io::Result<()> {
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
        let said = format!(
            "{events}: late, but the lag of this machine was up to {lag}; check again when it is less busy"
        );
        writeln!(out, "  {DOUBT}time not judged{DOUBT:#}: {}", page.fit(&said, 19, 4))?;
    }
    Ok(())
}

fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

fn write_finding(
    out: &mut impl Write,
    page: &Page,
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
    let family = finding.kind.family();
    let at = 6 + doubt.len() + family.len();
    let message = page.fit(&format!("{}{also}", finding.message), at, 6);
    writeln!(out, "\n    {style}{doubt}{family}{style:#}: {message}")?;
    let path = shown.map_or("golden", |shown| shown.golden_path);
    let place = match finding.place.golden_line {
        Some((line, column)) => format!("{path}:{line}:{column}"),
        None => format!("{path} {}", finding.place.key),
    };
    let evidence =
        if finding.evidence.is_empty() { String::new() } else { format!(" · {}", finding.evidence) };
    writeln!(out, "      {FAINT}{}{FAINT:#}", page.fit(&format!("{place}{evidence}"), 6, 8))?;
    if let (Some(expected), Some(actual)) = (&finding.expected, &finding.actual) {
        writeln!(out, "      expected {}", page.fit(expected, 15, 15))?;
        writeln!(out, "      actual   {}", page.fit(actual, 15, 15))?;
        if let Some(words) = changed_words(expected, actual) {
            writeln!(out, "      changed  {}", page.fit(&words, 15, 15))?;
        }
    }
    if let Some((first, rest)) = finding.consequences.split_first() {
        writeln!(out, "      follows: {}", page.fit(first, 15, 15))?;
        if !rest.is_empty() {
            writeln!(out, "               and {} more", rest.len())?;
        }
    }
    if let Some(hint) = &finding.hint {
        writeln!(out, "      hint: {}", page.fit(hint, 12, 8))?;
    }
    Ok(())
}

/// The changed words in a text of several words.
fn changed_words(expected: &str, actual: &str) -> Option<String> {
    let text = |value: &str| {
        let inner = value.strip_prefix("= ").unwrap_or(value);
        let inner = inner.strip_prefix('"')?.strip_suffix('"')?;
        (inner.split(' ').count() > 3).then(|| inner.to_owned())
    };
    words(&text(expected)?, &text(actual)?)
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

/// Cells of a bar.
const BAR: usize = 8;

/// A bar: the share of an event's allowed time, with a line at the usual time, and an arrow beyond the limit.
fn bar(pace: Pace) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a few cells")]
    let cells = |share: f64| (share * BAR as f64).ceil().clamp(0.0, BAR as f64 + 1.0) as usize;
    let of = |gap: crate::transcript::Gap| cells(gap.as_secs_f64() / pace.latest.as_secs_f64().max(1e-9));
    let (full, usual) = (of(pace.gap), of(pace.usual).max(1));
    let cell = |at: usize| match at {
        _ if at == usual && full != usual => '│',
        _ if at <= full => '█',
        _ => '·',
    };
    let mut bar: String = (1..=BAR).map(cell).collect();
    if full > BAR {
        bar.push('▶');
    }
    bar
}

pub(super) fn write_rows(out: &mut impl Write, rows: &[Row], columns: Option<usize>) -> io::Result<()> {
    if !rows.iter().any(|row| matches!(row, Row::Event { mark, .. } if *mark != Mark::Same)) {
        return Ok(());
    }
    let cells = |row: &Row| match row {
        Row::Event { golden, live, lane, times, .. } => {
            [cell(golden, *lane, *times), cell(live, *lane, *times)]
        }
        Row::Folded(_) => Default::default(),
    };
    let has_bars = rows.iter().any(|row| matches!(row, Row::Event { pace: Some(_), .. }));
    let widest = rows.iter().flat_map(cells).map(|cell| cell.chars().count()).max();
    // Six columns before the names, ten for the gap, eleven for the bar, and one between the names.
    let room = columns.map_or(36, |columns| columns.saturating_sub(if has_bars { 28 } else { 17 }) / 2);
    let width = widest.unwrap_or_default().max(26).min(room.max(12));
    let of_latest = if has_bars { "  of latest" } else { "" };
    let head = format!("{:<width$} {:<width$} {:>9}{of_latest}", "golden", "live", "gap");
    writeln!(out, "\n      {FAINT}{head}{FAINT:#}")?;
    for row in rows {
        match row {
            Row::Folded(count) => {
                writeln!(out, "      {FAINT}⋯ {} as in the golden{FAINT:#}", plural(*count, "event"))?
            }
            Row::Event { mark, golden, live, lane, gap, pace, times, note, .. } => {
                let (sign, style) = match mark {
                    Mark::Same => (' ', Style::new()),
                    Mark::Missing => ('-', BAD),
                    Mark::Extra => ('+', BAD),
                    Mark::Changed => ('~', DOUBT),
                };
                let gap = gap.map(|gap| gap.to_string()).unwrap_or_default();
                let cell = |name: &Option<String>| clip(&visible(&cell(name, *lane, *times)), width);
                let line = format!("{:<width$} {:<width$} {gap:>9}", cell(golden), cell(live));
                let bar = pace.map(|pace| format!("  {}", bar(pace))).unwrap_or_default();
                let line = format!("{line}{bar}");
                let line = line.trim_end();
                write!(out, "    {style}{sign}{style:#} {style}{line}{style:#}")?;
                let left = columns.map(|columns| columns.saturating_sub(8 + line.chars().count()));
                match left {
                    _ if note.is_empty() => writeln!(out)?,
                    Some(left) if note.chars().count() > left => {
                        let room = columns.unwrap_or_default().saturating_sub(10).max(12);
                        writeln!(out, "\n        ↳ {}", clip(note, room))?;
                    }
                    Some(_) | None => writeln!(out, "  {}", clip(note, 60.max(left.unwrap_or_default())))?,
                }
            }
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Gap;

    #[test]
    fn a_bar_goes_from_nothing_to_the_latest_and_beyond() {
        let bar = |gap, usual| {
            let [gap, usual, latest] = [gap, usual, 80].map(Gap::from_millis);
            bar(Pace { gap, usual, latest })
        };
        assert_eq!(bar(35, 20), "█│██····");
        assert_eq!(bar(1, 40), "█··│····");
        assert_eq!(bar(20, 20), "██······");
        assert_eq!(bar(80, 40), "███│████");
        assert_eq!(bar(81, 40), "███│████▶");
    }

    #[test]
    fn what_is_too_long_goes_on_below() {
        let page = Page { columns: Some(40), verbose: false, accepts: false };
        let text = "a text of many words that does not fit into forty columns at all";
        let fitted = format!("      {}", page.fit(text, 6, 8));
        assert_eq!(fitted, "      a text of many words that does not\n        fit into forty columns at all");
        let long = format!("      {}", page.fit(&"x".repeat(99), 6, 8));
        assert!(long.lines().all(|line| line.chars().count() <= 40), "{long}");
        assert_eq!(long.matches('x').count(), 99);
        assert_eq!(Page { columns: None, verbose: false, accepts: false }.fit("a\nb", 2, 4), "a\n    b");
    }
}
