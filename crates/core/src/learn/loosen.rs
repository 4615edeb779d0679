//! Makes an order accept the recordings from which it was learned.
//!
//! Each step gives up as little as possible: an event may be absent or come again; an event may come at any time
//! within its lane, then within the session. No step is undone by a later one, so the steps end.

use crate::dialect::Label;
use crate::golden::{Order, Times};

/// Lets an event be absent. None where it may be absent already.
pub(super) fn optional(order: &Order, label: &Label) -> Option<Order> {
    change(order, label, &|times| (times.min > 0).then_some(Times { min: 0, ..times }))
}

/// Lets an event come any number of times. None where it may already.
pub(super) fn unlimited(order: &Order, label: &Label) -> Option<Order> {
    change(order, label, &|times| times.max.is_some().then_some(Times { max: None, ..times }))
}

/// Lets an event come at any time: within its lane if it has a place there, otherwise within the session, outside of
/// lanes. None if it already may.
pub(super) fn floating(order: &Order, label: &Label) -> Option<Order> {
    if floats(order, label) {
        return None;
    }
    let keys: Vec<String> = order.keys_of(label).unwrap_or_default().into_iter().map(str::to_owned).collect();
    let within = keys.last().filter(|key| !floats_in(order, label, key));
    let rest = without(order.clone(), label);
    let free = Order::Repeat(Box::new(Order::Event(label.clone())), Times::ANY);
    let beside = |body: Order| Order::All(vec![body, free.clone()]);
    let Some(rest) = rest else { return Some(free) };
    let placed = within.and_then(|key| in_lane(&rest, key, &beside));
    Some(placed.unwrap_or_else(|| beside(rest)).simplified())
}

/// All events concurrently, which accepts every session of these events.
pub(super) fn flat<'l>(labels: impl Iterator<Item = &'l Label>) -> Order {
    Order::All(labels.map(|label| Order::Repeat(Box::new(Order::Event(label.clone())), Times::ANY)).collect())
        .simplified()
}

/// Changes the allowed number of an event at its place.
fn change(order: &Order, label: &Label, change_times: &dyn Fn(Times) -> Option<Times>) -> Option<Order> {
    let again = |event: &Order, times: Times| {
        change_times(times).map(|times| Order::Repeat(Box::new(event.clone()), times))
    };
    let one_of = |parts: &[Order]| -> Option<Vec<Order>> {
        let changed = |part: &Order| change(part, label, change_times);
        let (at, part) = parts.iter().enumerate().find_map(|(at, part)| Some((at, changed(part)?)))?;
        let mut parts = parts.to_vec();
        parts[at] = part;
        Some(parts)
    };
    match order {
        Order::Event(own) => (own == label).then(|| again(order, Times::ONCE)).flatten(),
        Order::Repeat(body, times) => match &**body {
            Order::Event(own) => (own == label).then(|| again(body, *times)).flatten(),
            body => Some(Order::Repeat(Box::new(change(body, label, change_times)?), *times)),
        },
        Order::Seq(parts) => one_of(parts).map(Order::Seq),
        Order::All(parts) => one_of(parts).map(Order::All),
        Order::One(parts) => one_of(parts).map(Order::One),
        Order::Each { key, body } => {
            Some(Order::Each { key: key.clone(), body: Box::new(change(body, label, change_times)?) })
        }
    }
}

/// Whether an event comes at any time in the session.
fn floats(order: &Order, label: &Label) -> bool {
    match order {
        Order::All(parts) => parts.iter().any(|part| is_free(part, label)),
        part => is_free(part, label),
    }
}

fn is_free(part: &Order, label: &Label) -> bool {
    matches!(part, Order::Repeat(body, Times::ANY) if matches!(&**body, Order::Event(own) if own == label))
}

/// Whether an event comes at any time in the lanes of a key.
fn floats_in(order: &Order, label: &Label, key: &str) -> bool {
    match order {
        Order::Event(_) => false,
        Order::Seq(parts) | Order::All(parts) | Order::One(parts) => {
            parts.iter().any(|part| floats_in(part, label, key))
        }
        Order::Repeat(body, _) => floats_in(body, label, key),
        Order::Each { key: own, body } => {
            if own == key {
                floats(body, label)
            } else {
                floats_in(body, label, key)
            }
        }
    }
}

