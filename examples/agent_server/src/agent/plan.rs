//! From the parts of a question to tool calls.

use super::question::{self, Part};
use crate::corpus::Corpus;
use crate::corpus::rank::{Ranker, best_first, question_words};
use crate::tools::Arguments;
use crate::tools::units::{Dimension, Unit};

/// Calls in one run at most.
const MOST_CALLS: usize = 3;

/// What a run is going to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
}

/// One call, and the words it is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) call: Arguments,
    pub(crate) purpose: String,
}

/// Plans a question.
///
/// Ranking the corpus tells which sentence holds a quantity that is asked for but not given. It takes many readings
/// because the plan stands on it: a wrong sentence here is a wrong answer whatever the tools do.
pub(crate) fn plan(corpus: &Corpus, ranker: &Ranker, text: &str, readings: usize) -> Plan {
    let parts = question::parts(text);
    let subject = parts.iter().find_map(|part| match part {
        Part::Quantity { subject, .. } => Some(subject.as_str()),
        _ => None,
    });
    let votes = ranker.vote(&question_words(subject.unwrap_or(text)), readings);
    let mut steps = Vec::new();
    for part in parts {
        match part {
            Part::Calculate { expression } => {
                let purpose = format!("work out {expression}");
                steps.push(Step { call: Arguments::Calculate { expression }, purpose });
            }
            Part::Convert { value, from, to } => steps.push(convert(value, from, to)),
            Part::Quantity { subject, to } => {
                steps.push(look_up(subject));
                steps.extend(
                    find_quantity(corpus, &votes, to.dimension).map(|(value, from)| convert(value, from, to)),
                );
            }
            Part::DaysBetween { start, end } => {
                let purpose = format!("count the days from {start} to {end}");
                steps.push(Step { call: Arguments::DaysBetween { start, end }, purpose });
            }
            Part::DaysAfter { start, days } => {
                let purpose = format!("find the date {days} days from {start}");
                steps.push(Step { call: Arguments::DaysAfter { start, days }, purpose });
            }
            Part::LookUp { clause } => steps.push(look_up(clause)),
        }
    }
    // The same thing asked twice is done once.
    let mut once: Vec<Step> = Vec::new();
    for step in steps {
        if once.len() < MOST_CALLS && !once.contains(&step) {
            once.push(step);
        }
    }
    Plan { steps: once }
}

/// The kind of a question: its tools, in order. Cheap, since it reads the words only.
pub(crate) fn kind(text: &str) -> String {
    let names = question::parts(text).into_iter().map(|part| match part {
        Part::Calculate { .. } => "calculate",
        Part::Convert { .. } => "convert",
        Part::Quantity { .. } => "quantity",
        Part::DaysBetween { .. } => "days",
        Part::DaysAfter { .. } => "date",
        Part::LookUp { .. } => "look-up",
    });
    names.collect::<Vec<_>>().join("+")
}

fn look_up(clause: String) -> Step {
    let purpose = format!("look up “{clause}”");
    Step { call: Arguments::Search { query: clause }, purpose }
}

fn convert(value: f64, from: &Unit, to: &Unit) -> Step {
    let purpose = format!("convert {value} {} to {}", from.symbol, to.symbol);
    Step { call: Arguments::Convert { value, from: from.symbol, to: to.symbol }, purpose }
}

/// The quantity of a dimension in the best sentence that has one.
fn find_quantity(corpus: &Corpus, votes: &[f32], dimension: Dimension) -> Option<(f64, &'static Unit)> {
    best_first(votes).into_iter().find_map(|place| {
        let text = question::spell_units(&question::join_thousands(corpus.sentences[place].text));
        let words: Vec<&str> = text.split_whitespace().map(question::trim_signs).collect();
        let mut ends = 1..=words.len();
        ends.find_map(|end| question::quantity(&words[..end]).filter(|(_, unit)| unit.dimension == dimension))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(text: &str) -> Vec<Arguments> {
        let corpus = Corpus::bundled();
        let planned = plan(&corpus, &Ranker::new(&corpus), text, 48);
        planned.steps.into_iter().map(|step| step.call).collect()
    }

    #[test]
    fn a_distance_that_was_not_given_is_found() {
        for text in ["How far is the moon in miles?", "How far is the moon in miles? canary-77ab-12"] {
            let calls = calls(text);
            assert!(matches!(calls[0], Arguments::Search { .. }));
            assert_eq!(calls[1], Arguments::Convert { value: 384_400.0, from: "km", to: "mi" });
            assert_eq!(calls.len(), 2);
        }
    }

    #[test]
    fn a_plan_is_the_same_every_time_and_has_three_calls_at_most() {
        let text = "What is 1+1, 2+2, 3+3, and 4+4?";
        assert_eq!(calls(text).len(), 3);
        assert_eq!(calls(text), calls(text));
        assert_eq!(calls("What is 1+1, 1+1?").len(), 1);
    }
}
