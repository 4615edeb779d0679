//! Did a real server answer, or were the answers canned?
//!
//! Each [`LiveItem`] is a question; no one of them proves anything by itself, and a player that makes up new ids and
//! varies its pauses passes them all. What is not known never fails.

use super::binding::Path;
use crate::dialect::{Event, Label};
use crate::finding::{Answer, Finding, Kind, LiveCheck, Place, Severity};
use crate::golden::{Fact, Golden, LiveItem, MIN_RUNS, Rule, Seen, Source, Traces, Type};
use crate::stats::{FastMap, PRIOR_DF, fingerprint};
use crate::template::Template;
use crate::transcript::{Ending, Gap, Header, Offset};
use serde_json::Value;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};
use std::collections::{BTreeMap, BTreeSet};

/// Shorter gaps are alike because messages came together, or because each turn of a loop computes the same; who plays a
/// transcript sleeps for longer.
const MIN_REGULAR: Gap = Gap::from_millis(5);
/// So many values that came before are no accident.
const MIN_REUSED: usize = 2;
/// A shorter text may be the same by chance, in bytes.
const MIN_TEXT: usize = 40;
/// So many gaps of a kind say something of how they vary.
const MIN_GAPS: u32 = 8;
/// A session that is over sooner is over in the same way each time.
const MIN_SPAN: Gap = Gap::from_millis(100);
/// Arrivals nearer than this are the same.
const SAME_ARRIVAL: Gap = Gap::from_millis(3);
/// Recordings that come nearer to each other than this are no measure for another.
const APART: Gap = Gap::from_millis(12);
/// 2.2 of 50 ms would be 4.4 %; twice that allows for servers that poll.
const ROUND_RATE: f64 = 0.088;
const ALPHA_ROUND: f64 = 1e-7;
const ALPHA_REGULAR: f64 = 1e-5;
/// Gaps that vary at least this much as usual are not suspicious, whatever the limit says.
const REGULAR_SHARE: f64 = 0.35;
/// How much the logarithm of a spread usually varies from run to run.
const PRIOR_REGULAR: f64 = 0.25;
/// Work that takes less than this may take next to nothing another time.
const MIN_WORK: Gap = Gap::from_millis(5);
/// An answer so many times faster than the fastest recorded did no work.
const WORK_FACTOR: u64 = 5;

/// What one run showed of liveness.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Live {
    traces: Traces,
    /// By the client's event and the server's first one after it: the slowest answer and its frame.
    work: BTreeMap<(Label, Label), (Gap, usize)>,
    /// Values the client made up for this run: how many came back, and the frames in which another did.
    answered: u32,
    misanswered: Vec<usize>,
    /// The longest that this machine itself was held up.
    held_up: Gap,
}

/// A run, known by its header, and what it showed.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'w> {
    /// Which run.
    pub header: &'w Header,
    /// When it ended.
    pub ended: Offset,
    /// What it showed.
    pub live: &'w Live,
}

/// Collects what one run shows.
#[derive(Debug)]
pub(super) struct Watch {
    live: Live,
    /// The server's events that are timed from one of the client's.
    worked: FastMap<Label, Vec<Label>>,
    sent: FastMap<Label, Offset>,
    /// Where the server repeats what the client made up: event, path, and whence.
    nonces: Vec<(Label, Path, Source)>,
    made_up: BTreeMap<Source, Value>,
}

impl Watch {
    pub(super) fn new(golden: &Golden) -> Watch {
        let mut worked: FastMap<Label, Vec<Label>> = FastMap::default();
        for (label, event) in &golden.events {
            let causes = event.timing.iter().map(|timing| &timing.after).filter(|after| after.is_client());
            for after in causes {
                worked.entry(label.clone()).or_default().push(after.clone());
            }
        }
        Watch {
            live: Live { traces: Traces::with_texts_at(paths(golden, is_open)), ..Live::default() },
            worked,
            sent: FastMap::default(),
            nonces: nonces(golden)
                .into_iter()
                .map(|(label, path, source)| (label, Path::new(&path), source))
                .collect(),
            made_up: BTreeMap::new(),
        }
    }

