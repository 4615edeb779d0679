//! `goldwire check`: goldens against a live build, or against recordings.

use super::args::{CheckArgs, Format};
use super::config::Config;
use super::error::CliError;
use super::exit::Exit;
use super::html::HtmlReport;
use super::live::{Live, interrupts, runs_folder};
use super::probe::{Question, ask, named, questions};
use super::progress::Round;
use super::reports::talk;
use super::reports::{Reports, layout, say};
use super::time::{ProfileUse, Timekeeper, classes};
use super::update::Update;
use crate::check::{
    Baseline, Checked, Checker, Crowd, Gaps, OTHER_HOSTS, Timed, Witness, check, judge_liveness,
    judge_rounds, judge_timing, leave_doubt, liveness_findings, told,
};
use crate::finding::{
    Answer, Asked, Cell, Finding, Outcome, Part, Run, Severity, Shard, Unjudged, Verdict, confirm,
    is_settled, needs_another_round,
};
use crate::golden::{Golden, LiveItem, Seen, TimeMode};
use crate::report::{self, Sheet, Shown};
use crate::store::{Store, StoreError, open_recording, read_recording, recording_error, recordings_at};
use crate::transcript::{End, Ending, Entries, Entry, Header, Offset, Transcript};
use crate::words::plural;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// A golden and where it is.
pub(super) struct Selected {
    pub(super) session: String,
    pub(super) path: String,
    pub(super) golden: Golden,
    /// What the recordings behind it showed, where that is known.
    pub(super) seen: Option<Seen>,
}

/// A run that was judged, with all that a report may want to show of it.
pub(super) struct Judged {
    pub(super) run: Run,
    pub(super) transcript: Option<Transcript>,
    pub(super) gaps: Gaps,
    header: Header,
    ended: Offset,
    live: crate::check::Live,
    /// Where the recording is torn, when its writer did not get to its end.
    torn: Option<String>,
}

/// A recording larger than this is not read again only to show rows of it.
pub(super) const MAX_SHOWN: u64 = 64 * 1024 * 1024;

impl Judged {
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn timed(&self) -> Timed<'_> {
        Timed { gaps: &self.gaps, host: self.run.host }
    }

    /// Reads what a report wants to show of a run: of one with findings, or of `all`.
    fn fetch(&mut self, all: bool) -> Result<(), CliError> {
        let path = Path::new(&self.run.recording);
        let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MAX_SHOWN);
        if self.transcript.is_none() && (all || !self.run.findings.is_empty()) && is_small {
            self.transcript = Some(read_recording(path)?);
        }
        Ok(())
    }
}

/// What a check came to.
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) outcome: Outcome,
    /// What probes answered, where some were asked.
    pub(super) cells: Vec<Cell>,
}

pub(super) async fn run(config: &Config, args: CheckArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    judged(config, args, interrupts(), out).await.map(|ended| ended.exit)
}

/// Checks until `interrupt` becomes true.
pub(super) async fn judged(
    config: &Config,
    args: CheckArgs,
    interrupt: watch::Receiver<bool>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
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
) -> Result<Ended, CliError> {
    let page = HtmlReport::begin(args.reports.report_html.as_deref(), "check")?;
    let store = Store::new(&config.root);
    let update = Update::of(config, args.update, args.reason.as_deref())?;
    update.begin(&args.sessions)?;
    let probes = named(&args.probe)?;
    let mode = if args.strict_time { Some(TimeMode::Bounds) } else { args.time };
    let mut times = Timekeeper::new(config, mode, profile_use(args));
    let mut part = None;
    let (Looked { mut judged, cells, interrupted }, selected) = if args.offline.is_empty() {
        let mut sessions = names(&store, &args.sessions)?;
        part = args.shard.map(|shard| share(shard, &mut sessions));
        let selected = load(&store, sessions)?;
        let questions = questions(&store, &runs_folder(&config.root), &probes, &selected, true)?;
        // A server that nobody asks anything is not started.
        let looked = match selected.is_empty() {
            true => Looked::default(),
            false => live(config, args, &selected, &questions, &mut times, interrupt).await?,
        };
        (looked, selected)
    } else {
        let (judged, selected) = offline(&store, args, &mut times, &mut part)?;
        (Looked { judged, ..Looked::default() }, selected)
    };
    let shown: BTreeMap<String, Transcript> = judged
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
    let asked: Vec<(String, String)> =
        selected.iter().map(|one| (one.session.clone(), one.path.clone())).collect();
    let outcome = Outcome {
        runs: judged.into_iter().map(|judged| judged.run).collect(),
        interrupted,
        asked: asked.iter().cloned().map(|(session, golden)| Asked { session, golden }).collect(),
        times: times.reports,
        strict: args.strict,
        part,
        unfinished: None,
    };
    let sheet = Sheet::of_check(&outcome, &asked, args.strict).with_probes(&outcome, &cells, |session| {
        asked.iter().find(|(asked, _)| asked == session).map_or_else(String::new, |(_, path)| path.clone())
    });
    reports.end(&sheet, |file| report::json_with_probes(file, &outcome, &cells))?;
    let shown = |run: &Run| {
        let selected = selected.iter().find(|selected| selected.session == run.session)?;
        let transcript = shown.get(&run.recording)?;
        Some(Shown { golden: &selected.golden, golden_path: &selected.path, transcript })
    };
    page.check(&outcome, shown)?;
    if !cells.is_empty() {
        page.probes_beside(&cells, interrupted, &store)?;
    }
    match args.format {
        Format::Json => report::json_with_probes(out, &outcome, &cells)?,
        Format::Text => {
            report::text(out, &outcome, layout(args.verbose), shown)?;
            report::probe_text(out, &cells)?;
        }
    }
    if interrupted {
        return Ok(Ended { exit: Exit::Interrupted, outcome, cells });
    }
    update.end(&outcome)?;
    let torn = torn.join("\nerror: ");
    if !torn.is_empty() && outcome.verdict() != Verdict::Deviates {
        return Err(CliError::usage(torn)
            .hint("it was cut off while it was written, by a crash or a full disk; what is there was judged, but not its end"));
    }
    let verdict = report::verdict_with_probes(&outcome, &cells);
    unless_unasked(&cells, verdict)?;
    Ok(Ended { exit: Exit::of(verdict, args.strict), outcome, cells })
}

