//! Checks of a live build or of recordings against goldens.

use super::config::Config;
use super::error::{Error, ErrorKind};
use super::judge::{JudgedRun, add, judge, judge_file, judge_time, liveness, tell_unknown};
use super::options::CheckOptions;
use super::probe::{Question, ask, questions};
use super::progress::{Observer, Progress};
use super::selection::{Selected, load, names, share};
use super::target::{RunningTarget, runs_folder, unjudge};
use super::time::{ProfileUse, Timekeeper, classes};
use crate::store::{Store, open_recording, recordings_at};
use goldwire_core::check::{Baseline, Crowd, Timed, judge_rounds, needs_more_rounds, told};
use goldwire_core::finding::verdict_with_probes;
use goldwire_core::finding::{
    Asked, Finding, Outcome, Part, ProbeResult, Run, Severity, Unjudged, Verdict, confirm, is_settled,
    needs_another_round,
};
use goldwire_core::golden::LiveItem;
use goldwire_core::report::Shown;
use goldwire_core::transcript::Transcript;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// The result of a check.
pub struct CheckRun {
    /// Every run with its findings.
    pub outcome: Outcome,
    /// The results of probes, if any.
    pub cells: Vec<ProbeResult>,
    /// The goldens that were checked.
    pub selected: Vec<Selected>,
    /// Transcripts by the path of their recording.
    transcripts: BTreeMap<String, Transcript>,
    /// Recordings that end before their session does.
    torn: Vec<String>,
}

impl CheckRun {
    /// The golden and the transcript of a run, if both are known.
    pub fn shown(&self, run: &Run) -> Option<Shown<'_>> {
        let selected = self.selected.iter().find(|selected| selected.session == run.session)?;
        let transcript = self.transcripts.get(&run.recording)?;
        Some(Shown { golden: &selected.golden, golden_path: &selected.path, transcript })
    }

    /// Each requested session, with the path of its golden.
    pub fn asked(&self) -> Vec<(String, String)> {
        self.outcome.asked.iter().map(|asked| (asked.session.clone(), asked.golden.clone())).collect()
    }

    /// The verdict over all runs and probes.
    ///
    /// # Errors
    /// If something could not be judged: an incomplete recording, or a probe without questions.
    pub fn verdict(&self) -> Result<Verdict, Error> {
        if !self.torn.is_empty() && self.outcome.verdict() != Verdict::Deviates {
            return Err(Error::unusable(self.torn.join("\nerror: "))
                .hint("a crash or a full disk cut it off; its frames were judged, but not its end"));
        }
        let verdict = verdict_with_probes(&self.outcome, &self.cells);
        refuse_unasked(&self.cells, verdict)?;
        Ok(verdict)
    }
}

/// Checks until `interrupt` becomes true.
///
/// # Errors
/// If the options are invalid, or there is no server to judge. Errors in a session are part of its run.
pub async fn check(
    config: &Config,
    options: &CheckOptions,
    interrupt: watch::Receiver<bool>,
    observer: &Observer,
) -> Result<CheckRun, Error> {
    let store = Store::new(&config.root);
    let profile = options.profile.unwrap_or_else(ProfileUse::usual);
    let mut times = Timekeeper::new(config, options.time, profile);
    let mut part = None;
    let (LiveResult { mut judged, cells, interrupted }, selected) = if options.offline.is_empty() {
        let mut sessions = names(&store, &options.sessions)?;
        part = options.shard.map(|shard| share(shard, &mut sessions));
        let selected = load(&store, sessions)?;
        let folder = runs_folder(&config.root);
        let questions = questions(&store, &folder, &options.probes, &selected, true, observer)?;
        // Without a question, the server is not started.
        let result = match selected.is_empty() {
            true => LiveResult::default(),
            false => live(config, options, &selected, &questions, &mut times, interrupt, observer).await?,
        };
        (result, selected)
    } else {
        let (judged, selected) = offline(&store, options, &mut times, &mut part, observer)?;
        (LiveResult { judged, ..LiveResult::default() }, selected)
    };
    let transcripts: BTreeMap<String, Transcript> = judged
        .iter_mut()
        .filter_map(|judged| Some((judged.run.recording.clone(), judged.transcript.take()?)))
        .collect();
    let torn: Vec<String> = judged
        .iter()
        .filter_map(|one| {
            let detail = one.torn.as_ref()?;
            Some(format!("{}: the recording is incomplete: {detail}", one.run.recording))
        })
        .collect();
    let asked = selected.iter().map(|one| Asked {
        session: one.session.clone(),
        golden: one.path.clone(),
        unnamed: one.golden.unnamed().map(str::to_owned),
    });
    let asked = asked.collect();
    let outcome = Outcome {
        runs: judged.into_iter().map(|judged| judged.run).collect(),
        interrupted,
        asked,
        times: times.reports,
        strict: options.strict,
        part,
        unfinished: None,
    };
    Ok(CheckRun { outcome, cells, selected, transcripts, torn })
}

