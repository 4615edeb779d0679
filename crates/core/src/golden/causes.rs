//! The cause of an event: its causal predecessor by the order, not the previous event.
//!
//! The cause of an event is the latest earlier event that the order puts before it: in the same lane if both are in
//! it, never a concurrent one (a branch of the same `&`, another lane of the same `each`). One exception: a client
//! event is also the cause of the event that begins a concurrent branch, because a new lane answers it. A floating
//! event, which may come at any time, has only its own previous occurrence before it.

use super::lanes::{LaneId, Scoped};
use super::{Lane, Order, Times};
use crate::dialect::Label;
use crate::stats::FastMap;
use crate::transcript::{Gap, Offset};

/// Follows a session and returns for every server event the time since its cause.
#[derive(Debug, Clone)]
pub struct Causes {
    numbers: FastMap<Label, u32>,
    /// By number.
    events: Vec<Follower>,
    latest: Scoped<(Arrival, Mark)>,
    /// The number of events so far.
    taken: u64,
}

/// The arrival of an event with its number in the session: of several events of one read, the last one is the latest.
type Arrival = (Offset, u64);

/// A caller's mark for an event.
pub(crate) type Mark = u64;

/// One event of the order.
#[derive(Debug, Clone)]
struct Follower {
    label: Label,
    /// The events that can cause it, by the number of lanes around both.
    causes: Vec<Vec<u32>>,
    /// Whether it may come at any time.
    floats: bool,
}

#[derive(Clone, PartialEq)]
enum Step {
    Node(usize, bool),
    Lane(usize, String),
}

impl Causes {
    /// The state at the start of a session with this order.
    pub fn new(order: &Order) -> Causes {
        let mut paths = Vec::new();
        collect(order, &mut 0, &Place::default(), &mut paths);
        let floating: Vec<bool> = paths.iter().map(Place::floats).collect();
        let of_client: Vec<bool> = paths.iter().map(|place| place.label.is_client()).collect();
        let causes_of = |own: &Place| {
            let others = paths
                .iter()
                .enumerate()
                .filter(|(number, other)| !floating[*number] || other.path == own.path);
            let cause = |(number, other): (usize, &Place)| {
                let path = &own.path;
                let shared = path.iter().zip(&other.path).take_while(|(a, b)| a == b).count();
                let meets_at = shared.checked_sub(1);
                let beside = meets_at.is_some_and(|at| matches!(path[at], Step::Node(_, true)))
                    && other.label != own.label;
                let answers = of_client[number] && meets_at.is_some_and(|at| own.begins[at]);
                let lanes = path[..shared].iter().filter(|step| matches!(step, Step::Lane(..))).count();
                (!beside || answers).then_some((number, lanes))
            };
            let mut causes: Vec<Vec<u32>> = Vec::new();
            for (number, lanes) in others.filter_map(cause) {
                causes.resize(causes.len().max(lanes + 1), Vec::new());
                causes[lanes].push(u32::try_from(number).unwrap_or(u32::MAX));
            }
            causes
        };
        let events = (0..)
            .zip(paths.iter().zip(floating.iter().zip(&of_client)))
            .map(|(number, (place, (floats, is_client)))| {
                let floats = *floats;
                let causes = match (*is_client, floats) {
                    (true, _) => Vec::new(),
                    (false, true) => vec![vec![number]],
                    (false, false) => causes_of(place),
                };
                Follower { label: place.label.clone(), causes, floats }
            })
            .collect();
        let numbers = paths.iter().map(|place| place.label.clone()).zip(0..).collect();
        Causes { numbers, events, latest: Scoped::default(), taken: 0 }
    }

    /// Takes the next event, which is in `lanes`. Returns its cause and the time since, if it has one.
    pub fn feed(&mut self, label: &Label, lanes: &[Lane], at: Offset) -> Option<(Label, Gap)> {
        let lanes: Vec<LaneId> = lanes.iter().map(LaneId::of).collect();
        self.step(label, &lanes, at, 0).map(|(cause, gap, _)| (cause.clone(), gap))
    }

    /// The same by the lanes' ids, outermost first; with the mark of the cause.
    pub(crate) fn step(
        &mut self,
        label: &Label,
        lanes: &[LaneId],
        at: Offset,
        mark: Mark,
    ) -> Option<(&Label, Gap, Mark)> {
        let (cause, gap, of_cause) = self.take(self.number(label)?, lanes, at, mark)?;
        Some((self.label(cause), gap, of_cause))
    }

    /// Whether an event may come at any time.
    pub(crate) fn floats(&self, label: &Label) -> bool {
        self.number(label).is_some_and(|number| self.events[number as usize].floats)
    }

    /// The number of an event.
    pub(crate) fn number(&self, label: &Label) -> Option<u32> {
        self.numbers.get(label).copied()
    }

    /// The event of a number.
    pub(crate) fn label(&self, number: u32) -> &Label {
        &self.events[number as usize].label
    }

