//! Composing the answer, word by word, from sentences that are known.
//!
//! The answer is extractive: one sentence for each tool result, and further sentences of the corpus when it would be too
//! short. After every word all candidate sentences are ranked again: question, answer so far and candidate together are
//! compared with the whole corpus, and the candidate that fits best most often is said next. This ranking is the work
//! that makes a token take its time.

use super::Agent;
use crate::corpus::rank::{Vector, best_first, normalise, question_words, words};
use crate::tools::{Arguments, Outcome};

/// Sentences ranked at every word, always as many.
const CANDIDATES: usize = 24;
/// Fewest words of an answer that looked things up; known sentences are added until it has them.
const SHORTEST: usize = 15;
/// Most words of an answer.
const LONGEST: usize = 40;

/// An answer in the making.
pub(super) struct Composer {
    question: Vector,
    /// What was said so far, as words without endings.
    said: Vec<String>,
    candidates: Vec<Candidate>,
    /// The words still to say of the present sentence, last first.
    pending: Vec<String>,
    spoken: usize,
    may_fill: bool,
    /// The contexts that were ranked; `slow-leak` leaves them behind.
    contexts: Vec<Vector>,
}

struct Candidate {
    words: Vec<String>,
    vector: Vector,
    votes: f32,
    /// It carries a tool's result and must be said.
    required: bool,
    said: bool,
}

impl Composer {
    /// Gathers the candidates: a sentence per result, then the sentences nearest to the question.
    pub(super) fn new(agent: &Agent, question: &str, results: &[(Arguments, Outcome)]) -> Composer {
        let asked = question_words(question);
        // A look-up's sentence must leave room for the other results.
        let room = LONGEST / results.len().max(1);
        let alone = results.len() == 1;
        let mut texts: Vec<(String, bool)> = Vec::new();
        for (call, outcome) in results {
            let text = sentence(call, outcome, room, alone);
            // Two look-ups may find the same sentence.
            if !texts.iter().any(|(known, _)| *known == text) {
                texts.push((text, true));
            }
        }
        for place in best_first(&agent.ranker.vote(&asked, 1)) {
            let text = agent.corpus.sentences[place].text;
            if texts.len() >= CANDIDATES {
                break;
            }
            if !texts.iter().any(|(known, _)| known == text) {
                texts.push((text.to_owned(), false));
            }
        }
        let candidates = texts.into_iter().map(|(text, required)| Candidate {
            vector: agent.ranker.embed(&words(&text)),
            words: text.split_whitespace().map(str::to_owned).collect(),
            votes: 0.0,
            required,
            said: false,
        });
        Composer {
            question: agent.ranker.embed(&asked),
            said: Vec::new(),
            candidates: candidates.collect(),
            pending: Vec::new(),
            spoken: 0,
            may_fill: results.iter().any(|(call, _)| matches!(call, Arguments::Search { .. })),
            contexts: Vec::new(),
        }
    }

    /// The next token, a word with the space behind it, without one if it is the last; `None` after the last.
    pub(super) fn next(&mut self, agent: &Agent) -> Option<String> {
        self.rank(agent);
        if self.pending.is_empty() {
            self.choose();
        }
        let word = self.pending.pop()?;
        self.spoken += 1;
        self.said.extend(words(&word));
        if self.pending.is_empty() {
            self.choose();
        }
        Some(if self.pending.is_empty() { word } else { word + " " })
    }

    /// Is everything said?
    pub(super) fn is_finished(&self) -> bool {
        self.spoken > 0 && self.pending.is_empty()
    }

    /// Adds to each candidate's votes how well the corpus supports saying it now.
    fn rank(&mut self, agent: &Agent) {
        let answer = agent.ranker.embed(&self.said);
        let context: Vector =
            self.question.iter().zip(&answer).map(|(question, said)| question + said).collect();
        // Nothing is left behind unless by `slow-leak`; copied, so that runs do not wait for each other.
        let leftovers = agent.left_behind();
        for candidate in &mut self.candidates {
            let mut text: Vector = context.iter().zip(&candidate.vector).map(|(a, b)| a + b).collect();
            normalise(&mut text);
            candidate.votes += agent.ranker.support(&text, leftovers.iter());
        }
        self.contexts.push(context);
    }

