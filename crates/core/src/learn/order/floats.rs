//! Parts that float: what comes anywhere among the others.

use super::learner::{Learner, MIN_FLOAT, MIN_RULE};
use super::relax::{free, rare, relax};
use super::turns::takes_turns;
use crate::golden::Order;
use crate::learn::relations::{Relations, pairs_around, stages};
use crate::learn::traces::{Traces, project};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl Learner<'_> {
    pub(super) fn floating(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let mut rest: Vec<u16> = relations.symbols.clone();
        let mut floats = BTreeSet::new();
        // What has its place in every round of a loop does not float, though it comes before and after the others.
        let segments = self.rounds(key, traces, relations, min_n);
        let rounds = segments.as_ref().map(|segments| self.relations(key, segments));
        // Within a round it is a round of its own that has a beginning and an end more than once.
        let turns = segments.as_ref().unwrap_or(traces);
        let known: RefCell<HashMap<(u16, u16), bool>> = RefCell::default();
        let take_turns =
            |a: u16, b: u16| *known.borrow_mut().entry((a, b)).or_insert_with(|| takes_turns(turns, a, b));
        loop {
            let around = |h: u16| {
                let in_rounds = |rounds: &Relations| pairs_around(rounds, min_n, &rest, h) > 0;
                let floats = !self.is_lane(key, h) && rounds.as_ref().is_none_or(in_rounds);
                if floats { pairs_around(relations, min_n, &rest, h) } else { 0 }
            };
            let pairs: BTreeMap<u16, usize> = rest.iter().map(|h| (*h, around(*h))).collect();
            // What takes turns with something that has its place, as an end does with its beginning, has one, too.
            let is_paired = |h: u16| {
                let mut others = rest.iter().filter(|a| pairs[a] == 0 && !self.is_lane(key, **a));
                others.any(|a| take_turns(*a, h))
            };
            let paired: BTreeSet<u16> =
                pairs.iter().filter(|(h, around)| **around > 0 && is_paired(**h)).map(|(h, _)| *h).collect();
            let best = pairs
                .iter()
                .filter(|(h, around)| **around > 0 && !(self.pairs && paired.contains(h)))
                .map(|(h, around)| (*around, std::cmp::Reverse(*h)))
                .max();
            self.met_pairs |= !paired.is_empty();
            let Some((_, std::cmp::Reverse(h))) = best else { break };
            rest.retain(|symbol| *symbol != h);
            floats.insert(h);
        }
        if floats.is_empty() || rest.is_empty() {
            return None;
        }
        // What comes once, between what is before it and what is after it, stands beside something in its place: a question
        // and its answer while other things go on. Only what no place can be found for may come anywhere.
        if floats.iter().all(|h| self.comes_once(key, *h)) && stages(relations, min_n).len() > 1 {
            return None;
        }
        if let Some(order) = self.farewell(key, traces, relations, &floats) {
            return Some(order);
        }
        let rest = self.cut(key, &project(traces, &rest.into_iter().collect()), min_n);
        let floats_traces = project(traces, &floats);
        let floats = self.cut(key, &floats_traces, MIN_FLOAT);
        let with: u32 = floats_traces.iter().filter(|(trace, _)| !trace.is_empty()).map(|(_, n)| n).sum();
        let floats = free(relax(floats, &floats_traces));
        Some(Order::All(vec![rest, if with < MIN_RULE { rare(floats) } else { floats }]))
    }

    /// After the last event of the scope nothing comes, not even what floats, if that held often enough.
    fn farewell(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        floats: &BTreeSet<u16>,
    ) -> Option<Order> {
        let last = *self.scopes[key].traces.keys().next()?.last()?;
        let ends_all = self.scopes[key].traces.keys().all(|trace| {
            trace.last() == Some(&last) && trace.iter().filter(|symbol| **symbol == last).count() == 1
        });
        let often = floats.iter().all(|float| relations.both(*float, last) >= MIN_RULE);
        if !ends_all || !often || self.is_lane(key, last) || !relations.symbols.contains(&last) {
            return None;
        }
        let rest = relations.symbols.iter().copied().filter(|own| *own != last).collect();
        let rest = self.cut(key, &project(traces, &rest), 1);
        let last = self.leaf(key, last, traces);
        Some(Order::Seq(vec![rest, last]))
    }
}
