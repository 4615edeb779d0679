//! Loops: the rounds that traces have, where cutting them makes them more regular.

use super::chance::at_edge_by_chance;
use super::learner::{Learner, MIN_FLOAT};
use super::turns::alternates;
use crate::golden::{Order, Times};
use crate::learn::relations::{Relations, before, concurrent};
use crate::learn::traces::Traces;

/// An event that begins (or ends) every round of others does so against this probability of chance.
const ALPHA_EDGE: f64 = 0.01;

/// In so many rounds two events are in the same order before that shows that there are rounds.
const MIN_ROUNDS: u32 = 6;

impl Learner<'_> {
    pub(super) fn repeated(
        &mut self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Order> {
        let segments = self.rounds(key, traces, relations, min_n)?;
        let body = self.cut(key, &segments, min_n);
        Some(Order::Repeat(Box::new(body), Times::SOME))
    }

    /// The rounds of a loop, when cutting the traces at their first (or last) event makes them more regular.
    pub(super) fn rounds(
        &self,
        key: &str,
        traces: &Traces,
        relations: &Relations,
        min_n: u32,
    ) -> Option<Traces> {
        if !self.loops {
            return None;
        }
        let same = |mut ends: Vec<u16>| {
            ends.dedup();
            if let [only] = ends[..] { Some(only) } else { None }
        };
        let first = same(traces.keys().filter_map(|trace| trace.first().copied()).collect());
        let last = same(traces.keys().filter_map(|trace| trace.last().copied()).collect());
        let heads = [(first, true), (last, false)];
        for (head, at_start) in heads {
            let Some(head) = head.filter(|head| !self.is_lane(key, *head)) else { continue };
            let most = traces.keys().map(|t| t.iter().filter(|s| **s == head).count()).max().unwrap_or(0);
            if most < 2 {
                continue;
            }
            let mut segments = Traces::new();
            for (trace, weight) in traces {
                for segment in cut_at(trace, head, at_start) {
                    *segments.entry(segment).or_default() += weight;
                }
            }
            let inner = self.relations(key, &segments);
            let total: u32 = segments.values().sum();
            let symbols = &relations.symbols;
            // What came exactly once in every session would be part of some rounds and not of others: no longer required,
            // and free to come again. It shows no rounds either: it was in one of them each time.
            let is_lost = |symbol: u16| {
                let came_once = |trace: &Vec<u16>| trace.iter().filter(|s| **s == symbol).count() == 1;
                symbol != head && traces.keys().all(came_once)
            };
            let ordered = symbols
                .iter()
                .flat_map(|a| symbols.iter().map(move |b| (*a, *b)))
                .filter(|(a, b)| {
                    // With the head itself, which begins or ends every round, everything is in order.
                    a < b
                        && *a != head
                        && *b != head
                        && !is_lost(*a)
                        && !is_lost(*b)
                        && concurrent(relations, min_n, *a, *b)
                        && (before(&inner, MIN_ROUNDS, *a, *b)
                            || before(&inner, MIN_ROUNDS, *b, *a))
                        // What takes turns anyhow, a ping and its answer, needs no rounds for it.
                        && !alternates(traces, *a, *b)
                })
                .count();
            let once = |symbol: u16| -> u32 {
                let is_once = |trace: &[u16]| trace.iter().filter(|s| **s == symbol).count() == 1;
                segments.iter().filter(|(trace, _)| is_once(trace)).map(|(_, n)| n).sum()
            };
            let regular =
                symbols.iter().filter(|s| **s != head && total >= 4 && once(**s) * 10 >= total * 9).count();
            // Cut only because the head is always at the edge, it must lose nothing.
            let keeps_all = !symbols.iter().any(|symbol| is_lost(*symbol));
            // What comes most of the time by itself is first by its number: others fall between two of it, once or twice. And of
            // what floats the first is what the clock has first.
            let events: usize = segments.iter().map(|(trace, n)| trace.len() * *n as usize).sum();
            let may_be_edge = keeps_all && min_n < MIN_FLOAT && events >= 2 * total as usize;
            if ordered + regular > 0 || (may_be_edge && at_edge_by_chance(traces, head) <= ALPHA_EDGE) {
                return Some(segments);
            }
        }
        None
    }
}

/// Cuts a trace at every occurrence of its first (or last) symbol.
fn cut_at(trace: &[u16], head: u16, at_start: bool) -> Vec<Vec<u16>> {
    let mut segments: Vec<Vec<u16>> = Vec::new();
    let mut current = Vec::new();
    for symbol in trace {
        if at_start && *symbol == head && !current.is_empty() {
            segments.push(std::mem::take(&mut current));
        }
        current.push(*symbol);
        if !at_start && *symbol == head {
            segments.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        segments.push(current);
    }
    segments
}
