//! `goldwire probe`: what one session cannot show.

use super::args::{Format, ProbeArgs};
use super::check::{Selected, select};
use super::config::Config;
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::live::{Live, interrupts, runs_folder};
use super::reports::Reports;
use super::reports::talk;
use crate::finding::{Cell, ProbeName, Run, Unjudged};
use crate::golden::did_you_mean;
use crate::probe::{Kept, Opening, Settings, Subject, probe};
use crate::report::{self, Sheet};
use crate::store::{Store, read_recording, recordings_at};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

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
    let mut probes = named(&args.probes)?;
    if probes.is_empty() {
        probes = ProbeName::ALL.to_vec();
    }
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "probe")?;
    let store = Store::new(&config.root);
    let selected = select(&store, &args.session)?;
    let questions = questions(&store, &runs_folder(&config.root), &probes, &selected, false)?;
    if questions.is_empty() {
        return Err(CliError::usage("no session that probes can be asked about")
            .hint("`goldwire check` judges sessions over HTTP"));
    }
    let mut settings = config.probe.clone();
    settings.users = args.users.unwrap_or(settings.users).max(2);
    settings.rounds = args.rounds.unwrap_or(settings.rounds).max(1);
    settings.soak = args.soak.unwrap_or(settings.soak);
    settings.cuts = args.cuts.unwrap_or(settings.cuts).max(1);
    let mut live = Live::open(config, &args.target, interrupts()).await?;
    let cells = ask(&mut live, runs_folder(&config.root), &settings, &questions).await;
    let interrupted = live.is_interrupted();
    live.close().await;
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

/// The probes of these names.
pub(super) fn named(names: &[String]) -> Result<Vec<ProbeName>, CliError> {
    let of = |name: &String| {
        ProbeName::of(name).ok_or_else(|| {
            let known = ProbeName::ALL.map(ProbeName::name);
            let hint = did_you_mean(name, known).unwrap_or_else(|| format!("one of: {}", known.join(", ")));
            CliError::usage(format!("no probe is called `{name}`")).hint(hint)
        })
    };
    names.iter().map(of).collect()
}

/// A probe with the sessions that it is asked of.
pub(super) struct Question {
    pub(super) probe: ProbeName,
    pub(super) subjects: Vec<Rc<Subject>>,
}

/// What is to be asked of what: `probes` of all sessions; with `own`, the probes that a golden names of its session, too.
pub(super) fn questions(
    store: &Store,
    earlier: &Path,
    probes: &[ProbeName],
    selected: &[Selected],
    own: bool,
) -> Result<Vec<Question>, CliError> {
    let (over_http, selected): (Vec<&Selected>, Vec<&Selected>) =
        selected.iter().partition(|one| one.golden.dialect.is_http());
    for one in over_http.iter().filter(|one| !probes.is_empty() || (own && !one.golden.probes.is_empty())) {
        talk!("{}: not asked; probes speak WebSocket, and this session is over HTTP", one.session);
    }
    let mut known: BTreeMap<&str, Rc<Subject>> = BTreeMap::new();
    let mut questions = Vec::new();
    for probe in ProbeName::ALL {
        let mut subjects = Vec::new();
        for (index, one) in selected.iter().enumerate() {
            // Who may come in does not depend on what is said then.
            let is_named = probes.contains(&probe) && (probe != ProbeName::Auth || index == 0);
            let is_its_own = own && one.golden.probes.contains(&probe);
            if !is_named && !is_its_own {
                continue;
            }
            let subject = match known.get(one.session.as_str()) {
                Some(subject) => Rc::clone(subject),
                None => Rc::new(subject(store, earlier, one)?),
            };
            known.insert(&one.session, Rc::clone(&subject));
            subjects.push(subject);
        }
        if !subjects.is_empty() {
            questions.push(Question { probe, subjects });
        }
    }
    Ok(questions)
}

/// Ids must be new over all that is kept: recordings, and so many sessions of earlier checks and probes, the newest ones.
const EARLIER: usize = 500;

/// A golden with what is kept of its session. `earlier` is where checks keep their recordings.
fn subject(store: &Store, earlier: &Path, selected: &Selected) -> Result<Subject, CliError> {
    let Selected { session, golden, seen, .. } = selected;
    let folder = store.recordings_folder(session);
    let (mut openings, mut kept) = (Vec::new(), Vec::new());
    if folder.is_dir() {
        for path in recordings_at(&[folder])? {
            let transcript = read_recording(&path)?;
            openings.push(Opening::of(&transcript));
            kept.push(Kept::of(golden, transcript));
        }
    }
    let earlier = earlier.join(session);
    if earlier.is_dir() {
        // Their names begin with the time. What a killed check left behind in part proves nothing and stops nothing.
        let paths = recordings_at(&[earlier])?;
        let newest = paths.iter().skip(paths.len().saturating_sub(EARLIER));
        kept.extend(newest.filter_map(|path| Some(Kept::of(golden, read_recording(path).ok()?))));
    }
    Ok(Subject { session: session.clone(), golden: golden.clone(), seen: seen.clone(), openings, kept })
}

/// Asks, until somebody wants to stop or the server is gone.
pub(super) async fn ask(
    live: &mut Live,
    folder: PathBuf,
    settings: &Settings,
    questions: &[Question],
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for Question { probe: name, subjects } in questions {
        for subject in subjects {
            if live.is_interrupted() {
                return cells;
            }
            talk!("{} {}", name.name(), subject.session);
            let ground = live.ground(folder.clone(), settings);
            let mut asked = probe(*name, &ground, subject).await;
            if let Some(died) = live.server_died() {
                let unjudged = Unjudged { cause: died.message.clone(), hint: died.hint.clone() };
                for run in asked.iter_mut().flat_map(|cell| &mut cell.runs) {
                    *run = Run { findings: Vec::new(), unjudged: Some(unjudged.clone()), ..run.clone() };
                }
                cells.extend(asked);
                return cells;
            }
            cells.extend(asked);
        }
    }
    cells
}