/// The order without an event; none where nothing is left.
fn without(order: Order, label: &Label) -> Option<Order> {
    let kept = |parts: Vec<Order>| -> Vec<Order> {
        parts.into_iter().filter_map(|part| without(part, label)).collect()
    };
    let group = |parts: Vec<Order>, make: fn(Vec<Order>) -> Order| {
        let parts = kept(parts);
        (!parts.is_empty()).then(|| make(parts))
    };
    match order {
        Order::Event(own) => (own != *label).then_some(Order::Event(own)),
        Order::Seq(parts) => group(parts, Order::Seq),
        Order::All(parts) => group(parts, Order::All),
        Order::One(parts) => group(parts, Order::One),
        Order::Repeat(body, times) => Some(Order::Repeat(Box::new(without(*body, label)?), times)),
        Order::Each { key, body } => Some(Order::Each { key, body: Box::new(without(*body, label)?) }),
    }
}

/// The order with the body of the lanes of a key made into another one; none where it has no such lanes.
fn in_lane(order: &Order, key: &str, make: &dyn Fn(Order) -> Order) -> Option<Order> {
    let one_of = |parts: &[Order]| -> Option<Vec<Order>> {
        let (at, part) =
            parts.iter().enumerate().find_map(|(at, part)| Some((at, in_lane(part, key, make)?)))?;
        let mut parts = parts.to_vec();
        parts[at] = part;
        Some(parts)
    };
    match order {
        Order::Event(_) => None,
        Order::Seq(parts) => one_of(parts).map(Order::Seq),
        Order::All(parts) => one_of(parts).map(Order::All),
        Order::One(parts) => one_of(parts).map(Order::One),
        Order::Repeat(body, times) => Some(Order::Repeat(Box::new(in_lane(body, key, make)?), *times)),
        Order::Each { key: own, body } => {
            let body = if own == key { make((**body).clone()) } else { in_lane(body, key, make)? };
            Some(Order::Each { key: own.clone(), body: Box::new(body) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::parse_order;

    fn after(step: fn(&Order, &Label) -> Option<Order>, order: &str, label: &str) -> Option<String> {
        let order = parse_order(order).expect("a valid order");
        step(&order, &Label::from(label)).map(|order| order.simplified().to_string())
    }

    #[test]
    fn as_little_is_given_up_as_will_do() {
        let order = "hi ; each k ( begin ; part+ ; end )+ ; bye";
        let is =
            |step, label, expected: &str| assert_eq!(after(step, order, label).as_deref(), Some(expected));
        is(optional, "end", "hi ; each k ( begin ; part+ ; end? )+ ; bye");
        is(optional, "part", "hi ; each k ( begin ; part* ; end )+ ; bye");
        is(unlimited, "end", "hi ; each k ( begin ; part+ ; end+ )+ ; bye");
        is(floating, "part", "hi ; each k ( ( begin ; end ) & part* )+ ; bye");
        is(floating, "hi", "( each k ( begin ; part+ ; end )+ ; bye ) & hi*");
        assert_eq!(after(unlimited, order, "part"), None);
        assert_eq!(after(optional, order, "unknown"), None);
    }

    #[test]
    fn what_floats_in_its_lane_leaves_it_and_then_there_is_no_more_to_give_up() {
        let within = "hi ; each k ( begin & part* )+";
        let beside = "( hi ; each k ( begin )+ ) & part*";
        assert_eq!(after(floating, within, "part").as_deref(), Some(beside));
        assert_eq!(after(floating, beside, "part"), None);
        assert_eq!(after(floating, "a", "a").as_deref(), Some("a*"));
        // An unknown event may come at any time.
        assert_eq!(after(floating, "a ; b", "c").as_deref(), Some("( a ; b ) & c*"));
    }
}
