//! The questions, one by one.

use super::watch::{Witness, nonces};
use crate::finding::Answer;
use crate::golden::{Golden, MIN_RUNS, Seen, Traces};
use crate::stats::PRIOR_DF;
use crate::transcript::{Gap, Header};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};
use std::collections::{BTreeMap, BTreeSet};

/// Shorter gaps are alike because messages came together, or because each turn of a loop computes the same; who plays a
/// transcript sleeps for longer.
const MIN_REGULAR: Gap = Gap::from_millis(5);
/// The number of repeated values that is not chance.
const MIN_REUSED: usize = 2;
/// A shorter text may be the same by chance, in bytes.
const MIN_TEXT: usize = 40;
/// The number of gaps of a kind that shows its variation.
const MIN_GAPS: u32 = 8;
/// Shorter sessions are too much alike.
const MIN_SPAN: Gap = Gap::from_millis(100);
/// Arrivals nearer than this are the same.
const SAME_ARRIVAL: Gap = Gap::from_millis(3);
/// Recordings that come nearer to each other than this cannot be compared with a run.
const APART: Gap = Gap::from_millis(12);
/// 2.2 of 50 ms would be 4.4 %; twice that allows for servers that poll.
const ROUND_RATE: f64 = 0.088;
const ALPHA_ROUND: f64 = 1e-7;
const ALPHA_REGULAR: f64 = 1e-5;
/// The share of the usual variation from which gaps are not suspicious, at any limit.
const REGULAR_SHARE: f64 = 0.35;
/// The usual variation of the logarithm of a spread from run to run.
const PRIOR_REGULAR: f64 = 0.25;
/// Work that takes less than this may take next to nothing another time.
const MIN_WORK: Gap = Gap::from_millis(5);
/// An answer so many times faster than the fastest recorded did no work.
const WORK_FACTOR: u64 = 5;

pub(super) struct Said {
    pub(super) answer: Answer,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    pub(super) frames: Vec<usize>,
}

impl Said {
    pub(super) fn unknown(detail: impl Into<String>) -> Said {
        Said { answer: Answer::Unknown, detail: detail.into(), hint: None, frames: Vec::new() }
    }

    fn of(fails: bool, detail: String) -> Said {
        let answer = if fails { Answer::Fail } else { Answer::Pass };
        Said { answer, detail, hint: None, frames: Vec::new() }
    }

    pub(super) fn hint(mut self, hint: &str) -> Said {
        self.hint = Some(hint.to_owned());
        self
    }

    /// The frames that show a failure; few are enough.
    fn frames(mut self, frames: impl IntoIterator<Item = usize>) -> Said {
        if self.answer == Answer::Fail {
            self.frames = frames.into_iter().take(16).collect();
            self.frames.sort_unstable();
        }
        self
    }
}

pub(super) struct Judge<'j> {
    pub(super) golden: &'j Golden,
    pub(super) run: Witness<'j>,
    pub(super) others: &'j [Witness<'j>],
    pub(super) own: &'j str,
    /// Paths that the golden knows.
    pub(super) known: BTreeSet<u64>,
    /// Paths whose texts are not one of a few.
    pub(super) open: BTreeSet<u64>,
    /// The paths of this run's fingerprints.
    pub(super) names: BTreeMap<u64, String>,
}

