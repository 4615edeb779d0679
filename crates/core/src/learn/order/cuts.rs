//! Cuts into exclusive parts, parts in sequence and parts side by side; and what there is to say where nothing can be cut.

use super::chance::{no_overlap_by_chance, one_of_all_by_chance};
use super::learner::{Learner, MIN_RULE};
use super::relax::{free, relax};
use super::turns::alternates;
use crate::golden::{Before, Order, Times};
use crate::learn::relations::{Relations, before, components, levels, stages};
use crate::learn::scopes::{MANY, Symbol};
use crate::learn::traces::{Traces, project};
use std::collections::BTreeSet;

/// Two branches must exclude each other against this probability of chance.
const ALPHA_EXCLUSIVE: f64 = 0.01;

impl Learner<'_> {
    pub(super) fn exclusive(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let groups = components(&relations.symbols, |a, b| relations.both(a, b) > 0);
        if groups.len() < 2 {
            return None;
        }
        let total: u32 = traces.values().sum();
        let count = |group: &BTreeSet<u16>| -> u32 {
            traces.iter().filter(|(t, _)| t.iter().any(|s| group.contains(s))).map(|(_, n)| n).sum()
        };
        let counts: Vec<u32> = groups.iter().map(count).collect();
        let enough = counts.iter().enumerate().all(|(i, a)| {
            counts[i + 1..].iter().all(|b| no_overlap_by_chance(total, *a, *b) <= ALPHA_EXCLUSIVE)
        });
        // Rare alternatives never meet anyhow, pair by pair; that every trace has just one of all of them says more.
        let enough = enough || one_of_all_by_chance(total, &counts) <= ALPHA_EXCLUSIVE;
        let parts: Vec<Order> = groups
            .iter()
            .map(|group| {
                let mut part = project(traces, group);
                part.remove(&Vec::new());
                self.cut(key, &part, min_n)
            })
            .collect();
        Some(if enough {
            Order::One(parts)
        } else {
            Order::All(parts.into_iter().map(|part| Order::Repeat(Box::new(part), Times::OPTIONAL)).collect())
        })
    }

    pub(super) fn sequence(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let groups = stages(relations, min_n);
        if groups.len() < 2 {
            return None;
        }
        // Neighbours that are there or not there together are one optional part: (a ; b)?, not a? ; b?.
        let absent = |group: &BTreeSet<u16>| -> Vec<bool> {
            traces.keys().map(|trace| !trace.iter().any(|symbol| group.contains(symbol))).collect()
        };
        let mut parts: Vec<(Vec<bool>, BTreeSet<u16>)> = Vec::new();
        for group in groups {
            let missing = absent(&group);
            match parts.last_mut() {
                Some((before, part)) if *before == missing && missing.contains(&true) => part.extend(group),
                _ => parts.push((missing, group)),
            }
        }
        Some(Order::Seq(parts.iter().map(|(_, part)| self.cut(key, &project(traces, part), min_n)).collect()))
    }

    pub(super) fn in_levels(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let levels = levels(relations, min_n)?;
        let parts = levels.iter().map(|level| self.cut(key, &project(traces, level), min_n));
        Some(Order::Seq(parts.collect()))
    }

    pub(super) fn parallel(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let linked = |a: u16, b: u16| {
            before(relations, min_n, a, b)
                || before(relations, min_n, b, a)
                || (relations.both(a, b) > 0 && alternates(traces, a, b))
        };
        let groups = components(&relations.symbols, linked);
        if groups.len() < 2 {
            return None;
        }
        let parts = groups.iter().map(|group| {
            let part = project(traces, group);
            let order = self.cut(key, &part, min_n);
            free(relax(order, &part))
        });
        Some(Order::All(parts.collect()))
    }

    pub(super) fn flat(&mut self, key: &str, traces: &Traces, relations: &Relations) -> Order {
        for a in &relations.symbols {
            for b in &relations.symbols {
                let names =
                    (&self.scopes[key].symbols[usize::from(*a)], &self.scopes[key].symbols[usize::from(*b)]);
                if let (Symbol::Event(first), Symbol::Event(then)) = names {
                    let is_few = relations.symbols.len() <= MANY;
                    if a != b && is_few && before(relations, MIN_RULE, *a, *b) {
                        self.rules.push(Before { first: first.clone(), then: then.clone() });
                    }
                }
            }
        }
        let parts = relations.symbols.clone().into_iter().map(|symbol| {
            let part = project(traces, &BTreeSet::from([symbol]));
            let order = self.cut(key, &part, 1);
            free(relax(order, &part))
        });
        Order::All(parts.collect())
    }

    /// Everything side by side: the order that accepts any session of these events.
    pub(super) fn flat_scope(&mut self, key: &str) -> Order {
        let Some(scope) = self.scopes.get(key) else { return Order::Seq(vec![]) };
        let parts = scope.symbols.clone().into_iter().map(|symbol| {
            let body = match symbol {
                Symbol::Event(label) => Order::Event(label),
                Symbol::Lane(lane) => Order::Each { body: Box::new(self.flat_scope(&lane)), key: lane },
            };
            Order::Repeat(Box::new(body), Times::ANY)
        });
        Order::All(parts.collect())
    }
}