/// Refuses a passing check in which a probe could ask nothing.
///
/// # Errors
/// If the check would pass.
pub fn refuse_unasked(cells: &[ProbeResult], verdict: Verdict) -> Result<(), Error> {
    let unasked = unasked(cells);
    if !unasked.is_empty() && matches!(verdict, Verdict::Conforms | Verdict::Drift) {
        return Err(Error::new(
            ErrorKind::NothingSelected,
            format!("no question was asked by {}", unasked.join(", ")),
        )
        .hint("each line above has the reason"));
    }
    Ok(())
}

/// Probes that could ask nothing at all of a session.
fn unasked(cells: &[ProbeResult]) -> Vec<String> {
    let name = |cell: &ProbeResult| format!("{} {}", cell.probe.name(), cell.session);
    let mut names: Vec<String> = cells.iter().map(name).collect();
    names.dedup();
    names.retain(|own| cells.iter().all(|cell| name(cell) != *own || cell.not_asked.is_some()));
    names
}

/// The result of a check against a live server.
#[derive(Default)]
struct LiveResult {
    judged: Vec<JudgedRun>,
    /// The results of probes.
    cells: Vec<ProbeResult>,
    interrupted: bool,
}

async fn live(
    config: &Config,
    options: &CheckOptions,
    selected: &[Selected],
    questions: &[Question],
    times: &mut Timekeeper,
    interrupt: watch::Receiver<bool>,
    observer: &Observer,
) -> Result<LiveResult, Error> {
    let mut target = RunningTarget::open(config, &options.target, interrupt, observer).await?;
    let users = options.users.unwrap_or(config.users).max(1);
    let hosts = BTreeSet::from([target.host_class(users).class]);
    times.expect(selected);
    let mut all = Vec::new();
    for one in selected {
        let baseline = match times.baseline(one, &hosts) {
            Ok(baseline) => baseline,
            Err(error) => {
                target.close().await;
                return Err(error);
            }
        };
        let folder = runs_folder(&config.root).join(&one.session);
        let mut rounds: Vec<Vec<JudgedRun>> = Vec::new();
        let mut asked = options.rounds.max(1);
        while u32::try_from(rounds.len()).unwrap_or(u32::MAX) < asked && !target.is_interrupted() {
            let number = u32::try_from(rounds.len() + 1).unwrap_or(u32::MAX);
            let mut round = play_round(&target, one, users, number, &folder).await;
            if let Some(died) = target.server_died() {
                unjudge(&died, round.iter_mut().map(|judged| &mut judged.run));
                all.extend(rounds.into_iter().flatten());
                all.extend(round);
                target.close().await;
                return Ok(LiveResult { judged: all, cells: Vec::new(), interrupted: false });
            }
            let before: Vec<&JudgedRun> = rounds.iter().flatten().collect();
            liveness(one, &mut round, &before);
            rounds.push(round);
            let runs: Vec<Vec<Run>> =
                rounds.iter().map(|round| round.iter().map(|j| j.run.clone()).collect()).collect();
            let last = u32::try_from(rounds.len()).unwrap_or(u32::MAX) == asked;
            if last && asked == 1 && asks_for_ids(one, &runs[0]) {
                observer.tell(&Progress::RepeatedForIds { session: one.session.clone() });
                asked += 1;
                continue;
            }
            if last && options.rounds <= 1 && needs_another_look(&baseline, &rounds, &runs, options.confirm) {
                observer.tell(&Progress::RepeatedForDoubt { session: one.session.clone() });
                asked += 1;
            }
        }
        tell_unknown(one, rounds.iter().flatten(), observer);
        let settled = settle(&baseline, rounds, observer);
        let judged: Vec<&JudgedRun> = settled.iter().filter(|judged| judged.run.unjudged.is_none()).collect();
        let gaps: Vec<Timed<'_>> = judged.iter().map(|judged| judged.timed()).collect();
        times.note(one, &baseline, &gaps);
        // A run that deviates, or that could not be judged, is not used to judge others.
        if judged.len() == settled.len() && judged.iter().all(|judged| judged.run.findings.is_empty()) {
            times.learn(one, &judged)?;
        }
        all.extend(settled);
        if target.is_interrupted() {
            break;
        }
    }
    let cells = ask(&mut target, runs_folder(&config.root), &config.probe, questions, observer).await;
    let interrupted = target.is_interrupted();
    target.close().await;
    Ok(LiveResult { judged: all, cells, interrupted })
}

