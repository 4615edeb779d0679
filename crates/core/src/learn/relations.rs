//! The relations of symbols in traces: which of two is always first, and whether that is significant.

use super::traces::Traces;
use std::collections::{BTreeMap, BTreeSet};

/// Two that met at most so often, in at most one of so many instances, did so rarely.
const MAX_RARE: u32 = 4;
const RARE: usize = 5;

/// The relations of symbols in traces. There may be a thousand symbols, so pairs are places of a table.
pub(super) struct Relations {
    pub(super) symbols: Vec<u16>,
    /// The place of each symbol among the symbols.
    pub(super) places: Vec<usize>,
    /// By place of a and place of b: the number of traces with both.
    pub(super) both: Vec<u32>,
    /// The number of traces in which all a come before all b.
    pub(super) before: Vec<u32>,
    /// Whether their order is a coincidence.
    pub(super) weak: Vec<bool>,
}

impl Relations {
    pub(super) fn of(traces: &Traces) -> Relations {
        let symbols: BTreeSet<u16> = traces.keys().flatten().copied().collect();
        let symbols: Vec<u16> = symbols.into_iter().collect();
        let mut places = vec![usize::MAX; symbols.last().map_or(0, |last| usize::from(*last) + 1)];
        symbols.iter().enumerate().for_each(|(place, symbol)| places[usize::from(*symbol)] = place);
        let n = symbols.len();
        let (mut both, mut before) = (vec![0; n * n], vec![0; n * n]);
        let mut span: Vec<Option<(usize, usize)>> = vec![None; n];
        for (trace, weight) in traces {
            span.fill(None);
            for (at, symbol) in trace.iter().enumerate() {
                let own = &mut span[places[usize::from(*symbol)]];
                *own = Some((own.map_or(at, |(first, _)| first), at));
            }
            let here: Vec<(usize, usize, usize)> = span
                .iter()
                .enumerate()
                .filter_map(|(place, span)| span.map(|(first, last)| (place, first, last)))
                .collect();
            for (a, _, last) in &here {
                for (b, first, _) in &here {
                    if a != b {
                        both[a * n + b] += weight;
                        if last < first {
                            before[a * n + b] += weight;
                        }
                    }
                }
            }
        }
        Relations { symbols, places, both, before, weak: vec![false; n * n] }
    }

    /// The relations without pairs whose order is a coincidence.
    pub(super) fn without(traces: &Traces, weak: Option<&BTreeSet<(u16, u16)>>) -> Relations {
        let mut relations = Relations::of(traces);
        for (a, b) in weak.into_iter().flatten() {
            for pair in [relations.pair(*a, *b), relations.pair(*b, *a)].into_iter().flatten() {
                relations.weak[pair] = true;
            }
        }
        relations
    }

    pub(super) fn pair(&self, a: u16, b: u16) -> Option<usize> {
        let place =
            |symbol: u16| self.places.get(usize::from(symbol)).copied().filter(|at| *at != usize::MAX);
        Some(place(a)? * self.symbols.len() + place(b)?)
    }

    pub(super) fn both(&self, a: u16, b: u16) -> u32 {
        self.pair(a, b).map_or(0, |pair| self.both[pair])
    }

    /// Whether all a come before all b, and that is not a coincidence.
    pub(super) fn ordered(&self, a: u16, b: u16) -> bool {
        self.always(a, b) && self.pair(a, b).is_some_and(|pair| !self.weak[pair])
    }

    /// All a before all b, wherever both are.
    pub(super) fn always(&self, a: u16, b: u16) -> bool {
        self.pair(a, b).is_some_and(|pair| self.both[pair] > 0 && self.before[pair] == self.both[pair])
    }
}

/// Whether all of one come before all of another, so often, and that is no coincidence.
pub(super) fn before(relations: &Relations, min_n: u32, a: u16, b: u16) -> bool {
    relations.both(a, b) >= min_n && relations.ordered(a, b)
}

/// Whether two that meet have no order.
pub(super) fn concurrent(relations: &Relations, min_n: u32, a: u16, b: u16) -> bool {
    relations.both(a, b) > 0 && !before(relations, min_n, a, b) && !before(relations, min_n, b, a)
}

/// The number of ordered pairs around a symbol, both ends of them.
pub(super) fn pairs_around(relations: &Relations, min_n: u32, among: &[u16], h: u16) -> usize {
    let beside = |a: u16| a != h && concurrent(relations, min_n, h, a);
    let around: Vec<u16> = among.iter().copied().filter(|a| beside(*a)).collect();
    around
        .iter()
        .flat_map(|a| around.iter().map(move |b| (*a, *b)))
        .filter(|(a, b)| a != b && relations.both(*a, *b) >= 2 && before(relations, min_n, *a, *b))
        .count()
}

