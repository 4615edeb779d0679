//! Comparisons of two live releases that run alternately.

use super::check::play;
use super::config::Config;
use super::error::Error;
use super::judge::JudgedRun;
use super::options::{CompareOptions, TargetOptions};
use super::progress::{Observer, Progress};
use super::selection::{Selected, select};
use super::target::{RunningTarget, runs_folder, unjudge};
use crate::store::Store;
use goldwire_core::compare::{Comparison, Played, Release};
use goldwire_core::report::Compared;
use std::path::Path;
use tokio::sync::watch;

/// The result of a comparison.
pub struct CompareRun {
    /// The subject of the comparison.
    pub compared: Compared,
    /// The differences.
    pub comparison: Comparison,
    /// All runs of both releases.
    pub played: Vec<Played>,
    /// The goldens that were played against both releases.
    pub selected: Vec<Selected>,
}

/// Compares two releases until `interrupt` becomes true.
///
/// # Errors
/// If a release cannot be reached with these options.
pub async fn compare(
    config: &Config,
    options: &CompareOptions,
    interrupt: watch::Receiver<bool>,
    observer: &Observer,
) -> Result<CompareRun, Error> {
    let selected = select(&Store::new(&config.root), &options.sessions)?;
    let users = options.users.unwrap_or(config.users).max(1);
    let target = &options.target;
    let baseline = open(config, &options.baseline, Release::Baseline, target, &interrupt, observer).await?;
    let candidate =
        match open(config, &options.candidate, Release::Candidate, target, &interrupt, observer).await {
            Ok(candidate) => candidate,
            Err(error) => {
                baseline.close().await;
                return Err(error);
            }
        };
    let mut pairs = Pairs {
        releases: [baseline, candidate],
        urls: Default::default(),
        played: Vec::new(),
        observer: observer.clone(),
    };
    for one in &selected {
        let folder = runs_folder(&config.root).join(&one.session);
        if !pairs.play(one, options.pairs, users, &folder).await {
            break;
        }
    }
    let mut comparison = goldwire_core::compare::compare(&pairs.played, options.alpha);
    comparison.interrupted = *interrupt.borrow();
    let [baseline, candidate] = pairs.urls;
    let compared = Compared {
        baseline: baseline.unwrap_or_else(|| options.baseline.clone()),
        candidate: candidate.unwrap_or_else(|| options.candidate.clone()),
        sessions: selected.iter().map(|one| one.session.clone()).collect(),
        users,
    };
    for target in pairs.releases {
        target.close().await;
    }
    Ok(CompareRun { compared, comparison, played: pairs.played, selected })
}

/// A release is a URL, reached as the target says, or a target by itself.
async fn open(
    config: &Config,
    place: &str,
    release: Release,
    target: &TargetOptions,
    interrupt: &watch::Receiver<bool>,
    observer: &Observer,
) -> Result<RunningTarget, Error> {
    let (mut config, mut options) = (config.clone(), target.clone());
    if place.contains("://") {
        options.url = Some(place.to_owned());
    } else {
        options.target = Some(place.to_owned());
        if let Some(server) = config.targets.get_mut(place).and_then(|target| target.server.as_mut()) {
            let log = runs_folder(&config.root).join(format!("server-{}.log", release.name()));
            server.log.get_or_insert(log);
        }
    }
    RunningTarget::open(&config, &options, interrupt.clone(), observer)
        .await
        .map_err(|error| Error { cause: format!("the {}: {}", release.name(), error.cause), ..error })
}

/// Both releases and what was seen of them.
struct Pairs {
    releases: [RunningTarget; 2],
    urls: [Option<String>; 2],
    played: Vec<Played>,
    observer: Observer,
}

impl Pairs {
    /// All pairs of a session; false when it makes no sense to go on.
    async fn play(&mut self, one: &Selected, pairs: usize, users: u32, folder: &Path) -> bool {
        for pair in 0..pairs {
            let session = one.session.clone();
            self.observer.tell(&Progress::PairStarted { session, pair: pair + 1, pairs });
            for release in Release::order(pair) {
                let target = &mut self.releases[release as usize];
                let round = u32::try_from(pair + 1).unwrap_or(u32::MAX);
                let mut judged = play(target, one, users, round, folder).await;
                // A run that was cut off says nothing about its release.
                if target.is_interrupted() {
                    return false;
                }
                if let Some(died) = target.server_died() {
                    unjudge(&died, judged.iter_mut().map(|judged| &mut judged.run));
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

    fn keep(&mut self, release: Release, pair: usize, judged: JudgedRun) {
        let JudgedRun { mut run, transcript, gaps, .. } = judged;
        if let Some(transcript) = transcript {
            self.urls[release as usize].get_or_insert(transcript.header.url);
        }
        // Beside the recordings of checks, and told apart from them by their names.
        if let Some(stem) = run.recording.strip_suffix(".jsonl") {
            let named = format!("{stem}-{}.jsonl", release.name());
            match std::fs::rename(&run.recording, &named) {
                Ok(()) => run.recording = named,
                Err(error) => {
                    self.observer.tell(&Progress::note(format!("{}: not renamed: {error}", run.recording)))
                }
            }
        }
        self.played.push(Played { release, pair, run, gaps });
    }
}
