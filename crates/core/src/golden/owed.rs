//! Who is owed an answer: the requests of a session by their ids, and what became of each.
//!
//! What answers a request is said by [`Answers`]. It is followed beside the order, which sees that as many
//! answers come as requests, and not whose they are.

use super::{Answers, Event, Golden};
use crate::dialect::{self, Dialect, Label, RECONNECT};
use crate::stats::FastMap;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// So many requests are remembered. Answered ones stay, so that a second answer is known for what it is.
const REMEMBERED: usize = 4096;

/// What is wrong with a request, or with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The request's name.
    pub(crate) request: Label,
    /// Its id.
    pub(crate) id: String,
    /// The frame that shows it.
    pub(crate) frame: usize,
    /// What.
    pub(crate) what: Owing,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owing {
    /// No answer came before the session ended, or before the id was used again. Whether one to a later request came.
    Unanswered { is_passed: bool },
    /// Another answer came after the last one, which was in frame `first`.
    Again { answer: Label, first: usize },
    /// What came instead of an answer.
    Otherwise { answer: Label },
    /// An answer with an unknown id.
    Unasked { answer: Label },
}

/// A request of the golden that has to be answered.
#[derive(Debug)]
struct Kind<'g> {
    label: &'g Label,
    answers: &'g Answers,
    /// The place of its id, and that of each answer; none if the dialect names them.
    id: Option<&'g str>,
    asked: HashMap<String, Asked>,
    /// The number of the latest request that was answered.
    latest: u64,
}

#[derive(Debug)]
struct Asked {
    number: u64,
    frame: usize,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// No answer came yet; the name and the frame of what came instead, if anything did.
    Open(Option<(Label, usize)>),
    /// Answered, and more may come.
    GoesOn,
    /// Answered for good, in this frame.
    Over(usize),
    /// Nobody waits for an answer any more.
    Withdrawn,
}

/// The requests of a session.
#[derive(Debug)]
pub(crate) struct Owed<'g> {
    dialect: &'g Dialect,
    kinds: Vec<Kind<'g>>,
    asks: FastMap<&'g Label, usize>,
    /// By answer: the requests that it may answer, and where it has their id, if not where these have it.
    answers: FastMap<&'g Label, (Vec<usize>, Option<&'g str>)>,
    /// In the order in which they were made.
    ids: VecDeque<(usize, String, u64)>,
    made: u64,
}

