//! What an event waits for: its causal predecessor, found by the order, not by whatever came last.
//!
//! The cause of an event is the latest earlier event that the order puts before it: of the same lane when both stand
//! in it, never one that merely runs beside it (a branch of the same `&`, another lane of the same `each`).

use super::{Order, Times};
use crate::dialect::Label;
use crate::transcript::{Gap, Offset};
use std::collections::HashMap;

/// Follows a session and says of every server event how long after its cause it came.
#[derive(Debug, Clone)]
pub struct Causes {
    /// For each event the events that can cause it, each with the key of the innermost lane they share.
    possible: HashMap<Label, Vec<(Label, Option<String>)>>,
    latest: HashMap<(Label, Option<(String, String)>), Offset>,
}

#[derive(Clone, PartialEq)]
enum Step {
    Node(usize, bool),
    Lane(usize, String),
}

impl Causes {
    /// At the start of a session with this order.
    pub fn new(order: &Order) -> Causes {
        let mut paths = Vec::new();
        let mut next = 0;
        collect(order, &mut next, &mut Vec::new(), &mut paths);
        let possible = paths
            .iter()
            .filter(|(label, path)| !label.is_client() && !floats(path))
            .map(|(label, path)| {
                let causes = paths
                    .iter()
                    .filter(|(_, other)| !floats(other) || other == path)
                    .filter_map(|(other, theirs)| {
                        let shared = path.iter().zip(theirs).take_while(|(a, b)| a == b).count();
                        let meets_at = shared.checked_sub(1).map(|i| &path[i]);
                        let same = other == label;
                        let beside = matches!(meets_at, Some(Step::Node(_, true))) && !same;
                        let lane = path[..shared].iter().rev().find_map(|step| match step {
                            Step::Lane(_, key) => Some(key.clone()),
                            Step::Node(..) => None,
                        });
                        (!beside).then(|| (other.clone(), lane))
                    })
                    .collect();
                (label.clone(), causes)
            })
            .collect();
        Causes { possible, latest: HashMap::new() }
    }

    /// Takes the next event, which stands in `lanes`; its cause and the time since, when it has one.
    pub fn feed(&mut self, label: &Label, lanes: &[(String, String)], at: Offset) -> Option<(Label, Gap)> {
        let cause = self.possible.get(label).into_iter().flatten().filter_map(|(other, key)| {
            let lane = match key {
                Some(key) => Some(lanes.iter().find(|(own, _)| own == key)?.clone()),
                None => None,
            };
            let then = *self.latest.get(&(other.clone(), lane))?;
            Some((then, other))
        });
        // Of two that came at the same moment the name decides, so that every reading gives the same.
        let cause = cause.max().map(|(then, other)| (other.clone(), at.since(then)));
        self.latest.insert((label.clone(), None), at);
        for lane in lanes {
            self.latest.insert((label.clone(), Some(lane.clone())), at);
        }
        cause
    }
}

/// The way from the root to every event; a step knows whether its node is an `&`.
fn collect(order: &Order, next: &mut usize, path: &mut Vec<Step>, out: &mut Vec<(Label, Vec<Step>)>) {
    let id = *next;
    *next += 1;
    match order {
        Order::Event(label) => out.push((label.clone(), path.clone())),
        Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
            path.push(Step::Node(id, matches!(order, Order::All(_))));
            parts.iter().for_each(|part| collect(part, next, path, out));
            path.pop();
        }
        Order::Repeat(body, Times { .. }) => collect(body, next, path, out),
        Order::Each { key, body } => {
            path.push(Step::Lane(id, key.clone()));
            collect(body, next, path, out);
            path.pop();
        }
    }
}

/// Whether an event may come at any time: a branch by itself of an `&` at the top.
fn floats(path: &[Step]) -> bool {
    matches!(path, [Step::Node(_, true)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::parse_order;

    #[test]
    fn the_cause_is_what_the_order_says_not_what_came_last() {
        let order = "( >ask ; start ; ( think* & each k ( exec ; done )* ) ; tok+ ; end ) & beat*";
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
            ">ask", "start", "exec:1", "beat", "think", "exec:2", "done:1", "think", "done:2", "tok", "tok",
            "end",
        ]
        .map(&mut feed)
        .to_vec();
        assert_eq!(
            found,
            [
                "-", ">ask 1", "start 1", "-", "start 3", "start 4", "exec 4", "think 3", "exec 3", "done 1",
                "tok 1", "tok 1"
            ]
        );
    }
}