impl Judge<'_> {
    fn traces(&self) -> &Traces {
        &self.run.live.traces
    }

    fn name(&self, place: &u64) -> &str {
        self.names.get(place).map_or("?", String::as_str)
    }

    pub(super) fn ids(&self, seen: &Seen) -> Said {
        if !seen.same_user {
            return Said::unknown(
                "no user was recorded twice, so that ids of users cannot be told from new ones",
            )
            .hint("goldwire record SESSION --runs 2, then learn again");
        }
        let traces = self.traces();
        let is_new = |places: &BTreeSet<u64>| {
            places.iter().all(|place| self.known.contains(place) && !seen.stale.contains(self.name(place)))
        };
        let all: BTreeMap<u64, (usize, u64)> = traces
            .ids
            .iter()
            .chain(&traces.times)
            .filter(|(_, sighting)| is_new(&sighting.places))
            .map(|(print, sighting)| (*print, (sighting.frame, sighting.first)))
            .collect();
        if all.len() < MIN_REUSED {
            return Said::unknown(format!(
                "only {} that should be new",
                many(all.len(), "id or time", "ids and times")
            ));
        }
        let mut reused: BTreeMap<u64, String> = BTreeMap::new();
        for (recording, prints) in seen.only.iter().filter(|(recording, _)| *recording != self.own) {
            for print in prints.ids.union(&prints.times).filter(|print| all.contains_key(print)) {
                reused.insert(*print, format!("recording {recording}"));
            }
        }
        // Users who never met in recordings may share a room.
        if seen.users >= 2 {
            for other in self.others.iter().filter(|other| self.is_before(other)) {
                for print in other.live.traces.ids.keys().filter(|print| all.contains_key(print)) {
                    let who = format!("{}'s run before", other.header.user);
                    reused.entry(*print).or_insert(who);
                }
            }
        }
        let known: usize = seen.only.values().map(|prints| prints.ids.len() + prints.times.len()).sum();
        let first = reused.iter().min_by_key(|(print, _)| all.get(print));
        let detail = match first.and_then(|(print, whose)| Some((all.get(print)?, whose))) {
            Some(((_, place), whose)) => format!(
                "{} of {} ids and times came before: {} is that of {whose}",
                reused.len(),
                all.len(),
                self.name(place)
            ),
            None => format!("none of {} ids and times is among {known} of recordings", all.len()),
        };
        let frames: BTreeSet<usize> =
            reused.keys().filter_map(|print| all.get(print)).map(|(frame, _)| *frame).collect();
        Said::of(reused.len() >= MIN_REUSED, detail).frames(frames)
    }

    /// Whether another run, by another user, was over when this one began.
    fn is_before(&self, other: &Witness<'_>) -> bool {
        let start = |header: &Header| {
            chrono::DateTime::parse_from_rfc3339(&header.started).ok()?.timestamp_nanos_opt()
        };
        let (Some(begun), Some(theirs)) = (start(self.run.header), start(other.header)) else { return false };
        let ended = i64::try_from(other.ended.as_nanos()).ok().and_then(|ended| theirs.checked_add(ended));
        other.header.user != self.run.header.user && ended.is_some_and(|ended| ended < begun)
    }

    pub(super) fn texts(&self, seen: &Seen) -> Said {
        let mut recorded: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
        let mut runs: BTreeMap<&str, u32> = BTreeMap::new();
        for (recording, prints) in &seen.only {
            for (path, print) in &prints.texts {
                *runs.entry(path).or_default() += 1;
                if *recording != self.own {
                    recorded.entry(path).or_default().insert(*print, recording);
                }
            }
        }
        let texts = self.traces().texts();
        let judged: Vec<(&str, u64)> = texts
            .iter()
            .filter(|(place, text)| self.open.contains(place) && text.length >= MIN_TEXT)
            .map(|(place, text)| (self.name(place), text.fingerprint()))
            .filter(|(path, _)| runs.get(path).is_some_and(|runs| *runs >= MIN_RUNS))
            .collect();
        if judged.is_empty() {
            let why = if seen.repeated_texts > 0 {
                "recordings share their texts with each other"
            } else {
                "no path with a new text of 40 bytes in each of 5 recordings"
            };
            return Said::unknown(why);
        }
        let same = judged.iter().find_map(|(path, print)| Some((path, recorded.get(path)?.get(print)?)));
        let detail = match same {
            Some((path, recording)) => {
                format!("every text at {path} is that of recording {recording}")
            }
            None => format!("{} unlike any recorded", many(judged.len(), "text", "texts")),
        };
        Said::of(same.is_some(), detail)
    }

    pub(super) fn timeline(&self, seen: &Seen) -> Said {
        let own = &self.traces().timeline;
        let gaps = own.arrivals.len().saturating_sub(1);
        if gaps < MIN_GAPS as usize || self.traces().span < MIN_SPAN {
            return Said::unknown(format!("{gaps} gaps in {} are too little to compare", self.traces().span));
        }
        let timelines = seen.only.iter().filter_map(|(id, prints)| Some((id, prints.timeline.as_ref()?)));
        let others: Vec<_> = timelines.filter(|(id, _)| *id != self.own).collect();
        if seen.recordings < MIN_RUNS || others.is_empty() {
            return Said::unknown(format!(
                "{} recorded; 5 are needed",
                many(others.len(), "timeline", "timelines")
            ));
        }
        if let Some(nearest) = seen.nearest.filter(|nearest| *nearest < APART) {
            return Said::unknown(format!("recordings themselves come within {nearest} of each other"));
        }
        let nearest = others.iter().filter_map(|(id, line)| Some((own.distance(line)?, id))).min();
        let detail = match nearest {
            Some((gap, id)) => {
                format!("{} events come within {gap} of those of recording {id}", own.arrivals.len())
            }
            None => format!("no recording of {} has the same events in the same order", others.len()),
        };
        Said::of(nearest.is_some_and(|(gap, _)| gap <= SAME_ARRIVAL), detail)
    }

    pub(super) fn round_gaps(&self, seen: &Seen) -> Said {
        let (n, k) = (self.traces().long_gaps, self.traces().round_gaps);
        if n < u64::from(MIN_GAPS) {
            return Said::unknown(format!("only {n} gaps of 40 ms or more; 8 are needed"));
        }
        let rate = |k: u64, n: u64| if n == 0 { 0.0 } else { k as f64 / n as f64 };
        let usual = rate(seen.round_gaps, seen.long_gaps).clamp(ROUND_RATE, 1.0);
        let tail = match k.checked_sub(1) {
            Some(below) => Binomial::new(usual, n).map_or(1.0, |binomial| binomial.sf(below)),
            None => 1.0,
        };
        let detail = format!(
            "{k} of {n} gaps of 40 ms or more are multiples of 50 ms; {:.1} % are usual, so the chance is {tail:.1e}",
            100.0 * usual
        );
        Said::of(tail < ALPHA_ROUND, detail)
    }

    pub(super) fn too_regular(&self, seen: &Seen) -> Said {
        let (mut judged, mut held_up) = (0, false);
        let mut worst: Option<(f64, String)> = None;
        for ((before, label), spread) in self.traces().spreads() {
            let Some(known) = seen.regular.get(&(before.clone(), label.clone())) else { continue };
            // Gaps near zero are alike because they came in one burst, not because they are replayed.
            if spread.n < MIN_GAPS || known.runs < MIN_RUNS || spread.typical() < MIN_REGULAR {
                continue;
            }
            // All events during a delay of this machine get the time at its end.
            let timing =
                self.golden.event(&label).and_then(|event| event.timing.iter().find(|t| t.after == before));
            let time = timing.map(|timing| timing.usual.as_secs_f64() * f64::from(spread.n));
            if time.is_some_and(|time| time < self.run.live.held_up.as_secs_f64()) {
                held_up = true;
                continue;
            }
            judged += 1;
            let (n, own) = (f64::from(known.runs), f64::from(spread.n));
            let df = f64::from(PRIOR_DF) + n - 1.0;
            let variance =
                (f64::from(PRIOR_DF) * PRIOR_REGULAR * PRIOR_REGULAR + (n - 1.0) * known.sd * known.sd) / df;
            let t =
                StudentsT::new(0.0, 1.0, df).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - ALPHA_REGULAR));
            // A deviation from few gaps is itself uncertain by about this much.
            let reach = t * (variance * (1.0 + 1.0 / n) + 1.0 / (2.0 * (own - 1.0))).sqrt();
            let usual = known.mean.exp();
            let limit = (known.mean - reach).exp().min(REGULAR_SHARE * usual);
            let share = spread.deviation() / limit;
            if worst.as_ref().is_none_or(|(least, _)| share < *least) {
                let detail = format!(
                    "{} gaps from {before} to {label} vary by {:.3}, usually by {usual:.3}; below {limit:.3} is too regular",
                    spread.n,
                    spread.deviation()
                );
                worst = Some((share, detail));
            }
        }
        match worst {
            Some((share, detail)) => Said::of(share < 1.0, detail),
            None if held_up => {
                let lag = self.run.live.held_up;
                Said::unknown(format!("this machine woke up to {lag} late, which brings gaps together"))
            }
            None => Said::unknown(format!("{judged} kinds of gaps come 8 times here and in 5 recordings")),
        }
    }

    pub(super) fn echo(&self, seen: &Seen) -> Said {
        let traces = self.traces();
        if traces.texts_sent == 0 || seen.texts_sent == 0 {
            return Said::unknown("the client sends no text");
        }
        let is_new = |place: &&u64| self.known.contains(*place) && !seen.echoes.contains(self.name(place));
        let found = traces.echoes.iter().filter(|(place, _)| is_new(place)).min_by_key(|(_, frame)| **frame);
        let detail = match found {
            Some((place, _)) => {
                format!("{} repeats the client's own words, unlike all recordings", self.name(place))
            }
            None => format!(
                "{} of the client, none repeated at a new place",
                many(traces.texts_sent as usize, "text", "texts")
            ),
        };
        Said::of(found.is_some(), detail).frames(found.map(|(_, frame)| *frame))
    }

    pub(super) fn work_time(&self) -> Said {
        let mut judged = Vec::new();
        for ((after, label), (gap, frame)) in &self.run.live.work {
            let timing = self.golden.event(label).and_then(|e| e.timing.iter().find(|t| t.after == *after));
            let Some(timing) = timing.filter(|t| t.fastest >= MIN_WORK && t.runs >= MIN_RUNS) else {
                continue;
            };
            let is_none = gap.as_nanos().saturating_mul(WORK_FACTOR) < timing.fastest.as_nanos();
            let detail = format!(
                "{label} came {gap} after {after}, never sooner than {} in recordings",
                timing.fastest
            );
            judged.push((is_none, *frame, detail));
        }
        let worst = judged.iter().find(|(is_none, _, _)| *is_none).or(judged.first());
        match worst {
            Some((is_none, frame, detail)) => Said::of(*is_none, detail.clone()).frames([*frame]),
            None => Said::unknown("nothing that always takes 5 ms or more follows what the client sends"),
        }
    }

    pub(super) fn nonce(&self) -> Said {
        let live = self.run.live;
        if nonces(self.golden).is_empty() {
            return Said::unknown("the client sends no {{nonce}} or {{uuid}} that the server repeats").hint(
                "let the script send one, e.g. nonce = \"{{nonce}}\", where the server answers with it",
            );
        }
        if live.answered == 0 && live.misanswered.is_empty() {
            return Said::unknown("no answer to what the client made up came");
        }
        let detail = format!(
            "{} of {} answers repeat what the client made up for this run",
            live.answered,
            live.answered as usize + live.misanswered.len()
        );
        Said::of(!live.misanswered.is_empty(), detail).frames(live.misanswered.iter().copied())
    }
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
