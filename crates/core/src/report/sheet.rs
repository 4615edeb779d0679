//! The common structure of reports for other tools: suites of cases with notes, for every command.
//!
//! JUnit, CTRF, Markdown and annotations know tests and failures, but neither goldens nor lanes. A session becomes a
//! suite; a user's round (or a probe's question, or a compared aspect of two releases) becomes a case; a finding
//! becomes a note.

use super::Compared;
use crate::compare::{Comparison, Difference, Standing, Subject};
use crate::finding::{
    Finding, Outcome, ProbeName, ProbeResult, Run, Severity, Verdict, probe_verdict, verdict_with_probes,
};
use crate::transcript::Gap;

/// The results of one command, as tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// `check`, `probe` or `compare`.
    pub command: &'static str,
    /// The verdict in words.
    pub verdict: String,
    /// The reason why results are missing: the command has just started, was interrupted or stopped with an error. It
    /// counts as an error.
    pub unfinished: Option<Note>,
    /// The suites, in the requested order.
    pub suites: Vec<Suite>,
}

/// A session, or a probe of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// The name, e.g. `agent-run` or `auth agent-run`.
    pub name: String,
    /// The cases of the suite.
    pub cases: Vec<Case>,
}

/// One user's run, or one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The name, unique in its suite.
    pub name: String,
    /// The kind of question: good answers of one kind are reported together. Empty for runs.
    pub sort: String,
    /// The result in a few words; empty if the notes contain it.
    pub said: String,
    /// The status of the case.
    pub status: Status,
    /// The duration.
    pub took: Gap,
    /// Every finding once, or the reason why there is no judgement.
    pub notes: Vec<Note>,
}

/// The status of a case in other tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It was not asked: something is missing that the note names.
    Skipped,
    /// Nothing deviates; there may be suspects.
    Passed,
    /// Something deviates.
    Failed,
    /// It could not be judged.
    Error,
}

impl Status {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Skipped => "not asked",
            Status::Passed => "conforms",
            Status::Failed => "deviates",
            Status::Error => "could not judge",
        }
    }
}

/// The effect of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It makes its case fail.
    Deviation,
    /// It is worth a look.
    Suspect,
    /// It says why nothing could be judged.
    Unjudged,
    /// It says why nothing was asked.
    NotAsked,
}

/// A finding, or the reason why there is none, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The effect of the note.
    pub weight: Weight,
    /// The subject, e.g. `order/missing`.
    pub sort: String,
    /// One sentence.
    pub headline: String,
    /// The golden's file, with line and column counted from 1, if the note has one.
    pub place: Option<(String, Option<(usize, usize)>)>,
    /// Further lines: a label such as `expected`, and a text.
    pub details: Vec<(&'static str, String)>,
    /// Notes of one suite with the same key have the same subject.
    pub key: String,
}

impl Note {
    /// A note with the reason why nothing could be judged.
    pub fn unjudged(sort: &str, cause: &str, hint: Option<&str>) -> Note {
        let details = hint.map(|hint| ("hint", hint.to_owned())).into_iter().collect();
        let (sort, headline, key) = (sort.to_owned(), cause.to_owned(), cause.to_owned());
        Note { weight: Weight::Unjudged, sort, headline, place: None, details, key }
    }

    fn of(finding: &Finding, golden: &str, recording: &str) -> Note {
        let mut details = Vec::new();
        let mut add = |label, text: Option<&str>| {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                details.push((label, text.to_owned()));
            }
        };
        add("expected", finding.expected.as_deref());
        add("actual", finding.actual.as_deref());
        add("evidence", Some(&finding.evidence));
        finding.consequences.iter().for_each(|follows| add("follows", Some(follows)));
        add("hint", finding.hint.as_deref());
        if !recording.is_empty() {
            // The header is line 1.
            let line = finding.place.frames.first().map_or(1, |frame| frame + 2);
            details.push(("recording", format!("{recording}:{line}")));
        }
        let (event, path) = (&finding.place.event, finding.place.path.as_deref().unwrap_or_default());
        Note {
            weight: match finding.severity {
                Severity::Deviation => Weight::Deviation,
                Severity::Suspect => Weight::Suspect,
            },
            sort: format!("{}/{}", finding.kind.family(), finding.kind.name()),
            headline: finding.message.clone(),
            place: (!golden.is_empty()).then(|| (golden.to_owned(), finding.place.golden_line)),
            details,
            // The key of `Finding::is_like`.
            key: format!("{}\n{event}\n{path}", finding.kind.name()),
        }
    }
}

fn notes(run: &Run, golden: &str) -> Vec<Note> {
    let unjudged = run.unjudged.as_ref().map(|unjudged| {
        let (who, cause) = (&run.user, &unjudged.cause);
        Note {
            key: cause.clone(),
            ..Note::unjudged("could-not-judge", &format!("{who}: {cause}"), unjudged.hint.as_deref())
        }
    });
    let findings = run.findings.iter().map(|finding| Note::of(finding, golden, &run.recording));
    unjudged.into_iter().chain(findings).collect()
}

