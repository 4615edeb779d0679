//! Numbers that reach a total beside them: the last `progress` of a lane is its `total`.
//!
//! As with other facts, what fits every lane of every recording is a candidate, and one lane can take it away. A lane in
//! which the number stood at its total all along shows nothing, as it could not have failed.

use super::Session;
use super::lanes::Lanes;
use super::paths::each_scalar;
use crate::dialect::Label;
use crate::golden::{self, Fact};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An event with more numbers than this is data.
const MAX_PLACES: usize = 8;
/// So many lanes in which it was short of its total at first, in so many recordings, before it is believed.
const MIN_LANES: u32 = 8;
const MIN_RUNS: u32 = 5;

/// A number and its total, by their paths.
type Pair = (String, String);

#[derive(Debug, Clone, Default)]
struct Support {
    /// Lanes in which the number was short of its total before it reached it, and recordings that have one.
    lanes: u32,
    runs: u32,
    /// Whether it did not reach its total in some lane.
    is_broken: bool,
}

/// What recordings show of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Goals {
    pairs: BTreeMap<Label, BTreeMap<Pair, Support>>,
}

/// The numbers of the latest event of a lane, and the pairs of which one was short of the other.
#[derive(Default)]
struct Latest {
    numbers: Vec<(String, i64)>,
    short: BTreeSet<Pair>,
}

impl Goals {
    /// Adds what a whole session shows.
    pub(super) fn add(&mut self, session: &Session, lanes: &Lanes) {
        let mut latest: HashMap<(&Label, Option<String>), Latest> = HashMap::new();
        for event in session.events.iter().filter(|event| !event.label.is_client()) {
            let mut numbers: Vec<(String, i64)> = Vec::new();
            each_scalar(&event.data, &mut |path, value| {
                if let Some(number) = value.as_i64().filter(|_| !path.contains('*')) {
                    numbers.push((path.to_owned(), number));
                }
            });
            if !(2..=MAX_PLACES).contains(&numbers.len()) {
                continue;
            }
            let lane = lanes.home(&event.label).and_then(|key| lanes.value(event, key));
            let own = latest.entry((&event.label, lane)).or_default();
            let short = pairs(&numbers).filter(|(_, (own, total))| own < total);
            own.short.extend(short.map(|(pair, _)| pair));
            own.numbers = numbers;
        }
        let mut here: BTreeSet<(&Label, Pair)> = BTreeSet::new();
        for ((label, _), Latest { numbers, short }) in &latest {
            let known = self.pairs.entry((*label).clone()).or_default();
            for (pair, (own, total)) in pairs(numbers) {
                let is_trial = short.contains(&pair);
                let support = known.entry(pair.clone()).or_default();
                support.is_broken |= own != total;
                support.lanes += u32::from(is_trial);
                support.runs += u32::from(is_trial && here.insert((label, pair)));
            }
            // A total that the last event does not have was not reached.
            for pair in short {
                if !pairs(numbers).any(|(own, _)| own == *pair) {
                    known.entry(pair.clone()).or_default().is_broken = true;
                }
            }
        }
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Goals) {
        for (label, pairs) in other.pairs {
            let own = self.pairs.entry(label).or_default();
            for (pair, support) in pairs {
                let known = own.entry(pair).or_default();
                known.lanes += support.lanes;
                known.runs += support.runs;
                known.is_broken |= support.is_broken;
            }
        }
    }

    /// Writes the facts into the shapes of events: of numbers that count or grow, the first total that each reaches.
    pub(super) fn write(&self, events: &mut BTreeMap<Label, golden::Event>) {
        for (label, pairs) in &self.pairs {
            let Some(event) = events.get_mut(label) else { continue };
            for ((own, total), support) in pairs {
                let is_believed = support.lanes >= MIN_LANES && support.runs >= MIN_RUNS;
                if support.is_broken || !is_believed {
                    continue;
                }
                let rule = event.shape.iter_mut().find(|(path, _)| path.pattern == *own);
                let Some((_, rule)) = rule else { continue };
                let climbs = |fact: &Fact| {
                    matches!(fact, Fact::Counter | Fact::Grows { .. })
                        || matches!(fact, Fact::Follows(chain) if chain.plus == 1)
                };
                let is_told = rule.facts.iter().any(|fact| matches!(fact, Fact::Reaches(_)));
                if rule.facts.iter().any(climbs) && !is_told {
                    rule.facts.push(Fact::Reaches(total.clone()));
                }
            }
        }
    }
}

/// Each number with each other as its total.
fn pairs(numbers: &[(String, i64)]) -> impl Iterator<Item = (Pair, (i64, i64))> {
    numbers.iter().enumerate().flat_map(move |(place, (own, value))| {
        let others = numbers.iter().enumerate().filter(move |(other, _)| *other != place);
        others.map(move |(_, (total, goal))| ((own.clone(), total.clone()), (*value, *goal)))
    })
}