    /// Takes up the next sentence: results first, then what fills a short answer; by votes.
    fn choose(&mut self) {
        let left = LONGEST.saturating_sub(self.spoken);
        let fill = self.may_fill && self.spoken < SHORTEST;
        let best = self
            .candidates
            .iter_mut()
            .filter(|candidate| {
                !candidate.said && (candidate.required || fill) && candidate.words.len() <= left
            })
            .max_by(|a, b| a.required.cmp(&b.required).then(a.votes.total_cmp(&b.votes)));
        if let Some(best) = best {
            best.said = true;
            self.pending = best.words.iter().rev().cloned().collect();
        }
    }

    /// `slow-leak`: what this run leaves behind.
    pub(super) fn remains(self) -> Vec<Vector> {
        self.contexts
            .into_iter()
            .chain(self.candidates.into_iter().map(|candidate| candidate.vector))
            .collect()
    }
}

/// A tool's result as a sentence of at most `room` words; longer when it is all there is to say.
fn sentence(call: &Arguments, outcome: &Outcome, room: usize, alone: bool) -> String {
    let name = call.tool_name();
    match (call, outcome) {
        (_, Outcome::Failed { error }) => format!("The tool {name} has no answer: {error}."),
        (_, Outcome::Hits { hits }) => {
            let length = |text: &str| text.split_whitespace().count();
            let fitting = hits.iter().find(|hit| length(hit.snippet) <= room);
            let hit = fitting.or_else(|| hits.iter().min_by_key(|hit| length(hit.snippet)));
            hit.map_or("Nothing is known about this.", |hit| hit.snippet).to_owned()
        }
        (Arguments::Calculate { expression }, Outcome::Value { value }) if alone => {
            format!(
                "Worked out, {expression} comes to {value}, rounded to the digits that its operations leave certain."
            )
        }
        (Arguments::Calculate { expression }, Outcome::Value { value }) => format!("{expression} = {value}."),
        (Arguments::Convert { value: given, from, .. }, Outcome::Converted { value, unit }) if alone => {
            let short = shorten(*value);
            format!("A value of {given} {from} is the same as {short} {unit}, which is rounded for reading.")
        }
        (Arguments::Convert { value: given, from, .. }, Outcome::Converted { value, unit }) => {
            format!("{given} {from} is {} {unit}.", shorten(*value))
        }
        (Arguments::DaysBetween { start, end }, Outcome::Days { days, .. }) if alone => {
            format!(
                "Counted from {start} to {end} there are {days} days, and both calendars used for it agree."
            )
        }
        (Arguments::DaysBetween { start, end }, Outcome::Days { days, .. }) => {
            format!("From {start} to {end} it is {days} days, counted by two calendars.")
        }
        (Arguments::DaysAfter { start, days }, Outcome::Date { weekday, .. }) => {
            let date = chrono::TimeDelta::try_days(*days).and_then(|delta| start.checked_add_signed(delta));
            let date = date.map_or_else(String::new, |date| date.to_string());
            let more = if alone { ", and both calendars used for it agree" } else { "" };
            format!("The date {days} days from {start} is {weekday}, {date}{more}.")
        }
        (_, other) => format!("The tool {name} answered {other:?}."),
    }
}

/// A value for reading: two decimals, or four significant digits when it is small.
fn shorten(value: f64) -> String {
    if value != 0.0 && value.abs() < 1.0 {
        return format!("{value:.3e}").parse::<f64>().unwrap_or(value).to_string();
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(question: &str) -> Vec<String> {
        let agent = Agent::new("".parse().unwrap()).unwrap();
        let plan = agent.plan(question);
        let results: Vec<_> =
            plan.steps.into_iter().map(|step| (step.call.clone(), agent.call(&step.call))).collect();
        let mut composer = Composer::new(&agent, question, &results);
        std::iter::from_fn(|| composer.next(&agent)).collect()
    }

    #[test]
    fn an_answer_holds_every_result_and_has_its_length() {
        let tokens = answer("What is 12*(3+4), 100 km in miles, and who first walked on the moon?");
        let text = tokens.concat();
        for expected in ["12*(3+4) = 84.", "100 km is 62.14 mi.", "Armstrong"] {
            assert!(text.contains(expected), "{text}");
        }
        assert!((SHORTEST..=LONGEST).contains(&tokens.len()), "{text}");
        assert!(!text.ends_with(' ') && tokens[0].ends_with(' '));
    }

    #[test]
    fn a_short_answer_is_filled_and_is_the_same_every_time() {
        let tokens = answer("How far is the moon in miles?");
        assert!(tokens.len() >= SHORTEST, "{tokens:?}");
        assert!(tokens.concat().contains("384400 km is 238855.09 mi."), "{tokens:?}");
        assert_eq!(tokens, answer("How far is the moon in miles?"));
    }
}