/// A check that passes although a probe could ask nothing has not looked.
pub(super) fn unless_unasked(cells: &[Cell], verdict: Verdict) -> Result<(), CliError> {
    let unasked = unasked(cells);
    if !unasked.is_empty() && matches!(verdict, Verdict::Conforms | Verdict::Drift) {
        return Err(CliError::new(Exit::Nothing, format!("nothing was asked by {}", unasked.join(", ")))
            .hint("each line above says what is missing"));
    }
    Ok(())
}

/// Probes of which no question at all could be asked of a session.
fn unasked(cells: &[Cell]) -> Vec<String> {
    let name = |cell: &Cell| format!("{} {}", cell.probe.name(), cell.session);
    let mut names: Vec<String> = cells.iter().map(name).collect();
    names.dedup();
    names.retain(|own| cells.iter().all(|cell| name(cell) != *own || cell.not_asked.is_some()));
    names
}

pub(super) fn select(store: &Store, named: &[String]) -> Result<Vec<Selected>, CliError> {
    load(store, names(store, named)?)
}

/// Leaves a shard's own sessions of all of them.
fn share(shard: Shard, sessions: &mut Vec<String>) -> Part {
    sessions.sort();
    sessions.dedup();
    let whole = sessions.clone();
    let mut place = 0..;
    sessions.retain(|_| place.next().is_some_and(|place| shard.owns(place)));
    Part { shard, whole }
}

/// The sessions that are meant.
fn names(store: &Store, named: &[String]) -> Result<Vec<String>, CliError> {
    let mut sessions = named.to_vec();
    if sessions.is_empty() {
        sessions = store.goldens()?;
    }
    if sessions.is_empty() {
        let pending = store.pending()?;
        if !pending.is_empty() {
            return Err(CliError::new(
                Exit::OnlyProposals,
                format!("nothing is accepted yet: {} pending", plural(pending.len(), "proposal")),
            )
            .hint("goldwire review, then goldwire accept --reason '…'"));
        }
        return Err(CliError::new(Exit::Nothing, "no golden to check: nothing was checked")
            .hint("goldwire record SESSION --script FILE, goldwire learn SESSION, goldwire accept SESSION --reason '…'"));
    }
    Ok(sessions)
}

fn load(store: &Store, sessions: Vec<String>) -> Result<Vec<Selected>, CliError> {
    let mut selected = Vec::new();
    for session in sessions {
        Store::check_name(&session)?;
        let golden = match store.golden(&session) {
            Err(StoreError::NoGolden(name)) if store.proposal_text(&name)?.is_some() => {
                return Err(CliError::new(
                    Exit::OnlyProposals,
                    format!("the proposal for `{name}` is not accepted yet"),
                )
                .hint(format!("goldwire review {name}, then goldwire accept {name} --reason '…'")));
            }
            golden => golden?,
        };
        let path = store.golden_path(&session).display().to_string();
        let seen = store.seen(&session)?;
        selected.push(Selected { session, path, golden, seen });
    }
    Ok(selected)
}

