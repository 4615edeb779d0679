//! `goldwire compare`: plays two live releases alternately and reports their differences.

use super::args::{CompareArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::interrupt::interrupts;
use super::progress::observer;
use super::reports::Reports;
use goldwire_core::compare::Comparison;
use goldwire_core::diff::rows;
use goldwire_core::report::{Compared, Sheet, comparison_json, comparison_text};
use goldwire_runner::runner::{self, CompareRun, Config, Selected};
use goldwire_runner::store::read_recording;
use std::io::Write;
use std::path::Path;

pub(super) async fn run(config: &Config, args: CompareArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let mut reports = Reports::begin(&args.reports, "compare", ("goldwire_comparison", "differences"))?;
    let result = compared(config, &args, &mut reports, out).await;
    if let Err(error) = &result {
        reports.fail(error);
    }
    result
}

async fn compared(
    config: &Config,
    args: &CompareArgs,
    reports: &mut Reports,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let options = args.options()?;
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "compare")?;
    let run = Box::pin(runner::compare(config, &options, interrupts(), &observer())).await?;
    let CompareRun { compared, comparison, played, selected } = &run;
    page.comparison(compared, comparison, played, selected)?;
    let golden = |session: &str| {
        selected.iter().find(|one| one.session == session).map_or(String::new(), |one| one.path.clone())
    };
    let sheet = Sheet::of_comparison(compared, comparison, golden);
    reports.end(&sheet, |file| comparison_json(file, compared, comparison))?;
    report(selected, compared, comparison, args.format, out)?;
    if comparison.interrupted {
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::of(comparison.verdict(), false))
}

fn report(
    selected: &[Selected],
    compared: &Compared,
    comparison: &Comparison,
    format: Format,
    out: &mut impl Write,
) -> Result<(), CliError> {
    match format {
        Format::Json => comparison_json(out, compared, comparison)?,
        Format::Text => comparison_text(out, compared, comparison, |difference| {
            let golden = &selected.iter().find(|one| one.session == difference.session)?.golden;
            // The rows are optional: the report is complete without them.
            let transcript = read_recording(Path::new(&difference.recording)).ok()?;
            Some(rows(golden, &transcript, std::slice::from_ref(&difference.finding)))
        })?,
    }
    Ok(())
}
