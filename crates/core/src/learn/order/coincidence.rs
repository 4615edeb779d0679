//! Orders that always held and are a coincidence all the same.

use super::learner::Learner;
use super::turns::takes_turns;
use crate::dialect::Label;
use crate::golden::Order;
use crate::learn::relations::{Relations, concurrent, is_rare};
use crate::learn::scopes::{Gaps, MANY, Symbol, is_race};
use std::collections::{BTreeMap, BTreeSet};

/// A repeated event follows another only if it is nearer to it than this share of its usual spacing.
const NEAR: f64 = 0.25;
/// The probability of chance for a repeated event that never comes before (or after) another.
const ALPHA_CHANCE: f64 = 0.001;

/// The number of observations for a never-reversed order with an event that comes at any time.
const MIN_RACE: u32 = 30;

impl Learner<'_> {
    /// Second look: an event that comes beside others is ordered to a third only if their distance is that of a
    /// dependency, or was never reversed often enough.
    pub(super) fn drop_coincidental_orderings(&mut self) {
        let keys: Vec<String> = self.scopes.keys().cloned().collect();
        for key in keys {
            let scope = &self.scopes[&key];
            let relations = Relations::of(&scope.traces);
            if relations.symbols.len() > MANY {
                continue;
            }
            let lonely: Vec<u16> = relations
                .symbols
                .iter()
                .copied()
                .filter(|h| !self.is_lane(&key, *h))
                .filter(|h| relations.symbols.iter().any(|a| a != h && concurrent(&relations, 1, *h, *a)))
                .collect();
            let order = self.scope(&key).simplified();
            let lonely: Vec<u16> =
                lonely.into_iter().filter(|h| self.is_own_branch(&key, *h, &order)).collect();
            let mut weak = BTreeSet::new();
            for h in lonely {
                let others = || relations.symbols.iter().copied().filter(|b| *b != h);
                // A frequent event is always near another one; it depends on it only if it is nearer than by chance.
                let often = scope.times(h) > scope.instances(h);
                let near = scope.spacing(h) * NEAR;
                let hangs = |gaps: &Gaps| {
                    gaps.is_causal() && (!often || gaps.median().is_some_and(|median| median <= near))
                };
                let causal = |a, b| scope.gaps.get(&(a, b)).is_some_and(hangs);
                let earlier: BTreeSet<u16> = others().filter(|b| relations.always(*b, h)).collect();
                let later: BTreeSet<u16> = others().filter(|b| relations.always(h, *b)).collect();
                // An answer never comes before its request, nor before the event for which the client waited with its
                // request.
                let certain = |b: u16, first: bool| match first {
                    true => relations.symbols.iter().any(|asked| {
                        self.answers(&key, h, *asked) && (b == *asked || relations.always(b, *asked))
                    }),
                    false => self.answers(&key, b, h),
                };
                for (ordered, first) in [(earlier, true), (later, false)] {
                    if hangs(&scope.depends_on(h, &ordered, first)) {
                        continue;
                    }
                    let is_meant =
                        |b: u16| if first { self.is_meant(&key, b, h) } else { self.is_meant(&key, h, b) };
                    let open =
                        |b: &u16| !causal(h, *b) && !causal(*b, h) && !certain(*b, first) && !is_meant(*b);
                    for b in ordered.into_iter().filter(open) {
                        let chance = if often {
                            scope.misses_by_chance(h, b, first) > ALPHA_CHANCE
                        } else {
                            relations.both(h, b) < MIN_RACE
                        };
                        if chance {
                            weak.insert((h.min(b), h.max(b)));
                        }
                    }
                }
            }
            weak.extend(self.races(&key, &relations));
            self.weak.insert(key, weak);
        }
    }

    /// Pairs that were never reversed by chance: two that do not follow one from the other, but both from something before
    /// them, and so near to each other that one run of a few hundred has them the other way round.
    fn races(&self, key: &str, relations: &Relations) -> Vec<(u16, u16)> {
        let scope = &self.scopes[key];
        let events: Vec<u16> =
            relations.symbols.iter().copied().filter(|symbol| !self.is_lane(key, *symbol)).collect();
        // No protocol defines the order of two answers whose requests were both sent before them.
        let requests = |answer: u16| -> Vec<u16> {
            relations.symbols.iter().copied().filter(|asked| self.answers(key, answer, *asked)).collect()
        };
        let asked: BTreeMap<u16, Vec<u16>> = events.iter().map(|event| (*event, requests(*event))).collect();
        let are_outstanding = |a: u16, b: u16| {
            relations.both(a, b) < MIN_RACE
                && !asked[&a].is_empty()
                && asked[&b].iter().any(|asked| relations.always(*asked, a))
        };
        let mut races = Vec::new();
        for a in events.iter().copied() {
            let mut arrivals = None;
            for b in events.iter().copied() {
                if a == b || !relations.always(a, b) || self.answers(key, b, a) || self.is_meant(key, a, b) {
                    continue;
                }
                // A server event after a client event may be an answer, with any name.
                let may_answer = self.is_client(key, a) && !self.is_client(key, b);
                let is_race = are_outstanding(a, b)
                    || !may_answer
                        && !scope.gaps.get(&(a, b)).is_some_and(Gaps::is_causal)
                        && (is_rare(relations, scope.spans.len(), a, b)
                            || is_race(
                                arrivals.get_or_insert_with(|| scope.arrivals(a, relations)),
                                b,
                                relations,
                            ));
                if is_race {
                    races.push((a.min(b), a.max(b)));
                }
            }
        }
        self.as_pairs(key, relations, &mut races);
        races
    }

    /// Gives the second of two that take turns the races of the first: the answer to a heartbeat comes when the heartbeat does,
    /// not at a time of its own.
    fn as_pairs(&self, key: &str, relations: &Relations, races: &mut Vec<(u16, u16)>) {
        let scope = &self.scopes[key];
        let is_again =
            |symbol: u16| !self.is_lane(key, symbol) && scope.times(symbol) > scope.instances(symbol);
        let racing: BTreeSet<u16> =
            races.iter().flat_map(|(a, b)| [*a, *b]).filter(|s| is_again(*s)).collect();
        let again: Vec<u16> = relations.symbols.iter().copied().filter(|s| is_again(*s)).collect();
        for (x, y) in again.iter().flat_map(|x| again.iter().map(move |y| (*x, *y))) {
            let is_pair = x != y && (racing.contains(&x) || racing.contains(&y));
            if !is_pair || !takes_turns(&scope.traces, x, y) {
                continue;
            }
            races.retain(|(a, b)| *a != y && *b != y);
            let others: Vec<u16> = races
                .iter()
                .filter(|(a, b)| *a == x || *b == x)
                .map(|(a, b)| if *a == x { *b } else { *a })
                .filter(|z| relations.always(*z, y) || relations.always(y, *z))
                .collect();
            races.extend(others.into_iter().map(|z| (y.min(z), y.max(z))));
        }
    }

    /// Whether the order so far has an event as a branch of its own beside others.
    fn is_own_branch(&self, key: &str, symbol: u16, order: &Order) -> bool {
        let Symbol::Event(label) = self.scopes[key].symbols[usize::from(symbol)].clone() else {
            return false;
        };
        fn alone(order: &Order, label: &Label) -> bool {
            let is_it = |part: &Order| match part {
                Order::Event(own) => own == label,
                Order::Repeat(body, _) => matches!(&**body, Order::Event(own) if own == label),
                Order::Seq(_) | Order::All(_) | Order::One(_) | Order::Each { .. } => false,
            };
            match order {
                Order::All(parts) => parts.iter().any(|part| is_it(part) || alone(part, label)),
                Order::Seq(parts) | Order::One(parts) => parts.iter().any(|part| alone(part, label)),
                Order::Repeat(body, _) | Order::Each { body, .. } => alone(body, label),
                Order::Event(_) => false,
            }
        }
        alone(order, &label)
    }
}