/// What a check looked at.
#[derive(Default)]
struct Looked {
    judged: Vec<Judged>,
    /// What probes found.
    cells: Vec<Cell>,
    interrupted: bool,
}

/// A check at a terminal adds what conforms to the profile of its host. One in CI does not: a change must not teach its own
/// slow-down.
fn profile_use(args: &CheckArgs) -> ProfileUse {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let usual = match is_ci || !std::io::stdout().is_terminal() {
        true => ProfileUse::Read,
        false => ProfileUse::Write,
    };
    args.profile.unwrap_or(usual)
}

async fn live(
    config: &Config,
    args: &CheckArgs,
    selected: &[Selected],
    questions: &[Question],
    times: &mut Timekeeper,
    interrupt: watch::Receiver<bool>,
) -> Result<Looked, CliError> {
    let mut live = Live::open(config, &args.target, interrupt).await?;
    let users = args.users.unwrap_or(config.users).max(1);
    let hosts = BTreeSet::from([live.host_class(users).class]);
    times.expect(selected);
    let mut all = Vec::new();
    for one in selected {
        let baseline = match times.baseline(one, &hosts) {
            Ok(baseline) => baseline,
            Err(error) => {
                live.close().await;
                return Err(error);
            }
        };
        let folder = runs_folder(&config.root).join(&one.session);
        let mut rounds: Vec<Vec<Judged>> = Vec::new();
        let mut asked = args.runs.max(1);
        while u32::try_from(rounds.len()).unwrap_or(u32::MAX) < asked && !live.is_interrupted() {
            let number = u32::try_from(rounds.len() + 1).unwrap_or(u32::MAX);
            let progress = Round::begin(&one.session, number, users as usize);
            let mut round = play(&live, one, users, number, &folder, || progress.user()).await;
            drop(progress);
            if let Some(died) = live.server_died() {
                for judged in &mut round {
                    let unjudged = Unjudged { cause: died.message.clone(), hint: died.hint.clone() };
                    judged.run.findings.clear();
                    judged.run.unjudged = Some(unjudged);
                }
                all.extend(rounds.into_iter().flatten());
                all.extend(round);
                live.close().await;
                return Ok(Looked { judged: all, cells: Vec::new(), interrupted: false });
            }
            let before: Vec<&Judged> = rounds.iter().flatten().collect();
            liveness(one, &mut round, &before);
            rounds.push(round);
            let runs: Vec<Vec<Run>> =
                rounds.iter().map(|round| round.iter().map(|j| j.run.clone()).collect()).collect();
            let last = u32::try_from(rounds.len()).unwrap_or(u32::MAX) == asked;
            if last && asked == 1 && asks_for_ids(one, &runs[0]) {
                talk!("{}: once more, to see whether ids come again", one.session);
                asked += 1;
                continue;
            }
            if last && args.runs <= 1 && needs_another_look(&baseline, &rounds, &runs, args.confirm) {
                talk!("{}: something to look at again", one.session);
                asked += 1;
            }
        }
        tell_unknown(one, rounds.iter().flatten());
        let settled = settle(&baseline, rounds);
        let judged: Vec<&Judged> = settled.iter().filter(|judged| judged.run.unjudged.is_none()).collect();
        let gaps: Vec<Timed<'_>> = judged.iter().map(|judged| judged.timed()).collect();
        times.note(one, &baseline, &gaps);
        // What is off, or was looked at in vain, is no measure for others.
        if judged.len() == settled.len() && judged.iter().all(|judged| judged.run.findings.is_empty()) {
            times.learn(one, &judged)?;
        }
        all.extend(settled);
        if live.is_interrupted() {
            break;
        }
    }
    let cells = ask(&mut live, runs_folder(&config.root), &config.probe, questions).await;
    let interrupted = live.is_interrupted();
    live.close().await;
    Ok(Looked { judged: all, cells, interrupted })
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
    rounds: &[Vec<Judged>],
    runs: &[Vec<Run>],
    confirm: u32,
) -> bool {
    let confirm = confirm as usize;
    let recordings = recordings_that_tell(baseline, rounds);
    let is_doubtful = needs_another_round(runs, confirm, &recordings);
    !is_settled(runs) && (is_doubtful || leave_doubt(baseline, &timed(rounds), confirm))
}

