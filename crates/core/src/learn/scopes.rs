//! The content of each scope (the session or the lanes of a key) in recordings: its events and lanes, their order and
//! their times.

use super::lanes::Lanes;
use super::relations::Relations;
use super::session::Session;
use super::traces::Traces;
use crate::dialect::Label;
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Two events race if they would be reversed more often than this, and if that they never were is no rarer than the other.
const MIN_REVERSED: f64 = 0.003;
const ALPHA_RACE: f64 = 0.02;
/// With fewer observations, races are not examined, and the observed order is kept.
const MIN_RACES: usize = 6;
/// The maximum of events of one scope that are compared pair by pair; beyond, events are ordered only if all of one
/// come before all of another.
pub(super) const MANY: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol {
    Event(Label),
    Lane(String),
}

/// The times of the symbols in one instance.
#[derive(Debug, Default)]
pub(super) struct Span {
    /// First and last, in nanoseconds.
    pub(super) ends: BTreeMap<u16, (u64, u64)>,
    pub(super) times: BTreeMap<u16, u32>,
}

impl Span {
    /// The beginning and the end of the instance.
    pub(super) fn whole(&self) -> (u64, u64) {
        let begin = self.ends.values().map(|(first, _)| *first).min().unwrap_or(0);
        (begin, self.ends.values().map(|(_, last)| *last).max().unwrap_or(0))
    }
}

/// The latest occurrence of a symbol in an instance.
pub(super) struct Arrival<'s> {
    pub(super) span: &'s Span,
    pub(super) at: u64,
    /// The events that are always before it, with the time of their latest occurrence.
    pub(super) before: Vec<(u64, u16)>,
}

/// Whether two symbols are as if each came by itself, at a time of its own after the latest of those that are always before
/// both. Such an order is reversed once in so many instances, and that no recording shows it so means nothing. If one followed
/// from the other, times of their own would mostly have reversed them in some recording. Where nothing is before them, their
/// times tell nothing.
pub(super) fn is_race(arrivals: &[Arrival<'_>], other: u16, relations: &Relations) -> bool {
    let (mut first, mut second) = (Gaps::default(), Gaps::default());
    for Arrival { span, at, before } in arrivals {
        let Some((then, _)) = span.ends.get(&other) else { continue };
        // Parts of one message are in the order of its writer.
        if at == then {
            return false;
        }
        let since = before.iter().find(|(_, symbol)| relations.always(*symbol, other));
        let Some((since, _)) = since else { return false };
        first.add(at.saturating_sub(*since));
        second.add(then.saturating_sub(*since));
    }
    let ((a, b), n) = ((first.mean_and_variance(), second.mean_and_variance()), first.logs.len());
    let (Some(a), Some(b)) = (a, b) else { return false };
    // Logarithms of latencies are normal, as in METHOD.md.
    let Ok(normal) = Normal::new(0.0, (a.1 + b.1).sqrt()) else { return false };
    let reversed = normal.cdf(a.0 - b.0);
    #[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
    let never = (n as f64 * (1.0 - reversed).ln()).exp();
    n >= MIN_RACES && reversed > MIN_REVERSED && never > ALPHA_RACE
}

/// The observations of one scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) symbols: Vec<Symbol>,
    pub(super) traces: Traces,
    /// The greatest number of lanes of a key within one instance of this scope.
    pub(super) lanes: BTreeMap<u16, u32>,
    pub(super) gaps: HashMap<(u16, u16), Gaps>,
    /// For every instance when each symbol came.
    pub(super) spans: Vec<Span>,
}

impl Scope {
    /// The number of occurrences of a symbol.
    pub(super) fn times(&self, symbol: u16) -> usize {
        let count = |trace: &[u16]| trace.iter().filter(|own| **own == symbol).count();
        self.traces.iter().map(|(trace, n)| count(trace) * *n as usize).sum()
    }

    /// The number of instances with a symbol.
    pub(super) fn instances(&self, symbol: u16) -> usize {
        self.spans.iter().filter(|span| span.times.contains_key(&symbol)).count()
    }

    /// The probability that a symbol which may come at any time never came before `other` (or after it) by chance: each
    /// time it has the rest of the instance to fall into.
    pub(super) fn misses_by_chance(&self, symbol: u16, other: u16, other_first: bool) -> f64 {
        let mut chance = 1.0_f64;
        for span in &self.spans {
            let (Some((first, last)), Some(times)) = (span.ends.get(&other), span.times.get(&symbol)) else {
                continue;
            };
            let (begin, end) = span.whole();
            let closed = if other_first { last.saturating_sub(begin) } else { end.saturating_sub(*first) };
            let share = closed as f64 / end.saturating_sub(begin).max(1) as f64;
            chance *= (1.0 - share).powi(i32::try_from(*times).unwrap_or(i32::MAX));
        }
        chance
    }

