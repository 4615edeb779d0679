//! Differences in order, payload, ids and endings: the findings of both releases side by side.

use super::flip::coins;
use super::{Played, Release};
use crate::finding::{Finding, Kind, Severity};
use std::collections::BTreeSet;

/// A finding of at least one release.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The session's name.
    pub session: String,
    /// The meaning for the releases.
    pub standing: Standing,
    /// An example: a finding of the candidate if there is one, otherwise of the baseline.
    pub finding: Finding,
    /// The recording of the example.
    pub recording: String,
    /// The number of baseline runs with the finding, and of all baseline runs.
    pub baseline: (usize, usize),
    /// The number of candidate runs with the finding, and of all candidate runs.
    pub candidate: (usize, usize),
}

/// The meaning of a difference from the golden for the releases, most significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Only the candidate shows it.
    Candidate,
    /// Both show it, but the candidate with another value.
    OtherValue,
    /// Both show it, the candidate more often than chance has it.
    MoreOften,
    /// Both show it, the candidate less often than chance has it.
    LessOften,
    /// Only the baseline shows it: the candidate does what the golden says.
    Baseline,
    /// Only the candidate shows it, but so rarely, and against such weak evidence, that it may be chance.
    Perhaps,
    /// Only the baseline shows it, and only sometimes.
    Sometimes,
    /// Both show it: the golden is old.
    Both,
}

impl Standing {
    /// The stable name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Candidate => "candidate",
            Standing::OtherValue => "other-value",
            Standing::MoreOften => "more-often",
            Standing::LessOften => "less-often",
            Standing::Baseline => "baseline",
            Standing::Perhaps => "perhaps",
            Standing::Sometimes => "sometimes",
            Standing::Both => "both",
        }
    }

    /// Whether it is a difference between the releases.
    pub const fn is_sure(self) -> bool {
        match self {
            Standing::Candidate
            | Standing::OtherValue
            | Standing::MoreOften
            | Standing::LessOften
            | Standing::Baseline => true,
            Standing::Perhaps | Standing::Sometimes | Standing::Both => false,
        }
    }
}

/// The number of rounds that must all show a finding to accept it with any evidence, as in `check`.
const CONFIRM: usize = 3;

pub(super) fn differences(played: &[&Played], alpha: f64) -> Vec<Difference> {
    let sessions: BTreeSet<&str> = played.iter().map(|one| one.run.session.as_str()).collect();
    // Every finding of every run, by its subject.
    let mut groups: Vec<(&str, Vec<(&Played, &Finding)>)> = Vec::new();
    for session in &sessions {
        let mut own: Vec<Vec<(&Played, &Finding)>> = Vec::new();
        for one in played.iter().filter(|one| one.run.session == *session) {
            for finding in one.run.findings.iter().filter(|finding| finding.kind.family() != "timing") {
                match own.iter_mut().find(|group| group[0].1.is_like(finding)) {
                    Some(group) => group.push((one, finding)),
                    None => own.push(vec![(one, finding)]),
                }
            }
        }
        groups.extend(own.into_iter().map(|group| (*session, group)));
    }
    // Each of them has a probability of error.
    let alpha = alpha / f64::from(u32::try_from(groups.len().max(1)).unwrap_or(u32::MAX));
    let mut all: Vec<Difference> = groups
        .into_iter()
        .filter_map(|(session, group)| {
            let own = played.iter().filter(|one| one.run.session == session).copied();
            Group { runs: own.collect(), shown: group }.weigh(session, alpha)
        })
        .collect();
    all.sort_by_key(|one| (one.standing, std::cmp::Reverse(one.finding.severity)));
    all
}

struct Group<'g> {
    /// All runs of the session.
    runs: Vec<&'g Played>,
    /// The runs with the finding.
    shown: Vec<(&'g Played, &'g Finding)>,
}