/// Whether a second round is due although nothing deviates: a server that plays its own first answers shows it only then.
fn asks_for_ids(selected: &Selected, runs: &[Run]) -> bool {
    let is_settled = |run: &Run| {
        let deviates =
            |finding: &Finding| finding.severity == Severity::Deviation && finding.kind.family() != "timing";
        run.unjudged.is_some() || run.findings.iter().any(deviates)
    };
    selected.golden.require_live.contains(&LiveItem::Ids) && !runs.iter().any(is_settled)
}

/// Whether the rounds leave a doubt that another one could settle, and nothing is sure without it.
fn needs_another_look(
    baseline: &Baseline<'_>,
    rounds: &[Vec<JudgedRun>],
    runs: &[Vec<Run>],
    confirm: u32,
) -> bool {
    let confirm = confirm as usize;
    let recordings = recordings_that_tell(baseline, rounds);
    let is_doubtful = needs_another_round(runs, confirm, &recordings);
    !is_settled(runs) && (is_doubtful || needs_more_rounds(baseline, &timed(rounds), confirm))
}

/// The number of recordings that could have shown a finding; none if they cannot show it because they had fewer
/// users.
fn recordings_that_tell(
    baseline: &Baseline<'_>,
    rounds: &[Vec<JudgedRun>],
) -> impl Fn(&Finding) -> Option<u32> {
    let golden = baseline.golden();
    let host = rounds.iter().flatten().find_map(|judged| judged.header().host.as_ref());
    let is_crowded = Crowd::beyond(golden, host).is_some();
    move |finding| (!(is_crowded && Crowd::explains(finding))).then(|| told(golden, finding))
}

/// Weighs the rounds against each other; transcripts stay with their runs.
fn settle(baseline: &Baseline<'_>, rounds: Vec<Vec<JudgedRun>>, observer: &Observer) -> Vec<JudgedRun> {
    let (late, withdrawn) = judge_rounds(baseline, &timed(&rounds));
    for message in withdrawn {
        observer.tell(&Progress::NotConfirmed { message });
    }
    let runs = rounds.iter().map(|round| round.iter().map(|judged| judged.run.clone()).collect()).collect();
    let weighed = confirm(runs, &recordings_that_tell(baseline, &rounds));
    let mut judged: Vec<JudgedRun> = rounds.into_iter().flatten().collect();
    for (judged, run) in judged.iter_mut().zip(weighed) {
        judged.run = run;
    }
    add(late, &mut judged);
    judged
}

