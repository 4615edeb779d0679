//! `goldwire probe`: questions that one session cannot answer.

use super::args::{Format, ProbeArgs};
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::interrupt::interrupts;
use super::progress::observer;
use super::reports::Reports;
use goldwire_core::finding::probe_verdict;
use goldwire_core::report::{self, Sheet};
use goldwire_runner::runner::{self, Config, ProbeRun};
use goldwire_runner::store::Store;
use std::io::Write;

pub(super) async fn run(config: &Config, args: ProbeArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let mut reports = Reports::begin(&args.reports, "probe", ("goldwire_probes", "cells"))?;
    let result = probed(config, &args, &mut reports, out).await;
    if let Err(error) = &result {
        reports.fail(error);
    }
    result
}

async fn probed(
    config: &Config,
    args: &ProbeArgs,
    reports: &mut Reports,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let options = args.options()?;
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "probe")?;
    let run = Box::pin(runner::probe(config, &options, interrupts(), &observer())).await?;
    let ProbeRun { cells, interrupted } = run;
    let store = Store::new(&config.root);
    let golden = |session: &str| store.golden_path(session).display().to_string();
    let sheet = Sheet::of_probe(&cells, interrupted, golden);
    reports.end(&sheet, |file| report::probe_json(file, &cells, interrupted))?;
    page.probes(&cells, interrupted, &store)?;
    match args.format {
        Format::Json => report::probe_json(out, &cells, interrupted)?,
        Format::Text => report::probe_text(out, &cells)?,
    }
    if interrupted {
        return Ok(Exit::Interrupted);
    }
    match probe_verdict(&cells) {
        Some(verdict) => Ok(Exit::of(verdict, false)),
        None => {
            Err(CliError::new(Exit::Nothing, "no question was asked").hint("each line above has the reason"))
        }
    }
}