impl Group<'_> {
    fn of(&self, release: Release) -> (usize, usize) {
        let runs: BTreeSet<_> = self
            .shown
            .iter()
            .filter(|(one, _)| one.release == release)
            .map(|(one, _)| (one.pair, &one.run.user))
            .collect();
        (runs.len(), self.runs.iter().filter(|one| one.release == release).count())
    }

    fn pairs(&self, release: Release) -> BTreeSet<usize> {
        self.shown.iter().filter(|(one, _)| one.release == release).map(|(one, _)| one.pair).collect()
    }

    fn weigh(&self, session: &str, alpha: f64) -> Option<Difference> {
        let all: BTreeSet<usize> = self.runs.iter().map(|one| one.pair).collect();
        let (baseline, candidate) = (self.pairs(Release::Baseline), self.pairs(Release::Candidate));
        // If the releases are alike, pairs in which only one side shows it are fair coins (McNemar).
        let (more, less) = (candidate.difference(&baseline).count(), baseline.difference(&candidate).count());
        let rarely = |heads: usize| coins(more + less, heads) <= alpha;
        let always = |pairs: &BTreeSet<usize>| *pairs == all && all.len() >= CONFIRM;
        let stands_alone = self.shown.iter().any(|(one, finding)| {
            one.release == Release::Candidate && finding.severity == Severity::Deviation
        });
        let standing = match (baseline.is_empty(), candidate.is_empty()) {
            (true, _) if stands_alone || always(&candidate) || rarely(more) => Standing::Candidate,
            (true, _) => Standing::Perhaps,
            (_, true) if always(&baseline) || rarely(less) => Standing::Baseline,
            (_, true) => Standing::Sometimes,
            _ if self.says_otherwise() => Standing::OtherValue,
            _ if rarely(more) => Standing::MoreOften,
            _ if rarely(less) => Standing::LessOften,
            _ => Standing::Both,
        };
        let worst = |release| {
            let own = self.shown.iter().filter(move |(one, _)| one.release == release);
            own.max_by_key(|(one, finding)| (finding.severity, std::cmp::Reverse(one.pair)))
        };
        let (one, finding) = worst(Release::Candidate).or_else(|| worst(Release::Baseline))?;
        Some(Difference {
            session: session.to_owned(),
            standing,
            finding: (*finding).clone(),
            recording: one.run.recording.clone(),
            baseline: self.of(Release::Baseline),
            candidate: self.of(Release::Candidate),
        })
    }

    /// Whether each release says the same every time, and not the same as the other. Ids and times never do.
    fn says_otherwise(&self) -> bool {
        let value = |release| {
            let own = self.shown.iter().filter(move |(one, _)| one.release == release);
            let values: Vec<String> = own.filter_map(|(_, finding)| said(finding)).collect();
            let is_constant = values.len() > 1 && values.iter().all(|value| *value == values[0]);
            values.into_iter().next().filter(|_| is_constant)
        };
        let (baseline, candidate) = (value(Release::Baseline), value(Release::Candidate));
        baseline.is_some() && candidate.is_some() && baseline != candidate
    }
}

/// The actual value, if it is the same in all runs: values, types, names, close codes.
fn said(finding: &Finding) -> Option<String> {
    let actual = finding.actual.as_deref()?;
    match finding.kind {
        // The type comes first, then an example.
        Kind::TypeChanged => actual.split(' ').next().map(str::to_owned),
        Kind::ValueChanged | Kind::Renamed | Kind::FieldMoved | Kind::Ending => Some(actual.to_owned()),
        Kind::Missing
        | Kind::UnknownEvent
        | Kind::OutOfOrder
        | Kind::Repeated
        | Kind::Duplicate
        | Kind::Exclusive
        | Kind::FieldMissing
        | Kind::FieldNew
        | Kind::FormatChanged
        | Kind::Unbound
        | Kind::LanesCrossed
        | Kind::Relation
        | Kind::TooLate
        | Kind::TooEarly
        | Kind::Stall
        | Kind::OverBudget
        | Kind::Canned
        | Kind::Accepted
        | Kind::NotRefused
        | Kind::WrongRefusal
        | Kind::Leak
        | Kind::Trend => None,
    }
}