    pub(super) fn feed(&mut self, event: &Event) {
        self.live.traces.feed(event);
        if event.label.is_client() {
            self.sent.insert(event.label.clone(), event.at);
            for (_, _, source) in self.nonces.iter().filter(|(_, _, source)| source.label == event.label) {
                if let Some(value) = event.data.pointer(&source.path) {
                    self.made_up.insert(source.clone(), value.clone());
                }
            }
            return;
        }
        for after in self.worked.get(&event.label).into_iter().flatten() {
            // Only the first event after it waits for it.
            let Some(then) = self.sent.remove(after) else { continue };
            let gap = event.at.since(then);
            let slowest =
                self.live.work.entry((after.clone(), event.label.clone())).or_insert((gap, event.frame));
            if gap > slowest.0 {
                *slowest = (gap, event.frame);
            }
        }
        for (_, path, source) in self.nonces.iter().filter(|(label, _, _)| *label == event.label) {
            let Some(wanted) = self.made_up.get(source) else { continue };
            path.visit(&event.data, &mut |value| {
                if value == wanted {
                    self.live.answered += 1;
                } else if self.live.misanswered.len() < 16 {
                    self.live.misanswered.push(event.frame);
                }
            });
        }
    }

    pub(super) fn into_live(self, ending: &Ending) -> Live {
        let held_up = ending.host.map_or(Gap::ZERO, |host| host.lag_max);
        Live { held_up, ..self.live }
    }
}

/// Paths that repeat, by their facts, what a script fills in anew for each run.
fn nonces(golden: &Golden) -> Vec<(Label, String, Source)> {
    let mut found = Vec::new();
    for (label, event) in &golden.events {
        for (path, rule) in &event.shape {
            for fact in &rule.facts {
                let Fact::EchoOf(source) = fact else { continue };
                let sends = golden.event(&source.label).map_or(&[][..], |event| &event.sends);
                let is_new = sends.iter().any(|send| match send {
                    Template::Json(message) => message
                        .pointer(&source.path)
                        .map(|part| Template::Json(part.clone()).names())
                        .is_some_and(|names| names.iter().any(|name| name == "nonce" || name == "uuid")),
                    Template::Text(_) | Template::Binary(_) => false,
                });
                if is_new {
                    found.push((label.clone(), path.pattern.clone(), source.clone()));
                }
            }
        }
    }
    found
}

/// The fingerprints of the paths that the golden has a rule for, where it is one of these.
fn paths(golden: &Golden, is_wanted: impl Fn(&Rule) -> bool) -> BTreeSet<u64> {
    let rules = golden.events.iter().flat_map(|(label, event)| event.shape.iter().map(move |it| (label, it)));
    rules
        .filter(|(_, (_, rule))| is_wanted(rule))
        .map(|(label, (path, _))| fingerprint(&format!("{}{}", label.as_str(), path.pattern)))
        .collect()
}

/// Whether a text may be something else than one of a few.
fn is_open(rule: &Rule) -> bool {
    rule.types.iter().any(|kind| matches!(kind, Type::Text | Type::String))
}

