//! A run and its verdict.

use super::{Finding, LiveCheck, Part, Severity, TimeReport};
use crate::transcript::{Gap, Host};

/// What a check says of a run, or of all of them.
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
    /// As reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::Drift => "drift",
            Verdict::Deviates => "deviates",
            Verdict::CouldNotJudge => "could not judge",
        }
    }

    /// The verdict over findings.
    pub fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Verdict {
        findings.into_iter().fold(Verdict::Conforms, |verdict, finding| {
            verdict.max(match finding.severity {
                Severity::Suspect => Verdict::Drift,
                Severity::Deviation => Verdict::Deviates,
            })
        })
    }
}

/// Why a run could not be judged: no connection, a refused login, a server that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// The chain of causes, outermost first, as fragments.
    pub cause: String,
    /// A way out.
    pub hint: Option<String>,
}

/// One live execution, or one recording, of a session by one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The session's name.
    pub session: String,
    /// Which user, e.g. `u1`.
    pub user: String,
    /// Which round, counted from 1.
    pub round: u32,
    /// Where its recording is kept.
    pub recording: String,
    /// How many events it had.
    pub events: usize,
    /// From the handshake to the end.
    pub took: Gap,
    /// How busy the machine was that measured it, where that is known.
    pub host: Option<Host>,
    /// What deviates, first cause first.
    pub findings: Vec<Finding>,
    /// Whether a real server answered, question by question; empty when nobody asked.
    pub live: Vec<LiveCheck>,
    /// Set when there was nothing to judge; there are no findings then.
    pub unjudged: Option<Unjudged>,
}

impl Run {
    /// A run that did not happen, or of which nothing can be said.
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

    /// What this run shows by itself.
    pub fn verdict(&self) -> Verdict {
        if self.unjudged.is_some() { Verdict::CouldNotJudge } else { Verdict::of(&self.findings) }
    }
}

/// A session that was to be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// Its name.
    pub session: String,
    /// Where its golden is, as a person would name it.
    pub golden: String,
    /// What all of the server's events are called, where no name tells them apart: then next to nothing was checked.
    pub unnamed: Option<String>,
}

/// All that one command found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The runs, by session, round and user.
    pub runs: Vec<Run>,
    /// Whether somebody stopped it before it was done.
    pub interrupted: bool,
    /// What was to be judged, where that is known.
    pub asked: Vec<Asked>,
    /// On what the time of each session was judged, where it was.
    pub times: Vec<TimeReport>,
    /// Whether drift fails.
    pub strict: bool,
    /// Which part of a whole it is, where several jobs share one.
    pub part: Option<Part>,
    /// Why it is not all that it should be: a part that is missing, or that did not get to its end.
    pub unfinished: Option<Unjudged>,
}

impl Outcome {
    /// Of these runs and nothing else.
    pub fn of(runs: Vec<Run>) -> Outcome {
        Outcome { runs, ..Outcome::default() }
    }

    /// Whether it is a shard to which no session of the whole fell: nothing was judged, and nothing had to be.
    pub fn is_empty_shard(&self) -> bool {
        let has_nothing = self.runs.is_empty() && self.asked.is_empty() && self.unfinished.is_none();
        has_nothing && !self.interrupted && self.part.as_ref().is_some_and(|part| !part.whole.is_empty())
    }

    /// The verdict over all runs. Something that could not be judged outweighs all that was: it must never look like
    /// passing, nor like a deviation that somebody goes looking for.
    pub fn verdict(&self) -> Verdict {
        if self.unfinished.is_some() {
            return Verdict::CouldNotJudge;
        }
        if self.is_empty_shard() {
            return Verdict::Conforms;
        }
        self.runs.iter().map(Run::verdict).max().unwrap_or(Verdict::CouldNotJudge)
    }

    /// The verdict as reports write it.
    pub fn verdict_name(&self) -> &'static str {
        if self.is_empty_shard() { "nothing in this shard" } else { self.verdict().name() }
    }

    /// The runs with findings or without a judgement, deviating ones first; one run a session and sort of finding
    /// is enough for a person to read.
    pub fn troubled(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.verdict() != Verdict::Conforms)
    }
}