    /// Every instance in which a symbol came, with what is always before it there, the latest first.
    pub(super) fn arrivals(&self, symbol: u16, relations: &Relations) -> Vec<Arrival<'_>> {
        let arrivals = self.spans.iter().filter_map(|span| {
            let (_, at) = *span.ends.get(&symbol)?;
            let is_before = |(other, _): &(&u16, &(u64, u64))| relations.always(**other, symbol);
            let mut before: Vec<(u64, u16)> =
                span.ends.iter().filter(is_before).map(|(other, (_, last))| (*last, *other)).collect();
            before.sort_unstable_by(|a, b| b.cmp(a));
            Some(Arrival { span, at, before })
        });
        arrivals.collect()
    }

    /// The distances between a symbol and the nearest of those that always come before it (or after it). If they are
    /// those of a dependency, it follows whichever is nearest (or is followed by it).
    pub(super) fn depends_on(&self, symbol: u16, others: &BTreeSet<u16>, others_first: bool) -> Gaps {
        let mut gaps = Gaps::default();
        for span in &self.spans {
            let Some((first, last)) = span.ends.get(&symbol) else { continue };
            let others = others.iter().filter_map(|other| span.ends.get(other));
            let gap = if others_first {
                others.map(|(_, last)| *last).max().map(|nearest| first.saturating_sub(nearest))
            } else {
                others.map(|(first, _)| *first).min().map(|nearest| nearest.saturating_sub(*last))
            };
            if let Some(gap) = gap {
                gaps.add(gap);
            }
        }
        gaps
    }

    /// The usual time between two occurrences of a symbol if they were spread evenly, in seconds.
    pub(super) fn spacing(&self, symbol: u16) -> f64 {
        let mut spacings = Gaps::default();
        for span in &self.spans {
            let Some(times) = span.times.get(&symbol) else { continue };
            let (begin, end) = span.whole();
            spacings.add(end.saturating_sub(begin) / u64::from(*times));
        }
        spacings.median().unwrap_or(0.0)
    }
}

/// The times from the latest a to the next b.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// The logarithms of seconds.
    pub(super) logs: Vec<f64>,
}

impl Gaps {
    /// Adds a time in nanoseconds.
    pub(super) fn add(&mut self, nanos: u64) {
        self.logs.push((nanos as f64 / 1e9).max(1e-9).ln());
    }

    /// In seconds.
    pub(super) fn median(&self) -> Option<f64> {
        let mut logs = self.logs.clone();
        logs.sort_by(f64::total_cmp);
        logs.get(logs.len() / 2).map(|log| log.exp())
    }

    /// Of the logarithms of seconds; none for fewer than three.
    pub(super) fn mean_and_variance(&self) -> Option<(f64, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
        let n = self.logs.len() as f64;
        let mean = self.logs.iter().sum::<f64>() / n;
        let squares = self.logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        (n >= 3.0).then(|| (mean, squares / (n - 1.0)))
    }

    /// Whether the distance is stable, as that of a dependency is; a coincidence has a wide one. One in twenty may be
    /// anything: two messages that were read together have next to no distance.
    pub(super) fn is_causal(&self) -> bool {
        let mut logs = self.logs.clone();
        logs.sort_by(f64::total_cmp);
        let logs = &logs[logs.len() / 20..];
        let (Some(least), Some(median)) = (logs.first(), logs.get(logs.len() / 2)) else { return false };
        #[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        let spread = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        n >= 3.0 && median.exp() >= 0.0005 && (least - median).exp() >= 0.25 && spread <= 0.65
    }
}

pub(super) fn scopes(sessions: &[Session], lanes: &Lanes) -> BTreeMap<String, Scope> {
    let mut scopes: BTreeMap<String, Scope> = BTreeMap::new();
    let mut symbols: BTreeMap<String, BTreeSet<Symbol>> = BTreeMap::new();
    symbols.entry(String::new()).or_default();
    for event in sessions.iter().flat_map(|session| &session.events) {
        let chain = lanes.chain(&event.label);
        let mut scope = "";
        for key in &chain {
            symbols.entry(scope.to_owned()).or_default().insert(Symbol::Lane((*key).to_owned()));
            scope = key;
        }
        symbols.entry(scope.to_owned()).or_default().insert(Symbol::Event(event.label.clone()));
    }
    for (key, symbols) in symbols {
        scopes.insert(key, Scope { symbols: symbols.into_iter().collect(), ..Scope::default() });
    }
    for session in sessions {
        add_session(&mut scopes, session, lanes);
    }
    scopes
}

