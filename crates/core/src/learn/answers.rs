//! Which requests are answered, and by what: the ids of each are followed to their answers.
//!
//! The order sees that as many answers come as requests. Here it is each request that is answered, or is not; see
//! [`golden::Answers`].

use super::session::Session;
use crate::dialect::{Dialect, Label, RECONNECT};
use crate::finding::Finding;
use crate::golden::{self, Answer, Golden, MIN_RUNS, MIN_SEEN};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What became of the requests of one name.
#[derive(Debug, Clone, Default)]
struct Requests {
    /// How many were answered, and in how many recordings.
    answered: u32,
    runs: u32,
    /// How many were not although one that came later was.
    passed: u32,
    /// How many were not when the session ended.
    cut: u32,
    kinds: BTreeMap<Label, Kind>,
}

/// What is known of one answer.
#[derive(Debug, Clone, Copy, Default)]
struct Kind {
    /// How often it was the last one.
    last: u32,
    /// Whether another one came after it.
    goes_on: bool,
}

/// What recordings show of answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    requests: BTreeMap<Label, Requests>,
    /// What also came without a request: it says nothing of requests.
    unasked: BTreeSet<Label>,
}

/// A request of the session that is read.
#[derive(Clone, Copy)]
struct Asked<'s> {
    label: &'s Label,
    number: usize,
    /// The latest answer.
    answer: Option<&'s Label>,
    is_withdrawn: bool,
}

impl Answers {
    /// Adds a session that was recorded to its end.
    pub(super) fn add(&mut self, session: &Session, dialect: &Dialect) {
        if !dialect.has_ids() {
            return;
        }
        let mut asked: HashMap<String, Asked<'_>> = HashMap::new();
        let mut over: Vec<(Asked<'_>, bool)> = Vec::new();
        for (number, event) in session.events.iter().enumerate() {
            let label = &event.label;
            if label.as_str() == RECONNECT {
                over.extend(asked.drain().map(|(_, asked)| (withdrawn(asked), false)));
                continue;
            }
            let is_answer = dialect.is_answer(label);
            let Some(id) = dialect.id_of(event) else {
                if is_answer && !label.is_client() {
                    self.unasked.insert(label.clone());
                }
                continue;
            };
            if label.is_client() && !is_answer {
                let own = Asked { label, number, answer: None, is_withdrawn: false };
                if let Some(before) = asked.insert(id.into_owned(), own) {
                    // The id is used again, or what was asked for is taken back.
                    let is_again = before.label == label;
                    over.push((if is_again { before } else { withdrawn(before) }, is_again));
                }
            } else if is_answer && !label.is_client() {
                match asked.get_mut(&*id) {
                    Some(asked) => self.answer(asked, label),
                    None => drop(self.unasked.insert(label.clone())),
                }
            }
        }
        over.extend(asked.into_values().map(|asked| (asked, false)));
        self.close(&over);
    }

    fn answer<'s>(&mut self, asked: &mut Asked<'s>, label: &'s Label) {
        if asked.is_withdrawn {
            return;
        }
        let kinds = &mut self.requests.entry(asked.label.clone()).or_default().kinds;
        if let Some(kind) = asked.answer.and_then(|before| kinds.get_mut(before)) {
            kind.goes_on = true;
        }
        kinds.entry(label.clone()).or_default();
        asked.answer = Some(label);
    }