impl<'g> Owed<'g> {
    /// At the start of a session.
    pub(crate) fn new(golden: &'g Golden) -> Owed<'g> {
        let mut owed = Owed {
            dialect: &golden.dialect,
            kinds: Vec::new(),
            asks: FastMap::default(),
            answers: FastMap::default(),
            ids: VecDeque::new(),
            made: 0,
        };
        for (label, Event { answered, id, .. }) in &golden.events {
            let Some(answers) = answered else { continue };
            let place = owed.kinds.len();
            for answer in &answers.kinds {
                let own = || golden.event(&answer.label).and_then(|event| event.id.as_deref());
                owed.answers.entry(&answer.label).or_insert_with(|| (Vec::new(), own())).0.push(place);
            }
            owed.asks.insert(label, place);
            let asked = HashMap::new();
            owed.kinds.push(Kind { label, answers, id: id.as_deref(), asked, latest: 0 });
        }
        owed
    }

    /// Takes the next event; says what is wrong with it, or shows to be wrong by it.
    pub(crate) fn feed(&mut self, event: &dialect::Event) -> Vec<Fault> {
        if self.kinds.is_empty() {
            return Vec::new();
        }
        if event.label.as_str() == RECONNECT {
            self.kinds.iter_mut().flat_map(|kind| kind.asked.values_mut()).for_each(withdraw);
            return Vec::new();
        }
        if let Some(place) = self.asks.get(&event.label).copied() {
            return self.ask(place, event).into_iter().collect();
        }
        if self.answers.contains_key(&event.label) || self.dialect.is_answer(&event.label) {
            return self.answer(event).into_iter().collect();
        }
        // Another message of the client with the id of its request cancels it, e.g. `complete` of GraphQL.
        if event.label.is_client() && self.dialect.has_ids() {
            self.take_back(None, event);
        }
        Vec::new()
    }

    fn ask(&mut self, place: usize, event: &dialect::Event) -> Option<Fault> {
        let id = id_at(self.dialect, self.kinds[place].id, event)?.into_owned();
        if self.kinds[place].id.is_none() {
            self.take_back(Some(place), event);
        }
        self.made += 1;
        let number = self.made;
        let kind = &mut self.kinds[place];
        let asked = Asked { number, frame: event.frame, state: State::Open(None) };
        let before = kind.asked.insert(id.clone(), asked);
        self.ids.push_back((place, id.clone(), number));
        if self.ids.len() > REMEMBERED
            && let Some((place, id, number)) = self.ids.pop_front()
        {
            let asked = &mut self.kinds[place].asked;
            if asked.get(&id).is_some_and(|asked| asked.number == number) {
                asked.remove(&id);
            }
        }
        self.kinds[place].unanswered(id, &before?, true)
    }

    /// The other requests of the id of an event are not waited for.
    fn take_back(&mut self, place: Option<usize>, event: &dialect::Event) {
        let Some(id) = self.dialect.id_of(event) else { return };
        let others = self.kinds.iter_mut().enumerate().filter(|(own, _)| Some(*own) != place);
        let of_side = others.filter(|(_, kind)| kind.id.is_none() && kind.label.side() == event.label.side());
        of_side.filter_map(|(_, kind)| kind.asked.get_mut(&*id)).for_each(withdraw);
    }

    fn answer(&mut self, event: &dialect::Event) -> Option<Fault> {
        let answer = &event.label;
        let (own, pointer) = self.answers.get(answer).cloned().unwrap_or_default();
        let mut first = None;
        for place in &own {
            let kind = &mut self.kinds[*place];
            let Some(id) = id_at(self.dialect, pointer.or(kind.id), event) else { continue };
            if let Some(asked) = kind.asked.get_mut(&*id) {
                return kind_answered(kind.label, kind.answers, &mut kind.latest, (&id, asked), event);
            }
            first.get_or_insert((*place, id.into_owned()));
        }
        if let Some((place, id)) = first {
            let request = self.kinds[place].label.clone();
            let what = Owing::Unasked { answer: answer.clone() };
            return Some(Fault { request, id, frame: event.frame, what });
        }
        // No answer to what it is said to answer.
        let id = self.dialect.id_of(event)?;
        let asks = |kind: &&mut Kind<'_>| kind.id.is_none() && kind.label.side() != answer.side();
        let mut kinds = self.kinds.iter_mut().filter(asks);
        let (request, asked) = kinds.find_map(|kind| Some((kind.label, kind.asked.get_mut(&*id)?)))?;
        match &mut asked.state {
            State::Over(first) => Some(Fault {
                request: request.clone(),
                id: id.into_owned(),
                frame: event.frame,
                what: Owing::Again { answer: answer.clone(), first: *first },
            }),
            State::Open(other) => {
                *other = Some((answer.clone(), event.frame));
                None
            }
            State::GoesOn | State::Withdrawn => None,
        }
    }

    /// Whether an event is such a request, or answers one.
    pub(crate) fn knows(&self, label: &Label) -> bool {
        self.asks.contains_key(label) || self.answers.contains_key(label)
    }

    /// What a request waits for that has to come.
    pub(crate) fn waits_for(&self) -> Option<&'g Answers> {
        let is_open = |asked: &Asked| matches!(asked.state, State::Open(_));
        let owes = |kind: &&Kind<'g>| {
            !kind.answers.is_optional && !kind.answers.or_end && kind.asked.values().any(is_open)
        };
        self.kinds.iter().find(owes).map(|kind| kind.answers)
    }

    /// The requests without an answer when the session is over.
    pub(crate) fn rest(&self) -> Vec<Fault> {
        let of_kind = |kind: &Kind<'g>| {
            let faults: Vec<(u64, Fault)> = kind
                .asked
                .iter()
                .filter_map(|(id, asked)| Some((asked.number, kind.unanswered(id.clone(), asked, false)?)))
                .collect();
            faults
        };
        let mut all: Vec<(u64, Fault)> = self.kinds.iter().flat_map(of_kind).collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, fault)| fault).collect()
    }

    /// How many requests it holds.
    pub(crate) fn held(&self) -> usize {
        self.ids.len()
    }
}

impl Kind<'_> {
    /// The fault of a request that can no longer be answered. `is_again` says whether its id was used again.
    fn unanswered(&self, id: String, asked: &Asked, is_again: bool) -> Option<Fault> {
        let State::Open(other) = &asked.state else { return None };
        let is_passed = asked.number < self.latest;
        let may_end = self.answers.or_end && !is_passed && !is_again;
        if self.answers.is_optional || may_end {
            return None;
        }
        let (frame, what) = match other {
            Some((answer, frame)) => (*frame, Owing::Otherwise { answer: answer.clone() }),
            None => (asked.frame, Owing::Unanswered { is_passed: is_passed || is_again }),
        };
        Some(Fault { request: self.label.clone(), id, frame, what })
    }
}

fn withdraw(asked: &mut Asked) {
    if matches!(asked.state, State::Open(_) | State::GoesOn) {
        asked.state = State::Withdrawn;
    }
}