/// One instance of a scope while a session is read.
#[derive(Default)]
pub(super) struct Instance {
    pub(super) trace: Vec<u16>,
    /// The latest occurrence of each symbol: its time and its event in the trace.
    pub(super) latest: BTreeMap<u16, (u64, usize)>,
    pub(super) children: BTreeMap<u16, BTreeSet<String>>,
    pub(super) span: BTreeMap<u16, (u64, u64)>,
}

pub(super) fn add_session(scopes: &mut BTreeMap<String, Scope>, session: &Session, lanes: &Lanes) {
    let mut instances: BTreeMap<(String, String), Instance> = BTreeMap::new();
    instances.insert((String::new(), String::new()), Instance::default());
    let mut parent_of: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut rounds: BTreeMap<(String, String), u32> = BTreeMap::new();
    for event in &session.events {
        let chain = lanes.chain(&event.label);
        let mut values: Vec<String> =
            chain.iter().map(|key| lanes.value(event, key).unwrap_or_default()).collect();
        for (key, value) in chain.iter().zip(&mut values) {
            let round = rounds.entry(((*key).to_owned(), value.clone())).or_default();
            *round += u32::from(lanes.begins_again(&event.label, key));
            if *round > 1 {
                value.push_str(&format!("#{round}"));
            }
        }
        // An event with only the inner lane's key belongs to the outer lane of an earlier event with both.
        for i in (0..chain.len()).rev() {
            if i + 1 < chain.len() {
                let child = (chain[i + 1].to_owned(), values[i + 1].clone());
                if values[i].is_empty() {
                    values[i] = parent_of.get(&child).cloned().unwrap_or_default();
                } else {
                    parent_of.insert(child, values[i].clone());
                }
            }
        }
        let mut at = (String::new(), String::new());
        let own = Symbol::Event(event.label.clone());
        let steps = chain
            .iter()
            .zip(&values)
            .map(|(key, value)| (Symbol::Lane((*key).to_owned()), Some(((*key).to_owned(), value.clone()))));
        for (symbol, next) in steps.chain([(own, None)]) {
            let Some(scope) = scopes.get_mut(&at.0) else { break };
            let Ok(index) = scope.symbols.binary_search(&symbol) else { break };
            let symbol = u16::try_from(index).unwrap_or(u16::MAX);
            let instance = instances.entry(at.clone()).or_default();
            instance.take(symbol, event.at.as_nanos(), &mut scope.gaps);
            if let Some(next) = next {
                instance.children.entry(symbol).or_default().insert(next.1.clone());
                at = next;
            }
        }
    }
    for ((key, _), instance) in instances {
        let Some(scope) = scopes.get_mut(&key) else { continue };
        let mut times: BTreeMap<u16, u32> = BTreeMap::new();
        for symbol in &instance.trace {
            *times.entry(*symbol).or_default() += 1;
        }
        scope.spans.push(Span { ends: instance.span, times });
        *scope.traces.entry(instance.trace).or_default() += 1;
        for (symbol, children) in instance.children {
            let most = scope.lanes.entry(symbol).or_default();
            *most = (*most).max(u32::try_from(children.len()).unwrap_or(u32::MAX));
        }
    }
}

impl Instance {
    pub(super) fn take(&mut self, symbol: u16, now: u64, gaps: &mut HashMap<(u16, u16), Gaps>) {
        self.trace.push(symbol);
        // Only the first b after an a measures the distance from that a.
        let before = self.latest.get(&symbol).map(|(_, turn)| *turn);
        let turn = self.trace.len();
        // With so many names, the distances of all pairs are not needed.
        let is_many = self.latest.len() > MANY;
        for (other, (then, taken)) in self.latest.iter().filter(|_| !is_many) {
            if *other != symbol && before.is_none_or(|before| *taken > before) {
                gaps.entry((*other, symbol)).or_default().add(now.saturating_sub(*then));
            }
        }
        self.latest.insert(symbol, (now, turn));
        self.span.entry(symbol).and_modify(|(_, last)| *last = now).or_insert((now, now));
    }
}
