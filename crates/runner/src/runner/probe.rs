//! Selects the probes of sessions and runs them.

use super::config::Config;
use super::error::Error;
use super::options::ProbeOptions;
use super::progress::{Observer, Progress};
use super::selection::{Selected, select};
use super::target::{RunningTarget, runs_folder, unjudge};
use crate::probe::{Kept, Opening, ProbeContext, ProbedSession, Settings};
use crate::store::{Store, read_recording, recordings_at};
use goldwire_core::finding::{ProbeName, ProbeResult};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::sync::watch;

/// The result of probes.
pub struct ProbeRun {
    /// The answers, in the order of the questions.
    pub cells: Vec<ProbeResult>,
    /// Whether the probes were interrupted.
    pub interrupted: bool,
}

/// Runs probes until `interrupt` becomes true.
///
/// # Errors
/// If the options are invalid, or there is no server.
pub async fn probe(
    config: &Config,
    options: &ProbeOptions,
    interrupt: watch::Receiver<bool>,
    observer: &Observer,
) -> Result<ProbeRun, Error> {
    let store = Store::new(&config.root);
    let folder = runs_folder(&config.root);
    let selected = select(&store, &options.sessions)?;
    let all = ProbeName::ALL;
    let probes = if options.probes.is_empty() { &all[..] } else { &options.probes };
    let questions = questions(&store, &folder, probes, &selected, false, observer)?;
    if questions.is_empty() {
        return Err(Error::unusable("there is no session for probes")
            .hint("`goldwire check` judges sessions over HTTP"));
    }
    let mut settings = config.probe.clone();
    settings.users = options.users.unwrap_or(settings.users).max(2);
    settings.rounds = options.rounds.unwrap_or(settings.rounds).max(1);
    settings.soak = options.soak.unwrap_or(settings.soak);
    settings.cuts = options.cuts.unwrap_or(settings.cuts).max(1);
    let mut target = RunningTarget::open(config, &options.target, interrupt, observer).await?;
    let cells = ask(&mut target, folder, &settings, &questions, observer).await;
    let interrupted = target.is_interrupted();
    target.close().await;
    Ok(ProbeRun { cells, interrupted })
}

/// A probe with the sessions that it is asked of.
pub(super) struct Question {
    pub(super) probe: ProbeName,
    pub(super) subjects: Vec<Rc<ProbedSession>>,
}

/// The questions: `probes` of all sessions; with `own`, also the probes that a golden names.
pub(super) fn questions(
    store: &Store,
    earlier: &Path,
    probes: &[ProbeName],
    selected: &[Selected],
    own: bool,
    observer: &Observer,
) -> Result<Vec<Question>, Error> {
    let (over_http, selected): (Vec<&Selected>, Vec<&Selected>) =
        selected.iter().partition(|one| one.golden.dialect.is_http());
    for one in over_http.iter().filter(|one| !probes.is_empty() || (own && !one.golden.probes.is_empty())) {
        observer.tell(&Progress::ProbesSkippedOverHttp { session: one.session.clone() });
    }
    let mut known: BTreeMap<&str, Rc<ProbedSession>> = BTreeMap::new();
    let mut questions = Vec::new();
    for probe in ProbeName::ALL {
        let mut subjects = Vec::new();
        for (index, one) in selected.iter().enumerate() {
            // Authentication does not depend on the session, so the auth probe runs for the first one only.
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
fn subject(store: &Store, earlier: &Path, selected: &Selected) -> Result<ProbedSession, Error> {
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
    Ok(ProbedSession { session: session.clone(), golden: golden.clone(), seen: seen.clone(), openings, kept })
}

/// Asks all questions, until an interrupt or until the server has ended.
pub(super) async fn ask(
    target: &mut RunningTarget,
    folder: PathBuf,
    settings: &Settings,
    questions: &[Question],
    observer: &Observer,
) -> Vec<ProbeResult> {
    let mut cells = Vec::new();
    for Question { probe: name, subjects } in questions {
        for subject in subjects {
            if target.is_interrupted() {
                return cells;
            }
            observer.tell(&Progress::ProbeStarted { probe: *name, session: subject.session.clone() });
            let context = ProbeContext::new(target.sessions(), folder.clone(), settings);
            let mut asked = crate::probe::probe(*name, &context, subject).await;
            if let Some(died) = target.server_died() {
                unjudge(&died, asked.iter_mut().flat_map(|cell| &mut cell.runs));
                cells.extend(asked);
                return cells;
            }
            cells.extend(asked);
        }
    }
    cells
}