const fn status(verdict: Verdict, strict: bool) -> Status {
    match verdict {
        Verdict::Drift if strict => Status::Failed,
        Verdict::Conforms | Verdict::Drift => Status::Passed,
        Verdict::Deviates => Status::Failed,
        Verdict::CouldNotJudge => Status::Error,
    }
}

impl Sheet {
    /// The sheet of a command that has not judged anything yet: it failed, for this reason.
    pub fn unfinished(command: &'static str, cause: &str, hint: Option<&str>) -> Sheet {
        let note = Note::unjudged("unfinished", cause, hint);
        let verdict = Verdict::CouldNotJudge.name().to_owned();
        Sheet { command, verdict, unfinished: Some(note), suites: Vec::new() }
    }

    fn new(command: &'static str, verdict: &str, interrupted: bool, suites: Vec<Suite>) -> Sheet {
        let why = "interrupted: runs that were not judged have not passed";
        let unfinished = interrupted.then(|| Note::unjudged("unfinished", why, None));
        let mut sheet = Sheet { command, verdict: verdict.to_owned(), unfinished, suites };
        sheet.suites.iter_mut().for_each(tell_apart);
        sheet
    }

    /// The sheet of a check. `asked` are all its sessions with the paths of their goldens; a session without runs was
    /// not judged. With `strict`, drift fails.
    pub fn of_check(outcome: &Outcome, asked: &[(String, String)], strict: bool) -> Sheet {
        let suite = |(session, golden): &(String, String)| {
            let runs = outcome.runs.iter().filter(|run| run.session == *session);
            let mut cases: Vec<Case> = runs
                .map(|run| Case {
                    name: format!("{}, round {}", run.user, run.round),
                    sort: String::new(),
                    said: String::new(),
                    status: status(run.verdict(), strict),
                    took: run.took,
                    notes: notes(run, golden),
                })
                .collect();
            if cases.is_empty() {
                let why = "not judged: the command ended before this session";
                cases.push(Case {
                    name: "not judged".to_owned(),
                    sort: String::new(),
                    said: String::new(),
                    status: Status::Error,
                    took: Gap::ZERO,
                    notes: vec![Note::unjudged("could-not-judge", why, None)],
                });
            }
            Suite { name: session.clone(), cases }
        };
        let suites = asked.iter().map(suite).collect();
        let mut sheet = Sheet::new("check", outcome.verdict_name(), outcome.interrupted, suites);
        if let Some(unfinished) = &outcome.unfinished {
            sheet.unfinished =
                Some(Note::unjudged("unfinished", &unfinished.cause, unfinished.hint.as_deref()));
        }
        sheet
    }

    /// The sheet of probes. `golden` returns the path of a session's golden.
    pub fn of_probe(cells: &[ProbeResult], interrupted: bool, golden: impl Fn(&str) -> String) -> Sheet {
        let mut suites: Vec<Suite> = Vec::new();
        for cell in ProbeName::ALL.iter().flat_map(|probe| cells.iter().filter(move |c| c.probe == *probe)) {
            let name = format!("{} {}", cell.probe.name(), cell.session);
            let path = golden(&cell.session);
            let mut told: Vec<Note> = cell.runs.iter().flat_map(|run| notes(run, &path)).collect();
            if let Some(why) = &cell.not_asked {
                told = vec![Note { weight: Weight::NotAsked, ..Note::unjudged("not-asked", why, None) }];
            }
            let case = Case {
                name: cell.case.clone(),
                sort: cell.sort.clone(),
                said: cell.not_asked.as_ref().unwrap_or(&cell.said).clone(),
                status: cell.verdict().map_or(Status::Skipped, |verdict| status(verdict, false)),
                took: cell.runs.iter().map(|run| run.took).max().unwrap_or_default(),
                notes: told,
            };
            match suites.iter_mut().find(|suite| suite.name == name) {
                Some(suite) => suite.cases.push(case),
                None => suites.push(Suite { name, cases: vec![case] }),
            }
        }
        let verdict = probe_verdict(cells).map_or("not asked", Verdict::name);
        Sheet::new("probe", verdict, interrupted, suites)
    }

    /// The sheet of a check with its probes.
    #[must_use]
    pub fn with_probes(
        mut self,
        outcome: &Outcome,
        cells: &[ProbeResult],
        golden: impl Fn(&str) -> String,
    ) -> Sheet {
        if !cells.is_empty() {
            verdict_with_probes(outcome, cells).name().clone_into(&mut self.verdict);
        }
        self.suites.extend(Sheet::of_probe(cells, false, golden).suites);
        self
    }

