//! The combined fingerprints of recordings: unique values, and the usual variation.
//!
//! A [`Summary`] is a set of the smallest fingerprints and integer sums: two of them can be added in any order, and
//! none grows with the number or the length of recordings.

use crate::dialect::Label;
use crate::golden::{
    Evidence, MAX_IDS, MAX_PLACES, MAX_TIMES, Prints, Regular, Seen, Sighting, Timeline, Traces,
    insert_smallest, recording_id,
};
use crate::stats::Sums;
use crate::stats::fingerprint;
use crate::transcript::{Gap, Header};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The maximum of paths, kinds of gaps and users that are distinguished.
const MAX_KINDS: usize = 1024;
/// The maximum of stored texts of one path.
const MAX_TEXTS: usize = 256;
/// Shorter texts may be the same by chance.
const MIN_TEXT: usize = 40;
/// The timelines of so many recordings are kept.
const MAX_TIMELINES: usize = 128;
/// The number of gaps of one kind that shows their variation.
const MIN_GAPS: u32 = 8;
/// A path at which more than one in so many times is shared does not show new times.
const FEW: usize = 20;

/// The start of a recording, and its id: earlier ones are smaller.
type Recording = (Arc<str>, Arc<str>);

/// The origin of a value.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    /// The earliest recording that shows it, and at which paths.
    first: Recording,
    places: BTreeSet<u64>,
    /// The paths at which other recordings show it.
    later: BTreeSet<u64>,
    is_shared: bool,
}

impl Origin {
    fn merge(&mut self, mut other: Origin) {
        if self.first != other.first {
            if other.first < self.first {
                std::mem::swap(self, &mut other);
            }
            self.is_shared = true;
            other.places.into_iter().for_each(|place| insert_smallest(&mut self.later, place, MAX_PLACES));
        } else {
            other.places.into_iter().for_each(|place| insert_smallest(&mut self.places, place, MAX_PLACES));
        }
        self.is_shared |= other.is_shared;
        other.later.into_iter().for_each(|place| insert_smallest(&mut self.later, place, MAX_PLACES));
    }
}

/// The fingerprints of recordings.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Summary {
    recordings: u32,
    /// The number of recordings of each user, up to two.
    users: BTreeMap<u64, u32>,
    ids: BTreeMap<u64, Origin>,
    times: BTreeMap<u64, Origin>,
    /// By path and text: the recording, or none if several have it.
    texts: BTreeMap<u64, BTreeMap<u64, Option<Recording>>>,
    timelines: BTreeMap<(u64, Recording), Timeline>,
    spreads: BTreeMap<(Label, Label), Sums>,
    names: BTreeMap<u64, String>,
    echoes: BTreeSet<u64>,
    texts_sent: u32,
    long_gaps: u64,
    round_gaps: u64,
}

/// Keeps the entries with the smallest keys.
fn trim<K: Ord, V>(map: &mut BTreeMap<K, V>, most: usize) {
    while map.len() > most {
        map.pop_last();
    }
}

impl Summary {
    /// Adds what one recording left behind.
    pub(super) fn add(&mut self, header: &Header, traces: &Traces) {
        let own: Recording = (Arc::from(header.started.as_str()), Arc::from(recording_id(header)));
        let origins = |values: &BTreeMap<u64, Sighting>| {
            let origin = |sighting: &Sighting| Origin {
                first: own.clone(),
                places: sighting.places.clone(),
                later: BTreeSet::new(),
                is_shared: false,
            };
            values.iter().map(|(print, sighting)| (*print, origin(sighting))).collect()
        };
        let texts = traces.texts();
        let texts = texts.iter().filter(|(_, text)| text.length >= MIN_TEXT);
        let spreads = traces.spreads().into_iter().filter(|(_, spread)| spread.n >= MIN_GAPS);
        self.merge(Summary {
            recordings: 1,
            users: BTreeMap::from([(fingerprint(&header.user), 1)]),
            ids: origins(&traces.ids),
            times: origins(&traces.times),
            texts: texts
                .map(|(place, text)| (*place, BTreeMap::from([(text.fingerprint(), Some(own.clone()))])))
                .collect(),
            timelines: BTreeMap::from([((fingerprint(&own.1), own.clone()), traces.timeline.clone())]),
            spreads: spreads.map(|(class, spread)| (class, Sums::one(spread.deviation().ln()))).collect(),
            names: traces.names(),
            echoes: traces.echoes.keys().copied().collect(),
            texts_sent: traces.texts_sent,
            long_gaps: traces.long_gaps,
            round_gaps: traces.round_gaps,
        });
    }

