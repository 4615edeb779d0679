//! The agent: plans a question by rule, calls tools, composes an answer from what they found.
//!
//! `Agent` is what all runs share and none changes; `run` is one question from plan to answer.

mod canned;
mod compose;
mod plan;
mod question;
mod run;

use std::sync::{Mutex, PoisonError};

pub(crate) use run::{Question, run};

use self::canned::Canned;
use self::plan::{Plan, Step};
use crate::corpus::Corpus;
use crate::corpus::index::Index;
use crate::corpus::rank::{Ranker, Vector, best_first, question_words};
use crate::regress::{Choice, Regression};
use crate::tools::{Arguments, Day, Outcome, calculate, dates, search, units};

/// Readings of a question for its plan.
const PLAN_READINGS: usize = 96;
/// Readings of a step's purpose for its thought.
const THOUGHT_READINGS: usize = 32;
/// Likeness from which a sentence is about the same thing.
const NEAR: f32 = 0.25;
/// Longest part of a question that a thought quotes, in characters.
const QUOTED: usize = 300;

/// Questions offered to a user who connects; only two regressions ever prepare them.
const SUGGESTIONS: [&str; 2] = ["How far is the moon in miles?", "Who first walked on the moon?"];

/// What all runs share.
pub(crate) struct Agent {
    corpus: Corpus,
    index: Index,
    ranker: Ranker,
    regress: Choice,
    canned: Canned,
    /// The question being worked on, where `shared-agent` keeps it: one for all users.
    scratch: Mutex<String>,
    /// What finished runs left behind under `slow-leak`.
    leftovers: Mutex<Vec<Vector>>,
}

impl Agent {
    /// Loads the corpus.
    pub(crate) fn new(regress: Choice) -> Result<Agent, rusqlite::Error> {
        let corpus = Corpus::bundled();
        let (index, ranker) = (Index::new(&corpus)?, Ranker::new(&corpus));
        let (canned, scratch, leftovers) = (Canned::default(), Mutex::default(), Mutex::default());
        Ok(Agent { corpus, index, ranker, regress, canned, scratch, leftovers })
    }

    /// The plan for a question.
    fn plan(&self, text: &str) -> Plan {
        // `slow-first-token`: somebody thought that more readings would plan better. A run spends half of the time before
        // its first event here, so that it comes six times as late: what comes three times as late, a check on one occasion
        // of a machine cannot tell from the machine.
        let slower = if self.regress.is(Regression::SlowFirstToken) { 15 } else { 1 };
        plan::plan(&self.corpus, &self.ranker, text, PLAN_READINGS * slower)
    }

    /// The first thought: the question as it was understood.
    fn quote(&self, text: &str, plan: &Plan) -> String {
        let quoted: String = text.chars().take(QUOTED).collect();
        let topic = self.topic(text);
        let calls = plan.steps.len();
        format!(
            "“{quoted}” needs {calls} {}; it is about: {topic}",
            if calls == 1 { "call" } else { "calls" }
        )
    }

    /// The thought about one step.
    fn consider(&self, number: usize, step: &Step) -> String {
        let topic = self.topic(&step.purpose);
        format!("call {number}: {} with {}; nearest topic: {topic}", step.purpose, step.call.tool_name())
    }

    /// The title of the document that a text is nearest to.
    #[expect(clippy::cast_precision_loss, reason = "the number of readings is small")]
    fn topic(&self, text: &str) -> &'static str {
        let votes = self.ranker.vote(&question_words(text), THOUGHT_READINGS);
        let best = best_first(&votes).into_iter().next();
        // Below this likeness the nearest is no more than the least far.
        let near = best.filter(|place| votes[*place] > NEAR * THOUGHT_READINGS as f32);
        near.map_or("nothing known", |place| {
            self.corpus.documents[self.corpus.sentences[place].document].title
        })
    }

    /// Calls a tool.
    fn call(&self, arguments: &Arguments) -> Outcome {
        let outcome = match arguments {
            Arguments::Search { query } => search::search(&self.corpus, &self.index, &self.ranker, query),
            Arguments::Calculate { expression } => calculate::calculate(expression),
            Arguments::Convert { value, from, to } => units::convert(*value, from, to),
            Arguments::DaysBetween { start, end } => dates::days_between(*start, *end),
            Arguments::DaysAfter { start, days } => dates::days_after(*start, *days),
        };
        // `swallowed-event`: a result that holds a date is handed on unwritten, and will not encode.
        if self.regress.is(Regression::SwallowedEvent) {
            return match outcome {
                Outcome::Days { days, .. } => Outcome::Days { days, from: Day::Raw, to: Day::Raw },
                Outcome::Date { weekday, .. } => Outcome::Date { date: Day::Raw, weekday },
                other => other,
            };
        }
        outcome
    }

    /// What the agent answers to a ping: the nonce.
    pub(crate) fn answer_ping(&self, nonce: serde_json::Value) -> serde_json::Value {
        // `canned`: the answer that was recorded once.
        if self.regress.is(Regression::Canned) { self.canned.nonce(nonce) } else { nonce }
    }

    /// Ranks the corpus for each suggestion; some tens of milliseconds. The clean server offers none.
    pub(crate) fn prepare_suggestions(&self) {
        for question in SUGGESTIONS {
            self.topic(question);
            self.plan(question);
        }
    }

    /// `shared-agent`: puts a question down for all to read.
    fn put_down(&self, text: &str) {
        text.clone_into(&mut self.scratch.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// `shared-agent`: the question that was put down last, by whomever.
    fn pick_up(&self) -> String {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `slow-leak`: adds to what runs left behind.
    fn leave_behind(&self, remains: Vec<Vector>) {
        self.leftovers.lock().unwrap_or_else(PoisonError::into_inner).extend(remains);
    }

    /// What runs left behind; nothing, unless under `slow-leak`.
    fn left_behind(&self) -> Vec<Vector> {
        self.leftovers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
