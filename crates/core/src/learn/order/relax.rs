//! Parts that allow a little more than was seen.

use crate::golden::{Order, Times};
use crate::learn::traces::Traces;

/// In `&` a repeated event that was seen only once or twice in some session may as well be absent in another.
pub(super) fn relax(order: Order, traces: &Traces) -> Order {
    match order {
        Order::Repeat(body, Times::SOME) if matches!(*body, Order::Event(_)) => {
            let least = traces.keys().map(Vec::len).min().unwrap_or(0);
            Order::Repeat(body, if least <= 2 { Times::ANY } else { Times::SOME })
        }
        other => other,
    }
}

/// What floats and is not always there may as well come again.
pub(super) fn free(order: Order) -> Order {
    match order {
        Order::All(parts) => Order::All(parts.into_iter().map(free).collect()),
        Order::Repeat(body, Times::OPTIONAL) if matches!(*body, Order::Event(_)) => {
            Order::Repeat(body, Times::ANY)
        }
        other => other,
    }
}

/// What floats and came once in each of a few recordings may come as often as anything else that floats.
pub(super) fn rare(order: Order) -> Order {
    match order {
        Order::Event(_) => Order::Repeat(Box::new(order), Times::ANY),
        Order::All(parts) => Order::All(parts.into_iter().map(rare).collect()),
        Order::Repeat(body, Times::OPTIONAL) => match rare(*body) {
            body if body.is_optional() => body,
            body => Order::Repeat(Box::new(body), Times::OPTIONAL),
        },
        order => order,
    }
}
