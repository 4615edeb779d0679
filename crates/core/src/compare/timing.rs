//! Compares time by classes of gaps: pair by pair between the releases, and run by run within each.

use super::flip::{self, Chance, Differences};
use super::{Played, Release};
use crate::dialect::Label;
use crate::golden::{LOG_FLOOR, MIN_USUAL};
use crate::stats::median;
use crate::transcript::Gap;
use std::collections::{BTreeMap, BTreeSet};

/// The comparison of time over all classes of gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Every class with enough gaps, the most significant change first.
    pub changes: Vec<Change>,
    /// The smallest p that this number of pairs can show. With fewer than [`pairs_needed`], no change can be
    /// significant.
    pub least: f64,
    /// The same for consecutive runs of one release: the smallest p of any class.
    pub again: Option<f64>,
    /// The number of times that a release followed itself.
    pub again_runs: usize,
}

/// The subject of a time: a class of gaps or the whole run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// From a cause to its event.
    Gap {
        /// The event.
        event: Label,
        /// The cause.
        after: Label,
    },
    /// All gaps of a session together, those that vary little weighing more.
    WholeRun,
}

/// The change of a class of gaps between the releases.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The session's name.
    pub session: String,
    /// The class of gaps.
    pub subject: Subject,
    /// The typical gap of the baseline; none for a whole run.
    pub baseline: Option<Gap>,
    /// The typical gap of the candidate.
    pub candidate: Option<Gap>,
    /// The factor by which the candidate is slower: the median over pairs.
    pub factor: f64,
    /// The 95 % interval of the factor from order statistics, for this class alone. Fewer than six pairs have none.
    pub interval: Option<(f64, f64)>,
    /// The number of pairs that have the class on both sides.
    pub pairs: usize,
    /// The probability, over all classes, that equal releases look this much slower.
    pub slower: f64,
    /// The probability, over all classes, that equal releases look this much faster.
    pub faster: f64,
    /// The comparison of a release with itself.
    pub again: Option<Again>,
}

/// The comparison of a run with the previous run of the same release.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Again {
    /// The factor by which the later run was slower: the median.
    pub factor: f64,
    /// The 95 % interval of the factor from order statistics.
    pub interval: Option<(f64, f64)>,
}

impl Change {
    /// Whether the change is significant.
    pub fn is_sure(&self, alpha: f64) -> bool {
        self.chance() <= alpha
    }

    /// The probability in the direction of the change.
    pub fn chance(&self) -> f64 {
        self.slower.min(self.faster)
    }
}

/// The smallest number of pairs with which a difference can be significant.
pub fn pairs_needed(alpha: f64) -> usize {
    (1..64)
        .find(|pairs| 0.5f64.powi(*pairs) <= alpha)
        .map_or(64, |pairs| usize::try_from(pairs).unwrap_or(64))
}

/// The logarithms of a class by pair: baseline, candidate.
type Logs = Vec<[Option<f64>; 2]>;

struct Row {
    session: String,
    subject: Subject,
    /// None for a whole run.
    logs: Logs,
    /// Candidate minus baseline, by pair.
    between: Differences,
    /// Each run minus the one of the same release just before it.
    within: Differences,
}