    /// Adds what other recordings left behind.
    pub(super) fn merge(&mut self, other: Summary) {
        self.recordings = self.recordings.saturating_add(other.recordings);
        for (user, times) in other.users {
            let known = self.users.entry(user).or_default();
            *known = (*known + times).min(2);
        }
        for (own, values, most) in
            [(&mut self.ids, other.ids, MAX_IDS), (&mut self.times, other.times, MAX_TIMES)]
        {
            for (print, origin) in values {
                match own.get_mut(&print) {
                    Some(known) => known.merge(origin),
                    None => {
                        own.insert(print, origin);
                    }
                }
            }
            trim(own, most);
        }
        for (place, prints) in other.texts {
            let own = self.texts.entry(place).or_default();
            for (print, recording) in prints {
                own.entry(print)
                    .and_modify(|known| {
                        if *known != recording {
                            *known = None;
                        }
                    })
                    .or_insert(recording);
            }
            trim(own, MAX_TEXTS);
        }
        for (class, sums) in other.spreads {
            self.spreads.entry(class).or_default().merge(sums);
        }
        self.timelines.extend(other.timelines);
        self.names.extend(other.names);
        self.echoes.extend(other.echoes);
        trim(&mut self.users, MAX_KINDS);
        trim(&mut self.texts, MAX_KINDS);
        trim(&mut self.spreads, MAX_KINDS);
        trim(&mut self.timelines, MAX_TIMELINES);
        // All stored data needs names; more paths come from data used as keys.
        trim(&mut self.names, 8 * MAX_KINDS);
        while self.echoes.len() > MAX_KINDS {
            self.echoes.pop_last();
        }
        self.texts_sent = self.texts_sent.saturating_add(other.texts_sent);
        self.long_gaps += other.long_gaps;
        self.round_gaps += other.round_gaps;
    }

    /// The data for checks.
    pub(super) fn finish(self) -> Seen {
        let mut only: BTreeMap<String, Prints> = BTreeMap::new();
        let mut stale: BTreeSet<u64> =
            self.ids.values().flat_map(|origin| origin.later.iter().copied()).collect();
        // Concurrent sessions may have the same microsecond, and a row of a table has it repeatedly.
        let mut times: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for origin in self.times.values() {
            for place in origin.places.union(&origin.later) {
                let (all, again) = times.entry(*place).or_default();
                *all += 1;
                *again += usize::from(origin.later.contains(place));
            }
        }
        stale
            .extend(times.into_iter().filter(|(_, (all, again))| again * FEW > *all).map(|(place, _)| place));
        for (print, origin) in self.ids.into_iter().filter(|(_, origin)| !origin.is_shared) {
            only.entry(origin.first.1.to_string()).or_default().ids.insert(print);
        }
        for (print, origin) in self.times.into_iter().filter(|(_, origin)| !origin.is_shared) {
            only.entry(origin.first.1.to_string()).or_default().times.insert(print);
        }
        let mut repeated_texts = 0;
        for (place, prints) in self.texts {
            let Some(name) = self.names.get(&place) else { continue };
            let own: Option<Vec<(u64, Recording)>> =
                prints.into_iter().map(|(print, recording)| Some((print, recording?))).collect();
            match own {
                Some(own) => {
                    for (print, recording) in own {
                        only.entry(recording.1.to_string()).or_default().texts.insert(name.clone(), print);
                    }
                }
                None => repeated_texts += 1,
            }
        }
        let lines: Vec<&Timeline> = self.timelines.values().collect();
        let pairs = lines.iter().enumerate().flat_map(|(i, a)| lines[i + 1..].iter().map(move |b| (a, b)));
        let nearest: Option<Gap> = pairs.filter_map(|(a, b)| a.distance(b)).min();
        for ((_, recording), timeline) in self.timelines {
            only.entry(recording.1.to_string()).or_default().timeline = Some(timeline);
        }
        let name = |place: &u64| self.names.get(place).cloned();
        Seen {
            recordings: self.recordings,
            users: u32::try_from(self.users.len()).unwrap_or(u32::MAX),
            same_user: self.users.values().any(|times| *times > 1),
            stale: stale.iter().filter_map(name).collect(),
            long_gaps: self.long_gaps,
            round_gaps: self.round_gaps,
            texts_sent: self.texts_sent,
            echoes: self.echoes.iter().filter_map(name).collect(),
            repeated_texts,
            nearest,
            regular: self.spreads.into_iter().map(|(class, sums)| (class, regular(sums))).collect(),
            evidence: Evidence::default(),
            only,
        }
    }
}

