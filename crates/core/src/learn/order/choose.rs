//! The order of a set of sessions: of those that accept all of them, the one that says most.

use super::learner::{Learner, MIN_RULE};
use crate::dialect::Label;
use crate::golden::{Before, Monitor, Order};
use crate::learn::lanes::Lanes;
use crate::learn::scopes::{MANY, Scope, Symbol, scopes};
use crate::learn::session::Session;
use std::collections::{BTreeMap, BTreeSet};

/// Learns the order of a set of sessions. What a person's script or an accepted golden, `known`, has one after the other is no
/// coincidence where every session has it so, too.
pub(in crate::learn) fn learn(
    sessions: &[Session],
    lanes: &Lanes,
    known: Option<&Order>,
) -> (Order, Vec<Before>) {
    let scopes = scopes(sessions, lanes);
    let mut meant = BTreeSet::new();
    if let Some(known) = known.filter(|known| known.labels().len() <= MANY) {
        in_turn(known, &mut meant);
    }
    for loops in [true, false] {
        let mut best: Option<(usize, Order, Vec<Before>)> = None;
        for pairs in [false, true] {
            let mut learner = Learner { loops, pairs, meant: meant.clone(), ..Learner::new(&scopes) };
            learner.whole();
            learner.drop_coincidental_orderings();
            learner.rules.clear();
            let order = greeted(learner.whole(), &scopes).simplified();
            let mut rules = learner.rules;
            rules.sort();
            rules.dedup();
            if sessions.iter().all(|session| accepts(&order, lanes, session)) {
                let side_by_side = beside(&order);
                // A more specific order is better, if it is equally true.
                if best.as_ref().is_none_or(|(least, ..)| side_by_side < *least) {
                    best = Some((side_by_side, order, rules));
                }
            }
            if !learner.met_pairs {
                break;
            }
        }
        if let Some((_, order, rules)) = best {
            return (order, rules);
        }
    }
    let order = Learner::new(&scopes).flat_scope("").simplified();
    (order, Vec::new())
}

/// Adds the pairs of events that an order has one after the other.
fn in_turn(order: &Order, out: &mut BTreeSet<(Label, Label)>) {
    match order {
        Order::Event(_) => {}
        Order::Seq(parts) => {
            for (at, part) in parts.iter().enumerate() {
                in_turn(part, out);
                let later: Vec<Label> =
                    parts[at + 1..].iter().flat_map(|later| later.labels().into_iter().cloned()).collect();
                for first in part.labels() {
                    out.extend(later.iter().map(|then| (first.clone(), then.clone())));
                }
            }
        }
        Order::All(parts) | Order::One(parts) => parts.iter().for_each(|part| in_turn(part, out)),
        Order::Repeat(body, _) | Order::Each { body, .. } => in_turn(body, out),
    }
}

/// The order with what the server says first in front of everything, if that held often enough: nothing comes before it, not
/// even what floats, as nothing comes after a farewell.
fn greeted(order: Order, scopes: &BTreeMap<String, Scope>) -> Order {
    let Some(scope) = scopes.get("") else { return order };
    let first = scope.traces.keys().next().and_then(|trace| trace.first());
    let (Some(first), true) = (first, scope.traces.values().sum::<u32>() >= MIN_RULE) else { return order };
    let is_greeting = |trace: &Vec<u16>| {
        trace.first() == Some(first) && trace.iter().filter(|symbol| *symbol == first).count() == 1
    };
    let Symbol::Event(label) = &scope.symbols[usize::from(*first)] else { return order };
    if label.is_client() || !scope.traces.keys().all(is_greeting) {
        return order;
    }
    match without(&order, label) {
        Some(rest) => Order::Seq(vec![Order::Event(label.clone()), rest]),
        None => order,
    }
}

/// An order without an event that is in it once, neither optional nor repeated; otherwise none.
fn without(order: &Order, label: &Label) -> Option<Order> {
    let (Order::Seq(parts) | Order::All(parts)) = order else { return None };
    let is_it = |part: &Order| matches!(part, Order::Event(own) if own == label);
    let mut rest = parts.clone();
    if let Some(at) = parts.iter().position(is_it) {
        rest.remove(at);
    } else {
        let (at, part) = parts.iter().enumerate().find_map(|(at, part)| Some((at, without(part, label)?)))?;
        rest[at] = part;
    }
    Some(if matches!(order, Order::Seq(_)) { Order::Seq(rest) } else { Order::All(rest) })
}

/// The number of pairs of events that may come in any order because they are concurrent.
fn beside(order: &Order) -> usize {
    match order {
        Order::Event(_) => 0,
        Order::All(parts) => {
            let sizes: Vec<usize> = parts.iter().map(|part| part.labels().len()).collect();
            let all: usize = sizes.iter().sum();
            let pairs = sizes.iter().map(|size| size * (all - size)).sum::<usize>() / 2;
            pairs + parts.iter().map(beside).sum::<usize>()
        }
        Order::Seq(parts) | Order::One(parts) => parts.iter().map(beside).sum(),
        Order::Repeat(body, _) | Order::Each { body, .. } => beside(body),
    }
}

/// Whether an order accepts a session from beginning to end.
pub(super) fn accepts(order: &Order, lanes: &Lanes, session: &Session) -> bool {
    let mut monitor = Monitor::new(order);
    session.events.iter().all(|event| {
        let keys = |key: &str| lanes.value(event, key);
        monitor.feed(&event.label, &keys).is_empty()
    }) && monitor.is_complete()
}
