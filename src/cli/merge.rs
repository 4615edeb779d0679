//! `goldwire merge`: merges the reports of a sharded check into one result with one exit code.

use super::args::{Format, MergeArgs};
use super::error::CliError;
use super::exit::Exit;
use super::html::{HtmlReport, Recorded};
use super::reports::{Reports, layout};
use goldwire_core::finding::{Outcome, Run, Verdict, merge, verdict_with_probes};
use goldwire_core::golden::Golden;
use goldwire_core::report::{self, Sheet};
use goldwire_runner::runner::{Config, refuse_unasked};
use goldwire_runner::store::Store;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

pub(super) fn run(config: &Config, args: &MergeArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    // Read all reports before writing any, because the output may overwrite one of them.
    let read = |path: &PathBuf| (path.clone(), std::fs::read_to_string(path));
    let texts: Vec<_> = args.reports.iter().map(read).collect();
    let mut reports = Reports::begin(&args.write, "check", ("goldwire_report", "runs"))?;
    let result = merged(config, args, texts, &mut reports, out);
    if let Err(error) = &result {
        reports.fail(error);
    }
    result
}

fn merged(
    config: &Config,
    args: &MergeArgs,
    texts: Vec<(PathBuf, std::io::Result<String>)>,
    reports: &mut Reports,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let page = HtmlReport::begin(args.write.report_html.as_deref(), "check")?;
    let (mut parts, mut cells) = (Vec::new(), Vec::new());
    for (path, text) in texts {
        let path = path.display();
        let text = text.map_err(|error| CliError::usage(format!("failed to read {path}: {error}")))?;
        let (part, mut own) = report::read(&text).map_err(|error| {
            CliError::usage(format!("{path}: {error}"))
                .hint("merge reads the reports of `goldwire check --shard I/N --report-json FILE`")
        })?;
        parts.push(part);
        cells.append(&mut own);
    }
    let mut outcome = merge(parts).map_err(|error| CliError::usage(error.to_string()))?;
    outcome.strict |= args.strict;
    let asked = asked(&outcome);
    let sheet = Sheet::of_check(&outcome, &asked, outcome.strict).with_probes(&outcome, &cells, |session| {
        asked.iter().find(|(asked, _)| asked == session).map_or_else(String::new, |(_, path)| path.clone())
    });
    reports.end(&sheet, |file| report::json_with_probes(file, &outcome, &cells))?;
    let goldens = goldens(config, &outcome);
    let known = Recorded::read(outcome.runs.iter().filter(|run| !run.findings.is_empty()));
    let shown = |run: &Run| {
        let (golden, path) = goldens.get(run.session.as_str())?;
        known.shown(run, golden, path)
    };
    page.check(&outcome, shown)?;
    if !cells.is_empty() {
        page.probes_beside(&cells, outcome.interrupted, &Store::new(&config.root))?;
    }
    match args.format {
        Format::Json => report::json_with_probes(out, &outcome, &cells)?,
        Format::Text => {
            report::text(out, &outcome, layout(false), shown)?;
            report::probe_text(out, &cells)?;
        }
    }
    let verdict = verdict_with_probes(&outcome, &cells);
    // A shard was interrupted, not this command.
    if outcome.interrupted && verdict != Verdict::Deviates {
        return Ok(Exit::CouldNotJudge);
    }
    refuse_unasked(&cells, verdict)?;
    Ok(Exit::of(verdict, outcome.strict))
}

fn asked(outcome: &Outcome) -> Vec<(String, String)> {
    outcome.asked.iter().map(|asked| (asked.session.clone(), asked.golden.clone())).collect()
}

/// The goldens that exist here. Runs without a golden are reported without rows.
fn goldens(config: &Config, outcome: &Outcome) -> BTreeMap<String, (Golden, String)> {
    let store = Store::new(&config.root);
    let read =
        |session: &str| Some((store.golden(session).ok()?, store.golden_path(session).display().to_string()));
    let sessions = outcome.asked.iter().map(|asked| &asked.session);
    sessions.filter_map(|session| Some((session.clone(), read(session)?))).collect()
}
