//! `goldwire compare`: two releases live, in turn, and what the candidate does differently.

use super::args::{CompareArgs, Format, TargetArgs};
use super::check::{Judged, Selected, play, select};
use super::config::Config;
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::live::{Live, interrupts, runs_folder};
use super::reports::Reports;
use super::reports::talk;
use crate::compare::{Comparison, Played, Release, compare};
use crate::diff::rows;
use crate::finding::Unjudged;
use crate::report::{Compared, Sheet, comparison_json, comparison_text};
use crate::store::{Store, read_recording};
use std::io::Write;
use std::path::Path;
use tokio::sync::watch;

/// Below this even the flips that are drawn could not tell.
const LEAST_ALPHA: f64 = 0.0003;

pub(super) async fn run(config: &Config, args: CompareArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    let mut reports = Reports::begin(&args.reports, "compare", ("goldwire_comparison", "differences"))?;
    let result = compared(config, args, &mut reports, out).await;
    if let Err(error) = &result {
        reports.fail(error);
    }
    result
}

async fn compared(
    config: &Config,
    args: CompareArgs,
    reports: &mut Reports,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    if args.pairs == 0 {
        return Err(CliError::usage("no pair of runs compares nothing").hint("--pairs 12"));
    }
    if !(LEAST_ALPHA..=0.5).contains(&args.alpha) {
        let message = format!("--alpha {} is not a chance that can be held", args.alpha);
        return Err(CliError::usage(message).hint(format!("from {LEAST_ALPHA} to 0.5, e.g. 0.001")));
    }
    if args.target.url.is_some() {
        return Err(CliError::usage("--url says where one release listens, and two are compared")
            .hint("--baseline URL --candidate URL"));
    }
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "compare")?;
    let selected = select(&Store::new(&config.root), &args.sessions)?;
    let users = args.users.unwrap_or(config.users).max(1);
    let interrupt = interrupts();
    let baseline = open(config, &args.baseline, Release::Baseline, &args.target, &interrupt).await?;
    let candidate = match open(config, &args.candidate, Release::Candidate, &args.target, &interrupt).await {
        Ok(live) => live,
        Err(error) => {
            baseline.close().await;
            return Err(error);
        }
    };
    let mut pairs = Pairs { releases: [baseline, candidate], urls: Default::default(), played: Vec::new() };
    for one in &selected {
        let folder = runs_folder(&config.root).join(&one.session);
        if !pairs.play(one, args.pairs, users, &folder).await {
            break;
        }
    }
    let mut comparison = compare(&pairs.played, args.alpha);
    comparison.interrupted = *interrupt.borrow();
    let [baseline, candidate] = pairs.urls;
    let compared = Compared {
        baseline: baseline.unwrap_or(args.baseline),
        candidate: candidate.unwrap_or(args.candidate),
        sessions: selected.iter().map(|one| one.session.clone()).collect(),
        users,
    };
    for live in pairs.releases {
        live.close().await;
    }
    page.comparison(&compared, &comparison, &pairs.played, &selected)?;
    let golden = |session: &str| {
        selected.iter().find(|one| one.session == session).map_or(String::new(), |one| one.path.clone())
    };
    let sheet = Sheet::of_comparison(&compared, &comparison, golden);
    reports.end(&sheet, |file| comparison_json(file, &compared, &comparison))?;
    report(&selected, &compared, &comparison, args.format, out)?;
    if comparison.interrupted {
        return Ok(Exit::Interrupted);
    }
    Ok(Exit::of(comparison.verdict(), false))
}

/// A release is a URL, reached as the target says, or a target by itself.
async fn open(
    config: &Config,
    place: &str,
    release: Release,
    args: &TargetArgs,
    interrupt: &watch::Receiver<bool>,
) -> Result<Live, CliError> {
    let (mut config, mut args) = (config.clone(), args.clone());
    if place.contains("://") {
        args.url = Some(place.to_owned());
    } else {
        args.target = Some(place.to_owned());
        if let Some(server) = config.targets.get_mut(place).and_then(|target| target.server.as_mut()) {
            let log = runs_folder(&config.root).join(format!("server-{}.log", release.name()));
            server.log.get_or_insert(log);
        }
    }
    Live::open(&config, &args, interrupt.clone())
        .await
        .map_err(|error| CliError { message: format!("the {}: {}", release.name(), error.message), ..error })
}

/// Both releases and what was seen of them.
struct Pairs {
    releases: [Live; 2],
    urls: [Option<String>; 2],
    played: Vec<Played>,
}

impl Pairs {
    /// All pairs of a session; false when it makes no sense to go on.
    async fn play(&mut self, one: &Selected, pairs: usize, users: u32, folder: &Path) -> bool {
        for pair in 0..pairs {
            talk!("{}: pair {} of {pairs}", one.session, pair + 1);
            for release in Release::order(pair) {
                let live = &mut self.releases[release as usize];
                let round = u32::try_from(pair + 1).unwrap_or(u32::MAX);
                let mut judged = play(live, one, users, round, folder, || {}).await;
                // A run that was cut off says nothing about its release.
                if live.is_interrupted() {
                    return false;
                }
                if let Some(died) = live.server_died() {
                    for judged in &mut judged {
                        judged.run.findings.clear();
                        judged.run.unjudged =
                            Some(Unjudged { cause: died.message.clone(), hint: died.hint.clone() });
                    }
                }
                let is_judged = judged.iter().all(|judged| judged.run.unjudged.is_none());
                for judged in judged {
                    self.keep(release, pair, judged);
                }
                if !is_judged {
                    return false;
                }
            }
        }
        true
    }

    fn keep(&mut self, release: Release, pair: usize, judged: Judged) {
        let Judged { mut run, transcript, gaps, .. } = judged;
        if let Some(transcript) = transcript {
            self.urls[release as usize].get_or_insert(transcript.header.url);
        }
        // Beside the recordings of checks, and told apart from them by their names.
        if let Some(stem) = run.recording.strip_suffix(".jsonl") {
            let named = format!("{stem}-{}.jsonl", release.name());
            match std::fs::rename(&run.recording, &named) {
                Ok(()) => run.recording = named,
                Err(error) => talk!("{}: keeps its name: {error}", run.recording),
            }
        }
        self.played.push(Played { release, pair, run, gaps });
    }
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
            // A report is no less true without its picture.
            let transcript = read_recording(Path::new(&difference.recording)).ok()?;
            Some(rows(golden, &transcript, std::slice::from_ref(&difference.finding)))
        })?,
    }
    Ok(())
}