/// The id that an event has at a place, or where its dialect has it.
fn id_at<'e>(dialect: &Dialect, at: Option<&str>, event: &'e dialect::Event) -> Option<Cow<'e, str>> {
    match at {
        Some(pointer) => event.key(pointer),
        None => dialect.id_of(event),
    }
}

/// A request has one of its answers; says what is wrong with that.
fn kind_answered(
    request: &Label,
    answers: &Answers,
    latest: &mut u64,
    (id, asked): (&str, &mut Asked),
    event: &dialect::Event,
) -> Option<Fault> {
    let goes_on = answers.of(&event.label).is_some_and(|answer| answer.goes_on);
    match asked.state {
        State::Withdrawn => return None,
        State::Over(first) => {
            let what = Owing::Again { answer: event.label.clone(), first };
            return Some(Fault { request: request.clone(), id: id.to_owned(), frame: event.frame, what });
        }
        State::Open(_) | State::GoesOn => {}
    }
    *latest = (*latest).max(asked.number);
    asked.state = if goes_on { State::GoesOn } else { State::Over(event.frame) };
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Offset;
    use proptest::prelude::*;
    use serde_json::json;

    const GOLDEN: &str = r#"
        goldwire = 1
        order = ">a* & re:a* & >b* & re:b* & re:b:error*"
        [dialect]
        kind = "json"
        reply = "/id"
        [event.a]
        send = { type = "a", id = 1 }
        answered = "re:a"
        [event.b]
        send = { type = "b", id = 1 }
        answered = "re:b | re:b:error"
    "#;

    fn golden() -> Golden {
        crate::golden::read("g.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn event(label: &str, id: usize) -> dialect::Event {
        dialect::Event {
            label: Label::from(label),
            at: Offset::ZERO,
            frame: 0,
            conn: 0,
            data: json!({ "id": id }),
        }
    }

    fn faults(golden: &Golden, events: &[dialect::Event]) -> Vec<Fault> {
        let mut owed = Owed::new(golden);
        let mut faults: Vec<Fault> = events.iter().flat_map(|event| owed.feed(event)).collect();
        faults.extend(owed.rest());
        faults
    }

    /// Requests of both kinds, each with its answer somewhere behind it.
    fn session() -> impl Strategy<Value = Vec<dialect::Event>> {
        let requests =
            proptest::collection::vec((any::<bool>(), any::<bool>(), any::<prop::sample::Index>()), 1..12);
        requests.prop_map(|requests| {
            let mut events: Vec<dialect::Event> = Vec::new();
            for (id, (is_a, fails, behind)) in requests.into_iter().enumerate() {
                let (ask, answer) =
                    if is_a { (">a", "re:a") } else { (">b", if fails { "re:b:error" } else { "re:b" }) };
                let at = behind.index(events.len() + 1);
                events.insert(at, event(ask, id));
                let rest = events.len() - at;
                events.insert(at + 1 + behind.index(rest), event(answer, id));
            }
            events
        })
    }

    proptest! {
        #[test]
        fn each_answer_that_is_lost_or_comes_twice_is_one_fault(events in session(), which in any::<prop::sample::Index>()) {
            let golden = golden();
            prop_assert_eq!(faults(&golden, &events), vec![]);
            let answers: Vec<usize> =
                (0..events.len()).filter(|at| !events[*at].label.is_client()).collect();
            let at = answers[which.index(answers.len())];
            let id = events[at].data["id"].to_string();
            let mut lost = events.clone();
            lost.remove(at);
            let found = faults(&golden, &lost);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].id, &id);
            let is_unanswered = matches!(found[0].what, Owing::Unanswered { .. });
            prop_assert!(is_unanswered);
            let mut twice = events.clone();
            twice.insert(which.index(twice.len() - at) + at + 1, events[at].clone());
            let found = faults(&golden, &twice);
            prop_assert_eq!(found.len(), 1);
            let is_again = matches!(found[0].what, Owing::Again { .. });
            prop_assert!(is_again && found[0].id == id);
            // An unknown id.
            let mut crossed = events.clone();
            crossed[at].data = json!({ "id": 99 });
            let found = faults(&golden, &crossed);
            prop_assert_eq!(found.len(), 2, "one answers nothing, and one is not answered: {:?}", found);
        }
    }

    #[test]
    fn no_more_than_some_requests_are_remembered() {
        let golden = golden();
        let mut owed = Owed::new(&golden);
        for id in 0..3 * REMEMBERED {
            owed.feed(&event(">a", id));
        }
        assert_eq!((owed.held(), owed.kinds[0].asked.len()), (REMEMBERED, REMEMBERED));
        assert!(owed.waits_for().is_some());
    }
}
