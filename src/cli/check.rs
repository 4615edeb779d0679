//! `goldwire check`: checks a live build, or recordings, against goldens.

use super::args::{CheckArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::interrupt::interrupts;
use super::progress::observer;
use super::reports::{Reports, layout};
use goldwire_core::report::{self, Sheet};
use goldwire_runner::runner::{self, Config, Update};
use goldwire_runner::store::Store;
use std::io::Write;
use tokio::sync::watch;

pub(super) async fn run(config: &Config, args: CheckArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let interrupt = interrupts();
    let mut reports = Reports::begin(&args.reports, "check", ("goldwire_report", "runs"))?;
    let result = checked(config, &args, &mut reports, interrupt, out).await;
    if let Err(error) = &result {
        reports.fail(error);
    }
    result
}

async fn checked(
    config: &Config,
    args: &CheckArgs,
    reports: &mut Reports,
    interrupt: watch::Receiver<bool>,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "check")?;
    let (options, observer) = (args.options()?, observer());
    let update = Update::of(config, &options.update, &observer)?;
    update.begin(&options.sessions)?;
    let run = Box::pin(runner::check(config, &options, interrupt, &observer)).await?;
    let (outcome, cells, asked) = (&run.outcome, &run.cells, run.asked());
    let sheet = Sheet::of_check(outcome, &asked, args.strict).with_probes(outcome, cells, |session| {
        asked.iter().find(|(asked, _)| asked == session).map_or_else(String::new, |(_, path)| path.clone())
    });
    reports.end(&sheet, |file| report::json_with_probes(file, outcome, cells))?;
    page.check(outcome, |one| run.shown(one))?;
    if !cells.is_empty() {
        page.probes_beside(cells, outcome.interrupted, &Store::new(&config.root))?;
    }
    match args.format {
        Format::Json => report::json_with_probes(out, outcome, cells)?,
        Format::Text => {
            report::text(out, outcome, layout(args.verbose), |one| run.shown(one))?;
            report::probe_text(out, cells)?;
        }
    }
    if outcome.interrupted {
        return Ok(Exit::Interrupted);
    }
    update.end(outcome)?;
    Ok(Exit::of(run.verdict()?, args.strict))
}