/// The variation of a kind of gap, with four digits.
fn regular(sums: Sums) -> Regular {
    let round = |value: f64| (value * 1e4).round() / 1e4;
    let sd = (sums.scatter().max(0.0) / (f64::from(sums.n()) - 1.0).max(1.0)).sqrt();
    Regular { runs: sums.n(), mean: round(sums.mean()), sd: round(sd) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Event;
    use crate::transcript::Offset;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn event(label: &str, millis: u64, data: Value) -> Event {
        let at = Offset::from_nanos(millis * 1_000_000);
        Event { label: Label::from(label), at, frame: 0, conn: 0, data }
    }

    fn header(n: u64, user: u64) -> Header {
        Header {
            id: format!("r{n}"),
            started: format!("2026-11-22T12:00:{n:02}Z"),
            user: format!("u{user}"),
            ..Header::default()
        }
    }

    /// An account that is always the same, a run that is new each time, and the last run of the previous user.
    fn session(n: u64) -> (Header, Traces) {
        let run = |n: u64| format!("run_{:016x}", fingerprint(&n.to_string()));
        let mut events = vec![
            event("hello", 1, json!({ "account": format!("usr_00000000{}", n % 3), "last": run(n - 1) })),
            event(">ask", 2, json!({ "text": "How far is the moon?" })),
        ];
        let words = format!("the answer of run number {n} to what the client has asked it");
        for (index, word) in (0u64..).zip(words.split_inclusive(' ')) {
            let at = 10 + index * 7 + n * index % 5;
            events.push(event(
                "token",
                at,
                json!({ "run": run(n), "text": word, "name": "always the same word" }),
            ));
        }
        (header(n, n % 3), Traces::of(&events))
    }

    fn summary(numbers: impl IntoIterator<Item = u64>) -> Summary {
        let mut summary = Summary::default();
        for n in numbers {
            let (header, traces) = session(n);
            summary.add(&header, &traces);
        }
        summary
    }

    #[test]
    fn what_comes_again_is_told_from_what_is_new() {
        let seen = summary(1..=9).finish();
        assert_eq!((seen.recordings, seen.users, seen.same_user), (9, 3, true));
        assert_eq!(
            seen.stale.iter().map(String::as_str).collect::<Vec<_>>(),
            ["hello/account", "hello/last"]
        );
        // The first's predecessor and the last's own run are in one recording only; the others are in two.
        let of = |n: u64| fingerprint(&format!("run_{:016x}", fingerprint(&n.to_string())));
        let kept: BTreeSet<u64> = seen.only.values().flat_map(|prints| prints.ids.iter().copied()).collect();
        assert_eq!(kept, BTreeSet::from([of(0), of(9)]));
        assert!(seen.only.values().all(|prints| prints.texts.keys().eq(["token/text"])), "{seen:?}");
        assert_eq!(seen.repeated_texts, 1, "the same word at token/name");
        assert_eq!(seen.regular[&(Label::from("token"), Label::from("token"))].runs, 9);
        assert!(!summary([1, 2]).finish().same_user);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters(
            order in Just((1u64..=12).collect::<Vec<_>>()).prop_shuffle(),
            cut in 0usize..12,
        ) {
            let mut merged = summary(order[cut..].iter().copied());
            merged.merge(summary(order[..cut].iter().copied()));
            prop_assert_eq!(merged.finish().write(), summary(1..=12).finish().write());
        }
    }

    #[test]
    fn many_recordings_leave_no_more_than_some() {
        let mut summary = Summary::default();
        for n in 1..=600u64 {
            let ids: Vec<Value> =
                (0..20u64).map(|i| json!(format!("id_{:016x}", fingerprint(&format!("{n} {i}"))))).collect();
            let long = format!("a text of more than forty bytes that is new in recording {n}");
            let events = [event("all", 1, json!({ "ids": ids, "text": long }))];
            summary.add(&header(n, n), &Traces::of(&events));
        }
        assert_eq!(summary.ids.len(), MAX_IDS);
        assert!(summary.texts.values().all(|prints| prints.len() <= MAX_TEXTS));
        assert_eq!(summary.timelines.len(), MAX_TIMELINES);
        assert!(summary.finish().write().len() < 200_000);
    }
}