fn timed(rounds: &[Vec<JudgedRun>]) -> Vec<Vec<Timed<'_>>> {
    rounds.iter().map(|round| round.iter().map(JudgedRun::timed).collect()).collect()
}

/// Plays one round of a session with all users at once, and reports progress to the observer.
pub async fn play_round(
    target: &RunningTarget,
    selected: &Selected,
    users: u32,
    round: u32,
    folder: &Path,
) -> Vec<JudgedRun> {
    let observer = target.observer();
    observer.tell(&Progress::RoundStarted { session: selected.session.clone(), round, users });
    let judged = play(target, selected, users, round, folder).await;
    observer.tell(&Progress::RoundFinished);
    judged
}

/// All users play a session at once.
pub(super) async fn play(
    target: &RunningTarget,
    selected: &Selected,
    users: u32,
    round: u32,
    folder: &Path,
) -> Vec<JudgedRun> {
    let played = target.play(&selected.session, &selected.golden, users, folder).await;
    played
        .into_iter()
        .map(|played| match played.result {
            Ok(driven) => {
                let recording = driven.recording.display().to_string();
                let mut judged = judge(selected, driven.transcript, recording);
                judged.run.round = round;
                if let Some(loss) = driven.loss {
                    target.observer().tell(&Progress::RecordingLost { user: played.user, cause: loss });
                }
                judged
            }
            Err(error) => {
                let cause = target.redactor().clean(&error.cause).into_owned();
                let why = Unjudged { cause, hint: error.hint };
                JudgedRun::unjudged(selected, &played.user, round, why)
            }
        })
        .collect()
}

fn offline(
    store: &Store,
    options: &CheckOptions,
    times: &mut Timekeeper,
    part: &mut Option<Part>,
    observer: &Observer,
) -> Result<(Vec<JudgedRun>, Vec<Selected>), Error> {
    let paths = recordings_at(&options.offline)?;
    if paths.is_empty() {
        return Err(Error::new(ErrorKind::NothingSelected, "there is no recording to check"));
    }
    if options.sessions.len() > 1 {
        return Err(Error::unusable("recordings need exactly one golden").hint("name one session"));
    }
    let mut by_session: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let session = match options.sessions.first() {
            Some(session) => session.clone(),
            None => open_recording(&path)?.header().session.clone(),
        };
        by_session.entry(session).or_default().push(path);
    }
    let mut sessions: Vec<String> = by_session.keys().cloned().collect();
    *part = options.shard.map(|shard| share(shard, &mut sessions));
    by_session.retain(|session, _| sessions.contains(session));
    let selected = load(store, sessions)?;
    times.expect(&selected);
    let mut judged = Vec::new();
    for (one, (_, paths)) in selected.iter().zip(by_session) {
        let mut own = paths.iter().map(|path| judge_file(one, path)).collect::<Result<Vec<_>, _>>()?;
        let baseline = times.baseline(one, &classes(own.iter().map(JudgedRun::header)))?;
        judge_time(&baseline, &mut own);
        times.note(one, &baseline, &own.iter().map(JudgedRun::timed).collect::<Vec<_>>());
        liveness(one, &mut own, &[]);
        tell_unknown(one, own.iter(), observer);
        if !one.golden.probes.is_empty() {
            observer.tell(&Progress::ProbesSkippedOffline {
                session: one.session.clone(),
                probes: one.golden.probes.to_vec(),
            });
        }
        judged.extend(own);
    }
    for one in &mut judged {
        one.fetch(options.keeps_transcripts)?;
    }
    Ok((judged, selected))
}
