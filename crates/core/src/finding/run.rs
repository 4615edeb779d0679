//! A run and its verdict.

use super::{Finding, LiveCheck, Part, Severity, TimeReport};
use crate::transcript::{Gap, Host};

/// The result of a check for one run or for all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing deviates.
    Conforms,
    /// Something is new, or contradicts weak evidence.
    Drift,
    /// Something contradicts what can be relied on.
    Deviates,
    /// There was nothing to judge.
    CouldNotJudge,
}

impl Verdict {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::Drift => "drift",
            Verdict::Deviates => "deviates",
            Verdict::CouldNotJudge => "could not judge",
        }
    }

    /// The verdict of these findings.
    pub fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Verdict {
        findings.into_iter().fold(Verdict::Conforms, |verdict, finding| {
            verdict.max(match finding.severity {
                Severity::Suspect => Verdict::Drift,
                Severity::Deviation => Verdict::Deviates,
            })
        })
    }
}

/// The reason why a run could not be judged: no connection, a refused login, a missing server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// The chain of causes, outermost first, as fragments.
    pub cause: String,
    /// A hint.
    pub hint: Option<String>,
}

/// One live or recorded run of a session by one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The session's name.
    pub session: String,
    /// The user, e.g. `u1`.
    pub user: String,
    /// The round, counted from 1.
    pub round: u32,
    /// The path of its recording.
    pub recording: String,
    /// The number of events.
    pub events: usize,
    /// The time from the handshake to the end.
    pub took: Gap,
    /// The load of the machine during the run, if known.
    pub host: Option<Host>,
    /// The deviations, first cause first.
    pub findings: Vec<Finding>,
    /// The results of the liveness items. Empty if they were not evaluated.
    pub live: Vec<LiveCheck>,
    /// The reason if there was nothing to judge; there are no findings then.
    pub unjudged: Option<Unjudged>,
}

impl Run {
    /// A run that did not happen or cannot be judged.
    pub fn unjudged(session: &str, user: &str, round: u32, why: Unjudged) -> Run {
        Run {
            session: session.to_owned(),
            user: user.to_owned(),
            round,
            recording: String::new(),
            events: 0,
            took: Gap::ZERO,
            host: None,
            findings: Vec::new(),
            live: Vec::new(),
            unjudged: Some(why),
        }
    }

    /// The verdict of this run alone.
    pub fn verdict(&self) -> Verdict {
        if self.unjudged.is_some() { Verdict::CouldNotJudge } else { Verdict::of(&self.findings) }
    }
}

/// A session that was to be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The name.
    pub session: String,
    /// The path of its golden for the user.
    pub golden: String,
    /// The one name of all server events, if no field distinguishes them. Hardly anything was checked then.
    pub unnamed: Option<String>,
}

/// All results of one command.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The runs, by session, round and user.
    pub runs: Vec<Run>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// The sessions that were to be judged, if known.
    pub asked: Vec<Asked>,
    /// How the time of each session was judged.
    pub times: Vec<TimeReport>,
    /// Whether drift fails.
    pub strict: bool,
    /// The part of the whole, if several jobs share a check.
    pub part: Option<Part>,
    /// The reason why results are missing: a missing or unfinished part.
    pub unfinished: Option<Unjudged>,
}

impl Outcome {
    /// The outcome of these runs only.
    pub fn of(runs: Vec<Run>) -> Outcome {
        Outcome { runs, ..Outcome::default() }
    }

    /// Whether it is a shard without any session, so that there was nothing to judge.
    pub fn is_empty_shard(&self) -> bool {
        let has_nothing = self.runs.is_empty() && self.asked.is_empty() && self.unfinished.is_none();
        has_nothing && !self.interrupted && self.part.as_ref().is_some_and(|part| !part.whole.is_empty())
    }

    /// The verdict over all runs. A run that could not be judged outweighs all others, because the result must not
    /// look like a pass or like a deviation.
    pub fn verdict(&self) -> Verdict {
        if self.unfinished.is_some() {
            return Verdict::CouldNotJudge;
        }
        if self.is_empty_shard() {
            return Verdict::Conforms;
        }
        self.runs.iter().map(Run::verdict).max().unwrap_or(Verdict::CouldNotJudge)
    }

    /// The verdict as written in reports.
    pub fn verdict_name(&self) -> &'static str {
        if self.is_empty_shard() { "nothing in this shard" } else { self.verdict().name() }
    }

    /// The runs with findings or without a judgement, deviating ones first. One run per session and kind of finding
    /// is enough for a reader.
    pub fn troubled(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.verdict() != Verdict::Conforms)
    }
}