    /// The same by numbers: of the event, and of its cause.
    pub(crate) fn take(
        &mut self,
        number: u32,
        lanes: &[LaneId],
        at: Offset,
        mark: Mark,
    ) -> Option<(u32, Gap, Mark)> {
        let Causes { events, latest, taken, .. } = self;
        *taken += 1;
        let own = &events[number as usize];
        let mut cause: Option<((Arrival, Mark), u32)> = None;
        let mut offer = |other: u32, then: (Arrival, Mark)| {
            if cause.is_none_or(|(latest, _)| then > latest) {
                cause = Some((then, other));
            }
        };
        // The session first, then its lanes.
        for shared in 0..=lanes.len() {
            let mut cells = latest.at(shared.checked_sub(1).map(|lane| lanes[lane]));
            for other in own.causes.get(shared).into_iter().flatten() {
                if let Some(then) = cells.get(*other) {
                    offer(*other, *then);
                }
            }
            *cells.own(number) = ((at, *taken), mark);
        }
        cause.map(|(((then, _), of_cause), other)| (other, at.since(then), of_cause))
    }

    /// Drops what is known of a lane.
    pub(crate) fn forget(&mut self, lane: LaneId) {
        self.latest.forget(lane);
    }

    /// The number of stored times of events in lanes.
    pub(crate) fn held(&self) -> usize {
        self.latest.held()
    }
}

/// The place of an event in an order.
#[derive(Clone)]
struct Place {
    label: Label,
    /// The way from the root; a step knows whether its node is an `&`.
    path: Vec<Step>,
    /// For every step whether the event may be the first below it.
    begins: Vec<bool>,
}

impl Default for Place {
    fn default() -> Place {
        Place { label: Label::from(""), path: Vec::new(), begins: Vec::new() }
    }
}

impl Place {
    /// Whether it may come at any time from the beginning on: a branch by itself of an `&` that nothing but a greeting of the
    /// server precedes.
    fn floats(&self) -> bool {
        matches!(self.path.last(), Some(Step::Node(_, true)))
            && self.begins.iter().all(|begins| *begins)
            && !self.path.iter().any(|step| matches!(step, Step::Lane(..)))
    }

    fn below(&self, step: Step) -> Place {
        let mut place = self.clone();
        place.path.push(step);
        place.begins.push(true);
        place
    }
}

/// The places of all events, in reading order.
fn collect(order: &Order, next: &mut usize, place: &Place, out: &mut Vec<Place>) {
    let id = *next;
    *next += 1;
    match order {
        Order::Event(label) => out.push(Place { label: label.clone(), ..place.clone() }),
        Order::Seq(parts) => {
            let is_whole = place.path.is_empty();
            let mut place = place.below(Step::Node(id, false));
            for (number, part) in parts.iter().enumerate() {
                collect(part, next, &place, out);
                // An event that comes at any time also comes at any time after a greeting: it does not answer the greeting.
                let is_greeting =
                    is_whole && number == 0 && matches!(part, Order::Event(label) if !label.is_client());
                if !part.is_optional() && !is_greeting {
                    place.begins.fill(false);
                }
            }
        }
        Order::All(parts) | Order::One(parts) => {
            let place = place.below(Step::Node(id, matches!(order, Order::All(_))));
            parts.iter().for_each(|part| collect(part, next, &place, out));
        }
        Order::Repeat(body, Times { .. }) => collect(body, next, place, out),
        Order::Each { key, body } => collect(body, next, &place.below(Step::Lane(id, key.clone())), out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::parse_order;

    #[test]
    fn what_floats_after_a_greeting_floats() {
        let floats = |order: &str| {
            let causes = Causes::new(&parse_order(order).expect("a valid order"));
            ["beat", "start"].map(|label| causes.floats(&Label::from(label)))
        };
        assert_eq!(floats("hi ; ( ( >ask ; start ) & beat* )"), [true, false]);
        assert_eq!(floats("( hi ; >ask ; start ) & beat*"), [true, false]);
        assert_eq!(floats("hi ; >ask ; ( ( start ; done ) & beat* )"), [false, false], "it may be an answer");
        assert_eq!(floats(">hi ; ( ( >ask ; start ) & beat* )"), [false, false], "it may be an answer");
    }

    #[test]
    fn the_cause_is_what_the_order_says_not_what_came_last() {
        let order = "( ( >ask ; start ; ( think* & each k ( exec ; done )* ) ; tok+ ) & beat* ) ; end";
        let mut causes = Causes::new(&parse_order(order).expect("a valid order"));
        let mut now = 0;
        let mut feed = |text: &str| {
            now += 1;
            let (name, lane) = text.split_once(':').map_or((text, None), |(name, lane)| (name, Some(lane)));
            let lanes: Vec<_> = lane.map(|lane| ("k".to_owned(), lane.to_owned())).into_iter().collect();
            let cause = causes.feed(&Label::from(name), &lanes, Offset::from_nanos(now));
            cause.map_or("-".to_owned(), |(label, gap)| format!("{label} {}", gap.as_nanos()))
        };
        let found: Vec<String> = [
            ">ask", "start", "exec:1", "beat", "think", "exec:2", "done:1", "think", "done:2", "beat", "tok",
            "tok", "end",
        ]
        .map(&mut feed)
        .to_vec();
        assert_eq!(
            found,
            [
                "-", ">ask 1", "start 1", "-", "start 3", "start 4", "exec 4", "think 3", "exec 3", "beat 6",
                "done 2", "tok 1", "tok 1"
            ]
        );
    }
}
