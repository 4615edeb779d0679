//! Fields whose values have different gaps: the tools of an agent, the queries of a database.
//!
//! A slow value hides a stall of another one: among eight tools that take between a tenth of a second and four
//! seconds, a calculator that stalls for three seconds is no slower than a search. A field of the event or of its
//! cause is used if its few values explain the gaps far better than chance, and only if that changes the limit of a
//! stall.

use super::paths::each_place;
use crate::dialect::Label;
use crate::golden::{Envelope, Split, StallMargin, log_of};
use crate::stats::Sums;
use crate::transcript::Gap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// More values are not kinds.
const MAX_VALUES: usize = 12;
/// A longer text is not a kind.
const MAX_TEXT: usize = 32;
/// A payload with more texts is data.
const MAX_TEXTS: usize = 16;
/// The number of gaps and recordings that show the time of a kind.
const MIN_GAPS: u32 = 10;
const MIN_RUNS: u32 = 5;
/// The values of a field explain this much of the variance of the logarithms,
const MIN_SHARE: f64 = 0.3;
/// and so many times as much as the same number of groups by chance (the F statistic).
const MIN_RATIO: f64 = 10.0;
/// A kind is worth a bound of its own if its slowest gap is so many times shorter than the slowest of all.
const WORTH: f64 = 2.0;

/// The event of the field, and its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    of_cause: bool,
    path: String,
}

/// The gaps of one value.
#[derive(Debug, Clone, Copy, Default)]
struct Gaps {
    logs: Sums,
    runs: u32,
    /// The latest of the recordings, within one set of them.
    latest: Option<u32>,
    slowest: Gap,
}

impl Gaps {
    fn add(&mut self, gap: Gap, recording: u32) {
        self.logs.merge(Sums::one(log_of(gap)));
        self.runs += u32::from(self.latest.replace(recording) != Some(recording));
        self.slowest = self.slowest.max(gap);
    }

    fn merge(&mut self, other: Gaps) {
        self.logs.merge(other.logs);
        self.runs += other.runs;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The gaps of a kind by the values of each field.
#[derive(Debug, Clone, Default)]
struct Fields {
    open: BTreeMap<Field, BTreeMap<String, Gaps>>,
    /// With too many values.
    closed: BTreeSet<Field>,
}

impl Fields {
    fn add(&mut self, of_cause: bool, data: &Value, gap: Gap, recording: u32) {
        let mut texts = 0;
        // One path for all values, because a million events have many million fields.
        let mut field = Field { of_cause, path: String::new() };
        each_place(data, &mut |path, value| {
            let Some(text) = value.as_str() else { return };
            texts += 1;
            if texts > MAX_TEXTS {
                return;
            }
            field.path.clear();
            field.path.push_str(path);
            if self.closed.contains(&field) {
                return;
            }
            if !self.open.contains_key(&field) {
                self.open.insert(field.clone(), BTreeMap::new());
            }
            let Some(values) = self.open.get_mut(&field) else { return };
            let has_room = values.len() < MAX_VALUES;
            match values.get_mut(text) {
                Some(gaps) => gaps.add(gap, recording),
                None if text.len() <= MAX_TEXT && has_room => {
                    values.entry(text.to_owned()).or_default().add(gap, recording);
                }
                None => {
                    self.open.remove(&field);
                    self.closed.insert(field.clone());
                }
            }
        });
    }

    fn merge(&mut self, other: Fields) {
        for (field, values) in other.open {
            let own = self.open.entry(field).or_default();
            values.into_iter().for_each(|(value, gaps)| own.entry(value).or_default().merge(gaps));
        }
        self.closed.extend(other.closed);
        let Fields { open, closed } = self;
        open.retain(|field, values| {
            let is_open = values.len() <= MAX_VALUES && !closed.contains(field);
            if !is_open {
                closed.insert(field.clone());
            }
            is_open
        });
    }

    /// The field that explains most.
    fn best(&self) -> Option<(&Field, &BTreeMap<String, Gaps>)> {
        let shares = self.open.iter().filter_map(|(field, values)| Some((explained(values)?, field, values)));
        // Of equally good fields, the event's own comes first.
        let best = shares.reduce(|best, other| if other.0 > best.0 + 1e-9 { other } else { best })?;
        Some((best.1, best.2))
    }
}

/// The share of the variance of the logarithms that the groups explain; none if it may be chance.
fn explained(values: &BTreeMap<String, Gaps>) -> Option<f64> {
    let mut all = Sums::default();
    values.values().for_each(|gaps| all.merge(gaps.logs));
    let (n, groups) = (f64::from(all.n()), values.len() as f64);
    if values.len() < 2 || n <= groups {
        return None;
    }
    let within: f64 = values.values().map(|gaps| gaps.logs.scatter()).sum();
    let share = (1.0 - within / all.scatter().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    let ratio = (share / (groups - 1.0)) / ((1.0 - share).max(1e-9) / (n - groups));
    (share >= MIN_SHARE && ratio >= MIN_RATIO).then_some(share)
}

/// The fields in recordings, by event and cause.
#[derive(Debug, Clone, Default)]
pub(super) struct Splits {
    kinds: BTreeMap<Label, BTreeMap<Label, Fields>>,
}

impl Splits {
    /// Adds a gap between an event and its cause, by what they say, of the recording of this number.
    pub(super) fn add(&mut self, kind: (&Label, &Label), said: (&Value, &Value), gap: Gap, recording: u32) {
        let known = self.kinds.get_mut(kind.0).and_then(|causes| causes.get_mut(kind.1));
        let fields = match known {
            Some(fields) => fields,
            None => self.kinds.entry(kind.0.clone()).or_default().entry(kind.1.clone()).or_default(),
        };
        fields.add(false, said.0, gap, recording);
        fields.add(true, said.1, gap, recording);
    }

    /// Adds what other recordings show.
    pub(super) fn merge(&mut self, other: Splits) {
        for (label, causes) in other.kinds {
            let own = self.kinds.entry(label).or_default();
            causes.into_iter().for_each(|(cause, fields)| own.entry(cause).or_default().merge(fields));
        }
    }

    /// The field that separates the gaps of an envelope, if it reveals a stall that would otherwise be hidden.
    pub(super) fn of(&self, label: &Label, envelope: &Envelope) -> Option<Split> {
        let stall = envelope.stall(StallMargin::BESIDE_PACE);
        let of_slowest = envelope.slowest.as_secs_f64() * StallMargin::BESIDE_PACE.of_slowest;
        if stall.as_secs_f64() > of_slowest {
            return None;
        }
        let (field, values) = self.kinds.get(label)?.get(&envelope.after)?.best()?;
        let is_known = |gaps: &Gaps| gaps.logs.n() >= MIN_GAPS && gaps.runs >= MIN_RUNS;
        let slowest: BTreeMap<String, Gap> = values
            .iter()
            .filter(|(_, gaps)| is_known(gaps))
            .map(|(value, gaps)| (value.clone(), gaps.slowest))
            .collect();
        let is_worth =
            slowest.values().any(|gap| gap.as_secs_f64() * WORTH <= envelope.slowest.as_secs_f64());
        is_worth.then(|| Split { path: field.path.clone(), of_cause: field.of_cause, slowest })
    }
}