/// How many recordings could have shown a finding; none of what they cannot show, as fewer users were there.
fn recordings_that_tell(baseline: &Baseline<'_>, rounds: &[Vec<Judged>]) -> impl Fn(&Finding) -> Option<u32> {
    let golden = baseline.golden();
    let host = rounds.iter().flatten().find_map(|judged| judged.header.host.as_ref());
    let is_crowded = Crowd::beyond(golden, host).is_some();
    move |finding| (!(is_crowded && Crowd::explains(finding))).then(|| told(golden, finding))
}

/// Weighs the rounds against each other; transcripts stay with their runs.
fn settle(baseline: &Baseline<'_>, rounds: Vec<Vec<Judged>>) -> Vec<Judged> {
    let (late, taken_back) = judge_rounds(baseline, &timed(&rounds));
    for message in taken_back {
        say(&format_args!("not confirmed by another round, so the machine's doing: {message}"));
    }
    let runs = rounds.iter().map(|round| round.iter().map(|judged| judged.run.clone()).collect()).collect();
    let weighed = confirm(runs, &recordings_that_tell(baseline, &rounds));
    let mut judged: Vec<Judged> =
        rounds.into_iter().flatten().zip(weighed).map(|(judged, run)| Judged { run, ..judged }).collect();
    add(late, &mut judged);
    judged
}

fn timed(rounds: &[Vec<Judged>]) -> Vec<Vec<Timed<'_>>> {
    rounds.iter().map(|round| round.iter().map(Judged::timed).collect()).collect()
}

pub(super) async fn play(
    live: &Live,
    selected: &Selected,
    users: u32,
    round: u32,
    folder: &Path,
    told: impl Fn(),
) -> Vec<Judged> {
    let played = live.play(&selected.session, &selected.golden, users, folder, told).await;
    played
        .into_iter()
        .map(|played| match played.result {
            Ok(driven) => {
                let recording = driven.recording.display().to_string();
                let mut judged = judge(selected, driven.transcript, recording);
                judged.run.round = round;
                if let Some(loss) = driven.loss {
                    talk!("{}: {loss}", played.user);
                }
                judged
            }
            Err(error) => {
                let cause = live.redactor().clean(&error.message).into_owned();
                let why = Unjudged { cause, hint: error.hint };
                let run = Run::unjudged(&selected.session, &played.user, round, why);
                let (header, ended, live) = Default::default();
                Judged { run, transcript: None, gaps: Gaps::new(), header, ended, live, torn: None }
            }
        })
        .collect()
}

/// Judges all but time, which is judged over several runs together.
pub(super) fn judge(selected: &Selected, transcript: Transcript, recording: String) -> Judged {
    let checked = check(&selected.golden, &transcript);
    let mut judged = weigh(selected, checked, &transcript.header, &transcript.ending, recording);
    judged.transcript = Some(transcript);
    judged
}

/// Judges a recording frame by frame: memory grows with its open lanes, not with its length.
fn judge_file(selected: &Selected, path: &Path) -> Result<Judged, CliError> {
    let mut entries = open_recording(path)?;
    let mut checker = Checker::new(&selected.golden);
    let takes_json = checker.takes_json();
    let next = |entries: &mut Entries<_>| match takes_json {
        true => entries.next_entry(),
        false => entries.next().map(|frame| frame.map(Entry::Frame)),
    };
    while let Some(entry) = next(&mut entries) {
        let judged = checker.entry(entry.map_err(recording_error(path))?);
        judged.into_iter().for_each(|json| entries.reuse(json));
    }
    let ending = entries.ending();
    let checked = checker.finish(&ending);
    Ok(weigh(selected, checked, entries.header(), &ending, path.display().to_string()))
}

fn weigh(
    selected: &Selected,
    checked: Checked,
    header: &Header,
    ending: &Ending,
    recording: String,
) -> Judged {
    let Checked { mut findings, events, is_whole, gaps, live } = checked;
    if let Some(crowd) = Crowd::beyond(&selected.golden, header.host.as_ref()) {
        crowd.soften(&mut findings);
    }
    let unjudged = (!is_whole && findings.is_empty()).then(|| Unjudged {
        cause: match &ending.how {
            End::CutOff { limit } => format!("the session was cut off: {limit}; what is there conforms"),
            _ => {
                format!("the recording is {}: what is there conforms, but its end is missing", ending.label())
            }
        },
        hint: None,
    });
    let run = Run {
        session: selected.session.clone(),
        user: header.user.clone(),
        round: 1,
        recording,
        events,
        took: ending.at.since(Default::default()),
        host: ending.host,
        findings,
        live: Vec::new(),
        unjudged,
    };
    let torn = match &ending.how {
        End::Torn { detail } => Some(detail.clone()),
        End::Closed { .. } | End::Dropped { .. } | End::GaveUp { .. } => None,
        End::CutOff { .. } | End::Interrupted => None,
    };
    Judged { run, transcript: None, gaps, header: header.clone(), ended: ending.at, live, torn }
}