/// Answers all questions for one run. `others` are runs of the same check; those by other users that were over before
/// this one began must not share its ids.
pub fn judge(
    golden: &Golden,
    seen: Option<&Seen>,
    run: Witness<'_>,
    others: &[Witness<'_>],
) -> Vec<LiveCheck> {
    let (known, open) = (paths(golden, |_| true), paths(golden, is_open));
    let own = crate::golden::recording_id(run.header);
    let names = run.live.traces.names();
    let judge = Judge { golden, run, others, own, known, open, names };
    let class = run.header.host.as_ref().map(|host| &host.class);
    let is_elsewhere = class.is_none_or(|class| !golden.learned.hosts.contains(class));
    LiveItem::ALL
        .into_iter()
        .map(|item| {
            let said = match (item, seen) {
                (item, _) if is_elsewhere && reads_times(item) => Said::unknown(OTHER_HOSTS),
                (LiveItem::WorkTime, _) => judge.work_time(),
                (LiveItem::Nonce, _) => judge.nonce(),
                (_, None) => Said::unknown("no record of what was seen before").hint(
                    "`goldwire learn` writes it beside the golden, `goldwire accept` puts it in its place",
                ),
                (LiveItem::Ids, Some(seen)) => judge.ids(seen),
                (LiveItem::Texts, Some(seen)) => judge.texts(seen),
                (LiveItem::Timeline, Some(seen)) => judge.timeline(seen),
                (LiveItem::RoundGaps, Some(seen)) => judge.round_gaps(seen),
                (LiveItem::TooRegular, Some(seen)) => judge.too_regular(seen),
                (LiveItem::Echo, Some(seen)) => judge.echo(seen),
            };
            let Said { answer, detail, hint, frames } = said;
            let is_required = golden.require_live.contains(&item);
            LiveCheck { item, answer, detail, hint, is_required, frames }
        })
        .collect()
}

/// Why what reads times is not known: gaps vary as much as they do on the hosts of the recordings, and nowhere else.
pub const OTHER_HOSTS: &str = "recorded on other hosts";

/// Whether a question is about how long things take.
fn reads_times(item: LiveItem) -> bool {
    match item {
        LiveItem::Timeline | LiveItem::RoundGaps | LiveItem::TooRegular | LiveItem::WorkTime => true,
        LiveItem::Ids | LiveItem::Texts | LiveItem::Echo | LiveItem::Nonce => false,
    }
}

/// The findings that follow from what is required.
pub fn findings(golden: &Golden, checks: &[LiveCheck]) -> Vec<Finding> {
    let failed = checks.iter().filter(|check| check.is_required && check.answer == Answer::Fail);
    failed
        .map(|check| {
            let name = check.item.name();
            let place = Place {
                event: Label::from(format!("@{name}").as_str()),
                lane: None,
                path: None,
                key: "require_live".to_owned(),
                golden_line: golden.place(["require_live"]),
                frames: check.frames.clone(),
            };
            Finding::new(Kind::Canned, Severity::Deviation, place, format!("{name}: {}", check.detail))
                .evidence("the golden requires a live server")
                .hint("something plays a transcript: a stub, a recording proxy, a cache in front of the server?")
        })
        .collect()
}

struct Said {
    answer: Answer,
    detail: String,
    hint: Option<String>,
    frames: Vec<usize>,
}

impl Said {
    fn unknown(detail: impl Into<String>) -> Said {
        Said { answer: Answer::Unknown, detail: detail.into(), hint: None, frames: Vec::new() }
    }

    fn of(fails: bool, detail: String) -> Said {
        let answer = if fails { Answer::Fail } else { Answer::Pass };
        Said { answer, detail, hint: None, frames: Vec::new() }
    }

    fn hint(mut self, hint: &str) -> Said {
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

struct Judge<'j> {
    golden: &'j Golden,
    run: Witness<'j>,
    others: &'j [Witness<'j>],
    own: &'j str,
    /// Paths that the golden knows.
    known: BTreeSet<u64>,
    /// Paths whose texts are not one of a few.
    open: BTreeSet<u64>,
    /// What the fingerprints of this run's paths stand for.
    names: BTreeMap<u64, String>,
}

impl Judge<'_> {
    fn traces(&self) -> &Traces {
        &self.run.live.traces
    }

    fn name(&self, place: &u64) -> &str {
        self.names.get(place).map_or("?", String::as_str)
    }

    fn ids(&self, seen: &Seen) -> Said {
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

    fn texts(&self, seen: &Seen) -> Said {
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
                format!("all that {path} says is what it says in recording {recording}")
            }
            None => format!("{} unlike any recorded", many(judged.len(), "text", "texts")),
        };
        Said::of(same.is_some(), detail)
    }

    fn timeline(&self, seen: &Seen) -> Said {
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

    fn round_gaps(&self, seen: &Seen) -> Said {
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

    fn too_regular(&self, seen: &Seen) -> Said {
        let (mut judged, mut held_up) = (0, false);
        let mut worst: Option<(f64, String)> = None;
        for ((before, label), spread) in self.traces().spreads() {
            let Some(known) = seen.regular.get(&(before.clone(), label.clone())) else { continue };
            // Gaps that have all but vanished are alike because they came in one burst, not because they are played.
            if spread.n < MIN_GAPS || known.runs < MIN_RUNS || spread.typical() < MIN_REGULAR {
                continue;
            }
            // What came while this machine was held up was all stamped together when it went on.
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
            // A deviation from few gaps is itself uncertain, by about this much.
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

    fn echo(&self, seen: &Seen) -> Said {
        let traces = self.traces();
        if traces.texts_sent == 0 || seen.texts_sent == 0 {
            return Said::unknown("the client says nothing in words");
        }
        let is_new = |place: &&u64| self.known.contains(*place) && !seen.echoes.contains(self.name(place));
        let found = traces.echoes.iter().filter(|(place, _)| is_new(place)).min_by_key(|(_, frame)| **frame);
        let detail = match found {
            Some((place, _)) => {
                format!("{} repeats the client's own words, as it never did", self.name(place))
            }
            None => format!(
                "{} of the client, none repeated at a new place",
                many(traces.texts_sent as usize, "text", "texts")
            ),
        };
        Said::of(found.is_some(), detail).frames(found.map(|(_, frame)| *frame))
    }

    fn work_time(&self) -> Said {
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

    fn nonce(&self) -> Said {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Checker;
    use crate::golden::{Prints, Regular};
    use crate::transcript::{End, Ending, HostClass, Side};
    use serde_json::json;

    const GOLDEN: &str = r#"
        goldwire = 1
        order = "hello ; >ask ; start ; token* ; done"
        require_live = ["ids", "texts"]
        [learned]
        hosts = ["linux-x86_64-2c-none-1u-000000"]
        [event.ask]
        send = { type = "ask", nonce = "{{nonce}}", text = "How far is the moon in miles?" }
        [event.hello.shape]
        "/user" = "id(usr_ 12)"
        [event.start]
        timing = { after = ">ask", usual = "60 ms", fastest = "50 ms", samples = 20, runs = 20 }
        [event.start.shape]
        "/run" = "id(run_ 12)"
        "/call" = "id(call_ 12)"
        "/nonce" = "text, echo of >ask/nonce"
        [event.token]
        timing = { after = "token", usual = "28 ms", fastest = "20 ms", samples = 240, runs = 20 }
        [event.token.shape]
        "/text" = "text"
        [event.done.shape]
        "/at" = "timestamp"
    "#;

    /// What a session may do otherwise than the usual one.
    /// Where recordings were made.
    const HOST: &str = "linux-x86_64-2c-none-1u-000000";

    #[test]
    fn on_other_hosts_what_reads_times_is_not_known_and_fails_nothing() {
        let golden = golden();
        let mut plan = plan(3);
        plan.gaps = vec![50; 12];
        plan.work = 1;
        let answers = |played: &Played| -> Vec<(LiveItem, Answer)> {
            let seen = seen(&golden);
            let checks = judge(&golden, Some(&seen), played.witness(), &[]);
            checks.into_iter().filter(|check| reads_times(check.item)).map(|c| (c.item, c.answer)).collect()
        };
        let mut played = play(&golden, &plan);
        assert!(answers(&played).iter().any(|(_, answer)| *answer == Answer::Fail), "at home it is seen");
        for host in [
            None,
            Some(HostClass { class: "linux-aarch64-4c-none-1u-000000".to_owned(), ..HostClass::default() }),
        ] {
            played.header.host = host;
            assert!(answers(&played).iter().all(|(_, answer)| *answer == Answer::Unknown));
        }
    }

    #[derive(Clone)]
    struct Plan {
        run: u64,
        user: &'static str,
        work: u64,
        /// Milliseconds before each token.
        gaps: Vec<u64>,
        text: String,
        nonce: &'static str,
    }

    fn plan(run: u64) -> Plan {
        let gaps = (0..12).map(|n| 20 + (n * n * 7 + run * 13 + n * run) % 31).collect();
        let text = format!("word{run} and so on ");
        Plan { run, user: "u1", work: 55, gaps, text, nonce: "nonce1" }
    }

    struct Played {
        header: Header,
        live: Live,
        ended: Offset,
    }

    fn play(golden: &Golden, plan: &Plan) -> Played {
        let mut checker = Checker::new(golden);
        let mut now = 0;
        let mut say = |step: u64, label: &str, data: Value| {
            now += step * 1_000_000;
            let at = Offset::from_nanos(now);
            checker.event(&Event { label: Label::from(label), at, frame: 0, conn: 0, data });
        };
        let run = plan.run;
        say(1, "hello", json!({ "user": format!("usr_00000000{:04}", run % 3) }));
        say(1, ">ask", json!({ "nonce": "nonce1", "text": "How far is the moon in miles?" }));
        say(
            plan.work,
            "start",
            json!({ "run": format!("run_12345678{run:04}"), "call": format!("call_12345678{run:04}"), "nonce": plan.nonce }),
        );
        for gap in &plan.gaps {
            say(*gap, "token", json!({ "text": plan.text }));
        }
        say(1, "done", json!({ "at": format!("2026-11-22T12:00:00.{run:06}Z") }));
        let ended = Offset::from_nanos(now);
        let how = End::Closed { by: Side::Client, code: 1000, reason: String::new() };
        let live = checker.finish(&Ending { at: ended, how, host: None }).live;
        let header = Header {
            id: format!("r{run}"),
            started: format!("2026-11-22T12:{run:02}:00Z"),
            user: plan.user.to_owned(),
            host: Some(HostClass { class: HOST.to_owned(), ..HostClass::default() }),
            ..Header::default()
        };
        Played { header, live, ended }
    }

    impl Played {
        fn witness(&self) -> Witness<'_> {
            Witness { header: &self.header, ended: self.ended, live: &self.live }
        }
    }

    fn golden() -> Golden {
        crate::golden::read("g.toml", GOLDEN).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What ten recordings showed.
    fn seen(golden: &Golden) -> Seen {
        let mut seen = Seen {
            recordings: 10,
            users: 2,
            same_user: true,
            stale: BTreeSet::from(["hello/user".to_owned()]),
            texts_sent: 10,
            ..Seen::default()
        };
        for run in 1..=10 {
            let traces = play(golden, &plan(run)).live.traces;
            let text = traces.texts()[&fingerprint("token/text")].fingerprint();
            let of = |id: &str| fingerprint(&format!("{id}_12345678{run:04}"));
            let prints = Prints {
                ids: BTreeSet::from([of("run"), of("call")]),
                times: traces.times.keys().copied().collect(),
                texts: BTreeMap::from([("token/text".to_owned(), text)]),
                timeline: Some(traces.timeline),
            };
            seen.only.insert(format!("r{run}"), prints);
        }
        let class = (Label::from("token"), Label::from("token"));
        seen.regular.insert(class, Regular { runs: 10, mean: (0.3f64).ln(), sd: 0.1 });
        seen
    }

    fn answer(plan: &Plan, seen: Option<&Seen>, item: LiveItem) -> (Answer, String) {
        let golden = golden();
        let played = play(&golden, plan);
        let checks = judge(&golden, seen, played.witness(), &[]);
        let check = checks.into_iter().find(|check| check.item == item).expect("every item is answered");
        (check.answer, check.detail)
    }

    #[track_caller]
    fn answers(plan: &Plan, seen: &Seen, item: LiveItem, wanted: Answer) {
        let (answer, detail) = answer(plan, Some(seen), item);
        assert_eq!(answer, wanted, "{}: {detail}", item.name());
    }

    use Answer::{Fail, Pass, Unknown};

    #[test]
    fn a_new_session_passes_and_a_recording_is_not_held_against_itself() {
        let seen = seen(&golden());
        for run in [11, 12, 3] {
            for item in LiveItem::ALL {
                let wanted = if item == LiveItem::RoundGaps { Unknown } else { Pass };
                answers(&plan(run), &seen, item, wanted);
            }
        }
    }

    #[test]
    fn without_a_record_what_needs_one_is_unknown_and_says_how_to_get_it() {
        for item in LiveItem::ALL {
            let wanted = if [LiveItem::WorkTime, LiveItem::Nonce].contains(&item) { Pass } else { Unknown };
            assert_eq!(answer(&plan(11), None, item).0, wanted, "{}", item.name());
        }
        let golden = golden();
        let checks = judge(&golden, None, play(&golden, &plan(11)).witness(), &[]);
        assert!(checks[0].hint.as_ref().is_some_and(|hint| hint.contains("goldwire learn")), "{checks:?}");
    }

    #[test]
    fn a_recording_that_is_played_again_shows_in_ids_texts_and_timeline() {
        let golden = golden();
        let mut played = play(&golden, &plan(3));
        played.header.id = "played".to_owned();
        let seen = seen(&golden);
        let checks = judge(&golden, Some(&seen), played.witness(), &[]);
        let failed: Vec<LiveItem> =
            checks.iter().filter(|check| check.answer == Fail).map(|check| check.item).collect();
        assert_eq!(failed, [LiveItem::Ids, LiveItem::Texts, LiveItem::Timeline]);
        assert!(
            checks[0].detail.contains("3 of 3 ids and times") && checks[0].detail.contains("recording r3")
        );
        // Only what is required becomes a finding.
        let findings = findings(&golden, &checks);
        let named: Vec<&str> = findings.iter().map(|finding| finding.place.event.as_str()).collect();
        assert_eq!(named, ["@ids", "@texts"]);
        assert!(
            findings.iter().all(|f| f.kind.family() == "liveness" && f.place.golden_line == Some((4, 9)))
        );
    }

    #[test]
    fn ids_of_an_earlier_run_of_another_user_are_those_of_a_player() {
        let golden = golden();
        let seen = Seen { only: BTreeMap::new(), ..seen(&golden) };
        let first = play(&golden, &plan(1));
        let mut second = play(&golden, &plan(1));
        second.header.started = "2026-11-22T12:30:00Z".to_owned();
        let ids = |second: &Played| {
            let all = [first.witness(), second.witness()];
            judge(&golden, Some(&seen), second.witness(), &all)[0].answer
        };
        assert_eq!(ids(&second), Pass, "the same user may have come back");
        second.header.user = "u2".to_owned();
        assert_eq!(ids(&second), Fail);
        second.header.started.clone_from(&first.header.started);
        assert_eq!(ids(&second), Pass, "users who are there at once may see the same");
    }

    #[test]
    fn what_cannot_be_known_from_the_recordings_is_unknown() {
        let seen = seen(&golden());
        let same = Plan { run: 3, user: "u9", ..plan(3) };
        answers(&same, &Seen { same_user: false, ..seen.clone() }, LiveItem::Ids, Unknown);
        let near = Seen { nearest: Some(Gap::from_millis(5)), ..seen.clone() };
        answers(&same, &near, LiveItem::Timeline, Unknown);
        let mut few = seen.clone();
        few.only.retain(|id, _| ["r1", "r2"].contains(&id.as_str()));
        answers(&same, &few, LiveItem::Texts, Unknown);
        answers(&same, &Seen { regular: BTreeMap::new(), ..seen.clone() }, LiveItem::TooRegular, Unknown);
        answers(&same, &Seen { texts_sent: 0, ..seen.clone() }, LiveItem::Echo, Unknown);
        let short = Plan { gaps: vec![30; 3], ..plan(11) };
        answers(&short, &seen, LiveItem::Timeline, Unknown);
        answers(&short, &seen, LiveItem::TooRegular, Unknown);
    }

    #[test]
    fn sleeps_of_fifty_milliseconds_are_round_unless_recordings_had_them() {
        let mut seen = seen(&golden());
        let asleep = Plan { gaps: (0..12).map(|n| 50 + n % 3).collect(), ..plan(11) };
        answers(&asleep, &seen, LiveItem::RoundGaps, Fail);
        let slow = Plan { gaps: (0..12).map(|n| 53 + n * 3).collect(), ..plan(11) };
        answers(&slow, &seen, LiveItem::RoundGaps, Pass);
        (seen.long_gaps, seen.round_gaps) = (100, 90);
        answers(&asleep, &seen, LiveItem::RoundGaps, Pass);
    }

    #[test]
    fn gaps_that_hardly_vary_are_too_regular() {
        let seen = seen(&golden());
        let steady = Plan { gaps: (0..12).map(|n| 30 + n % 2).collect(), ..plan(11) };
        answers(&steady, &seen, LiveItem::TooRegular, Fail);
        // A third of the usual spread is still within what the few recordings allow.
        let calm = Plan { gaps: (0..12).map(|n| 27 + n % 7).collect(), ..plan(11) };
        answers(&calm, &seen, LiveItem::TooRegular, Pass);
        // What comes in one burst is alike without being played.
        answers(&Plan { gaps: vec![0; 12], ..plan(11) }, &seen, LiveItem::TooRegular, Unknown);
        // What a machine that was held up stamps all together is no regularity of the server's.
        let golden = golden();
        let mut together = play(&golden, &Plan { gaps: vec![6; 12], ..plan(11) });
        for (lag, wanted) in [(100, Fail), (400, Unknown)] {
            together.live.held_up = Gap::from_millis(lag);
            let checks = judge(&golden, Some(&seen), together.witness(), &[]);
            let check = checks.iter().find(|check| check.item == LiveItem::TooRegular).expect("it is asked");
            assert_eq!(check.answer, wanted, "{}", check.detail);
        }
    }

    #[test]
    fn the_clients_own_words_are_no_answer() {
        let mut seen = seen(&golden());
        let parrot = Plan { text: "How far is the moon in miles?".to_owned(), ..plan(11) };
        answers(&parrot, &seen, LiveItem::Echo, Fail);
        seen.echoes.insert("token/text".to_owned());
        answers(&parrot, &seen, LiveItem::Echo, Pass);
    }

    #[test]
    fn an_answer_without_work_and_one_to_another_are_seen() {
        let seen = seen(&golden());
        answers(&Plan { work: 9, ..plan(11) }, &seen, LiveItem::WorkTime, Fail);
        answers(&Plan { work: 11, ..plan(11) }, &seen, LiveItem::WorkTime, Pass);
        answers(&Plan { nonce: "nonce0", ..plan(11) }, &seen, LiveItem::Nonce, Fail);
    }
}