pub(super) fn timing(played: &[&Played]) -> Timing {
    let pairs = played.iter().map(|one| one.pair + 1).max().unwrap_or(0);
    let sessions: BTreeSet<&str> = played.iter().map(|one| one.run.session.as_str()).collect();
    let mut rows: Vec<Row> = Vec::new();
    for session in sessions {
        let own: Vec<Row> = logs(played, session, pairs)
            .into_iter()
            .map(|((event, after), logs)| Row {
                session: session.to_owned(),
                subject: Subject::Gap { event, after },
                between: logs.iter().map(|[a, b]| Some((*b)? - (*a)?)).collect(),
                within: within(&logs),
                logs,
            })
            .collect();
        let whole = |of: fn(&Row) -> &Differences| {
            flip::whole_run(&own.iter().map(|row| of(row).clone()).collect::<Vec<_>>())
        };
        let (between, within) = (whole(|row| &row.between), whole(|row| &row.within));
        let is_more_than_its_only_class = own.len() > 1;
        rows.extend(own);
        if is_more_than_its_only_class {
            rows.push(Row {
                session: session.to_owned(),
                subject: Subject::WholeRun,
                logs: Logs::new(),
                between,
                within,
            });
        }
    }
    let test = |of: fn(&Row) -> &Differences| {
        flip::test(&rows.iter().map(|row| of(row).clone()).collect::<Vec<_>>())
    };
    let (between, within) = (test(|row| &row.between), test(|row| &row.within));
    let again_runs = rows.iter().map(|row| row.within.iter().flatten().count()).max().unwrap_or(0);
    let mut changes: Vec<Change> =
        rows.iter().zip(&between).map(|(row, chance)| row.change(chance)).collect();
    let size = |change: &Change| change.factor.ln().abs();
    changes.sort_by(|a, b| a.chance().total_cmp(&b.chance()).then(size(b).total_cmp(&size(a))));
    let again = within.iter().map(|chance| chance.slower.min(chance.faster)).min_by(f64::total_cmp);
    Timing { changes, least: flip::least(pairs), again: again.filter(|_| again_runs > 0), again_runs }
}

impl Row {
    fn change(&self, chance: &Chance) -> Change {
        let side = |side: usize| {
            let log = median(self.logs.iter().filter_map(|pair| pair[side]))?;
            Some(Gap::from_secs_f64(log.exp() - LOG_FLOOR))
        };
        let known = |values: &Differences| values.iter().copied().flatten().collect::<Vec<f64>>();
        let factor = |values: &Differences| median(known(values)).map(f64::exp);
        let interval = |values: &Differences| {
            flip::interval(known(values).into_iter()).map(|(low, high)| (low.exp(), high.exp()))
        };
        Change {
            session: self.session.clone(),
            subject: self.subject.clone(),
            baseline: side(0),
            candidate: side(1),
            factor: factor(&self.between).unwrap_or(1.0),
            interval: interval(&self.between),
            pairs: self.between.iter().flatten().count(),
            slower: chance.slower,
            faster: chance.faster,
            again: factor(&self.within).map(|factor| Again { factor, interval: interval(&self.within) }),
        }
    }
}

/// The classes of a session that are worth testing, each with the medians of its rounds. What is chosen does not depend
/// on which release is which: the larger side counts.
fn logs(played: &[&Played], session: &str, pairs: usize) -> BTreeMap<(Label, Label), Logs> {
    let mut users: BTreeMap<&(Label, Label), Vec<[Vec<f64>; 2]>> = BTreeMap::new();
    for one in played.iter().filter(|one| one.run.session == session) {
        for (class, gaps) in &one.gaps {
            let log = median(gaps.gaps().map(|gap| (gap.as_secs_f64() + LOG_FLOOR).ln()));
            let rounds = users.entry(class).or_insert_with(|| vec![Default::default(); pairs]);
            rounds[one.pair][one.release as usize].extend(log);
        }
    }
    let rounds = users.into_iter().map(|(class, users)| {
        let logs = users.into_iter().map(|sides| sides.map(median));
        (class.clone(), logs.collect::<Logs>())
    });
    let least = (MIN_USUAL.as_secs_f64() + LOG_FLOOR).ln();
    rounds
        .filter(|(_, logs)| {
            let larger: Vec<f64> = logs.iter().filter_map(|[a, b]| Some((*a)?.max((*b)?))).collect();
            larger.len() * 2 >= pairs && median(larger).is_some_and(|log| log >= least)
        })
        .collect()
}

fn within(logs: &Logs) -> Differences {
    let followed = logs.windows(2).enumerate().map(|(pair, both)| {
        let release = Release::order(pair)[1] as usize;
        Some(both[1][release]? - both[0][release]?)
    });
    followed.collect()
}