/// Adds what the gaps of a round show.
pub(super) fn time(baseline: &Baseline<'_>, round: &mut [Judged]) {
    let runs: Vec<Timed<'_>> = round.iter().map(Judged::timed).collect();
    let found = judge_timing(baseline, &runs);
    add(found, round);
}

/// Adds findings to the runs that show them.
fn add(found: Vec<(usize, Finding)>, runs: &mut [Judged]) {
    for (index, finding) in found {
        if let Some(judged) = runs.get_mut(index) {
            judged.run.findings.push(finding);
        }
    }
}

/// Adds whether a real server answered the runs of a round; `before` are the runs of earlier rounds.
fn liveness(selected: &Selected, round: &mut [Judged], before: &[&Judged]) {
    let checks: Vec<_> = {
        let witness = |one: &Judged| one.run.unjudged.is_none() && !one.header.started.is_empty();
        let all: Vec<Witness<'_>> = before
            .iter()
            .copied()
            .chain(round.iter())
            .filter(|one| witness(one))
            .map(|one| Witness { header: &one.header, ended: one.ended, live: &one.live })
            .collect();
        let judge = |one: &Judged| {
            let run = Witness { header: &one.header, ended: one.ended, live: &one.live };
            judge_liveness(&selected.golden, selected.seen.as_ref(), run, &all)
        };
        round.iter().map(|one| if witness(one) { judge(one) } else { Vec::new() }).collect()
    };
    for (one, checks) in round.iter_mut().zip(checks) {
        // That nobody at work answered explains whatever else is odd.
        one.run.findings.splice(0..0, liveness_findings(&selected.golden, &checks));
        one.run.live = checks;
    }
}

/// Says what is required and not known: it must not look as if it had been checked.
fn tell_unknown<'r>(selected: &Selected, runs: impl Iterator<Item = &'r Judged>) {
    let checks: Vec<_> = runs.flat_map(|judged| &judged.run.live).filter(|check| check.is_required).collect();
    for item in LiveItem::ALL {
        let mut own = checks.iter().filter(|check| check.item == item).peekable();
        let Some(first) = own.peek().copied() else { continue };
        // The report says in one line what other hosts leave open.
        let is_host = first.detail == OTHER_HOSTS;
        if own.all(|check| check.answer == Answer::Unknown) && !is_host {
            talk!(
                "{}: live item `{}` is required but unknown: {}",
                selected.session,
                item.name(),
                first.detail
            );
            if let Some(hint) = &first.hint {
                talk!("hint: {hint}");
            }
        }
    }
}

fn offline(
    store: &Store,
    args: &CheckArgs,
    times: &mut Timekeeper,
    part: &mut Option<Part>,
) -> Result<(Vec<Judged>, Vec<Selected>), CliError> {
    let paths = recordings_at(&args.offline)?;
    if paths.is_empty() {
        return Err(CliError::new(Exit::Nothing, "no recording to check: nothing was checked"));
    }
    if args.sessions.len() > 1 {
        return Err(CliError::usage("recordings are judged by one golden").hint("name one session"));
    }
    let mut by_session: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let session = match args.sessions.first() {
            Some(session) => session.clone(),
            None => open_recording(&path)?.header().session.clone(),
        };
        by_session.entry(session).or_default().push(path);
    }
    let mut sessions: Vec<String> = by_session.keys().cloned().collect();
    *part = args.shard.map(|shard| share(shard, &mut sessions));
    by_session.retain(|session, _| sessions.contains(session));
    let selected = load(store, sessions)?;
    times.expect(&selected);
    let mut judged = Vec::new();
    for (one, (_, paths)) in selected.iter().zip(by_session) {
        let mut own = paths.iter().map(|path| judge_file(one, path)).collect::<Result<Vec<_>, _>>()?;
        let baseline = times.baseline(one, &classes(own.iter().map(Judged::header)))?;
        time(&baseline, &mut own);
        times.note(one, &baseline, &own.iter().map(Judged::timed).collect::<Vec<_>>());
        liveness(one, &mut own, &[]);
        tell_unknown(one, own.iter());
        if !one.golden.probes.is_empty() {
            let names: Vec<&str> = one.golden.probes.iter().map(|probe| probe.name()).collect();
            talk!("{}: not asked without a live server: {}", one.session, names.join(", "));
        }
        judged.extend(own);
    }
    for one in &mut judged {
        one.fetch(args.reports.report_html.is_some())?;
    }
    Ok((judged, selected))
}
