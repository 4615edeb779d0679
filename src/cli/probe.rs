//! `goldwire probe`: what one session cannot show.

use super::args::{Format, ProbeArgs};
use super::check::{Selected, select};
use super::config::Config;
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::live::{Live, interrupts, runs_folder};
use super::reports::Reports;
use crate::finding::{Cell, ProbeName, Run, Unjudged};
use crate::golden::did_you_mean;
use crate::probe::{Opening, Settings, Subject, probe};
use crate::report::{self, Sheet};
use crate::store::{Store, read_recording, recordings_at};
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
    let probes = named(&args.probes)?;
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "probe")?;
    let store = Store::new(&config.root);
    let subjects = select(&store, &args.session)?
        .into_iter()
        .map(|selected| subject(&store, selected))
        .collect::<Result<Vec<_>, _>>()?;
    let (over_http, subjects): (Vec<_>, Vec<_>) =
        subjects.into_iter().partition(|subject| subject.golden.dialect.is_http());
    for subject in &over_http {
        eprintln!("{}: not asked; probes speak WebSocket, and this session is over HTTP", subject.session);
    }
    if subjects.is_empty() && !over_http.is_empty() {
        return Err(CliError::usage("no session that probes can be asked about")
            .hint("`goldwire check` judges sessions over HTTP"));
    }
    let mut settings = config.probe.clone();
    settings.users = args.users.unwrap_or(settings.users).max(2);
    settings.rounds = args.rounds.unwrap_or(settings.rounds).max(1);
    settings.soak = args.soak.unwrap_or(settings.soak);
    let (cells, interrupted) = ask(config, args, &settings, &probes, &subjects).await?;
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
    match report::probe_verdict(&cells) {
        Some(verdict) => Ok(Exit::of(verdict, false)),
        None => {
            Err(CliError::new(Exit::Nothing, "nothing was asked")
                .hint("each line above says what is missing"))
        }
    }
}

fn named(names: &[String]) -> Result<Vec<ProbeName>, CliError> {
    if names.is_empty() {
        return Ok(ProbeName::ALL.to_vec());
    }
    let of = |name: &String| {
        ProbeName::of(name).ok_or_else(|| {
            let known = ProbeName::ALL.map(ProbeName::name);
            let hint = did_you_mean(name, known).unwrap_or_else(|| format!("one of: {}", known.join(", ")));
            CliError::usage(format!("no probe is called `{name}`")).hint(hint)
        })
    };
    names.iter().map(of).collect()
}

/// A golden with what the recordings behind it say of how sessions begin.
fn subject(store: &Store, selected: Selected) -> Result<Subject, CliError> {
    let folder = store.recordings_folder(&selected.session);
    let mut openings = Vec::new();
    if folder.is_dir() {
        for path in recordings_at(&[folder])? {
            openings.push(Opening::of(&read_recording(&path)?));
        }
    }
    let Selected { session, golden, seen, .. } = selected;
    Ok(Subject { session, golden, seen, openings })
}

async fn ask(
    config: &Config,
    args: &ProbeArgs,
    settings: &Settings,
    probes: &[ProbeName],
    subjects: &[Subject],
) -> Result<(Vec<Cell>, bool), CliError> {
    let mut live = Live::open(config, &args.target, interrupts()).await?;
    let mut cells = Vec::new();
    'all: for &name in probes {
        // Who may come in does not depend on what is said then.
        let subjects = if name == ProbeName::Auth { &subjects[..subjects.len().min(1)] } else { subjects };
        for subject in subjects {
            eprintln!("{} {}", name.name(), subject.session);
            let ground = live.ground(runs_folder(&config.root), settings);
            let mut asked = probe(name, &ground, subject).await;
            if let Some(died) = live.server_died() {
                let unjudged = Unjudged { cause: died.message.clone(), hint: died.hint.clone() };
                for run in asked.iter_mut().flat_map(|cell| &mut cell.runs) {
                    *run = Run { findings: Vec::new(), unjudged: Some(unjudged.clone()), ..run.clone() };
                }
                cells.extend(asked);
                break 'all;
            }
            cells.extend(asked);
            if live.is_interrupted() {
                break 'all;
            }
        }
    }
    let interrupted = live.is_interrupted();
    live.close().await;
    Ok((cells, interrupted))
}