    /// The sheet of a comparison: one case for order and payload, one for each class of gaps. Uncertain differences,
    /// and those that both releases share, are suspects.
    pub fn of_comparison(
        compared: &Compared,
        comparison: &Comparison,
        golden: impl Fn(&str) -> String,
    ) -> Sheet {
        let suite = |session: &String| {
            let own = comparison.differences.iter().filter(|one| one.session == *session);
            let differences = own.map(|one| difference(one, &golden(session))).collect();
            let mut cases = vec![case("order and payload", "", differences)];
            for change in comparison.timing.changes.iter().filter(|change| change.session == *session) {
                let name = match &change.subject {
                    Subject::Gap { event, after } => format!("time of {event} after {after}"),
                    Subject::WholeRun => "time of the whole run".to_owned(),
                };
                let gap = |gap: Option<Gap>| gap.map_or("-".to_owned(), |gap| gap.to_string());
                let (old, new) = (gap(change.baseline), gap(change.candidate));
                let said = format!("{old} → {new}, x{:.2}", change.factor);
                let sure = change.is_sure(comparison.alpha).then(|| Note {
                    weight: Weight::Deviation,
                    sort: "timing/changed".to_owned(),
                    headline: format!("{name} changed: {said}"),
                    place: None,
                    details: vec![(
                        "evidence",
                        format!("p = {:.4}, {} pairs", change.chance(), change.pairs),
                    )],
                    key: name.clone(),
                });
                cases.push(case(&name, &said, sure.into_iter().collect()));
            }
            if let Some((release, run)) = &comparison.unjudged
                && run.session == *session
            {
                let mut notes = notes(run, "");
                notes.retain(|note| note.weight == Weight::Unjudged);
                cases.push(case(&format!("the {} answers", release.name()), "", notes));
            }
            Suite { name: session.clone(), cases }
        };
        let suites = compared.sessions.iter().map(suite).collect();
        let verdict = super::comparison_word(comparison.verdict());
        let mut sheet = Sheet::new("compare", verdict, comparison.interrupted, suites);
        if comparison.runs == 0 && sheet.unfinished.is_none() {
            sheet.unfinished = Some(Note::unjudged("unfinished", "nothing was compared", None));
        }
        sheet
    }

    /// The number of cases with this status. An unfinished command is an error of its own.
    pub fn count(&self, status: Status) -> usize {
        let unfinished = usize::from(status == Status::Error && self.unfinished.is_some());
        unfinished + self.suites.iter().map(|suite| suite.count(status)).sum::<usize>()
    }
}

impl Suite {
    /// The number of cases with this status.
    pub fn count(&self, status: Status) -> usize {
        self.cases.iter().filter(|case| case.status == status).count()
    }

    /// The verdict over its cases, in words.
    pub fn verdict(&self) -> &'static str {
        match self.cases.iter().map(|case| case.status).max() {
            None => Status::Skipped.name(),
            Some(Status::Passed) if self.notes().any(|note| note.weight == Weight::Suspect) => {
                Verdict::Drift.name()
            }
            Some(status) => status.name(),
        }
    }

    /// All notes of all cases.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.cases.iter().flat_map(|case| &case.notes)
    }

    /// One note for each subject, with its case and the number of cases that have it.
    pub fn distinct(&self) -> Vec<(&Case, &Note, usize)> {
        let mut told: Vec<(&Case, &Note, usize)> = Vec::new();
        for case in &self.cases {
            for note in &case.notes {
                match told
                    .iter_mut()
                    .find(|(_, known, _)| known.key == note.key && known.weight == note.weight)
                {
                    Some((_, _, times)) => *times += 1,
                    None => told.push((case, note, 1)),
                }
            }
        }
        told
    }
}

fn case(name: &str, said: &str, notes: Vec<Note>) -> Case {
    let has = |weight| notes.iter().any(|note| note.weight == weight);
    let status = match (has(Weight::Unjudged), has(Weight::Deviation)) {
        (true, _) => Status::Error,
        (false, true) => Status::Failed,
        (false, false) => Status::Passed,
    };
    let (name, said) = (name.to_owned(), said.to_owned());
    Case { name, sort: String::new(), said, status, took: Gap::ZERO, notes }
}

fn difference(one: &Difference, golden: &str) -> Note {
    let mut note = Note::of(&one.finding, golden, &one.recording);
    note.weight = if one.standing.is_sure() { Weight::Deviation } else { Weight::Suspect };
    if one.standing == Standing::Both {
        note.headline = format!("both releases differ from the golden: {}", note.headline);
    }
    let ((new, of_new), (old, of_old)) = (one.candidate, one.baseline);
    let runs = format!("{new} of {of_new} runs of the candidate, {old} of {of_old} of the baseline");
    note.details.insert(0, ("in", runs));
    note
}

/// Several recordings of one user are numbered.
fn tell_apart(suite: &mut Suite) {
    let names: Vec<String> = suite.cases.iter().map(|case| case.name.clone()).collect();
    for (index, case) in suite.cases.iter_mut().enumerate() {
        let before = names[..index].iter().filter(|name| **name == case.name).count();
        if before > 0 {
            case.name = format!("{} ({})", case.name, before + 1);
        }
    }
}