/// The symbols in groups, of which all of one come before all of the next.
pub(super) fn stages(relations: &Relations, min_n: u32) -> Vec<BTreeSet<u16>> {
    let symbols = &relations.symbols;
    let n = symbols.len();
    let mut after: Vec<Places> = vec![Places::new(n); n];
    for (a, own) in after.iter_mut().enumerate() {
        for b in (0..n).filter(|b| *b != a) {
            if before(relations, min_n, symbols[a], symbols[b]) {
                own.add(b);
            }
        }
    }
    for via in 0..n {
        let next = after[via].clone();
        for (a, own) in after.iter_mut().enumerate() {
            if a != via && own.has(via) {
                own.join(&next);
            }
        }
    }
    let place = |symbol: u16| relations.places[usize::from(symbol)];
    // Nothing comes after itself, on any path.
    let reaches = |a: u16, b: u16| a != b && after[place(a)].has(place(b));
    let together =
        |a: u16, b: u16| a != b && (concurrent(relations, min_n, a, b) || reaches(a, b) == reaches(b, a));
    let mut groups = components(symbols, together);
    // Two groups are in sequence only if all of one come before all of the other. Groups that are not stay joined, so
    // that all pairs can be joined at once.
    loop {
        let members: Vec<Places> = groups
            .iter()
            .map(|group| {
                let mut own = Places::new(n);
                group.iter().for_each(|symbol| own.add(place(*symbol)));
                own
            })
            .collect();
        let precedes = |g: usize, h: usize| groups[g].iter().all(|a| members[h].is_within(&after[place(*a)]));
        let numbers: Vec<u16> = (0..groups.len()).filter_map(|number| u16::try_from(number).ok()).collect();
        let joined = components(&numbers, |g, h| {
            let (g, h) = (usize::from(g), usize::from(h));
            !precedes(g, h) && !precedes(h, g)
        });
        if joined.len() == groups.len() {
            break;
        }
        let join = |numbers: BTreeSet<u16>| {
            numbers.into_iter().flat_map(|number| groups[usize::from(number)].iter().copied()).collect()
        };
        groups = joined.into_iter().map(join).collect();
    }
    groups.sort_by(|g, h| match (g.first(), h.first()) {
        (Some(a), Some(b)) if reaches(*a, *b) => std::cmp::Ordering::Less,
        (Some(a), Some(b)) if reaches(*b, *a) => std::cmp::Ordering::Greater,
        _ => g.cmp(h),
    });
    groups
}

/// The symbols in groups: wherever symbols of two groups meet, that of the earlier group comes first. Most need not meet: a lane
/// has one kind of request and one kind of answer. None where all are in one group.
pub(super) fn levels(relations: &Relations, min_n: u32) -> Option<Vec<BTreeSet<u16>>> {
    let mixed = components(&relations.symbols, |a, b| concurrent(relations, min_n, a, b));
    let precedes = |g: &BTreeSet<u16>, h: &BTreeSet<u16>| {
        g.iter().any(|a| h.iter().any(|b| before(relations, min_n, *a, *b)))
    };
    let mut rest = mixed;
    let mut levels = Vec::new();
    while !rest.is_empty() {
        let (first, later): (Vec<_>, Vec<_>) =
            rest.iter().partition(|own| !rest.iter().any(|other| other != *own && precedes(other, own)));
        if first.is_empty() {
            return None;
        }
        levels.push(first.into_iter().flatten().copied().collect());
        rest = later.into_iter().cloned().collect();
    }
    (levels.len() > 1).then_some(levels)
}

/// Whether two met in so few of many instances that their order there says nothing.
pub(super) fn is_rare(relations: &Relations, instances: usize, a: u16, b: u16) -> bool {
    let both = relations.both(a, b);
    both <= MAX_RARE && instances >= RARE * both as usize
}

/// A set of places, one bit for each.
#[derive(Clone)]
pub(super) struct Places(Vec<u64>);

impl Places {
    pub(super) fn new(room: usize) -> Places {
        Places(vec![0; room.div_ceil(64)])
    }

    pub(super) fn add(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    pub(super) fn join(&mut self, other: &Places) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    pub(super) fn is_within(&self, other: &Places) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & !other == 0)
    }
}

/// Groups of items that are connected by `linked`.
pub(super) fn components(items: &[u16], linked: impl Fn(u16, u16) -> bool) -> Vec<BTreeSet<u16>> {
    let mut group: Vec<usize> = (0..items.len()).collect();
    for (i, item) in items.iter().enumerate() {
        for (j, other) in items[..i].iter().enumerate() {
            if group[i] != group[j] && (linked(*item, *other) || linked(*other, *item)) {
                let (from, to) = (group[i].max(group[j]), group[i].min(group[j]));
                group.iter_mut().filter(|own| **own == from).for_each(|own| *own = to);
            }
        }
    }
    let mut groups: BTreeMap<usize, BTreeSet<u16>> = BTreeMap::new();
    for (item, group) in items.iter().zip(group) {
        groups.entry(group).or_default().insert(*item);
    }
    let mut groups: Vec<BTreeSet<u16>> = groups.into_values().collect();
    groups.sort();
    groups
}