    /// Counts what became of each request of a session. With each stands whether its id was used again.
    fn close(&mut self, over: &[(Asked<'_>, bool)]) {
        let mut latest: BTreeMap<&Label, usize> = BTreeMap::new();
        for (asked, _) in over.iter().filter(|(asked, _)| asked.answer.is_some()) {
            let number = latest.entry(asked.label).or_default();
            *number = (*number).max(asked.number);
        }
        for label in latest.keys() {
            self.requests.entry((*label).clone()).or_default().runs += 1;
        }
        for (asked, is_again) in over {
            let own = self.requests.entry(asked.label.clone()).or_default();
            match asked.answer {
                Some(answer) => {
                    own.answered += 1;
                    own.kinds.entry(answer.clone()).or_default().last += 1;
                }
                None if asked.is_withdrawn => {}
                None => {
                    let is_passed = latest.get(asked.label).is_some_and(|latest| asked.number < *latest);
                    let count = if is_passed || *is_again { &mut own.passed } else { &mut own.cut };
                    *count += 1;
                }
            }
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Answers) {
        for (label, more) in other.requests {
            let own = self.requests.entry(label).or_default();
            own.answered += more.answered;
            own.runs += more.runs;
            own.passed += more.passed;
            own.cut += more.cut;
            for (answer, kind) in more.kinds {
                let own = own.kinds.entry(answer).or_default();
                own.last += kind.last;
                own.goes_on |= kind.goes_on;
            }
        }
        self.unasked.extend(other.unasked);
    }

    /// Writes what is known into events.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, requests) in &self.requests {
            if let Some(event) = events.get_mut(label) {
                event.answered = self.of(requests);
            }
        }
    }

    fn of(&self, requests: &Requests) -> Option<golden::Answers> {
        let Requests { answered, runs, passed, cut, kinds } = requests;
        let is_known = *answered >= MIN_SEEN && *runs >= MIN_RUNS;
        if !is_known || kinds.keys().any(|kind| self.unasked.contains(kind)) {
            return None;
        }
        // If each request has a last answer, what comes before it is not an answer.
        let finals = || kinds.iter().filter(|(_, kind)| !kind.goes_on);
        let is_ended = finals().map(|(_, kind)| kind.last).sum::<u32>() == *answered;
        let is_optional = *passed > 0;
        if is_optional && !is_ended {
            return None;
        }
        let own = kinds.iter().filter(|(_, kind)| !(is_ended && kind.goes_on));
        let own = own.map(|(label, kind)| Answer { label: label.clone(), goes_on: kind.goes_on });
        Some(golden::Answers { kinds: own.collect(), is_optional, or_end: !is_optional && *cut > 0 })
    }
}

/// What a person said in the previous golden: where an id stands, and, where only a person knows that, what answers it.
pub(super) fn keep(new: &mut golden::Event, old: &golden::Event, previous: &Golden, is_kept: bool) {
    new.id.clone_from(&old.id);
    let is_by_hand = old.id.is_some() || !previous.dialect.has_ids();
    if is_kept || is_by_hand {
        new.answered.clone_from(&old.answered);
    }
}

/// The request of which a finding says that it is not answered as the golden has it.
pub(super) fn contradicted(golden: &Golden, finding: &Finding) -> Option<Label> {
    let is_its = |label: &&Label| finding.place.key == format!("event.{label}.answered");
    golden.events.keys().find(is_its).cloned()
}

fn withdrawn(asked: Asked<'_>) -> Asked<'_> {
    Asked { is_withdrawn: true, ..asked }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Event, JsonNames};
    use crate::transcript::Offset;
    use proptest::prelude::*;
    use serde_json::json;

    fn dialect() -> Dialect {
        Dialect::Json(JsonNames { reply: Some("/ref".to_owned()), ..JsonNames::default() })
    }

    /// A session of events `>NAME ID` and `NAME ID`.
    fn session(said: &str) -> Session {
        let event = |(place, word): (usize, &str)| {
            let (name, id) = word.split_once('/').expect("a name and an id");
            let id: u64 = id.parse().expect("a number");
            Event {
                label: Label::from(name),
                at: Offset::ZERO,
                frame: place,
                conn: 0,
                data: json!({ "ref": id }),
            }
        };
        Session { events: said.split_whitespace().enumerate().map(event).collect(), ending: String::new() }
    }

    fn learned(sessions: &[&str]) -> Answers {
        let mut answers = Answers::default();
        sessions.iter().for_each(|said| answers.add(&session(said), &dialect()));
        answers
    }

    fn told(sessions: &[&str]) -> Option<String> {
        let answers = learned(sessions);
        answers.of(answers.requests.get(&Label::from(">a"))?).map(|answers| answers.to_string())
    }

    #[test]
    fn what_answers_each_request_is_known_from_eight_of_them_in_five_recordings() {
        let twice = ">a/1 >a/2 re:a/2 re:a/1";
        let says =
            |sessions: &[&str], expected: Option<&str>| assert_eq!(told(sessions).as_deref(), expected);
        says(&[twice; 5], Some("re:a"));
        says(&[twice; 4], None);
        says(&[">a/1 re:a/1"; 7], None);
        let failed = [[twice; 5], [">a/1 re:a:error/1"; 5]].concat();
        says(&failed, Some("re:a | re:a:error"));
        // What comes before the last answer is on the way.
        says(&[">a/1 re:a[part]/1 re:a[part]/1 re:a/1 >a/2 re:a/2"; 5], Some("re:a"));
        // Which one is the last cannot be seen.
        says(&[">a/1 re:a/1 re:a/1 >a/2 re:a/2"; 5], Some("re:a+"));
        // The client leaves before the answer; some are never answered; an id is used again.
        says(&[[twice; 5], [">a/1 re:a/1 >a/2"; 5]].concat(), Some("re:a | @end"));
        says(&[[twice; 5], [">a/1 >a/2 re:a/2"; 5]].concat(), Some("re:a?"));
        says(&[[twice; 5], [">a/1 >a/1 re:a/1"; 5]].concat(), Some("re:a?"));
        // What is taken back is not waited for.
        says(&[[twice; 5], [">a/1 >stop/1 >a/2 re:a/2"; 5]].concat(), Some("re:a"));
        // An event without a request is not an answer.
        says(&[[twice; 5], [">a/1 re:a/1 re:a/9"; 5]].concat(), None);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters(
            sessions in proptest::collection::vec("(>a/[1-4] |re:a/[1-4] |re:a:error/[1-4] |>b/[1-4] ){1,12}", 6..12),
            cut in 0usize..6,
        ) {
            let all: Vec<&str> = sessions.iter().map(|said| said.trim()).collect();
            let mut merged = learned(&all[cut..]);
            merged.merge(learned(&all[..cut]));
            let of = |answers: &Answers| {
                let mut events: BTreeMap<Label, golden::Event> =
                    [">a", ">b"].map(|label| (Label::from(label), golden::Event::default())).into();
                answers.write(&mut events);
                events
            };
            prop_assert_eq!(of(&merged), of(&learned(&all)));
        }
    }
}
